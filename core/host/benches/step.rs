//! What a step costs: the call into the library with both sides' JSON, and the same with the hop to the library's threads.
//!
//! `cargo bench -p portraitd-host`. Builds the plugins itself, as they are released, and tells the size of one. Two kinds
//! of conversation: `files` asks for three effects at once and is told of all (two steps); the sample among the examples
//! sends two requests one after the other, each answered with 20 kB (three steps). Goals: 20 us for a call, 60 us with
//! the hop.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portraitd_host::{Answered, Backend, Blob, Host};
use portraitd_sdk::message::http::{Header, HttpReply};
use portraitd_sdk::message::{
    Effect, EffectKind, Open, Operation, PhotoHead, RenditionHead, Reply, Request, Start, Step, User,
};
use serde_json::{Value, json};

const CONVERSATIONS: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let private = tempfile::tempdir()?;
    let host = Host::new(&private.path().join("plugins"))?;
    let files = built(&["--package", "portraitd-plugin-files"])?.join("libportraitd_plugin_files.so");
    println!("a stripped plugin: {} kB", files.metadata()?.len() / 1_000);
    let begun = Instant::now();
    let backend = host.load(&files)?.open(&open(json!({ "path": "out" })))?;
    println!("look, copy, load and open: {:?}", begun.elapsed());
    let sample = built(&["--package", "portraitd-host", "--example", "portraitd_plugin_sample"])?;
    let sample = host.load(&sample.join("examples/libportraitd_plugin_sample.so"))?;
    let requests = sample.open(&open(json!({ "conduct": "two-requests" })))?;
    for (what, backend) in [("three files at once", backend), ("two requests, 20 kB each back", requests)] {
        for side_by_side in [1, 8] {
            println!("{what}, {side_by_side} side by side: {}", measure(&backend, side_by_side)?);
        }
    }
    Ok(())
}

fn open(settings: Value) -> Open {
    let caps = EffectKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
    Open { backend: "bench".into(), settings, host_version: "bench".into(), caps }
}

fn measure(backend: &Backend, side_by_side: usize) -> Result<String, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let blobs: Vec<Blob> = backend.renditions().iter().map(|_| Blob::from(vec![7; 20_000])).collect();
    let start = Arc::new(start(backend));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..side_by_side)
        .map(|_| {
            let (backend, start, blobs) = (backend.clone(), start.clone(), blobs.clone());
            runtime.spawn(async move {
                let mut spent = Spent::default();
                for _ in 0..CONVERSATIONS / side_by_side {
                    converse(&backend, &start, &blobs, &mut spent).await;
                }
                spent
            })
        })
        .collect();
    let mut spent = Spent::default();
    for task in tasks {
        let one = runtime.block_on(task)?;
        let steps = spent.steps + one.steps;
        spent = Spent { called: spent.called + one.called, waited: spent.waited + one.waited, steps };
    }
    let elapsed = begun.elapsed();
    // Side by side the second figure holds the wait for the others too: a library has two threads.
    Ok(format!(
        "{:.2} us/step called, {:.2} us/step until it is back, {:.0} conversations/s",
        micros(spent.called, spent.steps),
        micros(spent.waited, spent.steps),
        CONVERSATIONS as f64 / elapsed.as_secs_f64()
    ))
}

/// Time in the library's code, time until the answer was back, and the steps that took it.
#[derive(Clone, Copy, Default)]
struct Spent {
    called: Duration,
    waited: Duration,
    steps: u32,
}

async fn converse(backend: &Backend, start: &Start, blobs: &[Blob], spent: &mut Spent) {
    let begun = Instant::now();
    let (mut conversation, mut turn) = backend.start(start.clone(), blobs.to_vec()).await;
    loop {
        spent.called += turn.took;
        spent.steps += 1;
        let Step::Need(need) = turn.step else {
            assert!(matches!(turn.step, Step::Done(_)), "{turn:?}");
            break;
        };
        turn = conversation.resume(need.effects.iter().map(answered).collect(), 0).await;
    }
    spent.waited += begun.elapsed();
}

fn answered(request: &Request) -> Answered {
    let (reply, body) = match &request.effect {
        Effect::FilePut { .. } => (Reply::FilePut { changed: true }, Vec::new()),
        Effect::Http(_) => (Reply::Http(http_reply()), vec![b'x'; 20_000]),
        other => panic!("no plugin here asks for {other:?}"),
    };
    Answered { id: request.id, reply, body }
}

/// As many headers as a system sends.
fn http_reply() -> HttpReply {
    let header = |(name, value): (&str, &str)| Header { name: name.into(), value: value.into() };
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("x-ratelimit-limit", "10"),
        ("x-ratelimit-remaining", "9"),
        ("x-ratelimit-reset", "1767225660000"),
        ("vary", "Accept-Encoding"),
    ];
    HttpReply { status: 200, headers: headers.map(header).into(), blob: 0, retry_after_ms: None }
}

fn micros(time: Duration, steps: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(steps)
}

fn start(backend: &Backend) -> Start {
    let heads = backend.renditions().iter().enumerate().map(|(blob, spec)| RenditionHead {
        name: spec.name.clone(),
        mime: spec.format.mime().into(),
        width: spec.width,
        height: spec.height,
        len: 20_000,
        sha256: "0".repeat(64),
        blob,
    });
    Start {
        op: Operation::Deliver,
        user: Some(User { id: "ada".into(), remote: "ada".into() }),
        photo: Some(PhotoHead { digest: "0".repeat(64), renditions: heads.collect() }),
        receipt: None,
        attempt: 1,
        idempotency_key: "0".repeat(64),
        deadline_ms: 600_000,
        now_ms: 0,
        seed: 1,
        dry_run: false,
        verified: false,
    }
}

/// Builds something as it is released, and says in which directory.
fn built(what: &[&str]) -> Result<PathBuf, Box<dyn Error>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--manifest-path"]).arg(manifest).args(what);
    if !cargo.status()?.success() {
        return Err("a plugin cannot be built".into());
    }
    // The bench lies in <target>/release/deps.
    let bench = std::env::current_exe()?;
    Ok(bench.parent().and_then(Path::parent).ok_or("a bench lies in a target directory")?.to_owned())
}
