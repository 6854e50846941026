//! The secret that the names of published pictures are made with: 32 random bytes in `state/published/key`, made once.
//!
//! Names that were told stay as they are under another key, for they are written down; only new ones depend on it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use portraitd_reconcile::{BackendId, PictureName, UserId};
use rustix::fs::OFlags;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::report::{Exit, Trouble};
use crate::text::escape;

/// The key.
pub(super) struct Key([u8; LENGTH]);

impl Key {
    /// The key of a directory, which is made where it is not there.
    ///
    /// # Errors
    /// When it cannot be read or made, when others may read it, and when it is no key.
    pub(super) fn load_or_make(directory: &Path) -> Result<Self, Trouble> {
        let path = directory.join("key");
        match load(&path) {
            Err(Unusable::Io(error)) if error.kind() == ErrorKind::NotFound => {
                make(directory, &path).map(Self).map_err(|error| unusable(&path).caused_by(&error))
            }
            loaded => loaded.map(Self).map_err(|why| why.into_trouble(&path)),
        }
    }

    /// The name of a picture that is published for a user at a backend; `sha256` is its digest in hex.
    pub(super) fn name(&self, user: &UserId, backend: &BackendId, sha256: &str) -> PictureName {
        PictureName::of(&self.0, user, backend, sha256)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

fn load(path: &Path) -> Result<[u8; LENGTH], Unusable> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let mode = file.metadata()?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Unusable::Exposed { mode });
    }
    let mut bytes = Vec::new();
    file.take(LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    bytes.try_into().map_err(|bytes: Vec<u8>| Unusable::Damaged { length: bytes.len() })
}

fn make(directory: &Path, path: &Path) -> io::Result<[u8; LENGTH]> {
    let mut key = [0; LENGTH];
    // Up to 256 bytes come whole once the kernel's source is ready, and it waits for that (getrandom(2)).
    getrandom(&mut key, GetRandomFlags::empty())?;
    let unnamed = path.with_extension("new");
    match fs::remove_file(&unnamed) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unnamed)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(unnamed, path)?;
    File::open(directory)?.sync_all()?;
    Ok(key)
}

enum Unusable {
    Io(io::Error),
    Exposed { mode: u32 },
    Damaged { length: usize },
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Unusable {
    fn into_trouble(self, path: &Path) -> Trouble {
        let (trouble, path) = (unusable(path), escape(path));
        match self {
            Self::Io(error) => trouble.caused_by(&error),
            Self::Exposed { mode } => trouble
                .because(format_args!("its mode is {mode:o}: others may read it, and guess the names of pictures"))
                .hint(format_args!(
                    "chmod 600 {path}; when somebody has read it, remove it: new pictures get other names"
                )),
            Self::Damaged { length } => {
                let length = if length > LENGTH { "more".into() } else { length.to_string() };
                trouble
                    .because(format_args!("it has {length} bytes, and a key has {LENGTH}"))
                    .hint("remove it: a new one is made, and pictures that are published already keep their names")
            }
        }
    }
}

fn unusable(path: &Path) -> Trouble {
    Trouble::new(Exit::Config, format_args!("failed to use the key of published pictures `{}`", escape(path)))
}

const LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::PermissionsExt as _;

    fn refused(directory: &Path) -> String {
        Key::load_or_make(directory).expect_err("it must be refused").to_string()
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("key.new"), "half").unwrap();
        let made = Key::load_or_make(dir.path()).unwrap();
        assert_eq!(dir.path().join("key").metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(Key::load_or_make(dir.path()).unwrap().0, made.0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Key::load_or_make(other.path()).unwrap().0, made.0);
        assert_eq!(format!("{made:?}"), "Key(***)");
    }

    #[test]
    fn names_differ_by_key_user_backend_and_picture() {
        let name = |key: u8, user: &str, backend: &str, sha256: &str| {
            Key([key; 32]).name(&UserId::parse(user).unwrap(), &BackendId::parse(backend).unwrap(), sha256)
        };
        let anna = name(1, "anna", "chat", "00");
        assert_eq!(anna, name(1, "anna", "chat", "00"));
        for other in [
            name(2, "anna", "chat", "00"),
            name(1, "ann", "chat", "00"),
            name(1, "anna", "cha", "00"),
            name(1, "annac", "hat", "00"),
            name(1, "anna", "chat", "01"),
        ] {
            assert_ne!(anna, other);
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Key::load_or_make(dir.path()).unwrap();
        let path = dir.path().join("key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let path = path.display();
        assert_eq!(
            refused(dir.path()),
            format!(
                "error: failed to use the key of published pictures `{path}`\nbecause: its mode is 640: others may read \
                 it, and guess the names of pictures\nhint: chmod 600 {path}; when somebody has read it, remove it: new \
                 pictures get other names"
            )
        );
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        for (content, told) in
            [("", "it has 0 bytes"), ("short", "it has 5 bytes"), ("long".repeat(9).as_str(), "it has more")]
        {
            let dir = tempfile::tempdir().unwrap();
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(dir.path().join("key")).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            let refused = refused(dir.path());
            assert!(refused.contains(told) && refused.contains("hint: remove it"), "{refused}");
            assert_eq!(fs::read_to_string(dir.path().join("key")).unwrap(), content);
        }
    }

    #[test]
    fn a_link_in_place_of_the_key_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("key")).unwrap();
        assert!(refused(dir.path()).contains("symbolic links"), "{}", refused(dir.path()));
    }
}
