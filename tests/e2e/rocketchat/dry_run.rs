//! A dry run shows what would be sent, with the secret's name in its place, and sends nothing.

use super::*;

#[test]
fn a_dry_run_shows_the_request_and_sends_nothing() {
    let stage = Stage::with_photos(1);
    let told = stage.world.portraitd(&["sync", "--dry-run"]).expect(0).out;
    println!("{told}");
    for line in [
        &format!("chat: would send POST {}{SET_AVATAR}", stage.chat.url()),
        &format!("    X-User-Id: {USER_ID}"),
        "    X-Auth-Token: <secret /auth-token>",
        "    multipart: username=user1; image=avatar.jpg, avatar (",
        "  assumed: 200 {\"success\":true}",
    ] {
        assert!(told.lines().any(|told| told.starts_with(line)), "no line begins with {line}");
    }
    assert!(!told.contains(TOKEN));
    assert_eq!(stage.chat.connections(), 0);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "the dry run has recorded something: {summary}");
}

#[test]
fn a_dry_run_does_not_look_for_what_it_assumes_to_be_delivered() {
    let mut stage = Stage::with_photos(1);
    stage.world.set("backend.chat.verify", "daily");
    let told = stage.world.portraitd(&["sync", "--dry-run"]).expect(0).out;
    assert_eq!(told.matches("would send POST").count(), 1, "{told}");
    assert!(!told.contains("users.info"), "{told}");
}
