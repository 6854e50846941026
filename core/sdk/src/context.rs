//! What a backend can do and know during one operation.
//!
//! Every `async fn` here is an effect: it leaves the plugin as a message, the host performs it.

use std::time::Duration;

use serde_json::Value;

use crate::effects::{Answered, Effects};
use crate::failure::Failure;
use crate::http::Response;
use crate::message::http::HttpRequest;
use crate::message::memory::{Memory, Recalled, Remember, Remembered};
use crate::message::{Effect, EffectError, EffectErrorKind, Level, LogLine, Outcome, Reply, Start};
use crate::photo::Rendition;
use crate::settings::Secret;

/// One operation's surroundings: effects, the time, random numbers, the log.
///
/// An operation may ask for 1,000 effects in all, any number of them at the same time.
pub struct Context {
    effects: Effects,
    attempt: u32,
    idempotency_key: String,
    deadline_ms: u64,
    dry_run: bool,
    verified: bool,
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
            verified: start.verified,
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
        match self.ask(effect).await {
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
        match self.ask(effect).await {
            Reply::FileRemove { existed: true } => Ok(Outcome::Removed),
            Reply::FileRemove { existed: false } => Ok(Outcome::Unchanged),
            other => Err(unfit(other)),
        }
    }

    /// Lets a rendition be fetched by the URL that is returned, for systems that take pictures only so. The URL cannot be
    /// guessed, is another one for another picture, and works for as long as this delivery is the last one that was done.
    ///
    /// # Errors
    /// `not-found` when the host publishes nothing, and otherwise when it could not write the picture down.
    pub async fn publish(&self, rendition: &Rendition) -> Result<String, EffectError> {
        match self.ask(Effect::Publish { rendition: rendition.name().to_owned() }).await {
            Reply::Publish { url } => Ok(url),
            other => Err(unfit(other)),
        }
    }

    /// Waits. The time counts against the conversation's deadline; in a script it passes at once.
    ///
    /// # Errors
    /// When the host will not wait that long.
    pub async fn sleep(&self, time: Duration) -> Result<(), EffectError> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self.ask(Effect::Sleep { ms }).await {
            Reply::Sleep {} => Ok(()),
            other => Err(unfit(other)),
        }
    }

    /// Sends a request, and reads the whole reply. A reply of any status is a success here: see [`Response`].
    ///
    /// # Errors
    /// When there is no whole reply. Where the request may have reached the system all the same, the host knows that.
    pub async fn http(&self, request: impl Into<HttpRequest>) -> Result<Response, EffectError> {
        let Answered { reply, body } = self.effects.ask(Effect::Http(request.into())).await;
        match reply {
            Reply::Http(reply) => Ok(Response::new(reply, body)),
            other => Err(unfit(other)),
        }
    }

    /// What is remembered there. After `None` for a [`Memory::Backend`], this conversation has the claim on it: others
    /// wait until it has remembered something, or is over.
    ///
    /// # Errors
    /// `unclaimed` when whoever had the claim has failed: to fail as well is right, the host tries again later.
    pub async fn recall(&self, memory: &Memory) -> Result<Option<Known>, EffectError> {
        match self.ask(Effect::Recall { memory: memory.clone() }).await {
            Reply::Recall(Recalled::Found { value, version }) => Ok(Some(Known { value, version })),
            Reply::Recall(Recalled::Missing {}) => Ok(None),
            other => Err(unfit(other)),
        }
    }

    /// Remembers a value, for `ttl` where there is one. For a [`Memory::Delivery`] it is durable when this returns.
    ///
    /// # Errors
    /// When the host could not write it down.
    pub async fn remember(
        &self,
        memory: &Memory,
        value: impl Into<Value>,
        ttl: Option<Duration>,
    ) -> Result<Known, EffectError> {
        self.keep(memory, Remember::Value(value.into()), ttl).await
    }

    /// Remembers a secret that the system gave, such as a session key. [`Known::secret`] is its handle.
    ///
    /// # Errors
    /// As [`Context::remember`]; and for a [`Memory::Delivery`], where no secret may lie.
    pub async fn remember_secret(
        &self,
        memory: &Memory,
        secret: impl Into<String>,
        ttl: Option<Duration>,
    ) -> Result<Known, EffectError> {
        self.keep(memory, Remember::Secret(secret.into()), ttl).await
    }

    async fn keep(&self, memory: &Memory, value: Remember, ttl: Option<Duration>) -> Result<Known, EffectError> {
        let ttl_ms = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        match self.ask(Effect::Remember { memory: memory.clone(), value, ttl_ms }).await {
            Reply::Remember { value, version } => Ok(Known { value, version }),
            other => Err(unfit(other)),
        }
    }

    /// Forgets what is remembered there, if it still is what `known` is. Says whether it was.
    ///
    /// # Errors
    /// When the host could not write it down.
    pub async fn forget(&self, memory: &Memory, known: &Known) -> Result<bool, EffectError> {
        match self.ask(Effect::Forget { memory: memory.clone(), version: known.version }).await {
            Reply::Forget { forgotten } => Ok(forgotten),
            other => Err(unfit(other)),
        }
    }

    async fn ask(&self, effect: Effect) -> Reply {
        self.effects.ask(effect).await.reply
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

    /// Whether [`verify`](crate::Verify::verify) looks for this delivery as soon as it is done: worth a question more
    /// where what was there before must be known to tell.
    pub fn is_verified(&self) -> bool {
        self.verified
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

/// Something that was remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    value: Remembered,
    version: u64,
}

impl Known {
    /// The value; null where it is a secret.
    pub fn value(&self) -> &Value {
        match &self.value {
            Remembered::Value(value) => value,
            Remembered::Secret(_) => &Value::Null,
        }
    }

    /// The secret's handle.
    ///
    /// # Errors
    /// `bug`, where it is a plain value.
    pub fn secret(&self) -> Result<&Secret, Failure> {
        match &self.value {
            Remembered::Secret(secret) => Ok(secret),
            Remembered::Value(_) => Err(Failure::bug("a plain value was remembered where a secret was expected")),
        }
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
