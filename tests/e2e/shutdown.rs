//! The end of a daemon: SIGTERM and SIGINT end it in order, with what is in flight finished and nothing lost.

use std::time::Instant;

use rustix::process::Signal;

use crate::{
    photos::Number,
    world::{SETTLE, SOON, World, wait_until},
};

fn busy_world(count: u32) -> World {
    let mut world = World::new();
    for user in 1..=count {
        world.copy_in(&format!("user{user}.jpg"), &Number { user, version: 1 }.photo_of_side(1_200));
    }
    world.start();
    wait_until("the first picture", SOON, || (!world.backend_files("portraits").0.is_empty()).then_some(()));
    world
}

#[test]
fn an_idle_daemon_ends_at_once_on_either_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut world = World::new();
        world.start();
        let began = Instant::now();
        world.signal(signal);
        assert_eq!(world.wait_end().code(), Some(0), "{}", world.log());
        assert!(began.elapsed() < SETTLE * 10, "took {:?}", began.elapsed());
    }
}

#[test]
fn a_busy_daemon_finishes_what_is_in_flight() {
    let count = 60;
    let mut world = busy_world(count);
    let began = Instant::now();
    assert_eq!(world.stop(), 0, "{}", world.log());
    println!("ended {:?} after the signal", began.elapsed());
    for user in 1..=count {
        let story = world.explain(&format!("user{user}"));
        let attempts = story["backends"]["portraits"]["attempts"].as_array().cloned().unwrap_or_default();
        assert!(attempts.iter().all(|attempt| attempt["verdict"] == "done"), "{story:#}");
    }
    let (code, summary) = world.sync(&[]);
    let (delivered, unchanged) = (summary["delivered"].as_u64().unwrap(), summary["unchanged"].as_u64().unwrap());
    assert_eq!((code, delivered + unchanged), (0, u64::from(count)), "{summary}");
    assert!(delivered > 0, "it ended only when everything was done");
}

#[test]
fn no_grace_means_an_end_at_once_and_nothing_lost() {
    let count = 40;
    let mut world = World::new();
    world.set("run.grace", "0s");
    for user in 1..=count {
        world.copy_in(&format!("user{user}.jpg"), &Number { user, version: 1 }.photo_of_side(1_200));
    }
    world.start();
    wait_until("the first picture", SOON, || (!world.backend_files("portraits").0.is_empty()).then_some(()));
    assert_eq!(world.stop(), 0, "{}", world.log());
    let (code, _) = world.sync(&[]);
    assert_eq!(code, 0);
    for user in 1..=count {
        let number = Number { user, version: 1 };
        assert_eq!(world.number(&format!("portraits/user{user}/icon.jpg")), Some(number));
    }
}

#[test]
fn one_pass_can_be_interrupted_and_goes_on_later() {
    let count = 60;
    let mut world = World::new();
    for user in 1..=count {
        world.copy_in(&format!("user{user}.jpg"), &Number { user, version: 1 }.photo_of_side(1_200));
    }
    let pass = world.command(&["sync"]);
    world.start_as(pass);
    wait_until("the first picture", SOON, || (!world.backend_files("portraits").0.is_empty()).then_some(()));
    world.signal(Signal::INT);
    let status = world.wait_end();
    assert!(status.code() != Some(0), "an interrupted pass is no success: {status}");
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["photos"]), (0, &count.into()), "{summary}");
}
