//! One delivery from its assignment to its outcome: make the renditions, let the attempt be counted, lead the conversation.
//!
//! Decides nothing. The order matters: what cannot be rendered touches no backend and costs no attempt, and no plugin
//! is called before its attempt is durably counted.

pub(crate) mod conversations;
mod converse;
pub(crate) mod dry;
pub(crate) mod files;
pub(crate) mod memory;
pub(crate) mod performer;
pub(crate) mod roots;
pub(crate) mod studio;
pub(crate) mod witness;
pub(crate) mod wording;

use std::sync::Arc;
use std::time::Instant;

use portraitd_pipeline::{Rendition, RenditionSpec, Warning};
use portraitd_reconcile::{BackendId, Delivery, Examined, Operation, Outcome, Target, Verdict};
use portraitd_sdk::message::{self, Start};

use crate::backends::{Backend, Backends, OpenBackend, Opened, rendition};
use crate::dispatch::conversations::{Conversations, Planned};
use crate::dispatch::studio::{Order, Pictures, Studio};
use crate::intake::folder::Folder;

/// What deliveries are made with. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Dispatcher {
    /// The backends.
    pub(crate) backends: Arc<Backends>,
    /// Where renditions come from.
    pub(crate) studio: Arc<Studio>,
    /// How plugins are talked with.
    pub(crate) conversations: Conversations,
}

/// An attempt that was counted.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Which one at this target it is, from 1.
    pub(crate) attempt: u32,
    /// What the last delivery that was done left behind.
    pub(crate) receipt: Option<String>,
    /// Whether the system is asked afterwards whether it shows the photo.
    pub(crate) verified: bool,
}

/// What a delivery is made with. The plugin is the one that wanted these pictures, whatever serves the backend by now.
#[derive(Debug)]
pub(crate) struct Prepared {
    open: Opened,
    pictures: Pictures,
}

impl Prepared {
    /// What has to be said of the photo where its pictures are shown.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = Warning> {
        self.pictures.warnings.iter().copied()
    }
}

impl Dispatcher {
    /// The plugin and the renditions for a delivery; none of these for what sends no picture.
    ///
    /// # Errors
    /// What the photo turned out to be instead.
    pub(crate) async fn prepare(&self, delivery: &Delivery, folder: Arc<Folder>) -> Result<Prepared, Examined> {
        let open = self.opened(&delivery.backend);
        let photo = delivery.photo.clone().filter(|_| delivery.operation == Operation::Deliver);
        let Some((file, digest)) = photo else { return Ok(Prepared { open, pictures: Pictures::default() }) };
        let wanted = recipe(&open);
        let others = delivery.wave.iter().filter(|backend| **backend != delivery.backend);
        let soon = others.flat_map(|backend| recipe(&self.opened(backend))).collect();
        let pictures = self.studio.pictures(Order { folder, file, digest, wanted, soon }).await?;
        Ok(Prepared { open, pictures })
    }

    /// Makes an attempt that was counted.
    pub(crate) async fn attempt(&self, delivery: &Delivery, prepared: Prepared, begun: Begun) -> (Outcome, u64) {
        let started = Instant::now();
        let Prepared { open, pictures: Pictures { renditions: made, .. } } = prepared;
        let outcome = match (self.backends.get(&delivery.backend), open) {
            (Some(backend), Ok(open)) => {
                let about = Some((delivery.user.clone(), delivery.backend.clone()));
                let start = self.start(delivery, &open, &made, begun);
                self.conversations.lead(backend, &open, Planned { start, made, about }, None).await
            }
            (_, open) => unusable(open),
        };
        (outcome, u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Asks a backend's plugin whether its credentials and settings work. A dry run asks nobody: what a system would say
    /// of credentials cannot be assumed, and the deliveries are what is to be shown.
    pub(crate) async fn probe(&self, backend: &BackendId) -> Outcome {
        match (self.backends.get(backend), self.opened(backend)) {
            (Some(_), Ok(_)) if self.conversations.is_dry() => Outcome::of(Verdict::Unchanged),
            (Some(backend), Ok(open)) => self.conversations.probe(backend, &open).await,
            (_, open) => unusable(open),
        }
    }

    fn opened(&self, id: &BackendId) -> Opened {
        self.backends.get(id).map_or_else(|| Err("the backend is not configured".into()), Backend::open)
    }

    fn start(&self, delivery: &Delivery, open: &OpenBackend, made: &[Arc<Rendition>], begun: Begun) -> Start {
        let op = match delivery.operation {
            Operation::Deliver => message::Operation::Deliver,
            Operation::Remove => message::Operation::Remove,
            Operation::Verify | Operation::Adopt => message::Operation::Verify,
        };
        let target = match delivery.target {
            Target::Photo(fingerprint) => fingerprint.to_string(),
            Target::Removal => "removal".into(),
        };
        let photo = delivery.photo.as_ref().map(|(_, digest)| conversations::photo(open, digest, made));
        Start {
            user: Some(conversations::user(&delivery.user, &delivery.remote)),
            photo,
            receipt: begun.receipt.and_then(|receipt| serde_json::from_str(&receipt).ok()),
            attempt: begun.attempt,
            verified: begun.verified,
            ..self.conversations.blank(open, op, &format!("{} {} {target}", delivery.backend, delivery.user))
        }
    }
}

fn recipe(open: &Opened) -> Vec<RenditionSpec> {
    open.iter().flat_map(|open| open.renditions()).map(rendition).collect()
}

fn unusable(open: Opened) -> Outcome {
    Outcome::failed(Verdict::Config, open.err().unwrap_or_default())
}
