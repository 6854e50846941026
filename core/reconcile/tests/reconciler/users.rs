//! What backends call users: by template, by rows, and two who are one there.

use std::sync::Arc;

use portraitd_reconcile::{BackendSpec, DeliveryState, Examined, FileName, Missing, UserRows, Users, Verdict};

use crate::desk::{Desk, MINUTE, done, failed, id, photo, policy, removing, spec, user};

fn folding(name: &str) -> BackendSpec {
    BackendSpec { users: Users::template("{userid}", true).unwrap(), ..spec(name) }
}

fn mapped(name: &str, rows: &[(&str, &str)], missing: Missing) -> BackendSpec {
    let mut made = UserRows::default();
    for (userid, remote) in rows {
        made.add(userid, remote);
    }
    BackendSpec { users: Users::rows(Arc::new(made), missing, false), ..spec(name) }
}

fn any_case() -> portraitd_reconcile::Policy {
    let names = portraitd_reconcile::Names::new(vec!["jpg".into()], "(?<userid>[A-Za-z0-9]+)").unwrap();
    portraitd_reconcile::Policy { names, ..policy() }
}

fn desk(backends: &[BackendSpec]) -> Desk {
    Desk::with(any_case(), Default::default(), backends)
}

#[test]
fn a_user_is_delivered_under_the_name_that_the_backend_has_for_them() {
    let mail = BackendSpec { users: Users::template("{userid}@example.com", false).unwrap(), ..spec("a") };
    let mut desk = desk(&[mail, mapped("b", &[("anna", "7")], Missing::Wait)]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let mut remotes = [desk.deliver(&done()).remote, desk.deliver(&done()).remote];
    remotes.sort();
    assert_eq!(remotes, ["7", "anna@example.com"]);
}

#[test]
fn a_user_without_a_row_waits_for_one_and_another_row_is_another_delivery() {
    let mut desk = desk(&[mapped("a", &[], Missing::Wait), mapped("b", &[], Missing::Skip)]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!(desk.next(), None);
    let states = [desk.state("anna", "a"), desk.state("anna", "b")];
    assert_eq!(states, [DeliveryState::Absent, DeliveryState::Skipped]);
    for name in ["7", "8"] {
        desk.reconciler.respec(mapped("a", &[("anna", name)], Missing::Wait), desk.now);
        assert_eq!(desk.deliver(&done()).remote, name);
        assert_eq!(desk.next(), None);
    }
    desk.reconciler.respec(mapped("a", &[], Missing::Wait), desk.now);
    assert_eq!((desk.next(), desk.state("anna", "a")), (None, DeliveryState::Absent));
}

#[test]
fn two_drop_names_that_are_one_user_there_are_both_told_and_neither_is_sent() {
    let mut desk = desk(&[folding("a"), spec("b")]);
    desk.drop_file("Anna.jpg", 1);
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    assert_eq!(desk.deliver_all().len(), 2, "the other backend tells them apart");
    assert_eq!((desk.state("Anna", "a"), desk.state("anna", "a")), (DeliveryState::Stopped, DeliveryState::Stopped));
    let shared = desk.reconciler.status(desk.now).shared;
    let [(backend, files, reason)] = shared.as_slice() else { panic!("{shared:?}") };
    assert_eq!(
        (backend, files.as_slice()),
        (&id("a"), [FileName::new("Anna.jpg"), FileName::new("anna.jpg")].as_slice())
    );
    assert!(reason.starts_with("several users are `"), "{reason}");
    assert_eq!(desk.reconciler.summary(desk.now).stopped, 2);
}

#[test]
fn a_conflict_begins_with_the_second_photo_and_ends_when_one_is_gone() {
    let mut desk = desk(&[folding("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    assert_eq!(desk.deliver_all(), ["anna"]);
    desk.drop_file("ANNA.jpg", 2);
    desk.drop_file("anna.jpg", 3);
    desk.take_in();
    assert_eq!(desk.next(), None, "neither is sent, and the old picture stays");
    desk.take_file("ANNA.jpg");
    desk.scan();
    assert_eq!(desk.next(), None, "nothing is concluded from one scan");
    desk.pass(10 * MINUTE);
    desk.scan();
    assert_eq!(desk.deliver_all(), ["anna"]);
}

#[test]
fn while_the_file_of_one_is_not_examined_the_other_is_not_sent_either() {
    let mut desk = desk(&[folding("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("ANNA.jpg", 2);
    desk.scan();
    desk.pass(2);
    desk.look();
    let reads = [desk.reconciler.next_read().unwrap(), desk.reconciler.next_read().unwrap()];
    let [first, second] = &reads;
    desk.reconciler.examined(first, Examined::Accepted(photo(first.stat)), desk.now);
    assert_eq!(desk.next(), None, "the other file may be a photo");
    let [(_, files, _)] = desk.reconciler.status(desk.now).shared.try_into().unwrap();
    assert_eq!(files.len(), 2, "whoever looks meanwhile sees both: {files:?}");
    desk.reconciler.examined(second, Examined::Rejected { reason: "no picture".into() }, desk.now);
    assert_eq!(desk.deliver_all().len(), 1, "what is no photo is in nobody's way");
}

#[test]
fn a_conflict_that_begins_while_a_photo_is_rendered_stops_its_delivery() {
    let mut desk = desk(&[folding("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    let delivery = desk.next().unwrap();
    desk.drop_file("ANNA.jpg", 2);
    desk.take_in();
    assert_eq!(desk.reconciler.begin(&delivery, desk.now), None);
}

#[test]
fn two_rows_that_lead_to_one_user_are_a_conflict_also_when_one_of_them_has_no_photo() {
    let mut desk = desk(&[mapped("a", &[("anna", "7"), ("bob", "7"), ("cyd", "8")], Missing::Wait)]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("cyd.jpg", 2);
    desk.take_in();
    assert_eq!(desk.deliver_all(), ["cyd"]);
    assert_eq!(desk.state("anna", "a"), DeliveryState::Stopped);
    let reason = desk.reconciler.explain(&user("anna"), desk.now).unwrap().backends[&id("a")].unnamed.clone();
    assert_eq!(reason.unwrap(), "several users are `7` there, so nothing is sent for any of them");
}

fn take_away(desk: &mut Desk, name: &str) {
    desk.take_file(name);
    for _ in 0..3 {
        desk.scan();
        desk.pass(10 * MINUTE);
    }
}

#[test]
fn a_picture_is_removed_where_it_was_delivered_to_whatever_the_rows_say_now() {
    let removing = |rows: &[(&str, &str)]| BackendSpec { remove: true, ..mapped("a", rows, Missing::Wait) };
    let mut desk = desk(&[removing(&[("anna", "7")])]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver(&done());
    desk.restart(any_case(), &[removing(&[])]);
    take_away(&mut desk, "anna.jpg");
    assert_eq!(desk.deliver(&failed(Verdict::Removed)).remote, "7");
    assert_eq!(desk.next(), None);
}

#[test]
fn a_picture_that_is_somebody_elses_by_now_is_not_removed() {
    let rows = |rows: &[(&str, &str)]| BackendSpec { remove: true, ..mapped("a", rows, Missing::Wait) };
    let mut desk = desk(&[rows(&[("anna", "7")]), BackendSpec { users: folding("b").users, ..removing("b") }]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_all();
    desk.reconciler.respec(rows(&[("bob", "7")]), desk.now);
    desk.drop_file("Anna.jpg", 2);
    desk.take_in();
    take_away(&mut desk, "anna.jpg");
    assert_eq!(desk.deliver_all(), ["Anna"], "at the backend that folds case; at the other one it has no row");
    assert_eq!(desk.next(), None);
}
