//! Performs the effects that a plugin asks for, or only shows them.
//!
//! A plugin names a directory by the setting that holds it, and a picture by the name of a rendition; it never names a
//! path outside, and never sees one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portraitd_host::Blob;
use portraitd_sdk::message::{Effect, EffectError, EffectErrorKind, Reply};
use serde_json::{Map, Value};

use crate::config::{Config, resolve};
use crate::dispatch::effects::{FileRoot, FileTrouble, TroubleKind};
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

    fn open(&self, path: &Path) -> Result<FileRoot, FileTrouble> {
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

/// What happens to effects.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// They are performed.
    Real(Arc<Roots>),
    /// They are shown, a line each, and assumed to work.
    Dry(Arc<Mutex<Vec<String>>>),
}

/// Performs the effects of one conversation.
#[derive(Debug)]
pub(crate) struct Performer {
    stage: Stage,
    backend: String,
    settings: Map<String, Value>,
    renditions: BTreeMap<String, Blob>,
}

impl Performer {
    /// A performer for a backend with these settings, and these renditions by the plugin's names.
    pub(crate) fn new(
        stage: Stage,
        backend: String,
        settings: Map<String, Value>,
        renditions: BTreeMap<String, Blob>,
    ) -> Self {
        Self { stage, backend, settings, renditions }
    }

    /// Performs an effect and says what came of it. To drop the future is to cancel what has not begun.
    pub(crate) async fn perform(&self, effect: Effect) -> Reply {
        match effect {
            Effect::Sleep { ms } => {
                if let Stage::Real(_) = self.stage {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                Reply::Sleep {}
            }
            Effect::FilePut { directory, path, rendition } => self.put(&directory, path, &rendition).await,
            Effect::FileRemove { directory, path } => self.remove(&directory, path).await,
            other => error(EffectErrorKind::Denied, format!("`{}` is not performed", other.kind().word())),
        }
    }

    async fn put(&self, setting: &str, path: String, rendition: &str) -> Reply {
        let Some(bytes) = self.renditions.get(rendition).cloned() else {
            return error(EffectErrorKind::NotFound, format!("there is no rendition `{}`", escape(rendition)));
        };
        let directory = match self.directory(setting) {
            Ok(directory) => directory,
            Err(reply) => return reply,
        };
        match &self.stage {
            Stage::Dry(shown) => {
                let file = directory.join(&path);
                self.show(shown, format!("would write {} ({} bytes)", escape(file), bytes.len()));
                Reply::FilePut { changed: true }
            }
            Stage::Real(roots) => {
                let roots = Arc::clone(roots);
                let put = move || Ok(Reply::FilePut { changed: roots.open(&directory)?.put(&path, &bytes)?.changed });
                blocking(put).await
            }
        }
    }

    async fn remove(&self, setting: &str, path: String) -> Reply {
        let directory = match self.directory(setting) {
            Ok(directory) => directory,
            Err(reply) => return reply,
        };
        match &self.stage {
            Stage::Dry(shown) => {
                self.show(shown, format!("would remove {}", escape(directory.join(&path))));
                Reply::FileRemove { existed: true }
            }
            Stage::Real(roots) => {
                let roots = Arc::clone(roots);
                blocking(move || Ok(Reply::FileRemove { existed: roots.open(&directory)?.remove(&path)? })).await
            }
        }
    }

    fn directory(&self, setting: &str) -> Result<PathBuf, Reply> {
        let directory = self.settings.get(setting).and_then(Value::as_str).filter(|directory| !directory.is_empty());
        directory.map(PathBuf::from).ok_or_else(|| {
            error(EffectErrorKind::NotFound, format!("the setting `{}` does not hold a directory", escape(setting)))
        })
    }

    fn show(&self, shown: &Mutex<Vec<String>>, line: String) {
        shown.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {line}", self.backend));
    }
}

async fn blocking(act: impl FnOnce() -> Result<Reply, FileTrouble> + Send + 'static) -> Reply {
    match tokio::task::spawn_blocking(act).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(trouble)) => error(kind(trouble.kind), trouble.text),
        Err(_) => error(EffectErrorKind::Io, "portraitd is stopping".into()),
    }
}

const fn kind(kind: TroubleKind) -> EffectErrorKind {
    match kind {
        TroubleKind::Denied => EffectErrorKind::Denied,
        TroubleKind::ReadOnly => EffectErrorKind::ReadOnly,
        TroubleKind::NoSpace => EffectErrorKind::NoSpace,
        TroubleKind::NotFound => EffectErrorKind::NotFound,
        TroubleKind::InvalidName => EffectErrorKind::InvalidName,
        TroubleKind::Io => EffectErrorKind::Io,
    }
}

const fn error(kind: EffectErrorKind, text: String) -> Reply {
    Reply::Error(EffectError { kind, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    /// A performer whose setting `path` is `target`, beside a drop folder and a state directory.
    fn performer(home: &Path, target: &str, dry: Option<Arc<Mutex<Vec<String>>>>) -> Performer {
        for directory in ["drop", "state"] {
            std::fs::create_dir_all(home.join(directory)).unwrap();
        }
        let mut config = Config::default();
        config.folder.path = home.join("drop");
        config.state.path = home.join("state");
        let stage = dry.map_or_else(|| Stage::Real(Arc::new(Roots::new(&config))), Stage::Dry);
        let settings = json!({ "path": home.join(target), "number": 7 }).as_object().unwrap().clone();
        let renditions = BTreeMap::from([("thumb".to_owned(), Blob::from(*b"picture"))]);
        Performer::new(stage, "portraits".into(), settings, renditions)
    }

    fn put(setting: &str, rendition: &str) -> Effect {
        Effect::FilePut { directory: setting.into(), path: "anna/thumb.jpg".into(), rendition: rendition.into() }
    }

    fn refusal(reply: Reply) -> EffectErrorKind {
        match reply {
            Reply::Error(error) => error.kind,
            other => panic!("performed: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_rendition_is_published_and_taken_away_again() {
        let home = tempfile::tempdir().unwrap();
        let performer = performer(home.path(), "out", None);
        assert_eq!(performer.perform(put("path", "thumb")).await, Reply::FilePut { changed: true });
        assert_eq!(std::fs::read(home.path().join("out/anna/thumb.jpg")).unwrap(), b"picture");
        assert_eq!(performer.perform(put("path", "thumb")).await, Reply::FilePut { changed: false });
        let remove = Effect::FileRemove { directory: "path".into(), path: "anna/thumb.jpg".into() };
        assert_eq!(performer.perform(remove).await, Reply::FileRemove { existed: true });
        assert!(!home.path().join("out/anna").exists());
    }

    #[tokio::test]
    async fn nothing_is_published_into_the_drop_folder_or_the_state_by_any_path() {
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("drop", home.path().join("link")).unwrap();
        for target in ["drop", "drop/deeper", "state", "out/../drop", "link"] {
            let reply = performer(home.path(), target, None).perform(put("path", "thumb")).await;
            assert_eq!(refusal(reply), EffectErrorKind::Denied, "{target}");
        }
        assert_eq!(std::fs::read_dir(home.path().join("drop")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_plugin_names_directories_by_settings_and_pictures_by_renditions() {
        let home = tempfile::tempdir().unwrap();
        let performer = performer(home.path(), "out", None);
        for (setting, rendition) in [("number", "thumb"), ("/etc", "thumb"), ("path", "original")] {
            let reply = performer.perform(put(setting, rendition)).await;
            assert_eq!(refusal(reply), EffectErrorKind::NotFound, "{setting} {rendition}");
        }
    }

    #[tokio::test]
    async fn a_dry_run_shows_effects_and_performs_none() {
        let home = tempfile::tempdir().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let performer = performer(home.path(), "out", Some(Arc::clone(&shown)));
        assert_eq!(performer.perform(put("path", "thumb")).await, Reply::FilePut { changed: true });
        assert_eq!(performer.perform(Effect::Sleep { ms: 3_600_000 }).await, Reply::Sleep {});
        assert!(!home.path().join("out").exists());
        let file = home.path().join("out/anna/thumb.jpg");
        assert_eq!(*shown.lock().unwrap(), [format!("portraits: would write {} (7 bytes)", file.display())]);
    }
}
