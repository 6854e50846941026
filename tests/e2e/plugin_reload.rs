//! A plugin's library that is replaced while the daemon runs: the next delivery is the new one's, with the pictures that
//! it wants, a running one ends on the old, and what cannot be used changes nothing.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    fixtures::{compile, put, world_with_plugins},
    photos::portrait,
    rocketchat::with_backend_at,
    simulators::rocketchat::{Profile, RocketChat},
    world::{SOON, World, wait_until},
};

/// Puts a version into the world by a rename, as a package manager does.
fn install(world: &World, version: &str, side: u32) {
    let defines = [format!("VERSION=\"{version}\""), format!("SIDE=\"{side}\"")];
    compile(world, "versions", "versions", &defines.each_ref().map(String::as_str));
}

fn world_with_version_1() -> World {
    let mut world = world_with_plugins();
    install(&world, "1", 48);
    world.set("backend.changing.plugin", "versions");
    world.start();
    world
}

fn drop_photo(world: &World, user: &str) {
    world.copy_in(&format!("{user}.jpg"), &portrait("portrait.jpg"));
}

/// Which version delivered a user's photo, when it is delivered.
fn delivered_by(world: &World, user: &str) -> String {
    let explained = world.wait_explain(user, "delivered", |user| user["backends"]["changing"]["state"] == "done");
    let attempts = explained["backends"]["changing"]["attempts"].as_array().unwrap().clone();
    let reason = attempts.last().and_then(|attempt| attempt["reason"].as_str()).unwrap();
    reason.strip_prefix("changed: ").unwrap_or(reason).to_owned()
}

fn wait_logged(world: &World, words: &str) {
    wait_until(words, SOON, || world.log().contains(words).then_some(()));
}

fn copies(world: &World) -> usize {
    fs::read_dir(world.path("state/plugins")).unwrap().count()
}

#[test]
fn a_new_library_serves_the_next_delivery_and_a_running_one_ends_on_the_old() {
    let world = world_with_version_1();
    // The first delivery after a start goes alone.
    drop_photo(&world, "first");
    assert_eq!(delivered_by(&world, "first"), "by version 1");
    drop_photo(&world, "slow");
    let in_flight = |user: &Value| user["backends"]["changing"]["state"] == "in-flight";
    world.wait_explain("slow", "in flight", in_flight);

    install(&world, "2", 48);
    wait_logged(&world, "the plugin's new library is used from now on");
    drop_photo(&world, "next");
    assert_eq!(delivered_by(&world, "next"), "by version 2");
    assert!(in_flight(&world.explain("slow")), "the new one was not there while the old one was at work");
    assert_eq!(delivered_by(&world, "slow"), "by version 1");
    assert_eq!(copies(&world), 3);
}

#[test]
fn a_new_library_that_cannot_be_used_changes_nothing() {
    let world = world_with_version_1();
    put(&world, "versions", b"a text file");
    wait_logged(&world, "not a shared library: it does not begin as one");
    drop_photo(&world, "anna");
    assert_eq!(delivered_by(&world, "anna"), "by version 1");

    let refuses = ["VERSION=\"2\"", "SIDE=\"48\"", "REFUSE=\"`path`: there is none\""];
    compile(&world, "versions", "versions", &refuses);
    wait_logged(&world, "`path`: there is none");
    drop_photo(&world, "berta");
    assert_eq!(delivered_by(&world, "berta"), "by version 1");

    let refusals = world.log().matches("the plugin's new library is not used").count();
    assert_eq!(refusals, 2, "each is told once");
}

#[test]
fn a_new_library_that_wants_other_pictures_gets_them_of_everybody() {
    let world = world_with_version_1();
    drop_photo(&world, "anna");
    assert_eq!(delivered_by(&world, "anna"), "by version 1");
    drop_photo(&world, "slow");
    world.wait_explain("slow", "in flight", |user| user["backends"]["changing"]["state"] == "in-flight");

    install(&world, "2", 60);
    wait_logged(&world, "the plugin's new library is used from now on");
    for user in ["anna", "slow"] {
        world.wait_explain(user, "delivered once more", |explained| {
            let backend = &explained["backends"]["changing"];
            backend["state"] == "done" && backend["attempts"].as_array().unwrap().len() == 2
        });
        assert_eq!(delivered_by(&world, user), "by version 2");
    }
    assert_eq!(world.explain("anna")["backends"]["changing"]["renditions"][0]["width"], 60);
}

#[test]
fn a_backend_whose_library_is_mended_goes_on_without_a_restart() {
    let mut world = world_with_plugins();
    put(&world, "versions", b"a text file");
    world.set("backend.changing.plugin", "versions");
    world.start();
    drop_photo(&world, "anna");
    world.wait_status("down", |status| status["backends"]["changing"]["state"] == "down");
    install(&world, "2", 48);
    assert_eq!(delivered_by(&world, "anna"), "by version 2");
}

#[test]
fn a_library_that_is_taken_away_changes_nothing() {
    let world = world_with_version_1();
    fs::remove_file(world.path(Path::new("plugins").join(crate::fixtures::library("versions")))).unwrap();
    drop_photo(&world, "anna");
    assert_eq!(delivered_by(&world, "anna"), "by version 1");
    install(&world, "2", 48);
    wait_logged(&world, "the plugin's new library is used from now on");
    drop_photo(&world, "berta");
    assert_eq!(delivered_by(&world, "berta"), "by version 2");
}

#[test]
fn a_backend_that_sends_requests_goes_on_when_its_library_is_mended() {
    let chat = RocketChat::start(Profile::V8);
    chat.add_user("anna");
    let mut world = with_backend_at(world_with_plugins(), &chat);
    let bad = put(&world, "rocketchat", b"a text file");
    world.start();
    drop_photo(&world, "anna");
    world.wait_status("down", |status| status["backends"]["chat"]["state"] == "down");
    // The one beside the program is the first now.
    fs::remove_file(bad).unwrap();
    wait_until("the picture in the chat", SOON, || chat.picture("anna"));
}
