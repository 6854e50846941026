//! The wire to a system, by which faults are ordered and requests are seen, whichever system it is.

use std::time::Duration;

use crate::simulators::{
    faults::{Fault, When},
    simulator::{Seen, Simulator, System},
    undercut::Undercut,
};

/// The way by which requests come to a system, whichever it is.
pub(crate) trait Wire: Sync {
    /// Lets a fault strike any request.
    fn fault_everywhere(&self, fault: Fault, when: When);

    /// Lets a fault strike the request by which a picture is set.
    fn fault(&self, fault: Fault, when: When);

    fn clear_faults(&self);

    /// Delays every reply from now on.
    fn set_latency(&self, latency: Duration);

    /// How often a fault has struck.
    fn struck(&self, fault: Fault) -> usize;

    /// Every request so far.
    fn seen(&self) -> Vec<Seen>;

    fn undercuts(&self) -> Vec<Undercut>;
}

impl<S: System> Wire for Simulator<S> {
    fn fault_everywhere(&self, fault: Fault, when: When) {
        Self::fault_everywhere(self, fault, when);
    }

    fn fault(&self, fault: Fault, when: When) {
        Self::fault(self, fault, when);
    }

    fn clear_faults(&self) {
        Self::clear_faults(self);
    }

    fn set_latency(&self, latency: Duration) {
        Self::set_latency(self, latency);
    }

    fn struck(&self, fault: Fault) -> usize {
        Self::struck(self).get(&fault).copied().unwrap_or_default()
    }

    fn seen(&self) -> Vec<Seen> {
        Self::seen(self)
    }

    fn undercuts(&self) -> Vec<Undercut> {
        Self::undercuts(self)
    }
}
