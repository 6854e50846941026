#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod wire;

#[cfg(test)]
mod tests;

pub use config::{Mode, Paths, Settings};
pub use deliver::CreatorsHub;

portraitd_sdk::export!(CreatorsHub);
