//! The effects `recall`, `remember` and `forget`: what a plugin keeps between conversations.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::Secret;

/// The most bytes of JSON, or of a secret, that one memory may hold.
pub const MAX_MEMORY: usize = 16_384;

/// Where something is remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Memory {
    /// For all conversations of this backend, until the daemon ends: a session, an id that was looked up.
    ///
    /// A `recall` that finds nothing gives its conversation the claim: others who recall it wait until it is
    /// remembered, or until the conversation with the claim has ended; then they are told `unclaimed`.
    Backend {
        /// What it is; at most 200 bytes.
        key: String,
    },
    /// For this user at this backend, durable before the plugin goes on: a step that need not be repeated, such as an
    /// upload. It is gone when the delivery is done, and is not found for another picture.
    Delivery {
        /// What it is; at most 200 bytes.
        key: String,
        /// Name of the rendition that it is about; what counts is the rendition's content.
        rendition: String,
        /// The origin that it holds for, such as `https://chat.example.com`.
        origin: String,
    },
}

impl Memory {
    /// What it is.
    pub fn key(&self) -> &str {
        match self {
            Self::Backend { key } | Self::Delivery { key, .. } => key,
        }
    }
}

/// What is to be remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remember {
    /// A JSON value.
    Value(Value),
    /// A secret that the system gave, such as a session key. It stays in the host's memory, and comes back as a handle.
    /// Only for [`Memory::Backend`].
    Secret(String),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remembered {
    /// A JSON value.
    Value(Value),
    /// A handle to a secret.
    Secret(Secret),
}

/// The answer to a `recall`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Recalled {
    /// It is remembered.
    Found {
        /// What.
        value: Remembered,
        /// Which one it is: another one under the same key has another number.
        version: u64,
    },
    /// It is not. For [`Memory::Backend`], this conversation has the claim.
    Missing {},
}
