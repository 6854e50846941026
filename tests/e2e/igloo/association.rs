//! What is uploaded becomes a photo sooner or later, and is not uploaded again for that.

use super::*;

#[test]
fn an_upload_that_is_not_looked_through_yet_is_not_made_again() {
    // With two it takes no second attempt, with three it does.
    for (early, status) in [(2, 409), (3, 404)] {
        let stage = Stage::with_photos(2);
        stage.igloo.set_early(early, status);
        stage.sync_all();
        assert_eq!(stage.igloo.entries(), each_once(2));
        assert_eq!(stage.count("POST", "/association/"), 2 * (early + 1));
        let attempts = stage.attempts(1);
        assert_eq!(attempts.len() > 1, early > 2, "{attempts:?}");
        for (verdict, reason) in &attempts[..attempts.len() - 1] {
            assert!(verdict == "retry" && reason.contains("not looked through yet"), "{attempts:?}");
        }
    }
}

#[test]
fn an_association_that_breaks_is_repeated_without_an_upload() {
    // The transport repeats a reset once by itself.
    let reset = (Fault::ResetAfter, 2);
    let others = [Fault::Hang, Fault::Status(502), Fault::FrontPage, Fault::ErrorIn200].map(|fault| (fault, 1));
    for (fault, times) in [reset].into_iter().chain(others) {
        let stage = Stage::with_photos(1);
        stage.igloo.strike_at(Call::Associate);
        stage.igloo.fault(fault, When::Next(times));
        stage.sync_all();
        assert_eq!((stage.igloo.entries(), stage.count("PATCH", "")), (each_once(1), 1), "{fault:?}");
    }
}

#[test]
fn a_success_in_foreign_words_is_no_success_for_somebody_without_a_photo() {
    let stage = Stage::with_photos(1);
    stage.igloo.strike_at(Call::Associate);
    stage.igloo.fault(Fault::WrongJson, When::Next(1));
    stage.sync_all();
    assert_eq!((stage.igloo.entries(), stage.attempts(1).len()), (each_once(1), 2));
}

#[test]
fn an_account_without_the_right_holds_the_backend() {
    let mut stage = Stage::with_photos(10);
    stage.igloo.set_admin(false);
    stage.world.start();
    let held = stage.wait_status("held", |status| status["state"] == "held" && status["in-flight"] == 0);
    assert!(held["reason"].as_str().unwrap().contains("administrative permissions"), "{held}");
    let Entries { made, .. } = stage.igloo.entries();
    stage.igloo.set_admin(true);
    stage.world.portraitd(&["retry"]).expect(0);
    stage.wait_all_done();
    stage.assert_all_arrived();
    assert!(made <= 4, "{made} were uploaded");
    assert_eq!(stage.igloo.entries(), each_once(10), "what was uploaded before is used");
}

#[test]
fn whoever_is_no_member_is_absent_until_they_are() {
    let stage = Stage::with_photos(1);
    stage.drop_photo(Number { user: 7, version: 1 });
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["absent"]), (0, &1.into(), &1.into()), "{summary}");
    stage.igloo.add_member(&guid(7), "user7@example.com");
    stage.world.portraitd(&["retry", &guid(7)]).expect(0);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{summary}");
    assert_eq!(stage.number(7), Some(Number { user: 7, version: 1 }));
    assert_eq!(stage.igloo.entries(), each_once(2), "the upload for nobody was kept for them");
}
