//! Publishing, and taking away again: which effects are asked for, and what their errors mean.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use portraitd_sdk::message::{EffectError, EffectErrorKind, EffectKind, Outcome, User};
use portraitd_sdk::{Backend, Context, Failure, OpenContext, Photo, Receipt, Remove, Rendition, RenditionSpec};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::wire::Template;

/// The setting that holds the directory, as the effects name it.
const DIRECTORY: &str = "path";

/// A folder with pictures.
#[derive(Debug)]
pub struct Files {
    path: String,
    name: Template,
    renditions: Vec<RenditionSpec>,
}

impl Backend for Files {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] = &[EffectKind::FilePut, EffectKind::FileRemove];

    fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
        let Settings { path, name, renditions } = settings;
        if path.is_empty() || path.contains('\0') {
            return Err(Failure::config("`path`: it must name a folder"));
        }
        if renditions.is_empty() {
            return Err(Failure::config("`renditions`: there must be at least one"));
        }
        RenditionSpec::check_all(&renditions)?;
        let names: Vec<&str> = renditions.iter().map(|spec| spec.name.as_str()).collect();
        let name = Template::parse(&name, &names)?;
        Ok(Self { path, name, renditions })
    }

    fn renditions(&self) -> Vec<RenditionSpec> {
        self.renditions.clone()
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let paths = self.paths(&photo.user)?;
        let puts = paths.iter().zip(&photo.renditions).map(|(path, rendition)| put(cx, path, rendition));
        let outcomes = join_all(puts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let changed = outcomes.contains(&Outcome::Changed);
        let receipt = if changed { Receipt::changed() } else { Receipt::unchanged() };
        Ok(receipt.detail(json!({ "path": self.path, "files": paths })))
    }
}

impl Remove for Files {
    async fn remove(&self, cx: &Context, user: &User) -> Result<Receipt, Failure> {
        let mut paths: BTreeSet<String> = self.paths(user)?.into_iter().collect();
        // What was published by an earlier `name` or other renditions, if it was the last delivery.
        paths.extend(self.published(cx.receipt()));
        let removals = paths.iter().map(|path| remove(cx, path));
        join_all(removals).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Receipt::removed())
    }
}

impl Files {
    /// The path of each rendition, in their order.
    fn paths(&self, user: &User) -> Result<Vec<String>, Failure> {
        let path = |spec: &RenditionSpec| self.name.path(&user.id, &spec.name);
        let paths = self.renditions.iter().map(path).collect::<Result<_, _>>();
        paths.map_err(|why| Failure::unsupported(format!("the file name for this user {why}")))
    }

    /// The files that the last delivery published into the folder that is set now.
    fn published(&self, receipt: Option<&Value>) -> Vec<String> {
        let receipt = receipt.filter(|receipt| receipt["path"] == self.path.as_str());
        let files = receipt.and_then(|receipt| receipt["files"].as_array());
        files.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

async fn put(cx: &Context, path: &str, rendition: &Rendition) -> Result<Outcome, Failure> {
    let put = cx.put_file(DIRECTORY, path, rendition).await;
    // Without the path: it holds the user's id, and a reason may end up in a log.
    put.map_err(|error| failure(&format!("the file of `{}` could not be written", rendition.name()), &error))
}

async fn remove(cx: &Context, path: &str) -> Result<Outcome, Failure> {
    let removed = cx.remove_file(DIRECTORY, path).await;
    removed.map_err(|error| failure("a file of this user could not be removed", &error))
}

fn failure(what: &str, error: &EffectError) -> Failure {
    let reason = format!("{what}: {}", error.text);
    match error.kind {
        EffectErrorKind::Denied => {
            Failure::config(reason).hint("let the daemon's user write to the folder in `path` and to all in it")
        }
        EffectErrorKind::ReadOnly => Failure::config(reason).hint("`path` lies on a read-only file system"),
        EffectErrorKind::NotFound => Failure::config(reason).hint("check `path`"),
        EffectErrorKind::InvalidName => Failure::unsupported(reason),
        EffectErrorKind::NoSpace => Failure::retry(reason).hint("make room on the disk of `path`"),
        _ => Failure::retry(reason),
    }
}
