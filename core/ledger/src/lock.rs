//! The state directory belongs to one process at a time. Takes and holds its lock; opens no ledger.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock, statfs};
use rustix::process::{geteuid, getpid};

/// The name of the lock's file in the state directory.
const LOCK_NAME: &str = "lock";

/// A lock that is held for a moment only must not look like a running daemon: by a child between its fork and its exec,
/// or by a predecessor whose last write waits for a busy disk.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The exclusive use of a state directory, until the last clone is dropped. The kernel ends it with the process.
///
/// Whoever ends in order leaves the lock's file empty; a process id that is still in it tells the next one that its
/// predecessor did not, and that the ledger must be checked.
#[derive(Clone, Debug)]
pub struct Lock {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    file: File,
    state: PathBuf,
    suspect: AtomicBool,
}

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process uses it.
    #[error("another process uses it{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Held {
        /// The process, when it could be read.
        pid: Option<u32>,
    },
    /// It lies on a file system where locks and shared memory do not hold between machines.
    #[error("it is on a network file system ({kind})")]
    Network {
        /// The kind of file system.
        kind: &'static str,
    },
    /// Another user owns it, who could replace whatever is in it.
    #[error("it belongs to the user with the id {owner}, and this process runs as {user}")]
    Owner {
        /// The user id of the owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// Every user of the machine may write into it.
    #[error("every user may write into it (its mode is {mode:o})")]
    Exposed {
        /// The permission bits.
        mode: u32,
    },
    /// It could not be made, looked at or locked.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Lock {
    /// Makes the state directory when there is none (with mode 0700, and its parents too) and takes its lock.
    ///
    /// # Errors
    /// When another process holds it for longer than 1 s, when the directory is on a network file system, belongs to
    /// another user or is open to all, and when it cannot be made or written.
    pub fn take(state: &Path) -> Result<Self, LockError> {
        make_directory(state).map_err(at(state))?;
        check_owner(state)?;
        check_file_system(state)?;
        let path = state.join(LOCK_NAME);
        let mut file = open_lock(&path).map_err(at(&path))?;
        if !try_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(at(&path))? {
            return Err(LockError::Held { pid: read_pid(&mut file) });
        }
        let suspect = file.metadata().map_err(at(&path))?.len() > 0;
        write_pid(&mut file).map_err(at(&path))?;
        let held = Held { file, state: state.to_owned(), suspect: AtomicBool::new(suspect) };
        Ok(Self { held: Arc::new(held) })
    }

    /// The state directory.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.held.state
    }

    /// Whether a ledger here was not closed in order, or has failed: its pages must be checked before they are used.
    pub(crate) fn is_suspect(&self) -> bool {
        self.held.suspect.load(Ordering::Relaxed)
    }

    /// Says whether the next one must check the ledger.
    pub(crate) fn suspect(&self, suspect: bool) {
        self.held.suspect.store(suspect, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !*self.suspect.get_mut() {
            // When this fails the next start checks the ledger for nothing, which costs a second.
            self.file.set_len(0).unwrap_or_default();
        }
    }
}

fn make_directory(state: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(state)
}

fn check_owner(state: &Path) -> Result<(), LockError> {
    let metadata = state.metadata().map_err(at(state))?;
    let (owner, user, mode) = (metadata.uid(), geteuid().as_raw(), metadata.mode() & 0o7777);
    if owner != user {
        return Err(LockError::Owner { owner, user });
    }
    if mode & 0o002 != 0 {
        return Err(LockError::Exposed { mode });
    }
    Ok(())
}

fn check_file_system(state: &Path) -> Result<(), LockError> {
    let found = statfs(state).map_err(|errno| at(state)(errno.into()))?;
    network_kind(found.f_type as u32).map_or(Ok(()), |kind| Err(LockError::Network { kind }))
}

/// The magic numbers are those of `statfs(2)` and of the kernel's `linux/magic.h`.
fn network_kind(magic: u32) -> Option<&'static str> {
    const KINDS: [(u32, &str); 14] = [
        (0x0000_6969, "NFS"),
        (0x0000_517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB 2"),
        (0x6573_5546, "FUSE"),
        (0x0102_1997, "9P"),
        (0x00c3_6400, "Ceph"),
        (0x5346_414f, "AFS"),
        (0x6b41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x0000_564c, "NCP"),
        (0x0bd0_0bd0, "Lustre"),
        (0x4750_4653, "GPFS"),
        (0x786f_4256, "VirtualBox shared folder"),
    ];
    KINDS.iter().find(|(known, _)| *known == magic).map(|(_, kind)| *kind)
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn try_lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    for _ in 0..TRIES {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(BETWEEN_TRIES),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(false)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", getpid().as_raw_nonzero())
}

fn at(path: &Path) -> impl Fn(io::Error) -> LockError {
    let path = path.to_owned();
    move |source| LockError::Io { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_missing_state_directory_is_made_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("var/state");
        let lock = Lock::take(&state).unwrap();
        assert_eq!(state.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(state.join(LOCK_NAME).metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(lock.state(), state);
    }

    #[test]
    fn a_second_lock_is_refused_until_the_last_clone_of_the_first_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let clone = lock.clone();
        drop(lock);
        let refused = Lock::take(dir.path()).unwrap_err();
        assert!(matches!(refused, LockError::Held { pid: Some(pid) } if pid == std::process::id()), "{refused}");
        assert_eq!(refused.to_string(), format!("another process uses it (process {})", std::process::id()));
        drop(clone);
        Lock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_that_is_let_go_after_a_moment_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            drop(lock);
        });
        Lock::take(dir.path()).unwrap();
        other.join().unwrap();
    }

    #[test]
    fn a_process_id_that_was_left_behind_makes_the_ledger_suspect_until_it_was_checked() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LOCK_NAME), "4242424\n").unwrap();
        assert!(Lock::take(dir.path()).unwrap().is_suspect());
        let unchecked = Lock::take(dir.path()).unwrap();
        assert!(unchecked.is_suspect());
        unchecked.suspect(false);
        drop(unchecked);
        assert!(!Lock::take(dir.path()).unwrap().is_suspect());
    }

    #[test]
    fn a_directory_that_every_user_may_write_into_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let refused = Lock::take(dir.path()).unwrap_err();
        assert!(matches!(refused, LockError::Exposed { mode: 0o777 }), "{refused}");
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::write(&state, "").unwrap();
        let refused = Lock::take(&state).unwrap_err();
        assert!(matches!(&refused, LockError::Io { path, .. } if *path == state), "{refused}");
    }

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        assert_eq!(network_kind(0x6969), Some("NFS"));
        assert_eq!(network_kind(0xff53_4d42), Some("CIFS"));
        assert_eq!(network_kind(0x6573_5546), Some("FUSE"));
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630] {
            assert_eq!(network_kind(local), None);
        }
    }
}
