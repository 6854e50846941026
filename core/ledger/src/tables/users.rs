//! The table `users`.

use portraitd_reconcile::{Presence, UserId, UserRecord};
use rusqlite::{Connection, params};

use super::{Fields, select, texts_json};
use crate::error::{Corruption, Unreadable};

pub(super) fn put(connection: &Connection, user: &UserId, record: &UserRecord) -> rusqlite::Result<()> {
    const SQL: &str = "REPLACE INTO users
        (user, file, digest, width, height, warnings, accepted_at, presence, absent_since, cleared)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let (presence, absence) = match record.presence {
        Presence::Here => ("here", None),
        Presence::Missing { since, cleared } => ("missing", Some((since, cleared))),
        Presence::Gone { since, cleared } => ("gone", Some((since, cleared))),
    };
    connection.prepare_cached(SQL)?.execute(params![
        user.as_str(),
        record.file.as_bytes(),
        record.photo.digest.as_bytes(),
        record.photo.width,
        record.photo.height,
        texts_json(&record.photo.warnings),
        record.accepted_at.as_millis(),
        presence,
        absence.map(|(since, _)| since.as_millis()),
        absence.map(|(_, cleared)| cleared),
    ])?;
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Result<Vec<(UserId, UserRecord)>, Unreadable> {
    const SQL: &str = "SELECT user, file, digest, width, height, warnings, accepted_at, presence, absent_since, cleared
        FROM users ORDER BY user";
    select(connection, "users", SQL, [], |fields| {
        let user = fields.id("user", UserId::parse)?;
        let record = UserRecord {
            file: fields.file_name("file")?,
            photo: fields.photo()?.ok_or_else(|| fields.missing("digest"))?,
            accepted_at: fields.time("accepted_at")?,
            presence: presence(fields)?,
        };
        Ok((user, record))
    })
}

fn presence(fields: &mut Fields<'_>) -> Result<Presence, Corruption> {
    let word = fields.text("presence")?;
    let since = fields.optional_time("absent_since")?.ok_or_else(|| fields.missing("absent_since"));
    let cleared = fields.optional_flag("cleared")?.ok_or_else(|| fields.missing("cleared"));
    match word {
        "here" => Ok(Presence::Here),
        "missing" => Ok(Presence::Missing { since: since?, cleared: cleared? }),
        "gone" => Ok(Presence::Gone { since: since?, cleared: cleared? }),
        _ => Err(fields.unknown("presence", word)),
    }
}
