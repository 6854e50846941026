//! Effects: what the host does for a plugin, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::http::{HttpReply, HttpRequest};
use super::memory::{Memory, Recalled, Remember, Remembered};

/// Number of an effect within one conversation. The plugin counts from 1 and never repeats one.
pub type EffectId = u64;

/// One effect with its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// Its number in this conversation.
    pub id: EffectId,
    /// What is wanted.
    pub effect: Effect,
}

/// Something that the host does for a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Effect {
    /// Publish a rendition as a file, atomically and durably. The directory and missing sub-directories are made; a
    /// file that has this very content already is left alone.
    FilePut {
        /// Name of the setting that holds the directory.
        directory: String,
        /// Path below that directory: relative, `/` between its parts, no `..`.
        path: String,
        /// Name of the rendition that becomes the file's content.
        rendition: String,
    },
    /// Remove a file, and the sub-directories that become empty by it. A file that is not there is no error.
    FileRemove {
        /// Name of the setting that holds the directory.
        directory: String,
        /// Path below that directory, as in `file-put`.
        path: String,
    },
    /// Wait.
    Sleep {
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// Send a request and read the whole reply.
    Http(HttpRequest),
    /// Look up what was remembered.
    Recall {
        /// Where.
        memory: Memory,
    },
    /// Remember something, in the place of what was remembered there.
    Remember {
        /// Where.
        memory: Memory,
        /// What.
        value: Remember,
        /// For how long, in milliseconds; without it as long as the memory lasts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl_ms: Option<u64>,
    },
    /// Forget what was remembered, if it still is what it was: of a hundred conversations whose session has ended, the
    /// first forgets the session and none forgets the next one.
    Forget {
        /// Where.
        memory: Memory,
        /// Which one, as `recall` told it.
        version: u64,
    },
    /// Let a rendition be fetched by its URL, for systems that take pictures only so. It is there before the reply is, and
    /// for as long as the delivery that asked for it is the last one that was done. Since ABI 1.1.
    Publish {
        /// Name of the rendition.
        rendition: String,
    },
}

impl Effect {
    /// What kind of effect this is.
    pub const fn kind(&self) -> EffectKind {
        match self {
            Self::FilePut { .. } => EffectKind::FilePut,
            Self::FileRemove { .. } => EffectKind::FileRemove,
            Self::Sleep { .. } => EffectKind::Sleep,
            Self::Http(_) => EffectKind::Http,
            Self::Recall { .. } => EffectKind::Recall,
            Self::Remember { .. } => EffectKind::Remember,
            Self::Forget { .. } => EffectKind::Forget,
            Self::Publish { .. } => EffectKind::Publish,
        }
    }
}

/// The kinds of effects of this ABI minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    /// [`Effect::FilePut`]
    FilePut,
    /// [`Effect::FileRemove`]
    FileRemove,
    /// [`Effect::Sleep`]
    Sleep,
    /// [`Effect::Http`]
    Http,
    /// [`Effect::Recall`]
    Recall,
    /// [`Effect::Remember`]
    Remember,
    /// [`Effect::Forget`]
    Forget,
    /// [`Effect::Publish`]
    Publish,
}

impl EffectKind {
    /// Every kind, in the order in which they were added.
    pub const ALL: &[Self] = &[
        Self::FilePut,
        Self::FileRemove,
        Self::Sleep,
        Self::Http,
        Self::Recall,
        Self::Remember,
        Self::Forget,
        Self::Publish,
    ];

    /// The kind's name in `needs`, in `caps` and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FilePut => "file-put",
            Self::FileRemove => "file-remove",
            Self::Sleep => "sleep",
            Self::Http => "http",
            Self::Recall => "recall",
            Self::Remember => "remember",
            Self::Forget => "forget",
            Self::Publish => "publish",
        }
    }
}

/// What became of one effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EffectResult {
    /// Which effect is answered.
    pub id: EffectId,
    /// What became of it.
    pub reply: Reply,
}

/// The outcome of an effect: of the effect's own kind, or an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Reply {
    /// A `file-put` is done and durable.
    FilePut {
        /// `false` when the file was there with this very content and was left alone.
        changed: bool,
    },
    /// A `file-remove` is done: the file is not there.
    FileRemove {
        /// `false` when there was no such file before.
        existed: bool,
    },
    /// The time of a `sleep` is over.
    Sleep {},
    /// The system has answered, with whatever status.
    Http(HttpReply),
    /// A `recall` is answered.
    Recall(Recalled),
    /// It is remembered.
    Remember {
        /// What was remembered, as a later `recall` will find it.
        value: Remembered,
        /// Which one it is.
        version: u64,
    },
    /// A `forget` is done.
    Forget {
        /// `false` when something else was remembered there meanwhile, or nothing.
        forgotten: bool,
    },
    /// A `publish` is done.
    Publish {
        /// Where the picture can be fetched.
        url: String,
    },
    /// The effect could not be performed.
    Error(EffectError),
}

impl Reply {
    /// The effect failed like this.
    pub fn error(kind: EffectErrorKind, text: impl Into<String>) -> Self {
        Self::Error(EffectError { kind, text: text.into() })
    }
}

/// Why an effect could not be performed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EffectError {
    /// What kind of error it is; what a plugin decides by.
    pub kind: EffectErrorKind,
    /// What happened, for people.
    pub text: String,
}

/// Kinds of effect errors that a plugin may tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectErrorKind {
    /// The file system or the host's rules refuse it.
    Denied,
    /// The disk or the quota is full.
    NoSpace,
    /// The directory, or the secret, is not there.
    NotFound,
    /// The name cannot be used: absolute, with `..`, or too long.
    InvalidName,
    /// The file system is mounted read-only.
    ReadOnly,
    /// Anything else that the operating system reports.
    Io,
    /// The system's name has no address.
    Dns,
    /// No connection came about.
    Connect,
    /// The system's certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// No reply, or not all of it, in time.
    Timeout,
    /// The connection ended before the whole reply was there.
    Closed,
    /// The reply is larger than [`MAX_REPLY_BODY`](super::http::MAX_REPLY_BODY).
    TooLarge,
    /// What came back is no HTTP.
    Protocol,
    /// Whoever had the claim on this memory has ended without remembering anything.
    Unclaimed,
    /// A kind that a newer host knows and this version does not.
    #[serde(other)]
    Other,
}
