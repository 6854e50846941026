#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod wire;

#[cfg(test)]
mod tests;

pub use config::{ContentType, NamedBy, SessionForm, Settings};
pub use deliver::Igloo;

portraitd_sdk::export!(Igloo);
