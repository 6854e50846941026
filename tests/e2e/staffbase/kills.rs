//! kill -9 between the steps of a delivery: everybody has the newest picture at the end, and what was uploaded and
//! remembered is not uploaded again. `PORTRAITD_KILLS=30` makes the quick sweep a long one.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use super::*;
use crate::{
    random::{Random, kills, seed},
    world::{LONG, wait_until},
};

const USERS: u32 = 12;
const CHANGED_PER_ROUND: u32 = 6;
const CONCURRENCY: u32 = 3;
/// Requests of a delivery: three uploads and the update.
const STEPS: u64 = 4;
const LATENCY: Duration = Duration::from_millis(20);

#[test]
fn a_kill_before_the_update_is_answered_uploads_nothing_again() {
    let mut stage = Stage::new(1);
    stage.drop_photo(Number { user: 1, version: 1 });
    stage.app.fault(Fault::Hang, When::Next(1));
    stage.world.start();
    wait_until("the update hangs", LONG, || stage.app.struck().get(&Fault::Hang).copied());
    stage.world.kill();
    stage.world.start();
    wait_until("the picture", LONG, || stage.number(1, Size::Original));
    stage.world.wait_status("done", |status| status["backends"][INTRANET]["done"] == 1);
    stage.assert_shown(1, 1);
    assert_eq!((stage.app.uploads().len(), stage.app.updates(stage.id(1)), stage.world.stop()), (3, 1, 0));
}

/// Drops a newer photo of every so-manieth user.
fn change_some(stage: &Stage, versions: &mut BTreeMap<u32, u32>, first: u32) {
    for user in (0..CHANGED_PER_ROUND).map(|step| (first + step * 5) % USERS + 1) {
        let version = versions.entry(user).or_default();
        *version += 1;
        stage.drop_photo(Number { user, version: *version });
    }
}

#[test]
fn whatever_kills_it_everybody_has_the_newest_picture_and_few_uploads_are_repeated() {
    let (kills, seed) = (kills(4), seed());
    let (mut stage, mut random, mut versions) = (Stage::new(USERS), Random::new(seed), BTreeMap::new());
    stage.world.set("log.level", "info");
    stage.world.set("backend.intranet.concurrency", CONCURRENCY);
    stage.app.set_latency(LATENCY);
    for _ in 0..kills {
        change_some(&stage, &mut versions, random.below(u64::from(USERS)) as u32);
        let before = stage.app.seen().len() + random.below(STEPS * u64::from(CHANGED_PER_ROUND)) as usize;
        stage.world.start();
        wait_until("requests", LONG, || (stage.app.seen().len() > before).then_some(()));
        thread::sleep(Duration::from_micros(random.below(2 * LATENCY.as_micros() as u64)));
        stage.world.kill();
    }
    stage.world.start();
    let all_done = |status: &Value| status["backends"][INTRANET]["done"] == versions.len();
    stage.world.wait_status("everything delivered", all_done);
    for (&user, &version) in &versions {
        stage.assert_shown(user, version);
    }
    let uploads = stage.app.uploads();
    let different: BTreeSet<_> = uploads.iter().map(|upload| upload.picture).collect();
    let repeated = uploads.len() - different.len();
    // Three pictures of each delivery that was under way.
    let justified = kills as usize * CONCURRENCY as usize * 3;
    println!("{kills} kills (seed {seed}): {} uploads, {repeated} of them repeated", uploads.len());
    assert!(repeated <= justified, "{repeated} repeated, {justified} justified");
    assert_eq!((stage.app.own_updates(), stage.world.stop()), (0, 0));
}
