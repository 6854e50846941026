//! The table `folder`, which has one row at most.

use portraitd_reconcile::{FolderRecord, Identity, Time};
use rusqlite::{Connection, params};

use super::select;
use crate::error::Unreadable;

pub(super) fn put(connection: &Connection, record: &FolderRecord) -> rusqlite::Result<()> {
    const SQL: &str = "REPLACE INTO folder
        (id, trusted_dev, trusted_ino, seen_dev, seen_ino, braked, rules, edition, scanned)
        VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (trusted_dev, trusted_ino) = columns(record.trusted);
    let (seen_dev, seen_ino) = columns(record.seen);
    connection.prepare_cached(SQL)?.execute(params![
        trusted_dev,
        trusted_ino,
        seen_dev,
        seen_ino,
        record.braked,
        record.rules,
        record.edition,
        record.scanned.map(Time::as_millis),
    ])?;
    Ok(())
}

fn columns(identity: Option<Identity>) -> (Option<i64>, Option<i64>) {
    identity.map(|identity| (identity.dev.cast_signed(), identity.ino.cast_signed())).unzip()
}

pub(super) fn get(connection: &Connection) -> Result<FolderRecord, Unreadable> {
    const SQL: &str =
        "SELECT trusted_dev, trusted_ino, seen_dev, seen_ino, braked, rules, edition, scanned FROM folder";
    let rows = select(connection, "folder", SQL, [], |fields| {
        Ok(FolderRecord {
            trusted: fields.identity("trusted_dev", "trusted_ino")?,
            seen: fields.identity("seen_dev", "seen_ino")?,
            braked: fields.optional_flag("braked")?.ok_or_else(|| fields.missing("braked"))?,
            rules: fields.text("rules")?.to_owned(),
            edition: fields.text("edition")?.to_owned(),
            scanned: fields.optional_time("scanned")?,
        })
    })?;
    Ok(rows.into_iter().next().unwrap_or_default())
}
