//! A library that was replaced while the daemon runs, and a file of users that was: new deliveries go by the new one,
//! running ones end by the old.
//!
//! What is wanted of photos may be something else than before; whoever decides is told. A file that cannot be used
//! changes nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portraitd_reconcile::{BackendId, BackendSpec};
use tracing::{error, info, warn};

use super::{Backend, Backends};

/// How often libraries are looked at. One that is at two looks the same is whole.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Libraries stay in memory until the end, half a megabyte each; more than this are worth a warning.
const MANY_LIBRARIES: usize = 20;

/// Which file a library is, and what changes when it is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(PathBuf, [i64; 7]);

impl Stamp {
    /// The first file on the path with the library of a plugin; none while there is none.
    pub(super) fn of(plugin: &str, paths: &[PathBuf]) -> Option<Self> {
        Self::of_file(&portraitd_host::find(plugin, paths).ok()?)
    }

    /// This file; none while there is none.
    fn of_file(file: &Path) -> Option<Self> {
        let meta = file.metadata().ok()?;
        let id = [meta.dev(), meta.ino(), meta.size()].map(u64::cast_signed);
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        Some(Self(file.to_owned(), [id[0], id[1], id[2], times[0], times[1], times[2], times[3]]))
    }
}

/// Looks after the libraries of these backends and their files of users, for ever, and tells what a backend is with a new
/// one.
pub(crate) async fn follow(backends: Arc<Backends>, tell: impl Fn(BackendSpec)) {
    let stamps = |of: fn(&Backend) -> Option<Stamp>| {
        let known = backends.iter().map(|backend| (backend.id.clone(), of(backend))).collect();
        Looks { known, last: BTreeMap::new() }
    };
    let (mut libraries, mut files) = (stamps(|backend| backend.stamp.clone()), stamps(|_| None));
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let backends = Arc::clone(&backends);
        let look = tokio::task::spawn_blocking(move || {
            let replaced = backends.iter().filter_map(|backend| {
                let library = Stamp::of(&backend.plugin, &backends.opener.paths);
                let reloaded = libraries.is_new(&backend.id, library).then(|| backends.reload(backend)).flatten();
                let file = backend.naming.file().and_then(|file| Stamp::of_file(&file.path));
                let renamed = files.is_new(&backend.id, file).then(|| backends.rename(backend)).flatten();
                renamed.or(reloaded)
            });
            let replaced: Vec<_> = replaced.collect();
            (libraries, files, replaced)
        });
        // It ends early with the daemon only.
        let Ok((libraries_after, files_after, replaced)) = look.await else { return };
        (libraries, files) = (libraries_after, files_after);
        replaced.into_iter().for_each(&tell);
    }
}

/// Files that are looked at again and again.
struct Looks {
    /// The file that serves each backend, or that was refused.
    known: BTreeMap<BackendId, Option<Stamp>>,
    last: BTreeMap<BackendId, Option<Stamp>>,
}

impl Looks {
    /// Whether a backend has another file now, and one that is no longer written to.
    fn is_new(&mut self, backend: &BackendId, now: Option<Stamp>) -> bool {
        let last = self.last.insert(backend.clone(), now.clone());
        let is_new = now.is_some() && last.as_ref() == Some(&now) && self.known.get(backend) != Some(&now);
        if is_new {
            self.known.insert(backend.clone(), now);
        }
        is_new
    }
}

impl Backends {
    /// Reads the names of users anew.
    fn rename(&self, backend: &Backend) -> Option<BackendSpec> {
        let id = &backend.id;
        match backend.naming.reread() {
            Ok(Some(rows)) => info!(backend = %id, rows, "the file of users is used from now on"),
            Ok(None) => return None,
            Err(reason) => {
                error!(backend = %id, reason, "the file of users is not used");
                return None;
            }
        }
        Some(self.spec(backend))
    }

    fn reload(&self, backend: &Backend) -> Option<BackendSpec> {
        let (id, plugin) = (&backend.id, &backend.plugin);
        let newer = match self.opener.load(backend) {
            Ok(newer) => newer,
            Err(unusable) => {
                let reason = unusable.to_string();
                error!(backend = %id, plugin, reason, "the plugin's new library is not used");
                return None;
            }
        };
        info!(
            backend = %id, plugin, version = newer.identity().version,
            "the plugin's new library is used from now on"
        );
        backend.replace(Ok(Arc::new(newer)));
        let libraries = self.opener.host.libraries();
        if libraries > MANY_LIBRARIES {
            warn!(
                libraries,
                "many libraries of plugins were loaded, and all stay in memory until portraitd is restarted"
            );
        }
        Some(self.spec(backend))
    }
}
