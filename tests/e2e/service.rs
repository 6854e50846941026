//! What a service manager is told through `NOTIFY_SOCKET`: ready, counts, signs of life and the stop. The manager here is
//! a datagram socket.

use std::{
    io,
    os::unix::net::UnixDatagram,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    photos::portrait,
    strace::{self, Fault},
    world::{SOON, World},
};

struct Manager(UnixDatagram);

impl Manager {
    fn of(world: &World) -> Self {
        let socket = UnixDatagram::bind(world.path("notify.sock")).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self(socket)
    }

    /// `portraitd run` that is to tell this manager, and to give a sign of life within `watchdog`.
    fn command(world: &World, watchdog: Duration) -> Command {
        Self::run(world.command(&[]), watchdog)
    }

    /// The same for a prepared command.
    fn run(mut command: Command, watchdog: Duration) -> Command {
        command.arg("run").env("NOTIFY_SOCKET", "notify.sock").env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        command
    }

    fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.0.recv(&mut bytes).expect("the manager is told something in time");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    /// Reads on until this is told.
    fn wait(&self, wanted: &str) -> String {
        let end = Instant::now() + SOON;
        loop {
            let told = self.next();
            if told.contains(wanted) {
                return told;
            }
            assert!(Instant::now() < end, "nobody said {wanted}");
        }
    }
}

#[test]
fn a_manager_is_told_of_the_start_the_counts_and_the_stop() {
    let mut world = World::new();
    let manager = Manager::of(&world);
    world.start_as(Manager::command(&world, SOON));
    assert_eq!(manager.next(), "READY=1\n");
    world.portraitd(&["status"]).expect(0);
    let line = "STATUS=0 photos, 0 rejected; 0 deliveries done, 0 waiting, 0 stopped";
    assert!(manager.wait("STATUS=").starts_with(line));
    world.copy_in("canary.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/canary/icon.jpg");
    assert_eq!(manager.wait("STATUS=1 "), "STATUS=1 photos, 0 rejected; 1 deliveries done, 0 waiting, 0 stopped\n");
    assert_eq!(world.stop(), 0);
    assert!(manager.wait("STOPPING=1").starts_with("STOPPING=1\n"));
    manager.0.set_nonblocking(true).unwrap();
    assert_eq!(manager.0.recv(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock, "the stop is the last word");
}

#[test]
fn an_idle_daemon_gives_signs_of_life_in_time() {
    let within = Duration::from_secs(1);
    let mut world = World::new();
    let manager = Manager::of(&world);
    world.start_as(Manager::command(&world, within));
    manager.wait("WATCHDOG=1\n");
    for _ in 0..6 {
        let last = Instant::now();
        manager.wait("WATCHDOG=1\n");
        let waited = last.elapsed();
        assert!(waited < within, "the manager would have killed it: {waited:?}");
        assert!(waited > within / 4, "more signs of life than are worth: {waited:?}");
    }
}

#[test]
fn a_manager_that_does_not_read_or_is_not_there_holds_nobody() {
    let mut world = World::new();
    let deaf = Manager::of(&world);
    // More signs of life than the socket's queue holds (unix(7): max_dgram_qlen, 10 by default).
    world.start_as(Manager::command(&world, Duration::from_millis(10)));
    world.wait_answering();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/anna/icon.jpg");
    assert_eq!(world.stop(), 0);
    drop(deaf);
    world.start_as(Manager::command(&world, SOON));
    world.wait_answering();
    world.portraitd(&["status"]).expect(0);
    assert!(world.log().contains("failed to tell the service manager"), "{}", world.log());
}

#[test]
fn a_ledger_that_hangs_ends_the_signs_of_life() {
    if !strace::works("a ledger that hangs") {
        return;
    }
    let within = Duration::from_secs(1);
    let mut world = World::new();
    let manager = Manager::of(&world);
    let log = world.path("state/ledger.sqlite-wal");
    // The third one of the thread that writes: by then the daemon is ready and a photo is on its way.
    let fault = Fault { calls: "fsync,fdatasync", effect: "delay_enter=14000000", when: "3", path: Some(&log) };
    world.start_as(Manager::run(fault.command(&world.path(".")), within));
    manager.wait("READY=1");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let mut gap = Duration::ZERO;
    let end = Instant::now() + SOON + SOON;
    while gap < within && Instant::now() < end {
        let last = Instant::now();
        manager.wait("WATCHDOG=1\n");
        gap = last.elapsed();
    }
    assert!((within..SOON).contains(&gap), "signs of life went on, {gap:?}");
    world.wait_published("portraits/anna/icon.jpg");
    assert_eq!(world.stop(), 0);
}
