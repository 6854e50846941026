//! What a system calls users: by a template, by the rows of a file that people export, and two who are one user there.

use std::fs;

use serde_json::json;

use crate::{
    photos::portrait,
    rocketchat::world_at,
    simulators::rocketchat::{Profile, RocketChat},
    world::{SOON, World, wait_until},
};

fn chat(users: &[&str]) -> RocketChat {
    let chat = RocketChat::start(Profile::V8);
    users.iter().for_each(|user| drop(chat.add_user(user)));
    chat
}

/// A world whose users stand in `users.csv`, with these lines below the names of the columns.
fn mapped_world(chat: &RocketChat, missing: &str, lines: &str) -> World {
    let mut world = world_at(chat);
    write_rows(&world, lines);
    world.set("backend.chat.users.file", world.path("users.csv").to_str().unwrap());
    world.set("backend.chat.users.key", "userid");
    world.set("backend.chat.users.value", "chat name");
    world.set("backend.chat.users.missing", missing);
    world.set("backend.portraits.enabled", false);
    world
}

fn write_rows(world: &World, lines: &str) {
    fs::write(world.path("new.csv"), format!("userid,chat name\n{lines}")).unwrap();
    fs::rename(world.path("new.csv"), world.path("users.csv")).unwrap();
}

fn drop_photos(world: &World, users: &[&str]) {
    users.iter().for_each(|user| world.copy_in(&format!("{user}.jpg"), &portrait("portrait.jpg")));
}

fn has_picture(chat: &RocketChat, user: &str) -> bool {
    chat.picture(user).is_some()
}

#[test]
fn a_template_makes_the_name_of_the_drop_name() {
    let chat = chat(&["anna", "anna.corp"]);
    let mut world = world_at(&chat);
    world.set("backend.chat.users.template", "{userid}.corp");
    drop_photos(&world, &["anna"]);
    assert_eq!(world.sync(&[]).0, 0);
    assert!(has_picture(&chat, "anna.corp") && !has_picture(&chat, "anna"));
    assert_eq!(world.explain("anna")["backends"]["chat"]["remote"], "anna.corp");
}

#[test]
fn rows_that_change_are_read_again_and_a_broken_file_changes_nothing() {
    let chat = chat(&["seven", "eight", "nine"]);
    let mut world = mapped_world(&chat, "wait", "anna,seven\n");
    drop_photos(&world, &["anna", "bob", "cyd"]);
    world.start();
    wait_until("anna's picture", SOON, || has_picture(&chat, "seven").then_some(()));
    world.wait_explain("bob", "bob waits for a row", |story| story["backends"]["chat"]["state"] == "absent");
    write_rows(&world, "anna,seven\nbob,eight\n");
    wait_until("bob's picture", SOON, || has_picture(&chat, "eight").then_some(()));
    // A spreadsheet that was cut off: what it does not show any more is not gone, and what it shows is not believed.
    write_rows(&world, "cyd,nine\nanna");
    wait_until("the log says it", SOON, || world.log().contains("the file of users is not used").then_some(()));
    write_rows(&world, "anna,seven\nbob,eight\ncyd,nine\n");
    wait_until("cyd's picture", SOON, || has_picture(&chat, "nine").then_some(()));
    let sent = chat.seen().iter().filter(|seen| seen.method == "POST").count();
    assert_eq!(sent, 3, "nobody's picture was sent twice");
}

#[test]
fn who_has_no_row_is_waited_for_or_skipped() {
    for (missing, state, absent) in [("wait", "absent", 1), ("skip", "skipped", 0)] {
        let chat = chat(&["seven", "bob"]);
        let world = mapped_world(&chat, missing, "anna,seven\n");
        drop_photos(&world, &["anna", "bob"]);
        let (code, summary) = world.sync(&[]);
        assert_eq!((code, &summary["delivered"], &summary["absent"]), (0, &json!(1), &json!(absent)), "{summary}");
        assert_eq!(world.explain("bob")["backends"]["chat"]["state"], state);
        assert!(!has_picture(&chat, "bob"), "the drop name is not the name there");
    }
}

#[test]
fn two_rows_that_lead_to_one_user_are_told_and_nobody_gets_a_picture() {
    let chat = chat(&["seven", "eight"]);
    let world = mapped_world(&chat, "wait", "anna,seven\nbob,seven\ncyd,eight\ncyd,seven\n,nine\ndan,\n");
    drop_photos(&world, &["anna", "bob", "cyd", "eve"]);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["stopped"], &summary["delivered"]), (1, &json!(3), &json!(0)), "{summary}");
    assert!(chat.pictures().is_empty());
    let conflicts = world.status()["conflicts"].clone();
    let files = |files: &[&str]| conflicts.as_array().unwrap().iter().any(|conflict| conflict["files"] == json!(files));
    assert!(files(&["anna.jpg", "bob.jpg"]) && files(&["cyd.jpg"]), "{conflicts:#}");
    let reason = world.explain("anna")["backends"]["chat"]["reason"].clone();
    assert_eq!(reason, "several users are `seven` there, so nothing is sent for any of them");

    let said = world.portraitd(&["check"]).expect(0).out;
    for line in [
        "warning: lines 4 and 5 are both for `cyd`",
        "warning: line 6: no drop name for `nine`",
        "warning: line 7: no name for `dan`",
        "all lead to `seven`: none of them is sent",
        "backend chat: warning: no row is for eve",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn a_file_of_users_that_cannot_be_used_stops_its_backend_alone() {
    let chat = chat(&["seven"]);
    let mut world = mapped_world(&chat, "wait", "");
    world.set("backend.portraits.enabled", true);
    fs::write(world.path("users.csv"), "name,chat\nanna,seven\n").unwrap();
    drop_photos(&world, &["anna"]);
    let said = world.portraitd(&["check"]).expect(2).out;
    assert!(said.contains("its first line does not name the columns `userid` and `chat name`"), "{said}");
    world.start();
    world.wait_published("portraits/anna/icon.jpg");
    let told = world.status()["backends"]["chat"].clone();
    assert_eq!(told["state"], "down", "{told}");
    write_rows(&world, "anna,seven\n");
    wait_until("anna's picture", SOON, || has_picture(&chat, "seven").then_some(()));
}
