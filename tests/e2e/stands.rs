//! Every system, simulated, as the suites see it that hold for all of them. A stand says what its system calls users, what
//! it shows and what it took, and makes of it what goes wrong there; or it says in words why that cannot be. What is
//! expected of portraitd is not known here.
//!
//! Each system is one module more, and a line in `VARIANTS` for each of its modes.

mod creatorshub;
mod files;
mod igloo;
mod passing;
mod rocketchat;
mod staffbase;
mod trouble;
mod wire;

use std::{collections::BTreeMap, sync::Arc};

pub(crate) use self::{passing::PASSING, trouble::Trouble, wire::Wire};
use crate::{admin::Port, simulators::simulator::Seen, world::World};

/// Settings of a backend that are not the default ones, each with its text in the configuration.
pub(crate) type Settings = &'static [(&'static str, &'static str)];

/// What a system shows of one user: pictures, by the names of their renditions.
pub(crate) type Shown = BTreeMap<String, Vec<u8>>;

/// Why something cannot be at a system.
pub(crate) type Never = &'static str;

/// A plugin with the settings of one of its modes.
pub(crate) struct Variant {
    pub(crate) plugin: &'static str,
    pub(crate) settings: Settings,
    stand: fn(Settings) -> Arc<dyn Stand>,
}

/// All of them, the one with the default settings first. What the daemon lists and this does not is told by a test.
pub(crate) const VARIANTS: [Variant; 20] = [
    Variant::new("files", &[], files::stand),
    Variant::new("staffbase", &[], staffbase::stand),
    Variant::new("staffbase", &[("sizes", "original-only")], staffbase::stand),
    Variant::new("staffbase", &[("user", "external-id")], staffbase::stand),
    Variant::new("staffbase", &[("mode", "urls"), ("urls", staffbase::MEDIA_SERVER)], staffbase::stand),
    Variant::new("staffbase", &[("mode", "urls")], staffbase::stand),
    Variant::new("creatorshub", &[], creatorshub::stand),
    Variant::new("creatorshub", &[("paths", "profile")], creatorshub::stand),
    Variant::new("creatorshub", &[("mode", "bytes")], creatorshub::stand),
    Variant::new("creatorshub", &[("mode", "bytes"), ("paths", "profile")], creatorshub::stand),
    Variant::new("creatorshub", &[("mode", "url")], creatorshub::stand),
    Variant::new("creatorshub", &[("mode", "url"), ("paths", "profile")], creatorshub::stand),
    Variant::new("igloo", &[], igloo::stand),
    Variant::new("igloo", &[("session", "v1"), ("user", "email")], igloo::stand),
    Variant::new("igloo", &[("session", "v2"), ("chunk-bytes", "4KiB")], igloo::stand),
    Variant::new("igloo", &[("chunk-bytes", "4KiB"), ("content-type", "image/jpeg"), ("user", "email")], igloo::stand),
    Variant::new("rocketchat", &[], rocketchat::stand),
    Variant::new("rocketchat", &[("user", "id")], rocketchat::stand),
    Variant::new("rocketchat", &[("mode", "url")], rocketchat::stand),
    Variant::new("rocketchat", &[("mode", "url"), ("user", "id")], rocketchat::stand),
];

impl Variant {
    const fn new(plugin: &'static str, settings: Settings, stand: fn(Settings) -> Arc<dyn Stand>) -> Self {
        Self { plugin, settings, stand }
    }

    /// The settings as a person reads them.
    pub(crate) fn mode(&self) -> String {
        match self.settings {
            [] => "default".to_owned(),
            settings => settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "),
        }
    }

    /// Starts the system, and writes a backend of this name into the world that delivers there and nowhere else.
    pub(crate) fn open(&self, world: &mut World, backend: &str) -> Arc<dyn Stand> {
        let stand = (self.stand)(self.settings);
        world.set(&format!("backend.{backend}.plugin"), self.plugin);
        for (key, value) in self.settings {
            world.set(&setting(backend, key), *value);
        }
        stand.configure(world, backend);
        stand
    }
}

/// Lets portraitd publish pictures at a port of its own.
fn publish(world: &mut World) {
    let address = format!("127.0.0.1:{}", Port::free().0);
    world.set("publish.listen", address.as_str());
    world.set("publish.url", format!("http://{address}"));
}

/// The path of a setting in the configuration.
fn setting(backend: &str, key: &str) -> String {
    format!("backend.{backend}.settings.{key}")
}

/// A simulated system, and what a backend needs to deliver there.
pub(crate) trait Stand: Send + Sync {
    /// Writes what the settings of a mode do not say.
    fn configure(&self, world: &mut World, backend: &str);

    /// The system as one that is reached by requests.
    fn remote(&self) -> Result<&dyn Remote, Never>;

    /// What the system calls its user of this number, counted from 1; whether or not it has that one.
    fn name(&self, user: u32) -> String;

    /// Adds the user of this number. They are added in their order.
    fn add(&self, user: u32);

    /// Gives the name of a user to another one as well.
    fn add_twin(&self, user: u32) -> Result<(), Never>;

    /// The name of a user in another case.
    fn in_other_case(&self, user: u32) -> Result<OtherCase, Never>;

    /// Whoever keeps pictures for the system besides portraitd has got those of this user.
    fn supply(&self, _user: u32, _renditions: &dyn Fn() -> Shown) {}

    /// What the system shows of this user: nothing, where the user has no picture.
    fn shown(&self, user: u32) -> Shown;

    /// Whether what it shows is fetched from portraitd at that moment.
    fn shows_what_is_served(&self) -> bool {
        false
    }
}

/// A name that differs in case only.
pub(crate) struct OtherCase {
    pub(crate) name: String,
    /// Whether the system takes it for the name of the same user.
    pub(crate) is_same: bool,
}

/// A system that is reached by requests.
pub(crate) trait Remote {
    fn wire(&self) -> &dyn Wire;

    /// How many pictures, or addresses of pictures, the system took so far.
    fn taken(&self) -> usize;

    /// How many of these a delivery needs.
    fn taken_by_delivery(&self) -> usize {
        1
    }

    /// Whether this request brings one of these, or a part of it.
    fn brings(&self, seen: &Seen) -> bool;

    /// The sessions that the system has given; none where there are no sessions.
    fn logins(&self) -> Option<Logins> {
        None
    }

    /// How many pictures were brought, and the answer did not go out whole: nobody else knows that the system has them.
    fn taken_unanswered(&self) -> usize {
        let unanswered = |seen: &Seen| self.brings(seen) && seen.was_carried_out() && !seen.was_answered();
        self.wire().seen().iter().filter(|seen| unanswered(seen)).count()
    }

    /// Lets the system know the credentials of the backend, or not.
    fn set_credentials_known(&self, known: bool);

    /// How often the picture of the account was changed to which the credentials belong.
    fn own_changes(&self) -> usize;

    /// What could be taken for that account, for another user or for another call, and is the name of none.
    fn hostile_names(&self) -> Vec<String>;

    /// Whether a request may go out where all names are the names of none. The probe may.
    fn may_ask(&self, seen: &Seen) -> bool;

    /// What can go wrong at this system and at no other.
    fn troubles(&self) -> Vec<Trouble<'_>>;
}

/// How many sessions a system has given.
pub(crate) struct Logins {
    pub(crate) answered: usize,
    /// Those of which the client may not know, for the answer did not go out whole.
    pub(crate) unanswered: usize,
}

/// Whether the settings of a mode have this one.
fn has(settings: Settings, key: &str, value: &str) -> bool {
    settings.contains(&(key, value))
}

/// One picture by the name of its rendition; nothing, where there is none.
fn one(rendition: &str, picture: Option<Vec<u8>>) -> Shown {
    picture.into_iter().map(|picture| (rendition.to_owned(), picture)).collect()
}
