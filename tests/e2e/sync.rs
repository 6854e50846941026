//! One pass: `portraitd sync`, its exit codes, its summary, and what it must not touch.

use std::fs;

use serde_json::json;

use crate::{
    photos::{Number, cut, portrait},
    snapshot::Snapshot,
    world::World,
};

fn world_with_users(count: u32) -> World {
    let world = World::new();
    for user in 1..=count {
        world.copy_in(&format!("user{user}.jpg"), &Number { user, version: 1 }.photo());
    }
    world
}

#[test]
fn everything_in_place_is_zero() {
    let world = world_with_users(3);
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 0, "{summary}");
    assert_eq!((&summary["photos"], &summary["delivered"]), (&json!(3), &json!(3)));
}

#[test]
fn an_empty_folder_is_in_place() {
    let (code, summary) = World::new().sync(&[]);
    assert_eq!((code, &summary["photos"]), (0, &json!(0)));
}

#[test]
fn a_second_pass_performs_no_effect() {
    let world = world_with_users(25);
    world.sync(&[]);
    let before = world.backend_files("portraits");
    for _ in 0..2 {
        let (code, summary) = world.sync(&[]);
        assert_eq!(code, 0);
        assert_eq!((&summary["delivered"], &summary["unchanged"]), (&json!(0), &json!(25)), "{summary}");
        before.assert_untouched(&world.path("portraits"));
    }
    let story = world.explain("user1");
    assert_eq!(story["backends"]["portraits"]["attempts"].as_array().unwrap().len(), 1, "{story:#}");
}

#[test]
fn a_rejected_file_is_one() {
    let world = world_with_users(3);
    world.copy_in("broken.jpg", &cut(&portrait("portrait.jpg"), 50));
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 1);
    assert_eq!((&summary["delivered"], &summary["rejected"]), (&json!(3), &json!(1)));
}

#[test]
fn a_backend_that_does_not_take_everything_is_one() {
    let world = world_with_users(2);
    fs::write(world.path("portraits"), b"in the way").unwrap();
    let (code, summary) = world.sync(&["--wait", "1s"]);
    assert_eq!((code, &summary["waiting"]), (1, &json!(2)), "{summary}");
    fs::remove_file(world.path("portraits")).unwrap();
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(2)), "{summary}");
}

#[test]
fn wrong_usage_and_wrong_config_are_two() {
    let mut world = world_with_users(1);
    world.portraitd(&["sync", "--no-such-option"]).expect(2);
    world.portraitd(&["sync", "--limit", "many"]).expect(2);
    let told = world.portraitd(&["sync", "--backend", "nobody"]).expect(2);
    assert!(told.err.contains("nobody"), "{}", told.err);
    world.set("folder.setle", "1s");
    world.portraitd(&["sync"]).expect(2);
    assert!(world.backend_files("portraits").0.is_empty());
}

#[test]
fn a_state_in_use_is_three() {
    let mut world = world_with_users(1);
    world.start();
    let pid = world.pid().as_raw_nonzero().to_string();
    let told = world.portraitd(&["sync"]).expect(3);
    assert!(told.err.contains(&pid), "{}", told.err);
}

#[test]
fn a_dry_run_sends_nothing_and_changes_nothing() {
    let world = world_with_users(5);
    let (code, summary) = world.sync(&["--dry-run"]);
    assert_eq!(code, 0, "{summary}");
    assert!(world.backend_files("portraits").0.is_empty());
    assert!(!world.path("portraits").exists(), "not even the folder is made");
    let told = world.portraitd(&["sync", "--dry-run"]).expect(0);
    assert!(told.text().contains("user1"), "it does not say what would be done:\n{}", told.text());
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(5)), "nothing was recorded by the dry run");
}

#[test]
fn a_dry_run_on_a_recorded_state_changes_no_record() {
    let world = world_with_users(3);
    world.sync(&[]);
    let (published, story) = (world.backend_files("portraits"), world.explain("user1"));
    world.copy_in("user1.jpg", &Number { user: 1, version: 2 }.photo());
    let (code, _) = world.sync(&["--dry-run"]);
    assert_eq!(code, 0);
    published.assert_untouched(&world.path("portraits"));
    assert_eq!(world.explain("user1"), story);
}

#[test]
fn a_pass_can_be_limited_to_users() {
    let world = world_with_users(5);
    world.copy_in("broken.jpg", b"no photo");
    let (code, summary) = world.sync(&["user2", "user4"]);
    assert_eq!(code, 0, "only what was asked for counts: {summary}");
    assert_eq!((&summary["photos"], &summary["delivered"]), (&json!(2), &json!(2)));
    let names = world.backend_files("portraits").names();
    assert!(names.iter().all(|name| name.starts_with("user2/") || name.starts_with("user4/")), "{names:?}");
    let (code, _) = world.sync(&["broken"]);
    assert_eq!(code, 1);
}

#[test]
fn a_pass_can_be_limited_to_backends() {
    let mut world = world_with_users(3);
    world.add_backend("second");
    world.add_backend("third");
    let (code, summary) = world.sync(&["--backend", "second"]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(3)));
    assert!(world.backend_files("portraits").0.is_empty() && world.backend_files("third").0.is_empty());
    let (code, summary) = world.sync(&["--backend", "second", "--backend", "third"]);
    assert_eq!((code, &summary["delivered"], &summary["unchanged"]), (0, &json!(3), &json!(3)));
}

#[test]
fn a_pass_can_be_limited_to_a_number_of_photos() {
    let mut world = world_with_users(10);
    world.add_backend("second");
    let (code, summary) = world.sync(&["--limit", "4"]);
    assert_eq!(code, 0, "{summary}");
    assert_eq!((&summary["photos"], &summary["delivered"]), (&json!(4), &json!(8)));
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["unchanged"]), (0, &json!(12), &json!(8)));
}

#[test]
fn the_summary_is_for_people_without_json() {
    let world = world_with_users(3);
    let told = world.portraitd(&["sync"]).expect(0);
    assert!(told.text().contains('3'), "{}", told.text());
    assert!(!told.out.trim_start().starts_with('{'));
    assert!(!told.err.contains('\u{1b}') && !told.err.contains('\r'), "a bar without a terminal: {:?}", told.err);
}

#[test]
fn the_drop_folder_is_only_read() {
    let world = world_with_users(3);
    world.copy_in("broken.jpg", b"no photo");
    let before = Snapshot::of(&world.drop_folder());
    world.sync(&[]);
    before.assert_untouched(&world.drop_folder());
}
