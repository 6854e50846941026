//! Hints that something in the drop folder may have changed, from inotify. A hint says nothing about what changed, may
//! be wrong and may be missing: the full scan is what makes intake correct. Reads no file and starts no scan.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, INotifyWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// A running watch on one directory, not on those below it. Dropping it stops it.
///
/// It watches the directory that the path led to when it was started, and keeps to that one when the path is moved or
/// mounted over, without a word: whoever uses it compares the folder's identity, and starts another.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    _watcher: INotifyWatcher,
}

/// What was hinted at since the last [`Watch::take`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// Names of entries to look at, sorted. Any of them may not exist, or be no file.
    pub(crate) names: Vec<OsString>,
    /// Hints were lost, or the folder itself changed: only a full scan finds out.
    pub(crate) rescan: bool,
}

impl Watch {
    /// Starts to watch the directory at `path`. Scan only after this has returned: a change in between is then seen by
    /// one of the two.
    ///
    /// # Errors
    /// The reason for a person; the caller falls back to scans.
    pub(crate) fn start(path: &Path) -> Result<Self, String> {
        let root = std::path::absolute(path).map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared { root, dirty: Mutex::default(), wake: Notify::new() });
        let told = Arc::clone(&shared);
        let handler = move |event| told.receive(event);
        let mut watcher = INotifyWatcher::new(handler, notify::Config::default()).map_err(|error| explain(&error))?;
        watcher.watch(&shared.root, RecursiveMode::NonRecursive).map_err(|error| explain(&error))?;
        Ok(Self { shared, _watcher: watcher })
    }

    /// Waits until there may be hints to take; now and then there are none. Dropping it halfway loses nothing.
    pub(crate) async fn changed(&self) {
        self.shared.wake.notified().await;
    }

    /// Takes what was hinted at so far.
    pub(crate) fn take(&self) -> Hints {
        let mut dirty = self.shared.dirty();
        let names = std::mem::take(&mut dirty.names);
        Hints { names: names.into_iter().collect(), rescan: std::mem::take(&mut dirty.rescan) }
    }

    /// Why this watch can no longer be relied on, once it has told an error. The caller falls back to scans.
    pub(crate) fn failed(&self) -> Option<String> {
        self.shared.dirty().failed.clone()
    }
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    dirty: Mutex<Dirty>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Dirty {
    names: BTreeSet<OsString>,
    rescan: bool,
    failed: Option<String>,
}

impl Shared {
    /// Runs on the watcher's thread. While it runs nobody empties the kernel's queue, so it only takes notes.
    fn receive(&self, event: notify::Result<Event>) {
        let noted = match event {
            Ok(event) => self.note(&event),
            Err(error) => self.dirty().fail(explain(&error)),
        };
        if noted {
            self.wake.notify_one();
        }
    }

    /// Returns whether there is anything new. The overflow of the kernel's queue comes as an event without a path and
    /// of no particular kind, so it is asked for before anything is filtered.
    fn note(&self, event: &Event) -> bool {
        let mut dirty = self.dirty();
        if event.need_rescan() {
            return dirty.lose();
        }
        if is_harmless(event.kind) {
            return false;
        }
        let mut noted = false;
        for path in &event.paths {
            noted |= self.note_path(&mut dirty, path);
        }
        noted
    }

    fn note_path(&self, dirty: &mut Dirty, path: &Path) -> bool {
        match (path.parent(), path.file_name()) {
            _ if path == self.root => dirty.lose(),
            (Some(parent), Some(name)) if parent == self.root => dirty.add(name.to_owned()),
            _ => false,
        }
    }

    /// A panic elsewhere cannot leave the notes half written.
    fn dirty(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dirty {
    /// A scan that is still to come sees every name, so none is kept beside it.
    fn add(&mut self, name: OsString) -> bool {
        if self.rescan {
            return false;
        }
        let new = self.names.insert(name);
        if self.names.len() > NAMES_MAX { self.lose() } else { new }
    }

    fn lose(&mut self) -> bool {
        self.names.clear();
        !std::mem::replace(&mut self.rescan, true)
    }

    fn fail(&mut self, reason: String) -> bool {
        self.failed.get_or_insert(reason);
        self.lose()
    }
}

/// Our own reading causes events too. Of those, only the end of somebody's writing is news.
const fn is_harmless(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if !matches!(access, AccessKind::Close(AccessMode::Write)))
}

/// The kernel's words for inotify's limits (ENOSPC and EMFILE, see inotify(7)) send people to look for a full disk.
fn explain(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "the kernel's limit fs.inotify.max_user_watches is reached".into(),
        notify::ErrorKind::Io(cause) if cause.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "the kernel's limit fs.inotify.max_user_instances is reached".into()
        }
        notify::ErrorKind::PathNotFound => io::Error::from(rustix::io::Errno::NOENT).to_string(),
        notify::ErrorKind::Io(cause) => cause.to_string(),
        _ => error.to_string(),
    }
}

const NAMES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, Flag, ModifyKind, RenameMode};
    use std::fs;
    use std::time::Duration;

    fn shared() -> Shared {
        Shared { root: "/drop".into(), dirty: Mutex::default(), wake: Notify::new() }
    }

    fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(path.into()))
    }

    fn created(path: &str) -> notify::Result<Event> {
        event(EventKind::Create(CreateKind::File), path)
    }

    #[track_caller]
    fn check(shared: &Shared, names: &[&str], rescan: bool) {
        let dirty = shared.dirty();
        assert_eq!(dirty.names, names.iter().map(OsString::from).collect());
        assert_eq!(dirty.rescan, rescan);
    }

    #[test]
    fn an_overflow_is_noticed_although_it_has_no_path_and_no_kind() {
        let shared = shared();
        shared.receive(created("/drop/a.jpg"));
        shared.receive(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        shared.receive(created("/drop/b.jpg"));
        check(&shared, &[], true);
        // The flag counts on an event that would be filtered out, too.
        let hidden = Event::new(EventKind::Access(AccessKind::Read)).set_flag(Flag::Rescan);
        let shared = self::shared();
        shared.receive(Ok(hidden));
        check(&shared, &[], true);
    }

    #[test]
    fn reading_is_no_news_and_the_end_of_writing_is() {
        let shared = shared();
        for access in
            [AccessKind::Open(AccessMode::Any), AccessKind::Read, AccessKind::Close(AccessMode::Read), AccessKind::Any]
        {
            shared.receive(event(EventKind::Access(access), "/drop/a.jpg"));
            shared.receive(event(EventKind::Access(access), "/drop"));
        }
        check(&shared, &[], false);
        shared.receive(event(EventKind::Access(AccessKind::Close(AccessMode::Write)), "/drop/a.jpg"));
        check(&shared, &["a.jpg"], false);
    }

    #[test]
    fn only_direct_children_count_and_both_names_of_a_rename() {
        let shared = shared();
        shared.receive(created("/drop/sub/a.jpg"));
        shared.receive(created("/other/b.jpg"));
        shared.receive(Ok(Event::new(EventKind::Other)));
        check(&shared, &[], false);
        let both = Event::new(EventKind::Modify(ModifyKind::Name(RenameMode::Both)));
        shared.receive(Ok(both.add_path("/drop/old.jpg".into()).add_path("/drop/new.jpg".into())));
        check(&shared, &["new.jpg", "old.jpg"], false);
    }

    #[test]
    fn a_change_of_the_folder_itself_asks_for_a_scan() {
        let shared = shared();
        shared.receive(event(EventKind::Modify(ModifyKind::Name(RenameMode::From)), "/drop"));
        check(&shared, &[], true);
    }

    #[test]
    fn more_names_than_fit_become_one_scan() {
        let shared = shared();
        for number in 0..=NAMES_MAX {
            assert!(!shared.dirty().rescan);
            shared.receive(created(&format!("/drop/{number}.jpg")));
        }
        check(&shared, &[], true);
    }

    #[test]
    fn an_error_of_the_watcher_is_kept_and_asks_for_a_scan() {
        let shared = shared();
        shared.receive(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
        check(&shared, &[], true);
        assert_eq!(shared.dirty().failed.as_deref(), Some("the kernel's limit fs.inotify.max_user_watches is reached"));
    }

    #[test]
    fn a_folder_that_is_not_there_cannot_be_watched() {
        let dir = tempfile::tempdir().unwrap();
        let reason = Watch::start(&dir.path().join("none")).unwrap_err();
        assert!(reason.starts_with("No such file or directory"), "{reason}");
    }

    /// Waits until `names` were hinted at, however the kernel spreads them over time.
    async fn expect(watch: &Watch, names: &[&str]) {
        let mut missing: BTreeSet<_> = names.iter().map(OsString::from).collect();
        let all = async {
            while !missing.is_empty() {
                watch.changed().await;
                let hints = watch.take();
                assert!(!hints.rescan);
                missing.retain(|name| !hints.names.contains(name));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("the kernel tells within seconds");
    }

    #[tokio::test]
    async fn whatever_happens_to_a_file_is_hinted_at() {
        let dir = tempfile::tempdir().unwrap();
        let (drop, outside) = (dir.path().join("drop"), dir.path().join("outside.jpg"));
        fs::create_dir(&drop).unwrap();
        let watch = Watch::start(&drop).unwrap();
        fs::write(drop.join("new.jpg"), "1").unwrap();
        expect(&watch, &["new.jpg"]).await;
        fs::write(&outside, "2").unwrap();
        fs::rename(&outside, drop.join("moved.jpg")).unwrap();
        expect(&watch, &["moved.jpg"]).await;
        fs::hard_link(drop.join("moved.jpg"), drop.join("linked.jpg")).unwrap();
        fs::rename(drop.join("new.jpg"), drop.join("renamed.jpg")).unwrap();
        expect(&watch, &["linked.jpg", "new.jpg", "renamed.jpg"]).await;
        fs::remove_file(drop.join("renamed.jpg")).unwrap();
        expect(&watch, &["renamed.jpg"]).await;
        assert_eq!(watch.failed(), None);
    }

    #[tokio::test]
    async fn a_folder_that_is_moved_away_asks_for_a_scan() {
        let dir = tempfile::tempdir().unwrap();
        let drop = dir.path().join("drop");
        fs::create_dir(&drop).unwrap();
        let watch = Watch::start(&drop).unwrap();
        fs::rename(&drop, dir.path().join("away")).unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
        assert!(watch.take().rescan);
        assert_eq!(watch.take(), Hints::default());
    }

    #[tokio::test]
    async fn our_own_reading_wakes_nobody() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jpg"), "1").unwrap();
        let watch = Watch::start(dir.path()).unwrap();
        fs::read(dir.path().join("a.jpg")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(tokio::time::timeout(Duration::from_millis(300), watch.changed()).await.is_err());
        assert_eq!(watch.take(), Hints::default());
    }
}
