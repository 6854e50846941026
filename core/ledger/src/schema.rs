//! Which version of the tables a file has, and how it is brought to the newest one. Reads no records.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Corruption, Unreadable};

/// The steps from each version to the next. A step that was released is never edited: what changes is a new step.
pub(crate) const STEPS: [&str; 4] = [
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
];

/// The application id of a ledger: these letters in the upper half, the version in the lower. Together with the
/// `user_version` it says everything twice, so that a damaged header is not taken for a newer ledger.
const MARK: u32 = u32::from_be_bytes([b'p', b'd', 0, 0]);

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    /// Nothing is in it yet.
    Empty,
    /// A ledger of this version.
    Ledger(u32),
}

/// Finds the version of a file, and changes nothing.
pub(crate) fn version(connection: &Connection) -> Result<Version, Unreadable> {
    let mark: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let objects: i64 = connection.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match u32::try_from(version) {
        Ok(0) if mark == 0 && objects == 0 => Ok(Version::Empty),
        Ok(version) if version > 0 && mark == i64::from(MARK | version) => Ok(Version::Ledger(version)),
        _ => Err(Corruption::Foreign.into()),
    }
}

/// Applies the steps that a file lacks, all or none.
///
/// The version is written even when nothing is lacking: a ledger that cannot be written must show at the start.
pub(crate) fn bring(connection: &mut Connection, from: u32, steps: &[&str]) -> rusqlite::Result<()> {
    let newest = u32::try_from(steps.len()).expect("the steps are few");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in &steps[from as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", MARK | newest)?;
    transaction.pragma_update(None, "user_version", newest)?;
    transaction.commit()
}

/// Checks that every column is there that the steps make. What somebody has added does no harm.
pub(crate) fn check(connection: &Connection, steps: &[&str]) -> Result<(), Unreadable> {
    let mut model = Connection::open_in_memory()?;
    bring(&mut model, 0, steps)?;
    let found = columns(connection)?;
    match columns(&model)?.into_iter().find(|column| !found.contains(column)) {
        None => Ok(()),
        Some(Column { table, name, .. }) => Err(Corruption::Column { table, column: name }.into()),
    }
}

#[derive(PartialEq, Eq)]
struct Column {
    table: String,
    name: String,
    kind: String,
}

fn columns(connection: &Connection) -> rusqlite::Result<Vec<Column>> {
    const SQL: &str = "SELECT t.name, c.name, c.type FROM sqlite_schema t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table'";
    let mut statement = connection.prepare(SQL)?;
    let rows =
        statement.query_map([], |row| Ok(Column { table: row.get(0)?, name: row.get(1)?, kind: row.get(2)? }))?;
    rows.collect()
}

/// Writes a copy of the whole ledger, as it is before a step that might be regretted.
pub(crate) fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    let name = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// An empty ledger that no file holds.
#[cfg(test)]
pub(crate) fn in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    bring(&mut connection, 0, &STEPS).unwrap();
    connection
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(sql: &str) -> bool {
        let connection = in_memory();
        connection.execute_batch(sql).unwrap();
        matches!(version(&connection), Err(Unreadable::Corrupt(Corruption::Foreign)))
    }

    #[test]
    fn a_new_file_is_empty_and_then_a_ledger_of_the_newest_version() {
        assert_eq!(version(&Connection::open_in_memory().unwrap()).unwrap(), Version::Empty);
        assert_eq!(version(&in_memory()).unwrap(), Version::Ledger(4));
    }

    #[test]
    fn a_file_whose_two_versions_differ_is_no_ledger() {
        assert!(foreign("PRAGMA user_version = 1"));
        assert!(foreign("PRAGMA user_version = 3"));
        assert!(foreign("PRAGMA user_version = 5"));
        assert!(foreign("PRAGMA user_version = 0"));
        assert!(foreign("PRAGMA user_version = -1"));
        assert!(foreign("PRAGMA application_id = 1"));
        assert!(foreign("PRAGMA application_id = 0; PRAGMA user_version = 0"));
    }

    #[test]
    fn a_column_that_is_missing_is_named_and_an_added_one_is_not() {
        let lacking = |sql: &str| {
            let connection = in_memory();
            connection.execute_batch(sql).unwrap();
            match check(&connection, &STEPS) {
                Err(Unreadable::Corrupt(corruption)) => Some(corruption.to_string()),
                other => other.map(|()| None).unwrap(),
            }
        };
        assert_eq!(lacking("CREATE TABLE notes (text); ALTER TABLE users ADD COLUMN note TEXT; ANALYZE"), None);
        assert_eq!(lacking("DROP TABLE attempts").unwrap(), "the table `attempts` has no `user` as it should be");
        let renamed = "ALTER TABLE deliveries RENAME COLUMN holds TO holding";
        assert_eq!(lacking(renamed).unwrap(), "the table `deliveries` has no `holds` as it should be");
    }

    #[test]
    fn a_later_step_keeps_what_the_earlier_ones_made() {
        let mut connection = Connection::open_in_memory().unwrap();
        bring(&mut connection, 0, &STEPS[..1]).unwrap();
        connection.execute_batch("INSERT INTO backends VALUES ('intranet', 'x', 1, NULL, NULL)").unwrap();
        bring(&mut connection, 1, &STEPS).unwrap();
        assert_eq!(version(&connection).unwrap(), Version::Ledger(4));
        let kept: String =
            connection.query_one("SELECT backend FROM backends WHERE paused = 0", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, "intranet");
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut connection = in_memory();
        let failing = [&STEPS[..], &["CREATE TABLE extra (a) STRICT; -- no type"]].concat();
        bring(&mut connection, 4, &failing).unwrap_err();
        assert_eq!(version(&connection).unwrap(), Version::Ledger(4));
    }
}
