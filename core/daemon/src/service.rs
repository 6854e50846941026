//! What the service manager is told: that the daemon is ready, how things are, that it is alive, that it stops.
//!
//! The protocol is that of sd_notify(3); without `NOTIFY_SOCKET` nobody is told anything. Nothing here runs by a timer of
//! its own: everything is told at the end of a round of the loop, so a loop that is stuck says nothing.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use portraitd_reconcile::Time;
use sd_notify::NotifyState;
use tracing::{debug, warn};

use crate::controller::Controller;
use crate::glance::PATIENCE;

/// The service manager that started this process.
#[derive(Debug)]
pub(crate) struct Service {
    socket: OsString,
    schedule: Schedule,
}

impl Service {
    /// The one that the environment names, if it does.
    pub(crate) fn of_environment() -> Option<Self> {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())?;
        let schedule = Schedule::new(sd_notify::watchdog_enabled());
        Some(Self { socket, schedule })
    }

    /// When a round of the loop is wanted, so that something can be told at its end.
    pub(crate) fn wake_at(&self) -> Time {
        self.schedule.wake_at()
    }

    /// The loop has made a round. After the first one the daemon is ready: the control socket answers and the first scan
    /// has begun. Its end is not waited for, for a restart makes no dead mount answer.
    pub(crate) fn turned(&mut self, controller: &Controller) {
        let now = controller.now();
        let due = self.schedule.due(now, controller.ledger_waits() <= PATIENCE);
        if due.ready {
            self.tell(&[NotifyState::Ready]);
        }
        if due.alive {
            self.tell(&[NotifyState::Watchdog]);
        }
        if due.status {
            let started = Instant::now();
            let line = controller.glance().headline();
            if self.schedule.shall_tell(&line, now, started.elapsed()) {
                self.tell(&[NotifyState::Status(&line)]);
            }
        }
    }

    /// The loop has made its last round. The grace that follows is covered by one more sign of life.
    pub(crate) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Watchdog]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        let text: String = states.iter().map(|state| format!("{state}\n")).collect();
        match send(&self.socket, text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                debug!(text, "the service manager does not listen");
            }
            Err(error) => warn!(%error, text, "failed to tell the service manager"),
            Ok(()) => {}
        }
    }
}

/// Sends without waiting: a manager whose queue is full must not hold the loop, as the crate's own call would let it.
fn send(socket: &OsStr, text: &[u8]) -> io::Result<()> {
    let address = match socket.as_bytes() {
        // A name in the abstract namespace (unix(7)).
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    let out = UnixDatagram::unbound()?;
    out.set_nonblocking(true)?;
    out.send_to_addr(text, &address).map(drop)
}

/// What is told when. Reads no clock.
#[derive(Debug)]
struct Schedule {
    ready: bool,
    alive_every: Option<Duration>,
    alive_at: Time,
    status_at: Time,
    line: String,
}

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    ready: bool,
    alive: bool,
    status: bool,
}

impl Schedule {
    /// A sign of life is given twice in the time in which the manager expects one, as sd_watchdog_enabled(3) advises.
    fn new(watchdog: Option<Duration>) -> Self {
        let alive_every = watchdog.filter(|within| !within.is_zero()).map(|within| (within / 2).max(ALIVE_AT_MOST));
        Self { ready: false, alive_every, alive_at: Time::PAST, status_at: Time::PAST, line: String::new() }
    }

    fn wake_at(&self) -> Time {
        self.alive_every.map_or(self.status_at, |_| self.alive_at.min(self.status_at))
    }

    /// What is due after a round, which is taken as told. No sign of life is given while the ledger does not write.
    fn due(&mut self, now: Time, ledger_writes: bool) -> Due {
        let ready = !std::mem::replace(&mut self.ready, true);
        let is_time = self.alive_every.filter(|_| self.alive_at <= now);
        if let Some(every) = is_time {
            self.alive_at = now.after(if ledger_writes { every } else { every.min(ALIVE_AGAIN_AFTER) });
        }
        Due { ready, alive: is_time.is_some() && ledger_writes, status: self.status_at <= now }
    }

    /// Whether the line is news; it took so long to make.
    fn shall_tell(&mut self, line: &str, now: Time, took: Duration) -> bool {
        self.status_at = now.after(STATUS_EVERY.max(took * STATUS_SHARE));
        let is_news = self.line != line;
        line.clone_into(&mut self.line);
        is_news
    }
}

/// How often the line of counts is made, at most.
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// To count a hundred thousand photos takes a while; it takes at most this share of the time.
const STATUS_SHARE: u32 = 100;
/// How often a sign of life is given, at most.
const ALIVE_AT_MOST: Duration = Duration::from_millis(10);
/// How soon one that was not given is looked at again.
const ALIVE_AGAIN_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(0);

    fn after(ms: u64) -> Time {
        NOW.after(Duration::from_millis(ms))
    }

    fn told(schedule: &mut Schedule, at: Time, ledger_writes: bool) -> [bool; 3] {
        let Due { ready, alive, status } = schedule.due(at, ledger_writes);
        [ready, alive, status]
    }

    #[test]
    fn ready_comes_once_and_life_at_half_of_the_time() {
        let mut schedule = Schedule::new(Some(Duration::from_secs(4)));
        assert!(schedule.wake_at() <= NOW, "the first round waits for nothing");
        assert_eq!(told(&mut schedule, NOW, true), [true, true, true]);
        assert!(schedule.shall_tell("a", NOW, Duration::ZERO));
        assert_eq!(schedule.wake_at(), after(2_000));
        assert_eq!(told(&mut schedule, after(1_999), true), [false; 3]);
        assert_eq!(told(&mut schedule, after(2_000), true), [false, true, false]);
    }

    #[test]
    fn a_ledger_that_does_not_write_is_no_life() {
        let mut schedule = Schedule::new(Some(Duration::from_secs(60)));
        assert_eq!(told(&mut schedule, NOW, false), [true, false, true]);
        schedule.shall_tell("a", NOW, Duration::ZERO);
        assert_eq!(schedule.wake_at(), after(1_000), "and is no busy loop either");
        assert_eq!(told(&mut schedule, after(1_000), true), [false, true, false], "it writes again");
        assert_eq!(schedule.wake_at(), after(10_000));
    }

    #[test]
    fn without_a_watchdog_nobody_waits_for_signs_of_life() {
        for watchdog in [None, Some(Duration::ZERO)] {
            let mut schedule = Schedule::new(watchdog);
            assert_eq!(told(&mut schedule, NOW, true), [true, false, true]);
            schedule.shall_tell("a", NOW, Duration::ZERO);
            assert_eq!(schedule.wake_at(), after(10_000));
        }
    }

    #[test]
    fn the_line_is_told_when_it_is_another_and_made_seldom_when_that_takes_long() {
        let mut schedule = Schedule::new(None);
        assert!(schedule.shall_tell("a", NOW, Duration::ZERO));
        assert!(!schedule.shall_tell("a", after(10_000), Duration::ZERO));
        assert!(schedule.shall_tell("b", after(20_000), Duration::from_secs(1)));
        assert_eq!(schedule.wake_at(), after(120_000));
    }

    #[test]
    fn a_manager_that_does_not_read_holds_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let error = std::iter::repeat_with(|| send(path.as_os_str(), b"STATUS=x")).find_map(Result::err).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(manager);
    }

    #[test]
    fn a_name_without_a_file_is_reached_too() {
        let name = format!("portraitd-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), b"READY=1").unwrap();
        let mut told = [0; 16];
        assert_eq!(manager.recv(&mut told).unwrap(), 7);
    }
}
