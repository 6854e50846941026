//! Whether a user still shows what was delivered, and taking over what is there.

use super::*;

const BY_HAND: &str = "https://cdn.mediaserver.com/by-hand.jpg";

/// A stage where two users show their photos, one of them another picture and one of them none since then, and where
/// portraitd looks from now on.
fn changed_by_hand() -> Stage {
    let mut stage = Stage::new(3);
    for user in [1, 2, 3] {
        stage.drop_photo(Number { user, version: 1 });
    }
    assert_eq!(stage.sync(&[]), (0, 3.into()));
    stage.app.change_avatar(stage.id(1), Some(BY_HAND));
    stage.app.change_avatar(stage.id(2), None);
    stage.world.set("backend.intranet.verify", "daily");
    stage
}

#[test]
fn what_somebody_has_changed_is_delivered_again() {
    let stage = changed_by_hand();
    assert_eq!(stage.sync(&[]).0, 0);
    for user in [1, 2, 3] {
        stage.assert_shown(user, 1);
    }
    assert_eq!([1, 2, 3].map(|user| stage.app.updates(stage.id(user))), [2, 2, 1]);
}

#[test]
fn what_a_user_has_changed_stays_where_the_user_is_the_owner() {
    let mut stage = changed_by_hand();
    stage.world.set("backend.intranet.owner", "user");
    assert_eq!(stage.sync(&[]).0, 0);
    assert_eq!([1, 2, 3].map(|user| stage.app.updates(stage.id(user))), [1, 1, 1]);
    assert_eq!(stage.app.avatar_urls(stage.id(1))[&Size::Original], BY_HAND);
}

#[test]
fn what_is_there_on_day_one_is_taken_over() {
    let stage = Stage::new(3);
    stage.app.change_avatar(stage.id(1), Some(BY_HAND));
    for user in [1, 2] {
        stage.drop_photo(Number { user, version: 1 });
    }
    stage.world.copy_in("5db0221d0a09a219c4ce9218.jpg", &Number { user: 4, version: 1 }.photo());
    let adopted = stage.world.portraitd(&["adopt", "--backend", INTRANET, "--json"]).json();
    println!("{adopted}");
    assert_eq!((&adopted["adopted"], &adopted["without"]), (&1.into(), &1.into()), "{adopted}");
    assert_eq!(adopted["unknown"][0]["verdict"], "user-absent", "{adopted}");
    assert!(stage.requests().iter().all(|(line, _)| line.starts_with("GET ")), "{:?}", stage.requests());
    assert_eq!(stage.explain(stage.id(1))["receipt"]["told"]["original"], BY_HAND);
    assert_eq!(stage.sync(&[]), (0, 1.into()), "only who had no picture gets one");
    assert_eq!(stage.app.updates(stage.id(1)), 0);
    stage.drop_photo(Number { user: 1, version: 2 });
    assert_eq!(stage.sync(&[]), (0, 1.into()));
    stage.assert_shown(1, 2);
}
