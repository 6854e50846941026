//! The one loop that owns what is known: events come in, decisions are taken, work goes out.
//!
//! All decisions are `portraitd-reconcile`'s. What is done here is to feed it, to write down what it says must be
//! written, and to start what it says must be started; nothing is started for an attempt that is not durably counted.

use std::sync::Arc;
use std::time::Duration;

use portraitd_ledger::Ledger;
use portraitd_reconcile::{
    Assignment, BackendId, BackendSpec, BackendState, Change, Delivery, Digest, Examined, FileName, Looked, Operation,
    Outcome, Read, Reconciler, Time,
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, error, info, warn};

use crate::asked::{self, Asked};
use crate::clock::Clock;
use crate::dispatch::{Begun, Dispatcher, Prepared};
use crate::glance::Glance;
use crate::intake::folder::Folder;
use crate::intake::watch::Watch;
use crate::intake::{self, Intake, Scan};
use crate::metrics::Metrics;
use crate::publish::Shelf;
use crate::report::{Exit, Trouble};
use crate::workers::{Workers, cores};

/// How often the folder's path is compared with the directory that is open.
const IDENTITY_EVERY: Duration = Duration::from_secs(3);

/// How often a folder without events is scanned, at most.
const POLL_EVERY: Duration = Duration::from_secs(10);

/// A poll takes at most this share of the time: a scan of 2 s is repeated after 20 s.
const POLL_SHARE: u32 = 10;

/// How long hints are collected before they are followed: a file that is being written makes thousands of them.
const COLLECT_HINTS: Duration = Duration::from_millis(100);

/// While more changes than this wait to be written, no further file is examined. Half of what the ledger takes.
const UNWRITTEN_AT_MOST: usize = portraitd_ledger::QUEUE_MAX / 2;

/// Something that happened.
pub(crate) enum Event {
    /// The folder was scanned, or cannot be read.
    Scanned(Result<Scan, String>),
    /// The folder's path was compared with the directory that is open: it is the same or not.
    Compared(bool),
    /// The folder's watch has something to say.
    Hinted,
    /// Names were looked at.
    Looked(Vec<(FileName, Looked)>),
    /// A file was examined.
    Examined(Read, Examined),
    /// A photo is not what was accepted; its delivery is off.
    Spoiled(Delivery, Examined),
    /// A delivery is ready to be counted as begun.
    Ready(Delivery, Prepared),
    /// An attempt is durably counted.
    Counted(Box<Counted>),
    /// An attempt has ended.
    Settled(Delivery, Outcome, u64),
    /// A probe has ended.
    Probed(BackendId, Outcome),
    /// A backend is another than before: by its library, by what its users are called, or because it can be used at last.
    Respecified(BackendSpec),
    /// Somebody asks something.
    Asked(Asked, oneshot::Sender<Value>),
    /// Somebody wants to know whether the loop turns.
    Pinged(oneshot::Sender<()>),
    /// Somebody wants to see how things are.
    Glanced(oneshot::Sender<Glance>),
    /// So many changes are durable.
    Written(usize),
    /// The ledger cannot write any more.
    LedgerFailed(String),
    /// The daemon is told to stop.
    Stop,
    /// It is told so again: at once.
    StopNow,
    /// A moment came that something waits for.
    Tick,
}

/// An attempt that is durably counted.
pub(crate) struct Counted {
    delivery: Delivery,
    prepared: Prepared,
    begun: Begun,
}

/// The folder as the loop sees it.
#[derive(Default)]
struct Watched {
    folder: Option<Arc<Folder>>,
    watch: Option<Listening>,
    scanning: bool,
    scan_wanted: bool,
    /// Since when a comparison is out.
    comparing: Option<Time>,
    looking: bool,
    /// What is to be looked at when the look that is out has come back.
    look_next: Vec<FileName>,
    next_scan: Option<Time>,
    next_compare: Option<Time>,
    next_hints: Option<Time>,
}

/// What waits to be durable.
#[derive(Default)]
struct Unwritten {
    changes: usize,
    /// Since when the ledger has written nothing, while something waits.
    since: Option<Time>,
}

impl Unwritten {
    fn queued(&mut self, changes: usize, now: Time) {
        self.changes += changes;
        self.since = self.since.or(Some(now)).filter(|_| self.changes > 0);
    }

    fn written(&mut self, changes: usize, now: Time) {
        self.changes -= changes;
        self.since = (self.changes > 0).then_some(now);
    }
}

/// A watch, and the task that waits for it. Both end when this is dropped.
struct Listening {
    watch: Arc<Watch>,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How changes of the folder are noticed over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Follow {
    /// The time between two full scans.
    pub(crate) rescan: Duration,
    /// Whether events are wanted, where the file system has them.
    pub(crate) events: bool,
}

/// Everything that the loop owns.
pub(crate) struct Controller {
    reconciler: Reconciler,
    intake: Intake,
    workers: Workers,
    dispatcher: Dispatcher,
    /// None in a dry run: nothing is written down.
    ledger: Option<Ledger>,
    /// Where published pictures are taken from.
    shelf: Option<Shelf>,
    clock: Clock,
    /// None for a single pass: the folder is scanned once.
    follow: Option<Follow>,
    watched: Watched,
    reads_out: usize,
    unwritten: Unwritten,
    metrics: Metrics,
    scans: u32,
    stopping: bool,
    events: mpsc::UnboundedReceiver<Event>,
    sender: mpsc::UnboundedSender<Event>,
    tasks: JoinSet<()>,
}

/// What a controller is made of.
pub(crate) struct Parts {
    /// What decides.
    pub(crate) reconciler: Reconciler,
    /// What reads the folder.
    pub(crate) intake: Intake,
    /// What holds photos.
    pub(crate) workers: Workers,
    /// What delivers.
    pub(crate) dispatcher: Dispatcher,
    /// Where is written down what happened; nowhere in a dry run.
    pub(crate) ledger: Option<Ledger>,
    /// Where published pictures lie; nowhere when none are, and in a dry run.
    pub(crate) shelf: Option<Shelf>,
    /// The time.
    pub(crate) clock: Clock,
    /// How changes of the folder are noticed; none for a single pass.
    pub(crate) follow: Option<Follow>,
    /// Where it is counted what happens.
    pub(crate) metrics: Metrics,
}

impl Controller {
    /// A loop that has not begun.
    ///
    /// The channel of events has no bound of its own: each sender is a task that the loop started, and their number is
    /// bounded by the backends' concurrency, the cores, one scan, one comparison and the connections of the control socket and the
    /// admin port.
    pub(crate) fn new(parts: Parts) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        Self {
            reconciler: parts.reconciler,
            intake: parts.intake,
            workers: parts.workers,
            dispatcher: parts.dispatcher,
            ledger: parts.ledger,
            shelf: parts.shelf,
            clock: parts.clock,
            follow: parts.follow,
            watched: Watched { scan_wanted: true, ..Watched::default() },
            reads_out: 0,
            unwritten: Unwritten::default(),
            metrics: parts.metrics,
            scans: 0,
            stopping: false,
            events,
            sender,
            tasks: JoinSet::new(),
        }
    }

    /// Where events are sent to.
    pub(crate) fn sender(&self) -> mpsc::UnboundedSender<Event> {
        self.sender.clone()
    }

    /// Runs something beside the loop until the loop has ended. A panic in it ends the loop.
    pub(crate) fn run_beside(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Whether files wait to be read, or are being read.
    pub(crate) const fn is_examining(&self) -> bool {
        self.reads_out > 0
    }

    /// What decides, for whoever wants to know how far things are.
    pub(crate) const fn reconciler(&self) -> &Reconciler {
        &self.reconciler
    }

    /// The counters.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How long something has waited to be written without the ledger writing anything.
    pub(crate) fn ledger_waits(&self) -> Duration {
        self.unwritten.since.map(|since| self.now().since(since)).unwrap_or_default()
    }

    /// How things are. To count a hundred thousand photos takes a while.
    pub(crate) fn glance(&self) -> Glance {
        let now = self.now();
        Glance {
            status: self.reconciler.status(now),
            backends: Arc::clone(&self.dispatcher.backends),
            folder_waits: self.watched.comparing.map(|since| now.since(since)).unwrap_or_default(),
            ledger_waits: self.ledger_waits(),
            published: self.reconciler.published(),
            stopping: self.stopping,
        }
    }

    /// The time that decisions are made by.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Whether the folder was scanned, or found to be unreadable.
    pub(crate) const fn has_scanned(&self) -> bool {
        self.scans > 0
    }

    /// Starts what is due, waits for one event, at most until `until`, and takes it in. Says whether to go on.
    ///
    /// # Errors
    /// When the ledger cannot be written: nothing may be done that cannot be recorded.
    pub(crate) async fn turn(&mut self, until: Option<Time>) -> Result<bool, Trouble> {
        self.start_what_is_due();
        let wake = self.wake_at().into_iter().chain(until).min();
        let event = self.next_event(wake).await;
        let go_on = self.handle(event)?;
        // What else is there already needs no new round of its own.
        while let Ok(event) = self.events.try_recv() {
            if !self.handle(event)? {
                return Ok(false);
            }
        }
        Ok(go_on)
    }

    /// Lets what is out come back for at most `grace`, starts nothing new, and closes the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(crate) async fn finish(mut self, grace: Duration) -> Result<(), Trouble> {
        self.stopping = true;
        let end = self.now().after(grace);
        while self.reconciler.in_flight() > 0 && self.now() < end {
            self.write_down();
            let event = self.next_event(Some(end)).await;
            if !self.handle(event)? {
                break;
            }
        }
        let cut_off = self.reconciler.in_flight();
        if cut_off > 0 {
            warn!(cut_off, "deliveries are cut off by the stop; they are made again at the next start");
        }
        self.tasks.abort_all();
        self.write_down_and(None);
        let Some(ledger) = self.ledger.take() else { return Ok(()) };
        let closed = tokio::task::spawn_blocking(move || ledger.close()).await;
        match closed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ledger_trouble().caused_by(&error)),
            Err(error) => Err(ledger_trouble().caused_by(&error)),
        }
    }

    async fn next_event(&mut self, wake: Option<Time>) -> Event {
        let now = self.now();
        let wait = wake.map_or(Duration::from_secs(3600), |wake| wake.since(now));
        tokio::select! {
            // Cancel-safe: a receive that is dropped takes nothing out of the channel.
            event = self.events.recv() => event.expect("the loop holds a sender itself"),
            () = tokio::time::sleep(wait) => Event::Tick,
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let scan = self.watched.next_scan.filter(|_| !self.watched.scanning);
        let folder = [scan, self.watched.next_compare, self.watched.next_hints];
        let folder = folder.into_iter().flatten().filter(|_| self.follow.is_some());
        // With no folder open there is nothing to look at, and looks that are due wait for the next scan.
        let work = self.watched.folder.as_ref().and_then(|_| self.reconciler.wake_at());
        folder.chain(work).min()
    }

    // --- Events ---

    fn handle(&mut self, event: Event) -> Result<bool, Trouble> {
        let now = self.now();
        match event {
            Event::Scanned(scanned) => self.scanned(scanned, now),
            Event::Compared(same) => self.compared(same, now),
            Event::Hinted => self.hinted(now),
            Event::Looked(looked) => self.looked(looked, now),
            Event::Examined(read, found) => self.examined(&read, found, now),
            Event::Spoiled(delivery, found) => self.spoiled(&delivery, found, now),
            Event::Ready(delivery, prepared) => self.begin(delivery, prepared, now),
            Event::Counted(counted) => self.converse(*counted),
            Event::Settled(delivery, outcome, ms) => self.settled(&delivery, &outcome, ms, now),
            Event::Probed(backend, outcome) => self.probed(&backend, &outcome, now),
            Event::Respecified(spec) => self.reconciler.respec(spec, now),
            Event::Asked(asked, answer) => self.answer(asked, answer, now),
            // Whoever has gone away in the meantime needs no answer.
            Event::Pinged(answer) => drop(answer.send(())),
            Event::Glanced(answer) => drop(answer.send(self.glance())),
            Event::Written(changes) => self.unwritten.written(changes, now),
            Event::LedgerFailed(reason) => return Err(ledger_trouble().because(reason)),
            Event::Stop | Event::StopNow => return Ok(false),
            Event::Tick => {}
        }
        Ok(true)
    }

    fn scanned(&mut self, scanned: Result<Scan, String>, now: Time) {
        self.watched.scanning = false;
        self.scans += 1;
        match scanned {
            Ok(scan) => {
                let Scan { folder, watch, listing, took } = scan;
                info!(entries = listing.entries.len(), ms = took.as_millis(), "scanned the folder");
                if let Some(trouble) = &listing.trouble {
                    warn!(trouble, "the scan is not complete: nothing is concluded from what it does not show");
                }
                self.metrics.scanned(took);
                self.watched.folder = Some(folder);
                self.take_watch(watch);
                self.watched.next_scan = Some(now.after(self.scan_again_after(took)));
                self.reconciler.listed(listing, now);
            }
            Err(reason) => {
                self.leave_folder();
                self.watched.next_scan = Some(now.after(IDENTITY_EVERY));
                if self.reconciler.folder_unknown(&reason) {
                    error!(
                        folder = self.intake.shown_path(),
                        reason, "the folder cannot be read: nothing is concluded from that"
                    );
                }
            }
        }
        self.watched.next_compare = Some(now.after(IDENTITY_EVERY));
    }

    fn scan_again_after(&self, took: Duration) -> Duration {
        let rescan = self.follow.map_or(Duration::MAX, |follow| follow.rescan);
        if self.watched.watch.is_some() { rescan } else { rescan.min(POLL_EVERY.max(took * POLL_SHARE)) }
    }

    fn take_watch(&mut self, watch: Option<Watch>) {
        let Some(watch) = watch.map(Arc::new) else { return };
        let (heard, sender) = (Arc::clone(&watch), self.sender());
        let task = self.tasks.spawn(async move {
            loop {
                heard.changed().await;
                if sender.send(Event::Hinted).is_err() {
                    return;
                }
            }
        });
        self.watched.watch = Some(Listening { watch, task });
    }

    fn leave_folder(&mut self) {
        self.watched.folder = None;
        self.watched.watch = None;
    }

    fn compared(&mut self, same: bool, now: Time) {
        self.watched.comparing = None;
        self.watched.next_compare = Some(now.after(IDENTITY_EVERY));
        if !same && self.watched.folder.is_some() {
            warn!(
                folder = self.intake.shown_path(),
                "the folder's path leads to another directory now: it is scanned anew"
            );
            self.leave_folder();
            self.watched.scan_wanted = true;
        }
    }

    fn hinted(&mut self, now: Time) {
        self.watched.next_hints.get_or_insert_with(|| now.after(COLLECT_HINTS));
    }

    fn follow_hints(&mut self) {
        let Some(Listening { watch, .. }) = &self.watched.watch else { return };
        let hints = watch.take();
        if let Some(reason) = watch.failed() {
            warn!(reason, "no more events from the folder: it is scanned instead");
            self.watched.watch = None;
            self.watched.scan_wanted = true;
        }
        self.watched.scan_wanted |= hints.rescan;
        self.look(hints.names.into_iter().map(FileName::new).collect());
    }

    fn looked(&mut self, looked: Vec<(FileName, Looked)>, now: Time) {
        self.watched.looking = false;
        for (name, looked) in looked {
            self.reconciler.looked(&name, looked, now);
        }
        let next = std::mem::take(&mut self.watched.look_next);
        self.look(next);
    }

    fn examined(&mut self, read: &Read, found: Examined, now: Time) {
        self.reads_out -= 1;
        if let Examined::Rejected { reason } | Examined::Unreadable { reason } = &found {
            info!(reason, "a file is refused: see `portraitd status`");
            debug!(file = crate::text::escape(read.name.as_os_str()), reason, "a file is refused");
        }
        self.reconciler.examined(read, found, now);
    }

    fn spoiled(&mut self, delivery: &Delivery, found: Examined, now: Time) {
        if let Some((name, digest)) = &delivery.photo {
            debug!(file = crate::text::escape(name.as_os_str()), ?found, "the photo is not what was accepted");
            self.reexamined(name, digest, found, now);
        }
        self.reconciler.abandon(delivery, now);
    }

    fn reexamined(&mut self, name: &FileName, digest: &Digest, found: Examined, now: Time) {
        if let Examined::Rejected { reason } = &found {
            info!(reason, "a file is refused: see `portraitd status`");
        }
        self.reconciler.reexamined(name, digest, found, now);
    }

    fn begin(&mut self, delivery: Delivery, prepared: Prepared, now: Time) {
        let receipt = self.reconciler.receipt(&delivery).cloned();
        let verified = self.reconciler.is_verified(&delivery);
        let attempt = if self.stopping { None } else { self.reconciler.begin(&delivery, now) };
        let Some(attempt) = attempt else { return self.reconciler.abandon(&delivery, now) };
        if delivery.operation == Operation::Deliver {
            self.reconciler.warned(&delivery, prepared.warnings().map(|warning| warning.to_string()).collect());
        }
        let begun = Begun { attempt, receipt, verified };
        let counted = Event::Counted(Box::new(Counted { delivery, prepared, begun }));
        self.write_down_and(Some(counted));
    }

    fn converse(&mut self, counted: Counted) {
        let (dispatcher, sender) = (self.dispatcher.clone(), self.sender());
        self.tasks.spawn(async move {
            let Counted { delivery, prepared, begun } = counted;
            let (outcome, ms) = dispatcher.attempt(&delivery, prepared, begun).await;
            // A loop that is gone has nobody to tell; the attempt is then made again.
            drop(sender.send(Event::Settled(delivery, outcome, ms)));
        });
    }

    fn settled(&mut self, delivery: &Delivery, outcome: &Outcome, ms: u64, now: Time) {
        let (backend, verdict, reason) = (&delivery.backend, outcome.verdict.word(), &outcome.reason);
        let took = Duration::from_millis(ms);
        if delivery.operation.only_looks() {
            debug!(%backend, user = %delivery.user, verdict, reason, ms, "the system was asked what it shows");
            self.metrics.verification(backend.as_str(), verdict, took);
        } else {
            debug!(%backend, user = %delivery.user, verdict, reason, ms, "an attempt has ended");
            self.metrics.attempt(backend.as_str(), verdict, took);
        }
        if outcome.verdict.holds_backend() {
            error!(%backend, verdict, reason, "the backend is held: mend it, then run `portraitd retry`");
        } else if outcome.verdict.stops() && !delivery.operation.only_looks() {
            warn!(%backend, verdict, reason, "a delivery is stopped: see `portraitd status`");
        }
        let before = self.reconciler.backend_state(backend);
        self.reconciler.settle(delivery, outcome, ms, now);
        self.tell_change(backend, before);
        if self.reconciler.deserves_alarm(delivery, now) {
            error!(%backend, reason, "a delivery has failed for a day; it is tried on, hourly");
        }
    }

    fn probed(&mut self, backend: &BackendId, outcome: &Outcome, now: Time) {
        let (verdict, reason) = (outcome.verdict.word(), &outcome.reason);
        if outcome.verdict.holds_backend() {
            error!(%backend, verdict, reason, "the backend is held: mend it, then run `portraitd retry`");
        } else {
            info!(%backend, verdict, reason, "the backend was probed");
        }
        let before = self.reconciler.backend_state(backend);
        self.reconciler.probed(backend, outcome, now);
        self.tell_change(backend, before);
    }

    fn tell_change(&self, backend: &BackendId, before: Option<BackendState>) {
        let is_down = |state: &Option<BackendState>| matches!(state, Some(BackendState::Down { .. }));
        let after = self.reconciler.backend_state(backend);
        match &after {
            Some(BackendState::Down { reason }) if !is_down(&before) => {
                warn!(%backend, reason, "the backend cannot be reached: one asks now and then, the others wait");
            }
            _ if is_down(&before) && !is_down(&after) => info!(%backend, "the backend answers again"),
            _ => {}
        }
    }

    fn answer(&mut self, asked: Asked, answer: oneshot::Sender<Value>, now: Time) {
        let reply = asked::answer(&mut self.reconciler, &self.dispatcher.backends, asked, now);
        self.write_down();
        match (reply, &self.ledger) {
            (asked::Reply::Whole(value), _) => drop(answer.send(value)),
            (asked::Reply::WithHistory { user, reply }, Some(ledger)) => ledger.attempts(&user, move |attempts| {
                drop(answer.send(reply.with(attempts.unwrap_or_default())));
            }),
            (asked::Reply::WithHistory { reply, .. }, None) => drop(answer.send(reply.with(Vec::new()))),
        }
    }

    // --- Work ---

    fn start_what_is_due(&mut self) {
        let now = self.now();
        self.tend_folder(now);
        self.start_looks(now);
        self.start_reads();
        if !self.stopping {
            self.start_deliveries(now);
        }
        self.write_down();
        // A task that panicked is a bug of ours: the daemon ends rather than go on without it.
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    fn tend_folder(&mut self, now: Time) {
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        if self.follow.is_some() && is_due(self.watched.next_scan) {
            self.watched.scan_wanted = true;
        }
        if is_due(self.watched.next_hints) {
            self.watched.next_hints = None;
            self.follow_hints();
        }
        if self.watched.scan_wanted && !self.watched.scanning {
            self.watched.scan_wanted = false;
            self.watched.scanning = true;
            self.watched.next_scan = None;
            let (intake, open) = (self.intake.clone(), self.watched.folder.clone());
            let events = self.follow.is_some_and(|follow| follow.events);
            self.block(move || Event::Scanned(intake.scan(open, events)));
        }
        if self.follow.is_some() && is_due(self.watched.next_compare) && self.watched.comparing.is_none() {
            self.watched.next_compare = None;
            if let Some(folder) = self.watched.folder.clone() {
                self.watched.comparing = Some(now);
                self.block(move || Event::Compared(intake::is_current(&folder)));
            }
        }
    }

    fn start_looks(&mut self, now: Time) {
        if self.watched.folder.is_some() {
            let names = std::iter::from_fn(|| self.reconciler.next_look(now)).collect();
            self.look(names);
        }
    }

    /// One look is out at a time: on a dead mount it must not hold more than one thread.
    fn look(&mut self, names: Vec<FileName>) {
        if self.watched.looking {
            return self.watched.look_next.extend(names);
        }
        let Some(folder) = self.watched.folder.clone().filter(|_| !names.is_empty()) else { return };
        self.watched.looking = true;
        self.block(move || Event::Looked(names.into_iter().map(|name| intake::look(&folder, name)).collect()));
    }

    fn start_reads(&mut self) {
        while self.reads_out < cores() && self.unwritten.changes < UNWRITTEN_AT_MOST {
            let Some(folder) = self.watched.folder.clone() else { return };
            let Some(read) = self.reconciler.next_read() else { return };
            let (intake, workers, sender) = (self.intake.clone(), self.workers.clone(), self.sender());
            self.reads_out += 1;
            self.tasks.spawn(async move {
                let wanted = read.clone();
                let found = workers.run(move || intake.examine(&folder, &wanted)).await;
                let failed = || Examined::Rejected { reason: "the examination failed on this file".into() };
                // A loop that is gone has nobody to tell.
                drop(sender.send(Event::Examined(read, found.unwrap_or_else(failed))));
            });
        }
    }

    fn start_deliveries(&mut self, now: Time) {
        let Some(folder) = self.watched.folder.clone() else { return };
        while let Some(assignment) = self.reconciler.next_assignment(now) {
            let (dispatcher, sender, folder) = (self.dispatcher.clone(), self.sender(), Arc::clone(&folder));
            self.tasks.spawn(async move {
                let event = match assignment {
                    Assignment::Probe { backend } => {
                        let outcome = dispatcher.probe(&backend).await;
                        Event::Probed(backend, outcome)
                    }
                    Assignment::Deliver(delivery) => match dispatcher.prepare(&delivery, folder).await {
                        Ok(prepared) => Event::Ready(delivery, prepared),
                        Err(found) => Event::Spoiled(delivery, found),
                    },
                };
                // A loop that is gone has nobody to tell.
                drop(sender.send(event));
            });
        }
    }

    fn block(&mut self, work: impl FnOnce() -> Event + Send + 'static) {
        let sender = self.sender();
        self.tasks.spawn_blocking(move || drop(sender.send(work())));
    }

    /// Writes down what must be; later, when so much waits already that the ledger would refuse more.
    fn write_down(&mut self) {
        if self.unwritten.changes < UNWRITTEN_AT_MOST {
            self.write_down_and(None);
        }
    }

    /// Writes down what must be, and sends `then` once that is durable.
    fn write_down_and(&mut self, then: Option<Event>) {
        let changes: Vec<Change> = self.reconciler.take_changes();
        let (sender, count, now) = (self.sender(), changes.len(), self.now());
        // A loop that is gone has nobody to tell.
        let tell = move |event: Event| drop(sender.send(event));
        match &self.ledger {
            Some(_) if changes.is_empty() && then.is_none() => {}
            Some(ledger) => {
                self.unwritten.queued(count, now);
                let take_down = self.unpublishing(&changes);
                ledger.write(changes, move |written| match written {
                    Ok(()) => {
                        take_down();
                        [Some(Event::Written(count)), then].into_iter().flatten().for_each(tell);
                    }
                    Err(error) => tell(Event::LedgerFailed(crate::report::chain(&error))),
                });
            }
            None => then.into_iter().for_each(tell),
        }
    }

    /// Takes down the pictures that are published no longer, once that is written down. Whatever is published after is
    /// written down after: so what is done on the ledger's own thread takes no picture of a later delivery.
    fn unpublishing(&self, changes: &[Change]) -> impl FnOnce() + Send + use<> {
        let names = changes.iter().filter_map(|change| match change {
            Change::Unpublish(_, _, name) => Some(*name),
            _ => None,
        });
        let (names, shelf): (Vec<_>, _) = (names.collect(), self.shelf.clone());
        move || {
            if let Some(shelf) = shelf {
                names.iter().for_each(|name| shelf.take_down(name));
            }
        }
    }
}

fn ledger_trouble() -> Trouble {
    Trouble::new(Exit::NotAllDone, "failed to write the ledger; nothing may be done that cannot be recorded")
        .hint("look at the disk of the state directory, then start portraitd again: it takes up where it was")
}
