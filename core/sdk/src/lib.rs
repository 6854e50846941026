//! Everything that the author of a portraitd backend imports.
//!
//! A backend is a settings struct and one `async fn`:
//!
//! ```
//! use portraitd_sdk::message::EffectKind;
//! use portraitd_sdk::{Backend, Context, Failure, OpenContext, Photo, Receipt, RenditionSpec};
//!
//! /// The settings, as they stand in the config.
//! #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! struct Settings {
//!     /// The directory to publish into.
//!     #[schemars(extend("x-identifying" = true))]
//!     path: String,
//! }
//!
//! struct Icons;
//!
//! impl Backend for Icons {
//!     type Settings = Settings;
//!     const NEEDS: &'static [EffectKind] = &[EffectKind::FilePut];
//!
//!     fn open(_: Settings, _: &OpenContext) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!
//!     fn renditions(&self) -> Vec<RenditionSpec> {
//!         vec![RenditionSpec::exact("icon", 48, 48)]
//!     }
//!
//!     async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
//!         let name = format!("{}.jpg", photo.user.id);
//!         let put = cx.put_file("path", name, photo.rendition("icon")?).await;
//!         Ok(Receipt::new(put.map_err(|error| Failure::retry(error.text))?))
//!     }
//! }
//! ```
//!
//! and, in a `cdylib` crate named `portraitd-plugin-icons`, the line `portraitd_sdk::export!(Icons);`.
//!
//! - [`Backend`], [`Remove`], [`Verify`], [`Probe`]: what to implement.
//! - [`Context`]: the effects that can be awaited. [`Photo`]: what to show. [`Failure`], [`Receipt`]: what came of it.
//! - [`HttpRequest`], [`Part`], [`Text`] and [`Response`]: one exchange with the system. [`Memory`]: what is kept.
//! - [`RenditionSpec`], [`Secret`], [`BaseUrl`]: ready-made kinds of settings.
//! - [`script`]: how a backend tests itself, without a host and in no time.
//! - [`message`], [`abi`]: what travels between host and plugin, for hosts and for plugins in other languages.
//!
//! Nothing here does I/O, reads a clock or starts a thread: a backend is pure protocol.
#![deny(unsafe_code)]

#[expect(unsafe_code, reason = "the C table takes raw pointers from the host")]
pub mod abi;
pub mod message;
pub mod script;

mod backend;
mod base_url;
mod context;
mod effects;
mod failure;
mod http;
mod identity;
mod photo;
mod rendition;
mod settings;
mod task;

#[cfg(test)]
mod tests;

pub use backend::{Backend, OpenContext, Probe, Receipt, Remove, Verify};
pub use base_url::BaseUrl;
pub use context::{Context, Known};
pub use failure::{Failure, Verdict};
pub use http::Response;
pub use identity::{ABI_MAJOR, ABI_MINOR, AbiVersion, Identity, SECTION, SYMBOL, TARGET};
pub use message::http::{HttpRequest, Method, Part, Text};
pub use message::memory::Memory;
pub use photo::{Photo, Rendition};
pub use rendition::{ByteCount, Fit, Format, MAX_RENDITIONS, MAX_SIDE, RenditionSpec};
pub use settings::Secret;

/// What the expansion of `export!` names.
#[doc(hidden)]
pub mod __export {
    pub use crate::abi::{Exported, Table};
    pub use crate::backend::{Has, HasNot, Operations};
    pub use crate::identity::Exporter;
}
