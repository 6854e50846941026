//! Which directories plugins may publish into, and which never.
//!
//! Opens them; what happens in them is [`files`](super::files)'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config::{Config, resolve};
use crate::dispatch::files::{FileRoot, FileTrouble, TroubleKind};
use crate::text::escape;

/// The directories that plugins publish into. Each is tidied once, when it is first used.
#[derive(Debug)]
pub(crate) struct Roots {
    /// Nothing is published into these, nor below them.
    forbidden: [PathBuf; 2],
    open: Mutex<BTreeMap<PathBuf, FileRoot>>,
}

impl Roots {
    /// Directories anywhere but in the drop folder, which is read only, and in the state directory.
    pub(crate) fn new(config: &Config) -> Self {
        Self { forbidden: [config.folder.path.clone(), config.state.path.clone()], open: Mutex::default() }
    }

    /// The directory, checked and tidied.
    ///
    /// # Errors
    /// When it lies where nothing is published, or cannot be opened.
    pub(crate) fn open(&self, path: &Path) -> Result<FileRoot, FileTrouble> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = open.get(path) {
            return Ok(root.clone());
        }
        if let Some(forbidden) = self.forbidden.iter().find(|forbidden| resolve(path).starts_with(resolve(forbidden))) {
            let (path, forbidden) = (escape(path), escape(forbidden));
            let text = format!("`{path}` lies in `{forbidden}`, where portraitd publishes nothing");
            return Err(FileTrouble { kind: TroubleKind::Denied, text });
        }
        let root = FileRoot::open_or_make(path)?;
        open.insert(path.to_owned(), root.clone());
        Ok(root)
    }
}
