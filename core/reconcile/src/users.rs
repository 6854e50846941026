//! What a backend calls users, and which of them are one user there.
//!
//! A name reaches no further than its owner: two drop names, or two rows, that lead to one user of the system are a
//! conflict, for neither can be told to be the right one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{InvalidId, UserId};

/// The place of the drop name in a template.
const PLACE: &str = "{userid}";

/// How a backend's names for users come about: `users` of its configuration, and whether its system folds case.
#[derive(Clone, Debug)]
pub struct Users {
    source: Source,
    folds_case: bool,
}

#[derive(Clone, Debug)]
enum Source {
    Template { before: String, after: String },
    Rows { rows: Arc<UserRows>, missing: Missing },
}

/// What follows when no row is for a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// The user is not known there yet.
    Wait,
    /// The user is none of that system.
    Skip,
}

/// What a user is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remote<'a> {
    /// So.
    Named(Cow<'a, str>),
    /// No row is for the user.
    Missing(Missing),
    /// As another user is, who is in the same conflict.
    Shared(Cow<'a, str>),
    /// Two rows are for the user, and they differ.
    Twice,
}

/// Who has a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Owners<'a> {
    /// The drop names of these rows, whether or not they have photos.
    Rows(Vec<&'a str>),
    /// Whose drop name is this one; it is folded where the system folds case.
    DropName(String),
    /// No drop name can lead to it.
    Nobody,
}

/// The rows of a map from drop names to names at a system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRows {
    names: BTreeMap<Box<str>, Box<str>>,
    /// Drop names whose rows differ.
    twice: BTreeSet<Box<str>>,
    /// The drop names of each name, which is folded where there are several spellings of it.
    owners: BTreeMap<Box<str>, Vec<Box<str>>>,
}

impl UserRows {
    /// Adds a row. Says whether the drop name had one already, whatever that says.
    pub fn add(&mut self, userid: &str, name: &str) -> bool {
        let before = self.names.insert(userid.into(), name.into());
        if before.as_deref().is_some_and(|before| before != name) {
            self.twice.insert(userid.into());
        }
        let owners = self.owners.entry(fold(name).into()).or_default();
        if !owners.iter().any(|owner| **owner == *userid) {
            owners.push(userid.into());
        }
        before.is_some()
    }

    /// How many drop names have a row.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names that several drop names lead to, with those.
    pub fn shared(&self, folds_case: bool) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let several = self.owners.values().filter(|owners| owners.len() > 1).flatten();
        let named = several.filter_map(|owner| Some((&**self.names.get(owner)?, &**owner)));
        let with_others = named.map(move |(name, owner)| (name, self.owners_of(name, folds_case), owner));
        with_others
            .filter(|(_, owners, owner)| owners.len() > 1 && owners[0] == *owner)
            .map(|(name, all, _)| (name, all))
    }

    fn owners_of(&self, name: &str, folds_case: bool) -> Vec<&str> {
        let all = self.owners.get(fold(name).as_str()).into_iter().flatten().map(|owner| &**owner);
        let same = |owner: &&str| folds_case || self.names.get(*owner).is_some_and(|named| **named == *name);
        all.filter(same).collect()
    }
}

impl Users {
    /// Names that are made of the drop name: `{userid}` stands for it.
    ///
    /// # Errors
    /// When it does not stand there exactly once: then all would lead to one user.
    pub fn template(text: &str, folds_case: bool) -> Result<Self, InvalidId> {
        match text.split_once(PLACE) {
            Some((before, after)) if !after.contains(PLACE) => {
                let source = Source::Template { before: before.into(), after: after.into() };
                Ok(Self { source, folds_case })
            }
            _ => Err(InvalidId("{userid} must stand in it, once")),
        }
    }

    /// The drop names themselves.
    #[must_use]
    pub fn same() -> Self {
        Self { source: Source::Template { before: String::new(), after: String::new() }, folds_case: false }
    }

    /// Names that stand in rows.
    #[must_use]
    pub const fn rows(rows: Arc<UserRows>, missing: Missing, folds_case: bool) -> Self {
        Self { source: Source::Rows { rows, missing }, folds_case }
    }

    /// What the user is called, as far as the rows alone say: of a template, two drop names may still be one user there.
    #[must_use]
    pub fn of<'a>(&'a self, user: &'a UserId) -> Remote<'a> {
        match &self.source {
            Source::Template { before, after } if before.is_empty() && after.is_empty() => {
                Remote::Named(Cow::Borrowed(user.as_str()))
            }
            Source::Template { before, after } => Remote::Named(Cow::Owned(format!("{before}{user}{after}"))),
            Source::Rows { rows, missing } => match rows.names.get(user.as_str()) {
                _ if rows.twice.contains(user.as_str()) => Remote::Twice,
                None => Remote::Missing(*missing),
                Some(name) if rows.owners_of(name, self.folds_case).len() > 1 => Remote::Shared(Cow::Borrowed(name)),
                Some(name) => Remote::Named(Cow::Borrowed(name)),
            },
        }
    }

    /// Whether drop names that differ in nothing but case are one user there.
    pub(crate) const fn folds_drop_names(&self) -> bool {
        self.folds_case && matches!(self.source, Source::Template { .. })
    }

    /// Whether two drop names can lead to one user there.
    pub(crate) const fn may_be_shared(&self) -> bool {
        self.folds_case || matches!(self.source, Source::Rows { .. })
    }

    /// Who has this name there.
    pub(crate) fn owners(&self, name: &str) -> Owners<'_> {
        let spelled = |text: &str| if self.folds_case { fold(text) } else { text.to_owned() };
        match &self.source {
            Source::Rows { rows, .. } => Owners::Rows(rows.owners_of(name, self.folds_case)),
            Source::Template { before, after } => {
                let name = spelled(name);
                let rest = name.strip_prefix(&spelled(before)).and_then(|rest| rest.strip_suffix(&spelled(after)));
                rest.map_or(Owners::Nobody, |rest| Owners::DropName(rest.to_owned()))
            }
        }
    }
}

/// The same text for all spellings of a name that differ in nothing but case.
pub(crate) fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn rows(rows: &[(&str, &str)]) -> UserRows {
        let mut made = UserRows::default();
        for (userid, name) in rows {
            made.add(userid, name);
        }
        made
    }

    fn named(name: &str) -> Remote<'_> {
        Remote::Named(name.into())
    }

    #[test]
    fn a_template_makes_a_name_of_each_drop_name() {
        assert_eq!(Users::same().of(&user("ada")), named("ada"));
        let mail = Users::template("{userid}@example.com", false).unwrap();
        assert_eq!(mail.of(&user("ada")), named("ada@example.com"));
        for wrong in ["", "everybody", "{userid}{userid}", "{user}"] {
            assert!(Users::template(wrong, false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_user_without_a_row_waits_or_is_skipped() {
        for missing in [Missing::Wait, Missing::Skip] {
            let users = Users::rows(Arc::new(rows(&[("ada", "7")])), missing, false);
            assert_eq!(users.of(&user("ada")), named("7"));
            assert_eq!(users.of(&user("bob")), Remote::Missing(missing));
        }
    }

    #[test]
    fn two_rows_that_lead_to_one_user_are_a_conflict_by_case_only_where_the_system_folds_it() {
        let both = Arc::new(rows(&[("ada", "Seven"), ("bob", "seven"), ("cyd", "8"), ("dan", "8")]));
        for folds_case in [false, true] {
            let users = Users::rows(Arc::clone(&both), Missing::Wait, folds_case);
            assert_eq!(users.of(&user("ada")) == Remote::Shared("Seven".into()), folds_case);
            assert_eq!(users.of(&user("bob")) == Remote::Shared("seven".into()), folds_case);
            assert_eq!(users.of(&user("cyd")), Remote::Shared("8".into()));
        }
        assert_eq!(both.shared(false).collect::<Vec<_>>(), [("8", vec!["cyd", "dan"])]);
        let folded = [("8", vec!["cyd", "dan"]), ("Seven", vec!["ada", "bob"])];
        assert_eq!(both.shared(true).collect::<Vec<_>>(), folded);
    }

    #[test]
    fn two_rows_for_one_user_count_only_when_they_agree() {
        let users = |second: &str| Users::rows(Arc::new(rows(&[("ada", "7"), ("ada", second)])), Missing::Wait, false);
        assert_eq!(users("7").of(&user("ada")), named("7"));
        assert_eq!(users("8").of(&user("ada")), Remote::Twice);
    }

    #[test]
    fn a_name_leads_back_to_drop_names() {
        let mapped = Users::rows(Arc::new(rows(&[("ada", "Seven"), ("bob", "seven")])), Missing::Wait, false);
        assert_eq!(mapped.owners("seven"), Owners::Rows(vec!["bob"]));
        let mail = |folds_case| Users::template("{userid}@X", folds_case).unwrap();
        assert_eq!(mail(false).owners("Bob@X"), Owners::DropName("Bob".into()));
        assert_eq!(mail(true).owners("Bob@x"), Owners::DropName("bob".into()));
        assert_eq!(mail(false).owners("Bob@x"), Owners::Nobody);
    }
}
