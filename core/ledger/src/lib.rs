//! What portraitd knows has happened, and keeps through a crash.
//!
//! [`Lock::take`] makes sure that one process alone uses the state directory. [`Ledger::open`] then gives back what was
//! written down as a [`Snapshot`](portraitd_reconcile::Snapshot), and a handle: [`Ledger::write`] appends
//! [`Change`](portraitd_reconcile::Change)s and answers once they are durable. One thread owns the only connection to
//! the database; it joins the changes that wait into one commit.
//!
//! The ledger may forget, and must never invent: a forgotten delivery is made once more, an invented one never. So a
//! damaged file is set aside and the ledger starts empty, and after a failed write nothing is acknowledged any more.
//!
//! What the changes mean is not known here: that is `portraitd-reconcile`.

#![forbid(unsafe_code)]

mod error;
mod ledger;
mod lock;
mod open;
mod schema;
mod tables;
mod writer;

pub use error::{Corruption, DatabaseError, OpenError, ReadError, WriteError};
pub use ledger::{Ledger, QUEUE_MAX};
pub use lock::{Lock, LockError};
pub use open::{FILE_NAME, Opened, Rebuilt};
pub use tables::HISTORY_MAX;
