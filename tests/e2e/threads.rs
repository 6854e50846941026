//! Does many things that mostly wait, some of them at a time.

use std::{sync::Mutex, thread};

/// Does the work for each of these, so many at a time, and answers in their order. A panic in one of them ends the test
/// when the others are done.
pub(crate) fn each<T: Send, R: Send>(things: Vec<T>, at_a_time: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let count = things.len();
    let left = Mutex::new(things.into_iter().enumerate());
    let next = || left.lock().expect("nobody panics while taking").next();
    let done = Mutex::new(Vec::with_capacity(count));
    thread::scope(|scope| {
        for _ in 0..at_a_time.min(count) {
            scope.spawn(|| {
                while let Some((place, thing)) = next() {
                    let result = work(thing);
                    done.lock().expect("nobody panics while adding").push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panics while adding");
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
