//! How changes are noticed: by events, by scans where there are none, and by a scan after events were lost. Events
//! only hint; a lost one costs time and never a photo.

use std::{fs, thread};

use rustix::process::Signal;

use crate::{
    photos::Number,
    strace::{self, Fault},
    world::World,
};

fn number(user: u32) -> Number {
    Number { user, version: 1 }
}

fn icon(user: u32) -> String {
    format!("portraits/user{user}/icon.jpg")
}

#[test]
fn polling_finds_what_no_event_told() {
    let mut world = World::scanning();
    world.set("folder.watch", "poll");
    world.start();
    world.copy_in("user1.jpg", &number(1).photo());
    world.wait_number(&icon(1), number(1));
    world.move_in("user1.jpg", &Number { user: 1, version: 2 }.photo());
    world.wait_number(&icon(1), Number { user: 1, version: 2 });
}

#[test]
fn events_alone_find_every_way_in() {
    let mut world = World::new();
    world.set("folder.watch", "events");
    world.start();
    world.copy_in("user1.jpg", &number(1).photo());
    world.move_in("user2.jpg", &number(2).photo());
    fs::write(world.path("outside.jpg"), number(3).photo()).unwrap();
    fs::hard_link(world.path("outside.jpg"), world.path("drop/user3.jpg")).unwrap();
    world.copy_in("user4.jpg.part", &number(4).photo());
    fs::rename(world.path("drop/user4.jpg.part"), world.path("drop/user4.jpg")).unwrap();
    for user in 1..=4 {
        world.wait_number(&icon(user), number(user));
    }
}

#[test]
fn a_write_through_another_name_of_the_file_is_found_by_the_scan() {
    let mut world = World::scanning();
    world.copy_in("user1.jpg", &number(1).photo());
    fs::hard_link(world.path("drop/user1.jpg"), world.path("other-name.jpg")).unwrap();
    world.start();
    world.wait_number(&icon(1), number(1));
    fs::write(world.path("other-name.jpg"), Number { user: 1, version: 2 }.photo()).unwrap();
    world.wait_number(&icon(1), Number { user: 1, version: 2 });
}

/// More than the 16,384 events that the kernel keeps for a reader that does not read (inotify(7)).
const EVENTS_LOST: usize = 20_000;

#[test]
fn photos_whose_events_were_lost_are_found_at_once() {
    let mut world = World::new();
    world.start();
    world.copy_in("user1.jpg", &number(1).photo());
    world.wait_number(&icon(1), number(1));
    world.signal(Signal::STOP);
    for round in 0..EVENTS_LOST {
        // Names that differ, for equal events in a row are merged.
        let name = if round % 2 == 0 { "drop/.a" } else { "drop/.b" };
        fs::write(world.path(name), b"x").unwrap();
    }
    for user in 2..=4 {
        world.copy_in(&format!("user{user}.jpg"), &number(user).photo());
    }
    world.signal(Signal::CONT);
    for user in 2..=4 {
        world.wait_number(&icon(user), number(user));
    }
}

#[test]
fn a_stopped_daemon_goes_on_where_it_was() {
    let mut world = World::new();
    world.start();
    for user in 1..=20 {
        world.copy_in(&format!("user{user}.jpg"), &number(user).photo());
    }
    world.signal(Signal::STOP);
    thread::sleep(crate::world::SETTLE * 5);
    world.signal(Signal::CONT);
    world.wait_status("all done", |status| status["backends"]["portraits"]["done"] == 20);
}

#[test]
fn a_daemon_that_gets_no_watch_scans_instead() {
    if !strace::works("no watch") {
        return;
    }
    let mut world = World::scanning();
    let no_watch = Fault { calls: "inotify_add_watch", effect: "error=ENOSPC", when: "1+", path: None };
    let mut run = no_watch.command(&world.path("."));
    run.arg("run");
    world.start_as(run);
    world.wait_answering();
    world.copy_in("user1.jpg", &number(1).photo());
    world.wait_number(&icon(1), number(1));
}
