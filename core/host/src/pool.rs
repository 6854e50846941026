//! The threads on which one library's code runs, and the watch over them.
//!
//! Code of a plugin may loop for ever and cannot be stopped. So every library has two threads of its own: one that hangs
//! costs its own plugin and nobody else. A call that does not come back within the limit makes the library *wedged*:
//! whoever waits for it is told, and it is never called again.
//!
//! Knows nothing of messages, and does not run on anybody's async runtime.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

/// Threads per library.
const THREADS: usize = 2;

/// How often hanging calls are looked for.
const TICK: Duration = Duration::from_millis(250);

/// The call did not come back, or an earlier one of the same library has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wedged;

/// The threads of one library. They end when the last reference is gone and the queue is empty.
#[derive(Debug)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    limit: Duration,
    wedged: AtomicBool,
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    running: [Option<Running>; THREADS],
    closed: bool,
}

struct Job {
    run: Box<dyn FnOnce() + Send>,
    give_up: GiveUp,
}

struct Running {
    since: Instant,
    give_up: GiveUp,
}

/// Tells whoever waits for a job that nothing will come.
type GiveUp = Arc<dyn Fn() + Send + Sync>;

impl Pool {
    /// Starts the threads. A call may take as long as `limit`.
    pub(crate) fn new(name: &str, limit: Duration) -> std::io::Result<Arc<Self>> {
        let (wedged, queue, work) = Default::default();
        let shared = Arc::new(Shared { limit, wedged, queue, work });
        for index in 0..THREADS {
            let shared = shared.clone();
            // Linux shows 15 bytes of a thread's name.
            thread::Builder::new().name(format!("p-{name}")).spawn(move || shared.work(index))?;
        }
        Ok(Arc::new(Self(shared)))
    }

    pub(crate) fn is_wedged(&self) -> bool {
        self.0.wedged.load(Ordering::Acquire)
    }

    /// Runs a call, and tells its value when it comes back. When nobody waits any more, the value is dropped over there.
    pub(crate) async fn call<T: Send + 'static>(&self, call: impl FnOnce() -> T + Send + 'static) -> Result<T, Wedged> {
        // What a refused job holds is forgotten, so one that is refused for sure is not made.
        if self.is_wedged() {
            return Err(Wedged);
        }
        let (sender, receiver) = oneshot::channel();
        self.submit(call, move |value| drop(sender.send(value)));
        receiver.await.map_err(|_| Wedged)
    }

    /// As [`Pool::call`], for callers that may block.
    pub(crate) fn call_blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Wedged> {
        if self.is_wedged() {
            return Err(Wedged);
        }
        let (sender, receiver) = sync_channel(1);
        self.submit(call, move |value| drop(sender.send(value)));
        receiver.recv().map_err(|_| Wedged)
    }

    /// Drops a value over there, for its drop calls the library. Of a wedged library it is forgotten.
    fn discard<T: Send + 'static>(&self, value: T) {
        self.submit(move || drop(value), drop);
    }

    fn submit<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
        deliver: impl FnOnce(T) + Send + 'static,
    ) {
        // Whoever takes it first has it: the call that came back, or the watch that gave it up.
        let deliver = Arc::new(Mutex::new(Some(deliver)));
        let slot = deliver.clone();
        let give_up: GiveUp = Arc::new(move || drop(lock(&slot).take()));
        let run = move || {
            let value = call();
            let deliver = lock(&deliver).take();
            match deliver {
                Some(deliver) => deliver(value),
                // Dropping it may call the library, which is wedged.
                None => mem::forget(value),
            }
        };
        self.0.push(Job { run: Box::new(run), give_up });
    }

    /// Looks for calls that hang.
    fn watch(&self, now: Instant) {
        let hangs = |running: &Running| now.duration_since(running.since) > self.0.limit;
        let hanging = self.0.queue().running.iter().flatten().any(hangs);
        if hanging && !self.is_wedged() {
            self.0.wedge();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn push(&self, job: Job) {
        let mut queue = self.queue();
        // Read under the queue's lock: after the wedge nothing may get in.
        if self.wedged.load(Ordering::Acquire) {
            drop(queue);
            return abandon(job);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.work.notify_one();
    }

    fn wedge(&self) {
        let mut queue = self.queue();
        self.wedged.store(true, Ordering::Release);
        let waiting = mem::take(&mut queue.jobs);
        let running: Vec<GiveUp> = queue.running.iter().flatten().map(|running| running.give_up.clone()).collect();
        drop(queue);
        running.iter().for_each(|give_up| give_up());
        waiting.into_iter().for_each(abandon);
    }

    /// The life of a thread.
    fn work(&self, index: usize) {
        while let Some(run) = self.next(index) {
            run();
            self.queue().running[index] = None;
        }
    }

    fn next(&self, index: usize) -> Option<Box<dyn FnOnce() + Send>> {
        let mut queue = self.queue();
        loop {
            if let Some(Job { run, give_up }) = queue.jobs.pop_front() {
                queue.running[index] = Some(Running { since: Instant::now(), give_up });
                return Some(run);
            }
            if queue.closed || self.wedged.load(Ordering::Acquire) {
                return None;
            }
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("limit", &self.limit).field("wedged", &self.wedged).finish_non_exhaustive()
    }
}

/// A job of a wedged library: its values must not be dropped, for that may call the library.
fn abandon(job: Job) {
    (job.give_up)();
    mem::forget(job.run);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that panics runs under these locks, and what is in them is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value whose drop calls the library, dropped on the library's own threads.
#[derive(Debug)]
pub(crate) struct OnPool<T: Send + 'static> {
    value: Option<T>,
    pool: Arc<Pool>,
}

impl<T: Send + 'static> OnPool<T> {
    pub(crate) fn new(value: T, pool: Arc<Pool>) -> Self {
        Self { value: Some(value), pool }
    }

    pub(crate) fn get(&self) -> &T {
        self.value.as_ref().expect("the value is taken by the drop only")
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("the value is taken by the drop only")
    }
}

impl<T: Send + 'static> Drop for OnPool<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.pool.discard(value);
        }
    }
}

/// One thread that watches over all pools of a host. It ends when neither the host nor one of its plugins is left.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Vec<Weak<Pool>>>);

impl Watch {
    pub(crate) fn begin() -> std::io::Result<Arc<Self>> {
        let watch = Arc::new(Self::default());
        let weak = Arc::downgrade(&watch);
        let tick = move || {
            while let Some(watch) = weak.upgrade() {
                watch.tick();
                drop(watch);
                thread::sleep(TICK);
            }
        };
        thread::Builder::new().name("plugin-watch".into()).spawn(tick)?;
        Ok(watch)
    }

    pub(crate) fn over(&self, pool: &Arc<Pool>) {
        lock(&self.0).push(Arc::downgrade(pool));
    }

    fn tick(&self) {
        let now = Instant::now();
        lock(&self.0).retain(|pool| pool.upgrade().inspect(|pool| pool.watch(now)).is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    fn watched() -> (Arc<Watch>, Arc<Pool>) {
        let watch = Watch::begin().unwrap();
        let pool = Pool::new("test", LIMIT).unwrap();
        watch.over(&pool);
        (watch, pool)
    }

    /// Says when it is dropped.
    struct Loud(std::sync::mpsc::Sender<&'static str>);

    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.send(if thread::current().name() == Some("p-test") { "over there" } else { "here" }).unwrap();
        }
    }

    #[test]
    fn a_call_runs_on_the_librarys_own_thread() {
        let (_watch, pool) = watched();
        let name = pool.call_blocking(|| thread::current().name().map(str::to_owned)).unwrap();
        assert_eq!(name.as_deref(), Some("p-test"));
    }

    #[test]
    fn a_call_that_hangs_wedges_its_library_and_everyone_is_told() {
        let (_watch, pool) = watched();
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || pool.call_blocking(|| thread::sleep(Duration::from_secs(2))))
            })
            .collect();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(Wedged));
        }
        assert!(pool.is_wedged());
        assert_eq!(pool.call_blocking(|| 1), Err(Wedged), "it is not called again");
    }

    #[test]
    fn another_library_works_while_one_hangs() {
        let (watch, stuck) = watched();
        let other = Pool::new("other", LIMIT).unwrap();
        watch.over(&other);
        for _ in 0..4 {
            stuck.submit(|| thread::sleep(Duration::from_millis(500)), drop);
        }
        let begun = Instant::now();
        assert_eq!(other.call_blocking(|| 7), Ok(7));
        assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_value_is_dropped_over_there() {
        let (_watch, pool) = watched();
        let (told, hears) = std::sync::mpsc::channel();
        drop(OnPool::new(Loud(told), pool));
        assert_eq!(hears.recv().unwrap(), "over there");
    }

    #[test]
    fn nothing_of_a_wedged_library_is_dropped() {
        let (_watch, pool) = watched();
        let (told, hears) = std::sync::mpsc::channel();
        let value = OnPool::new(Loud(told), pool.clone());
        assert_eq!(pool.call_blocking(|| thread::sleep(Duration::from_secs(1))), Err(Wedged));
        drop(value);
        assert!(hears.recv_timeout(Duration::from_millis(100)).is_err());
    }

    #[test]
    fn a_value_that_nobody_waits_for_is_dropped_over_there() {
        let (_watch, pool) = watched();
        let (told, hears) = std::sync::mpsc::channel();
        let value = OnPool::new(Loud(told), pool.clone());
        drop(pool.call(move || value));
        assert_eq!(hears.recv().unwrap(), "over there");
    }
}
