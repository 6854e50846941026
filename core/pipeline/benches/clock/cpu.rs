//! A thread's time on a processor.

use std::{fs, thread};

/// Milliseconds so far, of this thread: the pipeline starts no other. It is the first number of schedstat (proc(5)), which the
/// system adds up when a thread leaves the processor; so this one leaves it first.
pub(crate) fn milliseconds() -> f64 {
    thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells each thread's time");
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.expect("the first word is a number") / 1e6
}
