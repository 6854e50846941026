//! Faults and recordings against one small backend that can be wrong in every way that the checks look for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::message::EffectErrorKind;
use crate::{Context, OpenContext, Photo, Receipt, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Manner {
    Right,
    Careless,
    Harsh,
    Impatient,
    Patient,
    Panicking,
    Wandering,
    Moody,
    Forgiving,
    Stubborn,
    Binary,
    Polling,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    manner: Manner,
}

struct Board(Manner);

static MOOD: AtomicU64 = AtomicU64::new(0);

impl Backend for Board {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] = &[EffectKind::Http, EffectKind::Sleep];

    fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
        Ok(Self(settings.manner))
    }

    fn renditions(&self) -> Vec<RenditionSpec> {
        vec![RenditionSpec::exact("icon", 48, 48)]
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        cx.debug("it begins");
        let user = self.find(cx).await?;
        let reply = cx.http(put(&user, photo.rendition("icon")?)).await;
        match self.0 {
            Manner::Careless => Ok(Receipt::changed()),
            Manner::Harsh => {
                let reply = reply?;
                let good = reply.is_success();
                if good { Ok(Receipt::changed()) } else { Err(reply.failure(Verdict::ImageRejected)) }
            }
            Manner::Impatient => {
                let reply = reply?.ok_or(Verdict::ImageRejected);
                reply.map_err(|failure| Failure { after_ms: None, ..failure })?.json::<Value>()?;
                Ok(Receipt::changed())
            }
            Manner::Patient => {
                let reply = reply?;
                if let Some(wait) = reply.retry_after() {
                    cx.sleep(wait).await?;
                    let failure = cx.http(put(&user, photo.rendition("icon")?)).await?.failure(Verdict::Retry);
                    return Err(Failure { after_ms: None, ..failure });
                }
                reply.ok_or(Verdict::ImageRejected)?.json::<Value>()?;
                Ok(Receipt::changed())
            }
            Manner::Panicking => {
                let reply = reply?.ok_or(Verdict::ImageRejected)?;
                let id = &reply.as_json().expect("the board answers with JSON")["id"];
                Ok(Receipt::changed().detail(id.clone()))
            }
            Manner::Wandering if matches!(&reply, Ok(reply) if reply.status() == 401) => {
                cx.http(login()).await?.ok_or(Verdict::Auth)?;
                let again = cx.http(put(&user, photo.rendition("icon")?)).await?;
                again.ok_or(Verdict::ImageRejected)?;
                Ok(Receipt::changed())
            }
            Manner::Stubborn => {
                let mut good = reply.is_ok_and(|reply| reply.is_success());
                while !good {
                    good = cx.http(put(&user, photo.rendition("icon")?)).await.is_ok_and(|reply| reply.is_success());
                }
                Ok(Receipt::changed())
            }
            _ => {
                let id = reply?.ok_or(Verdict::ImageRejected)?.json::<Value>()?["id"].clone();
                Ok(Receipt::changed().detail(id))
            }
        }
    }
}

impl Board {
    async fn find(&self, cx: &Context) -> Result<String, Failure> {
        let reply = cx.http(find()).await;
        match self.0 {
            Manner::Forgiving => Ok("7".into()),
            Manner::Moody => Ok(MOOD.fetch_add(1, Ordering::Relaxed).to_string()),
            Manner::Binary => {
                assert_eq!(reply?.body(), [0xff, 0x00]);
                Ok("7".into())
            }
            Manner::Polling => {
                let found: Value = cx.http(find()).await?.ok_or(Verdict::Config)?.json()?;
                Ok(found["id"].to_string())
            }
            _ => reply?.ok_or(Verdict::Config)?.json::<Value>().map(|found| found["id"].to_string()),
        }
    }
}

impl Probe for Board {
    async fn probe(&self, cx: &Context) -> Result<(), Failure> {
        cx.http(find()).await?.ok_or(Verdict::Config)?.json::<Value>().map(drop)
    }
}

fn find() -> HttpRequest {
    HttpRequest::get("https://board.example.com/users").query("name", "ada")
}

fn put(user: &str, icon: &Rendition) -> HttpRequest {
    HttpRequest::put(format!("https://board.example.com/users/{user}/icon")).rendition(icon)
}

fn login() -> HttpRequest {
    HttpRequest::post("https://board.example.com/login")
}

fn good(manner: Manner) -> Script<Board> {
    let found = Response::with_json(200, &json!({ "id": 7 }));
    let script = Script::open(json!({ "manner": manner })).unwrap().exchange(find(), found.clone());
    script.exchange(put("7", &rendition("icon")), found)
}

/// What the author is told.
fn told(play: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(play)).unwrap_err();
    let text = payload.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| (*payload.downcast_ref::<&str>().expect("a text")).to_owned())
}

fn wrong(manner: Manner) -> String {
    told(|| drop(Faults::of(|| good(manner)).deliver()))
}

#[test]
fn every_fault_is_played_at_every_request() {
    let table = Faults::of(|| good(Manner::Right)).deliver();
    assert_eq!(table.rows.len(), 2 * Fault::ALL.len());
    for (request, other) in [(1, Verdict::Config), (2, Verdict::ImageRejected)] {
        let verdict = |fault| table.verdict(request, fault).unwrap();
        assert_eq!([400, 413, 415].map(|status| verdict(Fault::Status(status))), [other; 3]);
        assert_eq!([401, 403].map(|status| verdict(Fault::Status(status))), [Verdict::Auth; 2]);
        assert_eq!(verdict(Fault::Status(404)), Verdict::UserAbsent);
        assert_eq!(verdict(Fault::Redirect), Verdict::Config);
        assert_eq!(verdict(Fault::StatusWithWait(429)), Verdict::RateLimited);
        assert_eq!(verdict(Fault::Page(403)), Verdict::Retry);
        assert_eq!(verdict(Fault::Error(EffectErrorKind::Tls)), Verdict::Config);
    }
}

#[test]
fn a_table_is_for_reading() {
    let script = || {
        let found = Response::with_json(200, &json!({ "id": 7 }));
        Script::<Board>::open(json!({ "manner": "right" })).unwrap().exchange(find(), found)
    };
    let table = Faults::of(script).probe().to_string();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines[0], " 1  GET /users  400               config          the answer 400 ({})");
    assert_eq!(lines.len(), Fault::ALL.len());
}

#[test]
fn what_no_backend_may_do_is_found() {
    assert!(
        wrong(Manner::Careless).contains("with `403, HTML` as the answer to request 2, PUT /users/7/icon, it ends in")
    );
    assert!(
        wrong(Manner::Harsh)
            .contains("with `403, HTML` as the answer to request 2, PUT /users/7/icon, which passes, it")
    );
    assert!(wrong(Manner::Impatient).contains("with `429, Retry-After` as the answer to request 2"));
    assert!(wrong(Manner::Impatient).contains("it waits for 0ns and was told to wait for 7s"));
    assert!(wrong(Manner::Panicking).ends_with("PUT /users/7/icon: the board answers with JSON"));
    assert!(
        wrong(Manner::Wandering).contains("`401` as the answer to request 2, PUT /users/7/icon: the backend asked")
    );
    assert!(wrong(Manner::Stubborn).contains("more than 1000 effects"));
}

#[test]
fn a_wait_may_be_slept_through() {
    let table = Faults::of(|| good(Manner::Patient)).deliver();
    assert_eq!(table.verdict(2, Fault::StatusWithWait(429)), Some(Verdict::Retry));
}

/// The first time it is not found yet.
fn found_late() -> Script<Board> {
    let found = Response::with_json(200, &json!({ "id": 7 }));
    let script = Script::open(json!({ "manner": "polling" })).unwrap();
    let script = script.exchange(find(), Response::with_json(202, &json!({}))).exchange(find(), found.clone());
    script.exchange(put("7", &rendition("icon")), found)
}

#[test]
fn the_same_request_is_answered_as_often_as_it_is_expected_and_in_that_order() {
    found_late().deliver().result.unwrap();
    let once = Script::<Board>::open(json!({ "manner": "polling" })).unwrap();
    let once = once.exchange(find(), Response::with_json(202, &json!({})));
    let twice = told(|| drop(once.deliver()));
    assert!(twice.starts_with("the backend asked for Http(HttpRequest { method: Get, url: \"https://board"), "{twice}");
}

#[test]
fn a_fault_stays_for_whoever_asks_again() {
    let table = Faults::of(found_late).deliver();
    assert_eq!(table.verdict(1, Fault::Status(500)), Some(Verdict::Retry));
}

#[test]
fn what_only_a_fault_leads_to_is_added() {
    let faults =
        Faults::of(|| good(Manner::Wandering)).also(|script| script.exchange(login(), Response::with(200, "")));
    assert_eq!(faults.deliver().verdict(2, Fault::Status(401)), Some(Verdict::Auth), "the fault stays");
}

#[test]
fn a_request_may_be_optional() {
    let faults = || Faults::of(|| good(Manner::Forgiving));
    assert!(told(|| drop(faults().deliver())).contains("request 1"));
    assert_eq!(faults().optional(1).deliver().verdict(1, Fault::Status(500)), None);
}

#[test]
fn a_script_that_is_not_good_has_no_faults() {
    let script = || {
        let refused = Response::with(404, "");
        Script::<Board>::open(json!({ "manner": "right" })).unwrap().exchange(find(), refused)
    };
    assert!(told(|| drop(Faults::of(script).deliver())).starts_with("the good script ends with Err("));
}

#[test]
fn a_delivery_that_is_another_the_second_time_is_found() {
    let both = |user: &str, script: Script<Board>| {
        script.exchange(put(user, &rendition("icon")), Response::with_json(200, &json!({ "id": 7 })))
    };
    // A script that would go along with either.
    let script = || {
        let found = Response::with_json(200, &json!({ "id": 7 }));
        let mut script = Script::open(json!({ "manner": "moody" })).unwrap().exchange(find(), found);
        let first = MOOD.load(Ordering::Relaxed);
        for user in first..first + 10 {
            script = both(&user.to_string(), script);
        }
        script.is_loose = true;
        script
    };
    assert!(told(|| drop(Faults::of(script).deliver())).starts_with("the second time, the same script asks for"));
}

#[test]
fn an_answer_without_json_is_not_cut() {
    let script = || {
        let script = Script::<Board>::open(json!({ "manner": "forgiving" })).unwrap();
        let found = Response::with(204, "");
        script.exchange(find(), found).exchange(put("7", &rendition("icon")), Response::with_json(200, &json!({})))
    };
    let table = Faults::of(script).optional(1).deliver();
    let played = |request, fault| table.rows.iter().any(|row| (row.request, row.fault) == (request, fault));
    for fault in [Fault::Cut, Fault::Empty, Fault::Page(200)] {
        assert_eq!((played(1, fault), played(2, fault)), (false, true), "{fault}");
    }
}

/// A recording, by its contract: the lines as they stand in a file.
fn recorded() -> Vec<Value> {
    let start = json!({
        "op": "deliver", "user": { "id": "ada", "remote": "ada" },
        "photo": { "digest": "0", "renditions": [{
            "name": "icon", "mime": "image/jpeg", "width": 48, "height": 48, "len": 9, "sha256": "0", "blob": 0
        }] },
        "attempt": 1, "idempotency-key": "k", "deadline-ms": 9, "now-ms": 1, "seed": 0,
    });
    let open = json!({ "backend": "b", "settings": { "manner": "right" }, "host-version": "1", "caps": ["http"] });
    let asks = |id: u64, request: HttpRequest| json!({ "answer": { "need": { "effects": [{ "id": id, "effect": { "http": request } }] } } });
    let heard = |id: u64, body: Value| {
        let reply = json!({ "http": { "status": 200, "blob": 0 } });
        json!({ "results": [{ "id": id, "reply": reply, "body": body }], "now-ms": 2 })
    };
    vec![
        json!({ "portraitd-recording": 1, "plugin": "board", "version": "1", "open": open, "start": start }),
        asks(1, find()),
        heard(1, json!({ "text": "{\"id\":7}" })),
        asks(2, put("7", &rendition("icon"))),
        heard(2, json!({ "text": "{\"id\":7}" })),
        json!({ "answer": { "done": { "outcome": "changed", "receipt": 7 } } }),
    ]
}

fn lines(recorded: &[Value]) -> String {
    recorded.iter().map(|line| format!("{line}\n")).collect()
}

fn replayed(recorded: &[Value]) -> Result<Done, Failure> {
    Script::<Board>::replay(&lines(recorded))
}

#[test]
fn a_recording_plays_back() {
    assert_eq!(replayed(&recorded()).unwrap().receipt, 7);
    let mut failed = recorded();
    failed[4]["results"][0]["reply"]["http"]["status"] = 413.into();
    let reason = "the answer 413 ({\"id\":7})";
    failed[5] = json!({ "answer": { "failed": { "verdict": "image-rejected", "reason": reason } } });
    assert_eq!(replayed(&failed).unwrap_err().verdict, Verdict::ImageRejected);
}

#[test]
fn a_body_that_is_no_text_is_recorded_as_bytes() {
    assert_eq!(json!(HeardBody::from(&b"{}"[..])), json!({ "text": "{}" }));
    assert_eq!(json!(HeardBody::from(&[0xff, 0x00][..])), json!({ "bytes": [255, 0] }));
    let mut binary = recorded();
    binary[0]["open"]["settings"]["manner"] = "binary".into();
    binary[2]["results"][0]["body"] = json!({ "bytes": [255, 0] });
    replayed(&binary).unwrap();
}

#[test]
fn a_recording_is_written_as_it_is_read() {
    let text = lines(&recorded());
    let recording: Recording = text.parse().unwrap();
    assert_eq!(recording.to_string().parse::<Recording>().unwrap(), recording);
    assert_eq!((recording.head.format, recording.turns.len()), (RECORDING_FORMAT, 2));
}

#[test]
fn a_backend_that_changed_is_told_where() {
    let differs = |at: usize, change: fn(&mut Value)| {
        let mut recorded = recorded();
        change(&mut recorded[at]);
        told(|| drop(replayed(&recorded)))
    };
    let other = differs(3, |line| line["answer"]["need"]["effects"][0]["effect"]["http"]["method"] = "POST".into());
    assert!(other.starts_with("after turn 1 of the recording, the backend now says\n  {\"need\":"), "{other}");
    let other = differs(5, |line| line["answer"]["done"]["outcome"] = "unchanged".into());
    assert!(other.starts_with("after turn 2 of the recording, the backend now says\n  {\"done\":"), "{other}");
    let other = differs(0, |line| line["open"]["settings"]["manner"] = "rude".into());
    assert!(other.starts_with("the backend refuses the recorded settings: config: `manner`"), "{other}");
    let other = differs(0, |line| line["start"]["op"] = "remove".into());
    assert!(other.starts_with("only deliveries can be played again"), "{other}");
    let other = differs(0, |line| line["portraitd-recording"] = 2.into());
    assert_eq!(other, "this is no recording: its format is 2, and this version reads 1");
}

#[test]
fn a_recording_that_was_cut_off_says_so() {
    let told = |lines: usize| told(|| drop(replayed(&recorded()[..lines])));
    assert_eq!(told(0), "this is no recording: it ends before how the conversation began");
    assert_eq!(told(3), "this is no recording: it ends before an answer of the plugin");
    assert_eq!(told(4), "the recording was cut off: the backend still waits");
    let text = lines(&recorded()).replace("\"results\"", "\"result\"");
    let why = text.parse::<Recording>().unwrap_err();
    assert!(why.starts_with("line 3 is not what the plugin was told: "), "{why}");
}
