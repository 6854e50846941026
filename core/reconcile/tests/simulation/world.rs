//! The world of one seed: what happens when, and who is told.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use portraitd_reconcile::{
    BackendId, Brake, ConflictRule, Delivery, Examined, FileName, Identity, Listing, Names, Outcome, Policy, Read,
    Time, UserId,
};

use crate::backend::{Backend, Mood, Request};
use crate::daemon::Daemon;
use crate::folder::{Content, Folder, text};
use crate::ledger::Ledger;
use crate::oracle::Oracle;
use crate::random::Random;

pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// How many events are told of a run that failed.
const TOLD: usize = if option_env!("PORTRAITD_LINES").is_some() { 10_000_000 } else { 50 };

/// What is likely in a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Climate {
    /// Many edits, everything else now and then.
    Edits,
    /// A daemon that is killed often, most of all between an attempt's steps.
    Crashes,
    /// A folder that comes and goes, and people who take photos away.
    Folders,
    /// Backends that fail, hold, limit and lie.
    Backends,
}

/// What is fixed for a world.
pub(crate) struct Plan {
    pub(crate) climate: Climate,
    pub(crate) users: Vec<UserId>,
    pub(crate) rescan: i64,
    pub(crate) absence: Duration,
    pub(crate) brake: f64,
    pub(crate) conflict: ConflictRule,
    pub(crate) edits: i64,
    pub(crate) crashes: i64,
    pub(crate) mounts: i64,
    pub(crate) moods: i64,
    /// One in so many steps of an attempt is the daemon's last.
    pub(crate) kills: u64,
}

/// What happens next.
#[derive(Debug)]
pub(crate) enum Event {
    /// Somebody does something in the folder.
    Edit,
    /// A slow writer goes on.
    WriteOn {
        name: String,
        left: u32,
        last: Content,
    },
    /// The folder's path leads elsewhere for a while.
    Mount,
    MountBack,
    /// A backend is in another mood for a while.
    Mood,
    MoodBack(usize),
    /// An administrator does something.
    Administer,
    Crash,
    Start,
    /// A request takes effect for which nobody waits any more.
    Late {
        backend: usize,
        request: Request,
    },
    /// Nothing stays paused.
    ResumeAll,
    /// Something of the running daemon; `0` names which run.
    Run(u32, Step),
}

impl Event {
    /// The event on one line, without what is long and seldom of use.
    fn line(&self) -> String {
        match self {
            Self::Run(run, Step::Listed(Some(listing))) => {
                let names: Vec<_> = listing.entries.iter().map(|entry| text(&entry.name)).collect();
                format!("Run({run}, Listed({}: {}, {:?}))", listing.identity.ino, names.join(" "), listing.trouble)
            }
            Self::Run(run, Step::Read(read, _)) => format!("Run({run}, Read({:?}))", read.name),
            Self::Run(run, Step::Rendered(serial, Delivery { user, backend, target, .. })) => {
                format!("Run({run}, Rendered({serial}, {user} at {backend}, {target:?}))")
            }
            other => format!("{other:?}"),
        }
    }
}

/// What happens in a running daemon.
#[derive(Debug)]
pub(crate) enum Step {
    Hint(FileName),
    /// The identity of the folder is compared.
    Compare,
    Scan,
    Listed(Option<Listing>),
    Read(Read, Examined),
    Rendered(u64, Delivery),
    Durable(u64),
    /// The request arrives at the backend.
    Arrives(u64),
    Answers(u64),
    Probed(BackendId, u64, Outcome),
    Wake,
}

/// The last events, for whoever has to understand a failure; kept only when a failed seed is run again.
pub(crate) type Trace = Option<Rc<RefCell<VecDeque<String>>>>;

/// How often what happened: a simulation in which something never happens shows nothing about it.
pub(crate) type Tally = BTreeMap<&'static str, u64>;

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    /// True time, in milliseconds.
    pub(crate) now: i64,
    /// How far the daemon's clock is off, in milliseconds.
    pub(crate) offset: i64,
    events: BTreeMap<(i64, u64), Event>,
    serial: u64,
    pub(crate) folder: Folder,
    pub(crate) backends: Vec<Backend>,
    pub(crate) ledger: Ledger,
    pub(crate) daemon: Option<Daemon>,
    pub(crate) run: u32,
    pub(crate) version: u32,
    pub(crate) limits: u32,
    pub(crate) contents: u32,
    pub(crate) oracle: Oracle,
    /// All faults and edits have ended.
    pub(crate) calm: bool,
    pub(crate) tally: Tally,
    trace: Trace,
}

impl World {
    pub(crate) fn new(climate: Climate, seed: u64, trace: Trace) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::draw(climate, &mut random);
        let backends = (0..3).map(|number| Backend::new(number, &mut random)).collect();
        Self {
            random,
            now: 1_700_000_000 * SECOND,
            offset: 0,
            events: BTreeMap::new(),
            serial: 0,
            folder: Folder::new(),
            backends,
            ledger: Ledger::default(),
            daemon: None,
            run: 0,
            version: 1,
            limits: 1,
            contents: 0,
            oracle: Oracle::new(plan.users.clone(), plan.absence, plan.brake),
            plan,
            calm: false,
            tally: Tally::new(),
            trace,
        }
    }

    /// Three weeks of faults, then peace until every wait must have passed.
    pub(crate) fn live(mut self) -> Tally {
        self.settle_in();
        let end = self.now + 21 * DAY;
        self.advance(end);
        self.make_peace();
        self.advance(end + 2 * DAY);
        let before = self.attempts();
        self.advance(end + 3 * DAY);
        let begun = self.attempts() - before;
        self.let_it_finish();
        self.judge(begun);
        self.tally
    }

    /// The end may fall into a round of looks, or one of the rare attempts at a user whom a system does not know.
    fn let_it_finish(&mut self) {
        for _ in 0..300 {
            if self.reconciler().in_flight() > 0 {
                self.advance(self.now + SECOND);
            }
        }
    }

    fn attempts(&self) -> u64 {
        self.tally.get("attempts").copied().unwrap_or(0)
    }

    fn settle_in(&mut self) {
        for user in self.plan.users.clone() {
            for backend in 0..self.backends.len() {
                if self.random.one_in(15) {
                    self.backends[backend].absent.insert(user.clone());
                } else if self.random.one_in(30) {
                    self.backends[backend].ambiguous.insert(user.clone());
                }
            }
        }
        for _ in 0..self.plan.users.len() {
            self.edit();
        }
        self.later(1, Event::Start);
        for event in [Event::Edit, Event::Mount, Event::Mood, Event::Administer, Event::Crash] {
            self.again(event);
        }
    }

    /// Lets an event that comes again and again come the next time.
    pub(crate) fn again(&mut self, event: Event) {
        let mean = match event {
            Event::Edit => self.plan.edits,
            Event::Mount => self.plan.mounts,
            Event::Mood => self.plan.moods,
            Event::Crash => self.plan.crashes,
            _ => DAY,
        };
        if !self.calm {
            let wait = self.random.around(mean);
            self.later(wait, event);
        }
    }

    pub(crate) fn later(&mut self, wait: i64, event: Event) {
        self.serial += 1;
        self.events.insert((self.now + wait, self.serial), event);
    }

    fn advance(&mut self, end: i64) {
        while let Some(next) = self.events.first_entry().filter(|next| next.key().0 <= end) {
            let ((at, _), event) = next.remove_entry();
            self.now = at;
            self.note(|| event.line());
            self.happen(event);
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Edit => {
                self.edit();
                self.again(Event::Edit);
            }
            Event::WriteOn { name, left, last } => self.write_on(name, left, last),
            Event::Mount => self.mount_elsewhere(),
            Event::MountBack => self.mount_back(),
            Event::Mood => self.change_mood(),
            Event::MoodBack(backend) => self.backends[backend].mood = Mood::Well,
            Event::Administer => self.administer(),
            Event::Crash => {
                self.crash();
                self.again(Event::Crash);
            }
            Event::Start => self.start(),
            Event::Late { backend, request } => self.take_late_effect(backend, &request),
            Event::ResumeAll => self.resume_all(),
            Event::Run(run, step) if run == self.run && self.daemon.is_some() => self.step(step),
            Event::Run(..) => {}
        }
    }

    /// Ends all faults and edits. What is in the folder now is what must be shown in the end.
    fn make_peace(&mut self) {
        self.calm = true;
        self.events.retain(|_, event| {
            !matches!(
                event,
                Event::Edit
                    | Event::WriteOn { .. }
                    | Event::Mount
                    | Event::Mood
                    | Event::Crash
                    | Event::Administer
                    | Event::Start
            )
        });
        let was_broken = self.backends.iter().any(|backend| backend.broken);
        for backend in &mut self.backends {
            backend.mood = Mood::Well;
            backend.broken = false;
        }
        if self.folder.mounted().is_none() {
            self.mount_back();
        }
        // What only a restart would mend must show in the other half of the worlds.
        if self.daemon.is_none() || was_broken || self.random.one_in(2) {
            self.crash_for(SECOND);
        }
        self.later(MINUTE, Event::ResumeAll);
    }

    /// By a clock that was set forward while the daemon was down, the time of late effects seems to be over. That this ends
    /// well is not promised.
    pub(crate) fn forget_late_effects(&mut self) {
        self.events.retain(|_, event| !matches!(event, Event::Late { .. }));
    }

    pub(crate) fn clock(&self) -> Time {
        Time::from_millis(self.now + self.offset)
    }

    pub(crate) fn mounted_identity(&self) -> Option<Identity> {
        self.folder.mounted().map(|dir| dir.identity)
    }

    pub(crate) fn policy(&self) -> Policy {
        let extensions = ["jpg", "png"].map(String::from).to_vec();
        Policy {
            names: Names::new(extensions, "(?<userid>[a-z0-9]+)").unwrap(),
            settle: Duration::from_secs(2),
            conflict: self.plan.conflict,
            absence: self.plan.absence,
            brake: Brake { share: self.plan.brake },
            limits: self.limits.to_string(),
            reject: String::new(),
            version: self.version.to_string(),
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Keeps a line for whoever has to understand a failure.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let mut lines = trace.borrow_mut();
            let since = self.now - 1_700_000_000 * SECOND;
            lines.push_back(format!("{:>4}d {:>12.3}s {}", since / DAY, (since % DAY) as f64 / 1000.0, line()));
            if lines.len() > TOLD {
                lines.pop_front();
            }
        }
    }
}

impl Plan {
    fn draw(climate: Climate, random: &mut Random) -> Self {
        let often = |when: Climate, yes: i64, no: i64| if climate == when { yes } else { no };
        let users = 3 + random.below(10);
        Self {
            climate,
            users: (0..users).map(|n| UserId::parse(&format!("u{n}")).unwrap()).collect(),
            rescan: random.pick(&[5 * MINUTE, 30 * MINUTE, HOUR, HOUR]),
            absence: Duration::from_secs(random.pick(&[600, 600, 7200])),
            brake: random.pick(&[0.05, 0.05, 0.0, 0.5]),
            conflict: random.pick(&[ConflictRule::Refuse, ConflictRule::Newest]),
            edits: often(Climate::Edits, HOUR, 4 * HOUR),
            crashes: often(Climate::Crashes, 6 * HOUR, 2 * DAY),
            mounts: often(Climate::Folders, 12 * HOUR, 5 * DAY),
            moods: often(Climate::Backends, 6 * HOUR, 2 * DAY),
            kills: often(Climate::Crashes, 40, 2000) as u64,
        }
    }
}
