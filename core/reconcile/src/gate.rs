//! Whether a backend may be given work: all at once, one alone, or none.
//!
//! Wrong credentials would fail every delivery of a backend, and so would a system that cannot be reached. So after a
//! start one goes first and alone, and only its success lets the others go; and when nothing reaches the system any
//! more, it is so again. A mistake in the settings costs one request, an outage a few, and neither costs the users who
//! wait an attempt.

use std::time::Duration;

use crate::{Outcome, Time, probe_again};

/// How often a held backend is probed.
pub const PROBE_EVERY: Duration = Duration::from_secs(15 * 60);

/// So many attempts in a row that did not reach the system open the circuit.
pub(crate) const UNREACHED_AT_MOST: u32 = 5;

/// Where a backend stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Gate {
    /// The backend works: as many may be out as it takes.
    Open {
        /// How many attempts in a row have not reached it.
        unreached: u32,
    },
    /// One goes alone, and only its success lets the others go.
    Shut {
        /// Why it is so.
        why: Why,
        /// Where the one is.
        probe: Probe,
        /// How many went alone in vain, one after the other.
        failed: u32,
    },
    /// Its plugin cannot be used until the next start.
    Broken {
        /// Why.
        reason: String,
    },
}

/// Why only one goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// Nothing is known since the start, or since a person has said that it is mended.
    Unproved,
    /// The system cannot be reached. That is not written down, unlike [`Why::Held`]: each start proves every backend
    /// anyway.
    Down {
        /// What came in place of an answer.
        reason: String,
    },
    /// Its credentials or settings are wrong; a person is wanted.
    Held {
        /// What it said.
        reason: String,
    },
}

/// The one that goes alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    /// It may go from this moment on.
    From(Time),
    /// It is out.
    Out,
}

impl Gate {
    /// Nothing is known: one goes first, at once.
    pub(crate) const fn unproved() -> Self {
        Self::Shut { why: Why::Unproved, probe: Probe::From(Time::PAST), failed: 0 }
    }

    /// A person is wanted, and one goes from `from` on.
    pub(crate) const fn held(reason: String, from: Time) -> Self {
        Self::Shut { why: Why::Held { reason }, probe: Probe::From(from), failed: 0 }
    }

    /// Whether more than one delivery may be out.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Whether nothing is known of it since the start.
    pub(crate) const fn is_unproved(&self) -> bool {
        matches!(self, Self::Shut { why: Why::Unproved, .. })
    }

    /// Whether the one that goes alone is out.
    pub(crate) const fn is_probing(&self) -> bool {
        matches!(self, Self::Shut { probe: Probe::Out, .. })
    }

    /// Whether one may go out alone now.
    pub(crate) fn wants_probe(&self, now: Time) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// When one may go out alone next, if only time is in the way.
    pub(crate) const fn probe_at(&self) -> Option<Time> {
        match self {
            Self::Shut { probe: Probe::From(at), .. } => Some(*at),
            _ => None,
        }
    }

    /// Why a person is wanted, if one is.
    pub(crate) const fn why_held(&self) -> Option<&String> {
        match self {
            Self::Shut { why: Why::Held { reason }, .. } => Some(reason),
            _ => None,
        }
    }

    /// Why nothing can be sent, if the system cannot be reached or the plugin cannot be used.
    pub(crate) const fn why_down(&self) -> Option<&String> {
        match self {
            Self::Shut { why: Why::Down { reason }, .. } | Self::Broken { reason } => Some(reason),
            _ => None,
        }
    }

    /// One goes out alone.
    pub(crate) const fn send_probe(&mut self) {
        if let Self::Shut { probe, .. } = self {
            *probe = Probe::Out;
        }
    }

    /// The one that was out alone came back without having asked the backend.
    pub(crate) const fn withdraw_probe(&mut self) {
        if let Self::Shut { probe: probe @ Probe::Out, .. } = self {
            *probe = Probe::From(Time::PAST);
        }
    }

    /// A delivery came back. `chance` in `[0, 1)` spreads the waits.
    pub(crate) fn hear(&mut self, outcome: &Outcome, now: Time, chance: f64) {
        if outcome.verdict.holds_backend() {
            *self = Self::held(outcome.reason.clone(), now.after(PROBE_EVERY));
        } else if outcome.verdict.proves_backend() {
            self.prove();
        } else if outcome.unreachable {
            self.miss(&outcome.reason, now, chance);
        } else {
            self.answer(now);
        }
    }

    /// A probe came back. A delivery that fails waits by itself, and another user's may go next; a probe that fails has
    /// no wait of its own.
    pub(crate) fn hear_probe(&mut self, outcome: &Outcome, now: Time, chance: f64) {
        let failures = self.failures();
        self.hear(outcome, now, chance);
        if let Self::Shut { why: Why::Unproved, probe, failed } = self {
            *failed = failures + 1;
            *probe = Probe::From(now.after(probe_again(*failed, chance)));
        }
    }

    /// How many went alone in vain, one after the other.
    pub(crate) const fn failures(&self) -> u32 {
        match self {
            Self::Shut { failed, .. } => *failed,
            _ => 0,
        }
    }

    /// A person says that it is mended. Says whether that changes anything.
    pub(crate) fn release(&mut self) -> bool {
        let waits = self.probe_at().is_some() && *self != Self::unproved();
        if waits {
            *self = Self::unproved();
        }
        waits
    }

    /// It works. A success that was on its way when the backend was held says nothing about what it was held for.
    fn prove(&mut self) {
        let is_late = self.why_held().is_some() && !self.is_probing();
        if !is_late && !matches!(self, Self::Broken { .. }) {
            *self = Self::Open { unreached: 0 };
        }
    }

    /// Nothing came back. While nothing is known, one is enough: it has gone alone to find that out.
    fn miss(&mut self, reason: &str, now: Time, chance: f64) {
        match self {
            Self::Open { unreached } if *unreached + 1 < UNREACHED_AT_MOST => *unreached += 1,
            Self::Shut { why: Why::Held { .. }, probe: probe @ Probe::Out, .. } => {
                *probe = Probe::From(now.after(PROBE_EVERY));
            }
            Self::Open { .. } | Self::Shut { probe: Probe::Out, .. } => {
                let failed = self.failures() + 1;
                let probe = Probe::From(now.after(probe_again(failed, chance)));
                *self = Self::Shut { why: Why::Down { reason: reason.to_owned() }, probe, failed };
            }
            // It was on its way when the others were told to wait.
            Self::Shut { .. } | Self::Broken { .. } => {}
        }
    }

    /// The system has answered, but that proves nothing about the next delivery.
    fn answer(&mut self, now: Time) {
        match self {
            Self::Open { unreached } => *unreached = 0,
            Self::Shut { why: Why::Held { .. }, probe: probe @ Probe::Out, .. } => {
                *probe = Probe::From(now.after(PROBE_EVERY));
            }
            Self::Shut { why: Why::Held { .. }, .. } | Self::Broken { .. } => {}
            Self::Shut { .. } => *self = Self::unproved(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    const NOW: Time = Time::from_millis(0);

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome::failed(verdict, "because")
    }

    fn unreachable() -> Outcome {
        Outcome { unreachable: true, ..Outcome::failed(Verdict::Retry, "connection refused") }
    }

    fn open() -> Gate {
        Gate::Open { unreached: 0 }
    }

    #[test]
    fn a_refused_credential_holds_until_a_probe_succeeds() {
        let mut gate = Gate::unproved();
        gate.send_probe();
        assert!(!gate.wants_probe(NOW), "one is out already");
        gate.hear(&outcome(Verdict::Auth), NOW, 0.5);
        assert_eq!(gate.why_held().unwrap(), "because");
        assert!(!gate.wants_probe(NOW));
        let later = NOW.after(PROBE_EVERY);
        assert!(gate.wants_probe(later));
        gate.send_probe();
        assert_eq!(gate.why_held().unwrap(), "because");
        gate.hear(&unreachable(), later, 0.5);
        assert!(gate.why_held().is_some() && !gate.wants_probe(later), "an outage proves nothing");
        assert!(gate.release());
        gate.send_probe();
        gate.hear(&outcome(Verdict::UserAbsent), later, 0.5);
        assert!(gate.is_open());
    }

    #[test]
    fn a_late_success_does_not_open_a_backend_that_was_held_since() {
        let mut gate = open();
        gate.hear(&outcome(Verdict::Auth), NOW, 0.5);
        gate.hear(&outcome(Verdict::Changed), NOW, 0.5);
        assert!(gate.why_held().is_some());
    }

    #[test]
    fn a_probe_that_asked_nothing_leaves_things_as_they_were() {
        let mut gate = Gate::held("wrong token".into(), Time::PAST);
        let before = gate.clone();
        gate.send_probe();
        gate.withdraw_probe();
        assert_eq!(gate, before);
    }

    #[test]
    fn five_in_a_row_that_reach_nobody_open_the_circuit_and_an_answer_between_them_does_not() {
        let mut gate = open();
        for _ in 0..4 {
            gate.hear(&unreachable(), NOW, 0.5);
        }
        gate.hear(&outcome(Verdict::Retry), NOW, 0.5);
        for _ in 0..4 {
            gate.hear(&unreachable(), NOW, 0.5);
        }
        assert!(gate.is_open());
        gate.hear(&unreachable(), NOW, 0.5);
        assert_eq!(gate.why_down().unwrap(), "connection refused");
    }

    #[test]
    fn probes_of_a_system_that_is_down_come_less_and_less_often_until_one_is_answered() {
        let mut gate = Gate::unproved();
        let mut waits = Vec::new();
        for _ in 0..7 {
            gate.send_probe();
            gate.hear(&unreachable(), NOW, 0.999_999);
            waits.push(gate.probe_at().unwrap().since(NOW).as_secs_f64().round() as u64);
        }
        assert_eq!(waits, [2, 6, 18, 54, 162, 300, 300]);
        gate.hear(&unreachable(), NOW, 0.0);
        assert_eq!(gate.failures(), 7, "what was on its way does not count");
        gate.send_probe();
        gate.hear(&outcome(Verdict::Retry), NOW, 0.5);
        assert_eq!(gate, Gate::unproved(), "it answers, and one goes to see whether it works");
        gate.send_probe();
        gate.hear(&outcome(Verdict::Changed), NOW, 0.5);
        assert!(gate.is_open());
    }

    #[test]
    fn a_late_success_closes_the_circuit_and_so_does_a_person() {
        let down = Gate::Shut { why: Why::Down { reason: "reset".into() }, probe: Probe::From(NOW), failed: 3 };
        let mut gate = down.clone();
        gate.hear(&outcome(Verdict::Changed), NOW, 0.5);
        assert!(gate.is_open());
        let mut gate = down;
        assert!(gate.release());
        assert_eq!(gate, Gate::unproved());
        assert!(!gate.release());
    }

    #[test]
    fn a_probe_that_is_answered_and_proves_nothing_waits_longer_each_time() {
        let mut gate = Gate::unproved();
        let mut waits = Vec::new();
        for _ in 0..4 {
            gate.send_probe();
            gate.hear_probe(&outcome(Verdict::Retry), NOW, 0.999_999);
            waits.push(gate.probe_at().unwrap().since(NOW).as_secs_f64().round() as u64);
        }
        assert_eq!(waits, [2, 6, 18, 54]);
        assert_eq!(gate.why_down(), None);
    }
}
