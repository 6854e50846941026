//! What is seen in the folder: when a file has settled, what is read, and what was found in it.
//!
//! Concludes nothing from what is not seen.

use super::{File, Known, Read, Reconciler, Slot, User};
use crate::change::{Change, FileRecord};
use crate::{Class, Digest, Entry, Examined, FileName, FileState, Kind, Listing, Looked, Stat, Time, UserId};

impl Reconciler {
    /// The folder was scanned.
    pub fn listed(&mut self, listing: Listing, now: Time) {
        self.scan += 1;
        let moved = self.recognise(&listing, now);
        let complete = listing.trouble.is_none();
        let covers = complete && !self.covered;
        self.covered |= complete;
        self.folder_trouble = listing.trouble.map(|reason| (reason, true));
        for entry in listing.entries {
            self.sight(entry, true, now);
        }
        if complete {
            self.conclude_absences(now);
        }
        if self.scan == 1 || moved || covers {
            let users: Vec<_> = self.users.keys().cloned().collect();
            users.iter().for_each(|user| self.reconsider(user, now));
        }
    }

    /// The folder cannot be read at all. Nothing follows from that, but that nothing can be delivered. Says whether that
    /// is news.
    pub fn folder_unknown(&mut self, reason: impl Into<String>) -> bool {
        let before = self.folder_trouble.replace((reason.into(), false));
        before != self.folder_trouble
    }

    /// Takes what was written down for what is there, for whoever only wants to know: nothing is delivered before a scan.
    /// `trouble` is what keeps the folder from being read now, if anything does.
    pub fn recall(&mut self, trouble: Option<String>, now: Time) {
        self.folder_trouble = trouble.map(|reason| (reason, false));
        self.files.values_mut().for_each(|file| file.seen = file.seen.max(1));
        let users: Vec<_> = self.users.keys().cloned().collect();
        users.iter().for_each(|user| self.reconsider(user, now));
    }

    /// One name was looked at.
    pub fn looked(&mut self, name: &FileName, looked: Looked, now: Time) {
        match looked {
            Looked::Here(entry) => self.sight(entry, false, now),
            Looked::Absent => {
                self.forget(name, now);
                self.prove_absence(name, now);
            }
            Looked::Unknown => {}
        }
    }

    /// A file was read and examined.
    pub fn examined(&mut self, read: &Read, found: Examined, now: Time) {
        let Some(file) = self.files.get_mut(&read.name) else { return };
        if !matches!(&file.known, Known::Reading { stat } if *stat == read.stat) {
            return;
        }
        match found {
            Examined::Accepted(photo) => self.conclude(&read.name, read.stat, FileState::Accepted(photo), now),
            Examined::Rejected { reason } => self.conclude(&read.name, read.stat, FileState::Rejected { reason }, now),
            Examined::Unreadable { reason } => self.change(&read.name, Known::Unreadable { stat: read.stat, reason }),
            Examined::Changed => self.let_settle(&read.name, read.stat, now),
            Examined::Absent => self.forget(&read.name, now),
        }
    }

    /// An accepted photo turned out otherwise when it was read again for a delivery: it has changed, is gone, or cannot
    /// be rendered. Nothing of it reaches a backend.
    pub fn reexamined(&mut self, name: &FileName, digest: &Digest, found: Examined, now: Time) {
        let stat = match self.files.get(name).map(|file| &file.known) {
            Some(Known::Concluded { stat, state: FileState::Accepted(photo) }) if photo.digest == *digest => *stat,
            _ => return,
        };
        match found {
            Examined::Accepted(_) => {}
            Examined::Rejected { reason } => self.conclude(name, stat, FileState::Rejected { reason }, now),
            Examined::Unreadable { .. } | Examined::Changed | Examined::Absent => {
                let user = self.files.get(name).and_then(|file| file.user.clone());
                self.let_settle(name, stat, now);
                if let Some(user) = user {
                    self.reconsider(&user, now);
                }
            }
        }
    }

    /// Says whether it is another directory than the one that was seen before.
    fn recognise(&mut self, listing: &Listing, now: Time) -> bool {
        let before = self.folder.clone();
        let moved = before.seen.is_some_and(|seen| seen != listing.identity);
        self.folder.seen = Some(listing.identity);
        self.folder.trusted.get_or_insert(listing.identity);
        if listing.trouble.is_none() {
            self.folder.scanned = Some(now);
        }
        if before != self.folder {
            self.changes.push(Change::Folder(self.folder.clone()));
        }
        if moved {
            self.doubt_absences();
        }
        moved
    }

    fn sight(&mut self, entry: Entry, by_scan: bool, now: Time) {
        let seen = 2 * self.scan + u32::from(!by_scan);
        let Some(file) = self.files.get_mut(&entry.name) else { return self.first_sight(entry, seen, now) };
        let first_since_start = std::mem::replace(&mut file.seen, seen) == 0;
        match &file.known {
            Known::Concluded { stat, .. } if *stat == entry.stat => {
                if let (true, Some(user)) = (first_since_start && seen > 2, file.user.clone()) {
                    self.reconsider(&user, now);
                }
            }
            Known::Reading { stat } if *stat == entry.stat => {}
            Known::Unreadable { stat, .. } if *stat == entry.stat => {
                if by_scan {
                    self.read_next(&entry.name, entry.stat, false);
                }
            }
            Known::Settling { stat, since } if *stat == entry.stat => {
                let due = since.after(self.policy.settle);
                if due <= now {
                    self.read_next(&entry.name, entry.stat, !by_scan);
                } else {
                    self.looks.insert((due, entry.name));
                }
            }
            _ => self.notice_change(entry, seen, now),
        }
    }

    fn notice_change(&mut self, entry: Entry, seen: u32, now: Time) {
        let is_photo = matches!(self.policy.names.classify(&entry.name), Class::Photo(_));
        if !is_photo || entry.kind != Kind::File {
            return self.first_sight(entry, seen, now);
        }
        self.let_settle(&entry.name, entry.stat, now);
        if let Some(user) = self.user_of(&entry.name) {
            self.reconsider(&user, now);
        }
    }

    fn first_sight(&mut self, entry: Entry, seen: u32, now: Time) {
        let Entry { name, kind, stat } = entry;
        let (user, state) = match self.policy.names.classify(&name) {
            Class::Temporary => return,
            Class::Ignored(_) if kind == Kind::Directory => {
                (None, FileState::Ignored { reason: "a folder: sub-folders are not entered".into() })
            }
            Class::Ignored(reason) => (None, FileState::Ignored { reason }),
            Class::Rejected(reason) => (None, FileState::Rejected { reason }),
            Class::Photo(user) => match kind.refusal() {
                Some(reason) => (Some(user), FileState::Rejected { reason: reason.into() }),
                None => return self.take_up(name, user, stat, seen, now),
            },
        };
        self.meet(&name, user, Known::Settling { stat, since: now }, seen);
        self.conclude(&name, stat, state, now);
    }

    /// A file that may be a photo is seen for the first time. One that has not been touched for a while has settled.
    fn take_up(&mut self, name: FileName, user: UserId, stat: Stat, seen: u32, now: Time) {
        let settled = now.as_millis().saturating_sub(i64::try_from(self.policy.settle.as_millis()).unwrap_or(i64::MAX));
        let is_old = stat.mtime_ns.max(stat.ctime_ns) / 1_000_000 < settled;
        self.meet(&name, Some(user.clone()), Known::Settling { stat, since: now }, seen);
        self.user(&user).add_file(&name);
        if is_old {
            self.read_next(&name, stat, false);
        } else {
            self.let_settle(&name, stat, now);
        }
        self.reconsider(&user, now);
    }

    fn let_settle(&mut self, name: &FileName, stat: Stat, now: Time) {
        self.change(name, Known::Settling { stat, since: now });
        self.looks.insert((now.after(self.policy.settle), name.clone()));
    }

    fn read_next(&mut self, name: &FileName, stat: Stat, first: bool) {
        self.change(name, Known::Reading { stat });
        if first {
            self.reads.push_front(name.clone());
        } else {
            self.reads.push_back(name.clone());
        }
    }

    fn conclude(&mut self, name: &FileName, stat: Stat, state: FileState, now: Time) {
        self.change(name, Known::Concluded { stat, state: state.clone() });
        let user = self.files.get(name).and_then(|file| file.user.clone());
        self.changes.push(Change::File(name.clone(), FileRecord { stat, user: user.clone(), state }));
        if let Some(user) = user {
            self.user(&user).add_file(name);
            self.reconsider(&user, now);
        }
    }

    fn meet(&mut self, name: &FileName, user: Option<UserId>, known: Known, seen: u32) {
        self.growing += known.is_growing();
        let before = self.files.insert(name.clone(), Box::new(File { user, seen, known }));
        self.growing -= before.map_or(0, |before| before.known.is_growing());
    }

    fn change(&mut self, name: &FileName, known: Known) {
        let Some(file) = self.files.get_mut(name) else { return };
        self.growing += known.is_growing();
        self.growing -= std::mem::replace(&mut file.known, known).is_growing();
    }

    pub(super) fn forget(&mut self, name: &FileName, now: Time) {
        let Some(file) = self.files.remove(name) else { return };
        self.growing -= file.known.is_growing();
        self.changes.push(Change::FileForgotten(name.clone()));
        if let Some(user) = file.user {
            self.user(&user).drop_file(name);
            self.reconsider(&user, now);
        }
    }

    fn user(&mut self, user: &UserId) -> &mut User {
        let slots = self.backends.len();
        let known = self.users.entry(user.clone()).or_default();
        known.slots.resize(slots, Slot::default());
        known
    }
}
