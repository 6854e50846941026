//! The deliveries of one backend that wait for their turn.
//!
//! Three lanes: fresh photos, retries, resync. A photo that was dropped just now is out in seconds during a backlog of
//! a hundred thousand; so fresh photos go first, the newest of them first of all, and every fourth turn goes to the
//! lanes that would starve behind them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::{Time, UserId};

/// Where a delivery waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// The photo is newer than the backend and was never tried: newest first.
    Fresh {
        /// When the photo was accepted.
        accepted: Time,
    },
    /// It was tried and failed: when its wait ends.
    Retry {
        /// Not before this moment.
        at: Time,
    },
    /// The backend or its recipe is newer than the photo, or a delivery that is in place is to be confirmed.
    Resync {
        /// Not before this moment.
        at: Time,
    },
}

/// The waiting deliveries of one backend. A user waits at most once.
#[derive(Default, Debug)]
pub(crate) struct Queue {
    place: BTreeMap<UserId, Lane>,
    fresh: BTreeSet<(Reverse<Time>, UserId)>,
    retry: BTreeSet<(Time, UserId)>,
    resync: BTreeSet<(Time, UserId)>,
    turn: u8,
}

impl Queue {
    /// Lets a user wait in a lane, and nowhere else.
    pub(crate) fn put(&mut self, user: &UserId, lane: Lane) {
        if self.place.get(user) == Some(&lane) {
            return;
        }
        self.remove(user);
        self.place.insert(user.clone(), lane);
        match lane {
            Lane::Fresh { accepted } => self.fresh.insert((Reverse(accepted), user.clone())),
            Lane::Retry { at } => self.retry.insert((at, user.clone())),
            Lane::Resync { at } => self.resync.insert((at, user.clone())),
        };
    }

    /// Lets a user no longer wait.
    pub(crate) fn remove(&mut self, user: &UserId) {
        match self.place.remove(user) {
            Some(Lane::Fresh { accepted }) => self.fresh.remove(&(Reverse(accepted), user.clone())),
            Some(Lane::Retry { at }) => self.retry.remove(&(at, user.clone())),
            Some(Lane::Resync { at }) => self.resync.remove(&(at, user.clone())),
            None => false,
        };
    }

    /// Takes the user whose turn it is.
    pub(crate) fn next(&mut self, now: Time) -> Option<UserId> {
        self.turn = self.turn.wrapping_add(1);
        let fresh = self.fresh.first().map(|(_, user)| user);
        let [retry, resync] =
            [&self.retry, &self.resync].map(|lane| lane.first().filter(|(at, _)| *at <= now).map(|(_, user)| user));
        let order = match self.turn % 8 {
            0 => [resync, retry, fresh],
            4 => [retry, resync, fresh],
            _ => [fresh, retry, resync],
        };
        let user = order.into_iter().flatten().next().cloned()?;
        self.remove(&user);
        Some(user)
    }

    /// From when on somebody's turn may come: now, later, or never.
    pub(crate) fn due_at(&self) -> Option<Time> {
        if self.fresh.is_empty() {
            [&self.retry, &self.resync].into_iter().filter_map(|lane| lane.first()).map(|(at, _)| *at).min()
        } else {
            Some(Time::PAST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn drain(queue: &mut Queue, now: Time) -> Vec<String> {
        std::iter::from_fn(|| queue.next(now)).map(|user| user.to_string()).collect()
    }

    #[test]
    fn the_newest_photo_overtakes_a_backlog() {
        let mut queue = Queue::default();
        for age in 0..1000 {
            queue.put(&user(&format!("old{age}")), Lane::Resync { at: Time::PAST });
        }
        queue.put(&user("early"), Lane::Fresh { accepted: Time::from_millis(1) });
        queue.put(&user("late"), Lane::Fresh { accepted: Time::from_millis(2) });
        assert_eq!(queue.next(Time::PAST), Some(user("late")));
        assert_eq!(queue.next(Time::PAST), Some(user("early")));
    }

    #[test]
    fn no_lane_starves_behind_fresh_photos() {
        let mut queue = Queue::default();
        queue.put(&user("retry"), Lane::Retry { at: Time::from_millis(0) });
        queue.put(&user("resync"), Lane::Resync { at: Time::PAST });
        for n in 0..100 {
            queue.put(&user(&format!("fresh{n}")), Lane::Fresh { accepted: Time::from_millis(n) });
        }
        let order = drain(&mut queue, Time::from_millis(0));
        let at = |name| order.iter().position(|user| user == name).unwrap();
        assert!(at("retry") < 8 && at("resync") < 8, "{:?}", &order[..10]);
        assert_eq!(order.len(), 102);
    }

    #[test]
    fn a_confirmation_waits_for_its_time_behind_what_is_due() {
        let mut queue = Queue::default();
        queue.put(&user("anna"), Lane::Resync { at: Time::from_millis(5) });
        assert_eq!((queue.due_at(), queue.next(Time::from_millis(4))), (Some(Time::from_millis(5)), None));
        queue.put(&user("zoe"), Lane::Resync { at: Time::PAST });
        assert_eq!(queue.due_at(), Some(Time::PAST));
        assert_eq!(drain(&mut queue, Time::from_millis(5)), ["zoe", "anna"]);
    }

    #[test]
    fn a_retry_waits_for_its_time_and_a_user_waits_once() {
        let mut queue = Queue::default();
        queue.put(&user("anna"), Lane::Resync { at: Time::PAST });
        queue.put(&user("anna"), Lane::Retry { at: Time::from_millis(5) });
        assert_eq!(queue.due_at(), Some(Time::from_millis(5)));
        assert_eq!(queue.next(Time::from_millis(4)), None);
        assert_eq!(drain(&mut queue, Time::from_millis(5)), ["anna"]);
        assert_eq!(queue.due_at(), None);
    }
}
