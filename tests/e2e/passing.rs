//! Whatever passes costs time and requests, and no photo: at each system the first request fails, and then every seventh,
//! whatever it is for, by each fault in turn. `cargo test -p portraitd-tests --test e2e passing:: -- --nocapture` prints what that costs.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    photos::{Number, Picture},
    simulators::faults::{Fault, When},
    stands::{Logins, PASSING, Remote, Stand, VARIANTS, Variant},
    threads::each,
    world::{LONG, World, wait_until},
};

const BACKEND: &str = "system";
/// How many deliveries there are at a time.
const CONCURRENCY: usize = 6;
/// How many worlds there are at a time. They mostly wait.
const AT_A_TIME: usize = 8;

/// A system whose requests fail, and the photos that go there.
struct Stage {
    world: World,
    stand: Arc<dyn Stand>,
    photos: u32,
}

/// What one fault cost.
struct Cost {
    fault: Fault,
    photos: u32,
    struck: usize,
    requests: usize,
    again: usize,
    unanswered: usize,
    logins: Option<Logins>,
    took: Duration,
}

impl Stage {
    fn new(variant: &Variant) -> Self {
        let mut world = World::new();
        world.set("log.level", "info");
        world.set("backend.portraits.enabled", false);
        let stand = variant.open(&mut world, BACKEND);
        world.set(&format!("backend.{BACKEND}.timeout"), "2s");
        world.set(&format!("backend.{BACKEND}.concurrency"), CONCURRENCY as i64);
        // Where a delivery is one request, as many requests need more photos.
        let photos = if ["creatorshub", "rocketchat"].contains(&variant.plugin) { 30 } else { 12 };
        for user in 1..=photos {
            stand.add(user);
            world.move_in(&format!("{}.jpg", stand.name(user)), &Number { user, version: 1 }.photo_of_side(96));
        }
        Self { world, stand, photos }
    }

    fn remote(&self) -> &dyn Remote {
        self.stand.remote().expect("it is one of those with requests")
    }

    /// The system is away for two seconds when the first pictures are there.
    fn restart(&self) {
        wait_until("the first pictures", LONG, || (self.remote().taken() > 3).then_some(()));
        self.remote().wire().fault(Fault::Outage, When::UntilCleared);
        thread::sleep(Duration::from_secs(2));
        self.remote().wire().clear_faults();
    }

    fn suffer(&self, fault: Fault) -> Cost {
        let began = Instant::now();
        if fault == Fault::Outage {
            self.remote().wire().set_latency(Duration::from_millis(50));
        } else {
            // The first one is a login, or what else is asked before any photo is sent.
            for when in [When::Nth(1), When::Every(7)] {
                self.remote().wire().fault_everywhere(fault, when);
            }
        }
        let (code, summary) = thread::scope(|scope| {
            if fault == Fault::Outage {
                scope.spawn(|| self.restart());
            }
            self.world.sync(&["--wait", "60s"])
        });
        assert_eq!((code, &summary["delivered"]), (0, &self.photos.into()), "{fault:?}: {summary}");
        self.assert_all_arrived(fault);
        self.cost(fault, began.elapsed())
    }

    fn assert_all_arrived(&self, fault: Fault) {
        for user in 1..=self.photos {
            let shown = self.stand.shown(user);
            assert!(!shown.is_empty(), "{fault:?}: user {user} has no picture");
            for (name, picture) in shown {
                let found = Number::read(&Picture::decode(&name, &picture));
                assert_eq!(found, Some(Number { user, version: 1 }), "{fault:?}: {name}");
            }
        }
        assert_eq!(self.remote().own_changes(), 0, "{fault:?}: the account's own picture was changed");
        assert_eq!(self.remote().wire().undercuts(), [], "{fault:?}: a told wait was undercut");
    }

    fn cost(&self, fault: Fault, took: Duration) -> Cost {
        let (remote, photos) = (self.remote(), self.photos);
        let cost = Cost {
            fault,
            photos,
            struck: if fault == Fault::Outage { 1 } else { remote.wire().struck(fault) },
            requests: remote.wire().seen().len(),
            again: remote.taken() - photos as usize * remote.taken_by_delivery(),
            unanswered: remote.taken_unanswered(),
            logins: remote.logins(),
            took,
        };
        cost.assert_explained(CONCURRENCY * remote.taken_by_delivery());
        cost
    }
}

impl Cost {
    /// What came more than once is what had no answer. So many pictures are on their way at one time.
    fn assert_explained(&self, on_their_way: usize) {
        let Self { fault, struck, again, unanswered, logins, .. } = self;
        if *fault == Fault::Outage {
            // A restart cuts off the answers of all that is on its way.
            assert!(*again <= on_their_way, "{fault:?}: {again} pictures came again");
        } else {
            assert!(*struck >= 4, "{fault:?} struck {struck} times only");
            assert!(again <= unanswered, "{fault:?}: {again} pictures came again, {unanswered} had no answer");
        }
        if let Some(Logins { answered, unanswered }) = logins {
            assert_eq!(*answered, 1, "{fault:?}: sessions, and {unanswered} logins without an answer");
        }
    }

    fn print(&self) {
        let Self { fault, photos, struck, requests, again, unanswered, logins, took } = self;
        let (fault, each) = (format!("{fault:?}"), *requests as f64 / f64::from(*photos));
        let logins =
            logins.as_ref().map_or_else(|| "-".into(), |logins| format!("{}+{}", logins.answered, logins.unanswered));
        let seconds = took.as_secs_f64();
        println!(
            "{fault:24} | {photos:6} | {struck:6} | {requests:8} | {each:9.2} | {again:5} | {unanswered:10} | {logins:>6} | {seconds:7.1}"
        );
    }
}

/// Each fault at the default mode of a plugin.
fn all_arrive_at(plugin: &str) {
    let variant = VARIANTS.iter().find(|variant| variant.plugin == plugin).expect("it has a stand");
    let costs = each(PASSING.to_vec(), AT_A_TIME, |fault| Stage::new(variant).suffer(fault));
    println!("{plugin}: the first request, and every 7th");
    println!("{:24} | photos | struck | requests | per photo | again | unanswered | logins | seconds", "fault");
    costs.iter().for_each(Cost::print);
}

#[test]
fn all_arrive_at_staffbase_whatever_fails() {
    all_arrive_at("staffbase");
}

#[test]
fn all_arrive_at_creatorshub_whatever_fails() {
    all_arrive_at("creatorshub");
}

#[test]
fn all_arrive_at_igloo_whatever_fails() {
    all_arrive_at("igloo");
}

#[test]
fn all_arrive_at_rocketchat_whatever_fails() {
    all_arrive_at("rocketchat");
}
