//! A wrong token costs a probe and nobody's attempt, and a right one in its place needs no restart.

use std::time::Duration;

use super::*;
use crate::world::stays;

/// Writes the right token and lets the backend go.
fn mend(stage: &Stage, token: &str) {
    stage.write_token(token);
    stage.world.portraitd(&["retry", "--backend", CHAT]).expect(0);
    stage.wait_all_done();
    stage.assert_all_arrived();
}

#[test]
fn with_a_wrong_token_the_probe_alone_goes_out() {
    const PHOTOS: u32 = 50;
    let mut stage = Stage::with_photos(PHOTOS).with_portraits();
    stage.write_token("not-the-token");
    stage.world.start();
    let held = stage.wait_status("held", |status| status["state"] == "held" && status["due"] == PHOTOS);
    let reason = held["reason"].as_str().unwrap();
    assert!(reason.contains("make a new personal access token"), "{reason}");

    let done = |status: &Value| status["backends"]["portraits"]["done"] == PHOTOS;
    stage.world.wait_status("the other backend delivers", done);
    stage.world.copy_in("latecomer.jpg", &Number { user: 999, version: 1 }.photo());
    stage.world.wait_published("portraits/latecomer/icon.jpg");
    stays("held", Duration::from_secs(2), || stage.chat.seen().len() <= 3);
    println!("a wrong token, {PHOTOS} photos: {:?}", stage.chat.seen());
    for user in 1..=PHOTOS {
        assert_eq!(stage.attempts(user), [], "user{user}");
    }
    stage.world.take_out("latecomer.jpg");
    stage.world.restart();
    stage.wait_status("probed again, and held", |status| status["state"] == "held" && stage.chat.seen().len() > 3);
    stays("held", Duration::from_secs(1), || stage.chat.seen().len() <= 6);
    mend(&stage, TOKEN);
    assert!((1..=PHOTOS).all(|user| stage.attempts(user).len() == 1));
}

#[test]
fn a_token_that_is_revoked_in_the_middle_costs_what_was_under_way() {
    const CONCURRENCY: usize = 4;
    let mut stage = Stage::with_photos(100);
    stage.world.set("backend.chat.concurrency", CONCURRENCY as i64);
    stage.chat.set_latency(Duration::from_millis(20));
    stage.world.start();
    wait_until("some pictures", LONG, || (stage.chat.pictures().len() >= 20).then_some(()));
    stage.chat.set_token("the-new-token");
    stage.wait_status("held", |status| status["state"] == "held" && status["in-flight"] == 0);
    let refused = |stage: &Stage| stage.chat.seen().iter().filter(|seen| seen.answer == Answer::Status(401)).count();
    let after_the_end = refused(&stage);
    assert!((1..=CONCURRENCY).contains(&after_the_end), "{after_the_end} requests were refused");
    stays("held", Duration::from_secs(1), || refused(&stage) == after_the_end);
    mend(&stage, "the-new-token");
    println!("revoked after 20 of 100: {after_the_end} refused, {} requests in all", stage.set_requests().len());
    assert_eq!(stage.set_requests().len(), 100 + after_the_end);
}

#[test]
fn a_token_that_cannot_be_read_or_sent_holds_the_backend_and_says_why() {
    let mut stage = Stage::with_photos(3);
    stage.write_token("no\u{7f}token");
    stage.world.start();
    held_because(&stage, "the header `X-Auth-Token` cannot be sent: the secret in it holds a character");
    fs::remove_file(stage.world.path("token")).unwrap();
    stage.world.portraitd(&["retry"]).expect(0);
    held_because(&stage, "cannot be read: No such file or directory");
    stage.write_token("\n");
    stage.world.portraitd(&["retry"]).expect(0);
    held_because(&stage, "is empty");
    assert!(stage.chat.seen().iter().all(|seen| seen.path == "/api/info"), "{:?}", stage.chat.seen());
    mend(&stage, TOKEN);
}

fn held_because(stage: &Stage, why: &str) {
    let says = |status: &Value| status["reason"].as_str().is_some_and(|reason| reason.contains(why));
    let held = stage.wait_status("held", |status| status["state"] == "held" && says(status));
    println!("{}", held["reason"]);
    assert!(!held["reason"].as_str().unwrap().contains("no\u{7f}"), "it repeats the token: {held}");
}
