//! A photo that is taken away takes the avatar with it where the config says so, and nobody else's.

use super::*;
use crate::world::SOON;

#[test]
fn the_avatar_goes_with_the_photo() {
    let mut stage = Stage::with_photos(2);
    stage.world.set("folder.rescan", "1s");
    stage.world.set("folder.absence", "1s");
    stage.world.set("backend.chat.remove", true);
    stage.world.start();
    stage.wait_all_done();
    stage.world.take_out("user1.jpg");
    wait_until("the avatar to go", SOON, || stage.chat.picture("user1").is_none().then_some(()));
    stage.world.wait_explain("user1", "removed", |told| told["photo"]["state"] == "gone");
    assert_eq!(stage.number(2), Some(Number { user: 2, version: 1 }));
    let resets: Vec<_> = stage.chat.seen().into_iter().filter(|seen| seen.path.ends_with("resetAvatar")).collect();
    let [reset] = resets.as_slice() else { panic!("{resets:?}") };
    assert_eq!((reset.user.as_deref(), reset.answer), (Some("user1"), Answer::Status(200)));
    stage.drop_photo(Number { user: 1, version: 2 });
    wait_until("the new avatar", SOON, || (stage.number(1)?.version == 2).then_some(()));
    stage.assert_good_manners();
}

#[test]
fn an_avatar_stays_by_default() {
    let mut stage = Stage::with_photos(1);
    stage.world.set("folder.rescan", "1s");
    stage.world.set("folder.absence", "1s");
    stage.world.start();
    stage.wait_all_done();
    stage.world.take_out("user1.jpg");
    stage.world.wait_explain("user1", "gone", |told| told["photo"]["state"] == "gone");
    assert!(stage.chat.seen().iter().all(|seen| !seen.path.ends_with("resetAvatar")));
    assert_eq!(stage.number(1), Some(Number { user: 1, version: 1 }));
}
