//! The messages of ABI 1: what the host says to a plugin and what the plugin answers, as JSON in kebab-case.
//!
//! These are plain data: nothing here runs, checks or performs anything. `golden/` holds one of each as JSON.
//!
//! How they grow: both sides ignore fields that they do not know, so a field whose absence means what was before may be
//! added without a new ABI minor. Anything else that a plugin may say (a kind of effect, of body or of memory, a verdict,
//! a field that must not be ignored) is a new minor with a word of its own: the host lists it in the `caps` of `open`, and
//! a plugin that cannot do without lists it in the `needs` of its identity, so that an older host refuses the library
//! before any of its code runs. A host says nothing new unasked: a new kind of reply belongs to a new kind of effect.
//!
//! | function | the host says | the plugin answers |
//! |---|---|---|
//! | `describe` | nothing | [`Answer`]`<`[`Description`]`>` |
//! | `open` | [`Open`] | [`Answer`]`<`[`Opening`]`>` |
//! | `start` | [`Start`] | [`Answer`]`<`[`Step`]`>` |
//! | `resume` | [`Resume`] | [`Answer`]`<`[`Step`]`>` |
//! | any of them, with the status `MISUSED` or `PANICKED` | the same | [`Failure`] |
//!
//! [`Effect`] says what a plugin may ask for, [`Reply`] what becomes of it; [`http`] and [`memory`] hold the larger ones.

mod effect;
pub mod http;
pub mod memory;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::rendition::{self, RenditionSpec};

pub use effect::{Effect, EffectError, EffectErrorKind, EffectId, EffectKind, EffectResult, Reply, Request};

/// The most bytes of JSON that a receipt may have.
pub const MAX_RECEIPT: usize = 16_384;

/// What a plugin does with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Make the system show the photo.
    Deliver,
    /// Make the system show no photo of the user.
    Remove,
    /// Look whether the system still shows what was delivered, and change nothing.
    Verify,
    /// Ask whether the credentials and the address work, and change nothing.
    Probe,
}

/// `open`: make a backend out of its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Open {
    /// The backend's name in the config, as in `[backend.intranet]`.
    pub backend: String,
    /// The `[backend.<name>.settings]` block as JSON. In the place of a secret is its handle, a text that begins with
    /// `secret:`.
    pub settings: Value,
    /// Version of the host, for the log only.
    pub host_version: String,
    /// The effect kinds that this host performs (see [`EffectKind::word`]).
    pub caps: Vec<String>,
}

/// `start`: begin one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Start {
    /// What is to be done.
    pub op: Operation,
    /// Whom it is for. Absent in a probe only.
    #[serde(default)]
    pub user: Option<User>,
    /// The photo. Present in `deliver` and `verify`; in `verify` without renditions, for what was delivered is told by the
    /// receipt.
    #[serde(default)]
    pub photo: Option<PhotoHead>,
    /// The receipt of this user's last delivery at this backend, where there was one; or of the last `verify`, where that
    /// gave one. Without it, `verify` tells what is there.
    #[serde(default)]
    pub receipt: Option<Value>,
    /// 1 for the first attempt of this delivery.
    pub attempt: u32,
    /// The same text in every attempt to deliver the same content, for systems that drop repeats by such a key.
    pub idempotency_key: String,
    /// When the host gives up on this conversation, in milliseconds since 1970 (UTC).
    pub deadline_ms: u64,
    /// The time now, in milliseconds since 1970 (UTC).
    pub now_ms: u64,
    /// Where the plugin's random numbers start, so that a recording replays exactly. Below 2^53.
    pub seed: u64,
    /// The effects will be shown and not performed; replies are assumed ones.
    #[serde(default)]
    pub dry_run: bool,
    /// This delivery will be looked for by `verify` as soon as it is done.
    #[serde(default, skip_serializing_if = "is_false")]
    pub verified: bool,
}

/// The user that a conversation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct User {
    /// The drop name: `ada` for `ada.jpg`.
    pub id: String,
    /// What the backend calls this user: the drop name, or what the backend's map says.
    pub remote: String,
}

/// The photo as the message names it; the bytes of its renditions come beside it as blobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PhotoHead {
    /// SHA-256 of the dropped file, 64 lower-case hexadecimal digits.
    pub digest: String,
    /// The renditions that the plugin wanted when it was opened, in that order.
    pub renditions: Vec<RenditionHead>,
}

/// One rendition as the message names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RenditionHead {
    /// The name that the plugin gave it.
    pub name: String,
    /// Its media type: `image/jpeg`.
    pub mime: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Which of the blobs passed to `start` holds its bytes, counted from 0.
    pub blob: usize,
}

/// `resume`: what became of effects. Any part of the open ones may be answered, in any order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resume {
    /// The outcomes that are known by now.
    pub results: Vec<EffectResult>,
    /// The time now, in milliseconds since 1970 (UTC).
    pub now_ms: u64,
}

/// What a plugin answers: the answer itself and what it has to say for the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer<T> {
    /// The answer.
    pub answer: T,
    /// Lines for the host's log, oldest first.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
}

/// One line for the host's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// How important it is.
    pub level: Level,
    /// One sentence, without secrets.
    pub text: String,
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Something is wrong that a person should see.
    Warn,
    /// Worth a line in normal operation.
    Info,
    /// For the author; and whatever level somebody newer has.
    #[serde(other)]
    Debug,
}

/// The answer to `describe`: what holds for the plugin, whatever its settings are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Description {
    /// JSON Schema of the settings. Secret settings carry `x-secret: true`, identifying ones `x-identifying: true`.
    pub schema: Value,
    /// What the plugin can do. `deliver` is always among it. What only a newer host knows is left out when it is read.
    #[serde(deserialize_with = "known")]
    pub operations: Vec<Operation>,
    /// Names of the ways in which it can deliver, where there are several.
    #[serde(default)]
    pub modes: Vec<String>,
    /// Replies that a dry run assumes.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// A reply of the system, as its documentation shows it. A dry run uses the first whose method and path fit; where none
/// does, a 200 without a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Example {
    /// The request's method.
    pub method: http::Method,
    /// How the path of the request ends; `*` stands for one whole part, as in `/users/*/avatar`.
    pub path: String,
    /// The reply's status.
    pub status: u16,
    /// The reply's headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<http::Header>,
    /// The reply's body.
    #[serde(default)]
    pub body: String,
}

/// The answer to `open`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// The settings are good.
    Opened(Opened),
    /// The settings are wrong, or the plugin is.
    Failed(Failure),
}

/// What holds for one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Opened {
    /// The renditions that every delivery needs. Their names differ.
    #[serde(deserialize_with = "rendition::wanted")]
    pub renditions: Vec<RenditionSpec>,
    /// The origins that the backend will call, such as `https://chat.example.com`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// A text that changes when a setting changes that makes delivered photos stale, and only then. Holds no secret.
    pub fingerprint: String,
    /// Names of users that differ in nothing but case lead to one user of the system.
    #[serde(default, skip_serializing_if = "is_false")]
    pub folds_case: bool,
    /// Deliveries of this backend use the effect `publish`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub publishes: bool,
}

/// The answer to `start` and `resume`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The plugin waits for effects.
    Need(Need),
    /// The operation is done.
    Done(Done),
    /// The operation failed.
    Failed(Failure),
}

/// What the plugin waits for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Need {
    /// New effects. Empty while the plugin waits for those that are open.
    #[serde(default)]
    pub effects: Vec<Request>,
    /// Open effects that nobody waits for any more. The host need not answer them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancel: Vec<EffectId>,
}

/// The operation is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Done {
    /// What it came to.
    pub outcome: Outcome,
    /// What to remember of it, at most [`MAX_RECEIPT`] bytes of JSON: an id, a URL, the files. Comes back in the next [`Start`].
    #[serde(default)]
    pub receipt: Value,
    /// Sentences for the person who asks what happened to this photo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The system shows the photo now. As the answer to `verify`: it shows another picture.
    Changed,
    /// The system showed the photo already. As the answer to `verify`: it shows what was delivered; to `probe`: all is
    /// well.
    Unchanged,
    /// The system shows no photo of the user. The same as the answer to `verify`.
    Removed,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Reads those operations of a list that this version knows.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Operation>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    Ok(words.into_iter().filter_map(|word| serde_json::from_value(word.into()).ok()).collect())
}
