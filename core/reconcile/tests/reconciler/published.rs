//! Pictures that systems fetch by a URL: which of them stay, and what follows when one is lost.

use portraitd_reconcile::{BackendId, Outcome, PictureName, Published, Target, UserId, Verdict};

use crate::desk::*;

/// A delivery that told the system of the picture with this number, and came to this.
fn telling(number: u8, outcome: Outcome) -> Outcome {
    Outcome { published: vec![name(number)], ..outcome }
}

fn name(number: u8) -> PictureName {
    PictureName::from_bytes([number; 32])
}

impl Desk {
    /// The pictures that are written down, by their numbers; those that are recorded first.
    fn published(&self) -> (Vec<u8>, Vec<u8>) {
        let (recorded, told): (Vec<_>, Vec<_>) = self.ledger.published.iter().partition(|(.., it)| it.recorded);
        let numbers =
            |rows: Vec<&(UserId, BackendId, Published)>| rows.iter().map(|(.., it)| it.name.as_bytes()[0]).collect();
        (numbers(recorded), numbers(told))
    }

    /// What the publisher writes down itself while an attempt goes on.
    fn publish(&mut self, number: u8) {
        self.ledger.published.push((user("anna"), id("a"), Published { name: name(number), recorded: false }));
    }
}

#[test]
fn a_told_picture_stays_until_another_delivery_is_done_also_across_a_restart() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.publish(1);
    desk.deliver(&telling(1, done()));
    assert_eq!((desk.published(), desk.reconciler.published()), ((vec![1], vec![]), 1));
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    desk.publish(2);
    desk.deliver(&telling(2, failed(Verdict::Retry)));
    assert_eq!(desk.published(), (vec![1], vec![2]));
    desk.restart(policy(), &[removing("a")]);
    desk.take_in();
    desk.pass(10);
    desk.deliver(&telling(2, done()));
    assert_eq!(desk.published(), (vec![2], vec![]));
    desk.drop_file("anna.jpg", 3);
    desk.take_in();
    desk.publish(3);
    desk.deliver(&telling(3, failed(Verdict::ImageRejected)));
    assert_eq!((desk.published(), desk.reconciler.published()), ((vec![2], vec![]), 1));
}

#[test]
fn a_removal_leaves_no_picture() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.publish(1);
    desk.deliver(&telling(1, done()));
    desk.take_file("anna.jpg");
    desk.scan();
    desk.pass(10 * MINUTE);
    desk.scan();
    assert_eq!(desk.deliver(&Outcome::of(Verdict::Unchanged)).target, Target::Removal);
    assert_eq!((desk.published(), desk.reconciler.published()), ((vec![], vec![]), 0));
}

#[test]
fn a_delivery_whose_picture_is_lost_is_made_once_more() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.publish(1);
    desk.deliver(&telling(1, done()));
    desk.restart(policy(), &[spec("a")]);
    desk.reconciler.lost(&user("anna"), &id("other"), Published { name: name(1), recorded: true }, desk.now);
    desk.reconciler.lost(&user("anna"), &id("a"), Published { name: name(9), recorded: false }, desk.now);
    desk.take_in();
    assert_eq!((desk.next(), desk.published()), (None, (vec![1], vec![])));
    desk.reconciler.lost(&user("anna"), &id("a"), Published { name: name(1), recorded: true }, desk.now);
    let again = desk.begin();
    assert_eq!(desk.reconciler.receipt(&again).unwrap(), "there");
    desk.publish(1);
    desk.reconciler.settle(&again, &telling(1, done()), 5, desk.now);
    desk.write_down();
    assert_eq!((desk.next(), desk.published()), (None, (vec![1], vec![])));
}
