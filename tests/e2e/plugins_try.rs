//! `portraitd plugins try` and `check --probe`: what an author and an administrator see before anything runs for real.

use std::path::PathBuf;

use crate::binaries::binaries;
use crate::photos::portrait;
use crate::rocketchat::world_at;
use crate::simulators::faults::{Fault, When};
use crate::simulators::rocketchat::{Profile, RocketChat, TOKEN};
use crate::world::{Told, World};

fn library() -> PathBuf {
    binaries().portraitd.with_file_name("libportraitd_plugin_rocketchat.so")
}

fn try_out(world: &World, more: &[&str]) -> Told {
    std::fs::write(world.path("photo.jpg"), portrait("portrait.jpg")).unwrap();
    let library = library();
    let args = ["plugins", "try", library.to_str().unwrap(), "--backend", "chat", "--user", "anna"];
    world.portraitd(&[&args[..], &["--photo", "photo.jpg"], more].concat())
}

#[test]
fn a_try_shows_the_whole_conversation_and_leaves_no_state() {
    let chat = RocketChat::start(Profile::V8);
    chat.add_user("anna");
    let world = world_at(&chat);
    let told = try_out(&world, &["--record", "recording"]).expect(0);
    for line in ["users.setAvatar", "X-Auth-Token: <secret /auth-token>", "image=avatar.jpg, avatar (", "\nchanged"] {
        assert!(told.out.contains(line), "{line}: {}", told.out);
    }
    assert!(told.out.contains(r#": 200 {"success":true}"#), "{}", told.out);
    assert!(chat.picture("anna").is_some());
    assert!(!world.path("state").exists(), "for the daemon nothing has happened");
    let recording = std::fs::read_to_string(world.path("recording")).unwrap();
    assert!(recording.lines().next().unwrap().contains(r#""portraitd-recording":1"#), "{recording}");
    for (text, what) in [(&recording, "the recording"), (&told.out, "stdout"), (&told.err, "stderr")] {
        assert!(!text.contains(TOKEN), "the token is in {what}");
    }
}

#[test]
fn a_dry_try_sends_nothing_and_assumes_the_plugins_examples() {
    let chat = RocketChat::start(Profile::V8);
    let world = world_at(&chat);
    let told = try_out(&world, &["--dry-run"]).expect(0);
    assert!(told.out.contains(r#"{"success":true} (assumed)"#), "{}", told.out);
    assert!(chat.seen().is_empty(), "{:?}", chat.seen());
}

#[test]
fn a_try_that_fails_says_why_and_ends_with_1() {
    let chat = RocketChat::start(Profile::V8);
    let world = world_at(&chat);
    let told = try_out(&world, &[]).expect(1);
    assert!(told.out.contains("\nuser-absent: "), "{}", told.out);
    let told = try_out(&world, &["--user", "x"]);
    assert_eq!(told.code(), 2, "an option twice: {}", told.err);
    let elsewhere = binaries().files_plugin.to_str().unwrap();
    let told =
        world.portraitd(&["plugins", "try", elsewhere, "--backend", "chat", "--user", "anna", "--photo", "photo.jpg"]);
    assert!(told.expect(2).err.contains("the library is `files`"));
}

#[test]
fn a_probe_tells_whether_the_credentials_work() {
    let chat = RocketChat::start(Profile::V8);
    let world = world_at(&chat);
    let told = world.portraitd(&["check", "--probe"]).expect(0);
    assert!(told.out.contains("probe chat: its credentials work\n"), "{}", told.out);
    assert!(told.out.contains("probe portraits: it cannot be asked\n"), "{}", told.out);
    chat.set_token("another");
    let told = world.portraitd(&["check", "--probe"]).expect(2);
    assert!(told.out.contains("probe chat: auth: "), "{}", told.out);
    chat.fault_everywhere(Fault::Outage, When::UntilCleared);
    let told = world.portraitd(&["check", "--probe"]).expect(2);
    assert!(told.out.contains("probe chat: retry: ") && told.out.contains("refused"), "{}", told.out);
}

#[test]
fn certificates_that_cannot_be_used_are_told_before_anything_starts() {
    let chat = RocketChat::start(Profile::V8);
    let mut world = world_at(&chat);
    std::fs::write(world.path("ca.pem"), "no certificate").unwrap();
    world.set("http.ca-file", "ca.pem");
    for command in [&["check"][..], &["sync"], &["run"]] {
        let told = world.portraitd(command).expect(2);
        assert!(told.err.contains("failed to use http.ca-file `ca.pem`"), "{command:?}: {}", told.err);
    }
}

#[test]
fn a_secret_that_is_not_there_is_named_by_check_and_holds_its_backend_only() {
    let chat = RocketChat::start(Profile::V8);
    let world = world_at(&chat);
    std::fs::remove_file(world.path("token")).unwrap();
    let told = world.portraitd(&["check"]).expect(2);
    assert!(told.out.contains("[backend.chat.settings] `auth-token`: the file "), "{}", told.out);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    assert_eq!(world.sync(&[]).0, 1);
    let status = world.status();
    assert_eq!(
        (&status["backends"]["chat"]["state"], &status["backends"]["portraits"]["done"]),
        (&"held".into(), &1.into())
    );
    assert!(chat.seen().iter().all(|seen| seen.path == "/api/info"), "nothing goes out without its token");
}
