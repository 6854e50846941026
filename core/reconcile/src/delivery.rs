//! One user's photo at one backend: what is wanted, what was recorded, and what follows.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::verification::MISSED_IN_A_DAY;
use crate::{
    ALARM_AFTER, Fingerprint, MAX_WAIT, Outcome, TOLD_AT_MOST, Time, VERIFY_EVERY, Verdict, Verification, absent_again,
    backoff,
};

/// An attempt that was cut off by a stop of the daemon is repeated at once this often, and then with waits that grow:
/// a photo that kills the daemon must not do so for ever.
const FREE_INTERRUPTIONS: u32 = 3;

/// How long after its end an attempt whose request got no answer may still have its effect: no system is believed to keep
/// a request that nobody waits for any longer than this.
pub const DOUBT: Duration = Duration::from_secs(10 * 60);

/// What the folder wants of a backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Desired {
    /// This picture, made this way.
    Photo(Fingerprint),
    /// Whatever is there now: there is no photo that could be sent, and nothing that proves that there should be none.
    Keep,
    /// No picture: the photo was taken away, and that is proved.
    Gone,
}

/// What an attempt was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// That the backend shows this.
    Photo(Fingerprint),
    /// That the backend shows nothing.
    Removal,
}

/// What the backend holds, as far as we know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holds {
    /// Nothing of ours.
    Nothing,
    /// Exactly this.
    Exactly {
        /// What was delivered.
        fingerprint: Fingerprint,
        /// What the plugin told of it.
        receipt: Option<String>,
    },
    /// An attempt was begun and may have had its effect, or not.
    Unsure {
        /// What the plugin told of the last delivery that is known to have been done.
        receipt: Option<String>,
    },
}

impl Holds {
    /// What the plugin told of the last delivery that is known to have been done.
    #[must_use]
    pub const fn receipt(&self) -> Option<&String> {
        match self {
            Self::Exactly { receipt, .. } | Self::Unsure { receipt } => receipt.as_ref(),
            Self::Nothing => None,
        }
    }
}

/// What is recorded of one user at one backend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// What the backend holds.
    pub holds: Holds,
    /// The attempts since the last success; none when there is nothing to say. Boxed, for most deliveries are done.
    pub attempted: Option<Box<Attempted>>,
    /// What may still take effect although nobody waits for it. It outlives a success: a request of then may be applied
    /// after it.
    pub doubt: Option<Box<Doubt>>,
    /// What the user was called there at the last attempt to deliver a photo, where that is not the drop name.
    pub remote: Option<Box<str>>,
    /// What is known of the picture in place beside that it was delivered.
    pub verification: Option<Box<Verification>>,
    /// What had to be said of the photo when its pictures were made; none when that was nothing.
    pub warned: Option<Box<Warned>>,
}

/// What had to be said of a photo when pictures of it were made for one user at one backend. It is true of that alone: of
/// another photo, or by another recipe, other things may have to be said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warned {
    /// What was made.
    pub fingerprint: Fingerprint,
    /// What had to be said, each a word of its own.
    pub warnings: BTreeSet<String>,
}

/// Requests that got no answer and may still take effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// What they were for; none when they were for several things.
    pub target: Option<Target>,
    /// From when on none of them can take effect any more.
    pub until: Time,
}

/// Attempts at one target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempted {
    /// What they were for.
    pub target: Target,
    /// How many began, less those that failed for the whole backend.
    pub count: u32,
    /// When the first began.
    pub since: Time,
    /// Where the last one stands.
    pub state: AttemptState,
}

/// Where an attempt stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttemptState {
    /// Begun, and not known to have ended.
    Begun {
        /// When.
        at: Time,
    },
    /// Ended without success.
    Failed {
        /// How.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// When it may be tried again; never by itself when the verdict stops.
        next: Time,
    },
}

/// What a plugin is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Show the photo.
    Deliver,
    /// Show nothing.
    Remove,
    /// Tell whether it still shows what was delivered.
    Verify,
    /// Tell what it shows, to be taken for what is wanted.
    Adopt,
}

impl Operation {
    /// Whether it changes nothing at the backend, and so counts no attempt.
    #[must_use]
    pub const fn only_looks(self) -> bool {
        matches!(self, Self::Verify | Self::Adopt)
    }
}

/// What follows for one user at one backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The backend holds what is wanted.
    InPlace {
        /// From when on it is to be delivered once more, because something else may have taken effect after it.
        confirm: Option<Time>,
    },
    /// Nothing is wanted.
    Idle,
    /// An attempt is wanted from this moment on.
    Due {
        /// From when on; [`Time::PAST`] for at once.
        at: Time,
        /// Whether an attempt at the same target has failed.
        again: bool,
    },
    /// Nothing until the photo, the recipe or a person changes something.
    Stopped,
}

/// The difference between what is wanted and what was recorded.
#[must_use]
pub fn decide(desired: Desired, recorded: &Recorded, now: Time) -> Decision {
    let target = match desired {
        Desired::Photo(fingerprint) => Target::Photo(fingerprint),
        Desired::Gone => Target::Removal,
        Desired::Keep => return Decision::Idle,
    };
    if recorded.is_at(target) {
        return Decision::InPlace { confirm: recorded.confirm_from(target) };
    }
    match &recorded.attempted {
        Some(attempted) if attempted.target == target => attempted.decide(now),
        _ => Decision::Due { at: Time::PAST, again: false },
    }
}

impl Attempted {
    fn decide(&self, now: Time) -> Decision {
        match &self.state {
            AttemptState::Begun { .. } => Decision::Due { at: Time::PAST, again: true },
            AttemptState::Failed { verdict, .. } if verdict.stops() => Decision::Stopped,
            AttemptState::Failed { next, .. } => {
                // A clock that was set back must not turn a wait of an hour into one of years.
                Decision::Due { at: (*next).min(now.after(MAX_WAIT)), again: true }
            }
        }
    }
}

impl Default for Recorded {
    fn default() -> Self {
        Self { holds: Holds::Nothing, attempted: None, doubt: None, remote: None, verification: None, warned: None }
    }
}

impl Recorded {
    /// Counts an attempt, before anything is done for it. From here on the backend may hold what it is for.
    pub fn begin(&mut self, target: Target, now: Time) {
        let before = self.attempted.take().filter(|attempted| attempted.target == target);
        let (count, since) = before.map_or((0, now), |before| (before.count, before.since));
        let state = AttemptState::Begun { at: now };
        self.attempted = Some(Box::new(Attempted { target, count: count + 1, since, state }));
        self.holds = Holds::Unsure { receipt: self.holds.receipt().cloned() };
    }

    /// Records what the attempt that was begun came to. `chance` in `[0, 1)` spreads the waits. Says whether the delivery
    /// is done.
    ///
    /// An outcome for an attempt that was never begun is ignored: nothing is invented.
    pub fn settle(&mut self, outcome: &Outcome, now: Time, chance: f64) -> bool {
        let Some(attempted) = &mut self.attempted else { return false };
        let (target, begun) = (attempted.target, attempted.begun());
        let done = match (target, &outcome.verdict) {
            (_, verdict) if verdict.is_done() => true,
            // Nothing is left to remove for a user whom the system does not know.
            (Target::Removal, Verdict::UserAbsent) => true,
            _ => false,
        };
        if done {
            self.attempted = None;
            self.holds = match target {
                Target::Photo(fingerprint) => Holds::Exactly { fingerprint, receipt: outcome.receipt.clone() },
                Target::Removal => Holds::Nothing,
            };
            if target == Target::Removal {
                (self.remote, self.verification, self.warned) = (None, None, None);
            }
        } else {
            attempted.fail(outcome, now, chance);
        }
        self.end_doubt(begun);
        if outcome.uncertain {
            self.doubt(target, now);
        }
        done
    }

    /// An attempt that the daemon did not live to see the end of; `sends` says whether a request of it may still be on
    /// its way. Says whether there was one.
    pub fn interrupt(&mut self, sends: bool, now: Time, chance: f64) -> bool {
        let Some(attempted) = &mut self.attempted else { return false };
        let begun = attempted.begun();
        if begun.is_none() {
            return false;
        }
        let wait = match attempted.count.checked_sub(FREE_INTERRUPTIONS) {
            None | Some(0) => Duration::ZERO,
            Some(more) => backoff(more, chance),
        };
        let reason = "interrupted: portraitd stopped during this attempt";
        let outcome = Outcome { uncertain: sends, ..Outcome::failed(Verdict::Retry, reason) };
        let next = now.after(wait);
        attempted.state = AttemptState::Failed { verdict: Verdict::Retry, reason: outcome.told_reason(), next };
        let target = attempted.target;
        self.end_doubt(begun);
        if sends {
            self.doubt(target, now);
        }
        true
    }

    /// What was sent after the end of a doubt is not undone by it.
    fn end_doubt(&mut self, sent: Option<Time>) {
        self.doubt.take_if(|doubt| sent.is_some_and(|sent| doubt.until <= sent));
    }

    fn doubt(&mut self, target: Target, now: Time) {
        let same = self.doubt.as_ref().is_none_or(|doubt| doubt.target == Some(target));
        self.doubt = Some(Box::new(Doubt { target: same.then_some(target), until: now.after(DOUBT) }));
    }

    /// When what is in place is to be delivered once more. What takes effect late and is the same does no harm.
    fn confirm_from(&self, target: Target) -> Option<Time> {
        self.doubt.as_ref().filter(|doubt| doubt.target != Some(target)).map(|doubt| doubt.until)
    }

    /// A wait or a doubt that is longer than any was computed by a clock that has been set back since. Says whether there
    /// was one.
    ///
    /// By a clock that was set forward a doubt ends too early. Nothing shows that: a doubt that began anew at each start
    /// would never end where short passes are all that runs.
    pub(crate) fn shorten_waits(&mut self, now: Time) -> bool {
        let next = self.attempted.as_deref_mut().and_then(Attempted::next_mut);
        let until = self.doubt.as_deref_mut().map(|doubt| &mut doubt.until);
        let verify = self.verification.as_deref_mut().and_then(|verification| verification.due.as_mut());
        let shorten = |(time, most): (Option<&mut Time>, Duration)| {
            let latest = now.after(most);
            time.filter(|time| **time > latest).map(|time| *time = latest).is_some()
        };
        [(next, MAX_WAIT), (until, DOUBT), (verify, VERIFY_EVERY)].map(shorten).contains(&true)
    }

    /// Makes a delivery that failed due again, as if it had never been tried. Says whether there was one.
    pub fn release(&mut self) -> bool {
        matches!(self.attempted.take_if(|attempted| attempted.has_failed()), Some(_released))
    }

    /// What was delivered is not whole any more.
    pub(crate) fn lose(&mut self) {
        self.holds = Holds::Unsure { receipt: self.holds.receipt().cloned() };
    }

    /// When the wait after the last failure ends, and how it failed.
    #[must_use]
    pub fn failure(&self) -> Option<(&Verdict, &String, Time)> {
        match self.attempted.as_deref() {
            Some(Attempted { state: AttemptState::Failed { verdict, reason, next }, .. }) => {
                Some((verdict, reason, *next))
            }
            _ => None,
        }
    }

    /// Whether attempts at one thing have failed for so long that a person should look at it. They go on all the same.
    #[must_use]
    pub fn deserves_alarm(&self, now: Time) -> bool {
        let retried = matches!(self.failure(), Some((Verdict::Retry, ..)));
        let since = self.attempted.as_ref().map(|attempted| attempted.since);
        let is_old = since.is_some_and(|since| now.since(since) >= ALARM_AFTER);
        // Each of them was done, so that the attempts began anew, and was found missing afterwards.
        let is_missed = self.verification.as_ref().is_some_and(|known| known.missed >= MISSED_IN_A_DAY);
        retried && (is_old || is_missed)
    }

    fn is_at(&self, target: Target) -> bool {
        match (&self.holds, target) {
            (Holds::Exactly { fingerprint, .. }, Target::Photo(wanted)) => *fingerprint == wanted,
            (Holds::Nothing, Target::Removal) => true,
            _ => false,
        }
    }
}

impl Attempted {
    const fn begun(&self) -> Option<Time> {
        match self.state {
            AttemptState::Begun { at } => Some(at),
            AttemptState::Failed { .. } => None,
        }
    }

    const fn next_mut(&mut self) -> Option<&mut Time> {
        match &mut self.state {
            AttemptState::Failed { next, .. } => Some(next),
            AttemptState::Begun { .. } => None,
        }
    }

    const fn has_failed(&self) -> bool {
        matches!(self.state, AttemptState::Failed { .. })
    }

    fn fail(&mut self, outcome: &Outcome, now: Time, chance: f64) {
        let verdict = outcome.verdict.clone();
        let wait = match verdict {
            Verdict::UserAbsent => absent_again(chance),
            // The backend's own wait comes on top, once for all of its deliveries.
            Verdict::RateLimited { .. } => Duration::ZERO,
            _ if verdict.holds_backend() => {
                self.count -= 1;
                Duration::ZERO
            }
            _ => {
                let told = outcome.told_wait().max(outcome.after.map(|after| after.min(TOLD_AT_MOST)));
                backoff(self.count, chance).max(told.unwrap_or_default())
            }
        };
        self.state = AttemptState::Failed { verdict, reason: outcome.told_reason(), next: now.after(wait) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    const NOW: Time = Time::from_millis(1_000_000);
    const IN_PLACE: Decision = Decision::InPlace { confirm: None };

    fn print(text: &str) -> Fingerprint {
        Fingerprint::of(&Digest::of(text.as_bytes()), "", "")
    }

    fn photo(text: &str) -> Desired {
        Desired::Photo(print(text))
    }

    fn attempt(recorded: &mut Recorded, target: Target, verdict: Verdict) {
        recorded.begin(target, NOW);
        recorded.settle(&Outcome::failed(verdict, "because"), NOW, 0.5);
    }

    fn at_once(again: bool) -> Decision {
        Decision::Due { at: Time::PAST, again }
    }

    #[test]
    fn a_new_photo_is_due_and_a_delivered_one_is_not() {
        let mut recorded = Recorded::default();
        assert_eq!(decide(photo("a"), &recorded, NOW), at_once(false));
        attempt(&mut recorded, Target::Photo(print("a")), Verdict::Changed);
        assert_eq!(decide(photo("a"), &recorded, NOW), IN_PLACE);
        assert_eq!(decide(photo("b"), &recorded, NOW), at_once(false));
        assert_eq!(decide(Desired::Keep, &recorded, NOW), Decision::Idle);
        assert_eq!(decide(Desired::Gone, &recorded, NOW), at_once(false));
    }

    #[test]
    fn going_back_to_the_old_photo_after_a_failed_new_one_delivers_the_old_one_again() {
        let mut recorded = Recorded::default();
        attempt(&mut recorded, Target::Photo(print("a")), Verdict::Changed);
        attempt(&mut recorded, Target::Photo(print("b")), Verdict::Retry);
        assert_eq!(decide(photo("a"), &recorded, NOW), at_once(false));
    }

    #[test]
    fn an_attempt_that_never_ended_is_made_again() {
        let mut recorded = Recorded::default();
        recorded.begin(Target::Photo(print("a")), NOW);
        assert_eq!(decide(photo("a"), &recorded, NOW), at_once(true));
        assert!(recorded.interrupt(false, NOW, 0.5));
        assert_eq!(decide(photo("a"), &recorded, NOW), Decision::Due { at: NOW, again: true });
        assert!(!recorded.interrupt(false, NOW, 0.5));
    }

    #[test]
    fn a_photo_that_kills_the_daemon_waits_longer_each_time() {
        let mut recorded = Recorded::default();
        let mut waits = Vec::new();
        for _ in 0..6 {
            recorded.begin(Target::Photo(print("a")), NOW);
            recorded.interrupt(false, NOW, 0.5);
            waits.push(recorded.failure().unwrap().2.since(NOW).as_secs());
        }
        assert_eq!(waits, [0, 0, 0, 1, 3, 9]);
    }

    #[test]
    fn wrong_credentials_burn_no_attempt() {
        let mut recorded = Recorded::default();
        for _ in 0..5 {
            attempt(&mut recorded, Target::Photo(print("a")), Verdict::Auth);
        }
        assert_eq!(recorded.attempted.as_ref().unwrap().count, 0);
        assert_eq!(decide(photo("a"), &recorded, NOW), Decision::Due { at: NOW, again: true });
    }

    #[test]
    fn a_stopped_delivery_waits_for_another_photo_or_a_person() {
        let mut recorded = Recorded::default();
        attempt(&mut recorded, Target::Photo(print("a")), Verdict::ImageRejected);
        assert_eq!(decide(photo("a"), &recorded, NOW), Decision::Stopped);
        assert_eq!(decide(photo("b"), &recorded, NOW), at_once(false));
        assert!(recorded.release());
        assert_eq!(decide(photo("a"), &recorded, NOW), at_once(false));
        assert!(!recorded.release());
    }

    #[test]
    fn an_unknown_user_is_looked_up_hours_later_and_has_nothing_to_remove() {
        let mut recorded = Recorded::default();
        attempt(&mut recorded, Target::Photo(print("a")), Verdict::UserAbsent);
        let Decision::Due { at, again: true } = decide(photo("a"), &recorded, NOW) else { panic!("due later") };
        assert_eq!(at.since(NOW), Duration::from_secs(5 * 3600));
        attempt(&mut recorded, Target::Removal, Verdict::UserAbsent);
        assert_eq!(decide(Desired::Gone, &recorded, NOW), IN_PLACE);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_deliveries() {
        let mut recorded = Recorded::default();
        recorded.begin(Target::Photo(print("a")), NOW.after(Duration::from_secs(10 * 365 * 86400)));
        let later = NOW.after(Duration::from_secs(10 * 365 * 86400));
        recorded.settle(&Outcome::failed(Verdict::Retry, ""), later, 0.5);
        let Decision::Due { at, .. } = decide(photo("a"), &recorded, NOW) else { panic!("due") };
        assert_eq!(at, NOW.after(MAX_WAIT));
    }

    #[test]
    fn a_delivery_that_fails_for_a_day_deserves_an_alarm_and_a_new_photo_starts_anew() {
        let mut recorded = Recorded::default();
        attempt(&mut recorded, Target::Photo(print("a")), Verdict::Retry);
        assert!(!recorded.deserves_alarm(NOW.after(ALARM_AFTER - Duration::from_secs(1))));
        assert!(recorded.deserves_alarm(NOW.after(ALARM_AFTER)));
        recorded.begin(Target::Photo(print("b")), NOW.after(ALARM_AFTER));
        recorded.settle(&Outcome::failed(Verdict::Retry, ""), NOW.after(ALARM_AFTER), 0.5);
        assert!(!recorded.deserves_alarm(NOW.after(ALARM_AFTER)));
        attempt(&mut recorded, Target::Photo(print("c")), Verdict::UserAbsent);
        assert!(!recorded.deserves_alarm(NOW.after(ALARM_AFTER * 3)));
    }

    fn timed_out(recorded: &mut Recorded, target: Target, now: Time) {
        recorded.begin(target, now);
        recorded.settle(&Outcome { uncertain: true, ..Outcome::failed(Verdict::Retry, "timed out") }, now, 0.5);
    }

    fn succeeded(recorded: &mut Recorded, target: Target, now: Time) {
        recorded.begin(target, now);
        assert!(recorded.settle(&Outcome::of(Verdict::Changed), now, 0.5));
    }

    #[test]
    fn what_is_delivered_while_an_older_request_may_take_effect_is_confirmed_once() {
        let mut recorded = Recorded::default();
        timed_out(&mut recorded, Target::Photo(print("a")), NOW);
        assert_eq!(recorded.failure().unwrap().1, "uncertain: timed out");
        succeeded(&mut recorded, Target::Photo(print("b")), NOW.after(Duration::from_secs(1)));
        let end = NOW.after(DOUBT);
        assert_eq!(decide(photo("b"), &recorded, NOW), Decision::InPlace { confirm: Some(end) });
        succeeded(&mut recorded, Target::Photo(print("b")), end);
        assert_eq!(recorded.doubt, None);
        assert_eq!(decide(photo("b"), &recorded, end), IN_PLACE);
    }

    #[test]
    fn a_late_request_for_what_is_in_place_is_no_harm_until_something_else_is() {
        let mut recorded = Recorded::default();
        timed_out(&mut recorded, Target::Photo(print("a")), NOW);
        succeeded(&mut recorded, Target::Photo(print("a")), NOW);
        assert_eq!(decide(photo("a"), &recorded, NOW), IN_PLACE);
        succeeded(&mut recorded, Target::Removal, NOW);
        assert_eq!(decide(Desired::Gone, &recorded, NOW), Decision::InPlace { confirm: Some(NOW.after(DOUBT)) });
    }

    #[test]
    fn requests_for_two_things_are_a_doubt_about_both() {
        let mut recorded = Recorded::default();
        timed_out(&mut recorded, Target::Photo(print("a")), NOW);
        let later = NOW.after(Duration::from_secs(60));
        timed_out(&mut recorded, Target::Photo(print("b")), later);
        succeeded(&mut recorded, Target::Photo(print("b")), later);
        assert_eq!(decide(photo("b"), &recorded, later), Decision::InPlace { confirm: Some(later.after(DOUBT)) });
    }

    #[test]
    fn a_doubt_that_has_ended_asks_nothing_of_what_is_delivered_later() {
        let mut recorded = Recorded::default();
        timed_out(&mut recorded, Target::Photo(print("a")), NOW);
        let end = NOW.after(DOUBT);
        timed_out(&mut recorded, Target::Photo(print("b")), end);
        assert_eq!(recorded.doubt.as_ref().unwrap().target, Some(Target::Photo(print("b"))));
        succeeded(&mut recorded, Target::Photo(print("c")), end.after(DOUBT));
        assert_eq!(recorded.doubt, None);
    }

    #[test]
    fn an_interrupted_attempt_is_a_doubt_where_requests_are_sent() {
        for sends in [true, false] {
            let mut recorded = Recorded::default();
            recorded.begin(Target::Photo(print("a")), NOW);
            assert!(recorded.interrupt(sends, NOW, 0.5));
            assert_eq!(recorded.doubt.is_some(), sends);
            assert_eq!(recorded.failure().unwrap().1.starts_with("uncertain: interrupted"), sends);
        }
    }

    #[test]
    fn an_interrupted_attempt_takes_over_no_doubt_that_had_ended_before_it() {
        let mut recorded = Recorded::default();
        timed_out(&mut recorded, Target::Photo(print("a")), NOW);
        let later = NOW.after(DOUBT);
        recorded.begin(Target::Photo(print("b")), later);
        recorded.interrupt(true, later, 0.5);
        assert_eq!(recorded.doubt.unwrap().target, Some(Target::Photo(print("b"))));
    }

    #[test]
    fn a_delivery_that_was_told_to_wait_is_not_due_before() {
        let mut recorded = Recorded::default();
        recorded.begin(Target::Photo(print("a")), NOW);
        let told = Some(Duration::from_secs(700));
        let retry = Outcome::of(Verdict::Retry);
        for outcome in [Outcome { quiet: told, ..retry.clone() }, Outcome { after: told, ..retry }] {
            recorded.settle(&outcome, NOW, 0.0);
            let due = Decision::Due { at: NOW.after(Duration::from_secs(700)), again: true };
            assert_eq!(decide(photo("a"), &recorded, NOW), due);
        }
    }

    #[test]
    fn an_outcome_without_an_attempt_changes_nothing() {
        let mut recorded = Recorded::default();
        assert!(!recorded.settle(&Outcome::of(Verdict::Changed), NOW, 0.0));
        assert_eq!(recorded, Recorded::default());
    }
}
