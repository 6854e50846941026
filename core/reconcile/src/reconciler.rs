//! The decision loop: what was seen and what happened go in, what to do and what to write down come out.
//!
//! One value holds everything that is known at run time; the ledger holds the same durably, as the [`Change`]s that
//! come out of here. It acts on nothing itself.

mod absence;
mod decision;
mod namesakes;
mod orders;
mod restore;
mod sighting;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::change::{BackendRecord, Change, FolderRecord, UserRecord};
use crate::delivery::{Holds, Operation, Recorded, Target};
use crate::gate::Gate;
use crate::published::Pictures;
use crate::queue::Queue;
use crate::reconciler::namesakes::Namesakes;
use crate::{
    BackendId, Brake, Digest, FileName, FileState, Fingerprint, Names, Outcome, Owner, Photo, Stat, Time, UserId,
    Users, Verify,
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
    /// What photos are rejected for when pictures are made of them, as one text. Another text means that rejected files are
    /// examined again.
    pub reject: String,
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
    /// Whether its plugin sends requests: one that was cut off may still take effect, later.
    pub sends: bool,
    /// What its system calls users.
    pub users: Users,
    /// When it is asked whether it shows what was delivered.
    pub verify: Verify,
    /// Whose word counts when it shows something else.
    pub owner: Owner,
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
    /// Nothing is delivered: what the backends show is taken for what is wanted.
    pub adopts: bool,
    /// It ends when nothing is left to do: a backend for which nothing is due is not asked whether it works.
    pub is_pass: bool,
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
    /// What the user is called at the backend.
    pub remote: String,
    /// The backend.
    pub backend: BackendId,
    /// What the plugin is asked to do.
    pub operation: Operation,
    /// What is wanted.
    pub target: Target,
    /// The photo, where one is wanted: the file and its digest.
    pub photo: Option<(FileName, Digest)>,
    /// The backends that want this photo too, this one included: one decode serves them all.
    pub wave: Vec<BackendId>,
}

/// What was found at a backend, to be taken for what is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adoption {
    /// Whose photo it is about.
    pub user: UserId,
    /// The backend.
    pub backend: BackendId,
    /// Whether it is recorded as if it had been delivered.
    pub recorded: bool,
    /// What the look came to, and why it is not recorded where it is not.
    pub outcome: Outcome,
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
    /// Sorted. Mostly one, so it is no set: that would take ten times the memory.
    pub(crate) files: Vec<FileName>,
    pub(crate) record: Option<UserRecord>,
    /// Two complete scans of the folder as it is now, far enough apart, did not show a file. It is seen by the second of
    /// them, and never told from the clock alone.
    missed_twice: bool,
    /// One for each backend, in their order.
    pub(crate) slots: Vec<Slot>,
}

impl User {
    fn add_file(&mut self, name: &FileName) {
        if let Err(at) = self.files.binary_search(name) {
            self.files.insert(at, name.clone());
        }
    }

    fn drop_file(&mut self, name: &FileName) {
        self.files.retain(|file| file != name);
    }
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
    /// It was asked since the start what the backend shows, to be taken for what is wanted.
    pub(crate) asked: bool,
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
    /// Whether nothing new may be sent now, for a person or the system itself has asked for that.
    fn rests(&self, now: Time, focus: &Focus) -> bool {
        self.is_paused(focus) || self.record.quiet_until.is_some_and(|until| until > now)
    }

    /// Whether a person has paused it. Whoever wants to adopt what it shows sends nothing, and need not resume it.
    const fn is_paused(&self, focus: &Focus) -> bool {
        self.record.paused && !focus.adopts
    }

    fn print(&self, remote: &str, photo: &Photo) -> Fingerprint {
        Fingerprint::of(&photo.digest, &self.record.shape, remote)
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
    /// Boxed, for a tree leaves a good part of its places free.
    pub(crate) files: BTreeMap<FileName, Box<File>>,
    pub(crate) users: BTreeMap<UserId, Box<User>>,
    namesakes: Namesakes,
    pub(crate) folder: FolderRecord,
    pictures: Pictures,
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
    adoptions: Vec<Adoption>,
    changes: Vec<Change>,
}

impl Reconciler {
    /// Takes what is to be written down since the last call, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// How many pictures are published.
    #[must_use]
    pub fn published(&self) -> usize {
        self.pictures.len()
    }

    /// What was found so far by a pass that adopts.
    #[must_use]
    pub fn adoptions(&self) -> &[Adoption] {
        &self.adoptions
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
        if full || shut || backend.is_paused(&self.focus) || !self.is_readable() {
            return None;
        }
        let probe = backend.gate.probe_at();
        let due = match backend.spec.probes && !backend.gate.is_open() && !self.goes_unproved(backend) {
            true => Some(Time::PAST),
            false => backend.queue.due_at(),
        };
        let quiet = backend.record.quiet_until.unwrap_or(Time::PAST);
        due.map(|due| due.max(quiet).max(probe.unwrap_or(Time::PAST)))
    }

    /// Whether a backend of which nothing is known is left alone as long as nothing is due.
    fn goes_unproved(&self, backend: &Backend) -> bool {
        self.focus.is_pass && backend.gate.is_unproved()
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
