//! Which published pictures stay: those that the last delivery that was done has told the system, and those that an attempt
//! after it may have told. Serves nothing, and knows neither files nor URLs.

use std::collections::BTreeMap;

use crate::change::{Change, Published};
use crate::{BackendId, Operation, Outcome, PictureName, UserId, Verdict};

/// The pictures that are published, by their deliveries. Those at backends that are not configured are among them.
/// Boxed without room for more, for most deliveries have one.
#[derive(Debug, Default)]
pub(crate) struct Pictures(BTreeMap<(UserId, BackendId), Box<[Published]>>);

/// Which pictures of a delivery stay after an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stay {
    /// Those that this attempt has published, and from here on as recorded.
    Fresh,
    /// Those that are recorded.
    Recorded,
    /// All: the system may fetch any of them yet.
    All,
}

impl Stay {
    /// What the end of an attempt at this means. `doubted` says whether an earlier request may still take effect.
    pub(crate) fn after(operation: Operation, outcome: &Outcome, done: bool, doubted: bool) -> Self {
        let is_refused = outcome.verdict.stops() || outcome.verdict == Verdict::UserAbsent;
        match (operation, &outcome.verdict) {
            // The plugin saw without a URL that all is in place: what the system shows was told before.
            (Operation::Deliver, Verdict::Unchanged) if outcome.published.is_empty() => Self::All,
            _ if done => Self::Fresh,
            _ if is_refused && !outcome.uncertain && !doubted => Self::Recorded,
            _ => Self::All,
        }
    }
}

impl Pictures {
    /// Takes up what was written down.
    pub(crate) fn of(rows: Vec<(UserId, BackendId, Published)>) -> Self {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (user, backend, picture) in rows {
            all.entry((user, backend)).or_default().push(picture);
        }
        Self(all.into_iter().map(|(of, pictures)| (of, pictures.into())).collect())
    }

    /// An attempt has ended that published `fresh`. What follows is to be written down.
    pub(crate) fn settle(
        &mut self,
        user: &UserId,
        backend: &BackendId,
        fresh: &[PictureName],
        stay: Stay,
    ) -> Vec<Change> {
        let of = (user.clone(), backend.clone());
        let mut known = self.0.remove(&of).unwrap_or_default().into_vec();
        for name in fresh {
            if !known.iter().any(|picture| picture.name == *name) {
                known.push(Published { name: *name, recorded: false });
            }
        }
        let mut changes = Vec::new();
        known.retain_mut(|picture| {
            let is_fresh = fresh.contains(&picture.name);
            let stays = match stay {
                Stay::Fresh => is_fresh,
                Stay::Recorded => picture.recorded,
                Stay::All => true,
            };
            if !stays {
                changes.push(Change::Unpublish(user.clone(), backend.clone(), picture.name));
            } else if stay == Stay::Fresh && !std::mem::replace(&mut picture.recorded, true) {
                changes.push(Change::Publish(user.clone(), backend.clone(), *picture));
            }
            stays
        });
        self.put(of, known);
        changes
    }

    /// One of them is not there any more.
    pub(crate) fn lose(&mut self, user: &UserId, backend: &BackendId, name: PictureName) {
        let of = (user.clone(), backend.clone());
        let mut known = self.0.remove(&of).unwrap_or_default().into_vec();
        known.retain(|picture| picture.name != name);
        self.put(of, known);
    }

    fn put(&mut self, of: (UserId, BackendId), pictures: Vec<Published>) {
        if !pictures.is_empty() {
            self.0.insert(of, pictures.into());
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|pictures| pictures.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PictureName = PictureName::from_bytes([1; 32]);
    const B: PictureName = PictureName::from_bytes([2; 32]);

    fn user() -> UserId {
        UserId::parse("anna").unwrap()
    }

    fn at() -> BackendId {
        BackendId::parse("chat").unwrap()
    }

    fn publish(name: PictureName) -> Change {
        Change::Publish(user(), at(), Published { name, recorded: true })
    }

    fn unpublish(name: PictureName) -> Change {
        Change::Unpublish(user(), at(), name)
    }

    /// A delivery that was done with `A`.
    fn done_with_a() -> Pictures {
        let mut pictures = Pictures::default();
        assert_eq!(pictures.settle(&user(), &at(), &[A], Stay::Fresh), [publish(A)]);
        pictures
    }

    #[test]
    fn another_picture_takes_the_place_of_the_last_one_when_it_is_done() {
        let mut pictures = done_with_a();
        assert_eq!(pictures.settle(&user(), &at(), &[B], Stay::All), []);
        assert_eq!(pictures.len(), 2, "a failed attempt may have told the system of it");
        assert_eq!(pictures.settle(&user(), &at(), &[B], Stay::Fresh), [unpublish(A), publish(B)]);
        assert_eq!(pictures.settle(&user(), &at(), &[B], Stay::Fresh), [], "the same once more changes nothing");
        assert_eq!(pictures.settle(&user(), &at(), &[], Stay::Fresh), [unpublish(B)]);
        assert!(pictures.0.is_empty());
    }

    #[test]
    fn a_refused_picture_goes_and_the_recorded_one_stays() {
        let mut pictures = done_with_a();
        assert_eq!(pictures.settle(&user(), &at(), &[B, A], Stay::Recorded), [unpublish(B)]);
        assert_eq!(*pictures.0[&(user(), at())], [Published { name: A, recorded: true }]);
    }

    #[test]
    fn what_was_written_down_is_taken_up_and_may_be_lost() {
        let row = |name, recorded| (user(), at(), Published { name, recorded });
        let mut pictures = Pictures::of(vec![row(A, true), row(B, false)]);
        pictures.lose(&user(), &at(), A);
        assert_eq!(pictures.settle(&user(), &at(), &[], Stay::Recorded), [unpublish(B)]);
        pictures.lose(&user(), &at(), B);
        assert_eq!(pictures.len(), 0);
    }

    #[test]
    fn only_the_end_of_a_delivery_lets_told_pictures_go() {
        let stay = |verdict, published: &[PictureName], done, doubted| {
            let outcome = Outcome { published: published.to_vec(), ..Outcome::of(verdict) };
            Stay::after(Operation::Deliver, &outcome, done, doubted)
        };
        assert_eq!(stay(Verdict::Changed, &[A], true, false), Stay::Fresh);
        assert_eq!(stay(Verdict::Changed, &[A], true, true), Stay::Fresh);
        assert_eq!(stay(Verdict::Changed, &[], true, false), Stay::Fresh, "it was done without a URL");
        assert_eq!(stay(Verdict::Unchanged, &[A], true, false), Stay::Fresh);
        assert_eq!(stay(Verdict::Unchanged, &[], true, false), Stay::All);
        for refused in [Verdict::ImageRejected, Verdict::UserAmbiguous, Verdict::Bug, Verdict::UserAbsent] {
            assert_eq!(stay(refused.clone(), &[A], false, false), Stay::Recorded);
            assert_eq!(stay(refused.clone(), &[A], false, true), Stay::All);
            let uncertain = Outcome { uncertain: true, ..Outcome::of(refused) };
            assert_eq!(Stay::after(Operation::Deliver, &uncertain, false, false), Stay::All);
        }
        for passing in [Verdict::Retry, Verdict::Auth, Verdict::Config] {
            assert_eq!(stay(passing, &[A], false, false), Stay::All);
        }
    }

    #[test]
    fn after_a_removal_nothing_stays() {
        for verdict in [Verdict::Removed, Verdict::Unchanged, Verdict::UserAbsent] {
            assert_eq!(Stay::after(Operation::Remove, &Outcome::of(verdict), true, false), Stay::Fresh);
        }
        assert_eq!(Stay::after(Operation::Remove, &Outcome::of(Verdict::Retry), false, false), Stay::All);
    }
}
