//! Staffbase, the real daemon and the real plugin: pictures arrive in each mode, uploads are not made twice, and nobody's
//! avatar is changed but that of the user who is meant. What every system has in common is told at Rocket.Chat.

mod kills;
mod lookup;
mod names;
mod published;
mod verify;

use std::fs;

use serde_json::Value;

use crate::{
    photos::{Number, Picture, plain},
    simulators::{
        faults::{Fault, When},
        simulator::Answer,
        staffbase::{Size, Staffbase, TOKEN},
    },
    world::World,
};

/// The name of the backend in these worlds.
const INTRANET: &str = "intranet";
/// What each start asks first.
const PROBE: &str = "GET /api/users?limit=1";

/// An app with users whose external ids are `user1`, `user2`, ..., and a world with a backend there and no other.
struct Stage {
    world: World,
    app: Staffbase,
    ids: Vec<String>,
}

impl Stage {
    fn new(users: u32) -> Self {
        let app = Staffbase::start();
        let ids = (1..=users).map(|user| app.add_user(&format!("user{user}"))).collect();
        let mut world = World::new();
        world.set("backend.portraits.enabled", false);
        world.set("backend.intranet.plugin", "staffbase");
        world.set("backend.intranet.timeout", "5s");
        world.set("backend.intranet.settings.base-url", app.url());
        world.set("backend.intranet.settings.token.file", world.path("token").to_str().unwrap());
        let stage = Self { world, app, ids };
        stage.write_token(TOKEN);
        stage
    }

    /// A stage on which users are named by their external ids.
    fn by_external_id(users: u32) -> Self {
        let mut stage = Self::new(users);
        stage.set("user", "external-id");
        stage
    }

    fn set(&mut self, setting: &str, value: &str) {
        self.world.set(&format!("backend.intranet.settings.{setting}"), value);
    }

    fn write_token(&self, token: &str) {
        fs::write(self.world.path("token"), token).unwrap();
    }

    /// Drops a photo of a user under the name that the backend knows by itself.
    fn drop_photo(&self, number: Number) {
        self.world.move_in(&format!("{}.jpg", self.id(number.user)), &number.photo_of_side(96));
    }

    fn id(&self, user: u32) -> &str {
        &self.ids[user as usize - 1]
    }

    /// The number on a user's avatar in a size.
    fn number(&self, user: u32, size: Size) -> Option<Number> {
        let name = format!("{size:?} of user {user}");
        let picture = Picture::decode(&name, &self.app.picture(self.id(user), size)?);
        Some(Number::read(&picture).unwrap_or_else(|| panic!("{name} carries no number")))
    }

    /// All sizes of a user's avatar show this version.
    fn assert_shown(&self, user: u32, version: u32) {
        for size in Size::ALL {
            assert_eq!(self.number(user, size), Some(Number { user, version }), "{size:?} of user {user}");
        }
    }

    /// One pass, with what it delivered, found absent and left.
    fn sync(&self, args: &[&str]) -> (i32, Value) {
        let (code, mut summary) = self.world.sync(args);
        println!("{summary}");
        (code, summary["delivered"].take())
    }

    fn status(&self) -> Value {
        self.world.status()["backends"][INTRANET].take()
    }

    /// What `explain` says of a drop name at the backend.
    fn explain(&self, name: &str) -> Value {
        self.world.explain(name)["backends"][INTRANET].take()
    }

    /// Every request, and whether it was answered with a 2xx.
    fn requests(&self) -> Vec<(String, bool)> {
        let fine = |answer| matches!(answer, Answer::Status(200..300));
        let seen = self.app.seen().into_iter();
        seen.map(|seen| (format!("{} {}", seen.method, seen.path), fine(seen.answer))).collect()
    }
}

#[test]
fn a_photo_arrives_is_replaced_and_is_not_sent_again() {
    let stage = Stage::new(1);
    stage.app.set_manners(|manners| manners.relative_urls = true);
    for version in [1, 2] {
        stage.drop_photo(Number { user: 1, version });
        assert_eq!(stage.sync(&[]), (0, 1.into()), "{}", stage.explain(stage.id(1)));
        stage.assert_shown(1, version);
        assert_eq!(stage.sync(&[]), (0, 0.into()));
        let (media, answered) = if version == 1 { (200, 204) } else { (201, 200) };
        stage.app.set_manners(|manners| (manners.media_status, manners.update_status) = (media, answered));
    }
    let update = format!("POST /api/users/{}", stage.id(1));
    let sent = ["POST /api/media", "POST /api/media", "POST /api/media", &update];
    let requests = stage.requests().into_iter().filter(|(line, _)| line != PROBE);
    let expected = [sent, sent].concat().into_iter().map(|line| (line.to_owned(), true));
    assert_eq!(requests.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let receipt = stage.explain(stage.id(1))["receipt"].take();
    assert_eq!(receipt["told"]["icon"], stage.app.avatar_urls(stage.id(1))[&Size::Icon], "{receipt}");
}

#[test]
fn pictures_have_the_sizes_of_the_document() {
    let mut stage = Stage::new(1);
    let sizes = |stage: &Stage| stage.app.uploads().iter().map(|upload| upload.size).collect::<Vec<_>>();
    stage.world.copy_in(&format!("{}.jpg", stage.id(1)), &plain(2_500, 3_000, [120, 90, 60]));
    assert_eq!(stage.sync(&[]), (0, 1.into()));
    let mut three = sizes(&stage);
    three.sort_unstable();
    assert_eq!(three, [(48, 48), (200, 200), (2_048, 2_458)]);

    stage.set("sizes", "original-only");
    stage.world.move_in(&format!("{}.jpg", stage.id(1)), &plain(300, 500, [60, 90, 120]));
    assert_eq!(stage.sync(&[]), (0, 1.into()));
    assert_eq!(sizes(&stage)[3..], [(300, 500)], "never enlarged");
    assert_eq!(stage.app.avatar_urls(stage.id(1)).len(), 1);
}

#[test]
fn when_the_update_fails_it_alone_is_sent_again() {
    let stage = Stage::new(1);
    stage.drop_photo(Number { user: 1, version: 1 });
    stage.app.fault(Fault::Status(500), When::UntilCleared);
    assert_eq!(stage.sync(&["--wait", "0s"]), (1, 0.into()));
    assert_eq!((stage.app.uploads().len(), stage.app.updates(stage.id(1))), (3, 0));
    stage.app.clear_faults();
    assert_eq!(stage.sync(&[]), (0, 1.into()));
    stage.assert_shown(1, 1);
    assert_eq!((stage.app.uploads().len(), stage.app.updates(stage.id(1))), (3, 1));
}

#[test]
fn what_fails_is_sent_again_and_nothing_else() {
    let stage = Stage::new(1);
    stage.drop_photo(Number { user: 1, version: 1 });
    // The second upload, and then the update.
    stage.app.fault_everywhere(Fault::Status(502), When::Every(3));
    assert_eq!(stage.sync(&[]), (0, 1.into()));
    stage.assert_shown(1, 1);
    let lines: Vec<_> = stage.requests().into_iter().map(|(line, fine)| (fine, line.contains("/users/"))).collect();
    let (upload, update) = ([(true, false)], [(true, true)]);
    let failed = |is_update| [(false, is_update)];
    assert_eq!(lines[1..], [&upload[..], &failed(false), &upload, &upload, &failed(true), &update].concat());
}

#[test]
fn uploads_that_the_app_has_thrown_away_are_made_anew() {
    for status in [400, 404] {
        let stage = Stage::new(1);
        stage.app.set_manners(|manners| manners.gone_status = status);
        stage.drop_photo(Number { user: 1, version: 1 });
        stage.app.fault(Fault::Status(500), When::UntilCleared);
        assert_eq!(stage.sync(&["--wait", "0s"]), (1, 0.into()));
        stage.app.lose_unused_media();
        stage.app.clear_faults();
        assert_eq!(stage.sync(&[]), (0, 1.into()));
        stage.assert_shown(1, 1);
        assert_eq!((stage.app.uploads().len(), stage.app.updates(stage.id(1))), (6, 1));
    }
}

#[test]
fn a_wrong_token_holds_the_backend_until_it_is_mended() {
    let stage = Stage::new(2);
    stage.write_token("wrong");
    for user in [1, 2] {
        stage.drop_photo(Number { user, version: 1 });
    }
    assert_eq!(stage.sync(&["--wait", "1s"]), (1, 0.into()));
    let status = stage.status();
    assert_eq!(status["state"], "held", "{status}");
    assert!(status["reason"].as_str().unwrap().contains("administrative access"), "{status}");
    assert_eq!(stage.requests(), [(PROBE.to_owned(), false)], "one asks for all");
    stage.write_token(TOKEN);
    assert_eq!(stage.sync(&[]), (0, 2.into()));
    stage.assert_shown(2, 1);
}

#[test]
fn the_app_is_told_where_a_media_server_has_the_pictures() {
    let mut stage = Stage::new(1);
    stage.set("mode", "urls");
    stage.set("urls", "https://cdn.mediaserver.com/portraits/{remote}/{rendition}.jpg");
    stage.drop_photo(Number { user: 1, version: 1 });
    assert_eq!(stage.sync(&[]).0, 1, "the domain is not allow-listed");
    let refused = stage.world.portraitd(&["explain", stage.id(1)]).expect(0).out;
    assert!(refused.contains("allow-listed for the app"), "{refused}");

    stage.app.allow_domain("cdn.mediaserver.com");
    stage.world.portraitd(&["retry"]).expect(0);
    assert_eq!(stage.sync(&[]), (0, 1.into()));
    let url = |size| format!("https://cdn.mediaserver.com/portraits/{}/{size}.jpg", stage.id(1));
    let urls = stage.app.avatar_urls(stage.id(1));
    assert_eq!(urls.into_values().collect::<Vec<_>>(), ["original", "thumb", "icon"].map(url));
    assert_eq!(stage.app.uploads().len(), 0);
}

#[test]
fn a_dry_run_shows_the_requests_and_sends_nothing() {
    let stage = Stage::by_external_id(1);
    stage.world.copy_in("user1.jpg", &Number { user: 1, version: 1 }.photo());
    let told = stage.world.portraitd(&["sync", "--dry-run"]).expect(0).out;
    println!("{told}");
    for line in [
        "intranet: would send GET http://127.0.0.1:",
        "    Authorization: Basic <secret /token>",
        "    multipart: file=original.jpg, original (",
        "    multipart: file=icon.jpg, icon (",
    ] {
        assert!(told.lines().any(|told| told.starts_with(line)), "no line begins with {line}");
    }
    assert!(!told.contains(TOKEN));
    assert_eq!(stage.app.connections(), 0);
}
