//! The config file: every key of the contract is accepted at its default, everything else is refused with the path of
//! the key and exit code 2, and relative paths mean what the manual says.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{photos::portrait, world::World};

/// Every key of this version at its default, with one backend.
const EVERYTHING: &str = r##"
[folder]
path = "drop"
settle = "2s"
rescan = "5m"
watch = "auto"
extensions = ["jpg", "jpeg", "png", "webp", "gif", "heic", "heif"]
user-id = "(?<userid>[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,127})"
conflict = "refuse"
absence = "10m"
brake = "5%"

[state]
path = "state"

[photo]
max-bytes = "32MiB"
max-pixels = "120MP"
min-side = 96
crop = "face"
zoom = 2.0
eye-line = 0.42
background = "#ffffff"
linear-light = false
reject = []

[plugins]
path = []

[log]
level = "info"
format = "text"

[admin]
listen = "127.0.0.1:8787"

[http]
ca-file = ""
proxy = ""

[publish]
listen = ""
url = ""

[backend.portraits]
plugin = "files"
enabled = true
concurrency = 4
timeout = "60s"
remove = false

[backend.portraits.settings]
path = "portraits"
name = "{userid}/{rendition}.jpg"
renditions = [
    { name = "original", width = 2048, height = 2048, fit = "at-most" },
    { name = "thumb", width = 200, height = 200 },
    { name = "icon", width = 48, height = 48 },
]

[run]
grace = "20s"
"##;

/// Asserts that `check` refuses this text and names what is wrong.
fn refused(text: &str, words: &[&str]) {
    let world = World::new();
    world.write_config(text);
    let told = world.portraitd(&["check"]);
    assert_eq!(told.code(), 2, "accepted:\n{text}\n{}", told.text());
    for word in words {
        assert!(told.err.contains(word), "{word} is not named for\n{text}\nbut:\n{}", told.err);
    }
}

/// `EVERYTHING` with one line replaced.
fn with(line: &str, other: &str) -> String {
    assert!(EVERYTHING.contains(line), "no line {line}");
    EVERYTHING.replacen(line, other, 1)
}

#[test]
fn every_key_of_the_contract_is_accepted() {
    let world = World::new();
    world.write_config(EVERYTHING);
    world.portraitd(&["check"]).expect(0);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.portraitd(&["sync"]).expect(0);
    assert!(world.published("portraits/anna/icon.jpg").is_some());
}

#[test]
fn other_values_of_the_contract_are_accepted() {
    let accepted = [
        ("watch = \"auto\"", "watch = \"events\""),
        ("watch = \"auto\"", "watch = \"poll\""),
        ("conflict = \"refuse\"", "conflict = \"newest\""),
        ("brake = \"5%\"", "brake = \"100%\""),
        ("crop = \"face\"", "crop = \"center\""),
        ("crop = \"face\"", "crop = \"upper\""),
        ("crop = \"face\"", "crop = \"none\""),
        ("zoom = 2.0", "zoom = 10"),
        ("eye-line = 0.42", "eye-line = 0.5"),
        ("background = \"#ffffff\"", "background = \"#00ccFF\""),
        ("linear-light = false", "linear-light = true"),
        (
            "reject = []",
            "reject = [\"no-face\", \"several-faces\", \"face-small\", \"dark\", \"blurred\", \"enlarged\"]",
        ),
        ("max-bytes = \"32MiB\"", "max-bytes = 1000000"),
        ("level = \"info\"", "level = \"warn\""),
        ("format = \"text\"", "format = \"json\""),
        ("extensions = [\"jpg\", \"jpeg\", \"png\", \"webp\", \"gif\", \"heic\", \"heif\"]", "extensions = [\"JPG\"]"),
        ("absence = \"10m\"", "absence = \"1h 30m\""),
        ("concurrency = 4", "concurrency = 64"),
    ];
    for (line, other) in accepted {
        let world = World::new();
        world.write_config(&with(line, other));
        world.portraitd(&["check"]).expect(0);
    }
}

#[test]
fn an_unknown_key_is_named_by_its_path() {
    refused(&with("settle = \"2s\"", "setle = \"2s\""), &["folder.setle", "settle"]);
    refused(&with("[state]", "[stat]"), &["stat"]);
    refused(&with("min-side = 96", "minside = 96"), &["photo.minside", "min-side"]);
    refused(&with("concurrency = 4", "parallel = 4"), &["backend.portraits.parallel"]);
    refused(&with("grace = \"20s\"", "patience = \"20s\""), &["run.patience"]);
    refused(&with("format = \"text\"", "colour = true"), &["log.colour"]);
}

#[test]
fn keys_of_later_versions_are_unknown() {
    refused(&with("concurrency = 4", "isolation = \"process\""), &["backend.portraits.isolation"]);
}

#[test]
fn a_bad_value_is_named_by_its_path() {
    let bad = [
        ("127.0.0.1:8787", "8787", "admin.listen"),
        ("settle = \"2s\"", "settle = \"soon\"", "folder.settle"),
        ("settle = \"2s\"", "settle = 2", "folder.settle"),
        ("settle = \"2s\"", "settle = \"0s\"", "folder.settle"),
        ("settle = \"2s\"", "settle = \"-2s\"", "folder.settle"),
        ("rescan = \"5m\"", "rescan = \"1s\"", "folder.rescan"),
        ("rescan = \"5m\"", "rescan = true", "folder.rescan"),
        ("watch = \"auto\"", "watch = \"sometimes\"", "folder.watch"),
        (
            "extensions = [\"jpg\", \"jpeg\", \"png\", \"webp\", \"gif\", \"heic\", \"heif\"]",
            "extensions = [\"bmp\"]",
            "folder.extensions",
        ),
        (
            "extensions = [\"jpg\", \"jpeg\", \"png\", \"webp\", \"gif\", \"heic\", \"heif\"]",
            "extensions = [\"tiff\"]",
            "folder.extensions",
        ),
        (
            "extensions = [\"jpg\", \"jpeg\", \"png\", \"webp\", \"gif\", \"heic\", \"heif\"]",
            "extensions = []",
            "folder.extensions",
        ),
        (
            "extensions = [\"jpg\", \"jpeg\", \"png\", \"webp\", \"gif\", \"heic\", \"heif\"]",
            "extensions = \"jpg\"",
            "folder.extensions",
        ),
        ("conflict = \"refuse\"", "conflict = \"oldest\"", "folder.conflict"),
        ("absence = \"10m\"", "absence = \"never\"", "folder.absence"),
        ("brake = \"5%\"", "brake = \"500%\"", "folder.brake"),
        ("brake = \"5%\"", "brake = \"5\"", "folder.brake"),
        ("brake = \"5%\"", "brake = \"-1%\"", "folder.brake"),
        ("path = \"drop\"", "path = \"\"", "folder.path"),
        ("path = \"drop\"", "path = 7", "folder.path"),
        ("path = \"state\"", "path = \"\"", "state.path"),
        ("path = \"state\"", "path = \"drop/state\"", "state.path"),
        ("max-bytes = \"32MiB\"", "max-bytes = \"lots\"", "photo.max-bytes"),
        ("max-bytes = \"32MiB\"", "max-bytes = -1", "photo.max-bytes"),
        ("max-pixels = \"120MP\"", "max-pixels = \"120MX\"", "photo.max-pixels"),
        ("max-pixels = \"120MP\"", "max-pixels = \"0MP\"", "photo.max-pixels"),
        ("min-side = 96", "min-side = \"small\"", "photo.min-side"),
        ("min-side = 96", "min-side = -5", "photo.min-side"),
        ("crop = \"face\"", "crop = \"left\"", "photo.crop"),
        ("zoom = 2.0", "zoom = 1.0", "photo.zoom"),
        ("zoom = 2.0", "zoom = \"close\"", "photo.zoom"),
        ("eye-line = 0.42", "eye-line = 0.9", "photo.eye-line"),
        ("background = \"#ffffff\"", "background = \"white\"", "photo.background"),
        ("linear-light = false", "linear-light = 1", "photo.linear-light"),
        ("reject = []", "reject = [\"no-faces\"]", "photo.reject[0]"),
        ("reject = []", "reject = \"no-face\"", "photo.reject"),
        ("listen = \"\"", "listen = \"0.0.0.0:8788\"", "publish.listen"),
        ("listen = \"\"", "listen = \"off\"", "publish.listen"),
        ("url = \"\"", "url = \"https://photos.example.com\"", "publish.url"),
        ("url = \"\"", "url = \"photos.example.com\"", "publish.url"),
        ("path = []", "path = \"/usr/lib\"", "plugins.path"),
        ("level = \"info\"", "level = \"loud\"", "log.level"),
        ("format = \"text\"", "format = \"xml\"", "log.format"),
        ("concurrency = 4", "concurrency = 0", "backend.portraits.concurrency"),
        ("concurrency = 4", "concurrency = 1000", "backend.portraits.concurrency"),
        ("enabled = true", "enabled = \"yes\"", "backend.portraits.enabled"),
        ("remove = false", "remove = \"no\"", "backend.portraits.remove"),
        ("plugin = \"files\"", "plugin = \"../files\"", "backend.portraits.plugin"),
        ("plugin = \"files\"", "", "backend.portraits"),
        ("[backend.portraits]", "[backend.\"Por traits\"]", "Por traits"),
        ("grace = \"20s\"", "grace = \"a while\"", "run.grace"),
    ];
    for (line, other, path) in bad {
        refused(&with(line, other), &[path]);
    }
}

#[test]
fn a_user_id_pattern_must_be_one_and_name_the_user() {
    let line = "user-id = \"(?<userid>[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,127})\"";
    for pattern in ["user-id = '('", "user-id = '[a-z]+'", "user-id = '(?<user>[a-z]+)'", "user-id = 5"] {
        refused(&with(line, pattern), &["folder.user-id"]);
    }
}

#[test]
fn settings_are_checked_against_the_plugins_own_schema() {
    let bad = [
        ("name = \"{userid}/{rendition}.jpg\"", "nme = \"x\"", "nme"),
        ("name = \"{userid}/{rendition}.jpg\"", "name = \"{rendition}.jpg\"", "name"),
        ("name = \"{userid}/{rendition}.jpg\"", "name = \"{userid}.jpg\"", "name"),
        ("name = \"{userid}/{rendition}.jpg\"", "name = \"../{userid}/{rendition}.jpg\"", "name"),
        ("name = \"{userid}/{rendition}.jpg\"", "name = \"/{userid}/{rendition}.jpg\"", "name"),
        ("name = \"{userid}/{rendition}.jpg\"", "name = \"{userid}/{rendition}/{colour}.jpg\"", "colour"),
        ("name = \"{userid}/{rendition}.jpg\"", "name = 5", "name"),
        ("path = \"portraits\"", "", "path"),
        ("name = \"thumb\", width = 200", "name = \"icon\", width = 200", "icon"),
        ("name = \"thumb\", width = 200", "name = \"thumb\", width = -200", "width"),
        ("name = \"thumb\", width = 200", "name = \"thumb\", width = \"wide\"", "width"),
        ("fit = \"at-most\"", "fit = \"loosely\"", "fit"),
        ("name = \"icon\", width = 48", "name = \"icon\", max-bytes = \"few\", width = 48", "max-bytes"),
        ("name = \"icon\", width = 48", "name = \"icon\", max-byte = \"1KiB\", width = 48", "max-byte"),
    ];
    for (line, other, word) in bad {
        refused(&with(line, other), &["portraits", word]);
    }
}

#[test]
fn what_is_no_toml_is_refused_by_its_line() {
    refused("[folder\npath = 1", &["portraitd.toml", "1"]);
    refused("just words", &["portraitd.toml", "1"]);
}

#[test]
fn an_empty_config_is_the_defaults_and_delivers_nowhere() {
    let world = World::new();
    world.write_config("");
    let told = world.portraitd(&["check"]).expect(0);
    assert!(told.text().contains("backend"), "nobody is told that nothing will be delivered:\n{}", told.text());
}

#[test]
fn no_config_file_is_two_for_every_command() {
    let world = World::new();
    fs::remove_file(world.path("portraitd.toml")).unwrap();
    let commands: [&[&str]; 9] = [
        &["run"],
        &["sync"],
        &["check"],
        &["status"],
        &["explain", "anna"],
        &["retry"],
        &["confirm-removals"],
        &["preview", "a.jpg", "--out", "o"],
        &["plugins", "list"],
    ];
    for command in commands {
        let told = world.portraitd(command).expect(2);
        assert!(told.err.contains("portraitd.toml"), "{command:?}: {}", told.err);
        let told = world.portraitd(&[command, &["--config", "other.toml"]].concat()).expect(2);
        assert!(told.err.contains("other.toml"), "{command:?}: {}", told.err);
    }
}

#[test]
fn the_config_is_looked_for_in_the_documented_places() {
    let world = World::new();
    fs::create_dir(world.path("config")).unwrap();
    fs::rename(world.path("portraitd.toml"), world.path("config/portraitd.toml")).unwrap();
    world.portraitd(&["check"]).expect(0);
    fs::write(world.path("portraitd.toml"), "broken").unwrap();
    world.portraitd(&["check"]).expect(2);
    world.portraitd(&["check", "--config", "config/portraitd.toml"]).expect(0);
}

#[test]
fn a_service_of_root_takes_no_config_from_the_working_directory() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root is protected from a config in its working directory");
        return;
    }
    let world = World::new();
    let mut check = world.command(&["check"]);
    check.env("INVOCATION_ID", "0123456789abcdef0123456789abcdef");
    world.finish(check, crate::world::SOON).expect(2);
    let mut check = world.command(&["check", "--config", "portraitd.toml"]);
    check.env("INVOCATION_ID", "0123456789abcdef0123456789abcdef");
    world.finish(check, crate::world::SOON).expect(0);
}

#[test]
fn a_config_that_anybody_may_change_is_refused() {
    let world = World::new();
    fs::set_permissions(world.path("portraitd.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    let told = world.portraitd(&["check"]).expect(2);
    assert!(told.err.contains("portraitd.toml") && told.err.contains("hint"), "{}", told.err);
}

#[test]
fn a_running_daemon_is_not_started_on_a_bad_config() {
    let mut world = World::new();
    world.set("folder.settle", "soon");
    let told = world.portraitd(&["run"]).expect(2);
    for part in ["error:", "folder.settle", "hint:"] {
        assert!(told.err.contains(part), "{part} is missing:\n{}", told.err);
    }
    assert!(!world.path("state").exists(), "a refused config made a state directory");
}
