//! What is odd about a photo is told and not only seen by whoever looks at the system: in `explain`, `status` and the
//! metrics, for as long as it is true. It keeps a photo back only where the configuration says so.

use serde_json::json;

use crate::{
    admin::Port,
    photos::Number,
    world::{SOON, World, wait_until},
};

/// A photo of 120 x 120 pixels, which is enlarged for a rendition of 200 x 200.
fn small(version: u32) -> Vec<u8> {
    Number { user: 1, version }.photo()
}

/// One that is not.
fn large(version: u32) -> Vec<u8> {
    Number { user: 1, version }.photo_of_side(240)
}

fn warnings(world: &World) -> (serde_json::Value, serde_json::Value) {
    (world.explain("anna")["photo"]["warnings"].take(), world.status()["warnings"].take())
}

#[test]
fn a_warning_is_told_once_for_all_backends_and_as_long_as_it_is_true() {
    let mut world = World::new();
    world.add_backend("badges");
    world.copy_in("anna.jpg", &small(1));
    assert_eq!(world.sync(&[]).0, 0, "it is delivered all the same");
    // Each command reads what was written down by the one before.
    assert_eq!(warnings(&world), (json!(["enlarged"]), json!({ "enlarged": 1 })));
    let text = world.portraitd(&["explain", "anna"]).expect(0).out;
    assert_eq!(text.matches("warning: enlarged: the part of the picture").count(), 1, "{text}");
    let text = world.portraitd(&["status"]).expect(0).out;
    assert!(text.contains("warnings: 1 enlarged\n"), "{text}");
    world.set_renditions("badges", &[("card", 90)]);
    world.sync(&[]);
    assert_eq!(warnings(&world).0, json!(["enlarged"]), "the other backend still gets what was enlarged");
    world.set_renditions("portraits", &[("icon", 48)]);
    world.sync(&[]);
    assert_eq!(warnings(&world), (json!([]), json!({})));
}

#[test]
fn another_photo_starts_without_warnings() {
    let world = World::new();
    world.copy_in("anna.jpg", &small(1));
    world.sync(&[]);
    world.move_in("anna.jpg", &large(2));
    assert_eq!(world.sync(&[]).0, 0);
    assert_eq!(warnings(&world), (json!([]), json!({})));
}

#[test]
fn the_daemon_counts_warnings_and_names_nobody() {
    let mut world = World::new();
    let port = Port::free();
    world.set("admin.listen", format!("127.0.0.1:{}", port.0));
    world.copy_in("anna.jpg", &small(1));
    world.sync(&[]);
    world.start();
    let name = r#"portraitd_photo_warnings{warning="enlarged"}"#;
    wait_until("the count", SOON, || (port.metric(name)? == 1.0).then_some(()));
    assert_eq!(port.metric(r#"portraitd_photo_warnings{warning="no-face"}"#), Some(0.0));
    let counts: serde_json::Value = serde_json::from_str(&port.get("/status").body).unwrap();
    assert_eq!(counts["warnings"], json!({ "enlarged": 1 }));
    world.move_in("anna.jpg", &large(2));
    wait_until("none", SOON, || (port.metric(name)? == 0.0).then_some(()));
}

#[test]
fn what_is_unwanted_is_refused_before_any_backend_is_touched_and_taken_by_other_rules() {
    let mut world = World::new();
    world.set("photo.reject", vec!["enlarged"]);
    world.copy_in("anna.jpg", &small(1));
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["rejected"], &summary["delivered"]), (1, &json!(1), &json!(0)));
    assert!(world.backend_files("portraits").0.is_empty());
    let reason = world.status()["rejected"][0]["reason"].take();
    assert!(reason.as_str().unwrap().contains("had to be enlarged (`enlarged`)"), "{reason}");
    assert!(world.explain("anna")["backends"]["portraits"]["attempts"].as_array().unwrap().is_empty());
    world.set("photo.reject", vec!["dark"]);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["rejected"], &summary["delivered"]), (0, &json!(0), &json!(1)), "{:#}", world.status());
}

#[test]
fn an_unwanted_replacement_changes_nothing() {
    let mut world = World::new();
    world.set("photo.reject", vec!["enlarged"]);
    world.copy_in("anna.jpg", &large(1));
    assert_eq!(world.sync(&[]).0, 0);
    let before = world.backend_files("portraits");
    world.move_in("anna.jpg", &small(2));
    assert_eq!(world.sync(&[]).0, 1);
    assert_eq!(world.backend_files("portraits"), before);
}

#[test]
fn preview_says_what_is_odd_and_refuses_what_is_unwanted() {
    let mut world = World::new();
    std::fs::write(world.path("anna.jpg"), small(1)).unwrap();
    let told = world.portraitd(&["preview", "anna.jpg", "--out", "shown"]).expect(0);
    assert!(told.err.contains("warning: enlarged: "), "{}", told.text());
    world.set("photo.reject", vec!["enlarged"]);
    let told = world.portraitd(&["preview", "anna.jpg", "--out", "other"]).expect(1);
    assert!(told.err.contains("(`enlarged`)") && !world.path("other").exists(), "{}", told.text());
}

#[test]
fn check_says_which_keys_are_without_effect() {
    let mut world = World::new();
    world.set("photo.zoom", 3.0);
    let text = world.portraitd(&["check"]).expect(0).out;
    assert!(text.contains("photo.zoom is without effect: photo.crop is not \"face\""), "{text}");
    world.set("photo.crop", "face");
    let text = world.portraitd(&["check"]).expect(0).out;
    assert!(!text.contains("without effect"), "{text}");
}
