//! What every user's files come to, and what each backend is to be told.

use std::iter;

use super::{ConflictRule, Reconciler, Slot, Usable, User};
use crate::change::{Change, UserRecord};
use crate::delivery::{Decision, Desired, Holds, Operation, decide};
use crate::{BackendId, FileName, FileState, Fingerprint, Lane, Photo, Presence, Remote, Time, UserId};

impl Reconciler {
    /// Decides anew for a user at every backend, and for those whose conflict with the user begins or ends.
    pub(super) fn reconsider(&mut self, user: &UserId, now: Time) {
        self.note_photo(user, now);
        let others = self.note_namesake(user);
        iter::once(user).chain(&others).for_each(|user| self.place(user, now));
    }

    fn place(&mut self, user: &UserId, now: Time) {
        self.note_prints(user);
        let lanes = self.lanes(user, now);
        for (backend, lane) in self.backends.iter_mut().zip(lanes) {
            match lane {
                Some(lane) => backend.queue.put(user, lane),
                None => backend.queue.remove(user),
            }
        }
    }

    /// Where the user waits at each backend.
    fn lanes(&self, user: &UserId, now: Time) -> Vec<Option<Lane>> {
        let Some(known) = self.users.get(user) else { return Vec::new() };
        let usable = self.usable_of(known);
        let lane = |(index, slot): (usize, &Slot)| {
            let decision = decide(self.desired_of(user, known, &usable, index), &slot.recorded, now);
            if slot.in_flight { None } else { self.lane(user, known, index, decision) }
        };
        known.slots.iter().enumerate().map(lane).collect()
    }

    /// Keeps the record of the user's last accepted photo.
    fn note_photo(&mut self, user: &UserId, now: Time) {
        let Some(known) = self.users.get(user) else { return };
        let Usable::Photo { file, photo } = self.usable_of(known) else {
            if !known.files.is_empty() {
                self.set_presence(user, |_| Presence::Here);
            }
            return;
        };
        let same_photo = known.record.as_ref().filter(|before| before.photo.digest == photo.digest);
        let accepted_at = same_photo.map_or(now, |before| before.accepted_at);
        let is_same =
            |before: &UserRecord| before.presence == Presence::Here && before.file == *file && before.photo == *photo;
        if !same_photo.is_some_and(is_same) {
            let (file, photo) = (file.clone(), photo.clone());
            self.set_record(user, UserRecord { file, photo, accepted_at, presence: Presence::Here });
        }
    }

    fn set_record(&mut self, user: &UserId, record: UserRecord) {
        let Some(known) = self.users.get_mut(user) else { return };
        if known.record.as_ref().is_none_or(|before| before.photo.digest != record.photo.digest) {
            known.slots.iter_mut().for_each(|slot| slot.print = None);
        }
        known.missed_twice = false;
        known.record = Some(record.clone());
        self.changes.push(Change::User(user.clone(), record));
    }

    fn note_prints(&mut self, user: &UserId) {
        let Some(known) = self.users.get_mut(user) else { return };
        let Some(record) = known.record.as_ref().filter(|record| record.presence == Presence::Here) else { return };
        for (slot, backend) in known.slots.iter_mut().zip(&self.backends) {
            if let (None, Remote::Named(remote)) = (slot.print, backend.spec.users.of(user)) {
                slot.print = Some(backend.print(&remote, &record.photo));
            }
        }
    }

    /// What must be held for a photo; none when it is not known whose it would be there.
    fn print(&self, user: &UserId, known: &User, photo: &Photo, index: usize) -> Option<Fingerprint> {
        let Remote::Named(remote) = self.remote(user, index) else { return None };
        let noted = known.record.as_ref().filter(|record| record.photo.digest == photo.digest);
        let print = noted.and_then(|_| known.slots.get(index)?.print);
        Some(print.unwrap_or_else(|| self.backends[index].print(&remote, photo)))
    }

    pub(crate) fn usable(&self, user: &UserId) -> Usable<'_> {
        self.users.get(user).map_or(Usable::Nothing, |known| self.usable_of(known))
    }

    /// What the user's files come to. While one of several is not examined, or was not seen since the start, nothing
    /// follows: it may turn out to be the newest, or one too many. The file of the last photo is one of them until a
    /// complete scan has not shown it.
    fn usable_of(&self, known: &User) -> Usable<'_> {
        let is_last_known = |record: &UserRecord| self.covered || known.files.contains(&record.file);
        if !known.record.as_ref().is_none_or(is_last_known) {
            return Usable::Nothing;
        }
        let (mut pick, mut is_disputed) = (None, false);
        for (name, file) in known.files.iter().filter_map(|name| self.files.get_key_value(name)) {
            let Some((changed, state)) = file.conclusion() else { return Usable::Nothing };
            let FileState::Accepted(photo) = state else { continue };
            let before = pick.map_or(i64::MIN, |(_, _, before)| before);
            is_disputed = match self.policy.conflict {
                ConflictRule::Refuse => pick.is_some(),
                ConflictRule::Newest => changed == before || (is_disputed && changed < before),
            };
            if changed >= before {
                pick = Some((name, photo, changed));
            }
        }
        match pick {
            Some(_) if is_disputed => Usable::Conflict,
            Some((file, photo, _)) => Usable::Photo { file, photo },
            None => Usable::Nothing,
        }
    }

    pub(crate) fn is_accepted(&self, name: &FileName) -> bool {
        let conclusion = self.files.get(name).and_then(|file| file.conclusion());
        conclusion.is_some_and(|(_, state)| matches!(state, FileState::Accepted(_)))
    }

    pub(crate) fn desired(&self, user: &UserId, index: usize) -> Desired {
        let Some(known) = self.users.get(user) else { return Desired::Keep };
        self.desired_of(user, known, &self.usable_of(known), index)
    }

    fn desired_of(&self, user: &UserId, known: &User, usable: &Usable<'_>, index: usize) -> Desired {
        let backend = &self.backends[index];
        match usable {
            Usable::Photo { photo, .. } => self.print(user, known, photo, index).map_or(Desired::Keep, Desired::Photo),
            Usable::Nothing
                if backend.spec.remove && self.may_remove(known) && !self.is_anothers(user, known, index) =>
            {
                Desired::Gone
            }
            Usable::Nothing | Usable::Conflict => Desired::Keep,
        }
    }

    pub(crate) fn may_remove(&self, known: &User) -> bool {
        match known.record.as_ref().map(|record| record.presence) {
            Some(Presence::Gone { cleared, .. }) => cleared || (!self.folder.braked && self.absences_count()),
            _ => false,
        }
    }

    pub(crate) fn decide(&self, user: &UserId, index: usize, now: Time) -> Decision {
        match self.slot(user, index) {
            Some(slot) => decide(self.desired(user, index), &slot.recorded, now),
            None => Decision::Idle,
        }
    }

    pub(crate) fn slot(&self, user: &UserId, index: usize) -> Option<&Slot> {
        self.users.get(user)?.slots.get(index)
    }

    pub(crate) fn in_question(&self, user: &UserId, backend: &BackendId) -> bool {
        self.focus.users.as_ref().is_none_or(|users| users.contains(user)) && self.is_asked(backend)
    }

    /// What a backend is to be asked by this decision, and from when on.
    pub(crate) fn operation(&self, slot: &Slot, index: usize, decision: Decision) -> Option<(Operation, Time)> {
        if self.focus.adopts {
            let is_open = !slot.asked && !matches!(slot.recorded.holds, Holds::Exactly { .. });
            let wants = matches!(decision, Decision::Due { .. } | Decision::Stopped);
            return (is_open && wants).then_some((Operation::Adopt, Time::PAST));
        }
        match decision {
            Decision::Due { at, .. } => Some((Operation::Deliver, at)),
            Decision::InPlace { confirm } => {
                let verify = slot.recorded.verify_at(self.backends[index].spec.verify);
                let verify = verify.map(|at| (Operation::Verify, at));
                let confirm = confirm.map(|at| (Operation::Deliver, at));
                confirm.into_iter().chain(verify).min_by_key(|(_, at)| *at)
            }
            Decision::Idle | Decision::Stopped => None,
        }
    }

    fn lane(&self, user: &UserId, known: &User, index: usize, decision: Decision) -> Option<Lane> {
        let backend = &self.backends[index];
        let (_, at) = self.operation(known.slots.get(index)?, index, decision)?;
        let lane = match decision {
            Decision::Due { again: true, .. } => Lane::Retry { at },
            _ => Lane::Resync { at },
        };
        if !self.in_question(user, &backend.spec.id) {
            return None;
        }
        let accepted = known.record.as_ref()?.accepted_at;
        let is_fresh = accepted >= backend.record.since && matches!(decision, Decision::Due { again: false, .. });
        Some(if is_fresh { Lane::Fresh { accepted } } else { lane })
    }
}
