//! A paused backend gets nothing new until somebody resumes it, whatever happens in between, and disturbs no other.

use std::fs;

use serde_json::{Value, json};

use crate::{
    photos::Number,
    world::{SETTLE, World, stays},
};

const ANNA: Number = Number { user: 1, version: 1 };

fn world_with_anna() -> World {
    let mut world = World::new();
    world.add_backend("badges");
    world.copy_in("anna.jpg", &ANNA.photo());
    world
}

fn backend(world: &World, name: &str) -> Value {
    world.status()["backends"][name].take()
}

#[test]
fn a_paused_backend_gets_nothing_across_restarts_until_it_is_resumed() {
    let mut world = World::new();
    world.add_backend("badges");
    world.start();
    world.portraitd(&["pause", "--backend", "badges"]).expect(0);
    world.copy_in("anna.jpg", &ANNA.photo());
    world.wait_number("portraits/anna/icon.jpg", ANNA);
    let paused = world.wait_status("due", |status| status["backends"]["badges"]["due"] == 1);
    assert_eq!(paused["backends"]["badges"]["state"], "paused");
    assert_eq!(world.explain("anna")["backends"]["badges"]["next"], Value::Null);

    world.restart();
    world.wait_status("scanned", |status| status["backends"]["portraits"]["done"] == 1);
    world.portraitd(&["retry"]).expect(0);
    stays("paused", SETTLE * 8, || world.published("badges/anna/icon.jpg").is_none());
    assert_eq!(backend(&world, "badges")["state"], "paused");

    world.portraitd(&["resume", "--backend", "badges"]).expect(0);
    world.wait_number("badges/anna/icon.jpg", ANNA);
    assert_eq!(backend(&world, "badges")["state"], "up");
}

#[test]
fn a_pass_does_not_miss_what_a_paused_backend_lacks() {
    let world = world_with_anna();
    let told = world.portraitd(&["pause", "--backend", "badges"]).expect(0);
    assert_eq!(told.out, "badges: paused\n");
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["waiting"]), (0, &json!(1), &json!(1)), "{summary}");
    assert!(world.published("badges/anna/icon.jpg").is_none());
    let (code, summary) = world.sync(&["--backend", "badges"]);
    assert_eq!((code, &summary["delivered"], &summary["waiting"]), (0, &json!(0), &json!(1)), "{summary}");
    world.portraitd(&["resume", "--backend", "badges"]).expect(0);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["waiting"]), (0, &json!(1), &json!(0)), "{summary}");
}

#[test]
fn a_held_backend_that_is_paused_fails_no_pass() {
    let world = world_with_anna();
    fs::write(world.path("badges"), b"in the way").unwrap();
    assert_eq!(world.sync(&["--wait", "1s"]).0, 1);
    world.portraitd(&["pause", "--backend", "badges"]).expect(0);
    assert_eq!(world.sync(&["--wait", "1s"]).0, 0);
    world.portraitd(&["resume", "--backend", "badges"]).expect(0);
    assert_eq!(world.sync(&["--wait", "1s"]).0, 1);
}

#[test]
fn a_backend_that_is_unknown_or_not_named_is_a_usage_error() {
    let mut world = world_with_anna();
    for command in ["pause", "resume"] {
        let told = world.portraitd(&[command, "--backend", "bagdes"]).expect(2);
        assert!(told.err.contains("there is no enabled backend `bagdes`"), "{}", told.err);
        world.portraitd(&[command]).expect(2);
    }
    world.start();
    // The daemon does not know yet what the config says now.
    world.add_backend("late");
    let told = world.portraitd(&["pause", "--backend", "late"]).expect(2);
    assert!(told.err.contains("there is no enabled backend `late`"), "{}", told.err);
}
