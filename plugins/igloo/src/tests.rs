//! The plugin against scripts: no host, no workplace.

use std::time::Duration;

use portraitd_sdk::message::memory::{Recalled, Remember, Remembered};
use portraitd_sdk::message::{Effect, EffectErrorKind, Outcome, Reply};
use portraitd_sdk::script::{BEGIN_MS, Fault, Faults, Order, Played, Script, Table, rendition};
use portraitd_sdk::{Failure, HttpRequest, Memory, Response, Secret, Text, Verdict};
use serde_json::{Value, json};

use crate::Igloo;
use crate::config::NamedBy;
use crate::wire::Named;

const BASE: &str = "https://workplace.example.com";
const ADA: &str = "ac94442a-be8c-4a8d-80a0-9fbc870b9943";
const KEY: &str = "5GQFODh5bI";
/// The bytes of the picture: those that a script makes up.
const PICTURE: &[u8] = b"the bytes of photo";
const TOTAL: u64 = PICTURE.len() as u64;

fn settings() -> Value {
    json!({
        "base-url": BASE,
        "community-key": 10,
        "app-id": "4d563f6e-b9c4-4372-9114-4130a6075dce",
        "app-password": "secret:/app-password",
        "username": "portraitd@example.com",
        "password": "secret:/password",
        "session": "v2",
    })
}

fn with(key: &str, value: impl Into<Value>) -> Value {
    let mut settings = settings();
    settings[key] = value.into();
    settings
}

fn open(settings: Value) -> Script<Igloo> {
    Script::open(settings).unwrap().remote(ADA)
}

fn refused(settings: Value) -> String {
    let Failure { verdict, reason, .. } = Script::<Igloo>::open(settings).err().unwrap();
    assert_eq!(verdict, Verdict::Config, "{reason}");
    reason
}

// --- Requests as the documents show them ---

fn login_v2() -> HttpRequest {
    HttpRequest::post(format!("{BASE}/.api2/api/Session/Create"))
        .header("Accept", "application/json")
        .json(json!({
            "AppId": "4d563f6e-b9c4-4372-9114-4130a6075dce",
            "UserName": "portraitd@example.com",
            "instance": 0,
            "version": 1,
        }))
        .fill("/AppPassword", &Secret::handle("/app-password"))
        .fill("/UserPassword", &Secret::handle("/password"))
}

fn login_v1() -> HttpRequest {
    let fields: [(&str, Text); 6] = [
        ("appId", "4d563f6e-b9c4-4372-9114-4130a6075dce".into()),
        ("appPass", (&Secret::handle("/app-password")).into()),
        ("apiversion", "1".into()),
        ("community", "workplace.example.com".into()),
        ("username", "portraitd@example.com".into()),
        ("password", (&Secret::handle("/password")).into()),
    ];
    let url = format!("{BASE}/.api/api.svc/session/create");
    HttpRequest::post(url).header("Accept", "application/json").form(fields)
}

/// A request within the session of this number.
fn within(session: u64, request: HttpRequest) -> HttpRequest {
    let cookie = Text::from("iglooauth=").then(&handle(session));
    request.header("Accept", "application/json").header("Cookie", cookie)
}

fn attachments(path: &str) -> String {
    format!("{BASE}/.api2/api/v1/communities/10/attachments{path}")
}

fn create() -> HttpRequest {
    let body = json!({ "ContentLength": TOTAL, "ContentType": "image/jpg", "Name": "photo.jpg" });
    HttpRequest::post(attachments("")).json(body)
}

fn patch(key: &str, range: &str) -> HttpRequest {
    HttpRequest::patch(attachments(&format!("/uploads/{key}")))
        .header("Content-Range", range)
        .header("Content-Type", "image/jpg")
}

fn part(key: &str, first: u64, end: u64) -> HttpRequest {
    let range = format!("bytes {first}-{}/{TOTAL}", end - 1);
    patch(key, &range).rendition_range(&rendition("photo"), first, end)
}

fn whole(key: &str) -> HttpRequest {
    part(key, 0, TOTAL)
}

fn question(key: &str) -> HttpRequest {
    patch(key, &format!("bytes */{TOTAL}"))
}

fn association(key: &str) -> HttpRequest {
    HttpRequest::post(attachments(&format!("/{key}/association/{ADA}"))).query("type", "ProfilePhoto")
}

fn search(whom: &str, page: u32) -> HttpRequest {
    HttpRequest::get(format!("{BASE}/.api/api.svc/search/members"))
        .query("q", whom)
        .query("rows", "100")
        .query("page", page.to_string())
}

fn workplace() -> HttpRequest {
    HttpRequest::get(format!("{BASE}/.api/api.svc/community/view"))
}

// --- Replies ---

fn ok(body: &Value) -> Response {
    Response::with_json(200, body)
}

fn token() -> Response {
    ok(&json!({ "TokenId": "cc2ba556-6d29-4091-96ce-eca12e3cbe3c" }))
}

fn entry(key: &str) -> Response {
    Response::with(201, "").and_header("location", &attachments(&format!("/uploads/{key}")))
}

fn attachment(key: &str) -> Response {
    ok(&json!({ "key": key, "contentLength": TOTAL, "contentType": "image/jpg", "isProfilePhoto": false }))
}

fn hit(id: &str, email: &str, has_image: bool) -> Value {
    json!({ "id": id, "namespace": "ada", "email": email, "hasImage": has_image })
}

fn hits(hits: impl IntoIterator<Item = Value>) -> Response {
    let hits: Vec<_> = hits.into_iter().collect();
    ok(&json!({ "exception": null, "response": { "name": "results", "value": { "count": hits.len(), "hit": hits } } }))
}

fn exception(http: u16, status: u16, kind: &str) -> Response {
    let tokens = json!([{ "name": "InputFormat", "value": "Guid" }, { "name": "ParameterName", "value": "appId" }]);
    let exception = json!({
        "statusCode": status, "type": kind, "message": "Your request failed.", "errorList": [{ "dataTokens": tokens }]
    });
    Response::with_json(http, &json!({ "exception": exception, "response": null }))
}

fn empty(status: u16) -> Response {
    Response::with(status, "")
}

fn page(status: u16) -> Response {
    Response::with(status, "<!DOCTYPE html><title>A front</title>").and_header("content-type", "text/html")
}

// --- Memories ---

fn session() -> Memory {
    Memory::Backend { key: "session".into() }
}

fn session_form() -> Memory {
    Memory::Backend { key: "session-form".into() }
}

fn handle(session: u64) -> Secret {
    Secret::handle(&format!("remembered/{session}"))
}

fn upload_memory() -> Memory {
    Memory::Delivery { key: "upload/10".into(), rendition: "photo".into(), origin: BASE.into() }
}

fn uploaded(key: &str, at_ms: u64, is_second: bool) -> Value {
    json!({ "key": key, "at-ms": at_ms, "is-second": is_second })
}

trait Steps: Sized {
    fn recalled(self, memory: Memory, found: Option<(Remembered, u64)>) -> Self;
    fn remembered(self, memory: Memory, value: Value, ttl_ms: Option<u64>) -> Self;
    /// A request within the first session, with its answer.
    fn asked(self, request: HttpRequest, reply: Response) -> Self;

    /// A session is remembered.
    fn in_session(self, session: u64) -> Self {
        self.recalled(self::session(), Some((Remembered::Secret(handle(session)), session)))
    }

    /// There is no session.
    fn without_session(self) -> Self {
        self.recalled(session(), None)
    }

    /// The key of a login is remembered as the session of this number.
    fn keeps(self, session: u64) -> Self;
    /// The session of this number is forgotten.
    fn forgets(self, session: u64) -> Self;

    /// A login was refused in these words, which is remembered.
    fn refused(self, reason: &str) -> Self {
        self.remembered(session(), refusal(reason), Some(10 * 60_000))
    }

    /// No upload of an earlier attempt is remembered.
    fn for_the_first_time(self) -> Self {
        self.recalled(upload_memory(), None)
    }

    fn after_an_upload(self, memory: Value) -> Self {
        self.recalled(upload_memory(), Some((Remembered::Value(memory), 1)))
    }

    /// The upload is complete.
    fn uploaded(self, key: &str) -> Self {
        self.remembered(upload_memory(), uploaded(key, BEGIN_MS, false), None)
    }

    /// What a good delivery does before its association.
    fn with_an_upload(self) -> Self {
        self.in_session(1)
            .for_the_first_time()
            .asked(create(), entry(KEY))
            .asked(whole(KEY), attachment(KEY))
            .uploaded(KEY)
    }
}

impl Steps for Script<Igloo> {
    fn recalled(self, memory: Memory, found: Option<(Remembered, u64)>) -> Self {
        let recalled = match found {
            Some((value, version)) => Recalled::Found { value, version },
            None => Recalled::Missing {},
        };
        self.expect(Effect::Recall { memory }, Reply::Recall(recalled))
    }

    fn remembered(self, memory: Memory, value: Value, ttl_ms: Option<u64>) -> Self {
        let reply = Reply::Remember { value: Remembered::Value(value.clone()), version: 1 };
        self.expect(Effect::Remember { memory, value: Remember::Value(value), ttl_ms }, reply)
    }

    fn asked(self, request: HttpRequest, reply: Response) -> Self {
        self.exchange(within(1, request), reply)
    }

    fn keeps(self, number: u64) -> Self {
        let value = Remember::Secret("cc2ba556-6d29-4091-96ce-eca12e3cbe3c".into());
        let effect = Effect::Remember { memory: session(), value, ttl_ms: Some(10 * 3_600_000) };
        self.expect(effect, Reply::Remember { value: Remembered::Secret(handle(number)), version: number })
    }

    fn forgets(self, number: u64) -> Self {
        self.expect(Effect::Forget { memory: session(), version: number }, Reply::Forget { forgotten: true })
    }
}

fn failure(played: Played) -> Failure {
    played.result.unwrap_err()
}

fn requests(played: &Played) -> usize {
    played.effects.iter().filter(|effect| matches!(effect, Effect::Http(_))).count()
}

fn good_delivery() -> Script<Igloo> {
    open(settings()).with_an_upload().asked(association(KEY), empty(204))
}

// --- The session ---

#[test]
fn a_photo_is_set_in_three_calls_within_a_session() {
    let done = good_delivery().deliver().result.unwrap();
    assert_eq!((done.outcome, done.receipt), (Outcome::Changed, json!({ "user": ADA, "attachment": KEY })));
}

#[test]
fn the_session_is_made_by_either_form_and_kept_as_a_secret() {
    let envelope = ok(&json!({ "response": { "sessionKey": "cc2ba556-6d29-4091-96ce-eca12e3cbe3c" } }));
    for (form, login, reply) in [("v2", login_v2(), token()), ("v1", login_v1(), envelope)] {
        let script = open(with("session", form)).without_session().exchange(login, reply).keeps(1);
        let script = script.recalled(upload_memory(), Some((Remembered::Value(uploaded(KEY, BEGIN_MS, false)), 1)));
        script.asked(association(KEY), empty(200)).deliver().result.unwrap();
    }
}

#[test]
fn the_form_that_is_there_is_found_once_and_remembered() {
    let auto = |known: Option<&str>| {
        let known = known.map(|form| (Remembered::Value(form.into()), 1));
        open(with("session", "auto")).without_session().recalled(session_form(), known)
    };
    let well = |script: Script<Igloo>, form: &str| {
        let script = script.remembered(session_form(), form.into(), None).keeps(1);
        script.asked(workplace(), ok(&json!({ "response": { "name": "x" } }))).probe().result.unwrap();
    };
    let envelope = || ok(&json!({ "response": { "sessionKey": "cc2ba556-6d29-4091-96ce-eca12e3cbe3c" } }));
    well(auto(None).exchange(login_v2(), token()), "v2");
    for absent in [empty(404), page(404), empty(405), exception(200, 404, "NotFound")] {
        well(auto(None).exchange(login_v2(), absent).exchange(login_v1(), envelope()), "v1");
    }
    well(auto(Some("v1")).exchange(login_v1(), envelope()), "v1");
    well(auto(Some("v1")).exchange(login_v1(), empty(404)).exchange(login_v2(), token()), "v2");
    let neither = auto(None).exchange(login_v2(), empty(404)).exchange(login_v1(), empty(405)).probe();
    assert_eq!(failure(neither).verdict, Verdict::Config);
}

/// A login with this answer, which may be a refusal in these words.
fn logged_in(reply: Response, refusal: Option<&str>) -> Failure {
    let mut script = open(settings()).without_session().exchange(login_v2(), reply);
    if let Some(reason) = refusal {
        script = script.refused(reason);
    }
    let played = script.deliver();
    assert_eq!(requests(&played), 1, "a login is never tried twice");
    failure(played)
}

/// A refusal in these words as it is remembered.
fn refusal(reason: &str) -> Value {
    let hint = "check `app-id`, `app-password`, `username` and `password`: the password is that of Igloo authentication; a \
                workplace with SAML wants `session = \"v1\"`";
    json!({ "verdict": "auth", "reason": format!("the login: {reason}"), "hint": hint })
}

#[test]
fn a_refused_login_is_not_tried_again() {
    let error = |http, status, kind: &str| {
        let told = format!("the answer {http} with the error {status} ({kind}, Your request failed., appId)");
        (exception(http, status, kind), told)
    };
    let silent = |body: Value| (ok(&body), "Igloo answers without a session".to_owned());
    let plain = |status| (empty(status), format!("the answer {status} without a text"));
    for (reply, reason) in [
        error(200, 422, "Validation_ReportInvalidInput"),
        error(422, 422, "Validation_ReportInvalidInput"),
        error(200, 401, "Authentication_Failed"),
        error(200, 500, "Session_NotCreated"),
        plain(400),
        plain(401),
        plain(403),
        plain(422),
        silent(json!({ "TokenId": null })),
        silent(json!({ "TokenId": "" })),
        silent(json!({ "TokenId": "a;b" })),
        silent(json!({ "TokenId": "a".repeat(5_000) })),
        silent(json!({ "response": null })),
    ] {
        let failure = logged_in(reply, Some(&reason));
        assert_eq!((failure.verdict, json!(failure)), (Verdict::Auth, refusal(&reason)));
    }
}

#[test]
fn a_refused_login_is_told_to_those_who_come_meanwhile_and_tried_by_a_probe_only() {
    let known = || Some((Remembered::Value(refusal("the answer 401 ({})")), 7));
    let played = open(settings()).recalled(session(), known()).deliver();
    assert_eq!((requests(&played), json!(failure(played))), (0, refusal("the answer 401 ({})")));
    let script = open(settings()).recalled(session(), known()).forgets(7).without_session();
    let script = script.exchange(login_v2(), token()).keeps(1);
    script.asked(workplace(), ok(&json!({ "response": {} }))).probe().result.unwrap();
    let script = open(settings()).recalled(session(), known()).forgets(7).without_session();
    let played = script.exchange(login_v2(), empty(401)).refused("the answer 401 without a text").probe();
    assert_eq!((requests(&played), failure(played).verdict), (1, Verdict::Auth));
}

#[test]
fn what_is_no_refusal_of_a_login_is_tried_again_later() {
    for (reply, verdict) in [
        (page(403), Verdict::Retry),
        (page(200), Verdict::Retry),
        (empty(200), Verdict::Retry),
        (ok(&json!({ "status": "ok" })), Verdict::Retry),
        (exception(200, 503, "Unavailable"), Verdict::Retry),
        (exception(200, 0, "Odd"), Verdict::Retry),
        (exception(200, 429, "TooMany"), Verdict::RateLimited),
        (empty(500), Verdict::Retry),
        (empty(404), Verdict::Config),
        (empty(302), Verdict::Config),
    ] {
        assert_eq!(logged_in(reply.clone(), None).verdict, verdict, "{reply:?}");
    }
}

#[test]
fn nothing_of_an_answer_that_may_hold_a_key_is_repeated() {
    let refused = Some("Igloo answers without a session");
    for (body, refusal) in [
        (r#"{"TokenId":"cc2ba556-6d29-4091-96ce-e"#, None),
        (r#"{"TokenId":"cc2ba556 6d29"}"#, refused),
        (r#"{"response":{"secretKey":"cc2ba556-6d29","sessionKey":7}}"#, refused),
    ] {
        let failure = logged_in(Response::with(200, body), refusal);
        assert!(!failure.to_string().contains("cc2ba556"), "{failure}");
    }
}

#[test]
fn a_delivery_fails_with_whoever_logged_in() {
    let unclaimed = Reply::error(EffectErrorKind::Unclaimed, "it failed there");
    let played = open(settings()).expect(Effect::Recall { memory: session() }, unclaimed).deliver();
    assert_eq!((requests(&played), failure(played).verdict), (0, Verdict::Retry));
}

fn renewed(script: Script<Igloo>) -> Script<Igloo> {
    script.forgets(1).without_session().exchange(login_v2(), token()).keeps(2)
}

#[test]
fn a_session_that_is_over_is_renewed_once_and_the_call_repeated() {
    for over in [empty(401), exception(200, 401, "Denied"), exception(422, 422, "Session_Expired")] {
        for order in [Order::Together, Order::OldestFirst, Order::NewestFirst] {
            let script = open(settings()).in_session(1).for_the_first_time().asked(create(), over.clone());
            let script = renewed(script)
                .exchange(within(2, create()), entry(KEY))
                .exchange(within(2, whole(KEY)), attachment(KEY))
                .uploaded(KEY)
                .exchange(within(2, association(KEY)), empty(204));
            script.order(order).deliver().result.unwrap();
        }
    }
}

#[test]
fn a_session_that_another_delivery_has_renewed_is_used() {
    let script = open(settings()).in_session(1).for_the_first_time().asked(create(), empty(401));
    let script = script.forgets(1).in_session(2).exchange(within(2, create()), entry(KEY));
    let script = script.exchange(within(2, whole(KEY)), attachment(KEY)).uploaded(KEY);
    script.exchange(within(2, association(KEY)), empty(204)).deliver().result.unwrap();
}

#[test]
fn a_session_that_is_over_at_once_is_no_reason_to_log_in_again() {
    for over in [empty(401), exception(422, 422, "Session_Expired")] {
        let script = open(settings()).in_session(1).for_the_first_time().asked(create(), over.clone());
        let played = renewed(script).exchange(within(2, create()), over).forgets(2).deliver();
        assert_eq!((requests(&played), failure(played).verdict), (3, Verdict::Auth));
    }
}

#[test]
fn a_session_that_is_over_again_at_a_later_call_is_not_renewed_again() {
    let script = open(settings()).in_session(1).for_the_first_time().asked(create(), empty(401));
    let script = renewed(script).exchange(within(2, create()), entry(KEY));
    let played = script.exchange(within(2, whole(KEY)), empty(401)).forgets(2).deliver();
    assert_eq!((requests(&played), failure(played).verdict), (4, Verdict::Auth));
}

#[test]
fn an_account_without_the_right_is_named_and_leaves_no_session() {
    let played = open(settings()).with_an_upload().asked(association(KEY), empty(403)).forgets(1).deliver();
    let failure = failure(played);
    assert_eq!(failure.verdict, Verdict::Auth);
    assert!(failure.hint.unwrap().contains("administrative permissions"));
    let front = open(settings()).with_an_upload().asked(association(KEY), page(403)).deliver();
    assert_eq!(front.result.unwrap_err().verdict, Verdict::Retry);
}

// --- The upload ---

#[test]
fn the_key_of_an_entry_is_found_in_every_form_of_its_location() {
    for location in [
        format!("{BASE}/.api2/api/v1/communities/10/attachments/uploads/{KEY}"),
        format!("/.api2/api/v1/communities/10/attachments/{KEY}"),
        KEY.into(),
        format!("/attachments/{KEY}/?first=0#top"),
    ] {
        let created = Response::with(200, "").and_header("Location", &location);
        let script = open(settings()).in_session(1).for_the_first_time().asked(create(), created);
        let script = script.asked(whole(KEY), attachment(KEY)).uploaded(KEY).asked(association(KEY), empty(204));
        script.deliver().result.unwrap();
    }
    for location in ["", "/", "5GQFODh5b", "5GQFODh5bIx", "5GQFODh5b!", "/attachments/uploads/", "../5GQFODh5%2F"] {
        let created = Response::with(201, "").and_header("Location", location);
        let played = open(settings()).in_session(1).for_the_first_time().asked(create(), created).deliver();
        assert_eq!(failure(played).verdict, Verdict::Retry, "{location}");
    }
    let played = open(settings()).in_session(1).for_the_first_time().asked(create(), empty(201)).deliver();
    assert!(failure(played).reason.contains("has no key in its"));
}

/// A picture of two chunks and a byte.
const LONG: u64 = 2 * CHUNK + 1;
const CHUNK: u64 = 4_096;

fn create_long() -> HttpRequest {
    HttpRequest::post(attachments(""))
        .json(json!({ "ContentLength": LONG, "ContentType": "image/jpg", "Name": "photo.jpg" }))
}

fn chunk(key: &str, first: u64, end: u64) -> HttpRequest {
    let range = format!("bytes {first}-{}/{LONG}", end - 1);
    patch(key, &range).rendition_range(&rendition("photo"), first, end)
}

fn long_question(key: &str) -> HttpRequest {
    patch(key, &format!("bytes */{LONG}"))
}

/// A delivery in chunks up to its first entry.
fn in_chunks() -> Script<Igloo> {
    let script = open(with("chunk-bytes", "4KiB")).rendition("photo", vec![0; LONG as usize]);
    script.in_session(1).for_the_first_time().asked(create_long(), entry(KEY))
}

fn ends(script: Script<Igloo>, key: &str) -> Played {
    script.uploaded(key).asked(association(key), empty(204)).deliver()
}

/// An answer in the usual form of an upload that can be resumed.
fn holds(range: Option<&str>) -> Response {
    range.map_or_else(|| empty(308), |range| empty(308).and_header("range", range))
}

fn broken() -> Reply {
    Reply::error(EffectErrorKind::Closed, "the connection ended")
}

trait Breaks {
    /// A request within the first session, without an answer.
    fn breaks(self, request: HttpRequest) -> Self;
}

impl Breaks for Script<Igloo> {
    fn breaks(self, request: HttpRequest) -> Self {
        self.expect(Effect::Http(within(1, request)), broken())
    }
}

#[test]
fn a_picture_goes_in_chunks_whatever_is_said_between_them() {
    for between in [empty(200), empty(204), ok(&json!({ "any": "thing" })), holds(Some("bytes=0-4095"))] {
        let script = in_chunks()
            .asked(chunk(KEY, 0, CHUNK), between.clone())
            .asked(chunk(KEY, CHUNK, 2 * CHUNK), empty(202))
            .asked(chunk(KEY, 2 * CHUNK, LONG), attachment(KEY));
        ends(script, KEY).result.unwrap();
    }
}

#[test]
fn where_igloo_tells_what_it_holds_the_upload_goes_on_there() {
    for (told, first) in [(Some("bytes=0-99"), 100), (Some("bytes=0-4095"), 4_096), (None, 0)] {
        let end = (first + CHUNK).min(LONG);
        let mut script = in_chunks().breaks(chunk(KEY, 0, CHUNK)).asked(long_question(KEY), holds(told));
        for (first, end) in [(first, end), (end, (end + CHUNK).min(LONG)), (end + CHUNK, LONG)] {
            if first < end {
                script = script.asked(chunk(KEY, first, end), attachment(KEY));
            }
        }
        ends(script, KEY).result.unwrap();
    }
    let complete = format!("bytes=0-{}", LONG - 1);
    let script = in_chunks().breaks(chunk(KEY, 0, CHUNK)).asked(long_question(KEY), holds(Some(&complete)));
    ends(script, KEY).result.unwrap();
}

#[test]
fn each_break_that_finds_more_there_is_mended_and_one_that_does_not_is_none() {
    let script = in_chunks()
        .asked(chunk(KEY, 0, CHUNK), empty(204))
        .breaks(chunk(KEY, CHUNK, 2 * CHUNK))
        .asked(long_question(KEY), holds(Some("bytes=0-4095")))
        .asked(chunk(KEY, CHUNK, 2 * CHUNK), empty(204))
        .breaks(chunk(KEY, 2 * CHUNK, LONG))
        .asked(long_question(KEY), holds(Some("bytes=0-8191")))
        .asked(chunk(KEY, 2 * CHUNK, LONG), attachment(KEY));
    ends(script, KEY).result.unwrap();
    let stuck = || in_chunks().breaks(chunk(KEY, 0, CHUNK)).asked(long_question(KEY), holds(None));
    let script = stuck().breaks(chunk(KEY, 0, CHUNK)).asked(long_question(KEY), holds(None));
    let script = script.asked(create_long(), entry(OTHER)).asked(chunk(OTHER, 0, CHUNK), empty(204));
    let script = script.asked(chunk(OTHER, CHUNK, 2 * CHUNK), empty(204));
    ends(script.asked(chunk(OTHER, 2 * CHUNK, LONG), attachment(OTHER)), OTHER).result.unwrap();
}

/// The key of a second entry.
const OTHER: &str = "Zz09yX81wQ";

#[test]
fn where_igloo_does_not_tell_what_it_holds_another_entry_is_begun_once() {
    let begun = || open(settings()).in_session(1).for_the_first_time().asked(create(), entry(KEY));
    for unknown in [
        empty(400),
        empty(404),
        empty(405),
        empty(416),
        empty(500),
        empty(200),
        attachment(KEY),
        page(200),
        empty(200).and_header("range", "bytes=0-999"),
        empty(308).and_header("range", "bytes=3-9"),
        exception(200, 422, "Validation_ParameterInvalid"),
    ] {
        let script = begun().breaks(whole(KEY)).asked(question(KEY), unknown.clone());
        let script = script.asked(create(), entry(OTHER)).asked(whole(OTHER), attachment(OTHER));
        ends(script, OTHER).result.unwrap();
        let script = begun().breaks(whole(KEY)).asked(question(KEY), unknown.clone()).asked(create(), entry(OTHER));
        let played = script.breaks(whole(OTHER)).asked(question(OTHER), unknown).deliver();
        assert_eq!(failure(played).verdict, Verdict::Retry);
    }
}

#[test]
fn whatever_leaves_it_open_what_is_held_is_mended_the_same_way() {
    for open_answer in [
        empty(404),
        empty(408),
        empty(409),
        empty(416),
        empty(500),
        empty(200),
        page(200),
        page(403),
        ok(&json!({ "status": "ok" })),
        exception(200, 409, "Conflict"),
    ] {
        let script = open(settings()).in_session(1).for_the_first_time().asked(create(), entry(KEY));
        let script = script.asked(whole(KEY), open_answer).asked(question(KEY), empty(400));
        let script = script.asked(create(), entry(OTHER)).asked(whole(OTHER), attachment(OTHER));
        ends(script, OTHER).result.unwrap();
    }
}

#[test]
fn a_system_that_asks_for_patience_is_asked_nothing_more() {
    let waits = |reply: Response| reply.and_retry_after(Duration::from_secs(7));
    for (reply, verdict, after) in [
        (empty(429), Verdict::RateLimited, None),
        (waits(empty(429)), Verdict::RateLimited, Some(7_000)),
        (waits(empty(503)), Verdict::Retry, Some(7_000)),
    ] {
        let begun = || open(settings()).in_session(1).for_the_first_time().asked(create(), entry(KEY));
        let at_once = failure(begun().asked(whole(KEY), reply.clone()).deliver());
        let at_the_question = failure(begun().breaks(whole(KEY)).asked(question(KEY), reply).deliver());
        for failure in [at_once, at_the_question] {
            assert_eq!((failure.verdict, failure.after_ms), (verdict, after));
        }
    }
}

#[test]
fn a_picture_that_igloo_refuses_is_rejected_and_no_longer_sent() {
    let begun = || open(settings()).in_session(1).for_the_first_time();
    for refusal in [empty(400), empty(413), empty(415), exception(200, 422, "Validation_ReportInvalidInput")] {
        let played = begun().asked(create(), refusal.clone()).deliver();
        assert_eq!(failure(played).verdict, Verdict::ImageRejected);
        let played = begun().asked(create(), entry(KEY)).asked(whole(KEY), refusal).deliver();
        assert_eq!(failure(played).verdict, Verdict::ImageRejected);
    }
    let played = begun().asked(create(), empty(404)).deliver();
    assert!(failure(played).hint.unwrap().contains("`community-key`"));
}

#[test]
fn the_media_type_is_the_one_that_is_set() {
    let typed = |request: HttpRequest| {
        let text = serde_json::to_string(&request).unwrap().replace("image/jpg", "image/jpeg");
        serde_json::from_str::<HttpRequest>(&text).unwrap()
    };
    let script = open(with("content-type", "image/jpeg")).in_session(1).for_the_first_time();
    let script = script.asked(typed(create()), entry(KEY)).asked(typed(whole(KEY)), attachment(KEY));
    ends(script, KEY).result.unwrap();
}

// --- The association ---

#[test]
fn an_upload_of_an_earlier_attempt_is_not_made_again() {
    let script = open(settings()).in_session(1).after_an_upload(uploaded(KEY, 0, false));
    script.asked(association(KEY), attachment(KEY)).deliver().result.unwrap();
}

#[test]
fn what_is_remembered_and_is_no_upload_is_made_anew() {
    let script = open(settings()).in_session(1).after_an_upload(json!("old"));
    let script = script.asked(create(), entry(KEY)).asked(whole(KEY), attachment(KEY));
    ends(script, KEY).result.unwrap();
}

fn is_there() -> Response {
    hits([hit(ADA, "ada@example.com", false)])
}

#[test]
fn an_upload_that_is_not_looked_through_yet_is_waited_for_and_not_repeated() {
    for early in [404, 409, 410, 425] {
        let script = open(settings()).with_an_upload();
        let script = script.asked(association(KEY), empty(early)).asked(search(ADA, 1), is_there());
        let played = script.asked(association(KEY), empty(204)).deliver();
        assert_eq!(played.slept, Duration::from_secs(1));
        played.result.unwrap();
    }
    let mut script = open(settings()).with_an_upload();
    for _ in 0..3 {
        script = script.asked(association(KEY), exception(200, 409, "NotReady")).asked(search(ADA, 1), is_there());
    }
    let played = script.deliver();
    assert_eq!(played.slept, Duration::from_secs(4));
    assert_eq!(failure(played).verdict, Verdict::Retry);
    let script = open(settings()).in_session(1).after_an_upload(uploaded(KEY, BEGIN_MS - 60_000, false));
    let later = script.asked(association(KEY), empty(404)).asked(search(ADA, 1), is_there()).deliver();
    assert_eq!((later.slept, failure(later).verdict), (Duration::ZERO, Verdict::Retry));
}

#[test]
fn an_upload_that_is_gone_is_made_again_once() {
    let old = BEGIN_MS - 16 * 60_000;
    let gone = |is_second| {
        let script = open(settings()).in_session(1).after_an_upload(uploaded(KEY, old, is_second));
        script.asked(association(KEY), empty(404)).asked(search(ADA, 1), is_there())
    };
    let script = gone(false).asked(create(), entry(OTHER)).asked(whole(OTHER), attachment(OTHER));
    let script = script.remembered(upload_memory(), uploaded(OTHER, BEGIN_MS, true), None);
    script.asked(association(OTHER), empty(204)).deliver().result.unwrap();
    let failure = failure(gone(true).deliver());
    assert_eq!(failure.verdict, Verdict::UserAbsent, "{failure}");
    assert!(failure.reason.contains("takes no upload"), "{failure}");
}

#[test]
fn a_user_who_is_not_there_is_told_from_an_upload_that_is_not() {
    let other = hit("ac94442a-be8c-4a8d-80a0-9fbc870b9944", "ada@example.com", true);
    for nobody in [hits([]), hits([other])] {
        let script = open(settings()).with_an_upload().asked(association(KEY), empty(404));
        let played = script.asked(search(ADA, 1), nobody).deliver();
        assert_eq!((played.slept, failure(played).verdict), (Duration::ZERO, Verdict::UserAbsent));
    }
}

#[test]
fn a_success_in_unknown_words_is_believed_when_there_is_a_photo() {
    let said = |image: bool| {
        let script = open(settings()).with_an_upload().asked(association(KEY), ok(&json!({ "status": "ok" })));
        script.asked(search(ADA, 1), hits([hit(ADA, "ada@example.com", image)])).deliver().result
    };
    said(true).unwrap();
    assert_eq!(said(false).unwrap_err().verdict, Verdict::Retry);
    for (reply, verdict) in [
        (page(200), Verdict::Retry),
        (empty(500), Verdict::Retry),
        (exception(200, 500, "Unexpected"), Verdict::Retry),
        (empty(400), Verdict::ImageRejected),
        (empty(302), Verdict::Config),
        (empty(405), Verdict::Config),
    ] {
        let played = open(settings()).with_an_upload().asked(association(KEY), reply.clone()).deliver();
        assert_eq!(failure(played).verdict, verdict, "{reply:?}");
    }
}

// --- Users ---

#[test]
fn what_is_no_guid_is_nobody_and_igloo_is_not_asked() {
    for nobody in [
        "",
        " ",
        "ada",
        "me",
        "..",
        "ac94442abe8c4a8d80a09fbc870b9943",
        "{ac94442a-be8c-4a8d-80a0-9fbc870b9943}",
        " ac94442a-be8c-4a8d-80a0-9fbc870b9943",
        "ac94442a-be8c-4a8d-80a0-9fbc870b9943/x",
        "ac94442a-be8c-4a8d-80a0-9fbc870b994?",
        "ac94442a-be8c-4a8d-80a0-9fbc870b994g",
        "ac94442a-be8c-4a8d-80a09-fbc870b9943",
        "ac94442a-be8c-4a8d-80a0-9fbc870b\u{661}3",
        "00000000-0000-0000-0000-000000000000",
        &"a".repeat(10_000),
    ] {
        let played = open(settings()).remote(nobody).deliver();
        assert_eq!((played.effects.len(), failure(played).verdict), (0, Verdict::UserAbsent), "{nobody:?}");
    }
    let upper = good_delivery().remote(&ADA.to_ascii_uppercase()).deliver();
    assert_eq!(upper.result.unwrap().receipt["user"], ADA);
}

const MAIL: &str = "ada@example.com";

fn by_email(remote: &str) -> Script<Igloo> {
    open(with("user", "email")).remote(remote).in_session(1)
}

fn lookup() -> Memory {
    Memory::Backend { key: MAIL.into() }
}

/// A delivery by e-mail up to the search.
fn unknown(remote: &str) -> Script<Igloo> {
    by_email(remote).recalled(lookup(), None)
}

/// What follows once it is known whose the address is.
fn known(script: Script<Igloo>) -> Played {
    let script = script.after_an_upload(uploaded(KEY, BEGIN_MS, false));
    script.asked(association(KEY), empty(204)).deliver()
}

#[test]
fn a_user_is_found_by_the_very_address_and_remembered() {
    let stranger = |n: u64| hit(&format!("ac94442a-be8c-4a8d-80a0-{n:012}"), &format!("ada{n}@example.com"), true);
    let ada = || hit(&ADA.to_ascii_uppercase(), "Ada@Example.com", false);
    for remote in [MAIL, "ADA@example.COM"] {
        let script = unknown(remote).asked(search(MAIL, 1), hits([stranger(1), ada(), stranger(2)]));
        known(script.remembered(lookup(), ADA.into(), Some(6 * 3_600_000))).result.unwrap();
    }
    let full = || hits((0..100).map(stranger));
    let script = unknown(MAIL).asked(search(MAIL, 1), full()).asked(search(MAIL, 2), hits([ada()]));
    known(script.remembered(lookup(), ADA.into(), Some(6 * 3_600_000))).result.unwrap();
    let mut script = unknown(MAIL);
    for page in 1..=3 {
        script = script.asked(search(MAIL, page), full());
    }
    assert_eq!(failure(script.deliver()).verdict, Verdict::UserAbsent, "no more than three pages");
    let found = Some((Remembered::Value(ADA.into()), 7));
    known(by_email(MAIL).recalled(lookup(), found)).result.unwrap();
}

#[test]
fn an_address_of_nobody_or_of_several_is_no_user() {
    let verdict = |reply: Response| failure(unknown(MAIL).asked(search(MAIL, 1), reply).deliver()).verdict;
    let other = "ac94442a-be8c-4a8d-80a0-9fbc870b9944";
    assert_eq!(verdict(hits([])), Verdict::UserAbsent);
    assert_eq!(verdict(ok(&json!({ "response": { "value": { "count": 0 } } }))), Verdict::UserAbsent);
    assert_eq!(verdict(hits([hit(ADA, "xada@example.com", true), json!({ "id": other })])), Verdict::UserAbsent);
    assert_eq!(verdict(hits([hit(ADA, MAIL, true), hit(other, MAIL, true)])), Verdict::UserAmbiguous);
    assert_eq!(verdict(empty(400)), Verdict::UserAbsent);
    assert_eq!(verdict(exception(200, 422, "Validation_ParameterInvalid")), Verdict::UserAbsent);
    assert_eq!(verdict(empty(404)), Verdict::Config);
    for foreign in
        [empty(200), page(200), ok(&json!({})), ok(&json!({ "response": null })), hits([json!({ "id": "x" })])]
    {
        assert_eq!(verdict(foreign.clone()), Verdict::Retry, "{foreign:?}");
    }
    let ada = || hit(ADA, MAIL, true);
    let twice = hits(std::iter::repeat_with(ada).take(100));
    let script = unknown(MAIL).asked(search(MAIL, 1), twice.clone()).asked(search(MAIL, 2), twice);
    let script = script.asked(search(MAIL, 3), hits([ada()])).remembered(lookup(), ADA.into(), Some(6 * 3_600_000));
    known(script).result.unwrap();
}

#[test]
fn what_is_no_address_is_nobody_and_igloo_is_not_asked() {
    for nobody in
        ["", "ada", "@example.com", "ada@", "*", "ada lovelace@example.com", "ada@example.com\n", &"a@".repeat(150)]
    {
        let played = open(with("user", "email")).remote(nobody).deliver();
        assert_eq!((played.effects.len(), failure(played).verdict), (0, Verdict::UserAbsent), "{nobody:?}");
    }
    // Whatever else is in an address stays within the question.
    for remote in ["a/../b?c=d&q=*#@example.com", "a,b@example.com", "ä@example.com"] {
        let named = Named::read(NamedBy::Email, remote).unwrap();
        let memory = Memory::Backend { key: named.text().into() };
        let script = by_email(remote).recalled(memory, None).asked(search(named.text(), 1), hits([]));
        assert_eq!(failure(script.deliver()).verdict, Verdict::UserAbsent);
    }
}

#[test]
fn whoever_is_gone_is_looked_up_anew_the_next_time() {
    let script = by_email(MAIL).recalled(lookup(), Some((Remembered::Value(ADA.into()), 7)));
    let script = script.after_an_upload(uploaded(KEY, BEGIN_MS, false)).asked(association(KEY), empty(404));
    let script = script.asked(search(ADA, 1), hits([]));
    let forgotten = Effect::Forget { memory: lookup(), version: 7 };
    let played = script.expect(forgotten, Reply::Forget { forgotten: true }).deliver();
    assert_eq!(failure(played).verdict, Verdict::UserAbsent);
}

#[test]
fn a_dry_run_takes_the_assumed_hit_for_the_user() {
    let script = unknown(MAIL).dry_run().asked(search(MAIL, 1), hits([hit(ADA, "assumed@example.com", false)]));
    known(script.remembered(lookup(), ADA.into(), Some(6 * 3_600_000))).result.unwrap();
}

// --- Verify and probe ---

#[test]
fn verify_tells_whether_there_is_a_photo_and_not_which() {
    let looked = |has_image: Value| {
        let mut ada = hit(ADA, MAIL, false);
        ada["hasImage"] = has_image;
        open(settings()).in_session(1).asked(search(ADA, 1), hits([ada]))
    };
    let receipt = json!({ "user": ADA, "attachment": KEY });
    let found = looked(true.into()).verify().result.unwrap();
    assert_eq!((found.outcome, found.receipt), (Outcome::Changed, json!({ "user": ADA })));
    assert_eq!(looked(false.into()).verify().result.unwrap().outcome, Outcome::Removed);
    for unknown in
        [looked(true.into()).receipt(receipt.clone()), looked(Value::Null), looked(Value::Null).receipt(receipt)]
    {
        assert_eq!(failure(unknown.verify()).verdict, Verdict::Unsupported);
    }
    let nobody = open(settings()).in_session(1).asked(search(ADA, 1), hits([])).verify();
    assert_eq!(failure(nobody).verdict, Verdict::UserAbsent);
    assert_eq!(failure(open(settings()).remote("ada").verify()).verdict, Verdict::UserAbsent);
    let by_email = open(with("user", "email")).remote(MAIL).in_session(1);
    let by_email = by_email.asked(search(MAIL, 1), hits([hit(ADA, MAIL, true)])).verify();
    assert_eq!(by_email.result.unwrap().receipt, json!({ "user": ADA }));
}

#[test]
fn verify_waits_for_the_index_before_it_says_that_a_photo_is_gone() {
    let looked = |images: &[bool]| {
        let script = open(settings()).in_session(1).receipt(json!({ "user": ADA }));
        let looks = |script: Script<Igloo>, image: &bool| script.asked(search(ADA, 1), hits([hit(ADA, MAIL, *image)]));
        images.iter().fold(script, looks).verify()
    };
    let late = looked(&[false, true]);
    assert_eq!((late.slept, failure(late).verdict), (Duration::from_secs(2), Verdict::Unsupported));
    let gone = looked(&[false, false, false]);
    assert_eq!((gone.slept, gone.result.unwrap().outcome), (Duration::from_secs(8), Outcome::Removed));
}

#[test]
fn a_probe_asks_for_the_workplace() {
    let probed = |reply: Response| open(settings()).in_session(1).asked(workplace(), reply);
    probed(ok(&json!({ "response": { "name": "Intranet" } }))).probe().result.unwrap();
    for (reply, verdict) in [
        (ok(&json!({ "response": null })), Verdict::Retry),
        (page(200), Verdict::Retry),
        (empty(404), Verdict::Config),
        (empty(400), Verdict::Config),
        (empty(500), Verdict::Retry),
        (empty(429), Verdict::RateLimited),
    ] {
        assert_eq!(failure(probed(reply.clone()).probe()).verdict, verdict, "{reply:?}");
    }
    let refused = probed(empty(403)).forgets(1).probe();
    assert_eq!(failure(refused).verdict, Verdict::Auth);
}

// --- Everything that can go wrong ---

/// A delivery with a login. What only a fault leads to is a question to the entry, and one for the user.
fn first_delivery() -> Script<Igloo> {
    let script = open(settings()).without_session().exchange(login_v2(), token()).keeps(1).for_the_first_time();
    let script = script.asked(create(), entry(KEY)).asked(whole(KEY), attachment(KEY)).uploaded(KEY);
    script.asked(association(KEY), empty(204))
}

fn after_faults(script: Script<Igloo>) -> Script<Igloo> {
    let refusals = [400, 401, 403, 413, 415].map(|status| format!("the answer {status} ({{}})"));
    let script = refusals.iter().fold(script, |script, reason| script.refused(reason));
    let script = renewed(script.asked(question(KEY), empty(400)).asked(search(ADA, 1), is_there())).forgets(2);
    let again = [create(), whole(KEY), question(KEY), association(KEY), workplace()];
    again.into_iter().fold(script, |script, request| script.exchange(within(2, request), empty(401)))
}

/// The faults that do not pass, with their verdicts at a request.
fn lasting(table: &Table, request: usize) -> Vec<(Fault, Verdict)> {
    let rows = table.rows.iter().filter(|row| row.request == request && !row.fault.passes());
    rows.map(|row| (row.fault, row.result.as_ref().unwrap_err().verdict)).collect()
}

#[test]
fn every_fault_has_its_verdict() {
    let lasting_are = |missing, otherwise| {
        vec![
            (Fault::Status(400), otherwise),
            (Fault::Status(401), Verdict::Auth),
            (Fault::Status(403), Verdict::Auth),
            (Fault::Status(404), missing),
            (Fault::Status(413), otherwise),
            (Fault::Status(415), otherwise),
            (Fault::Redirect, Verdict::Config),
        ]
    };
    let delivery = Faults::of(first_delivery).also(after_faults).deliver();
    println!("{delivery}");
    assert_eq!(lasting(&delivery, 1), lasting_are(Verdict::Config, Verdict::Auth));
    assert_eq!(lasting(&delivery, 2), lasting_are(Verdict::Config, Verdict::ImageRejected));
    assert_eq!(lasting(&delivery, 3), lasting_are(Verdict::Retry, Verdict::ImageRejected));
    assert_eq!(lasting(&delivery, 4), lasting_are(Verdict::Retry, Verdict::ImageRejected));
    let by_email = || {
        let script = unknown(MAIL).asked(search(MAIL, 1), hits([hit(ADA, MAIL, false)]));
        let script = script.remembered(lookup(), ADA.into(), Some(6 * 3_600_000));
        script.after_an_upload(uploaded(KEY, BEGIN_MS, false)).asked(association(KEY), empty(204))
    };
    let again = |script| after_faults(script).exchange(within(2, search(MAIL, 1)), empty(401));
    let lookup = Faults::of(by_email).also(again).deliver();
    println!("{lookup}");
    assert_eq!(lasting(&lookup, 1), lasting_are(Verdict::Config, Verdict::UserAbsent));
    let probe = Faults::of(|| open(settings()).in_session(1).asked(workplace(), ok(&json!({ "response": {} }))));
    let probe = probe.also(after_faults).probe();
    println!("{probe}");
    assert_eq!(lasting(&probe, 1), lasting_are(Verdict::Config, Verdict::Config));
}

// --- Settings ---

#[test]
fn it_wants_one_square_under_10_mb_and_calls_one_origin() {
    let opened = open(with("base-url", "https://workplace.example.com/")).opened().clone();
    let sizes: Vec<_> = opened.renditions.iter().map(|spec| (spec.name.as_str(), spec.width, spec.height)).collect();
    assert_eq!(sizes, [("photo", 512, 512)]);
    assert!(opened.renditions[0].max_bytes.is_some_and(|max| max.get() < 10_000_000));
    assert_eq!((opened.origins, opened.folds_case, opened.publishes), (vec![BASE.to_owned()], true, false));
}

#[test]
fn the_workplace_and_how_users_are_named_identify_and_the_account_does_not() {
    let fingerprint = |settings| open(settings).opened().fingerprint.clone();
    let plain = fingerprint(settings());
    for (key, same) in [
        ("user", json!("guid")),
        ("app-id", json!("another")),
        ("username", json!("another")),
        ("password", json!("secret:/other")),
        ("content-type", json!("image/jpeg")),
        ("chunk-bytes", json!(4096)),
        ("session", json!("v1")),
    ] {
        assert_eq!(fingerprint(with(key, same)), plain, "{key}");
    }
    for (key, other) in
        [("user", json!("email")), ("community-key", json!(11)), ("base-url", json!("https://other.example.com"))]
    {
        assert_ne!(fingerprint(with(key, other)), plain, "{key}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_by_their_key() {
    for (key, value, reason) in [
        ("app-id", json!(" "), "`app-id`: it must not be empty"),
        ("username", json!("a\nb"), "`username`: it must not be empty"),
        ("community-key", json!("ten"), "`community-key`: invalid type"),
        ("community-key", json!(-1), "`community-key`: invalid value"),
        ("password", json!("hunter2"), "`password`: a secret is not written"),
        ("app-password", json!("hunter2"), "`app-password`: a secret is not written"),
        ("user", json!("name"), "`user`: unknown variant `name`"),
        ("content-type", json!("image/png"), "`content-type`: unknown variant `image/png`"),
        ("session", json!("v3"), "`session`: unknown variant `v3`"),
        ("chunk-bytes", json!(4095), "`chunk-bytes`: it must be 0"),
        ("chunk-bytes", json!("much"), "`chunk-bytes`: "),
        ("mode", json!("file"), "`mode`: unknown field `mode`"),
    ] {
        let refused = refused(with(key, value));
        assert!(refused.starts_with(reason), "{refused}");
    }
}
