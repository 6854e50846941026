//! The safe face of a library: find, look, load, describe, open.
use std::path::{Path, PathBuf};

use portraitd_sdk::message::{Description, LogLine, Open, Start};
use portraitd_sdk::{Failure, Identity, RenditionSpec};

use crate::{Blob, Conversation, LoadError, Turn};

/// Loads plugin libraries, each content once, from private copies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {}

impl Host {
    /// A host that keeps its private copies in `private` (made with mode 0700 where it is not there).
    ///
    /// # Errors
    /// When the directory cannot be made, is another user's, or others may enter it.
    pub fn new(private: &Path) -> Result<Self, LoadError> {
        todo!("{private:?}")
    }

    /// Looks at the library, copies it and loads the copy. Blocks for some milliseconds (reads the file).
    ///
    /// # Errors
    /// Every reason not to trust or not to understand the file, each before any of its code runs.
    pub fn load(&self, file: &Path) -> Result<Plugin, LoadError> {
        todo!("{file:?}")
    }

    /// [`find`] and [`Host::load`].
    ///
    /// # Errors
    /// Those of both.
    pub fn find(&self, name: &str, paths: &[PathBuf]) -> Result<Plugin, LoadError> {
        todo!("{name:?} {paths:?}")
    }
}

/// The first file `libportraitd_plugin_<name>.so` on the path (`-` in a name is `_` in the file's name).
///
/// # Errors
/// When there is none; the text lists where was looked.
pub fn find(name: &str, paths: &[PathBuf]) -> Result<PathBuf, LoadError> {
    todo!("{name:?} {paths:?}")
}

/// Every plugin library on the path, in the path's order and then by name; a later file of the same name is left out.
pub fn list(paths: &[PathBuf]) -> Vec<PathBuf> {
    todo!("{paths:?}")
}

/// Everything that [`Host::load`] looks at, without loading: owner, mode, wholeness, identity. Runs no code of the file.
///
/// # Errors
/// As [`Host::load`].
pub fn inspect(file: &Path) -> Result<Identity, LoadError> {
    todo!("{file:?}")
}

/// A loaded library. Cheap to clone; stays in memory until the process ends.
#[derive(Clone, Debug)]
pub struct Plugin {}

impl Plugin {
    /// Who it is.
    pub fn identity(&self) -> &Identity {
        todo!()
    }

    /// The file that it was loaded from (not the private copy).
    pub fn file(&self) -> &Path {
        todo!()
    }

    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        todo!()
    }

    /// Whether a call into it never came back. Then everything about it fails with `bug` at once.
    pub fn is_wedged(&self) -> bool {
        todo!()
    }

    /// What holds for the plugin, whatever its settings. Blocks for at most 10 s.
    ///
    /// # Errors
    /// `bug`, when the plugin panics, answers nonsense, or does not come back.
    pub fn describe(&self) -> Result<Description, Failure> {
        todo!()
    }

    /// Makes a backend of its settings. Blocks for at most 10 s.
    ///
    /// # Errors
    /// `config` when the plugin refuses the settings; `bug` when it misbehaves.
    pub fn open(&self, open: &Open) -> Result<Backend, Failure> {
        todo!("{open:?}")
    }
}

/// One opened backend. Cheap to clone; closed when the last clone and the last conversation are gone.
#[derive(Clone, Debug)]
pub struct Backend {}

impl Backend {
    /// The plugin that it is of.
    pub fn plugin(&self) -> &Plugin {
        todo!()
    }

    /// The renditions that every delivery needs, in the order in which `start` wants their bytes.
    pub fn renditions(&self) -> &[RenditionSpec] {
        todo!()
    }

    /// The origins that it will call.
    pub fn origins(&self) -> &[String] {
        todo!()
    }

    /// A text that changes when delivered photos became stale by a change of settings.
    pub fn fingerprint(&self) -> &str {
        todo!()
    }

    /// What it said for the log when it was opened.
    pub fn log(&self) -> &[LogLine] {
        todo!()
    }

    /// Begins a conversation. `blobs[i]` are the bytes of the rendition whose `blob` is `i`.
    ///
    /// Dropping the future, or the conversation, cancels it: the plugin finishes it on its own threads.
    pub async fn start(&self, start: Start, blobs: Vec<Blob>) -> (Conversation, Turn) {
        todo!("{start:?} {blobs:?}")
    }
}
