//! Pictures that a system fetches by a URL: what was told works before it is told and for as long as it is recorded, and
//! nothing else is served. Here are the stage, with a simulated Rocket.Chat that fetches, and the life of a URL; each file
//! beside holds one more promise.

mod check;
mod kills;
mod port;
mod served;
mod state;

use std::{collections::BTreeSet, fs, net::SocketAddr, path::PathBuf};

use crate::{
    admin::Port,
    photos::{Number, Picture},
    rocketchat::with_backend_at,
    simulators::{
        faults::{Fault, When},
        fetch::{self, Fetched},
        rocketchat::{Profile, RocketChat},
        simulator::Seen,
    },
    world::{LONG, SOON, World, wait_until},
};

/// The path in the URL of these worlds. Nothing takes it off on the way.
const PATH: &str = "/pictures";

/// A world with one backend, at a server with the users `user1`, `user2`, ... that fetches pictures.
struct Stage {
    world: World,
    chat: RocketChat,
    port: Port,
}

impl Stage {
    fn new(users: u32) -> Self {
        let (chat, port) = (RocketChat::start(Profile::V8), Port::free());
        chat.allow_private_urls();
        for user in 1..=users {
            chat.add_user(&format!("user{user}"));
        }
        let mut world = with_backend_at(World::scanning(), &chat);
        world.set("log.level", "info");
        world.set("backend.portraits.enabled", false);
        world.set("backend.chat.settings.mode", "url");
        world.set("publish.listen", format!("127.0.0.1:{}", port.0));
        world.set("publish.url", format!("http://127.0.0.1:{}{PATH}", port.0));
        Self { world, chat, port }
    }

    /// The same with a running daemon and everybody's first picture delivered.
    fn with_pictures(users: u32) -> Self {
        let mut stage = Self::new(users);
        for user in 1..=users {
            stage.drop_photo(Number { user, version: 1 });
        }
        stage.world.start();
        stage.wait_done(users);
        stage
    }

    fn drop_photo(&self, number: Number) {
        self.world.move_in(&format!("user{}.jpg", number.user), &number.photo_of_side(96));
    }

    fn wait_done(&self, users: u32) {
        let all_done = || {
            let status = self.world.status()["backends"]["chat"].take();
            let rests = ["due", "in-flight", "retrying"].iter().all(|count| status[count] == 0);
            (rests && status["done"] == users).then_some(())
        };
        wait_until("everything delivered", LONG, all_done);
    }

    fn folder(&self) -> PathBuf {
        self.world.path("state/published")
    }

    /// The file names of the published pictures, which end their URLs.
    fn names(&self) -> BTreeSet<String> {
        let names = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".jpg") && !name.starts_with('.')).collect()
    }

    /// The only one there is.
    fn name(&self) -> String {
        let names = self.names();
        assert_eq!(names.len(), 1, "{names:?}");
        names.into_iter().next().unwrap()
    }

    fn wait_names(&self, what: &str, holds: impl Fn(&BTreeSet<String>) -> bool) -> BTreeSet<String> {
        wait_until(what, SOON, || Some(self.names()).filter(|names| holds(names)))
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port.0).into()
    }

    fn fetch(&self, name: &str) -> Result<Fetched, String> {
        fetch::get(&format!("http://{}{PATH}/{name}", self.address()))
    }

    /// The status that a name is answered with.
    fn status(&self, name: &str) -> u16 {
        self.fetch(name).expect("it is answered").status
    }

    /// The number on a picture as it is fetched.
    fn number(&self, name: &str) -> Option<Number> {
        let fetched = self.fetch(name).expect("it is answered");
        assert_eq!(fetched.status, 200, "{name}");
        Number::read(&Picture::decode(name, &fetched.body))
    }

    /// The number on a user's picture at the server.
    fn number_at_server(&self, user: u32) -> Option<Number> {
        let name = format!("user{user}");
        Number::read(&Picture::decode(&name, &self.chat.picture(&name)?))
    }

    /// The requests that told the server of a picture.
    fn told(&self) -> Vec<Seen> {
        self.chat.seen().into_iter().filter(|seen| seen.path.ends_with("users.setAvatar")).collect()
    }
}

#[test]
fn a_told_url_works_until_another_delivery_is_done_whatever_happens_meanwhile() {
    let [first, second] = [1, 2].map(|version| Number { user: 1, version });
    let mut stage = Stage::with_pictures(1);
    assert_eq!(stage.number_at_server(1), Some(first));
    assert_eq!(stage.told().len(), 1, "what was told could be fetched at once");
    let old = stage.name();
    stage.chat.fault(Fault::Status(503), When::UntilCleared);
    stage.drop_photo(second);
    let both = stage.wait_names("another picture", |names| names.len() == 2);
    let new = both.iter().find(|name| **name != old).unwrap().clone();
    let numbers = |stage: &Stage| (stage.number(&old), stage.number(&new));
    assert_eq!(numbers(&stage), (Some(first), Some(second)), "the old one is recorded, the new one may be fetched yet");
    wait_until("a refused delivery", SOON, || (stage.told().len() > 1).then_some(()));
    stage.world.kill();
    assert!(stage.fetch(&old).is_err());
    stage.world.start();
    assert_eq!(numbers(&stage), (Some(first), Some(second)), "after a kill");
    let before = stage.told().len();
    wait_until("another try", LONG, || (stage.told().len() > before).then_some(()));
    assert_eq!(stage.names(), both, "the same picture has the same URL");
    stage.chat.clear_faults();
    stage.wait_done(1);
    assert_eq!((stage.number_at_server(1), stage.number(&new)), (Some(second), Some(second)));
    stage.wait_names("the old picture to go", |names| names.len() == 1);
    assert_eq!(stage.status(&old), 404);
    stage.world.restart();
    assert_eq!((stage.number(&new), stage.status(&old)), (Some(second), 404));
}

#[test]
fn a_picture_goes_with_its_removal() {
    let mut stage = Stage::new(2);
    stage.world.set("folder.absence", "1s");
    stage.world.set("backend.chat.remove", true);
    let same = Number { user: 1, version: 1 }.photo_of_side(96);
    for name in ["user1.jpg", "user2.jpg"] {
        stage.world.move_in(name, &same);
    }
    stage.world.start();
    stage.wait_done(2);
    let both = stage.names();
    assert_eq!(both.len(), 2, "one picture of two users has two names");
    let bodies: BTreeSet<_> = both.iter().map(|name| stage.fetch(name).unwrap().body).collect();
    assert_eq!(bodies.len(), 1);
    stage.world.take_out("user1.jpg");
    let left = stage.wait_names("a removal", |names| names.len() == 1);
    let gone = both.difference(&left).next().unwrap();
    assert_eq!(stage.chat.pictures().into_keys().collect::<Vec<_>>(), ["user2"]);
    assert_eq!((stage.status(gone), stage.number(left.first().unwrap()).is_some()), (404, true));
}

#[test]
fn a_picture_that_the_system_refuses_goes_and_the_one_before_stays() {
    let stage = Stage::with_pictures(1);
    let old = stage.name();
    stage.chat.set_file_max(10);
    stage.drop_photo(Number { user: 1, version: 2 });
    stage.world.wait_status("a stopped delivery", |status| status["backends"]["chat"]["stopped"] == 1);
    assert_eq!(stage.told().len(), 2);
    stage.wait_names("the refused picture to go", |names| names.len() == 1);
    assert_eq!((stage.name(), stage.number(&old)), (old.clone(), Some(Number { user: 1, version: 1 })));
}

#[test]
fn another_url_is_told_of_every_picture() {
    let mut stage = Stage::with_pictures(2);
    let names = stage.names();
    stage.world.set("publish.url", format!("http://127.0.0.1:{}/elsewhere", stage.port.0));
    stage.world.restart();
    wait_until("everybody told anew", LONG, || (stage.told().len() == 4).then_some(()));
    stage.wait_done(2);
    assert_eq!(stage.names(), names, "the pictures are the same");
    let at = |path: &str| fetch::get(&format!("http://{}{path}/{}", stage.address(), names.first().unwrap()));
    assert_eq!((at("/elsewhere").unwrap().status, at(PATH).unwrap().status), (200, 404));
}

#[test]
fn a_pass_serves_while_it_works_and_no_longer() {
    let mut stage = Stage::new(1);
    stage.drop_photo(Number { user: 1, version: 1 });
    let told = stage.world.portraitd(&["sync"]).expect(0);
    assert_eq!(stage.number_at_server(1), Some(Number { user: 1, version: 1 }));
    assert!(told.err.contains("WARN") && told.err.contains("not served any more"), "{}", told.err);
    let name = stage.name();
    assert!(stage.fetch(&name).is_err());
    assert_eq!(stage.world.sync(&[]).1["unchanged"], 1);
    stage.world.start();
    assert_eq!(stage.number(&name), Some(Number { user: 1, version: 1 }));
    assert_eq!(stage.told().len(), 1);
}

#[test]
fn a_dry_run_publishes_nothing_and_keeps_the_names_to_itself() {
    let stage = Stage::new(1);
    stage.drop_photo(Number { user: 1, version: 1 });
    let told = stage.world.portraitd(&["sync", "--dry-run"]).expect(0);
    assert!(told.out.contains("would publish avatar ("), "{}", told.out);
    assert!(told.out.contains(&format!("http://127.0.0.1:{}{PATH}/assumed/avatar.jpg", stage.port.0)), "{}", told.out);
    assert!(!stage.folder().exists());
    assert_eq!(stage.told().len(), 0);
}
