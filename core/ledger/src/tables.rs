//! How each record lies in its table, and how it is read back. Opens nothing and begins no transaction.
//!
//! A row is not trusted: somebody may have edited the file. What portraitd never writes is a [`Corruption`] that names
//! the table and the column.

mod attempts;
mod backends;
mod deliveries;
mod entries;
mod folder;
mod memories;
mod published;
mod users;

use std::time::Duration;

use portraitd_reconcile::{Change, Digest, FileName, Identity, InvalidId, Photo, Snapshot, Time, Verdict};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Params, Row};

use crate::error::{Corruption, Unreadable};

pub(crate) use attempts::of_user as attempts_of;
pub(crate) use memories::of_delivery as memories_of;

pub use attempts::HISTORY_MAX;

/// Writes one change, in the transaction that is open.
pub(crate) fn apply(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::File(name, record) => entries::put(connection, name, record),
        Change::FileForgotten(name) => entries::forget(connection, name),
        Change::User(user, record) => users::put(connection, user, record),
        Change::Delivery(user, backend, recorded) => deliveries::put(connection, user, backend, recorded),
        Change::Attempt(user, backend, attempt) => attempts::add(connection, user, backend, attempt),
        Change::Backend(backend, record) => backends::put(connection, backend, record),
        Change::Folder(record) => folder::put(connection, record),
        Change::Remember { user, backend, memory } => memories::put(connection, user, backend, memory),
        Change::Forget { user, backend, key, sha256, origin } => {
            memories::forget(connection, user, backend, [key, sha256, origin])
        }
        Change::ForgetAll(user, backend) => memories::forget_all(connection, user, backend),
        Change::ForgetExpired(now) => memories::forget_expired(connection, *now),
        Change::Publish(user, backend, picture) => published::put(connection, user, backend, *picture),
        Change::Unpublish(user, backend, name) => published::forget(connection, user, backend, name),
    }
}

/// Reads everything but the history and the memories. Each list is in the order of its keys.
pub(crate) fn load(connection: &Connection) -> Result<Snapshot, Unreadable> {
    Ok(Snapshot {
        files: entries::all(connection)?,
        users: users::all(connection)?,
        deliveries: deliveries::all(connection)?,
        backends: backends::all(connection)?,
        folder: folder::get(connection)?,
        published: published::all(connection)?,
    })
}

/// The columns of one row, taken in the order of the statement's list.
struct Fields<'r> {
    table: &'static str,
    row: &'r Row<'r>,
    next: usize,
}

/// Reads the rows of a statement.
fn select<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    record: impl Fn(&mut Fields<'_>) -> Result<T, Corruption>,
) -> Result<Vec<T>, Unreadable> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(&mut Fields { table, row, next: 0 })?);
    }
    Ok(records)
}

impl<'r> Fields<'r> {
    fn take<T: FromSql>(&mut self, column: &'static str) -> Result<T, Corruption> {
        let index = self.advance();
        self.row.get(index).map_err(|error| self.wrong(column, error))
    }

    fn text(&mut self, column: &'static str) -> Result<&'r str, Corruption> {
        self.optional_text(column)?.ok_or_else(|| self.missing(column))
    }

    fn optional_text(&mut self, column: &'static str) -> Result<Option<&'r str>, Corruption> {
        let index = self.advance();
        let value = self.row.get_ref(index).map_err(|error| self.wrong(column, error))?;
        value.as_str_or_null().map_err(|error| self.wrong(column, error))
    }

    /// A JSON array of texts, or NULL.
    fn optional_texts(&mut self, column: &'static str) -> Result<Option<Vec<String>>, Corruption> {
        let texts = self.optional_text(column)?.map(serde_json::from_str);
        texts.transpose().map_err(|error| self.wrong(column, error))
    }

    fn id<T>(&mut self, column: &'static str, parse: fn(&str) -> Result<T, InvalidId>) -> Result<T, Corruption> {
        parse(self.text(column)?).map_err(|error| self.wrong(column, error))
    }

    fn file_name(&mut self, column: &'static str) -> Result<FileName, Corruption> {
        use std::os::unix::ffi::OsStringExt as _;
        Ok(FileName::new(std::ffi::OsString::from_vec(self.take(column)?)))
    }

    fn time(&mut self, column: &'static str) -> Result<Time, Corruption> {
        self.take(column).map(Time::from_millis)
    }

    fn optional_time(&mut self, column: &'static str) -> Result<Option<Time>, Corruption> {
        Ok(self.take::<Option<i64>>(column)?.map(Time::from_millis))
    }

    fn optional_flag(&mut self, column: &'static str) -> Result<Option<bool>, Corruption> {
        match self.take::<Option<i64>>(column)? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(other) => Err(self.wrong(column, format_args!("{other} is neither 0 nor 1"))),
        }
    }

    fn unsigned(&mut self, column: &'static str) -> Result<u64, Corruption> {
        self.take(column).map(i64::cast_unsigned)
    }

    fn identity(&mut self, dev: &'static str, ino: &'static str) -> Result<Option<Identity>, Corruption> {
        let (dev, ino): (Option<i64>, Option<i64>) = (self.take(dev)?, self.take(ino)?);
        Ok(dev.zip(ino).map(|(dev, ino)| Identity { dev: dev.cast_unsigned(), ino: ino.cast_unsigned() }))
    }

    /// The columns digest, width, height and warnings; none when the digest is NULL.
    fn photo(&mut self) -> Result<Option<Photo>, Corruption> {
        let digest: Option<[u8; 32]> = self.take("digest")?;
        let (width, height): (Option<u32>, Option<u32>) = (self.take("width")?, self.take("height")?);
        let warnings = self.optional_texts("warnings")?;
        let Some(digest) = digest else { return Ok(None) };
        Ok(Some(Photo {
            digest: Digest::from_bytes(digest),
            width: width.ok_or_else(|| self.missing("width"))?,
            height: height.ok_or_else(|| self.missing("height"))?,
            warnings: warnings.ok_or_else(|| self.missing("warnings"))?,
        }))
    }

    /// The columns verdict and after_ms; none when the verdict is NULL.
    fn verdict(&mut self) -> Result<Option<Verdict>, Corruption> {
        let word = self.optional_text("verdict")?;
        let after_ms: Option<i64> = self.take("after_ms")?;
        let Some(word) = word else { return Ok(None) };
        match Verdict::from_word(word).ok_or_else(|| self.unknown("verdict", word))? {
            Verdict::RateLimited { .. } => {
                let after_ms = after_ms.ok_or_else(|| self.missing("after_ms"))?;
                Ok(Some(Verdict::RateLimited { after: Duration::from_millis(after_ms.cast_unsigned()) }))
            }
            verdict => Ok(Some(verdict)),
        }
    }

    const fn advance(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn missing(&self, column: &'static str) -> Corruption {
        self.wrong(column, "it is missing")
    }

    fn unknown(&self, column: &'static str, word: &str) -> Corruption {
        self.wrong(column, format_args!("{word:?} is not one of its words"))
    }

    fn wrong(&self, column: &'static str, why: impl ToString) -> Corruption {
        Corruption::Row { table: self.table, column, why: why.to_string() }
    }
}

fn texts_json<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    serde_json::to_string(&Vec::from_iter(texts)).expect("a list of texts can be written as JSON")
}

/// The wait that a verdict carries. A wait of more than 2^64 milliseconds is cut there.
fn after_ms(verdict: &Verdict) -> Option<i64> {
    match verdict {
        Verdict::RateLimited { after } => Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX).cast_signed()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn edited(sql: &str) -> String {
        let connection = schema::in_memory();
        connection.execute_batch(sql).unwrap();
        match load(&connection).unwrap_err() {
            Unreadable::Corrupt(corruption) => corruption.to_string(),
            Unreadable::Database(error) => panic!("not named as damage: {error}"),
        }
    }

    #[test]
    fn a_row_that_was_edited_by_hand_is_named_with_its_column() {
        let user = |values: &str| edited(&format!("INSERT INTO users VALUES ({values})"));
        let z32 = "zeroblob(32)";
        assert_eq!(
            user(&format!("'../etc', x'61', {z32}, 1, 1, '[]', 0, 'here', NULL, NULL")),
            "`user` in a row of `users` cannot be: the name starts with a dot"
        );
        assert!(
            user("'a', x'61', x'00', 1, 1, '[]', 0, 'here', NULL, NULL").starts_with("`digest` in a row of `users`")
        );
        assert!(user(&format!("'a', x'61', {z32}, -1, 1, '[]', 0, 'here', NULL, NULL")).starts_with("`width`"));
        assert!(user(&format!("'a', x'61', {z32}, 1, 1, '[1]', 0, 'here', NULL, NULL")).starts_with("`warnings`"));
        assert!(user(&format!("'a', x'61', {z32}, 1, 1, '[]', 0, 'away', NULL, NULL")).starts_with("`presence`"));
        assert!(user(&format!("'a', x'61', {z32}, 1, 1, '[]', 0, 'gone', NULL, 0")).starts_with("`absent_since`"));
        assert!(user(&format!("'a', x'61', {z32}, 1, 1, '[]', 0, 'gone', 0, 2")).starts_with("`cleared`"));
    }

    #[test]
    fn a_file_row_must_agree_with_its_state() {
        let file = |values: &str| edited(&format!("INSERT INTO entries VALUES (x'61', 1, 2, 3, 4, 5, {values})"));
        assert!(file("NULL, 'accepted', NULL, NULL, NULL, NULL, NULL").starts_with("`digest`"));
        assert!(file("NULL, 'rejected', NULL, NULL, NULL, NULL, NULL").starts_with("`reason`"));
        assert!(file("NULL, 'perhaps', 'x', NULL, NULL, NULL, NULL").starts_with("`state`"));
        assert!(file("'a/b', 'ignored', 'x', NULL, NULL, NULL, NULL").starts_with("`user`"));
    }

    #[test]
    fn a_delivery_row_must_say_all_that_its_words_promise() {
        let with = |values: &str, doubt: &str| {
            edited(&format!(
                "INSERT INTO deliveries VALUES ('a', 'b', {values}, {doubt}, NULL, NULL, NULL, NULL, NULL, NULL)"
            ))
        };
        let row = |values: &str| with(values, "NULL, NULL, NULL");
        let f = "zeroblob(32)";
        assert!(row("'much', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL").starts_with("`holds`"));
        assert!(row("'exactly', NULL, NULL, NULL, NULL, 1, 1, 1, NULL, NULL, NULL, NULL").starts_with("`fingerprint`"));
        assert!(
            row("'unsure', NULL, NULL, 'photo', NULL, 1, 1, 1, NULL, NULL, NULL, NULL")
                .starts_with("`target_fingerprint`")
        );
        assert!(row("'unsure', NULL, NULL, 'moon', NULL, 1, 1, 1, NULL, NULL, NULL, NULL").starts_with("`target`"));
        assert!(
            row(&format!("'unsure', NULL, NULL, 'photo', {f}, -1, 1, 1, NULL, NULL, NULL, NULL"))
                .starts_with("`count`")
        );
        assert!(
            row("'unsure', NULL, NULL, 'removal', NULL, 1, NULL, 1, NULL, NULL, NULL, NULL").starts_with("`since`")
        );
        assert!(row("'unsure', NULL, NULL, 'removal', NULL, 1, 1, NULL, NULL, NULL, 'x', 1").starts_with("`verdict`"));
        assert!(
            row("'unsure', NULL, NULL, 'removal', NULL, 1, 1, NULL, 'retry', NULL, NULL, 1").starts_with("`reason`")
        );
        assert!(
            row("'unsure', NULL, NULL, 'removal', NULL, 1, 1, NULL, 'retry', NULL, 'x', NULL").starts_with("`next`")
        );
        assert!(
            row("'unsure', NULL, NULL, 'removal', NULL, 1, 1, NULL, 'rate-limited', NULL, 'x', 1")
                .starts_with("`after_ms`")
        );
        let doubt =
            |doubt: &str| with("'nothing', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", doubt);
        assert!(doubt("1, NULL, NULL").starts_with("`doubt_target`"));
        assert!(doubt("1, 'moon', NULL").starts_with("`doubt_target`"));
        assert!(doubt("1, 'photo', NULL").starts_with("`doubt_fingerprint`"));
    }

    #[test]
    fn warnings_say_of_what_they_are_and_are_a_list() {
        let row = |warned: &str| {
            let nothing = "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL";
            edited(&format!("INSERT INTO deliveries VALUES ('a', 'b', 'nothing', {nothing}, {warned})"))
        };
        assert!(row("x'00', '[]'").starts_with("`warned_of`"));
        assert!(row("zeroblob(32), NULL").starts_with("`warnings`"));
        assert!(row("zeroblob(32), '{}'").starts_with("`warnings`"));
    }

    #[test]
    fn a_published_picture_has_a_whole_name_and_is_recorded_or_not() {
        let row = |values: &str| edited(&format!("INSERT INTO published VALUES ('a', 'b', {values})"));
        assert!(row("x'00', 1").starts_with("`name` in a row of `published`"));
        assert!(row("zeroblob(32), 2").starts_with("`recorded`"));
    }

    #[test]
    fn a_backend_is_paused_or_not() {
        assert!(edited("INSERT INTO backends VALUES ('b', 'x', 1, NULL, NULL, 2)").starts_with("`paused`"));
    }
}
