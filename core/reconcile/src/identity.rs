//! The names that everything else is keyed by. Each is parsed once and cannot be wrong afterwards.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// A text that cannot be a [`UserId`], [`BackendId`], [`Digest`] or [`PictureName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub(crate) &'static str);

/// The user that a photo belongs to: the name that was dropped, without its extension.
///
/// Which names are accepted is the configuration's business ([`crate::Names`]); this type holds what must be true of any:
/// 1 to 200 bytes of UTF-8, no control character, no slash or backslash, no leading dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Parses a user id.
    ///
    /// # Errors
    /// Says which of the rules above the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let broken = match text {
            "" => Some("the name is empty"),
            _ if text.len() > 200 => Some("the name is longer than 200 bytes"),
            _ if text.starts_with('.') => Some("the name starts with a dot"),
            _ if text.contains(['/', '\\']) => Some("the name has a slash"),
            _ if text.chars().any(char::is_control) => Some("the name has a control character"),
            _ => None,
        };
        broken.map_or_else(|| Ok(Self(text.into())), |rule| Err(InvalidId(rule)))
    }

    /// The id as it was dropped.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a configured backend: `[backend.<name>]`. Lower-case letters, digits and hyphens, at most 64.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(Arc<str>);

impl BackendId {
    /// Parses a backend's name.
    ///
    /// # Errors
    /// When the text has another character than those above, or a wrong length.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId("a backend's name is 1 to 64 lower-case letters, digits and hyphens, and starts with none"))
        }
    }

    /// The name as it stands in the configuration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text_id!(UserId);
text_id!(BackendId);

/// The base name of an entry in the drop folder, as the file system gave it: any bytes but `/` and NUL.
///
/// It is hostile input. It has no `Display`, so that whoever shows it must decide how to escape it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileName(Arc<OsStr>);

impl FileName {
    /// Takes over a name that came from the file system.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        Self(name.as_ref().into())
    }

    /// The name, to be used relative to the folder's handle.
    #[must_use]
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// SHA-256 of a photo's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes a photo.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes over a digest that was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What a backend must hold for a user: photo, recipe, remote user and identifying settings, as one SHA-256.
///
/// Equal means that there is nothing to do. A code version, a secret or a rate is never part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Joins the parts.
    #[must_use]
    pub fn of(photo: &Digest, shape: &str, remote: &str) -> Self {
        Self(joined(&[photo.as_bytes(), shape.as_bytes(), remote.as_bytes()]))
    }

    /// Takes over a fingerprint that was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The name under which a picture is published for a delivery. Whoever does not have the key cannot guess it, not even with
/// the picture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureName([u8; 32]);

impl PictureName {
    /// Joins the parts; `sha256` is the picture's, in hex. Two users with one picture have two names, so that each goes
    /// with its own delivery, and nobody who sees both learns that the pictures are the same.
    #[must_use]
    pub fn of(key: &[u8; 32], user: &UserId, backend: &BackendId, sha256: &str) -> Self {
        Self(joined(&[key, user.as_str().as_bytes(), backend.as_str().as_bytes(), sha256.as_bytes()]))
    }

    /// Takes over a name that was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// One SHA-256 of several parts. Each is hashed with its length, so that no two lists of parts can run into one another.
fn joined(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

macro_rules! hex_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

hex_id!(Digest);
hex_id!(Fingerprint);
hex_id!(PictureName);

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        from_hex(text).map(Self).ok_or(InvalidId("a digest is 64 hexadecimal digits"))
    }
}

impl FromStr for PictureName {
    type Err = InvalidId;

    /// Takes lower-case letters only: one name has one text.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_ours = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let bytes = from_hex(text).filter(|_| is_ours);
        bytes.map(Self).ok_or(InvalidId("a picture's name is 64 hexadecimal digits in lower case"))
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// A moment, in milliseconds since 1970-01-01 UTC. Arithmetic stops at the ends of the range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(i64);

impl Time {
    /// Long before anything happened: what is due then is due at once.
    pub const PAST: Self = Self(i64::MIN);

    /// A moment from its milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment and `wait` later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; nothing when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}
