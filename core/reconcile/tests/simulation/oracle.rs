//! What must be true, checked at each step from outside: from what the folder held, what the reconciler was told and
//! what the backends were asked to do. It shares no rule with the reconciler but the meaning of its verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portraitd_reconcile::{
    Assignment, BackendId, Change, ConflictRule, Delivery, Digest, FileName, Holds, Identity, Kind, Listing, Looked,
    Outcome, Recorded, Target, Time, UserId, Verdict,
};

use crate::backend::Request;
use crate::folder::{Content, text};
use crate::world::World;

/// How long a request may take effect after its attempt has ended.
const LATE_FOR: Duration = Duration::from_secs(10 * 60);

/// An attempt that a crash cut off ends when a start takes notice of it.
const NOT_YET: Time = Time::from_millis(i64::MAX);

pub(crate) struct Oracle {
    users: Vec<UserId>,
    absence: Duration,
    brake: f64,
    /// When each content was last the newest of a user, as a count of edits.
    versions: BTreeMap<(UserId, Digest), u64>,
    edits: u64,
    trusted: Option<Identity>,
    seen: Option<Identity>,
    braked: bool,
    absences: BTreeMap<UserId, Absence>,
    /// Files that a look found since the last scan: they may be younger than the next scan's result.
    found: BTreeMap<FileName, UserId>,
    begun: BTreeSet<UserId>,
    pub(crate) pairs: BTreeMap<(BackendId, UserId), Pair>,
    out: BTreeMap<BackendId, BTreeSet<u64>>,
    proofs: BTreeMap<BackendId, Proof>,
    /// Until when a backend asked to be left alone, by the daemon's clock, and the batch that holds it.
    told: BTreeMap<BackendId, (Time, u64)>,
    paused: BTreeSet<BackendId>,
    recorded: BTreeMap<(UserId, BackendId), Recorded>,
}

/// What shows that a user's file was taken away.
struct Absence {
    identity: Identity,
    /// The first complete scan without it, or an earlier time of such a scan when the clock was set back.
    first: Time,
    /// Another complete scan was far enough apart.
    twice: bool,
    /// The file system itself said so after that.
    looked: bool,
    /// A person agreed.
    cleared: bool,
}

/// What happened to a user at a backend.
#[derive(Default)]
pub(crate) struct Pair {
    out: bool,
    /// What was done last, and the batch that holds this outcome.
    done: Option<(Target, u64)>,
    /// The newest version that was ever shown.
    shown: u64,
    /// What the last attempt came to.
    pub(crate) last: Option<Verdict>,
    /// The attempts recorded before the one that is out.
    counted: u32,
    /// When the last attempt ended, if it failed and nothing has happened since that shortens the wait.
    failed: Option<Time>,
    /// The attempt that has begun and not ended, when it began, and the batch that holds its intent.
    begun: Option<(Target, Time, u64)>,
    /// The attempt that ended last, and the batch that holds its outcome.
    ended: Option<(Target, u64)>,
    /// The doubts that this outcome has ended.
    cleared: Vec<(Target, Time)>,
    /// A look has found something else than what was done.
    differs: bool,
    /// What may still take effect, and since when nobody waits for it.
    doubts: Vec<(Target, Time)>,
}

/// Whether a backend has shown that it works.
#[derive(Default)]
struct Proof {
    works: bool,
    /// Assignments up to this number say nothing.
    stale: u64,
    /// How many in a row have not reached it.
    unreached: u32,
}

impl Oracle {
    pub(crate) fn new(users: Vec<UserId>, absence: Duration, brake: f64) -> Self {
        Self {
            users,
            absence,
            brake,
            versions: BTreeMap::new(),
            edits: 0,
            trusted: None,
            seen: None,
            braked: false,
            absences: BTreeMap::new(),
            found: BTreeMap::new(),
            begun: BTreeSet::new(),
            pairs: BTreeMap::new(),
            out: BTreeMap::new(),
            proofs: BTreeMap::new(),
            told: BTreeMap::new(),
            paused: BTreeSet::new(),
            recorded: BTreeMap::new(),
        }
    }

    fn pair(&mut self, backend: &BackendId, user: &UserId) -> &mut Pair {
        self.pairs.entry((backend.clone(), user.clone())).or_default()
    }

    /// The share of users that may vanish without a person, generously: of all that there ever were.
    fn may_vanish(&self) -> f64 {
        (self.brake * self.users.len() as f64).max(3.0)
    }

    fn present(&mut self, user: &UserId) {
        self.absences.remove(user);
    }

    fn absent(&mut self, user: &UserId, identity: Identity, now: Time) {
        let apart = self.absence;
        let fresh = Absence { identity, first: now, twice: false, looked: false, cleared: false };
        let absence = self.absences.entry(user.clone()).or_insert(fresh);
        absence.twice |= now.since(absence.first) >= apart;
        absence.first = absence.first.min(now);
    }

    /// An absence in another directory begins anew; one that is proved stays proved.
    fn recognise(&mut self, identity: Identity) {
        if self.seen != Some(identity) {
            self.absences.retain(|_, absence| absence.twice && absence.looked);
        }
        self.seen = Some(identity);
        self.trusted.get_or_insert(identity);
    }

    fn brake(&mut self, now: Time) -> bool {
        const DAY: Duration = Duration::from_secs(86400);
        let recent = |absence: &Absence| !absence.cleared && now.since(absence.first) <= DAY;
        let vanished = self.absences.iter().filter(|(user, absence)| self.begun.contains(user) && recent(absence));
        let brakes = !self.braked && vanished.count() as f64 > self.may_vanish();
        self.braked |= brakes;
        brakes
    }

    fn may_remove(&self, user: &UserId) -> Result<(), &'static str> {
        match self.absences.get(user) {
            None => Err("a file of the user was seen last"),
            Some(absence) if !absence.twice => Err("no two complete scans of this folder, far enough apart, missed it"),
            Some(absence) if !absence.looked => Err("the file system itself has not said that it is gone"),
            Some(absence) if absence.cleared => Ok(()),
            Some(_) if self.braked => Err("too many vanished, and nobody has agreed"),
            Some(_) if self.trusted != self.seen => Err("it is another folder than before, and nobody has agreed"),
            Some(absence) if Some(absence.identity) != self.trusted => Err("another folder than the trusted missed it"),
            Some(_) => Ok(()),
        }
    }
}

/// The user that a name says, by the rules of these worlds.
pub(crate) fn user_of(name: &str) -> Option<UserId> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_photo = ["jpg", "png"].contains(&extension.to_lowercase().as_str());
    let is_user = !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (is_photo && is_user).then(|| UserId::parse(stem).unwrap())
}

impl World {
    /// Ends the run when something is not as it must be; `check` is the name of what must be true.
    pub(crate) fn ensure(&self, holds: bool, check: &str, detail: impl FnOnce() -> String) {
        assert!(holds, "CHECK `{check}` failed: {}", detail());
    }

    // --- The folder ---

    pub(crate) fn oracle_sees_edit(&mut self, names: &[&str]) {
        for user in names.iter().filter_map(|name| user_of(name)) {
            self.renew(&user);
        }
    }

    pub(crate) fn oracle_sees_mount(&mut self) {
        for user in self.plan.users.clone() {
            self.renew(&user);
        }
    }

    /// What the user has in the folder now is the newest there is, and among several the one that changed last.
    fn renew(&mut self, user: &UserId) {
        let Some(dir) = self.folder.mounted() else { return };
        let own = dir.nodes.iter().filter(|(name, _)| user_of(name).as_ref() == Some(user));
        let mut own: Vec<_> = own.map(|(_, node)| (node.stat.ctime_ns, node.content)).collect();
        own.sort_by_key(|(changed, _)| *changed);
        for (_, content) in own {
            self.oracle.edits += 1;
            self.oracle.versions.insert((user.clone(), content.digest()), self.oracle.edits);
        }
    }

    pub(crate) fn oracle_sees_listing(&mut self, listing: &Listing) {
        let now = self.clock();
        self.oracle.recognise(listing.identity);
        let present: BTreeSet<_> = listing.entries.iter().filter_map(|entry| user_of(text(&entry.name))).collect();
        present.iter().for_each(|user| self.oracle.present(user));
        let found = std::mem::take(&mut self.oracle.found);
        if listing.trouble.is_some() {
            return;
        }
        for user in self.plan.users.clone() {
            if !present.contains(&user) && !found.values().any(|found| *found == user) {
                self.oracle.absent(&user, listing.identity, now);
            }
        }
        if self.oracle.brake(now) {
            self.count("brakes");
        }
    }

    pub(crate) fn oracle_sees_look(&mut self, name: &FileName, looked: &Looked) {
        let Some(user) = user_of(text(name)) else { return };
        match looked {
            Looked::Here(_) => {
                self.oracle.present(&user);
                self.oracle.found.insert(name.clone(), user);
            }
            Looked::Absent => {
                self.oracle.found.remove(name);
                let absence = self.oracle.absences.get_mut(&user).filter(|absence| absence.twice);
                absence.into_iter().for_each(|absence| absence.looked = true);
            }
            Looked::Unknown => {}
        }
    }

    // --- The daemon ---

    pub(crate) fn oracle_sees_start(&mut self) {
        self.oracle.recorded = self.ledger.deliveries.clone();
        self.oracle.found.clear();
        self.oracle.out.clear();
        self.oracle.proofs.clear();
        let paused = self.ledger.backends.iter().filter(|(_, record)| record.paused);
        self.oracle.paused = paused.map(|(id, _)| id.clone()).collect();
        let now = self.clock();
        let latest = now.after(Duration::from_secs(24 * 3600));
        self.oracle.told.values_mut().for_each(|(until, _)| *until = latest.min(*until));
        let enabled = self.backends.iter().filter(|backend| backend.enabled);
        let enabled: BTreeSet<_> = enabled.map(|backend| backend.id.clone()).collect();
        for ((backend, _), pair) in &mut self.oracle.pairs {
            pair.out = false;
            if enabled.contains(backend) {
                pair.doubts.iter_mut().for_each(|(_, since)| *since = now.min(*since));
            }
        }
    }

    /// What was not durable may be done again, and a brake that was not is set again by the next scan.
    pub(crate) fn oracle_sees_crash(&mut self) {
        let durable = self.ledger.durable;
        self.oracle.told.retain(|_, (_, batch)| *batch <= durable);
        for pair in self.oracle.pairs.values_mut() {
            let forgotten = pair.ended.take_if(|(_, batch)| *batch > durable).map(|(target, _)| target);
            let cut_off = pair.begun.take().filter(|(.., batch)| *batch <= durable).map(|(target, ..)| target);
            if forgotten.is_some() {
                pair.doubts.append(&mut pair.cleared);
            }
            pair.doubts.extend(forgotten.into_iter().chain(cut_off).map(|target| (target, NOT_YET)));
            pair.done = pair.done.filter(|(_, batch)| *batch <= durable);
            pair.failed = None;
        }
        self.oracle.braked &= self.ledger.folder.braked;
    }

    pub(crate) fn oracle_sees_assignment(&mut self, assignment: &Assignment, serial: u64) {
        let backend = match assignment {
            Assignment::Probe { backend } => backend,
            Assignment::Deliver(delivery) => &delivery.backend,
        };
        self.ensure_rest_is_kept(backend);
        let most = self.backends[self.backend_index(backend)].concurrency;
        let works = self.oracle.proofs.entry(backend.clone()).or_default().works;
        let out = self.oracle.out.entry(backend.clone()).or_default();
        out.insert(serial);
        let out = out.len();
        self.ensure(out <= most, "never above `concurrency`", || format!("{out} of {most} at {backend}"));
        self.ensure(works || out == 1, "a backend that is not proved is asked by one alone", || format!("{backend}"));
        if let Assignment::Deliver(Delivery { user, .. }) = assignment {
            let before = std::mem::replace(&mut self.oracle.pair(backend, user).out, true);
            self.ensure(!before, "one in flight per user and backend", || format!("{user} at {backend}"));
        }
    }

    fn ensure_rest_is_kept(&self, backend: &BackendId) {
        let (now, until) = (self.clock(), self.oracle.told.get(backend).map(|(until, _)| *until));
        let kept = until.is_none_or(|until| until <= now);
        self.ensure(kept, "no told wait is undercut", || format!("{backend} until {until:?}, {now:?}"));
        let paused = self.oracle.paused.contains(backend);
        self.ensure(!paused, "nothing new is sent to a paused backend", || format!("{backend}"));
    }

    pub(crate) fn oracle_sees_pause(&mut self, backend: &BackendId, paused: bool) {
        if paused {
            self.oracle.paused.insert(backend.clone());
        } else {
            self.oracle.paused.remove(backend);
        }
    }

    pub(crate) fn oracle_sees_begin(&mut self, delivery: &Delivery, count: u32) {
        let Delivery { user, backend, target, .. } = delivery;
        self.ensure_rest_is_kept(backend);
        self.oracle.begun.insert(user.clone());
        self.count("attempts");
        let recorded = self.oracle.recorded.get(&(user.clone(), backend.clone()));
        let attempted = recorded.and_then(|recorded| recorded.attempted.as_ref());
        let before = attempted.filter(|attempted| attempted.target == *target).map_or(0, |attempted| attempted.count);
        self.ensure(count == before + 1, "attempts are counted before they are made", || format!("{before}, {count}"));
        let now = self.clock();
        let pair = self.oracle.pair(backend, user);
        pair.counted = before;
        let waited = pair.failed.take().map(|failed| now.since(failed));
        let done = pair.done.take().map(|(done, _)| done);
        let differs = std::mem::take(&mut pair.differs);
        if done == Some(*target) && !differs {
            let doubts = pair.doubts.clone();
            let is_doubted = doubts.iter().any(|(other, _)| other != target);
            self.ensure(is_doubted, "what is done is not done again", || format!("{user} at {backend}"));
            let ended = doubts.iter().all(|(_, since)| since.after(LATE_FOR) <= now);
            self.ensure(ended, "a confirmation comes after all that is late", || format!("{doubts:?} {now:?}"));
            self.count("confirmations");
        }
        let patient = before < 8 || waited.is_none_or(|waited| waited >= Duration::from_secs(3600));
        self.ensure(patient, "failures wait longer and longer", || format!("{waited:?} after {before} attempts"));
        if *target == Target::Removal {
            self.count("removals begun");
            let allowed = self.oracle.may_remove(user);
            self.ensure(allowed.is_ok(), "nothing is removed without evidence", || {
                format!("{user} at {backend}: {}", allowed.unwrap_err())
            });
        }
    }

    /// What is begun was handed to the ledger. Nothing of it is sent before that is durable.
    pub(crate) fn oracle_sees_intent(&mut self, delivery: &Delivery, batch: u64) {
        let begun = (delivery.target, self.clock(), batch);
        self.oracle.pair(&delivery.backend, &delivery.user).begun = Some(begun);
    }

    /// A request has had its effect after its time. What it does to what is newer is judged in the end.
    pub(crate) fn oracle_sees_late_effect(&mut self, backend: usize, request: &Request) {
        let id = self.backends[backend].id.clone();
        self.note(|| format!("late: {} at {id}", request.user));
        self.version_of(request);
    }

    /// Which of the user's contents a request shows; none for a removal.
    fn version_of(&self, request: &Request) -> Option<u64> {
        let Target::Photo(_) = request.target else { return None };
        let digest = request.digest.expect("a photo has a digest");
        let version = self.oracle.versions.get(&(request.user.clone(), digest)).copied();
        self.ensure(version.is_some(), "nothing is invented", || format!("{} never had {digest}", request.user));
        version
    }

    /// A request has had its effect.
    pub(crate) fn oracle_sees_effect(&mut self, backend: usize, request: &Request) {
        self.count("effects");
        let Some(version) = self.version_of(request) else { return };
        let id = self.backends[backend].id.clone();
        let shown = &mut self.oracle.pair(&id, &request.user).shown;
        let before = std::mem::replace(shown, version.max(*shown));
        self.ensure(version >= before, "newest content wins", || {
            format!("{} at {id} goes back from version {before} to {version}", request.user)
        });
    }

    pub(crate) fn oracle_sees_end(&mut self, backend: &BackendId, user: &UserId, serial: u64) {
        self.oracle.pair(backend, user).out = false;
        self.oracle.out.entry(backend.clone()).or_default().remove(&serial);
    }

    pub(crate) fn oracle_hears(&mut self, delivery: &Delivery, serial: u64, outcome: &Outcome, batch: u64) {
        self.hear(&delivery.backend, serial, outcome, batch);
        let recorded = self.oracle.recorded.get(&(delivery.user.clone(), delivery.backend.clone()));
        let attempted = recorded.and_then(|recorded| recorded.attempted.as_ref());
        let count = attempted.map_or(0, |attempted| attempted.count);
        let now = self.clock();
        let pair = self.oracle.pair(&delivery.backend, &delivery.user);
        pair.last = Some(outcome.verdict.clone());
        pair.failed = (outcome.verdict == Verdict::Retry).then_some(now);
        let counted = pair.counted;
        let begun = pair.begun.take().map_or(now, |(_, begun, _)| begun);
        // One doubt about several things lasts as long as the last of them.
        pair.ended = Some((delivery.target, batch));
        pair.cleared.clear();
        if pair.doubts.iter().all(|(_, since)| since.after(LATE_FOR) <= begun) {
            pair.cleared = std::mem::take(&mut pair.doubts);
        }
        pair.doubts.extend(outcome.uncertain.then_some((delivery.target, now)));
        if outcome.verdict.is_done() || (delivery.target == Target::Removal && outcome.verdict == Verdict::UserAbsent) {
            pair.done = Some((delivery.target, batch));
        }
        if matches!(outcome.verdict, Verdict::Auth | Verdict::Config) {
            self.count("holds");
            self.ensure(count == counted, "a held backend burns nobody's attempts", || format!("{counted}, {count}"));
        }
    }

    pub(crate) fn oracle_hears_look(&mut self, delivery: &Delivery, serial: u64, outcome: &Outcome, batch: u64) {
        self.hear(&delivery.backend, serial, outcome, batch);
        let differs = matches!(outcome.verdict, Verdict::Changed | Verdict::Removed | Verdict::UserAbsent);
        self.count(if differs { "found different" } else { "looks" });
        let pair = self.oracle.pair(&delivery.backend, &delivery.user);
        pair.differs |= differs;
    }

    pub(crate) fn oracle_hears_probe(&mut self, backend: &BackendId, serial: u64, outcome: &Outcome, batch: u64) {
        self.oracle.out.entry(backend.clone()).or_default().remove(&serial);
        self.hear(backend, serial, outcome, batch);
    }

    fn hear(&mut self, backend: &BackendId, serial: u64, outcome: &Outcome, batch: u64) {
        self.hear_told(backend, outcome, batch);
        if self.hear_silence(backend, outcome) {
            self.count("circuits opened");
        }
        let verdict = &outcome.verdict;
        let highest = self.oracle.out.values().flatten().copied().max().unwrap_or(0).max(serial);
        let proof = self.oracle.proofs.entry(backend.clone()).or_default();
        match verdict {
            Verdict::Auth | Verdict::Config => *proof = Proof { works: false, stale: highest, unreached: 0 },
            Verdict::Changed
            | Verdict::Unchanged
            | Verdict::Removed
            | Verdict::UserAbsent
            | Verdict::UserAmbiguous
            | Verdict::ImageRejected => proof.works |= serial > proof.stale,
            _ => {}
        }
    }

    fn hear_told(&mut self, backend: &BackendId, outcome: &Outcome, batch: u64) {
        let after = match outcome.verdict {
            Verdict::RateLimited { after } => after,
            _ => Duration::ZERO,
        };
        let told = after.max(outcome.quiet.unwrap_or_default()).min(Duration::from_secs(24 * 3600));
        let until = self.clock().after(told);
        let before = self.oracle.told.get(backend).map(|(until, _)| *until);
        if told > Duration::ZERO && before.is_none_or(|before| before < until) {
            self.count("told to wait");
            self.oracle.told.insert(backend.clone(), (until, batch));
        }
    }

    /// Whether it is the fifth in a row, from which on one goes alone until one comes through.
    fn hear_silence(&mut self, backend: &BackendId, outcome: &Outcome) -> bool {
        let proof = self.oracle.proofs.entry(backend.clone()).or_default();
        proof.unreached = if outcome.unreachable { proof.unreached + 1 } else { 0 };
        let opens = proof.works && proof.unreached >= 5;
        proof.works &= !opens;
        opens
    }

    /// A person says that backends are mended: an older success counts again, and no wait.
    pub(crate) fn oracle_sees_retry(&mut self) {
        self.oracle.told.clear();
        self.oracle.proofs.values_mut().for_each(|proof| proof.stale = 0);
        self.oracle.pairs.values_mut().for_each(|pair| pair.failed = None);
    }

    pub(crate) fn oracle_sees_confirm(&mut self) {
        self.oracle.trusted = self.oracle.seen.or(self.oracle.trusted);
        self.oracle.braked = false;
        self.oracle.absences.values_mut().for_each(|absence| absence.cleared = true);
    }

    pub(crate) fn oracle_sees_changes(&mut self, changes: &[Change]) {
        for change in changes {
            let Change::Delivery(user, backend, recorded) = change else { continue };
            if let Holds::Exactly { fingerprint, .. } = &recorded.holds {
                let accepted = &self.backends[self.backend_index(backend)].accepted;
                let real = accepted.contains(&(user.clone(), *fingerprint));
                self.ensure(real, "no success is recorded that was not one", || format!("{user} at {backend}"));
            }
            self.oracle.recorded.insert((user.clone(), backend.clone()), recorded.clone());
        }
    }

    // --- What one user's files come to ---

    /// The photo that must be shown, or why there is none.
    pub(crate) fn wanted(&self, user: &UserId) -> Wanted {
        let Some(dir) = self.folder.mounted() else { return Wanted::Keep };
        let own = dir.nodes.iter().filter(|(name, _)| user_of(name).as_ref() == Some(user));
        let mut own: Vec<_> = own.map(|(_, node)| *node).collect();
        if own.is_empty() {
            return Wanted::NoFile;
        }
        own.retain(|node| node.kind == Kind::File && !matches!(node.content, Content::Garbage(_)));
        let may_conflict = own.len() > 1 && self.plan.conflict == ConflictRule::Refuse;
        own.retain(|node| matches!(node.content, Content::Photo(_)));
        own.sort_by_key(|node| std::cmp::Reverse(node.stat.ctime_ns));
        match own.as_slice() {
            [] => Wanted::Keep,
            [_, _, ..] if may_conflict => Wanted::Conflict,
            [newest, ..] => Wanted::Photo { digest: newest.content.digest(), may_conflict },
        }
    }
}

/// What a user's files come to, seen from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    Photo {
        digest: Digest,
        /// Another file reads as a photo, and nobody may have found yet that it cannot be rendered.
        may_conflict: bool,
    },
    Conflict,
    /// A file is there, and it is no photo that can be taken.
    Keep,
    NoFile,
}
