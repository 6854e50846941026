//! What a person asks for.

use std::collections::BTreeSet;

use super::{Reconciler, User};
use crate::change::Change;
use crate::{BackendId, Presence, Time, UserId};

impl Reconciler {
    /// Makes deliveries that failed due, and releases backends that are held, down or left alone; a pause stays. Of all
    /// users and backends, or of these. Says how many deliveries and backends that concerns.
    pub fn retry(
        &mut self,
        users: Option<&BTreeSet<UserId>>,
        backends: Option<&BTreeSet<BackendId>>,
        now: Time,
    ) -> usize {
        let asked = |id: &BackendId| backends.is_none_or(|backends| backends.contains(id));
        let indices: Vec<_> = (0..self.backends.len()).filter(|index| asked(&self.backends[*index].spec.id)).collect();
        let mut released = 0;
        for index in &indices {
            released += usize::from(self.release_backend(*index));
        }
        let users: Vec<_> =
            users.map_or_else(|| self.users.keys().cloned().collect(), |users| users.iter().cloned().collect());
        for user in users {
            let here = indices.iter().filter(|index| self.release_delivery(&user, **index)).count();
            if here > 0 {
                released += here;
                self.reconsider(&user, now);
            }
        }
        released
    }

    fn release_backend(&mut self, index: usize) -> bool {
        let backend = &mut self.backends[index];
        let released = backend.gate.release() | backend.record.quiet_until.take().is_some();
        if released {
            backend.record.held = None;
            self.changes.push(Change::Backend(backend.spec.id.clone(), backend.record.clone()));
        }
        released
    }

    fn release_delivery(&mut self, user: &UserId, index: usize) -> bool {
        let backend = self.backends[index].spec.id.clone();
        let Some(slot) = self.users.get_mut(user).and_then(|known| known.slots.get_mut(index)) else { return false };
        let released = !slot.in_flight && slot.recorded.release();
        if released {
            self.changes.push(Change::Delivery(user.clone(), backend, slot.recorded.clone()));
        }
        released
    }

    /// Sends nothing new to a backend, and asks it nothing, until [`Self::resume`], across restarts; what is out may end.
    /// Says whether that is news; none when there is no such backend.
    pub fn pause(&mut self, backend: &BackendId) -> Option<bool> {
        self.set_paused(backend, true)
    }

    /// Lets a backend that was paused go on. Says whether that is news; none when there is no such backend.
    pub fn resume(&mut self, backend: &BackendId) -> Option<bool> {
        self.set_paused(backend, false)
    }

    fn set_paused(&mut self, backend: &BackendId, paused: bool) -> Option<bool> {
        let index = self.index(backend)?;
        let record = &mut self.backends[index].record;
        let is_news = std::mem::replace(&mut record.paused, paused) != paused;
        if is_news {
            self.changes.push(Change::Backend(backend.clone(), record.clone()));
        }
        Some(is_news)
    }

    /// A person agrees that what is missing now may be removed, and that the folder as it is now is the right one.
    /// Says how many users that concerns.
    pub fn confirm_removals(&mut self, now: Time) -> usize {
        self.folder.trusted = self.folder.seen.or(self.folder.trusted);
        self.folder.braked = false;
        self.changes.push(Change::Folder(self.folder.clone()));
        let is_away = |user: &User| user.record.as_ref().is_some_and(|record| record.presence != Presence::Here);
        let away: Vec<_> = self.users.iter().filter(|(_, user)| is_away(user)).map(|(id, _)| id.clone()).collect();
        for user in &away {
            self.set_presence(user, Presence::cleared);
            self.look_if_missed_twice(user, now);
            self.reconsider(user, now);
        }
        away.len()
    }
}
