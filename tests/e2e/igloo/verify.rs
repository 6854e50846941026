//! Whether there is a photo can be told, and not which: what was there on day one is taken over, and what is gone is set
//! again.

use super::*;

#[test]
fn photos_of_before_are_taken_over_and_replaced_when_they_change() {
    let before = Stage::with_photos(2);
    before.sync_all();
    before.igloo.add_member(&guid(3), "user3@example.com");
    // Another installation, which knows nothing of the photos that are there.
    let stage = Stage::at(before.igloo, 3);
    for user in 1..=3 {
        stage.drop_photo(Number { user, version: 7 });
    }
    let told = stage.world.portraitd(&["adopt", "--backend", WORKPLACE, "--json"]).expect(0).json();
    assert_eq!(
        [&told["photos"], &told["adopted"], &told["without"]],
        [3, 2, 1].map(Value::from).each_ref(),
        "{told:#}"
    );
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["unchanged"]), (0, &1.into(), &2.into()), "{summary}");
    assert_eq!(stage.number(1), Some(Number { user: 1, version: 1 }), "what was there stays");
    assert_eq!(stage.number(3), Some(Number { user: 3, version: 7 }));
    stage.drop_photo(Number { user: 1, version: 8 });
    assert_eq!(stage.world.sync(&[]).0, 0);
    assert_eq!(stage.number(1), Some(Number { user: 1, version: 8 }));
}

#[test]
fn a_photo_that_is_not_there_is_set_again() {
    // It was taken and is not shown; or somebody took it away there, which is seen when it is first looked for.
    for is_taken in [true, false] {
        let mut stage = Stage::with_photos(1);
        if is_taken {
            stage.igloo.strike_at(Call::Associate);
            stage.igloo.fault(Fault::Unkept, When::Next(1));
        } else {
            stage.sync_all();
            stage.igloo.remove_photo(&guid(1));
        }
        stage.world.set("backend.workplace.verify", "daily");
        stage.world.start();
        wait_until("the photo", LONG, || stage.number(1));
        stage.wait_all_done();
        let attempts = stage.attempts(1);
        assert!(attempts.iter().any(|(_, reason)| reason.contains("the system shows no picture")), "{attempts:?}");
        assert_eq!(stage.count("POST", "/association/"), 2, "{attempts:?}");
    }
}

#[test]
fn after_a_delivery_it_is_believed_that_the_photo_is_the_one() {
    let mut stage = Stage::with_photos(2);
    stage.world.set("backend.workplace.verify", "after");
    stage.sync_all();
    assert_eq!((stage.count("GET", "/search/members"), stage.igloo.entries()), (2, each_once(2)));
}
