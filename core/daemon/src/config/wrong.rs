//! What is wrong in a config file, where, and what was probably meant. Decides nothing about what is right.

use std::ops::Range;
use std::string::FromUtf8Error;

use toml::de::{DeTable, DeValue};

use crate::report::Trouble;

/// What to do where nothing better is known.
pub(super) const CORRECT: &str = "correct it; `portraitd check` says whether the file is right then";

/// The first problem of a config file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Counted from 1. None where the file has no such place: a default that does not fit to another key.
    line: Option<usize>,
    /// Path of the key, such as `folder.extensions[1]`; empty for the file itself.
    key: String,
    problem: String,
    hint: Option<String>,
}

impl Wrong {
    /// The text is no TOML, or does not fit into the types.
    pub(super) fn from_toml(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let path = DeTable::parse(text).map(|table| path_at(table.get_ref(), &span)).unwrap_or_default();
        let (problem, hint) = explain(error.message(), &path);
        Self { line: Some(line_at(text, span.start)), key: path.join("."), problem, hint }
    }

    /// The value of `key` (a path with dots) does not fit to the others, or to the world.
    pub(super) fn at_key(text: &str, key: &str, problem: String) -> Self {
        let table = DeTable::parse(text).ok();
        let line = table.and_then(|table| offset_of(table.get_ref(), key)).map(|offset| line_at(text, offset));
        Self { line, key: key.into(), problem, hint: None }
    }

    /// The file is not even text.
    pub(super) fn not_utf8(error: &FromUtf8Error) -> Self {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        Self { line: Some(line), key: String::new(), problem: "not UTF-8".into(), hint: None }
    }

    /// Adds reason and hint to `trouble`.
    pub(super) fn tell(self, trouble: Trouble) -> Trouble {
        let line = self.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        let trouble = trouble.because(format_args!("{line}{key}{}", self.problem));
        trouble.hint(self.hint.as_deref().unwrap_or(CORRECT))
    }
}

/// Turns the words of serde into ours. Its texts are no interface, so whatever is not recognised is shown as it is.
fn explain(message: &str, path: &[String]) -> (String, Option<String>) {
    let message = message.trim_end();
    if message.starts_with("unknown field ") {
        ("unknown key".into(), Some(hint_for_key(path, &alternatives(message))))
    } else if let Some(rest) = message.strip_prefix("unknown variant ") {
        let allowed = alternatives(message);
        let given = rest.split('`').nth(1).unwrap_or_default();
        (format!("{given:?} is not one of {}", allowed.join(", ")), closest(given, &allowed).map(did_you_mean))
    } else if let Some(rest) = message.strip_prefix("missing field ") {
        (format!("the key {} is missing", rest.replace('`', "")), None)
    } else {
        (message.lines().collect::<Vec<_>>().join("; "), None)
    }
}

fn hint_for_key(path: &[String], allowed: &[&str]) -> String {
    let (key, parent) = path.split_last().map(|(key, parent)| (key.as_str(), parent.join("."))).unwrap_or_default();
    let keys = if parent.is_empty() { "there are".into() } else { format!("the keys of {parent} are") };
    let keys = format!("{keys} {}", allowed.join(", "));
    match closest(key, allowed) {
        Some(meant) => format!("did you mean {meant}? {keys}"),
        None if path.first().is_some_and(|first| first == "backend") => {
            format!("{keys}; settings of the plugin go under [{parent}.settings]")
        }
        None => keys,
    }
}

fn did_you_mean(meant: &str) -> String {
    format!("did you mean {meant}?")
}

/// The names in back-ticks after "expected".
fn alternatives(message: &str) -> Vec<&str> {
    let list = message.rsplit_once(", expected ").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2).collect()
}

/// The candidate that is at most a third of its letters away.
fn closest<'a>(given: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let distances = candidates.iter().map(|name| (strsim::damerau_levenshtein(given, name), *name));
    distances.filter(|(distance, name)| *distance * 3 <= name.len().max(3)).min().map(|(_, name)| name)
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// Path of the smallest key or value around `span`. A table's own span is only its header, so the whole tree is walked.
fn path_at(table: &DeTable<'_>, span: &Range<usize>) -> Vec<String> {
    let mut found = (usize::MAX, Vec::new());
    search_table(table, span, &mut Vec::new(), &mut found);
    found.1
}

type Found = (usize, Vec<String>);

fn search_table(table: &DeTable<'_>, span: &Range<usize>, path: &mut Vec<String>, found: &mut Found) {
    for (key, value) in table {
        path.push(bare_or_quoted(key.get_ref()));
        keep_smaller(&key.span(), span, path, found);
        keep_smaller(&value.span(), span, path, found);
        search_value(value.get_ref(), span, path, found);
        path.pop();
    }
}

fn search_value(value: &DeValue<'_>, span: &Range<usize>, path: &mut Vec<String>, found: &mut Found) {
    match value {
        DeValue::Table(table) => search_table(table, span, path, found),
        DeValue::Array(elements) => {
            let name = path.pop().unwrap_or_default();
            for (index, element) in elements.iter().enumerate() {
                path.push(format!("{name}[{index}]"));
                keep_smaller(&element.span(), span, path, found);
                search_value(element.get_ref(), span, path, found);
                path.pop();
            }
            path.push(name);
        }
        _ => {}
    }
}

fn keep_smaller(place: &Range<usize>, span: &Range<usize>, path: &[String], found: &mut Found) {
    let around = place.start <= span.start && span.end <= place.end;
    if around && place.len() < found.0 {
        *found = (place.len(), path.to_vec());
    }
}

fn bare_or_quoted(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(bare) { key.into() } else { format!("{key:?}") }
}

/// Where `key` stands, or the nearest table above it that the file has.
fn offset_of(table: &DeTable<'_>, key: &str) -> Option<usize> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == first)?;
    let deeper = match (value.get_ref(), rest) {
        (DeValue::Table(table), Some(rest)) => offset_of(table, rest),
        _ => None,
    };
    Some(deeper.unwrap_or_else(|| name.span().start))
}
