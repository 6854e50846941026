//! One state directory, one owner: a second daemon or pass is refused by the first one's process id.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    photos::{Number, portrait},
    world::World,
};

#[test]
fn a_second_daemon_is_refused_and_told_who_runs() {
    let mut world = World::new();
    world.start();
    let pid = world.pid().as_raw_nonzero().to_string();
    for command in [["run"], ["sync"]] {
        let told = world.portraitd(&command).expect(3);
        assert!(told.err.contains(&pid), "{command:?} does not name {pid}:\n{}", told.err);
        assert!(told.err.contains("hint"), "{}", told.err);
    }
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/anna/icon.jpg");
}

#[test]
fn a_state_held_without_a_socket_ends_every_command_with_three() {
    let mut world = World::new();
    world.start();
    let pid = world.pid().as_raw_nonzero().to_string();
    fs::remove_file(world.path("state/control.sock")).unwrap();
    let commands: [&[&str]; 6] =
        [&["status"], &["explain", "anna"], &["retry"], &["confirm-removals"], &["sync"], &["run"]];
    for command in commands {
        let told = world.portraitd(command).expect(3);
        assert!(told.err.contains(&pid), "{command:?} does not name {pid}:\n{}", told.err);
    }
}

#[test]
fn a_killed_daemon_leaves_no_lock_behind() {
    let mut world = World::new();
    world.start();
    world.kill();
    assert!(world.path("state/control.sock").exists(), "a killed process removes nothing");
    assert_eq!(world.status()["photos"], 0);
    world.start();
    let number = Number { user: 1, version: 1 };
    world.copy_in("anna.jpg", &number.photo());
    world.wait_number("portraits/anna/icon.jpg", number);
}

#[test]
fn two_states_on_one_folder_both_deliver() {
    let mut first = World::new();
    let mut second = World::new();
    second.set("folder.path", first.drop_folder().to_str().unwrap());
    first.start();
    second.start();
    let number = Number { user: 1, version: 1 };
    first.copy_in("anna.jpg", &number.photo());
    first.wait_number("portraits/anna/icon.jpg", number);
    second.wait_number("portraits/anna/icon.jpg", number);
}

#[test]
fn the_state_belongs_to_its_owner_alone() {
    let mut world = World::new();
    world.start();
    let mode = |path| fs::metadata(world.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state/control.sock"), 0o600);
    assert_eq!(mode("state") & 0o077, 0, "the state directory is open to others: {:o}", mode("state"));
}
