//! A damaged file never stops portraitd for good: it is loaded or set aside, and from then on all is well.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portraitd_ledger::{Corruption, FILE_NAME, Ledger, Lock, OpenError, Opened, ReadError};
use portraitd_reconcile::{Change, Snapshot};
use rusqlite::Connection;

use crate::child::Other;
use crate::support::{changes_of, memories, memory, time, user, write};

const LOG_NAME: &str = "ledger.sqlite-wal";

/// What may happen to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Cut,
    Flip,
    Zeros,
    Garbage,
    Empty,
    Deleted,
    Text,
    OtherDatabase,
}

const DAMAGES: [Damage; 8] = [
    Damage::Cut,
    Damage::Flip,
    Damage::Zeros,
    Damage::Garbage,
    Damage::Empty,
    Damage::Deleted,
    Damage::Text,
    Damage::OtherDatabase,
];

/// Numbers that look random and are the same in each run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below.max(1)
    }
}

impl Damage {
    fn strike(self, path: &Path, seed: &mut Seeded) {
        let len = path.metadata().unwrap().len();
        // Every second strike hits the first pages, where the header and the tables' roots are.
        let reach = if seed.next(2) == 0 { len.min(8 * 4096) } else { len };
        let at = seed.next(reach);
        match self {
            Self::Cut => OpenOptions::new().write(true).open(path).unwrap().set_len(at).unwrap(),
            Self::Flip => {
                let flipped = byte_at(path, at) ^ 1 << seed.next(8);
                overwrite(path, at, &[flipped]);
            }
            Self::Zeros => overwrite(path, at, &vec![0; seed.next(5000) as usize + 1]),
            Self::Garbage => {
                let garbage: Vec<u8> = (0..=seed.next(600)).map(|_| seed.next(256) as u8).collect();
                overwrite(path, at, &garbage);
            }
            Self::Empty => fs::write(path, "").unwrap(),
            Self::Deleted => fs::remove_file(path).unwrap(),
            Self::Text => fs::write(path, "These are somebody's notes.\n".repeat(500)).unwrap(),
            Self::OtherDatabase => other_database(path),
        }
    }
}

fn byte_at(path: &Path, at: u64) -> u8 {
    let mut byte = [0];
    let mut file = File::open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    byte[0]
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

fn other_database(path: &Path) {
    fs::remove_file(path).unwrap();
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')").unwrap();
}

/// The state directory of a process that was killed: a database, a log that is not empty, and a process id in the lock.
fn crashed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut other = Other::writing(dir.path());
    // Long enough for the log to have been moved into the database once, and to have grown again.
    while other.line().expect("it writes") != "ack 700" {}
    other.kill();
    assert!(dir.path().join(LOG_NAME).metadata().unwrap().len() > 100_000);
    assert!(dir.path().join(FILE_NAME).metadata().unwrap().len() > 100_000);
    dir
}

fn copy_of(state: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(state).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

fn open(state: &Path) -> Opened {
    Ledger::open(&Lock::take(state).unwrap()).unwrap()
}

/// Opens and writes until both go well, which may take a start after which a write finds the damage. Says how often the
/// ledger was set aside.
fn starts_until_well(state: &Path) -> usize {
    let mut set_aside = 0;
    for _ in 0..3 {
        let opened = open(state);
        if let Some(rebuilt) = &opened.rebuilt {
            set_aside += 1;
            assert!(rebuilt.set_aside.exists() && opened.snapshot == Snapshot::default());
        }
        let written = (0..5).try_for_each(|call| write(&opened.ledger, ten_users(call)));
        if opened.ledger.close().and(written).is_ok() {
            return set_aside;
        }
    }
    panic!("three starts were not enough");
}

fn ten_users(call: u64) -> Vec<Change> {
    (10 * call..10 * call + 10).flat_map(changes_of).collect()
}

fn check_seed(crashed: &Path, seed: u64) -> usize {
    let state = copy_of(crashed);
    let mut numbers = Seeded(seed);
    let damage = DAMAGES[seed as usize % DAMAGES.len()];
    let file = if numbers.next(4) == 0 { LOG_NAME } else { FILE_NAME };
    damage.strike(&state.path().join(file), &mut numbers);
    if numbers.next(4) == 0 {
        // As if the stop had been in order, so that no check is made at the start.
        fs::write(state.path().join("lock"), "").unwrap();
        drop(fs::remove_file(state.path().join(LOG_NAME)));
    }
    let set_aside = starts_until_well(state.path());
    let opened = open(state.path());
    assert!(opened.rebuilt.is_none());
    assert!((0..50).all(|n| opened.snapshot.users.iter().any(|(id, _)| *id == user(n))), "seed {seed}: {damage:?}");
    // A key whose damage does not show is another key, and its row stays beside the one that was written since.
    let remembered = |n| match memories(&opened.ledger, &user(n), "intranet", time(0)) {
        Ok(found) => found.contains(&memory(n)),
        Err(error) => matches!(error, ReadError::Corrupt(_)),
    };
    assert!((0..50).all(remembered), "seed {seed}: {damage:?}");
    set_aside
}

#[test]
fn damage_of_any_kind_ends_in_a_ledger_that_works() {
    let crashed = crashed();
    let counts: Vec<_> = (0..96).map(|seed| check_seed(crashed.path(), seed)).collect();
    let set_aside = counts.iter().filter(|count| **count > 0).count();
    assert!((10..90).contains(&set_aside), "{set_aside} of {} were set aside", counts.len());
    assert!(counts.iter().all(|count| *count <= 1), "{counts:?}");
}

#[test]
fn a_sound_ledger_is_not_set_aside_after_a_kill() {
    let crashed = crashed();
    assert_eq!(starts_until_well(crashed.path()), 0);
}

/// A ledger that was closed in order, and a connection with which somebody edits it.
fn edited(sql: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).ledger;
    write(&ledger, changes_of(1)).unwrap();
    ledger.close().unwrap();
    Connection::open(dir.path().join(FILE_NAME)).unwrap().execute_batch(sql).unwrap();
    dir
}

#[test]
fn a_row_that_was_edited_by_hand_is_named_and_the_ledger_set_aside() {
    let dir = edited("UPDATE users SET presence = 'somewhere'");
    let rebuilt = open(dir.path()).rebuilt.unwrap();
    assert_eq!(rebuilt.set_aside, dir.path().join("ledger.sqlite.corrupt-1"));
    assert_eq!(
        rebuilt.corruption.to_string(),
        "`presence` in a row of `users` cannot be: \"somewhere\" is not one of its words"
    );
}

#[test]
fn a_memory_that_was_edited_by_hand_is_an_error_for_whoever_asks_for_it() {
    let dir = edited("UPDATE memories SET value = 'somewhere'");
    let opened = open(dir.path());
    assert!(opened.rebuilt.is_none());
    let refused = memories(&opened.ledger, &user(1), "intranet", time(0)).unwrap_err();
    assert!(matches!(&refused, ReadError::Corrupt(_)), "{refused:?}");
}

#[test]
fn a_table_that_is_missing_is_damage() {
    let dir = edited("DROP TABLE attempts");
    assert!(matches!(open(dir.path()).rebuilt.unwrap().corruption, Corruption::Column { .. }));
    assert_eq!(starts_until_well(dir.path()), 0);
}

#[test]
fn a_newer_ledger_is_refused_and_left_as_it_is() {
    let dir = edited("PRAGMA user_version = 7; PRAGMA application_id = 0x70640007");
    let before = fs::read(dir.path().join(FILE_NAME)).unwrap();
    let refused = Ledger::open(&Lock::take(dir.path()).unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "the ledger has the version 7, and this portraitd knows no later one than 4");
    assert!(matches!(refused, OpenError::Newer { found: 7, known: 4 }));
    assert_eq!(fs::read(dir.path().join(FILE_NAME)).unwrap(), before);
}

#[test]
fn a_directory_in_place_of_the_ledger_is_an_error_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join(FILE_NAME);
    fs::create_dir(&path).unwrap();
    let refused = Ledger::open(&Lock::take(dir.path()).unwrap()).unwrap_err();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
    assert!(path.is_dir());
}

#[test]
fn a_ledger_that_another_program_keeps_locked_is_waited_for_and_then_refused() {
    let dir = edited("");
    let other = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    other.execute_batch("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE").unwrap();
    let started = Instant::now();
    let lock = Lock::take(dir.path()).unwrap();
    let refused = Ledger::open(&lock).unwrap_err();
    assert!(matches!(refused, OpenError::Busy { .. }), "{refused}");
    assert!(started.elapsed() >= Duration::from_secs(4));
    drop(other);
    assert_eq!(Ledger::open(&lock).unwrap().snapshot.users.len(), 1);
}
