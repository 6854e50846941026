//! The handle to the ledger. It hands changes over to the thread that owns the database, and never touches a file.

use std::fmt;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use portraitd_reconcile::{Attempt, BackendId, Change, Memory, Time, UserId};

use crate::error::{OpenError, ReadError, WriteError};
use crate::open::{self, Loaded, Opened};
use crate::writer::{Answer, Message, Read, Write, Writer};
use crate::{FILE_NAME, Lock};

/// How many changes may wait to be written, some 30 MB of them. A call is taken as long as fewer wait, whatever its own
/// size, and answered with [`WriteError::Overrun`] from then on. A caller that begins nothing new while this many of its
/// changes are not answered never sees that.
pub const QUEUE_MAX: usize = 65_536;

/// A handle to the open ledger; clones are handles to the same.
///
/// When the last one is dropped without [`Ledger::close`], what waits is still written, by a thread that nobody waits for.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    outbox: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    thread: Mutex<Option<JoinHandle<Result<(), WriteError>>>>,
}

impl Ledger {
    /// Opens the ledger of the state directory that the lock is for, and keeps the lock until it is closed.
    ///
    /// A damaged ledger is set aside as `ledger.sqlite.corrupt-<n>` and an empty one opened in its place. After a stop
    /// that was not in order the pages are checked first.
    ///
    /// # Errors
    /// When a later portraitd has written the file, when another program has locked it, and when it cannot be read or
    /// written for another reason than damage.
    pub fn open(lock: &Lock) -> Result<Opened, OpenError> {
        let Loaded { connection, snapshot, rebuilt } = open::open(lock)?;
        let path = lock.state().join(FILE_NAME);
        let failed = |source| OpenError::Io { path: path.clone(), source };
        let (outbox, inbox) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer =
            Writer::new(connection, path.clone(), lock.clone(), inbox, Arc::clone(&waiting)).map_err(failed)?;
        let thread = thread::Builder::new().name("ledger".into()).spawn(|| writer.run()).map_err(failed)?;
        let shared = Shared { outbox, waiting, thread: Mutex::new(Some(thread)) };
        Ok(Opened { ledger: Self { shared: Arc::new(shared) }, snapshot, rebuilt })
    }

    /// Writes changes down, in the order of the calls; the changes of one call together or not at all.
    ///
    /// Never blocks. `done` is called once: on the ledger's thread when the changes are durable or have failed, or on
    /// this one when they cannot be taken. It must be quick and must not panic, and it must not call [`Ledger::close`].
    pub fn write(&self, changes: Vec<Change>, done: impl FnOnce(Result<(), WriteError>) + Send + 'static) {
        let waiting = self.shared.waiting.fetch_add(changes.len(), Ordering::Relaxed);
        if waiting >= QUEUE_MAX {
            self.shared.waiting.fetch_sub(changes.len(), Ordering::Relaxed);
            done(Err(WriteError::Overrun));
        } else {
            let answer = Answer::new(done, WriteError::Stopped);
            self.send(Message::Write(Write { changes, answer }));
        }
    }

    /// Reads the history of a user, with all that was written before this call: by backend, and each backend's from the
    /// oldest to the newest, at most [`HISTORY_MAX`](crate::HISTORY_MAX). `done` is called as that of [`Ledger::write`].
    pub fn attempts(
        &self,
        user: &UserId,
        done: impl FnOnce(Result<Vec<(BackendId, Attempt)>, ReadError>) + Send + 'static,
    ) {
        let answer = Answer::new(done, ReadError::Stopped);
        self.send(Message::Read(Read::Attempts { user: user.clone(), answer }));
    }

    /// Reads what a plugin has remembered of a user's delivery to a backend and is still true at `now`, with all that was
    /// written before this call, in the order of the keys. `done` is called as that of [`Ledger::write`].
    pub fn memories(
        &self,
        user: &UserId,
        backend: &BackendId,
        now: Time,
        done: impl FnOnce(Result<Vec<Memory>, ReadError>) + Send + 'static,
    ) {
        let answer = Answer::new(done, ReadError::Stopped);
        self.send(Message::Read(Read::Memories { user: user.clone(), backend: backend.clone(), now, answer }));
    }

    /// Writes what waits, closes the database and waits for its thread. Calls over other handles fail from then on.
    ///
    /// # Errors
    /// When a write has failed, now or before.
    ///
    /// # Panics
    /// When a `done` has panicked on the ledger's thread.
    pub fn close(self) -> Result<(), WriteError> {
        self.send(Message::Close);
        // The lock is held while waiting, so that a second caller waits as well.
        let mut thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner);
        match thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(payload)) => panic::resume_unwind(payload),
        }
    }

    /// A message that nobody takes any more is dropped here, and thereby answered.
    fn send(&self, message: Message) {
        drop(self.shared.outbox.send(message));
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("waiting", &self.shared.waiting).finish_non_exhaustive()
    }
}
