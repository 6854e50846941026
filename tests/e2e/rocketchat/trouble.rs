//! A server that cannot be reached or that falls silent: it is named, other backends do not notice, what may have
//! happened is done again, and the newest photo wins.

use std::time::{Duration, Instant};

use super::*;
use crate::world::SOON;

const USER1: &str = "user1";

fn version(version: u32) -> Number {
    Number { user: 1, version }
}

/// A stage where the first photo of the one user has arrived.
fn with_a_picture() -> Stage {
    let mut stage = Stage::with_photos(1);
    stage.world.start();
    stage.wait_all_done();
    stage
}

/// Waits until the last attempt of the one user has this verdict and says that it may have happened.
fn wait_uncertain(stage: &Stage) {
    let uncertain = || {
        let (verdict, reason) = stage.attempts(1).into_iter().find(|(_, reason)| reason.starts_with("uncertain: "))?;
        assert_eq!(verdict, "retry", "{reason}");
        println!("{reason}");
        Some(())
    };
    wait_until("an uncertain attempt", SOON, uncertain);
}

fn wait_picture(stage: &Stage, number: Number) {
    wait_until(&format!("{number} at the server"), LONG, || (stage.number(1)? == number).then_some(()));
    stage.wait_all_done();
    assert_eq!(stage.number(1), Some(number));
}

#[test]
fn a_server_that_cannot_be_reached_is_down_until_it_answers() {
    const PHOTOS: u32 = 12;
    let mut stage = Stage::new(PHOTOS);
    stage.world.start();
    stage.drop_photo(version(1));
    wait_until("the first picture", LONG, || stage.chat.picture(USER1));
    stage.chat.fault(Fault::Outage, When::UntilCleared);
    for user in 2..=PHOTOS {
        stage.drop_photo(Number { user, version: 1 });
    }
    let down = stage.wait_status("down", |status| status["state"] == "down");
    let reason = down["reason"].as_str().unwrap();
    println!("{reason}");
    assert!(reason.contains("no whole answer from http://127.0.0.1:"), "{reason}");
    let attempted = (2..=PHOTOS).filter(|user| !stage.attempts(*user).is_empty()).count();
    assert!(attempted <= 10, "{attempted} of {} burned an attempt", PHOTOS - 1);
    stage.chat.clear_faults();
    stage.wait_all_done();
    assert_eq!(stage.status()["state"], "up");
    stage.assert_all_arrived();
}

#[test]
fn a_request_without_an_answer_is_uncertain_and_made_again() {
    let stage = with_a_picture();
    // In this order: what is reset on a connection that was used before would be sent once more at once.
    for fault in [Fault::Hang, Fault::ResetAfter] {
        stage.chat.fault(fault, When::Next(1));
    }
    stage.drop_photo(version(2));
    wait_uncertain(&stage);
    wait_picture(&stage, version(2));
    let told = stage.attempts(1).into_iter().filter(|(_, reason)| reason.starts_with("uncertain: "));
    let told: Vec<_> = told.map(|(_, reason)| reason).collect();
    assert!(told.iter().any(|reason| reason.contains("did not answer in time")), "{told:?}");
    assert!(told.iter().any(|reason| reason.contains("Connection reset by peer")), "{told:?}");
    stage.assert_good_manners();
}

#[test]
fn a_photo_that_is_replaced_after_an_uncertain_attempt_wins() {
    let stage = with_a_picture();
    stage.chat.fault(Fault::ResetAfter, When::UntilCleared);
    stage.drop_photo(version(2));
    wait_uncertain(&stage);
    assert_eq!(stage.number(1), Some(version(2)), "the server has taken it, and nobody knows");
    stage.drop_photo(version(3));
    stage.chat.clear_faults();
    wait_picture(&stage, version(3));
}

#[test]
fn going_back_to_the_old_photo_after_an_uncertain_attempt_delivers_the_old_one_again() {
    let stage = with_a_picture();
    stage.chat.fault(Fault::ResetAfter, When::UntilCleared);
    stage.drop_photo(version(2));
    wait_uncertain(&stage);
    assert_eq!(stage.number(1), Some(version(2)));
    stage.chat.clear_faults();
    stage.drop_photo(version(1));
    wait_picture(&stage, version(1));
}

#[test]
fn a_server_that_hangs_does_not_keep_another_backend_waiting() {
    const PHOTOS: u32 = 50;
    // From the probe on, and from the first picture on.
    for everywhere in [true, false] {
        let mut stage = Stage::with_photos(PHOTOS).with_portraits();
        stage.world.set("backend.chat.timeout", "5m");
        match everywhere {
            true => stage.chat.fault_everywhere(Fault::Hang, When::UntilCleared),
            false => stage.chat.fault(Fault::Hang, When::UntilCleared),
        }
        stage.world.start();
        let done = |status: &Value| status["backends"]["portraits"]["done"] == PHOTOS;
        let status = stage.world.wait_status("the other backend delivers", done);
        assert_eq!((&status["backends"][CHAT]["done"], &status["backends"][CHAT]["state"]), (&0.into(), &"up".into()));
        wait_until("a request hangs", LONG, || (stage.chat.struck().get(&Fault::Hang)? >= &1).then_some(()));
        stage.world.copy_in("latecomer.jpg", &Number { user: 999, version: 1 }.photo());
        stage.world.wait_published("portraits/latecomer/icon.jpg");
        assert_eq!(stage.wait_status("still hanging", |_| true)["done"], 0);
    }
}

#[test]
fn a_request_that_hangs_keeps_nobody_from_stopping_the_daemon() {
    let mut stage = with_a_picture();
    stage.world.set("run.grace", "1s");
    stage.world.set("backend.chat.timeout", "5m");
    stage.world.restart();
    stage.wait_all_done();
    stage.chat.fault(Fault::Hang, When::UntilCleared);
    stage.drop_photo(version(2));
    wait_until("a request hangs", SOON, || stage.chat.struck().get(&Fault::Hang).copied());
    let began = Instant::now();
    assert_eq!(stage.world.stop(), 0);
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?} to stop", began.elapsed());
    stage.chat.clear_faults();
    stage.world.start();
    wait_picture(&stage, version(2));
    let attempts = stage.attempts(1);
    assert!(attempts.iter().any(|(_, reason)| reason.starts_with("uncertain: interrupted")), "{attempts:?}");
}
