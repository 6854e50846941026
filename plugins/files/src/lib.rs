#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod wire;

#[cfg(test)]
mod tests;

pub use config::Settings;
pub use deliver::Files;

portraitd_sdk::export!(Files);
