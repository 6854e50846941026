//! Two files for one user: neither is sent and both are told, or the newest is, as the config says.

use serde_json::json;

use crate::{
    photos::{Number, plain},
    world::{SETTLE, World, stays},
};

const ICON: &str = "portraits/anna/icon.jpg";

fn version(version: u32) -> Number {
    Number { user: 1, version }
}

#[test]
fn two_files_for_one_user_are_told_and_neither_is_sent() {
    let world = World::new();
    world.copy_in("anna.jpg", &version(1).photo());
    world.copy_in("anna.jpeg", &version(2).photo());
    world.copy_in("ben.jpg", &Number { user: 2, version: 1 }.photo());
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 1);
    assert_eq!((&summary["delivered"], &summary["stopped"]), (&json!(1), &json!(1)), "{summary}");
    let conflicts = &world.status()["conflicts"];
    assert_eq!(conflicts.as_array().unwrap().len(), 1);
    let mut files: Vec<_> =
        conflicts[0]["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    files.sort_unstable();
    assert_eq!(files, ["anna.jpeg", "anna.jpg"]);
    assert!(conflicts[0]["reason"].as_str().unwrap().contains("anna"), "{conflicts}");
    assert_eq!(world.explain("anna")["photo"]["state"], "conflict");
    assert!(world.published(ICON).is_none());
}

#[test]
fn extensions_in_another_case_conflict_too() {
    let world = World::new();
    world.copy_in("anna.jpg", &version(1).photo());
    world.copy_in("anna.JPG", &version(2).photo());
    let (code, _) = world.sync(&[]);
    assert_eq!(code, 1);
    assert_eq!(world.status()["conflicts"].as_array().unwrap().len(), 1);
    assert!(world.published(ICON).is_none());
}

#[test]
fn a_second_file_leaves_the_published_picture_until_one_is_gone() {
    let mut world = World::new();
    world.start();
    world.copy_in("anna.jpg", &version(1).photo());
    world.wait_number(ICON, version(1));
    world.copy_in("anna.png", &version(2).photo());
    world.wait_status("the conflict", |status| status["conflicts"].as_array().unwrap().len() == 1);
    stays("the first picture", SETTLE * 4, || world.number(ICON) == Some(version(1)));
    world.take_out("anna.jpg");
    world.wait_number(ICON, version(2));
    world.wait_status("no conflict", |status| status["conflicts"].as_array().unwrap().is_empty());
}

#[test]
fn the_newest_of_two_files_is_sent_where_the_config_says_so() {
    let mut world = World::new();
    world.set("folder.conflict", "newest");
    world.start();
    world.copy_in("anna.jpg", &version(1).photo());
    world.wait_number(ICON, version(1));
    world.copy_in("anna.png", &version(2).photo());
    world.wait_number(ICON, version(2));
    world.copy_in("anna.jpg", &version(3).photo());
    world.wait_number(ICON, version(3));
    assert_eq!(world.status()["conflicts"], json!([]));
}

#[test]
fn users_whose_names_differ_in_case_are_two_users() {
    let world = World::new();
    world.copy_in("anna.jpg", &version(1).photo());
    world.copy_in("Anna.jpg", &version(2).photo());
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(2)));
    assert_eq!(world.number("portraits/Anna/icon.jpg"), Some(version(2)));
}

#[test]
fn a_second_file_that_is_no_photo_is_told_too() {
    let world = World::new();
    world.copy_in("anna.jpg", &version(1).photo());
    world.copy_in("anna.png", &plain(20, 20, [1, 2, 3]));
    let (code, _) = world.sync(&[]);
    assert_eq!(code, 1);
    let status = world.status();
    let told = status["conflicts"].to_string() + &status["rejected"].to_string();
    assert!(told.contains("anna.png"), "{status:#}");
}
