//! What a process costs, read from proc(5): CPU seconds, peak and present memory. It starts nothing.

use std::{
    fs,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    param::clock_ticks_per_second,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};

/// The costs of a process that has ended.
pub(crate) struct Costs {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: u64,
}

/// Waits for the end of a child and says what it cost. The peak is looked at every 10 ms, for it goes with the
/// process; the CPU time stays readable until the child is waited for.
pub(crate) fn costs_of(child: &mut Child) -> Costs {
    let (began, pid) = (Instant::now(), Pid::from_child(child));
    let mut peak_kib = 0;
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(pid), look).expect("the child is ours").is_none() {
        peak_kib = memory_kib(pid, "VmHWM").unwrap_or(0).max(peak_kib);
        thread::sleep(Duration::from_millis(10));
    }
    let (wall, cpu) = (began.elapsed(), cpu_of(pid));
    let status = child.wait().expect("the child is ours");
    assert!(status.success(), "the measured command ended with {status}");
    Costs { wall, cpu, peak_kib }
}

/// User and system time of a process, ended children not included.
pub(crate) fn cpu_of(pid: Pid) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).expect("the process is not reaped");
    let (_, behind_the_name) = stat.rsplit_once(')').expect("the name stands in brackets");
    // Behind the name come the fields from the third on; utime and stime are the 14th and the 15th.
    let ticks: u64 =
        behind_the_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}

/// A line of `/proc/<pid>/status` in KiB; none for a process that has ended.
pub(crate) fn memory_kib(pid: Pid, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}
