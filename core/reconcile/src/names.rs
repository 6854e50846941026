//! What a file's name says: whose photo it is, or that it is none.

use regex::Regex;

use crate::{FileName, InvalidId, UserId};

/// What a name says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Class {
    /// A photo of this user.
    Photo(UserId),
    /// A copy under way or an editor's side file. Not worth a word.
    Temporary,
    /// The extension of a photo, and a name that belongs to nobody.
    Rejected(String),
    /// Another kind of file.
    Ignored(String),
}

/// The rules for names: `folder.extensions` and `folder.user-id` of the configuration.
#[derive(Clone, Debug)]
pub struct Names {
    extensions: Vec<String>,
    user_id: Regex,
}

impl Names {
    /// Rules from extensions in lower case without a dot, and a pattern for the whole name without its extension, whose
    /// group `userid` is the user.
    ///
    /// # Errors
    /// When the pattern is no regular expression, or has no such group.
    pub fn new(extensions: Vec<String>, user_id: &str) -> Result<Self, InvalidId> {
        let whole = format!("^(?:{user_id})$");
        let user_id = Regex::new(&whole).map_err(|_| InvalidId("not a regular expression"))?;
        if user_id.capture_names().flatten().any(|name| name == "userid") {
            Ok(Self { extensions, user_id })
        } else {
            Err(InvalidId("the pattern has no group (?<userid>...)"))
        }
    }

    /// The rules as one text: equal texts mean equal rules.
    #[must_use]
    pub fn canonical(&self) -> String {
        format!("{} {}", self.extensions.join(","), self.user_id.as_str())
    }

    /// Says what a name says. An extension counts in any case.
    #[must_use]
    pub fn classify(&self, name: &FileName) -> Class {
        let bytes = name.as_bytes();
        if is_temporary(bytes) {
            return Class::Temporary;
        }
        let Some((stem, extension)) = split(bytes) else {
            return Class::Ignored("no extension: not a photo".into());
        };
        let extension = String::from_utf8_lossy(extension).to_lowercase();
        if !self.extensions.contains(&extension) {
            return Class::Ignored(format!("not one of the extensions {}", self.extensions.join(", ")));
        }
        match std::str::from_utf8(stem) {
            Ok(stem) => self.user_of(stem),
            Err(_) => Class::Rejected("the name is not UTF-8: rename the file".into()),
        }
    }

    fn user_of(&self, stem: &str) -> Class {
        let Some(user) = self.user_id.captures(stem).and_then(|found| found.name("userid")) else {
            return Class::Rejected("the name does not have the form of a user id: rename the file".into());
        };
        match UserId::parse(user.as_str()) {
            Ok(user) => Class::Photo(user),
            Err(broken) => Class::Rejected(format!("{broken}: rename the file")),
        }
    }
}

fn is_temporary(name: &[u8]) -> bool {
    let ends = |end: &[u8]| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end);
    name.starts_with(b".") || name.starts_with(b"~") || ends(b".part") || ends(b".tmp")
}

fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    Some((&name[..dot], &name[dot + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    fn check(name: &[u8], expected: &str) {
        let rules = Names::new(
            ["jpg", "jpeg", "png", "webp"].map(String::from).to_vec(),
            "(?<userid>[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,127})",
        )
        .unwrap();
        let found = match rules.classify(&FileName::new(OsStr::from_bytes(name))) {
            Class::Photo(user) => user.to_string(),
            Class::Temporary => "temporary".into(),
            Class::Rejected(reason) => format!("rejected: {}", reason.split(':').next().unwrap()),
            Class::Ignored(_) => "ignored".into(),
        };
        assert_eq!(found, expected, "{name:?}");
    }

    #[test]
    fn names_say_whose_photo_it_is() {
        check(b"anna.jpg", "anna");
        check(b"anna.JPEG", "anna");
        check(b"a.b@example.com.png", "a.b@example.com");
        check(b"+49.webp", "+49");
    }

    #[test]
    fn copies_under_way_are_not_worth_a_word() {
        for name in [".anna.jpg", "~anna.jpg", "anna.jpg.part", "anna.jpg.TMP", ".jpg"] {
            check(name.as_bytes(), "temporary");
        }
    }

    #[test]
    fn a_photo_of_nobody_is_rejected_with_the_reason() {
        let form = "rejected: the name does not have the form of a user id";
        check(b"-rf.jpg", form);
        check(b"an na.jpg", form);
        check(b"anna\n.jpg", form);
        check("änna.jpg".as_bytes(), form);
        check(b"\xff\xfe.jpg", "rejected: the name is not UTF-8");
        check(&[b"a".repeat(129), b".jpg".to_vec()].concat(), form);
    }

    #[test]
    fn other_files_are_ignored() {
        check(b"Thumbs.db", "ignored");
        check(b"README", "ignored");
        check(b"anna.jpg.exe", "ignored");
        check(b"anna.", "ignored");
    }

    #[test]
    fn a_pattern_matches_the_whole_name_or_not_at_all() {
        let rules = Names::new(vec!["jpg".into()], "badge-(?<userid>[0-9]+)|x").unwrap();
        assert_eq!(rules.classify(&FileName::new("badge-17.jpg")), Class::Photo(UserId::parse("17").unwrap()));
        for name in ["old-badge-17.jpg", "badge-17b.jpg", "x.jpg"] {
            assert!(matches!(rules.classify(&FileName::new(name)), Class::Rejected(_)), "{name}");
        }
        assert!(Names::new(vec![], "[a-z]+").is_err());
        assert!(Names::new(vec![], "(?<userid>").is_err());
    }
}
