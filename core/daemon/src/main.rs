//! The binary `portraitd`: I/O and policy around the crates that decide, render, record and load plugins.
#![forbid(unsafe_code)]

mod admin;
mod asked;
mod backends;
mod cli;
mod clock;
mod config;
mod control;
mod controller;
mod dispatch;
mod engine;
mod glance;
mod intake;
mod logging;
mod metrics;
mod port;
mod progress;
mod publish;
mod report;
mod secrets;
mod service;
mod show;
mod text;
mod transport;
mod workers;

use clap::Parser as _;

use crate::cli::Cli;
use crate::report::Exit;

fn main() -> Exit {
    // Exit code 2 for a wrong command line is clap's own, and the contract's.
    Cli::parse().execute().unwrap_or_else(|trouble| {
        eprintln!("{trouble}");
        trouble.exit()
    })
}
