//! The simulator of Igloo against a raw client that keeps its rules once and breaks each once. Nothing here runs portraitd.
//! What every simulator has from its frame (HTTP, faults of the wire) is tried at that of Rocket.Chat.
//!
//! Marks: `seed` is the vendor's page "Profile Photos", by its headings, `BACKENDS` the notes on what else is publicly known,
//! by section; where a refusal is marked so, the rule stands there and the status is a guess, for no errors are published.

use std::net::SocketAddr;

use serde_json::json;

use crate::{
    raw::{Draft, Told, Wire},
    rules::{self, Broken},
    simulators::{
        faults::{Fault, When},
        igloo::{APP_ID, APP_PASSWORD, CALLER, COMMUNITY, Call, Counts, Entries, Igloo, Location, PASSWORD, USERNAME},
    },
};

const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 a picture of 30 bytes! \xff\xd9";
const ADA: &str = "4d0f2a1c-0000-4000-8000-0000000000aa";
const BOB: &str = "4d0f2a1c-0000-4000-8000-0000000000bb";

/// A workplace with two members beside the caller, and a session there.
struct Stage {
    igloo: Igloo,
    session: String,
}

impl Stage {
    fn new() -> Self {
        let igloo = Igloo::start();
        igloo.add_member(ADA, "ada@example.com");
        igloo.add_member(BOB, "bob@example.com");
        let mut stage = Self { igloo, session: String::new() };
        stage.log_in();
        stage
    }

    fn log_in(&mut self) {
        self.session = self.tell(&login_v2()).json()["TokenId"].as_str().unwrap().to_owned();
    }

    fn address(&self) -> SocketAddr {
        self.igloo.url().strip_prefix("http://").unwrap().parse().unwrap()
    }

    fn tell(&self, draft: &Draft) -> Told {
        Wire::connect(self.address()).unwrap().exchange(&draft.bytes()).unwrap()
    }

    /// A request within the session.
    fn draft(&self, line: &str, body: &[u8]) -> Draft {
        let cookie = format!("Cookie: iglooauth={}", self.session);
        let lines = [&format!("{line} HTTP/1.1"), "Host: workplace.example.com", "Accept: application/json", &cookie];
        Draft::new(&lines, body)
    }

    fn create(&self) -> Draft {
        let body = json!({ "ContentLength": PICTURE.len(), "ContentType": "image/jpg", "Name": "photo.jpg" });
        let line = format!("POST /.api2/api/v1/communities/{COMMUNITY}/attachments");
        self.draft(&line, body.to_string().as_bytes()).with_line("Content-Type: application/json")
    }

    /// A part of the picture.
    fn upload(&self, key: &str, first: usize, end: usize) -> Draft {
        let line = format!("PATCH /.api2/api/v1/communities/{COMMUNITY}/attachments/uploads/{key}");
        self.draft(&line, &PICTURE[first..end])
            .with_line(&format!("Content-Range: bytes {first}-{}/{}", end - 1, PICTURE.len()))
            .with_line("Content-Type: image/jpg")
    }

    fn whole(&self, key: &str) -> Draft {
        self.upload(key, 0, PICTURE.len())
    }

    fn question(&self, key: &str) -> Draft {
        let range = format!("bytes */{}", PICTURE.len());
        let whole = self.whole(key);
        Draft { body: Vec::new(), ..whole.in_head(&format!("bytes 0-{}/{}", PICTURE.len() - 1, PICTURE.len()), range) }
    }

    fn associate(&self, key: &str, user: &str) -> Draft {
        let path = format!("/.api2/api/v1/communities/{COMMUNITY}/attachments/{key}/association/{user}");
        self.draft(&format!("POST {path}?type=ProfilePhoto"), b"")
    }

    fn search(&self, query: &str) -> Draft {
        self.draft(&format!("GET /.api/api.svc/search/members?{query}"), b"")
    }

    /// The key of a new entry.
    fn entry(&self) -> String {
        let told = self.tell(&self.create());
        assert_eq!(told.status, 201, "{}", told.text());
        told.header("location").expect("[seed: a location value in the headers]").rsplit('/').next().unwrap().to_owned()
    }

    /// The key of an entry that holds the picture.
    fn uploaded(&self) -> String {
        let key = self.entry();
        assert_eq!(self.tell(&self.whole(&key)).status, 200);
        key
    }

    fn found(&self, query: &str) -> Vec<String> {
        let told = self.tell(&self.search(query)).json();
        let hits = told["response"]["value"]["hit"].as_array().expect("[BACKENDS 3d]").clone();
        assert_eq!(told["response"]["value"]["count"], hits.len());
        hits.iter().map(|hit| hit["email"].as_str().unwrap().to_owned()).collect()
    }
}

fn login_v2() -> Draft {
    let body = json!({
        "AppId": APP_ID, "AppPassword": APP_PASSWORD, "UserName": USERNAME, "UserPassword": PASSWORD,
        "instance": 0, "version": 1,
    });
    let lines = [
        "POST /.api2/api/Session/Create HTTP/1.1",
        "Host: workplace.example.com",
        "Accept: application/json",
        "Content-Type: application/json",
    ];
    Draft::new(&lines, body.to_string().as_bytes())
}

const FORM: &str = "appId=4d563f6e-b9c4-4372-9114-4130a6075dce&appPass=app-9HqLlyZOugoStsXCUfD&apiversion=1\
                    &username=portraitd%40example.com&password=Pass-0YdwnNnunAJF8V47U3QH&community=workplace.example.com";

fn login_v1() -> Draft {
    let lines = [
        "POST /.api/api.svc/session/create HTTP/1.1",
        "Host: workplace.example.com",
        "Accept: application/json",
        "Content-Type: application/x-www-form-urlencoded",
    ];
    Draft::new(&lines, FORM.as_bytes())
}

#[test]
fn either_login_opens_a_session() {
    let mut stage = Stage::new();
    assert_eq!((stage.igloo.login_attempts(), stage.igloo.logins()), (1, 1));
    let by_query =
        Draft { body: Vec::new(), ..login_v1().in_head("create", format!("create?{FORM}")).without("Content-Type") };
    let bare_host = login_v1().in_head("workplace.example.com", "workplace.example.com:8443");
    for (what, login) in [("a form", login_v1()), ("the query", by_query), ("a port", bare_host)] {
        let told = stage.tell(&login).json();
        assert!(told.get("exception").is_none(), "{what}");
        stage.session = told["response"]["sessionKey"].as_str().expect("[BACKENDS 3a: v1]").to_owned();
        for cookie in ["iglooauth", "iglooAuth"] {
            let asked = stage.search("q=ada").in_head("iglooauth", cookie);
            assert_eq!(stage.tell(&asked).json()["response"]["name"], "results", "{what}: {cookie} [BACKENDS 3a]");
        }
    }
    let xml = stage.tell(&login_v1().without("Accept"));
    assert!(xml.text().starts_with("<Response>"), "[BACKENDS 3a: the default reply is XML]");
    assert_eq!((stage.igloo.login_attempts(), stage.igloo.logins()), (5, 5));
}

#[test]
fn a_login_that_is_switched_off_is_not_there() {
    let stage = Stage::new();
    stage.igloo.set_errors_in_200(false);
    for (v1, v2) in [(true, false), (false, true)] {
        stage.igloo.set_logins(v1, v2);
        assert_eq!(stage.tell(&login_v1()).status == 200, v1);
        assert_eq!(stage.tell(&login_v2()).status == 200, v2);
    }
    assert_eq!(stage.igloo.login_attempts(), 3, "what is not there is no attempt");
}

#[test]
fn each_rule_of_a_login_is_kept_up() {
    let stage = Stage::new();
    stage.igloo.set_errors_in_200(false);
    let v2 = |from: &str, to: &str| login_v2().in_body(from, to).bytes();
    let v1 = |from: &str, to: &str| login_v1().in_body(from, to).bytes();
    let rules: [Broken; 22] = [
        ("v2: the method", "BACKENDS 3a", login_v2().in_head("POST", "PUT").bytes(), (404, "no such call")),
        ("v2: the path", "BACKENDS 3a", login_v2().in_head("Create", "create").bytes(), (404, "no such call")),
        ("v2: no query", "BACKENDS 3a", login_v2().in_head("Create", "Create?a=b").bytes(), (404, "no such call")),
        (
            "v2: JSON",
            "BACKENDS 3a",
            login_v2().in_head("Content-Type: application/json", "Content-Type: text/plain").bytes(),
            (415, "application/json"),
        ),
        ("v2: strict JSON", "RFC 8259", v2("}", ",}"), (400, "no JSON object")),
        ("v2: an app id", "BACKENDS 3a", v2("AppId", "appId"), (422, "AppId")),
        ("v2: a GUID as app id", "BACKENDS 3b", v2(APP_ID, "portraitd"), (422, "appId")),
        ("v2: the app password", "BACKENDS 3a", v2(APP_PASSWORD, "x"), (401, "credentials")),
        ("v2: the user", "BACKENDS 3a", v2(USERNAME, "x"), (401, "credentials")),
        ("v2: the password", "BACKENDS 3a", v2(PASSWORD, "x"), (401, "credentials")),
        ("v2: instance 0", "BACKENDS 3a", v2("\"instance\":0", "\"instance\":1"), (422, "instance")),
        ("v2: version 1", "BACKENDS 3a", v2("\"version\":1", "\"version\":\"1\""), (422, "version")),
        ("v2: no other field", "BACKENDS 3a", v2("{", "{\"a\":1,"), (400, "no login has")),
        ("v1: a form", "BACKENDS 3a", login_v1().in_head("x-www-form-urlencoded", "json").bytes(), (400, "in a form")),
        ("v1: each field once", "BACKENDS 3a", v1("apiversion=1", "apiversion=1&apiversion=1"), (400, "twice")),
        ("v1: whole encoding", "RFC 3986 2.1", v1("%40", "%"), (400, "encoded")),
        ("v1: apiversion 1", "BACKENDS 3a", v1("apiversion=1", "apiversion=2"), (422, "apiversion")),
        ("v1: a domain", "BACKENDS 3a", v1("&community=", "&community=https://"), (422, "community")),
        ("v1: an app password", "BACKENDS 3a", v1("appPass", "AppPassword"), (422, "appPass")),
        ("v1: a GUID as app id", "BACKENDS 3b", v1(APP_ID, "portraitd"), (422, "appId")),
        ("v1: the password", "BACKENDS 3a", v1(PASSWORD, "x"), (401, "credentials")),
        ("v1: no other field", "BACKENDS 3a", v1("apiversion=1", "apiversion=1&a=b"), (400, "no login has")),
    ];
    rules::refuse_all(&stage.igloo, &rules, |igloo| igloo.logins() != 1);
    assert_eq!(stage.igloo.login_attempts(), 1 + rules.len() - 3);
}

#[test]
fn the_first_interface_says_errors_under_status_200() {
    let stage = Stage::new();
    let told = stage.tell(&login_v1().in_body(APP_ID, "portraitd"));
    let body = told.json();
    assert_eq!((told.status, &body["response"]), (200, &json!(null)), "[BACKENDS 3b: v1 errors]");
    let exception = &body["exception"];
    assert_eq!((&exception["statusCode"], &exception["type"]), (&json!(422), &json!("Validation_ReportInvalidInput")));
    assert_eq!(exception["errorList"][0]["type"], "Validation_ParameterInvalid");
    assert_eq!(exception["errorList"][0]["dataTokens"][0]["value"], "appId");
}

#[test]
fn a_photo_is_set_by_three_calls() {
    let stage = Stage::new();
    let path = |key: &str| format!("/.api2/api/v1/communities/{COMMUNITY}/attachments/uploads/{key}");
    for (form, told) in [
        (Location::Rooted, &path as &dyn Fn(&str) -> String),
        (Location::Absolute, &|key: &str| format!("http://workplace.example.com{}", path(key))),
        (Location::Bare, &str::to_owned),
    ] {
        stage.igloo.set_location(form);
        let created = stage.tell(&stage.create());
        let location = created.header("location").unwrap();
        let key = location.rsplit('/').next().unwrap();
        assert_eq!((created.status, location), (201, told(key).as_str()), "[BACKENDS 3b]");
        assert!(key.len() == 10 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "[seed: 10 character code]");
        let uploaded = stage.tell(&stage.whole(key)).json();
        assert_eq!(
            (&uploaded["key"], &uploaded["contentLength"]),
            (&json!(key), &json!(PICTURE.len())),
            "[BACKENDS 3b]"
        );
        assert_eq!(uploaded["isProfilePhoto"], false);
        assert_eq!(stage.tell(&stage.associate(key, &ADA.to_uppercase())).status, 200);
        assert_eq!(stage.igloo.picture(ADA).as_deref(), Some(PICTURE));
    }
    let pictures: Vec<_> = stage.igloo.pictures().into_keys().collect();
    assert_eq!(pictures, [ADA]);
    assert_eq!(stage.igloo.entries(), Entries { made: 3, complete: 3, pictures: 1, orphans: 0 });
    let seen = stage.igloo.seen();
    let last = seen.last().unwrap();
    assert_eq!((last.method.as_str(), last.user.as_deref()), ("POST", Some(ADA)));
    assert!(seen.iter().any(|seen| seen.method == "PATCH" && seen.picture.is_some()));
}

#[test]
fn parts_are_appended_and_counted_where_that_is_told() {
    let stage = Stage::new();
    for counts in [Counts::Untold, Counts::Told] {
        stage.igloo.set_counts(counts);
        let key = stage.entry();
        let asked = |held: usize| {
            let told = stage.tell(&stage.question(&key));
            match counts {
                Counts::Untold => assert_eq!(told.status, 400),
                Counts::Told => {
                    let range = (held > 0).then(|| format!("bytes=0-{}", held - 1));
                    assert_eq!((told.status, told.header("range")), (308, range.as_deref()), "[BACKENDS 3a: status]");
                }
            }
        };
        asked(0);
        for (first, end) in [(0, 10), (10, 11)] {
            let told = stage.tell(&stage.upload(&key, first, end));
            assert_eq!(told.status, if counts == Counts::Told { 308 } else { 200 }, "[seed: resume]");
            asked(end);
        }
        assert_eq!(stage.tell(&stage.associate(&key, ADA)).status, 409, "not complete [BACKENDS 5]");
        assert_eq!(stage.tell(&stage.upload(&key, 11, PICTURE.len())).json()["key"], key.as_str());
        asked(PICTURE.len());
        assert_eq!(stage.tell(&stage.associate(&key, ADA)).status, 200);
    }
}

#[test]
fn each_rule_of_an_entry_is_kept_up() {
    let stage = Stage::new();
    let create = |from: &str, to: &str| stage.create().in_body(from, to).bytes();
    let head = |from: &str, to: &str| stage.create().in_head(from, to).bytes();
    rules::refuse_all(
        &stage.igloo,
        &[
            ("a session", "seed: prerequisites", stage.create().without("Cookie").bytes(), (401, "no session")),
            ("a session that is", "seed: prerequisites", head(&stage.session, "x"), (401, "no session")),
            ("the cookie's name", "BACKENDS 3a", head("iglooauth", "session"), (401, "no session")),
            ("the method", "seed: POST", head("POST", "PUT"), (404, "no such call")),
            ("the community", "seed: communityKey", head(&COMMUNITY.to_string(), "10"), (404, "no such call")),
            ("no query", "seed: endpoint", head("attachments", "attachments?a=b"), (404, "no such call")),
            ("a type", "BACKENDS 3a: JSON", stage.create().without("Content-Type").bytes(), (415, "application/json")),
            ("strict JSON", "RFC 8259", create("}", ",}"), (400, "no JSON object")),
            ("a length", "seed: body", create("ContentLength", "contentLength"), (400, "ContentLength")),
            ("an integer", "seed: body", create(":30", ":\"30\""), (400, "ContentLength")),
            ("some bytes", "seed: body", create(":30", ":0"), (400, "ContentLength")),
            ("a media type", "seed: body", create("ContentType", "contentType"), (400, "ContentType")),
            ("a listed type", "seed: accepts", create("image/jpg", "image/jpeg"), (415, "not in the list")),
            ("a name", "seed: body", create("photo.jpg", ""), (400, "Name")),
            ("no other field", "seed: body", create("{", "{\"a\":1,"), (400, "no entry has")),
        ],
        |igloo| igloo.entries().made > 0,
    );
}

#[test]
fn each_rule_of_an_upload_is_kept_up() {
    let stage = Stage::new();
    let key = stage.entry();
    assert_eq!(stage.tell(&stage.upload(&key, 0, 10)).status, 200);
    let rest = || stage.upload(&key, 10, PICTURE.len());
    let head = |from: &str, to: &str| rest().in_head(from, to).bytes();
    let range = |to: &str| head("bytes 10-29/30", to);
    let chunked = rest().chunked();
    let html = Draft { body: b"<!DOCTYPE html><p>!!".to_vec(), ..rest() };
    let rules: [Broken; 23] = [
        ("a session", "seed: prerequisites", rest().without("Cookie").bytes(), (401, "no session")),
        ("the method", "seed: PATCH", head("PATCH", "PUT"), (404, "no such call")),
        ("the path", "seed: endpoint", head("/uploads/", "/"), (404, "no such call")),
        ("a known key", "seed: attachmentKey", head(&key, "5GQFODh5bI"), (404, "no such entry")),
        ("its case", "seed: attachmentKey", head(&key, &key.to_lowercase()), (404, "no such entry")),
        ("a range", "seed: headers", rest().without("Content-Range").bytes(), (400, "no Content-Range")),
        ("a length", "seed: headers", chunked, (411, "no Content-Length")),
        ("a type", "seed: headers", rest().without("Content-Type").bytes(), (415, "not in the list")),
        ("a listed type", "seed: accepts", head("image/jpg", "image/jpeg"), (415, "not in the list")),
        ("the entry's type", "seed: headers", head("image/jpg", "image/png"), (415, "not that of the entry")),
        ("the unit", "BACKENDS 3a", range("octets 10-29/30"), (400, "another form")),
        ("its case", "BACKENDS 3a", range("Bytes 10-29/30"), (400, "another form")),
        ("one space", "BACKENDS 3a", range("bytes  10-29/30"), (400, "another form")),
        ("no equals sign", "BACKENDS 3a", range("bytes=10-29/30"), (400, "another form")),
        ("no space within", "BACKENDS 3a", range("bytes 10 - 29/30"), (400, "another form")),
        ("digits", "BACKENDS 3a", range("bytes +10-29/30"), (400, "another form")),
        ("a total", "BACKENDS 3a", range("bytes 10-29/*"), (400, "another form")),
        ("the entry's total", "BACKENDS 3a", range("bytes 10-29/31"), (416, "not the ContentLength")),
        ("from where it ends", "BACKENDS 3a: resume", range("bytes 9-28/30"), (416, "where the entry ends")),
        ("and not from 0", "BACKENDS 3a: resume", stage.whole(&key).bytes(), (416, "where the entry ends")),
        ("the body's range", "BACKENDS 3a", range("bytes 10-28/30"), (416, "not that of the body")),
        ("within the total", "BACKENDS 3a", range("bytes 10-30/30"), (416, "not that of the body")),
        ("in order", "BACKENDS 3a", range("bytes 10-9/30"), (416, "not that of the body")),
    ];
    rules::refuse_all(&stage.igloo, &rules, |igloo| igloo.entries().complete > 0);
    assert_eq!(stage.tell(&html).status, 415, "a picture of that type [seed: accepts]");
    let full = stage.uploaded();
    assert_eq!(stage.tell(&stage.whole(&full)).status, 416, "[BACKENDS 3g: extra PATCH]");
}

#[test]
fn each_rule_of_an_association_is_kept_up() {
    let stage = Stage::new();
    let (key, unfinished) = (stage.uploaded(), stage.entry());
    let right = || stage.associate(&key, ADA);
    let head = |from: &str, to: &str| right().in_head(from, to).bytes();
    let with_body = Draft { body: b"{}".to_vec(), ..right() };
    let without_length = [&right().head[..], b"\r\n"].concat();
    rules::refuse_all(
        &stage.igloo,
        &[
            ("a session", "seed: prerequisites", right().without("Cookie").bytes(), (401, "no session")),
            ("the method", "seed: POST", head("POST", "PATCH"), (404, "no such call")),
            ("the community", "seed: communityKey", head(&COMMUNITY.to_string(), "10"), (404, "no such call")),
            ("a type", "seed: params", head("?type=ProfilePhoto", ""), (400, "not ProfilePhoto")),
            ("this type", "seed: params", head("ProfilePhoto", "profilephoto"), (400, "not ProfilePhoto")),
            ("nothing else", "seed: params", head("ProfilePhoto", "ProfilePhoto&a=b"), (400, "not ProfilePhoto")),
            ("a length", "BACKENDS 3a", without_length, (411, "no Content-Length")),
            ("no body", "seed: association", with_body.bytes(), (400, "with a body")),
            ("a GUID", "seed: objectId", head(ADA, "ada"), (400, "no GUID")),
            ("a known user", "seed: objectId", head(ADA, APP_ID), (404, "no such user")),
            ("a known key", "seed: attachmentKey", head(&key, "5GQFODh5bI"), (404, "no such entry")),
            ("a whole upload", "BACKENDS 5", head(&key, &unfinished), (409, "not complete")),
        ],
        |igloo| !igloo.pictures().is_empty(),
    );
}

#[test]
fn photos_of_others_are_for_administrators() {
    let stage = Stage::new();
    stage.igloo.set_admin(false);
    let key = stage.uploaded();
    assert_eq!(stage.tell(&stage.associate(&key, ADA)).status, 403, "[seed: administrative permissions]");
    assert_eq!(stage.tell(&stage.associate(&key, CALLER)).status, 200, "[seed: the currently authenticated user]");
    assert_eq!(stage.igloo.pictures().into_keys().collect::<Vec<_>>(), [CALLER]);
}

#[test]
fn sessions_end_and_entries_go() {
    let mut stage = Stage::new();
    let key = stage.uploaded();
    stage.igloo.expire_sessions();
    assert_eq!(stage.tell(&stage.associate(&key, ADA)).status, 401, "[BACKENDS 3a: session life]");
    let told = stage.tell(&stage.search("q=ada")).json();
    assert_eq!(told["exception"]["statusCode"], 401, "[BACKENDS 3b: v1 errors]");
    stage.log_in();
    stage.igloo.lose_entries();
    assert_eq!(stage.tell(&stage.associate(&key, ADA)).status, 404, "[BACKENDS 3c]");
    assert_eq!(stage.tell(&stage.question(&key)).status, 404);
    assert_eq!(stage.igloo.entries(), Entries { made: 1, complete: 1, pictures: 1, orphans: 1 });
    stage.igloo.remove_member(BOB);
    assert_eq!(stage.tell(&stage.associate(&stage.uploaded(), BOB)).status, 404);
}

#[test]
fn an_entry_may_be_taken_later_than_it_is_complete() {
    let stage = Stage::new();
    for status in [404, 409, 425, 500] {
        stage.igloo.set_early(2, status);
        let key = stage.uploaded();
        let asked = || stage.tell(&stage.associate(&key, ADA)).status;
        assert_eq!([asked(), asked(), asked(), asked()], [status, status, 200, 200], "[BACKENDS 3c: a security scan]");
    }
}

#[test]
fn the_search_finds_more_than_was_asked_for() {
    let stage = Stage::new();
    assert_eq!(
        stage.found("q=ada%40example.com"),
        ["ada@example.com", "bob@example.com", USERNAME],
        "[BACKENDS 3d: fuzzy]"
    );
    assert_eq!(stage.found("q=BOB%40example.com&rows=1"), ["bob@example.com"]);
    assert_eq!(stage.found("q=bob%40example.com&rows=1&page=2"), ["ada@example.com"]);
    assert_eq!(stage.found(&format!("q={ADA}%2C{BOB}")), ["ada@example.com", "bob@example.com"], "[BACKENDS 3d]");
    assert_eq!(stage.found("q=*").len(), 3, "[BACKENDS 3d]");
    assert_eq!(stage.found("q=nobody"), Vec::<String>::new());
    for n in 0..20 {
        stage.igloo.add_member(&format!("4d0f2a1c-0000-4000-8000-{n:012}"), &format!("user{n}@example.com"));
    }
    assert_eq!(stage.found("q=example").len(), 10, "[BACKENDS 3d: rows]");
    stage.igloo.set_errors_in_200(false);
    for (query, words) in
        [("rows=1", ": q"), ("q=", ": q"), ("q=a&rows=0", "rows"), ("q=a&page=x", "page"), ("q=a&b=c", "no search has")]
    {
        let told = stage.tell(&stage.search(query));
        assert!(told.status >= 400 && told.text().contains(words), "{query}: {}", told.text());
    }
}

#[test]
fn whether_there_is_a_photo_is_told_and_shown() {
    let stage = Stage::new();
    let has_image = || {
        let told = stage.tell(&stage.search(&format!("q={ADA}"))).json();
        told["response"]["value"]["hit"][0]["hasImage"].as_bool().unwrap()
    };
    let download = || stage.tell(&stage.draft(&format!("GET /download-profile/{ADA}/profile/crxlarge"), b"")).body;
    assert_eq!((has_image(), download().len()), (false, 4_698), "[BACKENDS 3d]");
    assert_eq!(stage.tell(&stage.associate(&stage.uploaded(), ADA)).status, 200);
    assert_eq!((has_image(), download().as_slice()), (true, PICTURE));
    stage.igloo.remove_photo(ADA);
    assert_eq!((has_image(), stage.igloo.picture(ADA)), (false, None));
    let view = stage.tell(&stage.draft("GET /.api/api.svc/community/view", b"")).json();
    assert!(view["response"].is_object(), "[BACKENDS 3d: community key lookup]");
}

#[test]
fn a_reset_within_an_upload_keeps_what_came_or_nothing() {
    let stage = Stage::new();
    stage.igloo.set_counts(Counts::Told);
    for (fault, held) in [(Fault::ResetWithin, Some(PICTURE.len() / 2)), (Fault::ResetUnread, None)] {
        let key = stage.entry();
        stage.igloo.fault(fault, When::Next(1));
        Wire::connect(stage.address()).unwrap().exchange(&stage.whole(&key).bytes()).unwrap_err();
        let range = held.map(|held| format!("bytes=0-{}", held - 1));
        assert_eq!(stage.tell(&stage.question(&key)).header("range"), range.as_deref(), "{fault:?}");
        let rest = stage.upload(&key, held.unwrap_or_default(), PICTURE.len());
        assert_eq!(stage.tell(&rest).status, 200);
    }
    assert_eq!(stage.igloo.struck().values().sum::<usize>(), 2);
    assert_eq!(stage.igloo.entries(), Entries { made: 2, complete: 2, pictures: 1, orphans: 2 });
}

#[test]
fn its_own_faults_are_in_its_own_words() {
    let stage = Stage::new();
    let key = stage.uploaded();
    for fault in [Fault::Status(400), Fault::Status(401), Fault::Status(404), Fault::Status(500)] {
        stage.igloo.fault(fault, When::Next(1));
        assert_eq!(stage.tell(&stage.whole(&key)).json(), json!({ "message": "something went wrong" }), "{fault:?}");
    }
    stage.igloo.strike_at(Call::Search);
    stage.igloo.fault(Fault::Status(500), When::Next(1));
    let told = stage.tell(&stage.search("q=ada"));
    assert_eq!((told.status, &told.json()["exception"]["statusCode"]), (500, &json!(500)));
    stage.igloo.strike_at(Call::Associate);
    stage.igloo.fault(Fault::ErrorIn200, When::User(ADA.to_owned()));
    let told = stage.tell(&stage.associate(&key, ADA));
    assert_eq!((told.status, &told.json()["exception"]["statusCode"]), (200, &json!(500)));
    assert_eq!(stage.tell(&stage.associate(&key, BOB)).status, 200, "another user");
    stage.igloo.clear_faults();
    stage.igloo.fault(Fault::Unkept, When::Next(1));
    assert_eq!(
        (stage.tell(&stage.associate(&key, ADA)).status, stage.igloo.picture(ADA)),
        (200, None),
        "said and not done"
    );
    stage.igloo.fault_everywhere(Fault::Echo { status: 400, behind: 3 }, When::Next(2));
    assert!(stage.tell(&stage.create()).text().contains(&format!("---iglooauth={}", stage.session)));
    assert!(stage.tell(&login_v2()).text().contains(PASSWORD));
}
