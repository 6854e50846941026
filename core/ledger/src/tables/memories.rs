//! The table `memories`: what plugins remember of deliveries that are under way. Most of the time it is empty.

use portraitd_reconcile::{BackendId, Memory, Time, UserId};
use rusqlite::{Connection, params};

use super::{Fields, select};
use crate::error::{Corruption, Unreadable};

pub(super) fn put(
    connection: &Connection,
    user: &UserId,
    backend: &BackendId,
    memory: &Memory,
) -> rusqlite::Result<()> {
    const SQL: &str = "REPLACE INTO memories (user, backend, key, sha256, origin, value, expires)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(SQL)?.execute(params![
        user.as_str(),
        backend.as_str(),
        memory.key,
        memory.sha256,
        memory.origin,
        memory.value,
        memory.expires.map(Time::as_millis),
    ])?;
    Ok(())
}

/// Forgets one; `name` is its key, its rendition and its origin.
pub(super) fn forget(
    connection: &Connection,
    user: &UserId,
    backend: &BackendId,
    name: [&str; 3],
) -> rusqlite::Result<()> {
    const SQL: &str = "DELETE FROM memories
        WHERE user = ?1 AND backend = ?2 AND key = ?3 AND sha256 = ?4 AND origin = ?5";
    let [key, sha256, origin] = name;
    connection.prepare_cached(SQL)?.execute(params![user.as_str(), backend.as_str(), key, sha256, origin])?;
    Ok(())
}

pub(super) fn forget_all(connection: &Connection, user: &UserId, backend: &BackendId) -> rusqlite::Result<()> {
    const SQL: &str = "DELETE FROM memories WHERE user = ?1 AND backend = ?2";
    connection.prepare_cached(SQL)?.execute(params![user.as_str(), backend.as_str()])?;
    Ok(())
}

pub(super) fn forget_expired(connection: &Connection, now: Time) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM memories WHERE expires <= ?1")?.execute([now.as_millis()])?;
    Ok(())
}

/// What is remembered of one delivery and is true at `now`, in the order of the keys.
pub(crate) fn of_delivery(
    connection: &Connection,
    user: &UserId,
    backend: &BackendId,
    now: Time,
) -> Result<Vec<Memory>, Unreadable> {
    const SQL: &str = "SELECT key, sha256, origin, value, expires FROM memories
        WHERE user = ?1 AND backend = ?2 AND (expires IS NULL OR expires > ?3) ORDER BY key, sha256, origin";
    select(connection, "memories", SQL, params![user.as_str(), backend.as_str(), now.as_millis()], memory)
}

fn memory(fields: &mut Fields<'_>) -> Result<Memory, Corruption> {
    Ok(Memory {
        key: fields.text("key")?.to_owned(),
        sha256: fields.text("sha256")?.to_owned(),
        origin: fields.text("origin")?.to_owned(),
        value: value(fields)?,
        expires: fields.optional_time("expires")?,
    })
}

fn value(fields: &mut Fields<'_>) -> Result<String, Corruption> {
    let text = fields.text("value")?;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(fields.wrong("value", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn found(sql: &str) -> Result<Vec<Memory>, Unreadable> {
        let connection = schema::in_memory();
        connection.execute_batch(sql).unwrap();
        let (user, backend) = (UserId::parse("anna").unwrap(), BackendId::parse("chat").unwrap());
        of_delivery(&connection, &user, &backend, Time::from_millis(10))
    }

    #[test]
    fn a_memory_that_is_no_json_is_named_as_damage() {
        let Err(Unreadable::Corrupt(corruption)) =
            found("INSERT INTO memories VALUES ('anna', 'chat', 'k', '', '', '{', NULL)")
        else {
            panic!("taken for sound");
        };
        assert!(corruption.to_string().starts_with("`value` in a row of `memories` cannot be"), "{corruption}");
    }

    #[test]
    fn what_has_expired_is_left_out() {
        let rows = |expires: &str| {
            found(&format!("INSERT INTO memories VALUES ('anna', 'chat', 'k', '', '', '1', {expires})")).unwrap().len()
        };
        assert_eq!([rows("NULL"), rows("11"), rows("10"), rows("0")], [1, 1, 0, 0]);
    }
}
