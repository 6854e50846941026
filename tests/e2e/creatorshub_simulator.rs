//! The simulator of CreatorsHub against a raw client that keeps its rules once and breaks each once. Nothing here runs
//! portraitd. What every simulator has from its frame (HTTP, forms, faults of the wire) is tried at that of Rocket.Chat.
//!
//! Marks: `seed` is the public page of the avatar API, `BACKENDS` the notes on what else is publicly known, by section;
//! where a refusal is marked so, the rule stands there and the status is a guess, for no errors are published.

use std::{net::SocketAddr, time::UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    raw::{BOUNDARY, Draft, Told, Wire, form},
    rules::{self, Broken},
    simulators::{
        creatorshub::{CreatorsHub, NoAvatar, OWNER, Paths, TOKEN},
        faults::{Fault, When},
        gallery::Gallery,
    },
};

const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 a picture \xff\xd9";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a picture IEND\xae\x42\x60\x82";
const OLD: &[u8] = b"\xff\xd8\xff\xe0 the old picture \xff\xd9";
const FILE: &str = "Content-Disposition: form-data; name=\"avatar\"; filename=\"6.jpg\"\r\nContent-Type: image/jpeg";
const SIX: u64 = 6;

/// An instance with the user 6.
struct Stage {
    hub: CreatorsHub,
}

impl Stage {
    fn new(paths: Paths) -> Self {
        let hub = CreatorsHub::start(paths);
        hub.add_user(SIX);
        Self { hub }
    }

    fn address(&self) -> SocketAddr {
        self.hub.url().strip_prefix("http://").unwrap().parse().unwrap()
    }

    fn tell(&self, bytes: &[u8]) -> Told {
        Wire::connect(self.address()).unwrap().exchange(bytes).unwrap()
    }

    /// Sends what is right, and answers the address of the picture.
    fn set(&self, draft: &Draft) -> String {
        let told = self.tell(&draft.bytes());
        assert_eq!(told.status, 200, "{}", told.text());
        let Value::Object(fields) = told.json() else { panic!("{}", told.text()) };
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["avatarUrl"], "[seed: responses]");
        fields["avatarUrl"].as_str().unwrap().to_owned()
    }
}

fn draft(line: &str, kind: &str, body: &[u8]) -> Draft {
    let token = format!("Authorization: Bearer {TOKEN}");
    Draft::new(&[line, "Host: hub.example.com", &token, &format!("Content-Type: {kind}")], body)
}

fn put(path: &str, kind: &str, body: &[u8]) -> Draft {
    draft(&format!("PUT /api/public/user/{path} HTTP/1.1"), kind, body)
}

fn by_form(path: &str) -> Draft {
    put(path, &format!("multipart/form-data; boundary={BOUNDARY}"), &form(&[(FILE, PICTURE)]))
}

fn by_url(path: &str, url: &str) -> Draft {
    put(path, "application/json", json!({ "avatarUrl": url }).to_string().as_bytes())
}

fn by_bytes(path: &str) -> Draft {
    put(path, "image/jpeg", PICTURE)
}

fn ask(path: &str) -> Draft {
    draft(&format!("GET /api/public/user/{path} HTTP/1.1"), "", b"").without("Content-Type")
}

const STYLES: [(Paths, &str, &str, &str); 2] = [
    (Paths::User, "6/updateAvatarFile", "6/avatar", "6/avatarBytes"),
    (Paths::Profile, "6/profile/updateAvatarFile", "6/profile/avatar", "6/profile/updateAvatarBytes"),
];

#[test]
fn each_style_of_paths_takes_each_form() {
    let gallery = Gallery::open();
    let url = gallery.hang("/6.png", "image/png", PNG);
    for (paths, file, avatar, bytes) in STYLES {
        let stage = Stage::new(paths);
        for (draft, picture) in [(by_form(file), PICTURE), (by_url(avatar, &url), PNG), (by_bytes(bytes), PICTURE)] {
            let kept = stage.set(&draft);
            assert_eq!(stage.hub.picture(SIX).as_deref(), Some(picture), "{paths:?} [seed; BACKENDS 2a]");
            let told = stage.tell(&ask(avatar).bytes());
            assert_eq!((told.status, told.json()), (200, json!({ "avatarUrl": kept })), "[seed: get]");
            assert_eq!(stage.hub.avatar_url(SIX), Some(kept));
        }
        let seen: Vec<_> = stage.hub.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
        assert!(seen.iter().all(|seen| seen.user.as_deref() == Some("6")), "{seen:?}");
        assert_eq!(seen.iter().map(|seen| seen.picture.is_some()).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!((seen[0].picture, stage.hub.own_picture_writes()), (seen[2].picture, 0));
    }
    assert_eq!(gallery.seen().len(), 2, "the picture is fetched each time");
}

#[test]
fn the_paths_of_the_other_style_are_unknown() {
    for ((paths, ..), (_, file, avatar, bytes)) in STYLES.iter().zip(STYLES.iter().rev()) {
        let stage = Stage::new(*paths);
        for draft in [by_form(file), by_bytes(bytes), by_url(avatar, "http://127.0.0.1/"), ask(avatar)] {
            assert_eq!(stage.tell(&draft.bytes()).status, 404, "{paths:?} [BACKENDS 2a]");
        }
    }
}

#[test]
fn a_form_takes_any_image_type() {
    let stage = Stage::new(Paths::User);
    let png = by_form("6/updateAvatarFile").in_body(PICTURE, PNG).in_body("image/jpeg", "image/png");
    stage.set(&png);
    assert_eq!(stage.hub.picture(SIX).as_deref(), Some(PNG), "[seed: does not have to be image/jpeg]");
}

#[test]
fn me_is_the_owner_of_the_token() {
    let stage = Stage::new(Paths::User);
    let gallery = Gallery::open();
    let url = gallery.hang("/me.jpg", "image/jpeg", PICTURE);
    for draft in [by_form("me/updateAvatarFile"), by_url("me/avatar", &url), by_bytes("me/avatarBytes")] {
        assert!(stage.set(&draft).contains("/userAvatars/1/"), "[seed: to modify your avatar]");
    }
    assert_eq!(stage.hub.own_picture_writes(), 3);
    assert_eq!(stage.hub.pictures().into_keys().collect::<Vec<_>>(), [OWNER]);
    assert_eq!(stage.tell(&ask("me/avatar").bytes()).status, 404, "[seed: not listed]");
}

#[test]
fn each_write_has_an_address_of_its_own() {
    let stage = Stage::new(Paths::User);
    let before = UNIX_EPOCH.elapsed().unwrap().as_millis();
    let kept: Vec<_> = (0..5).map(|_| stage.set(&by_bytes("6/avatarBytes"))).collect();
    let ms = |url: &String| {
        let place = url.strip_prefix("https://creatorshub.s3.eu-central-1.amazonaws.com/").unwrap();
        let ms = place.strip_suffix("/userAvatars/6/avatar.jpg").expect("[seed: responses]");
        assert_eq!(ms.len(), 13, "[BACKENDS 2b]");
        ms.parse::<u128>().unwrap()
    };
    let times: Vec<_> = kept.iter().map(ms).collect();
    assert!(times[0] >= before && times.is_sorted_by(|a, b| a < b), "{times:?} [seed, by comparison]");
}

#[test]
fn a_user_without_a_picture_is_told_in_several_ways() {
    let stage = Stage::new(Paths::User);
    for (form, status, body) in [
        (NoAvatar::Null, 200, json!({ "avatarUrl": null })),
        (NoAvatar::Absent, 200, json!({})),
        (NoAvatar::Empty, 200, json!({ "avatarUrl": "" })),
        (NoAvatar::NotFound, 404, json!({ "avatarUrl": null, "error": "this user has no avatar" })),
    ] {
        stage.hub.set_no_avatar(form);
        let told = stage.tell(&ask("6/avatar").bytes());
        assert_eq!((told.status, told.json()), (status, body), "{form:?} [BACKENDS 2b: unverified]");
    }
}

#[test]
fn each_rule_is_kept_up() {
    let gallery = Gallery::open();
    let json_body = |body: &str| Draft { body: body.into(), ..by_url("6/avatar", "") }.bytes();
    let at = |url: &str| by_url("6/avatar", url).bytes();
    let right = || by_form("6/updateAvatarFile");
    let user = |id: &str| by_bytes(&format!("{id}/avatarBytes")).bytes();
    let parts = |parts: &[(&str, &[u8])]| Draft { body: form(parts), ..right() }.bytes();
    let field: (&str, &[u8]) = ("Content-Disposition: form-data; name=\"userId\"", b"6");
    let text = gallery.hang("/text", "text/html", PICTURE);
    let lie = gallery.hang("/lie.jpg", "image/jpeg", b"<html>");
    let png = by_bytes("6/avatarBytes").in_body(PICTURE, PNG);
    refuse_all(&[
        ("a token", "seed: authentication", right().without("Authorization").bytes(), (401, "unauthorized")),
        ("the right token", "seed: authentication", right().in_head(TOKEN, "x").bytes(), (401, "unauthorized")),
        ("the scheme Bearer", "BACKENDS 2a", right().in_head("Bearer", "Basic").bytes(), (401, "unauthorized")),
        ("the method", "seed", right().in_head("PUT", "POST").bytes(), (404, "no such endpoint")),
        ("the path", "seed", right().in_head("updateAvatarFile", "updateavatarfile").bytes(), (404, "endpoint")),
        ("nothing behind it", "seed", right().in_head("AvatarFile", "AvatarFile/").bytes(), (404, "endpoint")),
        ("no query", "seed", right().in_head("AvatarFile", "AvatarFile?a=b").bytes(), (404, "endpoint")),
        ("a known user", "BACKENDS 2c", user("7"), (404, "no such user")),
        ("a user", "seed", user(""), (400, "no number")),
        ("a decimal id", "seed: USER_ID", user("ada"), (400, "no number")),
        ("an id without zeros", "seed: USER_ID", user("006"), (400, "no number")),
        ("an id without a sign", "seed: USER_ID", user("+6"), (400, "no number")),
        ("an id as it is", "seed: USER_ID", user("%36"), (400, "no number")),
        ("me in lower case", "seed: me", user("ME"), (400, "no number")),
        ("the field avatar", "seed: fields", right().in_body("avatar", "image").bytes(), (400, "not avatar")),
        ("a file name", "seed: payload", right().in_body("; filename=\"6.jpg\"", "").bytes(), (400, "not avatar")),
        ("its own type", "seed: payload", right().in_body("image/jpeg", "text/plain").bytes(), (400, "image type")),
        ("one part", "seed: payload", parts(&[(FILE, PICTURE), (FILE, PICTURE)]), (400, "exactly one")),
        ("no other field", "seed: payload", parts(&[field, (FILE, PICTURE)]), (400, "exactly one")),
        ("a picture", "seed", right().in_body(PICTURE, b"<html>").bytes(), (400, "no picture")),
        ("a form", "seed: payload", right().in_head("multipart/form-data", "text/plain").bytes(), (415, "form-data")),
        ("one key", "seed: payload", json_body(r#"{"avatarUrl":"http://127.0.0.1/","a":1}"#), (400, "nothing else")),
        ("that key", "seed: payload", json_body(r#"{"avatarURL":"http://127.0.0.1/"}"#), (400, "nothing else")),
        ("a text", "seed: payload", json_body(r#"{"avatarUrl":6}"#), (400, "nothing else")),
        ("an object", "seed: payload", json_body(r#"["http://127.0.0.1/"]"#), (400, "no JSON object")),
        ("strict JSON", "RFC 8259", json_body(r#"{"avatarUrl":"http://127.0.0.1/",}"#), (400, "no JSON object")),
        (
            "JSON as JSON",
            "seed: payload",
            by_url("6/avatar", "").in_head("application/json", "text/plain").bytes(),
            (415, "json"),
        ),
        ("a URL", "BACKENDS 2c", at("6.jpg"), (400, "cannot be fetched")),
        ("a URL that answers", "BACKENDS 2c", at("http://127.0.0.1:1/6.jpg"), (400, "cannot be fetched")),
        ("a URL that is there", "BACKENDS 2c", at(&format!("{}/gone", gallery.url())), (400, "status 404")),
        ("an image there", "BACKENDS 2c", at(&text), (400, "image type")),
        ("a picture there", "BACKENDS 2c", at(&lie), (400, "no picture")),
        (
            "bytes as image/jpeg",
            "seed: payload",
            by_bytes("6/avatarBytes").in_head("image/jpeg", "image/png").bytes(),
            (415, "image/jpeg"),
        ),
        ("a JPEG", "seed: payload", png.bytes(), (400, "no JPEG")),
    ]);
}

/// Sends each request to an instance where the user 6 has a picture.
fn refuse_all(rules: &[Broken]) {
    let stage = Stage::new(Paths::User);
    let kept = stage.set(&by_bytes("6/avatarBytes").in_body(PICTURE, OLD));
    rules::refuse_all(&stage.hub, rules, |hub| {
        let pictures: Vec<_> = hub.pictures().into_iter().collect();
        pictures != [(SIX, OLD.to_vec())] || hub.avatar_url(SIX).as_ref() != Some(&kept)
    });
}

#[test]
fn a_users_token_is_good_for_its_owner_only() {
    let stage = Stage::new(Paths::User);
    stage.hub.set_may_edit_others(false);
    let told = stage.tell(&by_bytes("6/avatarBytes").bytes());
    assert_eq!((told.status, stage.hub.pictures().len()), (403, 0), "[BACKENDS 2a: two kinds of token]");
    stage.set(&by_bytes("1/avatarBytes"));
    stage.hub.set_token("another");
    assert_eq!(stage.tell(&by_bytes("1/avatarBytes").bytes()).status, 401);
    assert_eq!(stage.tell(&ask("6/avatar").bytes()).status, 401, "[seed: all requests]");
}

#[test]
fn its_own_faults_are_in_its_own_words() {
    let stage = Stage::new(Paths::User);
    let error = json!({ "avatarUrl": null, "error": "something went wrong" });
    for (fault, status) in [
        (Fault::Status(400), 400),
        (Fault::Status(401), 401),
        (Fault::Status(404), 404),
        (Fault::Status(500), 500),
        (Fault::ErrorIn200, 200),
    ] {
        stage.hub.fault(fault, When::User("6".to_owned()));
        let told = stage.tell(&by_bytes("6/avatarBytes").bytes());
        assert_eq!((told.status, told.json()), (status, error.clone()), "{fault:?} [BACKENDS 2b: analogue]");
        assert_eq!(stage.tell(&by_bytes("1/avatarBytes").bytes()).status, 200, "another user");
        stage.hub.clear_faults();
    }
    for (fault, holds) in [
        (Fault::WrongJson, "\"status\""),
        (Fault::Unkept, "{\"avatarUrl\":\"https://"),
        (Fault::Echo { status: 400, behind: 0 }, TOKEN),
    ] {
        stage.hub.fault(fault, When::Next(1));
        assert!(stage.tell(&by_bytes("6/avatarBytes").bytes()).text().contains(holds), "{fault:?}");
    }
    assert_eq!(stage.hub.picture(SIX), None);
}
