//! The JSON that scripts of administrators read, field by field: what is missing, renamed or of another type breaks
//! them, so it fails here.

use serde_json::{Value, json};

use crate::{
    photos::{cut, portrait},
    world::World,
};

fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Asserts that an object has these fields and no others, in any order.
fn assert_fields(value: &Value, fields: &[&str]) {
    let mut expected = fields.to_vec();
    expected.sort_unstable();
    assert_eq!(keys(value), expected, "{value:#}");
}

/// An RFC 3339 time with seconds and an offset.
fn is_time(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T' && bytes[13] == b':';
    shape && (text.ends_with('Z') || text[19..].contains(['+', '-']))
}

/// A world with a published, a refused, an ignored and a conflicting photo.
fn world() -> World {
    let world = World::new();
    world.copy_in("anna.jpg", &portrait("camera-orientation-6.jpg"));
    world.copy_in("broken.jpg", &cut(&portrait("portrait.jpg"), 40));
    world.copy_in("notes.txt", b"a note");
    world.copy_in("two.jpg", &portrait("portrait.jpg"));
    world.copy_in("two.png", &portrait("portrait.png"));
    world.sync(&[]);
    world
}

#[test]
fn status_has_the_fields_of_the_contract() {
    let status = world().status();
    let fields = ["folder", "photos", "warnings", "rejected", "ignored", "conflicts", "removals", "backends"];
    assert_fields(&status, &fields);
    assert_fields(&status["folder"], &["state", "reason", "scanned"]);
    assert_eq!(status["folder"]["state"], "ok");
    assert!(is_time(&status["folder"]["scanned"]), "{}", status["folder"]);
    assert!(status["photos"].is_u64() && status["warnings"].is_object());
    assert_eq!(keys(&status["rejected"][0]), ["file", "reason"]);
    assert_eq!(status["rejected"][0]["file"], "broken.jpg");
    assert_eq!(keys(&status["ignored"][0]), ["file", "reason"]);
    assert_eq!(status["ignored"][0]["file"], "notes.txt");
    assert_fields(&status["conflicts"][0], &["files", "reason"]);
    assert_eq!(status["removals"], json!({ "braked": 0 }));
    let backend = &status["backends"]["portraits"];
    assert_fields(backend, &["plugin", "state", "reason", "done", "due", "in-flight", "retrying", "absent", "stopped"]);
    assert_eq!((&backend["plugin"], &backend["state"]), (&json!("files"), &json!("up")));
    for count in ["done", "due", "in-flight", "retrying", "absent", "stopped"] {
        assert!(backend[count].is_u64(), "{count}: {backend}");
    }
    assert_eq!((&backend["done"], &backend["in-flight"]), (&json!(1), &json!(0)));
}

#[test]
fn explain_has_the_fields_of_the_contract() {
    let world = world();
    let story = world.explain("anna");
    assert_fields(&story, &["userid", "photo", "backends"]);
    let photo = &story["photo"];
    assert_fields(photo, &["state", "reason", "file", "digest", "width", "height", "warnings", "refused"]);
    assert_eq!((&photo["state"], &photo["file"]), (&json!("accepted"), &json!("anna.jpg")));
    assert_eq!((&photo["width"], &photo["height"]), (&json!(496), &json!(667)));
    assert!(photo["warnings"].is_array() && photo["refused"].is_null());
    let backend = &story["backends"]["portraits"];
    assert_fields(
        backend,
        &["state", "fingerprint", "renditions", "remote", "reason", "attempts", "verified", "next", "receipt"],
    );
    assert_eq!(backend["state"], "done");
    assert!(backend["fingerprint"].is_string() && !backend["receipt"].is_null(), "{backend:#}");
    assert!(backend["next"].is_null() || is_time(&backend["next"]), "{backend:#}");
    let attempt = &backend["attempts"][0];
    assert_fields(attempt, &["at", "verdict", "reason", "ms"]);
    assert!(is_time(&attempt["at"]) && attempt["ms"].is_number(), "{attempt}");
    assert_eq!(attempt["verdict"], "done");
}

#[test]
fn the_digest_is_that_of_sha256sum() {
    let world = world();
    let mut sum = std::process::Command::new("sha256sum");
    sum.arg(world.path("drop/anna.jpg"));
    let said = world.finish(sum, crate::world::SOON).expect(0).out;
    let digest = world.explain("anna")["photo"]["digest"].as_str().unwrap().to_owned();
    assert!(said.starts_with(digest.trim_start_matches("sha256:")), "{digest} is not {said}");
}

#[test]
fn refused_and_conflicting_photos_have_the_same_fields() {
    let world = world();
    for (user, state) in [("broken", "rejected"), ("two", "conflict")] {
        let photo = world.explain(user)["photo"].take();
        assert_fields(&photo, &["state", "reason", "file", "digest", "width", "height", "warnings", "refused"]);
        assert_eq!(photo["state"], state);
        assert!(photo["reason"].is_string(), "{photo}");
    }
}

#[test]
fn sync_has_the_fields_of_the_contract() {
    let world = world();
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 1);
    let counts = ["photos", "delivered", "unchanged", "absent", "waiting", "stopped", "rejected"];
    assert_fields(&summary, &[&counts[..], &["seconds"]].concat());
    assert!(counts.iter().all(|count| summary[count].is_u64()) && summary["seconds"].is_number(), "{summary}");
    assert_eq!((&summary["photos"], &summary["unchanged"]), (&json!(1), &json!(1)), "{summary}");
    assert_eq!((&summary["rejected"], &summary["stopped"]), (&json!(1), &json!(1)), "{summary}");
}

#[test]
fn json_stands_alone_on_stdout() {
    let world = world();
    for command in [vec!["status", "--json"], vec!["explain", "anna", "--json"], vec!["sync", "--json"]] {
        let told = world.portraitd(&command);
        assert!(told.json().is_object(), "{command:?}");
        assert_eq!(told.out.matches('\n').count(), told.out.trim_end().matches('\n').count() + 1, "{command:?}");
    }
}

#[test]
fn plugins_are_listed_as_json() {
    let world = world();
    let listed = world.portraitd(&["plugins", "list", "--json"]).expect(0).json();
    assert!(listed.to_string().contains("libportraitd_plugin_files.so"), "{listed}");
    let file = crate::binaries::binaries().files_plugin.to_str().unwrap();
    let shown = world.portraitd(&["plugins", "show", file, "--json"]).expect(0).json();
    let text = shown.to_string();
    for word in ["files", "path", "renditions", "portraits", "icon", "deliver", "remove"] {
        assert!(text.contains(word), "plugins show does not tell {word}: {shown:#}");
    }
}
