//! Rocket.Chat, the real daemon and the real plugin: pictures arrive, and what goes wrong on the way is told. Here are
//! the stage on which all these stories play and the plainest of them; each file beside holds one more promise.

mod dry_run;
mod kills;
mod lasting;
mod manners;
mod removal;
mod secret;
mod token;
mod trouble;
mod verify;

use std::fs;

use serde_json::Value;

use crate::{
    photos::{Number, Picture, portrait},
    simulators::{
        faults::{Fault, When},
        rocketchat::{Profile, RocketChat, TOKEN, USER_ID},
        simulator::{Answer, Seen},
    },
    world::{LONG, World, wait_until},
};

/// The name of the backend in these worlds.
const CHAT: &str = "chat";
const SET_AVATAR: &str = "/api/v1/users.setAvatar";

/// A simulated server with the users `user1`, `user2`, ..., and a world with a backend there and one, `portraits`, that
/// publishes into a folder and is switched off.
struct Stage {
    world: World,
    chat: RocketChat,
    users: u32,
}

/// A world with a backend at the simulated server.
pub(crate) fn world_at(chat: &RocketChat) -> World {
    with_backend_at(World::new(), chat)
}

/// This world, with a backend at the simulated server.
pub(crate) fn with_backend_at(mut world: World, chat: &RocketChat) -> World {
    world.set("backend.chat.plugin", "rocketchat");
    world.set("backend.chat.settings.base-url", chat.url());
    world.set("backend.chat.settings.user-id", USER_ID);
    fs::write(world.path("token"), TOKEN).unwrap();
    world.set("backend.chat.settings.auth-token.file", world.path("token").to_str().unwrap());
    world
}

impl Stage {
    /// A stage without photos.
    fn new(users: u32) -> Self {
        let chat = RocketChat::start(Profile::V8);
        let mut world = world_at(&chat);
        world.set("log.level", "info");
        world.set("backend.portraits.enabled", false);
        world.set("backend.chat.timeout", "2s");
        let stage = Self { world, chat, users };
        for user in 1..=users {
            stage.chat.add_user(&format!("user{user}"));
        }
        stage
    }

    /// A stage on which everybody's first photo is in the drop folder.
    fn with_photos(users: u32) -> Self {
        let stage = Self::new(users);
        for user in 1..=users {
            stage.drop_photo(Number { user, version: 1 });
        }
        stage
    }

    /// Switches the other backend on.
    fn with_portraits(mut self) -> Self {
        self.world.set("backend.portraits.enabled", true);
        self
    }

    fn write_token(&self, token: &str) {
        fs::write(self.world.path("token"), token).unwrap();
    }

    fn drop_photo(&self, number: Number) {
        self.world.move_in(&format!("user{}.jpg", number.user), &number.photo_of_side(96));
    }

    /// What `status` says of the backend.
    fn status(&self) -> Value {
        self.world.status()["backends"][CHAT].take()
    }

    fn wait_status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.world.wait_status(what, |status| holds(&status["backends"][CHAT]))["backends"][CHAT].take()
    }

    /// Waits until nothing is left to do.
    fn wait_all_done(&self) {
        wait_until("everything delivered", LONG, || is_all_done(&self.status(), self.users).then_some(()));
    }

    /// What `explain` says of a user at the backend.
    fn explain(&self, user: u32) -> Value {
        self.world.explain(&format!("user{user}"))["backends"][CHAT].take()
    }

    /// The attempts of a user, each with its verdict and reason.
    fn attempts(&self, user: u32) -> Vec<(String, String)> {
        let told = self.explain(user);
        let word = |attempt: &Value, key: &str| attempt[key].as_str().expect("a text").to_owned();
        let attempts = told["attempts"].as_array().expect("a list of attempts");
        attempts.iter().map(|attempt| (word(attempt, "verdict"), word(attempt, "reason"))).collect()
    }

    /// The number on a user's picture at the server.
    fn number(&self, user: u32) -> Option<Number> {
        let name = format!("user{user}");
        let picture = Picture::decode(&name, &self.chat.picture(&name)?);
        Some(Number::read(&picture).unwrap_or_else(|| panic!("the picture of {name} carries no number")))
    }

    /// Everybody has a picture, some are looked at, and nobody did what must never be done.
    fn assert_all_arrived(&self) {
        let pictures = self.chat.pictures();
        let missing = (1..=self.users).filter(|user| !pictures.contains_key(&format!("user{user}")));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<u32>::new(), "users without a picture");
        for user in [1, self.users] {
            assert_eq!(self.number(user), Some(Number { user, version: 1 }));
        }
        self.assert_good_manners();
    }

    /// No wait was undercut, and the caller's own picture was left alone.
    fn assert_good_manners(&self) {
        assert_eq!(self.chat.undercuts(), []);
        assert_eq!(self.chat.own_picture_writes(), 0);
    }

    /// The requests that set a picture.
    fn set_requests(&self) -> Vec<Seen> {
        self.chat.seen().into_iter().filter(|seen| seen.path == SET_AVATAR).collect()
    }
}

fn is_all_done(status: &Value, users: u32) -> bool {
    status["done"] == users && ["due", "in-flight", "retrying"].iter().all(|count| status[count] == 0)
}

#[test]
fn a_photo_arrives() {
    let stage = Stage::new(1);
    stage.world.copy_in("user1.jpg", &portrait("portrait.jpg"));
    let (code, summary) = stage.world.sync(&["--backend", CHAT]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{summary}\n{}", stage.explain(1));
    assert!(stage.chat.picture("user1").is_some());
    stage.assert_good_manners();
    let paths: Vec<_> = stage.chat.seen().into_iter().map(|seen| (seen.path, seen.answer)).collect();
    let ok = |path: &str| (path.to_owned(), Answer::Status(200));
    assert_eq!(paths, [ok("/api/info"), ok("/api/v1/me"), ok(SET_AVATAR)], "one probe, one picture");
}

#[test]
fn a_user_whom_the_server_does_not_know_is_absent_until_it_does() {
    let stage = Stage::new(1);
    stage.world.copy_in("newcomer.jpg", &Number { user: 2, version: 1 }.photo());
    stage.drop_photo(Number { user: 1, version: 1 });
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["absent"]), (0, &1.into(), &1.into()), "{summary}");
    assert!(stage.chat.picture("newcomer").is_none());
    stage.chat.add_user("newcomer");
    stage.world.portraitd(&["retry", "newcomer"]).expect(0);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["unchanged"]), (0, &1.into(), &1.into()), "{summary}");
    assert!(stage.chat.picture("newcomer").is_some());
    stage.assert_good_manners();
}

#[test]
fn a_server_that_would_change_the_callers_own_picture_gets_none() {
    let chat = RocketChat::start(Profile::V0_68);
    chat.add_user("anna");
    let world = world_at(&chat);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, summary) = world.sync(&["--backend", CHAT, "--wait", "2s"]);
    assert_eq!((code, &summary["waiting"]), (1, &1.into()), "{summary}");
    let reason = world.status()["backends"][CHAT]["reason"].to_string();
    assert!(reason.contains("would set the avatar of the account itself"), "{reason}");
    assert_eq!((chat.own_picture_writes(), chat.pictures().len()), (0, 0));
    assert!(chat.seen().iter().all(|seen| seen.path != SET_AVATAR), "{:?}", chat.seen());
}
