//! A seeded, single-threaded simulator that drives the real reconciler as the daemon does, through weeks of faults.
//!
//! `PORTRAITD_SEEDS=10000` runs so many seeds of each climate, `PORTRAITD_SEED=17` that one alone. A failure names its
//! climate and seed and prints the last events; the same seed fails in the same way again.
//!
//! It simulates no disk, no socket and no plugin: the program's own tests do that.

mod backend;
mod daemon;
mod folder;
mod judge;
mod ledger;
mod oracle;
mod people;
mod random;
mod weather;
mod world;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use world::{Climate, Tally, World};

const SEEDS: u64 = 150;

#[test]
fn weeks_of_edits_end_with_every_newest_photo_in_place() {
    let tally = simulate(Climate::Edits);
    expect_of(&tally, &["effects", "lies", "crashes", "holds", "late effects", "confirmations"]);
}

#[test]
fn weeks_of_crashes_lose_nothing_and_invent_nothing() {
    let tally = simulate(Climate::Crashes);
    let points = ["intent written", "intent durable", "effect made", "outcome written"];
    expect_of(&tally, &points);
    expect_of(&tally, &["looks", "changed by hand", "found different"]);
    expect_of(&tally, &["pictures published in the end"]);
    expect_of(&tally, &["late effects", "confirmations", "clock jumps", "settings changed"]);
}

#[test]
fn weeks_of_vanishing_folders_remove_nothing_without_evidence() {
    let tally = simulate(Climate::Folders);
    expect_of(&tally, &["folder swapped", "photos taken away", "brakes", "removals confirmed"]);
    expect_of(&tally, &["removals begun", "removals seen in the end"]);
}

#[test]
fn weeks_of_failing_backends_burn_nobodys_attempts() {
    let tally = simulate(Climate::Backends);
    expect_of(&tally, &["holds", "lies", "retries typed", "circuits opened", "told to wait", "pauses", "resumes"]);
}

/// Each kind of fault must have happened, or the run has shown nothing about it.
fn expect_of(tally: &Tally, kinds: &[&str]) {
    for kind in kinds {
        assert!(tally.contains_key(kind), "`{kind}` never happened: {tally:?}");
    }
}

fn simulate(climate: Climate) -> Tally {
    let mut total = Tally::new();
    for seed in seeds() {
        let tally = catch_unwind(|| World::new(climate, seed, None).live());
        for (what, count) in tally.unwrap_or_else(|_| tell(climate, seed)) {
            *total.entry(what).or_default() += count;
        }
    }
    println!("{climate:?}: {total:?}");
    total
}

#[expect(clippy::disallowed_methods, reason = "the seeds are the one setting of this test")]
fn seeds() -> Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("PORTRAITD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PORTRAITD_SEEDS").unwrap_or(SEEDS),
    }
}

/// Runs a seed that failed once more, and tells what happened last.
fn tell(climate: Climate, seed: u64) -> ! {
    let lines = Rc::new(RefCell::new(VecDeque::new()));
    let trace = Some(Rc::clone(&lines));
    let failure = catch_unwind(AssertUnwindSafe(|| World::new(climate, seed, trace).live()));
    for line in lines.borrow().iter() {
        println!("{line}");
    }
    println!("{climate:?}, seed {seed}: the last events are above");
    std::panic::resume_unwind(failure.expect_err("the same seed fails again"));
}
