//! What the daemon does in the drop folder, on threads that may block: scan it, look at names, read and examine files.
//!
//! Concludes nothing; what follows from what was found is decided by `portraitd-reconcile`.

pub(crate) mod folder;
mod recent;
pub(crate) mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portraitd_pipeline::{self as pipeline, Limits};
use portraitd_reconcile::{Digest, Examined, FileName, Listing, Looked, Photo, Read, Stat};

use self::folder::{FileSystem, Folder};
use self::recent::{Held, Recent};
use self::watch::Watch;
use crate::config::{Config, WatchMode};
use crate::text::escape;

/// What is done in the folder, and by which rules. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    rules: Arc<Rules>,
    recent: Arc<Recent>,
}

#[derive(Debug)]
struct Rules {
    path: PathBuf,
    watch: WatchMode,
    limits: Limits,
}

/// A scan that found the folder.
pub(crate) struct Scan {
    /// The folder, to be used until its path leads elsewhere.
    pub(crate) folder: Arc<Folder>,
    /// The watch, where this scan set a new one.
    pub(crate) watch: Option<Watch>,
    /// What was in it.
    pub(crate) listing: Listing,
    /// How long it took.
    pub(crate) took: Duration,
}

/// A photo that was read for a delivery, or why it could not be.
pub(crate) enum Fetched {
    /// Its bytes and what the examination says of them.
    Photo(Vec<u8>, pipeline::Source),
    /// It is not what was accepted.
    Otherwise(Examined),
}

impl Intake {
    /// An intake by the configuration's rules.
    pub(crate) fn new(config: &Config) -> Self {
        let limits = Limits {
            max_bytes: config.photo.max_bytes.0,
            max_pixels: config.photo.max_pixels.0,
            min_side: config.photo.min_side,
        };
        let rules = Rules { path: config.folder.path.clone(), watch: config.folder.watch, limits };
        Self { rules: Arc::new(rules), recent: Arc::default() }
    }

    /// The limits that photos must keep.
    pub(crate) fn limits(&self) -> &Limits {
        &self.rules.limits
    }

    /// The drop folder's path, escaped.
    pub(crate) fn shown_path(&self) -> String {
        escape(&self.rules.path)
    }

    /// Opens the folder that the path leads to.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(crate) fn open(&self) -> Result<Folder, String> {
        Folder::open(&self.rules.path).map_err(|error| crate::report::chain(&error))
    }

    /// Scans the folder. Opens it anew where it is not open, or where the path leads to another directory now; then the
    /// watch is set before the scan, so that nothing can appear between them unseen.
    ///
    /// # Errors
    /// Why the folder cannot be read at all.
    pub(crate) fn scan(&self, open: Option<Arc<Folder>>, watching: bool) -> Result<Scan, String> {
        let started = Instant::now();
        let known = open.filter(|folder| is_current(folder));
        let is_new = known.is_none();
        let folder = known.map_or_else(|| self.open().map(Arc::new), Ok)?;
        let watch = (watching && is_new).then(|| self.watch(&folder)).flatten();
        let listing = folder.list();
        if !is_current(&folder) {
            return Err("the folder was replaced while it was scanned".into());
        }
        Ok(Scan { folder, watch, listing, took: started.elapsed() })
    }

    fn watch(&self, folder: &Folder) -> Option<Watch> {
        match self.rules.watch {
            WatchMode::Poll => return None,
            WatchMode::Auto if !matches!(folder.file_system(), Ok(FileSystem::Local)) => {
                tracing::info!("the folder is on a network file system, which sends no events: it is scanned instead");
                return None;
            }
            WatchMode::Auto | WatchMode::Events => {}
        }
        Watch::start(&self.rules.path)
            .inspect_err(|reason| tracing::warn!(reason, "no events from the folder: it is scanned instead"))
            .ok()
    }

    /// Reads a file that has settled and examines it.
    pub(crate) fn examine(&self, folder: &Folder, read: &Read) -> Examined {
        match self.fetch(folder, &read.name, Some(&read.stat)) {
            Fetched::Photo(bytes, source) => {
                let photo = photo(&read.name, &bytes, &source);
                let (name, digest) = (read.name.clone(), photo.digest);
                self.recent.put(Held { name, stat: read.stat, digest, bytes, source });
                Examined::Accepted(photo)
            }
            Fetched::Otherwise(examined) => examined,
        }
    }

    /// Reads an accepted photo again, for a delivery; one that was read a moment ago and has not been touched since is at
    /// hand.
    pub(crate) fn refetch(&self, folder: &Folder, name: &FileName, digest: &Digest) -> Fetched {
        if let Some(held) = self.recent.take(name, digest)
            && matches!(folder.look(name), Looked::Here(entry) if entry.stat == held.stat)
        {
            return Fetched::Photo(held.bytes, held.source);
        }
        match self.fetch(folder, name, None) {
            Fetched::Photo(bytes, _) if Digest::of(&bytes) != *digest => Fetched::Otherwise(Examined::Changed),
            fetched => fetched,
        }
    }

    fn fetch(&self, folder: &Folder, name: &FileName, expected: Option<&Stat>) -> Fetched {
        let bytes = match folder.read(name, self.rules.limits.max_bytes, expected) {
            folder::Read::Bytes(bytes, _) => bytes,
            folder::Read::TooLarge(size) => return rejected(too_large(size, self.rules.limits.max_bytes)),
            folder::Read::NotAFile(kind) => return rejected(kind.refusal().unwrap_or("not a file").into()),
            folder::Read::Changed => return Fetched::Otherwise(Examined::Changed),
            folder::Read::Absent => return Fetched::Otherwise(Examined::Absent),
            folder::Read::Trouble(reason) => return Fetched::Otherwise(Examined::Unreadable { reason }),
        };
        match pipeline::examine(&bytes, &self.rules.limits) {
            Ok(source) => Fetched::Photo(bytes, source),
            Err(refusal) => rejected(refusal.to_string()),
        }
    }
}

fn rejected(reason: String) -> Fetched {
    Fetched::Otherwise(Examined::Rejected { reason })
}

fn too_large(size: u64, most: u64) -> String {
    let [size, most] = [size, most].map(|bytes| bytesize::ByteSize(bytes).display().iec().to_string());
    format!("the file has {size}, more than the {most} allowed: export a smaller one")
}

fn photo(name: &FileName, bytes: &[u8], source: &pipeline::Source) -> Photo {
    let mut warnings = source.warnings.clone();
    if !extension_fits(name, source.format) {
        warnings.push(format!("the file is a {}, whatever its extension says", source.format));
    }
    Photo { digest: Digest::of(bytes), width: source.width, height: source.height, warnings }
}

fn extension_fits(name: &FileName, format: pipeline::Format) -> bool {
    let extension = Path::new(name.as_os_str()).extension().unwrap_or_default().to_ascii_lowercase();
    format.extensions().iter().any(|fits| extension == *fits)
}

/// Whether the folder's path still leads to the directory that is open.
pub(crate) fn is_current(folder: &Folder) -> bool {
    folder.same_as_path().unwrap_or(false)
}

/// What a look at a name found, with the name.
pub(crate) fn look(folder: &Folder, name: FileName) -> (FileName, Looked) {
    let looked = folder.look(&name);
    (name, looked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTRAITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits");

    /// An intake that has just examined a photo, the folder, and the photo's digest.
    fn examined() -> (Intake, tempfile::TempDir, FileName, Digest) {
        let (folder, name) = (tempfile::tempdir().unwrap(), FileName::new("anna.jpg"));
        std::fs::copy(format!("{PORTRAITS}/portrait.jpg"), folder.path().join("anna.jpg")).unwrap();
        let intake = Intake::new(&Config::default());
        let opened = Folder::open(folder.path()).unwrap();
        let Looked::Here(entry) = opened.look(&name) else { panic!("the photo was just copied") };
        let read = Read { name: name.clone(), stat: entry.stat };
        let Examined::Accepted(photo) = intake.examine(&opened, &read) else { panic!("the photo is whole") };
        (intake, folder, name, photo.digest)
    }

    fn fetched(intake: &Intake, folder: &tempfile::TempDir, name: &FileName, digest: &Digest) -> Result<u64, Examined> {
        match intake.refetch(&Folder::open(folder.path()).unwrap(), name, digest) {
            Fetched::Photo(bytes, _) if Digest::of(&bytes) == *digest => Ok(bytes.len() as u64),
            Fetched::Photo(..) => panic!("other bytes than those that were asked for"),
            Fetched::Otherwise(examined) => Err(examined),
        }
    }

    #[test]
    fn what_was_read_a_moment_ago_is_what_is_there() {
        let (intake, folder, name, digest) = examined();
        let size = folder.path().join("anna.jpg").metadata().unwrap().len();
        for _ in 0..2 {
            assert_eq!(fetched(&intake, &folder, &name, &digest), Ok(size), "first from memory, then from the file");
        }
    }

    #[test]
    fn what_was_read_a_moment_ago_does_not_count_once_the_file_is_another() {
        let (intake, folder, name, digest) = examined();
        std::fs::copy(format!("{PORTRAITS}/portrait-gray.jpg"), folder.path().join("anna.jpg")).unwrap();
        assert_eq!(fetched(&intake, &folder, &name, &digest), Err(Examined::Changed));
        let (intake, folder, name, digest) = examined();
        std::fs::remove_file(folder.path().join("anna.jpg")).unwrap();
        assert_eq!(fetched(&intake, &folder, &name, &digest), Err(Examined::Absent));
    }
}
