//! kill -9 at random moments: everybody has the newest photo at the end, and what was known to be uploaded is never
//! uploaded again. `PORTRAITD_KILLS=30` makes the quick sweep a long one.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use super::*;
use crate::random::{Random, kills, seed};

const MEMBERS: u32 = 40;
const CHANGED_PER_ROUND: u32 = 24;
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
        let mut stage = Stage::with_photos(MEMBERS);
        stage.world.set("backend.workplace.concurrency", CONCURRENCY);
        stage.igloo.set_latency(Duration::from_millis(20));
        stage.igloo.strike_at(Call::Associate);
        stage.igloo.fault(Fault::Status(500), When::Every(9));
        let versions = (1..=MEMBERS).map(|member| (member, 1)).collect();
        Self { stage, random: Random::new(seed), versions }
    }

    fn change_some(&mut self) {
        let first = self.random.below(u64::from(MEMBERS)) as u32;
        for user in (0..CHANGED_PER_ROUND).map(|step| (first + step * 3) % MEMBERS + 1) {
            let version = self.versions.get_mut(&user).expect("one of the members");
            *version += 1;
            self.stage.drop_photo(Number { user, version: *version });
        }
    }

    /// Kills the daemon when a random share of the requests is there, and a moment later.
    fn kill(&mut self) {
        let share = self.random.below(u64::from(CHANGED_PER_ROUND) * 2) as usize;
        let before = self.stage.igloo.seen().len();
        wait_until("requests", LONG, || (self.stage.igloo.seen().len() > before + share).then_some(()));
        thread::sleep(Duration::from_micros(self.random.below(MOMENT.as_micros() as u64)));
        self.stage.world.kill();
    }
}

/// Uploads of a picture for which an association had been asked before: by then it was remembered.
fn repeated(seen: &[Seen]) -> Vec<&Seen> {
    let (mut pictures, mut known, mut repeated) = (BTreeMap::new(), BTreeSet::<u64>::new(), Vec::new());
    for seen in seen {
        let parts: Vec<&str> = seen.path.split('/').collect();
        match (parts.as_slice(), seen.picture) {
            ([.., "uploads", key], Some(picture)) => {
                pictures.insert((*key).to_owned(), picture);
                repeated.extend(known.contains(&picture).then_some(seen));
            }
            ([.., key, "association", _], _) => known.extend(pictures.get(*key)),
            _ => {}
        }
    }
    repeated
}

#[test]
fn whatever_kills_it_nothing_is_uploaded_twice_that_need_not_be() {
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
    let seen = sweep.stage.igloo.seen();
    assert!(repeated(&seen).is_empty(), "seed {seed}: {:?}", repeated(&seen));
    let Entries { made, complete, pictures, orphans } = sweep.stage.igloo.entries();
    let (logins, again) = (sweep.stage.igloo.logins(), complete - pictures);
    println!(
        "{kills} kills (seed {seed}): {MEMBERS} photos right; {made} entries, {complete} complete, {again} of them again, \
         {orphans} without a use; {logins} logins"
    );
    let interrupted = kills as usize * CONCURRENCY as usize;
    assert!(again <= interrupted && made - complete <= interrupted, "seed {seed}");
    assert!(logins <= kills as usize + 1, "one login for each start (seed {seed})");
    assert_eq!(sweep.stage.world.stop(), 0);
}
