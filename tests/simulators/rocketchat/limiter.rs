//! The rate limiter: so many calls for each route in a window, three headers on every reply, and the words of the refusal.
//! It knows no call.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    super::{
        faults::WAIT,
        reply::{Reply, Wait},
    },
    Profile,
    envelope::Failure,
};

pub(super) struct Limiter {
    calls: u32,
    window: Duration,
    routes: BTreeMap<String, Window>,
}

struct Window {
    count: u32,
    end: Instant,
    /// The same moment, in milliseconds since 1970.
    end_ms: u128,
}

/// What the limiter says to one call.
pub(super) struct Ruling {
    pub(super) allowed: bool,
    limit: u32,
    remaining: u32,
    end: Instant,
    end_ms: u128,
}

impl Limiter {
    pub(super) fn new(calls: u32, window: Duration) -> Self {
        Self { calls, window, routes: BTreeMap::new() }
    }

    /// Counts a call before anything is decided about it [BACKENDS 4e].
    pub(super) fn count(&mut self, route: &str) -> Ruling {
        let now = Instant::now();
        self.routes.retain(|_, window| window.end > now);
        let end = now + self.window;
        let fresh = || Window { count: 0, end, end_ms: epoch_ms(self.window) };
        let window = self.routes.entry(route.to_owned()).or_insert_with(fresh);
        window.count += 1;
        Ruling {
            allowed: window.count <= self.calls,
            limit: self.calls,
            remaining: self.calls.saturating_sub(window.count),
            end: window.end,
            end_ms: window.end_ms,
        }
    }
}

impl Ruling {
    /// The headers, which every reply carries [BACKENDS 4b].
    pub(super) fn put_on(&self, reply: Reply) -> Reply {
        reply
            .with("X-RateLimit-Limit", self.limit.to_string())
            .with("X-RateLimit-Remaining", self.remaining.to_string())
            .with("X-RateLimit-Reset", self.end_ms.to_string())
    }

    pub(super) fn refusal(&self, profile: Profile) -> Reply {
        let left = self.end.saturating_duration_since(Instant::now());
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        refusal(profile, seconds).telling(Wait::Until(self.end))
    }
}

/// A refusal that tells the wait only in `X-RateLimit-Reset`.
pub(super) fn refusal_by_header() -> Reply {
    let ruling = Ruling { allowed: false, limit: 10, remaining: 0, end: Instant::now() + WAIT, end_ms: epoch_ms(WAIT) };
    let failure = Failure::plain(429, "Error, too many requests. Please slow down. [error-too-many-requests]");
    ruling.put_on(failure.reply(Profile::V8)).telling(Wait::Until(ruling.end))
}

/// A refusal that tells the wait only in its text.
pub(super) fn refusal_by_text(profile: Profile) -> Reply {
    refusal(profile, WAIT.as_secs()).telling(Wait::For(WAIT))
}

/// 429 without `errorType`; about 0.74, 400 with it [BACKENDS 4b].
fn refusal(profile: Profile, seconds: u64) -> Reply {
    let text = format!(
        "Error, too many requests. Please slow down. You must wait {seconds} seconds before trying this endpoint again."
    );
    match profile {
        Profile::V0_68 => Failure::coded("error-too-many-requests", &text).reply(profile),
        _ => Failure::plain(429, &format!("{text} [error-too-many-requests]")).reply(profile),
    }
}

/// Rounded up, so that whoever keeps to the millisecond never comes before the moment that is meant.
fn epoch_ms(ahead: Duration) -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    (now + ahead).as_nanos().div_ceil(1_000_000)
}
