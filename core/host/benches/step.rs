//! What a step costs: the call into the library with both sides' JSON, and the same with the hop to the library's threads.
//!
//! `cargo bench -p portraitd-host`. Builds the `files` plugin itself. A conversation here has two steps: `start`, which
//! asks for three effects, and `resume`, which answers them all. Goals: 20 us for a call, 60 us with the hop.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portraitd_host::{Answered, Backend, Blob, Host, Turn};
use portraitd_sdk::message::{EffectKind, Need, Open, Operation, PhotoHead, RenditionHead, Reply, Start, Step, User};

const CONVERSATIONS: usize = 20_000;
const STEPS: u32 = 2 * CONVERSATIONS as u32;

fn main() -> Result<(), Box<dyn Error>> {
    let private = tempfile::tempdir()?;
    let host = Host::new(&private.path().join("plugins"))?;
    let file = built_plugin()?;
    let begun = Instant::now();
    let plugin = host.load(&file)?;
    println!("look, copy and load: {:?}", begun.elapsed());
    let open = Open {
        backend: "bench".into(),
        settings: serde_json::json!({ "path": "out" }),
        host_version: "bench".into(),
        caps: EffectKind::ALL.iter().map(|kind| kind.word().to_owned()).collect(),
    };
    let backend = plugin.open(&open)?;
    for side_by_side in [1, 8] {
        measure(&backend, side_by_side)?;
    }
    Ok(())
}

fn measure(backend: &Backend, side_by_side: usize) -> Result<(), Box<dyn Error>> {
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
        spent = Spent { called: spent.called + one.called, waited: spent.waited + one.waited };
    }
    let elapsed = begun.elapsed();
    // Side by side the second figure holds the wait for the others too: a library has two threads.
    println!(
        "{side_by_side} side by side: {:.2} us/step called, {:.2} us/step until it is back, {:.0} conversations/s",
        micros(spent.called),
        micros(spent.waited),
        CONVERSATIONS as f64 / elapsed.as_secs_f64()
    );
    Ok(())
}

/// Time in the library's code, and time until the answer was back.
#[derive(Clone, Copy, Default)]
struct Spent {
    called: Duration,
    waited: Duration,
}

async fn converse(backend: &Backend, start: &Start, blobs: &[Blob], spent: &mut Spent) {
    let begun = Instant::now();
    let (mut conversation, first) = backend.start(start.clone(), blobs.to_vec()).await;
    spent.called += first.took;
    let Turn { step: Step::Need(Need { effects, .. }), .. } = first else { panic!("it asks for files: {first:?}") };
    let reply = |id| Answered { id, reply: Reply::FilePut { changed: true }, body: Vec::new() };
    let results = effects.iter().map(|request| reply(request.id)).collect();
    let last = conversation.resume(results, 0).await;
    assert!(matches!(last.step, Step::Done(_)), "{last:?}");
    spent.called += last.took;
    spent.waited += begun.elapsed();
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(STEPS)
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
    }
}

/// The `files` plugin as it is released.
fn built_plugin() -> Result<PathBuf, Box<dyn Error>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "-p", "portraitd-plugin-files", "--manifest-path"]).arg(manifest);
    if !cargo.status()?.success() {
        return Err("the plugin cannot be built".into());
    }
    // The bench lies in <target>/release/deps.
    let bench = std::env::current_exe()?;
    let release = bench.parent().and_then(Path::parent).ok_or("a bench lies in a target directory")?;
    Ok(release.join("libportraitd_plugin_files.so"))
}
