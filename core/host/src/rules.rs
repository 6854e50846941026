//! What a plugin may ask for in one conversation: numbers used once, names that it was given, its own origins, and
//! requests that cannot be mistaken on the wire.
//!
//! Judges messages and performs nothing. What only the file system or the system itself can say is found out by whoever
//! performs the effect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use http::{HeaderName, HeaderValue};
use portraitd_sdk::message::http::{Base64, Body, Bytes, Content, Field, HttpRequest, Json, MAX_HEADERS, Part, Piece};
use portraitd_sdk::message::memory::{MAX_MEMORY, Memory, Remember};
use portraitd_sdk::message::{Effect, EffectId, MAX_RECEIPT, Need, Start, Step};
use portraitd_sdk::{Method, Text};
use serde_json::Value;
use url::Url;

/// The most effects that one conversation may ask for.
pub const MAX_EFFECTS: usize = 1_000;

/// The most bytes of a memory's key.
const MAX_KEY: usize = 200;

/// Headers that belong to the connection or to the host (RFC 9110, section 7.6.1, and RFC 9112).
const HOSTS_OWN: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// What was asked for so far, and what may be.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The renditions of this conversation with their lengths.
    renditions: BTreeMap<String, u64>,
    origins: BTreeSet<String>,
    open: BTreeSet<EffectId>,
    seen: BTreeSet<EffectId>,
}

impl Rules {
    /// The rules of a conversation of a backend with these origins.
    pub(crate) fn of(start: &Start, origins: &[String]) -> Self {
        let heads = start.photo.iter().flat_map(|photo| &photo.renditions);
        Self {
            renditions: heads.map(|head| (head.name.clone(), head.len)).collect(),
            origins: origins.iter().cloned().collect(),
            open: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Takes note that an effect is answered. Says whether it was open.
    pub(crate) fn answered(&mut self, id: EffectId) -> bool {
        self.open.remove(&id)
    }

    /// Judges a step: what the plugin did wrong, as a fragment that begins with "it".
    pub(crate) fn check(&mut self, step: &Step, has_task: bool) -> Result<(), String> {
        match step {
            Step::Need(_) if !has_task => Err("it waits for effects and gave no task to resume".into()),
            Step::Need(need) => self.check_need(need),
            Step::Done(done) => match done.receipt.to_string().len() {
                len if len > MAX_RECEIPT => {
                    Err(format!("its receipt has {len} bytes, more than the {MAX_RECEIPT} allowed"))
                }
                _ => Ok(()),
            },
            Step::Failed(_) => Ok(()),
        }
    }

    fn check_need(&mut self, need: &Need) -> Result<(), String> {
        for request in &need.effects {
            if !self.seen.insert(request.id) {
                return Err(format!("it used the effect number {} twice", request.id));
            }
            if self.seen.len() > MAX_EFFECTS {
                return Err(format!("it asked for more than {MAX_EFFECTS} effects in one conversation"));
            }
            self.check_effect(&request.effect)?;
            self.open.insert(request.id);
        }
        for id in &need.cancel {
            if !self.seen.contains(id) {
                return Err(format!("it cancelled effect {id}, which it never asked for"));
            }
            self.open.remove(id);
        }
        if self.open.is_empty() {
            return Err("it waits, and asks for nothing".into());
        }
        Ok(())
    }

    fn check_effect(&self, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::FilePut { path, rendition, .. } => {
                self.length_of(rendition)?;
                check_path(path)
            }
            Effect::FileRemove { path, .. } => check_path(path),
            Effect::Publish { rendition } => self.length_of(rendition).map(drop),
            Effect::Sleep { .. } => Ok(()),
            Effect::Http(request) => self.check_request(request),
            Effect::Recall { memory } | Effect::Forget { memory, .. } => self.check_memory(memory),
            Effect::Remember { memory, value, .. } => {
                self.check_memory(memory)?;
                check_remembered(memory, value)
            }
        }
    }

    fn length_of(&self, rendition: &str) -> Result<u64, String> {
        let found = self.renditions.get(rendition).copied();
        found.ok_or_else(|| format!("it names `{}`, a rendition that it was not given", rendition.escape_debug()))
    }

    fn check_memory(&self, memory: &Memory) -> Result<(), String> {
        let len = memory.key().len();
        if len == 0 || len > MAX_KEY {
            return Err(format!("it names a memory by {len} bytes; there must be 1 to {MAX_KEY}"));
        }
        match memory {
            Memory::Backend { .. } => Ok(()),
            Memory::Delivery { rendition, origin: told, .. } => {
                self.length_of(rendition)?;
                self.check_origin(&origin(told)?)
            }
        }
    }

    fn check_origin(&self, origin: &str) -> Result<(), String> {
        if self.origins.contains(origin) {
            return Ok(());
        }
        Err(format!("it calls `{}`, which is none of this backend's origins", origin.escape_debug()))
    }

    fn check_request(&self, request: &HttpRequest) -> Result<(), String> {
        let url = parse_url(&request.url)?;
        self.check_origin(&url.origin().ascii_serialization())?;
        if request.headers.len() > MAX_HEADERS {
            return Err(format!("it sends {} headers, more than the {MAX_HEADERS} allowed", request.headers.len()));
        }
        request.headers.iter().try_for_each(|header| self.check_header(header))?;
        self.check_fields(&request.query)?;
        match (&request.body, request.method) {
            (Some(_), Method::Get | Method::Head) => Err(format!("it sends a body with {}", request.method.word())),
            (Some(Body::Multipart(_)), _) if names(&request.headers, "content-type") => {
                Err("it sends a `content-type` with a multipart body, whose boundary is the host's".into())
            }
            (Some(body), _) => self.check_body(body),
            (None, _) => Ok(()),
        }
    }

    fn check_header(&self, header: &Field) -> Result<(), String> {
        let shown = header.name.escape_debug();
        let name =
            HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| format!("`{shown}` is no header name"))?;
        if HOSTS_OWN.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
            return Err(format!("it sends the header `{name}`, which is the host's own"));
        }
        let plain = header.value.0.iter().filter_map(|piece| match piece {
            Piece::Plain(text) => Some(text),
            _ => None,
        });
        for text in plain {
            HeaderValue::from_str(text).map_err(|_| format!("its header `{name}` holds a control character"))?;
        }
        self.check_text(&header.value)
    }

    fn check_fields(&self, fields: &[Field]) -> Result<(), String> {
        fields.iter().try_for_each(|field| self.check_text(&field.value))
    }

    fn check_text(&self, text: &Text) -> Result<(), String> {
        text.0.iter().try_for_each(|piece| match piece {
            Piece::Plain(_) | Piece::Secret(_) => Ok(()),
            Piece::Base64(Base64::Rendition(name)) => self.length_of(name).map(drop),
            Piece::Base64(Base64::Text(text)) => self.check_text(text),
        })
    }

    fn check_body(&self, body: &Body) -> Result<(), String> {
        match body {
            Body::Text(text) => self.check_text(text),
            Body::Json(json) => self.check_json(json),
            Body::Form(fields) => self.check_fields(fields),
            Body::Rendition(bytes) => self.check_bytes(bytes),
            Body::Multipart(parts) => parts.iter().try_for_each(|part| self.check_part(part)),
        }
    }

    fn check_json(&self, json: &Json) -> Result<(), String> {
        json.fill.iter().try_for_each(|(pointer, text)| {
            if !has_place(&json.value, pointer) {
                return Err(format!("its JSON has no place `{}` to fill in", pointer.escape_debug()));
            }
            self.check_text(text)
        })
    }

    fn check_part(&self, part: &Part) -> Result<(), String> {
        let words = [Some(&part.name), part.file_name.as_ref(), part.mime.as_ref()];
        if words.into_iter().flatten().any(|word| word.chars().any(char::is_control)) {
            return Err("it names a part of the body with a control character".into());
        }
        match &part.content {
            Content::Text(text) => self.check_text(text),
            Content::Rendition(bytes) => self.check_bytes(bytes),
        }
    }

    fn check_bytes(&self, bytes: &Bytes) -> Result<(), String> {
        let len = self.length_of(&bytes.rendition)?;
        match bytes.range {
            Some((first, end)) if first >= end || end > len => {
                Err(format!("it sends the bytes {first} to {end} of a rendition that has {len}"))
            }
            _ => Ok(()),
        }
    }
}

fn names(headers: &[Field], name: &str) -> bool {
    headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
}

fn parse_url(text: &str) -> Result<Url, String> {
    let shown = text.escape_debug();
    let url = Url::parse(text).map_err(|error| format!("it calls `{shown}`, which is no URL: {error}"))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain {
        return Err(format!("it calls `{shown}`: a URL is http or https, without user, password and fragment"));
    }
    Ok(url)
}

/// The origin in its one form: scheme, host, and the port where it is not the scheme's own.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let url = parse_url(text)?;
    if url.path() != "/" || url.query().is_some() {
        return Err(format!("it names the origin `{}`, which has a path", text.escape_debug()));
    }
    Ok(url.origin().ascii_serialization())
}

/// Whether a JSON pointer leads to a value, or to a key that an object can take.
fn has_place(value: &Value, pointer: &str) -> bool {
    let Some((parent, _)) = pointer.rsplit_once('/') else { return false };
    value.pointer(pointer).is_some() || value.pointer(parent).is_some_and(Value::is_object)
}

fn check_remembered(memory: &Memory, value: &Remember) -> Result<(), String> {
    let len = match value {
        Remember::Value(value) => value.to_string().len(),
        Remember::Secret(_) if matches!(memory, Memory::Delivery { .. }) => {
            return Err("it would write a secret down: secrets are remembered for a backend only".into());
        }
        Remember::Secret(secret) if secret.is_empty() => return Err("it remembers an empty secret".into()),
        Remember::Secret(secret) => secret.len(),
    };
    if len > MAX_MEMORY {
        return Err(format!("it remembers {len} bytes, more than the {MAX_MEMORY} allowed"));
    }
    Ok(())
}

/// Whether a path stays below its directory. What the file system has against it is found out by who performs it.
fn check_path(path: &str) -> Result<(), String> {
    let parts = Path::new(path).components();
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if path.is_empty() || path.contains('\0') || !parts.into_iter().all(plain) {
        return Err(format!("it names the path `{}`, which is not relative and plain", path.escape_debug()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use portraitd_sdk::Secret;
    use portraitd_sdk::message::Request;
    use serde_json::json;

    use super::*;

    const HERE: &str = "https://chat.example.com";

    fn rules() -> Rules {
        Rules {
            renditions: BTreeMap::from([("thumb".into(), 10)]),
            origins: BTreeSet::from([HERE.into()]),
            open: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    fn sleep(id: EffectId) -> Request {
        Request { id, effect: Effect::Sleep { ms: 1 } }
    }

    fn need(effects: Vec<Request>, cancel: Vec<EffectId>) -> Step {
        Step::Need(Need { effects, cancel })
    }

    fn put(path: &str, rendition: &str) -> Step {
        let (directory, path, rendition) = ("path".into(), path.into(), rendition.into());
        need(vec![Request { id: 1, effect: Effect::FilePut { directory, path, rendition } }], vec![])
    }

    /// What is wrong with an effect.
    fn wrong(effect: Effect) -> String {
        rules().check(&need(vec![Request { id: 1, effect }], vec![]), true).unwrap_err()
    }

    fn here() -> HttpRequest {
        HttpRequest::post(format!("{HERE}/api"))
    }

    fn wrong_request(request: HttpRequest) -> String {
        wrong(Effect::Http(request))
    }

    #[test]
    fn a_number_is_used_once() {
        let mut rules = rules();
        rules.check(&need(vec![sleep(1), sleep(2)], vec![]), true).unwrap();
        let again = rules.check(&need(vec![sleep(2)], vec![]), true).unwrap_err();
        assert_eq!(again, "it used the effect number 2 twice");
    }

    #[test]
    fn the_thousand_and_first_effect_is_too_many() {
        let mut rules = rules();
        rules.check(&need((1..=1_000).map(sleep).collect(), vec![]), true).unwrap();
        assert!(rules.check(&need(vec![sleep(1_001)], vec![]), true).unwrap_err().contains("more than 1000"));
    }

    #[test]
    fn waiting_for_nothing_is_refused() {
        assert!(rules().check(&need(vec![], vec![]), true).is_err());
        assert!(rules().check(&need(vec![sleep(1)], vec![1]), true).is_err());
    }

    #[test]
    fn only_effects_that_were_asked_for_are_cancelled() {
        let why = rules().check(&need(vec![sleep(1)], vec![9]), true).unwrap_err();
        assert_eq!(why, "it cancelled effect 9, which it never asked for");
    }

    #[test]
    fn a_need_without_a_task_is_refused() {
        assert!(rules().check(&need(vec![sleep(1)], vec![]), false).is_err());
    }

    #[test]
    fn a_path_that_leaves_its_directory_is_refused() {
        rules().check(&put("ada/thumb.jpg", "thumb"), true).unwrap();
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a\0b", "./x"] {
            assert!(rules().check(&put(path, "thumb"), true).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_rendition_that_was_not_given_is_refused_wherever_it_is_named() {
        assert!(rules().check(&put("x.jpg", "poster"), true).unwrap_err().contains("`poster`"));
        let poster = Bytes { rendition: "poster".into(), range: None };
        let part = Part { name: "f".into(), file_name: None, mime: None, content: Content::Rendition(poster.clone()) };
        let bodies = [
            Body::Rendition(poster),
            Body::Multipart(vec![part]),
            Body::Text(Text::base64_rendition("poster")),
            Body::Form(vec![Field { name: "f".into(), value: Text::base64(Text::base64_rendition("poster")) }]),
        ];
        for body in bodies {
            let why = wrong_request(HttpRequest { body: Some(body), ..here() });
            assert_eq!(why, "it names `poster`, a rendition that it was not given");
        }
    }

    #[test]
    fn a_range_lies_within_its_rendition() {
        let range = |first, end| {
            let bytes = Bytes { rendition: "thumb".into(), range: Some((first, end)) };
            HttpRequest { body: Some(Body::Rendition(bytes)), ..here() }
        };
        rules().check_request(&range(0, 10)).unwrap();
        for (first, end) in [(0, 11), (5, 5), (6, 5), (u64::MAX, 0)] {
            assert!(wrong_request(range(first, end)).contains("of a rendition that has 10"), "{first} {end}");
        }
    }

    #[test]
    fn only_the_backends_own_origins_are_called() {
        for url in [
            "https://evil.example.com/",
            "http://chat.example.com/",
            "https://chat.example.com:8443/",
            "https://chat.example.com.evil.example.com/",
            "https://chat.example.com@evil.example.com/",
            "https://user:pass@chat.example.com/",
            "https://chat.example.com/#x",
            "file:///etc/passwd",
            "//chat.example.com/",
            "https://",
            "",
        ] {
            wrong_request(HttpRequest::get(url));
        }
        for url in ["https://CHAT.example.com:443/x?y=z", "https://chat.example.com"] {
            rules().check_request(&HttpRequest::get(url)).unwrap();
        }
    }

    #[test]
    fn headers_cannot_be_smuggled_in() {
        for (name, value) in [("x", "a\r\nhost: b"), ("x", "a\0"), ("x y", "a"), ("", "a"), ("x\n", "a"), ("x:", "a")] {
            wrong_request(here().header(name, value));
        }
        for name in ["Host", "content-length", "Transfer-Encoding", "connection", "Proxy-Authorization", "User-Agent"] {
            assert!(wrong_request(here().header(name, "1")).ends_with("which is the host's own"), "{name}");
        }
        let many = (0..65).fold(here(), |request, n| request.header(format!("x-{n}"), "1"));
        assert!(wrong_request(many).contains("65 headers"));
        let boundary = here().multipart([]).header("Content-Type", "multipart/form-data; boundary=x");
        assert!(wrong_request(boundary).contains("boundary"));
        let part = Part::field("a\r\nx: y", "b");
        assert!(wrong_request(here().multipart([part])).contains("control character"));
    }

    #[test]
    fn a_question_has_no_body() {
        assert_eq!(wrong_request(HttpRequest::get(HERE).text("x")), "it sends a body with GET");
    }

    #[test]
    fn only_places_that_are_there_are_filled_in() {
        let json = |pointer: &str| here().json(json!({ "a": [1], "b": {} })).fill(pointer, &Secret::handle("x"));
        for pointer in ["/a/0", "/b/new", "/new", "/b"] {
            rules().check_request(&json(pointer)).unwrap();
        }
        for pointer in ["", "a", "/a/1", "/c/d", "/a/x"] {
            assert!(wrong_request(json(pointer)).contains("to fill in"), "{pointer}");
        }
    }

    #[test]
    fn memories_are_small_and_hold_no_secret_that_is_written_down() {
        let backend = |key: &str| Memory::Backend { key: key.into() };
        let delivery = |rendition: &str, origin: &str| Memory::Delivery {
            key: "upload".into(),
            rendition: rendition.into(),
            origin: origin.into(),
        };
        let remember = |memory, value| Effect::Remember { memory, value, ttl_ms: None };
        for memory in [backend(""), backend(&"x".repeat(201)), delivery("poster", HERE), delivery("thumb", "https://b")]
        {
            wrong(Effect::Recall { memory });
        }
        wrong(remember(backend("k"), Remember::Value("x".repeat(MAX_MEMORY).into())));
        wrong(remember(backend("k"), Remember::Secret(String::new())));
        let why = wrong(remember(delivery("thumb", HERE), Remember::Secret("s".into())));
        assert!(why.contains("would write a secret down"), "{why}");
        for origin in [HERE, "https://Chat.example.com:443"] {
            rules().check_effect(&remember(delivery("thumb", origin), Remember::Value(7.into()))).unwrap();
        }
    }

    #[test]
    fn an_origin_has_one_form() {
        assert_eq!(origin("HTTPS://Chat.Example.com:443/").unwrap(), HERE);
        assert_eq!(origin("http://127.0.0.1:3000").unwrap(), "http://127.0.0.1:3000");
        for wrong in ["https://x/path", "https://x?y", "chat.example.com", "ftp://x"] {
            origin(wrong).unwrap_err();
        }
    }

    #[test]
    fn an_overlong_receipt_is_refused() {
        let done = portraitd_sdk::message::Done {
            outcome: portraitd_sdk::message::Outcome::Changed,
            receipt: "x".repeat(MAX_RECEIPT).into(),
            notes: vec![],
        };
        assert!(rules().check(&Step::Done(done), true).is_err());
    }
}
