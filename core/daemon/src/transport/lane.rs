//! How fast requests of one backend may follow each other: the configured rate, and what the system asked for.
//!
//! All times are of the monotonic clock. Sends nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portraitd_sdk::message::http::HttpReply;
use tokio::time::Instant;

/// The longest that a system's wish to be left alone is honoured. A day, as for whole deliveries.
const QUIET_AT_MOST: Duration = Duration::from_secs(24 * 3_600);

/// The way of one backend's requests.
#[derive(Debug)]
pub(crate) struct Lane {
    timeout: Duration,
    /// The time from one request to the next.
    interval: Duration,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    /// When the next request may leave by the rate.
    next: Instant,
    /// When the next may leave by the system's own word.
    quiet_until: Instant,
}

impl Lane {
    /// A lane whose requests may take `timeout` each, and leave `interval` apart.
    pub(crate) fn new(timeout: Duration, interval: Duration) -> Self {
        let now = Instant::now();
        Self { timeout, interval, times: Mutex::new(Times { next: now, quiet_until: now }) }
    }

    /// How long one request may take, its reply included.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Waits until the next request may leave, and takes that turn. A turn that is given up while it waits is not lost
    /// to others: it is taken at its end.
    pub(crate) async fn turn(&self) {
        while let Some(at) = self.try_turn(Instant::now()) {
            tokio::time::sleep_until(at).await;
        }
    }

    /// Takes a turn, or says when to try again.
    fn try_turn(&self, now: Instant) -> Option<Instant> {
        let mut times = self.times();
        let at = times.next.max(times.quiet_until);
        if at > now {
            return Some(at);
        }
        // A late request does not let the next one follow earlier: the rate holds for any stretch of time.
        times.next = now + self.interval;
        None
    }

    /// Leaves the system alone for so long: nothing leaves before.
    pub(crate) fn be_quiet(&self, wait: Duration) {
        let until = Instant::now() + wait.min(QUIET_AT_MOST);
        let mut times = self.times();
        times.quiet_until = times.quiet_until.max(until);
    }

    /// Takes note of what a reply asks for. `Retry-After` of other statuses is about that one request (RFC 9110,
    /// section 10.2.3, for 3xx) or about nothing.
    pub(crate) fn heard(&self, reply: &HttpReply) {
        if let (429 | 503, Some(wait)) = (reply.status, reply.retry_after_ms) {
            self.be_quiet(Duration::from_millis(wait));
        }
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn requests_leave_an_interval_apart_however_late_they_come() {
        let lane = Lane::new(SECOND, SECOND);
        let begun = Instant::now();
        let mut left = Vec::new();
        for pause in [0, 0, 5, 0] {
            tokio::time::sleep(SECOND * pause).await;
            lane.turn().await;
            left.push(begun.elapsed().as_secs());
        }
        assert_eq!(left, [0, 1, 6, 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_wait_leave_one_by_one() {
        let lane = Lane::new(SECOND, SECOND);
        let begun = Instant::now();
        futures_util::future::join_all((0..5).map(|_| lane.turn())).await;
        assert_eq!(begun.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_leaves_while_the_system_wants_to_be_left_alone() {
        let lane = Lane::new(SECOND, Duration::ZERO);
        let reply = |status, retry_after_ms| HttpReply { status, headers: vec![], blob: 0, retry_after_ms };
        let begun = Instant::now();
        lane.heard(&reply(301, Some(60_000)));
        lane.heard(&reply(503, Some(3_000)));
        lane.heard(&reply(429, Some(1_000)));
        lane.turn().await;
        assert_eq!(begun.elapsed().as_secs(), 3, "the longest counts");
    }
}
