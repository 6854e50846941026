//! One delivery from its assignment to its outcome: make the renditions, let the attempt be counted, lead the conversation.
//!
//! Decides nothing. The order matters: what cannot be rendered touches no backend and costs no attempt, and no plugin
//! is called before its attempt is durably counted.

pub(crate) mod conversations;
mod converse;
pub(crate) mod dry;
mod files;
pub(crate) mod memory;
pub(crate) mod performer;
pub(crate) mod roots;
pub(crate) mod studio;
pub(crate) mod witness;
pub(crate) mod wording;

use std::sync::Arc;
use std::time::Instant;

use portraitd_pipeline::{Rendition, RenditionSpec};
use portraitd_reconcile::{BackendId, Delivery, Examined, Operation, Outcome, Target, Verdict};
use portraitd_sdk::message::{self, Start};

use crate::backends::{Backend, Backends, OpenBackend, rendition};
use crate::dispatch::conversations::{Conversations, Planned};
use crate::dispatch::studio::{Order, Studio};
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
}

impl Dispatcher {
    /// The renditions that a delivery needs; none for a removal.
    ///
    /// # Errors
    /// What the photo turned out to be instead.
    pub(crate) async fn renditions(
        &self,
        delivery: &Delivery,
        folder: Arc<Folder>,
    ) -> Result<Vec<Arc<Rendition>>, Examined> {
        let Some((file, digest)) = delivery.photo.clone() else { return Ok(Vec::new()) };
        let wanted = self.recipe(&delivery.backend);
        let others = delivery.wave.iter().filter(|backend| **backend != delivery.backend);
        let soon = others.flat_map(|backend| self.recipe(backend)).collect();
        self.studio.renditions(Order { folder, file, digest, wanted, soon }).await
    }

    fn recipe(&self, backend: &BackendId) -> Vec<RenditionSpec> {
        let open = self.backends.get(backend).and_then(|backend| backend.open.as_ref().ok());
        open.map(|open| open.renditions().iter().map(rendition).collect()).unwrap_or_default()
    }

    /// Makes an attempt that was counted.
    pub(crate) async fn attempt(&self, delivery: &Delivery, made: Vec<Arc<Rendition>>, begun: Begun) -> (Outcome, u64) {
        let started = Instant::now();
        let outcome = match self.opened(&delivery.backend) {
            Ok((backend, open)) => {
                let about = Some((delivery.user.clone(), delivery.backend.clone()));
                let start = self.start(delivery, open, &made, begun);
                self.conversations.lead(backend, open, Planned { start, made, about }, None).await
            }
            Err(outcome) => outcome,
        };
        (outcome, u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Asks a backend's plugin whether its credentials and settings work. A dry run asks nobody: what a system would say
    /// of credentials cannot be assumed, and the deliveries are what is to be shown.
    pub(crate) async fn probe(&self, backend: &BackendId) -> Outcome {
        match self.opened(backend) {
            Ok(_) if self.conversations.is_dry() => Outcome::of(Verdict::Unchanged),
            Ok((backend, open)) => self.conversations.probe(backend, open).await,
            Err(outcome) => outcome,
        }
    }

    fn opened(&self, id: &BackendId) -> Result<(&Backend, &OpenBackend), Outcome> {
        let lost = || Outcome::failed(Verdict::Bug, "the backend is not configured");
        let backend = self.backends.get(id).ok_or_else(lost)?;
        match &backend.open {
            Ok(open) => Ok((backend, open)),
            Err(reason) => Err(Outcome::failed(Verdict::Config, reason.clone())),
        }
    }

    fn start(&self, delivery: &Delivery, open: &OpenBackend, made: &[Arc<Rendition>], begun: Begun) -> Start {
        let op = match delivery.operation() {
            Operation::Deliver => message::Operation::Deliver,
            Operation::Remove => message::Operation::Remove,
        };
        let target = match delivery.target {
            Target::Photo(fingerprint) => fingerprint.to_string(),
            Target::Removal => "removal".into(),
        };
        let photo = delivery.photo.as_ref().map(|(_, digest)| conversations::photo(open, digest, made));
        Start {
            user: Some(conversations::user(&delivery.user)),
            photo,
            receipt: begun.receipt.and_then(|receipt| serde_json::from_str(&receipt).ok()),
            attempt: begun.attempt,
            ..self.conversations.blank(open, op, &format!("{} {} {target}", delivery.backend, delivery.user))
        }
    }
}
