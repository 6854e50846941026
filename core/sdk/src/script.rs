//! How a backend tests itself: a script says which effects it expects and what becomes of them.
//!
//! There is no host, no file and no clock behind it. `sleep` passes at once, in virtual time. A script that is not
//! followed panics with a text for the author, as an assertion does.
//!
//! ```
//! # use portraitd_sdk::message::{Effect, EffectKind, Outcome, Reply};
//! # use portraitd_sdk::{Backend, Context, Failure, OpenContext, Photo, Receipt, RenditionSpec};
//! # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Settings {}
//! # struct Icons;
//! # impl Backend for Icons {
//! #     type Settings = Settings;
//! #     const NEEDS: &'static [EffectKind] = &[EffectKind::FilePut];
//! #     fn open(_: Settings, _: &OpenContext) -> Result<Self, Failure> { Ok(Self) }
//! #     fn renditions(&self) -> Vec<RenditionSpec> { vec![RenditionSpec::exact("icon", 48, 48)] }
//! #     async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
//! #         let put = cx.put_file("path", format!("{}.jpg", photo.user.id), photo.rendition("icon")?).await;
//! #         Ok(Receipt::new(put.map_err(|error| Failure::retry(error.text))?))
//! #     }
//! # }
//! use portraitd_sdk::script::Script;
//!
//! let effect = Effect::FilePut { directory: "path".into(), path: "ada.jpg".into(), rendition: "icon".into() };
//! let played = Script::<Icons>::open(serde_json::json!({}))?
//!     .user("ada")
//!     .expect(effect, Reply::FilePut { changed: true })
//!     .deliver();
//! assert_eq!(played.result?.outcome, Outcome::Changed);
//! # Ok::<(), portraitd_sdk::Failure>(())
//! ```
//!
//! [`Faults`] plays a good script again with everything that can go wrong on the way to a system. A [`Recording`] of a
//! real conversation is played again by [`Script::replay`].

mod faults;
mod recording;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::backend::{self, Backend, Operations, Probe, Remove, Verify, run_probe, run_remove, run_verify};
use crate::failure::Failure;
use crate::http::Response;
use crate::message::http::HttpRequest;
use crate::message::{
    Done, Effect, EffectId, EffectKind, EffectResult, LogLine, Need, Open, Opened, Operation, PhotoHead, RenditionHead,
    Reply, Request, Resume, Start, Step, User,
};
use crate::photo::{Bytes, Rendition};
use crate::rendition::RenditionSpec;
use crate::task::Task;

pub use faults::{Fault, Faults, Row, Table};
pub use recording::{Head, Heard, HeardBody, HeardResult, RECORDING_FORMAT, Recording};

/// The time at which every script begins, in milliseconds since 1970: 2026-01-01.
pub const BEGIN_MS: u64 = 1_767_225_600_000;

/// An opened backend, and what is to happen to it.
pub struct Script<B> {
    backend: Arc<B>,
    opened: Opened,
    user: User,
    bytes: Vec<(RenditionHead, Vec<u8>)>,
    receipt: Option<Value>,
    attempt: u32,
    order: Order,
    dry_run: bool,
    verified: bool,
    expected: Vec<Expected>,
    /// Expected effects may be asked for again, and need not be asked for.
    is_loose: bool,
}

/// An effect that is expected, and what becomes of it.
struct Expected {
    effect: Effect,
    reply: Scripted,
    asked: bool,
}

/// What becomes of an effect: its reply, and the body of an HTTP reply.
type Scripted = (Reply, Vec<u8>);

/// The most effects that a host performs for one conversation.
const MAX_EFFECTS: usize = 1_000;

/// In which order the script answers effects that are open at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All of them in one step.
    #[default]
    Together,
    /// One in each step, oldest first.
    OldestFirst,
    /// One in each step, newest first.
    NewestFirst,
}

/// What came of a script.
#[derive(Clone, Debug)]
pub struct Played {
    /// How the operation ended.
    pub result: Result<Done, Failure>,
    /// Every effect that was asked for, in the order of asking; `sleep` too.
    pub effects: Vec<Effect>,
    /// Effects that the backend stopped waiting for.
    pub cancelled: Vec<Effect>,
    /// What the backend said for the log.
    pub log: Vec<LogLine>,
    /// How long the backend slept, in virtual time.
    pub slept: Duration,
}

impl<B: Backend> Script<B> {
    /// Opens the backend with these settings, as the host does it.
    ///
    /// # Errors
    /// What the backend has against the settings.
    pub fn open(settings: Value) -> Result<Self, Failure> {
        let caps = EffectKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
        let host_version = env!("CARGO_PKG_VERSION").to_owned();
        let (backend, opened) = backend::open::<B>(Open { backend: "script".into(), settings, host_version, caps })?;
        let bytes = opened.renditions.iter().enumerate().map(made_up).collect();
        Ok(Self {
            backend: Arc::new(backend),
            opened,
            user: User { id: "ada".into(), remote: "ada".into() },
            bytes,
            receipt: None,
            attempt: 1,
            order: Order::default(),
            dry_run: false,
            verified: false,
            expected: Vec::new(),
            is_loose: false,
        })
    }

    /// What the backend answered when it was opened.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The drop name of the user, which is also what the backend calls it. `ada` otherwise.
    #[must_use]
    pub fn user(mut self, id: &str) -> Self {
        self.user = User { id: id.into(), remote: id.into() };
        self
    }

    /// What the backend calls the user, where that is not the drop name.
    #[must_use]
    pub fn remote(mut self, remote: &str) -> Self {
        self.user.remote = remote.into();
        self
    }

    /// The bytes of a wanted rendition. Made-up ones otherwise.
    ///
    /// # Panics
    /// When the backend wants no rendition of that name.
    #[must_use]
    #[track_caller]
    pub fn rendition(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let found = self.bytes.iter_mut().find(|(head, _)| head.name == name);
        let Some((head, old)) = found else { panic!("the backend wants no rendition `{name}`") };
        *old = bytes.into();
        head.len = old.len() as u64;
        self
    }

    /// The receipt of the last delivery to the user. None otherwise.
    #[must_use]
    pub fn receipt(mut self, receipt: impl Into<Value>) -> Self {
        self.receipt = Some(receipt.into());
        self
    }

    /// Which attempt it is. The first otherwise.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// In which order effects are answered. Together otherwise.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// `verify` follows when the delivery is done. Not otherwise.
    #[must_use]
    pub fn verified(mut self) -> Self {
        self.verified = true;
        self
    }

    /// It is a dry run: the replies stand for assumed ones. Not otherwise.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Expects an effect once, and says what becomes of it. In which order they come does not matter.
    #[must_use]
    pub fn expect(self, effect: Effect, reply: Reply) -> Self {
        self.expecting(effect, (reply, Vec::new()))
    }

    /// Expects a request once, and says how the system answers.
    #[must_use]
    pub fn exchange(self, request: HttpRequest, response: Response) -> Self {
        let (head, body) = response.into_parts();
        self.expecting(Effect::Http(request), (Reply::Http(head), body))
    }

    fn expecting(mut self, effect: Effect, reply: Scripted) -> Self {
        self.expected.push(Expected { effect, reply, asked: false });
        self
    }

    /// Plays a delivery.
    ///
    /// # Panics
    /// When the backend asks for an effect that is not expected, or ends without one that is.
    #[track_caller]
    pub fn deliver(self) -> Played {
        self.play(Operation::Deliver, &Operations::NONE)
    }

    /// Plays a removal.
    ///
    /// # Panics
    /// As [`Script::deliver`].
    #[track_caller]
    pub fn remove(self) -> Played
    where
        B: Remove,
    {
        self.play(Operation::Remove, &Operations { remove: Some(run_remove::<B>), ..Operations::NONE })
    }

    /// Plays a verification.
    ///
    /// # Panics
    /// As [`Script::deliver`].
    #[track_caller]
    pub fn verify(self) -> Played
    where
        B: Verify,
    {
        self.play(Operation::Verify, &Operations { verify: Some(run_verify::<B>), ..Operations::NONE })
    }

    /// Plays a probe.
    ///
    /// # Panics
    /// As [`Script::deliver`].
    #[track_caller]
    pub fn probe(self) -> Played
    where
        B: Probe,
    {
        self.play(Operation::Probe, &Operations { probe: Some(run_probe::<B>), ..Operations::NONE })
    }

    #[track_caller]
    fn play(self, op: Operation, operations: &Operations<B>) -> Played {
        let with_photo = matches!(op, Operation::Deliver | Operation::Verify);
        let renditions = if op == Operation::Verify { Vec::new() } else { self.bytes };
        let (heads, bytes): (Vec<_>, Vec<_>) = renditions.into_iter().unzip();
        let start = Start {
            op,
            user: (op != Operation::Probe).then_some(self.user),
            photo: with_photo.then(|| PhotoHead { digest: "0".repeat(64), renditions: heads }),
            receipt: self.receipt,
            attempt: self.attempt,
            idempotency_key: "script".into(),
            deadline_ms: BEGIN_MS + 600_000,
            now_ms: BEGIN_MS,
            seed: 0,
            dry_run: self.dry_run,
            verified: self.verified,
        };
        let bytes = bytes.into_iter().map(Bytes::Own).collect();
        let stage = Stage::new(self.expected, self.order, self.is_loose);
        match Task::begin(self.backend, operations, start, bytes) {
            Ok(task) => stage.play(task),
            Err(failure) => stage.end(Err(failure)),
        }
    }
}

/// A script in progress.
struct Stage {
    order: Order,
    expected: Vec<Expected>,
    is_loose: bool,
    /// Effects with a reply that is due now, oldest first.
    ready: VecDeque<(Request, Scripted)>,
    /// Sleeps with the virtual time at which they end.
    sleeping: Vec<(u64, Request)>,
    now_ms: u64,
    played: Played,
}

impl Stage {
    fn new(expected: Vec<Expected>, order: Order, is_loose: bool) -> Self {
        let result = Err(Failure::bug("the script has not ended"));
        let (effects, cancelled, log) = Default::default();
        let played = Played { result, effects, cancelled, log, slept: Duration::ZERO };
        let (ready, sleeping) = Default::default();
        Self { order, expected, is_loose, ready, sleeping, now_ms: BEGIN_MS, played }
    }

    #[track_caller]
    fn play(mut self, mut task: Task) -> Played {
        let mut answer = task.step();
        loop {
            self.played.log.append(&mut answer.log);
            match answer.answer {
                Step::Need(need) => self.take(need),
                Step::Done(done) => return self.end(Ok(done)),
                Step::Failed(failure) => return self.end(Err(failure)),
            }
            let (results, bodies) = self.due();
            let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
            answer = task.resume(Resume { results, now_ms: self.now_ms }, &bodies);
        }
    }

    #[track_caller]
    fn take(&mut self, need: Need) {
        for request in need.effects {
            self.played.effects.push(request.effect.clone());
            assert!(self.played.effects.len() <= MAX_EFFECTS, "the backend asked for more than {MAX_EFFECTS} effects");
            match request.effect {
                Effect::Sleep { ms } => self.sleeping.push((self.now_ms.saturating_add(ms), request)),
                _ => {
                    let reply = self.reply_to(&request.effect);
                    self.ready.push_back((request, reply));
                }
            }
        }
        for id in need.cancel {
            self.cancel(id);
        }
    }

    #[track_caller]
    fn reply_to(&mut self, effect: &Effect) -> Scripted {
        let fresh = self.expected.iter().position(|expected| !expected.asked && expected.effect == *effect);
        let again = || self.expected.iter().rposition(|expected| self.is_loose && expected.effect == *effect);
        let Some(at) = fresh.or_else(again) else {
            let left = self.left();
            panic!("the backend asked for {effect:?}, which the script does not expect; it expects {left:?}")
        };
        self.expected[at].asked = true;
        self.expected[at].reply.clone()
    }

    /// What was expected and never asked for.
    fn left(&self) -> Vec<&Effect> {
        self.expected.iter().filter(|expected| !expected.asked).map(|expected| &expected.effect).collect()
    }

    fn cancel(&mut self, id: EffectId) {
        let ready = self.ready.iter().position(|(request, _)| request.id == id);
        let sleeping = self.sleeping.iter().position(|(_, request)| request.id == id);
        let ready = ready.and_then(|at| self.ready.remove(at)).map(|(request, _)| request);
        let cancelled = ready.or_else(|| sleeping.map(|at| self.sleeping.remove(at).1));
        self.played.cancelled.extend(cancelled.map(|request| request.effect));
    }

    /// The replies for the next step, with the blobs that they name. Time passes only when nothing else can happen.
    fn due(&mut self) -> (Vec<EffectResult>, Vec<Vec<u8>>) {
        if self.ready.is_empty() {
            self.sleep_until_the_next();
        }
        let replies: Vec<_> = match self.order {
            Order::Together => self.ready.drain(..).collect(),
            Order::OldestFirst => self.ready.pop_front().into_iter().collect(),
            Order::NewestFirst => self.ready.pop_back().into_iter().collect(),
        };
        let mut bodies = Vec::new();
        let result = |(request, (mut reply, body)): (Request, Scripted)| {
            if let Reply::Http(head) = &mut reply {
                head.blob = bodies.len();
                bodies.push(body);
            }
            EffectResult { id: request.id, reply }
        };
        (replies.into_iter().map(result).collect(), bodies)
    }

    fn sleep_until_the_next(&mut self) {
        let Some(next) = self.sleeping.iter().map(|(end, _)| *end).min() else { return };
        self.played.slept += Duration::from_millis(next - self.now_ms);
        self.now_ms = next;
        let (over, still) = std::mem::take(&mut self.sleeping).into_iter().partition(|(end, _)| *end == next);
        self.sleeping = still;
        let over: Vec<(u64, Request)> = over;
        self.ready.extend(over.into_iter().map(|(_, request)| (request, (Reply::Sleep {}, Vec::new()))));
    }

    #[track_caller]
    fn end(mut self, result: Result<Done, Failure>) -> Played {
        let left = self.left();
        assert!(self.is_loose || left.is_empty(), "the backend ended with {result:?} and never asked for {left:?}");
        self.played.result = result;
        self.played
    }
}

/// A stand-in for the rendition of this name, to word an expected request with: requests name pictures and hold none.
///
/// ```
/// use portraitd_sdk::script::rendition;
/// use portraitd_sdk::{HttpRequest, Part};
/// let image = Part::file("image", "avatar.jpg", &rendition("avatar"));
/// let expected = HttpRequest::post("https://chat.example.com/avatar").multipart([image]);
/// ```
pub fn rendition(name: &str) -> Rendition {
    let (head, bytes) = made_up((0, &RenditionSpec::exact(name, 1, 1)));
    Rendition { head, bytes: Bytes::Own(bytes) }
}

/// A rendition with bytes that say its name.
fn made_up((blob, spec): (usize, &RenditionSpec)) -> (RenditionHead, Vec<u8>) {
    let bytes = format!("the bytes of {}", spec.name).into_bytes();
    let head = RenditionHead {
        name: spec.name.clone(),
        mime: spec.format.mime().to_owned(),
        width: if spec.width == 0 { spec.height.max(1) } else { spec.width },
        height: if spec.height == 0 { spec.width.max(1) } else { spec.height },
        len: bytes.len() as u64,
        sha256: format!("{blob:064x}"),
        blob,
    };
    (head, bytes)
}
