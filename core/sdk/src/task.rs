//! Runs one operation step by step: polls the author's future, and turns what it waits for into messages.
//!
//! There is no runtime behind it. Between two steps nothing of the plugin runs.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Waiting, Poll, Wake, Waker};

use crate::backend::{Backend, Operations, Receipt, Running, run_deliver};
use crate::context::Context;
use crate::effects::{Answered, Effects};
use crate::failure::Failure;
use crate::message::{
    Answer, EffectResult, MAX_RECEIPT, Operation, PhotoHead, RenditionHead, Reply, Resume, Start, Step, User,
};
use crate::photo::{Bytes, Photo, Rendition};

/// How often a future may wake itself within one step.
const MAX_POLLS: usize = 1_000;

/// A conversation on the plugin's side.
pub(crate) struct Task {
    effects: Effects,
    // It lives until `finish` even when it is over: what its drop does wrong must not undo an outcome that was told.
    running: Running,
    is_over: bool,
    wake: Arc<Flag>,
}

impl Task {
    /// Begins an operation. `bytes` are the blobs that came beside the message.
    ///
    /// # Errors
    /// `unsupported`, or `bug` when the message does not fit its operation.
    pub(crate) fn begin<B: Backend>(
        backend: Arc<B>,
        operations: &Operations<B>,
        start: Start,
        bytes: Vec<Bytes>,
    ) -> Result<Self, Failure> {
        let effects = Effects::new(B::NEEDS, start.now_ms, start.seed);
        let cx = Context::new(effects.clone(), &start);
        let subject = Subject { user: start.user, photo: start.photo, bytes };
        let running = match start.op {
            Operation::Deliver => run_deliver(backend, cx, subject.photo()?),
            Operation::Remove => operations.remove.ok_or_else(|| cannot("remove"))?(backend, cx, subject.user()?),
            Operation::Verify => operations.verify.ok_or_else(|| cannot("verify"))?(backend, cx, subject.photo()?),
            Operation::Probe => operations.probe.ok_or_else(|| cannot("probe"))?(backend, cx),
        };
        Ok(Self { effects, running, is_over: false, wake: Arc::default() })
    }

    /// Takes the host's answers and goes on. `bytes` are the blobs that came beside the message.
    pub(crate) fn resume(&mut self, resume: Resume, bytes: &[&[u8]]) -> Answer<Step> {
        if self.is_over {
            return self.over();
        }
        self.effects.state().now_ms = resume.now_ms;
        let taken = resume.results.into_iter().try_for_each(|EffectResult { id, reply }| {
            let body = body_of(&reply, bytes)?.to_vec();
            self.effects.answer(id, Answered { reply, body })
        });
        match taken {
            Ok(()) => self.step(),
            Err(reason) => self.answer(Step::Failed(Failure::bug(reason))),
        }
    }

    /// Lets the future run until it waits for the host, or is done.
    pub(crate) fn step(&mut self) -> Answer<Step> {
        // Should the future panic, it stays like this: nothing but `finish` may follow.
        self.is_over = true;
        let step = match poll_until_quiet(&mut self.running, &self.wake) {
            Ok(Poll::Pending) => self.pending(),
            Ok(Poll::Ready(outcome)) => outcome.and_then(done).unwrap_or_else(Step::Failed),
            Err(failure) => Step::Failed(failure),
        };
        self.answer(step)
    }

    fn over(&mut self) -> Answer<Step> {
        self.answer(Step::Failed(Failure::bug("the operation is over already")))
    }

    fn pending(&self) -> Step {
        let mut state = self.effects.state();
        if let Some(kind) = state.undeclared {
            let word = kind.word();
            return Step::Failed(Failure::bug(format!("the plugin uses `{word}` and does not name it in NEEDS")));
        }
        if !state.waits_for_the_host() {
            return Step::Failed(Failure::bug("the plugin awaits something that is not a portraitd effect"));
        }
        Step::Need(state.need())
    }

    fn answer(&mut self, step: Step) -> Answer<Step> {
        self.is_over = !matches!(step, Step::Need(_));
        Answer { answer: step, log: mem::take(&mut self.effects.state().log) }
    }
}

/// The blob that holds the reply's body. It is lent for the call only, so it is copied by whoever keeps it.
fn body_of<'a>(reply: &Reply, bytes: &[&'a [u8]]) -> Result<&'a [u8], String> {
    match reply {
        Reply::Http(http) => {
            bytes.get(http.blob).copied().ok_or_else(|| format!("the host's message lacks the blob {}", http.blob))
        }
        _ => Ok(&[]),
    }
}

fn poll_until_quiet(running: &mut Running, wake: &Arc<Flag>) -> Result<Poll<Result<Receipt, Failure>>, Failure> {
    let waker = Waker::from(wake.clone());
    for _ in 0..MAX_POLLS {
        wake.0.store(false, Ordering::Relaxed);
        if let Poll::Ready(outcome) = running.as_mut().poll(&mut Waiting::from_waker(&waker)) {
            return Ok(Poll::Ready(outcome));
        }
        if !wake.0.load(Ordering::Relaxed) {
            return Ok(Poll::Pending);
        }
    }
    Err(Failure::bug(format!("the plugin woke itself {MAX_POLLS} times without waiting for an effect: a busy loop")))
}

fn done(receipt: Receipt) -> Result<Step, Failure> {
    let done = receipt.into_done();
    let len = done.receipt.to_string().len();
    if len > MAX_RECEIPT {
        return Err(Failure::bug(format!("the receipt has {len} bytes of JSON, more than the {MAX_RECEIPT} allowed")));
    }
    Ok(Step::Done(done))
}

/// Whom and what an operation is about, as far as the host said.
struct Subject {
    user: Option<User>,
    photo: Option<PhotoHead>,
    bytes: Vec<Bytes>,
}

impl Subject {
    fn user(self) -> Result<User, Failure> {
        self.user.ok_or_else(|| lacks("user"))
    }

    fn photo(self) -> Result<Photo, Failure> {
        let user = self.user.ok_or_else(|| lacks("user"))?;
        let photo = self.photo.ok_or_else(|| lacks("photo"))?;
        let mut bytes: Vec<Option<Bytes>> = self.bytes.into_iter().map(Some).collect();
        let renditions = photo.renditions.into_iter().map(|head| with_bytes(head, &mut bytes));
        Ok(Photo { user, digest: photo.digest, renditions: renditions.collect::<Result<_, _>>()? })
    }
}

fn with_bytes(head: RenditionHead, bytes: &mut [Option<Bytes>]) -> Result<Rendition, Failure> {
    let bytes = bytes.get_mut(head.blob).and_then(Option::take);
    let bytes = bytes.ok_or_else(|| lacks(&format!("bytes of the rendition `{}`", head.name)))?;
    Ok(Rendition { head, bytes })
}

fn lacks(what: &str) -> Failure {
    Failure::bug(format!("the host's message lacks the {what}"))
}

fn cannot(operation: &str) -> Failure {
    Failure::unsupported(format!("the plugin has no `{operation}`"))
}

/// Remembers that a waker was called.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
