//! The main job: a photo is dropped, its pictures appear. Formats, sizes, orientation, colours and what must not be in
//! a published file; what replaces or damages a photo is told elsewhere.

use std::{fs, time::Instant};

use serde_json::json;

use crate::{
    binaries::workspace_root,
    photos::{Picture, commented, portrait},
    snapshot::Snapshot,
    world::{SETTLE, SOON, World, wait_until},
};

#[test]
fn a_camera_photo_on_its_side_is_published_upright_in_three_sizes() {
    let mut world = World::new();
    world.start();
    world.copy_in("anna.jpg", &portrait("camera-orientation-6.jpg"));
    let dropped = Instant::now();
    let icon = world.wait_published("portraits/anna/icon.jpg");
    let thumb = world.wait_published("portraits/anna/thumb.jpg");
    let original = world.wait_published("portraits/anna/original.jpg");
    println!("published {:?} after the copy, with settle = {SETTLE:?}", dropped.elapsed());

    assert_eq!(original.size(), (496, 667));
    assert_eq!(thumb.size(), (200, 200));
    assert_eq!(icon.size(), (48, 48));
    let upright = Picture::decode("source", &portrait("camera-orientation-6.jpg")).turned_clockwise();
    assert!(original.distance(&upright) < 6, "{}", original.distance(&upright));
    let square = upright.middle_square();
    assert!(thumb.distance(&square) < 8, "{}", thumb.distance(&square));
    assert!(icon.distance(&square) < 12, "{}", icon.distance(&square));
}

#[test]
fn explain_tells_the_story_of_a_published_photo() {
    let mut world = World::new();
    world.start();
    world.copy_in("anna.jpg", &portrait("camera-orientation-6.jpg"));
    let story = world.wait_explain("anna", "done", |story| story["backends"]["portraits"]["state"] == "done");
    assert_eq!(story["userid"], "anna");
    assert_eq!(story["photo"]["state"], "accepted");
    assert_eq!(story["photo"]["file"], "anna.jpg");
    assert_eq!((&story["photo"]["width"], &story["photo"]["height"]), (&json!(496), &json!(667)));
    let attempts = story["backends"]["portraits"]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    assert_eq!(attempts[0]["verdict"], "done");
    let text = world.portraitd(&["explain", "anna"]).expect(0).out;
    for word in ["anna", "anna.jpg", "portraits", "done", "496", "667"] {
        assert!(text.contains(word), "explain does not say {word}:\n{text}");
    }
}

#[test]
fn the_config_of_the_tree_publishes_with_one_command() {
    let mut world = World::new();
    fs::create_dir(world.path("config")).unwrap();
    fs::copy(workspace_root().join("config/portraitd.toml"), world.path("config/portraitd.toml")).unwrap();
    fs::remove_file(world.path("portraitd.toml")).unwrap();
    world.start();
    world.copy_in("anna.jpg", &portrait("camera-orientation-6.jpg"));
    let dropped = Instant::now();
    let icon = world.wait_published("portraits/anna/icon.jpg");
    println!("published {:?} after the copy, with the defaults", dropped.elapsed());
    assert_eq!(icon.size(), (48, 48));
    assert_eq!(world.stop(), 0);
}

#[test]
fn photos_that_lay_there_before_the_start_are_published() {
    let mut world = World::new();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.copy_in("ben.png", &portrait("portrait.png"));
    world.start();
    world.wait_published("portraits/anna/icon.jpg");
    world.wait_published("portraits/ben/icon.jpg");
}

#[test]
fn every_format_is_published_in_its_own_colours() {
    let world = World::new();
    let files =
        ["portrait.jpg", "portrait-progressive.jpg", "portrait.png", "portrait.webp", "portrait.gif", "portrait.heic"];
    for (user, file) in files.iter().enumerate() {
        let extension = file.rsplit_once('.').unwrap().1;
        world.copy_in(&format!("user{user}.{extension}"), &portrait(file));
    }
    world.copy_in("cmyk.jpg", &portrait("portrait-cmyk.jpg"));
    world.copy_in("gray.jpg", &portrait("portrait-gray.jpg"));
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(8)));

    let expected = Picture::decode("source", &portrait("portrait.jpg"));
    let published = |user: &str| world.picture(&format!("portraits/{user}/thumb.jpg")).unwrap();
    for (user, file) in files.iter().enumerate() {
        let distance = published(&format!("user{user}")).distance(&expected);
        assert!(distance < 12, "{file}: {distance}");
    }
    let distance = published("cmyk").distance(&expected);
    assert!(distance < 24, "CMYK: {distance}");
    let [red, green, blue] = published("gray").mean(0..200, 0..200);
    assert!(red.abs_diff(green) < 3 && green.abs_diff(blue) < 3, "gray became {red} {green} {blue}");
}

#[test]
fn an_extension_that_lies_is_no_reason_to_refuse() {
    let world = World::new();
    world.copy_in("anna.jpg", &portrait("portrait.png"));
    world.copy_in("ben.PNG", &portrait("portrait.jpg"));
    world.copy_in("cleo.jpeg", &portrait("portrait.webp"));
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(3)), "{summary}");
    let warnings = &world.explain("anna")["photo"]["warnings"];
    assert!(warnings.to_string().contains("PNG"), "{warnings}");
}

#[test]
fn nothing_but_the_picture_is_published() {
    let world = World::new();
    world.copy_in("anna.jpg", &portrait("phone-with-gps.jpg"));
    world.copy_in("ben.jpg", &commented(&portrait("camera-orientation-6.jpg"), "canary-of-a-comment"));
    world.copy_in("cleo.jpg", &[portrait("portrait.jpg"), b"canary-behind-the-end".to_vec()].concat());
    let (code, _) = world.sync(&[]);
    assert_eq!(code, 0);
    let canaries = ["Exif", "Nokia", "Lumia", "CASIO", "paint.net", "canary", "Ducky", "http"];
    for (name, entry) in world.backend_files("portraits").0 {
        for canary in canaries {
            let found = entry.bytes.windows(canary.len()).any(|part| part == canary.as_bytes());
            assert!(!found, "{canary} is in {}", name.display());
        }
    }
}

#[test]
fn the_drop_folder_is_never_written_to() {
    let mut world = World::new();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.copy_in("broken.jpg", b"no photo");
    world.copy_in("notes.txt", b"a note");
    let before = Snapshot::of(&world.drop_folder());
    world.start();
    world.wait_published("portraits/anna/icon.jpg");
    world.wait_status("the refusal", |status| !status["rejected"].as_array().unwrap().is_empty());
    assert_eq!(world.stop(), 0);
    before.assert_untouched(&world.drop_folder());
}

#[test]
fn a_published_folder_holds_finished_pictures_only() {
    let mut world = World::new();
    world.start();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.wait_explain("anna", "done", |story| story["backends"]["portraits"]["state"] == "done");
    let names = world.backend_files("portraits").names();
    assert_eq!(names, ["anna/icon.jpg", "anna/original.jpg", "anna/thumb.jpg"]);
}

#[test]
fn a_photo_that_appears_while_the_first_is_delivered_is_published_too() {
    let mut world = World::new();
    world.start();
    for user in ["anna", "ben", "cleo", "dora"] {
        world.copy_in(&format!("{user}.jpg"), &portrait("phone-with-gps.jpg"));
    }
    wait_until("all four", SOON, || (world.status()["backends"]["portraits"]["done"] == 4).then_some(()));
}
