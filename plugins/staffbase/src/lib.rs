#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod wire;

#[cfg(test)]
mod tests;

pub use config::{Mode, NamedBy, Settings, Sizes};
pub use deliver::Staffbase;

portraitd_sdk::export!(Staffbase);
