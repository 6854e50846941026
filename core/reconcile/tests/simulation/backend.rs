//! A system that shows photos: what it shows, and how it answers on good days and bad.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portraitd_reconcile::{BackendId, BackendSpec, Digest, Fingerprint, Outcome, Target, UserId, Verdict};

use crate::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Well,
    /// Every other request fails.
    Flaky,
    /// Every request fails.
    Outage,
    /// The credentials are refused.
    Auth,
    /// The settings are wrong.
    Config,
    /// It asks to be left alone.
    Limiting,
}

/// A delivery as it arrives at the system.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) user: UserId,
    pub(crate) target: Target,
    /// The photo that is sent.
    pub(crate) digest: Option<Digest>,
    /// The recipe by which it was made.
    pub(crate) shape: String,
}

pub(crate) struct Backend {
    pub(crate) id: BackendId,
    pub(crate) enabled: bool,
    pub(crate) broken: bool,
    pub(crate) shape: u32,
    pub(crate) concurrency: usize,
    pub(crate) remove: bool,
    /// Its plugin has an operation `probe`.
    pub(crate) probes: bool,
    /// Its plugin can remove.
    pub(crate) removes: bool,
    pub(crate) mood: Mood,
    pub(crate) absent: BTreeSet<UserId>,
    pub(crate) ambiguous: BTreeSet<UserId>,
    /// What it shows.
    pub(crate) shown: BTreeMap<UserId, (Digest, String)>,
    /// What it has ever accepted.
    pub(crate) accepted: BTreeSet<(UserId, Fingerprint)>,
    /// How many requests of a user had an effect.
    pub(crate) effects: BTreeMap<UserId, u64>,
}

impl Backend {
    pub(crate) fn new(number: usize, random: &mut Random) -> Self {
        Self {
            id: BackendId::parse(&format!("b{number}")).unwrap(),
            enabled: number == 0 || random.one_in(2),
            broken: false,
            shape: 1,
            concurrency: random.between(1, 4) as usize,
            remove: random.one_in(2),
            probes: random.one_in(3),
            removes: !random.one_in(5),
            mood: Mood::Well,
            absent: BTreeSet::new(),
            ambiguous: BTreeSet::new(),
            shown: BTreeMap::new(),
            accepted: BTreeSet::new(),
            effects: BTreeMap::new(),
        }
    }

    pub(crate) fn spec(&self) -> BackendSpec {
        BackendSpec {
            id: self.id.clone(),
            shape: self.shape(),
            concurrency: self.concurrency,
            remove: self.remove,
            probes: self.probes,
            broken: self.broken.then(|| "the library cannot be loaded".into()),
        }
    }

    pub(crate) fn shape(&self) -> String {
        format!("{} recipe {}", self.id, self.shape)
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.enabled && !self.broken
    }

    pub(crate) fn rejects(&self, digest: &Digest) -> bool {
        Digest::of(format!("{} {digest}", self.id).as_bytes()).as_bytes()[0] < 10
    }

    /// Does what is asked, or not, and answers, truly or not. Says whether the request had its effect.
    pub(crate) fn answer(&mut self, request: &Request, calm: bool, random: &mut Random) -> (Outcome, bool) {
        if let Some(refusal) = self.refusal(random) {
            let lies = refusal == Verdict::Retry && random.one_in(8);
            let applied = lies && self.apply(request).is_some();
            return (Outcome::failed(refusal, "not now"), applied);
        }
        if !calm && random.one_in(300) {
            return (Outcome::failed(Verdict::Bug, "a panic"), false);
        }
        let lies = !calm && random.one_in(60);
        match self.objection(request) {
            Some(verdict) => (Outcome::failed(verdict, "asked"), false),
            None => {
                let verdict = self.apply(request).expect("a request without objection is applied");
                if lies {
                    return (Outcome::failed(Verdict::Retry, "connection reset after the body was sent"), true);
                }
                (Outcome { verdict, reason: String::new(), receipt: Some("r".into()) }, true)
            }
        }
    }

    pub(crate) fn probe(&mut self, random: &mut Random) -> Outcome {
        match self.refusal(random) {
            Some(verdict) => Outcome::failed(verdict, "not now"),
            None => Outcome { verdict: Verdict::Unchanged, reason: String::new(), receipt: None },
        }
    }

    fn refusal(&self, random: &mut Random) -> Option<Verdict> {
        match self.mood {
            Mood::Well => None,
            Mood::Flaky => random.one_in(2).then_some(Verdict::Retry),
            Mood::Outage => Some(Verdict::Retry),
            // A refusal that has not reached all machines of a system yet.
            Mood::Auth | Mood::Config if random.one_in(6) => None,
            Mood::Auth => Some(Verdict::Auth),
            Mood::Config => Some(Verdict::Config),
            Mood::Limiting => {
                let after = random.pick(&[0, 1, 30, 600, 7200, 200_000]);
                Some(Verdict::RateLimited { after: Duration::from_secs(after) })
            }
        }
    }

    fn objection(&self, request: &Request) -> Option<Verdict> {
        if self.absent.contains(&request.user) {
            Some(Verdict::UserAbsent)
        } else if self.ambiguous.contains(&request.user) {
            Some(Verdict::UserAmbiguous)
        } else if request.target == Target::Removal && !self.removes {
            Some(Verdict::Unsupported)
        } else if request.digest.is_some_and(|digest| self.rejects(&digest)) {
            Some(Verdict::ImageRejected)
        } else {
            None
        }
    }

    /// The request has its effect, unless the system objects.
    pub(crate) fn apply(&mut self, request: &Request) -> Option<Verdict> {
        if self.objection(request).is_some() {
            return None;
        }
        *self.effects.entry(request.user.clone()).or_default() += 1;
        let Target::Photo(fingerprint) = request.target else {
            self.shown.remove(&request.user);
            return Some(Verdict::Removed);
        };
        self.accepted.insert((request.user.clone(), fingerprint));
        let picture = (request.digest.unwrap(), request.shape.clone());
        let before = self.shown.insert(request.user.clone(), picture.clone());
        Some(if before == Some(picture) { Verdict::Unchanged } else { Verdict::Changed })
    }
}
