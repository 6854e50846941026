//! What a backend that does not work costs the other: photos are copied beside a running daemon, and the time is taken
//! from the first of them until `files` has published all. A Rocket.Chat is not there, works, refuses its token so that
//! the backend is held, or never answers: by turns, so that whatever else the machine does meets them all.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    chat::{SIDE_BY_SIDE, backend_at, user},
    measure::median,
    place::{DEFAULT_BACKEND, Place, TWO_MEGAPIXELS, make_photos, photos_in},
    simulators::{
        faults::{Fault, When},
        rocketchat::{Profile, RocketChat, TOKEN},
    },
};

const PHOTOS: usize = 200;
const ROUNDS: usize = 5;
const LATENCY: Duration = Duration::from_millis(20);
/// A published picture is looked for so often.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LOST: Duration = Duration::from_secs(300);

/// What the other backend is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    None,
    Works,
    Held,
    Hangs,
}

const OTHERS: [Other; 4] = [Other::None, Other::Works, Other::Held, Other::Hangs];

pub(crate) fn bench() {
    let source = tempfile::tempdir().expect("the temporary folder is writable");
    make_photos(source.path(), PHOTOS, TWO_MEGAPIXELS);
    let photos = photos_in(source.path());
    println!(
        "{PHOTOS} photos until `files` has published them, beside a Rocket.Chat; seconds. Where that works or hangs, a"
    );
    println!("picture more is made of each photo; where it is held, none is.");
    println!("{:>8} {:>10} {:>10} {:>10} {:>10}", "round", "none", "works", "held", "hangs");
    let rounds: Vec<_> = (1..=ROUNDS).map(|number| round(number, &photos)).collect();
    let ratio = |other: usize, to: usize| median(rounds.iter().map(|round| round[other] / round[to]));
    println!("{:>8} {:>10} {:>10.2} {:>10.2} {:>10.2}", "to none", "", ratio(1, 0), ratio(2, 0), ratio(3, 0));
    println!("{:>8} {:>10} {:>10} {:>10.2} {:>10.2}", "to works", "", "", ratio(2, 1), ratio(3, 1));
}

/// Each once. The ratios are made within a round, and their medians printed.
fn round(number: usize, photos: &[PathBuf]) -> [f64; 4] {
    let seconds = OTHERS.map(|other| published(other, photos).as_secs_f64());
    let [none, works, held, hangs] = seconds;
    println!("{number:>8} {none:>10.1} {works:>10.1} {held:>10.1} {hangs:>10.1}");
    seconds
}

fn published(other: Other, photos: &[PathBuf]) -> Duration {
    let chat = chat_that(other, photos);
    let place = match other {
        Other::None => Place::new(DEFAULT_BACKEND),
        _ => Place::new(&format!("{DEFAULT_BACKEND}\n\n{}", backend_at(&chat))),
    };
    fs::write(place.path("token"), TOKEN).unwrap();
    let mut daemon = place.daemon();
    let began = Instant::now();
    for photo in photos {
        fs::copy(photo, place.path("drop").join(photo.file_name().unwrap())).unwrap();
    }
    photos.iter().for_each(|photo| wait_until_published(&place.path("portraits").join(user(photo)), began));
    let took = began.elapsed();
    // A stop in order would wait for what hangs.
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    check_premise(other, &chat);
    took
}

/// The figure is worth nothing where the other backend was not what it was meant to be.
fn check_premise(other: Other, chat: &RocketChat) {
    let (requests, pictures) = (chat.seen().len(), chat.pictures().len());
    let hung = chat.struck().get(&Fault::Hang).copied().unwrap_or_default();
    match other {
        Other::None => assert_eq!(requests, 0),
        Other::Works => assert!(pictures > 0 && hung == 0),
        Other::Held => assert!((1..=3).contains(&requests) && pictures == 0, "{requests} requests"),
        Other::Hangs => assert!(pictures == 0 && hung == SIDE_BY_SIDE as usize, "{hung} hang"),
    }
}

fn chat_that(other: Other, photos: &[PathBuf]) -> RocketChat {
    let chat = RocketChat::start(Profile::V8);
    photos.iter().for_each(|photo| drop(chat.add_user(&user(photo))));
    chat.set_latency(LATENCY);
    match other {
        Other::None | Other::Works => {}
        Other::Held => chat.set_token("another token"),
        // The probe is answered, so that as many deliveries hang as are let out at one time.
        Other::Hangs => chat.fault(Fault::Hang, When::UntilCleared),
    }
    chat
}

fn wait_until_published(folder: &Path, began: Instant) {
    while ["original.jpg", "thumb.jpg", "icon.jpg"].iter().any(|picture| !folder.join(picture).exists()) {
        assert!(began.elapsed() < LOST, "{} is not published", folder.display());
        std::thread::sleep(LOOK_EVERY);
    }
}
