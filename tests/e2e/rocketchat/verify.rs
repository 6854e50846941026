//! The server is asked whether it shows what was delivered: after the delivery, from time to time, and before portraitd's
//! first delivery.

use super::*;
use crate::world::SOON;

/// A stage with a running daemon that looks for each delivery, where the first photo of the one user was found.
fn seen_stage() -> Stage {
    let mut stage = Stage::with_photos(1);
    stage.world.set("backend.chat.verify", "after");
    stage.world.start();
    wait_seen(&stage);
    stage
}

fn wait_seen(stage: &Stage) -> Value {
    let seen = |told: &Value| told["backends"][CHAT]["verified"].is_string();
    let told = stage.world.wait_explain("user1", "seen at the server", seen)["backends"][CHAT].take();
    assert_eq!(told["receipt"]["etag"], stage.chat.avatar_etag("user1").unwrap(), "{told}");
    told
}

fn by_hand(version: u32) -> (Number, Vec<u8>) {
    let number = Number { user: 1, version };
    (number, number.photo_of_side(96))
}

#[test]
fn a_delivery_is_looked_for_until_the_etag_has_changed() {
    let stage = seen_stage();
    stage.drop_photo(Number { user: 1, version: 2 });
    let newer = || (stage.number(1)?.version == 2).then_some(());
    wait_until("the second picture", SOON, newer);
    stage.wait_all_done();
    wait_seen(&stage);
    assert_eq!(stage.set_requests().len(), 2);
    stage.assert_good_manners();
}

#[test]
fn a_picture_that_was_taken_and_is_not_shown_is_sent_again() {
    let mut stage = Stage::with_photos(1);
    stage.world.set("backend.chat.verify", "after");
    stage.chat.fault(Fault::Unkept, When::Next(1));
    stage.world.start();
    wait_until("the picture", LONG, || stage.chat.picture("user1"));
    stage.wait_all_done();
    wait_seen(&stage);
    let attempts = stage.attempts(1);
    assert!(attempts.iter().any(|(_, reason)| reason.contains("the system shows no picture")), "{attempts:?}");
    assert_eq!(stage.set_requests().len(), 2, "{attempts:?}");
}

#[test]
fn what_a_user_changed_is_changed_back_or_stays() {
    for (owner, version) in [("portraitd", 1), ("user", 9)] {
        let mut stage = seen_stage();
        let (number, picture) = by_hand(9);
        stage.chat.change_picture("user1", &picture);
        let etag = stage.chat.avatar_etag("user1");
        wait_until("the etag by hand", SOON, || (stage.chat.avatar_etag("user1") != etag).then_some(()));
        stage.world.set("backend.chat.owner", owner);
        stage.world.set("backend.chat.verify", "daily");
        stage.world.restart();
        let told =
            || stage.attempts(1).into_iter().any(|(_, reason)| reason.contains("the system shows another picture"));
        wait_until("the drift is told", LONG, || told().then_some(()));
        wait_until("its end", LONG, || (stage.number(1)?.version == version).then_some(()));
        stage.wait_all_done();
        if owner == "user" {
            assert_eq!((stage.set_requests().len(), stage.number(1)), (1, Some(number)));
        }
    }
}

#[test]
fn what_is_there_on_day_one_is_taken_over() {
    let stage = Stage::with_photos(2);
    let (number, picture) = by_hand(7);
    stage.chat.change_picture("user1", &picture);
    wait_until("the etag", SOON, || stage.chat.avatar_etag("user1"));
    let told = stage.world.portraitd(&["adopt", "--backend", CHAT, "--json"]).expect(0).json();
    assert_eq!((&told["adopted"], &told["without"]), (&1.into(), &1.into()), "{told}");
    assert!(stage.set_requests().is_empty(), "nothing is sent");
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["unchanged"]), (0, &1.into(), &1.into()), "{summary}");
    assert_eq!(stage.number(1), Some(number), "whatever it shows");
    stage.drop_photo(Number { user: 1, version: 2 });
    assert_eq!(stage.world.sync(&[]).0, 0);
    assert_eq!(stage.number(1), Some(Number { user: 1, version: 2 }));
}
