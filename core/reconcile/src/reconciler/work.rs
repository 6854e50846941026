//! What goes out to backends, and what comes back.

use std::collections::BTreeSet;

use super::{Adoption, Assignment, Backend, Delivery, Known, Read, Reconciler, Usable};
use crate::change::{Attempt, Change};
use crate::delivery::{Decision, Desired, Holds, Operation, Target, Warned};
use crate::gate::Gate;
use crate::published::Stay;
use crate::retry::{jitter, rest};
use crate::{BackendId, FileName, Outcome, Remote, Time, UserId, Verdict, Verify};

impl Reconciler {
    /// A file that is to be read now, if any.
    pub fn next_read(&mut self) -> Option<Read> {
        loop {
            let name = self.reads.pop_front()?;
            if let Some(Known::Reading { stat }) = self.files.get(&name).map(|file| &file.known) {
                return Some(Read { stat: *stat, name });
            }
        }
    }

    /// A name that is to be looked at now, if any.
    pub fn next_look(&mut self, now: Time) -> Option<FileName> {
        if self.looks.first()?.0 > now {
            return None;
        }
        self.looks.pop_first().map(|(_, name)| name)
    }

    /// Something that is to be done at a backend now, if any. It is out until [`Self::settle`], [`Self::probed`] or
    /// [`Self::abandon`] says otherwise.
    pub fn next_assignment(&mut self, now: Time) -> Option<Assignment> {
        if !self.is_readable() {
            return None;
        }
        for _ in 0..self.backends.len() {
            self.turn = (self.turn + 1) % self.backends.len();
            if let Some(assignment) = self.assign(self.turn, now) {
                return Some(assignment);
            }
        }
        None
    }

    fn assign(&mut self, index: usize, now: Time) -> Option<Assignment> {
        let backend = &self.backends[index];
        let asked = self.is_asked(&backend.spec.id);
        let probing = !backend.gate.is_open();
        if backend.rests(now, &self.focus)
            || (probing && (backend.in_flight > 0 || !backend.gate.wants_probe(now)))
            || (self.goes_unproved(backend) && backend.queue.due_at().is_none_or(|due| due > now))
            || backend.in_flight >= backend.spec.concurrency
            || !asked
        {
            return None;
        }
        let assignment = match probing && backend.spec.probes {
            true => Assignment::Probe { backend: backend.spec.id.clone() },
            false => Assignment::Deliver(self.next_delivery(index, now)?),
        };
        let backend = &mut self.backends[index];
        backend.in_flight += 1;
        if probing {
            backend.gate.send_probe();
        }
        Some(assignment)
    }

    fn next_delivery(&mut self, index: usize, now: Time) -> Option<Delivery> {
        loop {
            let user = self.backends[index].queue.next(now)?;
            let full = self.focus.limit.is_some_and(|limit| self.admitted.len() >= limit);
            if full && !self.admitted.contains(&user) {
                continue;
            }
            let Some(delivery) = self.delivery(&user, index, now) else { continue };
            if self.focus.limit.is_some() {
                self.admitted.insert(user.clone());
            }
            if let Some(slot) = self.users.get_mut(&user).and_then(|known| known.slots.get_mut(index)) {
                slot.in_flight = true;
            }
            return Some(delivery);
        }
    }

    fn delivery(&self, user: &UserId, index: usize, now: Time) -> Option<Delivery> {
        let backend = self.backends[index].spec.id.clone();
        let slot = self.slot(user, index)?;
        let (operation, _) = self.operation(slot, index, self.decide(user, index, now))?;
        let (operation, target, photo) = match (self.desired(user, index), self.usable(user)) {
            (Desired::Photo(print), Usable::Photo { file, photo }) => {
                (operation, Target::Photo(print), Some((file.clone(), photo.digest)))
            }
            (Desired::Gone, _) if operation == Operation::Deliver => (Operation::Remove, Target::Removal, None),
            _ => return None,
        };
        let remote = match (target, self.remote(user, index)) {
            // The picture is where it was delivered to, whatever the user would be called now.
            (Target::Removal, _) => slot.recorded.remote.as_deref().unwrap_or(user.as_str()).to_owned(),
            (Target::Photo(_), Remote::Named(name)) => name.into_owned(),
            (Target::Photo(_), _) => return None,
        };
        let wave = (0..self.backends.len())
            .filter(|other| *other == index || self.is_due_soon(user, *other, now))
            .map(|other| self.backends[other].spec.id.clone())
            .collect();
        Some(Delivery { user: user.clone(), remote, backend, operation, target, photo, wave })
    }

    /// Whether a backend is going to want this photo while what is rendered for it is still kept. For one that waits for
    /// a person, or cannot be reached, it would be lost work that slows the others.
    fn is_due_soon(&self, user: &UserId, index: usize, now: Time) -> bool {
        let Backend { record, gate, .. } = &self.backends[index];
        let is_dead = record.paused || gate.why_held().is_some() || gate.why_down().is_some();
        !is_dead && !self.focus.adopts && matches!(self.decide(user, index, now), Decision::Due { .. })
    }

    /// Counts the attempt, before the plugin is called, unless it only looks. The number of attempts at this, this one
    /// included; none when something else is wanted meanwhile, or the backend is to be left alone since, and the delivery
    /// is to be abandoned.
    pub fn begin(&mut self, delivery: &Delivery, now: Time) -> Option<u32> {
        let index = self.index(&delivery.backend)?;
        let wanted = match self.desired(&delivery.user, index) {
            Desired::Photo(print) => Target::Photo(print) == delivery.target,
            Desired::Gone => delivery.target == Target::Removal,
            Desired::Keep => false,
        };
        let Backend { gate, .. } = &self.backends[index];
        let may_go = !self.backends[index].rests(now, &self.focus) && (gate.is_open() || gate.is_probing());
        let slots = &mut self.users.get_mut(&delivery.user)?.slots;
        let slot = slots.get_mut(index).filter(|slot| wanted && may_go && slot.in_flight)?;
        if delivery.operation.only_looks() {
            return Some(1);
        }
        slot.recorded.begin(delivery.target, now);
        if delivery.operation == Operation::Deliver {
            let is_another = delivery.remote != delivery.user.as_str();
            slot.recorded.remote = is_another.then(|| delivery.remote.as_str().into());
        }
        let count = slot.recorded.attempted.as_ref().map_or(1, |attempted| attempted.count);
        let recorded = slot.recorded.clone();
        self.changes.push(Change::Delivery(delivery.user.clone(), delivery.backend.clone(), recorded));
        Some(count)
    }

    /// Takes in what has to be said of the photo whose pictures were made for a delivery that has begun. It replaces what was
    /// said before of what this backend gets for this user.
    pub fn warned(&mut self, delivery: &Delivery, warnings: BTreeSet<String>) {
        let (Some(index), Target::Photo(fingerprint)) = (self.index(&delivery.backend), delivery.target) else {
            return;
        };
        let slot = self.users.get_mut(&delivery.user).and_then(|known| known.slots.get_mut(index));
        let Some(slot) = slot.filter(|slot| slot.in_flight) else { return };
        let warned = (!warnings.is_empty()).then(|| Box::new(Warned { fingerprint, warnings }));
        if slot.recorded.warned != warned {
            slot.recorded.warned = warned;
            let recorded = slot.recorded.clone();
            self.changes.push(Change::Delivery(delivery.user.clone(), delivery.backend.clone(), recorded));
        }
    }

    /// What the plugin told of the last delivery of this user to this backend that is known to have been done; nothing
    /// when it is to tell what is there.
    #[must_use]
    pub fn receipt(&self, delivery: &Delivery) -> Option<&String> {
        if delivery.operation == Operation::Adopt {
            return None;
        }
        self.slot(&delivery.user, self.index(&delivery.backend)?)?.recorded.holds.receipt()
    }

    /// Whether this delivery is looked for as soon as it is done.
    #[must_use]
    pub fn is_verified(&self, delivery: &Delivery) -> bool {
        let spec = self.index(&delivery.backend).map(|index| &self.backends[index].spec);
        delivery.operation == Operation::Deliver && spec.is_some_and(|spec| spec.verify != Verify::Off)
    }

    /// Whether this delivery has failed for so long that a person should look at it.
    #[must_use]
    pub fn deserves_alarm(&self, delivery: &Delivery, now: Time) -> bool {
        let slot = self.index(&delivery.backend).and_then(|index| self.slot(&delivery.user, index));
        slot.is_some_and(|slot| slot.recorded.deserves_alarm(now))
    }

    /// Records what an attempt came to.
    pub fn settle(&mut self, delivery: &Delivery, outcome: &Outcome, ms: u64, now: Time) {
        let Some(index) = self.index(&delivery.backend) else { return };
        let Some(slot) = self.users.get_mut(&delivery.user).and_then(|known| known.slots.get_mut(index)) else {
            return;
        };
        if !std::mem::take(&mut slot.in_flight) {
            return;
        }
        let spec = &self.backends[index].spec;
        let count = slot.recorded.attempted.as_ref().map_or(0, |attempted| attempted.count);
        let chance = jitter(self.seed, Some(&delivery.user), &delivery.backend, count);
        let (told, done) = match delivery.operation {
            Operation::Verify => (slot.recorded.verify(outcome, (spec.verify, spec.owner), now, chance), false),
            Operation::Adopt => {
                let passes = matches!(outcome.verdict, Verdict::RateLimited { .. }) || outcome.verdict.holds_backend();
                slot.asked = !passes;
                let told = slot.recorded.adopt(delivery.target, outcome);
                if slot.asked {
                    self.adoptions.push(Adoption {
                        user: delivery.user.clone(),
                        backend: delivery.backend.clone(),
                        recorded: matches!(slot.recorded.holds, Holds::Exactly { .. }),
                        outcome: outcome.clone(),
                    });
                }
                (Some(told), false)
            }
            Operation::Deliver | Operation::Remove => {
                let done = slot.recorded.settle(outcome, now, chance);
                if done && delivery.operation == Operation::Deliver {
                    slot.recorded.await_verification(spec.verify, now);
                }
                slot.delivered |= matches!(outcome.verdict, Verdict::Changed | Verdict::Removed);
                (Some(outcome.clone()), done)
            }
        };
        let (user, backend) = (delivery.user.clone(), delivery.backend.clone());
        self.changes.push(Change::Delivery(user.clone(), backend.clone(), slot.recorded.clone()));
        if let Some(told) = told {
            let attempt = Attempt { at: now, verdict: told.verdict.clone(), reason: told.told_reason(), ms };
            self.changes.push(Change::Attempt(user.clone(), backend.clone(), attempt));
        }
        if !delivery.operation.only_looks() {
            let stay = Stay::after(delivery.operation, outcome, done, slot.recorded.doubt.is_some());
            self.changes.extend(self.pictures.settle(&user, &backend, &outcome.published, stay));
        }
        if done {
            self.changes.push(Change::ForgetAll(user, backend));
        }
        self.backends[index].in_flight -= 1;
        self.hear(index, outcome, now);
        self.reconsider(&delivery.user, now);
    }

    /// A delivery was given up before its attempt was counted.
    pub fn abandon(&mut self, delivery: &Delivery, now: Time) {
        let Some(index) = self.index(&delivery.backend) else { return };
        let Some(slot) = self.users.get_mut(&delivery.user).and_then(|known| known.slots.get_mut(index)) else {
            return;
        };
        if std::mem::take(&mut slot.in_flight) {
            self.backends[index].in_flight -= 1;
            self.backends[index].gate.withdraw_probe();
            self.reconsider(&delivery.user, now);
        }
    }

    /// A probe came back.
    pub fn probed(&mut self, backend: &BackendId, outcome: &Outcome, now: Time) {
        let Some(index) = self.index(backend) else { return };
        self.backends[index].in_flight -= 1;
        self.hear_by(index, outcome, now, Gate::hear_probe);
    }

    fn hear(&mut self, index: usize, outcome: &Outcome, now: Time) {
        self.hear_by(index, outcome, now, Gate::hear);
    }

    fn hear_by(&mut self, index: usize, outcome: &Outcome, now: Time, hear: fn(&mut Gate, &Outcome, Time, f64)) {
        let seed = self.seed;
        let Backend { spec, record, gate, .. } = &mut self.backends[index];
        hear(gate, outcome, now, jitter(seed, None, &spec.id, gate.failures()));
        let told = outcome.told_wait().map(|told| now.after(rest(told, jitter(seed, None, &spec.id, 1))));
        let quiet_until = record.quiet_until.max(told);
        if record.held.as_ref() != gate.why_held() || record.quiet_until != quiet_until {
            record.held = gate.why_held().cloned();
            record.quiet_until = quiet_until;
            self.changes.push(Change::Backend(spec.id.clone(), record.clone()));
        }
    }
}
