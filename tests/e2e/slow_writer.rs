//! Writers that take their time: a badge station over a network share writes to the final name, in pieces, with long
//! pauses or with the final size first. No part of a photo may ever be published.

use std::{
    fs::{File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    thread,
    time::Duration,
};

use crate::{
    photos::{Picture, cut, portrait, zero_tail},
    world::{SETTLE, World, stays},
};

/// Longer than the settle time of these worlds, so that each piece looks finished for a while.
const PAUSE: Duration = Duration::from_millis(700);
const ANNA: &str = "portraits/anna/original.jpg";

fn photo() -> Vec<u8> {
    portrait("portrait.jpg")
}

fn assert_whole(world: &World) {
    let published = world.wait_published(ANNA);
    let expected = Picture::decode("source", &photo());
    assert_eq!(published.size(), expected.size());
    assert!(published.distance(&expected) < 6, "{}", published.distance(&expected));
}

/// Writes `bytes` in pieces with a pause behind each, starting at the beginning of the file.
fn write_slowly(mut file: &File, bytes: &[u8], pieces: usize, pause: Duration, mut between: impl FnMut()) {
    file.seek(SeekFrom::Start(0)).unwrap();
    for piece in bytes.chunks(bytes.len().div_ceil(pieces)) {
        between();
        file.write_all(piece).unwrap();
        thread::sleep(pause);
    }
}

fn create(path: &Path) -> File {
    OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap()
}

#[test]
fn a_photo_written_in_pieces_is_published_once_and_whole() {
    let mut world = World::new();
    world.start();
    let file = create(&world.path("drop/anna.jpg"));
    write_slowly(&file, &photo(), 5, PAUSE, || assert!(world.published(ANNA).is_none(), "a half photo went out"));
    assert_whole(&world);
    let story = world.explain("anna");
    assert_eq!(story["backends"]["portraits"]["attempts"].as_array().unwrap().len(), 1, "{story:#}");
}

#[test]
fn a_file_with_its_final_size_and_a_tail_of_zeros_is_not_a_photo_yet() {
    let mut world = World::new();
    world.start();
    let file = create(&world.path("drop/anna.jpg"));
    file.set_len(photo().len() as u64).unwrap();
    write_slowly(&file, &photo(), 4, PAUSE, || assert!(world.published(ANNA).is_none(), "zeros went out"));
    assert_whole(&world);
}

#[test]
fn a_writer_that_dies_half_way_leaves_a_refused_file() {
    let mut world = World::new();
    world.start();
    for (file, bytes) in [("anna.jpg", cut(&photo(), 50)), ("ben.jpg", zero_tail(&photo(), 50))] {
        world.copy_in(file, &bytes);
    }
    let status = world.wait_status("both refused", |status| status["rejected"].as_array().unwrap().len() == 2);
    for refused in status["rejected"].as_array().unwrap() {
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains("copy it again"), "no help in: {reason}");
    }
    assert!(world.backend_files("portraits").0.is_empty());
    world.copy_in("anna.jpg", &photo());
    assert_whole(&world);
}

#[test]
fn a_photo_truncated_and_rewritten_all_the_time_is_never_published_half() {
    let mut world = World::new();
    world.start();
    for round in 0..12 {
        let file = create(&world.path("drop/anna.jpg"));
        let pause = Duration::from_millis(20 + 60 * round);
        write_slowly(&file, &photo(), 3, pause, || drop(world.picture(ANNA)));
    }
    assert_whole(&world);
}

#[test]
fn one_pass_waits_for_a_file_that_still_grows() {
    let mut world = World::new();
    world.set("folder.settle", "1s");
    let path = world.path("drop/anna.jpg");
    let writer = thread::spawn(move || {
        let file = create(&path);
        write_slowly(&file, &photo(), 8, Duration::from_millis(400), || {});
    });
    // The pass shall begin while there is something to wait for.
    crate::world::wait_until("the first piece", SETTLE * 20, || world.path("drop/anna.jpg").exists().then_some(()));
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{summary}");
    writer.join().unwrap();
    assert_whole(&world);
}

#[test]
fn a_file_is_left_alone_until_it_has_settled() {
    let mut world = World::new();
    world.set("folder.settle", "3s");
    world.start();
    world.copy_in("anna.jpg", &photo());
    stays("nothing published", Duration::from_secs(2), || world.published(ANNA).is_none());
    assert_whole(&world);
}
