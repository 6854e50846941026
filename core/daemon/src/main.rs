//! The binary `portraitd`: I/O and policy around the crates that decide, render, record and load plugins.
#![forbid(unsafe_code)]

mod ask;
mod asked;
mod backends;
mod check;
mod cli;
mod clock;
mod config;
mod control;
mod controller;
mod converse;
mod dispatch;
mod effects;
mod engine;
mod folder;
mod intake;
mod logging;
mod performer;
mod plugins;
mod preview;
mod progress;
mod report;
mod run;
mod show;
mod studio;
mod sync;
mod text;
mod watch;

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
