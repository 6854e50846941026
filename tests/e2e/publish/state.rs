//! What becomes of `state/published` when something in it, or around it, is not as it was left.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::strace;

#[test]
fn a_lost_picture_is_delivered_once_more_and_a_stray_one_is_swept() {
    let mut stage = Stage::with_pictures(2);
    let names = stage.names();
    assert_eq!(stage.world.stop(), 0);
    fs::remove_file(stage.folder().join(names.first().unwrap())).unwrap();
    let stray = "0".repeat(64) + ".jpg";
    fs::write(stage.folder().join(&stray), "nobody was told of it").unwrap();
    stage.world.start();
    wait_until("one more delivery", LONG, || (stage.told().len() == 3).then_some(()));
    stage.wait_done(2);
    assert_eq!((stage.names(), stage.status(&stray)), (names, 404));
    assert!(stage.world.log().contains("published pictures are missing"), "{}", stage.world.log());
    stage.world.restart();
    stage.wait_done(2);
    assert_eq!(stage.told().len(), 3);
}

#[test]
fn a_damaged_ledger_costs_a_delivery_and_no_url() {
    let mut stage = Stage::with_pictures(2);
    let names = stage.names();
    assert_eq!(stage.world.stop(), 0);
    fs::write(stage.world.path("state/ledger.sqlite"), "no database".repeat(1_000)).unwrap();
    stage.world.take_out("user2.jpg");
    stage.chat.fault(Fault::Status(503), When::UntilCleared);
    stage.world.start();
    wait_until("a refused delivery", SOON, || (stage.told().len() == 3).then_some(()));
    assert!(names.iter().all(|name| stage.number(name).is_some()), "what was told works on");
    stage.chat.clear_faults();
    stage.wait_done(1);
    assert_eq!(stage.names(), names);
    stage.world.restart();
    assert_eq!(stage.number(&stage.name()), Some(Number { user: 1, version: 1 }), "who has no photo goes at last");
}

#[test]
fn a_key_that_is_exposed_or_damaged_is_refused_and_another_one_changes_no_url() {
    let mut stage = Stage::with_pictures(1);
    let (name, key) = (stage.name(), stage.folder().join("key"));
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(stage.world.stop(), 0);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    for (because, hint) in [("its mode is 644", "hint: chmod 600"), ("it has 5 bytes", "hint: remove it")] {
        for command in ["check", "run", "sync"] {
            let told = stage.world.portraitd(&[command]).expect(2);
            assert!(told.err.contains(because) && told.err.contains(hint), "{}", told.err);
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&key, "12345").unwrap();
    }
    fs::remove_file(&key).unwrap();
    stage.world.start();
    assert_eq!(stage.number(&name), Some(Number { user: 1, version: 1 }));
    stage.drop_photo(Number { user: 1, version: 2 });
    wait_until("the new picture", LONG, || (stage.number_at_server(1)?.version == 2).then_some(()));
    stage.wait_names("the old picture to go", |names| names.len() == 1 && !names.contains(&name));
}

#[test]
fn a_picture_that_cannot_be_written_holds_the_backend_until_a_person_mends_it() {
    let stage = Stage::with_pictures(1);
    let away = stage.world.path("away");
    fs::rename(stage.folder(), &away).unwrap();
    fs::write(stage.folder(), "in the way").unwrap();
    stage.drop_photo(Number { user: 1, version: 2 });
    let held = stage.world.wait_status("the backend held", |status| status["backends"]["chat"]["state"] == "held");
    let reason = held["backends"]["chat"]["reason"].to_string();
    assert!(reason.contains("failed to publish a picture in `state/published`"), "{reason}");
    assert_eq!(stage.told().len(), 1);
    fs::remove_file(stage.folder()).unwrap();
    fs::rename(away, stage.folder()).unwrap();
    stage.world.portraitd(&["retry"]).expect(0);
    wait_until("the new picture", LONG, || (stage.number_at_server(1)?.version == 2).then_some(()));
}

#[test]
fn pictures_go_with_their_deliveries_also_when_nothing_is_published_any_more() {
    let mut stage = Stage::with_pictures(1);
    stage.world.set("backend.chat.settings.mode", "file");
    stage.world.set("publish.listen", "");
    stage.world.set("publish.url", "");
    stage.world.restart();
    stage.wait_names("the picture to go", BTreeSet::is_empty);
    stage.wait_done(1);
    assert!(stage.fetch("x").is_err());
}

#[test]
fn a_full_disk_is_a_reason_to_try_again_and_nothing_is_told() {
    if !strace::works("a full disk below published pictures") {
        return;
    }
    let stage = Stage::new(1);
    stage.drop_photo(Number { user: 1, version: 1 });
    let (calls, effect, folder) = ("renameat,renameat2", "error=ENOSPC", stage.folder());
    let fault = strace::Fault { calls, effect, when: "1", path: Some(&folder) };
    let mut pass = fault.command(&stage.world.path("."));
    pass.args(["sync", "--json"]);
    stage.world.finish(pass, LONG).expect(0);
    let attempts = stage.world.explain("user1")["backends"]["chat"]["attempts"].take();
    let attempts = attempts.as_array().expect("a list of attempts");
    // Each thread that writes a picture fails once.
    let [failed @ .., done] = attempts.as_slice() else { panic!("no attempt") };
    assert_eq!((failed.is_empty(), &done["verdict"]), (false, &"done".into()), "{attempts:?}");
    for attempt in failed {
        let reason = attempt["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("failed to publish a picture in `state/published`: No space left"), "{attempts:?}");
    }
    assert_eq!(stage.told().len(), 1);
}
