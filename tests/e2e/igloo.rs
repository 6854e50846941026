//! Igloo, the real daemon and the real plugin: one session for all, uploads that are not made twice, and what goes wrong on
//! the way. Here are the stage on which all these stories play and the plainest of them; each file beside holds one more
//! promise.

mod association;
mod kills;
mod names;
mod secret;
mod session;
mod upload;
mod verify;

use std::fs;

use serde_json::Value;

use crate::{
    photos::{Number, Picture, portrait},
    simulators::{
        faults::{Fault, When},
        igloo::{APP_ID, APP_PASSWORD, CALLER, COMMUNITY, Call, Counts, Entries, Igloo, Location, PASSWORD, USERNAME},
        simulator::{Answer, Seen},
    },
    world::{LONG, World, wait_until},
};

/// The name of the backend in these worlds.
const WORKPLACE: &str = "workplace";

/// A simulated workplace with so many members, and a world with a backend there.
struct Stage {
    world: World,
    igloo: Igloo,
    members: u32,
}

/// The object id of a member, which is also the drop name.
fn guid(member: u32) -> String {
    format!("4d0f2a1c-0000-4000-8000-{member:012}")
}

impl Stage {
    /// A stage without photos.
    fn new(members: u32) -> Self {
        let igloo = Igloo::start();
        for member in 1..=members {
            igloo.add_member(&guid(member), &format!("user{member}@example.com"));
        }
        Self::at(igloo, members)
    }

    /// A stage without photos, at a workplace with so many members.
    fn at(igloo: Igloo, members: u32) -> Self {
        let mut world = World::new();
        world.set("log.level", "info");
        world.set("backend.portraits.enabled", false);
        world.set("backend.workplace.plugin", "igloo");
        world.set("backend.workplace.timeout", "2s");
        let mut stage = Self { world, igloo, members };
        for (file, secret) in [("app-password", APP_PASSWORD), ("password", PASSWORD)] {
            fs::write(stage.world.path(file), secret).unwrap();
            let path = stage.world.path(file).to_str().unwrap().to_owned();
            stage.set(&format!("{file}.file"), path);
        }
        let url = stage.igloo.url();
        stage.set("base-url", url);
        stage.set("community-key", COMMUNITY as i64);
        stage.set("app-id", APP_ID);
        stage.set("username", USERNAME);
        stage
    }

    /// A stage on which everybody's first photo is in the drop folder.
    fn with_photos(members: u32) -> Self {
        let stage = Self::new(members);
        for user in 1..=members {
            stage.drop_photo(Number { user, version: 1 });
        }
        stage
    }

    /// Sets a key of the plugin's settings.
    fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        self.world.set(&format!("backend.workplace.settings.{key}"), value);
    }

    fn write_password(&self, password: &str) {
        fs::write(self.world.path("password"), password).unwrap();
    }

    fn drop_photo(&self, number: Number) {
        self.world.move_in(&format!("{}.jpg", guid(number.user)), &number.photo_of_side(96));
    }

    /// A pass in which all photos are delivered.
    fn sync_all(&self) {
        let (code, summary) = self.world.sync(&["--wait", "60s"]);
        assert_eq!((code, &summary["delivered"]), (0, &self.members.into()), "{summary}\n{}", self.explain(1));
        self.assert_all_arrived();
    }

    /// What `status` says of the backend.
    fn status(&self) -> Value {
        self.world.status()["backends"][WORKPLACE].take()
    }

    fn wait_status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.world.wait_status(what, |status| holds(&status["backends"][WORKPLACE]))["backends"][WORKPLACE].take()
    }

    fn wait_all_done(&self) {
        let all_done = |status: Value| {
            let rests = ["due", "in-flight", "retrying"].iter().all(|count| status[count] == 0);
            (rests && status["done"] == self.members).then_some(())
        };
        wait_until("everything delivered", LONG, || all_done(self.status()));
    }

    /// What `explain` says of a member at the backend.
    fn explain(&self, member: u32) -> Value {
        self.world.explain(&guid(member))["backends"][WORKPLACE].take()
    }

    /// The attempts for a member, each with its verdict and reason.
    fn attempts(&self, member: u32) -> Vec<(String, String)> {
        let told = self.explain(member);
        let word = |attempt: &Value, key: &str| attempt[key].as_str().expect("a text").to_owned();
        let attempts = told["attempts"].as_array().expect("a list of attempts");
        attempts.iter().map(|attempt| (word(attempt, "verdict"), word(attempt, "reason"))).collect()
    }

    /// The number on a member's photo in the workplace.
    fn number(&self, member: u32) -> Option<Number> {
        let picture = Picture::decode("a photo", &self.igloo.picture(&guid(member))?);
        assert_eq!(picture.size(), (512, 512));
        Some(Number::read(&picture).unwrap_or_else(|| panic!("the photo of {member} carries no number")))
    }

    /// Everybody has the first photo, and nobody else has any.
    fn assert_all_arrived(&self) {
        for user in 1..=self.members {
            assert_eq!(self.number(user), Some(Number { user, version: 1 }));
        }
        assert_eq!(self.igloo.pictures().len(), self.members as usize);
        assert_eq!(self.igloo.undercuts(), []);
    }

    /// How many requests of this method there were for a path that holds this.
    fn count(&self, method: &str, part: &str) -> usize {
        self.igloo.seen().iter().filter(|seen| seen.method == method && seen.path.contains(part)).count()
    }
}

/// As many entries as there are photos, all of them in use.
fn each_once(photos: usize) -> Entries {
    Entries { made: photos, complete: photos, pictures: photos, orphans: 0 }
}

#[test]
fn a_photo_arrives() {
    for (location, session) in [(Location::Rooted, "auto"), (Location::Absolute, "v1"), (Location::Bare, "v2")] {
        let mut stage = Stage::new(1);
        stage.set("session", session);
        stage.igloo.set_location(location);
        stage.world.copy_in(&format!("{}.jpg", guid(1)), &portrait("portrait.jpg"));
        let (code, summary) = stage.world.sync(&[]);
        assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{summary}\n{}", stage.explain(1));
        assert_eq!(Picture::decode("a photo", &stage.igloo.picture(&guid(1)).unwrap()).size(), (512, 512));
        let seen: Vec<_> = stage.igloo.seen().iter().map(|seen| (seen.method.clone(), seen.answer)).collect();
        let asked = |method: &str, status| (method.to_owned(), Answer::Status(status));
        let photo = [asked("POST", 201), asked("PATCH", 200), asked("POST", 200)];
        assert_eq!(seen, [&[asked("POST", 200), asked("GET", 200)], &photo[..]].concat(), "a login, a probe, a photo");
        assert_eq!(stage.igloo.entries(), each_once(1));
        let (code, summary) = stage.world.sync(&[]);
        assert_eq!((code, &summary["unchanged"], stage.igloo.entries().made), (0, &1.into(), 1), "{summary}");
    }
}

#[test]
fn a_dry_run_shows_the_requests_and_sends_nothing() {
    let mut stage = Stage::with_photos(1);
    for user in ["guid", "email"] {
        stage.set("user", user);
        if user == "email" {
            stage.world.set("backend.workplace.users.template", "{userid}@example.com");
        }
        let told = stage.world.portraitd(&["sync", "--dry-run"]).expect(0).out;
        println!("{told}");
        let attachments = format!("{}/.api2/api/v1/communities/{COMMUNITY}/attachments", stage.igloo.url());
        for line in [
            &format!("workplace: would send POST {}/.api2/api/Session/Create", stage.igloo.url()),
            &format!("workplace: would send POST {attachments}"),
            &format!("workplace: would send PATCH {attachments}/uploads/5GQFODh5bI"),
            &format!("workplace: would send POST {attachments}/5GQFODh5bI/association/"),
        ] {
            assert!(told.lines().any(|told| told.starts_with(line)), "no line begins with {line}");
        }
        assert!(told.contains("<secret /password>") && !told.contains(PASSWORD) && !told.contains(APP_PASSWORD));
    }
    assert_eq!(stage.igloo.connections(), 0);
}
