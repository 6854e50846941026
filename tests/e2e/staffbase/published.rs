//! Pictures that portraitd publishes itself: the app is told where they are, and whoever looks at the user finds them there.

use super::*;
use crate::{
    admin::Port,
    simulators::{fetch, picture},
    world::{SOON, wait_until},
};

#[test]
fn the_app_is_told_where_the_pictures_are_published() {
    let mut stage = Stage::new(1);
    let address = format!("127.0.0.1:{}", Port::free().0);
    stage.world.set("publish.listen", address.as_str());
    stage.world.set("publish.url", format!("http://{address}"));
    stage.set("mode", "urls");
    stage.app.allow_domain("127.0.0.1");
    stage.world.start();
    for version in [1, 2] {
        stage.drop_photo(Number { user: 1, version });
        wait_until("the avatar", SOON, || (stage.app.updates(stage.id(1)) == version as usize).then_some(()));
        stage.world.wait_status("done", |status| status["backends"][INTRANET]["done"] == 1);
        for (size, url) in stage.app.avatar_urls(stage.id(1)) {
            let fetched = fetch::get(&url).unwrap();
            assert_eq!((fetched.status, fetched.header("content-type")), (200, Some("image/jpeg")), "{url}");
            let side = size.side().unwrap_or(96);
            assert_eq!(picture::size(&fetched.body), Some((side, side)), "{size:?}");
            let shown = Number::read(&Picture::decode(&url, &fetched.body));
            assert_eq!(shown, Some(Number { user: 1, version }), "{size:?}");
        }
    }
    assert_eq!((stage.app.uploads().len(), stage.world.stop()), (0, 0));
}
