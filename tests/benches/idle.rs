//! The memory and CPU time of a daemon that has nothing to do, with few and with many users.

use std::{thread, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    measure::{cpu_of, megabytes, memory_kib},
    place::{DEFAULT_BACKEND, Place, make_photos},
};

const COUNTS: [usize; 3] = [1, 500, 2_000];
const SETTLE_DOWN: Duration = Duration::from_secs(3);
const WATCHED: Duration = Duration::from_secs(10);

pub(crate) fn bench() {
    println!("an idle daemon, {WATCHED:?} long, after everything was delivered in an earlier run");
    println!("{:>8} {:>10} {:>10} {:>22}", "photos", "RSS MB", "peak MB", "CPU ms per second idle");
    for count in COUNTS {
        let place = Place::new(DEFAULT_BACKEND);
        make_photos(&place.path("drop"), count, [240, 320]);
        assert!(place.portraitd(&["sync"]).status().unwrap().success());
        watch(&place, count);
    }
}

fn watch(place: &Place, count: usize) {
    let mut daemon = place.daemon();
    let pid = Pid::from_child(&daemon);
    thread::sleep(SETTLE_DOWN);
    let before = cpu_of(pid);
    thread::sleep(WATCHED);
    let spent = (cpu_of(pid) - before).as_secs_f64() * 1_000.0 / WATCHED.as_secs_f64();
    let [now, peak] = ["VmRSS", "VmHWM"].map(|line| megabytes(memory_kib(pid, line).expect("the daemon runs")));
    println!("{count:>8} {now:>10.1} {peak:>10.1} {spent:>22.2}");
    kill_process(pid, Signal::TERM).unwrap();
    assert!(daemon.wait().unwrap().success());
}
