//! Thousands of photos: all arrive, a second pass does nothing, and a new photo does not wait behind a backlog.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    photos::Number,
    world::{LONG, World, wait_until},
};

const MANY: u32 = 5_000;

fn number(user: u32) -> Number {
    Number { user, version: 1 }
}

#[test]
fn five_thousand_photos_arrive_and_a_second_pass_does_nothing() {
    let mut world = World::new();
    world.set("log.level", "info");
    world.set_renditions("portraits", &[("icon", 48)]);
    for user in 1..=MANY {
        world.copy_in(&format!("user{user}.jpg"), &number(user).photo_of_side(96));
    }
    let began = Instant::now();
    let (code, summary) = world.sync(&[]);
    println!("{MANY} photos took {:?}", began.elapsed());
    assert_eq!((code, &summary["delivered"]), (0, &json!(MANY)), "{summary}");
    for user in 1..=MANY {
        assert_eq!(world.number(&format!("portraits/user{user}/icon.jpg")), Some(number(user)));
    }

    let before = world.backend_files("portraits");
    let began = Instant::now();
    let (code, summary) = world.sync(&[]);
    println!("the second pass took {:?}", began.elapsed());
    assert_eq!((code, &summary["delivered"], &summary["unchanged"]), (0, &json!(0), &json!(MANY)));
    before.assert_untouched(&world.path("portraits"));
}

#[test]
fn a_new_photo_overtakes_a_backlog() {
    let backlog = 1_500;
    let mut world = World::new();
    world.set("log.level", "info");
    world.set_renditions("portraits", &[("icon", 48)]);
    for user in 1..=backlog {
        world.copy_in(&format!("user{user}.jpg"), &number(user).photo_of_side(480));
    }
    assert_eq!(world.sync(&[]).0, 0);
    world.add_backend("late");
    world.start();
    wait_until("the backlog is worked on", LONG, || (!world.backend_files("late").0.is_empty()).then_some(()));
    world.copy_in("fresh.jpg", &number(60_000).photo());
    let dropped = Instant::now();
    world.wait_number("late/fresh/icon.jpg", number(60_000));
    let took = dropped.elapsed();
    let due = world.status()["backends"]["late"]["due"].as_u64().unwrap();
    println!("a new photo took {took:?}; {due} deliveries of the backlog were still due");
    assert!(took < Duration::from_secs(10), "a new photo took {took:?}");
    assert!(due > 0, "there was no backlog to overtake");
}
