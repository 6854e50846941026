//! kill -9 at each request of a delivery, before it is carried out and after it. The next start delivers the picture, and
//! what the system has and has said so is not sent again.

use std::{thread, time::Duration};

use super::{Arena, Played, arena::BACKEND};
use crate::{
    simulators::faults::Fault,
    world::{LONG, wait_until},
};

/// In this time what was answered has reached the disk.
const WRITTEN_DOWN: Duration = Duration::from_millis(300);

pub(super) fn between_any_two_effects(arena: &mut Arena) -> Played {
    arena.remote()?;
    // The kill comes before the daemon gives up.
    arena.set("timeout", "1m");
    let requests = arena.requests_of_delivery().len();
    let mut again = 0;
    for fault in [Fault::Hang, Fault::Drip] {
        for place in 1..=requests {
            again += kill_at(arena, fault, place);
        }
    }
    arena.assert_own_unchanged();
    Ok(format!("{} kills at {requests} requests, before and after each; {again} pictures sent again", 2 * requests))
}

/// Kills the daemon when this request is without an answer, and starts it again. How many pictures were sent once more.
fn kill_at(arena: &mut Arena, fault: Fault, place: usize) -> usize {
    let user = arena.add_user();
    let (taken, unanswered) = (arena.taken(), arena.taken_unanswered());
    arena.strike(fault, place);
    let number = arena.drop_photo(user);
    let struck = arena.wire().struck(fault);
    arena.world.start();
    wait_until("the request is struck", LONG, || (arena.wire().struck(fault) > struck).then_some(()));
    wait_written_down(arena, user);
    arena.world.kill();
    arena.wire().clear_faults();
    arena.world.start();
    arena.world.wait_status("everybody delivered", |status| status["backends"][BACKEND]["done"] == user);
    assert_eq!(arena.world.stop(), 0);
    arena.assert_show(&[number]);
    let again = arena.taken() - taken - arena.taken_by_delivery();
    let unanswered = arena.taken_unanswered() - unanswered;
    assert!(again <= unanswered, "{fault:?} at {place}: {again} pictures were sent again, {unanswered} had no answer");
    again
}

/// Waits until nothing is on its way but the request that was struck.
fn wait_written_down(arena: &Arena, user: u32) {
    loop {
        let seen = arena.wire().seen().len();
        thread::sleep(WRITTEN_DOWN);
        // The history comes out of the ledger behind what that had to write before.
        arena.explain(&arena.stand.name(user));
        if arena.wire().seen().len() == seen {
            return;
        }
    }
}
