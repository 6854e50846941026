//! A photo that changes: replaced, touched, put back, replaced in a hurry. The newest content wins, and equal content
//! is not delivered again.

use std::{
    fs::{self, File, FileTimes},
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::{
    photos::{Number, cut},
    world::{SETTLE, World, stays},
};

const ANNA: &str = "portraits/anna/icon.jpg";

fn version(version: u32) -> Number {
    Number { user: 7, version }
}

fn attempts(world: &World) -> usize {
    attempts_in(&world.explain("anna"))
}

fn attempts_in(story: &Value) -> usize {
    story["backends"]["portraits"]["attempts"].as_array().map_or(0, Vec::len)
}

fn world_with_version_1() -> World {
    let mut world = World::new();
    world.start();
    world.copy_in("anna.jpg", &version(1).photo());
    world.wait_number(ANNA, version(1));
    world.wait_explain("anna", "recorded as done", |story| story["backends"]["portraits"]["state"] == "done");
    world
}

#[test]
fn a_photo_replaced_by_a_rename_is_published_again() {
    let world = world_with_version_1();
    world.move_in("anna.jpg", &version(2).photo());
    world.wait_number(ANNA, version(2));
    world.wait_number("portraits/anna/original.jpg", version(2));
}

#[test]
fn a_photo_overwritten_in_place_is_published_again() {
    let world = world_with_version_1();
    world.copy_in("anna.jpg", &version(2).photo());
    world.wait_number(ANNA, version(2));
}

#[test]
fn a_touched_photo_is_not_delivered_again() {
    let world = world_with_version_1();
    let before = world.backend_files("portraits");
    for _ in 0..200 {
        let file = File::options().append(true).open(world.path("drop/anna.jpg")).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
    }
    stays("only one attempt", SETTLE * 6, || attempts(&world) == 1);
    before.assert_untouched(&world.path("portraits"));
}

#[test]
fn the_same_bytes_in_a_new_file_are_not_delivered_again() {
    let world = world_with_version_1();
    let before = world.backend_files("portraits");
    world.move_in("anna.jpg", &version(1).photo());
    stays("only one attempt", SETTLE * 6, || attempts(&world) == 1);
    before.assert_untouched(&world.path("portraits"));
}

#[test]
fn a_photo_changed_and_changed_back_ends_as_it_was() {
    let world = world_with_version_1();
    for number in [version(2), version(1), version(2), version(1)] {
        world.move_in("anna.jpg", &number.photo());
    }
    world.copy_in("last.jpg", &Number { user: 9, version: 9 }.photo());
    world.wait_published("portraits/last/icon.jpg");
    world.wait_number(ANNA, version(1));
    stays("the picture of version 1", SETTLE * 4, || world.number(ANNA) == Some(version(1)));
}

#[test]
fn the_last_of_many_quick_replacements_wins() {
    let world = world_with_version_1();
    for number in (2..=60).map(version) {
        world.move_in("anna.jpg", &number.photo());
        std::thread::sleep(Duration::from_millis(20));
    }
    world.wait_number(ANNA, version(60));
    world.wait_number("portraits/anna/original.jpg", version(60));
    stays("the picture of the last version", SETTLE * 4, || world.number(ANNA) == Some(version(60)));
}

#[test]
fn pictures_never_go_back_to_an_older_version() {
    let world = world_with_version_1();
    let mut newest = 1;
    for number in (2..=25).map(version) {
        world.move_in("anna.jpg", &number.photo());
        stays("never older", SETTLE / 2 * 3, || {
            let shown = world.number(ANNA).expect("a published picture stays").version;
            let holds = shown >= newest;
            newest = newest.max(shown);
            holds
        });
    }
    world.wait_number(ANNA, version(25));
}

#[test]
fn clocks_that_are_wrong_do_not_matter() {
    let world = world_with_version_1();
    let years = |count: u64| Duration::from_secs(count * 365 * 86_400);
    let epoch = SystemTime::UNIX_EPOCH;
    let times = [epoch, epoch + years(130), epoch - years(10), epoch + years(20)];
    for (number, time) in (2..).map(version).zip(times) {
        let outside = world.path("outside.jpg");
        fs::write(&outside, number.photo()).unwrap();
        File::options().append(true).open(&outside).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
        fs::rename(outside, world.path("drop/anna.jpg")).unwrap();
        world.wait_number(ANNA, number);
    }
}

#[test]
fn a_refused_replacement_changes_nothing() {
    let mut world = world_with_version_1();
    let before = world.backend_files("portraits");
    world.move_in("anna.jpg", &cut(&version(2).photo(), 60));
    let story = world.wait_explain("anna", "the refusal", |story| !story["photo"]["refused"].is_null());
    assert_eq!(story["photo"]["state"], "accepted");
    assert_eq!(story["photo"]["refused"]["file"], "anna.jpg");
    assert!(!story["photo"]["refused"]["reason"].as_str().unwrap().is_empty());
    assert_eq!(attempts_in(&story), 1);
    world.restart();
    assert!(!world.explain("anna")["photo"]["refused"].is_null(), "the refusal is remembered");
    before.assert_untouched(&world.path("portraits"));
    world.move_in("anna.jpg", &version(3).photo());
    world.wait_number(ANNA, version(3));
    assert!(world.explain("anna")["photo"]["refused"].is_null());
}

#[test]
fn what_changed_while_the_daemon_was_away_is_found_at_its_start() {
    let mut world = world_with_version_1();
    assert_eq!(world.stop(), 0);
    world.move_in("anna.jpg", &version(2).photo());
    world.copy_in("ben.jpg", &Number { user: 8, version: 1 }.photo());
    world.start();
    world.wait_number(ANNA, version(2));
    world.wait_number("portraits/ben/icon.jpg", Number { user: 8, version: 1 });
}
