//! What users are called at a backend: by a template, or by the rows of a CSV file (RFC 4180) that people export.
//!
//! Reads files; what follows from two rows that lead to one user is not decided here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use portraitd_reconcile::{UserRows, Users};
use tracing::{debug, warn};

use crate::config::{UserFile, UsersConfig};
use crate::text::escape;

/// No company has more users than fit into this many bytes.
const SIZE_MAX: u64 = 64 << 20;

/// Spreadsheets separate by what their language does not use as a decimal point.
const SEPARATORS: [u8; 3] = *b",;\t";

/// The names of users for one backend, as they were read last.
#[derive(Debug)]
pub(crate) struct Naming {
    config: UsersConfig,
    rows: Mutex<Result<Arc<UserRows>, String>>,
}

/// The rows of a file, and what a person should know of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// The rows.
    pub(crate) rows: UserRows,
    /// Rows that are left out or doubtful, a sentence each. They name users.
    pub(crate) remarks: Vec<String>,
}

impl Naming {
    /// Reads the file, where there is one.
    pub(crate) fn read(config: &UsersConfig) -> Self {
        let naming = Self { config: config.clone(), rows: Mutex::new(Ok(Arc::default())) };
        // What is wrong with the file is told by `users`, for as long as none can be used.
        drop(naming.reread());
        naming
    }

    /// The file, where there is one.
    pub(crate) const fn file(&self) -> Option<&UserFile> {
        match &self.config {
            UsersConfig::File(file) => Some(file),
            UsersConfig::Template(_) => None,
        }
    }

    /// Reads the file anew. One that cannot be used changes nothing, unless none could be used before. How many rows it
    /// has; none when it says what was known.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn reread(&self) -> Result<Option<usize>, String> {
        let Some(file) = self.file() else { return Ok(None) };
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        match table(file) {
            Ok(Table { rows: newer, remarks }) => {
                if !remarks.is_empty() {
                    warn!(file = escape(&file.path), rows = remarks.len(), "rows are left out: see `portraitd check`");
                }
                remarks.iter().for_each(|remark| debug!(file = escape(&file.path), remark, "a row is left out"));
                let count = newer.len();
                let is_known = matches!(&*rows, Ok(before) if **before == newer);
                *rows = Ok(Arc::new(newer));
                Ok((!is_known).then_some(count))
            }
            Err(reason) => {
                if rows.as_ref().map_or(true, |before| before.is_empty()) {
                    *rows = Err(reason.clone());
                }
                Err(reason)
            }
        }
    }

    /// What decisions are made by.
    ///
    /// # Errors
    /// Why the file cannot be used, where none could be used until now.
    pub(crate) fn users(&self, folds_case: bool) -> Result<Users, String> {
        match &self.config {
            UsersConfig::Template(template) => Users::template(template, folds_case).map_err(|error| error.to_string()),
            UsersConfig::File(file) => {
                let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
                Ok(Users::rows(rows, file.missing, folds_case))
            }
        }
    }
}

/// Reads a file of rows.
///
/// # Errors
/// Why it cannot be used: a sentence that begins with the file.
pub(crate) fn table(file: &UserFile) -> Result<Table, String> {
    let told = |why: String| format!("users.file {}: {why}", escape(&file.path));
    let mut text = Vec::new();
    let opened = File::open(&file.path).map_err(|error| told(error.to_string()))?;
    opened.take(SIZE_MAX + 1).read_to_end(&mut text).map_err(|error| told(error.to_string()))?;
    if text.len() as u64 > SIZE_MAX {
        return Err(told("it is larger than 64 MiB".into()));
    }
    parse(&text, file).map_err(told)
}

fn parse(text: &[u8], file: &UserFile) -> Result<Table, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut found = SEPARATORS.iter().find_map(|separator| Columns::of(text, *separator, file));
    let columns = found.take().ok_or_else(|| {
        let (key, value) = (escape(&file.key), escape(&file.value));
        format!("its first line does not name the columns `{key}` and `{value}`")
    })?;
    let mut table = Table { rows: UserRows::default(), remarks: Vec::new() };
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let mut reader = reader(text, columns.separator);
    for record in reader.records() {
        // A file that is not whole leads to nobody: what was left out may be what makes a conflict.
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(at).unwrap_or_default().trim();
        let (userid, name) = (field(columns.key), field(columns.value));
        match (userid, name) {
            ("", "") => {}
            ("", name) => table.remarks.push(format!("line {line}: no drop name for `{}`", escape(name))),
            (userid, "") => table.remarks.push(format!("line {line}: no name for `{}`", escape(userid))),
            (userid, name) => {
                if table.rows.add(userid, name) {
                    let before = lines[userid];
                    table.remarks.push(format!("lines {before} and {line} are both for `{}`", escape(userid)));
                }
                lines.insert(userid.to_owned(), line);
            }
        }
    }
    Ok(table)
}

/// Where the two columns are.
struct Columns {
    separator: u8,
    key: usize,
    value: usize,
}

impl Columns {
    fn of(text: &[u8], separator: u8, file: &UserFile) -> Option<Self> {
        let mut reader = reader(text, separator);
        let names = reader.headers().ok()?;
        let at = |wanted: &str| names.iter().position(|name| name.trim() == wanted);
        Some(Self { separator, key: at(&file.key)?, value: at(&file.value)? })
    }
}

fn reader(text: &[u8], separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(separator).from_reader(text)
}

#[cfg(test)]
mod tests {
    use portraitd_reconcile::{Missing, Remote, UserId};

    use super::*;

    fn file() -> UserFile {
        UserFile { path: "users.csv".into(), key: "userid".into(), value: "id".into(), missing: Missing::Wait }
    }

    fn read(text: &str) -> Result<Table, String> {
        parse(text.as_bytes(), &file())
    }

    fn names(text: &str) -> Vec<(String, String)> {
        let users = Users::rows(Arc::new(read(text).unwrap().rows), Missing::Wait, false);
        let named = ["ada", "bob", "cyd"].map(|user| {
            let user = UserId::parse(user).unwrap();
            match users.of(&user) {
                Remote::Named(name) => Some((user.to_string(), name.into_owned())),
                _ => None,
            }
        });
        named.into_iter().flatten().collect()
    }

    #[test]
    fn columns_are_found_by_their_names_whatever_separates_them() {
        let expected = [("ada".to_owned(), "7".to_owned()), ("bob".to_owned(), "8, or so".to_owned())];
        assert_eq!(names("id,name,userid\n7,Ada,ada\n\"8, or so\",Bob,bob\n"), expected);
        assert_eq!(names("\u{feff}userid;id\r\nada;7\r\nbob;8, or so\r\n"), expected);
        assert_eq!(names("userid\tid\n ada \t7\nbob\t8, or so"), expected);
    }

    #[test]
    fn rows_that_lead_to_nobody_or_twice_are_named() {
        let table = read("userid,id\nada,7\n,8\nbob,\n,\nada,9\ncyd,5\n").unwrap();
        let told = ["line 3: no drop name for `8`", "line 4: no name for `bob`", "lines 2 and 6 are both for `ada`"];
        assert_eq!(table.remarks, told);
        assert_eq!(names("userid,id\nada,7\nada,9\ncyd,5\n"), [("cyd".to_owned(), "5".to_owned())]);
    }

    #[test]
    fn a_file_that_is_not_whole_or_another_one_is_refused() {
        assert!(read("").unwrap_err().contains("does not name the columns `userid` and `id`"));
        assert!(read("user,id\nada,7\n").unwrap_err().contains("does not name the columns"));
        assert!(read("userid,id\nada,7\nbob\n").is_err(), "a line that was cut");
        assert!(parse(b"userid,id\nada,\xff\n", &file()).is_err(), "no UTF-8");
    }
}
