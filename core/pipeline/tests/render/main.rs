//! The crate as its callers see it: bytes in, renditions or a reason out.

#![forbid(unsafe_code)]

mod canaries;
mod colours;
mod corpora;
mod cut;
mod faces;
mod forms;
mod goldens;
#[cfg(feature = "heic")]
mod heic;
mod hostile;
mod originals;
mod photos;
mod recipes;
mod refused;
mod upright;
