//! The messages of ABI 1: what the host says to a plugin and what the plugin answers, as JSON in kebab-case.
//!
//! These are plain data: nothing here runs, checks or performs anything. Both sides ignore fields that they do not
//! know, so a field may be added without a new ABI minor. A new *kind* of effect is a new ABI minor: the plugin lists
//! it in the `needs` of its identity, and an older host refuses the library before any of its code runs.
//!
//! | function | the host says | the plugin answers |
//! |---|---|---|
//! | `describe` | nothing | [`Answer`]`<`[`Description`]`>` |
//! | `open` | [`Open`] | [`Answer`]`<`[`Opening`]`>` |
//! | `start` | [`Start`] | [`Answer`]`<`[`Step`]`>` |
//! | `resume` | [`Resume`] | [`Answer`]`<`[`Step`]`>` |
//!
//! [`Effect`] says what a plugin may ask for, [`Reply`] what becomes of it; [`http`] and [`memory`] hold the larger ones.

mod effect;
pub mod http;
pub mod memory;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::rendition::RenditionSpec;

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
    /// The photo. Present in `deliver` and `verify`.
    #[serde(default)]
    pub photo: Option<PhotoHead>,
    /// The receipt of this user's last delivery at this backend, where there was one.
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
    /// Where the plugin's random numbers start, so that a recording replays exactly.
    pub seed: u64,
    /// The effects will be shown and not performed; replies are assumed ones.
    #[serde(default)]
    pub dry_run: bool,
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
    /// For the author.
    Debug,
}

/// The answer to `describe`: what holds for the plugin, whatever its settings are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Description {
    /// JSON Schema of the settings. Secret settings carry `x-secret: true`, identifying ones `x-identifying: true`.
    pub schema: Value,
    /// What the plugin can do. `deliver` is always among it.
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
    pub renditions: Vec<RenditionSpec>,
    /// The origins that the backend will call, such as `https://chat.example.com`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// A text that changes when a setting changes that makes delivered photos stale, and only then. Holds no secret.
    pub fingerprint: String,
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

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::failure::Verdict;

    /// The message is written like this and read from it, also with a field of somebody newer.
    fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T, mut written: Value) {
        assert_eq!(serde_json::to_value(message).unwrap(), written);
        if let Some(object) = written.as_object_mut().filter(|object| object.len() > 1) {
            object.insert("a-newer-field".into(), json!([1]));
        }
        assert_eq!(&serde_json::from_value::<T>(written).unwrap(), message);
    }

    #[test]
    fn what_the_host_says_stays_as_it_is() {
        let open = Open { backend: "b".into(), settings: json!({ "x": 1 }), host_version: "1".into(), caps: vec![] };
        golden(&open, json!({ "backend": "b", "settings": { "x": 1 }, "host-version": "1", "caps": [] }));
        let results = vec![
            EffectResult { id: 1, reply: Reply::FilePut { changed: true } },
            EffectResult { id: 2, reply: Reply::FileRemove { existed: false } },
            EffectResult { id: 3, reply: Reply::Sleep {} },
            EffectResult { id: 4, reply: Reply::error(EffectErrorKind::NoSpace, "full") },
        ];
        let written = json!({ "now-ms": 9, "results": [
            { "id": 1, "reply": { "file-put": { "changed": true } } },
            { "id": 2, "reply": { "file-remove": { "existed": false } } },
            { "id": 3, "reply": { "sleep": {} } },
            { "id": 4, "reply": { "error": { "kind": "no-space", "text": "full" } } },
        ] });
        golden(&Resume { results, now_ms: 9 }, written);
    }

    #[test]
    fn a_start_stays_as_it_is() {
        let rendition = json!({
            "name": "icon", "mime": "image/jpeg", "width": 48, "height": 48, "len": 9, "sha256": "00", "blob": 0
        });
        let written = json!({
            "op": "deliver", "user": { "id": "ada", "remote": "4711" },
            "photo": { "digest": "00", "renditions": [rendition] }, "receipt": { "id": 7 },
            "attempt": 1, "idempotency-key": "k", "deadline-ms": 2, "now-ms": 1, "seed": 3, "dry-run": false,
        });
        let start: Start = serde_json::from_value(written.clone()).unwrap();
        golden(&start, written);
        let probe = json!({
            "op": "probe", "attempt": 1, "idempotency-key": "k", "deadline-ms": 2, "now-ms": 1, "seed": 3
        });
        let probe: Start = serde_json::from_value(probe).unwrap();
        assert_eq!((probe.user, probe.photo, probe.receipt, probe.dry_run), (None, None, None, false));
    }

    #[test]
    fn what_a_plugin_answers_stays_as_it_is() {
        let (directory, path, rendition) = ("path".to_owned(), "a.jpg".to_owned(), "icon".to_owned());
        let need = Need {
            effects: vec![
                Request {
                    id: 1,
                    effect: Effect::FilePut { directory: directory.clone(), path: path.clone(), rendition },
                },
                Request { id: 2, effect: Effect::FileRemove { directory, path } },
                Request { id: 3, effect: Effect::Sleep { ms: 5 } },
            ],
            cancel: vec![7],
        };
        let log = vec![LogLine { level: Level::Info, text: "so".into() }];
        let written = json!({
            "answer": { "need": { "cancel": [7], "effects": [
                { "id": 1, "effect": { "file-put": { "directory": "path", "path": "a.jpg", "rendition": "icon" } } },
                { "id": 2, "effect": { "file-remove": { "directory": "path", "path": "a.jpg" } } },
                { "id": 3, "effect": { "sleep": { "ms": 5 } } },
            ] } },
            "log": [{ "level": "info", "text": "so" }],
        });
        golden(&Answer { answer: Step::Need(need), log }, written);

        let done = Done { outcome: Outcome::Unchanged, receipt: json!("id"), notes: vec!["n".into()] };
        golden(&Step::Done(done), json!({ "done": { "outcome": "unchanged", "receipt": "id", "notes": ["n"] } }));
        let failed = Failure::new(Verdict::RateLimited, "slow").hint("wait");
        let written = json!({ "failed": { "verdict": "rate-limited", "reason": "slow", "hint": "wait" } });
        golden(&Step::Failed(failed), written);
        let opened = Opened { renditions: vec![], origins: vec!["https://x".into()], fingerprint: "f".into() };
        let written = json!({ "opened": { "renditions": [], "origins": ["https://x"], "fingerprint": "f" } });
        golden(&Opening::Opened(opened), written);
    }

    #[test]
    fn an_error_kind_of_a_newer_host_is_some_other_error() {
        let error: EffectError = serde_json::from_value(json!({ "kind": "too-blue", "text": "t" })).unwrap();
        assert_eq!(error.kind, EffectErrorKind::Other);
    }

    #[test]
    fn a_kind_of_effect_has_the_word_that_is_on_the_wire() {
        let wire = serde_json::to_value(Effect::Sleep { ms: 1 }).unwrap();
        assert_eq!(wire.as_object().unwrap().keys().next().unwrap(), EffectKind::Sleep.word());
    }
}
