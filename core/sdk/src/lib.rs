//! Everything that a backend author imports.
#![deny(unsafe_code)]

pub mod message;

mod failure;
mod identity;
mod rendition;

pub use failure::{Failure, Verdict};
pub use identity::{ABI_MAJOR, ABI_MINOR, AbiVersion, Identity, PANIC_STRATEGY, SECTION, SYMBOL, TARGET};
pub use rendition::{ByteCount, Fit, Format, RenditionSpec};
