//! The drop folder itself goes away: moved, recreated, mounted over, unreadable, emptied. An unknown folder is never
//! an empty one, nothing is removed on its account, and what is in it afterwards is found.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command, time::Duration};

use crate::{
    binaries::binaries,
    photos::Number,
    snapshot::Snapshot,
    strace::{self, Fault},
    world::{SETTLE, SOON, World, stays, wait_until},
};

/// Long enough for the daemon's look at the folder's identity and for two scans of these worlds.
const WHILE: Duration = Duration::from_secs(6);

fn number(user: u32) -> Number {
    Number { user, version: 1 }
}

fn icon(user: u32) -> String {
    format!("portraits/user{user}/icon.jpg")
}

/// Six published users, removal on and quick.
fn world() -> World {
    let mut world = World::scanning();
    world.set("folder.absence", "1s");
    world.set("backend.portraits.remove", true);
    for user in 1..=6 {
        world.copy_in(&format!("user{user}.jpg"), &number(user).photo());
    }
    world.start();
    world.wait_status("all published", |status| status["backends"]["portraits"]["done"] == 6);
    world
}

fn assert_kept(world: &World, before: &Snapshot) {
    stays("published", WHILE, || world.backend_files("portraits").0.len() >= before.0.len());
    before.assert_untouched(&world.path("portraits"));
}

#[test]
fn a_folder_moved_away_is_unknown_and_nothing_is_removed() {
    let world = world();
    let before = world.backend_files("portraits");
    fs::rename(world.drop_folder(), world.path("aside")).unwrap();
    let status = world.wait_status("unknown", |status| status["folder"]["state"] == "unknown");
    assert!(!status["folder"]["reason"].as_str().unwrap().is_empty(), "{status:#}");
    assert_kept(&world, &before);

    fs::rename(world.path("aside"), world.drop_folder()).unwrap();
    world.wait_status("known again", |status| status["folder"]["state"] == "ok");
    world.copy_in("user7.jpg", &number(7).photo());
    world.wait_number(&icon(7), number(7));
    world.take_out("user1.jpg");
    wait_until("removal works again", SOON, || world.published(&icon(1)).is_none().then_some(()));
}

#[test]
fn a_recreated_folder_is_watched_and_its_emptiness_concludes_nothing() {
    let world = world();
    let before = world.backend_files("portraits");
    fs::rename(world.drop_folder(), world.path("aside")).unwrap();
    fs::create_dir(world.drop_folder()).unwrap();
    world.copy_in("user7.jpg", &number(7).photo());
    world.wait_number(&icon(7), number(7));
    stays("published", WHILE, || world.backend_files("portraits").0.len() == before.0.len() + 3);
    world.copy_in("user1.jpg", &Number { user: 1, version: 2 }.photo());
    world.wait_number(&icon(1), Number { user: 1, version: 2 });

    world.portraitd(&["confirm-removals"]).expect(0);
    wait_until("the five that are not there are removed", SOON + SOON, || {
        (2..=6).all(|user| world.published(&icon(user)).is_none()).then_some(())
    });
    assert!(world.published(&icon(1)).is_some() && world.published(&icon(7)).is_some());
}

#[test]
fn a_folder_replaced_while_the_daemon_was_away_concludes_nothing() {
    let mut world = world();
    let before = world.backend_files("portraits");
    assert_eq!(world.stop(), 0);
    fs::rename(world.drop_folder(), world.path("aside")).unwrap();
    fs::create_dir(world.drop_folder()).unwrap();
    world.start();
    assert_kept(&world, &before);
}

#[test]
fn an_emptied_folder_meets_the_brake() {
    let world = world();
    let before = world.backend_files("portraits");
    for user in 1..=6 {
        world.take_out(&format!("user{user}.jpg"));
    }
    world.wait_status("the brake", |status| status["removals"]["braked"] == 6);
    assert_kept(&world, &before);
}

#[test]
fn a_missing_folder_is_a_failure_of_one_pass_and_of_check() {
    let world = World::new();
    fs::remove_dir(world.drop_folder()).unwrap();
    let told = world.portraitd(&["sync"]).expect(1);
    assert!(told.err.contains("drop"), "{}", told.err);
    let told = world.portraitd(&["check"]).expect(2);
    assert!(told.text().contains("drop"), "{}", told.text());
    assert!(!world.drop_folder().exists(), "the daemon never makes the drop folder");
}

#[test]
fn a_daemon_started_before_its_folder_takes_it_when_it_comes() {
    let mut world = World::new();
    fs::remove_dir(world.drop_folder()).unwrap();
    world.start();
    world.wait_status("unknown", |status| status["folder"]["state"] == "unknown");
    fs::create_dir(world.drop_folder()).unwrap();
    world.copy_in("user1.jpg", &number(1).photo());
    world.wait_number(&icon(1), number(1));
}

/// Whether the test may mount and so may the daemon see it.
fn mounted_over(world: &World) -> bool {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=4m", "portraitd-test"]).arg(world.drop_folder());
    let mounted = world.finish(mount, SOON).status.success();
    if !mounted {
        println!("skipped: this user may not mount");
    }
    mounted
}

fn unmount(world: &World) {
    let mut umount = Command::new("umount");
    umount.arg("-l").arg(world.drop_folder());
    world.finish(umount, SOON).expect(0);
}

#[test]
fn another_file_system_mounted_over_the_folder_removes_nothing() {
    let world = world();
    let before = world.backend_files("portraits");
    if !mounted_over(&world) {
        return;
    }
    stays("published", WHILE, || world.backend_files("portraits").0.len() == before.0.len());
    world.copy_in("user7.jpg", &number(7).photo());
    world.wait_number(&icon(7), number(7));
    unmount(&world);
    world.copy_in("user8.jpg", &number(8).photo());
    world.wait_number(&icon(8), number(8));
    stays("published", WHILE, || world.backend_files("portraits").0.len() == before.0.len() + 6);
}

/// The world's own copies of the program and the plugin, run as the user `nobody`: root reads everything, so only
/// another user can meet a folder without rights.
fn as_nobody(world: &World, args: &[&str]) -> Command {
    let program = world.path("program");
    if !program.exists() {
        fs::create_dir(&program).unwrap();
        for file in [&binaries().portraitd, &binaries().files_plugin] {
            fs::copy(file, program.join(file.file_name().unwrap())).unwrap();
        }
        let mut chown = Command::new("chown");
        chown.args(["-R", "65534:65534"]).arg(world.path("."));
        world.finish(chown, SOON).expect(0);
        let mut chown = Command::new("chown");
        chown.args(["-R", "0:0"]).arg(&program);
        world.finish(chown, SOON).expect(0);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(program.join("portraitd")).args(args).current_dir(world.path("."));
    command
}

fn chmod(world: &World, name: &str, mode: u32) {
    fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_or_photo_without_rights_is_unreadable_and_not_gone() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let mut world = World::scanning();
    world.set("folder.absence", "1s");
    world.set("backend.portraits.remove", true);
    for user in 1..=3 {
        world.copy_in(&format!("user{user}.jpg"), &number(user).photo());
    }
    let run = as_nobody(&world, &["run"]);
    world.start_as(run);
    world.wait_answering();
    world.wait_status("all published", |status| status["backends"]["portraits"]["done"] == 3);
    let before = world.backend_files("portraits");

    chmod(&world, "drop", 0o000);
    let status = world.wait_status("not readable", |status| status["folder"]["state"] != "ok");
    assert!(!status["folder"]["reason"].as_str().unwrap().is_empty(), "{status:#}");
    assert_kept(&world, &before);
    chmod(&world, "drop", 0o755);
    world.wait_status("readable again", |status| status["folder"]["state"] == "ok");

    world.copy_in("outside.part", &Number { user: 2, version: 2 }.photo());
    chmod(&world, "drop/outside.part", 0o000);
    fs::rename(world.path("drop/outside.part"), world.path("drop/user2.jpg")).unwrap();
    stays("published", SETTLE * 10, || world.published(&icon(2)).is_some());
    assert_eq!(world.number(&icon(2)), Some(number(2)));
    chmod(&world, "drop/user2.jpg", 0o644);
    world.wait_number(&icon(2), Number { user: 2, version: 2 });
}

#[test]
fn a_scan_that_breaks_off_concludes_nothing_from_absence() {
    if !strace::works("a scan that breaks off") {
        return;
    }
    let mut world = world();
    let before = world.backend_files("portraits");
    assert_eq!(world.stop(), 0);
    let drop_folder = world.drop_folder();
    // Every second call of a thread: the names come, and then an error where the end should be.
    let broken = Fault { calls: "getdents64", effect: "error=EIO", when: "2+2", path: Some(&drop_folder) };
    let mut run = broken.command(&world.path("."));
    run.arg("run");
    world.start_as(run);
    world.wait_answering();
    world.wait_status("incomplete", |status| status["folder"]["state"] == "incomplete");
    world.take_out("user1.jpg");
    assert_kept(&world, &before);
    world.copy_in("user7.jpg", &number(7).photo());
    world.wait_number(&icon(7), number(7));
}
