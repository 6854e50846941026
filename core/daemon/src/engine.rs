//! What every command that works on the state needs: the lock, the ledger, the backends, and what is known of them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portraitd_ledger::{Ledger, Lock, LockError, OpenError};
use portraitd_reconcile::{BackendSpec, Brake, ConflictRule, Focus, Names, Policy, Reconciler, Snapshot, Verify};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, warn};

use crate::backends::Backends;
use crate::clock::Clock;
use crate::config::{Config, Conflict};
use crate::controller::{Controller, Event, Follow, Parts};
use crate::dispatch::Dispatcher;
use crate::dispatch::conversations::Conversations;
use crate::dispatch::dry::DryRun;
use crate::dispatch::performer::{Real, Stage};
use crate::dispatch::roots::Roots;
use crate::dispatch::studio::Studio;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::publish::{Publishing, Server};
use crate::report::{Exit, Trouble};
use crate::text::escape;
use crate::transport;
use crate::workers::Workers;

/// The state directory, held by this process, and what was written down in it.
pub(crate) struct State {
    /// Ends with the process, or when it is dropped.
    lock: Option<Lock>,
    /// None in a dry run.
    pub(crate) ledger: Option<Ledger>,
    snapshot: Snapshot,
}

impl State {
    /// Takes the state directory, which is made where it is not there.
    ///
    /// # Errors
    /// When another process has it, or it or the ledger cannot be used.
    pub(crate) fn take(config: &Config) -> Result<Self, Trouble> {
        let path = &config.state.path;
        let lock = Lock::take(path).map_err(|error| lock_trouble(path, &error))?;
        let opened = Ledger::open(&lock).map_err(|error| ledger_trouble(path, &error))?;
        if let Some(rebuilt) = &opened.rebuilt {
            error!(
                set_aside = escape(&rebuilt.set_aside),
                reason = crate::report::chain(&rebuilt.corruption),
                "the ledger was damaged and is set aside; a new one is begun, and every photo is delivered once more"
            );
        }
        Ok(Self { lock: Some(lock), ledger: Some(opened.ledger), snapshot: opened.snapshot })
    }

    /// Reads what was written down, to change nothing. Where there is no state yet, none is made.
    ///
    /// # Errors
    /// As [`State::take`].
    pub(crate) fn read(config: &Config) -> Result<Self, Trouble> {
        if !config.state.path.join(portraitd_ledger::FILE_NAME).exists() {
            return Ok(Self { lock: None, ledger: None, snapshot: Snapshot::default() });
        }
        Self::take(config).map(|state| Self { ledger: None, ..state })
    }

    /// Everything that is known, by the configuration's rules. The lock goes to the caller, to be kept until the end.
    ///
    /// # Errors
    /// When the configuration's rules cannot be used.
    pub(crate) fn restore(
        self,
        config: &Config,
        backends: Vec<BackendSpec>,
        focus: Focus,
        clock: Clock,
    ) -> Result<(Reconciler, Option<Ledger>, Option<Lock>), Trouble> {
        let now = clock.now();
        // The seed spreads retries; the state's age and the process make it another one at each start.
        let seed = u64::from(std::process::id()) << 32 ^ now.as_millis().unsigned_abs();
        let reconciler = Reconciler::restore(policy(config)?, focus, backends, self.snapshot, seed, now);
        Ok((reconciler, self.ledger, self.lock))
    }
}

/// A controller with all that it needs, and the lock of the state that it works on.
pub(crate) struct Engine {
    /// The loop.
    pub(crate) controller: Controller,
    /// The backends that it delivers to.
    pub(crate) backends: Arc<Backends>,
    /// What is to serve published pictures beside it.
    pub(crate) pictures: Option<Server>,
    /// To be kept until the loop has ended.
    pub(crate) lock: Option<Lock>,
}

impl Engine {
    /// Opens everything that a daemon or a pass needs.
    ///
    /// # Errors
    /// As [`State::take`] and [`Backends::open`].
    pub(crate) fn open(
        config: &Config,
        focus: Focus,
        dry: Option<DryRun>,
        follow: Option<Follow>,
    ) -> Result<Self, Trouble> {
        let clock = Clock::start();
        let state = if dry.is_some() { State::read(config)? } else { State::take(config)? };
        let backends = Arc::new(Backends::open(config, &copies(config))?);
        check_focus(&focus, &backends)?;
        let metrics = Metrics::default();
        let publishing = match dry {
            Some(_) => Publishing::default(),
            None => Publishing::open(config, backends.outage(), &metrics)?,
        };
        let Snapshot { deliveries, published, .. } = &state.snapshot;
        // A ledger that knows of no delivery was lost, if there were any: what it has forgotten goes on working until it is
        // delivered once more, and what is not by the next start goes then.
        let missing = if deliveries.is_empty() { Vec::new() } else { publishing.tidy(published.clone())? };
        let mut specs = backends.specs();
        if dry.is_some() {
            // What a system would show cannot be assumed, and the deliveries are what is to be shown.
            specs.iter_mut().for_each(|spec| spec.verify = Verify::Off);
        }
        let (mut reconciler, ledger, lock) = state.restore(config, specs, focus, clock)?;
        missing.iter().for_each(|(user, backend, picture)| reconciler.lost(user, backend, *picture, clock.now()));
        let Publishing { shelf, publisher, server } = publishing;
        let stage = match dry {
            Some(dry) => Stage::Dry(dry),
            None => Stage::Real(Arc::new(Real {
                roots: Roots::new(config),
                transport: transport(config, &backends)?,
                ledger: ledger.clone(),
                metrics: metrics.clone(),
                publisher,
            })),
        };
        let intake = Intake::new(config);
        let workers = Workers::start();
        let studio = Arc::new(Studio::new(intake.clone(), backends.common().clone(), workers.clone()));
        let dispatcher =
            Dispatcher { backends: Arc::clone(&backends), studio, conversations: Conversations { stage, clock } };
        let parts = Parts { reconciler, intake, workers, dispatcher, ledger, shelf, clock, follow, metrics };
        Ok(Self { controller: Controller::new(parts), backends, pictures: server, lock })
    }
}

/// Serves published pictures for as long as the loop turns, in `run` and in `sync`.
pub(crate) fn serve_pictures(pictures: Option<Server>, controller: &mut Controller, backends: Arc<Backends>) {
    let Some(pictures) = pictures else { return };
    let sender = controller.sender();
    let tell = move || {
        // A loop that is gone needs no port.
        backends.specs_that_publish().into_iter().for_each(|spec| drop(sender.send(Event::Respecified(spec))));
    };
    controller.run_beside(async move { match pictures.serve(tell).await {} });
}

fn check_focus(focus: &Focus, backends: &Backends) -> Result<(), Trouble> {
    let unknown = focus.backends.iter().flatten().find(|id| backends.get(id).is_none());
    unknown.map_or(Ok(()), |id| {
        let known: Vec<_> = backends.iter().map(|backend| backend.id.to_string()).collect();
        Err(Trouble::new(Exit::Config, format!("there is no enabled backend `{id}`"))
            .hint(format!("the enabled backends are: {}", known.join(", "))))
    })
}

/// What requests are sent with. It is made at once where a backend sends any.
///
/// # Errors
/// As [`Transport::new`](crate::transport::Transport::new).
pub(crate) fn transport(config: &Config, backends: &Backends) -> Result<transport::Lazy, Trouble> {
    let transport = transport::Lazy::new(&config.http);
    if backends.iter().any(|backend| backend.open().is_ok_and(|open| open.is_remote())) {
        transport.get()?;
    }
    Ok(transport)
}

/// Where private copies of plugin libraries are kept.
pub(crate) fn copies(config: &Config) -> PathBuf {
    config.state.path.join("plugins")
}

/// The control socket.
pub(crate) fn socket(config: &Config) -> PathBuf {
    config.state.path.join("control.sock")
}

/// What the names in the drop folder say.
///
/// # Errors
/// When `folder.user-id` cannot be used.
pub(crate) fn names(config: &Config) -> Result<Names, Trouble> {
    let folder = &config.folder;
    let extensions = folder.extensions.iter().map(|extension| extension.as_str().to_owned()).collect();
    Names::new(extensions, folder.user_id.as_str())
        .map_err(|error| Trouble::new(Exit::Config, "failed to use folder.user-id").caused_by(&error))
}

fn policy(config: &Config) -> Result<Policy, Trouble> {
    let (folder, photo) = (&config.folder, &config.photo);
    Ok(Policy {
        names: names(config)?,
        settle: folder.settle,
        conflict: match folder.conflict {
            Conflict::Refuse => ConflictRule::Refuse,
            Conflict::Newest => ConflictRule::Newest,
        },
        absence: folder.absence,
        brake: Brake { share: folder.brake.share() },
        limits: format!("{} {} {}", photo.max_bytes.0, photo.max_pixels.0, photo.min_side),
        reject: Vec::from_iter(photo.reject.iter().map(ToString::to_string)).join(" "),
        version: env!("CARGO_PKG_VERSION").into(),
    })
}

/// Why the lock of a state directory cannot be had.
pub(crate) fn lock_trouble(path: &Path, error: &LockError) -> Trouble {
    let path = escape(path);
    match error {
        LockError::Held { pid } => {
            let process = pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
            Trouble::new(Exit::StateInUse, format!("the state directory `{path}` is in use by {process}"))
                .hint("stop it first, or use another state.path")
        }
        LockError::Network { .. } => Trouble::new(Exit::Config, format!("failed to use the state directory `{path}`"))
            .caused_by(error)
            .hint("set state.path to a directory on a local disk"),
        _ => Trouble::new(Exit::Config, format!("failed to use the state directory `{path}`"))
            .caused_by(error)
            .hint("state.path must be a directory of the user that runs portraitd, closed to others"),
    }
}

fn ledger_trouble(path: &Path, error: &OpenError) -> Trouble {
    let trouble =
        Trouble::new(Exit::Config, format!("failed to open the ledger in `{}`", escape(path))).caused_by(error);
    match error {
        OpenError::Newer { .. } => trouble.hint("update portraitd, or use another state.path"),
        _ => trouble,
    }
}

/// Threads for what may block: one scan, one comparison and one look at the folder, which a dead mount can hold for ever,
/// one look at the plugins' libraries, and the others for files that are published or fetched and for names that are looked
/// up.
const BLOCKING_THREADS: usize = 20;

/// A runtime whose threads do not keep the process from ending: a read from a dead network mount never comes back.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("portraitd")
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .expect("the system gives a process its threads");
    let result = runtime.block_on(async {
        // A file size limit (setrlimit(2)) would kill the process before the ledger can say that it cannot write.
        let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        let _heard = signal(too_large).inspect_err(|error| warn!(%error, "a file size limit will kill portraitd"));
        work.await
    });
    runtime.shutdown_background();
    result
}

/// Says at the start what an administrator would want to know later.
pub(crate) fn warn_of_surprises(config: &Config, backends: &Backends) {
    for backend in backends.iter() {
        let Ok(open) = backend.open() else { continue };
        if let Some((key, why)) = open.channel.secrets.missing() {
            error!(backend = %backend.id, setting = key, why, "a secret cannot be read: the backend will be held");
        }
        for origin in open.origins().iter().filter(|origin| !is_confidential(origin)) {
            warn!(backend = %backend.id, origin, "requests go out without TLS: whoever is on the way reads secrets and photos");
        }
    }
    for (id, backend) in config.backend.iter().filter(|(_, backend)| !backend.enabled) {
        warn!(backend = %id, plugin = %backend.plugin, "the backend is not enabled");
    }
}

/// Whether what is sent there stays between the two: by TLS, or on this machine.
fn is_confidential(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else { return true };
    let host = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(authority, |(host, _)| host);
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_confidential() {
        for origin in ["https://chat.example.com", "http://127.0.0.1:3000", "http://localhost", "http://[::1]"] {
            assert!(is_confidential(origin), "{origin}");
        }
        for origin in
            ["http://chat.example.com", "http://10.0.0.1:3000", "http://127.example.com", "http://[fe80::1]:1"]
        {
            assert!(!is_confidential(origin), "{origin}");
        }
    }
}
