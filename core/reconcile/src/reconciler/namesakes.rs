//! What each backend calls a user, and users who are one user there.

use std::collections::BTreeMap;

use super::{Backend, Known, Reconciler, User};
use crate::change::UserRecord;
use crate::users::{Owners, Remote, fold};
use crate::{FileName, Presence, UserId};

/// The users with a photo, by their drop names without case. Kept only where some system folds case.
#[derive(Debug, Default)]
pub(super) struct Namesakes(Option<BTreeMap<String, Vec<UserId>>>);

impl Namesakes {
    /// Knows nobody yet.
    pub(super) fn of(backends: &[Backend]) -> Self {
        Self(backends.iter().any(|backend| backend.spec.users.folds_drop_names()).then(BTreeMap::new))
    }

    /// Takes note whether a user has a photo. Says for whom that may be news.
    fn note(&mut self, user: &UserId, has_photo: bool) -> Vec<UserId> {
        let Some(known) = &mut self.0 else { return Vec::new() };
        let key = fold(user.as_str());
        let here = known.get(&key).is_some_and(|all| all.contains(user));
        if here == has_photo {
            return Vec::new();
        }
        let all = known.entry(key.clone()).or_default();
        all.retain(|known| known != user);
        let others = all.clone();
        if has_photo {
            all.push(user.clone());
        } else if all.is_empty() {
            known.remove(&key);
        }
        others
    }

    fn others<'a>(&'a self, folded: &str, user: &'a UserId) -> impl Iterator<Item = &'a UserId> {
        let all = self.0.as_ref().and_then(|known| known.get(folded));
        all.into_iter().flatten().filter(move |other| *other != user)
    }
}

impl Reconciler {
    /// What the user is called at a backend.
    pub(crate) fn remote<'a>(&'a self, user: &'a UserId, index: usize) -> Remote<'a> {
        let users = &self.backends[index].spec.users;
        match users.of(user) {
            Remote::Named(name) if users.folds_drop_names() && self.has_namesake(user) => Remote::Shared(name),
            remote => remote,
        }
    }

    fn has_namesake(&self, user: &UserId) -> bool {
        self.namesakes.others(&fold(user.as_str()), user).next().is_some()
    }

    /// Takes note whether the user has a photo. Says whose conflicts may begin or end by that.
    pub(super) fn note_namesake(&mut self, user: &UserId) -> Vec<UserId> {
        let has_photo = self.users.get(user).is_some_and(|known| self.may_have_photo(known));
        self.namesakes.note(user, has_photo)
    }

    /// Whether the picture that was delivered to a user is somebody else's by now: another row, or another drop name with
    /// a photo, leads to the same user of the system.
    pub(super) fn is_anothers(&self, user: &UserId, known: &User, index: usize) -> bool {
        let users = &self.backends[index].spec.users;
        let remote = known.slots.get(index).and_then(|slot| slot.recorded.remote.as_deref()).unwrap_or(user.as_str());
        match users.owners(remote) {
            Owners::Rows(owners) => owners.iter().any(|owner| *owner != user.as_str()),
            Owners::DropName(folded) if users.folds_drop_names() => {
                self.namesakes.others(&folded, user).next().is_some()
            }
            Owners::DropName(name) => {
                let other = UserId::parse(&name).ok().filter(|other| other != user);
                other.is_some_and(|other| self.users.get(&other).is_some_and(|known| self.may_have_photo(known)))
            }
            Owners::Nobody => false,
        }
    }

    /// The photos of the users who are one user at a backend, and what they are called there.
    pub(crate) fn shared_at(&self, index: usize) -> Vec<(Vec<FileName>, Remote<'_>)> {
        let mut groups: BTreeMap<String, (Vec<FileName>, Remote<'_>)> = BTreeMap::new();
        if !self.backends[index].spec.users.may_be_shared() {
            return Vec::new();
        }
        for (user, known) in self.users.iter().filter(|(_, known)| self.may_have_photo(known)) {
            let remote = self.remote(user, index);
            let key = match &remote {
                Remote::Shared(name) => fold(name),
                Remote::Twice => user.to_string(),
                Remote::Named(_) | Remote::Missing(_) => continue,
            };
            let (files, _) = groups.entry(key).or_insert((Vec::new(), remote));
            match &known.record {
                Some(record) => files.push(record.file.clone()),
                None => files.extend(self.open_files(known).cloned()),
            }
        }
        groups.into_values().collect()
    }

    /// Whether the user has a photo, or may turn out to have one: a missing one may come back, and a file that is not
    /// examined yet may be one. Otherwise a namesake who is examined first would be sent what nobody may be sent.
    fn may_have_photo(&self, known: &User) -> bool {
        let is_gone = |record: &UserRecord| matches!(record.presence, Presence::Gone { .. });
        known.record.as_ref().is_some_and(|record| !is_gone(record)) || self.open_files(known).next().is_some()
    }

    fn open_files<'a>(&'a self, known: &'a User) -> impl Iterator<Item = &'a FileName> {
        let is_open = |name: &&FileName| {
            let file = self.files.get(*name);
            file.is_some_and(|file| !matches!(file.known, Known::Concluded { .. }))
        };
        known.files.iter().filter(is_open)
    }
}
