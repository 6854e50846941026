//! Opens the ledger's file: checks it, brings it to the newest version, reads it, or sets it aside. Writes no records.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portraitd_reconcile::Snapshot;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{Access, access};

use crate::error::{Corruption, OpenError, Unreadable};
use crate::schema::{self, STEPS, Version};
use crate::{Ledger, Lock, tables};

/// The name of the ledger's file in the state directory.
pub const FILE_NAME: &str = "ledger.sqlite";

/// What SQLite puts beside a database. They belong to it, and to no other.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The first SQLite that cannot lose a commit by resetting its write-ahead log: <https://sqlite.org/releaselog/3_51_3.html>.
const SQLITE_MIN: (i32, &str) = (3_051_003, "3.51.3");

/// How long another program, say somebody's `sqlite3`, may keep the file locked.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// An open ledger, and what was in it.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub ledger: Ledger,
    /// What was written down.
    pub snapshot: Snapshot,
    /// The ledger was damaged and starts empty. People must be told: everything is delivered once more.
    pub rebuilt: Option<Rebuilt>,
}

/// A damaged ledger that was set aside.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// Where its file is now.
    pub set_aside: PathBuf,
    /// What is wrong with it.
    pub corruption: Corruption,
}

/// A connection that is ready to be written, and what was read over it.
pub(crate) struct Loaded {
    pub(crate) connection: Connection,
    pub(crate) snapshot: Snapshot,
    pub(crate) rebuilt: Option<Rebuilt>,
}

/// Opens the ledger of a state directory, or an empty one in place of a damaged one.
pub(crate) fn open(lock: &Lock) -> Result<Loaded, OpenError> {
    check_sqlite(rusqlite::version_number())?;
    let path = lock.state().join(FILE_NAME);
    let in_doubt = lock.is_suspect() || has_log(&path);
    match load(&path, in_doubt, &STEPS) {
        Ok((connection, snapshot)) => Ok(Loaded { connection, snapshot, rebuilt: None }),
        Err(Refused::Damaged(corruption)) => start_anew(&path, corruption),
        Err(Refused::Otherwise(error)) => Err(error),
    }
}

fn check_sqlite(version: i32) -> Result<(), OpenError> {
    if version >= SQLITE_MIN.0 {
        return Ok(());
    }
    let found = format!("{}.{}.{}", version / 1_000_000, version / 1_000 % 1_000, version % 1_000);
    Err(OpenError::TooOldSqlite { found, needed: SQLITE_MIN.1 })
}

/// SQLite deletes its log when the database is closed in order.
fn has_log(path: &Path) -> bool {
    beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

fn start_anew(path: &Path, corruption: Corruption) -> Result<Loaded, OpenError> {
    let set_aside = set_aside(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    match load(path, false, &STEPS) {
        Ok((connection, snapshot)) => {
            Ok(Loaded { connection, snapshot, rebuilt: Some(Rebuilt { set_aside, corruption }) })
        }
        Err(Refused::Damaged(source)) => Err(OpenError::DamagedAgain { set_aside, source }),
        Err(Refused::Otherwise(error)) => Err(error),
    }
}

/// Renames the database first: a log without a database is harmless, a database without its log is not.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = (1_u32..)
        .map(|n| beside(path, &format!(".corrupt-{n}")))
        .find(|name| name.symlink_metadata().is_err())
        .expect("not every name is taken");
    fs::rename(path, &aside)?;
    for companion in COMPANIONS {
        match fs::rename(beside(path, companion), beside(&aside, companion)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Why a file was not loaded.
#[derive(Debug)]
enum Refused {
    /// It is damaged, so it is to be set aside.
    Damaged(Corruption),
    /// It may be sound, so it stays.
    Otherwise(OpenError),
}

fn load(path: &Path, in_doubt: bool, steps: &[&str]) -> Result<(Connection, Snapshot), Refused> {
    let mut connection = connect(path)?;
    let snapshot = prepare(&mut connection, path, in_doubt, steps)?;
    Ok((connection, snapshot))
}

fn connect(path: &Path) -> Result<Connection, Refused> {
    make_writable(path).map_err(|source| Refused::Otherwise(OpenError::Io { path: path.to_owned(), source }))?;
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| refused(path, error.into()))
}

/// Makes the file when it is missing, and finds out whether it may be written before SQLite quietly settles for reading.
/// An existing file is not opened: to close it would end the locks that SQLite may have on it in this process.
fn make_writable(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(access(path, Access::WRITE_OK)?),
        made => made.map(drop),
    }
}

fn prepare(connection: &mut Connection, path: &Path, in_doubt: bool, steps: &[&str]) -> Result<Snapshot, Refused> {
    let refused = |error| refused(path, error);
    configure(connection).map_err(|error| refused(error.into()))?;
    let newest = u32::try_from(steps.len()).expect("the steps are few");
    let found = match schema::version(connection).map_err(refused)? {
        Version::Empty => 0,
        Version::Ledger(found) if found > newest => {
            return Err(Refused::Otherwise(OpenError::Newer { found, known: newest }));
        }
        Version::Ledger(found) => found,
    };
    if in_doubt {
        quick_check(connection).map_err(refused)?;
    }
    if (1..newest).contains(&found) {
        keep_copy(connection, path, found)?;
    }
    log_ahead(connection).map_err(|error| refused(error.into()))?;
    schema::bring(connection, found, steps).map_err(|error| refused(Unreadable::while_writing(error)))?;
    schema::check(connection, steps).map_err(refused)?;
    tables::load(connection).map_err(refused)
}

/// With the exclusive mode nobody else can open the file while it is in use, and no shared memory is needed.
/// A connection that is dropped leaves its log alone: only an orderly close may move the log into the database.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY_MAX)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// The writer moves the log into the database itself, when all that waits is answered, so that no failure is missed.
fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT_BYTES)
}

/// After a large commit the log's file is cut back to this.
const LOG_KEPT_BYTES: i64 = 16 << 20;

/// Pages that SQLite keeps in memory, as negative KiB. Rows are written whole and never read while the daemon runs.
const CACHE_KIB: i64 = -512;

fn quick_check(connection: &Connection) -> Result<(), Unreadable> {
    let found: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Corruption::Check(found).into()) }
}

fn keep_copy(connection: &Connection, path: &Path, version: u32) -> Result<(), Refused> {
    let copy = beside(path, &format!(".version-{version}"));
    match fs::remove_file(&copy) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(Refused::Otherwise(OpenError::Io { path: copy, source }));
        }
        _ => {}
    }
    schema::copy(connection, &copy).map_err(|error| refused(path, error.into()))
}

fn refused(path: &Path, error: Unreadable) -> Refused {
    let path = path.to_owned();
    match error {
        Unreadable::Corrupt(corruption) => Refused::Damaged(corruption),
        Unreadable::Database(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            Refused::Otherwise(OpenError::Busy { path })
        }
        Unreadable::Database(error) => Refused::Otherwise(OpenError::Database { path, source: error.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_that_may_lose_commits_is_refused_by_its_version() {
        let refused = check_sqlite(3_051_002).unwrap_err();
        assert_eq!(refused.to_string(), "SQLite 3.51.2 is older than 3.51.3, which the ledger needs");
        check_sqlite(3_051_003).unwrap();
        check_sqlite(rusqlite::version_number()).unwrap();
    }

    #[test]
    fn each_damaged_file_is_set_aside_under_its_own_name_with_what_belongs_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        for n in 1..=3 {
            fs::write(&path, "database").unwrap();
            fs::write(beside(&path, "-wal"), "log").unwrap();
            let aside = set_aside(&path).unwrap();
            assert_eq!(aside, dir.path().join(format!("ledger.sqlite.corrupt-{n}")));
            assert_eq!(fs::read_to_string(beside(&aside, "-wal")).unwrap(), "log");
            assert!(!path.exists() && !has_log(&path));
        }
    }

    #[test]
    fn a_copy_is_kept_of_a_ledger_that_is_brought_to_a_later_version() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        drop(load(&path, false, &STEPS).unwrap());
        let later = [&STEPS[..], &["CREATE TABLE sessions (name TEXT) STRICT"]].concat();
        drop(load(&path, false, &later).unwrap());
        let copy = Connection::open(dir.path().join("ledger.sqlite.version-4")).unwrap();
        assert_eq!(schema::version(&copy).unwrap(), Version::Ledger(4));
        let refused = load(&path, false, &STEPS).unwrap_err();
        assert!(matches!(refused, Refused::Otherwise(OpenError::Newer { found: 5, known: 4 })), "{refused:?}");
    }
}
