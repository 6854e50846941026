//! The daemon around the reconciler: it looks, reads, renders, writes down and sends, as the real one does.

use std::collections::{BTreeMap, BTreeSet};

use portraitd_reconcile::{
    Assignment, BackendId, Change, Delivery, Digest, Examined, Focus, Listing, Looked, Outcome, Published, Reconciler,
    Time, UserId,
};

use crate::backend::{Effect, Request};
use crate::folder::{Content, warnings};
use crate::world::{Event, MINUTE, SECOND, Step, World};

/// More steps than this in a minute of simulated time are no work but a loop that spins.
const STEPS_IN_A_MINUTE: u32 = 300;

const MOST_READS: usize = 2;

/// A request takes effect within ten minutes after its attempt has ended, less what an answer takes.
const LATE_AT_MOST: i64 = 10 * MINUTE - 3 * SECOND;

pub(crate) struct Daemon {
    pub(crate) reconciler: Reconciler,
    reads: usize,
    /// Attempts that are begun, by the batch that holds their intent or by a number of their own.
    attempts: BTreeMap<u64, Attempt>,
    serial: u64,
    /// When it is to be woken.
    wakes: BTreeSet<i64>,
    /// The steps taken in which minute.
    pace: (i64, u32),
    /// Whether the last scan found a folder, and which.
    listed: Option<portraitd_reconcile::Identity>,
}

struct Attempt {
    delivery: Delivery,
    request: Request,
    batch: u64,
    stage: Stage,
}

enum Stage {
    Written,
    Sent,
    Arrived(Outcome),
}

impl Daemon {
    /// The requests that were sent and have not arrived.
    pub(crate) fn on_the_wire(self) -> Vec<(BackendId, Request)> {
        let sent = self.attempts.into_values().filter(|attempt| matches!(attempt.stage, Stage::Sent));
        let sent = sent.filter(|attempt| !attempt.request.looks);
        sent.map(|attempt| (attempt.delivery.backend, attempt.request)).collect()
    }
}

impl World {
    pub(crate) fn start(&mut self) {
        if self.daemon.is_some() {
            return;
        }
        self.change_settings();
        let specs = self.backends.iter().filter(|backend| backend.enabled).map(|backend| backend.spec()).collect();
        let seed = self.random.below(u64::MAX);
        let snapshot = self.ledger.snapshot();
        self.oracle_sees_start();
        let reconciler = Reconciler::restore(self.policy(), Focus::default(), specs, snapshot, seed, self.clock());
        self.daemon = Some(Daemon {
            reconciler,
            reads: 0,
            attempts: BTreeMap::new(),
            serial: 0,
            wakes: BTreeSet::new(),
            pace: (0, 0),
            listed: None,
        });
        self.flush();
        self.run_later(self.random_wait(), Step::Scan);
    }

    fn random_wait(&self) -> i64 {
        self.now % 100
    }

    pub(crate) fn run_later(&mut self, wait: i64, step: Step) {
        self.later(wait, Event::Run(self.run, step));
    }

    pub(crate) fn reconciler(&mut self) -> &mut Reconciler {
        &mut self.daemon.as_mut().expect("steps belong to a running daemon").reconciler
    }

    fn running(&mut self) -> &mut Daemon {
        self.daemon.as_mut().expect("steps belong to a running daemon")
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Hint(name) => self.look(&name),
            Step::Compare => self.compare(),
            Step::Scan => self.scan(),
            Step::Listed(listing) => self.listed(listing),
            Step::Read(read, found) => {
                self.running().reads -= 1;
                let found = match found {
                    Examined::Accepted(_) | Examined::Rejected { .. } => self.folder.read(&read.name, Some(read.stat)),
                    trouble => trouble,
                };
                let now = self.clock();
                self.reconciler().examined(&read, found, now);
            }
            Step::Rendered(serial, delivery) => self.rendered(serial, delivery),
            Step::Durable(batch) => self.durable(batch),
            Step::Arrives(serial) => self.arrives(serial),
            Step::Answers(serial) => self.answers(serial),
            Step::Probed(backend, serial, outcome) => {
                let now = self.clock();
                self.reconciler().probed(&backend, &outcome, now);
                let batch = self.flush();
                self.oracle_hears_probe(&backend, serial, &outcome, batch);
            }
            Step::Wake => self.awake(),
        }
        if self.daemon.is_some() {
            self.drive();
        }
    }

    // --- The folder ---

    fn look(&mut self, name: &portraitd_reconcile::FileName) {
        let looked = self.folder.look(name);
        let looked = if self.strikes(200) { Looked::Unknown } else { looked };
        self.oracle_sees_look(name, &looked);
        let now = self.clock();
        self.reconciler().looked(name, looked, now);
    }

    fn compare(&mut self) {
        let mounted = self.mounted_identity();
        if mounted.is_none() || mounted != self.running().listed {
            self.list();
        }
    }

    fn scan(&mut self) {
        self.list();
        self.run_later(self.plan.rescan, Step::Scan);
    }

    /// Reads the folder; the result is there a little later, and may be old by then.
    fn list(&mut self) {
        let trouble = self.strikes(25).then(|| "input/output error".to_owned());
        let Self { folder, random, .. } = self;
        let listing = folder.list(trouble, || random.one_in(3));
        let wait = self.random.between(1, 2 * SECOND);
        self.run_later(wait, Step::Listed(listing));
    }

    fn listed(&mut self, listing: Option<Listing>) {
        self.running().listed = listing.as_ref().map(|listing| listing.identity);
        let now = self.clock();
        match listing {
            Some(listing) => {
                self.oracle_sees_listing(&listing);
                self.reconciler().listed(listing, now);
            }
            None => {
                self.reconciler().folder_unknown("no such folder");
            }
        }
    }

    // --- The loop ---

    fn drive(&mut self) {
        let now = self.clock();
        while self.do_something(now) {
            let minute = self.now / MINUTE;
            let pace = &mut self.running().pace;
            *pace = if pace.0 == minute { (minute, pace.1 + 1) } else { (minute, 1) };
            let steps = pace.1;
            self.ensure(steps < STEPS_IN_A_MINUTE, "it never spins", || format!("{steps} steps in a minute"));
        }
        self.flush();
        self.plan_wake(now);
    }

    fn do_something(&mut self, now: Time) -> bool {
        if let Some(name) = self.reconciler().next_look(now) {
            self.look(&name);
            true
        } else if self.running().reads < MOST_READS {
            self.read_one() || self.assign(now)
        } else {
            self.assign(now)
        }
    }

    fn read_one(&mut self) -> bool {
        let Some(read) = self.reconciler().next_read() else { return false };
        self.running().reads += 1;
        let unreadable = Examined::Unreadable { reason: "permission denied".into() };
        let found = if self.strikes(100) { unreadable } else { self.folder.read(&read.name, Some(read.stat)) };
        let wait = self.random.between(1, 400);
        self.run_later(wait, Step::Read(read, found));
        true
    }

    fn assign(&mut self, now: Time) -> bool {
        let Some(assignment) = self.reconciler().next_assignment(now) else { return false };
        let daemon = self.running();
        daemon.serial += 1;
        let serial = daemon.serial;
        self.oracle_sees_assignment(&assignment, serial);
        match assignment {
            Assignment::Probe { backend } => {
                let index = self.backend_index(&backend);
                let outcome = self.backends[index].probe(&mut self.random);
                let wait = self.random.between(5, 2 * SECOND);
                self.run_later(wait, Step::Probed(backend, serial, outcome));
            }
            Assignment::Deliver(delivery) => {
                // Now and then the renderer is busy with others for a while.
                let most = if self.strikes(10) { 3 * MINUTE } else { 400 };
                let wait = self.random.between(5, most);
                self.run_later(wait, Step::Rendered(serial, delivery));
            }
        }
        true
    }

    fn plan_wake(&mut self, now: Time) {
        let Some(wake) = self.reconciler().wake_at() else { return };
        self.ensure(wake > now, "it asks for no time that has come", || format!("{wake:?} at {now:?}"));
        let at = wake.as_millis() - self.offset;
        let wakes = &mut self.running().wakes;
        if wakes.first().is_none_or(|planned| at < *planned) && wakes.insert(at) {
            self.run_later(at - self.now, Step::Wake);
        }
    }

    fn awake(&mut self) {
        let now = self.now;
        self.running().wakes.retain(|planned| *planned > now);
    }

    /// Hands what is to be written down to the ledger. Says which batch holds it.
    fn flush(&mut self) -> u64 {
        let changes = self.reconciler().take_changes();
        if changes.is_empty() {
            return self.ledger.written;
        }
        self.oracle_sees_changes(&changes);
        let batch = self.ledger.write(changes);
        let wait = self.random.between(1, 30);
        self.run_later(wait, Step::Durable(batch));
        batch
    }

    fn durable(&mut self, batch: u64) {
        self.ledger.commit(batch.max(self.ledger.durable));
        if self.dies("intent durable") {
            return;
        }
        let durable = self.ledger.durable;
        let attempts = &mut self.running().attempts;
        let ready = attempts.iter_mut().filter(|(_, a)| a.batch <= durable && matches!(a.stage, Stage::Written));
        let ready: Vec<_> = ready
            .map(|(serial, attempt)| {
                attempt.stage = Stage::Sent;
                *serial
            })
            .collect();
        for serial in ready {
            self.publish(serial);
            let wait = self.random.between(1, 2 * SECOND);
            self.run_later(wait, Step::Arrives(serial));
        }
    }

    // --- Attempts ---

    /// What the system is told to fetch is written down before that, and nobody waits for the loop to do so.
    fn publish(&mut self, serial: u64) {
        let Attempt { delivery, request, .. } = &self.running().attempts[&serial];
        let (user, backend, request) = (delivery.user.clone(), delivery.backend.clone(), request.clone());
        let Some(name) = request.picture(&self.backends[self.backend_index(&backend)]) else { return };
        let picture = Published { name, recorded: false };
        let batch = self.ledger.write(vec![Change::Publish(user, backend, picture)]);
        self.ledger.commit(batch);
    }

    /// The photo was read again and rendered for a delivery, or not.
    fn rendered(&mut self, serial: u64, delivery: Delivery) {
        let now = self.clock();
        if let Some((name, digest)) = &delivery.photo
            && let Some(found) = self.render(name, digest)
        {
            self.reconciler().reexamined(name, digest, found, now);
            return self.give_up(serial, &delivery);
        }
        if self.strikes(100) {
            return self.give_up(serial, &delivery);
        }
        let Some(count) = self.reconciler().begin(&delivery, now) else { return self.give_up(serial, &delivery) };
        if let Some((_, digest)) = &delivery.photo {
            self.reconciler().warned(&delivery, warnings(digest));
        }
        let looks = delivery.operation.only_looks();
        if !looks {
            self.oracle_sees_begin(&delivery, count);
        }
        let batch = if looks { self.ledger.durable } else { self.flush() };
        if !looks {
            self.oracle_sees_intent(&delivery, batch);
        }
        let index = self.backend_index(&delivery.backend);
        let digest = delivery.photo.as_ref().map(|(_, digest)| *digest);
        let shape = self.backends[index].shape();
        let request = Request { user: delivery.user.clone(), looks, target: delivery.target, digest, shape };
        self.running().attempts.insert(serial, Attempt { delivery, request, batch, stage: Stage::Written });
        if looks {
            // Nothing is written down of it that would have to be durable first.
            self.run_later(1, Step::Durable(self.ledger.durable));
        }
        self.dies("intent written");
    }

    fn give_up(&mut self, serial: u64, delivery: &Delivery) {
        let now = self.clock();
        self.reconciler().abandon(delivery, now);
        self.oracle_sees_end(&delivery.backend, &delivery.user, serial);
    }

    /// What is wrong with the photo now, if something is.
    fn render(&mut self, name: &portraitd_reconcile::FileName, digest: &Digest) -> Option<Examined> {
        if self.strikes(200) {
            return Some(Examined::Unreadable { reason: "input/output error".into() });
        }
        match self.folder.read(name, None) {
            Examined::Accepted(photo) if photo.digest != *digest => Some(Examined::Changed),
            Examined::Accepted(_) => match self.folder.content(name) {
                Some(Content::Unrenderable(_)) => Some(Examined::Rejected { reason: "cannot be decoded".into() }),
                _ => None,
            },
            Examined::Rejected { .. } => Some(Examined::Changed),
            other => Some(other),
        }
    }

    fn arrives(&mut self, serial: u64) {
        let attempt = &self.running().attempts[&serial];
        let (request, backend) = (attempt.request.clone(), attempt.delivery.backend.clone());
        let index = self.backend_index(&backend);
        let calm = self.calm;
        let Self { backends, random, .. } = self;
        let (mut outcome, effect) = backends[index].answer(&request, calm, random);
        outcome.published.extend(request.picture(&backends[index]));
        let wait = random.between(1, 2 * SECOND);
        match effect {
            Effect::None => {}
            Effect::Made => {
                if outcome.verdict == portraitd_reconcile::Verdict::Retry {
                    self.count("lies");
                }
                self.oracle_sees_effect(index, &request);
            }
            Effect::Late => {
                let after = self.random.between(1, LATE_AT_MOST);
                self.later(wait + after, Event::Late { backend: index, request });
            }
        }
        self.note(|| format!("{:?}", outcome.verdict));
        if let Some(attempt) = self.running().attempts.get_mut(&serial) {
            attempt.stage = Stage::Arrived(outcome);
        }
        if !self.dies("effect made") {
            self.run_later(wait, Step::Answers(serial));
        }
    }

    fn answers(&mut self, serial: u64) {
        let attempt = self.running().attempts.remove(&serial).expect("an answer belongs to an attempt");
        let Stage::Arrived(outcome) = attempt.stage else { panic!("an answer follows a request") };
        let now = self.clock();
        self.reconciler().settle(&attempt.delivery, &outcome, 10, now);
        self.oracle_sees_end(&attempt.delivery.backend, &attempt.delivery.user, serial);
        let batch = self.flush();
        if attempt.request.looks {
            self.oracle_hears_look(&attempt.delivery, serial, &outcome, batch);
        } else {
            self.oracle_hears(&attempt.delivery, serial, &outcome, batch);
        }
        self.dies("outcome written");
    }

    // --- What a person types ---

    pub(crate) fn type_retry(&mut self, users: Option<BTreeSet<UserId>>) {
        if self.daemon.is_none() {
            return;
        }
        let now = self.clock();
        if self.reconciler().retry(users.as_ref(), None, now) > 0 {
            self.count("retries typed");
        }
        self.oracle_sees_retry();
        self.drive();
    }

    pub(crate) fn type_pause(&mut self, backend: usize, paused: bool) {
        if self.daemon.is_none() {
            return;
        }
        let id = self.backends[backend].id.clone();
        let reconciler = self.reconciler();
        let changed = if paused { reconciler.pause(&id) } else { reconciler.resume(&id) };
        if changed == Some(true) {
            self.count(if paused { "pauses" } else { "resumes" });
        }
        if changed.is_some() {
            self.oracle_sees_pause(&id, paused);
            self.drive();
        }
    }

    pub(crate) fn type_confirm(&mut self) {
        if self.daemon.is_none() {
            return;
        }
        let now = self.clock();
        if self.reconciler().confirm_removals(now) > 0 {
            self.count("removals confirmed");
        }
        self.oracle_sees_confirm();
        self.drive();
    }

    // --- Chance ---

    /// Whether a fault of this rarity happens here.
    fn strikes(&mut self, rarity: u64) -> bool {
        !self.calm && self.random.one_in(rarity)
    }

    /// Whether the daemon dies at this point.
    fn dies(&mut self, point: &'static str) -> bool {
        let dies = self.strikes(self.plan.kills);
        if dies {
            self.count(point);
            self.crash();
        }
        dies
    }

    pub(crate) fn backend_index(&self, id: &BackendId) -> usize {
        self.backends.iter().position(|backend| backend.id == *id).expect("a delivery goes to a known backend")
    }
}
