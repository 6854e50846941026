//! A conversation with a plugin: what it asks for is performed, what came of it is told back, until it is done.
//!
//! Knows no backend's name and no user's history. Policy about retries is decided elsewhere, from the outcome.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use portraitd_host::{Answered, Blob, Conversation, SLOW_STEP, Turn};
use portraitd_reconcile::{Outcome, Verdict};
use portraitd_sdk::message::{Done, EffectId, Level, Need, Start, Step};
use portraitd_sdk::{Failure, Verdict as Word, message};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::backends::{Backend, OpenBackend};
use crate::clock::Clock;
use crate::dispatch::performer::{Performer, Seen};
use crate::dispatch::witness::Witness;
use crate::secrets::Secrets;

/// How many times as long as one request a conversation may take.
const REQUESTS: u32 = 10;

/// How long a conversation of a backend may take.
pub(crate) fn limit(open: &OpenBackend) -> Duration {
    open.channel.lane.timeout() * REQUESTS
}

/// What a conversation begins with.
pub(crate) struct Opening {
    /// The first message.
    pub(crate) start: Start,
    /// The bytes of the renditions that it names.
    pub(crate) blobs: Vec<Blob>,
    /// What performs the plugin's effects.
    pub(crate) performer: Performer,
    /// Who writes it down, if anybody does.
    pub(crate) witness: Option<Witness>,
}

/// Leads a conversation to its end.
pub(crate) async fn converse(backend: &Backend, open: &OpenBackend, opening: Opening, clock: Clock) -> Outcome {
    let Opening { start, blobs, performer, witness } = opening;
    let performer = Arc::new(performer);
    let talk = async {
        let (conversation, turn) = open.handle.start(start, blobs).await;
        let (performer, secrets) = (Arc::clone(&performer), &open.channel.secrets);
        let talk = Talk { backend, secrets, conversation, performer, witness, clock, open: BTreeMap::new() };
        talk.lead(turn).await
    };
    let limit = limit(open);
    let outcome = match tokio::time::timeout(limit, talk).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::failed(Verdict::Retry, format!("it took longer than {} s", limit.as_secs())),
    };
    told(outcome, performer.seen(), open)
}

/// The outcome with what was seen of the system, and without secrets that it may have repeated.
fn told(mut outcome: Outcome, seen: Seen, open: &OpenBackend) -> Outcome {
    let secrets = &open.channel.secrets;
    let done = outcome.verdict.is_done();
    outcome.reason = secrets.blank(&outcome.reason);
    outcome.receipt = outcome.receipt.map(|receipt| secrets.blank(&receipt));
    outcome.uncertain = seen.uncertain && !done;
    outcome.unreachable = seen.unreachable && !done;
    outcome.published = seen.published;
    outcome.quiet = seen.quiet_until.map(|until| until.saturating_duration_since(Instant::now()));
    if let Some(wait) = outcome.told_wait() {
        // What is on its way already waits as well.
        open.channel.lane.be_quiet(wait);
    }
    outcome
}

struct Talk<'a> {
    backend: &'a Backend,
    secrets: &'a Secrets,
    conversation: Conversation,
    performer: Arc<Performer>,
    witness: Option<Witness>,
    clock: Clock,
    /// The effects that are being performed.
    open: BTreeMap<EffectId, AbortHandle>,
}

impl Talk<'_> {
    async fn lead(mut self, mut turn: Turn) -> Outcome {
        let mut replies = FuturesUnordered::new();
        loop {
            self.log(&turn);
            if let Some(witness) = &self.witness {
                witness.said(&turn);
            }
            let need = match turn.step {
                Step::Done(done) => return outcome_of(done),
                Step::Failed(failure) => return outcome_of_failure(failure),
                Step::Need(need) => need,
            };
            self.cancel(&need);
            for request in need.effects {
                let (handle, registration) = AbortHandle::new_pair();
                self.open.insert(request.id, handle);
                let performer = Arc::clone(&self.performer);
                let reply = async move {
                    let (reply, body) = performer.perform(request.effect).await;
                    Answered { id: request.id, reply, body }
                };
                replies.push(Abortable::new(reply, registration));
            }
            let results = self.replies(&mut replies).await;
            let now_ms = now_ms(self.clock);
            if let Some(witness) = &self.witness {
                witness.heard(&results, now_ms);
            }
            turn = self.conversation.resume(results, now_ms).await;
        }
    }

    fn cancel(&mut self, need: &Need) {
        for id in &need.cancel {
            if let Some(handle) = self.open.remove(id) {
                handle.abort();
            }
        }
    }

    /// Waits for one reply and takes those that are there by then. None when nothing is open: the host then says what
    /// is wrong with a plugin that waits all the same.
    async fn replies<F>(&mut self, replies: &mut FuturesUnordered<Abortable<F>>) -> Vec<Answered>
    where
        F: Future<Output = Answered>,
    {
        let mut results = Vec::new();
        while let Some(reply) = replies.next().await {
            // An aborted effect has no reply, and nobody waits for one.
            if let Ok(result) = reply {
                self.open.remove(&result.id);
                results.push(result);
                break;
            }
        }
        while let Some(Some(reply)) = futures_util::FutureExt::now_or_never(replies.next()) {
            if let Ok(result) = reply {
                self.open.remove(&result.id);
                results.push(result);
            }
        }
        results
    }

    fn log(&self, turn: &Turn) {
        let (backend, plugin) = (&self.backend.id, &self.backend.plugin);
        if turn.took > SLOW_STEP {
            warn!(%backend, plugin, ms = turn.took.as_millis(), "a step of the plugin took long");
        }
        for line in &turn.log {
            let text = self.secrets.blank(&line.text);
            match line.level {
                Level::Warn => warn!(%backend, plugin, "{text}"),
                Level::Info => info!(%backend, plugin, "{text}"),
                Level::Debug => debug!(%backend, plugin, "{text}"),
            }
        }
    }
}

/// Milliseconds since the epoch as plugins are told them.
pub(crate) fn now_ms(clock: Clock) -> u64 {
    u64::try_from(clock.now().as_millis()).unwrap_or_default()
}

fn outcome_of(done: Done) -> Outcome {
    let verdict = match done.outcome {
        message::Outcome::Changed => Verdict::Changed,
        message::Outcome::Unchanged => Verdict::Unchanged,
        message::Outcome::Removed => Verdict::Removed,
    };
    let receipt = (!done.receipt.is_null()).then(|| done.receipt.to_string());
    Outcome { reason: done.notes.join("; "), receipt, ..Outcome::of(verdict) }
}

fn outcome_of_failure(failure: Failure) -> Outcome {
    let after = failure.after_ms.map(Duration::from_millis);
    let verdict = match failure.verdict {
        Word::Retry => Verdict::Retry,
        Word::RateLimited => Verdict::RateLimited { after: after.unwrap_or_default() },
        Word::UserAbsent => Verdict::UserAbsent,
        Word::UserAmbiguous => Verdict::UserAmbiguous,
        Word::ImageRejected => Verdict::ImageRejected,
        Word::Auth => Verdict::Auth,
        Word::Config => Verdict::Config,
        Word::Unsupported => Verdict::Unsupported,
        Word::Bug => Verdict::Bug,
    };
    let reason = match failure.hint {
        Some(hint) => format!("{} (hint: {hint})", failure.reason),
        None => failure.reason,
    };
    Outcome { after, ..Outcome::failed(verdict, reason) }
}
