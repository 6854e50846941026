//! What a backend can do and know during one operation.
//!
//! Every `async fn` here is an effect: it leaves the plugin as a message, the host performs it.

use std::time::Duration;

use serde_json::Value;

use crate::effects::Effects;
use crate::message::{Effect, EffectError, EffectErrorKind, Level, LogLine, Outcome, Reply, Start};
use crate::photo::Rendition;

/// One operation's surroundings: effects, the time, random numbers, the log.
///
/// An operation may ask for 1,000 effects in all, any number of them at the same time.
pub struct Context {
    effects: Effects,
    attempt: u32,
    idempotency_key: String,
    deadline_ms: u64,
    dry_run: bool,
    receipt: Option<Value>,
}

impl Context {
    pub(crate) fn new(effects: Effects, start: &Start) -> Self {
        Self {
            effects,
            attempt: start.attempt,
            idempotency_key: start.idempotency_key.clone(),
            deadline_ms: start.deadline_ms,
            dry_run: start.dry_run,
            receipt: start.receipt.clone(),
        }
    }

    /// Publishes a rendition as the file `path` below the directory that the setting `directory` names: atomically and
    /// durably. `Changed`, or `Unchanged` when the file had this very content.
    ///
    /// # Errors
    /// When the file could not be written; then the old file is as it was.
    pub async fn put_file(
        &self,
        directory: &str,
        path: impl Into<String>,
        rendition: &Rendition,
    ) -> Result<Outcome, EffectError> {
        let (directory, rendition) = (directory.to_owned(), rendition.name().to_owned());
        let effect = Effect::FilePut { directory, path: path.into(), rendition };
        match self.effects.ask(effect).await {
            Reply::FilePut { changed: true } => Ok(Outcome::Changed),
            Reply::FilePut { changed: false } => Ok(Outcome::Unchanged),
            other => Err(unfit(other)),
        }
    }

    /// Removes the file `path` below the directory that the setting `directory` names. `Removed`, or `Unchanged` when
    /// it was not there.
    ///
    /// # Errors
    /// When the file could not be removed.
    pub async fn remove_file(&self, directory: &str, path: impl Into<String>) -> Result<Outcome, EffectError> {
        let effect = Effect::FileRemove { directory: directory.to_owned(), path: path.into() };
        match self.effects.ask(effect).await {
            Reply::FileRemove { existed: true } => Ok(Outcome::Removed),
            Reply::FileRemove { existed: false } => Ok(Outcome::Unchanged),
            other => Err(unfit(other)),
        }
    }

    /// Waits. The time counts against the conversation's deadline; in a script it passes at once.
    ///
    /// # Errors
    /// When the host will not wait that long.
    pub async fn sleep(&self, time: Duration) -> Result<(), EffectError> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self.effects.ask(Effect::Sleep { ms }).await {
            Reply::Sleep {} => Ok(()),
            other => Err(unfit(other)),
        }
    }

    /// The time, in milliseconds since 1970 (UTC), as of the last effect's reply.
    pub fn now_ms(&self) -> u64 {
        self.effects.state().now_ms
    }

    /// When the host gives up on this operation, in milliseconds since 1970 (UTC).
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// 1 for the first attempt of this delivery.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The same text in every attempt to deliver the same content.
    pub fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }

    /// What the last successful delivery to this user returned as its receipt's detail.
    pub fn receipt(&self) -> Option<&Value> {
        self.receipt.as_ref()
    }

    /// Whether effects are shown only and not performed. Backends need not care; replies are assumed ones then.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// A random number, the same in every replay of this conversation. Not for keys.
    pub fn random(&self) -> u64 {
        let mut state = self.effects.state();
        // Steele, Lea, Flood 2014: "Fast splittable pseudorandom number generators", the SplitMix64 step.
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Says something that a person should see.
    pub fn warn(&self, text: impl Into<String>) {
        self.log(Level::Warn, text.into());
    }

    /// Says something that is worth a line in normal operation.
    pub fn info(&self, text: impl Into<String>) {
        self.log(Level::Info, text.into());
    }

    /// Says something to the author.
    pub fn debug(&self, text: impl Into<String>) {
        self.log(Level::Debug, text.into());
    }

    fn log(&self, level: Level, text: String) {
        self.effects.state().log.push(LogLine { level, text });
    }
}

/// What a reply that is not the effect's own amounts to.
fn unfit(reply: Reply) -> EffectError {
    match reply {
        Reply::Error(error) => error,
        other => {
            let text = format!("the host answered with {other:?}, which belongs to another effect");
            EffectError { kind: EffectErrorKind::Other, text }
        }
    }
}
