//! One login serves all, is renewed once when it is over, and is never tried again and again.

use std::time::Duration;

use super::*;
use crate::world::stays;

#[test]
fn many_photos_at_once_need_one_login() {
    let mut stage = Stage::with_photos(40);
    stage.world.set("backend.workplace.concurrency", 16);
    stage.igloo.set_latency(Duration::from_millis(10));
    stage.sync_all();
    assert_eq!((stage.igloo.login_attempts(), stage.igloo.logins()), (1, 1));
    assert_eq!(stage.igloo.entries(), each_once(40));
    assert_eq!(stage.igloo.seen().len(), 2 + 3 * 40, "a login, a probe, three for each photo");
}

#[test]
fn where_there_is_only_the_old_login_it_is_found_once() {
    let mut stage = Stage::with_photos(6);
    stage.igloo.set_logins(true, false);
    stage.world.start();
    stage.wait_all_done();
    assert_eq!((stage.count("POST", "/Session/Create"), stage.igloo.logins()), (1, 1));
    stage.igloo.expire_sessions();
    stage.drop_photo(Number { user: 1, version: 2 });
    wait_until("the second photo", LONG, || (stage.number(1)?.version == 2).then_some(()));
    assert_eq!(
        (stage.count("POST", "/Session/Create"), stage.igloo.logins()),
        (1, 2),
        "it is remembered which one there is"
    );
}

#[test]
fn a_session_that_ends_in_the_middle_is_renewed_by_one() {
    let mut stage = Stage::with_photos(40);
    stage.world.set("backend.workplace.concurrency", 8);
    stage.igloo.set_latency(Duration::from_millis(10));
    stage.world.start();
    wait_until("some photos", LONG, || (stage.igloo.pictures().len() >= 10).then_some(()));
    stage.igloo.expire_sessions();
    stage.wait_all_done();
    stage.assert_all_arrived();
    assert_eq!((stage.igloo.login_attempts(), stage.igloo.logins()), (2, 2));
    assert_eq!(stage.igloo.entries(), each_once(40));
    let refused = stage.igloo.seen().iter().filter(|seen| seen.answer == Answer::Status(401)).count();
    println!("the session ended after 10 of 40 photos: {refused} requests were refused, one logged in again");
    assert!((1..=8).contains(&refused), "{refused}");
    assert!((1..=40).all(|member| stage.attempts(member).len() == 1), "nobody had to be delivered again");
}

#[test]
fn with_a_wrong_password_one_login_is_tried() {
    let mut stage = Stage::with_photos(20);
    stage.write_password("not-the-password");
    stage.world.start();
    let held = stage.wait_status("held", |status| status["state"] == "held" && status["due"] == 20);
    let reason = held["reason"].as_str().unwrap();
    println!("{reason}");
    assert!(reason.contains("check `app-id`, `app-password`, `username` and `password`"), "{reason}");
    stays("held", Duration::from_secs(2), || stage.igloo.seen().len() == 1);
    assert_eq!(stage.igloo.login_attempts(), 1);
    assert!((1..=20).all(|member| stage.attempts(member).is_empty()));
    stage.write_password(PASSWORD);
    stage.world.portraitd(&["retry", "--backend", WORKPLACE]).expect(0);
    stage.wait_all_done();
    stage.assert_all_arrived();
    assert_eq!((stage.igloo.login_attempts(), stage.igloo.logins()), (2, 1));
}

#[test]
fn a_password_that_is_changed_in_the_middle_costs_one_login() {
    let mut stage = Stage::with_photos(40);
    stage.world.set("backend.workplace.concurrency", 8);
    stage.igloo.set_latency(Duration::from_millis(10));
    stage.world.start();
    wait_until("some photos", LONG, || (stage.igloo.pictures().len() >= 10).then_some(()));
    stage.igloo.set_password("The-0ther-Password");
    stage.igloo.expire_sessions();
    stage.wait_status("held", |status| status["state"] == "held" && status["in-flight"] == 0);
    assert_eq!(stage.igloo.login_attempts(), 2, "those who waited for the login have not tried it themselves");
    stays("held", Duration::from_secs(1), || stage.igloo.login_attempts() == 2);
    stage.write_password("The-0ther-Password");
    stage.world.portraitd(&["retry", "--backend", WORKPLACE]).expect(0);
    stage.wait_all_done();
    stage.assert_all_arrived();
    assert_eq!(stage.igloo.login_attempts(), 3);
}
