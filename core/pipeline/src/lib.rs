//! Photo bytes in, renditions out.
//!
//! [`examine`] looks at a file's bytes and answers with a [`Source`] or with the [`Refusal`] that a person is told;
//! it decodes nothing. [`render`] decodes that source and makes every [`Rendition`] of a [`Recipe`].
//!
//! There is no user here, no file, no clock and no task: the same bytes and the same recipe give the same renditions.
//! Nothing that a photo contains makes this crate panic or take more memory than [`Source::render_bytes`] says.

#![forbid(unsafe_code)]

mod conversion;
mod cursor;
mod decode;
mod draw;
mod encode;
mod exif;
mod face;
mod finish;
mod frame;
mod gif;
#[cfg(feature = "heic")]
mod heic;
mod icc;
mod jpeg;
mod light;
mod look;
mod orientation;
mod pixels;
mod plan;
mod png;
mod profile;
mod raster;
mod recipe;
mod refusal;
mod render;
mod sheet;
mod source;
mod space;
mod warning;
mod webp;

pub use orientation::{Area, Orientation};
pub use recipe::{Crop, FaceCrop, Fit, Recipe, RenditionSpec, Style, UnknownWord};
pub use refusal::Refusal;
pub use render::{Rendered, Rendition, render};
pub use sheet::{ContactSheet, Shown};
pub use source::{Format, Limits, Source, examine};
pub use warning::Warning;
