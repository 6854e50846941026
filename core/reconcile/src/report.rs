//! What is known, for people: `status`, `explain` and the summary of a pass. Plain data; the daemon words it.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::{Decision, Desired, Holds};
use crate::gate::Gate;
use crate::reconciler::{Backend, Known, Reconciler, Usable, User};
use crate::{
    BackendId, FileName, FileState, Fingerprint, Identity, Missing, Photo, Presence, Remote, Time, UserId, Verdict,
};

/// Whether the folder can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// The last scan was complete.
    Ok,
    /// It cannot be read; nothing is concluded.
    Unknown {
        /// Why.
        reason: String,
    },
    /// The last scan failed in part; nothing is concluded from absence.
    Incomplete {
        /// Why.
        reason: String,
    },
}

/// An entry of the folder that is no photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Its name.
    pub file: FileName,
    /// Why it is none.
    pub reason: String,
}

/// Whether a backend works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendState {
    /// As far as is known.
    Up,
    /// Its plugin cannot be used, or the system cannot be reached.
    Down {
        /// Why.
        reason: String,
    },
    /// A person is wanted.
    Held {
        /// Why.
        reason: String,
    },
    /// A person has paused it.
    Paused,
}

impl BackendState {
    /// Whether something is wrong that a person may have to mend.
    #[must_use]
    pub const fn wants_person(&self) -> bool {
        matches!(self, Self::Down { .. } | Self::Held { .. })
    }
}

/// A backend and its deliveries, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendReport {
    /// Whether it works.
    pub state: BackendState,
    /// Deliveries by state.
    pub deliveries: BTreeMap<&'static str, usize>,
}

/// Everything at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The folder.
    pub folder: FolderState,
    /// When it was last scanned completely.
    pub scanned: Option<Time>,
    /// How many photos are accepted.
    pub photos: usize,
    /// Of how many of them each thing has to be said, by the words that [`Reconciler::warned`] heard.
    pub warnings: BTreeMap<String, usize>,
    /// Entries that were meant as photos and cannot be taken.
    pub rejected: Vec<FileReport>,
    /// Entries that are something else.
    pub ignored: Vec<FileReport>,
    /// Users of whom several files are photos, with the files.
    pub conflicts: Vec<(UserId, Vec<FileName>)>,
    /// Photos of users who are one user at a backend, or of whom it is not known which one; with the reason.
    pub shared: Vec<(BackendId, Vec<FileName>, String)>,
    /// Removals that wait for a person.
    pub braked: usize,
    /// The folder's path leads to another directory than before, and a person has not agreed to that.
    pub moved: Option<(Identity, Identity)>,
    /// The backends.
    pub backends: BTreeMap<BackendId, BackendReport>,
}

/// Where a user's photo stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoState {
    /// It is accepted.
    Accepted,
    /// There is none that can be taken.
    Rejected,
    /// There are several.
    Conflict,
    /// It was taken out of the folder.
    Gone,
}

impl PhotoState {
    /// The word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
        }
    }
}

/// A user's photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoReport {
    /// Where it stands.
    pub state: PhotoState,
    /// Why, where the state does not say all.
    pub reason: String,
    /// The file.
    pub file: Option<FileName>,
    /// The photo that was accepted last.
    pub photo: Option<Photo>,
    /// What has to be said of it, by the pictures that were made of it.
    pub warnings: BTreeSet<String>,
    /// A replacement that was refused, while the accepted photo stays at the backends.
    pub refused: Option<FileReport>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryState {
    /// The backend holds what is wanted.
    Done,
    /// Its turn will come.
    Due,
    /// It is out.
    InFlight,
    /// It failed and is tried again.
    Retrying,
    /// The system does not know the user.
    Absent,
    /// It waits for another photo, another recipe or a person.
    Stopped,
    /// Nothing is wanted.
    Skipped,
}

impl DeliveryState {
    /// The word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Due => "due",
            Self::InFlight => "in-flight",
            Self::Retrying => "retrying",
            Self::Absent => "absent",
            Self::Stopped => "stopped",
            Self::Skipped => "skipped",
        }
    }
}

/// A user's photo at one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Where it stands.
    pub state: DeliveryState,
    /// What the backend holds, as far as is known.
    pub fingerprint: Option<Fingerprint>,
    /// What the plugin told of it.
    pub receipt: Option<String>,
    /// When it is tried or looked for next, where that is known.
    pub next: Option<Time>,
    /// What the user is called there, where that is known.
    pub remote: Option<String>,
    /// Why nothing is sent although there is a photo.
    pub unnamed: Option<String>,
    /// When the system was last found to show what was delivered.
    pub seen: Option<Time>,
}

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserReport {
    /// The photo.
    pub photo: PhotoReport,
    /// The backends.
    pub backends: BTreeMap<BackendId, DeliveryReport>,
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Accepted photos in question.
    pub photos: usize,
    /// Deliveries made since the start.
    pub delivered: usize,
    /// Deliveries that were in place.
    pub unchanged: usize,
    /// Users whom a system does not know.
    pub absent: usize,
    /// Deliveries that are due, are tried again, or wait for a backend that is held, down or paused.
    pub waiting: usize,
    /// Deliveries that wait for another photo or a person, conflicts included.
    pub stopped: usize,
    /// Files that were refused.
    pub rejected: usize,
    /// Those of the waiting and the stopped that are not missed, for their backend is paused.
    pub paused: usize,
    /// Backends in question that are held or down.
    pub held: usize,
    /// Whether the folder could be read completely.
    pub folder_ok: bool,
}

impl Summary {
    /// Whether everything that was asked for is in place.
    #[must_use]
    pub const fn all_in_place(&self) -> bool {
        self.waiting + self.stopped == self.paused && self.rejected == 0 && self.held == 0 && self.folder_ok
    }
}

/// How far a pass is, in photos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Accepted photos in question.
    pub photos: usize,
    /// Those for which nothing is left to do now.
    pub done: usize,
    /// Those of which a delivery waits to be tried again.
    pub waiting: usize,
    /// Files that were refused.
    pub rejected: usize,
    /// Those of which a delivery is out.
    pub in_flight: usize,
}

impl Reconciler {
    /// How far the pass is.
    #[must_use]
    pub fn progress(&self, now: Time) -> Progress {
        let mut progress = Progress { rejected: self.rejected_in_question(), ..Progress::default() };
        let limited = self.focus.limit.is_some();
        for user in self.users.keys().filter(|user| !limited || self.admitted.contains(user)) {
            let asked = self.focus.users.as_ref().is_none_or(|users| users.contains(user));
            if !asked || !matches!(self.usable(user), Usable::Photo { .. }) {
                continue;
            }
            let is_served = |backend: &Backend| self.is_asked(&backend.spec.id) && !backend.record.paused;
            let indices = (0..self.backends.len()).filter(|index| is_served(&self.backends[*index]));
            let states: Vec<_> = indices.map(|index| self.delivery_state(user, index, now)).collect();
            let any = |state| usize::from(states.contains(&state));
            progress.photos += 1;
            progress.in_flight += any(DeliveryState::InFlight);
            progress.waiting += any(DeliveryState::Retrying);
            let is_open = |state: &DeliveryState| {
                matches!(state, DeliveryState::Due | DeliveryState::InFlight | DeliveryState::Retrying)
            };
            progress.done += usize::from(!states.iter().any(is_open));
        }
        progress
    }

    /// Everything at a glance.
    #[must_use]
    pub fn status(&self, now: Time) -> Status {
        let mut backends: BTreeMap<_, _> = BTreeMap::new();
        for (index, backend) in self.backends.iter().enumerate() {
            let mut deliveries = BTreeMap::new();
            for user in self.users.keys() {
                *deliveries.entry(self.delivery_state(user, index, now).word()).or_default() += 1;
            }
            backends.insert(backend.spec.id.clone(), BackendReport { state: state(backend), deliveries });
        }
        Status {
            folder: self.folder_state(),
            scanned: self.folder.scanned,
            photos: self.users.keys().filter(|user| matches!(self.usable(user), Usable::Photo { .. })).count(),
            warnings: self.count_warnings(),
            rejected: self.reports(|file| refusal(file)),
            ignored: self.reports(|file| match file {
                Known::Concluded { state: FileState::Ignored { reason }, .. } => Some(reason),
                _ => None,
            }),
            conflicts: self.users.keys().filter_map(|user| Some((user.clone(), self.conflict(user)?))).collect(),
            shared: self.shared(),
            braked: self.users.keys().filter(|user| self.is_braked(user)).count(),
            moved: self.folder.trusted.zip(self.folder.seen).filter(|(trusted, seen)| trusted != seen),
            backends,
        }
    }

    fn count_warnings(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for warning in self.users.keys().flat_map(|user| self.warnings(user)) {
            *counts.entry(warning.clone()).or_default() += 1;
        }
        counts
    }

    /// What has to be said of the photo that is wanted now, each once however many backends get pictures of it.
    fn warnings(&self, user: &UserId) -> BTreeSet<&String> {
        let slots = self.users[user].slots.iter().enumerate();
        let of_now = slots.filter_map(|(index, slot)| {
            let warned = slot.recorded.warned.as_ref()?;
            (self.desired(user, index) == Desired::Photo(warned.fingerprint)).then_some(&warned.warnings)
        });
        of_now.flatten().collect()
    }

    /// One user; none when nothing is known of such a user.
    #[must_use]
    pub fn explain(&self, user: &UserId, now: Time) -> Option<UserReport> {
        let known = self.users.get(user)?;
        if known.record.is_none() && known.files.is_empty() {
            return None;
        }
        let report = |index: usize| {
            let recorded = &known.slots[index].recorded;
            let (fingerprint, receipt) = match &recorded.holds {
                Holds::Exactly { fingerprint, receipt } => (Some(*fingerprint), receipt.clone()),
                _ => (None, None),
            };
            DeliveryReport {
                state: self.delivery_state(user, index, now),
                fingerprint,
                receipt,
                next: self.next(user, index, now),
                remote: match self.remote(user, index) {
                    Remote::Named(name) | Remote::Shared(name) => Some(name.into_owned()),
                    Remote::Missing(_) | Remote::Twice => None,
                },
                unnamed: why_unnamed(&self.remote(user, index)),
                seen: recorded.verification.as_ref().and_then(|verification| verification.seen),
            }
        };
        let backends = self.backends.iter().enumerate();
        let backends = backends.map(|(index, backend)| (backend.spec.id.clone(), report(index))).collect();
        Some(UserReport { photo: self.photo_report(user), backends })
    }

    /// What the pass has come to so far.
    #[must_use]
    pub fn summary(&self, now: Time) -> Summary {
        let mut summary = Summary { folder_ok: matches!(self.folder_state(), FolderState::Ok), ..Summary::default() };
        let limited = self.focus.limit.is_some();
        for user in self.users.keys().filter(|user| !limited || self.admitted.contains(user)) {
            if self.focus.users.as_ref().is_some_and(|users| !users.contains(user)) {
                continue;
            }
            let usable = self.usable(user);
            summary.photos += usize::from(matches!(usable, Usable::Photo { .. }));
            for (index, backend) in self.backends.iter().enumerate() {
                if self.in_question(user, &backend.spec.id) {
                    self.tally(&mut summary, user, index, &usable, now);
                }
            }
        }
        summary.rejected = self.rejected_in_question();
        let in_question = self.backends.iter().filter(|backend| self.is_asked(&backend.spec.id));
        summary.held = in_question.map(state).filter(|state| state.wants_person()).count();
        summary
    }

    fn tally(&self, summary: &mut Summary, user: &UserId, index: usize, usable: &Usable<'_>, now: Time) {
        let delivered = self.slot(user, index).is_some_and(|slot| slot.delivered);
        let paused = usize::from(self.backends[index].record.paused);
        match self.delivery_state(user, index, now) {
            DeliveryState::Skipped if matches!(usable, Usable::Conflict) => summary.stopped += 1,
            DeliveryState::Skipped => {}
            _ if matches!(usable, Usable::Conflict) => summary.stopped += 1,
            DeliveryState::Done if delivered => summary.delivered += 1,
            // A picture that stays at the backend although its file is gone is nobody's question.
            DeliveryState::Done => summary.unchanged += usize::from(matches!(usable, Usable::Photo { .. })),
            DeliveryState::Absent => summary.absent += 1,
            DeliveryState::Stopped => {
                summary.stopped += 1;
                summary.paused += paused;
            }
            DeliveryState::Due | DeliveryState::InFlight | DeliveryState::Retrying => {
                summary.waiting += 1;
                summary.paused += paused;
            }
        }
    }

    fn rejected_in_question(&self) -> usize {
        let asked = |file: &crate::reconciler::File| match &self.focus.users {
            Some(users) => file.user.as_ref().is_some_and(|user| users.contains(user)),
            None => true,
        };
        self.files.values().filter(|file| refusal(&file.known).is_some() && asked(file)).count()
    }

    fn folder_state(&self) -> FolderState {
        match &self.folder_trouble {
            None => FolderState::Ok,
            Some((reason, true)) => FolderState::Incomplete { reason: reason.clone() },
            Some((reason, false)) => FolderState::Unknown { reason: reason.clone() },
        }
    }

    /// Whether a backend works; none when there is no such backend.
    #[must_use]
    pub fn backend_state(&self, backend: &BackendId) -> Option<BackendState> {
        self.index(backend).map(|index| state(&self.backends[index]))
    }

    fn delivery_state(&self, user: &UserId, index: usize, now: Time) -> DeliveryState {
        let Some(slot) = self.slot(user, index) else { return DeliveryState::Skipped };
        if slot.in_flight {
            return DeliveryState::InFlight;
        }
        match self.decide(user, index, now) {
            Decision::InPlace { .. } => DeliveryState::Done,
            Decision::Due { .. } | Decision::Stopped if slot.asked => DeliveryState::Skipped,
            Decision::Stopped => DeliveryState::Stopped,
            Decision::Idle if matches!(self.usable(user), Usable::Photo { .. }) => match self.remote(user, index) {
                Remote::Missing(Missing::Wait) => DeliveryState::Absent,
                Remote::Missing(Missing::Skip) => DeliveryState::Skipped,
                Remote::Shared(_) | Remote::Twice | Remote::Named(_) => DeliveryState::Stopped,
            },
            Decision::Idle if self.holds(user, index) => DeliveryState::Done,
            Decision::Idle => DeliveryState::Skipped,
            Decision::Due { again: false, .. } => DeliveryState::Due,
            Decision::Due { .. } => match slot.recorded.failure() {
                Some((Verdict::UserAbsent, ..)) => DeliveryState::Absent,
                Some((verdict, ..)) if verdict.holds_backend() => DeliveryState::Due,
                _ => DeliveryState::Retrying,
            },
        }
    }

    fn next(&self, user: &UserId, index: usize, now: Time) -> Option<Time> {
        let backend = &self.backends[index];
        let (_, at) = self.operation(self.slot(user, index)?, index, self.decide(user, index, now))?;
        if matches!(backend.gate, Gate::Broken { .. }) || backend.record.paused {
            return None;
        }
        let gate = backend.gate.probe_at().unwrap_or(Time::PAST);
        Some(at.max(gate).max(backend.record.quiet_until.unwrap_or(Time::PAST)).max(now))
    }

    fn photo_report(&self, user: &UserId) -> PhotoReport {
        let known = &self.users[user];
        let record = known.record.as_ref();
        let refused = known.files.iter().find_map(|name| {
            let reason = refusal(&self.files.get(name)?.known)?.clone();
            Some(FileReport { file: name.clone(), reason })
        });
        let file = record.map(|record| record.file.clone());
        let photo = record.map(|record| record.photo.clone());
        let warnings = self.warnings(user).into_iter().cloned().collect();
        let report = |state, reason| PhotoReport { state, reason, file, photo, warnings, refused: refused.clone() };
        match (self.usable(user), record.map(|record| record.presence)) {
            (Usable::Conflict, _) => report(PhotoState::Conflict, self.conflict_reason(user)),
            (_, Some(Presence::Gone { .. })) => report(PhotoState::Gone, "the file was taken out of the folder".into()),
            (Usable::Nothing, Some(Presence::Missing { .. })) => report(
                PhotoState::Accepted,
                "the file is not in the folder: later scans will tell whether it is gone".into(),
            ),
            (Usable::Nothing, Some(Presence::Here)) if refused.is_some() && !Self::is_anywhere(known) => {
                unusable(known, refused)
            }
            (_, Some(Presence::Here | Presence::Missing { .. })) => report(PhotoState::Accepted, String::new()),
            (_, None) => unusable(known, refused),
        }
    }

    /// Whether a backend may hold a picture of this user. If none does, a photo that was accepted and then found to be
    /// none has left nothing behind that could stay.
    fn is_anywhere(known: &User) -> bool {
        known.slots.iter().any(|slot| slot.recorded.holds != Holds::Nothing)
    }

    fn conflict(&self, user: &UserId) -> Option<Vec<FileName>> {
        let files = || self.users[user].files.iter().filter(|name| self.is_accepted(name)).cloned().collect();
        matches!(self.usable(user), Usable::Conflict).then(files)
    }

    fn shared(&self) -> Vec<(BackendId, Vec<FileName>, String)> {
        let at = |index: usize| {
            let id = self.backends[index].spec.id.clone();
            let groups = self.shared_at(index).into_iter();
            groups.map(move |(files, remote)| (id.clone(), files, why_unnamed(&remote).unwrap_or_default()))
        };
        (0..self.backends.len()).flat_map(at).collect()
    }

    fn conflict_reason(&self, user: &UserId) -> String {
        let count = self.conflict(user).map_or(0, |files| files.len());
        format!("{count} files are photos of this user: leave one in the folder")
    }

    fn is_braked(&self, user: &UserId) -> bool {
        let known = &self.users[user];
        let Some(record) = &known.record else { return false };
        let waits = match record.presence {
            Presence::Here => false,
            Presence::Gone { .. } => !self.may_remove(known),
            Presence::Missing { cleared, .. } => {
                !cleared && (self.folder.braked || self.folder.trusted != self.folder.seen)
            }
        };
        waits
            && (0..self.backends.len()).any(|index| {
                self.backends[index].spec.remove
                    && self.slot(user, index).is_some_and(|slot| slot.recorded.holds != Holds::Nothing)
            })
    }

    fn reports<'a>(&'a self, reason: impl Fn(&'a Known) -> Option<&'a String>) -> Vec<FileReport> {
        let reports = self.files.iter().filter_map(|(name, file)| Some((name, reason(&file.known)?)));
        reports.map(|(name, reason)| FileReport { file: name.clone(), reason: reason.clone() }).collect()
    }
}

/// Why nothing is sent for a user; none when it is known who that is at the system.
fn why_unnamed(remote: &Remote<'_>) -> Option<String> {
    match remote {
        Remote::Named(_) => None,
        Remote::Shared(name) => Some(format!("several users are `{name}` there, so nothing is sent for any of them")),
        Remote::Twice => Some("two rows are for this user, and they say two names".into()),
        Remote::Missing(Missing::Wait) => Some("no row is for this user, yet".into()),
        Remote::Missing(Missing::Skip) => Some("no row is for this user, who is none of that system".into()),
    }
}

fn state(backend: &Backend) -> BackendState {
    let (held, down) = (backend.gate.why_held().cloned(), backend.gate.why_down().cloned());
    let held = || held.map(|reason| BackendState::Held { reason });
    match down.map(|reason| BackendState::Down { reason }).or_else(held) {
        _ if backend.record.paused => BackendState::Paused,
        wrong => wrong.unwrap_or(BackendState::Up),
    }
}

fn unusable(known: &User, refused: Option<FileReport>) -> PhotoReport {
    let being_read = || FileReport {
        file: known.files.first().expect("a user without a record has a file").clone(),
        reason: "the file is still being written or examined".into(),
    };
    let FileReport { file, reason } = refused.unwrap_or_else(being_read);
    PhotoReport {
        state: PhotoState::Rejected,
        reason,
        file: Some(file),
        photo: None,
        warnings: BTreeSet::new(),
        refused: None,
    }
}

const fn refusal(known: &Known) -> Option<&String> {
    match known {
        Known::Concluded { state: FileState::Rejected { reason }, .. } | Known::Unreadable { reason, .. } => {
            Some(reason)
        }
        _ => None,
    }
}
