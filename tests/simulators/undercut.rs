//! Watches that a wait that was told is kept. It knows no system and no header: it is told the wait.

use std::time::{Duration, Instant};

use super::reply::Wait;

/// Requests that were on their way when a wait was told cannot know of it. Where a machine has more to do than it can, a
/// request lies for a while before it is read.
const ON_THE_WAY: Duration = Duration::from_millis(400);

/// A request that came although its client had been told to wait longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undercut {
    pub(crate) path: String,
    /// How long after the reply that told the wait.
    pub(crate) after: Duration,
    /// How much of the wait was left.
    pub(crate) by: Duration,
}

/// The waits that were told, for each path, and who did not keep them.
#[derive(Default)]
pub(crate) struct Watch {
    told: Vec<Told>,
    undercuts: Vec<Undercut>,
}

struct Told {
    path: String,
    written: Instant,
    until: Instant,
}

impl Watch {
    /// A reply with a wait was written between these moments. The wait counts from the first, so that no client is
    /// accused for the time that the writing took.
    pub(crate) fn told(&mut self, path: &str, wait: Wait, (began, written): (Instant, Instant)) {
        let until = match wait {
            Wait::For(span) => began + span,
            Wait::Until(moment) => moment,
        };
        self.told.push(Told { path: path.to_owned(), written, until });
    }

    /// The first byte of a request for this path came at this moment.
    pub(crate) fn arrived(&mut self, path: &str, at: Instant) {
        let broken =
            self.told.iter().filter(|told| told.path == path && told.written + ON_THE_WAY < at && at < told.until);
        if let Some(told) = broken.max_by_key(|told| told.until) {
            let (after, by) = (at - told.written, told.until - at);
            self.undercuts.push(Undercut { path: path.to_owned(), after, by });
        }
        // A request that comes later may still have arrived a little earlier.
        self.told.retain(|told| told.until + Duration::from_secs(1) > at);
    }

    pub(crate) fn undercuts(&self) -> Vec<Undercut> {
        self.undercuts.clone()
    }
}
