//! The config file as types that cannot be wrong, and where it is looked for. Loads no plugin, opens no folder and
//! makes no directory: what a plugin's settings mean is checked against the plugin's own schema, elsewhere.

mod photo;
mod users;
mod values;
mod wrong;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portraitd_reconcile::BackendId;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use photo::{Crop, PhotoConfig};
pub(crate) use users::{UserFile, UsersConfig};
pub(crate) use values::{Concurrency, Extension, Listen, Percent, PluginName, Rate, UserIdPattern};
use wrong::Wrong;

use crate::report::{Exit, Trouble};
use crate::text::escape;

/// The whole file. Every section and every key may be left out; the defaults are those of `config/portraitd.toml`,
/// except that there is no backend unless the file names one.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// The drop folder.
    pub(crate) folder: FolderConfig,
    /// What portraitd keeps for itself.
    pub(crate) state: StateConfig,
    /// Which photos are taken and what pictures of them look like.
    pub(crate) photo: PhotoConfig,
    /// Where plugins are found.
    pub(crate) plugins: PluginsConfig,
    /// What is logged.
    pub(crate) log: LogConfig,
    /// Where the daemon tells of itself.
    pub(crate) admin: AdminConfig,
    /// How backends are reached over HTTP.
    pub(crate) http: HttpConfig,
    /// How systems fetch pictures from here.
    pub(crate) publish: PublishConfig,
    /// The backends by their names, sorted.
    #[serde(deserialize_with = "values::backends")]
    pub(crate) backend: BTreeMap<BackendId, BackendConfig>,
    /// How the daemon runs.
    pub(crate) run: RunConfig,
}

/// `[folder]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FolderConfig {
    /// The drop folder; relative to the working directory. It must exist: the daemon does not make it.
    #[serde(deserialize_with = "values::path")]
    pub(crate) path: PathBuf,
    /// How long a file must not have changed before it is read. More than zero, at most an hour.
    #[serde(deserialize_with = "values::duration")]
    pub(crate) settle: Duration,
    /// Time between two full scans. At least `settle`, at most a day.
    #[serde(deserialize_with = "values::duration")]
    pub(crate) rescan: Duration,
    /// Where the hints come from.
    pub(crate) watch: WatchMode,
    /// Which names are photos; at least one.
    pub(crate) extensions: Vec<Extension>,
    /// Which part of a name is the user.
    pub(crate) user_id: UserIdPattern,
    /// What happens when two files claim one user.
    pub(crate) conflict: Conflict,
    /// How long a photo must be missing before its user counts as gone.
    #[serde(deserialize_with = "values::duration")]
    pub(crate) absence: Duration,
    /// How many of the known photos may vanish within a day before a person is asked.
    pub(crate) brake: Percent,
}

impl Default for FolderConfig {
    fn default() -> Self {
        Self {
            path: "drop".into(),
            settle: Duration::from_secs(2),
            rescan: Duration::from_secs(5 * 60),
            watch: WatchMode::Auto,
            extensions: Extension::all(),
            user_id: UserIdPattern::default(),
            conflict: Conflict::Refuse,
            absence: Duration::from_secs(10 * 60),
            brake: Percent::default(),
        }
    }
}

/// `folder.watch`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WatchMode {
    /// Events where the file system reports them, scans on network file systems.
    Auto,
    /// Events always.
    Events,
    /// Scans only.
    Poll,
}

/// `folder.conflict`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Conflict {
    /// Neither file is sent, and both are told.
    Refuse,
    /// The file that changed last wins.
    Newest,
}

/// `[state]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StateConfig {
    /// Ledger, lock, control socket, private plugin copies and published pictures; relative to the working directory.
    #[serde(deserialize_with = "values::path")]
    pub(crate) path: PathBuf,
}

impl Default for StateConfig {
    fn default() -> Self {
        Self { path: "state".into() }
    }
}

/// `[plugins]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PluginsConfig {
    /// Directories, searched in this order. Empty means the default: see [`PluginsConfig::directories`].
    #[serde(deserialize_with = "values::paths")]
    pub(crate) path: Vec<PathBuf>,
}

impl PluginsConfig {
    /// The directories in which plugins are looked for, in order: `path`, or where that is empty the executable's
    /// directory and `/usr/lib/portraitd/plugins`.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        if !self.path.is_empty() {
            return self.path.clone();
        }
        let executable = std::env::current_exe().ok();
        let beside = executable.and_then(|path| path.parent().map(Path::to_path_buf));
        beside.into_iter().chain([PathBuf::from(PLUGINS)]).collect()
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LogConfig {
    /// What is worth a line.
    pub(crate) level: LogLevel,
    /// How a line looks.
    pub(crate) format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text }
    }
}

/// `log.level`. User ids are logged at `debug` and below only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// What a person must look at.
    Error,
    /// And what looks wrong.
    Warn,
    /// And what happens.
    Info,
    /// And to whom.
    Debug,
    /// And each step.
    Trace,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AdminConfig {
    /// Where health, metrics and counts are told over HTTP. Used by `run` alone.
    pub(crate) listen: Listen,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HttpConfig {
    /// A file of certificates in PEM that are trusted beside the system's own.
    #[serde(deserialize_with = "values::optional_path")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The proxy for all requests, as a URL.
    #[serde(deserialize_with = "values::optional_proxy")]
    pub(crate) proxy: Option<Url>,
}

/// `[publish]`: both keys, or neither.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PublishConfig {
    /// Where pictures are served, while `run` or `sync` works.
    #[serde(deserialize_with = "values::optional_address")]
    listen: Option<SocketAddr>,
    /// The URL by which systems reach that. Without a query, a fragment and a user.
    #[serde(deserialize_with = "values::optional_public_url")]
    url: Option<Url>,
}

impl PublishConfig {
    /// Where pictures are served, and the URL that leads there; none when nothing is published.
    pub(crate) fn road(&self) -> Option<(SocketAddr, &Url)> {
        self.listen.zip(self.url.as_ref())
    }

    fn check(&self) -> Result<(), (String, String)> {
        let lacking =
            |key: &str, other: &str| Err((format!("publish.{key}"), format!("needs publish.{other} beside it")));
        match (&self.listen, &self.url) {
            (Some(_), None) => lacking("listen", "url"),
            (None, Some(_)) => lacking("url", "listen"),
            _ => Ok(()),
        }
    }
}

/// `[backend.<name>]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BackendConfig {
    /// Which plugin serves it.
    pub(crate) plugin: PluginName,
    /// A backend that is not enabled is not loaded; what is recorded of it stays.
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// Deliveries at one time.
    #[serde(default)]
    pub(crate) concurrency: Concurrency,
    /// How many requests are sent in a time; as many as there are when there is none.
    #[serde(default)]
    pub(crate) rate: Option<Rate>,
    /// How long one request may take, its reply included: 1s to 1h. A conversation has ten times that.
    #[serde(default = "one_minute", deserialize_with = "values::duration")]
    pub(crate) timeout: Duration,
    /// Whether the picture of a user whose photo was taken away is removed.
    #[serde(default)]
    pub(crate) remove: bool,
    /// What the system calls users.
    #[serde(default)]
    pub(crate) users: UsersConfig,
    /// When the system is asked whether it shows what was delivered.
    #[serde(default)]
    pub(crate) verify: VerifyMode,
    /// Whose picture counts when it shows another one.
    #[serde(default)]
    pub(crate) owner: OwnerMode,
    /// The plugin's own settings as they are handed to it, not yet checked against its schema.
    #[serde(default, deserialize_with = "values::settings")]
    pub(crate) settings: Map<String, Value>,
}

/// `verify` of a backend
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VerifyMode {
    /// Never.
    #[default]
    Off,
    /// After each delivery.
    After,
    /// After each delivery, and every day.
    Daily,
}

/// `owner` of a backend
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OwnerMode {
    /// The photo of the drop folder.
    #[default]
    Portraitd,
    /// What the user has set, until that photo changes.
    User,
}

const fn yes() -> bool {
    true
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

/// `[run]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RunConfig {
    /// How long the daemon waits at its end for what is in flight; at most an hour.
    #[serde(deserialize_with = "values::duration")]
    pub(crate) grace: Duration,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self { grace: Duration::from_secs(20) }
    }
}

impl Config {
    /// Reads the file that `--config` names, or else the first that exists of `portraitd.toml` and
    /// `config/portraitd.toml` in the working directory and [`/etc/portraitd/portraitd.toml`](SYSTEM_FILE).
    ///
    /// The working directory is left out when root is started by a service manager (`INVOCATION_ID` is set, see
    /// systemd.exec(5)): who can write there could make root load a library.
    ///
    /// Returns the path beside the config, as it was found.
    ///
    /// # Errors
    /// All end with [`Exit::Config`]: no file, a file that cannot be read or that everybody may write, and anything
    /// wrong in it, with the line and the path of the key.
    pub(crate) fn load(explicit: Option<&Path>) -> Result<(Self, PathBuf), Trouble> {
        let candidates = match explicit {
            Some(path) => vec![path.to_path_buf()],
            None => candidates(rustix::process::geteuid().is_root(), std::env::var_os("INVOCATION_ID").is_some()),
        };
        let (file, path) = open_first(candidates)?;
        let config = read(file).and_then(|text| Self::parse(&text).map_err(ReadError::Wrong));
        match config {
            Ok(config) => Ok((config, path)),
            Err(error) => Err(error.into_trouble(&path)),
        }
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let config: Self = toml::from_str(text).map_err(|error| Wrong::from_toml(text, &error))?;
        config.check().map_err(|(key, problem)| Wrong::at_key(text, &key, problem))?;
        Ok(config)
    }

    /// What no single key can know. The first problem, with the key that a person would change.
    fn check(&self) -> Result<(), (String, String)> {
        let FolderConfig { settle, rescan, absence, .. } = self.folder;
        let rules = [
            ("folder.settle", (MOMENT..=HOUR).contains(&settle), "must be 1ms to 1h".into()),
            ("folder.rescan", rescan <= DAY, "must be at most 24h".into()),
            ("folder.rescan", rescan >= settle, format!("must be at least folder.settle, which is {}", show(settle))),
            ("folder.absence", (MOMENT..=YEAR).contains(&absence), "must be 1ms to 1year".into()),
            ("folder.extensions", !self.folder.extensions.is_empty(), "must name at least one".into()),
            ("run.grace", self.run.grace <= HOUR, "must be at most 1h".into()),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((key, _, problem)) => Err((key.into(), problem)),
            None => {
                self.photo.check()?;
                self.publish.check()?;
                self.check_places()?;
                self.check_backends()
            }
        }
    }

    fn check_backends(&self) -> Result<(), (String, String)> {
        self.backend.iter().try_for_each(|(id, backend)| {
            let wrong = |key: &str, problem: String| Err((format!("backend.{id}.{key}"), problem));
            if !(Duration::from_secs(1)..=HOUR).contains(&backend.timeout) {
                return wrong("timeout", "must be 1s to 1h".into());
            }
            let (timeout, at_once) = (backend.timeout, backend.concurrency.get() as u32);
            match backend.rate {
                // Each delivery in flight waits for its turn, and has ten times `timeout` for all that it does.
                Some(rate) if rate.interval() * at_once > timeout * 5 => wrong(
                    "rate",
                    format!(
                        "is too slow for {at_once} deliveries at a time, which would wait longer than they may: lower \
                         `concurrency`, or raise `timeout`"
                    ),
                ),
                _ => Ok(()),
            }
        })
    }

    /// Neither directory may lie in the other: portraitd never writes into the drop folder, and does not take its own
    /// files for photos.
    fn check_places(&self) -> Result<(), (String, String)> {
        let (folder, state) = (resolve(&self.folder.path), resolve(&self.state.path));
        if state.starts_with(&folder) {
            Err(("state.path".into(), format!("`{}` lies in the drop folder `{}`", escape(&state), escape(&folder))))
        } else if folder.starts_with(&state) {
            Err((
                "folder.path".into(),
                format!("`{}` lies in the state directory `{}`", escape(&folder), escape(&state)),
            ))
        } else {
            Ok(())
        }
    }
}

/// `path` without links and `..` as far as it exists, and by its text from there on.
pub(crate) fn resolve(path: &Path) -> PathBuf {
    let mut existing = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut rest = Vec::new();
    loop {
        if let Ok(resolved) = existing.canonicalize() {
            existing = resolved;
            break;
        }
        let Some(last) = existing.components().next_back() else {
            break;
        };
        rest.push(last.as_os_str().to_owned());
        existing.pop();
    }
    for part in rest.into_iter().rev() {
        if part == ".." {
            existing.pop();
        } else {
            existing.push(part);
        }
    }
    existing
}

fn show(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(duration)
}

fn candidates(root: bool, by_service_manager: bool) -> Vec<PathBuf> {
    let here: &[&str] = if root && by_service_manager { &[] } else { &["portraitd.toml", "config/portraitd.toml"] };
    here.iter().chain([&SYSTEM_FILE]).map(PathBuf::from).collect()
}

/// Opens the first file that exists. One that exists and cannot be opened is an error and not passed over: the next
/// would be a config that nobody expects.
fn open_first(candidates: Vec<PathBuf>) -> Result<(File, PathBuf), Trouble> {
    for path in &candidates {
        match File::open(path) {
            Ok(file) => return Ok((file, path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ReadError::Io(error).into_trouble(path)),
        }
    }
    let names: Vec<_> = candidates.iter().map(escape).collect();
    Err(Trouble::new(Exit::Config, "failed to find a config file")
        .because(format_args!("there is no {}", names.join(", no ")))
        .hint("name one with --config FILE"))
}

fn read(file: File) -> Result<String, ReadError> {
    let mode = file.metadata().map_err(ReadError::Io)?.mode();
    if mode & 0o002 != 0 {
        return Err(ReadError::WorldWritable { mode: mode & 0o7777 });
    }
    let mut bytes = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(ReadError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| ReadError::Wrong(Wrong::not_utf8(&error)))
}

enum ReadError {
    Io(io::Error),
    WorldWritable { mode: u32 },
    TooLarge,
    Wrong(Wrong),
}

impl ReadError {
    fn into_trouble(self, path: &Path) -> Trouble {
        let path = escape(path);
        let trouble = Trouble::new(Exit::Config, format_args!("failed to read the config file {path}"));
        match self {
            Self::Io(error) => trouble.caused_by(&error),
            Self::WorldWritable { mode } => trouble
                .because(format_args!("its mode is {mode:o}: everybody on this machine may change it"))
                .hint(format_args!("chmod o-w {path}")),
            Self::TooLarge => trouble.because("it is larger than 1 MiB"),
            Self::Wrong(wrong) => wrong.tell(trouble),
        }
    }
}

const SYSTEM_FILE: &str = "/etc/portraitd/portraitd.toml";
const PLUGINS: &str = "/usr/lib/portraitd/plugins";
const SIZE_MAX: u64 = 1 << 20;
const MOMENT: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

#[cfg(test)]
mod tests;
