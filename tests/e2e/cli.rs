//! The commands besides `run` and `sync`: what they print, how they end, with and without a daemon.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use crate::{
    binaries::binaries,
    photos::{Number, cut, portrait},
    world::World,
};

fn world_with_anna() -> World {
    let world = World::new();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world
}

#[test]
fn help_and_version_need_no_config() {
    let world = World::new();
    fs::remove_file(world.path("portraitd.toml")).unwrap();
    let help = world.portraitd(&["--help"]).expect(0).out;
    let commands = ["run", "sync", "check", "status", "explain", "retry", "confirm-removals", "preview", "plugins"];
    for command in commands {
        assert!(help.contains(command), "help does not name {command}:\n{help}");
        assert!(!world.portraitd(&[command, "--help"]).expect(0).out.is_empty());
    }
    assert!(world.portraitd(&["--version"]).expect(0).out.starts_with("portraitd "));
}

#[test]
fn an_unknown_command_is_wrong_usage() {
    let world = World::new();
    world.portraitd(&["frobnicate"]).expect(2);
    world.portraitd(&[]).expect(2);
    world.portraitd(&["explain"]).expect(2);
    world.portraitd(&["preview", "some.jpg"]).expect(2);
}

#[test]
fn check_says_what_it_looked_at_and_starts_nothing() {
    let world = world_with_anna();
    let text = world.portraitd(&["check"]).expect(0).text();
    for word in ["drop", "files", "portraits"] {
        assert!(text.contains(word), "check does not name {word}:\n{text}");
    }
    assert!(world.backend_files("portraits").0.is_empty());
}

#[test]
fn check_refuses_a_plugin_that_is_not_there_or_no_plugin() {
    let mut world = world_with_anna();
    world.set("backend.extra.plugin", "nowhere");
    let told = world.portraitd(&["check"]).expect(2);
    assert!(told.text().contains("nowhere"), "{}", told.text());

    let mut world = world_with_anna();
    fs::create_dir(world.path("plugins")).unwrap();
    fs::write(world.path("plugins/libportraitd_plugin_files.so"), b"not a library").unwrap();
    world.set("plugins.path", vec!["plugins"]);
    let told = world.portraitd(&["check"]).expect(2);
    assert!(told.text().contains("libportraitd_plugin_files.so"), "{}", told.text());
}

#[test]
fn a_library_that_others_may_change_is_refused() {
    let mut world = world_with_anna();
    let plugins = world.path("plugins");
    fs::create_dir(&plugins).unwrap();
    let copy = plugins.join("libportraitd_plugin_files.so");
    fs::copy(&binaries().files_plugin, &copy).unwrap();
    world.set("plugins.path", vec!["plugins"]);
    world.portraitd(&["check"]).expect(0);
    for (path, mode) in [(&copy, 0o757), (&plugins, 0o777)] {
        let before = fs::metadata(path).unwrap().permissions();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let told = world.portraitd(&["check"]).expect(2);
        assert!(told.text().contains("writ"), "{}", told.text());
        fs::set_permissions(path, before).unwrap();
    }
    world.portraitd(&["check"]).expect(0);
}

#[test]
fn status_is_readable_with_and_without_a_daemon() {
    let mut world = world_with_anna();
    world.copy_in("broken.jpg", &cut(&portrait("portrait.jpg"), 30));
    world.copy_in("notes.txt", b"a note");
    world.sync(&[]);
    let apart = world.portraitd(&["status"]).expect(0).out;
    let apart_json = world.status();
    world.start();
    world.wait_status("the first scan", |status| status["folder"]["state"] == "ok");
    for text in [apart, world.portraitd(&["status"]).expect(0).out] {
        for word in ["portraits", "broken.jpg", "copy it again", "notes.txt"] {
            assert!(text.contains(word), "status does not tell {word}:\n{text}");
        }
    }
    let mut running_json = world.status();
    assert!(running_json["folder"]["scanned"].is_string());
    running_json["folder"] = apart_json["folder"].clone();
    assert_eq!(running_json, apart_json);
}

#[test]
fn status_before_anything_happened_is_no_failure() {
    let status = World::new().status();
    assert_eq!((&status["photos"], &status["rejected"]), (&json!(0), &json!([])));
}

#[test]
fn explain_of_an_unknown_user_is_one() {
    let mut world = world_with_anna();
    world.sync(&[]);
    let told = world.portraitd(&["explain", "nobody"]).expect(1);
    assert!(told.text().contains("nobody"), "{}", told.text());
    world.start();
    world.portraitd(&["explain", "nobody"]).expect(1);
    world.portraitd(&["explain", "anna"]).expect(0);
}

#[test]
fn retry_is_harmless_when_nothing_waits() {
    let mut world = world_with_anna();
    world.sync(&[]);
    let before = world.backend_files("portraits");
    world.portraitd(&["retry"]).expect(0);
    world.portraitd(&["retry", "--backend", "portraits", "anna"]).expect(0);
    world.portraitd(&["retry", "--backend", "nobody"]).expect(2);
    let (_, summary) = world.sync(&[]);
    assert_eq!(summary["unchanged"], 1);
    world.start();
    world.portraitd(&["retry"]).expect(0);
    assert_eq!(world.stop(), 0);
    before.assert_untouched(&world.path("portraits"));
}

#[test]
fn confirming_without_a_brake_is_harmless() {
    let mut world = world_with_anna();
    world.portraitd(&["confirm-removals"]).expect(0);
    world.start();
    world.portraitd(&["confirm-removals"]).expect(0);
    world.wait_published("portraits/anna/icon.jpg");
}

#[test]
fn plugins_can_be_listed_and_shown() {
    let world = world_with_anna();
    let text = world.portraitd(&["plugins", "list"]).expect(0).out;
    assert!(text.contains("files"), "{text}");
    let file = binaries().files_plugin.to_str().unwrap();
    let text = world.portraitd(&["plugins", "show", file]).expect(0).out;
    for word in ["files", "path", "renditions", "portraits"] {
        assert!(text.contains(word), "plugins show does not tell {word}:\n{text}");
    }
    let text_file = world.path("portraitd.toml");
    let told = world.portraitd(&["plugins", "show", text_file.to_str().unwrap()]).expect(2);
    assert!(told.err.contains("portraitd.toml"), "{}", told.err);
}

#[test]
fn a_retry_makes_what_was_stopped_due_again() {
    let mut world = World::new();
    let mut rendition = toml::Table::new();
    for (key, value) in [("name", "icon".into()), ("width", 400.into()), ("height", 400.into())] {
        let value: toml::Value = value;
        rendition.insert(key.into(), value);
    }
    rendition.insert("max-bytes".into(), 700.into());
    world.set("backend.portraits.settings.renditions", vec![toml::Value::from(rendition)]);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 1, "400 x 400 pixels do not fit into 700 bytes: {summary}");
    assert!(world.backend_files("portraits").0.is_empty());
    world.set_renditions("portraits", &[("icon", 48)]);
    world.portraitd(&["retry", "anna"]).expect(0);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(1)), "{summary}");
}

#[test]
fn log_lines_go_to_stderr_in_the_format_asked_for() {
    let mut world = world_with_anna();
    world.set("log.format", "json");
    let told = world.portraitd(&["sync", "--json"]).expect(0);
    assert_eq!(told.out.trim_end().lines().count(), 1, "stdout holds more than the summary:\n{}", told.out);
    let logged: Vec<_> = told.err.lines().filter(|line| line.starts_with('{')).collect();
    assert!(!logged.is_empty(), "nothing was logged as JSON:\n{}", told.err);
    for line in logged {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn user_ids_are_logged_at_debug_only() {
    let mut world = World::new();
    world.set("log.level", "info");
    let number = Number { user: 1, version: 1 };
    world.copy_in("anna-canary.jpg", &number.photo());
    world.start();
    world.wait_number("portraits/anna-canary/icon.jpg", number);
    assert_eq!(world.stop(), 0);
    assert!(!world.log().contains("anna-canary"), "{}", world.log());
}
