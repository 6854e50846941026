//! A library that was replaced while the daemon runs: new conversations go to the new one, running ones end on the old.
//!
//! Takes a new library only where it says of itself what the old one said: decisions were made by that.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portraitd_reconcile::BackendId;
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

/// Looks after the libraries of these backends, for ever.
pub(crate) async fn follow(backends: Arc<Backends>) {
    let known = backends.iter().map(|backend| (backend.id.clone(), backend.stamp.clone())).collect();
    let mut looks = Looks { known, last: BTreeMap::new() };
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let backends = Arc::clone(&backends);
        let look = tokio::task::spawn_blocking(move || {
            looks.look(&backends);
            looks
        });
        // It ends early with the daemon only.
        looks = match look.await {
            Ok(looks) => looks,
            Err(_) => return,
        };
    }
}

struct Looks {
    /// The library that serves each backend, or that was refused.
    known: BTreeMap<BackendId, Option<Stamp>>,
    last: BTreeMap<BackendId, Option<Stamp>>,
}

impl Looks {
    fn look(&mut self, backends: &Backends) {
        for backend in backends.iter() {
            let now = Stamp::of(&backend.plugin, &backends.opener.paths);
            let last = self.last.insert(backend.id.clone(), now.clone());
            if now.is_some() && last.as_ref() == Some(&now) && self.known.get(&backend.id) != Some(&now) {
                self.known.insert(backend.id.clone(), now);
                backends.reload(backend);
            }
        }
    }
}

impl Backends {
    fn reload(&self, backend: &Backend) {
        let (id, plugin) = (&backend.id, &backend.plugin);
        let newer = match self.opener.load(id, &backend.config) {
            Ok(newer) => newer,
            Err(unusable) => {
                let reason = unusable.to_string();
                error!(backend = %id, plugin, reason, "the plugin's new library is not used");
                return;
            }
        };
        let version = newer.handle().plugin().identity().version.clone();
        match &backend.open {
            Ok(open) if open.replace(&newer) => {
                info!(backend = %id, plugin, version, "the plugin's new library is used from now on");
            }
            Ok(_) => warn!(
                backend = %id, plugin, version,
                "the plugin's new library wants other pictures or calls other systems: restart portraitd to use it"
            ),
            Err(_) => warn!(backend = %id, plugin, version, "the plugin can be used now: restart portraitd to use it"),
        }
        let libraries = self.opener.host.libraries();
        if libraries > MANY_LIBRARIES {
            warn!(
                libraries,
                "many libraries of plugins were loaded, and all stay in memory until portraitd is restarted"
            );
        }
    }
}
