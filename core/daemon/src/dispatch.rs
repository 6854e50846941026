//! One delivery from its assignment to its outcome: make the renditions, let the attempt be counted, lead the conversation.
//!
//! Decides nothing. The order matters: what cannot be rendered touches no backend and costs no attempt, and no plugin
//! is called before its attempt is durably counted.

mod converse;
pub(crate) mod dry;
mod files;
pub(crate) mod memory;
pub(crate) mod performer;
pub(crate) mod roots;
pub(crate) mod studio;

use std::sync::Arc;
use std::time::Instant;

use portraitd_host::Blob;
use portraitd_pipeline::{Rendition, RenditionSpec};
use portraitd_reconcile::{BackendId, Delivery, Examined, Fingerprint, Operation, Outcome, Target, UserId, Verdict};
use portraitd_sdk::message::{self, PhotoHead, RenditionHead, Start, User};

use crate::backends::{Backend, Backends, OpenBackend, rendition};
use crate::clock::Clock;
use crate::dispatch::converse::{Opening, converse, limit, now_ms};
use crate::dispatch::memory::DeliveryMemory;
use crate::dispatch::performer::{Performer, Stage, Subject};
use crate::dispatch::studio::{Order, Studio};
use crate::intake::folder::Folder;

/// What deliveries are made with. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Dispatcher {
    /// The backends.
    pub(crate) backends: Arc<Backends>,
    /// Where renditions come from.
    pub(crate) studio: Arc<Studio>,
    /// What happens to effects.
    pub(crate) stage: Stage,
    /// The time.
    pub(crate) clock: Clock,
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
                self.converse(backend, open, start, made, about).await
            }
            Err(outcome) => outcome,
        };
        (outcome, u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Asks a backend's plugin whether its credentials and settings work.
    pub(crate) async fn probe(&self, backend: &BackendId) -> Outcome {
        match self.opened(backend) {
            Ok((backend, open)) => {
                let start = self.blank(open, message::Operation::Probe, format!("probe {}", backend.id));
                self.converse(backend, open, start, Vec::new(), None).await
            }
            Err(outcome) => outcome,
        }
    }

    async fn converse(
        &self,
        backend: &Backend,
        open: &OpenBackend,
        start: Start,
        made: Vec<Arc<Rendition>>,
        about: Option<(UserId, BackendId)>,
    ) -> Outcome {
        let blobs: Vec<Blob> = made.iter().map(|made| Arc::clone(&made.bytes)).collect();
        let heads = start.photo.iter().flat_map(|photo| &photo.renditions);
        let ledger = match &self.stage {
            Stage::Real(real) => Some(real.ledger.clone()),
            Stage::Dry(_) => None,
        };
        let subject = Subject {
            settings: open.settings.clone(),
            renditions: heads.clone().map(|head| (head.name.clone(), Arc::clone(&blobs[head.blob]))).collect(),
            digests: heads.map(|head| (head.name.clone(), head.sha256.clone())).collect(),
            memory: DeliveryMemory::new(ledger, about, self.clock),
        };
        let performer = Performer::new(self.stage.clone(), Arc::clone(&open.channel), subject);
        converse(backend, open, Opening { start, blobs, performer }, self.clock).await
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
        let heads = open.renditions().iter().zip(made).enumerate();
        let renditions = heads.map(|(blob, (spec, made))| head(blob, spec, made)).collect();
        Start {
            user: Some(User { id: delivery.user.to_string(), remote: delivery.user.to_string() }),
            photo: delivery.photo.as_ref().map(|(_, digest)| PhotoHead { digest: digest.to_string(), renditions }),
            receipt: begun.receipt.and_then(|receipt| serde_json::from_str(&receipt).ok()),
            attempt: begun.attempt,
            ..self.blank(open, op, format!("{} {} {target}", delivery.backend, delivery.user))
        }
    }

    fn blank(&self, open: &OpenBackend, op: message::Operation, key: String) -> Start {
        let now_ms = now_ms(self.clock);
        let deadline = u64::try_from(limit(open).as_millis()).unwrap_or(u64::MAX);
        // A key that says nothing about the user to systems that only compare it.
        let idempotency_key = portraitd_reconcile::Digest::of(key.as_bytes());
        let seed =
            idempotency_key.as_bytes().iter().take(8).fold(now_ms, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte));
        Start {
            op,
            user: None,
            photo: None,
            receipt: None,
            attempt: 1,
            idempotency_key: idempotency_key.to_string(),
            deadline_ms: now_ms.saturating_add(deadline),
            now_ms,
            seed,
            dry_run: matches!(self.stage, Stage::Dry(_)),
        }
    }
}

fn head(blob: usize, spec: &portraitd_sdk::RenditionSpec, made: &Rendition) -> RenditionHead {
    RenditionHead {
        name: spec.name.clone(),
        mime: spec.format.mime().into(),
        width: made.width,
        height: made.height,
        len: made.bytes.len() as u64,
        sha256: Fingerprint::from_bytes(made.sha256).to_string(),
        blob,
    }
}
