//! Ready-made faults: a good script, played again with everything that can go wrong on the way to a system.
//!
//! Knows what no backend may do about a fault, and nothing of any system.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Expected, Played, Script, Scripted};
use crate::backend::{Backend, Probe, Remove, Verify};
use crate::failure::{Failure, Verdict};
use crate::http::Response;
use crate::message::http::HttpRequest;
use crate::message::{Done, Effect, EffectErrorKind, Reply};

/// For how long a fault with `Retry-After` asks to be left alone.
const TOLD: Duration = Duration::from_secs(7);

/// One thing that can go wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// An answer with this status and an empty JSON object.
    Status(u16),
    /// The same with `Retry-After: 7`.
    StatusWithWait(u16),
    /// An answer with this status and an HTML page, as something before the system gives it.
    Page(u16),
    /// No answer.
    Error(EffectErrorKind),
    /// The good answer, cut in its middle.
    Cut,
    /// A 200 without a body.
    Empty,
    /// A redirect to another host.
    Redirect,
}

impl Fault {
    /// Every fault that is played.
    pub const ALL: &[Self] = &[
        Self::Status(400),
        Self::Status(401),
        Self::Status(403),
        Self::Page(403),
        Self::Status(404),
        Self::Status(408),
        Self::Status(413),
        Self::Status(415),
        Self::Status(425),
        Self::Status(429),
        Self::StatusWithWait(429),
        Self::Status(500),
        Self::Status(502),
        Self::Page(502),
        Self::Status(503),
        Self::StatusWithWait(503),
        Self::Status(504),
        Self::Redirect,
        Self::Error(EffectErrorKind::Dns),
        Self::Error(EffectErrorKind::Connect),
        Self::Error(EffectErrorKind::Tls),
        Self::Error(EffectErrorKind::Timeout),
        Self::Error(EffectErrorKind::Closed),
        Self::Error(EffectErrorKind::TooLarge),
        Self::Cut,
        Self::Page(200),
        Self::Empty,
    ];

    /// Whether it says nothing about the user, the photo or the credentials, and is to be tried again.
    pub const fn passes(self) -> bool {
        match self {
            Self::Status(status) | Self::StatusWithWait(status) => matches!(status, 408 | 425 | 429 | 500..),
            Self::Page(_) | Self::Error(_) | Self::Cut | Self::Empty => true,
            Self::Redirect => false,
        }
    }

    /// Where the system promises no JSON, an answer without any is not wrong.
    fn fits(self, good: &Scripted) -> bool {
        let needs_json = matches!(self, Self::Cut | Self::Empty | Self::Page(..300));
        !needs_json || matches!(serde_json::from_slice(&good.1), Ok(Value::Object(_) | Value::Array(_)))
    }

    fn reply(self, good: &Scripted) -> Scripted {
        let (head, body) = match self {
            Self::Error(kind) => return (Reply::error(kind, format!("the fault `{self}`")), Vec::new()),
            Self::Cut => return (good.0.clone(), good.1[..good.1.len() / 2].to_vec()),
            Self::Status(status) => Response::with_json(status, &json!({})),
            Self::StatusWithWait(status) => Response::with_json(status, &json!({})).and_retry_after(TOLD),
            Self::Page(status) => Response::with(status, "<!DOCTYPE html><title>The fault of a front</title>")
                .and_header("content-type", "text/html"),
            Self::Empty => Response::with(200, ""),
            Self::Redirect => Response::with(302, "").and_header("location", "https://elsewhere.example.com/"),
        }
        .into_parts();
        (Reply::Http(head), body)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Status(status) => status.to_string(),
            Self::StatusWithWait(status) => format!("{status}, Retry-After"),
            Self::Page(status) => format!("{status}, HTML"),
            Self::Error(kind) => json!(kind).as_str().unwrap_or_default().to_owned(),
            Self::Cut => "answer cut".into(),
            Self::Empty => "200, empty".into(),
            Self::Redirect => "302".into(),
        };
        f.pad(&text)
    }
}

/// A good script, to be played once for each fault at each of its requests. The fault stays: whoever sends the request
/// again meets it again. All other effects of the script may be asked for again, or not be asked for.
///
/// Playing it checks what holds for every backend, and panics with a text for the author where it does not:
///
/// - The good script is played twice, asks for the same both times, and ends well.
/// - A fault that [passes](Fault::passes) ends in `retry` or `rate-limited`; where there is no answer at all, `config` is
///   fine too. It must not end in `done`, for nobody knows whether the system shows the photo; nor in a verdict that
///   stops the delivery or holds the backend.
/// - A wait that was told is in the failure, or was slept through.
/// - Nothing panics, and the script is not left.
///
/// What the lasting faults mean is the author's word, to be read from the [`Table`].
///
/// ```
/// # use portraitd_sdk::message::EffectKind;
/// # use portraitd_sdk::{Backend, Context, Failure, OpenContext, Photo, Receipt, RenditionSpec};
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Settings {}
/// # struct Chat;
/// # impl Backend for Chat {
/// #     type Settings = Settings;
/// #     const NEEDS: &'static [EffectKind] = &[EffectKind::Http];
/// #     fn open(_: Settings, _: &OpenContext) -> Result<Self, Failure> { Ok(Self) }
/// #     fn renditions(&self) -> Vec<RenditionSpec> { vec![RenditionSpec::exact("icon", 48, 48)] }
/// #     async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
/// #         let url = format!("https://chat.example.com/users/{}/icon", photo.user.remote);
/// #         let request = HttpRequest::put(url).rendition(photo.rendition("icon")?);
/// #         let reply: serde_json::Value = cx.http(request).await?.ok_or(Verdict::ImageRejected)?.json()?;
/// #         Ok(Receipt::changed().detail(reply["id"].clone()))
/// #     }
/// # }
/// use portraitd_sdk::script::{Fault, Faults, Script, rendition};
/// use portraitd_sdk::{HttpRequest, Response, Verdict};
///
/// let table = Faults::of(|| {
///     let put = HttpRequest::put("https://chat.example.com/users/ada/icon").rendition(&rendition("icon"));
///     let script = Script::<Chat>::open(serde_json::json!({})).unwrap();
///     script.exchange(put, Response::with_json(200, &serde_json::json!({ "id": 7 })))
/// })
/// .deliver();
/// assert_eq!(table.verdict(1, Fault::Status(404)), Some(Verdict::UserAbsent));
/// assert_eq!(table.verdict(1, Fault::Status(413)), Some(Verdict::ImageRejected));
/// println!("{table}");
/// ```
pub struct Faults<'a, B> {
    script: Box<dyn Fn() -> Script<B> + 'a>,
    also: Box<dyn Fn(Script<B>) -> Script<B> + 'a>,
    optional: BTreeSet<usize>,
}

impl<'a, B: Backend> Faults<'a, B> {
    /// The faults of a good script, which is made anew for each play.
    pub fn of(script: impl Fn() -> Script<B> + 'a) -> Self {
        Self { script: Box::new(script), also: Box::new(|script| script), optional: BTreeSet::new() }
    }

    /// Adds effects that only a fault leads to, such as another login after a 401. They have no faults of their own.
    #[must_use]
    pub fn also(mut self, also: impl Fn(Script<B>) -> Script<B> + 'a) -> Self {
        self.also = Box::new(also);
        self
    }

    /// The operation may be done although this request, counted from 1, failed.
    #[must_use]
    pub fn optional(mut self, request: usize) -> Self {
        self.optional.insert(request);
        self
    }

    /// Plays deliveries.
    ///
    /// # Panics
    /// When one of the checks fails.
    #[track_caller]
    pub fn deliver(&self) -> Table {
        self.play(Script::deliver)
    }

    /// Plays removals.
    ///
    /// # Panics
    /// When one of the checks fails.
    #[track_caller]
    pub fn remove(&self) -> Table
    where
        B: Remove,
    {
        self.play(Script::remove)
    }

    /// Plays verifications.
    ///
    /// # Panics
    /// When one of the checks fails.
    #[track_caller]
    pub fn verify(&self) -> Table
    where
        B: Verify,
    {
        self.play(Script::verify)
    }

    /// Plays probes.
    ///
    /// # Panics
    /// When one of the checks fails.
    #[track_caller]
    pub fn probe(&self) -> Table
    where
        B: Probe,
    {
        self.play(Script::probe)
    }

    #[track_caller]
    fn play(&self, play: impl Fn(Script<B>) -> Played) -> Table {
        check_repeat(&play((self.script)()), &play((self.script)()));
        let expected = (self.script)().expected;
        let requests =
            expected.iter().enumerate().filter_map(|(at, expected)| Some((at, request(expected)?, expected)));
        let mut rows = Vec::new();
        for (number, (at, asked, good)) in (1..).zip(requests) {
            for &fault in Fault::ALL.iter().filter(|fault| fault.fits(&good.reply)) {
                let what = format!("with `{fault}` as the answer to request {number}, {}", shown(asked));
                let played = unpanicked(&what, || play(self.with(at, fault)));
                check(&what, fault, &played, self.optional.contains(&number));
                rows.push(Row { request: number, asked: shown(asked), fault, result: played.result });
            }
        }
        Table { rows }
    }

    /// The script with a fault in the place of an effect's reply, there and whenever it is asked for later.
    fn with(&self, at: usize, fault: Fault) -> Script<B> {
        let mut script = (self.script)();
        let faulty = script.expected[at].effect.clone();
        for expected in script.expected[at..].iter_mut().filter(|expected| expected.effect == faulty) {
            expected.reply = fault.reply(&expected.reply);
        }
        script.is_loose = true;
        (self.also)(script)
    }
}

fn request(expected: &Expected) -> Option<&HttpRequest> {
    match &expected.effect {
        Effect::Http(request) => Some(request),
        _ => None,
    }
}

/// Method and path of a request.
fn shown(request: &HttpRequest) -> String {
    let rest = request.url.split_once("://").map_or(request.url.as_str(), |(_, rest)| rest);
    format!("{} {}", request.method.word(), &rest[rest.find('/').unwrap_or(0)..])
}

#[track_caller]
fn check_repeat(first: &Played, second: &Played) {
    assert!(first.result.is_ok(), "the good script ends with {:?}", first.result);
    let same = first.effects == second.effects && second.result.is_ok();
    assert!(same, "the second time, the same script asks for {:?} instead of {:?}", second.effects, first.effects);
}

#[track_caller]
fn unpanicked(what: &str, play: impl FnOnce() -> Played) -> Played {
    catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text");
        panic!("{what}: {text}")
    })
}

#[track_caller]
fn check(what: &str, fault: Fault, played: &Played, is_optional: bool) {
    match &played.result {
        Ok(done) => assert!(is_optional || !fault.passes(), "{what}, it ends in {done:?}, and nobody knows that it is"),
        Err(failure) => {
            assert!(
                !fault.passes() || tries_again(fault, failure.verdict),
                "{what}, which passes, it ends in {failure}"
            );
            let waits = matches!(fault, Fault::StatusWithWait(_));
            let waited = played.slept + Duration::from_millis(failure.after_ms.unwrap_or_default());
            assert!(!waits || waited >= TOLD, "{what}, it waits for {waited:?} and was told to wait for {TOLD:?}");
        }
    }
}

fn tries_again(fault: Fault, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Retry | Verdict::RateLimited => true,
        Verdict::Config => matches!(fault, Fault::Error(_)),
        _ => false,
    }
}

impl<B> fmt::Debug for Faults<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("optional", &self.optional).finish_non_exhaustive()
    }
}

/// What came of every fault at every request.
#[derive(Clone, Debug)]
pub struct Table {
    /// By request, then as in [`Fault::ALL`].
    pub rows: Vec<Row>,
}

/// What came of one fault.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which request of the script had it, counted from 1.
    pub request: usize,
    /// That request's method and path.
    pub asked: String,
    /// What went wrong.
    pub fault: Fault,
    /// How the operation ended.
    pub result: Result<Done, Failure>,
}

impl Table {
    /// The verdict on a fault at a request, counted from 1; none, where the operation was done all the same.
    ///
    /// # Panics
    /// When that fault was not played there.
    #[track_caller]
    pub fn verdict(&self, request: usize, fault: Fault) -> Option<Verdict> {
        let found = self.rows.iter().find(|row| (row.request, row.fault) == (request, fault));
        let Some(row) = found else { panic!("`{fault}` was not played at request {request}") };
        row.result.as_ref().err().map(|failure| failure.verdict)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.asked.len()).max().unwrap_or_default();
        for Row { request, asked, fault, result } in &self.rows {
            write!(f, "{request:>2}  {asked:width$}  {fault:16}  ")?;
            match result {
                Ok(_) => writeln!(f, "done")?,
                Err(failure) => writeln!(f, "{:14}  {}", failure.verdict.word(), failure.reason)?,
            }
        }
        Ok(())
    }
}
