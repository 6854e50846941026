//! Entries that a hostile or careless hand puts into the drop folder: odd names, links, pipes, sockets, folders. None
//! may escape, hang the daemon, be read where it must not, or write control characters to a terminal.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::symlink,
        net::UnixListener,
    },
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use crate::{
    photos::{Number, portrait},
    world::{SETTLE, World, files_in, stays},
};

/// Names that end like a photo and can be no user's.
fn hostile_names() -> Vec<OsString> {
    let mut names: Vec<OsString> = [
        "-rf.jpg",
        "a b.jpg",
        "a\nb.jpg",
        "\u{1b}[31mred\u{1b}[0m.jpg",
        "\u{202e}gpj.annA.jpg",
        "a'b\".jpg",
        "$(id).jpg",
        "`id`.jpg",
        "a;b.jpg",
        "a|b.jpg",
        "%2e%2e%2f.jpg",
        "{userid}.jpg",
        "名前.jpg",
        "ü.jpg",
        "u\u{308}.jpg",
        "a\u{0}b.jpg",
        "a\\b.jpg",
        "*.jpg",
        "a:b.jpg",
        "\r.jpg",
        "\u{7f}.jpg",
        "a\u{200b}b.jpg",
    ]
    .iter()
    .filter(|name| !name.contains('\0'))
    .map(OsString::from)
    .collect();
    names.push(OsString::from_vec(b"\xff\xfe\x80.jpg".to_vec()));
    names.push(OsString::from(format!("{}.jpg", "x".repeat(129))));
    names.push(OsString::from(format!("{}.jpg", "x".repeat(251))));
    names
}

fn drop_raw(world: &World, name: &OsStr, bytes: &[u8]) {
    fs::write(world.drop_folder().join(name), bytes).unwrap();
}

/// No control character but the line's end, no bidirectional override and no zero-width character.
fn assert_safe_for_terminals(text: &str) {
    let bad = |c: &char| {
        c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c) || ('\u{2066}'..='\u{2069}').contains(c)
    };
    assert_eq!(text.chars().find(bad), None, "in:\n{}", text.escape_debug());
}

#[test]
fn names_that_no_user_can_have_are_refused_and_shown_escaped() {
    let mut world = World::new();
    let photo = portrait("portrait.jpg");
    let names = hostile_names();
    for name in &names {
        drop_raw(&world, name, &photo);
    }
    world.copy_in("anna.jpg", &photo);
    world.start();
    world.wait_published("portraits/anna/icon.jpg");
    let status = world.wait_status("all refused", |status| status["rejected"].as_array().unwrap().len() == names.len());
    for file in files_in(&status["rejected"]) {
        assert_safe_for_terminals(file);
    }
    assert_safe_for_terminals(&world.portraitd(&["status"]).text());
    assert_safe_for_terminals(&world.log());
    assert_eq!(world.backend_files("portraits").0.len(), 3, "{:?}", world.backend_files("portraits").names());
    assert_eq!(world.stop(), 0);
    let told = world.portraitd(&["sync"]).expect(1);
    assert_safe_for_terminals(&told.text());
}

#[test]
fn a_thousand_random_names_do_no_harm() {
    let world = World::new();
    let seed = 0x5eed_u64;
    println!("seed {seed:#x}");
    let mut state = seed;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut names = BTreeSet::new();
    while names.len() < 1_000 {
        let length = 1 + next() as usize % 12;
        let mut name: Vec<u8> = (0..length).map(|_| next() as u8).filter(|byte| !matches!(byte, 0 | b'/')).collect();
        name.extend(if next() % 2 == 0 { &b".jpg"[..] } else { &b".Png"[..] });
        names.insert(name);
    }
    for name in &names {
        drop_raw(&world, OsStr::from_bytes(name), b"no photo");
    }
    let told = world.portraitd(&["sync", "--json"]).expect(1);
    assert_safe_for_terminals(&told.text());
    let status = world.portraitd(&["status"]).expect(0);
    assert_safe_for_terminals(&status.text());
    assert!(world.backend_files("portraits").0.is_empty());
}

#[test]
fn links_pipes_sockets_and_folders_are_refused_without_being_opened() {
    let mut world = World::new();
    let photo = portrait("portrait.jpg");
    fs::write(world.path("secret.jpg"), &photo).unwrap();
    let dropped = world.drop_folder();
    symlink(world.path("secret.jpg"), dropped.join("link.jpg")).unwrap();
    symlink("nowhere", dropped.join("dangling.jpg")).unwrap();
    symlink(&dropped, dropped.join("loop.jpg")).unwrap();
    mknodat(CWD, dropped.join("pipe.jpg"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = UnixListener::bind(dropped.join("socket.jpg")).unwrap();
    fs::create_dir(dropped.join("folder.jpg")).unwrap();
    world.copy_in("anna.jpg", &photo);
    world.start();
    world.wait_published("portraits/anna/icon.jpg");
    let status = world.wait_status("six refused", |status| status["rejected"].as_array().unwrap().len() == 6);
    let mut refused = files_in(&status["rejected"]);
    refused.sort_unstable();
    assert_eq!(refused, ["dangling.jpg", "folder.jpg", "link.jpg", "loop.jpg", "pipe.jpg", "socket.jpg"]);
    for (file, word) in [("link.jpg", "link"), ("pipe.jpg", "pipe"), ("socket.jpg", "socket"), ("folder.jpg", "folder")]
    {
        let entry = status["rejected"].as_array().unwrap().iter().find(|entry| entry["file"] == file).unwrap();
        let reason = entry["reason"].as_str().unwrap().to_lowercase();
        let also = if word == "pipe" {
            "fifo"
        } else if word == "folder" {
            "directory"
        } else {
            word
        };
        assert!(reason.contains(word) || reason.contains(also), "{file}: {reason}");
    }
    assert_eq!(world.backend_files("portraits").0.len(), 3);
}

#[test]
fn a_hard_link_is_a_photo_like_any_other() {
    let world = World::new();
    fs::write(world.path("elsewhere.jpg"), portrait("portrait.jpg")).unwrap();
    fs::hard_link(world.path("elsewhere.jpg"), world.path("drop/anna.jpg")).unwrap();
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(1)));
}

#[test]
fn sub_folders_are_named_and_not_entered() {
    let world = World::new();
    fs::create_dir_all(world.path("drop/2024/old")).unwrap();
    fs::write(world.path("drop/2024/anna.jpg"), portrait("portrait.jpg")).unwrap();
    fs::write(world.path("drop/2024/old/ben.jpg"), portrait("portrait.jpg")).unwrap();
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["photos"]), (0, &json!(0)));
    assert_eq!(files_in(&world.status()["ignored"]), ["2024"]);
}

#[test]
fn temporary_names_are_left_alone_until_they_are_renamed() {
    let mut world = World::new();
    world.start();
    let number = Number { user: 5, version: 5 };
    for name in [".anna.jpg", "~anna.jpg", "anna.jpg.part", "anna.jpg.tmp", ".syncthing.anna.jpg.tmp"] {
        world.copy_in(name, &number.photo());
    }
    stays("nothing published", SETTLE * 5, || world.backend_files("portraits").0.is_empty());
    assert_eq!(world.status()["rejected"], json!([]));
    fs::rename(world.path("drop/anna.jpg.part"), world.path("drop/anna.jpg")).unwrap();
    world.wait_number("portraits/anna/icon.jpg", number);
}

#[test]
fn every_name_that_a_user_can_have_is_published() {
    let world = World::new();
    let long = "x".repeat(128);
    let users = ["a", "0", "_x", "@x", "+49", "a.b", "anna@example.com", "A-B_C.d+e@f", "Anna..ben", &long];
    for user in users {
        world.copy_in(&format!("{user}.jpg"), &portrait("portrait.jpg"));
    }
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &json!(users.len())), "{:#}", world.status());
    for user in users {
        assert!(world.published(&format!("portraits/{user}/icon.jpg")).is_some(), "{user}");
    }
}

#[test]
fn a_link_planted_among_the_pictures_is_not_followed() {
    let world = World::new();
    fs::create_dir_all(world.path("portraits")).unwrap();
    fs::create_dir(world.path("elsewhere")).unwrap();
    symlink(world.path("elsewhere"), world.path("portraits/anna")).unwrap();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, _) = world.sync(&["--wait", "1s"]);
    assert_eq!(code, 1);
    assert_eq!(fs::read_dir(world.path("elsewhere")).unwrap().count(), 0, "a picture went through a link");
}
