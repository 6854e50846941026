//! Processor time, measured so that a busy machine spoils all rows of a table alike.

use std::fs;
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;

/// What is measured: a name and the work.
pub(crate) type Row<'a> = (String, Box<dyn Fn() + 'a>);

/// CPU milliseconds of this thread for each row: the median over several rounds, in which all rows take turns.
pub(crate) fn medians(rows: &[Row<'_>]) -> Vec<f64> {
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        for ((_, work), times) in rows.iter().zip(&mut times) {
            times.push(cpu_of(work));
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    times.iter().map(|times| times[ROUNDS / 2]).collect()
}

/// The mean of as many runs as take some tens of milliseconds: the system counts a thread's time in steps of a few.
fn cpu_of(work: &dyn Fn()) -> f64 {
    let (before, start) = (cpu_ms(), Instant::now());
    let mut runs = 0.0;
    while start.elapsed() < Duration::from_millis(60) {
        work();
        runs += 1.0;
    }
    (cpu_ms() - before) / runs
}

/// Time on a processor so far, of this thread: the first number of its schedstat (proc(5)).
fn cpu_ms() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells each thread's time");
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.expect("the first word is a number") / 1e6
}
