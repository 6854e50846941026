//! The ledger: batches become durable some time after they were handed over, in order and whole or not at all.

use std::collections::{BTreeMap, VecDeque};

use portraitd_reconcile::{
    BackendId, BackendRecord, Change, FileName, FileRecord, FolderRecord, PictureName, Published, Recorded, Snapshot,
    UserId, UserRecord,
};

#[derive(Default)]
pub(crate) struct Ledger {
    files: BTreeMap<FileName, FileRecord>,
    users: BTreeMap<UserId, UserRecord>,
    pub(crate) deliveries: BTreeMap<(UserId, BackendId), Recorded>,
    pub(crate) backends: BTreeMap<BackendId, BackendRecord>,
    pub(crate) folder: FolderRecord,
    /// The pictures that are published, each with whether it is recorded.
    pub(crate) published: BTreeMap<(UserId, BackendId), BTreeMap<PictureName, bool>>,
    pending: VecDeque<Vec<Change>>,
    /// How many batches were handed over, ever.
    pub(crate) written: u64,
    /// How many of them are durable.
    pub(crate) durable: u64,
}

impl Ledger {
    /// Hands over a batch, and says which one it is.
    pub(crate) fn write(&mut self, batch: Vec<Change>) -> u64 {
        self.pending.push_back(batch);
        self.written += 1;
        self.written
    }

    /// Everything up to this batch is durable.
    pub(crate) fn commit(&mut self, batch: u64) {
        while self.durable < batch {
            let changes = self.pending.pop_front().unwrap();
            self.durable += 1;
            changes.into_iter().for_each(|change| self.apply(change));
        }
    }

    /// What was not durable is lost.
    pub(crate) fn crash(&mut self) {
        self.pending.clear();
        self.written = self.durable;
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::File(name, record) => drop(self.files.insert(name, record)),
            Change::FileForgotten(name) => drop(self.files.remove(&name)),
            Change::User(user, record) => drop(self.users.insert(user, record)),
            Change::Delivery(user, backend, recorded) => drop(self.deliveries.insert((user, backend), recorded)),
            Change::Attempt(..) => {}
            Change::Backend(backend, record) => drop(self.backends.insert(backend, record)),
            Change::Folder(record) => self.folder = record,
            Change::Remember { .. } | Change::Forget { .. } | Change::ForgetAll(..) | Change::ForgetExpired(_) => {}
            Change::Publish(user, backend, Published { name, recorded }) => {
                *self.published.entry((user, backend)).or_default().entry(name).or_default() |= recorded;
            }
            Change::Unpublish(user, backend, name) => {
                let of = self.published.get_mut(&(user, backend)).expect("something is published for it");
                assert!(of.remove(&name).is_some(), "what is taken down was there");
            }
        }
    }

    fn rows(&self) -> Vec<(UserId, BackendId, Published)> {
        let rows = self.published.iter().flat_map(|(of, pictures)| pictures.iter().map(move |picture| (of, picture)));
        let row = |((user, backend), (name, recorded)): (&(UserId, BackendId), (&PictureName, &bool))| {
            (user.clone(), backend.clone(), Published { name: *name, recorded: *recorded })
        };
        rows.map(row).collect()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let deliveries = self.deliveries.iter();
        Snapshot {
            files: self.files.clone().into_iter().collect(),
            users: self.users.clone().into_iter().collect(),
            deliveries: deliveries.map(|((user, id), recorded)| (user.clone(), id.clone(), recorded.clone())).collect(),
            backends: self.backends.clone().into_iter().collect(),
            folder: self.folder.clone(),
            published: self.rows(),
        }
    }
}
