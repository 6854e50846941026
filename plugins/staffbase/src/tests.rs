//! The plugin against scripts: no host, no app.

use std::time::Duration;

use portraitd_sdk::message::memory::{Recalled, Remember, Remembered};
use portraitd_sdk::message::{Effect, EffectErrorKind, Outcome, Reply};
use portraitd_sdk::script::{Fault, Faults, Order, Played, Script, Table, rendition};
use portraitd_sdk::{Failure, Fit, HttpRequest, Memory, Method, Part, Response, Secret, Text, Verdict};
use serde_json::{Value, json};

use crate::Staffbase;

const APP: &str = "https://exampleapp.staffbase.com";
const ID: &str = "5db0221d0a09a219c4ce9218";
const OTHER_ID: &str = "5db0221d0a09a219c4ce9219";
const SIZES: [&str; 3] = ["original", "thumb", "icon"];

fn settings() -> Value {
    json!({ "base-url": format!("{APP}/"), "token": "secret:/token" })
}

fn with(changes: &[(&str, &str)]) -> Value {
    let mut settings = settings();
    for (key, value) in changes {
        settings[*key] = (*value).into();
    }
    settings
}

fn open(settings: Value) -> Script<Staffbase> {
    Script::open(settings).unwrap().remote(ID)
}

fn refused(changes: &[(&str, &str)]) -> String {
    let Failure { verdict, reason, .. } = Script::<Staffbase>::open(with(changes)).err().unwrap();
    assert_eq!(verdict, Verdict::Config, "{reason}");
    reason
}

fn request(method: Method, path: &str) -> HttpRequest {
    let token = Text::from("Basic ").then(&Secret::handle("/token"));
    HttpRequest::new(method, format!("{APP}/api{path}")).header("Authorization", token)
}

/// The upload of a picture, as the document shows it.
fn upload(size: &str) -> HttpRequest {
    request(Method::Post, "/media").multipart([Part::file("file", format!("{size}.jpg"), &rendition(size))])
}

/// Where an upload of this generation lies.
fn media_url(size: &str, generation: u32) -> String {
    format!("{APP}/api/media/secure/external/v2/image/upload/{size}-{generation}.jpg")
}

fn media(url: &str) -> Response {
    Response::with_json(201, &json!({ "id": ID, "fileName": "x.jpg", "resourceInfo": { "url": url } }))
}

fn upload_memory(size: &str) -> Memory {
    Memory::Delivery { key: "media".into(), rendition: size.into(), origin: APP.into() }
}

fn found(value: &str) -> Reply {
    Reply::Recall(Recalled::Found { value: Remembered::Value(value.into()), version: 7 })
}

/// The update as the document shows it, with these URLs.
fn update(original: &str, others: &[(&str, &str)]) -> HttpRequest {
    // A made-up rendition without a limit of its height is a square.
    let mut avatar = json!({ "original": { "url": original, "width": 2048, "height": 2048 } });
    for (size, url) in others {
        avatar[*size] = json!({ "url": url });
    }
    request(Method::Post, &format!("/users/{ID}")).json(json!({ "avatar": avatar }))
}

fn update_of(generation: u32) -> HttpRequest {
    let [original, thumb, icon] = SIZES.map(|size| media_url(size, generation));
    update(&original, &[("thumb", &thumb), ("icon", &icon)])
}

fn ask_user() -> HttpRequest {
    request(Method::Get, &format!("/users/{ID}"))
}

/// A user with these pictures.
fn user(pictures: &[(&str, &str)]) -> Response {
    let mut user = json!({ "id": ID, "externalID": "4711", "status": "activated", "avatar": {} });
    for (size, url) in pictures {
        user["avatar"][*size] = json!({ "url": url, "width": null });
    }
    Response::with_json(200, &user)
}

fn user_of(generation: u32) -> Response {
    let urls = SIZES.map(|size| media_url(size, generation));
    user(&[("original", &urls[0]), ("thumb", &urls[1]), ("icon", &urls[2])])
}

fn receipt_of(generation: u32) -> Value {
    let [original, thumb, icon] = SIZES.map(|size| media_url(size, generation));
    json!({ "told": { "original": original, "thumb": thumb, "icon": icon } })
}

trait Steps: Sized {
    /// Nothing is remembered of an upload; it is made, answered like this, and where it lies is remembered.
    fn uploaded(self, size: &str, answer: Response, url: &str) -> Self;
    /// All three pictures are uploaded for the first time.
    fn uploaded_all(self) -> Self;
    /// An earlier attempt has uploaded this picture.
    fn known(self, size: &str) -> Self;
    /// Forgets what was uploaded, and uploads and remembers it anew.
    fn uploaded_anew(self, size: &str) -> Self;
    fn remembers(self, memory: Memory, value: &str, ttl_ms: Option<u64>) -> Self;
    fn misses(self, memory: Memory) -> Self;
}

impl Steps for Script<Staffbase> {
    fn uploaded(self, size: &str, answer: Response, url: &str) -> Self {
        self.misses(upload_memory(size)).exchange(upload(size), answer).remembers(upload_memory(size), url, None)
    }

    fn uploaded_all(self) -> Self {
        SIZES.into_iter().fold(self, |script, size| {
            let url = media_url(size, 1);
            script.uploaded(size, media(&url), &url)
        })
    }

    fn known(self, size: &str) -> Self {
        self.expect(Effect::Recall { memory: upload_memory(size) }, found(&media_url(size, 1)))
    }

    fn uploaded_anew(self, size: &str) -> Self {
        let forget = Effect::Forget { memory: upload_memory(size), version: 7 };
        let url = media_url(size, 2);
        self.expect(forget, Reply::Forget { forgotten: true }).uploaded(size, media(&url), &url)
    }

    fn remembers(self, memory: Memory, value: &str, ttl_ms: Option<u64>) -> Self {
        let remember = Effect::Remember { memory, value: Remember::Value(value.into()), ttl_ms };
        self.expect(remember, Reply::Remember { value: Remembered::Value(value.into()), version: 7 })
    }

    fn misses(self, memory: Memory) -> Self {
        self.expect(Effect::Recall { memory }, Reply::Recall(Recalled::Missing {}))
    }
}

/// A first delivery, and how the update is answered.
fn first(answer: Response) -> Script<Staffbase> {
    open(settings()).uploaded_all().exchange(update_of(1), answer)
}

/// A delivery after an attempt that has uploaded everything.
fn second(answer: Response) -> Script<Staffbase> {
    SIZES.into_iter().fold(open(settings()), Script::known).exchange(update_of(1), answer)
}

fn failure(played: Played) -> Failure {
    played.result.unwrap_err()
}

fn requests(played: &Played) -> usize {
    played.effects.iter().filter(|effect| matches!(effect, Effect::Http(_))).count()
}

fn message(status: u16, text: &str) -> Response {
    Response::with_json(status, &json!({ "message": text }))
}

fn page(status: u16) -> Response {
    Response::with(status, "<!DOCTYPE html><title>A front</title>").and_header("content-type", "text/html")
}

// --- Upload ---

#[test]
fn three_pictures_are_uploaded_and_then_told() {
    for order in [Order::Together, Order::OldestFirst, Order::NewestFirst] {
        let played = first(user_of(1)).order(order).deliver();
        let Effect::Http(last) = played.effects.last().unwrap() else { panic!("{:?}", played.effects) };
        assert_eq!(last, &update_of(1), "the update comes when all three are there and remembered");
        let done = played.result.unwrap();
        assert_eq!((done.outcome, done.receipt, done.notes), (Outcome::Changed, receipt_of(1), vec![]));
    }
}

#[test]
fn the_three_go_at_the_same_time() {
    let played = first(user_of(1)).deliver();
    let kinds: Vec<_> = played.effects.iter().map(|effect| effect.kind().word()).collect();
    let three = |kind| [kind; 3];
    assert_eq!(kinds, [&three("recall")[..], &three("http"), &three("remember"), &["http"]].concat());
}

#[test]
fn an_upload_that_is_remembered_is_not_made_again() {
    let played = second(user_of(1)).deliver();
    assert_eq!(requests(&played), 1);
    played.result.unwrap();
}

#[test]
fn an_upload_that_fails_takes_no_other_with_it() {
    let script = open(settings()).misses(upload_memory("original")).exchange(upload("original"), page(502));
    let played = ["thumb", "icon"].into_iter().fold(script, |script, size| {
        let url = media_url(size, 1);
        script.uploaded(size, media(&url), &url)
    });
    let played = played.order(Order::OldestFirst).deliver();
    assert!(played.cancelled.is_empty());
    assert_eq!(failure(played).verdict, Verdict::Retry);
}

#[test]
fn only_the_original_is_uploaded_where_that_is_set() {
    let url = media_url("original", 1);
    let script = open(with(&[("sizes", "original-only")]));
    assert_eq!(script.opened().renditions.len(), 1);
    let script = script.uploaded("original", media(&url), &url);
    let done = script.exchange(update(&url, &[]), user(&[("original", &url)])).deliver().result.unwrap();
    assert_eq!(done.receipt, json!({ "told": { "original": url } }));
}

#[test]
fn a_url_of_an_upload_may_be_relative_or_of_another_host() {
    const ORIGIN: &str = "http://app.example.com:8080";
    let resolved = |told: &str, absolute: &str| {
        let base = format!("{ORIGIN}/sub");
        let at_base = |request: HttpRequest| HttpRequest { url: request.url.replacen(APP, &base, 1), ..request };
        let memory = Memory::Delivery { key: "media".into(), rendition: "original".into(), origin: ORIGIN.into() };
        let played = open(with(&[("base-url", &base), ("sizes", "original-only")]))
            .misses(memory.clone())
            .exchange(at_base(upload("original")), media(told))
            .remembers(memory, absolute, None)
            .exchange(at_base(update(absolute, &[])), Response::with(204, ""))
            .deliver();
        assert_eq!(played.result.unwrap().receipt, json!({ "told": { "original": absolute } }));
    };
    resolved("https://cdn.example.com/a%20b.jpg?x=1", "https://cdn.example.com/a%20b.jpg?x=1");
    resolved("HTTP://cdn.example.com/ä.jpg", "HTTP://cdn.example.com/ä.jpg");
    resolved("//cdn.example.com/a.jpg", "http://cdn.example.com/a.jpg");
    resolved("/api/media/secure/a.jpg", "http://app.example.com:8080/api/media/secure/a.jpg");
    resolved("media/secure/a.jpg", "http://app.example.com:8080/sub/api/media/secure/a.jpg");
}

#[test]
fn what_is_no_url_of_a_picture_is_told_nobody() {
    let long = format!("https://cdn.example.com/{}", "x".repeat(2_000));
    for answer in [
        "",
        "javascript:alert(1)",
        "ftp://x/a",
        "https://",
        "https:///a",
        "https:a",
        "//",
        "?a",
        "#a",
        "https://x/a b",
        "https://x/\u{7}",
        "/a\"b",
        "/a\\b",
        &long,
    ] {
        let script = open(with(&[("sizes", "original-only")])).misses(upload_memory("original"));
        let failure = failure(script.exchange(upload("original"), media(answer)).deliver());
        assert_eq!(failure.verdict, Verdict::Retry, "{answer}: {failure}");
    }
}

// --- Refusals ---

#[test]
fn answers_to_an_upload_have_their_verdicts() {
    let url = media_url("original", 1);
    for (answer, verdict) in [
        (message(400, "no"), Verdict::ImageRejected),
        (page(400), Verdict::Retry),
        (message(401, "no"), Verdict::Auth),
        (message(403, "no"), Verdict::Auth),
        (page(403), Verdict::Retry),
        (message(404, "no"), Verdict::Config),
        (Response::with(405, ""), Verdict::Config),
        (page(413), Verdict::ImageRejected),
        (message(415, "no"), Verdict::ImageRejected),
        (message(422, "no"), Verdict::ImageRejected),
        (message(429, "no"), Verdict::RateLimited),
        (page(502), Verdict::Retry),
        (Response::with(204, ""), Verdict::Retry),
        (page(200), Verdict::Retry),
        (Response::with_json(200, &json!({ "id": ID })), Verdict::Retry),
        (Response::with_json(200, &json!({ "resourceInfo": { "url": 7 } })), Verdict::Retry),
        (Response::with_json(200, &json!({ "url": url })), Verdict::Retry),
    ] {
        let script = open(with(&[("sizes", "original-only")])).misses(upload_memory("original"));
        let failure = failure(script.exchange(upload("original"), answer.clone()).deliver());
        assert_eq!(failure.verdict, verdict, "{answer:?} became {failure}");
    }
}

#[test]
fn answers_to_an_update_have_their_verdicts() {
    for (answer, verdict) in [
        (message(400, "no"), Verdict::ImageRejected),
        (page(400), Verdict::Retry),
        (message(401, "no"), Verdict::Auth),
        (message(403, "no"), Verdict::Auth),
        (page(403), Verdict::Retry),
        (message(404, "no"), Verdict::UserAbsent),
        (page(404), Verdict::UserAbsent),
        (Response::with(405, ""), Verdict::Config),
        (message(409, "no"), Verdict::ImageRejected),
        (Response::with(302, ""), Verdict::Config),
        (message(429, "no"), Verdict::RateLimited),
        (message(500, "no"), Verdict::Retry),
        (Response::with(200, ""), Verdict::Retry),
        (page(200), Verdict::Retry),
        (message(200, "no"), Verdict::Retry),
        (Response::with_json(200, &json!({ "id": OTHER_ID })), Verdict::Retry),
    ] {
        let failure = failure(first(answer.clone()).deliver());
        assert_eq!(failure.verdict, verdict, "{answer:?} became {failure}");
    }
    for done in [user_of(1), user(&[]), Response::with(204, ""), Response::with_json(201, &json!({ "id": ID }))] {
        assert_eq!(first(done.clone()).deliver().result.unwrap().outcome, Outcome::Changed, "{done:?}");
    }
}

#[test]
fn hints_say_what_to_mend() {
    let hint = |answer| failure(first(answer).deliver()).hint.unwrap_or_default();
    assert!(hint(message(401, "no")).contains("administrative access"));
    assert!(hint(Response::with(302, "")).contains("`base-url`"));
    assert_eq!(hint(message(400, "no")), "");
    let urls = open(with(&[("mode", "urls"), ("urls", "https://cdn.example.com/{userid}/{rendition}")]));
    let [original, thumb, icon] = SIZES.map(|size| format!("https://cdn.example.com/ada/{size}"));
    let update = update(&original, &[("thumb", &thumb), ("icon", &icon)]);
    let hint = failure(urls.exchange(update, message(400, "no")).deliver()).hint.unwrap_or_default();
    assert!(hint.contains("allow-listed"), "{hint}");
}

#[test]
fn a_wait_that_the_app_told_is_told_on() {
    let wait = |answer: Response| failure(first(answer.and_retry_after(Duration::from_secs(30))).deliver()).after_ms;
    assert_eq!([page(503), message(429, "no")].map(wait), [Some(30_000); 2]);
}

// --- Media that is gone ---

#[test]
fn uploads_of_an_earlier_attempt_that_the_app_refuses_are_made_anew_once() {
    let anew = |last: Response| {
        let script = SIZES.into_iter().fold(second(message(400, "unknown media")), Script::uploaded_anew);
        script.exchange(update_of(2), last).deliver()
    };
    assert_eq!(anew(user_of(2)).result.unwrap().receipt, receipt_of(2));
    let again = anew(message(400, "unknown media"));
    assert_eq!((requests(&again), failure(again).verdict), (5, Verdict::ImageRejected));
}

#[test]
fn what_was_uploaded_in_this_attempt_is_not_made_anew() {
    let played = first(message(400, "unknown media")).deliver();
    assert_eq!((requests(&played), failure(played).verdict), (4, Verdict::ImageRejected));
    // The thumb alone is of an earlier attempt.
    let script = open(settings()).known("thumb");
    let script = ["original", "icon"].into_iter().fold(script, |script, size| {
        let url = media_url(size, 1);
        script.uploaded(size, media(&url), &url)
    });
    let script = script.exchange(update_of(1), message(422, "gone")).uploaded_anew("thumb");
    let script = script.known("original").known("icon");
    let [original, icon] = ["original", "icon"].map(|size| media_url(size, 1));
    let update = update(&original, &[("thumb", &media_url("thumb", 2)), ("icon", &icon)]);
    let played = script.exchange(update, Response::with(204, "")).deliver();
    assert_eq!(requests(&played), 5);
    played.result.unwrap();
}

#[test]
fn of_a_404_the_user_tells_whether_it_is_the_media() {
    let script = second(message(404, "not found")).exchange(ask_user(), user(&[]));
    let script = SIZES.into_iter().fold(script, Script::uploaded_anew).exchange(update_of(2), user_of(2));
    assert_eq!(script.deliver().result.unwrap().receipt, receipt_of(2));
    let asked = |answer| second(message(404, "not found")).exchange(ask_user(), answer).deliver();
    for (answer, verdict) in [
        (message(404, "not found"), Verdict::UserAbsent),
        (page(502), Verdict::Retry),
        (page(200), Verdict::Retry),
        (message(429, "no"), Verdict::RateLimited),
    ] {
        let played = asked(answer);
        assert_eq!((requests(&played), failure(played).verdict), (2, verdict));
    }
}

#[test]
fn other_failures_say_nothing_about_the_uploads() {
    for (answer, verdict) in
        [(page(502), Verdict::Retry), (message(401, "no"), Verdict::Auth), (message(429, "no"), Verdict::RateLimited)]
    {
        let played = second(answer).deliver();
        assert_eq!((requests(&played), failure(played).verdict), (1, verdict));
    }
}

// --- URLs ---

#[test]
fn published_pictures_are_told_and_nothing_is_uploaded() {
    let script = open(with(&[("mode", "urls")]));
    assert!(script.opened().publishes);
    let url = |size: &str| format!("https://photos.example.com/{size}");
    let script = SIZES.into_iter().fold(script, |script, size| {
        let publish = Effect::Publish { rendition: size.into() };
        script.expect(publish, Reply::Publish { url: url(size) })
    });
    let [original, thumb, icon] = SIZES.map(url);
    let update = update(&original, &[("thumb", &thumb), ("icon", &icon)]);
    let played = script.exchange(update, Response::with(204, "")).deliver();
    assert_eq!((requests(&played), played.result.unwrap().outcome), (1, Outcome::Changed));
}

#[test]
fn what_cannot_be_published_is_not_told() {
    let publish = Effect::Publish { rendition: "original".into() };
    let nothing = Reply::error(EffectErrorKind::NotFound, "nothing is published here");
    let script = open(with(&[("mode", "urls"), ("sizes", "original-only")])).expect(publish, nothing);
    assert_eq!(failure(script.deliver()).verdict, Verdict::Config);
}

#[test]
fn a_template_tells_where_the_pictures_are() {
    let template = "https://cdn.example.com/{remote}/{userid}-{rendition}.jpg?v=1";
    let script = open(with(&[("mode", "urls"), ("urls", template)])).user("ada@x/?#{remote}").remote(ID);
    let names: Vec<_> = script.opened().renditions.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!((names, script.opened().publishes), (vec!["original"], false));
    let url = |size| format!("https://cdn.example.com/{ID}/ada%40x%2F%3F%23%7Bremote%7D-{size}.jpg?v=1");
    let [original, thumb, icon] = SIZES.map(url);
    let update = update(&original, &[("thumb", &thumb), ("icon", &icon)]);
    let played = script.exchange(update, user(&[("original", &original)])).deliver();
    assert_eq!(requests(&played), 1);
    played.result.unwrap();
}

#[test]
fn a_name_that_would_lead_to_another_url_is_not_told() {
    let script = |userid| open(with(&[("mode", "urls"), ("urls", "https://x/{userid}?{rendition}")])).user(userid);
    for userid in [".", "..", &"ä".repeat(400)] {
        let played = script(userid).remote(ID).deliver();
        assert!(played.effects.is_empty());
        assert_eq!(failure(played).verdict, Verdict::Unsupported);
    }
}

// --- Names ---

#[test]
fn what_is_no_id_is_absent_without_a_request() {
    for name in ["", "me", "search", "..", "5db0221d0a09a219c4ce921", "5db0221d0a09a219c4ce92188", "ä", "../me?a#b"] {
        let played = open(settings()).remote(name).deliver();
        assert!(played.effects.is_empty(), "{name}");
        assert_eq!(failure(played).verdict, Verdict::UserAbsent);
    }
    assert!(failure(open(settings()).remote(&"5".repeat(10_000)).deliver()).hint.unwrap().contains("external-id"));
}

#[test]
fn ids_are_one_whatever_their_case() {
    let script = open(settings());
    assert!(script.opened().folds_case);
    let played = script.remote(&ID.to_uppercase()).uploaded_all().exchange(update_of(1), user_of(1)).deliver();
    played.result.unwrap();
    assert!(!open(with(&[("user", "external-id")])).opened().folds_case);
}

fn id_memory(external_id: &str) -> Memory {
    Memory::Backend { key: format!("id of {external_id}") }
}

fn by_external_id() -> Script<Staffbase> {
    open(with(&[("user", "external-id")])).remote("4711")
}

fn search(external_id: &str) -> HttpRequest {
    let filter = format!("externalId eq {}", Value::from(external_id));
    let search = request(Method::Get, "/users/search").query("filter", filter).query("limit", "100");
    search.header("Accept", "application/vnd.staffbase.accessors.users-search.v1+json")
}

fn list(external_id: &str) -> HttpRequest {
    let filter = format!("externalID eq {}", Value::from(external_id));
    request(Method::Get, "/users").query("filter", filter).query("limit", "100")
}

/// The answer of the search with these users.
fn entries(total: Option<usize>, users: &[(&str, &str)]) -> Response {
    let entry = |(id, external_id): &(&str, &str)| json!({ "data": { "id": id, "externalId": external_id } });
    Response::with_json(200, &json!({ "total": total, "entries": users.iter().map(entry).collect::<Vec<_>>() }))
}

/// The answer of the list with these users.
fn listed(total: usize, users: &[(&str, &str)]) -> Response {
    let user = |(id, external_id): &(&str, &str)| json!({ "id": id, "externalID": external_id });
    let data: Vec<_> = users.iter().map(user).collect();
    Response::with_json(200, &json!({ "total": total, "limit": 100, "offset": 0, "data": data }))
}

/// What a lookup by the search comes to; done where the user is found.
fn looked_up(answer: Response) -> Result<(), Failure> {
    let script = by_external_id().misses(id_memory("4711")).exchange(search("4711"), answer);
    script.deliver().result.map(drop)
}

fn verdict(answer: Response) -> Verdict {
    looked_up(answer).unwrap_err().verdict
}

const SIX_HOURS: Option<u64> = Some(6 * 3_600_000);

#[test]
fn an_external_id_is_looked_up_once() {
    let lookup = by_external_id().misses(id_memory("4711"));
    let lookup = lookup.exchange(search("4711"), entries(Some(1), &[(ID, "4711")]));
    let lookup = lookup.remembers(id_memory("4711"), ID, SIX_HOURS).uploaded_all();
    lookup.exchange(update_of(1), user_of(1)).deliver().result.unwrap();
    let known = by_external_id().expect(Effect::Recall { memory: id_memory("4711") }, found(ID)).uploaded_all();
    known.exchange(update_of(1), user_of(1)).deliver().result.unwrap();
}

#[test]
fn an_older_app_is_asked_by_its_list() {
    for status in [400, 404, 405, 406] {
        let script = by_external_id().misses(id_memory("4711")).exchange(search("4711"), page(status));
        let script = script.exchange(list("4711"), listed(1, &[(ID, "4711")]));
        let script = script.remembers(id_memory("4711"), ID, SIX_HOURS).uploaded_all();
        script.exchange(update_of(1), user_of(1)).deliver().result.unwrap();
    }
}

#[test]
fn only_an_exact_match_is_the_user() {
    let with_others =
        entries(Some(4), &[(OTHER_ID, "04711"), (&ID.to_uppercase(), "4711"), (OTHER_ID, "4711 "), (OTHER_ID, "471")]);
    let script = by_external_id().misses(id_memory("4711")).exchange(search("4711"), with_others);
    let script = script.remembers(id_memory("4711"), ID, SIX_HOURS).uploaded_all();
    script.exchange(update_of(1), user_of(1)).deliver().result.unwrap();
    assert_eq!(verdict(entries(Some(0), &[])), Verdict::UserAbsent);
    assert_eq!(verdict(entries(Some(1), &[(ID, "47110")])), Verdict::UserAbsent);
    assert_eq!(verdict(entries(Some(2), &[(ID, "4711"), (OTHER_ID, "4711")])), Verdict::UserAmbiguous);
    assert_eq!(verdict(entries(Some(1), &[("me", "4711")])), Verdict::Retry, "what is no id goes into no path");
}

#[test]
fn nothing_is_concluded_from_a_part_of_the_users() {
    let cut = looked_up(entries(Some(20_000), &[(ID, "4711")])).unwrap_err();
    assert_eq!(cut.verdict, Verdict::UserAmbiguous);
    assert!(cut.hint.unwrap().contains("`user = \"id\"`"));
    let hundred = [(OTHER_ID, "1"); 100];
    assert_eq!(verdict(entries(None, &hundred)), Verdict::UserAmbiguous, "there may be more");
    assert_eq!(verdict(entries(None, &hundred[1..])), Verdict::UserAbsent, "these are all");
}

#[test]
fn answers_to_a_lookup_have_their_verdicts() {
    for (answer, expected) in [
        (message(401, "no"), Verdict::Auth),
        (page(403), Verdict::Retry),
        (message(429, "no"), Verdict::RateLimited),
        (message(414, "no"), Verdict::Unsupported),
        (page(502), Verdict::Retry),
        (page(200), Verdict::Retry),
        (Response::with_json(200, &json!({ "data": "x" })), Verdict::Retry),
        (Response::with_json(200, &json!({ "data": [1, 2, 3] })), Verdict::Retry),
        (Response::with_json(200, &json!({ "total": 1, "entries": [{ "externalId": "4711" }] })), Verdict::Retry),
        (Response::with_json(200, &json!({ "id": ID })), Verdict::Retry),
    ] {
        assert_eq!(verdict(answer.clone()), expected, "{answer:?}");
    }
    let neither = |answer| {
        let script = by_external_id().misses(id_memory("4711")).exchange(search("4711"), message(404, "no"));
        failure(script.exchange(list("4711"), answer).deliver()).verdict
    };
    assert_eq!(neither(message(404, "no")), Verdict::Config);
    assert_eq!(neither(message(400, "no")), Verdict::Unsupported);
}

#[test]
fn no_external_id_asks_for_another_user() {
    let odd = r#"4" or externalId pr or externalId eq "\"#;
    let script = by_external_id().remote(odd).misses(id_memory(odd));
    let played = script.exchange(search(odd), entries(Some(1), &[(OTHER_ID, "4711")])).deliver();
    let Effect::Http(asked) = &played.effects[1] else { panic!("{:?}", played.effects) };
    let quoted = r#"externalId eq "4\" or externalId pr or externalId eq \"\\""#;
    assert_eq!(asked.query[0].value, quoted.into());
    assert_eq!(failure(played).verdict, Verdict::UserAbsent);
    for name in ["", "47\n11", "\u{85}", &"x".repeat(191)] {
        let played = by_external_id().remote(name).deliver();
        assert!(played.effects.is_empty(), "{name}");
        assert_eq!(failure(played).verdict, Verdict::UserAbsent);
    }
}

#[test]
fn an_id_that_the_app_does_not_know_any_more_is_forgotten() {
    let forget = || Effect::Forget { memory: id_memory("4711"), version: 7 };
    let known = || by_external_id().expect(Effect::Recall { memory: id_memory("4711") }, found(ID));
    let script = known().uploaded_all().exchange(update_of(1), message(404, "no"));
    let played = script.expect(forget(), Reply::Forget { forgotten: true }).deliver();
    assert_eq!(failure(played).verdict, Verdict::UserAbsent);
    let script = known().exchange(ask_user(), message(404, "no"));
    let played = script.expect(forget(), Reply::Forget { forgotten: true }).verify();
    assert_eq!(failure(played).verdict, Verdict::UserAbsent);
}

#[test]
fn a_dry_run_takes_the_example_for_the_user() {
    let script = by_external_id().dry_run().misses(id_memory("4711"));
    let script = script.exchange(search("4711"), entries(Some(1), &[(ID, "the one of the example")]));
    let script = script.remembers(id_memory("4711"), ID, SIX_HOURS).uploaded_all();
    script.exchange(update_of(1), Response::with(204, "")).deliver().result.unwrap();
}

// --- Verify and probe ---

fn verified(receipt: Option<Value>, answer: Response) -> Played {
    let script = open(settings()).exchange(ask_user(), answer);
    receipt.into_iter().fold(script, Script::receipt).verify()
}

#[test]
fn a_user_shows_what_was_delivered_or_something_else_or_nothing() {
    let outcome = |receipt, answer| {
        let done = verified(receipt, answer).result.unwrap();
        (done.outcome, done.receipt)
    };
    let mixed = user(&[
        ("original", &media_url("original", 1)),
        ("thumb", &media_url("thumb", 1)),
        ("icon", &media_url("icon", 9)),
    ]);
    assert_eq!(outcome(Some(receipt_of(1)), user_of(1)), (Outcome::Unchanged, Value::Null));
    assert_eq!(outcome(Some(receipt_of(1)), user_of(2)), (Outcome::Changed, Value::Null));
    assert_eq!(outcome(Some(receipt_of(1)), mixed), (Outcome::Changed, Value::Null), "the icon is another one");
    assert_eq!(outcome(Some(receipt_of(1)), user(&[])).0, Outcome::Removed);
    assert_eq!(outcome(None, user(&[])), (Outcome::Removed, Value::Null));
    assert_eq!(outcome(None, user_of(3)), (Outcome::Changed, receipt_of(3)), "what is there is told");
    assert_eq!(outcome(Some(json!({ "sha256": "0" })), user_of(3)), (Outcome::Changed, receipt_of(3)));
    let original_only = json!({ "told": { "original": media_url("original", 1) } });
    assert_eq!(outcome(Some(original_only), user_of(1)).0, Outcome::Unchanged, "the app made the others");
}

#[test]
fn a_relative_url_is_the_same_url() {
    let relative = media_url("original", 1).replace(APP, "");
    let receipt = json!({ "told": { "original": media_url("original", 1) } });
    assert_eq!(verified(Some(receipt), user(&[("original", &relative)])).result.unwrap().outcome, Outcome::Unchanged);
}

#[test]
fn answers_to_a_verification_have_their_verdicts() {
    for (answer, verdict) in [
        (message(404, "no"), Verdict::UserAbsent),
        (message(401, "no"), Verdict::Auth),
        (page(403), Verdict::Retry),
        (message(400, "no"), Verdict::Unsupported),
        (page(200), Verdict::Retry),
        (message(200, "no"), Verdict::Retry),
    ] {
        assert_eq!(failure(verified(Some(receipt_of(1)), answer)).verdict, verdict);
    }
}

#[test]
fn a_name_that_the_app_gives_a_picture_is_that_picture() {
    let done = first(user_of(5)).deliver().result.unwrap();
    assert_eq!(done.notes, ["the app shows the pictures under other URLs than it was told"]);
    assert_eq!((&done.receipt["told"], &done.receipt["shown"]), (&receipt_of(1)["told"], &receipt_of(5)["told"]));
    for (shown, outcome) in [(5, Outcome::Unchanged), (1, Outcome::Unchanged), (6, Outcome::Changed)] {
        assert_eq!(verified(Some(done.receipt.clone()), user_of(shown)).result.unwrap().outcome, outcome);
    }
}

#[test]
fn the_old_picture_is_no_other_name_for_the_new_one() {
    let ignored = first(user_of(4)).receipt(receipt_of(4)).deliver().result.unwrap();
    assert_eq!((&ignored.receipt, ignored.notes.len()), (&receipt_of(1), 0));
    assert_eq!(verified(Some(ignored.receipt), user_of(4)).result.unwrap().outcome, Outcome::Changed);
}

fn probe(answer: Response) -> Script<Staffbase> {
    open(settings()).exchange(request(Method::Get, "/users").query("limit", "1"), answer)
}

#[test]
fn a_probe_holds_nothing_that_would_work() {
    for fine in [listed(1, &[(ID, "4711")]), Response::with_json(200, &json!([])), message(400, "no")] {
        probe(fine).probe().result.unwrap();
    }
    for (answer, verdict) in [
        (message(401, "no"), Verdict::Auth),
        (message(403, "no"), Verdict::Auth),
        (page(403), Verdict::Retry),
        (page(404), Verdict::Config),
        (Response::with(301, ""), Verdict::Config),
        (page(200), Verdict::Retry),
        (Response::with(204, ""), Verdict::Retry),
        (message(429, "no"), Verdict::RateLimited),
        (page(400), Verdict::Retry),
    ] {
        assert_eq!(failure(probe(answer).probe()).verdict, verdict);
    }
}

// --- Faults ---

/// The faults that do not pass, with their verdicts at a request.
fn lasting(table: &Table, request: usize) -> Vec<(Fault, Option<Verdict>)> {
    let rows = table.rows.iter().filter(|row| row.request == request && !row.fault.passes());
    rows.map(|row| (row.fault, row.result.as_ref().err().map(|failure| failure.verdict))).collect()
}

/// The verdicts where only these differ: of a 404, and of what says nothing about token, address and time.
fn lasting_with(missing: Option<Verdict>, otherwise: Option<Verdict>) -> Vec<(Fault, Option<Verdict>)> {
    vec![
        (Fault::Status(400), otherwise),
        (Fault::Status(401), Some(Verdict::Auth)),
        (Fault::Status(403), Some(Verdict::Auth)),
        (Fault::Status(404), missing),
        (Fault::Status(413), otherwise),
        (Fault::Status(415), otherwise),
        (Fault::Redirect, Some(Verdict::Config)),
    ]
}

#[test]
fn every_fault_of_a_first_delivery_has_its_verdict() {
    let table = Faults::of(|| first(user_of(1))).deliver();
    println!("{table}");
    for request in 1..=3 {
        assert_eq!(
            lasting(&table, request),
            lasting_with(Some(Verdict::Config), Some(Verdict::ImageRejected)),
            "upload {request}"
        );
    }
    assert_eq!(lasting(&table, 4), lasting_with(Some(Verdict::UserAbsent), Some(Verdict::ImageRejected)));
}

#[test]
fn every_fault_of_a_second_attempt_has_its_verdict() {
    let anew = |script: Script<Staffbase>| {
        let script = SIZES.into_iter().fold(script, Script::uploaded_anew);
        script.exchange(update_of(2), message(400, "no")).exchange(ask_user(), message(404, "no"))
    };
    let table = Faults::of(|| second(user_of(1))).also(anew).deliver();
    println!("{table}");
    assert_eq!(lasting(&table, 1), lasting_with(Some(Verdict::UserAbsent), Some(Verdict::ImageRejected)));
}

#[test]
fn every_fault_of_a_lookup_has_its_verdict() {
    let lookup = || {
        let script = by_external_id().misses(id_memory("4711"));
        let script = script.exchange(search("4711"), entries(Some(1), &[(ID, "4711")]));
        script.remembers(id_memory("4711"), ID, SIX_HOURS).uploaded_all().exchange(update_of(1), user_of(1))
    };
    let forget = Effect::Forget { memory: id_memory("4711"), version: 7 };
    let also = |script: Script<Staffbase>| {
        let script = script.exchange(list("4711"), listed(0, &[]));
        script.expect(forget.clone(), Reply::Forget { forgotten: true })
    };
    let table = Faults::of(lookup).also(also).deliver();
    println!("{table}");
    let mut expected = lasting_with(Some(Verdict::UserAbsent), Some(Verdict::Unsupported));
    expected[0].1 = Some(Verdict::UserAbsent);
    assert_eq!(lasting(&table, 1), expected, "where there is no search, the list is asked");
}

#[test]
fn every_fault_of_a_verification_and_of_a_probe_has_its_verdict() {
    let verification = Faults::of(|| open(settings()).receipt(receipt_of(1)).exchange(ask_user(), user_of(1))).verify();
    println!("{verification}");
    assert_eq!(lasting(&verification, 1), lasting_with(Some(Verdict::UserAbsent), Some(Verdict::Unsupported)));
    let probe = Faults::of(|| probe(listed(1, &[(ID, "4711")]))).probe();
    println!("{probe}");
    assert_eq!(lasting(&probe, 1), lasting_with(Some(Verdict::Config), None));
}

// --- Settings ---

#[test]
fn it_wants_the_pictures_of_the_document() {
    let opened = open(settings()).opened().clone();
    let sizes: Vec<_> = opened.renditions.iter().map(|spec| (&*spec.name, spec.width, spec.height, spec.fit)).collect();
    let expected = [("original", 2048, 0, Fit::AtMost), ("thumb", 200, 200, Fit::Exact), ("icon", 48, 48, Fit::Exact)];
    assert_eq!(sizes, expected);
    assert_eq!(opened.renditions[0].max_bytes.map(|max| max.get()), Some(25_000_000));
    assert_eq!((opened.origins, opened.publishes), (vec![APP.to_owned()], false));
}

#[test]
fn everything_but_the_token_identifies() {
    let fingerprint = |changes: &[(&str, &str)]| open(with(changes)).opened().fingerprint.clone();
    let plain = fingerprint(&[]);
    let defaults = [("base-url", APP), ("mode", "upload"), ("urls", ""), ("user", "id"), ("sizes", "three")];
    assert_eq!(fingerprint(&defaults), plain);
    assert_eq!(fingerprint(&[("token", "secret:/other")]), plain);
    for other in [
        &[("base-url", "https://other.staffbase.com")][..],
        &[("mode", "urls")],
        &[("mode", "urls"), ("urls", "https://x/{userid}/{rendition}")],
        &[("user", "external-id")],
        &[("sizes", "original-only")],
    ] {
        assert_ne!(fingerprint(other), plain, "{other:?}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_by_their_key() {
    let check = |changes: &[(&str, &str)], begin: &str| {
        let reason = refused(changes);
        assert!(reason.starts_with(begin), "{reason}");
    };
    check(&[("base-url", "exampleapp.staffbase.com")], "`base-url`: ");
    check(&[("token", "dGhlIHRva2Vu")], "`token`: a secret is not written");
    check(&[("mode", "url")], "`mode`: unknown variant `url`");
    check(&[("user", "email")], "`user`: unknown variant `email`");
    check(&[("sizes", "two")], "`sizes`: unknown variant `two`");
    check(&[("size", "three")], "`size`: unknown field `size`");
    check(&[("urls", "https://x/{userid}/{rendition}")], "`urls`: it is for `mode = \"urls\"` only");
    let check_urls = |urls: &str, why: &str| {
        let reason = refused(&[("mode", "urls"), ("urls", urls)]);
        assert!(reason.starts_with("`urls`: ") && reason.contains(why), "{urls}: {reason}");
    };
    check_urls("cdn.example.com/{userid}/{rendition}", "does not begin with https://");
    check_urls("ftp://x/{userid}/{rendition}", "neither http nor https");
    check_urls("https://{userid}.example.com/{rendition}", "names no host");
    check_urls("https://x{userid}{rendition}", "names no host");
    check_urls("https://x/{rendition}", "lacks {userid} or {remote}");
    check_urls("https://x/{userid}", "lacks {rendition}");
    check_urls("https://x/{userid}/{rendition}/{size}", "a brace that is none of");
    check_urls("https://x/{userid}/{rendition", "lacks {rendition}");
    check_urls("https://x/{userid}/{rendition}/../a", "has a part `.` or `..`");
    check_urls("https://x/{userid}/{rendition}#a", "'#'");
    check_urls("https://x/{userid}/ä/{rendition}", "'ä'");
    check_urls(&format!("https://x/{{userid}}/{{rendition}}/{}", "x".repeat(2_000)), "more than the 2000 allowed");
    open(with(&[("mode", "urls"), ("sizes", "original-only"), ("urls", "http://x/{remote}")]));
}
