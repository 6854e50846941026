//! The table `entries`: what was concluded of each entry of the drop folder.

use portraitd_reconcile::{FileName, FileRecord, FileState, Stat, UserId};
use rusqlite::{Connection, params};

use super::{Fields, select, texts_json};
use crate::error::{Corruption, Unreadable};

pub(super) fn put(connection: &Connection, name: &FileName, record: &FileRecord) -> rusqlite::Result<()> {
    const SQL: &str = "REPLACE INTO entries
        (name, dev, ino, size, mtime_ns, ctime_ns, user, state, reason, digest, width, height, warnings)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let stat = &record.stat;
    let (state, reason, photo) = match &record.state {
        FileState::Accepted(photo) => ("accepted", None, Some(photo)),
        FileState::Rejected { reason } => ("rejected", Some(reason), None),
        FileState::Ignored { reason } => ("ignored", Some(reason), None),
    };
    connection.prepare_cached(SQL)?.execute(params![
        name.as_bytes(),
        stat.dev.cast_signed(),
        stat.ino.cast_signed(),
        stat.size.cast_signed(),
        stat.mtime_ns,
        stat.ctime_ns,
        record.user.as_ref().map(UserId::as_str),
        state,
        reason,
        photo.map(|photo| photo.digest.as_bytes()),
        photo.map(|photo| photo.width),
        photo.map(|photo| photo.height),
        photo.map(|photo| texts_json(&photo.warnings)),
    ])?;
    Ok(())
}

pub(super) fn forget(connection: &Connection, name: &FileName) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM entries WHERE name = ?1")?.execute([name.as_bytes()])?;
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Result<Vec<(FileName, FileRecord)>, Unreadable> {
    const SQL: &str =
        "SELECT name, dev, ino, size, mtime_ns, ctime_ns, user, digest, width, height, warnings, state, reason
        FROM entries ORDER BY name";
    select(connection, "entries", SQL, [], |fields| {
        let name = fields.file_name("name")?;
        let record = FileRecord { stat: stat(fields)?, user: user(fields)?, state: state(fields)? };
        Ok((name, record))
    })
}

fn stat(fields: &mut Fields<'_>) -> Result<Stat, Corruption> {
    Ok(Stat {
        dev: fields.unsigned("dev")?,
        ino: fields.unsigned("ino")?,
        size: fields.unsigned("size")?,
        mtime_ns: fields.take("mtime_ns")?,
        ctime_ns: fields.take("ctime_ns")?,
    })
}

fn user(fields: &mut Fields<'_>) -> Result<Option<UserId>, Corruption> {
    let user = fields.optional_text("user")?.map(UserId::parse);
    user.transpose().map_err(|error| fields.wrong("user", error))
}

fn state(fields: &mut Fields<'_>) -> Result<FileState, Corruption> {
    let photo = fields.photo()?;
    let word = fields.text("state")?;
    let reason = fields.optional_text("reason")?.map(str::to_owned).ok_or_else(|| fields.missing("reason"));
    match word {
        "accepted" => photo.map(FileState::Accepted).ok_or_else(|| fields.missing("digest")),
        "rejected" => Ok(FileState::Rejected { reason: reason? }),
        "ignored" => Ok(FileState::Ignored { reason: reason? }),
        _ => Err(fields.unknown("state", word)),
    }
}
