//! What is known of one entry of the drop folder: its state on disk and what an examination found.

use crate::Digest;

/// The part of an entry's status that changes when its content does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Last modification, nanoseconds since the epoch. Set by whoever writes; may lie in any year.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since the epoch by the file system's clock.
    pub ctime_ns: i64,
}

/// What an entry is, without following links.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device, or what the kernel has no name for.
    Device,
}

impl Kind {
    /// The reason why such an entry is no photo; none for a regular file.
    #[must_use]
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::File => None,
            Self::Symlink => Some("a symbolic link, not a file: copy the photo itself"),
            Self::Directory => Some("a folder, not a file"),
            Self::Fifo => Some("a named pipe, not a file"),
            Self::Socket => Some("a socket, not a file"),
            Self::Device => Some("a device, not a file"),
        }
    }
}

/// A photo that was read whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Photo {
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down, upright.
    pub height: u32,
    /// What a person should know of it although it was taken.
    pub warnings: Vec<String>,
}

/// What is concluded of an entry, until it changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileState {
    /// A whole photo.
    Accepted(Photo),
    /// Meant as a photo, and cannot be taken.
    Rejected {
        /// Why, for the person who dropped it.
        reason: String,
    },
    /// Not meant as a photo.
    Ignored {
        /// Why, for the administrator.
        reason: String,
    },
}

/// What came of reading a file that had settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Examined {
    /// It is a whole photo.
    Accepted(Photo),
    /// It cannot be taken, whenever it is read.
    Rejected {
        /// Why.
        reason: String,
    },
    /// It could not be read now: an I/O error, or no right to. It is read again at each scan.
    Unreadable {
        /// Why.
        reason: String,
    },
    /// It changed while it was read.
    Changed,
    /// It is not there any more.
    Absent,
}
