//! The simulator of Staffbase against a raw client that keeps its rules once and breaks each once. What passes here is
//! what the stories about the backend may lean on. Nothing here runs portraitd.
//!
//! Marks: `seed` is the public page "Update the avatar using the User API", `BACKENDS` the notes on what else is publicly
//! known, by section; a rule of forms, JSON or filters names its RFC. The rules of HTTP itself are those of every
//! simulator, and `rocketchat_simulator` breaks them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    photos::{Picture, plain, portrait},
    raw::{BOUNDARY, Draft, Told, Wire, form},
    rules::{self, Broken},
    simulators::{
        faults::{Fault, When},
        staffbase::{Lookup, Manners, Size, Staffbase, TOKEN},
    },
};

const FILE: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"thumb.jpg\"\r\nContent-Type: image/jpeg";
const SEARCH_TYPE: &str = "application/vnd.staffbase.accessors.users-search.v1+json";

/// An app with the user `4711`.
struct Stage {
    app: Staffbase,
    id: String,
}

impl Stage {
    fn new() -> Self {
        let app = Staffbase::start();
        let id = app.add_user("4711");
        Self { app, id }
    }

    fn with(change: impl FnOnce(&mut Manners)) -> Self {
        let stage = Self::new();
        stage.app.set_manners(change);
        stage
    }

    fn host(&self) -> String {
        self.app.url().replace("http://", "")
    }

    fn tell(&self, draft: &Draft) -> Told {
        Wire::connect(self.host().parse().unwrap()).unwrap().exchange(&draft.bytes()).unwrap()
    }

    /// A request with the token, and with a body where it has a type.
    fn draft(&self, line: &str, kind: Option<&str>, body: &[u8]) -> Draft {
        let (host, token) = (format!("Host: {}", self.host()), format!("Authorization: Basic {TOKEN}"));
        let kind = kind.map(|kind| format!("Content-Type: {kind}"));
        let line = format!("{line} HTTP/1.1");
        let lines: Vec<&str> = [&line, &host, &token].into_iter().chain(&kind).map(String::as_str).collect();
        Draft::new(&lines, body)
    }

    fn get(&self, path: &str) -> Told {
        self.tell(&self.draft(&format!("GET {path}"), None, b""))
    }

    /// The upload of a picture as the document wants it.
    fn upload(&self, picture: &[u8]) -> Draft {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.draft("POST /api/media", Some(&kind), &form(&[(FILE, picture)]))
    }

    /// Uploads a picture and answers where it lies.
    fn uploaded(&self, picture: &[u8]) -> String {
        let told = self.tell(&self.upload(picture));
        assert_eq!(told.status, 201, "{}", told.text());
        told.json()["resourceInfo"]["url"].as_str().unwrap().to_owned()
    }

    /// Uploads the three pictures of an avatar, and answers the avatar.
    fn avatar(&self) -> Value {
        let url = |width, height| self.uploaded(&plain(width, height, [90, 120, 150]));
        json!({
            "original": { "url": url(300, 400), "width": 300, "height": 400 },
            "icon": { "url": url(48, 48) },
            "thumb": { "url": url(200, 200) },
        })
    }

    fn update(&self, avatar: &Value) -> Draft {
        self.update_with(json!({ "avatar": avatar }).to_string())
    }

    fn update_with(&self, body: impl AsRef<[u8]>) -> Draft {
        self.draft(&format!("POST /api/users/{}", self.id), Some("application/json"), body.as_ref())
    }

    fn search(&self, filter: &str) -> Told {
        let line = format!("GET /api/users/search?filter={}&limit=100", encoded(filter));
        self.tell(&self.draft(&line, None, b"").with_line(&format!("Accept: {SEARCH_TYPE}")))
    }

    fn list(&self, filter: &str) -> Told {
        self.get(&format!("/api/users?filter={}", encoded(filter)))
    }
}

fn thumb() -> Vec<u8> {
    plain(200, 200, [90, 120, 150])
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn refused(told: &Told, status: u16, words: &str) {
    assert_eq!(told.status, status, "{}", told.text());
    assert!(told.json()["message"].as_str().unwrap().contains(words), "{} [BACKENDS 1b]", told.text());
}

#[test]
fn three_pictures_become_an_avatar() {
    let stage = Stage::new();
    let avatar = stage.avatar();
    let told = stage.tell(&stage.update(&avatar));
    assert_eq!((told.status, &told.json()["id"]), (200, &stage.id.clone().into()), "[BACKENDS 1b]");
    let shown = &told.json()["avatar"];
    assert_eq!(shown["original"]["height"], 400, "[BACKENDS 1b: avatar model]");
    for size in Size::ALL {
        let name = format!("{size:?}").to_lowercase();
        assert_eq!(shown[&name]["url"], avatar[&name]["url"], "{name}");
        let picture = Picture::decode(&name, &stage.app.picture(&stage.id, size).unwrap());
        assert_eq!(picture.width, size.side().unwrap_or(300));
    }
    assert_eq!((stage.app.updates(&stage.id), stage.app.own_updates()), (1, 0));
    let sizes: Vec<_> = stage.app.uploads().iter().map(|upload| upload.size).collect();
    assert_eq!(sizes, [(300, 400), (48, 48), (200, 200)]);
    let again = stage.get(&format!("/api/users/{}", stage.id)).json();
    assert_eq!(again, told.json(), "[BACKENDS 1b]");
}

#[test]
fn an_original_alone_is_used_for_all_sizes() {
    let stage = Stage::new();
    let mut avatar = stage.avatar();
    avatar.as_object_mut().unwrap().retain(|size, _| size == "original");
    assert_eq!(stage.tell(&stage.update(&avatar)).status, 200, "[seed: introduction]");
    let original = stage.app.picture(&stage.id, Size::Original);
    assert!(original.is_some());
    assert_eq!(stage.app.picture(&stage.id, Size::Icon), original, "[seed: introduction]");
    assert_eq!(stage.app.avatar_urls(&stage.id).len(), 1);
}

#[test]
fn every_allowed_form_is_taken() {
    let stage = Stage::new();
    let png = portrait("portrait.png");
    let as_png = stage.upload(&png).in_body("image/jpeg", "image/png").in_body("thumb.jpg", "Original.png");
    assert_eq!(stage.tell(&as_png).status, 201, "a PNG [seed: step 1]");
    assert_eq!(stage.tell(&stage.upload(&thumb())).status, 201, "a JPEG [BACKENDS 1e]");
    let chunked = stage.upload(&thumb()).chunked();
    assert_eq!(Wire::connect(stage.host().parse().unwrap()).unwrap().exchange(&chunked).unwrap().status, 201);
    let avatar = stage.avatar();
    let put = stage.update(&avatar).in_head("POST", "PUT");
    assert_eq!(stage.tell(&put).status, 200, "PUT [BACKENDS 1f]");
    stage.app.allow_domain("cdn.mediaserver.com");
    let external = json!({ "original": { "url": "https://cdn.mediaserver.com/x.png", "width": 2000, "height": 1500 } });
    assert_eq!(stage.tell(&stage.update(&external)).status, 200, "an allow-listed media server [seed: prerequisites]");
    assert_eq!(stage.app.avatar_urls(&stage.id)[&Size::Original], "https://cdn.mediaserver.com/x.png");
    assert_eq!(stage.get("/api/users/me").json()["externalID"], "portraitd", "[BACKENDS 1d: token check]");
}

/// A rule with the draft of a request that breaks it.
type Drafted = (&'static str, &'static str, Draft, (u16, &'static str));

fn refuse_all(stage: &Stage, rules: &[Drafted]) {
    let rules: Vec<Broken> =
        rules.iter().map(|(rule, mark, draft, refusal)| (*rule, *mark, draft.bytes(), *refusal)).collect();
    let uploads = stage.app.uploads().len();
    rules::refuse_all(&stage.app, &rules, |app| {
        (app.uploads().len(), app.updates(&stage.id), app.own_updates()) != (uploads, 0, 0)
    });
}

#[test]
fn each_rule_of_the_token_is_kept_up() {
    let stage = Stage::new();
    let right = || stage.upload(&thumb());
    let twice = "TldSaU1ESXlNV1F3WVRBNVlUSXhPV00wWTJVNU1qRTRPbVZ6TFdsemRDMWxhVzR0Vkc5clpXND0=";
    refuse_all(
        &stage,
        &[
            ("a token", "seed: step 1", right().without("Authorization"), (401, "the token")),
            ("the right token", "BACKENDS 1c", right().in_head(TOKEN, "x"), (401, "the token")),
            ("Basic", "BACKENDS 1a", right().in_head("Basic", "Bearer"), (401, "the token")),
            ("not encoded again", "BACKENDS 1a", right().in_head(TOKEN, twice), (401, "the token")),
        ],
    );
    stage.app.set_manners(|manners| manners.is_administrator = false);
    let rule = ("administrative access", "seed: prerequisites", right(), (403, "administrative"));
    refuse_all(&stage, &[rule]);
    let urllib = stage.tell(&right().with_line("User-Agent: Python-urllib/3.11"));
    assert_eq!((urllib.status, urllib.header("content-type")), (403, Some("text/html")), "[BACKENDS 1c]");
}

#[test]
fn each_rule_of_an_upload_is_kept_up() {
    let stage = Stage::new();
    let picture = thumb();
    let right = || stage.upload(&picture);
    let part = |head: &str| Draft { body: form(&[(head, &picture)]), ..right() };
    let twice = Draft { body: form(&[(FILE, &picture), (FILE, &picture)]), ..right() };
    let with_field = form(&[("Content-Disposition: form-data; name=\"type\"", b"image"), (FILE, &picture)]);
    let cut = stage.upload(&picture[..picture.len() - 2]);
    stage.app.set_manners(|manners| manners.file_max = 30_000);
    let large = [&picture[..2], &[0xff, 0xfe, 0x75, 0x30], &[b'x'; 29_998], &picture[2..]].concat();
    refuse_all(
        &stage,
        &[
            ("POST", "seed: step 1", right().in_head("POST", "PUT"), (405, "method")),
            ("the path", "seed: step 1", right().in_head("/media", "/medias"), (404, "nothing here")),
            ("below /api", "seed: step 1", right().in_head("/api", ""), (404, "nothing here")),
            ("no query", "seed: step 1", right().in_head("/media", "/media?a=b"), (404, "nothing here")),
            ("a form", "seed: step 1", right().in_head("multipart/form-data", "image/jpeg"), (415, "multipart")),
            ("a type", "seed: step 1", right().without("Content-Type"), (415, "multipart")),
            ("a boundary", "RFC 2046 5.1.1", right().in_head(BOUNDARY, "other"), (400, "begin")),
            ("the part file", "seed: step 1", right().in_body("\"file\"", "\"image\""), (400, "part file")),
            ("a file name", "seed: step 1", right().in_body("; filename=\"thumb.jpg\"", ""), (400, "with its name")),
            ("one file", "seed: step 1", twice, (400, "one part")),
            ("no other field", "seed: step 1", Draft { body: with_field, ..right() }, (400, "one part")),
            ("a part", "seed: step 1", Draft { body: b"".to_vec(), ..right() }, (400, "begin")),
            ("a picture", "BACKENDS 1e", right().in_body([0xff, 0xd8], "GI"), (415, "no whole picture")),
            ("a whole picture", "BACKENDS 1e", cut, (415, "no whole picture")),
            ("its own type", "BACKENDS 1e", right().in_body("image/jpeg", "image/png"), (415, "type image/jpeg")),
            ("a typed part", "BACKENDS 1e", part(&FILE.replace("\r\nContent-Type: image/jpeg", "")), (415, "type")),
            ("25 MB", "BACKENDS 1e", stage.upload(&large), (413, "too large")),
        ],
    );
    assert_eq!(Manners::default().file_max, 25_000_000, "[BACKENDS 1e]");
}

#[test]
fn each_rule_of_an_update_is_kept_up() {
    let stage = Stage::new();
    let avatar = stage.avatar();
    let other = |pointer: &str, value: Value| {
        let mut avatar = avatar.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = avatar.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => parent.remove(key),
            value => parent.insert(key.to_owned(), value),
        };
        stage.update(&avatar)
    };
    let text = json!({ "avatar": avatar }).to_string();
    let trailing_comma = text.replacen("}}", "},}", 1);
    let single_quotes = text.replace('"', "'");
    let right = || stage.update(&avatar);
    let icon = avatar["icon"]["url"].clone();
    refuse_all(
        &stage,
        &[
            ("POST", "seed: step 2", right().in_head("POST", "DELETE"), (405, "method")),
            (
                "a known user",
                "seed: step 2",
                right().in_head(&stage.id, "5db0221d0a09a219c4ce9218"),
                (404, "no such user"),
            ),
            ("an id", "BACKENDS 1d", right().in_head(&stage.id, "4711"), (404, "no such user")),
            (
                "no query",
                "seed: step 2",
                right().in_head(&stage.id, format!("{}?a=b", stage.id)),
                (404, "nothing here"),
            ),
            ("JSON", "seed: step 2", right().in_head("application/json", "text/plain"), (415, "application/json")),
            ("strict JSON", "BACKENDS 1f", stage.update_with(trailing_comma), (400, "no JSON object")),
            ("double quotes", "BACKENDS 1f", stage.update_with(single_quotes), (400, "no JSON object")),
            ("an avatar", "seed: step 2", stage.update_with("{}"), (400, "no avatar")),
            ("not in a profile", "seed: step 2", stage.update_with(r#"{"profile":{"avatar":{}}}"#), (400, "no avatar")),
            ("nothing beside it", "seed: step 2", right().in_body("{", r#"{"id":"x","#), (400, "unknown")),
            ("no other size", "seed: image types", other("/small", json!({ "url": icon })), (400, "unknown")),
            ("an original", "seed: introduction", other("/original", Value::Null), (400, "no original")),
            ("a url", "seed: step 2", other("/icon/url", Value::Null), (400, "icon: it has no url")),
            ("a text as url", "seed: step 2", other("/thumb/url", json!(7)), (400, "thumb: it has no url")),
            ("an absolute url", "seed: step 2", other("/icon/url", json!("/api/media/x")), (400, "not absolute")),
            ("a url without spaces", "RFC 3986 2", other("/icon/url", json!("https://x/a b")), (400, "not absolute")),
            ("a width", "seed: step 2", other("/original/width", Value::Null), (400, "no width and height")),
            (
                "a height as number",
                "seed: step 2",
                other("/original/height", json!("400")),
                (400, "no width and height"),
            ),
            ("the real size", "seed: step 2", other("/original/width", json!(2000)), (400, "has 300x400")),
            ("only a url", "seed: step 2", other("/icon/width", json!(48)), (400, "icon: it has a field")),
            ("an icon of 48x48", "seed: image types", other("/icon", avatar["thumb"].clone()), (400, "has 200x200")),
            ("a thumb of 200x200", "seed: image types", other("/thumb", avatar["icon"].clone()), (400, "has 48x48")),
            (
                "an allow-listed domain",
                "seed: prerequisites",
                other("/icon/url", json!("https://cdn.mediaserver.com/x.png")),
                (400, "cdn.mediaserver.com is not allow-listed"),
            ),
            (
                "known media",
                "unverified",
                other("/icon/url", json!(format!("{}/api/media/x.jpg", stage.app.url()))),
                (400, "no such media"),
            ),
        ],
    );
    assert_eq!(stage.tell(&right()).status, 200, "nothing else was wrong");
}

#[test]
fn the_callers_own_avatar_can_be_changed_and_that_is_counted() {
    let stage = Stage::new();
    let own = stage.update(&stage.avatar()).in_head(&stage.id, "me");
    assert_eq!(stage.tell(&own).status, 200, "[BACKENDS 1d: token check]");
    assert_eq!((stage.app.own_updates(), stage.app.updates(&stage.id)), (1, 0));
}

#[test]
fn uploads_are_answered_in_each_form() {
    let answer = |change: fn(&mut Manners)| {
        let stage = Stage::with(change);
        let told = stage.tell(&stage.upload(&thumb()));
        (stage, told)
    };
    let (stage, told) = answer(|manners| manners.media_status = 200);
    let url = told.json()["resourceInfo"]["url"].as_str().unwrap().to_owned();
    assert_eq!(told.status, 200, "[BACKENDS 1b]");
    assert!(url.starts_with(&format!("{}/api/media/secure/external/v2/", stage.app.url())), "[BACKENDS 1a] {url}");
    let (_, told) = answer(|manners| manners.relative_urls = true);
    let url = told.json()["resourceInfo"]["url"].as_str().unwrap().to_owned();
    assert!(told.status == 201 && url.starts_with("/api/media/secure/"), "[BACKENDS 1g] {url}");
    assert_eq!(told.json()["id"].as_str().unwrap().len(), 24, "[BACKENDS 1b]");
    assert_eq!(told.json()["fileName"], "thumb.jpg", "[BACKENDS 1b]");
}

#[test]
fn an_update_may_be_answered_without_the_user() {
    let stage = Stage::with(|manners| manners.update_status = 204);
    let told = stage.tell(&stage.update(&stage.avatar()));
    assert_eq!((told.status, told.body.len(), told.header("content-length")), (204, 0, None), "[BACKENDS 1b]");
    assert_eq!(stage.app.updates(&stage.id), 1);
}

#[test]
fn secure_media_is_given_to_the_token_only() {
    let stage = Stage::new();
    let picture = thumb();
    let url = stage.uploaded(&picture);
    let get = || stage.draft(&format!("GET {}", url.replace(&stage.app.url(), "")), None, b"");
    let told = stage.tell(&get());
    assert_eq!((told.status, told.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(told.body, picture);
    refused(&stage.tell(&get().without("Authorization")), 401, "the token");
    refused(&stage.get("/api/media/secure/x.jpg"), 404, "no such media");
    stage.app.set_manners(|manners| manners.secure_media = false);
    assert_eq!(stage.tell(&get().without("Authorization")).body, picture, "[BACKENDS 1e]");
}

#[test]
fn media_that_no_avatar_shows_can_be_lost() {
    let stage = Stage::new();
    let shown = stage.avatar();
    assert_eq!(stage.tell(&stage.update(&shown)).status, 200);
    let unused = stage.avatar();
    stage.app.lose_unused_media();
    for status in [400, 404] {
        stage.app.set_manners(|manners| manners.gone_status = status);
        refused(&stage.tell(&stage.update(&unused)), status, "no such media");
    }
    assert_eq!(stage.tell(&stage.update(&shown)).status, 200, "what is shown stays");
    assert_eq!((stage.app.updates(&stage.id), stage.app.uploads().len()), (2, 6));
    let gone = unused["icon"]["url"].as_str().unwrap().replace(&stage.app.url(), "");
    refused(&stage.get(&gone), 404, "no such media");
}

/// The external ids and ids in an answer, of whatever form.
fn users(told: &Told) -> BTreeMap<String, String> {
    let json = told.json();
    let entries = json["entries"].as_array().or_else(|| json["data"].as_array()).unwrap().clone();
    assert_eq!(json["total"], entries.len(), "{json}");
    let user = |entry: &Value| {
        let user = entry.get("data").unwrap_or(entry);
        let external_id = user["externalId"].as_str().or_else(|| user["externalID"].as_str()).unwrap();
        (external_id.to_owned(), user["id"].as_str().unwrap().to_owned())
    };
    entries.iter().map(user).collect()
}

#[test]
fn users_are_found_in_each_generations_form() {
    let stage = Stage::new();
    for external_id in ["47110", "ada", "Ada", "a\"b\\c"] {
        stage.app.add_user(external_id);
    }
    let found = |told: &Told| users(told).into_keys().collect::<Vec<_>>();
    let told = stage.search("externalId eq \"4711\"");
    let entry = json!({ "total": 1, "entries": [{ "data": { "id": stage.id, "externalId": "4711" } }] });
    assert_eq!(told.json(), entry, "[BACKENDS 1d: search reply]");
    assert_eq!(found(&stage.search("externalId co \"4711\"")), ["4711", "47110"], "[BACKENDS 1d: contains]");
    assert_eq!(found(&stage.search("externalid EQ \"ADA\"")), ["Ada", "ada"], "[RFC 7644 3.4.2.2, RFC 7643 2.2]");
    assert_eq!(found(&stage.search(r#"externalId eq "a\"b\\c""#)), ["a\"b\\c"], "[RFC 7644 3.4.2.2]");
    assert_eq!(found(&stage.search("externalId eq \"nobody\"")), Vec::<String>::new());

    stage.app.set_manners(|manners| manners.lookup = Lookup::SearchAsList);
    let told = stage.search("externalId eq \"4711\"");
    assert_eq!((users(&told)["4711"].as_str(), &told.json()["data"][0]["externalID"]), (&*stage.id, &"4711".into()));

    stage.app.set_manners(|manners| manners.lookup = Lookup::ListOnly);
    refused(&stage.search("externalId eq \"4711\""), 404, "no such user");
    assert_eq!(users(&stage.list("externalID eq \"4711\""))["4711"], stage.id, "[BACKENDS 1d: older servers]");

    stage.app.set_manners(|manners| manners.lookup = Lookup::Unfiltered);
    assert_eq!(users(&stage.list("externalID eq \"4711\"")).len(), 6);
    let page = stage.get("/api/users?limit=2&offset=1").json();
    assert_eq!((&page["total"], page["data"].as_array().unwrap().len()), (&6.into(), 2), "[BACKENDS 1d: listing]");
    let seen = stage.app.seen();
    assert_eq!(seen[0].user.as_deref(), Some("4711"), "a fault can strike one user's lookup");
}

#[test]
fn each_rule_of_a_lookup_is_kept_up() {
    let stage = Stage::new();
    let search = |query: &str| {
        let draft = stage.draft(&format!("GET /api/users/search?{query}"), None, b"");
        draft.with_line(&format!("Accept: {SEARCH_TYPE}"))
    };
    let filter = |filter: &str| search(&format!("filter={}", encoded(filter)));
    refuse_all(
        &stage,
        &[
            ("its type", "BACKENDS 1d", filter("externalId eq \"a\"").without("Accept"), (406, "own type")),
            ("a known parameter", "BACKENDS 1d", search("externalId=4711"), (400, "unknown")),
            ("a limit", "BACKENDS 1d", search("limit=1001"), (400, "1 to 1000")),
            ("a limit above 0", "BACKENDS 1d", search("limit=0"), (400, "1 to 1000")),
            ("a limit in digits", "BACKENDS 1d", search("limit=all"), (400, "no number")),
            ("an encoded query", "RFC 3986 2.1", search("filter=%zz"), (400, "encoded")),
            ("a whole filter", "RFC 7644 3.4.2.2", filter("externalId eq"), (400, "grammar")),
            ("a known attribute", "BACKENDS 1d", filter("me eq \"4711\""), (400, "grammar")),
            ("a known operator", "RFC 7644 3.4.2.2", filter("externalId is \"4711\""), (400, "grammar")),
            ("a quoted value", "RFC 7644 3.4.2.2", filter("externalId eq 4711"), (400, "grammar")),
            ("escaped quotes", "RFC 7644 3.4.2.2", filter("externalId eq \"a\"b\""), (400, "grammar")),
            ("nothing behind it", "RFC 7644 3.4.2.2", filter("externalId eq \"a\" or id pr"), (400, "grammar")),
        ],
    );
}

#[test]
fn faults_strike_updates_and_are_worded_as_the_app_words_them() {
    let stage = Stage::new();
    let avatar = stage.avatar();
    stage.app.fault(Fault::Status(500), When::Next(1));
    assert_eq!(stage.tell(&stage.upload(&thumb())).status, 201, "no update");
    refused(&stage.tell(&stage.update(&avatar)), 500, "cannot be done");
    stage.app.fault_everywhere(Fault::Echo { status: 401, behind: 3 }, When::Next(1));
    refused(&stage.tell(&stage.upload(&thumb())), 401, &format!("---authorization: Basic {TOKEN}"));
    stage.app.fault(Fault::Status(502), When::User(stage.id.clone()));
    let page = stage.tell(&stage.update(&avatar));
    assert_eq!((page.status, page.header("content-type")), (502, Some("text/html")));
    assert_eq!((stage.app.updates(&stage.id), stage.app.struck().len()), (0, 3));
    stage.app.clear_faults();
    assert_eq!(stage.tell(&stage.update(&avatar)).status, 200);
    stage.app.set_token("other");
    refused(&stage.tell(&stage.update(&avatar)), 401, "the token");
    stage.app.set_token(TOKEN);
    stage.app.remove_user(&stage.id);
    refused(&stage.tell(&stage.update(&avatar)), 404, "no such user");
    let seen = stage.app.seen();
    let upload = &seen[3];
    assert_eq!((upload.path.as_str(), upload.picture), ("/api/media", Some(stage.app.uploads()[3].picture)));
    assert_eq!((seen[4].user.as_ref(), seen[4].method.as_str()), (Some(&stage.id), "POST"));
}
