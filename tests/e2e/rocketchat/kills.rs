//! kill -9 at random moments while pictures go to the server and some requests fail: all are right at the end.
//! `PORTRAITD_KILLS=30` makes the quick sweep a long one.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use super::*;
use crate::random::{Random, kills, seed};

const USERS: u32 = 100;
const CHANGED_PER_ROUND: u32 = 40;
const CONCURRENCY: u32 = 6;
/// How long after the chosen request a kill falls at most: two latencies.
const MOMENT: Duration = Duration::from_millis(40);

struct Sweep {
    stage: Stage,
    random: Random,
    versions: BTreeMap<u32, u32>,
}

impl Sweep {
    fn new(seed: u64) -> Self {
        let mut stage = Stage::with_photos(USERS);
        stage.world.set("backend.chat.concurrency", CONCURRENCY);
        stage.chat.set_latency(Duration::from_millis(20));
        stage.chat.fault(Fault::Status(500), When::Every(23));
        stage.chat.fault(Fault::ResetAfter, When::Every(29));
        let versions = (1..=USERS).map(|user| (user, 1)).collect();
        Self { stage, random: Random::new(seed), versions }
    }

    fn change_some(&mut self) {
        let first = self.random.below(u64::from(USERS)) as u32;
        for user in (0..CHANGED_PER_ROUND).map(|step| (first + step * 3) % USERS + 1) {
            let version = self.versions.get_mut(&user).expect("one of the users");
            *version += 1;
            self.stage.drop_photo(Number { user, version: *version });
        }
    }

    /// Kills the daemon when a random share of the pictures is under way, and a moment later.
    fn kill(&mut self) {
        let share = self.random.below(u64::from(CHANGED_PER_ROUND) * 3 / 4) as usize;
        let before = self.stage.set_requests().len();
        wait_until("requests", LONG, || (self.stage.set_requests().len() > before + share).then_some(()));
        thread::sleep(Duration::from_micros(self.random.below(MOMENT.as_micros() as u64)));
        self.stage.world.kill();
    }

    /// How many requests there may be: one for each picture that was sent, one for each that a fault struck, and for
    /// each kill those that were under way.
    fn justified(&self, kills: u64) -> usize {
        let sent = self.stage.set_requests().into_iter().map(|seen| (seen.user, seen.picture));
        let struck: usize = self.stage.chat.struck().values().sum();
        sent.collect::<BTreeSet<_>>().len() + struck + kills as usize * CONCURRENCY as usize
    }
}

#[test]
fn whatever_kills_it_everybody_has_the_newest_picture_at_the_end() {
    let (kills, seed) = (kills(8), seed());
    let mut sweep = Sweep::new(seed);
    sweep.stage.world.start();
    for _ in 0..kills {
        sweep.kill();
        sweep.change_some();
        sweep.stage.world.start();
    }
    sweep.stage.wait_all_done();
    for (&user, &version) in &sweep.versions {
        assert_eq!(sweep.stage.number(user), Some(Number { user, version }), "seed {seed}");
    }
    assert_eq!(sweep.stage.chat.own_picture_writes(), 0);
    let (requests, justified) = (sweep.stage.set_requests().len(), sweep.justified(kills));
    println!("{kills} kills (seed {seed}): {USERS} pictures right; {requests} requests, {justified} at most justified");
    assert!(requests <= justified, "{requests} requests, {justified} justified");
    assert_eq!(sweep.stage.world.stop(), 0);
}
