//! Performs the effects that a plugin asks for, or only shows them, and takes note of what it saw of the system.
//!
//! A plugin names a directory by the setting that holds it, a picture by the name of a rendition and a secret by its
//! handle; it never sees a path outside, and never a secret.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portraitd_host::Blob;
use portraitd_ledger::Ledger;
use portraitd_reconcile::PictureName;
use portraitd_sdk::message::http::{HttpReply, HttpRequest};
use portraitd_sdk::message::memory::{Memory, Remember, Remembered};
use portraitd_sdk::message::{Effect, EffectError, EffectErrorKind, Reply};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::backends::Channel;
use crate::config::Config;
use crate::dispatch::dry::DryRun;
use crate::dispatch::files::{FileTrouble, TroubleKind};
use crate::dispatch::memory::{Claims, DeliveryMemory, Slot};
use crate::dispatch::roots::Roots;
use crate::metrics::Metrics;
use crate::publish::Publisher;
use crate::text::escape;
use crate::transport::{self, Filling, Unanswered};

/// What happens to effects.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// They are performed.
    Real(Arc<Real>),
    /// They are shown and assumed to work.
    Dry(DryRun),
}

/// What effects are performed with.
#[derive(Debug)]
pub(crate) struct Real {
    /// The directories that are published into.
    pub(crate) roots: Roots,
    /// What requests are sent with.
    pub(crate) transport: transport::Lazy,
    /// Where deliveries are remembered; nowhere when they are only tried.
    pub(crate) ledger: Option<Ledger>,
    /// Where requests are counted.
    pub(crate) metrics: Metrics,
    /// Where pictures are published; nowhere when that is not configured, and when deliveries are only tried.
    pub(crate) publisher: Option<Publisher>,
}

impl Real {
    /// What deliveries are tried with: nothing is written down, and nothing published.
    pub(crate) fn without_state(config: &Config, transport: transport::Lazy) -> Self {
        let (roots, metrics) = (Roots::new(config), Metrics::default());
        Self { roots, transport, ledger: None, metrics, publisher: None }
    }
}

/// What a conversation is about, as far as its effects need to know.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The plugin's settings, with handles in the place of secrets.
    pub(crate) settings: Map<String, Value>,
    /// The renditions by the plugin's names.
    pub(crate) renditions: BTreeMap<String, Blob>,
    /// Their digests.
    pub(crate) digests: BTreeMap<String, String>,
    /// What was remembered of this delivery.
    pub(crate) memory: DeliveryMemory,
}

/// What was seen of the system in one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A request that may have changed something has no whole answer.
    pub(crate) uncertain: bool,
    /// The last request could not be brought to the system, or its answer not back.
    pub(crate) unreachable: bool,
    /// Until when the system asked to be left alone.
    pub(crate) quiet_until: Option<Instant>,
    /// The pictures that were published, so that it may have been told of them.
    pub(crate) published: Vec<PictureName>,
}

/// Performs the effects of one conversation.
#[derive(Debug)]
pub(crate) struct Performer {
    stage: Stage,
    channel: Arc<Channel>,
    subject: Subject,
    claims: Claims,
    seen: Mutex<Seen>,
}

/// What became of an effect, and the body of an HTTP reply.
pub(crate) type Performed = (Reply, Vec<u8>);

impl Performer {
    /// A performer for a conversation over a backend's channel.
    pub(crate) fn new(stage: Stage, channel: Arc<Channel>, subject: Subject) -> Self {
        let claims = Claims::new(Arc::clone(&channel.memory));
        Self { stage, channel, subject, claims, seen: Mutex::default() }
    }

    /// What was seen of the system until now.
    pub(crate) fn seen(&self) -> Seen {
        self.lock_seen().clone()
    }

    /// Performs an effect and says what came of it. To drop the future is to cancel what has not begun.
    pub(crate) async fn perform(&self, effect: Effect) -> Performed {
        let reply = match effect {
            Effect::Http(request) => return self.http(&request).await,
            Effect::Sleep { ms } => self.sleep(Duration::from_millis(ms)).await,
            Effect::FilePut { directory, path, rendition } => self.put(&directory, path, &rendition).await,
            Effect::FileRemove { directory, path } => self.remove(&directory, path).await,
            Effect::Recall { memory } => self.recall(&memory).await,
            Effect::Remember { memory, value, ttl_ms } => {
                self.remember(&memory, value, ttl_ms.map(Duration::from_millis)).await
            }
            Effect::Forget { memory, version } => self.forget(&memory, version).await,
            Effect::Publish { rendition } => self.publish(&rendition).await,
        };
        (reply, Vec::new())
    }

    async fn sleep(&self, time: Duration) -> Reply {
        if let Stage::Real(_) = self.stage {
            tokio::time::sleep(time).await;
        }
        Reply::Sleep {}
    }

    // --- Requests ---

    async fn http(&self, request: &HttpRequest) -> Performed {
        let filling = Filling { secrets: &self.channel.secrets, renditions: &self.subject.renditions };
        let real = match &self.stage {
            Stage::Dry(dry) => {
                let (reply, body) = dry.exchange(&self.channel, request, &filling);
                return (Reply::Http(reply), body);
            }
            Stage::Real(real) => real,
        };
        let transport = match real.transport.get() {
            Ok(transport) => transport,
            Err(trouble) => return (error(EffectErrorKind::Denied, trouble.reasons()), Vec::new()),
        };
        self.channel.lane.turn().await;
        let sending = Sending { performer: self, is_safe: request.method.is_safe(), is_over: false };
        let started = Instant::now();
        let answered = transport.send(&self.channel.lane, request, &filling).await;
        real.metrics.http(self.channel.backend.as_str(), &how_it_ended(&answered), started.elapsed());
        match answered {
            Ok((reply, body)) => {
                sending.answered(reply.retry_after_ms.filter(|_| matches!(reply.status, 429 | 503)));
                (Reply::Http(reply), body)
            }
            Err(unanswered) => {
                let told = self.channel.secrets.blank(&unanswered.error.text);
                let kind = unanswered.error.kind;
                sending.unanswered(&unanswered);
                (error(kind, told), Vec::new())
            }
        }
    }

    fn lock_seen(&self) -> MutexGuard<'_, Seen> {
        // A plain value: whole whoever panicked.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- Memory ---

    async fn recall(&self, memory: &Memory) -> Reply {
        match self.slot(memory) {
            Ok(None) => match self.claims.recall(memory.key()).await {
                Ok(recalled) => Reply::Recall(recalled),
                Err(_unclaimed) => error(
                    EffectErrorKind::Unclaimed,
                    format!("another delivery was to find out `{}`, and has failed", escape(memory.key())),
                ),
            },
            Ok(Some(slot)) => self.subject.memory.recall(&slot).await.map_or_else(unwritten, Reply::Recall),
            Err(reply) => reply,
        }
    }

    async fn remember(&self, memory: &Memory, value: Remember, ttl: Option<Duration>) -> Reply {
        match (self.slot(memory), value) {
            (Ok(None), value) => self.remember_for_all(memory.key(), value, ttl),
            (Ok(Some(slot)), Remember::Value(value)) => match self.subject.memory.remember(&slot, &value, ttl).await {
                Ok(version) => Reply::Remember { value: Remembered::Value(value), version },
                Err(why) => unwritten(why),
            },
            // The host has refused that before.
            (Ok(Some(_)), Remember::Secret(_)) => error(EffectErrorKind::Denied, "no secret is written down".into()),
            (Err(reply), _) => reply,
        }
    }

    fn remember_for_all(&self, key: &str, value: Remember, ttl: Option<Duration>) -> Reply {
        let version = self.channel.memory.next_version();
        let value = match value {
            Remember::Value(value) => Remembered::Value(value),
            Remember::Secret(text) => {
                Remembered::Secret(self.channel.secrets.remember(&format!("remembered/{version}"), text))
            }
        };
        self.claims.remember(key, value.clone(), version, ttl);
        Reply::Remember { value, version }
    }

    async fn forget(&self, memory: &Memory, version: u64) -> Reply {
        match self.slot(memory) {
            Ok(None) => Reply::Forget { forgotten: self.claims.forget(memory.key(), version) },
            Ok(Some(slot)) => match self.subject.memory.forget(&slot).await {
                Ok(forgotten) => Reply::Forget { forgotten },
                Err(why) => unwritten(why),
            },
            Err(reply) => reply,
        }
    }

    /// Where a delivery's memory lies; none for a backend's.
    fn slot(&self, memory: &Memory) -> Result<Option<Slot>, Reply> {
        let Memory::Delivery { key, rendition, origin } = memory else { return Ok(None) };
        let sha256 = self.subject.digests.get(rendition).cloned().ok_or_else(|| no_rendition(rendition))?;
        Ok(Some(Slot { key: key.clone(), sha256, origin: origin.clone() }))
    }

    // --- Files ---

    async fn put(&self, setting: &str, path: String, rendition: &str) -> Reply {
        let Some(bytes) = self.subject.renditions.get(rendition).cloned() else { return no_rendition(rendition) };
        let directory = match self.directory(setting) {
            Ok(directory) => directory,
            Err(reply) => return reply,
        };
        match &self.stage {
            Stage::Dry(dry) => {
                let file = escape(directory.join(&path));
                dry.show(&self.channel, format!("would write {file} ({} bytes)", bytes.len()));
                Reply::FilePut { changed: true }
            }
            Stage::Real(real) => {
                let real = Arc::clone(real);
                let put = blocking(move || real.roots.open(&directory)?.put(&path, &bytes)).await;
                put.map_or_else(Reply::Error, |put| Reply::FilePut { changed: put.changed })
            }
        }
    }

    async fn remove(&self, setting: &str, path: String) -> Reply {
        let directory = match self.directory(setting) {
            Ok(directory) => directory,
            Err(reply) => return reply,
        };
        match &self.stage {
            Stage::Dry(dry) => {
                dry.show(&self.channel, format!("would remove {}", escape(directory.join(&path))));
                Reply::FileRemove { existed: true }
            }
            Stage::Real(real) => {
                let real = Arc::clone(real);
                let removed = blocking(move || real.roots.open(&directory)?.remove(&path)).await;
                removed.map_or_else(Reply::Error, |existed| Reply::FileRemove { existed })
            }
        }
    }

    async fn publish(&self, rendition: &str) -> Reply {
        let Some(bytes) = self.subject.renditions.get(rendition).cloned() else { return no_rendition(rendition) };
        match &self.stage {
            Stage::Dry(dry) => {
                dry.show(&self.channel, format!("would publish {} ({} bytes)", escape(rendition), bytes.len()));
                Reply::Publish { url: dry.assumed_url(rendition) }
            }
            Stage::Real(real) => self.publish_by(real, rendition, bytes).await.unwrap_or_else(Reply::Error),
        }
    }

    /// First the file is durable, then the row that lets it stay, and then the URL is told.
    async fn publish_by(&self, real: &Real, rendition: &str, bytes: Blob) -> Result<Reply, EffectError> {
        let (Some(publisher), Some(about)) = (real.publisher.clone(), self.subject.memory.about()) else {
            return Err(EffectError { kind: EffectErrorKind::NotFound, text: UNPUBLISHED.into() });
        };
        if let Some(text) = publisher.outage() {
            return Err(EffectError { kind: EffectErrorKind::Io, text });
        }
        let sha256 = self.subject.digests.get(rendition).expect("every rendition has a digest");
        let name = publisher.name(about, sha256);
        let url = publisher.url(&name);
        // It counts from here on: nobody knows how far it comes when this is given up.
        self.lock_seen().published.push(name);
        blocking(move || publisher.put(&name, &bytes)).await?;
        self.subject.memory.publish(name).await.map_err(|why| unwritten_error(&why))?;
        Ok(Reply::Publish { url })
    }

    fn directory(&self, setting: &str) -> Result<PathBuf, Reply> {
        let directory = self.subject.settings.get(setting).and_then(Value::as_str);
        directory.filter(|directory| !directory.is_empty()).map(PathBuf::from).ok_or_else(|| {
            error(EffectErrorKind::NotFound, format!("the setting `{}` does not hold a directory", escape(setting)))
        })
    }
}

/// A request that is on its way. When it is given up, and when the daemon stops, it may have reached the system.
struct Sending<'a> {
    performer: &'a Performer,
    is_safe: bool,
    is_over: bool,
}

impl Sending<'_> {
    fn answered(mut self, wait_ms: Option<u64>) {
        self.is_over = true;
        let mut seen = self.performer.lock_seen();
        seen.unreachable = false;
        let until = wait_ms.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
        seen.quiet_until = seen.quiet_until.max(until);
    }

    fn unanswered(mut self, unanswered: &Unanswered) {
        self.is_over = true;
        let mut seen = self.performer.lock_seen();
        seen.uncertain |= unanswered.uncertain;
        seen.unreachable = unanswered.unreachable;
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if !self.is_over && !self.is_safe {
            self.performer.lock_seen().uncertain = true;
        }
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, FileTrouble> + Send + 'static,
) -> Result<T, EffectError> {
    match tokio::task::spawn_blocking(act).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(trouble)) => Err(EffectError { kind: kind(trouble.kind), text: trouble.text }),
        Err(_) => Err(EffectError { kind: EffectErrorKind::Io, text: "portraitd is stopping".into() }),
    }
}

const fn kind(kind: TroubleKind) -> EffectErrorKind {
    match kind {
        TroubleKind::Denied => EffectErrorKind::Denied,
        TroubleKind::ReadOnly => EffectErrorKind::ReadOnly,
        TroubleKind::NoSpace => EffectErrorKind::NoSpace,
        TroubleKind::NotFound => EffectErrorKind::NotFound,
        TroubleKind::InvalidName => EffectErrorKind::InvalidName,
        TroubleKind::Io => EffectErrorKind::Io,
    }
}

fn no_rendition(name: &str) -> Reply {
    error(EffectErrorKind::NotFound, format!("there is no rendition `{}`", escape(name)))
}

fn unwritten(why: String) -> Reply {
    Reply::Error(unwritten_error(&why))
}

fn unwritten_error(why: &str) -> EffectError {
    EffectError { kind: EffectErrorKind::Io, text: format!("the ledger failed: {why}") }
}

const fn error(kind: EffectErrorKind, text: String) -> Reply {
    Reply::Error(EffectError { kind, text })
}

const UNPUBLISHED: &str = "no picture is published here: that takes `[publish]` in the configuration, and `portraitd run` or \
                           `portraitd sync`";

/// The word under which an exchange is counted: the status, or what kind of trouble it was.
fn how_it_ended(answered: &Result<(HttpReply, Vec<u8>), Unanswered>) -> String {
    match answered {
        Ok((reply, _)) => reply.status.to_string(),
        Err(unanswered) => json!(unanswered.error.kind).as_str().unwrap_or("other").to_owned(),
    }
}

#[cfg(test)]
mod tests;
