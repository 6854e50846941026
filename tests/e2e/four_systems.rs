//! All systems at one time: one configuration, one folder, and everybody's picture at each of them; and then nothing more
//! is sent.

use std::{sync::Arc, time::Instant};

use crate::{
    photos::{Number, Picture},
    simulators::faults::{Fault, When},
    stands::{Shown, Stand, VARIANTS, Variant},
    world::World,
};

const PHOTOS: u32 = 100;
const BREAK: Fault = Fault::ResetWithin;

/// A world with a backend at each of these systems, which all have the same people and call them otherwise.
struct Stage {
    world: World,
    /// Each by its plugin and mode.
    backends: Vec<(String, Arc<dyn Stand>)>,
}

impl Stage {
    fn new(variants: impl Iterator<Item = &'static Variant>) -> Self {
        let mut world = World::new();
        world.set("log.level", "info");
        world.set("backend.portraits.enabled", false);
        let backends = variants.enumerate().map(|(number, variant)| {
            let backend = format!("b{number}");
            let stand = variant.open(&mut world, &backend);
            add_people(&mut world, &backend, stand.as_ref());
            (format!("{}, {}", variant.plugin, variant.mode()), stand)
        });
        let backends = backends.collect();
        Self { world, backends }
    }

    fn drop_photos(&self) {
        for user in 1..=PHOTOS {
            let photo = photo(user);
            self.world.move_in(&format!("{}.jpg", drop_name(user)), &photo);
            for (_, stand) in &self.backends {
                stand.supply(user, &|| Shown::from([("original".to_owned(), photo.clone())]));
            }
        }
    }

    fn requests(&self) -> usize {
        self.backends.iter().map(|(_, stand)| stand.remote().map_or(0, |remote| remote.wire().seen().len())).sum()
    }

    /// Delivers everything in one pass, and sends nothing in another one.
    fn deliver(&mut self) {
        let (began, deliveries) = (Instant::now(), PHOTOS as usize * self.backends.len());
        let (code, summary) = self.world.sync(&["--wait", "60s"]);
        assert_eq!((code, &summary["delivered"]), (0, &deliveries.into()), "{summary} {:#}", self.world.status());
        let (took, requests) = (began.elapsed(), self.requests());
        println!("{} backends, {PHOTOS} photos: {requests} requests in {took:.1?}", self.backends.len());
        self.backends.iter().for_each(print);
        self.assert_all_shown();
        let before = self.requests();
        let (code, summary) = self.world.sync(&[]);
        assert_eq!((code, &summary["unchanged"]), (0, &deliveries.into()), "{summary}");
        assert_eq!(self.requests(), before, "the second pass has asked something");
        println!("a second pass: 0 requests");
    }

    fn assert_all_shown(&mut self) {
        let is_served = self.backends.iter().any(|(_, stand)| stand.shows_what_is_served());
        if is_served {
            self.world.start();
        }
        for (mode, stand) in &self.backends {
            (1..=PHOTOS).for_each(|user| assert_shown(mode, stand.as_ref(), user));
            assert_eq!(stand.remote().map_or(0, |remote| remote.own_changes()), 0, "{mode}");
        }
        if is_served {
            assert_eq!(self.world.stop(), 0);
        }
    }
}

fn print((mode, stand): &(String, Arc<dyn Stand>)) {
    let Ok(remote) = stand.remote() else { return };
    let logins = remote.logins().map_or_else(String::new, |logins| format!(", {} login", logins.answered));
    println!("{:5} requests, {:3} pictures{logins}: {mode}", remote.wire().seen().len(), remote.taken());
}

/// Adds everybody to a system, with a row for each that says what the system calls them.
fn add_people(world: &mut World, backend: &str, stand: &dyn Stand) {
    let names: Vec<_> = (1..=PHOTOS)
        .map(|user| {
            stand.add(user);
            (drop_name(user), stand.name(user))
        })
        .collect();
    world.map_users(backend, names.iter().map(|(name, remote)| (name.as_str(), remote.as_str())));
}

fn assert_shown(mode: &str, stand: &dyn Stand, user: u32) {
    let shown = stand.shown(user);
    assert!(!shown.is_empty(), "{mode} shows nothing of user {user}");
    for (name, picture) in shown {
        let found = Number::read(&Picture::decode(&name, &picture));
        assert_eq!(found, Some(Number { user, version: 1 }), "{mode}: {name}");
    }
}

fn drop_name(user: u32) -> String {
    format!("person{user}")
}

fn photo(user: u32) -> Vec<u8> {
    Number { user, version: 1 }.photo_of_side(96)
}

/// The variants at systems that are reached by requests.
fn remote(is_default: bool) -> impl Iterator<Item = &'static Variant> {
    let is_wanted = move |variant: &&Variant| variant.plugin != "files" && variant.settings.is_empty() == is_default;
    VARIANTS.iter().filter(is_wanted)
}

#[test]
fn one_configuration_serves_all_systems_in_their_default_modes() {
    let mut stage = Stage::new(remote(true));
    assert_eq!(stage.backends.len(), 4);
    stage.drop_photos();
    stage.deliver();
}

#[test]
fn one_configuration_serves_all_systems_in_every_other_mode() {
    let mut stage = Stage::new(remote(false));
    stage.drop_photos();
    for (_, stand) in &stage.backends {
        break_uploads(stand.as_ref());
    }
    stage.deliver();
    let breaks = stage.backends.iter().flat_map(|(_, stand)| stand.remote()).map(|remote| remote.wire().struck(BREAK));
    assert!(breaks.sum::<usize>() > 20, "too few uploads broke");
}

/// Breaks uploads in the middle of a part, where a system keeps the half of it that came.
fn break_uploads(stand: &dyn Stand) {
    let remote = stand.remote().expect("those without requests are left out");
    if let Some(trouble) = remote.troubles().iter().find(|trouble| trouble.fault == BREAK) {
        (trouble.before)();
        remote.wire().fault(BREAK, When::Every(9));
    }
}
