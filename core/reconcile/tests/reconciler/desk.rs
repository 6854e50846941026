//! A reconciler with the folder, the ledger and the clock around it, and what all tests say often.

use std::time::Duration;

use portraitd_reconcile::{
    Assignment, BackendId, BackendSpec, Brake, Change, ConflictRule, Delivery, DeliveryState, Digest, Entry, Examined,
    FileName, Focus, Identity, Kind, Listing, Looked, Names, Outcome, Owner, Photo, PhotoState, PictureName, Policy,
    Reconciler, Snapshot, Stat, Time, UserId, Users, Verdict, Verify,
};

pub(crate) const START: Time = Time::from_millis(1_700_000_000_000);
pub(crate) const HOME: Identity = Identity { dev: 1, ino: 1 };
pub(crate) const OTHER: Identity = Identity { dev: 1, ino: 2 };
pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3600;

/// A reconciler with the folder, the ledger and the clock around it.
pub(crate) struct Desk {
    pub(crate) reconciler: Reconciler,
    pub(crate) now: Time,
    pub(crate) folder: Vec<Entry>,
    pub(crate) ledger: Snapshot,
    pub(crate) history: Vec<(UserId, Verdict, String)>,
    pub(crate) inode: u64,
}

pub(crate) fn spec(name: &str) -> BackendSpec {
    BackendSpec {
        id: BackendId::parse(name).unwrap(),
        shape: "recipe 1".into(),
        concurrency: 2,
        remove: false,
        probes: false,
        sends: false,
        users: Users::same(),
        verify: Verify::Off,
        owner: Owner::Portraitd,
        broken: None,
    }
}

pub(crate) fn removing(name: &str) -> BackendSpec {
    BackendSpec { remove: true, ..spec(name) }
}

pub(crate) fn policy() -> Policy {
    Policy {
        names: Names::new(vec!["jpg".into(), "png".into()], "(?<userid>[a-z0-9]+)").unwrap(),
        settle: Duration::from_secs(2),
        conflict: ConflictRule::Refuse,
        absence: Duration::from_secs(10 * MINUTE),
        brake: Brake { share: 0.05 },
        limits: "limits 1".into(),
        reject: String::new(),
        version: "1".into(),
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn id(name: &str) -> BackendId {
    BackendId::parse(name).unwrap()
}

pub(crate) fn done() -> Outcome {
    Outcome { receipt: Some("there".into()), ..Outcome::of(Verdict::Changed) }
}

pub(crate) fn failed(verdict: Verdict) -> Outcome {
    Outcome::failed(verdict, "because")
}

/// The content of a file in these tests is its size.
pub(crate) fn photo(stat: Stat) -> Photo {
    let digest = Digest::of(&stat.size.to_le_bytes());
    Photo { digest, width: 640, height: 480, warnings: Vec::new() }
}

impl Desk {
    pub(crate) fn new(backends: &[BackendSpec]) -> Self {
        Self::with(policy(), Focus::default(), backends)
    }

    pub(crate) fn with(policy: Policy, focus: Focus, backends: &[BackendSpec]) -> Self {
        let reconciler = Reconciler::restore(policy, focus, backends.to_vec(), Snapshot::default(), 7, START);
        let (folder, ledger, history) = (Vec::new(), Snapshot::default(), Vec::new());
        Self { reconciler, now: START, folder, ledger, history, inode: 0 }
    }

    /// Stops the daemon where it stands and starts another one on its ledger.
    pub(crate) fn restart(&mut self, policy: Policy, backends: &[BackendSpec]) {
        self.restart_with(policy, Focus::default(), backends);
    }

    pub(crate) fn restart_with(&mut self, policy: Policy, focus: Focus, backends: &[BackendSpec]) {
        self.write_down();
        let ledger = self.ledger.clone();
        self.reconciler = Reconciler::restore(policy, focus, backends.to_vec(), ledger, 7, self.now);
        self.write_down();
    }

    pub(crate) fn write_down(&mut self) {
        for change in self.reconciler.take_changes() {
            match change {
                Change::File(name, record) => put(&mut self.ledger.files, name, record),
                Change::FileForgotten(name) => self.ledger.files.retain(|(known, _)| *known != name),
                Change::User(user, record) => put(&mut self.ledger.users, user, record),
                Change::Delivery(user, backend, recorded) => {
                    self.ledger.deliveries.retain(|(a, b, _)| (a, b) != (&user, &backend));
                    self.ledger.deliveries.push((user, backend, recorded));
                }
                Change::Attempt(user, _, attempt) => self.history.push((user, attempt.verdict, attempt.reason)),
                Change::Backend(backend, record) => put(&mut self.ledger.backends, backend, record),
                Change::Folder(record) => self.ledger.folder = record,
                Change::Publish(user, backend, picture) => {
                    self.unpublish(&user, &backend, picture.name);
                    self.ledger.published.push((user, backend, picture));
                }
                Change::Unpublish(user, backend, name) => self.unpublish(&user, &backend, name),
                Change::Remember { .. } | Change::Forget { .. } | Change::ForgetAll(..) | Change::ForgetExpired(_) => {}
            }
        }
    }

    fn unpublish(&mut self, user: &UserId, backend: &BackendId, name: PictureName) {
        self.ledger.published.retain(|(of, at, known)| (of, at, known.name) != (user, backend, name));
    }

    /// Drops a file that was last changed just now; its size stands for its content.
    pub(crate) fn drop_file(&mut self, name: &str, size: u64) {
        self.inode += 1;
        let nanos = self.now.as_millis() * 1_000_000;
        let stat = Stat { dev: 1, ino: self.inode, size, mtime_ns: nanos, ctime_ns: nanos };
        self.take_file(name);
        self.folder.push(Entry { name: FileName::new(name), kind: Kind::File, stat });
    }

    pub(crate) fn take_file(&mut self, name: &str) {
        self.folder.retain(|entry| entry.name != FileName::new(name));
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    pub(crate) fn scan(&mut self) {
        self.scan_of(HOME);
    }

    pub(crate) fn scan_of(&mut self, identity: Identity) {
        let listing = Listing { identity, entries: self.folder.clone(), trouble: None };
        self.reconciler.listed(listing, self.now);
        self.look();
    }

    pub(crate) fn look(&mut self) {
        while let Some(name) = self.reconciler.next_look(self.now) {
            let found = self.folder.iter().find(|entry| entry.name == name);
            let looked = found.cloned().map_or(Looked::Absent, Looked::Here);
            self.reconciler.looked(&name, looked, self.now);
        }
    }

    pub(crate) fn read(&mut self) {
        while let Some(read) = self.reconciler.next_read() {
            self.reconciler.examined(&read, Examined::Accepted(photo(read.stat)), self.now);
        }
    }

    /// Scans, lets everything settle, reads it and scans again.
    pub(crate) fn take_in(&mut self) {
        self.scan();
        self.pass(2);
        self.look();
        self.read();
        self.scan();
    }

    pub(crate) fn next(&mut self) -> Option<Delivery> {
        match self.reconciler.next_assignment(self.now)? {
            Assignment::Deliver(delivery) => Some(delivery),
            Assignment::Probe { backend } => panic!("a probe of {backend}"),
        }
    }

    pub(crate) fn begin(&mut self) -> Delivery {
        let delivery = self.next().expect("a delivery is due");
        self.reconciler.begin(&delivery, self.now).expect("it is still wanted");
        delivery
    }

    /// Lets the next delivery come to this.
    pub(crate) fn deliver(&mut self, outcome: &Outcome) -> Delivery {
        let delivery = self.begin();
        self.reconciler.settle(&delivery, outcome, 5, self.now);
        self.write_down();
        delivery
    }

    /// Delivers all that is due, in order, and says whose it was.
    pub(crate) fn deliver_all(&mut self) -> Vec<String> {
        let mut users = Vec::new();
        while let Some(delivery) = self.next() {
            self.reconciler.begin(&delivery, self.now).expect("it is still wanted");
            self.reconciler.settle(&delivery, &done(), 5, self.now);
            users.push(delivery.user.to_string());
        }
        self.write_down();
        users
    }

    pub(crate) fn state(&self, name: &str, backend: &str) -> DeliveryState {
        self.reconciler.explain(&user(name), self.now).unwrap().backends[&id(backend)].state
    }

    pub(crate) fn photo_state(&self, name: &str) -> PhotoState {
        self.reconciler.explain(&user(name), self.now).unwrap().photo.state
    }

    pub(crate) fn attempts(&self, name: &str) -> u32 {
        let recorded = self.ledger.deliveries.iter().find(|(known, ..)| *known == user(name));
        recorded.and_then(|(.., recorded)| recorded.attempted.as_ref()).map_or(0, |attempted| attempted.count)
    }
}

fn put<K: PartialEq, V>(rows: &mut Vec<(K, V)>, key: K, value: V) {
    rows.retain(|(known, _)| *known != key);
    rows.push((key, value));
}
