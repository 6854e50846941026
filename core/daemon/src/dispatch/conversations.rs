//! How conversations begin: the first message of each, and what its effects are performed with.
//!
//! Knows no ledger of deliveries and no photo file; leads what it is given to an outcome.

use std::sync::Arc;

use portraitd_host::Blob;
use portraitd_pipeline::Rendition;
use portraitd_reconcile::{BackendId, Digest, Fingerprint, Outcome, UserId};
use portraitd_sdk::RenditionSpec;
use portraitd_sdk::message::{Operation, PhotoHead, RenditionHead, Start, User};

use crate::backends::{Backend, OpenBackend};
use crate::clock::Clock;
use crate::dispatch::converse::{Opening, converse, limit, now_ms};
use crate::dispatch::memory::DeliveryMemory;
use crate::dispatch::performer::{Performer, Stage, Subject};
use crate::dispatch::witness::Witness;

/// What conversations are led with. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Conversations {
    /// What happens to effects.
    pub(crate) stage: Stage,
    /// The time.
    pub(crate) clock: Clock,
}

/// A conversation that has not begun.
pub(crate) struct Planned {
    /// The first message.
    pub(crate) start: Start,
    /// The pictures that it names, in their order.
    pub(crate) made: Vec<Arc<Rendition>>,
    /// Whose delivery it is, where one is recorded.
    pub(crate) about: Option<(UserId, BackendId)>,
}

impl Conversations {
    /// Whether effects are shown only.
    pub(crate) const fn is_dry(&self) -> bool {
        matches!(self.stage, Stage::Dry(_))
    }

    /// A first message about nobody. `key` says what is done, the same for each attempt at it.
    pub(crate) fn blank(&self, open: &OpenBackend, op: Operation, key: &str) -> Start {
        let now_ms = now_ms(self.clock);
        let deadline = u64::try_from(limit(open).as_millis()).unwrap_or(u64::MAX);
        // A key that says nothing about the user to systems that only compare it.
        let idempotency_key = Digest::of(key.as_bytes());
        let seed =
            idempotency_key.as_bytes().iter().take(8).fold(now_ms, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte));
        // What fits into a double: the JSON readers of some languages have no other numbers.
        let seed = seed & ((1 << 53) - 1);
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
            dry_run: self.is_dry(),
            verified: false,
        }
    }

    /// Asks a backend whether its credentials and settings work.
    pub(crate) async fn probe(&self, backend: &Backend, open: &OpenBackend) -> Outcome {
        let start = self.blank(open, Operation::Probe, &format!("probe {}", backend.id));
        self.lead(backend, open, Planned { start, made: Vec::new(), about: None }, None).await
    }

    /// Leads a conversation to its end, before the eyes of a witness if there is one.
    pub(crate) async fn lead(
        &self,
        backend: &Backend,
        open: &OpenBackend,
        planned: Planned,
        witness: Option<Witness>,
    ) -> Outcome {
        let Planned { start, made, about } = planned;
        let blobs: Vec<Blob> = made.iter().map(|made| Arc::clone(&made.bytes)).collect();
        let heads = start.photo.iter().flat_map(|photo| &photo.renditions);
        let ledger = match &self.stage {
            Stage::Real(real) => real.ledger.clone(),
            Stage::Dry(_) => None,
        };
        let subject = Subject {
            settings: open.settings.clone(),
            renditions: heads.clone().map(|head| (head.name.clone(), Arc::clone(&blobs[head.blob]))).collect(),
            digests: heads.map(|head| (head.name.clone(), head.sha256.clone())).collect(),
            memory: DeliveryMemory::new(ledger, about, self.clock),
        };
        let performer = Performer::new(self.stage.clone(), Arc::clone(&open.channel), subject);
        converse(backend, open, Opening { start, blobs, performer, witness }, self.clock).await
    }
}

/// The user as a backend hears of them.
pub(crate) fn user(id: &UserId, remote: &str) -> User {
    User { id: id.to_string(), remote: remote.to_owned() }
}

/// The photo as a backend hears of it, with the renditions that were made for it.
pub(crate) fn photo(open: &OpenBackend, digest: &Digest, made: &[Arc<Rendition>]) -> PhotoHead {
    let heads = open.renditions().iter().zip(made).enumerate();
    let renditions = heads.map(|(blob, (spec, made))| head(blob, spec, made)).collect();
    PhotoHead { digest: digest.to_string(), renditions }
}

fn head(blob: usize, spec: &RenditionSpec, made: &Rendition) -> RenditionHead {
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
