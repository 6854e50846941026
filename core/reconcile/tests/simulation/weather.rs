//! What goes wrong around the daemon, and what administrators do about it.

use std::collections::{BTreeMap, BTreeSet};

use portraitd_reconcile::{Digest, Verify};

use crate::backend::{Mood, Request};
use crate::folder::Mount;
use crate::world::{DAY, Event, HOUR, MINUTE, SECOND, Step, World};

impl World {
    pub(crate) fn mounts_home(&self) -> bool {
        self.folder.mount == Mount::Dir(self.folder.home)
    }

    /// The share goes away, another one lies over it, or the folder is made anew.
    pub(crate) fn mount_elsewhere(&mut self) {
        match self.random.below(8) {
            0..4 => self.folder.mount = Mount::Away,
            4..6 => self.folder.mount = Mount::Dir(self.folder.make_dir(BTreeMap::new())),
            6 => {
                // Another share, with an old copy of some photos.
                let mut copy = self.folder.home().clone();
                copy.retain(|_, _| self.random.one_in(2));
                self.folder.mount = Mount::Dir(self.folder.make_dir(copy));
            }
            _ => {
                let mut copy = self.folder.home().clone();
                copy.retain(|_, _| !self.random.one_in(5));
                self.folder.home = self.folder.make_dir(copy);
                self.folder.mount = Mount::Dir(self.folder.home);
            }
        }
        self.count("folder swapped");
        self.mounted();
        let mean = self.random.pick(&[MINUTE, HOUR, 6 * HOUR]);
        let wait = self.random.around(mean);
        self.later(wait, Event::MountBack);
    }

    pub(crate) fn mount_back(&mut self) {
        if !self.mounts_home() {
            self.folder.mount = Mount::Dir(self.folder.home);
            self.mounted();
        }
        self.again(Event::Mount);
    }

    fn mounted(&mut self) {
        self.oracle_sees_mount();
        let wait = self.random.between(100, 5 * SECOND);
        self.run_later(wait, Step::Compare);
    }

    pub(crate) fn change_mood(&mut self) {
        let backend = self.random.below(self.backends.len() as u64) as usize;
        let moods = [Mood::Flaky, Mood::Outage, Mood::Auth, Mood::Config, Mood::Limiting, Mood::Busy];
        self.backends[backend].mood = self.random.pick(&moods);
        let wait = self.random.around(3 * HOUR);
        self.later(wait, Event::MoodBack(backend));
        self.again(Event::Mood);
    }

    /// Users come and go in the systems, and somebody types a command.
    pub(crate) fn administer(&mut self) {
        self.again(Event::Administer);
        let user = self.plan.users[self.random.below(self.plan.users.len() as u64) as usize].clone();
        let backend = self.random.below(self.backends.len() as u64) as usize;
        match self.random.below(10) {
            0 => drop(self.backends[backend].absent.remove(&user)),
            1 => drop(self.backends[backend].ambiguous.remove(&user)),
            2 => {
                let some = self.random.one_in(2).then(|| BTreeSet::from([user]));
                self.type_retry(some);
            }
            3 | 4 => self.type_confirm(),
            5 => self.type_pause(backend, true),
            6 => self.type_pause(backend, false),
            // That a system shows something else than it was sent can be told by looking alone.
            _ if self.backends[backend].verify != Verify::Daily => {
                if !self.backends[backend].shown.contains_key(&user) {
                    self.backends[backend].absent.insert(user);
                }
            }
            7 | 8 => {
                if let Some(shown) = self.backends[backend].shown.get_mut(&user) {
                    *shown = (Digest::of(b"by hand"), "by hand".into());
                    self.count("changed by hand");
                }
            }
            _ => {
                self.backends[backend].shown.remove(&user);
                self.backends[backend].absent.insert(user);
            }
        }
    }

    pub(crate) fn crash(&mut self) {
        let usual = self.random.between(SECOND, 10 * MINUTE);
        let downtime = if self.random.one_in(10) { self.random.around(DAY) } else { usual };
        self.crash_for(downtime);
    }

    /// The daemon dies where it stands and starts again after this long.
    pub(crate) fn crash_for(&mut self, downtime: i64) {
        let Some(daemon) = self.daemon.take() else {
            if self.calm {
                self.later(downtime, Event::Start);
            }
            return;
        };
        self.count("crashes");
        for (backend, request) in daemon.on_the_wire() {
            let index = self.backends.iter().position(|known| known.id == backend).unwrap();
            if self.backends[index].sends && self.random.one_in(2) {
                let wait = self.random.pick(&[1, 100, 2 * SECOND, 2 * MINUTE, 9 * MINUTE]);
                self.later(wait, Event::Late { backend: index, request });
            }
        }
        self.oracle_sees_crash();
        self.ledger.crash();
        self.run += 1;
        self.later(downtime, Event::Start);
    }

    /// A request for which nobody waits any more has its effect only now, and wins over newer ones.
    pub(crate) fn take_late_effect(&mut self, backend: usize, request: &Request) {
        if self.backends[backend].apply(request).is_some() {
            self.count("late effects");
            self.oracle_sees_late_effect(backend, request);
        }
    }

    /// People end what they have begun.
    pub(crate) fn resume_all(&mut self) {
        for backend in 0..self.backends.len() {
            self.type_pause(backend, false);
        }
    }

    /// What may be different at a start: the clock, the configuration, the program.
    pub(crate) fn change_settings(&mut self) {
        if self.calm {
            return;
        }
        if self.random.one_in(12) {
            let jump = self.random.pick(&[-400 * DAY, -2 * DAY, -HOUR, HOUR, 2 * DAY, 400 * DAY]);
            let offset = if self.offset == 0 { jump } else { 0 };
            let before = std::mem::replace(&mut self.offset, offset);
            if self.offset > before {
                self.forget_late_effects();
            }
            self.count("clock jumps");
        }
        if self.random.one_in(4) {
            self.change_backend();
        }
        self.version += u32::from(self.random.one_in(20));
        self.limits += u32::from(self.random.one_in(40));
    }

    fn change_backend(&mut self) {
        let index = self.random.below(self.backends.len() as u64) as usize;
        let concurrency = self.random.between(1, 4) as usize;
        let backend = &mut self.backends[index];
        match self.random.below(6) {
            0 | 1 => backend.enabled = index == 0 || !backend.enabled,
            2 => backend.shape += 1,
            3 => backend.remove = !backend.remove,
            4 => backend.broken = !backend.broken,
            _ => backend.concurrency = concurrency,
        }
        self.count("settings changed");
    }
}
