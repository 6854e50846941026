//! Looking whether a system still shows what was delivered, and taking over what it shows.

use std::time::Duration;

use portraitd_reconcile::{BackendSpec, DeliveryState, Focus, Holds, Operation, Outcome, Owner, Verdict, Verify};

use crate::desk::{Desk, HOUR, done, failed, id, policy, spec, user};

fn looking(verify: Verify, owner: Owner) -> BackendSpec {
    BackendSpec { verify, owner, ..spec("a") }
}

/// A desk at which anna's photo is delivered, and not yet looked for.
fn delivered(verify: Verify, owner: Owner) -> Desk {
    let mut desk = Desk::new(&[looking(verify, owner)]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!(desk.deliver(&done()).operation, Operation::Deliver);
    desk
}

fn look(desk: &mut Desk, outcome: &Outcome) {
    assert_eq!(desk.deliver(outcome).operation, Operation::Verify);
}

fn receipt(desk: &Desk) -> Option<String> {
    desk.ledger.deliveries[0].2.holds.receipt().cloned()
}

#[test]
fn nobody_looks_unless_it_is_wanted() {
    assert_eq!(delivered(Verify::Off, Owner::Portraitd).next(), None);
}

#[test]
fn after_a_delivery_it_is_looked_for_once() {
    let mut desk = delivered(Verify::After, Owner::Portraitd);
    look(&mut desk, &Outcome { receipt: Some("etag".into()), ..Outcome::of(Verdict::Unchanged) });
    assert_eq!(receipt(&desk).as_deref(), Some("etag"), "what the look has told takes the receipt's place");
    desk.pass(100 * 24 * HOUR);
    assert_eq!(desk.next(), None);
    assert_eq!(desk.state("anna", "a"), DeliveryState::Done);
}

#[test]
fn daily_it_is_looked_for_every_day_across_restarts() {
    let mut desk = delivered(Verify::Daily, Owner::Portraitd);
    for _ in 0..3 {
        look(&mut desk, &Outcome::of(Verdict::Unchanged));
        assert_eq!(desk.next(), None);
        desk.restart(policy(), &[looking(Verify::Daily, Owner::Portraitd)]);
        desk.pass(20 * HOUR);
        desk.scan();
        assert_eq!(desk.next(), None);
        desk.pass(4 * HOUR);
    }
    assert_eq!(desk.history.len(), 1, "what is where it should be is no news");
}

#[test]
fn what_was_delivered_before_anybody_wanted_to_look_is_looked_for_at_once() {
    let mut desk = delivered(Verify::Off, Owner::Portraitd);
    desk.restart(policy(), &[looking(Verify::Daily, Owner::Portraitd)]);
    desk.scan();
    look(&mut desk, &Outcome::of(Verdict::Unchanged));
}

#[test]
fn what_is_found_different_is_delivered_again() {
    for verdict in [Verdict::Changed, Verdict::Removed, Verdict::UserAbsent] {
        let mut desk = delivered(Verify::Daily, Owner::Portraitd);
        look(&mut desk, &Outcome::of(Verdict::Unchanged));
        desk.pass(24 * HOUR);
        look(&mut desk, &Outcome::of(verdict));
        assert_eq!(desk.state("anna", "a"), DeliveryState::Retrying);
        assert!(desk.history.last().unwrap().2.starts_with("verify: the system "), "{:?}", desk.history);
        desk.pass(3);
        assert_eq!(desk.deliver(&done()).operation, Operation::Deliver);
        look(&mut desk, &Outcome::of(Verdict::Unchanged));
        assert_eq!(desk.state("anna", "a"), DeliveryState::Done);
    }
}

#[test]
fn a_picture_that_never_shows_is_delivered_with_growing_waits() {
    let mut desk = delivered(Verify::After, Owner::Portraitd);
    let (mut deliveries, mut alarms) = (0, 0);
    for _ in 0..30 * 60 {
        while let Some(delivery) = desk.next() {
            desk.reconciler.begin(&delivery, desk.now).unwrap();
            let outcome = if delivery.operation == Operation::Verify { Outcome::of(Verdict::Changed) } else { done() };
            deliveries += usize::from(delivery.operation == Operation::Deliver);
            desk.reconciler.settle(&delivery, &outcome, 5, desk.now);
            if desk.reconciler.deserves_alarm(&delivery, desk.now) {
                alarms += 1;
                assert!(deliveries >= 25, "an alarm after {deliveries} deliveries");
            }
        }
        desk.pass(60);
    }
    assert!((28..45).contains(&deliveries), "{deliveries} in 30 hours");
    assert!((1..15).contains(&alarms), "{alarms} alarms for {deliveries} deliveries");
}

#[test]
fn what_the_user_owns_stays_until_the_photo_changes() {
    let mut desk = delivered(Verify::Daily, Owner::User);
    look(&mut desk, &Outcome { receipt: Some("theirs".into()), ..Outcome::of(Verdict::Changed) });
    assert_eq!((desk.next(), desk.state("anna", "a")), (None, DeliveryState::Done));
    assert_eq!(receipt(&desk).as_deref(), Some("theirs"));
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    assert_eq!(desk.deliver(&done()).operation, Operation::Deliver);
}

#[test]
fn a_system_that_cannot_tell_is_believed_and_one_that_fails_is_asked_again() {
    let mut desk = delivered(Verify::After, Owner::Portraitd);
    look(&mut desk, &failed(Verdict::Retry));
    assert_eq!(desk.next(), None);
    desk.pass(HOUR);
    look(&mut desk, &failed(Verdict::Unsupported));
    desk.pass(HOUR);
    assert_eq!((desk.next(), desk.state("anna", "a")), (None, DeliveryState::Done));
    let told: Vec<_> = desk.history.iter().map(|(_, verdict, _)| verdict.word()).collect();
    assert_eq!(told, ["changed", "retry", "unsupported"]);
}

#[test]
fn a_look_that_finds_the_credentials_wrong_holds_the_backend() {
    let mut desk = delivered(Verify::After, Owner::Portraitd);
    look(&mut desk, &failed(Verdict::Auth));
    assert_eq!(desk.reconciler.summary(desk.now).held, 1);
}

#[test]
fn a_look_is_off_when_the_photo_has_changed_meanwhile() {
    let mut desk = delivered(Verify::After, Owner::Portraitd);
    let look = desk.next().unwrap();
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    assert_eq!(desk.reconciler.begin(&look, desk.now), None);
    desk.reconciler.abandon(&look, desk.now);
    assert_eq!(desk.deliver(&done()).operation, Operation::Deliver);
}

fn adopting(outcome: &Outcome) -> Desk {
    let mut desk = Desk::with(policy(), Focus { adopts: true, ..Focus::default() }, &[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let delivery = desk.deliver(outcome);
    assert_eq!((delivery.operation, desk.reconciler.receipt(&delivery)), (Operation::Adopt, None));
    assert_eq!(desk.next(), None, "nobody is asked twice, and nothing is sent");
    desk
}

#[test]
fn what_a_system_shows_is_adopted_and_a_later_photo_is_delivered() {
    let mut desk = adopting(&Outcome { receipt: Some("theirs".into()), ..Outcome::of(Verdict::Changed) });
    assert!(desk.reconciler.adoptions()[0].recorded);
    desk.restart(policy(), &[spec("a")]);
    desk.scan();
    assert_eq!((desk.next(), desk.state("anna", "a")), (None, DeliveryState::Done));
    assert_eq!(receipt(&desk).as_deref(), Some("theirs"));
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    assert_eq!(desk.deliver(&done()).operation, Operation::Deliver);
}

#[test]
fn a_paused_backend_can_be_adopted_and_is_sent_nothing() {
    let adopts = Focus { adopts: true, ..Focus::default() };
    let mut desk = Desk::with(policy(), adopts.clone(), &[spec("a")]);
    desk.reconciler.pause(&id("a"));
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert!(desk.reconciler.next_work().is_some());
    assert_eq!(desk.deliver(&Outcome::of(Verdict::Changed)).operation, Operation::Adopt);
    desk.drop_file("anna.jpg", 2);
    desk.restart(policy(), &[spec("a")]);
    desk.take_in();
    assert_eq!((desk.next(), desk.reconciler.next_work()), (None, None), "the pause stays");
}

#[test]
fn where_nothing_can_be_adopted_the_photo_stays_due() {
    for outcome in [Outcome::of(Verdict::Removed), failed(Verdict::Unsupported), failed(Verdict::UserAbsent)] {
        let mut desk = adopting(&outcome);
        let [adoption] = desk.reconciler.adoptions() else { panic!("{:?}", desk.reconciler.adoptions()) };
        assert_eq!((&adoption.user, adoption.recorded, &adoption.outcome), (&user("anna"), false, &outcome));
        assert_eq!(desk.ledger.deliveries[0].2.holds, Holds::Nothing);
        desk.restart(policy(), &[spec("a")]);
        desk.scan();
        assert_eq!(desk.deliver(&done()).operation, Operation::Deliver);
    }
}

#[test]
fn what_is_delivered_already_is_not_adopted() {
    let mut desk = delivered(Verify::Off, Owner::Portraitd);
    desk.pass(Duration::from_secs(1).as_secs());
    let ledger = desk.ledger.clone();
    let mut later = Desk::with(policy(), Focus { adopts: true, ..Focus::default() }, &[spec("a")]);
    later.ledger = ledger;
    later.folder = desk.folder.clone();
    later.restart_with(policy(), Focus { adopts: true, ..Focus::default() }, &[spec("a")]);
    later.drop_file("anna.jpg", 2);
    later.take_in();
    assert_eq!(later.next(), None, "a photo that has changed since is delivered by the next pass that delivers");
}
