//! Several backends, and backends that change: added later, configured differently, broken. Each gets what it asks
//! for, and none is disturbed by another.

use std::fs;

use serde_json::{Value, json};

use crate::{
    photos::{Number, portrait},
    world::{SETTLE, World, stays},
};

fn users(count: u32) -> impl Iterator<Item = (String, Number)> {
    (1..=count).map(|user| (format!("user{user}"), Number { user, version: 1 }))
}

fn world_with_users(count: u32) -> World {
    let world = World::new();
    for (user, number) in users(count) {
        world.copy_in(&format!("{user}.jpg"), &number.photo());
    }
    world
}

fn assert_published(world: &World, backend: &str, count: u32) {
    for (user, number) in users(count) {
        assert_eq!(world.number(&format!("{backend}/{user}/icon.jpg")), Some(number), "{user} at {backend}");
    }
}

fn deliveries(summary: &Value) -> (u64, u64) {
    (summary["delivered"].as_u64().unwrap(), summary["unchanged"].as_u64().unwrap())
}

#[test]
fn two_backends_of_one_plugin_get_their_own_pictures() {
    let mut world = World::new();
    world.add_backend("badges");
    world.set_renditions("badges", &[("card", 96), ("door", 60)]);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.start();
    assert_eq!(world.wait_published("badges/anna/card.jpg").size(), (96, 96));
    assert_eq!(world.wait_published("badges/anna/door.jpg").size(), (60, 60));
    assert_eq!(world.wait_published("portraits/anna/icon.jpg").size(), (48, 48));
    assert_eq!(world.wait_published("portraits/anna/original.jpg").size(), (512, 512));
    assert_eq!(world.backend_files("badges").0.len(), 2);
}

#[test]
fn a_backend_added_later_gets_everyone() {
    let mut world = world_with_users(20);
    let (_, summary) = world.sync(&[]);
    assert_eq!(deliveries(&summary), (20, 0));
    let before = world.backend_files("portraits");
    world.add_backend("late");
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, deliveries(&summary)), (0, (20, 20)));
    assert_published(&world, "late", 20);
    before.assert_untouched(&world.path("portraits"));
}

#[test]
fn a_changed_recipe_is_delivered_to_everyone() {
    let mut world = world_with_users(5);
    world.sync(&[]);
    world.set_renditions("portraits", &[("icon", 72)]);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, deliveries(&summary)), (0, (5, 0)));
    assert_eq!(world.picture("portraits/user1/icon.jpg").unwrap().size(), (72, 72));
}

#[test]
fn another_crop_is_another_recipe() {
    let mut world = World::new();
    world.copy_in("anna.jpg", &portrait("camera-orientation-6.jpg"));
    world.sync(&[]);
    let center = world.published("portraits/anna/thumb.jpg");
    world.set("photo.crop", "upper");
    let (_, summary) = world.sync(&[]);
    assert_eq!(deliveries(&summary), (1, 0));
    let upper = world.published("portraits/anna/thumb.jpg");
    world.set("photo.crop", "none");
    let (_, summary) = world.sync(&[]);
    assert_eq!(deliveries(&summary), (1, 0));
    let padded = world.picture("portraits/anna/thumb.jpg").unwrap();
    assert!(center != upper, "the crop made no difference");
    assert_eq!(padded.size(), (200, 200));
    let [red, green, blue] = padded.mean(0..10, 20..180);
    assert!(red > 245 && green > 245 && blue > 245, "padded with {red} {green} {blue}");
}

#[test]
fn settings_that_change_no_picture_deliver_nothing() {
    let mut world = world_with_users(5);
    world.sync(&[]);
    world.set("backend.portraits.concurrency", 2);
    world.set("log.format", "json");
    world.set("run.grace", "5s");
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, deliveries(&summary)), (0, (0, 5)));
}

#[test]
fn another_path_is_another_place_to_publish() {
    let mut world = world_with_users(3);
    world.sync(&[]);
    world.set("backend.portraits.settings.path", "moved");
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, deliveries(&summary)), (0, (3, 0)));
    assert_published(&world, "moved", 3);
}

#[test]
fn a_name_template_decides_where_a_picture_lies() {
    let mut world = World::new();
    world.set("backend.portraits.settings.name", "{rendition}/of-{userid}.jpeg");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, _) = world.sync(&[]);
    assert_eq!(code, 0);
    let names = world.backend_files("portraits").names();
    assert_eq!(names, ["icon/of-anna.jpeg", "original/of-anna.jpeg", "thumb/of-anna.jpeg"]);
}

#[test]
fn byte_ceilings_of_a_rendition_are_kept() {
    let mut world = World::new();
    world.set_renditions("portraits", &[("icon", 200)]);
    let mut rendition = toml::Table::new();
    rendition.insert("name".into(), "icon".into());
    rendition.insert("width".into(), 200.into());
    rendition.insert("height".into(), 200.into());
    rendition.insert("max-bytes".into(), "6KiB".into());
    world.set("backend.portraits.settings.renditions", vec![toml::Value::from(rendition)]);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, _) = world.sync(&[]);
    assert_eq!(code, 0);
    let bytes = world.published("portraits/anna/icon.jpg").unwrap().len();
    assert!((1_000..=6 * 1_024).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_disabled_backend_gets_nothing_and_is_no_failure() {
    let mut world = world_with_users(3);
    world.add_backend("off");
    world.set("backend.off.enabled", false);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, deliveries(&summary)), (0, (3, 0)));
    assert!(!world.path("off").exists() || world.backend_files("off").0.is_empty());
}

#[test]
fn a_broken_backend_is_held_and_the_other_delivers() {
    let mut world = world_with_users(10);
    world.add_backend("broken");
    world.start();
    world.wait_status("ten delivered", |status| status["backends"]["broken"]["done"] == 10);
    assert_eq!(world.stop(), 0);
    fs::rename(world.path("broken"), world.path("aside")).unwrap();
    fs::write(world.path("broken"), b"a file where the folder was").unwrap();
    for (user, number) in users(10) {
        world.copy_in(&format!("{user}.jpg"), &Number { version: 2, ..number }.photo());
    }

    let (code, summary) = world.sync(&["--wait", "1s"]);
    assert_eq!(code, 1);
    assert_eq!((&summary["delivered"], &summary["waiting"]), (&json!(10), &json!(10)), "{summary}");
    let broken = world.status()["backends"]["broken"].take();
    assert_eq!(broken["state"], "held", "{broken}");
    assert!(broken["reason"].as_str().unwrap().contains("broken"), "{broken}");
    let failed = |world: &World| -> usize {
        let of = |user: String| {
            world.explain(&user)["backends"]["broken"]["attempts"]
                .as_array()
                .map_or(0, |attempts| attempts.iter().filter(|attempt| attempt["verdict"] != "done").count())
        };
        users(10).map(|(user, _)| of(user)).sum()
    };
    assert!(failed(&world) <= 1, "a held backend burnt {} attempts", failed(&world));

    world.start();
    world.wait_status("held again", |status| status["backends"]["broken"]["state"] == "held");
    stays("held after the probe of the start", SETTLE * 8, || world.status()["backends"]["broken"]["state"] == "held");
    fs::remove_file(world.path("broken")).unwrap();
    stays("held until somebody says so", SETTLE * 3, || world.status()["backends"]["broken"]["state"] == "held");
    world.portraitd(&["retry", "--backend", "broken"]).expect(0);
    world.wait_status("all at the repaired backend", |status| status["backends"]["broken"]["done"] == 10);
    world.wait_number("broken/user10/icon.jpg", Number { user: 10, version: 2 });
}

#[test]
fn a_repaired_backend_is_tried_at_the_next_start() {
    let mut world = world_with_users(3);
    fs::write(world.path("portraits"), b"in the way").unwrap();
    world.start();
    world.wait_status("held", |status| status["backends"]["portraits"]["state"] == "held");
    fs::remove_file(world.path("portraits")).unwrap();
    world.restart();
    world.wait_status("all delivered", |status| status["backends"]["portraits"]["done"] == 3);
    assert_published(&world, "portraits", 3);
}

#[test]
fn pictures_that_somebody_deleted_come_back_with_the_next_content() {
    let world = world_with_users(2);
    world.sync(&[]);
    fs::remove_dir_all(world.path("portraits")).unwrap();
    world.copy_in("user1.jpg", &Number { user: 1, version: 2 }.photo());
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, deliveries(&summary)), (0, (1, 1)));
    assert_eq!(world.number("portraits/user1/icon.jpg"), Some(Number { user: 1, version: 2 }));
}
