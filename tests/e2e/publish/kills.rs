//! kill -9 at random moments while pictures are published and fetched: at the end each user has one, it answers, and no
//! other is left. `PORTRAITD_KILLS=30` makes the quick sweep a long one.

use std::{collections::BTreeMap, thread, time::Duration};

use super::*;
use crate::random::{Random, kills, seed};

const USERS: u32 = 30;
const CHANGED_PER_ROUND: u32 = 20;
/// How long after the chosen request a kill falls at most: two latencies.
const MOMENT: Duration = Duration::from_millis(40);

#[test]
fn whatever_kills_it_each_user_has_one_url_that_works() {
    let (kills, seed) = (kills(6), seed());
    let mut random = Random::new(seed);
    let mut stage = Stage::new(USERS);
    stage.world.set("backend.chat.concurrency", 6);
    stage.chat.set_latency(Duration::from_millis(20));
    stage.chat.fault(Fault::Status(503), When::Every(11));
    stage.chat.fault(Fault::ResetAfter, When::Every(13));
    let mut versions: BTreeMap<u32, u32> = (1..=USERS).map(|user| (user, 1)).collect();
    versions.iter().for_each(|(&user, &version)| stage.drop_photo(Number { user, version }));
    stage.world.start();
    for _ in 0..kills {
        let (before, share) = (stage.told().len(), random.below(u64::from(CHANGED_PER_ROUND) / 2) as usize);
        wait_until("pictures that are told of", LONG, || (stage.told().len() > before + share).then_some(()));
        thread::sleep(Duration::from_micros(random.below(MOMENT.as_micros() as u64)));
        stage.world.kill();
        let first = random.below(u64::from(USERS)) as u32;
        for user in (0..CHANGED_PER_ROUND).map(|step| (first + step) % USERS + 1) {
            let version = versions.get_mut(&user).expect("one of the users");
            *version += 1;
            stage.drop_photo(Number { user, version: *version });
        }
        stage.world.start();
    }
    stage.wait_done(USERS);
    let newest: BTreeSet<_> = versions.iter().map(|(&user, &version)| (user, version)).collect();
    let plain = |number: Option<Number>| number.map(|number| (number.user, number.version)).expect("a number");
    let names = stage.wait_names("one picture each", |names| names.len() == USERS as usize);
    let served: BTreeSet<_> = names.iter().map(|name| plain(stage.number(name))).collect();
    let shown: BTreeSet<_> = (1..=USERS).map(|user| plain(stage.number_at_server(user))).collect();
    assert_eq!((&served, &shown), (&newest, &newest), "seed {seed}");
    println!("{kills} kills (seed {seed}): {USERS} pictures right and fetchable, {} told", stage.told().len());
    assert_eq!(stage.world.stop(), 0);
}
