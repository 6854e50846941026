//! When an absence is proved, and when a person must agree first.
//!
//! An unmounted share looks like an empty folder. So a photo counts as taken away only when two complete scans of the
//! trusted folder, far enough apart, did not show it and the file system itself says that it is not there. And when
//! many vanish within a day, all removals wait for a person.

use std::time::Duration;

use crate::Time;

/// Whether a user still has a file in the folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// Yes, as far as is known.
    Here,
    /// A complete scan did not show one.
    Missing {
        /// When the first such scan ended.
        since: Time,
        /// A person has agreed that it may be missing.
        cleared: bool,
    },
    /// It is proved that there is none.
    Gone {
        /// When the first scan that did not show it ended.
        since: Time,
        /// A person has agreed to its removal.
        cleared: bool,
    },
}

impl Presence {
    /// What a complete scan that did not show the user's file makes of this.
    #[must_use]
    pub const fn missed(self, now: Time) -> Self {
        match self {
            Self::Here => Self::Missing { since: now, cleared: false },
            // The clock has been set back: the wait begins anew, or it would last until the old time comes again.
            Self::Missing { since, cleared } if since.as_millis() > now.as_millis() => {
                Self::Missing { since: now, cleared }
            }
            missed => missed,
        }
    }

    /// Whether the absence has lasted long enough to ask the file system itself.
    #[must_use]
    pub fn is_ripe(self, absence: Duration, now: Time) -> bool {
        matches!(self, Self::Missing { since, .. } if now.since(since) >= absence)
    }

    /// The file system has confirmed what the scans showed.
    #[must_use]
    pub const fn proved(self) -> Self {
        match self {
            Self::Missing { since, cleared } => Self::Gone { since, cleared },
            other => other,
        }
    }

    /// A person has agreed.
    #[must_use]
    pub const fn cleared(self) -> Self {
        match self {
            Self::Here => Self::Here,
            Self::Missing { since, .. } => Self::Missing { since, cleared: true },
            Self::Gone { since, .. } => Self::Gone { since, cleared: true },
        }
    }

    const fn uncleared_since(self) -> Option<Time> {
        match self {
            Self::Missing { since, cleared: false } | Self::Gone { since, cleared: false } => Some(since),
            _ => None,
        }
    }
}

/// How many photos may vanish within a day before removals wait for a person: `folder.brake`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Brake {
    /// Share of the known photos, 0 to 1. Three may always go.
    pub share: f64,
}

impl Brake {
    /// Whether so many absences are more than may go without a person.
    #[must_use]
    pub fn stops(self, presences: impl Iterator<Item = Presence>, now: Time) -> bool {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let (mut known, mut vanished) = (0_u32, 0_u32);
        for presence in presences {
            let recent = presence.uncleared_since().is_some_and(|since| now.since(since) <= DAY);
            vanished += u32::from(recent);
            known += u32::from(recent || presence == Presence::Here);
        }
        f64::from(vanished) > (self.share * f64::from(known)).max(3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(0);
    const ABSENCE: Duration = Duration::from_secs(600);

    fn later(seconds: u64) -> Time {
        NOW.after(Duration::from_secs(seconds))
    }

    fn stops(share: f64, here: usize, missing: usize) -> bool {
        let all = std::iter::repeat_n(Presence::Here, here);
        Brake { share }.stops(all.chain(std::iter::repeat_n(Presence::Here.missed(NOW), missing)), later(60))
    }

    #[test]
    fn one_scan_proves_nothing_and_two_close_ones_neither() {
        let missed = Presence::Here.missed(NOW);
        assert!(!missed.is_ripe(ABSENCE, NOW));
        assert!(!missed.missed(later(599)).is_ripe(ABSENCE, later(599)));
        assert!(missed.missed(later(600)).is_ripe(ABSENCE, later(600)));
        assert_eq!(missed.missed(later(600)).proved(), Presence::Gone { since: NOW, cleared: false });
        assert_eq!(Presence::Here.proved(), Presence::Here);
    }

    #[test]
    fn a_wait_that_began_in_the_future_begins_anew() {
        let missed = Presence::Here.missed(later(86_400)).missed(later(10));
        assert_eq!(missed, Presence::Missing { since: later(10), cleared: false });
        assert!(missed.is_ripe(ABSENCE, later(610)));
    }

    #[test]
    fn three_may_always_go_and_then_the_share_counts() {
        assert!(!stops(0.05, 1, 3));
        assert!(stops(0.05, 1, 4));
        assert!(!stops(0.05, 95, 5));
        assert!(stops(0.05, 94, 6));
        assert!(!stops(1.0, 0, 500));
    }

    #[test]
    fn absences_that_a_person_agreed_to_and_those_of_yesterday_do_not_brake() {
        let cleared = std::iter::repeat_n(Presence::Here.missed(NOW).cleared(), 50);
        assert!(!Brake { share: 0.0 }.stops(cleared, later(60)));
        let old = std::iter::repeat_n(Presence::Here.missed(NOW).proved(), 50);
        assert!(!Brake { share: 0.0 }.stops(old, later(90_000)));
    }
}
