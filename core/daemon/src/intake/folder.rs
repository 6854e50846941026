//! Looks into the drop folder: lists it, looks at one name, reads one file. Blocking, for a thread of its own: a dead
//! network mount can hold any of these calls for ever. It decides nothing about what it finds, and never writes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use portraitd_reconcile::{Entry, FileName, Identity, Kind, Listing, Looked, Stat};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::text::escape;

/// The open drop folder. Everything goes through the handle, so it keeps meaning the same directory when the path is
/// moved, unmounted or mounted over; [`Folder::same_as_path`] says whether that has happened.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    handle: OwnedFd,
    identity: Identity,
}

/// Why the folder itself cannot be used. Fits "failed to open the drop folder `drop`: ...".
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// ENOENT.
    #[error("there is no such folder")]
    Missing,
    /// A file, or something else.
    #[error("it is not a folder")]
    NotAFolder,
    /// EACCES or EPERM.
    #[error("this user may not read it")]
    Denied,
    /// Anything else that the kernel says.
    #[error("the file system refuses")]
    Io(#[source] io::Error),
}

/// What came of reading one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// All of its bytes, and its status, which was the same before and after.
    Bytes(Vec<u8>, Stat),
    /// It has so many bytes, more than the cap; nothing was read.
    TooLarge(u64),
    /// It is something else than a regular file; it was not opened.
    NotAFile(Kind),
    /// It is not what was expected, or it changed meanwhile. Nothing is known of its content.
    Changed,
    /// There is no such entry.
    Absent,
    /// The file system refuses, with its reason.
    Trouble(String),
}

/// The file system that the folder lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSystem {
    /// Only this machine writes here, so the kernel's events are complete.
    Local,
    /// Others may write without an event on this machine: network and user-space file systems, and those unknown here.
    Remote,
}

impl Folder {
    /// Opens the directory that `path` leads to now. Symbolic links on the way are followed: the administrator set them.
    ///
    /// # Errors
    /// When there is no such directory, or it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(FolderError::from)?;
        let identity = identity_of(&rustix::fs::fstat(&handle).map_err(FolderError::from)?);
        Ok(Self { path: path.to_path_buf(), handle, identity })
    }

    /// Whether the path still leads to the directory that is open. `false` after it was moved, replaced, unmounted or
    /// mounted over.
    ///
    /// # Errors
    /// When the path leads nowhere, or nothing can be said about it.
    pub(crate) fn same_as_path(&self) -> Result<bool, FolderError> {
        let there = rustix::fs::stat(&self.path).map_err(FolderError::from)?;
        Ok(identity_of(&there) == self.identity)
    }

    /// The file system that the open directory lies on.
    ///
    /// # Errors
    /// When the file system does not answer.
    pub(crate) fn file_system(&self) -> Result<FileSystem, FolderError> {
        let status = rustix::fs::fstatfs(&self.handle).map_err(FolderError::from)?;
        // The magic numbers have 32 bits; the field is wider on some machines and signed on others.
        Ok(FileSystem::from_magic(status.f_type as u32))
    }

    /// Lists everything in the folder, of any name and kind, without following links, in the kernel's order.
    ///
    /// Any error, of the list or of a single entry, ends up in `trouble`: a list that is too short without saying so
    /// would read as "these photos were taken away". An entry that vanished between being named and being looked at
    /// is simply gone.
    pub(crate) fn list(&self) -> Listing {
        let mut scan = Scan::default();
        if let Err(error) = self.list_into(&mut scan) {
            scan.trouble.get_or_insert_with(|| format!("failed to list the folder: {}", io::Error::from(error)));
        }
        Listing { identity: self.identity, entries: scan.entries, trouble: scan.trouble }
    }

    /// Asks the file system about one name. [`Looked::Absent`] is its own word (ENOENT) on a folder that still exists.
    pub(crate) fn look(&self, name: &FileName) -> Looked {
        match self.stat(name.as_os_str()) {
            Ok(stat) => Looked::Here(entry(name.clone(), &stat)),
            Err(Errno::NOENT) if self.still_exists() => Looked::Absent,
            Err(_) => Looked::Unknown,
        }
    }

    /// Reads one regular file of at most `max_bytes` in one go. With `expected`, only if its status is still that one.
    ///
    /// Links are not followed, a named pipe does not block, and a device is not opened.
    pub(crate) fn read(&self, name: &FileName, max_bytes: u64, expected: Option<&Stat>) -> Read {
        self.try_read(name.as_os_str(), max_bytes, expected).unwrap_or_else(|error| match error {
            Errno::NOENT if self.still_exists() => Read::Absent,
            // It was a regular file a moment ago, and now a link, or a socket or pipe.
            Errno::LOOP | Errno::NXIO => Read::Changed,
            error => Read::Trouble(io::Error::from(error).to_string()),
        })
    }

    fn list_into(&self, scan: &mut Scan) -> Result<(), Errno> {
        // A descriptor of its own: the position in the directory belongs to it.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&self.handle, ".", flags, Mode::empty())?;
        let mut buffer = Vec::with_capacity(LIST_BUFFER);
        let mut names = RawDir::new(&directory, buffer.spare_capacity_mut());
        while let Some(named) = names.next() {
            let named = named?;
            let name = named.file_name();
            if name != c"." && name != c".." {
                let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW);
                scan.add(OsStr::from_bytes(name.to_bytes()), stat);
            }
        }
        Ok(())
    }

    fn try_read(&self, name: &OsStr, max_bytes: u64, expected: Option<&Stat>) -> Result<Read, Errno> {
        let seen = self.stat(name)?;
        match kind_of(&seen) {
            Kind::File => {}
            other => return Ok(Read::NotAFile(other)),
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let mut file = File::from(rustix::fs::openat(&self.handle, name, flags, Mode::empty())?);
        let before = rustix::fs::fstat(&file)?;
        let stat = stat_of(&before);
        match kind_of(&before) {
            Kind::File if expected.is_some_and(|expected| *expected != stat) => Ok(Read::Changed),
            Kind::File if stat.size > max_bytes => Ok(Read::TooLarge(stat.size)),
            Kind::File => read_unchanged(&mut file, stat),
            other => Ok(Read::NotAFile(other)),
        }
    }

    fn stat(&self, name: &OsStr) -> Result<rustix::fs::Stat, Errno> {
        if matches!(name.as_bytes(), b"" | b"." | b"..") || name.as_bytes().contains(&b'/') {
            return Err(Errno::INVAL);
        }
        rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// In a directory that was deleted, every name is ENOENT.
    fn still_exists(&self) -> bool {
        rustix::fs::fstat(&self.handle).is_ok_and(|stat| stat.st_nlink > 0)
    }
}

/// Reads up to one byte more than there should be, so that a file that grows is noticed.
fn read_unchanged(file: &mut File, stat: Stat) -> Result<Read, Errno> {
    let mut bytes = Vec::with_capacity(usize::try_from(stat.size).map_err(|_| Errno::FBIG)? + 1);
    let read = file.by_ref().take(stat.size + 1).read_to_end(&mut bytes);
    read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let same = stat_of(&rustix::fs::fstat(&*file)?) == stat && bytes.len() as u64 == stat.size;
    Ok(if same { Read::Bytes(bytes, stat) } else { Read::Changed })
}

#[derive(Default)]
struct Scan {
    entries: Vec<Entry>,
    trouble: Option<String>,
}

impl Scan {
    fn add(&mut self, name: &OsStr, stat: Result<rustix::fs::Stat, Errno>) {
        match stat {
            Ok(stat) => self.entries.push(entry(FileName::new(name), &stat)),
            Err(Errno::NOENT) => {}
            Err(error) => {
                let reason = || format!("failed to look at `{}`: {}", escape(name), io::Error::from(error));
                self.trouble.get_or_insert_with(reason);
            }
        }
    }
}

fn entry(name: FileName, stat: &rustix::fs::Stat) -> Entry {
    Entry { name, kind: kind_of(stat), stat: stat_of(stat) }
}

const fn identity_of(stat: &rustix::fs::Stat) -> Identity {
    Identity { dev: stat.st_dev, ino: stat.st_ino }
}

fn kind_of(stat: &rustix::fs::Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        FileType::Directory => Kind::Directory,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        _ => Kind::Device,
    }
}

fn stat_of(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        dev: stat.st_dev,
        ino: stat.st_ino,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
        ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// The years 1677 to 2262; a file from beyond keeps the last moment that fits.
fn nanoseconds(seconds: i64, nanoseconds: u64) -> i64 {
    let below = i64::try_from(nanoseconds).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(below)
}

impl From<Errno> for FolderError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT => Self::Missing,
            Errno::NOTDIR => Self::NotAFolder,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            error => Self::Io(error.into()),
        }
    }
}

impl FileSystem {
    fn from_magic(magic: u32) -> Self {
        if LOCAL.contains(&magic) { Self::Local } else { Self::Remote }
    }
}

/// Magic numbers of file systems that only this machine writes to: statfs(2) and linux/magic.h. The list is of the local
/// ones, because to scan a local folder costs little and to trust the events of a remote one loses photos.
const LOCAL: [u32; 20] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683E, // Btrfs
    0x0102_1994, // tmpfs
    0x8584_58F6, // ramfs
    0x794C_7630, // overlayfs
    0xF2F5_2010, // F2FS
    0x2FC1_2FC1, // ZFS
    0xCA45_1A4E, // bcachefs
    0x3153_464A, // JFS
    0x5265_4973, // ReiserFS
    0x4D44,      // FAT
    0x2011_BAB0, // exFAT
    0x5346_544E, // NTFS
    0x7366_746E, // NTFS3
    0x482B,      // HFS+
    0x1501_3346, // UDF
    0x3434,      // NILFS
    0x2405_1905, // UBIFS
    0xF15F,      // eCryptfs
];

/// Room for about a thousand names at a time.
const LIST_BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    fn name(name: &str) -> FileName {
        FileName::new(name)
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        (dir, folder)
    }

    fn fill_with_each_kind(dir: &Path) {
        fs::write(dir.join("file.jpg"), "photo").unwrap();
        fs::create_dir(dir.join("folder.jpg")).unwrap();
        symlink("file.jpg", dir.join("link.jpg")).unwrap();
        symlink("nowhere", dir.join("broken.jpg")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, dir.join("fifo.jpg"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        drop(UnixListener::bind(dir.join("socket.jpg")).unwrap());
    }

    const KINDS: [(&str, Kind); 6] = [
        ("file.jpg", Kind::File),
        ("folder.jpg", Kind::Directory),
        ("link.jpg", Kind::Symlink),
        ("broken.jpg", Kind::Symlink),
        ("fifo.jpg", Kind::Fifo),
        ("socket.jpg", Kind::Socket),
    ];

    #[test]
    fn a_list_has_every_kind_of_entry_under_its_own_kind() {
        let (dir, folder) = folder();
        fill_with_each_kind(dir.path());
        let listing = folder.list();
        assert_eq!((listing.trouble, listing.identity), (None, folder.identity));
        let found: BTreeMap<_, _> = listing.entries.iter().map(|entry| (entry.name.clone(), entry.kind)).collect();
        assert_eq!(found, KINDS.into_iter().map(|(file, kind)| (name(file), kind)).collect());
    }

    #[test]
    fn a_list_has_hidden_and_unreadable_names_too_and_can_be_made_again() {
        let (dir, folder) = folder();
        let names = [&b".hidden"[..], b"\xff\xfe.jpg", b"a\nb.jpg", b"..."];
        for name in names {
            fs::write(dir.path().join(OsStr::from_bytes(name)), "").unwrap();
        }
        for _ in 0..2 {
            let mut found: Vec<_> = folder.list().entries.iter().map(|entry| entry.name.as_bytes().to_vec()).collect();
            found.sort();
            assert_eq!(found, [&b"..."[..], b".hidden", b"a\nb.jpg", b"\xff\xfe.jpg"]);
        }
    }

    #[test]
    fn a_list_longer_than_the_buffer_is_whole() {
        let (dir, folder) = folder();
        for number in 0..3000 {
            fs::write(dir.path().join(format!("{number:0>40}.jpg")), "").unwrap();
        }
        let listing = folder.list();
        assert_eq!((listing.entries.len(), listing.trouble), (3000, None));
    }

    #[test]
    fn the_status_in_a_list_is_that_of_the_file() {
        use std::os::unix::fs::MetadataExt as _;
        let (dir, folder) = folder();
        fs::write(dir.path().join("a.jpg"), "12345").unwrap();
        let expected = fs::metadata(dir.path().join("a.jpg")).unwrap();
        let stat = folder.list().entries[0].stat;
        assert_eq!((stat.dev, stat.ino, stat.size), (expected.dev(), expected.ino(), 5));
        assert_eq!(stat.mtime_ns, expected.mtime() * 1_000_000_000 + expected.mtime_nsec());
        assert_eq!(stat.ctime_ns, expected.ctime() * 1_000_000_000 + expected.ctime_nsec());
    }

    #[test]
    fn an_entry_that_cannot_be_looked_at_makes_the_list_incomplete() {
        let mut scan = Scan::default();
        scan.add(OsStr::new("gone.jpg"), Err(Errno::NOENT));
        assert_eq!(scan.trouble, None);
        scan.add(OsStr::new("bad\x1b.jpg"), Err(Errno::IO));
        scan.add(OsStr::new("worse.jpg"), Err(Errno::STALE));
        let trouble = scan.trouble.unwrap();
        assert!(trouble.starts_with(r"failed to look at `bad\x1b.jpg`: Input/output error"), "{trouble}");
    }

    #[test]
    fn a_deleted_folder_is_trouble_and_not_empty() {
        let (dir, folder) = folder();
        fs::remove_dir(dir.path()).unwrap();
        assert!(folder.list().trouble.is_some());
        assert_eq!(folder.look(&name("a.jpg")), Looked::Unknown);
        assert!(matches!(folder.read(&name("a.jpg"), 10, None), Read::Trouble(_)));
        assert!(matches!(folder.same_as_path(), Err(FolderError::Missing)));
    }

    #[test]
    fn a_folder_without_the_right_to_look_is_trouble_and_not_empty() {
        if rustix::process::geteuid().is_root() {
            println!("skipped: file modes do not bind root");
            return;
        }
        let (dir, folder) = folder();
        fs::write(dir.path().join("a.jpg"), "").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let (listing, looked) = (folder.list(), folder.look(&name("a.jpg")));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o000)).unwrap();
        let opened = Folder::open(dir.path());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(listing.trouble.is_some());
        assert_eq!(looked, Looked::Unknown);
        assert!(matches!(opened, Err(FolderError::Denied)));
    }

    #[test]
    fn a_folder_that_was_moved_and_made_again_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let (path, away) = (dir.path().join("drop"), dir.path().join("away"));
        fs::create_dir(&path).unwrap();
        let folder = Folder::open(&path).unwrap();
        assert!(folder.same_as_path().unwrap());
        fs::rename(&path, &away).unwrap();
        assert!(matches!(folder.same_as_path(), Err(FolderError::Missing)));
        fs::create_dir(&path).unwrap();
        fs::write(away.join("a.jpg"), "").unwrap();
        assert!(!folder.same_as_path().unwrap());
        assert_ne!(Folder::open(&path).unwrap().identity, folder.identity);
        assert!(matches!(folder.look(&name("a.jpg")), Looked::Here(_)), "the handle follows the directory");
    }

    #[test]
    fn a_folder_that_is_none_cannot_be_opened() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(matches!(Folder::open(&dir.path().join("none")), Err(FolderError::Missing)));
        assert!(matches!(Folder::open(&dir.path().join("file")), Err(FolderError::NotAFolder)));
    }

    #[test]
    fn a_look_tells_an_absent_name_from_one_that_is_there() {
        let (dir, folder) = folder();
        fill_with_each_kind(dir.path());
        for (file, kind) in KINDS {
            let Looked::Here(entry) = folder.look(&name(file)) else { panic!("{file}") };
            assert_eq!((entry.name, entry.kind), (name(file), kind));
        }
        assert_eq!(folder.look(&name("other.jpg")), Looked::Absent);
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_not_followed() {
        let (dir, folder) = folder();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/a.jpg"), "secret").unwrap();
        for out in ["sub/a.jpg", "..", ".", "", "/etc/passwd", "a\0b"] {
            assert_eq!(folder.look(&name(out)), Looked::Unknown, "{out:?}");
            assert!(matches!(folder.read(&name(out), 1 << 20, None), Read::Trouble(_)), "{out:?}");
        }
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let (dir, folder) = folder();
        fill_with_each_kind(dir.path());
        for (file, kind) in KINDS {
            match folder.read(&name(file), 100, None) {
                Read::Bytes(bytes, _) => assert_eq!((file, bytes.as_slice()), ("file.jpg", &b"photo"[..])),
                other => assert_eq!(other, Read::NotAFile(kind), "{file}"),
            }
        }
        assert_eq!(folder.read(&name("none.jpg"), 100, None), Read::Absent);
    }

    #[test]
    fn a_file_over_the_cap_is_not_read() {
        let (dir, folder) = folder();
        File::create(dir.path().join("huge.jpg")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(folder.read(&name("huge.jpg"), 32 << 20, None), Read::TooLarge(1 << 40));
        fs::write(dir.path().join("fits.jpg"), "12345").unwrap();
        assert!(matches!(folder.read(&name("fits.jpg"), 5, None), Read::Bytes(bytes, _) if bytes == b"12345"));
        assert_eq!(folder.read(&name("fits.jpg"), 4, None), Read::TooLarge(5));
    }

    #[test]
    fn a_file_that_is_not_the_expected_one_is_not_read() {
        let (dir, folder) = folder();
        let path = dir.path().join("a.jpg");
        fs::write(&path, "old").unwrap();
        let Looked::Here(entry) = folder.look(&name("a.jpg")) else { panic!("it is there") };
        assert!(
            matches!(folder.read(&name("a.jpg"), 100, Some(&entry.stat)), Read::Bytes(_, stat) if stat == entry.stat)
        );
        fs::write(dir.path().join("b"), "new").unwrap();
        fs::rename(dir.path().join("b"), &path).unwrap();
        assert_eq!(folder.read(&name("a.jpg"), 100, Some(&entry.stat)), Read::Changed);
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_not_taken() {
        let (dir, folder) = folder();
        let path = dir.path().join("a.jpg");
        fs::write(&path, "12345").unwrap();
        let Looked::Here(entry) = folder.look(&name("a.jpg")) else { panic!("it is there") };
        let mut file = File::open(&path).unwrap();
        fs::write(&path, "1234567").unwrap();
        assert_eq!(read_unchanged(&mut file, entry.stat), Ok(Read::Changed));
        fs::write(&path, "12").unwrap();
        let mut file = File::open(&path).unwrap();
        assert_eq!(read_unchanged(&mut file, entry.stat), Ok(Read::Changed));
    }

    #[test]
    fn file_systems_that_others_may_write_to_are_known_as_remote() {
        assert_eq!(FileSystem::from_magic(0xEF53), FileSystem::Local);
        // NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, and one that does not exist.
        for magic in [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x6573_5546, 0x0102_1997, 0x00C3_6400, 1] {
            assert_eq!(FileSystem::from_magic(magic), FileSystem::Remote);
        }
        let (_dir, folder) = folder();
        folder.file_system().unwrap();
    }

    #[test]
    fn times_of_any_year_are_kept_in_range() {
        assert_eq!(nanoseconds(-1, 500_000_000), -500_000_000);
        assert_eq!(nanoseconds(i64::MAX, 0), i64::MAX);
        assert_eq!(nanoseconds(i64::MIN, 999), i64::MIN + 999);
    }
}
