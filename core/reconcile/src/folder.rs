//! What a look at the drop folder found.

use crate::{FileName, Kind, Stat};

/// Which directory the drop folder's path leads to. A share that is not mounted, or another that is mounted over it, differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Device number of the directory.
    pub dev: u64,
    /// Inode number of the directory.
    pub ino: u64,
}

/// One entry of the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its base name.
    pub name: FileName,
    /// What it is.
    pub kind: Kind,
    /// Its status.
    pub stat: Stat,
}

/// A scan of the folder.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The directory that was read.
    pub identity: Identity,
    /// What was in it.
    pub entries: Vec<Entry>,
    /// Why the scan is not complete. An entry that is missing from an incomplete scan proves nothing.
    pub trouble: Option<String>,
}

/// A look at one name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Looked {
    /// It is there.
    Here(Entry),
    /// The file system says that there is no such entry (ENOENT).
    Absent,
    /// No answer: an I/O error, or the folder itself is away.
    Unknown,
}
