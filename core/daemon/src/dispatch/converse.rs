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
use tracing::{debug, info, warn};

use crate::backends::{Backend, OpenBackend};
use crate::clock::Clock;
use crate::dispatch::performer::Performer;

/// How long a conversation may take: ten times what one request may.
pub(crate) const CONVERSATION_LIMIT: Duration = Duration::from_secs(600);

/// Leads a conversation to its end.
pub(crate) async fn converse(
    backend: &Backend,
    open: &OpenBackend,
    start: Start,
    blobs: Vec<Blob>,
    performer: Performer,
    clock: Clock,
) -> Outcome {
    let talk = async {
        let (conversation, turn) = open.handle.start(start, blobs).await;
        let talk = Talk { backend, conversation, performer: Arc::new(performer), clock, open: BTreeMap::new() };
        talk.lead(turn).await
    };
    match tokio::time::timeout(CONVERSATION_LIMIT, talk).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::failed(Verdict::Retry, format!("it took longer than {} s", CONVERSATION_LIMIT.as_secs())),
    }
}

struct Talk<'a> {
    backend: &'a Backend,
    conversation: Conversation,
    performer: Arc<Performer>,
    clock: Clock,
    /// The effects that are being performed.
    open: BTreeMap<EffectId, AbortHandle>,
}

impl Talk<'_> {
    async fn lead(mut self, mut turn: Turn) -> Outcome {
        let mut replies = FuturesUnordered::new();
        loop {
            self.log(&turn);
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
                    Answered { id: request.id, reply: performer.perform(request.effect).await, body: Vec::new() }
                };
                replies.push(Abortable::new(reply, registration));
            }
            let results = self.replies(&mut replies).await;
            turn = self.conversation.resume(results, now_ms(self.clock)).await;
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
            match line.level {
                Level::Warn => warn!(%backend, plugin, "{}", line.text),
                Level::Info => info!(%backend, plugin, "{}", line.text),
                Level::Debug => debug!(%backend, plugin, "{}", line.text),
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
    let after = Duration::from_millis(failure.after_ms.unwrap_or_default());
    let verdict = match failure.verdict {
        Word::Retry => Verdict::Retry,
        Word::RateLimited => Verdict::RateLimited { after },
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
    Outcome::failed(verdict, reason)
}
