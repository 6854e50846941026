//! What has to be said of photos: told once for each photo, for as long as it is true.

use std::collections::{BTreeMap, BTreeSet};

use portraitd_reconcile::{Delivery, Examined, FileName, Policy, Verdict};

use crate::desk::*;

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().copied().map(String::from).collect()
}

impl Desk {
    /// Lets the next delivery come to this, after this had to be said of its photo.
    fn deliver_warned(&mut self, said: &[&str], verdict: Verdict) -> Delivery {
        let delivery = self.begin();
        self.reconciler.warned(&delivery, words(said));
        self.reconciler.settle(&delivery, &failed(verdict), 5, self.now);
        self.write_down();
        delivery
    }

    fn warnings(&self, name: &str) -> BTreeSet<String> {
        self.reconciler.explain(&user(name), self.now).unwrap().photo.warnings
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        self.reconciler.status(self.now).warnings
    }
}

#[test]
fn what_is_said_of_a_photo_counts_once_for_all_backends_and_survives_a_restart() {
    let specs = [spec("a"), spec("b")];
    let mut desk = Desk::new(&specs);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_warned(&["dark"], Verdict::Changed);
    desk.deliver_warned(&["dark", "enlarged"], Verdict::Retry);
    let counts = BTreeMap::from([("dark".to_owned(), 1), ("enlarged".to_owned(), 1)]);
    assert_eq!((desk.warnings("anna"), desk.counts()), (words(&["dark", "enlarged"]), counts.clone()));
    desk.pass(HOUR);
    desk.deliver_warned(&["dark", "enlarged"], Verdict::Changed);
    desk.restart(policy(), &specs);
    desk.scan();
    assert_eq!((desk.warnings("anna"), desk.counts()), (words(&["dark", "enlarged"]), counts));
}

#[test]
fn another_photo_starts_without_and_one_that_is_gone_counts_no_more() {
    let mut desk = Desk::new(&[removing("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_warned(&["dark"], Verdict::Changed);
    desk.drop_file("anna.jpg", 2);
    desk.take_in();
    assert_eq!((desk.warnings("anna"), desk.counts()), (words(&[]), BTreeMap::new()));
    desk.deliver_warned(&["blurred"], Verdict::Changed);
    assert_eq!(desk.warnings("anna"), words(&["blurred"]));
    desk.take_file("anna.jpg");
    for _ in 0..3 {
        desk.scan();
        desk.pass(20 * MINUTE);
    }
    assert_eq!(desk.counts(), BTreeMap::new());
    desk.deliver_all();
    assert_eq!(desk.ledger.deliveries[0].2.warned, None);
}

/// Where one backend wants a large picture and another recipe wants none, nothing had to be enlarged any more.
#[test]
fn by_another_recipe_other_things_are_said() {
    let (a, b) = (spec("a"), spec("b"));
    let mut desk = Desk::new(&[a.clone(), b.clone()]);
    desk.drop_file("anna.jpg", 1);
    desk.take_in();
    desk.deliver_warned(&["dark"], Verdict::Changed);
    let enlarged_at = desk.deliver_warned(&["dark", "enlarged"], Verdict::Changed).backend;
    let smaller = [a, b].map(|mut spec| {
        if spec.id == enlarged_at {
            spec.shape = "recipe 2".into();
        }
        spec
    });
    desk.restart(policy(), &smaller);
    desk.scan();
    assert_eq!(desk.warnings("anna"), words(&["dark"]), "of what is still wanted");
    desk.deliver_warned(&["dark"], Verdict::Changed);
    assert_eq!(desk.warnings("anna"), words(&["dark"]));
}

#[test]
fn what_is_refused_by_other_rules_is_examined_again() {
    let mut desk = Desk::new(&[spec("a")]);
    desk.drop_file("anna.jpg", 1);
    desk.drop_file("ben.jpg", 2);
    desk.take_in();
    let delivery = desk.next().unwrap();
    let (name, digest) = delivery.photo.clone().unwrap();
    let refused = Examined::Rejected { reason: "the face is very dark".into() };
    desk.reconciler.reexamined(&name, &digest, refused, desk.now);
    desk.reconciler.abandon(&delivery, desk.now);
    assert_eq!(desk.reconciler.status(desk.now).rejected.len(), 1);
    desk.pass(10);
    desk.restart(Policy { reject: "dark".into(), ..policy() }, &[spec("a")]);
    desk.scan();
    let again: Vec<FileName> = std::iter::from_fn(|| desk.reconciler.next_read()).map(|read| read.name).collect();
    assert_eq!(again, [name]);
}
