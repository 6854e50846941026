//! Files that are no photo or not one that may be used: each is refused with a reason that a person understands, at
//! once, and nothing of it reaches a backend.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    photos::{Number, cut, jpeg_that_claims, plain, portrait, zero_tail},
    world::{World, files_in},
};

/// File name, content, words of which one must be in the reason.
fn refused_files() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let photo = portrait("portrait.jpg");
    vec![
        ("empty.jpg", Vec::new(), &["empty"]),
        ("garbage.jpg", (0..40_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect(), &["JPEG"]),
        ("text.jpg", b"Dear colleagues, my photo is attached.".to_vec(), &["JPEG"]),
        ("zeros.jpg", vec![0; 100_000], &["JPEG", "zero"]),
        ("page.jpg", b"%PDF-1.7\n".repeat(30), &["PDF"]),
        ("half.jpg", cut(&photo, 50), &["copy it again"]),
        ("one-byte-short.jpg", photo[..photo.len() - 1].to_vec(), &["copy it again"]),
        ("zero-tail.jpg", zero_tail(&photo, 70), &["copy it again"]),
        ("half-progressive.jpg", cut(&portrait("portrait-progressive.jpg"), 60), &["copy it again"]),
        ("half.png", cut(&portrait("portrait.png"), 60), &["copy it again"]),
        ("half.webp", cut(&portrait("portrait.webp"), 60), &["copy it again"]),
        ("tiny.jpg", plain(64, 64, [100, 90, 80]), &["64", "96"]),
        ("huge-claim.jpg", jpeg_that_claims(65_500, 65_500), &["MP", "pixel"]),
        ("claim.jpg", jpeg_that_claims(9_000, 9_000), &["copy it again", "decode", "end"]),
    ]
}

#[test]
fn what_is_no_whole_photo_is_refused_with_a_reason() {
    let world = World::new();
    let files = refused_files();
    for (name, bytes, _) in &files {
        world.copy_in(name, bytes);
    }
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 1);
    assert_eq!(summary["rejected"], files.len(), "{:#}", world.status()["rejected"]);
    assert_eq!((&summary["photos"], &summary["delivered"]), (&json!(0), &json!(0)));
    let status = world.status();
    for (name, _, words) in &files {
        let listed = status["rejected"].as_array().unwrap().iter().find(|entry| entry["file"] == *name);
        let reason = listed.unwrap_or_else(|| panic!("{name} is not listed"))["reason"].as_str().unwrap();
        println!("{name}: {reason}");
        assert!(words.iter().any(|word| reason.contains(word)), "{name}: {reason}");
    }
    assert!(world.backend_files("portraits").0.is_empty());
}

#[test]
fn a_refused_first_photo_can_be_explained() {
    let world = World::new();
    world.copy_in("anna.jpg", &cut(&portrait("portrait.jpg"), 50));
    world.sync(&[]);
    let photo = world.explain("anna")["photo"].take();
    assert_eq!((&photo["state"], &photo["file"]), (&json!("rejected"), &json!("anna.jpg")));
    assert!(photo["reason"].as_str().unwrap().contains("copy it again"), "{photo}");
    for unknown in ["digest", "width", "height"] {
        assert!(photo[unknown].is_null(), "{unknown} of a refused photo: {photo}");
    }
}

#[test]
fn limits_of_the_config_refuse() {
    let mut world = World::new();
    world.set("photo.max-bytes", "40KiB");
    world.set("photo.max-pixels", "0.5MP");
    world.set("photo.min-side", 300);
    world.copy_in("heavy.jpg", &portrait("portrait.jpg"));
    world.copy_in("small.png", &portrait("portrait.png"));
    world.copy_in("wide.jpg", &plain(1_000, 600, [90, 120, 150]));
    world.copy_in("good.webp", &portrait("portrait.webp"));
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 1);
    assert_eq!((&summary["rejected"], &summary["delivered"]), (&json!(3), &json!(1)), "{:#}", world.status());
    world.set("photo.max-bytes", "32MiB");
    world.set("photo.max-pixels", "120MP");
    world.set("photo.min-side", 96);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["rejected"], &summary["delivered"]), (0, &json!(0), &json!(3)), "{:#}", world.status());
}

#[test]
fn a_file_over_the_byte_cap_is_refused_without_being_read() {
    let world = World::new();
    File::create(world.path("drop/anna.jpg")).unwrap().set_len(1 << 40).unwrap();
    let began = Instant::now();
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["rejected"]), (1, &json!(1)));
    assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
}

#[test]
fn a_refused_file_holds_nobody_up() {
    let mut world = World::new();
    world.start();
    for (name, bytes, _) in refused_files() {
        world.copy_in(name, &bytes);
    }
    let number = Number { user: 3, version: 1 };
    world.copy_in("anna.jpg", &number.photo());
    world.wait_number("portraits/anna/icon.jpg", number);
    world.wait_status("all refused", |status| status["rejected"].as_array().unwrap().len() == refused_files().len());
}

#[test]
fn a_file_that_is_put_right_is_forgotten_as_refused() {
    let mut world = World::new();
    world.start();
    world.copy_in("anna.jpg", b"no photo");
    world.copy_in("ben.jpg", b"no photo");
    world.wait_status("both refused", |status| status["rejected"].as_array().unwrap().len() == 2);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.take_out("ben.jpg");
    world.wait_published("portraits/anna/icon.jpg");
    world.wait_status("none refused", |status| status["rejected"].as_array().unwrap().is_empty());
}

#[test]
fn files_of_other_kinds_are_ignored_with_a_reason() {
    let world = World::new();
    for name in ["notes.txt", "Thumbs.db", "photos.zip", "no-extension"] {
        world.copy_in(name, b"whatever");
    }
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, _) = world.sync(&[]);
    assert_eq!(code, 0, "ignored files are no failure");
    let status = world.status();
    let mut ignored = files_in(&status["ignored"]);
    ignored.sort_unstable();
    assert_eq!(ignored, ["Thumbs.db", "no-extension", "notes.txt", "photos.zip"]);
    for entry in status["ignored"].as_array().unwrap() {
        assert!(!entry["reason"].as_str().unwrap().is_empty(), "{entry}");
    }
}
