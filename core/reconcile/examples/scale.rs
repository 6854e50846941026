//! How long the loop takes with 100,000 users at two backends, and how much memory it holds:
//! `cargo run --release -p portraitd-reconcile --example scale`.
//!
//! It measures deciding alone: no scan of a disk, no ledger and no delivery.

use std::collections::BTreeSet;
use std::time::Duration;

use portraitd_reconcile::{
    Assignment, BackendId, BackendRecord, BackendSpec, Brake, Change, ConflictRule, Delivery, Digest, Entry, Examined,
    FileName, FileRecord, FileState, Fingerprint, Focus, FolderRecord, Holds, Identity, Kind, Listing, Names, Outcome,
    Owner, Photo, Policy, Presence, Reconciler, Recorded, Snapshot, Stat, Time, UserId, UserRecord, Users, Verdict,
    Verify,
};

const USERS: u64 = 100_000;
const START: Time = Time::from_millis(1_700_000_000_000);
const FOLDER: Identity = Identity { dev: 1, ino: 1 };
const BACKENDS: [&str; 2] = ["intranet", "chat"];

fn main() {
    println!("{USERS} users at {} backends", BACKENDS.len());
    known_photos();
    first_day();
}

/// A start with everything in place, which is what a restart on any day is.
fn known_photos() {
    let snapshot = snapshot();
    let empty = resident();
    let mut reconciler =
        timed("restore", || Reconciler::restore(policy(), Focus::default(), specs(), snapshot, 7, START));
    let same = listing();
    timed("first scan, nothing changed", || reconciler.listed(same, START));
    assert_eq!(reconciler.next_work(), None);
    let later = START.after(Duration::from_secs(300));
    let same = listing();
    timed("second scan, nothing changed", || reconciler.listed(same, later));
    timed("status", || reconciler.status(later));
    timed("summary", || reconciler.summary(later));
    timed("progress", || reconciler.progress(later));
    timed("one explain", || reconciler.explain(&user(1), later));
    timed("retry of everything, nothing failed", || reconciler.retry(None, None, later));
    let gone = Listing { entries: Vec::new(), ..listing() };
    timed("scan of an empty folder", || reconciler.listed(gone, later.after(Duration::from_secs(300))));
    println!("{:<40}{:>9} MB", "memory of that", (resident() - empty) / 1024);
}

/// A first start over a full folder: everything is read and delivered once.
fn first_day() {
    let mut reconciler = Reconciler::restore(policy(), Focus::default(), specs(), Snapshot::default(), 7, START);
    let new = listing();
    timed("first scan, all new", || reconciler.listed(new, START));
    timed("examining all", || {
        while let Some(read) = reconciler.next_read() {
            let photo = photo(&read.name);
            reconciler.examined(&read, Examined::Accepted(photo), START);
        }
    });
    drop(timed("taking their changes", || reconciler.take_changes()));
    let delivered = timed("delivering all, one after another", || deliver_all(&mut reconciler));
    assert_eq!(delivered, USERS * BACKENDS.len() as u64);
    assert_eq!(reconciler.next_look(START.after(Duration::from_secs(60))), None, "old files are not looked at again");
}

fn deliver_all(reconciler: &mut Reconciler) -> u64 {
    let done = Outcome::of(Verdict::Changed);
    let mut delivered = 0;
    let mut users = BTreeSet::new();
    while let Some(Assignment::Deliver(delivery)) = reconciler.next_assignment(START) {
        reconciler.begin(&delivery, START).expect("nothing else is wanted meanwhile");
        reconciler.settle(&delivery, &done, 1, START);
        let Delivery { user, backend, .. } = delivery;
        assert!(users.insert((user, backend)), "nobody is served twice");
        delivered += 1;
        let changes: Vec<Change> = reconciler.take_changes();
        assert!(changes.len() >= 3);
    }
    delivered
}

fn user(number: u64) -> UserId {
    UserId::parse(&format!("user{number:06}")).expect("a plain name")
}

fn file(number: u64) -> FileName {
    FileName::new(format!("user{number:06}.jpg"))
}

fn stat(number: u64) -> Stat {
    Stat { dev: 1, ino: 100 + number, size: 2_000_000, mtime_ns: 1_600_000_000_000_000_000, ctime_ns: 1_600_000_000 }
}

fn photo(name: &FileName) -> Photo {
    Photo { digest: Digest::of(name.as_bytes()), width: 1600, height: 1200, warnings: Vec::new() }
}

fn listing() -> Listing {
    let entry = |number| Entry { name: file(number), kind: Kind::File, stat: stat(number) };
    Listing { identity: FOLDER, entries: (0..USERS).map(entry).collect(), trouble: None }
}

fn policy() -> Policy {
    Policy {
        names: Names::new(vec!["jpg".into()], "(?<userid>[a-z0-9]+)").expect("a good pattern"),
        settle: Duration::from_secs(2),
        conflict: ConflictRule::Refuse,
        absence: Duration::from_secs(600),
        brake: Brake { share: 0.05 },
        limits: String::new(),
        reject: String::new(),
        version: "1".into(),
    }
}

fn specs() -> Vec<BackendSpec> {
    let spec = |name| BackendSpec {
        id: BackendId::parse(name).expect("a plain name"),
        shape: format!("the shape of {name}, as long as a recipe with three renditions is: {}", "x".repeat(200)),
        concurrency: 4,
        remove: true,
        probes: false,
        sends: false,
        users: Users::same(),
        verify: Verify::Off,
        owner: Owner::Portraitd,
        broken: None,
    };
    BACKENDS.map(spec).to_vec()
}

/// What the ledger holds when everything is in place.
fn snapshot() -> Snapshot {
    let mut reconciler = Reconciler::restore(policy(), Focus::default(), specs(), Snapshot::default(), 7, START);
    let folder = reconciler.take_changes().into_iter().filter_map(|change| match change {
        Change::Folder(folder) => Some(folder),
        _ => None,
    });
    let folder = FolderRecord { trusted: Some(FOLDER), seen: Some(FOLDER), ..folder.last().unwrap_or_default() };
    let mut snapshot = Snapshot { folder, ..Snapshot::default() };
    for number in 0..USERS {
        let (name, user) = (file(number), user(number));
        let photo = photo(&name);
        let state = FileState::Accepted(photo.clone());
        let known = FileRecord { stat: stat(number), user: Some(user.clone()), state };
        snapshot.files.push((name.clone(), known));
        for spec in specs() {
            let fingerprint = Fingerprint::of(&photo.digest, &spec.shape, user.as_str());
            let holds = Holds::Exactly { fingerprint, receipt: None };
            snapshot.deliveries.push((user.clone(), spec.id, Recorded { holds, ..Recorded::default() }));
        }
        let record = UserRecord { file: name, photo, accepted_at: START, presence: Presence::Here };
        snapshot.users.push((user, record));
    }
    for spec in specs() {
        let record = BackendRecord { shape: spec.shape, since: START, held: None, quiet_until: None, paused: false };
        snapshot.backends.push((spec.id, record));
    }
    snapshot
}

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "to measure time is what this is for")]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = std::time::Instant::now();
    let done = work();
    println!("{what:<40}{:>9.1} ms", begun.elapsed().as_secs_f64() * 1000.0);
    done
}

/// Resident memory in KiB, from proc(5); 0 where there is no such file.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
