//! Turns a plugin library into something safe to call.
//!
//! ```no_run
//! use std::path::{Path, PathBuf};
//!
//! use portraitd_host::{Answered, Host};
//! use portraitd_sdk::message::{Open, Request, Start, Step};
//!
//! # async fn perform(effects: Vec<Request>) -> Vec<Answered> { vec![] }
//! # async fn tour(open: Open, start: Start) -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new(Path::new("/var/lib/portraitd/plugins"))?;
//! let plugin = host.find("acme", &[PathBuf::from("/usr/lib/portraitd/plugins")])?;
//! let backend = plugin.open(&open)?;
//! let (mut conversation, mut turn) = backend.start(start, vec![]).await;
//! while let Step::Need(need) = turn.step {
//!     turn = conversation.resume(perform(need.effects).await, 1_767_225_600_000).await;
//! }
//! # Ok(()) }
//! ```
//!
//! - [`find`], [`list`], [`inspect`]: which file is it, and whose; no code of the file runs.
//! - [`Host`]: loads libraries, each content once, from private copies.
//! - [`Plugin`], [`Backend`], [`Conversation`]: the safe face of a loaded library.
//!
//! Whatever a plugin does wrong short of ending the process is a [`Failure`](portraitd_sdk::Failure) with the plugin's
//! name; `abort`, a stack overflow and a bad pointer are not contained here.
//!
//! Performs no effect, knows no backend by name, and decides nothing about retries.
#![deny(unsafe_code)]

mod conversation;
mod error;
#[expect(unsafe_code, reason = "loads libraries and calls C functions")]
mod library;
mod look;
mod plugin;
mod pool;
mod private;
mod rules;
mod words;

pub use conversation::{Answered, Conversation, SLOW_STEP, Turn};
pub use error::{LoadError, Refusal};
pub use plugin::{Backend, Host, Plugin, STEP_LIMIT, find, inspect, list};
pub use rules::MAX_EFFECTS;

/// The bytes of a rendition. The host keeps them alive until the plugin has finished with the conversation.
pub type Blob = std::sync::Arc<[u8]>;
