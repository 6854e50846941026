//! The photo as a backend sees it: whose it is, and its renditions with their bytes.
//!
//! Renditions are made by the host before the conversation begins; nothing here decodes or resizes.

use std::fmt;

use crate::abi::HostBytes;
use crate::failure::Failure;
use crate::message::{RenditionHead, User};

/// A photo that is to be shown, or looked for.
#[derive(Debug)]
pub struct Photo {
    /// Whose photo it is.
    pub user: User,
    /// SHA-256 of the dropped file, 64 lower-case hexadecimal digits.
    pub digest: String,
    /// The renditions that the backend wanted, in that order.
    pub renditions: Vec<Rendition>,
}

impl Photo {
    /// The rendition of that name.
    ///
    /// # Errors
    /// `bug`, when the backend did not want one of that name.
    pub fn rendition(&self, name: &str) -> Result<&Rendition, Failure> {
        let found = self.renditions.iter().find(|rendition| rendition.head.name == name);
        found.ok_or_else(|| Failure::bug(format!("the plugin wanted no rendition `{name}`")))
    }
}

/// A picture made for this backend.
#[derive(Debug)]
pub struct Rendition {
    pub(crate) head: RenditionHead,
    pub(crate) bytes: Bytes,
}

impl Rendition {
    /// The name that the backend gave it.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// Its media type: `image/jpeg`.
    pub fn mime(&self) -> &str {
        &self.head.mime
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.head.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.head.height
    }

    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.head.sha256
    }

    /// Its bytes, for signatures and the like. To send or publish it, name it in an effect: that copies nothing.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Host(bytes) => bytes.as_slice(),
            Bytes::Own(bytes) => bytes,
        }
    }
}

/// Where the bytes of a rendition lie: with the host, or in a script.
pub(crate) enum Bytes {
    Host(HostBytes),
    Own(Vec<u8>),
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = match self {
            Self::Host(bytes) => bytes.as_slice().len(),
            Self::Own(bytes) => bytes.len(),
        };
        write!(f, "{len} bytes")
    }
}
