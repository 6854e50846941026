//! The table `published`: the pictures that systems may fetch, by the deliveries that told of them.

use portraitd_reconcile::{BackendId, PictureName, Published, UserId};
use rusqlite::{Connection, params};

use super::select;
use crate::error::Unreadable;

/// One that is recorded stays so.
pub(super) fn put(
    connection: &Connection,
    user: &UserId,
    backend: &BackendId,
    picture: Published,
) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO published (user, backend, name, recorded) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET recorded = max(recorded, excluded.recorded)";
    let Published { name, recorded } = picture;
    connection.prepare_cached(SQL)?.execute(params![user.as_str(), backend.as_str(), name.as_bytes(), recorded])?;
    Ok(())
}

pub(super) fn forget(
    connection: &Connection,
    user: &UserId,
    backend: &BackendId,
    name: &PictureName,
) -> rusqlite::Result<()> {
    const SQL: &str = "DELETE FROM published WHERE user = ?1 AND backend = ?2 AND name = ?3";
    connection.prepare_cached(SQL)?.execute(params![user.as_str(), backend.as_str(), name.as_bytes()])?;
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Result<Vec<(UserId, BackendId, Published)>, Unreadable> {
    const SQL: &str = "SELECT user, backend, name, recorded FROM published ORDER BY user, backend, name";
    select(connection, "published", SQL, [], |fields| {
        let (user, backend) = (fields.id("user", UserId::parse)?, fields.id("backend", BackendId::parse)?);
        let name = PictureName::from_bytes(fields.take("name")?);
        let recorded = fields.optional_flag("recorded")?.ok_or_else(|| fields.missing("recorded"))?;
        Ok((user, backend, Published { name, recorded }))
    })
}
