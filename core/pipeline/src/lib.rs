//! Photo bytes in, renditions out.
//!
//! [`examine`] looks at a file's bytes and answers with a [`Source`] or with the [`Refusal`] that a person is told;
//! it decodes nothing. [`render`] decodes that source once and makes every [`Rendition`] of a [`Recipe`].
//!
//! There is no user here, no file, no clock and no task: the same bytes and the same recipe give the same renditions.
//! Nothing that a photo contains makes this crate panic or take more memory than [`Source::render_bytes`] says.

#![forbid(unsafe_code)]

mod cursor;
mod decode;
mod draw;
mod encode;
mod exif;
mod frame;
mod jpeg;
mod orientation;
mod pixels;
mod plan;
mod png;
mod profile;
mod recipe;
mod refusal;
mod render;
mod source;
mod webp;

pub use orientation::Orientation;
pub use recipe::{Crop, Fit, Recipe, RenditionSpec, UnknownWord};
pub use refusal::Refusal;
pub use render::{Rendition, render};
pub use source::{Format, Limits, Source, examine};
