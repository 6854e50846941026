//! How the ledger fails. Each enum answers one question of the caller; none says what to do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHORT_READ;

/// What SQLite says.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(Arc<rusqlite::Error>);

/// How a ledger's file is damaged.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Corruption {
    /// SQLite cannot read it.
    #[error("it cannot be read as a database")]
    Pages(#[source] DatabaseError),
    /// SQLite's own check of the pages found something.
    #[error("the check of its pages found: {0}")]
    Check(String),
    /// It was not made by portraitd.
    #[error("it is a database, but not a ledger")]
    Foreign,
    /// A table is missing, or it lacks a column.
    #[error("the table `{table}` has no `{column}` as it should be")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A row holds what portraitd never writes.
    #[error("`{column}` in a row of `{table}` cannot be: {why}")]
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with the value.
        why: String,
    },
}

/// Why the ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A later portraitd has written it.
    #[error("the ledger has the version {found}, and this portraitd knows no later one than {known}")]
    Newer {
        /// The version of the file.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// The SQLite library is one that may lose commits.
    #[error("SQLite {found} is older than {needed}, which the ledger needs")]
    TooOldSqlite {
        /// The version that runs.
        found: String,
        /// The first that will do.
        needed: &'static str,
    },
    /// Another program has the file open.
    #[error("another program has locked {}", path.display())]
    Busy {
        /// The ledger's file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The ledger's file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The database cannot be used, although it is not damaged.
    #[error("the database {} cannot be used", path.display())]
    Database {
        /// The ledger's file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: DatabaseError,
    },
    /// A ledger that was made this moment cannot be read: the disk or the memory is at fault.
    #[error("the new ledger in place of {}, which was set aside, is damaged too", set_aside.display())]
    DamagedAgain {
        /// Where the first one is now.
        set_aside: PathBuf,
        /// The damage of the second.
        #[source]
        source: Corruption,
    },
}

/// Why changes are not written down. After it, no later change is: the process should end and start anew.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The disk is full.
    #[error("the disk with the state directory is full")]
    Full(#[source] DatabaseError),
    /// The database refused.
    #[error("the database refused")]
    Database(#[source] DatabaseError),
    /// The ledger's file was taken away or replaced while it was in use.
    #[error("{} was taken away or replaced while it was in use", path.display())]
    Replaced {
        /// The ledger's file.
        path: PathBuf,
    },
    /// More waits than [`QUEUE_MAX`](crate::QUEUE_MAX): the caller does not wait for answers.
    #[error("too many changes wait to be written")]
    Overrun,
    /// The ledger was closed, or an earlier write has failed.
    #[error("the ledger is closed, or an earlier write has failed")]
    Stopped,
}

/// Why the history cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// What is there was not written by portraitd.
    #[error("what was written down is damaged")]
    Corrupt(#[source] Corruption),
    /// The database refused.
    #[error("the database refused")]
    Database(#[source] DatabaseError),
    /// The ledger was closed, or a write has failed.
    #[error("the ledger is closed, or a write has failed")]
    Stopped,
}

/// A failure while the file is read, before it is known what to do about it.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The file is damaged.
    Corrupt(Corruption),
    /// Something else is wrong, and the file may be sound.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<Corruption> for Unreadable {
    fn from(corruption: Corruption) -> Self {
        Self::Corrupt(corruption)
    }
}

impl From<rusqlite::Error> for Unreadable {
    /// Of an error while reading. The statements are fixed, so one that cannot be prepared tells of the file.
    fn from(error: rusqlite::Error) -> Self {
        match cause(&error).map(|cause| cause.code) {
            Some(ErrorCode::Unknown | ErrorCode::TooBig | ErrorCode::TypeMismatch) => Self::damaged(error),
            _ => Self::while_writing(error),
        }
    }
}

impl Unreadable {
    /// Of an error while the tables are brought to a later version, where a statement may be at fault itself. The file
    /// was writable the moment before, so a database that cannot be written calls itself read-only.
    pub(crate) fn while_writing(error: rusqlite::Error) -> Self {
        let cut = cause(&error).is_some_and(|cause| cause.extended_code == SQLITE_IOERR_SHORT_READ);
        match cause(&error).map(|cause| cause.code) {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ReadOnly) => Self::damaged(error),
            _ if cut => Self::damaged(error),
            _ => Self::Database(error),
        }
    }

    fn damaged(error: rusqlite::Error) -> Self {
        Self::Corrupt(Corruption::Pages(error.into()))
    }
}

/// SQLite's own code, of a statement that ran and of one that could not be prepared.
const fn cause(error: &rusqlite::Error) -> Option<&rusqlite::ffi::Error> {
    match error {
        rusqlite::Error::SqliteFailure(cause, _) | rusqlite::Error::SqlInputError { error: cause, .. } => Some(cause),
        _ => None,
    }
}

impl From<Unreadable> for ReadError {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Corrupt(corruption) => Self::Corrupt(corruption),
            Unreadable::Database(error) => Self::Database(error.into()),
        }
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        match cause(&error).map(|cause| cause.code) {
            Some(ErrorCode::DiskFull) => Self::Full(error.into()),
            _ => Self::Database(error.into()),
        }
    }
}
