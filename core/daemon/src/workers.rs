//! The threads that hold whole photos: they read, examine, decode and encode, one photo at a time each.
//!
//! A few threads of their own, and not tokio's many blocking ones: an allocator keeps memory for each thread that has
//! used much, so with every thread that ever held a photo the memory would grow. Runs nothing that belongs to a user.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads. They end when the last clone is dropped and what they hold is done.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    jobs: Sender<Job>,
}

impl Workers {
    /// As many threads as there are cores.
    pub(crate) fn start() -> Self {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..cores() {
            let queue = Arc::clone(&queue);
            let name = format!("photo-{number}");
            let thread = std::thread::Builder::new().name(name).spawn(move || work(&queue));
            thread.expect("the system gives a process its threads");
        }
        Self { jobs }
    }

    /// Runs a job on one of the threads and gives back what it came to; none when it panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        // Whoever no longer waits for the result has no use for it.
        let job = Box::new(move || drop(done.send(job())));
        self.jobs.send(job).expect("the threads live as long as the sender");
        result.await.ok()
    }
}

/// How many photos are worked on at one time.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The panic hook has told it; whoever waits hears that there is no result, and the thread goes on.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_come_back_with_their_results_and_a_panic_without() {
        let workers = Workers::start();
        assert_eq!(workers.run(|| 6 * 7).await, Some(42));
        for _ in 0..2 * cores() {
            assert_eq!(workers.run(|| panic!("a test's own panic")).await, None::<()>);
        }
        assert_eq!(workers.run(|| "still there").await, Some("still there"));
    }
}
