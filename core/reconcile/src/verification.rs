//! Looking whether a system still shows what was delivered, and what follows when it shows something else.

use std::time::Duration;

use crate::delivery::{AttemptState, Attempted, Holds, Recorded, Target};
use crate::{Outcome, Time, Verdict, backoff};

/// How often a picture in place is looked for under `verify = "daily"`.
pub const VERIFY_EVERY: Duration = Duration::from_secs(24 * 3600);

/// So many deliveries that were done and never found have taken about a day, with the waits of [`backoff`].
pub(crate) const MISSED_IN_A_DAY: u32 = 30;

/// A question that could not be answered is asked again so much later.
const VERIFY_AGAIN: Duration = Duration::from_secs(15 * 60);

/// When a system is asked whether it shows what was delivered: `verify` of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verify {
    /// Never.
    #[default]
    Off,
    /// As soon as a delivery is done.
    After,
    /// Then, and every day from then on.
    Daily,
}

/// Whose word counts when the system shows something else: `owner` of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Owner {
    /// The photo is delivered again.
    #[default]
    Portraitd,
    /// What the user has set there stays until the photo changes.
    User,
}

/// What is known of a picture in place beside that it was delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verification {
    /// When the system was last found to show it.
    pub seen: Option<Time>,
    /// When it is looked for next; not by itself where there is none.
    pub due: Option<Time>,
    /// How many deliveries in a row were done and not found afterwards.
    pub missed: u32,
}

impl Recorded {
    /// From when on the picture in place is to be looked for.
    #[must_use]
    pub fn verify_at(&self, verify: Verify) -> Option<Time> {
        let due = self.verification.as_ref().and_then(|verification| verification.due);
        match verify {
            Verify::Off => None,
            Verify::After => due,
            // What was delivered before anybody wanted to look is looked for at once.
            Verify::Daily => due.or(Some(Time::PAST)),
        }
    }

    /// A photo was delivered just now.
    pub(crate) fn await_verification(&mut self, verify: Verify, now: Time) {
        let missed = self.verification.as_ref().map_or(0, |before| before.missed);
        let verification = || Box::new(Verification { seen: None, due: Some(now), missed });
        self.verification = (verify != Verify::Off).then(verification);
    }

    /// Takes note of what was found of the picture in place, and says how the history tells it: of one that is where it
    /// should be, not at all.
    ///
    /// A picture that was delivered and is not found again and again waits longer each time, as a delivery that fails.
    pub(crate) fn verify(
        &mut self,
        outcome: &Outcome,
        (verify, owner): (Verify, Owner),
        now: Time,
        chance: f64,
    ) -> Option<Outcome> {
        let Holds::Exactly { fingerprint, receipt } = &mut self.holds else { return None };
        let before = self.verification.as_deref().copied().unwrap_or_default();
        let next = (verify == Verify::Daily).then(|| now.after(VERIFY_EVERY.mul_f64(1.0 - chance / 10.0)));
        let (after, told) = match (&outcome.verdict, found(outcome)) {
            (_, Found::AsDelivered) => (Verification { seen: Some(now), due: next, missed: 0 }, None),
            (_, Found::Different(what)) if owner == Owner::User => {
                let told =
                    Outcome::failed(Verdict::Unchanged, format!("verify: {what}, and stays: `owner = \"user\"`"));
                (Verification { due: next, missed: 0, ..before }, Some(told))
            }
            (_, Found::Different(what)) => {
                let missed = before.missed + 1;
                let told = Outcome::failed(Verdict::Retry, format!("verify: {what}"));
                let (target, receipt) = (Target::Photo(*fingerprint), receipt.take());
                let next = now.after(backoff(missed, chance));
                let state = AttemptState::Failed { verdict: Verdict::Retry, reason: told.reason.clone(), next };
                self.attempted = Some(Box::new(Attempted { target, count: missed, since: now, state }));
                self.holds = Holds::Unsure { receipt };
                self.verification = Some(Box::new(Verification { due: None, missed, ..before }));
                return Some(told);
            }
            (verdict, Found::Unknown) => {
                let due = if verdict.stops() { next } else { Some(now.after(VERIFY_AGAIN)) };
                let told = Outcome { reason: format!("verify: {}", outcome.reason), ..outcome.clone() };
                (Verification { due, ..before }, Some(told))
            }
        };
        if outcome.receipt.is_some() && outcome.verdict.is_done() {
            receipt.clone_from(&outcome.receipt);
        }
        self.verification = Some(Box::new(after));
        told
    }

    /// Takes what was found for what is wanted, whatever it shows. Says how the history tells it.
    pub(crate) fn adopt(&mut self, target: Target, outcome: &Outcome) -> Outcome {
        let (Target::Photo(fingerprint), Verdict::Changed | Verdict::Unchanged) = (target, &outcome.verdict) else {
            let reason = match found(outcome) {
                Found::Different(what) => format!("adopt: {what}"),
                _ => format!("adopt: {}", outcome.reason),
            };
            return Outcome { reason, ..outcome.clone() };
        };
        self.attempted = None;
        self.holds = Holds::Exactly { fingerprint, receipt: outcome.receipt.clone() };
        Outcome::failed(Verdict::Unchanged, "adopt: what the system shows is recorded as if it had been delivered")
    }
}

/// What a look at the system has shown.
enum Found {
    AsDelivered,
    Different(&'static str),
    Unknown,
}

const fn found(outcome: &Outcome) -> Found {
    match outcome.verdict {
        Verdict::Unchanged => Found::AsDelivered,
        Verdict::Changed => Found::Different("the system shows another picture"),
        Verdict::Removed => Found::Different("the system shows no picture"),
        Verdict::UserAbsent => Found::Different("the system does not know the user"),
        _ => Found::Unknown,
    }
}
