//! The decision loop: what was seen and what happened go in, what to do and what to write down come out.
//!
//! One value holds everything that is known at run time; the ledger holds the same durably, as the [`Change`]s that
//! come out of here. It acts on nothing itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::change::{Attempt, BackendRecord, Change, FileRecord, FolderRecord, Snapshot, UserRecord};
use crate::delivery::{Decision, Desired, Holds, Operation, Recorded, Target, decide};
use crate::queue::Queue;
use crate::retry::jitter;
use crate::{
    BackendId, Brake, Class, Digest, Entry, Examined, FileName, FileState, Fingerprint, Gate, Kind, Lane, Listing,
    Looked, MAX_WAIT, Names, Outcome, Photo, Presence, Stat, Time, UserId, Verdict, backoff,
};

/// What follows when two files of the folder are photos of one user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConflictRule {
    /// Neither is sent, both are told.
    Refuse,
    /// The file that changed last is sent, by the file system's own clock (ctime); equal times are refused.
    Newest,
}

/// The rules of the folder, from the configuration.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What names say.
    pub names: Names,
    /// How long a file must stay unchanged before it is read.
    pub settle: Duration,
    /// Two files of one user.
    pub conflict: ConflictRule,
    /// How far apart the two scans that prove an absence must be.
    pub absence: Duration,
    /// How many may vanish without a person.
    pub brake: Brake,
    /// The limits by which photos are accepted, as one text. Other limits mean that every file is examined again.
    pub limits: String,
    /// The version of the program. Another version means that rejected files are examined again.
    pub version: String,
}

/// A backend of the configuration.
#[derive(Clone, Debug)]
pub struct BackendSpec {
    /// Its name.
    pub id: BackendId,
    /// Recipe and identifying settings as one text: what makes a delivery another one.
    pub shape: String,
    /// How many deliveries may be out at once, >= 1.
    pub concurrency: usize,
    /// Whether a photo that was taken away is taken away here.
    pub remove: bool,
    /// Whether its plugin has an operation `probe`; if not, one delivery goes first.
    pub probes: bool,
    /// Why its plugin cannot be used, if it cannot.
    pub broken: Option<String>,
}

/// What a pass is about, when it is not about everything.
#[derive(Clone, Debug, Default)]
pub struct Focus {
    /// Only these users.
    pub users: Option<BTreeSet<UserId>>,
    /// Only these backends.
    pub backends: Option<BTreeSet<BackendId>>,
    /// At most so many photos.
    pub limit: Option<usize>,
}

/// A file that is to be read and examined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    /// Its name.
    pub name: FileName,
    /// The status that had settled; another one means that it changed.
    pub stat: Stat,
}

/// Something to do at a backend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Assignment {
    /// Ask whether credentials and settings work.
    Probe {
        /// Which backend.
        backend: BackendId,
    },
    /// Deliver or remove a photo.
    Deliver(Delivery),
}

/// A user's photo at one backend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The user.
    pub user: UserId,
    /// The backend.
    pub backend: BackendId,
    /// What is wanted.
    pub target: Target,
    /// The photo, where one is wanted: the file and its digest.
    pub photo: Option<(FileName, Digest)>,
    /// The backends that want this photo too, this one included: one decode serves them all.
    pub wave: Vec<BackendId>,
}

impl Delivery {
    /// What the plugin is asked to do.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self.target {
            Target::Photo(_) => Operation::Deliver,
            Target::Removal => Operation::Remove,
        }
    }
}

/// What is known of a file at run time.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) user: Option<UserId>,
    /// What last showed it: 0 for nothing since the start, 2n for scan n, 2n + 1 for a look after scan n.
    seen: u32,
    pub(crate) known: Known,
}

impl File {
    /// When it last changed and what an examination found, if it was seen since the start and is examined.
    const fn conclusion(&self) -> Option<(i64, &FileState)> {
        match &self.known {
            Known::Concluded { stat, state } if self.seen > 0 => Some((stat.ctime_ns, state)),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Known {
    /// It changed at `since`, or was first seen then.
    Settling { stat: Stat, since: Time },
    /// It is to be read, or being read.
    Reading { stat: Stat },
    /// It could not be read; tried again at each scan.
    Unreadable { stat: Stat, reason: String },
    /// Examined.
    Concluded { stat: Stat, state: FileState },
}

impl Known {
    const fn is_growing(&self) -> usize {
        matches!(self, Self::Settling { .. } | Self::Reading { .. }) as usize
    }
}

/// What is known of a user at run time.
#[derive(Debug, Default)]
pub(crate) struct User {
    /// The entries of the folder whose names say this user.
    pub(crate) files: BTreeSet<FileName>,
    pub(crate) record: Option<UserRecord>,
    /// Two complete scans of the folder as it is now, far enough apart, did not show a file. It is seen by the second of
    /// them, and never told from the clock alone.
    missed_twice: bool,
    /// One for each backend, in their order.
    pub(crate) slots: Vec<Slot>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Slot {
    pub(crate) recorded: Recorded,
    /// What must be held here for the photo that is in the user's record, once it was asked for. A hash for each user
    /// and backend is most of the work of looking over everything.
    print: Option<Fingerprint>,
    pub(crate) in_flight: bool,
    /// It was delivered since the start.
    pub(crate) delivered: bool,
}

#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) spec: BackendSpec,
    pub(crate) record: BackendRecord,
    pub(crate) gate: Gate,
    pub(crate) in_flight: usize,
    queue: Queue,
}

impl Backend {
    fn print(&self, user: &UserId, photo: &Photo) -> Fingerprint {
        Fingerprint::of(&photo.digest, &self.record.shape, user.as_str())
    }
}

/// What a user's files come to.
pub(crate) enum Usable<'a> {
    Photo { file: &'a FileName, photo: &'a Photo },
    Conflict,
    Nothing,
}

/// Everything that is known, and what follows from it.
#[derive(Debug)]
pub struct Reconciler {
    pub(crate) policy: Policy,
    pub(crate) focus: Focus,
    seed: u64,
    pub(crate) backends: Vec<Backend>,
    pub(crate) files: BTreeMap<FileName, File>,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) folder: FolderRecord,
    /// Why the folder cannot be read, or its last scan was not complete; and whether it can be read at all.
    pub(crate) folder_trouble: Option<(String, bool)>,
    pub(crate) admitted: BTreeSet<UserId>,
    looks: BTreeSet<(Time, FileName)>,
    reads: VecDeque<FileName>,
    pub(crate) growing: usize,
    scan: u32,
    /// A complete scan was made since the start.
    covered: bool,
    turn: usize,
    changes: Vec<Change>,
}

impl Reconciler {
    /// Takes up what was written down. Attempts that had begun and never ended are recorded as interrupted.
    #[must_use]
    pub fn restore(
        policy: Policy,
        focus: Focus,
        backends: Vec<BackendSpec>,
        snapshot: Snapshot,
        seed: u64,
        now: Time,
    ) -> Self {
        let mut this = Self {
            policy,
            focus,
            seed,
            backends: Vec::new(),
            files: BTreeMap::new(),
            users: BTreeMap::new(),
            folder: snapshot.folder,
            folder_trouble: Some(("the folder has not been read yet".into(), false)),
            admitted: BTreeSet::new(),
            looks: BTreeSet::new(),
            reads: VecDeque::new(),
            growing: 0,
            scan: 0,
            covered: false,
            turn: 0,
            changes: Vec::new(),
        };
        this.restore_backends(backends, snapshot.backends, now);
        this.restore_files(snapshot.files);
        this.restore_users(snapshot.users, snapshot.deliveries, now);
        this
    }

    fn restore_backends(&mut self, mut specs: Vec<BackendSpec>, records: Vec<(BackendId, BackendRecord)>, now: Time) {
        specs.sort_by(|a, b| a.id.cmp(&b.id));
        let mut records: BTreeMap<_, _> = records.into_iter().collect();
        for spec in specs {
            let record = records.remove(&spec.id).filter(|record| record.shape == spec.shape || spec.broken.is_some());
            let mut record = record.unwrap_or_else(|| {
                let fresh = BackendRecord { shape: spec.shape.clone(), since: now, held: None, quiet_until: None };
                self.changes.push(Change::Backend(spec.id.clone(), fresh.clone()));
                fresh
            });
            if record.quiet_until.take_if(|until| *until > now.after(MAX_WAIT)).is_some() {
                self.changes.push(Change::Backend(spec.id.clone(), record.clone()));
            }
            let gate = match (&spec.broken, &record.held) {
                (Some(reason), _) => Gate::Broken { reason: reason.clone() },
                (None, Some(reason)) => Gate::Held { reason: reason.clone(), probe_at: Time::PAST },
                (None, None) => Gate::Unproved,
            };
            self.backends.push(Backend { spec, record, gate, in_flight: 0, queue: Queue::default() });
        }
    }

    fn restore_files(&mut self, records: Vec<(FileName, FileRecord)>) {
        let rules = format!("{} {}", self.policy.names.canonical(), self.policy.limits);
        let shapes = self.backends.iter().map(|backend| backend.spec.shape.as_str());
        let edition = [self.policy.version.as_str()].into_iter().chain(shapes).collect::<Vec<_>>().join("\n");
        let same_rules = self.folder.rules == rules;
        let same_edition = self.folder.edition == edition;
        if !same_rules || !same_edition {
            self.folder.rules = rules;
            self.folder.edition = edition;
            self.changes.push(Change::Folder(self.folder.clone()));
        }
        for (name, FileRecord { stat, user, state }) in records {
            let stands = same_rules && (same_edition || matches!(state, FileState::Accepted(_)));
            if stands {
                if let Some(user) = &user {
                    self.users.entry(user.clone()).or_default().files.insert(name.clone());
                }
                self.files.insert(name, File { user, seen: 0, known: Known::Concluded { stat, state } });
            } else {
                self.changes.push(Change::FileForgotten(name));
            }
        }
    }

    fn restore_users(
        &mut self,
        records: Vec<(UserId, UserRecord)>,
        deliveries: Vec<(UserId, BackendId, Recorded)>,
        now: Time,
    ) {
        for (user, record) in records {
            self.users.entry(user).or_default().record = Some(record);
        }
        let slots = vec![Slot::default(); self.backends.len()];
        for user in self.users.values_mut() {
            user.slots.clone_from(&slots);
        }
        for (user, backend, recorded) in deliveries {
            let Some(index) = self.index(&backend) else { continue };
            let known = self.users.entry(user.clone()).or_default();
            known.slots.resize(slots.len(), Slot::default());
            known.slots[index].recorded = recorded;
            self.interrupt(&user, index, now);
        }
    }

    fn interrupt(&mut self, user: &UserId, index: usize, now: Time) {
        let backend = self.backends[index].spec.id.clone();
        let Some(slot) = self.users.get_mut(user).map(|known| &mut known.slots[index]) else { return };
        if slot.recorded.shorten_wait(now) {
            self.changes.push(Change::Delivery(user.clone(), backend.clone(), slot.recorded.clone()));
        }
        let count = slot.recorded.attempted.as_ref().map_or(0, |attempted| attempted.count);
        if !slot.recorded.interrupt(now, jitter(self.seed, Some(user), &backend, count)) {
            return;
        }
        let reason = slot.recorded.failure().map(|(_, reason, _)| reason.clone()).unwrap_or_default();
        self.changes.push(Change::Delivery(user.clone(), backend.clone(), slot.recorded.clone()));
        self.changes.push(Change::Attempt(
            user.clone(),
            backend,
            Attempt { at: now, verdict: Verdict::Retry, reason, ms: 0 },
        ));
    }

    // --- What was seen ---

    /// The folder was scanned.
    pub fn listed(&mut self, listing: Listing, now: Time) {
        self.scan += 1;
        let moved = self.recognise(&listing, now);
        let complete = listing.trouble.is_none();
        let covers = complete && !self.covered;
        self.covered |= complete;
        self.folder_trouble = listing.trouble.map(|reason| (reason, true));
        for entry in listing.entries {
            self.sight(entry, true, now);
        }
        if complete {
            self.conclude_absences(now);
        }
        if self.scan == 1 || moved || covers {
            let users: Vec<_> = self.users.keys().cloned().collect();
            users.iter().for_each(|user| self.reconsider(user, now));
        }
    }

    /// The folder cannot be read at all. Nothing follows from that, but that nothing can be delivered. Says whether that
    /// is news.
    pub fn folder_unknown(&mut self, reason: impl Into<String>) -> bool {
        let before = self.folder_trouble.replace((reason.into(), false));
        before != self.folder_trouble
    }

    /// Takes what was written down for what is there, for whoever only wants to know: nothing is delivered before a scan.
    /// `trouble` is what keeps the folder from being read now, if anything does.
    pub fn recall(&mut self, trouble: Option<String>, now: Time) {
        self.folder_trouble = trouble.map(|reason| (reason, false));
        self.files.values_mut().for_each(|file| file.seen = file.seen.max(1));
        let users: Vec<_> = self.users.keys().cloned().collect();
        users.iter().for_each(|user| self.reconsider(user, now));
    }

    /// One name was looked at.
    pub fn looked(&mut self, name: &FileName, looked: Looked, now: Time) {
        match looked {
            Looked::Here(entry) => self.sight(entry, false, now),
            Looked::Absent => {
                self.forget(name, now);
                self.prove_absence(name, now);
            }
            Looked::Unknown => {}
        }
    }

    /// A file was read and examined.
    pub fn examined(&mut self, read: &Read, found: Examined, now: Time) {
        let Some(file) = self.files.get_mut(&read.name) else { return };
        if !matches!(&file.known, Known::Reading { stat } if *stat == read.stat) {
            return;
        }
        match found {
            Examined::Accepted(photo) => self.conclude(&read.name, read.stat, FileState::Accepted(photo), now),
            Examined::Rejected { reason } => self.conclude(&read.name, read.stat, FileState::Rejected { reason }, now),
            Examined::Unreadable { reason } => self.change(&read.name, Known::Unreadable { stat: read.stat, reason }),
            Examined::Changed => self.let_settle(&read.name, read.stat, now),
            Examined::Absent => self.forget(&read.name, now),
        }
    }

    /// An accepted photo turned out otherwise when it was read again for a delivery: it has changed, is gone, or cannot
    /// be rendered. Nothing of it reaches a backend.
    pub fn reexamined(&mut self, name: &FileName, digest: &Digest, found: Examined, now: Time) {
        let stat = match self.files.get(name).map(|file| &file.known) {
            Some(Known::Concluded { stat, state: FileState::Accepted(photo) }) if photo.digest == *digest => *stat,
            _ => return,
        };
        match found {
            Examined::Accepted(_) => {}
            Examined::Rejected { reason } => self.conclude(name, stat, FileState::Rejected { reason }, now),
            Examined::Unreadable { .. } | Examined::Changed | Examined::Absent => {
                let user = self.files.get(name).and_then(|file| file.user.clone());
                self.let_settle(name, stat, now);
                if let Some(user) = user {
                    self.reconsider(&user, now);
                }
            }
        }
    }

    /// Says whether it is another directory than the one that was seen before.
    fn recognise(&mut self, listing: &Listing, now: Time) -> bool {
        let before = self.folder.clone();
        let moved = before.seen.is_some_and(|seen| seen != listing.identity);
        self.folder.seen = Some(listing.identity);
        self.folder.trusted.get_or_insert(listing.identity);
        if listing.trouble.is_none() {
            self.folder.scanned = Some(now);
        }
        if before != self.folder {
            self.changes.push(Change::Folder(self.folder.clone()));
        }
        if moved {
            self.doubt_absences();
        }
        moved
    }

    fn sight(&mut self, entry: Entry, by_scan: bool, now: Time) {
        let seen = 2 * self.scan + u32::from(!by_scan);
        let Some(file) = self.files.get_mut(&entry.name) else { return self.first_sight(entry, seen, now) };
        let first_since_start = std::mem::replace(&mut file.seen, seen) == 0;
        match &file.known {
            Known::Concluded { stat, .. } if *stat == entry.stat => {
                if let (true, Some(user)) = (first_since_start && seen > 2, file.user.clone()) {
                    self.reconsider(&user, now);
                }
            }
            Known::Reading { stat } if *stat == entry.stat => {}
            Known::Unreadable { stat, .. } if *stat == entry.stat => {
                if by_scan {
                    self.read_next(&entry.name, entry.stat, false);
                }
            }
            Known::Settling { stat, since } if *stat == entry.stat => {
                let due = since.after(self.policy.settle);
                if due <= now {
                    self.read_next(&entry.name, entry.stat, !by_scan);
                } else {
                    self.looks.insert((due, entry.name));
                }
            }
            _ => self.notice_change(entry, seen, now),
        }
    }

    fn notice_change(&mut self, entry: Entry, seen: u32, now: Time) {
        let is_photo = matches!(self.policy.names.classify(&entry.name), Class::Photo(_));
        if !is_photo || entry.kind != Kind::File {
            return self.first_sight(entry, seen, now);
        }
        self.let_settle(&entry.name, entry.stat, now);
        if let Some(user) = self.user_of(&entry.name) {
            self.reconsider(&user, now);
        }
    }

    fn first_sight(&mut self, entry: Entry, seen: u32, now: Time) {
        let Entry { name, kind, stat } = entry;
        let (user, state) = match self.policy.names.classify(&name) {
            Class::Temporary => return,
            Class::Ignored(_) if kind == Kind::Directory => {
                (None, FileState::Ignored { reason: "a folder: sub-folders are not entered".into() })
            }
            Class::Ignored(reason) => (None, FileState::Ignored { reason }),
            Class::Rejected(reason) => (None, FileState::Rejected { reason }),
            Class::Photo(user) => match kind.refusal() {
                Some(reason) => (Some(user), FileState::Rejected { reason: reason.into() }),
                None => return self.take_up(name, user, stat, seen, now),
            },
        };
        self.meet(&name, user, Known::Settling { stat, since: now }, seen);
        self.conclude(&name, stat, state, now);
    }

    /// A file that may be a photo is seen for the first time. One that has not been touched for a while has settled.
    fn take_up(&mut self, name: FileName, user: UserId, stat: Stat, seen: u32, now: Time) {
        let settled = now.as_millis().saturating_sub(i64::try_from(self.policy.settle.as_millis()).unwrap_or(i64::MAX));
        let is_old = stat.mtime_ns.max(stat.ctime_ns) / 1_000_000 < settled;
        self.meet(&name, Some(user.clone()), Known::Settling { stat, since: now }, seen);
        self.user(&user).files.insert(name.clone());
        if is_old {
            self.read_next(&name, stat, false);
        } else {
            self.let_settle(&name, stat, now);
        }
        self.reconsider(&user, now);
    }

    fn let_settle(&mut self, name: &FileName, stat: Stat, now: Time) {
        self.change(name, Known::Settling { stat, since: now });
        self.looks.insert((now.after(self.policy.settle), name.clone()));
    }

    fn read_next(&mut self, name: &FileName, stat: Stat, first: bool) {
        self.change(name, Known::Reading { stat });
        if first {
            self.reads.push_front(name.clone());
        } else {
            self.reads.push_back(name.clone());
        }
    }

    fn conclude(&mut self, name: &FileName, stat: Stat, state: FileState, now: Time) {
        self.change(name, Known::Concluded { stat, state: state.clone() });
        let user = self.files.get(name).and_then(|file| file.user.clone());
        self.changes.push(Change::File(name.clone(), FileRecord { stat, user: user.clone(), state }));
        if let Some(user) = user {
            self.user(&user).files.insert(name.clone());
            self.reconsider(&user, now);
        }
    }

    fn meet(&mut self, name: &FileName, user: Option<UserId>, known: Known, seen: u32) {
        self.growing += known.is_growing();
        let before = self.files.insert(name.clone(), File { user, seen, known });
        self.growing -= before.map_or(0, |before| before.known.is_growing());
    }

    fn change(&mut self, name: &FileName, known: Known) {
        let Some(file) = self.files.get_mut(name) else { return };
        self.growing += known.is_growing();
        self.growing -= std::mem::replace(&mut file.known, known).is_growing();
    }

    fn forget(&mut self, name: &FileName, now: Time) {
        let Some(file) = self.files.remove(name) else { return };
        self.growing -= file.known.is_growing();
        self.changes.push(Change::FileForgotten(name.clone()));
        if let Some(user) = file.user {
            self.user(&user).files.remove(name);
            self.reconsider(&user, now);
        }
    }

    fn user(&mut self, user: &UserId) -> &mut User {
        let slots = self.backends.len();
        let known = self.users.entry(user.clone()).or_default();
        known.slots.resize(slots, Slot::default());
        known
    }

    // --- Absence ---

    fn conclude_absences(&mut self, now: Time) {
        let unlisted = self.files.iter().filter(|(_, file)| file.seen < 2 * self.scan);
        // What a look has found since the last scan may be younger than this scan's result: another look decides.
        let (found, vanished): (Vec<_>, Vec<_>) =
            unlisted.map(|(name, file)| (name.clone(), file.seen)).partition(|(_, seen)| *seen == 2 * self.scan - 1);
        self.looks.extend(found.into_iter().map(|(name, _)| (now, name)));
        vanished.iter().for_each(|(name, _)| self.forget(name, now));
        let missing: Vec<_> =
            self.users.iter().filter(|(_, user)| user.files.is_empty()).map(|(id, _)| id.clone()).collect();
        missing.iter().for_each(|user| self.miss(user, now));
        self.brake(now);
        if self.absences_count() {
            missing.iter().for_each(|user| self.look_if_missed_twice(user, now));
        }
    }

    fn miss(&mut self, user: &UserId, now: Time) {
        self.set_presence(user, |presence| presence.missed(now));
        let absence = self.policy.absence;
        let Some(known) = self.users.get_mut(user) else { return };
        known.missed_twice |= known.record.as_ref().is_some_and(|record| record.presence.is_ripe(absence, now));
    }

    /// Scans of another directory say nothing about this one: what was missing there is missed anew, or is here.
    fn doubt_absences(&mut self) {
        let is_missing = |user: &User| {
            user.record.as_ref().is_some_and(|record| matches!(record.presence, Presence::Missing { .. }))
        };
        let missing: Vec<_> =
            self.users.iter().filter(|(_, user)| is_missing(user)).map(|(id, _)| id.clone()).collect();
        missing.iter().for_each(|user| self.set_presence(user, |_| Presence::Here));
    }

    /// Whether what is not in the folder was taken out of it: not when it is another folder than before.
    fn absences_count(&self) -> bool {
        self.folder.trusted == self.folder.seen
    }

    fn brake(&mut self, now: Time) {
        let presences = self.users.values().filter_map(|user| user.record.as_ref()).map(|record| record.presence);
        if !self.folder.braked && self.policy.brake.stops(presences, now) {
            self.folder.braked = true;
            self.changes.push(Change::Folder(self.folder.clone()));
        }
    }

    fn look_if_missed_twice(&mut self, user: &UserId, now: Time) {
        let known = self.users.get(user).filter(|known| known.missed_twice);
        if let Some(record) = known.and_then(|known| known.record.as_ref()) {
            self.looks.insert((now, record.file.clone()));
        }
    }

    fn prove_absence(&mut self, name: &FileName, now: Time) {
        let Class::Photo(user) = self.policy.names.classify(name) else { return };
        let is_missed = |known: &User| {
            let is_last = known.record.as_ref().is_some_and(|record| record.file == *name);
            is_last && known.missed_twice && known.files.is_empty()
        };
        if self.users.get(&user).is_some_and(is_missed) && self.absences_count() {
            self.set_presence(&user, Presence::proved);
            self.reconsider(&user, now);
        }
    }

    fn set_presence(&mut self, user: &UserId, next: impl FnOnce(Presence) -> Presence) {
        let Some(known) = self.users.get_mut(user) else { return };
        let Some(record) = known.record.as_mut() else { return };
        let presence = next(record.presence);
        known.missed_twice &= matches!(presence, Presence::Missing { .. });
        if presence != record.presence {
            record.presence = presence;
            self.changes.push(Change::User(user.clone(), record.clone()));
        }
    }

    /// A person agrees that what is missing now may be removed, and that the folder as it is now is the right one.
    /// Says how many users that concerns.
    pub fn confirm_removals(&mut self, now: Time) -> usize {
        self.folder.trusted = self.folder.seen.or(self.folder.trusted);
        self.folder.braked = false;
        self.changes.push(Change::Folder(self.folder.clone()));
        let is_away = |user: &User| user.record.as_ref().is_some_and(|record| record.presence != Presence::Here);
        let away: Vec<_> = self.users.iter().filter(|(_, user)| is_away(user)).map(|(id, _)| id.clone()).collect();
        for user in &away {
            self.set_presence(user, Presence::cleared);
            self.look_if_missed_twice(user, now);
            self.reconsider(user, now);
        }
        away.len()
    }

    // --- What follows ---

    /// Decides anew for a user at every backend.
    fn reconsider(&mut self, user: &UserId, now: Time) {
        self.note_photo(user, now);
        self.note_prints(user);
        let lanes = self.lanes(user, now);
        for (backend, lane) in self.backends.iter_mut().zip(lanes) {
            match lane {
                Some(lane) => backend.queue.put(user, lane),
                None => backend.queue.remove(user),
            }
        }
    }

    /// Where the user waits at each backend.
    fn lanes(&self, user: &UserId, now: Time) -> Vec<Option<Lane>> {
        let Some(known) = self.users.get(user) else { return Vec::new() };
        let usable = self.usable_of(known);
        let lane = |(index, slot): (usize, &Slot)| {
            let decision = decide(self.desired_of(user, known, &usable, index), &slot.recorded, now);
            if slot.in_flight { None } else { self.lane(user, known, index, decision) }
        };
        known.slots.iter().enumerate().map(lane).collect()
    }

    /// Keeps the record of the user's last accepted photo.
    fn note_photo(&mut self, user: &UserId, now: Time) {
        let Some(known) = self.users.get(user) else { return };
        let Usable::Photo { file, photo } = self.usable_of(known) else {
            if !known.files.is_empty() {
                self.set_presence(user, |_| Presence::Here);
            }
            return;
        };
        let same_photo = known.record.as_ref().filter(|before| before.photo.digest == photo.digest);
        let accepted_at = same_photo.map_or(now, |before| before.accepted_at);
        let is_same =
            |before: &UserRecord| before.presence == Presence::Here && before.file == *file && before.photo == *photo;
        if !same_photo.is_some_and(is_same) {
            let (file, photo) = (file.clone(), photo.clone());
            self.set_record(user, UserRecord { file, photo, accepted_at, presence: Presence::Here });
        }
    }

    fn set_record(&mut self, user: &UserId, record: UserRecord) {
        let Some(known) = self.users.get_mut(user) else { return };
        if known.record.as_ref().is_none_or(|before| before.photo.digest != record.photo.digest) {
            known.slots.iter_mut().for_each(|slot| slot.print = None);
        }
        known.missed_twice = false;
        known.record = Some(record.clone());
        self.changes.push(Change::User(user.clone(), record));
    }

    fn note_prints(&mut self, user: &UserId) {
        let Some(known) = self.users.get_mut(user) else { return };
        let Some(record) = known.record.as_ref().filter(|record| record.presence == Presence::Here) else { return };
        for (slot, backend) in known.slots.iter_mut().zip(&self.backends) {
            slot.print.get_or_insert_with(|| backend.print(user, &record.photo));
        }
    }

    pub(crate) fn usable(&self, user: &UserId) -> Usable<'_> {
        self.users.get(user).map_or(Usable::Nothing, |known| self.usable_of(known))
    }

    /// What the user's files come to. While one of several is not examined, or was not seen since the start, nothing
    /// follows: it may turn out to be the newest, or one too many. The file of the last photo is one of them until a
    /// complete scan has not shown it.
    fn usable_of(&self, known: &User) -> Usable<'_> {
        let is_last_known = |record: &UserRecord| self.covered || known.files.contains(&record.file);
        if !known.record.as_ref().is_none_or(is_last_known) {
            return Usable::Nothing;
        }
        let (mut pick, mut is_disputed) = (None, false);
        for (name, file) in known.files.iter().filter_map(|name| self.files.get_key_value(name)) {
            let Some((changed, state)) = file.conclusion() else { return Usable::Nothing };
            let FileState::Accepted(photo) = state else { continue };
            let before = pick.map_or(i64::MIN, |(_, _, before)| before);
            is_disputed = match self.policy.conflict {
                ConflictRule::Refuse => pick.is_some(),
                ConflictRule::Newest => changed == before || (is_disputed && changed < before),
            };
            if changed >= before {
                pick = Some((name, photo, changed));
            }
        }
        match pick {
            Some(_) if is_disputed => Usable::Conflict,
            Some((file, photo, _)) => Usable::Photo { file, photo },
            None => Usable::Nothing,
        }
    }

    pub(crate) fn is_accepted(&self, name: &FileName) -> bool {
        let conclusion = self.files.get(name).and_then(File::conclusion);
        conclusion.is_some_and(|(_, state)| matches!(state, FileState::Accepted(_)))
    }

    fn desired(&self, user: &UserId, index: usize) -> Desired {
        let Some(known) = self.users.get(user) else { return Desired::Keep };
        self.desired_of(user, known, &self.usable_of(known), index)
    }

    fn desired_of(&self, user: &UserId, known: &User, usable: &Usable<'_>, index: usize) -> Desired {
        let backend = &self.backends[index];
        match usable {
            Usable::Photo { photo, .. } => {
                let noted = known.record.as_ref().filter(|record| record.photo.digest == photo.digest);
                let print = noted.and_then(|_| known.slots.get(index)?.print);
                Desired::Photo(print.unwrap_or_else(|| backend.print(user, photo)))
            }
            Usable::Nothing if backend.spec.remove && self.may_remove(known) => Desired::Gone,
            Usable::Nothing | Usable::Conflict => Desired::Keep,
        }
    }

    pub(crate) fn may_remove(&self, known: &User) -> bool {
        match known.record.as_ref().map(|record| record.presence) {
            Some(Presence::Gone { cleared, .. }) => cleared || (!self.folder.braked && self.absences_count()),
            _ => false,
        }
    }

    pub(crate) fn decide(&self, user: &UserId, index: usize, now: Time) -> Decision {
        match self.slot(user, index) {
            Some(slot) => decide(self.desired(user, index), &slot.recorded, now),
            None => Decision::Idle,
        }
    }

    pub(crate) fn slot(&self, user: &UserId, index: usize) -> Option<&Slot> {
        self.users.get(user)?.slots.get(index)
    }

    pub(crate) fn in_question(&self, user: &UserId, backend: &BackendId) -> bool {
        self.focus.users.as_ref().is_none_or(|users| users.contains(user)) && self.is_asked(backend)
    }

    fn lane(&self, user: &UserId, known: &User, index: usize, decision: Decision) -> Option<Lane> {
        let backend = &self.backends[index];
        let Decision::Due { at, again } = decision else { return None };
        if !self.in_question(user, &backend.spec.id) {
            return None;
        }
        let accepted = known.record.as_ref()?.accepted_at;
        Some(match again {
            true => Lane::Retry { at },
            false if accepted >= backend.record.since => Lane::Fresh { accepted },
            false => Lane::Resync,
        })
    }

    // --- What to do ---

    /// A file that is to be read now, if any.
    pub fn next_read(&mut self) -> Option<Read> {
        loop {
            let name = self.reads.pop_front()?;
            if let Some(Known::Reading { stat }) = self.files.get(&name).map(|file| &file.known) {
                return Some(Read { stat: *stat, name });
            }
        }
    }

    /// A name that is to be looked at now, if any.
    pub fn next_look(&mut self, now: Time) -> Option<FileName> {
        if self.looks.first()?.0 > now {
            return None;
        }
        self.looks.pop_first().map(|(_, name)| name)
    }

    /// Something that is to be done at a backend now, if any. It is out until [`Self::settle`], [`Self::probed`] or
    /// [`Self::abandon`] says otherwise.
    pub fn next_assignment(&mut self, now: Time) -> Option<Assignment> {
        if !self.is_readable() {
            return None;
        }
        for _ in 0..self.backends.len() {
            self.turn = (self.turn + 1) % self.backends.len();
            if let Some(assignment) = self.assign(self.turn, now) {
                return Some(assignment);
            }
        }
        None
    }

    fn assign(&mut self, index: usize, now: Time) -> Option<Assignment> {
        let backend = &self.backends[index];
        let asked = self.is_asked(&backend.spec.id);
        let probing = !backend.gate.is_open();
        if backend.record.quiet_until.is_some_and(|until| until > now)
            || (probing && (backend.in_flight > 0 || !backend.gate.wants_probe(now)))
            || backend.in_flight >= backend.spec.concurrency
            || !asked
        {
            return None;
        }
        let assignment = match probing && backend.spec.probes {
            true => Assignment::Probe { backend: backend.spec.id.clone() },
            false => Assignment::Deliver(self.next_delivery(index, now)?),
        };
        let backend = &mut self.backends[index];
        backend.in_flight += 1;
        if probing {
            backend.gate.send_probe();
        }
        Some(assignment)
    }

    fn next_delivery(&mut self, index: usize, now: Time) -> Option<Delivery> {
        loop {
            let user = self.backends[index].queue.next(now)?;
            let full = self.focus.limit.is_some_and(|limit| self.admitted.len() >= limit);
            if full && !self.admitted.contains(&user) {
                continue;
            }
            let Some(delivery) = self.delivery(&user, index, now) else { continue };
            if self.focus.limit.is_some() {
                self.admitted.insert(user.clone());
            }
            if let Some(slot) = self.users.get_mut(&user).and_then(|known| known.slots.get_mut(index)) {
                slot.in_flight = true;
            }
            return Some(delivery);
        }
    }

    fn delivery(&self, user: &UserId, index: usize, now: Time) -> Option<Delivery> {
        let backend = self.backends[index].spec.id.clone();
        let (target, photo) = match (self.desired(user, index), self.usable(user)) {
            (Desired::Photo(print), Usable::Photo { file, photo }) => {
                (Target::Photo(print), Some((file.clone(), photo.digest)))
            }
            (Desired::Gone, _) => (Target::Removal, None),
            _ => return None,
        };
        let wave = (0..self.backends.len())
            .filter(|other| *other == index || matches!(self.decide(user, *other, now), Decision::Due { .. }))
            .map(|other| self.backends[other].spec.id.clone())
            .collect();
        Some(Delivery { user: user.clone(), backend, target, photo, wave })
    }

    /// Counts the attempt, before the plugin is called. The number of attempts at this, this one included; none when
    /// something else is wanted meanwhile, and the delivery is to be abandoned.
    pub fn begin(&mut self, delivery: &Delivery, now: Time) -> Option<u32> {
        let index = self.index(&delivery.backend)?;
        let wanted = match self.desired(&delivery.user, index) {
            Desired::Photo(print) => Target::Photo(print) == delivery.target,
            Desired::Gone => delivery.target == Target::Removal,
            Desired::Keep => false,
        };
        let slot = self.users.get_mut(&delivery.user)?.slots.get_mut(index).filter(|slot| wanted && slot.in_flight)?;
        slot.recorded.begin(delivery.target, now);
        let count = slot.recorded.attempted.as_ref().map_or(1, |attempted| attempted.count);
        let recorded = slot.recorded.clone();
        self.changes.push(Change::Delivery(delivery.user.clone(), delivery.backend.clone(), recorded));
        Some(count)
    }

    /// What the plugin told of the last delivery of this user to this backend that is known to have been done.
    #[must_use]
    pub fn receipt(&self, delivery: &Delivery) -> Option<&String> {
        self.slot(&delivery.user, self.index(&delivery.backend)?)?.recorded.holds.receipt()
    }

    /// Records what an attempt came to.
    pub fn settle(&mut self, delivery: &Delivery, outcome: &Outcome, ms: u64, now: Time) {
        let Some(index) = self.index(&delivery.backend) else { return };
        let Some(slot) = self.users.get_mut(&delivery.user).and_then(|known| known.slots.get_mut(index)) else {
            return;
        };
        if !std::mem::take(&mut slot.in_flight) {
            return;
        }
        let count = slot.recorded.attempted.as_ref().map_or(0, |attempted| attempted.count);
        slot.recorded.settle(outcome, now, jitter(self.seed, Some(&delivery.user), &delivery.backend, count));
        slot.delivered |= matches!(outcome.verdict, Verdict::Changed | Verdict::Removed);
        let (user, backend) = (delivery.user.clone(), delivery.backend.clone());
        let attempt = Attempt { at: now, verdict: outcome.verdict.clone(), reason: outcome.reason.clone(), ms };
        self.changes.push(Change::Delivery(user.clone(), backend.clone(), slot.recorded.clone()));
        self.changes.push(Change::Attempt(user, backend, attempt));
        self.backends[index].in_flight -= 1;
        self.hear(index, outcome, now);
        self.reconsider(&delivery.user, now);
    }

    /// A delivery was given up before its attempt was counted.
    pub fn abandon(&mut self, delivery: &Delivery, now: Time) {
        let Some(index) = self.index(&delivery.backend) else { return };
        let Some(slot) = self.users.get_mut(&delivery.user).and_then(|known| known.slots.get_mut(index)) else {
            return;
        };
        if std::mem::take(&mut slot.in_flight) {
            self.backends[index].in_flight -= 1;
            self.backends[index].gate.withdraw_probe(now);
            self.reconsider(&delivery.user, now);
        }
    }

    /// A probe came back.
    pub fn probed(&mut self, backend: &BackendId, outcome: &Outcome, now: Time) {
        let Some(index) = self.index(backend) else { return };
        self.backends[index].in_flight -= 1;
        self.hear(index, outcome, now);
        if !outcome.verdict.proves_backend() && !outcome.verdict.holds_backend() {
            // An outage: ask again soon, not at once.
            let wait = backoff(3, jitter(self.seed, None, backend, 0).max(0.5));
            self.be_quiet(index, now.after(wait));
        }
    }

    fn hear(&mut self, index: usize, outcome: &Outcome, now: Time) {
        let backend = &mut self.backends[index];
        let held = backend.gate.held().cloned();
        backend.gate.hear(&outcome.verdict, &outcome.reason, now);
        if held.as_ref() != backend.gate.held() {
            backend.record.held = backend.gate.held().cloned();
            self.changes.push(Change::Backend(backend.spec.id.clone(), backend.record.clone()));
        }
        if let Verdict::RateLimited { after } = outcome.verdict {
            const DAY: Duration = Duration::from_secs(24 * 3600);
            let chance = jitter(self.seed, None, &self.backends[index].spec.id, 1);
            let after = after.min(DAY);
            self.be_quiet(index, now.after(after + Duration::from_secs(1) + after.mul_f64(chance / 10.0)));
        }
    }

    fn be_quiet(&mut self, index: usize, until: Time) {
        let backend = &mut self.backends[index];
        if backend.record.quiet_until.is_none_or(|before| before < until) {
            backend.record.quiet_until = Some(until);
            self.changes.push(Change::Backend(backend.spec.id.clone(), backend.record.clone()));
        }
    }

    // --- What a person asks for ---

    /// Makes deliveries that failed due, and releases held backends; of all users and backends, or of these. Says how
    /// many deliveries and backends that concerns.
    pub fn retry(
        &mut self,
        users: Option<&BTreeSet<UserId>>,
        backends: Option<&BTreeSet<BackendId>>,
        now: Time,
    ) -> usize {
        let asked = |id: &BackendId| backends.is_none_or(|backends| backends.contains(id));
        let indices: Vec<_> = (0..self.backends.len()).filter(|index| asked(&self.backends[*index].spec.id)).collect();
        let mut released = 0;
        for index in &indices {
            released += usize::from(self.release_backend(*index));
        }
        let users: Vec<_> =
            users.map_or_else(|| self.users.keys().cloned().collect(), |users| users.iter().cloned().collect());
        for user in users {
            let here = indices.iter().filter(|index| self.release_delivery(&user, **index)).count();
            if here > 0 {
                released += here;
                self.reconsider(&user, now);
            }
        }
        released
    }

    fn release_backend(&mut self, index: usize) -> bool {
        let backend = &mut self.backends[index];
        let released = backend.gate.release() | backend.record.quiet_until.take().is_some();
        if released {
            backend.record.held = None;
            self.changes.push(Change::Backend(backend.spec.id.clone(), backend.record.clone()));
        }
        released
    }

    fn release_delivery(&mut self, user: &UserId, index: usize) -> bool {
        let backend = self.backends[index].spec.id.clone();
        let Some(slot) = self.users.get_mut(user).and_then(|known| known.slots.get_mut(index)) else { return false };
        let released = !slot.in_flight && slot.recorded.release();
        if released {
            self.changes.push(Change::Delivery(user.clone(), backend, slot.recorded.clone()));
        }
        released
    }

    // --- The loop's bookkeeping ---

    /// Takes what is to be written down since the last call, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// When to ask again at the latest, if nothing else happens: now for [`Time::PAST`].
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        let looks = self.looks.first().map(|(at, _)| *at);
        looks.into_iter().chain(self.next_work()).min()
    }

    /// When the next delivery may go out, if only time is in the way. While a backend is held, that is its next probe.
    #[must_use]
    pub fn next_work(&self) -> Option<Time> {
        (0..self.backends.len()).filter_map(|index| self.work_at(index)).min()
    }

    fn is_readable(&self) -> bool {
        self.folder_trouble.as_ref().is_none_or(|(_, readable)| *readable)
    }

    pub(crate) fn is_asked(&self, backend: &BackendId) -> bool {
        self.focus.backends.as_ref().is_none_or(|backends| backends.contains(backend))
    }

    fn work_at(&self, index: usize) -> Option<Time> {
        let backend = &self.backends[index];
        let full = backend.in_flight >= if backend.gate.is_open() { backend.spec.concurrency } else { 1 };
        let shut = matches!(backend.gate, Gate::Broken { .. }) || !self.is_asked(&backend.spec.id);
        if full || shut || !self.is_readable() {
            return None;
        }
        let probe = backend.gate.probe_at();
        let due = match backend.spec.probes && !backend.gate.is_open() {
            true => Some(Time::PAST),
            false => backend.queue.due_at(),
        };
        let quiet = backend.record.quiet_until.unwrap_or(Time::PAST);
        due.map(|due| due.max(quiet).max(probe.unwrap_or(Time::PAST)))
    }

    /// How many deliveries and probes are out.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.backends.iter().map(|backend| backend.in_flight).sum()
    }

    /// How many files are not yet examined since they were seen or changed.
    #[must_use]
    pub const fn growing(&self) -> usize {
        self.growing
    }

    /// The user that a name says, if it says one.
    #[must_use]
    pub fn user_of(&self, name: &FileName) -> Option<UserId> {
        self.files.get(name)?.user.clone()
    }

    pub(crate) fn index(&self, backend: &BackendId) -> Option<usize> {
        self.backends.binary_search_by(|known| known.spec.id.cmp(backend)).ok()
    }

    /// Whether the backend holds this user's picture, as far as we know.
    pub(crate) fn holds(&self, user: &UserId, index: usize) -> bool {
        self.slot(user, index).is_some_and(|slot| matches!(slot.recorded.holds, Holds::Exactly { .. }))
    }
}
