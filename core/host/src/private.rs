//! The directory with the host's own copies of the libraries that it loads, each named by the hash of its content.
//!
//! The linker identifies a library by its path, so a new library at an old path would be the old one again, and one that
//! is overwritten while loaded takes the process with it. A copy under a name of its own has neither trouble.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime};

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::error::{LoadError, Refusal};
use crate::look::{Looked, hash};

/// Copies that were not used for this long are removed when a host begins.
const KEEP: Duration = Duration::from_secs(3_600);

/// A directory that only the daemon's user can enter.
#[derive(Debug)]
pub(crate) struct Private(PathBuf);

impl Private {
    /// Makes the directory where it is not there, and checks it.
    pub(crate) fn open(directory: &Path) -> Result<Self, LoadError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|error| Refusal::Copy(error).of(directory))?;
        // The linker wants an absolute path, for it looks up anything else on its own path.
        let directory = directory.canonicalize().map_err(|error| Refusal::Copy(error).of(directory))?;
        let private = Self(directory);
        private.check().map_err(|refusal| refusal.of(&private.0))?;
        private.sweep();
        Ok(private)
    }

    fn check(&self) -> Result<(), Refusal> {
        let meta = fs::metadata(&self.0).map_err(Refusal::Copy)?;
        let daemon = rustix::process::geteuid().as_raw();
        if meta.uid() != daemon {
            return Err(Refusal::Owner { owner: meta.uid(), daemon });
        }
        if meta.mode() & 0o077 != 0 {
            return Err(Refusal::NotPrivate { mode: meta.mode() & 0o7777 });
        }
        let mount = statvfs(&self.0).map_err(|error| Refusal::Copy(error.into()))?;
        if mount.f_flag.contains(StatVfsMountFlags::NOEXEC) {
            return Err(Refusal::NoExec);
        }
        Ok(())
    }

    /// Removes copies of libraries that nobody loads any more. A copy that is loaded stays in memory without its name.
    /// What cannot be removed now can be next time.
    fn sweep(&self) {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path());
        for file in files.filter(|file| is_copy(file) && is_old(file)) {
            drop(fs::remove_file(file));
        }
    }

    /// The copy of a library, made now or found whole.
    pub(crate) fn keep(&self, looked: &Looked) -> Result<PathBuf, LoadError> {
        let copy = self.0.join(format!("{}.so", looked.sha256));
        self.make(looked, &copy).map_err(|error| Refusal::Copy(error).of(&copy))?;
        Ok(copy)
    }

    fn make(&self, looked: &Looked, copy: &Path) -> io::Result<()> {
        let whole = fs::read(copy).is_ok_and(|bytes| hash(&bytes) == looked.sha256);
        if whole {
            // Marks it as used, for the sweep.
            return File::open(copy)?.set_modified(SystemTime::now());
        }
        let half = self.0.join(format!("{}.{}.tmp", looked.sha256, process::id()));
        let written = write_new(&half, &looked.bytes).and_then(|()| fs::rename(&half, copy));
        if written.is_err() {
            // What stays of it otherwise goes with the next sweep.
            drop(fs::remove_file(&half));
        }
        written
    }
}

/// A copy, or what a killed process left of one.
fn is_copy(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "so" || extension == "tmp")
}

fn is_old(file: &Path) -> bool {
    let used = fs::metadata(file).and_then(|meta| meta.modified());
    used.is_ok_and(|used| SystemTime::now().duration_since(used).is_ok_and(|age| age > KEEP))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o500).open(path)?;
    file.write_all(bytes)
}
