//! A library that was replaced while the daemon runs: new deliveries go to the new one, running ones end on the old.
//!
//! What it wants of photos may be something else than before; whoever decides is told. A library that cannot be used
//! changes nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
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
        let file = portraitd_host::find(plugin, paths).ok()?;
        let meta = file.metadata().ok()?;
        let id = [meta.dev(), meta.ino(), meta.size()].map(u64::cast_signed);
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        Some(Self(file, [id[0], id[1], id[2], times[0], times[1], times[2], times[3]]))
    }
}

/// Looks after the libraries of these backends, for ever, and tells what a backend is with a new one.
pub(crate) async fn follow(backends: Arc<Backends>, tell: impl Fn(BackendSpec)) {
    let known = backends.iter().map(|backend| (backend.id.clone(), backend.stamp.clone())).collect();
    let mut looks = Looks { known, last: BTreeMap::new() };
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let backends = Arc::clone(&backends);
        let look = tokio::task::spawn_blocking(move || {
            let replaced = looks.look(&backends);
            (looks, replaced)
        });
        // It ends early with the daemon only.
        let Ok((after, replaced)) = look.await else { return };
        looks = after;
        replaced.into_iter().for_each(&tell);
    }
}

struct Looks {
    /// The library that serves each backend, or that was refused.
    known: BTreeMap<BackendId, Option<Stamp>>,
    last: BTreeMap<BackendId, Option<Stamp>>,
}

impl Looks {
    /// The backends that have a new library now.
    fn look(&mut self, backends: &Backends) -> Vec<BackendSpec> {
        let mut replaced = Vec::new();
        for backend in backends.iter() {
            let now = Stamp::of(&backend.plugin, &backends.opener.paths);
            let last = self.last.insert(backend.id.clone(), now.clone());
            if now.is_some() && last.as_ref() == Some(&now) && self.known.get(&backend.id) != Some(&now) {
                self.known.insert(backend.id.clone(), now);
                replaced.extend(backends.reload(backend));
            }
        }
        replaced
    }
}

impl Backends {
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
        Some(backend.spec(self.crop))
    }
}
