//! The table `backends`.

use portraitd_reconcile::{BackendId, BackendRecord, Time};
use rusqlite::{Connection, params};

use super::select;
use crate::error::Unreadable;

pub(super) fn put(connection: &Connection, backend: &BackendId, record: &BackendRecord) -> rusqlite::Result<()> {
    const SQL: &str = "REPLACE INTO backends (backend, shape, since, held, quiet_until, paused)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    connection.prepare_cached(SQL)?.execute(params![
        backend.as_str(),
        record.shape,
        record.since.as_millis(),
        record.held,
        record.quiet_until.map(Time::as_millis),
        record.paused,
    ])?;
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Result<Vec<(BackendId, BackendRecord)>, Unreadable> {
    const SQL: &str = "SELECT backend, shape, since, held, quiet_until, paused FROM backends ORDER BY backend";
    select(connection, "backends", SQL, [], |fields| {
        let backend = fields.id("backend", BackendId::parse)?;
        let record = BackendRecord {
            shape: fields.text("shape")?.to_owned(),
            since: fields.time("since")?,
            held: fields.optional_text("held")?.map(str::to_owned),
            quiet_until: fields.optional_time("quiet_until")?,
            paused: fields.optional_flag("paused")?.ok_or_else(|| fields.missing("paused"))?,
        };
        Ok((backend, record))
    })
}
