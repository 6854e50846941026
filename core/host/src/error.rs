//! Why a library is not loaded, in words that say what to do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use portraitd_sdk::AbiVersion;

/// Why a library is not loaded: which path, and what is wrong with it. Its text holds both, its source is the cause
/// below.
#[derive(Debug)]
pub struct LoadError {
    /// The file or directory that is refused.
    pub path: PathBuf,
    /// What is wrong with it.
    pub refusal: Refusal,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever bytes the path has.
        write!(f, "{}: {}", self.path.to_string_lossy().escape_debug(), self.refusal)
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.refusal.source()
    }
}

/// What is wrong with a library, or with a directory that it lies in. None of its code has run by then, except where
/// the variant says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no file of that name on the plugin path.
    #[error("not found in {searched}: build or copy it there, or set plugins.path")]
    NotFound {
        /// The directories that were searched.
        searched: String,
    },
    /// The name in the config cannot be a plugin's.
    #[error("not a plugin name: use 1 to 64 of a-z, 0-9 and -, beginning with a letter or digit")]
    Name,
    /// The file or directory cannot be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// It is a directory, a device or the like.
    #[error("not a regular file")]
    NotAFile,
    /// It is larger than any plugin.
    #[error("{bytes} bytes are more than the {max} that a plugin may have: is it a plugin?")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The most that is read.
        max: u64,
    },
    /// It belongs to somebody whom the daemon does not trust.
    #[error("belongs to user {owner}, and not to root or to the daemon's user {daemon}: chown it")]
    Owner {
        /// The owner's number.
        owner: u32,
        /// The number of the user that the daemon runs as.
        daemon: u32,
    },
    /// Everybody may write it.
    #[error("everybody may write to it: chmod o-w it")]
    WorldWritable,
    /// A group may write it that is not the owner's own.
    #[error("the group {group} may write to it, which is not the owner's own: chmod g-w it")]
    GroupWritable {
        /// The group's number.
        group: u32,
    },
    /// It was written to while it was read.
    #[error("it changed while it was read: load it again when the copy is complete")]
    Changed,
    /// It is no ELF shared library.
    #[error("not a shared library: {why}")]
    NotALibrary {
        /// What the parser found.
        why: String,
    },
    /// It ends early.
    #[error("it is not whole ({why}): copy it again")]
    NotWhole {
        /// What lies outside the file.
        why: String,
    },
    /// It is of another kind of machine.
    #[error("built for {found}, this daemon runs on {wanted}: build it for this machine")]
    Architecture {
        /// What the library is built for.
        found: String,
        /// What is needed.
        wanted: String,
    },
    /// It has no identity section.
    #[error("a shared library, but not a portraitd plugin: it has no section .portraitd")]
    NotAPlugin,
    /// Its identity section is not what it should be.
    #[error("its identity in the section .portraitd cannot be read: {why}")]
    Identity {
        /// What the parser found.
        why: String,
    },
    /// It speaks another ABI major.
    #[error("speaks plugin ABI {found}, this daemon speaks {ours}: {}", update(*.found, *.ours))]
    Abi {
        /// The plugin's.
        found: AbiVersion,
        /// The daemon's.
        ours: AbiVersion,
    },
    /// It needs effects that this daemon does not perform.
    #[error("needs `{needs}`, which this daemon cannot do: update the daemon")]
    Needs {
        /// The words, separated by commas.
        needs: String,
    },
    /// A panic in it would end the daemon.
    #[error("built with panic = \"{found}\", so a panic in it would end the daemon: build it with panic = \"unwind\"")]
    Panics {
        /// The strategy that it was built with.
        found: String,
    },
    /// Its name and its file's name differ.
    #[error("says that it is the plugin `{name}`, whose file is named {expected}: rename the file")]
    FileName {
        /// The name in its identity.
        name: String,
        /// The file name that belongs to that name.
        expected: String,
    },
    /// The directory for private copies is open to others.
    #[error("others may enter the directory for private copies (mode {mode:o}): chmod 700 it")]
    NotPrivate {
        /// Its permission bits.
        mode: u32,
    },
    /// No library can be loaded from the directory for private copies.
    #[error("the file system is mounted noexec, so no plugin can be loaded from it: move the state directory")]
    NoExec,
    /// The private copy cannot be made.
    #[error("the private copy cannot be made")]
    Copy(#[source] io::Error),
    /// The threads for it cannot be started.
    #[error("its threads cannot be started")]
    Threads(#[source] io::Error),
    /// The dynamic linker refuses it. Constructors of the library may have run.
    #[error("the dynamic linker refuses it: {why}")]
    Linker {
        /// What the linker says.
        why: String,
    },
    /// Its table is not what its identity says. Constructors of the library have run.
    #[error("its table {why}: rebuild it")]
    Table {
        /// What is wrong with it.
        why: String,
    },
}

impl Refusal {
    pub(crate) fn of(self, path: &Path) -> LoadError {
        LoadError { path: path.to_owned(), refusal: self }
    }
}

fn update(found: AbiVersion, ours: AbiVersion) -> String {
    if found.major > ours.major {
        return "update the daemon".into();
    }
    format!("rebuild it with the portraitd-sdk of ABI {}", ours.major)
}
