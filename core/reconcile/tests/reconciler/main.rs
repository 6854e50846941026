//! What the reconciler does in plain situations, one after another. The simulation shows that the rules hold together;
//! here each is shown alone.

mod desk;
mod published;
mod users;
mod verification;
mod warned;

use std::collections::BTreeSet;
use std::time::Duration;

use portraitd_reconcile::{
    Assignment, AttemptState, BackendSpec, BackendState, Change, ConflictRule, DOUBT, DeliveryState, Digest, Examined,
    FileName, FileState, Focus, Holds, Kind, Listing, Looked, Outcome, PROBE_EVERY, PhotoState, Policy, Target,
    Verdict,
};

use crate::desk::*;

// --- Settling ---

#[test]
fn an_old_file_is_read_at_first_sight_and_a_fresh_one_after_it_has_settled() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("old.jpg", 1);
    desk.pass(10);
    desk.drop_file("new.jpg", 2);
    desk.scan();
    let read = desk.reconciler.next_read().unwrap();
    assert_eq!((read.name, desk.reconciler.next_read()), (FileName::new("old.jpg"), None));
    assert_eq!(desk.reconciler.wake_at(), Some(desk.now.after(Duration::from_secs(2))));
    desk.pass(2);
    desk.look();
    assert_eq!(desk.reconciler.next_read().unwrap().name, FileName::new("new.jpg"));
    assert_eq!(desk.reconciler.growing(), 2);
}

#[test]
fn a_file_that_goes_on_growing_is_not_read() {
    let mut desk = Desk::new(&[spec("a")]);
    for size in 1..20 {
        desk.drop_file("anna.jpg", size);
        desk.scan();
        desk.pass(1);
        desk.look();
        assert_eq!(desk.reconciler.next_read(), None);
    }
    desk.pass(1);
    desk.look();
    assert!(desk.reconciler.next_read().is_some());
}

#[test]
fn what_was_read_of_a_file_that_changed_meanwhile_does_not_count() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.pass(10);
    desk.scan();
    let read = desk.reconciler.next_read().unwrap();
    desk.drop_file("anna.jpg", 2);
    desk.scan();
    desk.reconciler.examined(&read, Examined::Accepted(photo(read.stat)), desk.now);
    assert_eq!(desk.next(), None);
    desk.take_in();
    assert_eq!(desk.deliver(&done()).photo.unwrap().1, Digest::of(&2_u64.to_le_bytes()));
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_read_again_at_each_scan() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.pass(10);
    for _ in 0..3 {
        desk.scan();
        let read = desk.reconciler.next_read().unwrap();
        desk.reconciler.examined(&read, Examined::Unreadable { reason: "permission denied".into() }, desk.now);
        assert_eq!(desk.reconciler.next_read(), None);
        assert_eq!(desk.reconciler.status(desk.now).rejected[0].reason, "permission denied");
        desk.pass(5 * MINUTE);
    }
    desk.take_in();
    assert_eq!(desk.deliver_all(), ["anna"]);
}

#[test]
fn a_file_that_only_a_look_found_outlives_the_scan_that_was_under_way() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.scan();
    let before = desk.folder.clone();
    desk.drop_file("anna.jpg", 1);
    let entry = desk.folder[0].clone();
    desk.reconciler.looked(&entry.name, Looked::Here(entry.clone()), desk.now);
    desk.reconciler.listed(Listing { identity: HOME, entries: before, trouble: None }, desk.now);
    desk.pass(2);
    desk.look();
    desk.read();
    assert_eq!(desk.deliver_all(), ["anna"]);
}

// --- Refusals ---

#[test]
fn a_refused_replacement_leaves_the_picture_where_it_is() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_all();
    desk.drop_file("anna.jpg", 2);
    desk.scan();
    desk.pass(2);
    desk.look();
    let read = desk.reconciler.next_read().unwrap();
    desk.reconciler.examined(&read, Examined::Rejected { reason: "the file ends in the middle".into() }, desk.now);
    assert_eq!(desk.next(), None);
    assert_eq!((desk.photo_state("anna"), desk.state("anna", "a")), (PhotoState::Accepted, DeliveryState::Done));
    let refused = desk.reconciler.explain(&user("anna"), desk.now).unwrap().photo.refused.unwrap();
    assert_eq!(refused.reason, "the file ends in the middle");
}

#[test]
fn a_photo_that_cannot_be_rendered_reaches_no_backend_and_is_not_tried_again() {
    let mut desk = Desk::new(&[spec("a"), spec("b")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let delivery = desk.next().unwrap();
    let (name, digest) = delivery.photo.clone().unwrap();
    let reason = "the picture cannot be decoded".to_owned();
    desk.reconciler.reexamined(&name, &digest, Examined::Rejected { reason }, desk.now);
    desk.reconciler.abandon(&delivery, desk.now);
    assert_eq!((desk.next(), desk.reconciler.in_flight()), (None, 0));
    desk.scan();
    assert_eq!((desk.reconciler.next_read(), desk.attempts("anna")), (None, 0));
    assert_eq!(desk.photo_state("anna"), PhotoState::Rejected);
}

#[test]
fn a_link_in_place_of_a_photo_is_rejected_and_removes_nothing() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_all();
    desk.drop_file("anna.jpg", 2);
    desk.folder[0].kind = Kind::Symlink;
    for _ in 0..4 {
        desk.scan();
        desk.pass(10 * MINUTE);
    }
    assert_eq!((desk.next(), desk.state("anna", "a")), (None, DeliveryState::Done));
    assert_eq!(desk.reconciler.status(desk.now).rejected.len(), 1);
}

// --- Several files of one user ---

#[test]
fn two_files_of_one_user_are_a_conflict_and_neither_is_sent() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("anna.png", 2);
    desk.take_in();
    assert_eq!((desk.next(), desk.photo_state("anna")), (None, PhotoState::Conflict));
    assert_eq!(desk.reconciler.status(desk.now).conflicts.len(), 1);
    assert_eq!(desk.reconciler.summary(desk.now).stopped, 1);
    desk.take_file("anna.png");
    desk.scan();
    assert_eq!(desk.deliver_all(), ["anna"]);
}

#[test]
fn one_of_two_files_is_not_sent_while_the_other_is_read_again() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("anna.png", 2);
    desk.take_in();
    desk.pass(10);
    desk.drop_file("anna.png", 2);
    desk.scan();
    assert_eq!((desk.next(), desk.state("anna", "a")), (None, DeliveryState::Skipped));
    desk.take_in();
    assert_eq!((desk.next(), desk.photo_state("anna")), (None, PhotoState::Conflict));
}

#[test]
fn the_file_that_changed_last_is_sent_where_the_rule_is_newest() {
    let policy = Policy { conflict: ConflictRule::Newest, ..policy() };
    let mut desk = Desk::with(policy, Focus::default(), &[spec("a")]);
    desk.drop_file("anna.png", 2);
    desk.pass(1);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!(desk.deliver(&done()).photo.unwrap().0, FileName::new("anna.jpg"));
    desk.drop_file("anna.png", 3);
    desk.take_in();
    assert_eq!(desk.deliver(&done()).photo.unwrap().0, FileName::new("anna.png"));
    assert_eq!(desk.next(), None);
}

// --- Lanes ---

#[test]
fn a_fresh_photo_overtakes_the_backlog_of_a_new_backend() {
    let mut desk = Desk::new(&[spec("a")]);
    for number in 0..20 {
        desk.drop_file(&format!("u{number}.jpg"), number);
    }
    desk.take_in();
    desk.deliver_all();
    desk.pass(10);
    desk.restart(policy(), &[spec("a"), BackendSpec { concurrency: 1, ..spec("b") }]);
    desk.drop_file("late.jpg", 99);
    desk.take_in();
    let order = desk.deliver_all();
    let late: Vec<_> = (0..order.len()).filter(|at| order[*at] == "late").collect();
    assert_eq!(order.len(), 22);
    assert!(late.iter().all(|at| *at < 4), "{order:?}");
}

#[test]
fn a_wave_names_every_backend_that_wants_the_photo() {
    let mut desk = Desk::new(&[spec("a"), spec("b"), BackendSpec { broken: Some("no library".into()), ..spec("c") }]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let delivery = desk.next().unwrap();
    assert!(delivery.wave.contains(&id("a")) && delivery.wave.contains(&id("b")));
}

#[test]
fn a_wave_leaves_out_a_backend_that_is_held_or_cannot_be_reached() {
    for outcome in [failed(Verdict::Auth), unreachable()] {
        let mut desk = Desk::new(&[spec("dead"), spec("well")]);
        for name in ["anna.jpg", "ben.jpg"] {
            desk.drop_file(name, 1);
        }
        desk.take_in();
        let (first, dead) = (desk.begin(), desk.begin());
        assert_eq!((first.wave.len(), dead.backend.as_str()), (2, "dead"), "nothing is known of it yet");
        desk.reconciler.settle(&dead, &outcome, 5, desk.now);
        desk.reconciler.settle(&first, &done(), 5, desk.now);
        assert_eq!(desk.begin().wave, [id("well")]);
    }
}

#[test]
fn a_broken_backend_gets_nothing_and_says_why() {
    let mut desk = Desk::new(&[BackendSpec { broken: Some("no such file".into()), ..spec("a") }]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!((desk.next(), desk.reconciler.next_work()), (None, None));
    let state = BackendState::Down { reason: "no such file".into() };
    assert_eq!(desk.reconciler.status(desk.now).backends[&id("a")].state, state);
    assert!(!desk.reconciler.summary(desk.now).all_in_place());
}

fn with_recipe_2(name: &str) -> BackendSpec {
    BackendSpec { shape: "recipe 2".into(), ..spec(name) }
}

#[test]
fn another_recipe_while_it_runs_makes_everybody_due_again_and_at_this_backend_only() {
    let mut desk = Desk::new(&[spec("a"), spec("b")]);
    for name in ["anna.jpg", "ben.jpg", "carl.jpg"] {
        desk.drop_file(name, 1);
    }
    desk.take_in();
    desk.deliver_all();
    desk.reconciler.respec(with_recipe_2("a"), desk.now);
    let again: Vec<_> = (0..3).map(|_| desk.deliver(&done()).backend).collect();
    assert_eq!(again, [id("a"), id("a"), id("a")]);
    desk.reconciler.respec(with_recipe_2("a"), desk.now);
    assert_eq!(desk.next(), None, "the same once more changes nothing");
}

#[test]
fn a_delivery_of_the_old_recipe_is_not_begun_and_one_that_was_is_not_in_place() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let rendered = desk.next().expect("anna is due");
    desk.reconciler.respec(with_recipe_2("a"), desk.now);
    assert_eq!(desk.reconciler.begin(&rendered, desk.now), None);
    desk.reconciler.abandon(&rendered, desk.now);

    let begun = desk.begin();
    assert_ne!(begun.target, rendered.target);
    desk.reconciler.respec(BackendSpec { shape: "recipe 3".into(), ..spec("a") }, desk.now);
    desk.reconciler.settle(&begun, &done(), 5, desk.now);
    assert_ne!(desk.deliver(&done()).target, begun.target);
    assert!(desk.reconciler.summary(desk.now).all_in_place());
}

#[test]
fn a_broken_backend_that_can_be_used_now_goes_on() {
    let mut desk = Desk::new(&[BackendSpec { broken: Some("no such file".into()), ..spec("a") }]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!(desk.next(), None);
    desk.reconciler.respec(spec("a"), desk.now);
    desk.deliver(&done());
    assert!(desk.reconciler.summary(desk.now).all_in_place());
}

// --- Failures ---

#[test]
fn waits_grow_to_an_hour_and_the_attempts_never_end() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let mut waits = Vec::new();
    for _ in 0..30 {
        desk.deliver(&failed(Verdict::Retry));
        let wake = desk.reconciler.next_work().unwrap();
        assert_eq!(desk.next(), None, "not before its time");
        waits.push(wake.since(desk.now).as_secs());
        desk.now = wake;
    }
    assert!(waits[0] <= 2 && waits[3] <= 54, "{waits:?}");
    assert!(waits[10..].iter().all(|wait| (HOUR..HOUR + 6 * MINUTE + 1).contains(wait)), "{waits:?}");
    assert_eq!((desk.attempts("anna"), desk.state("anna", "a")), (30, DeliveryState::Retrying));
    desk.deliver(&done());
    assert_eq!(desk.attempts("anna"), 0);
}

#[test]
fn a_backend_that_asks_for_rest_gets_it_across_a_restart() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("ben.jpg", 2);
    desk.take_in();
    desk.deliver(&failed(Verdict::RateLimited { after: Duration::from_secs(HOUR) }));
    assert_eq!(desk.next(), None, "the other user waits too");
    desk.restart(policy(), &[spec("a")]);
    desk.scan();
    assert_eq!(desk.next(), None);
    assert!(desk.reconciler.next_work().unwrap() >= desk.now.after(Duration::from_secs(HOUR)));
    desk.pass(HOUR + 10 * MINUTE);
    assert_eq!(desk.deliver_all().len(), 2);
}

#[test]
fn a_rest_that_a_wrong_clock_had_planned_does_not_last_for_years() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.pass(400 * 24 * HOUR);
    desk.deliver(&failed(Verdict::RateLimited { after: Duration::from_secs(HOUR) }));
    desk.now = START.after(Duration::from_secs(MINUTE));
    desk.restart(policy(), &[spec("a")]);
    desk.scan();
    desk.pass(27 * HOUR);
    assert_eq!(desk.deliver_all(), ["anna"]);
}

#[test]
fn wrong_credentials_cost_one_request_and_nobody_an_attempt() {
    let mut desk = Desk::new(&[spec("a")]);
    for name in ["anna.jpg", "ben.jpg", "carl.jpg"] {
        desk.drop_file(name, 1);
    }
    desk.take_in();
    let first = desk.begin();
    assert_eq!(desk.next(), None, "one goes first and alone");
    desk.reconciler.settle(&first, &failed(Verdict::Auth), 5, desk.now);
    desk.write_down();
    assert_eq!((desk.next(), desk.attempts(first.user.as_str())), (None, 0));
    assert_eq!(desk.reconciler.next_work(), Some(desk.now.after(PROBE_EVERY)));
    assert_eq!(desk.reconciler.summary(desk.now).held, 1);
    desk.now = desk.now.after(PROBE_EVERY);
    desk.deliver(&done());
    assert_eq!(desk.deliver_all().len(), 2);
}

#[test]
fn a_held_backend_stays_held_across_a_restart_and_is_probed_at_once() {
    let held = BackendSpec { probes: true, ..spec("a") };
    let mut desk = Desk::new(std::slice::from_ref(&held));
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let probe = Some(Assignment::Probe { backend: id("a") });
    assert_eq!(desk.reconciler.next_assignment(desk.now), probe);
    desk.reconciler.probed(&id("a"), &failed(Verdict::Auth), desk.now);
    assert_eq!(desk.reconciler.next_assignment(desk.now), None);
    desk.restart(policy(), &[held]);
    desk.scan();
    let state = BackendState::Held { reason: "because".into() };
    assert_eq!(desk.reconciler.status(desk.now).backends[&id("a")].state, state);
    assert_eq!(desk.reconciler.next_assignment(desk.now), probe);
    desk.reconciler.probed(&id("a"), &done(), desk.now);
    assert_eq!(desk.deliver_all(), ["anna"]);
}

#[test]
fn a_person_makes_stopped_and_absent_deliveries_due_again() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("ben.jpg", 2);
    desk.take_in();
    let stopped = desk.deliver(&failed(Verdict::ImageRejected)).user;
    let absent = desk.deliver(&failed(Verdict::UserAbsent)).user;
    assert_eq!(desk.state(stopped.as_str(), "a"), DeliveryState::Stopped);
    assert_eq!(desk.state(absent.as_str(), "a"), DeliveryState::Absent);
    assert_eq!(desk.next(), None);
    let one = BTreeSet::from([stopped.clone()]);
    assert_eq!(desk.reconciler.retry(Some(&one), None, desk.now), 1);
    assert_eq!(desk.deliver_all(), [stopped.to_string()]);
    assert_eq!(desk.reconciler.retry(None, Some(&BTreeSet::from([id("a")])), desk.now), 1);
    assert_eq!(desk.deliver_all(), [absent.to_string()]);
    assert_eq!(desk.reconciler.retry(None, None, desk.now), 0);
}

#[test]
fn an_attempt_that_the_daemon_did_not_outlive_is_told_and_made_again() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.begin();
    desk.restart(policy(), &[spec("a")]);
    assert_eq!(desk.history.len(), 1);
    assert!(desk.history[0].2.starts_with("interrupted"), "{:?}", desk.history);
    assert_eq!(desk.next(), None, "not before the folder was read");
    desk.scan();
    assert_eq!(desk.deliver_all(), ["anna"]);
}

#[test]
fn a_delivery_that_is_no_longer_wanted_is_not_begun() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let old = desk.next().unwrap();
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    assert_eq!(desk.next(), None, "one at a time");
    assert_eq!(desk.reconciler.begin(&old, desk.now), None);
    desk.reconciler.abandon(&old, desk.now);
    let new = desk.deliver(&done());
    assert_eq!(new.photo.unwrap().1, Digest::of(&2_u64.to_le_bytes()));
}

#[test]
fn an_outcome_that_comes_twice_counts_once() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let delivery = desk.deliver(&done());
    desk.reconciler.settle(&delivery, &failed(Verdict::Bug), 5, desk.now);
    desk.reconciler.abandon(&delivery, desk.now);
    assert_eq!((desk.reconciler.in_flight(), desk.state("anna", "a")), (0, DeliveryState::Done));
}

// --- Systems that are silent, late or to be left alone ---

fn unreachable() -> Outcome {
    Outcome { unreachable: true, ..failed(Verdict::Retry) }
}

fn timed_out() -> Outcome {
    Outcome { uncertain: true, ..unreachable() }
}

fn remote(name: &str) -> BackendSpec {
    BackendSpec { sends: true, ..spec(name) }
}

/// A desk with so many photos, of which the first has shown that the backends work.
fn desk_with(users: u64, backends: &[BackendSpec]) -> Desk {
    let mut desk = Desk::new(backends);
    for number in 0..users {
        desk.drop_file(&format!("u{number}.jpg"), number);
    }
    desk.take_in();
    for _ in backends {
        desk.deliver(&done());
    }
    desk
}

#[test]
fn an_outage_of_an_hour_costs_few_requests_and_nobody_more_than_one_attempt() {
    let mut desk = desk_with(200, &[spec("down"), spec("well")]);
    let end = desk.now.after(Duration::from_secs(HOUR));
    let mut tried = Vec::new();
    while desk.now < end {
        while let Some(delivery) = desk.next() {
            desk.reconciler.begin(&delivery, desk.now).expect("it is still wanted");
            let outcome = if delivery.backend == id("down") { unreachable() } else { done() };
            tried.extend((delivery.backend == id("down")).then(|| delivery.user.clone()));
            desk.reconciler.settle(&delivery, &outcome, 5, desk.now);
        }
        desk.now = desk.reconciler.next_work().expect("it is tried on").max(desk.now);
    }
    let status = desk.reconciler.status(desk.now);
    assert_eq!(status.backends[&id("down")].state, BackendState::Down { reason: "because".into() });
    assert_eq!(status.backends[&id("well")].deliveries["done"], 200);
    assert!((20..60).contains(&tried.len()), "{} requests", tried.len());
    assert_eq!(desk.deliver_all().len(), 199, "one success lets all go");
}

#[test]
fn a_system_that_cannot_be_reached_is_asked_by_the_plugins_probe_alone() {
    let mut desk = Desk::new(&[BackendSpec { probes: true, ..spec("a") }]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let probe = Some(Assignment::Probe { backend: id("a") });
    for _ in 0..20 {
        assert_eq!(desk.reconciler.next_assignment(desk.now), probe);
        desk.reconciler.probed(&id("a"), &unreachable(), desk.now);
        assert_eq!(desk.reconciler.next_assignment(desk.now), None);
        let next = desk.reconciler.next_work().unwrap();
        assert!(next.since(desk.now) <= Duration::from_secs(5 * MINUTE));
        desk.now = next;
    }
    assert_eq!(desk.attempts("anna"), 0);
}

#[test]
fn a_person_lets_a_backend_that_is_down_be_tried_at_once() {
    let mut desk = desk_with(20, &[spec("a")]);
    for _ in 0..5 {
        desk.deliver(&unreachable());
    }
    assert_eq!(desk.next(), None);
    assert!(!desk.reconciler.summary(desk.now).all_in_place());
    assert_eq!(desk.reconciler.retry(Some(&BTreeSet::new()), None, desk.now), 1);
    desk.deliver(&done());
    assert_eq!(desk.deliver_all().len(), 13, "those that failed keep their waits");
}

#[test]
fn what_is_rendered_for_a_backend_that_is_left_alone_since_is_not_sent() {
    let mut desk = desk_with(5, &[spec("a")]);
    let (told, rendered) = (desk.begin(), desk.next().unwrap());
    let quiet = Some(Duration::from_secs(60));
    desk.reconciler.settle(&told, &Outcome { quiet, ..failed(Verdict::Retry) }, 5, desk.now);
    assert_eq!(desk.reconciler.begin(&rendered, desk.now), None);
    desk.reconciler.abandon(&rendered, desk.now);
    assert_eq!((desk.next(), desk.attempts(rendered.user.as_str())), (None, 0));
    assert!(desk.reconciler.next_work().unwrap() > desk.now.after(Duration::from_secs(60)));
    desk.restart(policy(), &[BackendSpec { shape: "recipe 2".into(), ..spec("a") }]);
    desk.scan();
    assert_eq!(desk.next(), None, "another recipe is no reason to come back earlier");
}

#[test]
fn a_paused_backend_gets_nothing_until_it_is_resumed() {
    let mut desk = desk_with(3, &[spec("a")]);
    let rendered = desk.next().unwrap();
    assert_eq!(desk.reconciler.pause(&id("a")), Some(true));
    assert_eq!((desk.reconciler.pause(&id("a")), desk.reconciler.pause(&id("b"))), (Some(false), None));
    assert_eq!(desk.reconciler.begin(&rendered, desk.now), None);
    desk.reconciler.abandon(&rendered, desk.now);
    desk.restart(policy(), &[BackendSpec { shape: "recipe 2".into(), ..spec("a") }]);
    desk.scan();
    desk.reconciler.retry(None, None, desk.now);
    assert_eq!((desk.next(), desk.reconciler.next_work()), (None, None));
    assert_eq!(desk.reconciler.status(desk.now).backends[&id("a")].state, BackendState::Paused);
    let summary = desk.reconciler.summary(desk.now);
    assert_eq!((summary.waiting, summary.all_in_place()), (3, true));
    assert_eq!(desk.reconciler.resume(&id("a")), Some(true));
    assert_eq!(desk.deliver_all().len(), 3);
}

#[test]
fn a_photo_that_overtook_a_request_without_an_answer_is_confirmed_when_that_cannot_come_any_more() {
    let mut desk = Desk::new(&[remote("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver(&timed_out());
    assert!(desk.history[0].2.starts_with("uncertain: "), "{:?}", desk.history);
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    desk.pass(60);
    desk.deliver(&done());
    assert_eq!((desk.next(), desk.state("anna", "a")), (None, DeliveryState::Done));
    assert!(desk.reconciler.summary(desk.now).all_in_place());
    let end = desk.ledger.deliveries[0].2.doubt.as_ref().unwrap().until;
    for _ in 0..3 {
        // A pass now and then must come to an end of it too.
        desk.pass(120);
        desk.restart(policy(), &[remote("a")]);
        desk.scan();
        assert_eq!((desk.next(), desk.reconciler.next_work()), (None, Some(end)));
    }
    assert_eq!(desk.reconciler.explain(&user("anna"), desk.now).unwrap().backends[&id("a")].next, Some(end));
    desk.now = end;
    assert_eq!(desk.deliver(&done()).photo.unwrap().1, Digest::of(&2_u64.to_le_bytes()));
    assert_eq!((desk.next(), desk.reconciler.next_work()), (None, None));
}

#[test]
fn a_doubt_that_a_wrong_clock_had_planned_does_not_last_for_years() {
    let mut desk = Desk::new(&[remote("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.pass(400 * 24 * HOUR);
    desk.deliver(&timed_out());
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    desk.deliver(&done());
    desk.now = START.after(Duration::from_secs(MINUTE));
    desk.restart(policy(), &[remote("a")]);
    desk.scan();
    assert_eq!(desk.reconciler.next_work(), Some(desk.now.after(DOUBT)));
}

#[test]
fn an_attempt_that_was_cut_off_is_a_doubt_only_where_requests_are_sent() {
    for (spec, doubted) in [(spec("a"), false), (remote("a"), true)] {
        let mut desk = Desk::new(std::slice::from_ref(&spec));
        desk.drop_file("anna.jpg", 1);
        desk.take_in();
        desk.begin();
        desk.restart(policy(), &[spec]);
        assert_eq!(desk.history[0].2.starts_with("uncertain: interrupted"), doubted);
        desk.drop_file("anna.jpg", 2);
        desk.take_in();
        desk.deliver(&done());
        assert_eq!(desk.reconciler.next_work().is_some(), doubted);
    }
}

#[test]
fn what_was_remembered_of_a_delivery_goes_when_it_is_done_and_not_before() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let is_forgotten = |change: &Change| *change == Change::ForgetAll(user("anna"), id("a"));
    for (outcome, forgotten) in [(unreachable(), false), (done(), true)] {
        let delivery = desk.begin();
        desk.reconciler.settle(&delivery, &outcome, 5, desk.now);
        assert_eq!(desk.reconciler.take_changes().iter().any(is_forgotten), forgotten);
        desk.pass(10);
    }
}

#[test]
fn a_backend_that_cannot_be_used_for_a_while_waits_and_loses_nothing() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.reconciler.respec(BackendSpec { broken: Some("no port".into()), ..spec("a") }, desk.now);
    assert_eq!((desk.next(), desk.reconciler.next_work()), (None, None));
    assert_eq!(desk.reconciler.backend_state(&id("a")), Some(BackendState::Down { reason: "no port".into() }));
    desk.reconciler.respec(spec("a"), desk.now);
    assert_eq!(desk.deliver_all(), ["anna"]);
}

// --- Absence ---

#[test]
fn a_photo_that_was_taken_away_is_removed_after_two_scans_and_a_look() {
    let mut desk = Desk::new(&[removing("a"), spec("b")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_all();
    desk.take_file("anna.jpg");
    desk.scan();
    desk.pass(9 * MINUTE);
    desk.scan();
    assert_eq!((desk.next(), desk.photo_state("anna")), (None, PhotoState::Accepted));
    desk.pass(MINUTE);
    desk.scan();
    let removal = desk.begin();
    assert_eq!((removal.target, removal.backend.clone()), (Target::Removal, id("a")));
    assert_eq!(desk.reconciler.receipt(&removal).unwrap(), "there");
    desk.reconciler.settle(&removal, &Outcome { verdict: Verdict::Removed, ..done() }, 5, desk.now);
    assert_eq!((desk.next(), desk.photo_state("anna")), (None, PhotoState::Gone));
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!(desk.deliver_all(), ["anna"], "the other backend shows it still");
}

#[test]
fn time_alone_does_not_stand_in_for_the_second_scan() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_all();
    desk.take_file("anna.jpg");
    desk.scan();
    desk.pass(5 * HOUR);
    desk.reconciler.looked(&FileName::new("anna.jpg"), Looked::Absent, desk.now);
    assert_eq!(desk.next(), None);
    desk.reconciler.confirm_removals(desk.now);
    desk.look();
    assert_eq!(desk.next(), None);
    desk.scan();
    assert_eq!(desk.begin().target, Target::Removal);
}

#[test]
fn scans_of_another_directory_do_not_count_for_the_trusted_one() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_all();
    desk.take_file("anna.jpg");
    for _ in 0..3 {
        desk.scan_of(OTHER);
        desk.pass(10 * MINUTE);
    }
    assert_eq!((desk.next(), desk.reconciler.status(desk.now).braked), (None, 1));
    desk.scan();
    assert_eq!(desk.next(), None, "the first scan of the trusted folder that misses it");
    desk.pass(10 * MINUTE);
    desk.scan();
    assert_eq!(desk.begin().target, Target::Removal);
}

#[test]
fn a_removal_that_waited_for_the_folder_goes_out_when_it_is_back() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("ben.jpg", 2);
    desk.take_in();
    desk.deliver_all();
    desk.take_file("anna.jpg");
    desk.scan();
    desk.pass(10 * MINUTE);
    desk.scan();
    desk.scan_of(OTHER);
    assert_eq!(desk.next(), None);
    desk.scan();
    assert_eq!(desk.begin().target, Target::Removal);
}

#[test]
fn a_mass_disappearance_waits_for_a_person_across_restarts() {
    let mut desk = Desk::new(&[removing("a")]);
    for name in ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"] {
        desk.drop_file(name, 1);
    }
    desk.take_in();
    desk.deliver_all();
    desk.folder.truncate(1);
    for _ in 0..4 {
        desk.scan();
        desk.pass(10 * HOUR);
        desk.restart(policy(), &[removing("a")]);
    }
    desk.scan();
    assert_eq!((desk.next(), desk.reconciler.status(desk.now).braked), (None, 4));
    assert_eq!(desk.reconciler.confirm_removals(desk.now), 4);
    desk.look();
    assert_eq!(desk.deliver_all().len(), 4);
    assert_eq!(desk.reconciler.status(desk.now).braked, 0);
}

#[test]
fn nothing_is_delivered_while_the_folder_cannot_be_read() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert!(desk.reconciler.folder_unknown("permission denied"));
    assert!(!desk.reconciler.folder_unknown("permission denied"), "that is no news");
    assert_eq!((desk.next(), desk.reconciler.next_work()), (None, None));
    assert!(!desk.reconciler.summary(desk.now).folder_ok);
    desk.scan();
    assert_eq!(desk.deliver_all(), ["anna"]);
}

// --- Other rules, other recipes ---

#[test]
fn another_recipe_makes_every_photo_due_and_the_same_one_none() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_all();
    desk.restart(policy(), &[spec("a")]);
    desk.scan();
    assert_eq!((desk.next(), desk.reconciler.next_read()), (None, None));
    desk.restart(policy(), &[BackendSpec { shape: "recipe 2".into(), ..spec("a") }]);
    desk.scan();
    assert_eq!(desk.deliver_all(), ["anna"]);
}

#[test]
fn other_limits_examine_all_again_and_another_version_only_what_was_rejected() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("ben.jpg", 2);
    desk.take_in();
    let (name, digest) = (FileName::new("ben.jpg"), Digest::of(&2_u64.to_le_bytes()));
    desk.reconciler.reexamined(&name, &digest, Examined::Rejected { reason: "odd".into() }, desk.now);
    desk.pass(10);
    desk.restart(Policy { version: "2".into(), ..policy() }, &[spec("a")]);
    desk.scan();
    assert_eq!(desk.reconciler.next_read().unwrap().name, name);
    assert_eq!(desk.reconciler.next_read(), None);
    desk.restart(Policy { version: "2".into(), limits: "limits 2".into(), ..policy() }, &[spec("a")]);
    desk.scan();
    assert!(desk.reconciler.next_read().is_some() && desk.reconciler.next_read().is_some());
}

#[test]
fn a_file_that_is_gone_is_forgotten() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("notes.txt", 2);
    desk.take_in();
    desk.write_down();
    let states: Vec<_> = desk.ledger.files.iter().map(|(_, record)| &record.state).collect();
    assert!(matches!(states[..], [FileState::Ignored { .. }, FileState::Accepted(_)]), "{states:?}");
    desk.folder.clear();
    desk.scan();
    desk.write_down();
    assert!(desk.ledger.files.is_empty());
    assert_eq!(desk.reconciler.status(desk.now).ignored, []);
}

// --- One pass ---

#[test]
fn a_pass_over_one_user_and_one_backend_leaves_the_others_alone() {
    let users = Some(BTreeSet::from([user("anna")]));
    let focus = Focus { users, backends: Some(BTreeSet::from([id("b")])), ..Focus::default() };
    let mut desk = Desk::with(policy(), focus, &[spec("a"), spec("b")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("ben.jpg", 2);
    desk.take_in();
    let delivery = desk.deliver(&done());
    assert_eq!((delivery.user, delivery.backend), (user("anna"), id("b")));
    assert_eq!((desk.next(), desk.reconciler.next_work()), (None, None));
    let summary = desk.reconciler.summary(desk.now);
    assert_eq!((summary.photos, summary.delivered, summary.waiting), (1, 1, 0));
    assert!(summary.all_in_place());
}

#[test]
fn a_limit_counts_photos_and_not_deliveries() {
    let focus = Focus { limit: Some(2), ..Focus::default() };
    let mut desk = Desk::with(policy(), focus, &[spec("a"), spec("b")]);
    for number in 0..5 {
        desk.drop_file(&format!("u{number}.jpg"), number);
    }
    desk.take_in();
    let served: BTreeSet<_> = desk.deliver_all().into_iter().collect();
    assert_eq!(served.len(), 2);
    let summary = desk.reconciler.summary(desk.now);
    assert_eq!((summary.photos, summary.delivered, summary.waiting), (2, 4, 0));
    assert_eq!(desk.reconciler.next_work(), None);
}

#[test]
fn a_pass_asks_no_backend_whether_it_works_for_which_nothing_is_due() {
    let spec = [BackendSpec { probes: true, ..spec("a") }];
    let pass = Focus { is_pass: true, ..Focus::default() };
    let mut desk = Desk::with(policy(), pass.clone(), &spec);
    desk.scan();
    assert_eq!((desk.reconciler.next_assignment(desk.now), desk.reconciler.next_work()), (None, None));
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!(desk.reconciler.next_assignment(desk.now), Some(Assignment::Probe { backend: id("a") }));
    desk.reconciler.probed(&id("a"), &failed(Verdict::Auth), desk.now);
    desk.take_file("anna.jpg");

    desk.restart_with(policy(), pass, &spec);
    desk.scan();
    let probe = desk.reconciler.next_assignment(desk.now);
    assert_eq!(probe, Some(Assignment::Probe { backend: id("a") }), "one that is held may have been mended");
}

#[test]
fn a_summary_counts_each_delivery_once() {
    let mut desk = Desk::new(&[BackendSpec { concurrency: 9, ..spec("a") }]);
    for (number, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        desk.drop_file(&format!("{name}.jpg"), number as u64);
    }
    desk.drop_file("-.jpg", 9);
    desk.take_in();
    desk.deliver(&done());
    desk.deliver(&failed(Verdict::UserAbsent));
    desk.deliver(&failed(Verdict::ImageRejected));
    desk.deliver(&failed(Verdict::Retry));
    desk.begin();
    let summary = desk.reconciler.summary(desk.now);
    let counts = (summary.delivered, summary.absent, summary.stopped, summary.waiting, summary.rejected);
    assert_eq!((summary.photos, counts), (5, (1, 1, 1, 2, 1)));
    assert!(!summary.all_in_place());
    let status = desk.reconciler.status(desk.now).backends[&id("a")].deliveries.clone();
    let words: Vec<_> = status.into_iter().collect();
    assert_eq!(words, [("absent", 1), ("done", 1), ("in-flight", 1), ("retrying", 1), ("stopped", 1)]);
}

#[test]
fn what_is_begun_is_written_down_before_it_can_be_done() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.write_down();
    desk.begin();
    let changes = desk.reconciler.take_changes();
    let [Change::Delivery(_, _, recorded)] = &changes[..] else { panic!("one change: {changes:?}") };
    assert!(matches!(recorded.holds, Holds::Unsure { .. }));
    assert!(matches!(recorded.attempted.as_ref().unwrap().state, AttemptState::Begun { .. }));
}

#[test]
fn nobody_is_explained_of_whom_nothing_is_known() {
    let desk = Desk::new(&[spec("a")]);
    assert_eq!(desk.reconciler.explain(&user("nobody"), desk.now), None);
}
