//! `users` of a backend: what its system calls users, by a template or by the rows of a file.

use std::path::PathBuf;

use portraitd_reconcile::{Missing, Users};
use serde::Deserialize;

use super::values;

/// `users` of a backend
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub(crate) enum UsersConfig {
    /// A text with `{userid}` in it, once.
    Template(String),
    /// Rows of a file.
    File(UserFile),
}

/// A CSV file whose rows say what users are called; relative to the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserFile {
    /// The file.
    pub(crate) path: PathBuf,
    /// The column with the drop names.
    pub(crate) key: String,
    /// The column with the system's names.
    pub(crate) value: String,
    /// What follows when there is no row.
    pub(crate) missing: Missing,
}

impl Default for UsersConfig {
    fn default() -> Self {
        Self::Template("{userid}".into())
    }
}

/// The keys as they stand in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    template: Option<String>,
    #[serde(default, deserialize_with = "values::optional_path")]
    file: Option<PathBuf>,
    key: Option<String>,
    value: Option<String>,
    missing: Option<Word>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Wait,
    Skip,
}

impl TryFrom<Keys> for UsersConfig {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        match keys {
            Keys { template: Some(template), file: None, key: None, value: None, missing: None } => {
                let checked = Users::template(&template, false);
                checked.map(|_| Self::Template(template)).map_err(|error| format!("template: {error}"))
            }
            Keys { template: None, file: Some(path), key: Some(key), value: Some(value), missing } => {
                let missing = match missing {
                    None | Some(Word::Wait) => Missing::Wait,
                    Some(Word::Skip) => Missing::Skip,
                };
                Ok(Self::File(UserFile { path, key, value, missing }))
            }
            Keys { file: Some(_), template: None, .. } => {
                Err("file: `key` and `value` must say which columns hold the drop names and the system's names".into())
            }
            _ => Err("give `template` alone, or `file` with `key`, `value` and `missing`".into()),
        }
    }
}
