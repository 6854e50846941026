//! kill -9 at a counted system call: one photo is delivered again and again, and each time the process dies at the
//! next write, sync or rename, until one run gets through. So every moment between the intent, the effect and the
//! outcome is hit once. It needs strace and says so where there is none.

use std::{fs, os::unix::process::ExitStatusExt as _};

use serde_json::Value;

use crate::{
    photos::Number,
    strace::{self, Fault},
    world::{SOON, World},
};

/// The calls that change files, by kind, and how many of a kind are skipped from one kill to the next.
const KINDS: [(&str, usize); 4] =
    [("rename,renameat,renameat2", 1), ("fsync,fdatasync", 1), ("pwrite64", 3), ("openat", 17)];
const BOUND: usize = 400;

const ANNA: Number = Number { user: 1, version: 1 };

/// Where a kill fell, told by the pass that came after it.
#[derive(Default, Debug)]
struct Hits {
    before_the_intent: usize,
    between_intent_and_outcome: usize,
    after_the_outcome: usize,
}

impl Hits {
    fn count(&mut self, summary: &Value, story: &Value) {
        let attempts = story["backends"]["portraits"]["attempts"].as_array().expect("attempts");
        let interrupted = attempts.iter().filter(|attempt| attempt["verdict"] == "retry").count();
        assert!(interrupted <= 1 && attempts.len() - interrupted <= 1, "one kill, but {attempts:#?}");
        if interrupted == 1 {
            self.between_intent_and_outcome += 1;
        } else if summary["delivered"] == 1 {
            self.before_the_intent += 1;
        } else {
            self.after_the_outcome += 1;
        }
    }
}

/// Runs one pass that dies at the `when`th call of each thread. False when it got through.
fn killed_at(world: &World, calls: &str, when: usize) -> bool {
    for folder in ["state", "portraits"] {
        let path = world.path(folder);
        if path.exists() {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let fault = Fault { calls, effect: "signal=KILL", when: &when.to_string(), path: None };
    let mut pass = fault.command(&world.path("."));
    pass.args(["sync", "--json"]);
    let told = world.finish(pass, SOON);
    match told.status.signal() {
        Some(_) => true,
        None => {
            told.expect(0);
            false
        }
    }
}

#[test]
fn a_kill_at_any_system_call_of_a_delivery_loses_nothing() {
    if !strace::works("kills at system calls") {
        return;
    }
    let mut hits = Hits::default();
    let world = World::new();
    world.copy_in("anna.jpg", &ANNA.photo());
    let reference = {
        assert_eq!(world.sync(&[]).0, 0);
        world.backend_files("portraits").0.into_iter().map(|(name, entry)| (name, entry.bytes)).collect::<Vec<_>>()
    };
    for (calls, step) in KINDS {
        let mut kills = 0;
        for when in (1..BOUND).step_by(step) {
            if !killed_at(&world, calls, when) {
                break;
            }
            kills += 1;
            let (code, summary) = world.sync(&[]);
            assert_eq!(code, 0, "after a kill at {calls} number {when}: {summary}");
            let published = world.backend_files("portraits").0;
            let published: Vec<_> = published.into_iter().map(|(name, entry)| (name, entry.bytes)).collect();
            assert!(published == reference, "after a kill at {calls} number {when}");
            hits.count(&summary, &world.explain("anna"));
        }
        println!("{kills} kills at {calls}");
        assert!(kills > 0, "no thread makes a call of {calls}");
    }
    println!("{hits:?}");
    let Hits { before_the_intent, between_intent_and_outcome, after_the_outcome } = hits;
    assert!(before_the_intent > 0 && between_intent_and_outcome > 0 && after_the_outcome > 0);
}
