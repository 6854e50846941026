//! The executor and the script player, with a backend that does what each test names.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use futures_util::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::backend::Operations;
use crate::message::http::HttpReply;
use crate::message::memory::{Recalled, Remember, Remembered};
use crate::message::{
    Effect, EffectErrorKind, EffectKind, EffectResult, Level, Outcome, Reply, Resume, Start, Step, User,
};
use crate::photo::Bytes;
use crate::script::{BEGIN_MS, Order, Played, Script};
use crate::task::Task;
use crate::{
    Backend, Context, Failure, HttpRequest, Memory, OpenContext, Photo, Probe, Receipt, Remove, RenditionSpec,
    Response, Secret, Verdict, Verify, settings,
};

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Case {
    Nothing,
    FortyAtOnce,
    EightAtATime,
    Timeout,
    PollOnce,
    Foreign,
    Yield,
    Spin,
    Undeclared,
    Sleeps,
    Logs,
    Random,
    Unwanted,
    LongReceipt,
    Talks,
    Remembers,
    Publishes,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    case: Case,
}

struct Busy(Case);

impl Backend for Busy {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] = &[
        EffectKind::FileRemove,
        EffectKind::Sleep,
        EffectKind::Http,
        EffectKind::Recall,
        EffectKind::Remember,
        EffectKind::Forget,
        EffectKind::Publish,
    ];

    fn open(settings: Settings, cx: &OpenContext) -> Result<Self, Failure> {
        assert!(cx.backend() == "script" && !cx.host_version().is_empty());
        Ok(Self(settings.case))
    }

    fn renditions(&self) -> Vec<RenditionSpec> {
        vec![RenditionSpec::exact("icon", 48, 48)]
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        match self.0 {
            Case::Nothing => {}
            Case::FortyAtOnce => drop(join_all((0..40).map(|n| remove(cx, n))).await),
            Case::EightAtATime => {
                let all = stream::iter(0..40).map(|n| remove(cx, n)).buffer_unordered(8);
                assert_eq!(all.count().await, 40);
            }
            Case::Timeout => {
                let (slow, quick) = (cx.sleep(Duration::from_secs(9)), cx.sleep(Duration::from_secs(5)));
                let slow_lost = matches!(select(pin!(slow), pin!(quick)).await, Either::Right(_));
                assert!(slow_lost);
                drop(cx.sleep(Duration::from_secs(1)).await);
            }
            Case::PollOnce => {
                let mut given_up = Box::pin(remove(cx, 1));
                let polled = std::future::poll_fn(|waker| Poll::Ready(given_up.as_mut().poll(waker))).await;
                assert!(polled.is_pending());
                drop(given_up);
                drop(cx.sleep(Duration::from_secs(1)).await);
            }
            Case::Foreign => std::future::pending().await,
            Case::Yield => yields(900).await,
            Case::Spin => yields(usize::MAX).await,
            Case::Undeclared => drop(cx.put_file("path", "x", photo.rendition("icon")?).await),
            Case::Sleeps => {
                let times = [3, 1, 2].map(|seconds| cx.sleep(Duration::from_secs(seconds)));
                join_all(times).await;
                assert_eq!(cx.now_ms(), BEGIN_MS + 3_000);
            }
            Case::Logs => {
                cx.warn("a warning");
                cx.debug(format!("attempt {} of {}", cx.attempt(), photo.user.remote));
            }
            Case::Random => assert_eq!([cx.random(), cx.random()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]),
            Case::Unwanted => drop(photo.rendition("poster")?),
            Case::Talks => {
                let asked = [1, 2].map(|n| cx.http(HttpRequest::get(format!("https://x/{n}"))));
                let texts: Vec<_> = join_all(asked).await.into_iter().map(|reply| reply.map(|r| r.text())).collect();
                assert_eq!(texts, [Ok("one".into()), Ok("two".into())], "each reply has the body of its own");
            }
            Case::Remembers => {
                let session = Memory::Backend { key: "session".into() };
                assert_eq!(cx.recall(&session).await?, None);
                let known = cx.remember_secret(&session, "hunter2", Some(Duration::from_secs(60))).await?;
                assert_eq!(known.secret()?.name(), "1");
                assert!(known.value().is_null() && cx.forget(&session, &known).await?);
            }
            Case::Publishes => {
                let url = cx.publish(photo.rendition("icon")?).await?;
                assert!(cx.is_verified());
                return Ok(Receipt::changed().detail(url));
            }
            Case::LongReceipt => return Ok(Receipt::changed().detail("x".repeat(20_000))),
        }
        Ok(Receipt::changed().note("as told"))
    }
}

impl Remove for Busy {
    async fn remove(&self, cx: &Context, user: &User) -> Result<Receipt, Failure> {
        assert_eq!((user.id.as_str(), cx.receipt()), ("ada", Some(&json!({ "id": 7 }))));
        Ok(Receipt::removed())
    }
}

impl Verify for Busy {
    async fn verify(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        assert!(photo.renditions.is_empty() && cx.receipt().is_some(), "the receipt tells what was delivered");
        Ok(Receipt::unchanged())
    }
}

impl Probe for Busy {
    async fn probe(&self, _: &Context) -> Result<(), Failure> {
        Err(Failure::auth("the token is old").hint("make a new one"))
    }
}

async fn remove(cx: &Context, number: u32) -> Outcome {
    cx.remove_file("path", format!("{number}.jpg")).await.expect("the script says so")
}

async fn yields(times: usize) {
    let mut left = times;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn open(case: Case) -> Script<Busy> {
    Script::open(json!({ "case": case })).unwrap()
}

fn removal(number: u32) -> Effect {
    Effect::FileRemove { directory: "path".into(), path: format!("{number}.jpg") }
}

fn removals(mut script: Script<Busy>) -> Script<Busy> {
    for number in 0..40 {
        script = script.expect(removal(number), Reply::FileRemove { existed: true });
    }
    script
}

fn bug(played: Played) -> String {
    let failure = played.result.unwrap_err();
    assert_eq!(failure.verdict, Verdict::Bug);
    failure.reason
}

#[test]
fn forty_effects_are_answered_in_any_order() {
    for case in [Case::FortyAtOnce, Case::EightAtATime] {
        for order in [Order::Together, Order::OldestFirst, Order::NewestFirst] {
            let played = removals(open(case)).order(order).deliver();
            assert_eq!(played.result.unwrap().outcome, Outcome::Changed);
            assert_eq!(played.effects.len(), 40);
        }
    }
}

#[test]
fn an_effect_that_lost_the_race_is_cancelled() {
    let played = open(Case::Timeout).deliver();
    played.result.unwrap();
    assert_eq!(played.cancelled, [Effect::Sleep { ms: 9_000 }]);
    assert_eq!(played.slept, Duration::from_secs(6));
}

#[test]
fn an_effect_that_is_given_up_in_the_same_step_never_leaves() {
    let played = open(Case::PollOnce).deliver();
    played.result.unwrap();
    assert_eq!((played.effects.len(), played.cancelled.len()), (1, 0));
}

#[test]
fn a_future_that_is_no_effect_fails_at_once_and_says_so() {
    assert_eq!(bug(open(Case::Foreign).deliver()), "the plugin awaits something that is not a portraitd effect");
}

#[test]
fn yielding_is_fine_and_spinning_is_not() {
    open(Case::Yield).deliver().result.unwrap();
    assert!(bug(open(Case::Spin).deliver()).contains("busy loop"));
}

#[test]
fn an_effect_of_an_undeclared_kind_is_found_by_the_first_test() {
    let undeclared = bug(open(Case::Undeclared).deliver());
    assert_eq!(undeclared, "the plugin uses `file-put` and does not name it in NEEDS");
}

#[test]
fn sleeping_takes_no_time() {
    let begun = std::time::Instant::now();
    let played = open(Case::Sleeps).deliver();
    played.result.unwrap();
    assert_eq!(played.slept, Duration::from_secs(3));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[test]
fn what_a_backend_says_reaches_the_log() {
    let played = open(Case::Logs).user("ada").remote("4711").attempt(3).deliver();
    let lines: Vec<_> = played.log.iter().map(|line| (line.level, line.text.as_str())).collect();
    assert_eq!(lines, [(Level::Warn, "a warning"), (Level::Debug, "attempt 3 of 4711")]);
    assert_eq!(played.result.unwrap().notes, ["as told"]);
}

#[test]
fn random_numbers_are_those_of_the_seed() {
    open(Case::Random).deliver().result.unwrap();
}

#[test]
fn a_rendition_that_was_not_wanted_and_an_overlong_receipt_are_bugs() {
    assert_eq!(bug(open(Case::Unwanted).deliver()), "the plugin wanted no rendition `poster`");
    assert!(bug(open(Case::LongReceipt).deliver()).contains("20002 bytes"));
}

#[test]
fn every_optional_operation_can_be_played() {
    let removed = open(Case::Nothing).receipt(json!({ "id": 7 })).remove();
    assert_eq!(removed.result.unwrap().outcome, Outcome::Removed);
    let verified = open(Case::Nothing).receipt(json!({ "id": 7 })).verify();
    assert_eq!(verified.result.unwrap().outcome, Outcome::Unchanged);
    let failure = open(Case::Nothing).probe().result.unwrap_err();
    assert_eq!((failure.verdict, failure.hint.as_deref()), (Verdict::Auth, Some("make a new one")));
}

#[test]
#[should_panic(expected = "which the script does not expect")]
fn a_script_is_not_left() {
    open(Case::FortyAtOnce).deliver();
}

#[test]
#[should_panic(expected = "never asked for")]
fn a_script_is_played_to_its_end() {
    open(Case::Nothing).expect(removal(1), Reply::error(EffectErrorKind::Io, "")).deliver();
}

fn begin(case: Case) -> Task {
    let start: Start = serde_json::from_value(json!({
        "op": "deliver",
        "user": { "id": "ada", "remote": "ada" },
        "photo": { "digest": "0", "renditions": [{
            "name": "icon", "mime": "image/jpeg", "width": 48, "height": 48, "len": 0, "sha256": "0", "blob": 0
        }] },
        "attempt": 1, "idempotency-key": "k", "deadline-ms": BEGIN_MS, "now-ms": BEGIN_MS, "seed": 0,
        "a-field-of-a-newer-host": true,
    }))
    .unwrap();
    Task::begin(Arc::new(Busy(case)), &Operations::NONE, start, vec![Bytes::Own(vec![])]).unwrap()
}

#[test]
fn each_of_two_requests_gets_its_own_reply() {
    for order in [Order::Together, Order::OldestFirst, Order::NewestFirst] {
        let exchange = |n: u8, body: &str| (HttpRequest::get(format!("https://x/{n}")), Response::with(200, body));
        let ((one, first), (two, second)) = (exchange(1, "one"), exchange(2, "two"));
        open(Case::Talks).order(order).exchange(one, first).exchange(two, second).deliver().result.unwrap();
    }
}

#[test]
fn a_secret_that_is_remembered_comes_back_as_a_handle() {
    let memory = Memory::Backend { key: "session".into() };
    let remember =
        Effect::Remember { memory: memory.clone(), value: Remember::Secret("hunter2".into()), ttl_ms: Some(60_000) };
    let value = Remembered::Secret(Secret::handle("1"));
    open(Case::Remembers)
        .expect(Effect::Recall { memory: memory.clone() }, Reply::Recall(Recalled::Missing {}))
        .expect(remember, Reply::Remember { value, version: 7 })
        .expect(Effect::Forget { memory, version: 7 }, Reply::Forget { forgotten: true })
        .deliver()
        .result
        .unwrap();
}

#[test]
fn a_picture_is_published_under_the_url_that_the_host_gives() {
    let url = "https://photos.example.com/0a1b.jpg";
    let publish = Effect::Publish { rendition: "icon".into() };
    let played =
        open(Case::Publishes).verified().expect(publish, Reply::Publish { url: url.into() }).deliver().result.unwrap();
    assert_eq!(played.receipt, json!(url));
}

#[test]
fn a_reply_without_its_blob_is_refused() {
    let mut task = begin(Case::Talks);
    task.step();
    let reply = HttpReply { status: 200, headers: vec![], blob: 3, retry_after_ms: None };
    let results = vec![EffectResult { id: 1, reply: Reply::Http(reply) }];
    let Step::Failed(failure) = task.resume(Resume { results, now_ms: 0 }, &[b"0"]).answer else { panic!() };
    assert_eq!(failure.reason, "the host's message lacks the blob 3");
}

#[test]
fn an_answer_to_an_effect_that_is_not_open_is_refused() {
    let mut task = begin(Case::FortyAtOnce);
    task.step();
    let answer = |id| EffectResult { id, reply: Reply::FileRemove { existed: true } };
    let some = task.resume(Resume { results: vec![answer(3)], now_ms: 0 }, &[]);
    assert!(matches!(some.answer, Step::Need(ref need) if need.effects.is_empty()), "still waiting: {some:?}");
    let again = task.resume(Resume { results: vec![answer(3)], now_ms: 0 }, &[]);
    let Step::Failed(failure) = again.answer else { panic!("{again:?}") };
    assert_eq!(failure.reason, "the host answered effect 3, which is not open");
    let after = task.resume(Resume { results: vec![], now_ms: 0 }, &[]);
    assert!(matches!(after.answer, Step::Failed(_)));
}

#[test]
fn a_task_that_waits_moves_between_threads() {
    let mut task = begin(Case::EightAtATime);
    let mut answer = task.step();
    while let Step::Need(need) = answer.answer {
        let reply = |id| EffectResult { id, reply: Reply::FileRemove { existed: false } };
        let results = need.effects.iter().map(|request| reply(request.id)).collect();
        (task, answer) = std::thread::spawn(move || {
            let answer = task.resume(Resume { results, now_ms: 0 }, &[]);
            (task, answer)
        })
        .join()
        .unwrap();
    }
    assert!(matches!(answer.answer, Step::Done(_)), "{answer:?}");
}

/// Settings with everything that a schema can mark.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Marked {
    #[schemars(extend("x-identifying" = true))]
    base_url: String,
    token: Secret,
    #[serde(default)]
    tuning: Tuning,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Tuning {
    #[schemars(extend("x-identifying" = true))]
    mode: String,
    pace: u32,
}

fn marked(more: serde_json::Value) -> Result<Marked, Failure> {
    let mut value = json!({ "base-url": "https://x", "token": "secret:/token" });
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings::read(value)
}

#[test]
fn the_fingerprint_holds_marked_settings_with_their_defaults_and_nothing_else() {
    let plain = settings::fingerprint(&marked(json!({})).unwrap()).unwrap();
    assert_eq!(plain, "base-url=\"https://x\"\ntuning.mode=\"\"");
    let other = marked(json!({ "token": "secret:/other", "tuning": { "pace": 9, "mode": "" } })).unwrap();
    assert_eq!(settings::fingerprint(&other).unwrap(), plain);
    let changed = marked(json!({ "tuning": { "mode": "url" } })).unwrap();
    assert_ne!(settings::fingerprint(&changed).unwrap(), plain);
}

#[test]
fn the_schema_marks_secrets() {
    let schema = settings::schema::<Marked>();
    assert_eq!(schema["properties"]["token"]["x-secret"], true);
    assert_eq!(schema["properties"]["base-url"]["x-identifying"], true);
    assert_eq!(schema["properties"]["tuning"]["properties"]["mode"]["x-identifying"], true);
}

#[test]
fn a_secret_that_is_written_out_is_refused_and_not_repeated() {
    let written = marked(json!({ "token": "hunter2" })).unwrap_err().reason;
    assert!(written.starts_with("`token`: a secret is not written here itself"), "{written}");
    marked(json!({ "token": { "env": "TOKEN" } })).unwrap_err();
    assert_eq!(marked(json!({})).unwrap().token.name(), "/token");
}

#[test]
fn a_wrong_setting_is_named_by_its_path() {
    let reason = marked(json!({ "tuning": { "pace": "fast" } })).unwrap_err().reason;
    assert!(reason.starts_with("`tuning.pace`: invalid type"), "{reason}");
}
