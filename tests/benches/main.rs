//! Figures of the whole program, by hand: `cargo bench -p portraitd-tests [-- sync|cores|scan|idle|chat|dead|plugin|systems]`.
//! Each measures the release build in a temporary folder, prints a table and ends within some minutes; none of them judges.

#[path = "../e2e/binaries.rs"]
mod binaries;
mod chat;
mod cores;
mod dead;
mod idle;
mod measure;
#[path = "../e2e/photos.rs"]
#[expect(dead_code, reason = "the stories make photos of many kinds; here pictures are only decoded")]
mod photos;
mod place;
mod plugin;
mod scan;
#[path = "../simulators/mod.rs"]
#[expect(dead_code, reason = "the stories play every fault; here one is enough")]
mod simulators;
mod sync;
mod systems;

use std::{env, fs, thread};

fn main() {
    // Cargo adds flags of its own, as --bench.
    let asked: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let benches: [(&str, fn()); 8] = [
        ("sync", sync::bench),
        ("cores", cores::bench),
        ("scan", scan::bench),
        ("idle", idle::bench),
        ("chat", chat::bench),
        ("dead", dead::bench),
        ("plugin", plugin::bench),
        ("systems", systems::bench),
    ];
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{} cores; load before anything is measured: {load}", cores());
    for (name, bench) in benches {
        if asked.is_empty() || asked.iter().any(|wanted| wanted == name) {
            bench();
        }
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
