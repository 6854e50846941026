//! One operation of a plugin, step by step.
use std::time::Duration;

use portraitd_sdk::message::{EffectResult, LogLine, Step};

/// How long a step may take before it is worth a line in the log.
pub const SLOW_STEP: Duration = Duration::from_millis(50);

/// What one step came to.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What the plugin wants or says. Everything that a plugin can do wrong is a `Failed` with verdict `bug` here.
    pub step: Step,
    /// What it has to say for the log.
    pub log: Vec<LogLine>,
    /// How long the plugin's code ran. More than [`SLOW_STEP`] is worth a line in the log.
    pub took: Duration,
}

/// One operation of a plugin. Serial by itself; any number of them may run side by side.
#[derive(Debug)]
pub struct Conversation {}

impl Conversation {
    /// Tells the plugin what became of effects, and hears what it wants next. `now_ms`: milliseconds since 1970.
    ///
    /// Any part of the open effects may be answered, in any order. A result for an effect that is not open (the plugin
    /// cancelled it meanwhile) is dropped. After `Done` or `Failed` there is nothing to resume: `Failed` again.
    pub async fn resume(&mut self, results: Vec<EffectResult>, now_ms: u64) -> Turn {
        todo!("{results:?} {now_ms}")
    }
}
