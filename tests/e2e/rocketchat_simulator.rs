//! The simulator of Rocket.Chat against a raw client that keeps its rules once and breaks each once. What passes here is
//! what the stories about the backend may lean on. Nothing here runs portraitd.
//!
//! Marks: `seed` is the public page of `users.setAvatar`, `BACKENDS` the notes on what else is publicly known, by section;
//! a rule of HTTP or of forms names its RFC.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    sync::Barrier,
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use serde_json::json;

use crate::{
    raw::{BOUNDARY, Draft, Told, Wire, form},
    rules::{self, Broken},
    simulators::{
        faults::{Fault, WAIT, When},
        gallery::Gallery,
        reply::{Wait, http_date},
        rocketchat::{CALLER, Profile, RocketChat, TOKEN, USER_ID},
        simulator::Answer,
        undercut::{Undercut, Watch},
    },
    world::{SOON, wait_until},
};

const PROFILES: [Profile; 4] = [Profile::V0_68, Profile::V3, Profile::V7, Profile::V8];
const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 a picture with \r\n-- in it \xff\xd9";
const OLD: &[u8] = b"\xff\xd8\xff\xe0 the old picture \xff\xd9";
const IMAGE: &str = "Content-Disposition: form-data; name=\"image\"; filename=\"anna.jpg\"\r\nContent-Type: image/jpeg";
const ELSEWHERE: &str = "http://pictures.example.com/anna.jpg";
const USERNAME: &str = "Content-Disposition: form-data; name=\"username\"";

/// A server with the user `anna`, who has a picture already.
struct Stage {
    server: RocketChat,
    anna: String,
}

impl Stage {
    fn new(profile: Profile) -> Self {
        let server = RocketChat::start(profile);
        let anna = server.add_user("anna");
        Self { server, anna }
    }

    fn with_picture(profile: Profile) -> Self {
        let stage = Self::new(profile);
        let before = Draft { body: form(&[(USERNAME, b"anna"), (IMAGE, OLD)]), ..right() };
        assert_eq!(stage.tell(&before.bytes()).status, 200);
        assert_eq!(stage.server.picture("anna").as_deref(), Some(OLD));
        stage
    }

    fn address(&self) -> SocketAddr {
        self.server.url().strip_prefix("http://").unwrap().parse().unwrap()
    }

    fn wire(&self) -> Wire {
        Wire::connect(self.address()).unwrap()
    }

    fn tell(&self, bytes: &[u8]) -> Told {
        self.wire().exchange(bytes).unwrap()
    }
}

fn head(line: &str) -> Vec<String> {
    let (token, user) = (format!("X-Auth-Token: {TOKEN}"), format!("X-User-Id: {USER_ID}"));
    vec![line.to_owned(), "Host: chat.example.com".to_owned(), token, user]
}

fn draft(line: &str, kind: &str, body: &[u8]) -> Draft {
    let mut lines = head(line);
    lines.push(format!("Content-Type: {kind}"));
    Draft::new(&lines.iter().map(String::as_str).collect::<Vec<_>>(), body)
}

/// The call with a file as the document wants it, for `anna`.
fn right() -> Draft {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    draft("POST /api/v1/users.setAvatar HTTP/1.1", &kind, &form(&[(USERNAME, b"anna"), (IMAGE, PICTURE)]))
}

/// The call with a URL as the document wants it, for `anna`.
fn right_json() -> Draft {
    let body = json!({ "avatarUrl": ELSEWHERE, "username": "anna" }).to_string();
    draft("POST /api/v1/users.setAvatar HTTP/1.1", "application/json", body.as_bytes())
}

/// The call that takes the avatar of `anna` away.
fn right_reset() -> Draft {
    draft("POST /api/v1/users.resetAvatar HTTP/1.1", "application/json", br#"{"username":"anna"}"#)
}

fn get(path: &str) -> Vec<u8> {
    let mut lines = head(&format!("GET {path} HTTP/1.1")).join("\r\n");
    lines.push_str("\r\n\r\n");
    lines.into_bytes()
}

#[test]
fn each_generation_takes_the_right_call() {
    for profile in PROFILES {
        let stage = Stage::new(profile);
        let began = Instant::now();
        let told = stage.tell(&right().bytes());
        assert_eq!((told.status, told.json()), (200, json!({ "success": true })), "{profile:?} [seed: example result]");
        // The oldest says success too, and changes the caller's picture [BACKENDS 4c].
        let (whose, own) = if profile == Profile::V0_68 { (CALLER, 1) } else { ("anna", 0) };
        let pictures = stage.server.pictures();
        assert_eq!(pictures.into_iter().collect::<Vec<_>>(), [(whose.to_owned(), PICTURE.to_vec())], "{profile:?}");
        assert_eq!(stage.server.own_picture_writes(), own, "{profile:?}");
        let seen = stage.server.seen();
        let [call] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/api/v1/users.setAvatar"));
        assert_eq!(call.user.as_deref(), Some("anna"));
        assert_eq!((call.answer, call.connection, call.note.as_str()), (Answer::Status(200), 1, ""));
        assert!(call.at > began && call.at < Instant::now());
    }
}

#[test]
fn a_field_behind_the_file_counts_only_for_newer_servers() {
    for (profile, whose) in [(Profile::V3, CALLER), (Profile::V7, "anna"), (Profile::V8, "anna")] {
        let stage = Stage::new(profile);
        let late = Draft { body: form(&[(IMAGE, PICTURE), (USERNAME, b"anna")]), ..right() };
        assert_eq!(stage.tell(&late.bytes()).status, 200);
        assert_eq!(stage.server.picture(whose).as_deref(), Some(PICTURE), "{profile:?} [BACKENDS 4a]");
        assert_eq!(stage.server.pictures().len(), 1);
    }
}

#[test]
fn whoever_asks_for_nobody_changes_the_own_picture() {
    let stage = Stage::new(Profile::V8);
    let nobody = Draft { body: form(&[(IMAGE, PICTURE)]), ..right() };
    assert_eq!(stage.tell(&nobody.bytes()).status, 200, "[seed: arguments table]");
    assert_eq!((stage.server.own_picture_writes(), stage.server.picture("anna")), (1, None));
}

#[test]
fn every_allowed_form_of_the_call_is_taken() {
    let stage = Stage::new(Profile::V8);
    stage.server.allow_private_urls();
    let gallery = Gallery::open();
    let url = gallery.hang("/anna.jpg", "image/jpeg", PICTURE);
    let by_id = right().in_body("username", "userId").in_body("\r\n\r\nanna", format!("\r\n\r\n{}", stage.anna));
    let png = b"\x89PNG\r\n\x1a\n a picture IEND\xae\x42\x60\x82";
    let as_png = right().in_body(PICTURE, png).in_body("anna.jpg", "anna.PNG").in_body("image/jpeg", "image/png");
    let allowed = [
        ("another case of the username [BACKENDS 4a]", right().in_body("\r\n\r\nanna", "\r\n\r\nANNA").bytes()),
        ("userId [seed: arguments table]", by_id.bytes()),
        ("another image [seed: any image file]", as_png.bytes()),
        ("in chunks [RFC 9112 7.1]", right().chunked()),
        ("a quoted boundary [RFC 2046 5.1.1]", right().in_head(BOUNDARY, format!("\"{BOUNDARY}\"")).bytes()),
        (
            "another case of a header's name [seed: example call]",
            right().in_head("Content-Type", "content-type").bytes(),
        ),
        ("a URL [seed: providing a URL]", right_json().in_body(ELSEWHERE, url).bytes()),
    ];
    let mut wire = stage.wire();
    for (number, (what, bytes)) in allowed.iter().enumerate() {
        let told = wire.exchange(bytes).unwrap();
        assert_eq!((told.status, told.json()), (200, json!({ "success": true })), "{what}");
        assert_eq!(stage.server.seen().len(), number + 1);
    }
    assert_eq!((stage.server.connections(), stage.server.own_picture_writes()), (1, 0));
}

#[test]
fn each_rule_of_the_call_is_kept_up() {
    refuse_all(&[
        ("the method is POST", "seed: method", right().in_head("POST", "PUT").bytes(), (405, "method")),
        ("the path", "seed: endpoint", right().in_head("setAvatar", "setavatar").bytes(), (404, "no such endpoint")),
        ("no query", "seed: arguments table", right().in_head("setAvatar", "setAvatar?a=b").bytes(), (404, "no such")),
        ("a token", "seed: example call", right().without("X-Auth-Token").bytes(), (401, "logged in")),
        ("the right token", "seed: authentication", right().in_head(TOKEN, "x").bytes(), (401, "logged in")),
        ("a user id", "seed: example call", right().without("X-User-Id").bytes(), (401, "logged in")),
        ("the token's user id", "seed: authentication", right().in_head(USER_ID, "x").bytes(), (401, "logged in")),
        ("a type", "BACKENDS 4b", right().without("Content-Type").bytes(), (400, "Missing Content-Type")),
        (
            "a known type",
            "BACKENDS 4b",
            right().in_head("multipart", "text").bytes(),
            (400, "Unsupported content type"),
        ),
        (
            "the name image",
            "seed: arguments table",
            right().in_body("image", "avatar").bytes(),
            (400, "[invalid-field]"),
        ),
        ("one file", "BACKENDS 4a", files(2).bytes(), (400, "Just 1 file")),
        ("a file", "seed: arguments table", files(0).bytes(), (400, "Image required")),
        ("a file name", "BACKENDS 4a", named("").bytes(), (400, "[error-invalid-params]")),
        ("an extension", "BACKENDS 4a", named("; filename=\"anna\"").bytes(), (400, "[error-invalid-file-type]")),
        ("an image's extension", "BACKENDS 4a", named("; filename=\"a.txt\"").bytes(), (400, "file-type]")),
        ("an image's type", "BACKENDS 4b", typed("text/plain").bytes(), (400, "[error-invalid-file-type]")),
        ("the extension's type", "BACKENDS 4a", typed("image/png").bytes(), (400, "[error-invalid-file-type]")),
        ("no other field", "BACKENDS 4a: service", field("service", "rest").bytes(), (400, "additional properties")),
        ("not both", "seed: userId or username", field("userId", "BsNr28znDkG8aeo7W").bytes(), (400, "not both")),
        ("not twice", "seed: arguments table", field("username", "anna").bytes(), (400, "or twice")),
        ("a username", "seed: arguments table", right().in_body("\r\nanna", "\r\n").bytes(), (400, "fewer than 1")),
        ("a known user", "BACKENDS 4b", right().in_body("\r\nanna", "\r\nbob").bytes(), (400, "[error-invalid-user]")),
        ("an _id, exactly", "BACKENDS 4a", other_case_of_an_id().bytes(), (400, "[error-invalid-user]")),
    ]);
}

#[test]
fn each_rule_of_the_url_form_is_kept_up() {
    refuse_all(&[
        ("a URL", "seed: arguments table", json_body(r#"{"username":"anna"}"#), (400, "Unsupported content type")),
        ("the spelling", "BACKENDS 4a", right_json().in_body("avatarUrl", "avatarURL").bytes(), (400, "properties")),
        ("no other key", "BACKENDS 4a", right_json().in_body("{", r#"{"service":"url","#).bytes(), (400, "properties")),
        ("not both", "seed: userId or username", right_json().in_body("{", r#"{"userId":"x","#).bytes(), (400, "both")),
        (
            "a username",
            "seed: arguments table",
            right_json().in_body("\"anna\"", "\"\"").bytes(),
            (400, "fewer than 1"),
        ),
        ("texts", "BACKENDS 4b", right_json().in_body("\"anna\"", "7").bytes(), (400, "must be string")),
        ("strict JSON", "RFC 8259", right_json().in_body("}", ",}").bytes(), (400, "no JSON object")),
        ("a known user", "BACKENDS 4b", right_json().in_body(":\"anna\"", ":\"bob\"").bytes(), (400, "invalid-user]")),
        ("a public URL", "BACKENDS 4e", right_json().bytes(), (400, "[error-avatar-invalid-url]")),
    ]);
}

#[test]
fn what_a_url_leads_to_is_looked_at() {
    let gallery = Gallery::open();
    let stage = Stage::with_picture(Profile::V8);
    stage.server.allow_private_urls();
    stage.server.set_file_max(100);
    let text = gallery.hang("/text", "text/html", PICTURE);
    let large = gallery.hang("/large", "image/jpeg", &[PICTURE, &[0; 100]].concat());
    for (url, code) in [
        ("http://127.0.0.1:1/", "error-avatar-invalid-url"),
        (&format!("{}/gone", gallery.url()), "error-avatar-invalid-url"),
        (&text, "error-avatar-invalid-url"),
        (&large, "error-avatar-image-too-large"),
    ] {
        let told = stage.tell(&right_json().in_body(ELSEWHERE, url).bytes());
        assert_eq!((told.status, &told.json()["errorType"]), (400, &code.into()), "{url} [BACKENDS 4b]");
    }
    gallery.fault(Fault::Status(503), When::Next(1));
    let told = stage.tell(&right_json().in_body(ELSEWHERE, &text).bytes());
    assert_eq!(told.json()["errorType"], "error-avatar-url-handling", "[BACKENDS 4b]");
    assert_eq!(stage.server.picture("anna").as_deref(), Some(OLD), "nothing was changed");
}

#[test]
fn an_avatar_is_taken_away_by_id_or_by_name() {
    let stage = Stage::with_picture(Profile::V8);
    let by_id = right_reset().in_body(r#"username":"anna"#, format!(r#"userId":"{}"#, stage.anna));
    for draft in [right_reset().in_body("anna", "ANNA"), by_id] {
        wait_until("the etag", SOON, || stage.server.avatar_etag("anna"));
        let told = stage.tell(&draft.bytes());
        assert_eq!((told.status, told.json()), (200, json!({ "success": true })), "[BACKENDS 4e]");
        assert_eq!((stage.server.picture("anna"), stage.server.avatar_etag("anna")), (None, None));
        assert_eq!(stage.tell(&right_reset().bytes()).status, 200, "there is none already");
        assert_eq!(stage.tell(&right().bytes()).status, 200);
    }
    assert_eq!(stage.server.own_picture_writes(), 0);
}

#[test]
fn each_rule_of_the_reset_is_kept_up() {
    let body = |body: &str| Draft { body: body.into(), ..right_reset() }.bytes();
    refuse_all(&[
        ("the method is POST", "BACKENDS 4e", right_reset().in_head("POST", "PUT").bytes(), (405, "method")),
        ("a token", "seed: authentication", right_reset().without("X-Auth-Token").bytes(), (401, "logged in")),
        ("JSON", "BACKENDS 4e", right_reset().in_head("application/json", "text/plain").bytes(), (400, "Unsupported")),
        ("strict JSON", "RFC 8259", right_reset().in_body("}", ",}").bytes(), (400, "no JSON object")),
        ("a user", "BACKENDS 4e", body("{}"), (400, "[error-user-param-not-provided]")),
        ("a name in it", "BACKENDS 4e", body(r#"{"username":" "}"#), (400, "[error-user-param-not-provided]")),
        ("a text", "BACKENDS 4e", body(r#"{"username":7}"#), (400, "must be string")),
        ("not both", "BACKENDS 4e", body(r#"{"username":"anna","userId":"x"}"#), (400, "not both")),
        ("no other key", "BACKENDS 4e", body(r#"{"name":"anna"}"#), (400, "additional properties")),
        ("a known user", "BACKENDS 4b", body(r#"{"username":"bob"}"#), (400, "[error-invalid-user]")),
    ]);
}

#[test]
fn a_user_is_told_by_exact_name_or_id_whatever_was_asked_by() {
    let stage = Stage::with_picture(Profile::V8);
    wait_until("the etag", SOON, || stage.server.avatar_etag("anna"));
    let user = json!({
        "_id": stage.anna, "username": "anna", "active": true, "avatarETag": stage.server.avatar_etag("anna"),
    });
    let anna = json!({ "user": user, "success": true });
    let info = |query: &str| stage.tell(&get(&format!("/api/v1/users.info{query}")));
    let id = &stage.anna;
    for query in
        ["?username=anna", "?username=%61nna", &format!("?userId={id}"), &format!("?username={id}"), "?userId=anna"]
    {
        let told = info(query);
        assert_eq!(
            (told.status, told.json()),
            (200, anna.clone()),
            "{query} [BACKENDS 4d; source: getFullUserData.ts]"
        );
    }
    for query in ["?username=ANNA", "?username=anna%20", "?username=+anna", "?userId=%24ne"] {
        let told = info(query);
        let unknown = json!({ "success": false, "error": "User not found." });
        assert_eq!((told.status, told.json()), (400, unknown), "{query} [BACKENDS 4d]");
    }
    for query in [
        "",
        "?",
        "?name=anna",
        "?username=anna&userId=x",
        "?username=anna&username=bob",
        "?username=%zz",
        "?username=%ff",
    ] {
        assert_eq!(info(query).json()["errorType"], "error-invalid-params", "{query} [BACKENDS 4d]");
    }
    assert_eq!(info("?username=").status, 400);
    stage.server.set_token("another");
    assert_eq!(info("?username=anna").status, 401);
}

#[test]
fn each_rule_of_forms_is_kept_up() {
    let close = format!("\r\n--{BOUNDARY}--\r\n");
    let extra = |line: &str| right().in_body("Content-Type: image/jpeg", format!("Content-Type: image/jpeg\r\n{line}"));
    let disposition = "Content-Disposition: form-data; name=\"image\"; filename=\"anna.jpg\"\r\n";
    let typed_field = right().in_body("\r\n\r\nanna", "\r\nContent-Type: image/jpeg\r\n\r\nanna");
    refuse_all(&[
        (
            "a boundary",
            "RFC 2046 5.1.1",
            right().in_head(&format!("; boundary={BOUNDARY}"), "").bytes(),
            (400, "boundary"),
        ),
        ("the body's boundary", "RFC 2046 5.1.1", right().in_head(BOUNDARY, "other").bytes(), (400, "begin")),
        ("no long boundary", "RFC 2046 5.1.1", right().in_head(BOUNDARY, "x".repeat(71)).bytes(), (400, "length")),
        ("no preamble", "RFC 7578 4.1", right().in_body("--", "junk\r\n--").bytes(), (400, "begin")),
        ("a closing boundary", "RFC 2046 5.1.1", right().in_body(&close, "\r\n").bytes(), (400, "no closing")),
        ("nothing behind it", "RFC 7578 4.1", right().in_body(&close, close.repeat(2)).bytes(), (400, "behind")),
        ("CRLF", "RFC 2046 5.1.1", right().in_body("\r\n", "\n").bytes(), (400, "begin")),
        ("a disposition", "RFC 7578 4.2", right().in_body(disposition, "").bytes(), (400, "Content-Disposition")),
        ("form-data", "RFC 7578 4.2", right().in_body("form-data", "attachment").bytes(), (400, "form-data")),
        ("a part's name", "RFC 7578 4.2", right().in_body(" name=\"username\"", "").bytes(), (400, "value")),
        ("no filename*", "RFC 7578 4.2", right().in_body("filename", "filename*").bytes(), (400, "other than name")),
        ("no transfer encoding", "RFC 7578 4.7", extra("Content-Transfer-Encoding: binary").bytes(), (400, "4.8")),
        ("no other header", "RFC 7578 4.8", extra("Content-Length: 5").bytes(), (400, "4.8")),
        ("a header once", "RFC 2045 3", extra("Content-Type: image/jpeg").bytes(), (400, "twice")),
        ("no bare LF", "RFC 5322 2.3", typed("image/jpeg\nX: y").bytes(), (400, "bare CR or LF")),
        ("a name once", "RFC 2045 5.1", named("; name=\"image\"; filename=\"anna.jpg\"").bytes(), (400, "twice")),
        ("no empty file name", "RFC 2183 2.3", named("; filename=\"\"").bytes(), (400, "empty")),
        ("text in UTF-8", "RFC 7578 5.1.2", right().in_body("\r\nanna", b"\r\nann\xe4").bytes(), (400, "no text")),
        ("text as text", "RFC 7578 4.4", typed_field.bytes(), (400, "no text")),
        ("not many parts", "RFC 7578", files(16).bytes(), (400, "more than 16")),
    ]);
}

#[test]
fn each_rule_of_http_is_kept_up() {
    let length = right().body.len();
    let twice = right().with_line(&format!("Content-Length: {length}"));
    let both = right().with_line("Transfer-Encoding: chunked");
    let absolute = right().in_head("/api", "http://chat.example.com/api");
    let chunk = |from: &str, to: &str| Draft { head: right().chunked(), body: Vec::new() }.in_head(from, to).head;
    let no_number = Draft { head: right().bytes(), body: Vec::new() }.in_head("Length: ", "Length: +").head;
    let huge = Draft { head: right().bytes(), body: Vec::new() }.in_head("Length: ", "Length: 99999999").head;
    refuse_all(&[
        ("a Host", "RFC 9112 3.2", right().without("Host").bytes(), (400, "no Host")),
        ("one Content-Length", "RFC 9110 8.6", twice.bytes(), (400, "twice")),
        ("one length", "RFC 9112 6.2", both.bytes(), (400, "beside Transfer-Encoding")),
        ("a length in digits", "RFC 9110 8.6", no_number, (400, "no number")),
        ("a length with bounds", "RFC 9110 15.5.14", huge, (413, "32 MiB")),
        ("a path as target", "RFC 9112 3.2.1", absolute.bytes(), (400, "no path")),
        ("HTTP/1.1", "RFC 9112 2.3", right().in_head("HTTP/1.1", "HTTP/1.0").bytes(), (505, "version")),
        ("a header's name", "RFC 9110 5.1", right().with_line("X-\u{e4}: a").bytes(), (400, "grammar")),
        ("a header's value", "RFC 9110 5.5", right().with_line("X-A: \u{e4}").bytes(), (400, "visible ASCII")),
        ("no control bytes", "RFC 9110 5.5", right().with_line("X-A: a\0b").bytes(), (400, "grammar")),
        ("CRLF", "RFC 9112 2.2", right().in_head("\r\nX-User-Id", "\nX-User-Id").bytes(), (400, "without CR")),
        ("no folding", "RFC 9112 5.2", right().with_line("X-A: a\r\n b").bytes(), (400, "grammar")),
        ("a GET without body", "RFC 9110 9.3.1", right().in_head("POST", "GET").bytes(), (400, "a GET with a body")),
        (
            "no large head",
            "RFC 6585 5",
            right().with_line(&format!("X-A: {}", "a".repeat(20_000))).bytes(),
            (431, "16 KiB"),
        ),
        ("plain chunk sizes", "RFC 9112 7.1.1", chunk("\r\n\r\n", "\r\n\r\n0x"), (400, "hexadecimal")),
        ("no trailers", "RFC 9112 7.1.2", chunk("0\r\n\r\n", "0\r\nX-A: a\r\n\r\n"), (400, "or a trailer")),
        ("chunks of their size", "RFC 9112 7.1", chunk("\r\n\r\n64", "\r\n\r\n60"), (400, "does not end in CRLF")),
    ]);
}

/// Sends each request to a server where `anna` has a picture.
fn refuse_all(rules: &[Broken]) {
    let stage = Stage::with_picture(Profile::V8);
    rules::refuse_all(&stage.server, rules, |server| {
        let pictures: Vec<_> = server.pictures().into_iter().collect();
        pictures != [("anna".to_owned(), OLD.to_vec())] || server.own_picture_writes() > 0
    });
}

fn files(count: usize) -> Draft {
    let mut parts: Vec<(&str, &[u8])> = vec![(USERNAME, b"anna")];
    parts.extend(vec![(IMAGE, PICTURE); count]);
    Draft { body: form(&parts), ..right() }
}

fn named(filename: &str) -> Draft {
    right().in_body("; filename=\"anna.jpg\"", filename)
}

fn typed(kind: &str) -> Draft {
    right().in_body("image/jpeg", kind)
}

/// The right call with one field more.
fn field(name: &str, value: &str) -> Draft {
    let field = format!("Content-Disposition: form-data; name=\"{name}\"");
    Draft { body: form(&[(USERNAME, b"anna"), (&field, value.as_bytes()), (IMAGE, PICTURE)]), ..right() }
}

fn other_case_of_an_id() -> Draft {
    let id = RocketChat::start(Profile::V8).add_user("anna");
    let other: String = id.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c }).collect();
    assert_ne!(id, other);
    right().in_body("username", "userId").in_body("\r\nanna", format!("\r\n{other}"))
}

fn json_body(body: &str) -> Vec<u8> {
    Draft { body: body.into(), ..right_json() }.bytes()
}

#[test]
fn refusals_are_worded_as_each_generation_words_them() {
    let login = "You must be logged in to do this.";
    for profile in PROFILES {
        let stage = Stage::new(profile);
        let stranger = stage.tell(&right().in_head(TOKEN, "x").bytes());
        let mut body = json!({ "success": false, "error": login });
        if profile < Profile::V8 {
            body["status"] = "error".into();
            body["message"] = login.into();
        }
        assert_eq!((stranger.status, stranger.json()), (401, body), "{profile:?} [BACKENDS 4b]");

        let schema = stage.tell(&field("service", "rest").bytes()).json();
        let code = if profile < Profile::V7 { "invalid-params" } else { "error-invalid-params" };
        assert_eq!(schema["errorType"], code, "{profile:?} [BACKENDS 4b]");

        stage.server.set_may_edit_others(false);
        let may_not = stage.tell(&right_json().bytes());
        let expected = match profile {
            Profile::V0_68 | Profile::V3 => (401, json!({ "success": false, "error": "unauthorized" })),
            Profile::V7 => (403, json!({ "success": false, "error": "unauthorized" })),
            Profile::V8 => (403, json!({ "success": false, "error": "forbidden" })),
        };
        assert_eq!((may_not.status, may_not.json()), expected, "{profile:?} [BACKENDS 4b]");
    }
}

#[test]
fn rights_and_settings_decide_who_may() {
    let stage = Stage::new(Profile::V8);
    let nobody = Draft { body: form(&[(IMAGE, PICTURE)]), ..right() };
    // Whether the caller may edit others, whether changes are allowed, and what anna's and the own picture meet.
    for (may, allowed, others, own) in
        [(true, true, 200, 200), (true, false, 200, 200), (false, true, 400, 200), (false, false, 400, 400)]
    {
        stage.server.set_may_edit_others(may);
        stage.server.set_change_allowed(allowed);
        let told = stage.tell(&right().bytes());
        assert_eq!(told.status, others, "{may} {allowed} [BACKENDS 4b]");
        if others == 400 {
            assert_eq!(told.json()["errorType"], "error-not-allowed", "[BACKENDS 4b]");
        }
        assert_eq!(stage.tell(&nobody.bytes()).status, own, "{may} {allowed} [BACKENDS 4b]");
    }
}

#[test]
fn the_checks_come_in_the_servers_order() {
    let stage = Stage::new(Profile::V8);
    let all_wrong = typed("text/plain").in_body("\r\nanna", "\r\nbob");
    let check = |broken: Draft, expected: &str| {
        let told = stage.tell(&broken.bytes()).json();
        assert_eq!(told["errorType"], expected, "{told} [BACKENDS 4b: check order]");
    };
    check(all_wrong.clone(), "error-invalid-user");
    check(typed("text/plain"), "error-invalid-file-type");
    stage.server.set_may_edit_others(false);
    check(typed("text/plain"), "error-not-allowed");
    stage.server.set_change_allowed(false);
    check(all_wrong.clone(), "error-not-allowed");
    check(all_wrong.in_body("username", "service"), "error-invalid-params");
}

#[test]
fn a_file_that_is_too_large_changes_nothing_and_one_that_cannot_be_decoded_removes_the_old() {
    let stage = Stage::with_picture(Profile::V8);
    stage.server.set_file_max(PICTURE.len() - 1);
    let told = stage.tell(&right().bytes());
    assert_eq!((told.status, &told.json()["errorType"]), (400, &"error-file-too-large".into()), "[BACKENDS 4b]");
    assert_eq!(stage.server.picture("anna").as_deref(), Some(OLD));
    let etag = wait_until("the etag", SOON, || stage.server.avatar_etag("anna"));
    let broken = right().in_body(PICTURE, "no picture");
    let told = stage.tell(&broken.bytes());
    assert_eq!((told.status, told.json().get("errorType")), (400, None), "[BACKENDS 4b]");
    assert_eq!(stage.server.picture("anna"), None, "[BACKENDS 4c: hazard]");
    assert_eq!(stage.server.avatar_etag("anna"), Some(etag), "it follows a success only [source: setUserAvatar.ts]");
    assert_eq!(stage.server.own_picture_writes(), 0);
}

#[test]
fn the_etag_follows_half_a_second_later() {
    let stage = Stage::new(Profile::V8);
    assert_eq!(stage.tell(&right().bytes()).status, 200);
    let written = Instant::now();
    if written.elapsed() < Duration::from_millis(100) {
        assert_eq!(stage.server.avatar_etag("anna"), None, "[BACKENDS 4e]");
    }
    wait_until("the etag", SOON, || stage.server.avatar_etag("anna"));
    assert!(written.elapsed() > Duration::from_millis(300), "{:?}", written.elapsed());
}

#[test]
fn the_account_and_the_version_are_told() {
    for (profile, short, full) in [
        (Profile::V0_68, "0.68", "0.68.5"),
        (Profile::V3, "3.18", "3.18.7"),
        (Profile::V7, "7.10", "7.10.2"),
        (Profile::V8, "8.1", "8.1.0"),
    ] {
        let stage = Stage::new(profile);
        let me = stage.tell(&get("/api/v1/me")).json();
        assert_eq!(me["success"], true);
        assert_eq!((&me["_id"], &me["username"]), (&USER_ID.into(), &CALLER.into()), "[BACKENDS 4a]");
        let stranger = b"GET /api/info HTTP/1.1\r\nHost: chat.example.com\r\n\r\n";
        assert_eq!(stage.tell(stranger).json(), json!({ "version": short, "success": true }));
        assert_eq!(stage.tell(&get("/api/info")).json()["info"]["version"], full);
    }
    let stage = Stage::new(Profile::V8);
    stage.server.set_token("another");
    assert_eq!(stage.tell(&get("/api/v1/me")).status, 401);
}

#[test]
fn the_limiter_counts_each_route_and_tells_the_wait() {
    let stage = Stage::new(Profile::V8);
    let window = Duration::from_secs(60);
    stage.server.limit(2, window);
    let began = UNIX_EPOCH.elapsed().unwrap();
    let told: Vec<_> = (0..3).map(|_| stage.tell(&right().bytes())).collect();
    assert_eq!(told.iter().map(|told| told.status).collect::<Vec<_>>(), [200, 200, 429]);
    for (told, left) in told.iter().zip(["1", "0", "0"]) {
        assert_eq!(told.header("X-RateLimit-Limit"), Some("2"), "[BACKENDS 4b]");
        assert_eq!(told.header("X-RateLimit-Remaining"), Some(left), "[BACKENDS 4b]");
        let reset: u64 = told.header("X-RateLimit-Reset").unwrap().parse().unwrap();
        let ahead = Duration::from_millis(reset) - began;
        assert!(ahead >= window && ahead < window + SOON, "{ahead:?} [BACKENDS 4b: in ms]");
    }
    let refusal = told[2].json();
    let text = refusal["error"].as_str().unwrap();
    let seconds = text.split_once("wait ").and_then(|(_, rest)| rest.split_once(" seconds")).unwrap().0;
    assert!((40..=60).contains(&seconds.parse().unwrap()), "{text} [BACKENDS 4b]");
    assert!(text.ends_with("[error-too-many-requests]"), "{text} [BACKENDS 4b]");
    assert_eq!((refusal.get("errorType"), told[2].header("Retry-After")), (None, None), "[BACKENDS 4b]");
    assert_eq!(stage.tell(&get("/api/v1/me")).status, 200, "another route [BACKENDS 4e]");
    assert_eq!(stage.tell(&right().in_head(TOKEN, "x").bytes()).status, 401, "login comes first [BACKENDS 4b]");
    assert_eq!(stage.tell(&field("service", "rest").bytes()).status, 429, "the schema comes later [BACKENDS 4b]");
}

#[test]
fn a_window_of_the_limiter_ends() {
    let stage = Stage::new(Profile::V8);
    stage.server.limit(1, Duration::from_millis(300));
    for _ in 0..2 {
        wait_until("the next window", SOON, || (stage.tell(&right().bytes()).status == 200).then_some(()));
    }
}

#[test]
fn an_old_limiter_refuses_with_400() {
    let stage = Stage::new(Profile::V0_68);
    stage.server.limit(0, Duration::from_secs(60));
    let told = stage.tell(&right().bytes());
    assert_eq!((told.status, &told.json()["errorType"]), (400, &"error-too-many-requests".into()), "[BACKENDS 4b]");
}

#[test]
fn sixty_four_clients_at_a_time_are_no_trouble() {
    let stage = Stage::new(Profile::V8);
    let users: Vec<_> = (0..64).map(|number| format!("user{number:02}")).collect();
    for user in &users {
        stage.server.add_user(user);
    }
    stage.server.set_latency(Duration::from_millis(300));
    let gate = Barrier::new(users.len());
    let began = Instant::now();
    thread::scope(|clients| {
        for user in &users {
            let (stage, gate) = (&stage, &gate);
            clients.spawn(move || {
                let mut wire = stage.wire();
                let call = right().in_body("\r\n\r\nanna", format!("\r\n\r\n{user}")).bytes();
                gate.wait();
                for _ in 0..2 {
                    assert_eq!(wire.exchange(&call).unwrap().status, 200);
                }
            });
        }
    });
    assert!(began.elapsed() >= Duration::from_millis(600), "the latency was not kept: {:?}", began.elapsed());
    assert_eq!(stage.server.pictures().into_keys().collect::<Vec<_>>(), users);
    assert_eq!((stage.server.connections(), stage.server.seen().len()), (64, 128));
    assert!(stage.server.most_at_once() > 32, "{}", stage.server.most_at_once());
}

/// Plays a fault once, whole, and answers what the client got.
fn played(fault: Fault) -> (Stage, Told) {
    let stage = Stage::new(Profile::V8);
    stage.server.fault(fault, When::Next(1));
    let told = stage.tell(&right().bytes());
    assert_eq!(stage.server.seen().pop().unwrap().answer, Answer::Fault(fault));
    assert_eq!(stage.server.struck().into_iter().collect::<Vec<_>>(), [(fault, 1)]);
    (stage, told)
}

#[test]
fn each_status_is_answered_by_the_server_or_by_its_front() {
    for (status, kind) in [
        (400, "application/json"),
        (401, "application/json"),
        (403, "application/json"),
        (404, "application/json"),
        (408, "text/html"),
        (413, "text/html"),
        (415, "text/html"),
        (425, "text/html"),
        (429, "text/html"),
        (500, "application/json"),
        (502, "text/html"),
        (503, "text/html"),
        (504, "text/html"),
    ] {
        let (stage, told) = played(Fault::Status(status));
        assert_eq!((told.status, told.header("Content-Type")), (status, Some(kind)));
        assert!(kind == "text/html" || told.json()["success"] == false, "{}", told.text());
        assert_eq!(stage.server.picture("anna"), None, "{status}");
    }
}

#[test]
fn faults_that_are_whole_replies_say_what_their_names_say() {
    let says = |fault: Fault, status: u16, holds: fn(&Told) -> bool| {
        let (stage, told) = played(fault);
        let start: String = told.text().chars().take(80).collect();
        println!("{fault:?}: {} {start}", told.status);
        assert!(told.status == status && holds(&told), "{fault:?}: {} {start}", told.status);
        assert_eq!(told.body.len(), told.content_length(), "{fault:?}");
        assert_eq!(stage.server.picture("anna").is_some(), fault == Fault::TruncatedJson, "{fault:?}");
    };
    let page =
        |told: &Told| told.header("Content-Type") == Some("text/html") && told.text().starts_with("<!DOCTYPE html>");
    let reset_ms = |told: &Told| {
        let reset: u64 = told.header("X-RateLimit-Reset").unwrap().parse().unwrap();
        Duration::from_millis(reset) + SOON > UNIX_EPOCH.elapsed().unwrap() && !told.text().contains("seconds")
    };
    let text = |told: &Told| told.text().contains("wait 1 seconds") && told.header("X-RateLimit-Reset").is_none();
    let as_400 =
        |told: &Told| told.json()["errorType"] == "error-too-many-requests" && told.text().contains("wait 1 s");
    let date = |told: &Told| told.header("Retry-After").is_some_and(|date| date.len() == 29 && date.ends_with(" GMT"));
    says(Fault::ForbiddenPage, 403, page);
    says(Fault::TooManyByHeader, 429, reset_ms);
    says(Fault::TooManyByText, 429, text);
    says(Fault::TooManyAs400, 400, as_400);
    says(Fault::RetryAfterSeconds(429), 429, |told| told.header("Retry-After") == Some("1"));
    says(Fault::RetryAfterSeconds(503), 503, |told| told.header("Retry-After") == Some("1"));
    says(Fault::RetryAfterDate(429), 429, date);
    says(Fault::RetryAfterDate(503), 503, date);
    says(Fault::TruncatedJson, 200, |told| told.text() == r#"{"succes"#);
    says(Fault::WrongJson, 200, |told| told.json().get("success").is_none());
    says(Fault::FrontPage, 200, page);
    says(Fault::ErrorIn200, 200, |told| told.json()["success"] == false);
    says(Fault::Unkept, 200, |told| told.json() == json!({ "success": true }));
    says(Fault::Oversized, 200, |told| told.body.len() > 2 * 1024 * 1024 && told.json()["success"] == true);
}

#[test]
fn whoever_follows_a_redirect_is_seen() {
    let (stage, told) = played(Fault::Redirect);
    let elsewhere = format!("http://localhost:{}/moved", stage.address().port());
    assert_eq!(told.header("Location"), Some(elsewhere.as_str()));
    assert_eq!(stage.tell(&get("/moved")).status, 404);
    assert_eq!(stage.server.seen().pop().unwrap().path, "/moved");
}

#[test]
fn a_date_is_written_as_http_wants_it() {
    // The example of RFC 9110 5.6.7, a leap day, and the last second of a year.
    for (seconds, date) in [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
    ] {
        assert_eq!(http_date(UNIX_EPOCH + Duration::from_secs(seconds)), date);
    }
}

#[test]
fn a_hanging_server_says_nothing_and_keeps_the_connection() {
    let stage = Stage::new(Profile::V8);
    stage.server.fault(Fault::Hang, When::Next(1));
    let mut wire = stage.wire();
    wire.set_patience(Duration::from_millis(500));
    let silence = wire.exchange(&right().bytes()).unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::WouldBlock, "{silence}");
    assert_eq!(stage.server.picture("anna"), None);
    assert_eq!(stage.tell(&right().bytes()).status, 200, "only one request hangs");
}

#[test]
fn a_drip_is_one_byte_a_second_of_the_true_answer() {
    let stage = Stage::new(Profile::V8);
    stage.server.fault(Fault::Drip, When::Next(1));
    let mut wire = stage.wire();
    wire.send(&right().bytes()).unwrap();
    assert_eq!(wire.receive().unwrap(), b"H");
    let began = Instant::now();
    assert_eq!(wire.receive().unwrap(), b"T");
    assert!(began.elapsed() > Duration::from_millis(700), "{:?}", began.elapsed());
    assert_eq!(stage.server.picture("anna").as_deref(), Some(PICTURE));
}

#[test]
fn resets_come_before_the_body_before_the_change_or_after_it() {
    let stage = Stage::new(Profile::V8);
    let whole = right().bytes();
    let head = &whole[..whole.len() - right().body.len()];
    for (fault, sent, changed) in
        [(Fault::ResetUnread, head, false), (Fault::ResetBefore, &whole, false), (Fault::ResetAfter, &whole, true)]
    {
        stage.server.fault(fault, When::Next(1));
        let reset = stage.wire().exchange(sent).unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset, "{fault:?}: {reset}");
        assert_eq!(stage.server.seen().pop().unwrap().answer, Answer::Fault(fault));
        assert_eq!(stage.server.picture("anna").is_some(), changed, "{fault:?}");
    }
}

#[test]
fn a_short_body_ends_with_the_connection() {
    let (stage, told) = played(Fault::ShortBody);
    assert_eq!((told.content_length(), told.text().as_str()), (16, r#"{"succes"#));
    assert!(stage.server.picture("anna").is_some());
}

#[test]
fn endless_headers_go_on_and_on() {
    let stage = Stage::new(Profile::V8);
    stage.server.fault(Fault::EndlessHeaders, When::Next(1));
    let mut wire = stage.wire();
    wire.send(&right().bytes()).unwrap();
    let mut got = Vec::new();
    while got.len() < 2_000_000 {
        got.extend(wire.receive().unwrap());
    }
    assert!(got.starts_with(b"HTTP/1.1 200 OK\r\nX-Endless: "));
    assert!(!got.windows(4).any(|four| four == b"\r\n\r\n"));
}

#[test]
fn an_outage_refuses_connections_until_it_is_over() {
    let stage = Stage::with_picture(Profile::V8);
    let (address, mut open) = (stage.address(), stage.wire());
    assert_eq!(open.exchange(&right().bytes()).unwrap().status, 200);
    stage.server.fault(Fault::Outage, When::UntilCleared);
    assert!(open.exchange(&right().bytes()).is_err(), "an open connection ends too");
    for _ in 0..3 {
        let refused = Wire::connect(address).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    stage.server.clear_faults();
    assert_eq!((stage.address(), stage.tell(&right().bytes()).status), (address, 200));
}

#[test]
fn faults_strike_when_they_are_told_to() {
    let check = |when: When, everywhere: bool, expected: &str| {
        let stage = Stage::new(Profile::V8);
        stage.server.add_user("bob");
        if everywhere {
            stage.server.fault_everywhere(Fault::Status(502), when.clone());
        } else {
            stage.server.fault(Fault::Status(502), when.clone());
        }
        let bob = right().in_body("\r\n\r\nanna", "\r\n\r\nbob");
        let calls = [right().bytes(), bob.bytes(), get("/api/v1/me"), right().bytes(), right().bytes()];
        let met: String = calls.iter().map(|call| if stage.tell(call).status == 200 { '.' } else { 'x' }).collect();
        assert_eq!(met, expected, "{when:?} {everywhere}");
        stage.server.clear_faults();
        assert_eq!(stage.tell(&right().bytes()).status, 200);
    };
    check(When::Next(2), false, "xx...");
    check(When::Next(3), true, "xxx..");
    check(When::Every(2), false, ".x..x");
    check(When::Every(2), true, ".x.x.");
    check(When::User("Bob".to_owned()), false, ".x...");
    check(When::UntilCleared, false, "xx.xx");
    check(When::UntilCleared, true, "xxxxx");
}

#[test]
fn a_wait_that_is_not_kept_is_an_undercut() {
    let (mut watch, told) = (Watch::default(), Instant::now());
    let ms = Duration::from_millis;
    watch.told("/a", Wait::For(ms(1_000)), (told, told + ms(20)));
    for (path, at) in [("/a", 10), ("/a", 420), ("/a", 421), ("/b", 500), ("/a", 999), ("/a", 1_000)] {
        watch.arrived(path, told + ms(at));
    }
    let undercut = |after, by| Undercut { path: "/a".to_owned(), after: ms(after), by: ms(by) };
    assert_eq!(watch.undercuts(), [undercut(401, 579), undercut(979, 1)]);
    let mut watch = Watch::default();
    watch.told("/a", Wait::Until(told + ms(700)), (told, told));
    watch.arrived("/a", told + ms(699));
    watch.arrived("/a", told + ms(700));
    assert_eq!(watch.undercuts(), [undercut(699, 1)]);
}

#[test]
fn whoever_comes_too_early_is_seen() {
    let faults =
        [Fault::RetryAfterSeconds(503), Fault::RetryAfterDate(429), Fault::TooManyByHeader, Fault::TooManyByText];
    thread::scope(|all| {
        for fault in faults {
            all.spawn(move || {
                let stage = Stage::new(Profile::V8);
                stage.server.fault(fault, When::Next(1));
                stage.tell(&right().bytes());
                thread::sleep(WAIT / 2);
                stage.tell(&get("/api/v1/me"));
                assert_eq!(stage.server.undercuts(), [], "{fault:?}: another path has no wait");
                stage.tell(&right().bytes());
                let undercuts = stage.server.undercuts();
                let [early] = undercuts.as_slice() else { panic!("{fault:?}: {undercuts:?}") };
                assert!(early.after >= WAIT / 2 && early.after + early.by <= WAIT * 2, "{fault:?}: {early:?}");
                thread::sleep(WAIT * 2);
                stage.tell(&right().bytes());
                assert_eq!(stage.server.undercuts(), undercuts, "{fault:?}: the wait is over");
            });
        }
    });
    let stage = Stage::new(Profile::V8);
    stage.server.limit(1, Duration::from_secs(60));
    stage.tell(&right().bytes());
    stage.tell(&right().bytes());
    assert_eq!(stage.server.undercuts(), []);
    thread::sleep(Duration::from_millis(500));
    stage.tell(&right().bytes());
    assert_eq!(stage.server.undercuts().len(), 1, "the limiter's own wait counts as well");
}
