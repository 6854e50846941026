//! Turns a plugin library into something safe to call.
//!
//! ```no_run
//! use std::path::{Path, PathBuf};
//! use portraitd_host::Host;
//!
//! # async fn tour(open: portraitd_sdk::message::Open, start: portraitd_sdk::message::Start)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new(Path::new("/var/lib/portraitd/plugins"))?;
//! let plugin = host.find("acme", &[PathBuf::from("/usr/lib/portraitd/plugins")])?;
//! let backend = plugin.open(&open)?;
//! let (mut conversation, mut turn) = backend.start(start, vec![]).await;
//! while let portraitd_sdk::message::Step::Need(need) = turn.step {
//!     let results = vec![]; // what became of `need.effects`
//!     turn = conversation.resume(results, 0).await;
//! }
//! # Ok(()) }
//! ```
//!
//! - [`find`], [`inspect`]: which file is it, and whose; no code of the file runs.
//! - [`Host`]: loads libraries, each content once, from private copies.
//! - [`Plugin`], [`Backend`], [`Conversation`]: the safe face of a loaded library.
//!
//! Performs no effect, knows no backend by name, and decides nothing about retries.
#![deny(unsafe_code)]

mod conversation;
mod error;
mod plugin;

pub use conversation::{Conversation, SLOW_STEP, Turn};
pub use error::LoadError;
pub use plugin::{Backend, Host, Plugin, find, inspect, list};

/// The bytes of a rendition. The host keeps them alive until the plugin has finished with the conversation.
pub type Blob = std::sync::Arc<[u8]>;
