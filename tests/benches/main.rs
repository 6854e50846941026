//! Figures of the whole program, by hand: `cargo bench -p portraitd-tests [-- sync|scan|idle]`. Each measures the
//! release build in a temporary folder, prints a table and ends within some minutes; none of them judges.

#[path = "../e2e/binaries.rs"]
mod binaries;
mod idle;
mod measure;
mod place;
mod scan;
mod sync;

use std::env;

fn main() {
    // Cargo adds flags of its own, as --bench.
    let asked: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let benches: [(&str, fn()); 3] = [("sync", sync::bench), ("scan", scan::bench), ("idle", idle::bench)];
    for (name, bench) in benches {
        if asked.is_empty() || asked.iter().any(|wanted| wanted == name) {
            bench();
        }
    }
}
