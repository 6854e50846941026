//! kill -9 at a counted system call: a photo is delivered, and the process dies at its first rename, then at its second,
//! and so on through renames, syncs and writes, until a run gets through. So each moment between the intent, the
//! effect and the outcome is hit. strace counts the calls of each thread on its own. Where there is no strace, the
//! story says so and ends.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::Value;

use crate::{
    photos::Number,
    snapshot::Snapshot,
    strace::{self, Fault},
    world::{SETTLE, SOON, World, stays},
};

/// The calls that change files, and how many of a kind are passed over from one kill to the next.
const KINDS: [(&str, usize); 8] = [
    ("renameat", 1),
    ("renameat2", 1),
    ("rename", 1),
    ("mkdirat", 1),
    ("fsync", 1),
    ("fdatasync", 1),
    ("pwrite64", 3),
    ("openat", 19),
];
const BOUND: usize = 300;

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
        assert!(interrupted <= 1 && attempts.len() - interrupted == 1, "one kill, but {attempts:#?}");
        if interrupted == 1 {
            self.between_intent_and_outcome += 1;
        } else if summary["delivered"] == 1 {
            self.before_the_intent += 1;
        } else {
            self.after_the_outcome += 1;
        }
    }
}

/// Runs one pass that dies at the `when`th call of a thread. False when it got through.
fn killed_at(world: &World, calls: &str, when: usize) -> bool {
    let fault = Fault { calls, effect: "signal=KILL", when: &when.to_string(), path: None };
    let mut pass = fault.command(&world.path("."));
    pass.args(["sync", "--json"]);
    let told = world.finish(pass, SOON);
    if told.status.signal().is_none() {
        told.expect(0);
        return false;
    }
    true
}

/// The pass after a kill puts everything in place: this user's pictures and everybody else's as they were.
fn assert_recovers(world: &World, number: Number, before: &Snapshot) -> Value {
    let (code, summary) = world.sync(&[]);
    assert_eq!(code, 0, "{summary}");
    let after = world.backend_files("portraits");
    assert_eq!(after.0.len(), before.0.len() + 3, "{:?}", before.differences(&after));
    for rendition in ["original", "thumb", "icon"] {
        assert_eq!(world.number(&format!("portraits/user{}/{rendition}.jpg", number.user)), Some(number));
    }
    let others_kept = before.0.iter().all(|(name, entry)| after.0.get(name) == Some(entry));
    assert!(others_kept, "{:?}", before.differences(&after));
    summary
}

#[test]
fn a_kill_at_any_system_call_of_a_delivery_loses_nothing() {
    if !strace::works("kills at system calls") {
        return;
    }
    let world = World::new();
    world.copy_in("first.jpg", &Number { user: 60_000, version: 1 }.photo());
    assert_eq!(world.sync(&[]).0, 0);
    let (mut hits, mut user) = (Hits::default(), 0);
    for (calls, step) in KINDS {
        let kills_before = user;
        for when in (1..BOUND).step_by(step) {
            let before = world.backend_files("portraits");
            let number = Number { user: user + 1, version: 1 };
            world.move_in(&format!("user{}.jpg", number.user), &number.photo());
            stays("it settles", SETTLE, || true);
            user += 1;
            if !killed_at(&world, calls, when) {
                break;
            }
            println!("killed at {calls} number {when}");
            let summary = assert_recovers(&world, number, &before);
            hits.count(&summary, &world.explain(&format!("user{}", number.user)));
        }
        println!("{} kills at {calls}", user - kills_before - 1);
    }
    println!("{hits:?}");
    let Hits { before_the_intent, between_intent_and_outcome, after_the_outcome } = hits;
    assert!(before_the_intent > 0 && between_intent_and_outcome > 0 && after_the_outcome > 0);
}
