//! What goes wrong in the middle of a delivery, each thing once: the picture arrives all the same, and nothing is sent
//! again that need not be.

use std::{sync::Arc, thread, time::Duration};

use super::{Arena, Played};
use crate::{
    photos::Number,
    simulators::faults::{Fault, When},
    stands::{PASSING, Trouble},
};

pub(super) fn each_passing_fault_once(arena: &mut Arena) -> Played {
    arena.remote()?;
    let requests = arena.requests_of_delivery().len();
    // A delivery has its requests struck in turn, the last of them first: it is the one that counts.
    let places = (1..=requests).rev().cycle();
    let numbers: Vec<_> = PASSING.into_iter().zip(places).map(|(fault, place)| suffer(arena, fault, place)).collect();
    arena.assert_show(&numbers);
    let deliveries = PASSING.len() + 1;
    let again = arena.taken() - deliveries * arena.taken_by_delivery();
    let unanswered = arena.taken_unanswered();
    assert!(again <= unanswered, "{again} pictures were sent again, {unanswered} had no answer");
    arena.assert_own_unchanged();
    assert_eq!(arena.wire().undercuts(), [], "a told wait was undercut");
    Ok(format!(
        "{} faults at {requests} requests in turn; {again} pictures sent again, {unanswered} unanswered",
        PASSING.len()
    ))
}

/// Lets a fault strike one request of a delivery, which arrives.
fn suffer(arena: &mut Arena, fault: Fault, place: usize) -> Number {
    let user = arena.add_user();
    if fault == Fault::Outage {
        arena.wire().fault(fault, When::UntilCleared);
    } else {
        arena.strike(fault, place);
    }
    let number = arena.drop_photo(user);
    thread::scope(|scope| {
        if fault == Fault::Outage {
            scope.spawn(|| {
                thread::sleep(Duration::from_secs(1));
                arena.wire().clear_faults();
            });
        }
        arena.sync_delivers(1);
    });
    assert_eq!(arena.wire().struck(fault), usize::from(fault != Fault::Outage), "{fault:?} at request {place}");
    arena.wire().clear_faults();
    arena.assert_show(&[number]);
    number
}

pub(super) fn each_trouble_of_its_own(arena: &mut Arena) -> Played {
    let stand = Arc::clone(&arena.stand);
    let troubles = stand.remote()?.troubles();
    if troubles.is_empty() {
        return Err("nothing goes wrong here that does not everywhere");
    }
    for trouble in &troubles {
        meet(arena, trouble);
    }
    Ok(troubles.iter().map(|trouble| trouble.what).collect::<Vec<_>>().join("; "))
}

/// Lets a trouble meet a delivery, which arrives.
fn meet(arena: &mut Arena, trouble: &Trouble<'_>) {
    (trouble.before)();
    arena.set("verify", if trouble.is_silent { "after" } else { "off" });
    let requests = arena.requests_of_delivery();
    let place = 1 + requests.iter().position(trouble.at).expect("a delivery has such a request");
    let (user, taken, struck) = (arena.add_user(), arena.taken(), arena.wire().struck(trouble.fault));
    arena.strike(trouble.fault, place);
    let number = arena.drop_photo(user);
    if let Some(meanwhile) = &trouble.meanwhile {
        assert_eq!(arena.sync(&["--wait", "0s"]).0, 1, "{}: it did not matter", trouble.what);
        meanwhile();
    }
    arena.sync_all_done();
    assert_eq!(arena.wire().struck(trouble.fault), struck + 1, "{}: it struck nothing", trouble.what);
    arena.wire().clear_faults();
    arena.assert_show(&[number]);
    let (taken, needed) = (arena.taken() - taken, arena.taken_by_delivery());
    assert_eq!(taken, needed + trouble.costs, "{}: pictures that the system took", trouble.what);
    arena.assert_own_unchanged();
}
