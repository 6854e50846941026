//! Photos of two megapixels for a Rocket.Chat that answers after 20 ms, eight at a time: the time from the first request to
//! the last against the ideal, CPU time for each, peak memory, which must not depend on the number of photos.
//!
//! The ideal is what no program can do better with these renditions and this system: the greater of all the system's waits
//! side by side, and the CPU seconds of the same pass into the plugin `files` with the same rendition, spread over the
//! cores. Both are measured in turn. The simulated system runs in this process, on the same cores, and is in no ideal.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use rustix::process::getpid;

use crate::{
    cores,
    measure::{Costs, costs_of, cpu_of, cpu_of_all, megabytes},
    photos::Picture,
    place::{Place, TWO_MEGAPIXELS, link_photos, make_photos, photos_in},
    simulators::rocketchat::{Profile, RocketChat, TOKEN, USER_ID},
};

/// The last counts are the same, for a single ratio says little on a machine that others use too.
const COUNTS: [usize; 5] = [250, 500, 1_000, 1_000, 1_000];
const LATENCY: Duration = Duration::from_millis(20);
pub(crate) const SIDE_BY_SIDE: u32 = 8;

/// The rendition that Rocket.Chat is sent.
const SIDE: usize = 512;
const SAME_RENDITION: &str = "[backend.portraits]\nplugin = \"files\"\nconcurrency = 8\n[backend.portraits.settings]\n\
     path = \"portraits\"\nname = \"{userid}.jpg\"\n\
     renditions = [{ name = \"avatar\", width = 512, height = 512, fit = \"exact\" }]";

pub(crate) fn bench() {
    let source = tempfile::tempdir().expect("the temporary folder is writable");
    make_photos(source.path(), COUNTS[4], TWO_MEGAPIXELS);
    let [width, height] = TWO_MEGAPIXELS;
    println!("sync of photos of {width} x {height} pixels to a simulated Rocket.Chat that answers after {LATENCY:?},");
    println!("{SIDE_BY_SIDE} at a time; the simulator's CPU time is spent on the same cores and is not in the ideal");
    println!("nor is that of other processes (others): where they have had much, the ratio says nothing.");
    println!(
        "           first to last request    CPU ms for each photo   CPU s        peak MB                  requests"
    );
    println!(
        "  photos       s  ideal   ratio    chat  files simulator  others    chat  files      all  at once connections"
    );
    for count in COUNTS {
        row(source.path(), count);
    }
}

fn row(source: &Path, count: usize) {
    let reference = Place::new(SAME_RENDITION);
    let files = pass(&reference, source, count);
    let chat = RocketChat::start(Profile::V8);
    photos_in(source).iter().take(count).for_each(|photo| drop(chat.add_user(&user(photo))));
    chat.set_latency(LATENCY);
    let place = Place::new(&backend_at(&chat));
    let [all, ours] = [cpu_of_all(), cpu_of(getpid())];
    let sent = pass(&place, source, count);
    let simulator = cpu_of(getpid()) - ours;
    let others = (cpu_of_all() - all).saturating_sub(simulator + sent.cpu);
    check_pictures(&chat, &reference, count);
    print_times(&chat, count, files.cpu);
    let each = |cpu: Duration| cpu.as_secs_f64() * 1_000.0 / count as f64;
    print!(" {:>7.1} {:>6.1} {:>9.1}", each(sent.cpu), each(files.cpu), each(simulator));
    print!(" {:>7.1}", others.as_secs_f64());
    print!(" {:>7.1} {:>6.1}", megabytes(sent.peak_kib), megabytes(files.peak_kib));
    println!(" {:>8} {:>7} {:>11}", chat.seen().len(), chat.most_at_once(), chat.connections());
}

fn print_times(chat: &RocketChat, count: usize, files: Duration) {
    let arrived: Vec<_> = chat.seen().into_iter().map(|request| request.at).collect();
    let first_to_last = *arrived.iter().max().unwrap() - *arrived.iter().min().unwrap();
    let ideal = (LATENCY * count as u32 / SIDE_BY_SIDE).max(files / cores() as u32);
    let [took, ideal] = [first_to_last, ideal].map(|time| time.as_secs_f64());
    print!("{count:>8} {took:>7.1} {ideal:>6.1} {:>7.2}", took / ideal);
}

/// One pass over the first `count` photos.
fn pass(place: &Place, source: &Path, count: usize) -> Costs {
    link_photos(source, &place.path("drop"), count);
    fs::write(place.path("token"), TOKEN).unwrap();
    costs_of(&mut place.portraitd(&["sync"]).spawn().unwrap())
}

/// Every user has the very picture that `files` has published for this user, and no two users have the same.
fn check_pictures(chat: &RocketChat, reference: &Place, count: usize) {
    let pictures = chat.pictures();
    let different: BTreeSet<_> = pictures.values().collect();
    assert_eq!((pictures.len(), different.len(), chat.own_picture_writes()), (count, count, 0));
    for (user, picture) in &pictures {
        let expected = fs::read(reference.path(format!("portraits/{user}.jpg"))).unwrap();
        assert!(*picture == expected, "{user} has not the picture that was made of their photo");
        assert_eq!(Picture::decode(user, picture).size(), (SIDE, SIDE));
    }
}

/// A backend at this server; its token lies in the file `token`.
pub(crate) fn backend_at(chat: &RocketChat) -> String {
    format!(
        "[backend.chat]\nplugin = \"rocketchat\"\nconcurrency = {SIDE_BY_SIDE}\n[backend.chat.settings]\n\
         base-url = \"{}\"\nuser-id = \"{USER_ID}\"\nauth-token = {{ file = \"token\" }}",
        chat.url()
    )
}

/// The user whose photo a file is.
pub(crate) fn user(photo: &Path) -> String {
    photo.file_stem().unwrap().to_str().expect("made photos have plain names").to_owned()
}
