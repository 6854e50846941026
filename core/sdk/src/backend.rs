//! What an author implements: one trait for what every backend does, one for each thing that only some can do.
//!
//! Implementing an optional trait is declaring it: `export!` sees which there are and `describe` tells the host.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::failure::Failure;
use crate::message::{Done, EffectKind, Example, Open, Opened, Operation, Outcome, User};
use crate::photo::Photo;
use crate::rendition::RenditionSpec;
use crate::settings;

/// A system that shows photos, with its settings. Many conversations run on one value at the same time.
///
/// The functions are plain `async fn`s. They may use any combinator (`join!`, `select!`, `buffer_unordered`), and await
/// nothing that is not made by [`Context`]: no timers, sockets or threads, for the plugin has no runtime of its own.
pub trait Backend: Sized + Send + Sync + 'static {
    /// The `[backend.<name>.settings]` block. Doc comments become the schema's descriptions; mark what makes delivered
    /// photos stale when it changes with `#[schemars(extend("x-identifying" = true))]`.
    type Settings: DeserializeOwned + Serialize + JsonSchema;

    /// The effect kinds that it uses. A host that does not know one of them refuses the plugin before it runs.
    const NEEDS: &'static [EffectKind];

    /// Names of the ways in which it can deliver, where the settings let people choose.
    const MODES: &'static [&'static str] = &[];

    /// Makes the backend of its settings, or refuses them. Performs nothing.
    ///
    /// # Errors
    /// `config`, with a reason that names the setting and what is allowed.
    fn open(settings: Self::Settings, cx: &OpenContext) -> Result<Self, Failure>;

    /// The renditions that a delivery needs.
    fn renditions(&self) -> Vec<RenditionSpec>;

    /// The origins that it calls, such as `https://chat.example.com`. The host lets it call no other.
    fn origins(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the system takes names of users that differ in nothing but case for one user. Two photos whose users are
    /// one there are a conflict, and neither is sent.
    fn folds_case(&self) -> bool {
        false
    }

    /// Whether deliveries use [`Context::publish`], so that the host can say at once when it is not set up for that.
    fn publishes(&self) -> bool {
        false
    }

    /// Replies of the system, as its documentation shows them: what a dry run assumes.
    fn examples() -> Vec<Example> {
        Vec::new()
    }

    /// Makes the system show the photo. Safe to repeat: the host calls it again whenever it cannot know.
    fn deliver(&self, cx: &Context, photo: &Photo) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// A backend that can take a user's photo away again.
pub trait Remove: Backend {
    /// Makes the system show no photo of the user. A user without photo is a success, so that it can be repeated.
    fn remove(&self, cx: &Context, user: &User) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// A backend that can tell whether a delivered photo is still there.
pub trait Verify: Backend {
    /// Looks, and changes nothing: [`Receipt::unchanged`] when the system shows what was delivered,
    /// [`Receipt::changed`] when it shows another picture, [`Receipt::removed`] when it shows none.
    ///
    /// What was delivered is told by [`Context::receipt`]; the photo has no renditions here. Without a receipt it is to be
    /// told what is there: [`Receipt::changed`] for any picture. A detail of the answer takes the place of the receipt.
    ///
    /// # Errors
    /// `unsupported`, when the system does not let anybody tell; what was delivered is believed then.
    fn verify(&self, cx: &Context, photo: &Photo) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// A backend that can ask whether its address and credentials work.
pub trait Probe: Backend {
    /// Asks, and changes nothing.
    fn probe(&self, cx: &Context) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What a backend may know when it is opened.
#[derive(Clone, Debug)]
pub struct OpenContext {
    backend: String,
    host_version: String,
}

impl OpenContext {
    /// The backend's name in the config.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Version of the host, for the log only.
    pub fn host_version(&self) -> &str {
        &self.host_version
    }
}

/// That it worked, and what to remember of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt(Done);

impl Receipt {
    /// A receipt with an outcome that was found out elsewhere.
    pub fn new(outcome: Outcome) -> Self {
        Self(Done { outcome, receipt: Value::Null, notes: Vec::new() })
    }

    /// The system shows the photo now.
    pub fn changed() -> Self {
        Self::new(Outcome::Changed)
    }

    /// The system showed the photo already.
    pub fn unchanged() -> Self {
        Self::new(Outcome::Unchanged)
    }

    /// The system shows no photo of the user.
    pub fn removed() -> Self {
        Self::new(Outcome::Removed)
    }

    /// What to remember: an id, a URL, the files. At most 16 KiB of JSON; no secrets.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Value>) -> Self {
        self.0.receipt = detail.into();
        self
    }

    /// A sentence for the person who asks what happened to this photo.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    pub(crate) fn into_done(self) -> Done {
        self.0
    }
}

/// Makes the backend, as `open` of the library and of a script do it.
pub(crate) fn open<B: Backend>(message: Open) -> Result<(B, Opened), Failure> {
    let settings: B::Settings = settings::read(message.settings)?;
    let fingerprint = settings::fingerprint(&settings)?;
    let cx = OpenContext { backend: message.backend, host_version: message.host_version };
    let backend = B::open(settings, &cx)?;
    let renditions = backend.renditions();
    RenditionSpec::check_all(&renditions)?;
    let opened = Opened {
        renditions,
        origins: backend.origins(),
        fingerprint,
        folds_case: backend.folds_case(),
        publishes: backend.publishes(),
    };
    Ok((backend, opened))
}

/// A running operation.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Receipt, Failure>> + Send>>;

type WithUser<B> = fn(Arc<B>, Context, User) -> Running;
type WithPhoto<B> = fn(Arc<B>, Context, Photo) -> Running;
type WithNothing<B> = fn(Arc<B>, Context) -> Running;

/// Which optional operations a backend has. Made by `export!`, or by a script for the one that it plays.
#[doc(hidden)]
pub struct Operations<B> {
    pub(crate) remove: Option<WithUser<B>>,
    pub(crate) verify: Option<WithPhoto<B>>,
    pub(crate) probe: Option<WithNothing<B>>,
}

impl<B: Backend> Operations<B> {
    /// None of them.
    pub const NONE: Self = Self { remove: None, verify: None, probe: None };

    /// What `describe` tells.
    pub(crate) fn told(&self) -> Vec<Operation> {
        let optional = [
            (self.remove.is_some(), Operation::Remove),
            (self.verify.is_some(), Operation::Verify),
            (self.probe.is_some(), Operation::Probe),
        ];
        let there = optional.into_iter().filter(|(there, _)| *there);
        std::iter::once(Operation::Deliver).chain(there.map(|(_, operation)| operation)).collect()
    }
}

impl<B> fmt::Debug for Operations<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = [self.remove.is_some(), self.verify.is_some(), self.probe.is_some()];
        write!(f, "[remove, verify, probe]: {there:?}")
    }
}

pub(crate) fn run_deliver<B: Backend>(backend: Arc<B>, cx: Context, photo: Photo) -> Running {
    Box::pin(async move { backend.deliver(&cx, &photo).await })
}

pub(crate) fn run_remove<B: Remove>(backend: Arc<B>, cx: Context, user: User) -> Running {
    Box::pin(async move { backend.remove(&cx, &user).await })
}

pub(crate) fn run_verify<B: Verify>(backend: Arc<B>, cx: Context, photo: Photo) -> Running {
    Box::pin(async move { backend.verify(&cx, &photo).await })
}

pub(crate) fn run_probe<B: Probe>(backend: Arc<B>, cx: Context) -> Running {
    Box::pin(async move { backend.probe(&cx).await.map(|()| Receipt::unchanged()) })
}

/// Tells at compile time which optional traits a type implements.
///
/// The constants below that have a bound are the type's own, and the compiler prefers those to the trait's where the
/// bound holds. That works for one named type at a time, which is what `export!` has.
#[doc(hidden)]
#[derive(Debug)]
pub struct Has<B>(std::marker::PhantomData<B>);

impl<B: Remove> Has<B> {
    pub const REMOVE: Option<WithUser<B>> = Some(run_remove::<B>);
}

impl<B: Verify> Has<B> {
    pub const VERIFY: Option<WithPhoto<B>> = Some(run_verify::<B>);
}

impl<B: Probe> Has<B> {
    pub const PROBE: Option<WithNothing<B>> = Some(run_probe::<B>);
}

/// What [`Has`] falls back to.
#[doc(hidden)]
pub trait HasNot<B> {
    const REMOVE: Option<WithUser<B>> = None;
    const VERIFY: Option<WithPhoto<B>> = None;
    const PROBE: Option<WithNothing<B>> = None;
}

impl<B> HasNot<B> for Has<B> {}

impl<B: Backend> Operations<B> {
    /// For `export!`: what [`Has`] found.
    pub const fn found(
        remove: Option<WithUser<B>>,
        verify: Option<WithPhoto<B>>,
        probe: Option<WithNothing<B>>,
    ) -> Self {
        Self { remove, verify, probe }
    }
}
