//! kill -9 at random moments, again and again, while photos change and are delivered to six backends. Nothing may be
//! lost, nothing invented, and nothing repeated more often than it was hit.
//!
//! The quick sweep runs with every test run; `PORTRAITD_KILLS=100` makes it the long one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt as _,
    thread,
    time::{Duration, Instant},
};

use crate::{
    photos::Number,
    random::{Random, kills, seed},
    snapshot::Snapshot,
    world::{LONG, SETTLE, World, wait_until},
};

const USERS: u32 = 40;
const CHANGED_PER_ROUND: u32 = 30;
/// All publish the same rendition: it is made once and delivered six times, so that most of the time goes into
/// deliveries, where a kill hits an attempt in flight.
const BACKENDS: [&str; 6] = ["portraits", "second", "third", "fourth", "fifth", "sixth"];
/// How long after the chosen progress a kill falls at most.
const MOMENT: Duration = Duration::from_millis(5);

/// One attempt as `explain` shows it, by its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    at: String,
    verdict: String,
    reason: String,
    ms: u64,
}

impl Attempt {
    /// Begun by a process that died before it could tell the outcome.
    fn was_interrupted(&self) -> bool {
        self.verdict == "retry" && self.reason.starts_with("interrupted")
    }
}

/// The world, what was dropped into it, and every attempt that was ever seen.
struct Sweep {
    world: World,
    random: Random,
    versions: BTreeMap<u32, u32>,
    attempts: BTreeMap<(u32, &'static str), BTreeSet<Attempt>>,
    slowest_start: Duration,
}

/// A world in which all the backends publish an icon.
fn world() -> World {
    let mut world = World::new();
    world.set("log.level", "info");
    for backend in BACKENDS {
        world.add_backend(backend);
        world.set_renditions(backend, &[("icon", 48)]);
    }
    world
}

impl Sweep {
    fn new(seed: u64) -> Self {
        let world = world();
        let versions = (1..=USERS).map(|user| (user, 0)).collect();
        let (random, attempts) = (Random::new(seed), BTreeMap::new());
        Self { world, random, versions, attempts, slowest_start: Duration::ZERO }
    }

    fn start(&mut self) {
        let began = Instant::now();
        self.world.start();
        self.slowest_start = self.slowest_start.max(began.elapsed());
    }

    /// Gives these users a new version of their photo.
    fn change(&mut self, users: impl IntoIterator<Item = u32>) {
        for user in users {
            let version = self.versions.get_mut(&user).expect("one of the users");
            *version += 1;
            let number = Number { user, version: *version };
            self.world.move_in(&format!("user{user}.jpg"), &number.photo());
        }
    }

    fn all_done(&self) -> Option<()> {
        let status = self.world.status();
        let done = |backend: &str| {
            let counts = &status["backends"][backend];
            counts["done"] == USERS && ["due", "in-flight", "retrying"].iter().all(|count| counts[count] == 0)
        };
        BACKENDS.iter().all(|backend| done(backend)).then_some(())
    }

    /// Changes some photos and kills the daemon when a random share of their pictures has appeared, and a moment later.
    /// Counting the pictures keeps the kills spread over the work, however fast the machine is at this minute.
    fn change_and_kill(&mut self) {
        let users = self.some_users();
        let before = self.pictures(&users);
        let share = self.random.below(before.len() as u64 * 9 / 10) as usize;
        self.change(users.iter().copied());
        let appeared = || {
            let now = self.pictures(&users);
            before.iter().zip(&now).filter(|(before, now)| before != now).count()
        };
        let end = Instant::now() + LONG;
        while appeared() < share {
            assert!(Instant::now() < end, "no {share} pictures within {LONG:?}");
            thread::sleep(Duration::from_millis(1));
        }
        if share == 0 {
            thread::sleep(SETTLE);
        }
        thread::sleep(Duration::from_micros(self.random.below(MOMENT.as_micros() as u64)));
        self.world.kill();
    }

    fn some_users(&mut self) -> BTreeSet<u32> {
        let first = self.random.below(u64::from(USERS)) as u32;
        (0..CHANGED_PER_ROUND).map(|step| (first + step * 3) % USERS + 1).collect()
    }

    /// The inodes of these users' pictures at all backends.
    fn pictures(&self, users: &BTreeSet<u32>) -> Vec<u64> {
        let path = |backend: &str, user: u32| self.world.path(format!("{backend}/user{user}/icon.jpg"));
        let paths = BACKENDS.iter().flat_map(|backend| users.iter().map(move |user| path(backend, *user)));
        paths.map(|path| fs::metadata(path).expect("published in the first wave").ino()).collect()
    }

    /// Looks at the attempts of everyone and counts the interrupted ones that were not known before.
    fn gather(&mut self) -> usize {
        let mut interrupted = 0;
        for user in 1..=USERS {
            let story = self.world.explain(&format!("user{user}"));
            for backend in BACKENDS {
                let seen = self.attempts.entry((user, backend)).or_default();
                for attempt in story["backends"][backend]["attempts"].as_array().into_iter().flatten() {
                    let word = |key: &str| attempt[key].as_str().unwrap_or_default().to_owned();
                    let ms = attempt["ms"].as_u64().unwrap_or_default();
                    let attempt = Attempt { at: word("at"), verdict: word("verdict"), reason: word("reason"), ms };
                    let new = seen.insert(attempt.clone());
                    interrupted += usize::from(new && attempt.was_interrupted());
                }
            }
        }
        interrupted
    }

    /// The newest content of every photo is at every backend, and nothing else is there.
    fn assert_nothing_lost_or_invented(&self) {
        let reference = world();
        for (&user, &version) in &self.versions {
            let photo = Number { user, version }.photo();
            assert_eq!(self.world.published(&format!("drop/user{user}.jpg")).as_ref(), Some(&photo));
            reference.copy_in(&format!("user{user}.jpg"), &photo);
        }
        assert_eq!(reference.sync(&[]).0, 0);
        for backend in BACKENDS {
            let bytes = |snapshot: Snapshot| {
                snapshot.0.into_iter().map(|(name, entry)| (name, entry.bytes)).collect::<BTreeMap<_, _>>()
            };
            let (found, expected) = (bytes(self.world.backend_files(backend)), bytes(reference.backend_files(backend)));
            let names = |files: &BTreeMap<_, _>| files.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&found), names(&expected), "{backend}: lost or invented files");
            let wrong: Vec<_> = found.iter().filter(|(name, bytes)| expected[*name] != **bytes).collect();
            assert!(wrong.is_empty(), "{backend}: {} pictures of other content", wrong.len());
        }
    }

    /// Each content is attempted once, and once more for each time that it was hit.
    fn assert_few_repeats(&self) -> usize {
        let mut repeats = 0;
        for ((user, backend), attempts) in &self.attempts {
            let interrupted = attempts.iter().filter(|attempt| attempt.was_interrupted()).count();
            let finished = attempts.len() - interrupted;
            let contents = self.versions[user] as usize;
            assert!(finished <= contents, "user{user} at {backend}: {contents} contents but {attempts:#?}");
            repeats += interrupted;
        }
        repeats
    }
}

#[test]
fn kill_sweep() {
    let (kills, seed) = (kills(20), seed());
    let mut sweep = Sweep::new(seed);
    sweep.change(1..=USERS);
    sweep.start();
    wait_until("the first wave", LONG, || sweep.all_done());
    sweep.gather();

    let mut hits = 0;
    for _ in 0..kills {
        sweep.change_and_kill();
        sweep.start();
        hits += u64::from(sweep.gather() > 0);
    }
    wait_until("everything delivered after the last kill", LONG, || sweep.all_done());
    sweep.gather();
    sweep.assert_nothing_lost_or_invented();
    let repeats = sweep.assert_few_repeats();
    let attempts: usize = sweep.attempts.values().map(BTreeSet::len).sum();
    println!(
        "{kills} kills (seed {seed}), {hits} of them hit an attempt in flight; 0 lost, 0 invented; {attempts} attempts, \
         {repeats} of them interrupted and repeated; slowest start {:?}",
        sweep.slowest_start
    );
    assert!(hits * 2 >= kills, "only {hits} of {kills} kills hit an attempt in flight");
    assert_eq!(sweep.world.stop(), 0);
}

#[test]
fn a_photo_dropped_just_before_a_kill_is_delivered_after_it() {
    let mut world = World::new();
    world.start();
    for round in 1..=5 {
        let number = Number { user: round, version: round };
        world.copy_in(&format!("user{round}.jpg"), &number.photo());
        world.kill();
        world.start();
        world.wait_number(&format!("portraits/user{round}/icon.jpg"), number);
    }
}

#[test]
fn a_lost_state_costs_a_delivery_and_no_photo() {
    let mut world = World::new();
    for user in 1..=10 {
        world.copy_in(&format!("user{user}.jpg"), &Number { user, version: 1 }.photo());
    }
    world.sync(&[]);
    let before = world.backend_files("portraits");
    fs::remove_dir_all(world.path("state")).unwrap();
    world.start();
    world.wait_status("all done again", |status| status["backends"]["portraits"]["done"] == 10);
    before.assert_untouched(&world.path("portraits"));
}
