//! What a process costs, read from proc(5): CPU seconds, peak and present memory. It starts nothing.

use std::{
    fs,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    param::clock_ticks_per_second,
    process::{Pid, WaitId, WaitIdOptions, getpid, waitid},
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
    // utime and stime.
    cpu_in_stat(pid, 14)
}

/// User and system time of all that this process has started and waited for, with what those have waited for.
pub(crate) fn cpu_of_children() -> Duration {
    // cutime and cstime.
    cpu_in_stat(getpid(), 16)
}

/// What all processes of the machine have spent since it was started.
pub(crate) fn cpu_of_all() -> Duration {
    let stat = fs::read_to_string("/proc/stat").expect("proc(5) is mounted");
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map(|field| field.parse().unwrap()).collect();
    // All but idle and iowait, up to steal: guests are counted with the users already.
    ticks_as_time(ticks.iter().take(8).sum::<u64>() - ticks[3] - ticks[4])
}

/// The sum of a field of `/proc/<pid>/stat`, by its number in proc(5), and the one behind it.
fn cpu_in_stat(pid: Pid, field: usize) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).expect("the process is not reaped");
    let (_, behind_the_name) = stat.rsplit_once(')').expect("the name stands in brackets");
    // Behind the name come the fields from the third on.
    let fields = behind_the_name.split_whitespace().skip(field - 3).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
    ticks_as_time(ticks)
}

fn ticks_as_time(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}

/// A line of `/proc/<pid>/status` in KiB; none for a process that has ended.
pub(crate) fn memory_kib(pid: Pid, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// Megabytes of 10^6 bytes.
pub(crate) fn megabytes(kib: u64) -> f64 {
    kib as f64 * 1.024 / 1_000.0
}

/// The middle of an odd number of figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
