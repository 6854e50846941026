//! What follows from a file that is not there: nothing, until it is proved.

use super::{Reconciler, User};
use crate::change::Change;
use crate::{Class, FileName, Presence, Time, UserId};

impl Reconciler {
    pub(super) fn conclude_absences(&mut self, now: Time) {
        let unlisted = self.files.iter().filter(|(_, file)| file.seen < 2 * self.scan);
        // What a look has found since the last scan may be younger than this scan's result: another look decides.
        let (found, vanished): (Vec<_>, Vec<_>) =
            unlisted.map(|(name, file)| (name.clone(), file.seen)).partition(|(_, seen)| *seen == 2 * self.scan - 1);
        self.looks.extend(found.into_iter().map(|(name, _)| (now, name)));
        vanished.iter().for_each(|(name, _)| self.forget(name, now));
        let missing: Vec<_> =
            self.users.iter().filter(|(_, user)| user.files.is_empty()).map(|(id, _)| id.clone()).collect();
        missing.iter().for_each(|user| self.miss(user, now));
        self.brake(now);
        if self.absences_count() {
            missing.iter().for_each(|user| self.look_if_missed_twice(user, now));
        }
    }

    fn miss(&mut self, user: &UserId, now: Time) {
        self.set_presence(user, |presence| presence.missed(now));
        let absence = self.policy.absence;
        let Some(known) = self.users.get_mut(user) else { return };
        known.missed_twice |= known.record.as_ref().is_some_and(|record| record.presence.is_ripe(absence, now));
    }

    /// Scans of another directory say nothing about this one: what was missing there is missed anew, or is here.
    pub(super) fn doubt_absences(&mut self) {
        let is_missing = |user: &User| {
            user.record.as_ref().is_some_and(|record| matches!(record.presence, Presence::Missing { .. }))
        };
        let missing: Vec<_> =
            self.users.iter().filter(|(_, user)| is_missing(user)).map(|(id, _)| id.clone()).collect();
        missing.iter().for_each(|user| self.set_presence(user, |_| Presence::Here));
    }

    /// Whether what is not in the folder was taken out of it: not when it is another folder than before.
    pub(super) fn absences_count(&self) -> bool {
        self.folder.trusted == self.folder.seen
    }

    fn brake(&mut self, now: Time) {
        let presences = self.users.values().filter_map(|user| user.record.as_ref()).map(|record| record.presence);
        if !self.folder.braked && self.policy.brake.stops(presences, now) {
            self.folder.braked = true;
            self.changes.push(Change::Folder(self.folder.clone()));
        }
    }

    pub(super) fn look_if_missed_twice(&mut self, user: &UserId, now: Time) {
        let known = self.users.get(user).filter(|known| known.missed_twice);
        if let Some(record) = known.and_then(|known| known.record.as_ref()) {
            self.looks.insert((now, record.file.clone()));
        }
    }

    pub(super) fn prove_absence(&mut self, name: &FileName, now: Time) {
        let Class::Photo(user) = self.policy.names.classify(name) else { return };
        let is_missed = |known: &User| {
            let is_last = known.record.as_ref().is_some_and(|record| record.file == *name);
            is_last && known.missed_twice && known.files.is_empty()
        };
        if self.users.get(&user).is_some_and(|known| is_missed(known)) && self.absences_count() {
            self.set_presence(&user, Presence::proved);
            self.reconsider(&user, now);
        }
    }

    pub(super) fn set_presence(&mut self, user: &UserId, next: impl FnOnce(Presence) -> Presence) {
        let Some(known) = self.users.get_mut(user) else { return };
        let Some(record) = known.record.as_mut() else { return };
        let presence = next(record.presence);
        known.missed_twice &= matches!(presence, Presence::Missing { .. });
        if presence != record.presence {
            record.presence = presence;
            self.changes.push(Change::User(user.clone(), record.clone()));
        }
    }
}
