//! CreatorsHub, the real daemon and the real plugin: pictures arrive in each mode and at each style of paths, for the users
//! that are meant and for nobody else. What every system has in common is told at Rocket.Chat.

use std::fs;

use serde_json::Value;

use crate::{
    photos::{Number, Picture},
    simulators::{
        creatorshub::{CreatorsHub, NoAvatar, Paths, TOKEN},
        faults::{Fault, When},
        simulator::Answer,
    },
    world::World,
};

/// The name of the backend in these worlds.
const HUB: &str = "hub";
const SIX: u64 = 6;

/// An instance with the user 6, and a world with a backend there and no other.
struct Stage {
    world: World,
    hub: CreatorsHub,
}

impl Stage {
    fn new(paths: Paths, mode: &str) -> Self {
        let hub = CreatorsHub::start(paths);
        hub.add_user(SIX);
        let mut world = World::new();
        world.set("backend.portraits.enabled", false);
        world.set("backend.hub.plugin", "creatorshub");
        world.set("backend.hub.settings.base-url", hub.url());
        world.set("backend.hub.settings.mode", mode);
        world.set("backend.hub.settings.paths", if paths == Paths::Profile { "profile" } else { "user" });
        world.set("backend.hub.settings.token.file", world.path("token").to_str().unwrap());
        let stage = Self { world, hub };
        stage.write_token(TOKEN);
        stage
    }

    fn write_token(&self, token: &str) {
        fs::write(self.world.path("token"), token).unwrap();
    }

    /// Drops a photo of the user 6 under a name.
    fn drop_photo(&self, name: &str, version: u32) {
        self.world.move_in(name, &Number { user: 6, version }.photo());
    }

    /// The version of the user's picture, which is a square of 512 pixels.
    fn version(&self) -> Option<u32> {
        let picture = Picture::decode("6", &self.hub.picture(SIX)?);
        assert_eq!((picture.width, picture.height), (512, 512));
        Number::read(&picture).map(|number| number.version)
    }

    /// The paths of all requests, and whether each was answered with 200.
    fn requests(&self) -> Vec<(String, bool)> {
        let seen = self.hub.seen().into_iter();
        seen.map(|seen| (format!("{} {}", seen.method, seen.path), seen.answer == Answer::Status(200))).collect()
    }

    /// The attempts of a user, each with its verdict and reason.
    fn attempts(&self, user: &str) -> Vec<(String, String)> {
        let told = self.world.explain(user)["backends"][HUB].take();
        let word = |attempt: &Value, key: &str| attempt[key].as_str().expect("a text").to_owned();
        let attempts = told["attempts"].as_array().expect("a list of attempts");
        attempts.iter().map(|attempt| (word(attempt, "verdict"), word(attempt, "reason"))).collect()
    }
}

#[test]
fn a_picture_arrives_is_replaced_and_is_not_sent_again() {
    for (paths, mode, call) in [
        (Paths::User, "file", "PUT /api/public/user/6/updateAvatarFile"),
        (Paths::Profile, "file", "PUT /api/public/user/6/profile/updateAvatarFile"),
        (Paths::User, "bytes", "PUT /api/public/user/6/avatarBytes"),
        (Paths::Profile, "bytes", "PUT /api/public/user/6/profile/updateAvatarBytes"),
    ] {
        let stage = Stage::new(paths, mode);
        for version in [1, 2] {
            stage.drop_photo("6.jpg", version);
            for repeat in ["delivered", "unchanged"] {
                let (code, summary) = stage.world.sync(&[]);
                assert_eq!((code, &summary[repeat]), (0, &1.into()), "{summary} {:?}", stage.attempts("6"));
                assert_eq!(stage.version(), Some(version));
            }
            let kept = stage.hub.avatar_url(SIX).unwrap();
            assert_eq!(stage.world.explain("6")["backends"][HUB]["receipt"]["avatarUrl"], kept);
        }
        assert_eq!(stage.requests(), vec![(call.to_owned(), true); 2]);
    }
}

#[test]
fn a_name_that_is_no_number_changes_nobodys_picture() {
    let stage = Stage::new(Paths::User, "file");
    let names = ["me", "ME", "006", "+6", "6.0", "6e0", "0", "1234567890123456", "ada", "6@7"];
    for name in names {
        stage.drop_photo(&format!("{name}.jpg"), 1);
    }
    stage.drop_photo("6.jpg", 2);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["absent"]), (0, &1.into(), &names.len().into()), "{summary}");
    assert_eq!(stage.requests(), [("PUT /api/public/user/6/updateAvatarFile".to_owned(), true)]);
    assert_eq!((stage.version(), stage.hub.own_picture_writes()), (Some(2), 0));
    for name in names {
        let attempts = stage.attempts(name);
        let [(verdict, reason)] = attempts.as_slice() else { panic!("{attempts:?}") };
        assert!(verdict == "user-absent" && reason.contains(&format!("`{name}` is no user id")), "{reason}");
    }
}

#[test]
fn an_error_in_a_200_is_no_success() {
    let stage = Stage::new(Paths::User, "file");
    stage.hub.fault(Fault::ErrorIn200, When::Next(1));
    stage.drop_photo("6.jpg", 1);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], stage.version()), (0, &1.into(), Some(1)), "{summary}");
    let attempts = stage.attempts("6");
    let verdicts: Vec<_> = attempts.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert!(verdicts.contains(&"retry") && verdicts.contains(&"done"), "{attempts:?}");
    assert!(attempts.iter().any(|(_, reason)| reason.contains("something went wrong")), "{attempts:?}");
}

#[test]
fn a_wrong_token_holds_the_backend_until_it_is_mended() {
    let stage = Stage::new(Paths::User, "bytes");
    stage.write_token("wrong");
    for name in ["6.jpg", "7.jpg", "8.jpg"] {
        stage.drop_photo(name, 1);
    }
    let (code, summary) = stage.world.sync(&["--wait", "1s"]);
    assert_eq!((code, &summary["waiting"]), (1, &3.into()), "{summary}");
    let status = stage.world.status()["backends"][HUB].take();
    assert_eq!(status["state"], "held", "{status}");
    assert!(status["reason"].as_str().unwrap().contains("401"), "{status}");
    assert_eq!(stage.requests().len(), 1, "one tries for all");
    stage.write_token(TOKEN);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["absent"]), (0, &1.into(), &2.into()), "{summary}");
    assert_eq!(stage.version(), Some(1));
}

#[test]
fn the_other_paths_are_hinted_at() {
    let mut stage = Stage::new(Paths::Profile, "file");
    stage.world.set("backend.hub.settings.paths", "user");
    stage.drop_photo("6.jpg", 1);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["absent"]), (0, &1.into()), "{summary}");
    let told = stage.world.portraitd(&["explain", "6"]).expect(0).out;
    assert!(told.contains("see `paths`"), "{told}");
}

#[test]
fn a_picture_that_is_not_there_any_more_is_sent_again() {
    let mut stage = Stage::new(Paths::Profile, "bytes");
    stage.world.set("backend.hub.verify", "daily");
    stage.hub.fault(Fault::Unkept, When::Next(1));
    stage.drop_photo("6.jpg", 1);
    stage.world.start();
    let seen = |told: &Value| told["backends"][HUB]["verified"].is_string();
    stage.world.wait_explain("6", "seen at the instance", seen);
    assert_eq!(stage.version(), Some(1));
    let attempts = stage.attempts("6");
    assert!(attempts.iter().any(|(_, reason)| reason.contains("the system shows no picture")), "{attempts:?}");
    assert_eq!(stage.requests().iter().filter(|(request, _)| request.starts_with("PUT")).count(), 2, "{attempts:?}");
}

#[test]
fn what_is_there_on_day_one_is_taken_over() {
    for form in [NoAvatar::Null, NoAvatar::Absent, NoAvatar::Empty, NoAvatar::NotFound] {
        let stage = Stage::new(Paths::User, "file");
        stage.hub.set_no_avatar(form);
        stage.hub.add_user(7);
        stage.hub.change_picture(SIX, &Number { user: 6, version: 7 }.photo_of_side(96));
        for name in ["6.jpg", "7.jpg", "me.jpg"] {
            stage.drop_photo(name, 1);
        }
        let told = stage.world.portraitd(&["adopt", "--backend", HUB, "--json"]).expect(1).json();
        assert_eq!((&told["adopted"], &told["without"]), (&1.into(), &1.into()), "{form:?}: {told}");
        assert_eq!(told["unknown"][0]["userid"], "me");
        let (code, summary) = stage.world.sync(&[]);
        assert_eq!((code, &summary["delivered"], &summary["unchanged"]), (0, &1.into(), &1.into()), "{summary}");
        let puts: Vec<_> = stage.requests().into_iter().filter(|(request, _)| request.starts_with("PUT")).collect();
        assert_eq!(puts, [("PUT /api/public/user/7/updateAvatarFile".to_owned(), true)]);
        assert_eq!(stage.hub.own_picture_writes(), 0);
    }
}

#[test]
fn rows_lead_from_names_to_ids() {
    let mut stage = Stage::new(Paths::User, "file");
    let rows = "userid,id\nada,6\nbob,me\ncyd,006\n";
    fs::write(stage.world.path("users.csv"), rows).unwrap();
    stage.world.set("backend.hub.users.file", stage.world.path("users.csv").to_str().unwrap());
    stage.world.set("backend.hub.users.key", "userid");
    stage.world.set("backend.hub.users.value", "id");
    for name in ["ada.jpg", "bob.jpg", "cyd.jpg"] {
        stage.drop_photo(name, 1);
    }
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["absent"]), (0, &1.into(), &2.into()), "{summary}");
    assert_eq!((stage.version(), stage.hub.own_picture_writes()), (Some(1), 0));
}
