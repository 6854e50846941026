//! Processor time, measured so that a busy machine spoils all rows of a table alike.

use std::time::{Duration, Instant};

mod cpu;

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
    let (before, start) = (cpu::milliseconds(), Instant::now());
    let mut runs = 0.0;
    while start.elapsed() < Duration::from_millis(60) {
        work();
        runs += 1.0;
    }
    (cpu::milliseconds() - before) / runs
}
