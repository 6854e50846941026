//! The safe face of a library: find, look, load, describe, open.
//!
//! Everything here blocks, for milliseconds where all is well; conversations, which are many, do not.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portraitd_sdk::message::{Answer, Description, LogLine, Open, Opened, Start};
use portraitd_sdk::{Failure, Identity, RenditionSpec, Verdict};

use crate::Blob;
use crate::conversation::{Conversation, Turn};
use crate::error::{LoadError, Refusal};
use crate::library::{Instance, Library};
use crate::look::{file_name, is_plugin_name, look};
use crate::pool::{OnPool, Pool, Watch, Wedged};
use crate::private::Private;
use crate::rules::origin;
use crate::words;

/// How long a call into a plugin may take before the plugin counts as wedged. Its steps take microseconds.
pub const STEP_LIMIT: Duration = Duration::from_secs(10);

/// Loads plugin libraries, each content once, from private copies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    private: Private,
    watch: Arc<Watch>,
    /// By the hash of their content.
    loaded: Mutex<HashMap<String, Code>>,
}

/// A loaded library with its threads.
#[derive(Clone, Debug)]
struct Code {
    library: &'static Library,
    pool: Arc<Pool>,
    /// Looks for calls that hang as long as there is anybody who can make one, also when the host is gone.
    _watch: Arc<Watch>,
}

impl Host {
    /// A host that keeps its private copies in `private` (made with mode 0700 where it is not there).
    ///
    /// Copies that were not used for an hour are removed.
    ///
    /// # Errors
    /// When the directory cannot be made, is another user's, is open to others, or is mounted noexec.
    pub fn new(private: &Path) -> Result<Self, LoadError> {
        let watch = Watch::begin().map_err(|error| Refusal::Threads(error).of(private))?;
        let private = Private::open(private)?;
        Ok(Self(Arc::new(Inner { private, watch, loaded: Mutex::default() })))
    }

    /// Looks at the library, copies it and loads the copy. Blocks for some milliseconds (reads the file).
    ///
    /// The same content gives the same library again, with its threads; another content at the same path gives the new
    /// one, while conversations on the old go on.
    ///
    /// # Errors
    /// Every reason not to trust or not to understand the file, each before any of its code runs.
    pub fn load(&self, file: &Path) -> Result<Plugin, LoadError> {
        let looked = look(file)?;
        let mut loaded = self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let code = match loaded.get(&looked.sha256) {
            Some(code) => code.clone(),
            None => {
                let copy = self.0.private.keep(&looked)?;
                let code = self.link(&copy, &looked.identity).map_err(|refusal| refusal.of(file))?;
                loaded.insert(looked.sha256.clone(), code.clone());
                code
            }
        };
        let (identity, file, sha256) = (looked.identity, looked.file, looked.sha256);
        Ok(Plugin(Arc::new(Loaded { identity, file, sha256, code })))
    }

    /// How many libraries it has loaded. Each stays in memory until the process ends.
    pub fn libraries(&self) -> usize {
        self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn link(&self, copy: &Path, identity: &Identity) -> Result<Code, Refusal> {
        let pool = Pool::new(&identity.name, STEP_LIMIT).map_err(Refusal::Threads)?;
        self.0.watch.over(&pool);
        // Constructors of the library run while it is loaded, so they run over there as well.
        let (copy, identity) = (copy.to_owned(), identity.clone());
        let loaded = pool.call_blocking(move || Library::load(&copy, &identity));
        let hangs = || Refusal::Linker { why: format!("it did not come back within {STEP_LIMIT:?}") };
        let library = loaded.unwrap_or_else(|_| Err(hangs()))?;
        Ok(Code { library, pool, _watch: self.0.watch.clone() })
    }

    /// [`find`] and [`Host::load`].
    ///
    /// # Errors
    /// Those of both.
    pub fn find(&self, name: &str, paths: &[PathBuf]) -> Result<Plugin, LoadError> {
        self.load(&find(name, paths)?)
    }
}

/// The first file `libportraitd_plugin_<name>.so` on the path (`-` in a name is `_` in the file's name).
///
/// # Errors
/// When there is none; the text lists where was looked.
pub fn find(name: &str, paths: &[PathBuf]) -> Result<PathBuf, LoadError> {
    if !is_plugin_name(name) {
        return Err(Refusal::Name.of(Path::new(name)));
    }
    let file = file_name(name);
    let found = paths.iter().map(|path| path.join(&file)).find(|file| file.symlink_metadata().is_ok());
    found.ok_or_else(|| {
        let searched: Vec<_> = paths.iter().map(|path| path.to_string_lossy().escape_debug().to_string()).collect();
        Refusal::NotFound { searched: searched.join(", ") }.of(Path::new(&file))
    })
}

/// Every plugin library on the path: in the path's order, then by name. A later file of the same name is left out, and
/// so is a directory that cannot be read.
pub fn list(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut names = BTreeSet::new();
    let directories = paths.iter().flat_map(|path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<BTreeSet<_>>()
    });
    directories.filter(|file| is_plugin_file(file) && names.insert(file.file_name().map(ToOwned::to_owned))).collect()
}

fn is_plugin_file(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("libportraitd_plugin_") && name.ends_with(".so")
}

/// Everything that [`Host::load`] looks at, without loading: owner, mode, wholeness, identity. Runs no code of the file.
///
/// # Errors
/// As [`Host::load`].
pub fn inspect(file: &Path) -> Result<Identity, LoadError> {
    look(file).map(|looked| looked.identity)
}

/// A loaded library. Cheap to clone; its code stays in memory until the process ends.
#[derive(Clone, Debug)]
pub struct Plugin(Arc<Loaded>);

#[derive(Debug)]
struct Loaded {
    identity: Identity,
    file: PathBuf,
    sha256: String,
    code: Code,
}

impl Plugin {
    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The file that it was loaded from (not the private copy).
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// Whether a call into it never came back. Then everything about it fails with `bug` at once.
    pub fn is_wedged(&self) -> bool {
        self.pool().is_wedged()
    }

    /// What holds for the plugin, whatever its settings. Blocks for at most [`STEP_LIMIT`] and the time to notice.
    ///
    /// # Errors
    /// `bug`, when the plugin panics, answers nonsense, or does not come back.
    pub fn describe(&self) -> Result<Description, Failure> {
        let library = self.library();
        let described = self.pool().call_blocking(|| library.describe());
        let answer = described.unwrap_or_else(|Wedged| Err(wedged())).map_err(|failure| self.named(failure))?;
        Ok(answer.answer)
    }

    /// Makes a backend of its settings. Blocks as [`Plugin::describe`] does.
    ///
    /// # Errors
    /// `config` when the plugin refuses the settings; `bug` when it misbehaves.
    pub fn open(&self, open: &Open) -> Result<Backend, Failure> {
        let (library, pool, open) = (self.library(), self.pool().clone(), open.clone());
        let opened = self.pool().call_blocking(move || {
            let opened = library.open(&open);
            opened.map(|(instance, answer)| (OnPool::new(Arc::new(instance), pool), answer))
        });
        let opened = opened.unwrap_or_else(|Wedged| Err(wedged())).map_err(|failure| self.named(failure));
        let (instance, Answer { answer: mut opened, log }) = opened?;
        let wrong = |failure: Failure| self.named(Failure::bug(failure.reason));
        RenditionSpec::check_all(&opened.renditions).map_err(wrong)?;
        let origins = opened.origins.iter().map(|text| origin(text)).collect::<Result<_, _>>();
        opened.origins = origins.map_err(|why| self.named(Failure::bug(why)))?;
        Ok(Backend(Arc::new(OpenBackend { plugin: self.clone(), instance, opened, log: words::log(log) })))
    }

    pub(crate) fn library(&self) -> &'static Library {
        self.0.code.library
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.0.code.pool
    }

    /// The failure as it can be shown, with the plugin's name where the plugin is to blame.
    pub(crate) fn named(&self, failure: Failure) -> Failure {
        let mut failure = words::failure(failure);
        if failure.verdict == Verdict::Bug {
            failure.reason = format!("plugin `{}`: {}", self.identity().name, failure.reason);
        }
        failure
    }
}

/// What everyone is told who waits for a library that hangs.
pub(crate) fn wedged() -> Failure {
    let reason = format!("it is wedged: a call into it did not come back within {STEP_LIMIT:?}");
    Failure::bug(reason).hint("restart the daemon, and tell the plugin's author")
}

/// One opened backend. Cheap to clone; closed when the last clone and the last conversation are gone.
#[derive(Clone, Debug)]
pub struct Backend(Arc<OpenBackend>);

#[derive(Debug)]
struct OpenBackend {
    plugin: Plugin,
    instance: OnPool<Arc<Instance>>,
    opened: Opened,
    log: Vec<LogLine>,
}

impl Backend {
    /// The plugin that it is of.
    pub fn plugin(&self) -> &Plugin {
        &self.0.plugin
    }

    /// The renditions that every delivery needs, in the order in which `start` wants their bytes.
    pub fn renditions(&self) -> &[RenditionSpec] {
        &self.0.opened.renditions
    }

    /// The origins that it will call: scheme, host, and the port where it is not the scheme's own.
    pub fn origins(&self) -> &[String] {
        &self.0.opened.origins
    }

    /// A text that changes when delivered photos became stale by a change of settings.
    pub fn fingerprint(&self) -> &str {
        &self.0.opened.fingerprint
    }

    /// Whether its system takes names of users that differ in nothing but case for one user.
    pub fn folds_case(&self) -> bool {
        self.0.opened.folds_case
    }

    /// Whether its deliveries use the effect `publish`.
    pub fn publishes(&self) -> bool {
        self.0.opened.publishes
    }

    /// What it said for the log when it was opened.
    pub fn log(&self) -> &[LogLine] {
        &self.0.log
    }

    /// Begins a conversation. `blobs[i]` are the bytes of the rendition whose `blob` is `i`.
    ///
    /// Dropping the future, or the conversation, cancels it: the plugin finishes it on its own threads.
    pub async fn start(&self, start: Start, blobs: Vec<Blob>) -> (Conversation, Turn) {
        Conversation::begin(self, start, blobs).await
    }

    pub(crate) fn instance(&self) -> Arc<Instance> {
        self.0.instance.get().clone()
    }
}
