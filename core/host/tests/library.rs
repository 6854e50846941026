//! The host with a real library, the sample among the examples, and with files that are no such library.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use portraitd_host::{Answered, Backend, Blob, Host, LoadError, Plugin, Refusal, SLOW_STEP, find, inspect, list};
use portraitd_sdk::message::http::HttpReply;
use portraitd_sdk::message::{
    Effect, EffectKind, Open, Operation, Outcome, PhotoHead, RenditionHead, Reply, Request, Start, Step, User,
};
use portraitd_sdk::{ABI_MINOR, Failure, Verdict};
use serde_json::{Value, json};
use tempfile::TempDir;

const FILE: &str = "libportraitd_plugin_sample.so";

/// The library as bytes. Cargo builds the examples with the tests.
fn built() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        // The test lies in <target>/<profile>/deps.
        let test = std::env::current_exe().unwrap();
        let sample = test.ancestors().nth(2).unwrap().join("examples").join(FILE);
        fs::read(sample).expect("`cargo test` builds the examples, if it is not told to build one test only")
    })
}

/// Folders for one test: one for plugins, one for the host's copies.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("plugins")).unwrap();
        fs::set_permissions(root.path().join("plugins"), Permissions::from_mode(0o755)).unwrap();
        Self { root }
    }

    fn plugins(&self) -> PathBuf {
        self.root.path().join("plugins")
    }

    fn private(&self) -> PathBuf {
        self.root.path().join("private")
    }

    fn host(&self) -> Host {
        Host::new(&self.private()).unwrap()
    }

    /// Puts a library there.
    fn put(&self, bytes: &[u8]) -> PathBuf {
        let file = self.plugins().join(FILE);
        drop(fs::remove_file(&file));
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        file
    }

    fn loaded(&self) -> Plugin {
        self.put(built());
        self.host().find("sample", &[self.plugins()]).unwrap()
    }

    /// Why these bytes are not loaded.
    fn refusal(&self, bytes: &[u8]) -> LoadError {
        let file = self.put(bytes);
        let by_look = inspect(&file).unwrap_err().to_string();
        let error = self.host().load(&file).unwrap_err();
        assert_eq!(error.to_string(), by_look, "what is refused is refused before it is loaded");
        assert!(error.to_string().starts_with(file.to_str().unwrap()), "{error}");
        error
    }
}

/// The library with some of its bytes replaced by others, wherever they are.
fn patched(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "{from} and {to}");
    let mut bytes = built().to_vec();
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from.as_bytes()).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{from}");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

fn open(settings: Value) -> Open {
    let caps = EffectKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
    Open { backend: "portraits".into(), settings, host_version: "test".into(), caps }
}

fn start(backend: &Backend, op: Operation) -> Start {
    let heads = backend.renditions().iter().enumerate().map(|(blob, spec)| RenditionHead {
        name: spec.name.clone(),
        mime: spec.format.mime().into(),
        width: spec.width,
        height: spec.height,
        len: 3,
        sha256: "0".repeat(64),
        blob,
    });
    Start {
        op,
        user: Some(User { id: "ada".into(), remote: "ada".into() }),
        photo: Some(PhotoHead { digest: "0".repeat(64), renditions: heads.collect() }),
        receipt: None,
        attempt: 1,
        idempotency_key: "key".into(),
        deadline_ms: 600_000,
        now_ms: 0,
        seed: 1,
        dry_run: false,
        verified: false,
    }
}

fn blobs(backend: &Backend) -> Vec<Blob> {
    backend.renditions().iter().map(|_| Blob::from(*b"jpg")).collect()
}

fn changed(request: &Request) -> Answered {
    let reply = match &request.effect {
        Effect::FilePut { .. } => Reply::FilePut { changed: true },
        Effect::FileRemove { .. } => Reply::FileRemove { existed: true },
        Effect::Sleep { .. } => Reply::Sleep {},
        other => panic!("the sample asks for {other:?}"),
    };
    Answered { id: request.id, reply, body: Vec::new() }
}

/// Waits for something that another thread does soon.
fn soon(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_delivery_is_a_conversation() {
    let place = Place::new();
    let plugin = place.loaded();
    assert_eq!((plugin.identity().name.as_str(), plugin.sha256().len()), ("sample", 64));
    let description = plugin.describe().unwrap();
    let all = [Operation::Deliver, Operation::Remove, Operation::Verify, Operation::Probe];
    assert_eq!(description.operations, all);
    assert_eq!(description.schema["properties"]["conduct"]["x-identifying"], true);
    let backend = plugin.open(&open(json!({ "conduct": "good" }))).unwrap();
    let (mut conversation, turn) = backend.start(start(&backend, Operation::Deliver), blobs(&backend)).await;
    let Step::Need(need) = turn.step else { panic!("{turn:?}") };
    assert_eq!(need.effects.len(), 2);

    let turn = conversation.resume(vec![changed(&need.effects[1])], 1).await;
    assert!(matches!(&turn.step, Step::Need(need) if need.effects.is_empty()), "one is open: {turn:?}");
    let twice = changed(&need.effects[1]);
    let turn = conversation.resume(vec![twice, changed(&need.effects[0])], 2).await;
    let Step::Done(done) = turn.step else { panic!("{turn:?}") };
    assert_eq!((done.outcome, done.receipt), (Outcome::Changed, json!("ada")));
    assert_eq!(turn.log[0].text, "all is there");

    let after = conversation.resume(vec![], 3).await;
    assert!(matches!(after.step, Step::Failed(failure) if failure.verdict == Verdict::Bug));
}

#[tokio::test]
async fn every_operation_is_a_conversation() {
    let place = Place::new();
    let backend = place.loaded().open(&open(json!({ "conduct": "good" }))).unwrap();
    for (op, outcome) in [
        (Operation::Remove, Outcome::Removed),
        (Operation::Verify, Outcome::Unchanged),
        (Operation::Probe, Outcome::Unchanged),
    ] {
        let (_, turn) = backend.start(start(&backend, op), blobs(&backend)).await;
        assert!(matches!(&turn.step, Step::Done(done) if done.outcome == outcome), "{op:?}: {turn:?}");
    }
}

/// The reply to a request for a page: a body that tells which it is.
fn page(request: &Request) -> Answered {
    let Effect::Http(asked) = &request.effect else { panic!("{request:?}") };
    let reply = HttpReply { status: 200, headers: vec![], blob: 0, retry_after_ms: None };
    Answered { id: request.id, reply: Reply::Http(reply), body: asked.url.clone().into_bytes() }
}

/// Lets a plugin ask for pages and answers them one at a time, the newest first. Gives the pages as the plugin saw them,
/// and how many requests were open at most.
async fn pages_one_at_a_time(conduct: &str) -> (Vec<String>, usize) {
    let place = Place::new();
    let backend = place.loaded().open(&open(json!({ "conduct": conduct }))).unwrap();
    let (mut conversation, mut turn) = backend.start(start(&backend, Operation::Deliver), blobs(&backend)).await;
    let (mut open, mut most) = (Vec::new(), 0);
    loop {
        match turn.step {
            Step::Need(need) => open.extend(need.effects),
            Step::Done(done) => return (serde_json::from_value(done.receipt).unwrap(), most),
            Step::Failed(failure) => panic!("{failure}"),
        }
        most = most.max(open.len());
        let newest = open.pop().expect("it waits for something");
        turn = conversation.resume(vec![page(&newest)], 1).await;
    }
}

#[tokio::test]
async fn forty_requests_are_answered_one_at_a_time_newest_first() {
    let all: Vec<String> = (0..40).map(|number| format!("https://chat.example.com/{number}")).collect();
    let (joined, most) = pages_one_at_a_time("forty-at-once").await;
    assert_eq!((joined, most), (all.clone(), 40));
    let (mut buffered, most) = pages_one_at_a_time("eight-at-a-time").await;
    assert_ne!(buffered, all, "they come as they are answered");
    buffered.sort_by_key(|page| page.rsplit('/').next().and_then(|number| number.parse::<u32>().ok()));
    assert_eq!((buffered, most), (all, 8));
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_cancelled() {
    let place = Place::new();
    let backend = place.loaded().open(&open(json!({ "conduct": "gives-up-waiting" }))).unwrap();
    let (mut conversation, turn) = backend.start(start(&backend, Operation::Deliver), blobs(&backend)).await;
    let Step::Need(asked) = turn.step else { panic!("{turn:?}") };
    let turn = conversation.resume(vec![changed(&asked.effects[1])], 1).await;
    let Step::Need(need) = turn.step else { panic!("{turn:?}") };
    assert_eq!((need.cancel, need.effects.len()), (vec![asked.effects[0].id], 1));
    // The reply was on its way already: it is dropped, and disturbs nothing.
    let late = page(&asked.effects[0]);
    let turn = conversation.resume(vec![late, page(&need.effects[0])], 2).await;
    let Step::Done(done) = turn.step else { panic!("{turn:?}") };
    assert_eq!(done.receipt, json!(["https://chat.example.com/2"]));
}

/// Opens a backend that misbehaves and lets it deliver, and gives what it failed with.
async fn failure_of(plugin: &Plugin, conduct: &str) -> Failure {
    match plugin.open(&open(json!({ "conduct": conduct }))) {
        Ok(backend) => delivery_failure(&backend).await,
        Err(failure) => failure,
    }
}

async fn delivery_failure(backend: &Backend) -> Failure {
    let (mut conversation, mut turn) = backend.start(start(backend, Operation::Deliver), blobs(backend)).await;
    loop {
        match turn.step {
            Step::Need(need) => turn = conversation.resume(need.effects.iter().map(changed).collect(), 1).await,
            Step::Failed(failure) => return failure,
            Step::Done(done) => panic!("it is done: {done:?}"),
        }
    }
}

#[tokio::test]
async fn what_a_plugin_does_wrong_is_told_with_its_name() {
    let place = Place::new();
    let plugin = place.loaded();
    let table = [
        ("panics-in-open", ": while opening"),
        ("panics-at-once", ": at the first poll"),
        ("panics-later", ": after the reply"),
        ("panics-with-payload", ": (no text)"),
        ("panics-in-drop", ": in a drop"),
        ("waits-for-something-else", "the plugin awaits something that is not a portraitd effect"),
        ("asks-forever", "it asked for more than 1000 effects in one conversation"),
        ("talks-too-much", "bytes, more than the 1048576 allowed"),
    ];
    for (conduct, says) in table {
        let Failure { verdict, reason, .. } = failure_of(&plugin, conduct).await;
        println!("{conduct}: {reason}");
        assert!(
            verdict == Verdict::Bug && reason.starts_with("plugin `sample`: ") && reason.ends_with(says),
            "{reason}"
        );
        let place = !conduct.starts_with("panics") || reason.contains("examples/portraitd_plugin_sample.rs:");
        assert!(place, "{reason}");
    }
}

#[tokio::test]
async fn a_panic_that_nobody_hears_is_contained_too() {
    let place = Place::new();
    let plugin = place.loaded();
    for conduct in ["panics-when-given-up", "panics-in-close"] {
        let backend = plugin.open(&open(json!({ "conduct": conduct }))).unwrap();
        let pictures = blobs(&backend);
        let lent: Vec<Weak<[u8]>> = pictures.iter().map(Arc::downgrade).collect();
        drop(backend.start(start(&backend, Operation::Deliver), pictures).await);
        drop(backend);
        soon("it has finished", || lent.iter().all(|picture| picture.strong_count() == 0));
    }
    plugin.describe().unwrap();
}

#[tokio::test]
async fn a_slow_step_is_measured() {
    let place = Place::new();
    let backend = place.loaded().open(&open(json!({ "conduct": "dawdles" }))).unwrap();
    let (_, turn) = backend.start(start(&backend, Operation::Deliver), blobs(&backend)).await;
    assert!(turn.took > SLOW_STEP, "{:?}", turn.took);
}

#[tokio::test]
async fn a_plugin_that_hangs_fails_by_name_and_others_go_on_meanwhile() {
    let place = Place::new();
    let host = place.host();
    let stuck = host.load(&place.put(&[built(), b"stuck"].concat())).unwrap();
    let other = host.load(&place.put(&[built(), b"other"].concat())).unwrap();
    // Whoever opened the plugins need not keep the host for them to be watched over.
    drop(host);
    let backend = stuck.open(&open(json!({ "conduct": "hangs" }))).unwrap();
    // Two hang, and two wait behind them.
    let hanging = (0..4).map(|_| {
        let backend = backend.clone();
        tokio::spawn(async move { delivery_failure(&backend).await })
    });
    let hanging: Vec<_> = hanging.collect();
    tokio::task::yield_now().await;

    let begun = Instant::now();
    let reason = failure_of(&other, "panics-later").await.reason;
    assert!(reason.ends_with("after the reply"), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    for one in hanging {
        let reason = one.await.unwrap().reason;
        assert_eq!(reason, "plugin `sample`: it is wedged: a call into it did not come back within 10s");
    }
    assert!(stuck.is_wedged() && !other.is_wedged());
    let begun = Instant::now();
    assert!(failure_of(&stuck, "good").await.reason.contains("wedged"));
    assert!(begun.elapsed() < Duration::from_secs(1), "it is not called again");
}

#[test]
fn wrong_settings_are_refused_in_the_plugins_words() {
    let failure = Place::new().loaded().open(&open(json!({ "conduct": "perfect" }))).unwrap_err();
    assert_eq!(failure.verdict, Verdict::Config);
    assert!(failure.reason.starts_with("`conduct`: unknown variant `perfect`, expected one of `good`"), "{failure}");
}

#[tokio::test]
async fn the_pictures_live_until_the_plugin_has_finished() {
    let place = Place::new();
    let backend = place.loaded().open(&open(json!({ "conduct": "good" }))).unwrap();
    let pictures = blobs(&backend);
    let lent: Vec<Weak<[u8]>> = pictures.iter().map(Arc::downgrade).collect();
    let (conversation, _) = backend.start(start(&backend, Operation::Deliver), pictures).await;
    assert!(lent.iter().all(|picture| picture.strong_count() == 1));
    drop(conversation);
    soon("the pictures are given back", || lent.iter().all(|picture| picture.strong_count() == 0));
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_is_finished() {
    let place = Place::new();
    let backend = place.loaded().open(&open(json!({ "conduct": "good" }))).unwrap();
    let pictures = blobs(&backend);
    let lent: Vec<Weak<[u8]>> = pictures.iter().map(Arc::downgrade).collect();
    let begin = backend.start(start(&backend, Operation::Deliver), pictures);
    drop(tokio::time::timeout(Duration::ZERO, begin).await);
    soon("the pictures are given back", || lent.iter().all(|picture| picture.strong_count() == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_conversations_run_side_by_side() {
    let place = Place::new();
    let backend = place.loaded().open(&open(json!({ "conduct": "good" }))).unwrap();
    let tasks = (0..64).map(|_| {
        let backend = backend.clone();
        tokio::spawn(async move {
            let (mut conversation, turn) = backend.start(start(&backend, Operation::Deliver), blobs(&backend)).await;
            let Step::Need(need) = turn.step else { panic!("{turn:?}") };
            let last = conversation.resume(need.effects.iter().map(changed).collect(), 1).await;
            assert!(matches!(last.step, Step::Done(_)), "{last:?}");
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[test]
fn the_same_content_is_one_library_and_another_is_another() {
    let place = Place::new();
    let host = place.host();
    let file = place.put(built());
    let first = host.load(&file).unwrap();
    assert_eq!(host.load(&file).unwrap().sha256(), first.sha256());
    assert_eq!(fs::read_dir(place.private()).unwrap().count(), 1);

    let newer = host.load(&place.put(&[built(), b"newer"].concat())).unwrap();
    assert_ne!(newer.sha256(), first.sha256());
    for plugin in [first, newer] {
        plugin.open(&open(json!({ "conduct": "good" }))).unwrap();
    }
    let copies = fs::read_dir(place.private()).unwrap();
    let modes: Vec<u32> = copies.map(|copy| copy.unwrap().metadata().unwrap().mode() & 0o777).collect();
    assert_eq!(modes, [0o500, 0o500]);
    assert_eq!(fs::metadata(place.private()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_damaged_copy_is_made_anew() {
    let place = Place::new();
    let file = place.put(&[built(), b"damaged copy"].concat());
    let host = place.host();
    let sha256 = Place::new().host().load(&file).unwrap().sha256().to_owned();
    let copy = place.private().join(format!("{sha256}.so"));
    fs::write(&copy, b"half of it").unwrap();
    host.load(&file).unwrap().describe().unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().len(), fs::metadata(&file).unwrap().len());
}

#[test]
fn copies_that_nobody_uses_go() {
    let place = Place::new();
    let _first = place.host();
    for (name, hours) in [("old.so", 2), ("half.tmp", 2), ("new.so", 0), ("a person's note", 2)] {
        let file = fs::File::create(place.private().join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(hours * 3_600)).unwrap();
    }
    let _second = place.host();
    let left: Vec<_> = fs::read_dir(place.private()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.len() == 2 && left.iter().all(|name| name == "new.so" || name == "a person's note"), "{left:?}");
}

#[test]
fn files_that_are_no_such_library_are_refused_by_name() {
    let place = Place::new();
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("text", b"#!/bin/sh\necho hello\n".to_vec(), "not a shared library: it does not begin as one"),
        ("empty", vec![], "not a shared library: it is empty"),
        ("first half", built()[..built().len() / 2].to_vec(), "it is not whole"),
        (
            "other machine",
            of_another_machine(),
            "built for Aarch64, this daemon runs on X86_64: build it for this machine",
        ),
        ("other library", patched(".portraitd\0", ".portraitx\0"), "but not a portraitd plugin"),
        ("other major", patched("{\"major\":1,", "{\"major\":2,"), "speaks plugin ABI 2."),
        ("unknown need", patched("\"sleep\"]", "\"sneak\"]"), "needs `sneak`, which this daemon cannot do"),
        ("abort", patched("\"panic\":\"unwind\"", "\"panic\":\"abort\" "), "built with panic = \"abort\""),
        ("other name", patched("{\"name\":\"sample\"", "{\"name\":\"simple\""), "says that it is the plugin `simple`"),
        ("bad identity", patched("{\"name\":", "{\"nome\":"), "identity in the section .portraitd cannot be read"),
        ("other target", patched("unknown-linux-gnu", "unknown-linux-gnx"), "unknown-linux-gnx, this daemon runs on"),
    ];
    for (what, bytes, says) in table {
        let refusal = place.refusal(&bytes).to_string();
        println!("{what}: {refusal}");
        assert!(refusal.contains(says), "{what}: {refusal}");
    }
    assert!(fs::read_dir(place.private()).unwrap().next().is_none(), "nothing was copied");
}

fn of_another_machine() -> Vec<u8> {
    let mut bytes = built().to_vec();
    // e_machine, and EM_AARCH64 for it.
    bytes[18] = 183;
    bytes
}

#[test]
fn a_table_that_contradicts_its_identity_is_refused() {
    let place = Place::new();
    let file = place.put(&patched(&format!("\"minor\":{ABI_MINOR}}}"), "\"minor\":9}"));
    inspect(&file).unwrap();
    let error = place.host().load(&file).unwrap_err().to_string();
    let says = format!("its table says ABI minor {ABI_MINOR}, and its identity says 9");
    assert!(error.contains(&says), "{error}");
}

#[test]
fn a_library_that_is_cut_anywhere_is_refused() {
    let place = Place::new();
    let whole = built();
    let places = (0..200).map(|part| whole.len() * part / 200).chain([whole.len() - 1, whole.len() - 64]);
    for cut in places {
        let file = place.put(&whole[..cut]);
        assert!(inspect(&file).is_err(), "cut at {cut} of {}", whole.len());
    }
}

#[test]
fn files_that_others_may_write_are_refused() {
    let place = Place::new();
    let file = place.put(built());
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(inspect(&file).unwrap_err().refusal, Refusal::WorldWritable));
    place.put(built());
    fs::set_permissions(place.plugins(), Permissions::from_mode(0o777)).unwrap();
    let error = inspect(&file).unwrap_err();
    assert_eq!(error.path, place.plugins().canonicalize().unwrap());
    assert!(matches!(error.refusal, Refusal::WorldWritable));
}

#[test]
fn files_of_somebody_else_are_refused() {
    let place = Place::new();
    let file = place.put(built());
    if chown(&file, Some(12_345), None).is_err() {
        println!("not run: only root can give a file away");
        return;
    }
    assert!(matches!(inspect(&file).unwrap_err().refusal, Refusal::Owner { owner: 12_345, .. }));
}

#[test]
fn things_that_are_no_files_are_refused_at_once() {
    let place = Place::new();
    let file = place.plugins().join(FILE);
    fs::create_dir(&file).unwrap();
    assert!(matches!(inspect(&file).unwrap_err().refusal, Refusal::NotAFile));
    fs::remove_dir(&file).unwrap();
    assert!(matches!(inspect(&file).unwrap_err().refusal, Refusal::Read(_)));
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    assert!(matches!(inspect(&file).unwrap_err().refusal, Refusal::NotAFile));
}

#[test]
fn a_link_to_a_library_is_followed_to_whose_it_is() {
    let place = Place::new();
    let elsewhere = Place::new();
    symlink(elsewhere.put(built()), place.plugins().join(FILE)).unwrap();
    assert_eq!(inspect(&place.plugins().join(FILE)).unwrap().name, "sample");
    fs::set_permissions(elsewhere.plugins(), Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(inspect(&place.plugins().join(FILE)).unwrap_err().refusal, Refusal::WorldWritable));
}

#[test]
fn the_first_file_on_the_path_counts() {
    let (one, two) = (Place::new(), Place::new());
    let paths = [one.plugins(), two.plugins()];
    let error = find("sample", &paths).unwrap_err().to_string();
    assert!(error.starts_with("libportraitd_plugin_sample.so: not found in "), "{error}");
    assert!(paths.iter().all(|path| error.contains(path.to_str().unwrap())), "{error}");
    let second = two.put(built());
    assert_eq!(find("sample", &paths).unwrap(), second);
    let first = one.put(built());
    assert_eq!(find("sample", &paths).unwrap(), first);
    fs::write(one.plugins().join("libz.so"), b"").unwrap();
    fs::write(two.plugins().join("libportraitd_plugin_b.so"), b"").unwrap();
    assert_eq!(list(&paths), [first, two.plugins().join("libportraitd_plugin_b.so")]);
    assert!(matches!(find("../sample", &paths).unwrap_err().refusal, Refusal::Name));
}

#[test]
fn a_directory_for_copies_that_others_enter_is_refused() {
    let place = Place::new();
    fs::create_dir(place.private()).unwrap();
    fs::set_permissions(place.private(), Permissions::from_mode(0o755)).unwrap();
    let error = Host::new(&place.private()).unwrap_err();
    assert!(matches!(error.refusal, Refusal::NotPrivate { mode: 0o755 }), "{error}");
}
