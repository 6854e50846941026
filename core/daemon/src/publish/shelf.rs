//! The published pictures as files in `state/published`. A picture is served for as long as its file is there: a file is
//! put there before the ledger is told of it, and taken away after. Knows no delivery and no URL.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portraitd_reconcile::PictureName;
use rustix::fs::OFlags;
use tracing::warn;

use crate::dispatch::files::{FileRoot, FileTrouble};
use crate::report::{Exit, Trouble};
use crate::text::escape;

/// The directory of published pictures. Cheap to clone. All methods block.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    directory: Arc<Path>,
    root: FileRoot,
}

impl Shelf {
    /// Opens the directory of a state directory, or makes it (mode 0700).
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub(crate) fn open_or_make(state: &Path) -> Result<Self, Trouble> {
        let directory = directory(state);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        let durable = made.and_then(|()| File::open(state)?.sync_all());
        durable.map_err(|error| unusable(&directory).caused_by(&error))?;
        let root = FileRoot::open_or_make(&directory).map_err(|error| unusable(&directory).caused_by(&error))?;
        Ok(Self { directory: directory.into(), root })
    }

    /// Opens the directory of a state directory, if there is one.
    ///
    /// # Errors
    /// As [`Shelf::open_or_make`].
    pub(crate) fn open(state: &Path) -> Result<Option<Self>, Trouble> {
        if directory(state).is_dir() { Self::open_or_make(state).map(Some) } else { Ok(None) }
    }

    /// Puts a picture there. When this returns, it is there whole and survives a power cut.
    ///
    /// # Errors
    /// When it cannot be written. The text does not hold its name.
    pub(crate) fn put(&self, name: &PictureName, bytes: &[u8]) -> Result<(), FileTrouble> {
        let called = format!("a picture in `{}`", escape(&*self.directory));
        self.root.put_as(&called, &file_name(name), bytes).map(drop)
    }

    /// Takes a picture away. Whoever is reading it reads it to the end.
    pub(crate) fn take_down(&self, name: &PictureName) {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                warn!(%error, "a picture that is no longer published cannot be removed: it is tried again at the next start");
            }
            _ => {}
        }
    }

    /// A picture with its length; none when there is no such picture.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn read(&self, name: &PictureName) -> io::Result<Option<(File, u64)>> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(self.path(name));
        let file = match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let meta = file.metadata()?;
        Ok(meta.is_file().then_some((file, meta.len())))
    }

    /// Removes the pictures that are not told of, and says which of those that are told of are not there.
    ///
    /// # Errors
    /// When the directory cannot be read: nothing is known then.
    pub(crate) fn tidy(&self, told: &BTreeSet<PictureName>) -> Result<BTreeSet<PictureName>, Trouble> {
        let mut missing = told.clone();
        for entry in fs::read_dir(&self.directory).map_err(|error| unusable(&self.directory).caused_by(&error))? {
            let entry = entry.map_err(|error| unusable(&self.directory).caused_by(&error))?;
            let Some(name) = entry.file_name().to_str().and_then(picture_name) else { continue };
            if !told.contains(&name) {
                self.take_down(&name);
            } else if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                missing.remove(&name);
            }
        }
        Ok(missing)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, name: &PictureName) -> PathBuf {
        self.directory.join(file_name(name))
    }
}

/// The file's name, which is also the last part of the URL.
pub(super) fn file_name(name: &PictureName) -> String {
    format!("{name}{SUFFIX}")
}

/// The name that a file, or the last part of a URL, stands for.
pub(super) fn picture_name(file: &str) -> Option<PictureName> {
    file.strip_suffix(SUFFIX)?.parse().ok()
}

fn directory(state: &Path) -> PathBuf {
    state.join("published")
}

fn unusable(directory: &Path) -> Trouble {
    Trouble::new(Exit::Config, format_args!("failed to use the folder of published pictures `{}`", escape(directory)))
}

/// Every rendition is a JPEG.
const SUFFIX: &str = ".jpg";

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Read as _;
    use std::os::unix::fs::MetadataExt as _;

    const A: PictureName = PictureName::from_bytes([0xab; 32]);
    const B: PictureName = PictureName::from_bytes([1; 32]);

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open_or_make(&dir.path().join("state")).unwrap();
        (dir, shelf)
    }

    fn content(shelf: &Shelf, name: &PictureName) -> Option<String> {
        let (mut file, length) = shelf.read(name).unwrap()?;
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, length);
        Some(text)
    }

    #[test]
    fn a_picture_is_there_from_its_put_until_it_is_taken_down() {
        let (dir, shelf) = shelf();
        assert_eq!(dir.path().join("state/published").metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(content(&shelf, &A), None);
        shelf.put(&A, b"photo").unwrap();
        shelf.put(&A, b"photo").unwrap();
        assert_eq!((content(&shelf, &A).as_deref(), content(&shelf, &B)), (Some("photo"), None));
        let (mut open, _) = shelf.read(&A).unwrap().unwrap();
        shelf.take_down(&A);
        shelf.take_down(&A);
        assert_eq!(content(&shelf, &A), None);
        let mut text = String::new();
        open.read_to_string(&mut text).unwrap();
        assert_eq!(text, "photo");
    }

    #[test]
    fn what_nobody_was_told_of_is_swept_and_what_is_missing_is_told() {
        let (dir, shelf) = shelf();
        let at = |name: &str| dir.path().join("state/published").join(name);
        shelf.put(&A, b"a").unwrap();
        shelf.put(&B, b"b").unwrap();
        fs::write(at("key"), "k").unwrap();
        let (lost, no_file) = (PictureName::from_bytes([2; 32]), PictureName::from_bytes([3; 32]));
        fs::create_dir(at(&file_name(&no_file))).unwrap();
        let missing = shelf.tidy(&BTreeSet::from([A, lost, no_file])).unwrap();
        assert_eq!(missing, BTreeSet::from([lost, no_file]));
        assert_eq!((content(&shelf, &A).as_deref(), content(&shelf, &B)), (Some("a"), None));
        assert!(at("key").exists());
    }

    #[test]
    fn only_a_file_is_a_picture() {
        let (dir, shelf) = shelf();
        let path = shelf.path(&A);
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(shelf.read(&A).is_err());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(shelf.read(&A).unwrap().is_none());
        drop(dir);
    }

    #[test]
    fn a_picture_that_cannot_be_written_is_told_without_its_name() {
        let (dir, shelf) = shelf();
        fs::remove_dir_all(dir.path().join("state")).unwrap();
        let text = shelf.put(&A, b"a").unwrap_err().text;
        assert!(text.starts_with("failed to publish a picture in `") && !text.contains(&A.to_string()), "{text}");
    }

    #[test]
    fn a_name_has_one_text() {
        let text = file_name(&A);
        assert_eq!(picture_name(&text), Some(A));
        let upper = text.to_uppercase().replace("JPG", "jpg");
        for other in
            [&upper, &text[1..], &text[..64], &format!("{text}x"), "key", "", ".jpg", &format!("+{}", &text[1..])]
        {
            assert_eq!(picture_name(other), None, "{other}");
        }
    }
}
