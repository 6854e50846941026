//! A system that shows photos: what it shows, and how it answers on good days and bad.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portraitd_reconcile::{
    BackendId, BackendSpec, Digest, Fingerprint, Outcome, Owner, PictureName, Target, UserId, Users, Verdict, Verify,
};

use crate::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Well,
    /// Every other request fails.
    Flaky,
    /// It cannot be reached.
    Outage,
    /// The credentials are refused.
    Auth,
    /// The settings are wrong.
    Config,
    /// It asks to be left alone.
    Limiting,
    /// It fails, and says when to come back.
    Busy,
}

/// What becomes of a request at the system, whatever is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    None,
    /// It has its effect.
    Made,
    /// It has its effect later, when nobody waits for it any more.
    Late,
}

/// A delivery as it arrives at the system.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) user: UserId,
    /// It only asks what is shown.
    pub(crate) looks: bool,
    pub(crate) target: Target,
    /// The photo that is sent.
    pub(crate) digest: Option<Digest>,
    /// The recipe by which it was made.
    pub(crate) shape: String,
}

impl Request {
    /// The picture that a system is told to fetch, where it is told of one.
    pub(crate) fn picture(&self, backend: &Backend) -> Option<PictureName> {
        let digest = self.digest.filter(|_| backend.publishes() && !self.looks)?;
        Some(backend.picture(&self.user, &digest, &self.shape))
    }
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
    /// Its plugin sends requests.
    pub(crate) sends: bool,
    /// Its plugin can remove.
    pub(crate) removes: bool,
    pub(crate) verify: Verify,
    pub(crate) mood: Mood,
    pub(crate) absent: BTreeSet<UserId>,
    pub(crate) ambiguous: BTreeSet<UserId>,
    /// What it shows.
    pub(crate) shown: BTreeMap<UserId, (Digest, String)>,
    /// What it has ever accepted.
    pub(crate) accepted: BTreeSet<(UserId, Fingerprint)>,
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
            sends: !random.one_in(4),
            removes: !random.one_in(5),
            verify: random.pick(&[Verify::Off, Verify::After, Verify::Daily, Verify::Daily]),
            mood: Mood::Well,
            absent: BTreeSet::new(),
            ambiguous: BTreeSet::new(),
            shown: BTreeMap::new(),
            accepted: BTreeSet::new(),
        }
    }

    /// Whether its plugin tells of pictures that are fetched. It does where it sends requests.
    pub(crate) const fn publishes(&self) -> bool {
        self.sends
    }

    /// The name under which a picture is published for it.
    pub(crate) fn picture(&self, user: &UserId, digest: &Digest, shape: &str) -> PictureName {
        PictureName::of(&[7; 32], user, &self.id, &format!("{digest} {shape}"))
    }

    pub(crate) fn spec(&self) -> BackendSpec {
        BackendSpec {
            id: self.id.clone(),
            shape: self.shape(),
            concurrency: self.concurrency,
            remove: self.remove,
            probes: self.probes,
            sends: self.sends,
            users: Users::same(),
            verify: self.verify,
            owner: Owner::Portraitd,
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

    /// Does what is asked, or not, and answers, truly or not.
    pub(crate) fn answer(&mut self, request: &Request, calm: bool, random: &mut Random) -> (Outcome, Effect) {
        if let Some(refusal) = self.refusal(random) {
            let lost = refusal.verdict == Verdict::Retry && random.one_in(8);
            return if lost { self.lose(request, random) } else { (refusal, Effect::None) };
        }
        if !calm && random.one_in(300) {
            return (Outcome::failed(Verdict::Bug, "a panic"), Effect::None);
        }
        if !calm && random.one_in(60) {
            return self.lose(request, random);
        }
        if request.looks {
            return (self.look(request), Effect::None);
        }
        match self.objection(request) {
            Some(verdict) => (Outcome::failed(verdict, "asked"), Effect::None),
            None => {
                let verdict = self.apply(request).expect("a request without objection is applied");
                (Outcome { receipt: Some("r".into()), ..Outcome::of(verdict) }, Effect::Made)
            }
        }
    }

    /// The request was sent, and no answer comes. What it does may show at once, later or never.
    fn lose(&mut self, request: &Request, random: &mut Random) -> (Outcome, Effect) {
        let reason = "connection reset after the body was sent";
        let (unreachable, uncertain) = (self.sends, self.sends);
        let outcome = Outcome { unreachable, uncertain, ..Outcome::failed(Verdict::Retry, reason) };
        if request.looks {
            return (Outcome { uncertain: false, ..outcome }, Effect::None);
        }
        let effect = match random.below(3) {
            0 => Effect::None,
            1 if self.sends => Effect::Late,
            _ if self.apply(request).is_some() => Effect::Made,
            _ => Effect::None,
        };
        (outcome, effect)
    }

    /// Tells what is shown, and the truth.
    fn look(&self, request: &Request) -> Outcome {
        let delivered = request.digest.map(|digest| (digest, request.shape.clone()));
        Outcome::of(match self.shown.get(&request.user) {
            _ if self.absent.contains(&request.user) => Verdict::UserAbsent,
            None => Verdict::Removed,
            shown if shown == delivered.as_ref() => Verdict::Unchanged,
            Some(_) => Verdict::Changed,
        })
    }

    pub(crate) fn probe(&mut self, random: &mut Random) -> Outcome {
        self.refusal(random).unwrap_or(Outcome::of(Verdict::Unchanged))
    }

    fn refusal(&self, random: &mut Random) -> Option<Outcome> {
        let refused = |verdict| Some(Outcome::failed(verdict, "not now"));
        let unreachable = || Outcome { unreachable: self.sends, ..Outcome::failed(Verdict::Retry, "refused") };
        match self.mood {
            Mood::Well => None,
            Mood::Flaky if random.one_in(2) => None,
            Mood::Flaky if random.one_in(2) => refused(Verdict::Retry),
            Mood::Flaky | Mood::Outage => Some(unreachable()),
            // A refusal that has not reached all machines of a system yet.
            Mood::Auth | Mood::Config if random.one_in(6) => None,
            Mood::Auth => refused(Verdict::Auth),
            Mood::Config => refused(Verdict::Config),
            Mood::Limiting => {
                let after = random.pick(&[0, 1, 30, 600, 7200, 200_000]);
                refused(Verdict::RateLimited { after: Duration::from_secs(after) })
            }
            Mood::Busy => {
                let quiet = Some(Duration::from_secs(random.pick(&[1, 30, 600, 7200, 200_000])));
                Some(Outcome { quiet, ..Outcome::failed(Verdict::Retry, "503") })
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
