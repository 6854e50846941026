#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod wire;

#[cfg(test)]
mod tests;

pub use config::{Mode, NamedBy, Settings};
pub use deliver::RocketChat;

portraitd_sdk::export!(RocketChat);
