//! The crate as its callers see it: bytes in, renditions or a reason out.

#![forbid(unsafe_code)]

mod canaries;
mod corpora;
mod cut;
mod forms;
mod hostile;
mod originals;
mod photos;
mod recipes;
mod refused;
mod upright;
