//! The effects of one conversation on the plugin's side: asked for, open, answered, given up.
//!
//! The futures that an author awaits end here. Nothing here performs an effect or polls a future.

use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Waiting, Poll, Waker};

use crate::message::{Effect, EffectId, EffectKind, LogLine, Need, Reply, Request};

/// What became of an effect, with the bytes that came beside the message.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    /// The body of an HTTP reply; empty for all others.
    pub(crate) body: Vec<u8>,
}

/// What a conversation and its futures share.
#[derive(Clone)]
pub(crate) struct Effects(Arc<Mutex<State>>);

/// The state of all effects of a conversation.
pub(crate) struct State {
    /// The effect kinds that the plugin declared.
    needs: &'static [EffectKind],
    last_id: EffectId,
    /// Asked for since the last step ended.
    fresh: Vec<Request>,
    /// The host knows of it and has not answered.
    open: BTreeMap<EffectId, Waker>,
    /// Answered, and not yet fetched by its future.
    arrived: BTreeMap<EffectId, Answered>,
    /// Given up since the last step ended.
    cancel: Vec<EffectId>,
    /// An effect that the plugin uses without having declared its kind.
    pub(crate) undeclared: Option<EffectKind>,
    pub(crate) log: Vec<LogLine>,
    pub(crate) now_ms: u64,
    pub(crate) random: u64,
}

impl Effects {
    pub(crate) fn new(needs: &'static [EffectKind], now_ms: u64, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            needs,
            last_id: 0,
            fresh: Vec::new(),
            open: BTreeMap::new(),
            arrived: BTreeMap::new(),
            cancel: Vec::new(),
            undeclared: None,
            log: Vec::new(),
            now_ms,
            random: seed,
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic that poisoned it ends the conversation; its `finish` still has to pass.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the host's answer and wakes whoever waits for it.
    ///
    /// # Errors
    /// The host answered an effect that was never asked for, or one twice.
    pub(crate) fn answer(&self, id: EffectId, answered: Answered) -> Result<(), String> {
        // A waker may run code of a combinator that comes back here, so the lock is let go first.
        let waker = self.state().arrive(id, answered)?;
        waker.wake();
        Ok(())
    }

    /// A future that asks for the effect when it is first polled.
    pub(crate) fn ask(&self, effect: Effect) -> Asking {
        Asking { effects: self.clone(), phase: Phase::Unasked(effect) }
    }
}

impl State {
    fn ask(&mut self, effect: Effect) -> EffectId {
        if !self.needs.contains(&effect.kind()) {
            self.undeclared = Some(effect.kind());
        }
        self.last_id += 1;
        self.fresh.push(Request { id: self.last_id, effect });
        self.last_id
    }

    /// Nobody waits for this effect any more. Gives back the waker, to be dropped without the lock.
    fn give_up(&mut self, id: EffectId) -> Option<Waker> {
        self.arrived.remove(&id);
        let waker = self.open.remove(&id)?;
        let asked = self.fresh.len();
        self.fresh.retain(|request| request.id != id);
        if self.fresh.len() == asked {
            self.cancel.push(id);
        }
        Some(waker)
    }

    fn arrive(&mut self, id: EffectId, answered: Answered) -> Result<Waker, String> {
        let waker = self.open.remove(&id);
        let waker = waker.ok_or_else(|| format!("the host answered effect {id}, which is not open"))?;
        self.arrived.insert(id, answered);
        Ok(waker)
    }

    /// Whether there is anything left that the host can answer.
    pub(crate) fn waits_for_the_host(&self) -> bool {
        !self.open.is_empty()
    }

    /// What is new for the host since the last call.
    pub(crate) fn need(&mut self) -> Need {
        Need { effects: mem::take(&mut self.fresh), cancel: mem::take(&mut self.cancel) }
    }
}

/// One effect that is awaited. Dropping it tells the host that nobody waits any more.
pub(crate) struct Asking {
    effects: Effects,
    phase: Phase,
}

enum Phase {
    Unasked(Effect),
    Asked(EffectId),
    Over,
}

impl Future for Asking {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Waiting<'_>) -> Poll<Answered> {
        let id = match mem::replace(&mut self.phase, Phase::Over) {
            Phase::Unasked(effect) => self.effects.state().ask(effect),
            Phase::Asked(id) => id,
            Phase::Over => panic!("an effect was polled after it was answered"),
        };
        let answered = self.effects.state().arrived.remove(&id);
        if let Some(answered) = answered {
            return Poll::Ready(answered);
        }
        // A combinator may poll from another task each time, so the newest waker counts. The old one goes after the
        // lock, for its drop is a combinator's code too.
        let old = self.effects.state().open.insert(id, cx.waker().clone());
        drop(old);
        self.phase = Phase::Asked(id);
        Poll::Pending
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Phase::Asked(id) = self.phase {
            let waker = self.effects.state().give_up(id);
            drop(waker);
        }
    }
}
