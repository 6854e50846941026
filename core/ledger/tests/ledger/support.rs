//! What the tests of the ledger share: records to write, and calls that wait. Checks nothing itself.

use std::sync::mpsc::channel;

use portraitd_ledger::{Ledger, ReadError, WriteError};
use portraitd_reconcile::{
    Attempt, AttemptState, Attempted, BackendId, Change, Digest, Doubt, FileName, FileRecord, FileState, Fingerprint,
    Holds, Memory, Photo, Presence, Recorded, Stat, Target, Time, UserId, UserRecord, Verdict, Verification, Warned,
};

/// The records of the `n`th user and the file of it, at one backend after a failed attempt.
pub(crate) fn changes_of(n: u64) -> Vec<Change> {
    let (user, file) = (user(n), FileName::new(format!("user-{n:06}.jpg")));
    let photo = Photo { digest: Digest::of(&n.to_le_bytes()), width: 3024, height: 4032, warnings: Vec::new() };
    let stat = Stat { dev: 64769, ino: n, size: 2_400_000 + n, mtime_ns: 1_700_000_000_000_000_000, ctime_ns: 1 };
    let accepted = FileRecord { stat, user: Some(user.clone()), state: FileState::Accepted(photo.clone()) };
    let record = UserRecord { file: file.clone(), photo, accepted_at: time(n), presence: Presence::Here };
    vec![
        Change::File(file, accepted),
        Change::User(user.clone(), record),
        Change::Delivery(user.clone(), backend("intranet"), failed(n)),
        Change::Delivery(user.clone(), backend("chat"), in_place(n)),
        Change::Attempt(user.clone(), backend("intranet"), attempt(n)),
        Change::Remember { user, backend: backend("intranet"), memory: memory(n) },
    ]
}

/// A delivery that waits after a failure.
pub(crate) fn failed(n: u64) -> Recorded {
    let state =
        AttemptState::Failed { verdict: Verdict::Retry, reason: "the server is busy".into(), next: time(n + 9) };
    let target = Target::Photo(fingerprint(n));
    Recorded {
        holds: Holds::Unsure { receipt: None },
        attempted: Some(Box::new(Attempted { target, count: 3, since: time(n), state })),
        doubt: Some(Box::new(Doubt { target: Some(target), until: time(n + 600) })),
        remote: Some(format!("remote{n}").into()),
        verification: None,
        warned: Some(Box::new(Warned { fingerprint: fingerprint(n), warnings: ["dark".to_owned()].into() })),
    }
}

/// A delivery that is done.
pub(crate) fn in_place(n: u64) -> Recorded {
    let receipt = Some(format!("https://media.example.com/users/{n}/photo"));
    let verification = Verification { seen: Some(time(n)), due: None, missed: 0 };
    let holds = Holds::Exactly { fingerprint: fingerprint(n), receipt };
    Recorded { holds, verification: Some(Box::new(verification)), ..Recorded::default() }
}

/// An upload that is made already.
pub(crate) fn memory(n: u64) -> Memory {
    Memory {
        key: "upload".into(),
        sha256: Digest::of(&n.to_le_bytes()).to_string(),
        origin: "https://chat.example.com".into(),
        value: format!("{{\"id\":{n}}}"),
        expires: n.is_multiple_of(2).then(|| time(n + 3_600_000)),
    }
}

/// An attempt that has ended at a moment that tells it from others.
pub(crate) fn attempt(n: u64) -> Attempt {
    Attempt { at: time(n), verdict: Verdict::Retry, reason: "the server is busy".into(), ms: 40 }
}

pub(crate) fn user(n: u64) -> UserId {
    UserId::parse(&format!("user-{n:06}")).unwrap()
}

pub(crate) fn backend(name: &str) -> BackendId {
    BackendId::parse(name).unwrap()
}

pub(crate) fn time(n: u64) -> Time {
    Time::from_millis(1_700_000_000_000 + n.cast_signed())
}

fn fingerprint(n: u64) -> Fingerprint {
    Fingerprint::of(&Digest::of(&n.to_le_bytes()), "recipe", "user")
}

/// Writes and waits for the answer.
pub(crate) fn write(ledger: &Ledger, changes: Vec<Change>) -> Result<(), WriteError> {
    let (answer, answered) = channel();
    ledger.write(changes, move |result| answer.send(result).unwrap());
    answered.recv().expect("every write is answered")
}

/// Reads what is remembered of a user's delivery at a moment.
pub(crate) fn memories(ledger: &Ledger, user: &UserId, at: &str, now: Time) -> Result<Vec<Memory>, ReadError> {
    let (answer, answered) = channel();
    ledger.memories(user, &backend(at), now, move |result| answer.send(result).unwrap());
    answered.recv().expect("every read is answered")
}

/// Reads a user's history.
pub(crate) fn attempts(ledger: &Ledger, user: &UserId) -> Result<Vec<(BackendId, Attempt)>, ReadError> {
    let (answer, answered) = channel();
    ledger.attempts(user, move |result| answer.send(result).unwrap());
    answered.recv().expect("every read is answered")
}
