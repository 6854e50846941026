//! The plugin against scripts: no host, no instance.

use std::time::Duration;

use portraitd_sdk::message::{Effect, EffectErrorKind, Outcome, Reply};
use portraitd_sdk::script::{Fault, Faults, Played, Script, Table, rendition};
use portraitd_sdk::{Backend as _, Failure, HttpRequest, Part, Response, Secret, Text, Verdict};
use serde_json::{Value, json};

use crate::CreatorsHub;

const HUB: &str = "https://hub.example.com";
const KEPT: &str = "https://creatorshub.s3.eu-central-1.amazonaws.com/1677074922600/userAvatars/6/avatar.jpg";
const OTHER: &str = "https://creatorshub.s3.eu-central-1.amazonaws.com/1677061054831/userAvatars/6/avatar.jpg";
const PUBLISHED: &str = "https://photos.example.com/abc/avatar.jpg";

fn settings() -> Value {
    json!({ "base-url": HUB, "token": "secret:/token" })
}

fn with(keys: &[(&str, &str)]) -> Value {
    let mut settings = settings();
    for (key, value) in keys {
        settings[key] = (*value).into();
    }
    settings
}

/// The backend, for the user 6.
fn open(settings: Value) -> Script<CreatorsHub> {
    Script::open(settings).unwrap().user("6")
}

fn refused(settings: Value) -> String {
    let Failure { verdict, reason, .. } = Script::<CreatorsHub>::open(settings).err().unwrap();
    assert_eq!(verdict, Verdict::Config, "{reason}");
    reason
}

fn with_token(request: HttpRequest) -> HttpRequest {
    request.header("Authorization", Text::from("Bearer ").then(&Secret::handle("/token")))
}

fn put(path: &str) -> HttpRequest {
    HttpRequest::put(format!("{HUB}/api/public/user/{path}"))
}

fn set_file(path: &str) -> HttpRequest {
    with_token(put(path).multipart([Part::file("avatar", "avatar.jpg", &rendition("avatar"))]))
}

fn set_url(path: &str) -> HttpRequest {
    with_token(put(path).json(json!({ "avatarUrl": PUBLISHED })))
}

fn ask(path: &str) -> HttpRequest {
    with_token(HttpRequest::get(format!("{HUB}/api/public/user/{path}")))
}

fn kept() -> Response {
    Response::with_json(200, &json!({ "avatarUrl": KEPT }))
}

fn published(script: Script<CreatorsHub>) -> Script<CreatorsHub> {
    let effect = Effect::Publish { rendition: "avatar".into() };
    script.expect(effect, Reply::Publish { url: PUBLISHED.into() })
}

fn page(status: u16) -> Response {
    Response::with(status, "<!DOCTYPE html><title>A front</title>").and_header("content-type", "text/html")
}

/// A delivery in the default mode that is answered like this.
fn delivered(reply: Response) -> Played {
    open(settings()).exchange(set_file("6/updateAvatarFile"), reply).deliver()
}

fn failure(reply: Response) -> Failure {
    delivered(reply).result.unwrap_err()
}

#[test]
fn each_mode_and_each_style_of_paths_has_its_call() {
    let bytes = |path| with_token(put(path).rendition(&rendition("avatar")));
    for (mode, paths, request) in [
        ("file", "user", set_file("6/updateAvatarFile")),
        ("file", "profile", set_file("6/profile/updateAvatarFile")),
        ("url", "user", set_url("6/avatar")),
        ("url", "profile", set_url("6/profile/avatar")),
        ("bytes", "user", bytes("6/avatarBytes")),
        ("bytes", "profile", bytes("6/profile/updateAvatarBytes")),
    ] {
        let script = open(with(&[("mode", mode), ("paths", paths)]));
        let publishes = script.opened().publishes;
        assert_eq!(publishes, mode == "url");
        let script = if publishes { published(script) } else { script };
        let done = script.exchange(request, kept()).deliver().result.unwrap();
        assert_eq!((done.outcome, done.receipt), (Outcome::Changed, json!({ "avatarUrl": KEPT })), "{mode}, {paths}");
    }
}

#[test]
fn only_a_number_in_its_only_form_is_a_user() {
    let digits = "123456789012345";
    let exact = set_file(&format!("{digits}/updateAvatarFile"));
    open(settings()).remote(digits).exchange(exact, kept()).deliver().result.unwrap();
    let endless = "6".repeat(10_000);
    let names = [
        "",
        " ",
        "me",
        "ME",
        "Me",
        "me ",
        "0",
        "00",
        "006",
        "06",
        "-6",
        "+6",
        "6.0",
        "6e0",
        "0x6",
        " 6",
        "6 ",
        "6\n",
        "\t6",
        "６",
        "٦",
        "6/../7",
        "6/7",
        "../6",
        "..",
        "6?x=7",
        "6#7",
        "6%2F7",
        "6;7",
        "6\0",
        "6,7",
        "ada",
        "NaN",
        "null",
        "1e3",
        "1234567890123456",
        &endless,
    ];
    for name in names {
        let played = open(settings()).remote(name).deliver();
        assert_eq!(played.effects, [], "{name:?}");
        let Failure { verdict, reason, hint, .. } = played.result.unwrap_err();
        assert_eq!(verdict, Verdict::UserAbsent, "{name:?}");
        assert!(reason.ends_with("is no user id of CreatorsHub: that is a number, such as 6"), "{reason}");
        assert!(reason.len() < 300 && !reason.contains(char::is_control), "{reason}");
        assert!(hint.unwrap().contains("`users`"));
        let verified = open(settings()).remote(name).verify();
        assert_eq!((verified.effects, verified.result.unwrap_err().verdict), (vec![], Verdict::UserAbsent), "{name:?}");
    }
}

#[test]
fn nothing_is_published_for_a_name_that_is_no_user() {
    let played = open(with(&[("mode", "url")])).remote("me").deliver();
    assert_eq!((played.effects, played.result.unwrap_err().verdict), (vec![], Verdict::UserAbsent));
}

#[test]
fn without_a_publisher_the_mode_cannot_work() {
    let effect = Effect::Publish { rendition: "avatar".into() };
    let nothing = Reply::error(EffectErrorKind::NotFound, "nothing is published here");
    let played = open(with(&[("mode", "url")])).expect(effect, nothing).deliver();
    assert_eq!(played.result.unwrap_err().verdict, Verdict::Config);
}

#[test]
fn only_an_address_without_an_error_is_done() {
    for reply in [
        page(200),
        Response::with(200, ""),
        Response::with(204, ""),
        Response::with(200, "{\"avatarUrl\":\"https://creat"),
        Response::with_json(200, &json!({})),
        Response::with_json(200, &json!([KEPT])),
        Response::with_json(200, &json!(KEPT)),
        Response::with_json(200, &json!({ "avatarUrl": null })),
        Response::with_json(200, &json!({ "avatarUrl": "" })),
        Response::with_json(200, &json!({ "avatarUrl": 6 })),
        Response::with_json(200, &json!({ "avatarUrl": [KEPT] })),
        Response::with_json(200, &json!({ "avatarUrl": format!("https://{}", "x".repeat(20_000)) })),
        Response::with_json(200, &json!({ "avatarUrl": null, "error": "no such user" })),
        Response::with_json(200, &json!({ "avatarUrl": KEPT, "error": "not stored" })),
        Response::with_json(200, &json!({ "avatarUrl": KEPT, "error": {} })),
        Response::with_json(200, &json!({ "avatarUrl": KEPT, "error": false })),
    ] {
        assert_eq!(failure(reply.clone()).verdict, Verdict::Retry, "{reply:?}");
    }
    // The order API of the same documentation says so of every success.
    let played = delivered(Response::with_json(200, &json!({ "avatarUrl": KEPT, "error": null })));
    assert_eq!(played.result.unwrap().outcome, Outcome::Changed);
    delivered(Response::with_json(201, &json!({ "avatarUrl": KEPT }))).result.unwrap();
}

#[test]
fn statuses_have_their_verdicts() {
    let error = |status| Response::with_json(status, &json!({ "error": "no" }));
    for (reply, verdict) in [
        (error(400), Verdict::ImageRejected),
        (page(400), Verdict::Retry),
        (error(401), Verdict::Auth),
        (error(403), Verdict::Auth),
        (page(403), Verdict::Retry),
        (error(404), Verdict::UserAbsent),
        (page(404), Verdict::UserAbsent),
        (error(405), Verdict::Config),
        (Response::with(407, ""), Verdict::Config),
        (Response::with(301, "").and_header("location", "https://other.example.com"), Verdict::Config),
        (Response::with(408, ""), Verdict::Retry),
        (error(409), Verdict::ImageRejected),
        (page(413), Verdict::ImageRejected),
        (error(415), Verdict::ImageRejected),
        (error(422), Verdict::ImageRejected),
        (error(429), Verdict::RateLimited),
        (error(500), Verdict::Retry),
        (page(502), Verdict::Retry),
        (error(503), Verdict::Retry),
    ] {
        let failure = failure(reply.clone());
        assert_eq!(failure.verdict, verdict, "{reply:?} became {failure}");
    }
    let told = failure(error(429).and_retry_after(Duration::from_secs(30)));
    assert_eq!(told.after_ms, Some(30_000));
}

#[test]
fn what_a_person_may_do_is_told() {
    let hint = |status| failure(Response::with_json(status, &json!({ "error": "no" }))).hint.unwrap();
    assert!(hint(401).contains("make a new token"));
    assert!(hint(403).contains("a master token"));
    assert!(hint(404).contains("`paths`"));
    assert!(hint(405).contains("`paths`"));
    assert!(hint(302).contains("`base-url`"));
    let url = published(open(with(&[("mode", "url")])));
    let no = Response::with_json(400, &json!({ "error": "could not download" }));
    let failure = url.exchange(set_url("6/avatar"), no).deliver().result.unwrap_err();
    assert_eq!(failure.verdict, Verdict::ImageRejected);
    assert!(failure.hint.unwrap().contains("`publish.url`"));
}

/// What `verify` makes of an answer, with this receipt.
fn verified(reply: Response, receipt: Option<Value>) -> (Outcome, Value) {
    let script = open(settings()).exchange(ask("6/avatar"), reply);
    let script = receipt.into_iter().fold(script, Script::receipt);
    let done = script.verify().result.unwrap();
    (done.outcome, done.receipt)
}

#[test]
fn a_picture_is_known_by_its_address() {
    let receipt = |url: &str| Some(json!({ "avatarUrl": url }));
    assert_eq!(verified(kept(), receipt(KEPT)), (Outcome::Unchanged, Value::Null));
    assert_eq!(verified(kept(), receipt(OTHER)), (Outcome::Changed, Value::Null));
    assert_eq!(verified(kept(), None), (Outcome::Changed, json!({ "avatarUrl": KEPT })));
    let profile = open(with(&[("paths", "profile")])).receipt(json!({ "avatarUrl": KEPT }));
    let done = profile.exchange(ask("6/profile/avatar"), kept()).verify().result.unwrap();
    assert_eq!(done.outcome, Outcome::Unchanged);
}

#[test]
fn every_form_of_no_picture_is_understood() {
    for reply in [
        Response::with_json(200, &json!({ "avatarUrl": null })),
        Response::with_json(200, &json!({ "avatarUrl": "" })),
        Response::with_json(200, &json!({})),
        Response::with_json(404, &json!({ "error": "no avatar" })),
        Response::with(404, ""),
        Response::with(204, ""),
    ] {
        for receipt in [None, Some(json!({ "avatarUrl": KEPT }))] {
            assert_eq!(verified(reply.clone(), receipt), (Outcome::Removed, Value::Null), "{reply:?}");
        }
    }
}

#[test]
fn who_cannot_be_asked_is_not_told() {
    for (reply, verdict) in [
        (page(404), Verdict::UserAbsent),
        (Response::with_json(405, &json!({})), Verdict::Unsupported),
        (Response::with_json(400, &json!({})), Verdict::Unsupported),
        (Response::with_json(401, &json!({})), Verdict::Auth),
        (page(200), Verdict::Retry),
        (Response::with_json(200, &json!({ "avatarUrl": KEPT, "error": "no" })), Verdict::Retry),
        (Response::with_json(200, &json!({ "avatarUrl": 6 })), Verdict::Retry),
        (Response::with(500, ""), Verdict::Retry),
    ] {
        let played = open(settings()).exchange(ask("6/avatar"), reply.clone()).verify();
        assert_eq!(played.result.unwrap_err().verdict, verdict, "{reply:?}");
    }
}

/// The faults that do not pass, with their verdicts at the only request.
fn lasting(table: &Table) -> Vec<(Fault, Verdict)> {
    let rows = table.rows.iter().filter(|row| !row.fault.passes());
    rows.filter_map(|row| Some((row.fault, row.result.as_ref().err()?.verdict))).collect()
}

#[test]
fn every_fault_has_its_verdict() {
    let lasting_are = |other| {
        vec![
            (Fault::Status(400), other),
            (Fault::Status(401), Verdict::Auth),
            (Fault::Status(403), Verdict::Auth),
            (Fault::Status(404), Verdict::UserAbsent),
            (Fault::Status(413), other),
            (Fault::Status(415), other),
            (Fault::Redirect, Verdict::Config),
        ]
    };
    for mode in ["file", "url", "bytes"] {
        let table = Faults::of(|| match mode {
            "file" => open(settings()).exchange(set_file("6/updateAvatarFile"), kept()),
            "url" => published(open(with(&[("mode", "url")]))).exchange(set_url("6/avatar"), kept()),
            _ => {
                let request = with_token(put("6/avatarBytes").rendition(&rendition("avatar")));
                open(with(&[("mode", "bytes")])).exchange(request, kept())
            }
        })
        .deliver();
        println!("{mode}\n{table}");
        assert_eq!(lasting(&table), lasting_are(Verdict::ImageRejected), "{mode}");
    }
    let asked = || open(settings()).receipt(json!({ "avatarUrl": KEPT })).exchange(ask("6/avatar"), kept());
    let table = Faults::of(asked).verify();
    println!("verify\n{table}");
    let mut expected = lasting_are(Verdict::Unsupported);
    // Not found is no picture.
    expected.retain(|(fault, _)| *fault != Fault::Status(404));
    assert_eq!(lasting(&table), expected);
}

#[test]
fn it_wants_one_square_and_calls_one_origin() {
    let opened = open(with(&[("base-url", "https://example.com:8443/hub/")])).opened().clone();
    let sizes: Vec<_> = opened.renditions.iter().map(|spec| (spec.name.as_str(), spec.width, spec.height)).collect();
    assert_eq!(sizes, [("avatar", 512, 512)]);
    assert_eq!(opened.origins, ["https://example.com:8443"]);
    assert!(!opened.folds_case);
}

#[test]
fn only_the_address_identifies() {
    let fingerprint = |keys: &[(&str, &str)]| open(with(keys)).opened().fingerprint.clone();
    let plain = fingerprint(&[]);
    assert_ne!(fingerprint(&[("base-url", "https://hub2.example.com")]), plain);
    assert_eq!(fingerprint(&[("token", "secret:/other")]), plain);
    assert_eq!(fingerprint(&[("paths", "profile")]), plain);
    for mode in CreatorsHub::MODES {
        assert_eq!(fingerprint(&[("mode", mode)]), plain);
    }
}

#[test]
fn settings_that_cannot_work_are_refused_by_their_key() {
    assert!(refused(with(&[("base-url", "hub.example.com")])).starts_with("`base-url`: "));
    assert!(refused(with(&[("token", "eyJhbGciOi")])).starts_with("`token`: a secret is not written"));
    assert!(refused(with(&[("mode", "form")])).starts_with("`mode`: unknown variant `form`"));
    assert!(refused(with(&[("paths", "v2")])).starts_with("`paths`: unknown variant `v2`"));
    assert!(refused(with(&[("user", "me")])).starts_with("`user`: unknown field `user`"));
}

/// A delivery as `portraitd plugins try --record` writes it down.
const RECORDED: &str = concat!(
    r#"{"portraitd-recording":1,"plugin":"creatorshub","version":"0.1.0","open":{"backend":"hub","settings":"#,
    r#"{"base-url":"https://hub.example.com","token":"secret:/token"},"host-version":"0.1.0","caps":["http","publish"]},"#,
    r#""start":{"op":"deliver","user":{"id":"6","remote":"6"},"photo":{"digest":"00","renditions":[{"name":"avatar","#,
    r#""mime":"image/jpeg","width":512,"height":512,"len":48211,"sha256":"77","blob":0}]},"attempt":1,"#,
    r#""idempotency-key":"k","deadline-ms":1767225660000,"now-ms":1767225600000,"seed":7}}"#,
    "\n",
    r#"{"answer":{"need":{"effects":[{"id":1,"effect":{"http":{"method":"PUT","#,
    r#""url":"https://hub.example.com/api/public/user/6/updateAvatarFile","headers":[{"name":"Authorization","#,
    r#""value":[{"plain":"Bearer "},{"secret":"secret:/token"}]}],"body":{"multipart":[{"name":"avatar","#,
    r#""file-name":"avatar.jpg","content":{"rendition":{"rendition":"avatar"}}}]}}}}]}}}"#,
    "\n",
    r#"{"results":[{"id":1,"reply":{"http":{"status":200,"headers":[{"name":"content-type","value":"application/json"}],"#,
    r#""blob":0}},"body":{"text":"{\"avatarUrl\":\"https://s3.example.com/1/userAvatars/6/avatar.jpg\"}"}}],"#,
    r#""now-ms":1767225600025}"#,
    "\n",
    r#"{"answer":{"done":{"outcome":"changed","receipt":{"avatarUrl":"https://s3.example.com/1/userAvatars/6/avatar.jpg"}}}}"#,
);

#[test]
fn a_recorded_delivery_plays_back() {
    let done = Script::<CreatorsHub>::replay(RECORDED).unwrap();
    let url = "https://s3.example.com/1/userAvatars/6/avatar.jpg";
    assert_eq!((done.outcome, &done.receipt), (Outcome::Changed, &json!({ "avatarUrl": url })));
}
