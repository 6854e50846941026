//! The plugin against scripts: no host, no server.

use std::time::Duration;

use portraitd_sdk::message::memory::{Recalled, Remember, Remembered};
use portraitd_sdk::message::{Effect, EffectErrorKind, Outcome, Reply};
use portraitd_sdk::script::{BEGIN_MS, Fault, Faults, Played, Script, Table, rendition};
use portraitd_sdk::{Backend as _, Failure, HttpRequest, Memory, Part, Response, Secret, Verdict};
use serde_json::{Value, json};

use crate::RocketChat;

const CALLER: &str = "aobEdbYhXfu5hkeqG";
const PUBLISHED: &str = "https://photos.example.com/abc/avatar.jpg";

fn settings() -> Value {
    json!({ "base-url": "https://chat.example.com/", "user-id": CALLER, "auth-token": "secret:/auth-token" })
}

fn with(key: &str, value: &str) -> Value {
    let mut settings = settings();
    settings[key] = value.into();
    settings
}

fn open(settings: Value) -> Script<RocketChat> {
    Script::open(settings).unwrap()
}

fn refused(settings: Value) -> String {
    let Failure { verdict, reason, .. } = Script::<RocketChat>::open(settings).err().unwrap();
    assert_eq!(verdict, Verdict::Config, "{reason}");
    reason
}

fn as_caller(request: HttpRequest) -> HttpRequest {
    request.header("X-User-Id", CALLER).header("X-Auth-Token", &Secret::handle("/auth-token"))
}

/// The request as the documentation shows it, with the field before the file.
fn set_avatar(field: &str, whose: &str) -> HttpRequest {
    let parts = [Part::field(field, whose), Part::file("image", "avatar.jpg", &rendition("avatar"))];
    as_caller(HttpRequest::post("https://chat.example.com/api/v1/users.setAvatar").multipart(parts))
}

fn set_url(field: &str, whose: &str) -> HttpRequest {
    let body = json!({ "avatarUrl": PUBLISHED, (field): whose });
    as_caller(HttpRequest::post("https://chat.example.com/api/v1/users.setAvatar").json(body))
}

fn reset(field: &str, whose: &str) -> HttpRequest {
    as_caller(HttpRequest::post("https://chat.example.com/api/v1/users.resetAvatar").json(json!({ (field): whose })))
}

fn user(field: &str, whose: &str) -> HttpRequest {
    as_caller(HttpRequest::get("https://chat.example.com/api/v1/users.info").query(field, whose))
}

/// What the server tells of `ada`.
fn ada(etag: Option<&str>) -> Response {
    let mut ada = json!({ "_id": "BsNr28znDkG8aeo7W", "username": "ada", "active": true });
    ada["avatarETag"] = etag.into();
    Response::with_json(200, &json!({ "user": ada, "success": true }))
}

fn success() -> Response {
    Response::with_json(200, &json!({ "success": true }))
}

fn info() -> HttpRequest {
    HttpRequest::get("https://chat.example.com/api/info")
}

fn me() -> HttpRequest {
    as_caller(HttpRequest::get("https://chat.example.com/api/v1/me"))
}

fn version() -> Memory {
    Memory::Backend { key: "version".into() }
}

trait Version {
    /// The server's version is remembered already.
    fn known(self) -> Self;
    /// The server is asked for its version with this answer, and the version is remembered.
    fn asked(self, body: &Value, version: &str) -> Self;
}

impl Version for Script<RocketChat> {
    fn known(self) -> Self {
        let found = Recalled::Found { value: Remembered::Value("7.1".into()), version: 1 };
        self.expect(Effect::Recall { memory: version() }, Reply::Recall(found))
    }

    fn asked(self, body: &Value, told: &str) -> Self {
        let value = Remember::Value(told.into());
        let remember = Effect::Remember { memory: version(), value, ttl_ms: Some(6 * 3_600_000) };
        let remembered = Reply::Remember { value: Remembered::Value(told.into()), version: 1 };
        self.exchange(info(), Response::with_json(200, body)).expect(remember, remembered)
    }
}

/// A delivery to `ada` by a server of known version that answers like this.
fn delivered(reply: Response) -> Played {
    open(settings()).known().exchange(set_avatar("username", "ada"), reply).deliver()
}

fn failure(reply: Response) -> Failure {
    delivered(reply).result.unwrap_err()
}

fn meteor_error(status: u16, code: &str) -> Response {
    let body = json!({ "success": false, "error": format!("Some reason [{code}]"), "errorType": code, "details": {} });
    Response::with_json(status, &body)
}

fn plain_error(status: u16, text: &str) -> Response {
    Response::with_json(status, &json!({ "success": false, "error": text }))
}

/// What servers before 8 say to whom they do not know.
fn not_logged_in() -> Response {
    let text = "You must be logged in to do this.";
    Response::with_json(401, &json!({ "success": false, "status": "error", "message": text, "error": text }))
}

fn page(status: u16) -> Response {
    Response::with(status, "<!DOCTYPE html><title>A front</title>").and_header("content-type", "text/html")
}

#[test]
fn the_user_is_named_before_the_picture_by_name_or_by_id() {
    for (user, field) in [("username", "username"), ("id", "userId")] {
        let played = open(with("user", user))
            .remote("BsNr28znDkG8aeo7W")
            .known()
            .exchange(set_avatar(field, "BsNr28znDkG8aeo7W"), success())
            .deliver();
        let done = played.result.unwrap();
        assert_eq!(done.outcome, Outcome::Changed);
        assert_eq!(done.receipt, json!({ "sha256": "0".repeat(64) }));
    }
}

#[test]
fn a_server_of_unknown_version_is_asked_before_the_first_picture() {
    let played = open(settings())
        .expect(Effect::Recall { memory: version() }, Reply::Recall(Recalled::Missing {}))
        .asked(&json!({ "version": "7.1" }), "7.1")
        .exchange(set_avatar("username", "ada"), success())
        .deliver();
    let kinds: Vec<_> = played.effects.iter().map(|effect| effect.kind().word()).collect();
    assert_eq!(kinds, ["recall", "http", "remember", "http"]);
    played.result.unwrap();
}

#[test]
fn a_server_that_would_change_the_callers_own_avatar_gets_no_picture() {
    let told = |body: &Value| {
        let played = open(settings())
            .expect(Effect::Recall { memory: version() }, Reply::Recall(Recalled::Missing {}))
            .exchange(info(), Response::with_json(200, body))
            .deliver();
        played.result.unwrap_err()
    };
    for old in [
        json!({ "info": { "version": "0.70.4" }, "success": true }),
        json!({ "version": "0.48.0" }),
        json!({ "version": "0.9.9" }),
    ] {
        let failure = told(&old);
        assert_eq!(failure.verdict, Verdict::Config, "{failure}");
        assert_eq!(failure.hint.as_deref(), Some("update the server to 0.71 or later"));
    }
    let silent = told(&json!({ "success": true }));
    assert_eq!((silent.verdict, silent.hint.is_some()), (Verdict::Config, true));
    for foreign in
        [json!({ "version": "next" }), json!({ "status": "ok" }), json!({ "success": false, "error": "not now" })]
    {
        assert_eq!(told(&foreign).verdict, Verdict::Retry, "{foreign}");
    }
}

#[test]
fn servers_of_every_time_tell_their_version() {
    let told = |body: Value, version: &str| {
        let played = open(settings())
            .asked(&body, version)
            .exchange(me(), Response::with_json(200, &json!({ "_id": CALLER, "success": true })))
            .probe();
        played.result.unwrap();
    };
    told(json!({ "info": { "version": "0.71.0" }, "success": true }), "0.71.0");
    told(json!({ "version": "0.74", "success": true }), "0.74");
    told(json!({ "version": "8.0.0-rc.1", "info": { "version": "8.0.0-rc.1", "build": {} } }), "8.0.0-rc.1");
}

#[test]
fn a_published_picture_is_named_by_its_address() {
    let publish = Effect::Publish { rendition: "avatar".into() };
    for (user, field) in [("username", "username"), ("id", "userId")] {
        let mut settings = with("mode", "url");
        settings["user"] = user.into();
        let script = open(settings).remote("BsNr28znDkG8aeo7W").known();
        assert!(script.opened().publishes);
        let script = script.expect(publish.clone(), Reply::Publish { url: PUBLISHED.into() });
        let done = script.exchange(set_url(field, "BsNr28znDkG8aeo7W"), success()).deliver().result.unwrap();
        assert_eq!((done.outcome, done.receipt), (Outcome::Changed, json!({ "sha256": "0".repeat(64) })));
    }
    assert!(!open(settings()).opened().publishes);
    let nothing = Reply::error(EffectErrorKind::NotFound, "nothing is published here");
    let played = open(with("mode", "url")).known().expect(publish, nothing).deliver();
    assert_eq!(played.result.unwrap_err().verdict, Verdict::Config);
}

#[test]
fn a_picture_that_the_server_cannot_fetch_is_tried_again() {
    for code in ["error-avatar-invalid-url", "error-avatar-url-handling", "error-avatar-url-timeout"] {
        let failure = failure(meteor_error(400, code));
        assert_eq!(failure.verdict, Verdict::Retry, "{failure}");
        assert!(failure.hint.unwrap().contains("`SSRF_Allowlist`"));
    }
    assert_eq!(failure(meteor_error(400, "error-avatar-image-too-large")).verdict, Verdict::ImageRejected);
}

#[test]
fn a_name_that_is_none_is_never_sent() {
    let long = "a".repeat(10_000);
    for name in ["", " ", "\t", "\n ", "\u{a0}", " ada", "ada ", "ada\n", "a\0da", "a\u{85}da", &long] {
        for user in ["username", "id"] {
            let backend = || open(with("user", user)).remote(name);
            for played in [backend().deliver(), backend().verified().deliver(), backend().verify()] {
                assert_eq!(
                    (played.effects, played.result.unwrap_err().verdict),
                    (vec![], Verdict::UserAbsent),
                    "{name:?}"
                );
            }
            let removed = backend().remove();
            assert_eq!((removed.effects, removed.result.unwrap().outcome), (vec![], Outcome::Removed), "{name:?}");
        }
    }
}

#[test]
fn every_other_name_is_sent_as_it_is() {
    for name in
        ["ada&userId=x", "ada?username=bob", "../bob", "#", "ada lovelace", "ÄDA", "$or", "{\"$gt\":\"\"}", "%61da"]
    {
        let played = open(settings()).remote(name).known().exchange(set_avatar("username", name), success()).deliver();
        played.result.unwrap();
        let played = open(settings()).remote(name).known().exchange(reset("username", name), success()).remove();
        played.result.unwrap();
        let unknown = plain_error(400, "User not found.");
        let played = open(settings()).remote(name).exchange(user("username", name), unknown).verify();
        assert_eq!(played.result.unwrap_err().verdict, Verdict::UserAbsent);
    }
}

#[test]
fn only_usernames_are_the_same_in_any_case() {
    assert!(open(settings()).opened().folds_case);
    assert!(!open(with("user", "id")).opened().folds_case);
}

#[test]
fn an_avatar_is_taken_away() {
    for (user, field) in [("username", "username"), ("id", "userId")] {
        let played = open(with("user", user)).known().exchange(reset(field, "ada"), success()).remove();
        assert_eq!(played.result.unwrap().outcome, Outcome::Removed);
    }
    let removed = |reply| open(settings()).known().exchange(reset("username", "ada"), reply).remove().result;
    assert_eq!(removed(meteor_error(400, "error-invalid-user")).unwrap().outcome, Outcome::Removed, "nobody has none");
    for (reply, verdict) in [
        (meteor_error(400, "error-not-allowed"), Verdict::Auth),
        (plain_error(403, "forbidden"), Verdict::Auth),
        (meteor_error(400, "error-user-param-not-provided"), Verdict::Bug),
        (plain_error(400, "no"), Verdict::Retry),
        (page(404), Verdict::Config),
        (page(200), Verdict::Retry),
        (plain_error(200, "no"), Verdict::Retry),
    ] {
        assert_eq!(removed(reply.clone()).unwrap_err().verdict, verdict, "{reply:?}");
    }
}

#[test]
fn a_server_of_unknown_version_is_asked_before_an_avatar_is_taken_away() {
    let played = open(settings())
        .expect(Effect::Recall { memory: version() }, Reply::Recall(Recalled::Missing {}))
        .exchange(info(), Response::with_json(200, &json!({ "version": "0.70.4" })))
        .remove();
    assert_eq!(played.result.unwrap_err().verdict, Verdict::Config);
}

#[test]
fn a_delivery_that_is_looked_for_keeps_the_etag_before() {
    let receipt = |before: Response| {
        let script = open(settings()).verified().known().exchange(user("username", "ada"), before);
        script.exchange(set_avatar("username", "ada"), success()).deliver().result.unwrap().receipt
    };
    let sha256 = "0".repeat(64);
    assert_eq!(receipt(ada(Some("e1"))), json!({ "sha256": sha256, "etag-before": "e1" }));
    for none in [ada(None), ada(Some(""))] {
        assert_eq!(receipt(none), json!({ "sha256": sha256, "etag-before": "" }));
    }
    // By another case of the name only the avatar can be set.
    assert_eq!(receipt(plain_error(400, "User not found.")), json!({ "sha256": sha256 }));
    let script = open(settings()).verified().known().exchange(user("username", "ada"), page(502));
    assert_eq!(script.deliver().result.unwrap_err().verdict, Verdict::Retry);
}

/// A look with this receipt at a server that answers so, one answer after the other.
fn looked(receipt: Option<Value>, answers: impl IntoIterator<Item = Response>) -> Played {
    let script = receipt.into_iter().fold(open(settings()), Script::receipt);
    answers.into_iter().fold(script, |script, answer| script.exchange(user("username", "ada"), answer)).verify()
}

#[test]
fn the_etag_is_waited_for() {
    let before = |etag| Some(json!({ "sha256": "77", "etag-before": etag }));
    let known = json!({ "sha256": "77", "etag": "e2" });
    let e1 = || ada(Some("e1"));
    for (receipt, answers, outcome, detail, slept) in [
        (before("e1"), vec![ada(Some("e2"))], Outcome::Unchanged, known.clone(), 1),
        (before("e1"), vec![e1(), ada(Some("e2"))], Outcome::Unchanged, known.clone(), 3),
        (before("e1"), vec![ada(None), e1(), ada(Some("e2"))], Outcome::Unchanged, known.clone(), 7),
        (before("e1"), vec![e1(), e1(), e1()], Outcome::Changed, Value::Null, 7),
        (before(""), vec![ada(None), ada(Some("e2"))], Outcome::Unchanged, known, 3),
        (before(""), vec![ada(None), ada(Some("")), ada(None)], Outcome::Removed, Value::Null, 7),
    ] {
        let played = looked(receipt, answers);
        let done = played.result.unwrap();
        assert_eq!((done.outcome, done.receipt, played.slept.as_secs()), (outcome, detail, slept));
        assert_eq!(done.notes.is_empty(), outcome != Outcome::Changed);
    }
}

#[test]
fn a_known_etag_is_compared() {
    let receipt = || Some(json!({ "sha256": "77", "etag": "e2" }));
    let look = |receipt, etag| {
        let played = looked(receipt, [ada(etag)]);
        let done = played.result.unwrap();
        assert_eq!(played.slept, Duration::ZERO);
        (done.outcome, done.receipt)
    };
    assert_eq!(look(receipt(), Some("e2")), (Outcome::Unchanged, receipt().unwrap()));
    assert_eq!(look(receipt(), Some("e3")), (Outcome::Changed, Value::Null));
    assert_eq!(look(receipt(), None), (Outcome::Removed, Value::Null));
    // Delivered when nobody was going to look: what is there is taken for it.
    let blind = || Some(json!({ "sha256": "77" }));
    assert_eq!(look(blind(), Some("e2")), (Outcome::Unchanged, receipt().unwrap()));
    assert_eq!(look(blind(), None), (Outcome::Removed, Value::Null));
    // Never delivered.
    assert_eq!(look(None, Some("e2")), (Outcome::Changed, json!({ "etag": "e2" })));
    assert_eq!(look(None, Some("")), (Outcome::Removed, Value::Null));
    assert_eq!(look(Some(json!({ "etag": "e2" })), Some("e2")), (Outcome::Unchanged, json!({ "etag": "e2" })));
}

#[test]
fn somebody_else_is_not_looked_at() {
    let told = |by: &str, field: &str, id: &str, name: &str| {
        let reply = json!({ "user": { "_id": id, "username": name, "avatarETag": "e1" }, "success": true });
        let script = open(with("user", by)).exchange(user(field, "ada"), Response::with_json(200, &reply));
        script.verify().result.map(|done| done.receipt)
    };
    assert_eq!(told("username", "username", "x", "ADA").unwrap(), json!({ "etag": "e1" }));
    assert_eq!(told("id", "userId", "ada", "x").unwrap(), json!({ "etag": "e1" }));
    for other in
        [told("username", "username", "ada", "bob"), told("id", "userId", "x", "ada"), told("id", "userId", "ADA", "x")]
    {
        assert_eq!(other.unwrap_err().verdict, Verdict::UserAbsent);
    }
}

#[test]
fn a_look_that_tells_nothing_is_no_drift() {
    let receipt = || Some(json!({ "sha256": "77", "etag": "e2" }));
    for (reply, verdict) in [
        (plain_error(400, "User not found."), Verdict::Unsupported),
        (plain_error(400, "no"), Verdict::Retry),
        (not_logged_in(), Verdict::Auth),
        (page(404), Verdict::Config),
        (page(200), Verdict::Retry),
        (success(), Verdict::Retry),
        (Response::with_json(200, &json!({ "user": { "username": "ada", "avatarETag": "e2" } })), Verdict::Retry),
        (ada(Some(&"e".repeat(20_000))), Verdict::Retry),
    ] {
        assert_eq!(looked(receipt(), [reply.clone()]).result.unwrap_err().verdict, verdict, "{reply:?}");
    }
    let absent = looked(None, [plain_error(400, "User not found.")]).result.unwrap_err();
    assert_eq!(absent.verdict, Verdict::UserAbsent);
    // An id has one form only.
    let by_id = open(with("user", "id")).receipt(receipt().unwrap());
    let gone = by_id.exchange(user("userId", "ada"), plain_error(400, "User not found.")).verify();
    assert_eq!(gone.result.unwrap_err().verdict, Verdict::UserAbsent);
}

#[test]
fn errors_of_old_and_new_servers_have_their_verdicts() {
    let rows = [
        (meteor_error(400, "error-invalid-user"), Verdict::UserAbsent),
        (plain_error(400, "Not a user [error-invalid-user]"), Verdict::UserAbsent),
        (meteor_error(400, "error-not-allowed"), Verdict::Auth),
        (not_logged_in(), Verdict::Auth),
        (plain_error(401, "You must be logged in to do this."), Verdict::Auth),
        (plain_error(401, "unauthorized"), Verdict::Auth),
        (plain_error(403, "unauthorized"), Verdict::Auth),
        (plain_error(403, "forbidden"), Verdict::Auth),
        (plain_error(400, "Not allowed [error-unauthorized]"), Verdict::Auth),
        (page(403), Verdict::Retry),
        (meteor_error(400, "error-file-too-large"), Verdict::ImageRejected),
        (meteor_error(400, "error-invalid-file-type"), Verdict::ImageRejected),
        (plain_error(400, "Input buffer contains unsupported image format"), Verdict::ImageRejected),
        (page(413), Verdict::ImageRejected),
        (plain_error(415, "no"), Verdict::ImageRejected),
        (page(400), Verdict::Retry),
        (meteor_error(400, "invalid-field"), Verdict::Bug),
        (meteor_error(400, "error-invalid-params"), Verdict::Bug),
        (meteor_error(400, "invalid-params"), Verdict::Bug),
        (page(404), Verdict::Config),
        (plain_error(404, "API endpoint not found"), Verdict::Config),
        (Response::with(405, ""), Verdict::Config),
        (Response::with(301, "").and_header("location", "https://other.example.com"), Verdict::Config),
        (Response::with(408, ""), Verdict::Retry),
        (Response::with(425, ""), Verdict::Retry),
        (plain_error(500, "Internal server error"), Verdict::Retry),
        (page(502), Verdict::Retry),
        (Response::with(503, ""), Verdict::Retry),
        (page(504), Verdict::Retry),
    ];
    for (reply, verdict) in rows {
        let failure = failure(reply.clone());
        assert_eq!(failure.verdict, verdict, "{reply:?} became {failure}");
    }
}

#[test]
fn only_a_plain_success_is_done() {
    for reply in [
        page(200),
        Response::with(200, ""),
        Response::with(204, ""),
        Response::with(200, "{\"success\":tr"),
        Response::with_json(200, &json!({ "success": "yes" })),
        Response::with_json(200, &json!({ "ok": true })),
        plain_error(200, "Not a user [error-invalid-user]"),
    ] {
        assert_eq!(failure(reply.clone()).verdict, Verdict::Retry, "{reply:?}");
    }
}

#[test]
fn a_missing_permission_is_named_and_a_bad_token_too() {
    let hint = |reply| failure(reply).hint.unwrap_or_default();
    assert!(hint(meteor_error(400, "error-not-allowed")).contains("`edit-other-user-avatar`"));
    assert!(hint(plain_error(403, "forbidden")).contains("`edit-other-user-avatar`"));
    assert!(hint(not_logged_in()).contains("new personal access token"));
    assert!(hint(page(404)).contains("`base-url`"));
}

#[test]
fn every_form_of_the_limiter_is_waited_for() {
    const TEXT: &str = "Error, too many requests. Please slow down. You must wait 42 seconds before trying this \
                        endpoint again. [error-too-many-requests]";
    let wait = |reply| {
        let failure = failure(reply);
        assert_eq!(failure.verdict, Verdict::RateLimited, "{failure}");
        failure.after_ms
    };
    let reset = |ms: u64| plain_error(429, "no").and_header("X-RateLimit-Reset", &ms.to_string());
    assert_eq!(wait(reset(BEGIN_MS + 37_500)), Some(37_500));
    assert_eq!(wait(reset(BEGIN_MS - 60_000)), Some(1_000), "a clock that is behind");
    assert_eq!(wait(reset(BEGIN_MS + 9_000_000)), Some(300_000), "a clock that is ahead");
    assert_eq!(wait(plain_error(429, TEXT)), Some(42_000));
    assert_eq!(wait(plain_error(400, TEXT)), Some(42_000));
    assert_eq!(wait(meteor_error(400, "error-too-many-requests")), None);
    assert_eq!(wait(plain_error(429, TEXT).and_header("x-ratelimit-reset", "soon")), Some(42_000));
    assert_eq!(wait(page(429).and_retry_after(Duration::from_secs(900))), Some(900_000), "a front's own limit");
    let two = reset(BEGIN_MS + 5_000).and_retry_after(Duration::from_secs(7));
    assert_eq!(wait(two), Some(7_000), "neither is undercut");
    assert_eq!(wait(page(429)), None);
}

#[test]
fn a_wait_of_a_server_that_is_down_is_told() {
    let failure = failure(page(503).and_retry_after(Duration::from_secs(30)));
    assert_eq!((failure.verdict, failure.after_ms), (Verdict::Retry, Some(30_000)));
}

/// A first delivery: the version is not known yet.
fn good_delivery() -> Script<RocketChat> {
    open(settings())
        .expect(Effect::Recall { memory: version() }, Reply::Recall(Recalled::Missing {}))
        .asked(&json!({ "version": "7.1", "success": true }), "7.1")
        .exchange(set_avatar("username", "ada"), success())
}

fn good_probe() -> Script<RocketChat> {
    open(settings())
        .asked(&json!({ "version": "7.1", "success": true }), "7.1")
        .exchange(me(), Response::with_json(200, &json!({ "_id": CALLER, "success": true })))
}

/// The faults that do not pass, with their verdicts at a request.
fn lasting(table: &Table, request: usize) -> Vec<(Fault, Verdict)> {
    let rows = table.rows.iter().filter(|row| row.request == request && !row.fault.passes());
    rows.map(|row| (row.fault, row.result.as_ref().unwrap_err().verdict)).collect()
}

#[test]
fn every_fault_has_its_verdict() {
    let lasting_are = |other| {
        vec![
            (Fault::Status(400), other),
            (Fault::Status(401), Verdict::Auth),
            (Fault::Status(403), Verdict::Auth),
            (Fault::Status(404), Verdict::Config),
            (Fault::Status(413), other),
            (Fault::Status(415), other),
            (Fault::Redirect, Verdict::Config),
        ]
    };
    let delivery = Faults::of(good_delivery).deliver();
    println!("{delivery}");
    assert_eq!(lasting(&delivery, 1), lasting_are(Verdict::Config));
    assert_eq!(lasting(&delivery, 2), lasting_are(Verdict::ImageRejected));
    let looked_for = Faults::of(|| {
        let script = open(settings()).verified().known().exchange(user("username", "ada"), ada(Some("e1")));
        script.exchange(set_avatar("username", "ada"), success())
    })
    .deliver();
    println!("{looked_for}");
    assert_eq!(lasting(&looked_for, 1), lasting_are(Verdict::Retry));
    let removal = Faults::of(|| open(settings()).known().exchange(reset("username", "ada"), success())).remove();
    println!("{removal}");
    assert_eq!(lasting(&removal, 1), lasting_are(Verdict::Retry));
    let look = Faults::of(|| {
        let script = open(settings()).receipt(json!({ "sha256": "77", "etag": "e1" }));
        script.exchange(user("username", "ada"), ada(Some("e1")))
    })
    .verify();
    println!("{look}");
    assert_eq!(lasting(&look, 1), lasting_are(Verdict::Retry));
    let probe = Faults::of(good_probe).probe();
    println!("{probe}");
    for request in [1, 2] {
        assert_eq!(lasting(&probe, request), lasting_are(Verdict::Config));
    }
}

#[test]
fn a_delivery_fails_with_whoever_asked_for_the_version() {
    let unclaimed = Reply::error(EffectErrorKind::Unclaimed, "it failed there");
    let played = open(settings()).expect(Effect::Recall { memory: version() }, unclaimed).deliver();
    assert_eq!((played.result.unwrap_err().verdict, played.effects.len()), (Verdict::Retry, 1));
}

fn probed(reply: Response) -> Result<(), Failure> {
    let played = open(settings()).asked(&json!({ "version": "7.1" }), "7.1").exchange(me(), reply).probe();
    assert!(played.effects.len() <= 3);
    played.result.map(drop)
}

#[test]
fn a_probe_asks_who_the_caller_is() {
    probed(Response::with_json(200, &json!({ "_id": CALLER, "username": "portraitd", "success": true }))).unwrap();
    let other = probed(Response::with_json(200, &json!({ "_id": "x", "success": true }))).unwrap_err();
    assert_eq!(other.verdict, Verdict::Config, "{other}");
    assert!(other.hint.unwrap().contains("`user-id` and `auth-token`"));
    let wrong = probed(not_logged_in()).unwrap_err();
    assert_eq!(wrong.verdict, Verdict::Auth);
    assert!(wrong.hint.unwrap().contains("new personal access token"));
    for (reply, verdict) in [
        (plain_error(401, "unauthorized"), Verdict::Auth),
        (page(403), Verdict::Retry),
        (page(404), Verdict::Config),
        (plain_error(400, "no"), Verdict::Config),
        (page(200), Verdict::Retry),
        (success(), Verdict::Retry),
        (Response::with_json(200, &json!({ "_id": CALLER })), Verdict::Retry),
        (plain_error(429, "You must wait 3 seconds"), Verdict::RateLimited),
    ] {
        assert_eq!(probed(reply.clone()).unwrap_err().verdict, verdict, "{reply:?}");
    }
}

#[test]
fn no_credentials_go_out_before_the_address_is_known_to_be_right() {
    let played = open(settings()).exchange(info(), page(404)).probe();
    assert_eq!((played.result.unwrap_err().verdict, played.effects.len()), (Verdict::Config, 1));
}

#[test]
fn it_wants_one_square_and_calls_one_origin() {
    let opened = open(with("base-url", "https://example.com:8443/chat")).opened().clone();
    let sizes: Vec<_> = opened.renditions.iter().map(|spec| (spec.name.as_str(), spec.width, spec.height)).collect();
    assert_eq!(sizes, [("avatar", 512, 512)]);
    assert_eq!(opened.origins, ["https://example.com:8443"]);
}

#[test]
fn the_address_and_how_users_are_named_identify_and_the_account_does_not() {
    let fingerprint = |settings| open(settings).opened().fingerprint.clone();
    let plain = fingerprint(settings());
    assert_eq!(fingerprint(with("base-url", "https://chat.example.com")), plain);
    assert_eq!(fingerprint(with("user", "username")), plain);
    for mode in RocketChat::MODES {
        assert_eq!(fingerprint(with("mode", mode)), plain);
    }
    assert_eq!(fingerprint(with("user-id", "another")), plain);
    assert_eq!(fingerprint(with("auth-token", "secret:/other")), plain);
    assert_ne!(fingerprint(with("user", "id")), plain);
    assert_ne!(fingerprint(with("base-url", "https://chat2.example.com")), plain);
}

#[test]
fn settings_that_cannot_work_are_refused_by_their_key() {
    assert!(refused(with("user-id", "")).starts_with("`user-id`: it must be the id"));
    assert!(refused(with("user-id", "ada lovelace")).starts_with("`user-id`: it must be the id"));
    assert!(refused(with("base-url", "chat.example.com")).starts_with("`base-url`: "));
    assert!(refused(with("auth-token", "9HqLlyZOugoStsXCUfD")).starts_with("`auth-token`: a secret is not written"));
    assert!(refused(with("user", "email")).starts_with("`user`: unknown variant `email`"));
    assert!(refused(with("mode", "bytes")).starts_with("`mode`: unknown variant `bytes`"));
    assert!(refused(with("paths", "user")).starts_with("`paths`: unknown field `paths`"));
}

/// A delivery as `portraitd plugins try --record` writes it down.
const RECORDED: &str = concat!(
    r#"{"portraitd-recording":1,"plugin":"rocketchat","version":"0.1.0","open":{"backend":"chat","settings":"#,
    r#"{"base-url":"https://chat.example.com","user-id":"aobEdbYhXfu5hkeqG","auth-token":"secret:/auth-token"},"#,
    r#""host-version":"0.1.0","caps":["http","recall","remember"]},"start":{"op":"deliver","#,
    r#""user":{"id":"ada","remote":"ada"},"photo":{"digest":"00","renditions":[{"name":"avatar","mime":"image/jpeg","#,
    r#""width":512,"height":512,"len":48211,"sha256":"77","blob":0}]},"attempt":1,"idempotency-key":"k","#,
    r#""deadline-ms":1767225660000,"now-ms":1767225600000,"seed":7}}"#,
    "\n",
    r#"{"answer":{"need":{"effects":[{"id":1,"effect":{"recall":{"memory":{"backend":{"key":"version"}}}}}]}}}"#,
    "\n",
    r#"{"results":[{"id":1,"reply":{"recall":{"found":{"value":{"value":"7.1"},"version":1}}}}],"#,
    r#""now-ms":1767225600001}"#,
    "\n",
    r#"{"answer":{"need":{"effects":[{"id":2,"effect":{"http":{"method":"POST","#,
    r#""url":"https://chat.example.com/api/v1/users.setAvatar","headers":[{"name":"X-User-Id","#,
    r#""value":[{"plain":"aobEdbYhXfu5hkeqG"}]},{"name":"X-Auth-Token","value":[{"secret":"secret:/auth-token"}]}],"#,
    r#""body":{"multipart":[{"name":"username","content":{"text":[{"plain":"ada"}]}},{"name":"image","#,
    r#""file-name":"avatar.jpg","content":{"rendition":{"rendition":"avatar"}}}]}}}}]}}}"#,
    "\n",
    r#"{"results":[{"id":2,"reply":{"http":{"status":200,"headers":[{"name":"content-type","value":"application/json"}],"#,
    r#""blob":0}},"body":{"text":"{\"success\":true}"}}],"now-ms":1767225600025}"#,
    "\n",
    r#"{"answer":{"done":{"outcome":"changed","receipt":{"sha256":"77"}}}}"#,
);

#[test]
fn a_recorded_delivery_plays_back() {
    let done = Script::<RocketChat>::replay(RECORDED).unwrap();
    assert_eq!((done.outcome, &done.receipt), (Outcome::Changed, &json!({ "sha256": "77" })));
}
