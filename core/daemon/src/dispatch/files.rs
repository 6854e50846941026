//! Performs `file-put` and `file-remove` below a directory: atomic, durable, and never outside it. Blocking. Knows no
//! backend and no user, and does not judge whether an effect should be performed.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::text::escape;

/// A directory into which files are published. All methods may be called from several threads and processes at once.
///
/// Each call follows the path anew, so that a directory that was moved away or mounted over is not written to through
/// an old handle. Below the directory no symbolic link is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileRoot {
    path: PathBuf,
}

/// What a put came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Put {
    /// `false` when a file with this content was there already and nothing was written.
    pub(crate) changed: bool,
}

/// Why an effect could not be performed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct FileTrouble {
    /// What a plugin decides by.
    pub(crate) kind: TroubleKind,
    /// What failed and why, for people.
    pub(crate) text: String,
}

/// Kinds of [`FileTrouble`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// No right to, or something is in the way that is not ours: a symbolic link, or a directory for a file.
    Denied,
    /// The file system is read-only.
    ReadOnly,
    /// The disk or the quota is full.
    NoSpace,
    /// The directory above the root is missing.
    NotFound,
    /// The path can be no path below the root.
    InvalidName,
    /// Anything else that the kernel says.
    Io,
}

impl FileRoot {
    /// Opens the directory at `path`, or makes it (mode 0755 less the umask) in a directory that must exist: a share
    /// that is not mounted is not replaced by a tree on the local disk.
    ///
    /// Removes what killed processes left half written in it. A process that is still writing holds a lock on its
    /// file (flock(2)), and keeps it.
    ///
    /// # Errors
    /// When there is no such directory and none can be made, or it is none.
    pub(crate) fn open_or_make(path: &Path) -> Result<Self, FileTrouble> {
        let root = Self { path: path.to_path_buf() };
        let doing = || format!("failed to open the folder `{}`", escape(path));
        let directory = root.open(Missing::Make).map_err(|errno| FileTrouble::new(doing(), errno))?;
        remove_leftovers(&directory).map_err(|errno| FileTrouble::new(doing(), errno))?;
        Ok(root)
    }

    /// Publishes `bytes` as the file `relative`: parts joined by `/`. Whoever looks sees the old file or the new one,
    /// whole; when this returns, the new one survives a power cut. Missing directories are made, also the root.
    /// The mode is 0644 less the umask.
    ///
    /// # Errors
    /// See [`TroubleKind`]. The old file is then as it was.
    pub(crate) fn put(&self, relative: &str, bytes: &[u8]) -> Result<Put, FileTrouble> {
        self.put_as(&quoted(relative), relative, bytes)
    }

    /// The same for a file whose name is not for everybody's eyes: `called` is what people are told in its place.
    ///
    /// # Errors
    /// As [`FileRoot::put`].
    pub(crate) fn put_as(&self, called: &str, relative: &str, bytes: &[u8]) -> Result<Put, FileTrouble> {
        let target = Target::parse(relative)?;
        self.try_put(&target, bytes).map_err(|refused| refused.tell("publish", called))
    }

    /// Removes the file `relative`, and then the directories above it that became empty, but never the root. Returns
    /// whether there was such a file.
    ///
    /// # Errors
    /// See [`TroubleKind`]. The file is then as it was.
    pub(crate) fn remove(&self, relative: &str) -> Result<bool, FileTrouble> {
        let target = Target::parse(relative)?;
        match self.try_remove(&target) {
            Ok(()) => Ok(true),
            Err(Refused::Errno(Errno::NOENT)) => Ok(false),
            Err(refused) => Err(refused.tell("remove", &quoted(relative))),
        }
    }

    fn try_put(&self, target: &Target<'_>, bytes: &[u8]) -> Result<Put, Refused> {
        let root = self.open(Missing::Make)?;
        if target.holds(&root, bytes)? {
            return Ok(Put { changed: false });
        }
        let temporary = Temporary::write(&root, bytes)?;
        let directory = target.place(&root, &temporary)?;
        sync_directory(&directory)?;
        Ok(Put { changed: true })
    }

    fn try_remove(&self, target: &Target<'_>) -> Result<(), Refused> {
        let root = self.open(Missing::Leave)?;
        let directory = target.descend(&root, Missing::Leave)?;
        target.regular_file(&directory)?.ok_or(Errno::NOENT)?;
        rustix::fs::unlinkat(&directory, target.file, AtFlags::empty())?;
        sync_directory(&directory)?;
        target.remove_empty_directories(&root);
        Ok(())
    }

    fn open(&self, missing: Missing) -> Result<OwnedFd, Errno> {
        match (rustix::fs::open(&self.path, DIRECTORY, Mode::empty()), missing) {
            (Err(Errno::NOENT), Missing::Make) => {
                make_directory(rustix::fs::CWD, self.path.as_os_str())?;
                rustix::fs::open(&self.path, DIRECTORY, Mode::empty())
            }
            (opened, _) => opened,
        }
    }
}

/// What to do about a directory that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Make,
    Leave,
}

/// A path below the root, in parts that are each a plain name.
struct Target<'a> {
    directories: Vec<&'a str>,
    file: &'a str,
}

impl<'a> Target<'a> {
    fn parse(relative: &'a str) -> Result<Self, FileTrouble> {
        let problem =
            if relative.len() > PATH_MAX { Some("is too long") } else { relative.split('/').find_map(problem_of) };
        if let Some(problem) = problem {
            let text = format!("`{}` {problem}", escape(relative));
            return Err(FileTrouble { kind: TroubleKind::InvalidName, text });
        }
        let mut directories: Vec<_> = relative.split('/').collect();
        let file = directories.pop().expect("a split text has at least one part");
        Ok(Self { directories, file })
    }

    /// Opens the directory of the file, part by part.
    fn descend(&self, root: &OwnedFd, missing: Missing) -> Result<OwnedFd, Refused> {
        let mut directory = root.try_clone().map_err(|error| errno_of(&error))?;
        for name in &self.directories {
            directory = enter(&directory, name, missing)?;
        }
        Ok(directory)
    }

    /// Gives the temporary file its name, and returns its directory. A removal at the same time may take a directory
    /// away that is still empty; it is then made again.
    fn place(&self, root: &OwnedFd, temporary: &Temporary<'_>) -> Result<OwnedFd, Refused> {
        let mut tries = 0;
        loop {
            let placed = self.descend(root, Missing::Make).and_then(|directory| {
                temporary.rename(&directory, self.file)?;
                Ok(directory)
            });
            match placed {
                Err(Refused::Errno(Errno::NOENT)) if tries < PLACE_TRIES => tries += 1,
                placed => return placed,
            }
        }
    }

    /// Whether the file is there with this very content.
    fn holds(&self, root: &OwnedFd, bytes: &[u8]) -> Result<bool, Refused> {
        let directory = match self.descend(root, Missing::Leave) {
            Err(Refused::Errno(Errno::NOENT)) => return Ok(false),
            found => found?,
        };
        let stat = self.regular_file(&directory)?;
        if stat.is_none_or(|stat| u64::try_from(stat.st_size) != Ok(bytes.len() as u64)) {
            return Ok(false);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let opened = rustix::fs::openat(&directory, self.file, flags, Mode::empty());
        // What cannot be read cannot be compared: it is written again.
        Ok(opened.is_ok_and(|file| is_same(File::from(file), bytes).unwrap_or(false)))
    }

    /// The status of the file; none when there is no such entry. Anything but a regular file is not ours to replace.
    fn regular_file(&self, directory: &OwnedFd) -> Result<Option<rustix::fs::Stat>, Refused> {
        match rustix::fs::statat(directory, self.file, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Some(stat)),
            Ok(_) => Err(Refused::InTheWay(self.file.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Innermost first, up to one that is not empty. The file is gone by now, so nothing here is an error.
    fn remove_empty_directories(&self, root: &OwnedFd) {
        for depth in (0..self.directories.len()).rev() {
            let above = Target { directories: self.directories[..depth].to_vec(), file: self.directories[depth] };
            let removed = above
                .descend(root, Missing::Leave)
                .is_ok_and(|directory| rustix::fs::unlinkat(&directory, above.file, AtFlags::REMOVEDIR).is_ok());
            if !removed {
                return;
            }
        }
    }
}

fn problem_of(part: &str) -> Option<&'static str> {
    match part {
        "" => Some("is absolute or has an empty part"),
        "." | ".." => Some("has a part `.` or `..`"),
        _ if part.len() > 255 => Some("has a part that is longer than 255 bytes"),
        _ if part.contains('\0') => Some("has a NUL character"),
        _ if part.starts_with(RESERVED) => Some("has a part that starts with `.portraitd-`"),
        _ => None,
    }
}

fn enter(directory: &OwnedFd, name: &str, missing: Missing) -> Result<OwnedFd, Refused> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    let mut opened = rustix::fs::openat(directory, name, flags, Mode::empty());
    if opened.as_ref().err() == Some(&Errno::NOENT) && missing == Missing::Make {
        make_directory(directory, OsStr::new(name))?;
        sync_directory(directory)?;
        opened = rustix::fs::openat(directory, name, flags, Mode::empty());
    }
    opened.map_err(|errno| match errno {
        Errno::NOTDIR | Errno::LOOP => Refused::InTheWay(name.into()),
        errno => errno.into(),
    })
}

/// Makes a directory, or finds that another thread was quicker.
fn make_directory(directory: impl AsFd, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::mkdirat(directory, name, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}

/// Makes new names in the directory survive a power cut. Some network file systems cannot, and say EINVAL.
fn sync_directory(directory: &OwnedFd) -> Result<(), Errno> {
    match rustix::fs::fsync(directory) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(()),
        synced => synced,
    }
}

fn is_same(mut file: File, bytes: &[u8]) -> io::Result<bool> {
    let mut buffer = vec![0; COMPARE_BUFFER];
    let mut rest = bytes;
    loop {
        let read = file.read(&mut buffer)?;
        match rest.split_at_checked(read) {
            Some((_, [])) if read == 0 => return Ok(true),
            Some((piece, after)) if read > 0 && piece == &buffer[..read] => rest = after,
            _ => return Ok(false),
        }
    }
}

/// A file that nobody was promised yet. It lies in the root, where a later start finds it when this process is killed.
/// Dropping it before the rename removes it.
struct Temporary<'a> {
    root: &'a OwnedFd,
    name: String,
    /// Holds the lock, also while there is nothing left to write.
    file: File,
}

impl<'a> Temporary<'a> {
    fn write(root: &'a OwnedFd, bytes: &[u8]) -> Result<Self, Errno> {
        let mut temporary = Self::make(root)?;
        temporary.file.write_all(bytes).map_err(|error| errno_of(&error))?;
        rustix::fs::fdatasync(&temporary.file)?;
        Ok(temporary)
    }

    /// Between the making and the lock, another process may take the file for a leftover: then it is made again.
    fn make(root: &'a OwnedFd) -> Result<Self, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let name = format!("{RESERVED}{:016x}{LEFTOVER}", random());
            let file = match rustix::fs::openat(root, &name, flags, Mode::from_raw_mode(0o644)) {
                Err(Errno::EXIST) => continue,
                opened => File::from(opened?),
            };
            let temporary = Self { root, name, file };
            // Without locks on this file system nobody takes it for a leftover either.
            let locked = rustix::fs::flock(&temporary.file, FlockOperation::LockExclusive);
            if locked.is_err() || rustix::fs::fstat(&temporary.file)?.st_nlink > 0 {
                return Ok(temporary);
            }
        }
    }

    fn rename(&self, directory: &OwnedFd, file: &str) -> Result<(), Errno> {
        rustix::fs::renameat(self.root, &self.name, directory, file)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing of this name. What cannot be removed is hidden, and left to the next start.
        rustix::fs::unlinkat(self.root, &self.name, AtFlags::empty()).ok();
    }
}

/// Removes the temporary files whose writers are dead: their locks are free.
fn remove_leftovers(root: &OwnedFd) -> Result<(), Errno> {
    let mut leftovers = Vec::new();
    let mut buffer = Vec::with_capacity(LIST_BUFFER);
    let mut names = RawDir::new(root, buffer.spare_capacity_mut());
    while let Some(named) = names.next() {
        let named = named?;
        let name = named.file_name().to_bytes();
        if name.starts_with(RESERVED.as_bytes()) && name.ends_with(LEFTOVER.as_bytes()) {
            leftovers.push(OsStr::from_bytes(name).to_owned());
        }
    }
    for name in leftovers {
        // One that cannot be removed is hidden and harms nobody.
        remove_leftover(root, &name).ok();
    }
    Ok(())
}

fn remove_leftover(root: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = rustix::fs::openat(root, name, flags, Mode::empty())?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    rustix::fs::unlinkat(root, name, AtFlags::empty())
}

/// The standard library seeds each of its hash maps at random; names need no more than that.
fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

enum Refused {
    Errno(Errno),
    InTheWay(String),
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl Refused {
    fn tell(self, verb: &str, called: &str) -> FileTrouble {
        let doing = format!("failed to {verb} {called}");
        match self {
            Self::Errno(errno) => FileTrouble::new(doing, errno),
            Self::InTheWay(part) => FileTrouble {
                kind: TroubleKind::Denied,
                text: format!("{doing}: `{}` is a symbolic link or another thing that is in the way", escape(part)),
            },
        }
    }
}

impl FileTrouble {
    fn new(doing: impl fmt::Display, errno: Errno) -> Self {
        Self { kind: TroubleKind::of(errno), text: format!("{doing}: {}", io::Error::from(errno)) }
    }
}

impl TroubleKind {
    const fn of(errno: Errno) -> Self {
        match errno {
            Errno::ACCESS | Errno::PERM | Errno::NOTDIR | Errno::ISDIR | Errno::LOOP => Self::Denied,
            Errno::ROFS => Self::ReadOnly,
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace,
            Errno::NOENT => Self::NotFound,
            Errno::NAMETOOLONG | Errno::ILSEQ => Self::InvalidName,
            _ => Self::Io,
        }
    }
}

fn quoted(relative: &str) -> String {
    format!("`{}`", escape(relative))
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const RESERVED: &str = ".portraitd-";
const LEFTOVER: &str = ".tmp";
const PATH_MAX: usize = 4000;
const PLACE_TRIES: u32 = 100;
const COMPARE_BUFFER: usize = 64 << 10;
const LIST_BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    fn root() -> (tempfile::TempDir, FileRoot) {
        let dir = tempfile::tempdir().unwrap();
        let root = FileRoot::open_or_make(&dir.path().join("portraits")).unwrap();
        (dir, root)
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[track_caller]
    fn refused(result: Result<Put, FileTrouble>, kind: TroubleKind) -> String {
        let trouble = result.expect_err("it must be refused");
        assert_eq!(trouble.kind, kind, "{trouble}");
        trouble.text
    }

    #[test]
    fn a_file_is_published_with_its_directories_and_nothing_else_is_left() {
        let (_dir, root) = root();
        assert_eq!(root.put("anna/thumb.jpg", b"photo"), Ok(Put { changed: true }));
        assert_eq!(fs::read(root.path.join("anna/thumb.jpg")).unwrap(), b"photo");
        assert_eq!(
            (names(&root.path), names(&root.path.join("anna"))),
            (vec!["anna".into()], vec!["thumb.jpg".into()])
        );
    }

    #[test]
    fn modes_are_those_that_others_can_read() {
        let (_dir, root) = root();
        root.put("a/b.jpg", b"photo").unwrap();
        let mode = |path: &str| fs::metadata(root.path.join(path)).unwrap().permissions().mode() & 0o777;
        let umask = 0o777 & !mode("a") & 0o755;
        assert_eq!((mode("a"), mode("a/b.jpg"), mode("")), (0o755 & !umask, 0o644 & !umask, 0o755 & !umask));
    }

    #[test]
    fn the_same_content_is_not_written_again() {
        let (_dir, root) = root();
        root.put("a.jpg", b"photo").unwrap();
        let before = fs::metadata(root.path.join("a.jpg")).unwrap();
        assert_eq!(root.put("a.jpg", b"photo"), Ok(Put { changed: false }));
        let after = fs::metadata(root.path.join("a.jpg")).unwrap();
        assert_eq!((before.ino(), before.ctime_nsec()), (after.ino(), after.ctime_nsec()));
        for other in [&b"phOto"[..], b"phot", b"photos", b""] {
            assert_eq!(root.put("a.jpg", other), Ok(Put { changed: true }));
            assert_eq!(fs::read(root.path.join("a.jpg")).unwrap(), other);
        }
    }

    #[test]
    fn content_is_compared_to_its_last_byte() {
        let (_dir, root) = root();
        let mut bytes = vec![7; 3 * COMPARE_BUFFER];
        root.put("a.jpg", &bytes).unwrap();
        assert_eq!(root.put("a.jpg", &bytes), Ok(Put { changed: false }));
        *bytes.last_mut().unwrap() = 8;
        assert_eq!(root.put("a.jpg", &bytes), Ok(Put { changed: true }));
    }

    #[test]
    fn a_reader_of_the_old_file_keeps_it_whole() {
        let (_dir, root) = root();
        root.put("a.jpg", b"old").unwrap();
        let mut open = File::open(root.path.join("a.jpg")).unwrap();
        root.put("a.jpg", b"new!").unwrap();
        let mut read = Vec::new();
        open.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"old");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (dir, root) = root();
        let long = "a".repeat(256);
        let deep = "a/".repeat(3000);
        for name in [
            "",
            "/etc/x",
            "../x",
            "a/../../x",
            "a//b",
            "a/",
            "./a",
            "a/.",
            "a\0b",
            ".portraitd-x",
            "a/.portraitd-1.tmp/b",
            &long,
            &deep,
        ] {
            refused(root.put(name, b"x"), TroubleKind::InvalidName);
            assert_eq!(root.remove(name).unwrap_err().kind, TroubleKind::InvalidName);
        }
        assert_eq!((names(dir.path()), names(&root.path)), (vec!["portraits".into()], vec![]));
        root.put(&"b".repeat(255), b"x").unwrap();
        root.put("..a/b..", b"x").unwrap();
    }

    #[test]
    fn a_symbolic_link_inside_is_not_followed() {
        let (dir, root) = root();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret.jpg"), "secret").unwrap();
        symlink(&outside, root.path.join("link")).unwrap();
        symlink(outside.join("secret.jpg"), root.path.join("link.jpg")).unwrap();
        for name in ["link/secret.jpg", "link/new.jpg", "link/a/b.jpg", "link.jpg"] {
            let text = refused(root.put(name, b"x"), TroubleKind::Denied);
            assert!(text.contains("symbolic link"), "{text}");
            assert_eq!(root.remove(name).unwrap_err().kind, TroubleKind::Denied);
        }
        assert_eq!(
            (names(&outside), fs::read(outside.join("secret.jpg")).unwrap()),
            (vec!["secret.jpg".into()], b"secret".to_vec())
        );
        assert_eq!(names(&root.path), ["link", "link.jpg"]);
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let (_dir, root) = root();
        fs::create_dir(root.path.join("a.jpg")).unwrap();
        fs::write(root.path.join("file"), "").unwrap();
        refused(root.put("a.jpg", b"x"), TroubleKind::Denied);
        refused(root.put("file/b.jpg", b"x"), TroubleKind::Denied);
        assert_eq!(root.remove("a.jpg").unwrap_err().kind, TroubleKind::Denied);
        assert_eq!(names(&root.path), ["a.jpg", "file"]);
    }

    #[test]
    fn removing_takes_the_emptied_directories_and_not_the_root() {
        let (_dir, root) = root();
        root.put("a/b/c/1.jpg", b"1").unwrap();
        root.put("a/2.jpg", b"2").unwrap();
        assert_eq!(root.remove("a/b/c/1.jpg"), Ok(true));
        assert_eq!(names(&root.path.join("a")), ["2.jpg"]);
        assert_eq!(root.remove("a/2.jpg"), Ok(true));
        assert!(names(&root.path).is_empty());
        for name in ["a/2.jpg", "none.jpg", "x/y/z.jpg"] {
            assert_eq!(root.remove(name), Ok(false), "{name}");
        }
        fs::remove_dir(&root.path).unwrap();
        assert_eq!(root.remove("a.jpg"), Ok(false));
        assert!(!root.path.exists());
    }

    #[test]
    fn a_root_that_was_taken_away_is_made_again_but_not_what_is_above_it() {
        let (dir, root) = root();
        fs::rename(&root.path, dir.path().join("away")).unwrap();
        root.put("a.jpg", b"1").unwrap();
        assert_eq!((names(&dir.path().join("away")), names(&root.path)), (vec![], vec!["a.jpg".into()]));
        let deeper = FileRoot::open_or_make(&dir.path().join("none/portraits")).unwrap_err();
        assert_eq!(deeper.kind, TroubleKind::NotFound);
        let file = FileRoot::open_or_make(&root.path.join("a.jpg")).unwrap_err();
        assert_eq!(file.kind, TroubleKind::Denied);
    }

    /// A kill between the writing and the rename leaves exactly what is left here.
    #[test]
    fn a_kill_before_the_rename_leaves_the_old_file_and_nothing_after_the_next_start() {
        let (_dir, root) = root();
        root.put("a/b.jpg", b"old").unwrap();
        fs::write(root.path.join(".portraitd-0123456789abcdef.tmp"), "new, half").unwrap();
        assert_eq!(fs::read(root.path.join("a/b.jpg")).unwrap(), b"old");
        FileRoot::open_or_make(&root.path).unwrap();
        assert_eq!(names(&root.path), ["a"]);
    }

    #[test]
    fn a_start_leaves_alone_what_a_living_process_writes_and_what_is_not_ours() {
        let (_dir, root) = root();
        let directory = root.open(Missing::Leave).unwrap();
        let living = Temporary::write(&directory, b"1").unwrap();
        for foreign in [".portraitd-x", "x.tmp", ".other.tmp"] {
            fs::write(root.path.join(foreign), "").unwrap();
        }
        symlink("x.tmp", root.path.join(".portraitd-link.tmp")).unwrap();
        FileRoot::open_or_make(&root.path).unwrap();
        assert_eq!(names(&root.path).len(), 5);
        assert!(root.path.join(&living.name).exists());
        drop(living);
        assert_eq!(names(&root.path).len(), 4);
    }

    #[test]
    fn puts_and_removals_at_once_lose_no_file() {
        let (_dir, root) = root();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let root = &root;
                scope.spawn(move || {
                    for round in 0..50 {
                        let (kept, brief) = (format!("d/{thread}/{round}.jpg"), format!("d/brief/{thread}.jpg"));
                        root.put(&brief, b"brief").unwrap();
                        root.put(&kept, b"kept").unwrap();
                        assert_eq!(root.remove(&brief), Ok(true));
                    }
                });
            }
        });
        let kept = (0..8).map(|thread| names(&root.path.join(format!("d/{thread}"))).len()).sum::<usize>();
        assert_eq!((kept, names(&root.path)), (400, vec!["d".into()]));
    }

    #[test]
    fn a_folder_that_may_not_be_written_is_denied() {
        if rustix::process::geteuid().is_root() {
            println!("skipped: file modes do not bind root");
            return;
        }
        let (_dir, root) = root();
        fs::set_permissions(&root.path, fs::Permissions::from_mode(0o555)).unwrap();
        refused(root.put("a.jpg", b"x"), TroubleKind::Denied);
    }

    #[test]
    fn the_kernels_words_become_kinds() {
        for (errno, kind) in [
            (Errno::ACCESS, TroubleKind::Denied),
            (Errno::ROFS, TroubleKind::ReadOnly),
            (Errno::NOSPC, TroubleKind::NoSpace),
            (Errno::DQUOT, TroubleKind::NoSpace),
            (Errno::NOENT, TroubleKind::NotFound),
            (Errno::NAMETOOLONG, TroubleKind::InvalidName),
            (Errno::STALE, TroubleKind::Io),
        ] {
            assert_eq!(TroubleKind::of(errno), kind);
        }
    }
}
