//! What a folder looks like at one moment: every entry with its bytes, inode and times, so that "nothing was touched"
//! can be said exactly. It follows no symlink and changes nothing, not even access times that matter.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// All entries below a folder by their relative path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Snapshot(pub(crate) BTreeMap<PathBuf, Entry>);

/// One entry. Two equal ones were not written, replaced or touched between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) inode: u64,
    pub(crate) modified_ns: i128,
    pub(crate) bytes: Vec<u8>,
}

impl Snapshot {
    /// Looks at everything below `folder`; a folder that is not there is empty.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut entries = BTreeMap::new();
        collect(folder, folder, &mut entries);
        Self(entries)
    }

    /// The relative paths.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().map(|path| path.to_string_lossy().into_owned()).collect()
    }

    /// The names that are in only one of both, or differ.
    pub(crate) fn differences(&self, later: &Self) -> Vec<String> {
        let names = self.0.keys().chain(later.0.keys());
        let mut changed: Vec<_> = names
            .filter(|name| self.0.get(*name) != later.0.get(*name))
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        changed.dedup();
        changed
    }

    /// Panics with the names of what differs.
    pub(crate) fn assert_untouched(&self, folder: &Path) {
        let changed = self.differences(&Self::of(folder));
        assert!(changed.is_empty(), "changed in {}: {changed:?}", folder.display());
    }
}

fn collect(root: &Path, folder: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    let Ok(listing) = fs::read_dir(folder) else {
        return;
    };
    for entry in listing.map(Result::unwrap) {
        let path = entry.path();
        // A file may go away between the listing and the look: then it is not there.
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            collect(root, &path, entries);
            continue;
        }
        let bytes = if metadata.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let name = path.strip_prefix(root).expect("listed below the root").to_owned();
        entries.insert(name, Entry::new(&metadata, bytes));
    }
}

impl Entry {
    fn new(metadata: &fs::Metadata, bytes: Vec<u8>) -> Self {
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { inode: metadata.ino(), modified_ns, bytes }
    }
}
