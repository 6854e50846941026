//! Chance for the stories that kill: seeded, so that a failure can be repeated, and as long as a person asks for.

use std::env;

/// A small generator of pseudo-random numbers (xorshift64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// How many kills a sweep makes: so many, or `PORTRAITD_KILLS`.
pub(crate) fn kills(quick: u64) -> u64 {
    env::var("PORTRAITD_KILLS").map_or(quick, |kills| kills.parse().expect("a number of kills"))
}

/// The seed of a sweep: `PORTRAITD_SEED`, where it is set. Whoever uses it prints it.
pub(crate) fn seed() -> u64 {
    env::var("PORTRAITD_SEED").map_or(0x0bad_5eed, |seed| seed.parse().expect("a number"))
}
