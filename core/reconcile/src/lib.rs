//! What portraitd should do next.
//!
//! The folder is the desired state, the ledger is what was recorded, and the difference is the work. This crate is
//! told what was seen and what happened ([`Reconciler::listed`], [`Reconciler::examined`], [`Reconciler::settle`], ...)
//! and says what to look at, what to read and what to deliver, and what to write down ([`Change`]).
//!
//! It reads no clock, no file and no socket, and draws no random number: time and the seed are arguments. So weeks
//! with crashes, lies and vanishing folders run in a second, in `tests/simulation`.

#![forbid(unsafe_code)]

mod change;
mod delivery;
mod files;
mod folder;
mod gate;
mod identity;
mod names;
mod published;
mod queue;
mod reconciler;
mod removal;
mod report;
mod retry;
mod users;
mod verdict;
mod verification;

pub use change::{Attempt, BackendRecord, Change, FileRecord, FolderRecord, Memory, Published, Snapshot, UserRecord};
pub use delivery::{
    AttemptState, Attempted, DOUBT, Decision, Desired, Doubt, Holds, Operation, Recorded, Target, Warned, decide,
};
pub use files::{Examined, FileState, Kind, Photo, Stat};
pub use folder::{Entry, Identity, Listing, Looked};
pub use gate::PROBE_EVERY;
pub use identity::{BackendId, Digest, FileName, Fingerprint, InvalidId, PictureName, Time, UserId};
pub use names::{Class, Names};
pub use queue::Lane;
pub use reconciler::{Adoption, Assignment, BackendSpec, ConflictRule, Delivery, Focus, Policy, Read, Reconciler};
pub use removal::{Brake, Presence};
pub use report::{
    BackendReport, BackendState, DeliveryReport, DeliveryState, FileReport, FolderState, PhotoReport, PhotoState,
    Status, Summary, UserReport,
};
pub use retry::{ALARM_AFTER, MAX_WAIT, TOLD_AT_MOST, absent_again, backoff, jitter, probe_again, rest};
pub use users::{Missing, Remote, UserRows, Users};
pub use verdict::{Outcome, Verdict};
pub use verification::{Owner, VERIFY_EVERY, Verification, Verify};
