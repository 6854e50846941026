//! The configured backends with their plugins, opened and ready for conversations.
//!
//! Knows what a plugin wants of photos; sends nothing.

pub(crate) mod reload;
pub(crate) mod users;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use portraitd_host::Host;
use portraitd_pipeline::{self as pipeline, FaceCrop, Recipe, Style};
use portraitd_reconcile::{BackendId, BackendSpec, Owner, Users, Verify};
use portraitd_sdk::message::{Description, EffectKind, Example, Open, Operation};
use portraitd_sdk::{Failure, Fit, Identity, RenditionSpec, Verdict};
use serde_json::{Map, Value};
use tracing::{error, warn};

use crate::backends::reload::Stamp;
use crate::backends::users::Naming;
use crate::config::{BackendConfig, Config, Crop, OwnerMode, PhotoConfig, Rate, VerifyMode};
use crate::dispatch::memory::BackendMemory;
use crate::publish::Outage;
use crate::report::{Exit, Trouble, chain};
use crate::secrets::Secrets;
use crate::text::escape;
use crate::transport::Lane;

/// A backend of the configuration.
#[derive(Debug)]
pub(crate) struct Backend {
    /// Its name.
    pub(crate) id: BackendId,
    /// The plugin that serves it.
    pub(crate) plugin: String,
    open: Mutex<Opened>,
    config: BackendConfig,
    /// What its system calls users.
    pub(crate) naming: Naming,
    /// The way of its requests, whichever library words them.
    lane: Arc<Lane>,
    /// Its library as it was just before it was loaded.
    stamp: Option<Stamp>,
}

/// The opened plugin of a backend.
#[derive(Debug)]
pub(crate) struct OpenBackend {
    /// What the plugin says of itself.
    pub(crate) description: Description,
    /// The plugin's settings, with handles in the place of secrets.
    pub(crate) settings: Map<String, Value>,
    /// What its conversations share.
    pub(crate) channel: Arc<Channel>,
    /// What to converse with.
    pub(crate) handle: portraitd_host::Backend,
}

/// The opened plugin of a backend, or why that cannot be used.
pub(crate) type Opened = Result<Arc<OpenBackend>, String>;

/// What all conversations of a backend share, beside its plugin.
#[derive(Debug)]
pub(crate) struct Channel {
    /// The backend's name.
    pub(crate) backend: BackendId,
    /// Its secrets.
    pub(crate) secrets: Secrets,
    /// The way of its requests.
    pub(crate) lane: Arc<Lane>,
    /// What its plugin remembers.
    pub(crate) memory: Arc<BackendMemory>,
    /// The replies that a dry run assumes.
    pub(crate) examples: Vec<Example>,
}

impl OpenBackend {
    /// Who its plugin is.
    pub(crate) fn identity(&self) -> &Identity {
        self.handle.plugin().identity()
    }

    /// The origins that it will call.
    pub(crate) fn origins(&self) -> &[String] {
        self.handle.origins()
    }

    /// The renditions that every delivery needs, by the plugin's names.
    pub(crate) fn renditions(&self) -> &[RenditionSpec] {
        self.handle.renditions()
    }

    /// Whether its deliveries tell systems of pictures that they fetch here.
    pub(crate) fn publishes(&self) -> bool {
        self.handle.publishes()
    }

    pub(crate) fn can(&self, operation: Operation) -> bool {
        self.description.operations.contains(&operation)
    }

    /// Whether it sends requests.
    pub(crate) fn is_remote(&self) -> bool {
        self.identity().needs.iter().any(|need| need == EffectKind::Http.word())
    }
}

/// All enabled backends, by name.
#[derive(Debug)]
pub(crate) struct Backends {
    all: BTreeMap<BackendId, Backend>,
    common: Recipe,
    opener: Opener,
    /// Why systems cannot fetch pictures now, which matters to those backends that tell of pictures.
    outage: Outage,
}

impl Backends {
    /// Finds, loads and opens the plugin of every enabled backend. Private copies of the libraries go to `copies`.
    ///
    /// A library that is there and cannot be used leaves its backend down and the others working.
    ///
    /// # Errors
    /// What a person must mend in the configuration: no such plugin, settings that it refuses, an operation that it
    /// does not have, no place where the pictures are published that it tells of.
    pub(crate) fn open(config: &Config, copies: &Path) -> Result<Self, Trouble> {
        let published_at = config.publish.road().map(|(_, url)| url.to_string());
        let opener = Opener { host: host(copies)?, paths: config.plugins.directories(), published_at };
        let mut all = BTreeMap::new();
        for (id, backend) in config.backend.iter().filter(|(_, backend)| backend.enabled) {
            all.insert(id.clone(), opener.open(id, backend)?);
        }
        if all.is_empty() {
            warn!("no backend is enabled: photos are examined and delivered nowhere");
        }
        Ok(Self { all, common: recipe(&config.photo), opener, outage: Outage::default() })
    }

    /// The backend of a name.
    pub(crate) fn get(&self, id: &BackendId) -> Option<&Backend> {
        self.all.get(id)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Backend> {
        self.all.values()
    }

    /// How photos are rendered for all of them: a recipe without a picture.
    pub(crate) const fn common(&self) -> &Recipe {
        &self.common
    }

    /// What decisions are made by.
    pub(crate) fn specs(&self) -> Vec<BackendSpec> {
        self.iter().map(|backend| self.spec(backend)).collect()
    }

    /// The same for those whose deliveries tell systems of pictures that they fetch here.
    pub(crate) fn specs_that_publish(&self) -> Vec<BackendSpec> {
        self.iter().filter(|backend| backend.publishes()).map(|backend| self.spec(backend)).collect()
    }

    /// Whether deliveries of any tell systems of pictures that they fetch here.
    pub(crate) fn any_publishes(&self) -> bool {
        self.iter().any(Backend::publishes)
    }

    /// Why systems cannot fetch pictures now, for whoever finds out.
    pub(crate) fn outage(&self) -> Outage {
        self.outage.clone()
    }

    fn spec(&self, backend: &Backend) -> BackendSpec {
        let open = backend.open();
        let (shape, probes, sends, folds_case) = match &open {
            Ok(open) => {
                let (probes, sends) = (open.can(Operation::Probe), open.is_remote());
                (self.shape(&backend.plugin, open), probes, sends, open.handle.folds_case())
            }
            Err(_) => (String::new(), false, false, false),
        };
        let (users, unreadable) = match backend.naming.users(folds_case) {
            Ok(users) => (users, None),
            Err(reason) => (Users::same(), Some(reason)),
        };
        let broken = match open {
            Ok(open) => unreadable.or_else(|| self.outage.why().filter(|_| open.publishes())),
            Err(reason) => Some(reason),
        };
        BackendSpec {
            id: backend.id.clone(),
            shape,
            concurrency: backend.config.concurrency.get(),
            remove: backend.config.remove,
            probes,
            sends,
            users,
            verify: match backend.config.verify {
                VerifyMode::Off => Verify::Off,
                VerifyMode::After => Verify::After,
                VerifyMode::Daily => Verify::Daily,
            },
            owner: match backend.config.owner {
                OwnerMode::Portraitd => Owner::Portraitd,
                OwnerMode::User => Owner::User,
            },
            broken,
        }
    }

    /// What makes a delivery another one: the recipe, what the plugin says of its settings, and where what systems were told
    /// leads to.
    fn shape(&self, plugin: &str, open: &OpenBackend) -> String {
        let renditions = open.renditions().iter();
        let recipe: Vec<_> =
            renditions.map(|spec| format!("{}={}", spec.name, rendition(spec).canonical(&self.common.style))).collect();
        let shape = format!("{plugin}\n{}\n{}", recipe.join("\n"), open.handle.fingerprint());
        match self.opener.published_at.as_ref().filter(|_| open.publishes()) {
            Some(url) => format!("{shape}\n{url}"),
            None => shape,
        }
    }
}

impl Backend {
    fn new(id: &BackendId, config: &BackendConfig, stamp: Option<Stamp>) -> Self {
        Self {
            id: id.clone(),
            plugin: config.plugin.to_string(),
            open: Mutex::new(Err("its plugin is not open yet".into())),
            config: config.clone(),
            naming: Naming::read(&config.users),
            lane: Arc::new(Lane::new(config.timeout, config.rate.map(Rate::interval).unwrap_or_default())),
            stamp,
        }
    }

    fn replace(&self, opened: Opened) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = opened;
    }

    fn publishes(&self) -> bool {
        self.open().is_ok_and(|open| open.publishes())
    }

    /// Its plugin, by the library that serves it now. Whoever takes it keeps it for the whole of a delivery: the next one
    /// may want other pictures.
    pub(crate) fn open(&self) -> Opened {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A plugin's rendition as the pipeline makes it.
pub(crate) fn rendition(spec: &RenditionSpec) -> pipeline::RenditionSpec {
    pipeline::RenditionSpec {
        width: spec.width,
        height: spec.height,
        fit: match spec.fit {
            Fit::Exact => pipeline::Fit::Exact,
            Fit::AtMost => pipeline::Fit::AtMost,
        },
        max_bytes: spec.max_bytes.map(|max| max.get()),
    }
}

/// What the configuration says of all pictures, without any yet.
pub(crate) fn recipe(photo: &PhotoConfig) -> Recipe {
    let crop = match photo.crop {
        Crop::Face => pipeline::Crop::Face(FaceCrop { zoom: photo.zoom, eye_line: photo.eye_line }),
        Crop::Center => pipeline::Crop::Center,
        Crop::Upper => pipeline::Crop::Upper,
        Crop::None => pipeline::Crop::None,
    };
    let style = Style { crop, background: photo.background.0, linear_light: photo.linear_light };
    Recipe { style, reject: photo.reject.clone(), renditions: Vec::new() }
}

/// A host that keeps its copies of libraries in a directory.
pub(crate) fn host(copies: &Path) -> Result<Host, Trouble> {
    Host::new(copies).map_err(|error| {
        Trouble::new(Exit::Config, format!("failed to prepare `{}` for plugins", escape(copies))).caused_by(&error)
    })
}

#[derive(Debug)]
struct Opener {
    host: Host,
    paths: Vec<PathBuf>,
    /// Where pictures are published; none when they are not.
    published_at: Option<String>,
}

/// Opens one backend of the configuration with the library in a file, wherever that lies.
///
/// # Errors
/// Whatever is wrong with the file or with the backend's settings.
pub(crate) fn open_with(
    file: &Path,
    id: &BackendId,
    config: &BackendConfig,
    copies: &Path,
) -> Result<Backend, Trouble> {
    let plugin = portraitd_host::inspect(file).map_err(|error| trouble(id).caused_by(&error))?.name;
    if plugin != config.plugin.to_string() {
        let reason = format!("it is of the plugin `{}`, and the library is `{plugin}`", config.plugin);
        return Err(trouble(id).because(reason).hint("name a backend of that plugin"));
    }
    let opener = Opener { host: host(copies)?, paths: Vec::new(), published_at: None };
    let backend = Backend::new(id, config, None);
    match opener.load_file(&backend, file) {
        Ok(open) => backend.replace(Ok(Arc::new(open))),
        Err(Unusable::Misconfigured(trouble)) => return Err(trouble),
        Err(Unusable::Down(reason)) => return Err(trouble(id).because(reason)),
    }
    Ok(backend)
}

impl Opener {
    fn open(&self, id: &BackendId, config: &BackendConfig) -> Result<Backend, Trouble> {
        let backend = Backend::new(id, config, Stamp::of(&config.plugin.to_string(), &self.paths));
        match self.load(&backend) {
            Ok(open) => backend.replace(Ok(Arc::new(open))),
            Err(Unusable::Misconfigured(trouble)) => return Err(trouble),
            Err(Unusable::Down(reason)) => {
                error!(backend = %id, reason, "the backend is down: its plugin cannot be used");
                backend.replace(Err(reason));
            }
        }
        Ok(backend)
    }

    fn load(&self, backend: &Backend) -> Result<OpenBackend, Unusable> {
        let file = portraitd_host::find(&backend.plugin, &self.paths).map_err(|error| {
            let trouble = trouble(&backend.id).caused_by(&error);
            Unusable::Misconfigured(trouble.hint("check `plugin` of this backend, and plugins.path"))
        })?;
        let open = self.load_file(backend, &file)?;
        check_operations(&backend.id, &backend.config, &open).map_err(Unusable::Misconfigured)?;
        self.check_publishing(&backend.id, &open).map_err(Unusable::Misconfigured)?;
        Ok(open)
    }

    fn check_publishing(&self, id: &BackendId, open: &OpenBackend) -> Result<(), Trouble> {
        if open.publishes() && self.published_at.is_none() {
            let reason = "it tells the system URLs where pictures can be fetched, and no picture is published";
            let hint = "set publish.listen and publish.url, or a mode of the backend in which it sends the pictures";
            return Err(trouble(id).because(reason).hint(hint));
        }
        Ok(())
    }

    fn load_file(&self, backend: &Backend, file: &Path) -> Result<OpenBackend, Unusable> {
        let Backend { id, config, lane, .. } = backend;
        let plugin = self.host.load(file).map_err(|error| Unusable::Down(chain(&error)))?;
        let description = plugin.describe().map_err(|failure| Unusable::Down(failure.reason))?;
        let mut settings = config.settings.clone();
        let secrets = Secrets::take(&description.schema, &mut settings)
            .map_err(|why| Unusable::Misconfigured(in_settings(id, &why)))?;
        let handle = plugin.open(&opening(id, &settings)).map_err(|failure| refused(id, failure))?;
        let (memory, examples) = (Arc::default(), description.examples.clone());
        let channel = Channel { backend: id.clone(), secrets, lane: Arc::clone(lane), memory, examples };
        Ok(OpenBackend { description, settings, channel: Arc::new(channel), handle })
    }
}

/// The message that a backend's plugin is opened with.
pub(crate) fn opening(id: &BackendId, settings: &Map<String, Value>) -> Open {
    Open {
        backend: id.to_string(),
        settings: Value::Object(settings.clone()),
        host_version: env!("CARGO_PKG_VERSION").into(),
        caps: EffectKind::ALL.iter().map(|kind| kind.word().to_owned()).collect(),
    }
}

enum Unusable {
    Misconfigured(Trouble),
    Down(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misconfigured(trouble) => f.write_str(&trouble.reasons()),
            Self::Down(reason) => f.write_str(reason),
        }
    }
}

fn refused(id: &BackendId, failure: Failure) -> Unusable {
    if failure.verdict != Verdict::Config {
        return Unusable::Down(failure.reason);
    }
    let trouble = in_settings(id, &failure.reason);
    Unusable::Misconfigured(match failure.hint {
        Some(hint) => trouble.hint(hint),
        None => trouble,
    })
}

fn in_settings(id: &BackendId, why: &str) -> Trouble {
    trouble(id).because(format!("[backend.{id}.settings] {why}"))
}

fn check_operations(id: &BackendId, config: &BackendConfig, open: &OpenBackend) -> Result<(), Trouble> {
    if config.remove && !open.can(Operation::Remove) {
        let reason = format!("`remove = true`, and the plugin `{}` cannot remove pictures", config.plugin);
        return Err(trouble(id).because(reason).hint("leave `remove` out"));
    }
    if config.verify != VerifyMode::Off && !open.can(Operation::Verify) {
        let reason = format!("`verify`, and the plugin `{}` cannot tell what its system shows", config.plugin);
        return Err(trouble(id).because(reason).hint("leave `verify` out"));
    }
    Ok(())
}

fn trouble(id: &BackendId) -> Trouble {
    Trouble::new(Exit::Config, format!("failed to open the backend `{id}`"))
}
