//! The messages of ABI 1.1 as they lie in `golden/`: one file for each kind, as this sdk writes it and reads it. A file
//! is added with a new kind and never changed: plugins that are built already speak like this.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::time::Duration;

use portraitd_sdk::message::http::{Body, Bytes, Content, Field, Header, HttpReply, Json};
use portraitd_sdk::message::memory::{Recalled, Remember, Remembered};
use portraitd_sdk::message::{
    Answer, Description, Done, Effect, EffectErrorKind, EffectKind, EffectResult, Example, Level, LogLine, Need, Open,
    Opened, Opening, Operation, Outcome, PhotoHead, RenditionHead, Reply, Request, Resume, Start, Step, User,
};
use portraitd_sdk::{Failure, HttpRequest, Memory, Method, Part, RenditionSpec, Secret, Text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The files that were compared, by their names.
#[derive(Default)]
struct Golden(BTreeSet<String>);

impl Golden {
    /// The message is written as the file has it and read from it, also with fields of somebody newer.
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, message: &T) {
        let written = file(name);
        assert_eq!(serde_json::to_value(message).unwrap(), written, "{name} is written differently");
        let read = |value: Value| serde_json::from_value::<T>(value);
        assert_eq!(&read(written.clone()).unwrap(), message, "{name} is read differently");
        for pointer in objects(&written) {
            let mut newer = written.clone();
            let object = newer.pointer_mut(&pointer).and_then(Value::as_object_mut).unwrap();
            // An object with one key may be the word of a choice, and stays alone.
            let is_choice = object.len() == 1;
            object.insert("a-newer-field".into(), json!([1]));
            match read(newer) {
                Ok(read) => assert_eq!(&read, message, "{name}: a newer field at `{pointer}` changed something"),
                Err(error) => assert!(is_choice, "{name}: a newer field at `{pointer}`: {error}"),
            }
        }
        self.0.insert(name.to_owned());
    }

    fn effect(&mut self, name: &str, effect: Effect) {
        assert!(name.starts_with(&format!("need-{}", effect.kind().word())), "{name}");
        let need = Need { effects: vec![Request { id: 1, effect }], cancel: vec![] };
        self.check(name, &Answer { answer: Step::Need(need), log: vec![] });
    }

    fn reply(&mut self, name: &str, reply: Reply) {
        self.check(name, &Resume { results: vec![EffectResult { id: 1, reply }], now_ms: 1_767_225_601_000 });
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn file(name: &str) -> Value {
    let text =
        fs::read_to_string(folder().join(format!("{name}.json"))).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The pointers of all objects whose keys are the contract's, and not an author's or a system's.
fn objects(value: &Value) -> Vec<String> {
    const FREE: [&str; 5] = ["settings", "schema", "receipt", "value", "fill"];
    let mut found = Vec::new();
    let mut left = vec![(String::new(), value)];
    while let Some((pointer, value)) = left.pop() {
        match value {
            Value::Object(object) => {
                let inner = object.iter().filter(|(key, value)| !FREE.contains(&key.as_str()) || value.is_array());
                left.extend(inner.map(|(key, value)| (format!("{pointer}/{key}"), value)));
                found.push(pointer);
            }
            Value::Array(items) => {
                left.extend(items.iter().enumerate().map(|(index, item)| (format!("{pointer}/{index}"), item)));
            }
            _ => {}
        }
    }
    found
}

fn open() -> Open {
    let settings = json!({ "base-url": "https://chat.example.com", "token": "secret:/token" });
    let caps = EffectKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
    Open { backend: "intranet".into(), settings, host_version: "0.1.0".into(), caps }
}

fn start(op: Operation) -> Start {
    let icon = RenditionHead {
        name: "icon".into(),
        mime: "image/jpeg".into(),
        width: 48,
        height: 48,
        len: 1_234,
        sha256: "a".repeat(64),
        blob: 0,
    };
    let with_photo = matches!(op, Operation::Deliver | Operation::Verify);
    Start {
        op,
        user: (op != Operation::Probe).then(|| User { id: "ada".into(), remote: "4711".into() }),
        photo: with_photo.then(|| PhotoHead { digest: "b".repeat(64), renditions: vec![icon] }),
        receipt: with_photo.then(|| json!({ "id": 7 })),
        attempt: 1,
        idempotency_key: "c".repeat(64),
        deadline_ms: 1_767_226_200_000,
        now_ms: 1_767_225_600_000,
        seed: 42,
        dry_run: false,
        verified: false,
    }
}

fn what_the_host_says(golden: &mut Golden) {
    golden.check("open", &open());
    golden.check("start-deliver", &start(Operation::Deliver));
    golden.check("start-deliver-verified", &Start { verified: true, ..start(Operation::Deliver) });
    golden.check("start-remove", &start(Operation::Remove));
    golden.check("start-verify", &start(Operation::Verify));
    golden.check("start-probe", &start(Operation::Probe));
    golden.reply("resume-file-put", Reply::FilePut { changed: true });
    golden.reply("resume-file-remove", Reply::FileRemove { existed: false });
    golden.reply("resume-sleep", Reply::Sleep {});
    let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
    let headers = vec![header("content-type", "application/json"), header("retry-after", "3")];
    golden.reply("resume-http", Reply::Http(HttpReply { status: 429, headers, blob: 0, retry_after_ms: Some(3_000) }));
    let (value, secret) = (Remembered::Value(json!({ "id": 7 })), Remembered::Secret(Secret::handle("remembered/1")));
    golden.reply("resume-recall", Reply::Recall(Recalled::Found { value: value.clone(), version: 2 }));
    golden.reply("resume-recall-secret", Reply::Recall(Recalled::Found { value: secret.clone(), version: 2 }));
    golden.reply("resume-recall-missing", Reply::Recall(Recalled::Missing {}));
    golden.reply("resume-remember", Reply::Remember { value, version: 3 });
    golden.reply("resume-remember-secret", Reply::Remember { value: secret, version: 3 });
    golden.reply("resume-forget", Reply::Forget { forgotten: true });
    golden.reply("resume-publish", Reply::Publish { url: "https://photos.example.com/0a1b.jpg".into() });
    use EffectErrorKind::*;
    let kinds = [
        Denied,
        NoSpace,
        NotFound,
        InvalidName,
        ReadOnly,
        Io,
        Dns,
        Connect,
        Tls,
        Timeout,
        Closed,
        TooLarge,
        Protocol,
        Unclaimed,
        Other,
    ];
    let error = |(id, kind)| EffectResult { id, reply: Reply::error(kind, "what happened") };
    let results = (1..).zip(kinds).map(error).collect();
    golden.check("resume-error", &Resume { results, now_ms: 1_767_225_601_000 });
}

fn what_a_plugin_answers(golden: &mut Golden) {
    let example = Example {
        method: Method::Post,
        path: "/users/*/avatar".into(),
        status: 200,
        headers: vec![Header { name: "content-type".into(), value: "application/json".into() }],
        body: r#"{"success":true}"#.into(),
    };
    let description = Description {
        schema: json!({ "type": "object", "properties": { "token": { "type": "object", "x-secret": true } } }),
        operations: vec![Operation::Deliver, Operation::Remove, Operation::Verify, Operation::Probe],
        modes: vec!["file".into(), "url".into()],
        examples: vec![example],
    };
    golden.check("describe", &Answer { answer: description, log: vec![] });
    let opened = Opened {
        renditions: vec![
            RenditionSpec::exact("icon", 48, 48),
            RenditionSpec::at_most("large", 0, 600).max_bytes(102_400),
        ],
        origins: vec!["https://chat.example.com".into()],
        fingerprint: "base-url=\"https://chat.example.com\"".into(),
        folds_case: false,
        publishes: false,
    };
    let folding = Opened { folds_case: true, publishes: true, ..opened.clone() };
    golden.check("opened-folding", &Answer { answer: Opening::Opened(folding), log: vec![] });
    let log = vec![LogLine { level: Level::Warn, text: "the system is old".into() }];
    golden.check("opened", &Answer { answer: Opening::Opened(opened), log });
    let refused = Failure::config("`base-url`: there is none").hint("set it to the address of the system");
    golden.check("open-failed", &Answer { answer: Opening::Failed(refused), log: vec![] });
    effects(golden);
    let need = Need { effects: vec![], cancel: vec![2, 3] };
    let levels = [Level::Warn, Level::Info, Level::Debug];
    let log = levels.map(|level| LogLine { level, text: "a sentence".into() }).into();
    golden.check("need-nothing-new", &Answer { answer: Step::Need(need), log });
    for (name, outcome) in
        [("done", Outcome::Changed), ("done-unchanged", Outcome::Unchanged), ("done-removed", Outcome::Removed)]
    {
        let done = Done { outcome, receipt: json!({ "id": 7 }), notes: vec!["a sentence".into()] };
        golden.check(name, &Answer { answer: Step::Done(done), log: vec![] });
    }
    let failed = Failure::rate_limited(Some(Duration::from_secs(3)), "the system asks for a pause");
    let failed = failed.hint("lower `rate` of this backend");
    golden.check("failed", &Answer { answer: Step::Failed(failed), log: vec![] });
    golden.check("panicked", &Failure::bug("it panicked at src/lib.rs:7: the reason"));
}

fn effects(golden: &mut Golden) {
    let (directory, path, rendition) = ("path".to_owned(), "ada/icon.jpg".to_owned(), "icon".to_owned());
    let put = Effect::FilePut { directory: directory.clone(), path: path.clone(), rendition };
    golden.effect("need-file-put", put);
    golden.effect("need-file-remove", Effect::FileRemove { directory, path });
    golden.effect("need-sleep", Effect::Sleep { ms: 1_500 });
    let token = Secret::handle("/token");
    let get = HttpRequest::get("https://chat.example.com/api/v1/me").header("x-auth-token", &token);
    golden.effect("need-http", Effect::Http(HttpRequest { query: vec![field("q", "a b".into())], ..get }));
    for (word, body) in bodies(&token) {
        let put =
            HttpRequest { method: Method::Put, body: Some(body), ..HttpRequest::get("https://chat.example.com/x") };
        golden.effect(&format!("need-http-{word}"), Effect::Http(put));
    }
    let backend = Memory::Backend { key: "session".into() };
    let delivery =
        Memory::Delivery { key: "upload".into(), rendition: "icon".into(), origin: "https://chat.example.com".into() };
    golden.effect("need-recall", Effect::Recall { memory: backend.clone() });
    golden.effect("need-recall-delivery", Effect::Recall { memory: delivery.clone() });
    let value = Remember::Value(json!({ "id": 7 }));
    golden.effect("need-remember", Effect::Remember { memory: delivery, value, ttl_ms: None });
    let secret = Remember::Secret("what the system gave".into());
    golden.effect(
        "need-remember-secret",
        Effect::Remember { memory: backend.clone(), value: secret, ttl_ms: Some(3_600_000) },
    );
    golden.effect("need-forget", Effect::Forget { memory: backend, version: 2 });
    golden.effect("need-publish", Effect::Publish { rendition: "large".into() });
}

fn bodies(token: &Secret) -> [(&'static str, Body); 5] {
    let bytes = |range| Bytes { rendition: "icon".into(), range };
    let json = Json {
        value: json!({ "user": { "id": "4711" } }),
        fill: [
            ("/user/picture".into(), Text::base64_rendition("icon")),
            ("/user/key".into(), Text::from("Bearer ").then(token)),
        ]
        .into(),
    };
    let file = Part {
        name: "image".into(),
        file_name: Some("icon.jpg".into()),
        mime: Some("image/jpeg".into()),
        content: Content::Rendition(bytes(None)),
    };
    [
        ("text", Body::Text(Text::base64(Text::from("user:").then(token)))),
        ("json", Body::Json(json)),
        ("form", Body::Form(vec![field("key", token.into()), field("picture", Text::base64_rendition("icon"))])),
        ("rendition", Body::Rendition(bytes(Some((0, 1_000))))),
        ("multipart", Body::Multipart(vec![Part::field("userId", "4711"), file])),
    ]
}

fn field(name: &str, value: Text) -> Field {
    Field { name: name.into(), value }
}

#[test]
fn messages_stay_as_they_are() {
    let mut golden = Golden::default();
    what_the_host_says(&mut golden);
    what_a_plugin_answers(&mut golden);
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<_> = files.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(golden.0, files, "each file has a message, and each message a file");
    for kind in EffectKind::ALL {
        for file in ["need", "resume"] {
            assert!(files.contains(&format!("{file}-{}", kind.word())), "{file} of {}", kind.word());
        }
    }
}

#[test]
fn what_may_be_left_out_has_its_meaning() {
    let probe =
        json!({ "op": "probe", "attempt": 1, "idempotency-key": "k", "deadline-ms": 2, "now-ms": 1, "seed": 3 });
    let probe: Start = serde_json::from_value(probe).unwrap();
    assert_eq!((probe.user, probe.photo, probe.receipt, probe.dry_run), (None, None, None, false));
    let answer: Answer<Opening> = serde_json::from_value(json!({
        "answer": { "opened": { "renditions": [{ "name": "icon", "width": 48, "height": 48 }], "fingerprint": "" } }
    }))
    .unwrap();
    let Opening::Opened(opened) = answer.answer else { panic!("{answer:?}") };
    assert_eq!((opened.renditions, opened.origins), (vec![RenditionSpec::exact("icon", 48, 48)], vec![]));
    let done: Step = serde_json::from_value(json!({ "done": { "outcome": "changed" } })).unwrap();
    assert_eq!(done, Step::Done(Done { outcome: Outcome::Changed, receipt: Value::Null, notes: vec![] }));
    let need: Step = serde_json::from_value(json!({ "need": {} })).unwrap();
    assert_eq!(need, Step::Need(Need::default()));
}

#[test]
fn words_of_somebody_newer_do_no_harm_where_they_can_be_left_out() {
    let error: Reply = serde_json::from_value(json!({ "error": { "kind": "too-blue", "text": "t" } })).unwrap();
    assert_eq!(error, Reply::error(EffectErrorKind::Other, "t"));
    let description: Description =
        serde_json::from_value(json!({ "schema": {}, "operations": ["deliver", "rename", "probe"] })).unwrap();
    assert_eq!(description.operations, [Operation::Deliver, Operation::Probe]);
    let line: LogLine = serde_json::from_value(json!({ "level": "trace", "text": "t" })).unwrap();
    assert_eq!(line.level, Level::Debug);
}
