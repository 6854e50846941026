//! Taking up what was written down, and backends that are others than before. Nothing is decided before the first scan.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::namesakes::Namesakes;
use super::{Backend, BackendSpec, File, Focus, Known, Policy, Reconciler, Slot};
use crate::change::{Attempt, BackendRecord, Change, FileRecord, Published, Snapshot, UserRecord};
use crate::delivery::Recorded;
use crate::gate::Gate;
use crate::published::Pictures;
use crate::queue::Queue;
use crate::retry::jitter;
use crate::{BackendId, FileName, FileState, MAX_WAIT, Time, UserId, Verdict};

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
            namesakes: Namesakes::default(),
            folder: snapshot.folder,
            pictures: Pictures::of(snapshot.published),
            folder_trouble: Some(("the folder has not been read yet".into(), false)),
            admitted: BTreeSet::new(),
            looks: BTreeSet::new(),
            reads: VecDeque::new(),
            growing: 0,
            scan: 0,
            covered: false,
            turn: 0,
            adoptions: Vec::new(),
            changes: vec![Change::ForgetExpired(now)],
        };
        this.restore_backends(backends, snapshot.backends, now);
        this.namesakes = Namesakes::of(&this.backends);
        this.restore_files(snapshot.files);
        this.restore_users(snapshot.users, snapshot.deliveries, now);
        this
    }

    fn restore_backends(&mut self, mut specs: Vec<BackendSpec>, records: Vec<(BackendId, BackendRecord)>, now: Time) {
        specs.sort_by(|a, b| a.id.cmp(&b.id));
        let mut records: BTreeMap<_, _> = records.into_iter().collect();
        for spec in specs {
            let (mut record, mut is_news) = match records.remove(&spec.id) {
                Some(record) if record.shape == spec.shape || spec.broken.is_some() => (record, false),
                before => (new_record(&spec, before.as_ref(), now), true),
            };
            let latest = now.after(MAX_WAIT);
            if record.quiet_until.is_some_and(|until| until > latest) {
                record.quiet_until = Some(latest);
                is_news = true;
            }
            if is_news {
                self.changes.push(Change::Backend(spec.id.clone(), record.clone()));
            }
            let gate = gate_of(&spec, &record);
            self.backends.push(Backend { spec, record, gate, in_flight: 0, queue: Queue::default() });
        }
    }

    fn restore_files(&mut self, records: Vec<(FileName, FileRecord)>) {
        let rules = format!("{} {}", self.policy.names.canonical(), self.policy.limits);
        let shapes = self.backends.iter().map(|backend| backend.spec.shape.as_str());
        let rules_of_pictures = [self.policy.version.as_str(), self.policy.reject.as_str()];
        let edition = rules_of_pictures.into_iter().chain(shapes).collect::<Vec<_>>().join("\n");
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
                    self.users.entry(user.clone()).or_default().add_file(&name);
                }
                let file = File { user, seen: 0, known: Known::Concluded { stat, state } };
                self.files.insert(name, Box::new(file));
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
        let BackendSpec { id, sends, .. } = &self.backends[index].spec;
        let (backend, sends) = (id.clone(), *sends);
        let Some(slot) = self.users.get_mut(user).map(|known| &mut known.slots[index]) else { return };
        if slot.recorded.shorten_waits(now) {
            self.changes.push(Change::Delivery(user.clone(), backend.clone(), slot.recorded.clone()));
        }
        let count = slot.recorded.attempted.as_ref().map_or(0, |attempted| attempted.count);
        if !slot.recorded.interrupt(sends, now, jitter(self.seed, Some(user), &backend, count)) {
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
}

impl Reconciler {
    /// A published picture is not there any more, although nobody took it down: its URL is dead. When the last delivery that
    /// was done has told it, that delivery is made once more. Of a backend that is not configured nothing is concluded.
    pub fn lost(&mut self, user: &UserId, backend: &BackendId, picture: Published, now: Time) {
        let Some(index) = self.index(backend) else { return };
        self.pictures.lose(user, backend, picture.name);
        self.changes.push(Change::Unpublish(user.clone(), backend.clone(), picture.name));
        let slot = self.users.get_mut(user).and_then(|known| known.slots.get_mut(index));
        if let Some(slot) = slot.filter(|_| picture.recorded) {
            slot.recorded.lose();
            self.changes.push(Change::Delivery(user.clone(), backend.clone(), slot.recorded.clone()));
            self.reconsider(user, now);
        }
    }
}

impl Reconciler {
    /// A backend's plugin was replaced while the daemon runs, or can be used now, or cannot any more, or its users are called
    /// otherwise: what it wants from here on is delivered, once it can be used.
    /// What is out may end; where the recipe is another, it is not in place then.
    ///
    /// Rejected files are examined again at the next start, as after every change of recipes.
    pub fn respec(&mut self, spec: BackendSpec, now: Time) {
        let Some(index) = self.index(&spec.id) else { return };
        let backend = &mut self.backends[index];
        let is_another = backend.record.shape != spec.shape;
        if is_another {
            backend.record = new_record(&spec, Some(&backend.record), now);
            self.changes.push(Change::Backend(spec.id.clone(), backend.record.clone()));
        }
        if is_another || backend.spec.broken != spec.broken {
            backend.gate = gate_of(&spec, &backend.record);
        }
        backend.spec = spec;
        self.namesakes = Namesakes::of(&self.backends);
        let users: Vec<_> = self.users.keys().cloned().collect();
        for user in users {
            if let Some(slot) = self.users.get_mut(&user).and_then(|known| known.slots.get_mut(index)) {
                slot.print = None;
            }
            self.reconsider(&user, now);
        }
    }
}

/// Where a backend stands of which no more is known than what was written down.
fn gate_of(spec: &BackendSpec, record: &BackendRecord) -> Gate {
    match (&spec.broken, &record.held) {
        (Some(reason), _) => Gate::Broken { reason: reason.clone() },
        (None, Some(reason)) => Gate::held(reason.clone(), Time::PAST),
        (None, None) => Gate::unproved(),
    }
}

/// A backend that is new, or another one than before: it is not held for what the other one refused. What a person or the
/// system has asked for stays, for it may be the same system with another recipe.
fn new_record(spec: &BackendSpec, before: Option<&BackendRecord>, now: Time) -> BackendRecord {
    BackendRecord {
        shape: spec.shape.clone(),
        since: now,
        held: None,
        quiet_until: before.and_then(|before| before.quiet_until),
        paused: before.is_some_and(|before| before.paused),
    }
}
