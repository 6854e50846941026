//! How fast changes become durable, and how fast a large ledger is opened.
//!
//! `cargo bench -p portraitd-ledger` runs all; `cargo bench -p portraitd-ledger -- <name>` one of `one`, `many`,
//! `batch` and `open`. A rate of commits says more of the disk than of the code: compare the fsyncs with
//! `strace -f -c -e trace=fsync,fdatasync <the binary in target/release/deps> one`.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use portraitd_ledger::{Ledger, Lock, Opened};
use portraitd_reconcile::{
    Attempt, AttemptState, Attempted, BackendId, Change, Digest, FileName, FileRecord, FileState, Fingerprint, Holds,
    Photo, Presence, Recorded, Stat, Target, Time, UserId, UserRecord, Verdict,
};

const CHANGES: u64 = 5_000;
const USERS: u64 = 100_000;

fn main() {
    let names: Vec<_> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let benches: [(&str, fn()); 4] = [
        ("one", || in_flight("one change in flight", 1)),
        ("many", || in_flight("64 changes in flight", 64)),
        ("batch", batch),
        ("open", open_large),
    ];
    for (_, bench) in benches.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name)) {
        bench();
    }
}

/// Each answer is followed by the next change, as long as some are left.
fn in_flight(title: &str, width: u64) {
    let dir = tempfile::tempdir().expect("the disk has room");
    let ledger = open(dir.path()).ledger;
    let (answer, answers) = channel();
    let begin = |n: u64| {
        let answer = answer.clone();
        let changes = vec![Change::Delivery(user(n), backend("intranet"), begun(n))];
        ledger.write(changes, move |result| answer.send(result).expect("the answers are awaited"));
    };
    let started = Instant::now();
    (0..width).for_each(&begin);
    for n in width..CHANGES + width {
        answers.recv().expect("a sender is kept").expect("the disk has room");
        if n < CHANGES {
            begin(n);
        }
    }
    tell(title, CHANGES, started.elapsed());
    ledger.close().expect("the disk has room");
}

/// All at once, as after the first scan of a large folder.
fn batch() {
    let dir = tempfile::tempdir().expect("the disk has room");
    let ledger = open(dir.path()).ledger;
    let started = Instant::now();
    let count = fill(&ledger, 20_000);
    tell("written in calls of one user", count, started.elapsed());
    ledger.close().expect("the disk has room");
}

fn open_large() {
    let dir = tempfile::tempdir().expect("the disk has room");
    let ledger = open(dir.path()).ledger;
    fill(&ledger, USERS);
    ledger.close().expect("the disk has room");
    let bytes = dir.path().join(portraitd_ledger::FILE_NAME).metadata().expect("the ledger was written").len();
    let before = resident_kib();
    let started = Instant::now();
    let opened = open(dir.path());
    tell("rows loaded at a start in order", 4 * USERS, started.elapsed());
    let held = (resident_kib() - before) / 1024;
    println!("  {} MiB on disk, {held} MiB more in memory", bytes >> 20);
    opened.ledger.close().expect("the disk has room");
    std::fs::write(dir.path().join("lock"), "1\n").expect("the disk has room");
    let started = Instant::now();
    drop(open(dir.path()));
    tell("rows checked and loaded after a crash", 4 * USERS, started.elapsed());
}

fn fill(ledger: &Ledger, users: u64) -> u64 {
    const AWAITED: u64 = 1_000;
    let (answer, answers) = channel();
    let mut count = 0;
    for n in 0..users {
        let (answer, changes) = (answer.clone(), changes_of(n));
        count += changes.len() as u64;
        ledger.write(changes, move |result| answer.send(result).expect("the answers are awaited"));
        if n >= AWAITED {
            answers.recv().expect("a sender is kept").expect("the disk has room");
        }
    }
    drop(answer);
    answers.iter().for_each(|result| result.expect("the disk has room"));
    count
}

fn tell(title: &str, count: u64, elapsed: Duration) {
    let rate = count as f64 / elapsed.as_secs_f64();
    println!("{title}: {count} in {:.3} s, {rate:.0}/s", elapsed.as_secs_f64());
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel tells it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("the kernel tells it")
}

fn open(state: &std::path::Path) -> Opened {
    let lock = Lock::take(state).expect("the directory is new");
    Ledger::open(&lock).expect("the ledger is sound")
}

/// A file, a user, and two backends: one in place and one that waits, with an attempt each.
fn changes_of(n: u64) -> Vec<Change> {
    let (user, file) = (user(n), FileName::new(format!("user-{n:06}.jpg")));
    let photo = Photo { digest: digest(n), width: 3024, height: 4032, warnings: Vec::new() };
    let stat = Stat { dev: 64769, ino: n, size: 2_400_000, mtime_ns: 1_700_000_000_000_000_000, ctime_ns: 1 };
    let record = FileRecord { stat, user: Some(user.clone()), state: FileState::Accepted(photo.clone()) };
    let here = UserRecord { file: file.clone(), photo, accepted_at: time(n), presence: Presence::Here };
    vec![
        Change::File(file, record),
        Change::User(user.clone(), here),
        Change::Delivery(user.clone(), backend("intranet"), begun(n)),
        Change::Delivery(user.clone(), backend("chat"), in_place(n)),
        Change::Attempt(user.clone(), backend("intranet"), attempt(n)),
        Change::Attempt(user, backend("chat"), attempt(n)),
    ]
}

fn begun(n: u64) -> Recorded {
    let state = AttemptState::Begun { at: time(n) };
    let attempted = Box::new(Attempted { target: Target::Photo(fingerprint(n)), count: 1, since: time(n), state });
    Recorded { holds: Holds::Unsure { receipt: None }, attempted: Some(attempted), ..Recorded::default() }
}

fn in_place(n: u64) -> Recorded {
    let receipt = Some(format!("https://media.example.com/users/{n}/photo"));
    Recorded { holds: Holds::Exactly { fingerprint: fingerprint(n), receipt }, ..Recorded::default() }
}

fn attempt(n: u64) -> Attempt {
    Attempt { at: time(n), verdict: Verdict::Changed, reason: String::new(), ms: 40 }
}

fn user(n: u64) -> UserId {
    UserId::parse(&format!("user-{n:06}")).expect("it is a user id")
}

fn backend(name: &str) -> BackendId {
    BackendId::parse(name).expect("it is a backend's name")
}

fn digest(n: u64) -> Digest {
    Digest::of(&n.to_le_bytes())
}

fn fingerprint(n: u64) -> Fingerprint {
    Fingerprint::of(&digest(n), "recipe", "user")
}

fn time(n: u64) -> Time {
    Time::from_millis(1_700_000_000_000 + n.cast_signed())
}
