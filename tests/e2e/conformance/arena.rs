//! Where a case is played: a world with one backend at one system, whose users it counts, and what every case asks of
//! both.

use std::{
    fs,
    os::unix::net::UnixStream,
    process::{Child, Stdio},
    sync::Arc,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Never;
use crate::{
    photos::{Number, Picture},
    simulators::{
        faults::{Fault, When},
        simulator::Seen,
    },
    stands::{Remote, Shown, Stand, Variant, Wire},
    world::{SOON, World, wait_until},
};

/// The name of the backend.
pub(super) const BACKEND: &str = "system";

pub(super) struct Arena {
    pub(super) variant: &'static Variant,
    pub(super) world: World,
    pub(super) stand: Arc<dyn Stand>,
    users: u32,
    versions: u32,
}

impl Arena {
    /// A system without users, and a world without photos.
    pub(super) fn new(variant: &'static Variant) -> Self {
        let mut world = World::new();
        world.set("log.level", "info");
        world.set("backend.portraits.enabled", false);
        world.set(&format!("backend.{BACKEND}.timeout"), "2s");
        let stand = variant.open(&mut world, BACKEND);
        Self { variant, world, stand, users: 0, versions: 0 }
    }

    /// The system, where it is one that is reached by requests.
    pub(super) fn remote(&self) -> Result<&dyn Remote, Never> {
        self.stand.remote()
    }

    /// The way to it, for a case that has found out already that there is one.
    pub(super) fn wire(&self) -> &dyn Wire {
        self.remote().expect("the case has asked").wire()
    }

    /// How many pictures the system took so far.
    pub(super) fn taken(&self) -> usize {
        self.remote().map_or(0, Remote::taken)
    }

    /// How many of them a delivery needs.
    pub(super) fn taken_by_delivery(&self) -> usize {
        self.remote().map_or(0, Remote::taken_by_delivery)
    }

    /// Sets a key of the backend.
    pub(super) fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        self.world.set(&format!("backend.{BACKEND}.{key}"), value);
    }

    /// Adds a user to the system.
    pub(super) fn add_user(&mut self) -> u32 {
        self.users += 1;
        self.stand.add(self.users);
        self.users
    }

    /// Drops a photo of this user that was never dropped before.
    pub(super) fn drop_photo(&mut self, user: u32) -> Number {
        self.drop_photo_as(&self.stand.name(user), user)
    }

    /// The same, under another name.
    pub(super) fn drop_photo_as(&mut self, name: &str, user: u32) -> Number {
        let number = self.next(user);
        self.drop_file(name, number);
        self.stand.supply(user, &|| self.renditions(number));
        number
    }

    /// A number that was on no photo.
    pub(super) fn next(&mut self, user: u32) -> Number {
        self.versions += 1;
        Number { user, version: self.versions }
    }

    /// Drops a photo that nobody else has got.
    pub(super) fn drop_file(&self, name: &str, number: Number) {
        self.world.move_in(&format!("{name}.jpg"), &photo(number));
    }

    /// Adds a user whose photo is delivered without any trouble, and answers the requests of that.
    pub(super) fn delivered_user(&mut self) -> (u32, Number) {
        let user = self.add_user();
        let number = self.drop_photo(user);
        self.sync_all_done();
        (user, number)
    }

    /// The requests of a delivery of a first photo, from the start of the program on, without any trouble.
    pub(super) fn requests_of_delivery(&mut self) -> Vec<Seen> {
        let before = self.wire().seen().len();
        self.delivered_user();
        self.wire().seen().split_off(before)
    }

    /// What portraitd makes of a photo for this backend.
    fn renditions(&self, number: Number) -> Shown {
        let (file, folder) = (self.world.path("photo.jpg"), self.world.path("preview"));
        fs::write(&file, photo(number)).unwrap();
        self.world.portraitd(&["preview", file.to_str().unwrap(), "--out", folder.to_str().unwrap()]).expect(0);
        let made = fs::read_dir(&folder).unwrap().filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem()?.to_str()?.strip_prefix(&format!("{BACKEND}-"))?.to_owned();
            Some((name, fs::read(&path).unwrap()))
        });
        let made = made.collect();
        fs::remove_dir_all(folder).unwrap();
        made
    }
}

/// One pass, and what came of it.
impl Arena {
    pub(super) fn sync(&self, args: &[&str]) -> (i32, Value) {
        self.world.sync(args)
    }

    /// A pass after which everything is in place.
    pub(super) fn sync_all_done(&self) -> Value {
        let (code, summary) = self.sync(&["--wait", "60s"]);
        assert_eq!(code, 0, "{summary} {:#}", self.world.status()["backends"][BACKEND]);
        summary
    }

    /// A pass that delivers so many photos and leaves nothing.
    pub(super) fn sync_delivers(&self, photos: usize) {
        let summary = self.sync_all_done();
        assert_eq!(summary["delivered"], photos, "{summary}");
    }

    /// What `explain` says of a drop name at the backend.
    pub(super) fn explain(&self, name: &str) -> Value {
        self.world.explain(name)["backends"][BACKEND].take()
    }

    /// The verdict of the last attempt for a drop name, with its reason.
    pub(super) fn last_attempt(&self, name: &str) -> (String, String) {
        let told = self.explain(name);
        let last = told["attempts"].as_array().and_then(|attempts| attempts.last());
        let word = |key: &str| last.and_then(|last| last[key].as_str()).unwrap_or_default().to_owned();
        (word("verdict"), word("reason"))
    }

    /// What `status` says of the backend.
    pub(super) fn status(&self) -> Value {
        self.world.status()["backends"][BACKEND].take()
    }
}

/// What the system shows.
impl Arena {
    /// Everything that the system shows of the users that were added.
    pub(super) fn shown(&self) -> Vec<Shown> {
        self.looked(|| (1..=self.users).map(|user| self.stand.shown(user)).collect())
    }

    /// What the system shows of this user.
    pub(super) fn shown_of(&self, user: u32) -> Shown {
        self.looked(|| self.stand.shown(user))
    }

    /// Looks at the system; where its pictures are fetched from portraitd, while that serves them.
    fn looked<T>(&self, look: impl FnOnce() -> T) -> T {
        let _serving = self.stand.shows_what_is_served().then(|| Serving::start(&self.world));
        look()
    }

    /// The system shows exactly what portraitd makes of this photo.
    pub(super) fn assert_shows_exactly(&self, number: Number) {
        let (shown, wanted) = (self.shown_of(number.user), self.renditions(number));
        let names = |shown: &Shown| shown.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&shown), names(&wanted), "the pictures of {number}");
        let other = shown.iter().find(|(name, picture)| wanted[*name] != **picture);
        assert!(other.is_none(), "{} of {number} is another picture", other.unwrap().0);
    }

    /// The system shows pictures that are made of these photos.
    pub(super) fn assert_show(&self, numbers: &[Number]) {
        let shown = self.looked(|| numbers.iter().map(|number| self.stand.shown(number.user)).collect::<Vec<_>>());
        for (number, shown) in numbers.iter().zip(shown) {
            assert!(!shown.is_empty(), "there is no picture of {number}");
            for (name, picture) in shown {
                assert_eq!(Number::read(&Picture::decode(&name, &picture)), Some(*number), "{name}");
            }
        }
    }

    /// Nobody has a picture.
    pub(super) fn assert_shows_nothing(&self) {
        assert!(self.shown().iter().all(Shown::is_empty), "somebody has a picture");
        self.assert_own_unchanged();
    }

    /// The account of the backend has the picture that it had.
    pub(super) fn assert_own_unchanged(&self) {
        assert_eq!(self.remote().map_or(0, Remote::own_changes), 0, "the account's own picture was changed");
    }
}

/// What went wrong.
impl Arena {
    /// How many pictures the system took without saying so.
    pub(super) fn taken_unanswered(&self) -> usize {
        self.remote().map_or(0, Remote::taken_unanswered)
    }

    /// Lets a fault strike the so-manieth request from now on, counted from 1.
    pub(super) fn strike(&self, fault: Fault, place: usize) {
        self.wire().fault_everywhere(fault, When::Nth(place));
    }
}

/// A daemon that serves pictures until this is dropped.
struct Serving(Child);

impl Serving {
    fn start(world: &World) -> Self {
        let mut command = world.command(&["run"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Self(command.spawn().expect("the daemon can be started"));
        let socket = world.path("state/control.sock");
        wait_until("the daemon to answer", SOON, || UnixStream::connect(&socket).ok());
        daemon
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // One that has ended already cannot be told to.
        let _told = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _status = self.0.wait();
    }
}

fn photo(number: Number) -> Vec<u8> {
    number.photo_of_side(96)
}
