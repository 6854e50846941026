//! Pictures for systems that take them only by a URL: names that nobody can guess, files that stay for as long as the
//! delivery that told of them is the recorded one, and a port at which they are served.
//!
//! Which of them stay is `portraitd-reconcile`'s decision, and what is told to whom the plugins'.

mod answer;
mod key;
pub(crate) mod reach;
mod server;
mod shelf;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portraitd_reconcile::{BackendId, PictureName, Published, UserId};
use reqwest::Url;
use tracing::warn;

use crate::config::Config;
use crate::dispatch::files::FileTrouble;
use crate::metrics::Metrics;
use crate::report::Trouble;
use key::Key;
pub(crate) use server::Server;
pub(crate) use shelf::Shelf;

/// All that is needed to publish pictures.
#[derive(Debug, Default)]
pub(crate) struct Publishing {
    /// Where they lie. It is there also when nothing is published any more: what was published before goes with its
    /// deliveries.
    pub(crate) shelf: Option<Shelf>,
    /// What publishes them.
    pub(crate) publisher: Option<Publisher>,
    /// What serves them.
    pub(crate) server: Option<Server>,
}

impl Publishing {
    /// What the configuration wants. A port that cannot be had is told by `outage`.
    ///
    /// # Errors
    /// When the folder of pictures or its key cannot be used.
    pub(crate) fn open(config: &Config, outage: Outage, metrics: &Metrics) -> Result<Self, Trouble> {
        let state = &config.state.path;
        let Some(road) = config.publish.road() else {
            return Ok(Self { shelf: Shelf::open(state)?, ..Self::default() });
        };
        let shelf = Shelf::open_or_make(state)?;
        let publisher = Publisher::open(road.1, shelf.clone(), outage.clone())?;
        let server = Server::open(road, shelf.clone(), outage, metrics.clone());
        Ok(Self { shelf: Some(shelf), publisher: Some(publisher), server: Some(server) })
    }

    /// Removes the files that nothing was written down of, and gives back what was written down and has no file.
    ///
    /// # Errors
    /// When the files cannot be listed.
    pub(crate) fn tidy(&self, mut rows: Vec<Row>) -> Result<Vec<Row>, Trouble> {
        let Some(shelf) = &self.shelf else { return Ok(Vec::new()) };
        let missing = shelf.tidy(&rows.iter().map(|(.., picture)| picture.name).collect())?;
        if !missing.is_empty() {
            warn!(
                pictures = missing.len(),
                "published pictures are missing, and systems that were told of them find nothing: they are delivered once \
                 more"
            );
        }
        rows.retain(|(.., picture)| missing.contains(&picture.name));
        Ok(rows)
    }
}

/// A picture as it is written down, with its delivery.
pub(crate) type Row = (UserId, BackendId, Published);

/// Publishes pictures. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    key: Arc<Key>,
    shelf: Shelf,
    url: Url,
    outage: Outage,
}

impl Publisher {
    /// A publisher under this URL.
    ///
    /// # Errors
    /// When its key cannot be used.
    pub(crate) fn open(url: &Url, shelf: Shelf, outage: Outage) -> Result<Self, Trouble> {
        let key = Key::load_or_make(shelf.directory())?;
        Ok(Self { key: Arc::new(key), shelf, url: url.clone(), outage })
    }

    /// The name of a picture that is published for a user at a backend, always the same one; `sha256` is its digest in hex.
    pub(crate) fn name(&self, (user, backend): &(UserId, BackendId), sha256: &str) -> PictureName {
        self.key.name(user, backend, sha256)
    }

    /// Puts a picture there, durably. Blocks.
    ///
    /// # Errors
    /// As [`Shelf::put`].
    pub(crate) fn put(&self, name: &PictureName, bytes: &[u8]) -> Result<(), FileTrouble> {
        self.shelf.put(name, bytes)
    }

    /// Where a picture can be fetched.
    pub(crate) fn url(&self, name: &PictureName) -> String {
        url_of(&self.url, &shelf::file_name(name))
    }

    /// Why nobody can fetch a picture now, if so.
    pub(crate) fn outage(&self) -> Option<String> {
        self.outage.why()
    }
}

/// A file below a URL.
pub(crate) fn url_of(base: &Url, file: &str) -> String {
    format!("{}/{file}", base.as_str().trim_end_matches('/'))
}

/// Why nobody can fetch a picture now, if so. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outage(Arc<Mutex<Option<String>>>);

impl Outage {
    /// The reason; none when all is well.
    pub(crate) fn why(&self) -> Option<String> {
        self.lock().clone()
    }

    /// It begins.
    pub(crate) fn begin(&self, why: String) {
        *self.lock() = Some(why);
    }

    /// It is over.
    pub(crate) fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        // A plain value: whole whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
