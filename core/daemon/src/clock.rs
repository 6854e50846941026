//! The time that decisions are made by: the wall clock at the start, and from then on time that only moves forward.
//!
//! A wall clock that is set while the daemon runs would make waits end at once or never. It is read once; what passed
//! since then comes from `CLOCK_BOOTTIME`, which no one can set and which counts a machine's sleep (clock_gettime(2)).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portraitd_reconcile::Time;
use rustix::time::{ClockId, clock_gettime};

/// A clock that was set when the process started. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Time,
    booted: Duration,
}

impl Clock {
    /// Reads the wall clock, once.
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Time::from_millis(0).after(wall), booted: since_boot() }
    }

    /// The time now.
    pub(crate) fn now(self) -> Time {
        self.started.after(since_boot().saturating_sub(self.booted))
    }
}

fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// A moment as people and programs read it: RFC 3339, UTC, to the millisecond.
pub(crate) fn rfc3339(time: Time) -> String {
    let moment = jiff::Timestamp::from_millisecond(time.as_millis());
    moment.map_or_else(|_| "unknown".into(), |moment| format!("{moment:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_as_rfc_3339() {
        assert_eq!(rfc3339(Time::from_millis(1_700_000_000_123)), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(Time::PAST), "unknown");
    }

    #[test]
    fn the_clock_moves_forward() {
        let clock = Clock::start();
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now() > before);
    }
}
