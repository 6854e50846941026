//! Whether a backend may be given work: all at once, one alone, or none.
//!
//! Wrong credentials would fail every delivery of a backend, so one goes first and alone, and only its success lets
//! the others go. So a mistake in the settings costs one request, and no user's attempts.

use std::time::Duration;

use crate::{Time, Verdict};

/// How often a held backend is probed.
pub const PROBE_EVERY: Duration = Duration::from_secs(15 * 60);

/// Where a backend stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Nothing is known since the start: one goes first.
    Unproved,
    /// One is out, alone.
    Proving,
    /// The backend works.
    Open,
    /// Its credentials or settings are wrong; a person is wanted.
    Held {
        /// What it said.
        reason: String,
        /// When it is probed again.
        probe_at: Time,
    },
    /// One is out to see whether a held backend works again.
    HeldProving {
        /// What it said before.
        reason: String,
    },
    /// Its plugin cannot be used until the next start.
    Broken {
        /// Why.
        reason: String,
    },
}

impl Gate {
    /// Whether more than one delivery may be out.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether one may go out alone now.
    #[must_use]
    pub fn wants_probe(&self, now: Time) -> bool {
        match self {
            Self::Unproved => true,
            Self::Held { probe_at, .. } => *probe_at <= now,
            _ => false,
        }
    }

    /// When one may go out alone next, if only time is in the way.
    #[must_use]
    pub const fn probe_at(&self) -> Option<Time> {
        match self {
            Self::Held { probe_at, .. } => Some(*probe_at),
            _ => None,
        }
    }

    /// Why a person is wanted, if one is.
    #[must_use]
    pub const fn held(&self) -> Option<&String> {
        match self {
            Self::Held { reason, .. } | Self::HeldProving { reason } => Some(reason),
            _ => None,
        }
    }

    /// One goes out alone.
    pub fn send_probe(&mut self) {
        match std::mem::replace(self, Self::Proving) {
            Self::Held { reason, .. } | Self::HeldProving { reason } => *self = Self::HeldProving { reason },
            _ => {}
        }
    }

    /// The one that was out alone came back without having asked the backend.
    pub fn withdraw_probe(&mut self, now: Time) {
        match self {
            Self::Proving => *self = Self::Unproved,
            Self::HeldProving { reason } => *self = Self::Held { reason: std::mem::take(reason), probe_at: now },
            _ => {}
        }
    }

    /// A delivery or a probe came back.
    pub fn hear(&mut self, verdict: &Verdict, reason: &str, now: Time) {
        if verdict.holds_backend() {
            *self = Self::Held { reason: reason.to_owned(), probe_at: now.after(PROBE_EVERY) };
        } else if verdict.proves_backend() {
            if !matches!(self, Self::Broken { .. } | Self::Held { .. }) {
                *self = Self::Open;
            }
        } else {
            match self {
                Self::Proving => *self = Self::Unproved,
                Self::HeldProving { reason } => {
                    *self = Self::Held { reason: std::mem::take(reason), probe_at: now.after(PROBE_EVERY) };
                }
                _ => {}
            }
        }
    }

    /// A person says that it is mended. Says whether that changes anything.
    pub fn release(&mut self) -> bool {
        let held = matches!(self, Self::Held { .. });
        if held {
            *self = Self::Unproved;
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(0);

    #[test]
    fn a_refused_credential_holds_until_a_probe_succeeds() {
        let mut gate = Gate::Unproved;
        gate.send_probe();
        assert!(!gate.wants_probe(NOW), "one is out already");
        gate.hear(&Verdict::Auth, "wrong token", NOW);
        assert_eq!(gate.held().unwrap(), "wrong token");
        assert!(!gate.wants_probe(NOW));
        let later = NOW.after(PROBE_EVERY);
        assert!(gate.wants_probe(later));
        gate.send_probe();
        assert_eq!(gate.held().unwrap(), "wrong token");
        gate.hear(&Verdict::Retry, "timeout", later);
        assert!(gate.held().is_some(), "an outage proves nothing");
        assert!(gate.release());
        gate.send_probe();
        gate.hear(&Verdict::UserAbsent, "", later);
        assert!(gate.is_open());
    }

    #[test]
    fn a_late_success_does_not_open_a_backend_that_was_held_since() {
        let mut gate = Gate::Open;
        gate.hear(&Verdict::Auth, "revoked", NOW);
        gate.hear(&Verdict::Changed, "", NOW);
        assert!(gate.held().is_some());
    }

    #[test]
    fn a_probe_that_asked_nothing_leaves_things_as_they_were() {
        let mut gate = Gate::Unproved;
        gate.send_probe();
        gate.withdraw_probe(NOW);
        assert_eq!(gate, Gate::Unproved);
    }
}
