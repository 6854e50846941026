//! When to try again. Chance comes from a given seed, so that a simulation can be run again.

use std::time::Duration;

use crate::{BackendId, UserId};

const FIRST: Duration = Duration::from_secs(2);
const HOURLY: Duration = Duration::from_secs(3600);
const ABSENT: Duration = Duration::from_secs(4 * 3600);
const PROBED: Duration = Duration::from_secs(5 * 60);

/// No wait that was computed earlier is honoured beyond this: a clock that jumped back must not stop deliveries for years.
///
/// [`TOLD_AT_MOST`], and the jitter on top of it.
pub const MAX_WAIT: Duration = Duration::from_secs(27 * 3600);

/// The longest that a system may ask to be left alone.
pub const TOLD_AT_MOST: Duration = Duration::from_secs(24 * 3600);

/// A delivery that fails for this long deserves a person's attention; it is tried on, hourly.
pub const ALARM_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A number in `[0, 1)` that depends on nothing but its arguments (SplitMix64 over FNV-1a).
#[must_use]
pub fn jitter(seed: u64, user: Option<&UserId>, backend: &BackendId, attempts: u32) -> f64 {
    let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
    let user = user.map_or("", UserId::as_str);
    for byte in user.bytes().chain([0]).chain(backend.as_str().bytes()).chain(attempts.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let unit = ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
    unit
}

/// The wait after the `attempts`-th failure in a row, `attempts` >= 1.
///
/// Full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015) over 2 s, 6 s, 18 s, ... up to an hour; from
/// then on hourly, with a tenth of jitter so that what failed together does not come back together.
#[must_use]
pub fn backoff(attempts: u32, chance: f64) -> Duration {
    let ceiling = ceiling(attempts);
    if ceiling < HOURLY { full_jitter(ceiling, chance) } else { HOURLY.mul_f64(1.0 + chance / 10.0) }
}

/// The wait until a backend is probed again after the `failures`-th probe in vain: as [`backoff`], up to five minutes.
#[must_use]
pub fn probe_again(failures: u32, chance: f64) -> Duration {
    full_jitter(ceiling(failures).min(PROBED), chance)
}

fn ceiling(attempts: u32) -> Duration {
    FIRST.saturating_mul(3_u32.saturating_pow(attempts.saturating_sub(1)))
}

fn full_jitter(ceiling: Duration, chance: f64) -> Duration {
    ceiling.mul_f64(chance).max(Duration::from_millis(100))
}

/// How long a system is left alone that asked for `told`: up to a tenth longer, so that those who were told the same do
/// not come back together, and never less.
#[must_use]
pub fn rest(told: Duration, chance: f64) -> Duration {
    told + Duration::from_secs(1) + told.mul_f64(chance / 10.0)
}

/// The wait until a user who is unknown to a system is looked up again: four to six hours.
#[must_use]
pub fn absent_again(chance: f64) -> Duration {
    ABSENT.mul_f64(1.0 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend() -> BackendId {
        BackendId::parse("intranet").unwrap()
    }

    #[test]
    fn waits_grow_by_three_up_to_an_hour_and_then_stay() {
        let at_most = |attempts| backoff(attempts, 0.999_999).as_secs_f64().round() as u64;
        assert_eq!([1, 2, 3, 4, 5, 6].map(at_most), [2, 6, 18, 54, 162, 486]);
        assert_eq!(at_most(7), 1458);
        assert_eq!(at_most(8), 3960);
        assert_eq!(at_most(u32::MAX), 3960);
        assert_eq!(backoff(u32::MAX, 0.0), HOURLY);
    }

    #[test]
    fn a_rest_is_never_shorter_than_told_and_the_longest_is_no_wait_of_a_wrong_clock() {
        for told in [0, 1, 600, 86_400].map(Duration::from_secs) {
            assert!(rest(told, 0.0) > told && rest(told, 0.999) <= MAX_WAIT);
        }
    }

    #[test]
    fn equal_arguments_give_equal_chance_and_others_spread() {
        let users: Vec<_> = (0..1000).map(|n| UserId::parse(&format!("u{n}")).unwrap()).collect();
        let draws: Vec<f64> = users.iter().map(|user| jitter(7, Some(user), &backend(), 1)).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        let mean = draws.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "mean {mean}");
        assert_eq!(draws[3].to_bits(), jitter(7, Some(&users[3]), &backend(), 1).to_bits());
        assert_ne!(draws[3].to_bits(), jitter(8, Some(&users[3]), &backend(), 1).to_bits());
    }
}
