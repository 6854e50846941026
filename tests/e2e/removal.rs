//! Photos that go away: kept by default, removed where the config says so, and only with evidence: two complete scans,
//! a direct look, and no brake.

use serde_json::json;

use crate::{
    photos::Number,
    world::{SETTLE, SOON, World, stays, wait_until},
};

fn icon(user: u32) -> String {
    format!("portraits/user{user}/icon.jpg")
}

/// A running world with `count` published users, in which removal is on and quick.
fn removing_world(count: u32) -> World {
    let mut world = World::scanning();
    world.set("folder.absence", "1s");
    world.set("backend.portraits.remove", true);
    populate(&mut world, count);
    world
}

fn populate(world: &mut World, count: u32) {
    for user in 1..=count {
        world.copy_in(&format!("user{user}.jpg"), &Number { user, version: 1 }.photo());
    }
    world.start();
    world.wait_status("all published", |status| status["backends"]["portraits"]["done"] == count);
}

fn take_out(world: &World, users: impl IntoIterator<Item = u32>) {
    for user in users {
        world.take_out(&format!("user{user}.jpg"));
    }
}

fn published(world: &World, users: impl IntoIterator<Item = u32>) -> usize {
    users.into_iter().filter(|user| world.published(&icon(*user)).is_some()).count()
}

#[test]
fn a_photo_that_is_gone_stays_published_by_default() {
    let mut world = World::scanning();
    world.set("folder.absence", "1s");
    populate(&mut world, 2);
    take_out(&world, [1]);
    world.wait_explain("user1", "gone", |story| story["photo"]["state"] == "gone");
    stays("published", SETTLE * 15, || published(&world, 1..=2) == 2);
}

#[test]
fn a_photo_that_is_gone_is_removed_where_the_config_says_so() {
    let mut world = removing_world(2);
    world.add_backend("keeper");
    world.restart();
    world.wait_status("both backends", |status| status["backends"]["keeper"]["done"] == 2);
    take_out(&world, [1]);
    wait_until("removal", SOON, || (!world.path("portraits/user1").exists()).then_some(()));
    assert_eq!(world.number(&icon(2)), Some(Number { user: 2, version: 1 }));
    assert!(world.published("keeper/user1/icon.jpg").is_some(), "the other backend keeps");
    assert_eq!(world.status()["removals"]["braked"], 0);
}

#[test]
fn nothing_is_removed_before_the_absence_has_lasted() {
    let mut world = removing_world(2);
    world.set("folder.absence", "30s");
    world.restart();
    take_out(&world, [1]);
    stays("published", SETTLE * 20, || published(&world, 1..=2) == 2);
}

#[test]
fn a_photo_that_comes_back_in_time_is_not_removed() {
    let mut world = removing_world(2);
    world.set("folder.absence", "5s");
    world.restart();
    take_out(&world, [1]);
    stays("published", SETTLE * 12, || published(&world, 1..=2) == 2);
    world.copy_in("user1.jpg", &Number { user: 1, version: 1 }.photo());
    stays("published", SETTLE * 35, || published(&world, 1..=2) == 2);
    assert_eq!(world.explain("user1")["photo"]["state"], "accepted");
}

#[test]
fn a_removed_photo_that_comes_back_is_published_again() {
    let world = removing_world(2);
    take_out(&world, [1]);
    wait_until("removal", SOON, || (published(&world, [1]) == 0).then_some(()));
    world.copy_in("user1.jpg", &Number { user: 1, version: 1 }.photo());
    world.wait_number(&icon(1), Number { user: 1, version: 1 });
}

#[test]
fn one_pass_alone_removes_nothing() {
    let mut world = removing_world(2);
    assert_eq!(world.stop(), 0);
    take_out(&world, [1]);
    let (code, _) = world.sync(&[]);
    assert_eq!((code, published(&world, 1..=2)), (0, 2));
}

#[test]
fn many_photos_that_vanish_at_once_wait_for_a_person() {
    let mut world = removing_world(20);
    take_out(&world, 1..=12);
    world.wait_status("the brake", |status| status["removals"]["braked"] == 12);
    stays("published", SETTLE * 10, || published(&world, 1..=20) == 20);
    let text = world.portraitd(&["status"]).expect(0).out;
    assert!(text.contains("confirm-removals"), "status does not say what to do:\n{text}");

    world.restart();
    stays("published after the restart", SETTLE * 15, || published(&world, 1..=20) == 20);
    assert_eq!(world.status()["removals"]["braked"], 12);

    world.portraitd(&["confirm-removals"]).expect(0);
    world.wait_status("twelve removed", |status| status["removals"]["braked"] == 0 && published(&world, 1..=12) == 0);
    assert_eq!(published(&world, 13..=20), 8);
}

#[test]
fn photos_that_vanish_one_by_one_meet_the_same_brake() {
    let world = removing_world(20);
    for user in 1..=6 {
        take_out(&world, [user]);
        stays("time passes", SETTLE * 9, || true);
    }
    world.wait_status("the brake", |status| status["removals"]["braked"].as_u64() >= Some(3));
    assert!(published(&world, 1..=6) >= 3, "more than three went without a word");
}

#[test]
fn three_photos_may_vanish_from_a_small_folder() {
    let world = removing_world(6);
    take_out(&world, 1..=3);
    wait_until("removal", SOON, || (published(&world, 1..=3) == 0).then_some(()));
    assert_eq!((published(&world, 4..=6), &world.status()["removals"]["braked"]), (3, &json!(0)));
}

#[test]
fn a_refused_file_is_no_absence() {
    let world = removing_world(2);
    world.copy_in("user1.jpg", b"no photo any more");
    world.wait_explain("user1", "the refusal", |story| !story["photo"]["refused"].is_null());
    stays("published", SETTLE * 15, || published(&world, 1..=2) == 2);
}

#[test]
fn removals_happen_only_where_the_photo_was_published() {
    let world = removing_world(3);
    let other = world.path("portraits/somebody/icon.jpg");
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::write(&other, b"not ours").unwrap();
    take_out(&world, [1]);
    wait_until("removal", SOON, || (published(&world, [1]) == 0).then_some(()));
    stays("what is not ours", SETTLE * 8, || other.exists() && published(&world, 2..=3) == 2);
}
