//! The table `attempts`: the newest of each user and backend, so that its size follows the users and not the time.

use portraitd_reconcile::{Attempt, BackendId, UserId};
use rusqlite::{Connection, params};

use super::{Fields, after_ms, select};
use crate::error::{Corruption, Unreadable};

/// How many attempts are kept of each user and backend.
pub const HISTORY_MAX: u32 = 10;

pub(super) fn add(
    connection: &Connection,
    user: &UserId,
    backend: &BackendId,
    attempt: &Attempt,
) -> rusqlite::Result<()> {
    const ADD: &str = "INSERT INTO attempts (user, backend, n, at, verdict, after_ms, reason, ms)
        SELECT ?1, ?2, coalesce(max(n), 0) + 1, ?3, ?4, ?5, ?6, ?7 FROM attempts WHERE user = ?1 AND backend = ?2";
    const DROP_OLD: &str = "DELETE FROM attempts WHERE user = ?1 AND backend = ?2
        AND n <= (SELECT max(n) FROM attempts WHERE user = ?1 AND backend = ?2) - ?3";
    let key = (user.as_str(), backend.as_str());
    connection.prepare_cached(ADD)?.execute(params![
        key.0,
        key.1,
        attempt.at.as_millis(),
        attempt.verdict.word(),
        after_ms(&attempt.verdict),
        attempt.reason,
        attempt.ms.cast_signed(),
    ])?;
    connection.prepare_cached(DROP_OLD)?.execute(params![key.0, key.1, HISTORY_MAX])?;
    Ok(())
}

/// The history of one user: by backend, and each backend's from the oldest to the newest.
pub(crate) fn of_user(connection: &Connection, user: &UserId) -> Result<Vec<(BackendId, Attempt)>, Unreadable> {
    const SQL: &str = "SELECT backend, at, verdict, after_ms, reason, ms FROM attempts
        WHERE user = ?1 ORDER BY backend, n";
    select(connection, "attempts", SQL, [user.as_str()], |fields| {
        Ok((fields.id("backend", BackendId::parse)?, attempt(fields)?))
    })
}

fn attempt(fields: &mut Fields<'_>) -> Result<Attempt, Corruption> {
    Ok(Attempt {
        at: fields.time("at")?,
        verdict: fields.verdict()?.ok_or_else(|| fields.missing("verdict"))?,
        reason: fields.text("reason")?.to_owned(),
        ms: fields.unsigned("ms")?,
    })
}
