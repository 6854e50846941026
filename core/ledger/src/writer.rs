//! The thread that owns the database. It joins what waits into one commit, and answers when that is durable.
//!
//! After the first failure it ends, and with it everything that waits is answered as stopped. It does not try again:
//! after a failed fsync the kernel may call the lost pages clean, so a second try that succeeds proves nothing.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use portraitd_reconcile::{Attempt, BackendId, Change, Identity, Memory, Time, UserId};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{ReadError, WriteError};
use crate::{Lock, tables};

/// A commit takes further calls until it has this many changes. A single call may be larger.
const COMMIT_MAX: usize = 1_024;

/// The log is moved into the database after so many changes: some 10 MB of it.
const CHECKPOINT_EVERY: usize = 2_048;

/// What the thread is asked to do.
pub(crate) enum Message {
    Write(Write),
    Read(Read),
    Close,
}

/// The changes of one call.
pub(crate) struct Write {
    pub(crate) changes: Vec<Change>,
    pub(crate) answer: Answer<(), WriteError>,
}

/// A question for what is not held in memory.
pub(crate) enum Read {
    /// The history of a user.
    Attempts { user: UserId, answer: Answer<Vec<(BackendId, Attempt)>, ReadError> },
    /// What is remembered of a delivery and true at a moment.
    Memories { user: UserId, backend: BackendId, now: Time, answer: Answer<Vec<Memory>, ReadError> },
}

/// The promise to call `done` once. When it is dropped unkept, because the thread has ended, the answer is `stopped`.
pub(crate) struct Answer<T, E> {
    kept: Option<Kept<T, E>>,
}

struct Kept<T, E> {
    done: Box<dyn FnOnce(Result<T, E>) + Send>,
    stopped: E,
}

pub(crate) struct Writer {
    connection: Connection,
    path: PathBuf,
    identity: Identity,
    lock: Lock,
    inbox: Receiver<Message>,
    waiting: Arc<AtomicUsize>,
    since_checkpoint: usize,
}

/// What is done in one round.
#[derive(Default)]
struct Batch {
    writes: Vec<Write>,
    reads: Vec<Read>,
    changes: usize,
    closes: bool,
}

impl Writer {
    /// From here on the ledger is in doubt, until it is closed in order.
    pub(crate) fn new(
        connection: Connection,
        path: PathBuf,
        lock: Lock,
        inbox: Receiver<Message>,
        waiting: Arc<AtomicUsize>,
    ) -> io::Result<Self> {
        let identity = identity(&path)?;
        lock.suspect(true);
        Ok(Self { connection, path, identity, lock, inbox, waiting, since_checkpoint: 0 })
    }

    /// Serves until it is told to close, until every handle is gone, or until a write fails.
    pub(crate) fn run(mut self) -> Result<(), WriteError> {
        while let Some(batch) = self.gather() {
            self.write(batch.writes, batch.changes)?;
            batch.reads.into_iter().for_each(|read| self.read(read));
            if batch.closes {
                break;
            }
            if self.since_checkpoint >= CHECKPOINT_EVERY {
                self.checkpoint("PASSIVE")?;
            }
        }
        self.close()
    }

    /// Waits for something to do and takes what else is there already.
    fn gather(&self) -> Option<Batch> {
        let mut batch = Batch::default();
        batch.add(self.inbox.recv().ok()?);
        while batch.changes < COMMIT_MAX && !batch.closes {
            match self.inbox.try_recv() {
                Ok(message) => batch.add(message),
                Err(_nothing_waits) => break,
            }
        }
        Some(batch)
    }

    fn write(&mut self, writes: Vec<Write>, changes: usize) -> Result<(), WriteError> {
        let written = self.commit(&writes, changes);
        self.waiting.fetch_sub(changes, Ordering::Relaxed);
        for write in writes {
            write.answer.give(written.clone());
        }
        written
    }

    fn read(&self, read: Read) {
        match read {
            Read::Attempts { user, answer } => {
                answer.give(tables::attempts_of(&self.connection, &user).map_err(ReadError::from));
            }
            Read::Memories { user, backend, now, answer } => {
                answer.give(tables::memories_of(&self.connection, &user, &backend, now).map_err(ReadError::from));
            }
        }
    }

    fn commit(&mut self, writes: &[Write], changes: usize) -> Result<(), WriteError> {
        if changes == 0 {
            return Ok(());
        }
        self.check_file()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in writes.iter().flat_map(|write| &write.changes) {
            tables::apply(&transaction, change)?;
        }
        transaction.commit()?;
        self.since_checkpoint += changes;
        Ok(())
    }

    /// What is written into a file that was deleted is lost, and no call says so.
    fn check_file(&self) -> Result<(), WriteError> {
        match identity(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(WriteError::Replaced { path: self.path.clone() }),
        }
    }

    fn checkpoint(&mut self, how: &str) -> Result<(), WriteError> {
        self.connection.query_one(&format!("PRAGMA wal_checkpoint({how})"), [], |_row| Ok(()))?;
        self.since_checkpoint = 0;
        Ok(())
    }

    fn close(mut self) -> Result<(), WriteError> {
        self.check_file()?;
        self.checkpoint("TRUNCATE")?;
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        self.connection.close().map_err(|(_connection, error)| error)?;
        self.lock.suspect(false);
        Ok(())
    }
}

impl Batch {
    fn add(&mut self, message: Message) {
        match message {
            Message::Write(write) => {
                self.changes += write.changes.len();
                self.writes.push(write);
            }
            Message::Read(read) => self.reads.push(read),
            Message::Close => self.closes = true,
        }
    }
}

impl<T, E> Answer<T, E> {
    pub(crate) fn new(done: impl FnOnce(Result<T, E>) + Send + 'static, stopped: E) -> Self {
        Self { kept: Some(Kept { done: Box::new(done), stopped }) }
    }

    fn give(mut self, result: Result<T, E>) {
        if let Some(kept) = self.kept.take() {
            (kept.done)(result);
        }
    }
}

impl<T, E> Drop for Answer<T, E> {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            (kept.done)(Err(kept.stopped));
        }
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    path.symlink_metadata().map(|metadata| Identity { dev: metadata.dev(), ino: metadata.ino() })
}
