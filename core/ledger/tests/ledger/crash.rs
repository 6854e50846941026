//! What was acknowledged outlives any end of the process, and a failed write is the last one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use portraitd_ledger::{Ledger, Lock, Opened, WriteError};
use portraitd_reconcile::{Change, Snapshot};

use crate::child::Other;
use crate::support::{attempts, changes_of, memories, memory, time, user, write};

fn open(state: &Path) -> Opened {
    let opened = Ledger::open(&Lock::take(state).unwrap()).unwrap();
    assert!(opened.rebuilt.is_none(), "{:?}", opened.rebuilt);
    opened
}

fn acknowledged(lines: &[String]) -> impl Iterator<Item = u64> {
    lines.iter().filter_map(|line| line.strip_prefix("ack ")).map(|n| n.parse().unwrap())
}

/// Every acknowledged user is there whole, and what is there beyond them was asked for: it is whole too.
fn check(snapshot: &Snapshot, acknowledged: u64) {
    assert!(snapshot.users.len() as u64 >= acknowledged, "{} of {acknowledged} are left", snapshot.users.len());
    let deliveries: BTreeMap<_, _> = snapshot.deliveries.iter().map(|(user, at, it)| ((user, at), it)).collect();
    for (n, (file, user)) in snapshot.files.iter().zip(&snapshot.users).enumerate() {
        for change in changes_of(n as u64) {
            match change {
                Change::File(name, record) => assert_eq!(*file, (name, record)),
                Change::User(id, record) => assert_eq!(*user, (id, record)),
                Change::Delivery(id, at, recorded) => assert_eq!(deliveries[&(&id, &at)], &recorded),
                _ => {}
            }
        }
    }
    assert_eq!(snapshot.files.len(), snapshot.users.len());
    assert_eq!(deliveries.len(), 2 * snapshot.users.len());
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = None;
    for round in 0..25_u64 {
        let mut other = Other::writing(dir.path());
        let first = other.line().expect("it writes");
        thread::sleep(Duration::from_millis(round * 37 % 101));
        let mut lines = other.kill();
        lines.push(first);
        last = last.max(acknowledged(&lines).max());
        let opened = open(dir.path());
        check(&opened.snapshot, last.unwrap() + 1);
        let newest = last.unwrap();
        assert_eq!(attempts(&opened.ledger, &user(newest)).unwrap().len(), 1);
        assert_eq!(memories(&opened.ledger, &user(newest), "intranet", time(0)).unwrap(), [memory(newest)]);
        // Dropped alone, it would be closed some time while the next process starts.
        opened.ledger.close().unwrap();
    }
}

#[test]
fn a_file_that_may_not_grow_fails_the_write_and_every_later_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = Other::writing_within(dir.path(), 600);
    let lines = other.rest();
    assert_eq!(
        lines[lines.len() - 3..],
        [
            "failed the database refused",
            "then the ledger is closed, or an earlier write has failed",
            "closed the database refused",
        ]
    );
    let last = acknowledged(&lines).max().unwrap();
    check(&open(dir.path()).snapshot, last + 1);
}

#[test]
fn a_ledger_that_was_taken_away_is_noticed_at_the_next_write() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(portraitd_ledger::FILE_NAME);
    let ledger = open(dir.path()).ledger;
    write(&ledger, changes_of(1)).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(matches!(write(&ledger, changes_of(2)), Err(WriteError::Replaced { path }) if path == file));
    assert!(matches!(write(&ledger, changes_of(3)), Err(WriteError::Stopped)));
    assert!(matches!(ledger.close(), Err(WriteError::Replaced { .. })));
    assert_eq!(open(dir.path()).snapshot, Snapshot::default());
}
