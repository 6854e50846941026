//! `portraitd adopt`: what systems hold already is recorded as if it had been delivered, and nothing is sent.

use std::time::{Duration, Instant};

use portraitd_reconcile::{Adoption, BackendState, Focus, Reconciler, Verdict};
use portraitd_sdk::message::Operation;
use serde_json::{Value, json};

use crate::cli::AdoptArgs;
use crate::cli::sync::{self, pass};
use crate::config::Config;
use crate::engine::{self, Engine};
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;

/// How long a system that is busy is waited for.
const WAIT: Duration = Duration::from_secs(30);

/// Asks the backends what they show of each user with a photo.
pub(crate) fn adopt(config: &Config, args: &AdoptArgs) -> Result<Exit, Trouble> {
    let (users, backends) = (sync::users(&args.users)?, sync::backends(&args.backends)?);
    let named = users.clone().unwrap_or_default();
    let focus = Focus { users, backends: backends.clone(), limit: None, adopts: true, is_pass: true };
    let engine = Engine::open(config, focus, None, None)?;
    for backend in engine.backends.iter().filter(|backend| backends.iter().flatten().any(|asked| *asked == backend.id))
    {
        if backend.open().is_ok_and(|open| !open.can(Operation::Verify)) {
            return Err(Trouble::new(Exit::Config, format!("failed to adopt what `{}` holds", backend.id))
                .because(format!("the plugin `{}` cannot tell what its system shows", backend.plugin))
                .hint("without that, the first delivery to it sets every picture anew"));
        }
    }
    let started = Instant::now();
    let take = |reconciler: &Reconciler, now| {
        let states = backends.iter().flatten().filter_map(|id| reconciler.backend_state(id));
        let trouble = states.filter(BackendState::wants_person).count();
        let found = reconciler.adoptions().to_vec();
        (found, reconciler.summary(now), trouble, sync::unknown(reconciler, &named, now))
    };
    let (found, summary, trouble, unknown) = engine::block_on(pass(engine, config, WAIT, take))?;
    sync::tell_unknown(&unknown);
    let told = json(&found, summary.photos, started.elapsed());
    show::print(&if args.json { told.to_string() } else { text(&told) });
    let all_told = told["unknown"].as_array().is_some_and(Vec::is_empty);
    Ok(if all_told && trouble == 0 && summary.folder_ok && unknown.is_empty() { Exit::Ok } else { Exit::NotAllDone })
}

/// `adopt --json`
fn json(found: &[Adoption], photos: usize, took: Duration) -> Value {
    let is_empty = |adoption: &&Adoption| adoption.outcome.verdict == Verdict::Removed;
    let (recorded, others): (Vec<_>, Vec<_>) = found.iter().partition(|adoption| adoption.recorded);
    let (without, unknown): (Vec<_>, Vec<_>) = others.into_iter().partition(is_empty);
    let told = |adoption: &Adoption| {
        json!({
            "userid": adoption.user.as_str(),
            "backend": adoption.backend.as_str(),
            "verdict": adoption.outcome.verdict.word(),
            "reason": adoption.outcome.reason,
        })
    };
    json!({
        "photos": photos,
        "adopted": recorded.len(),
        "without": without.len(),
        "unknown": unknown.into_iter().map(told).collect::<Vec<_>>(),
        "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
    })
}

fn text(told: &Value) -> String {
    let unknown = told["unknown"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |value: &Value, key: &str| escape(value[key].as_str().unwrap_or_default());
    let mut lines: Vec<_> = unknown
        .iter()
        .map(|one| {
            let [user, backend, verdict, reason] = ["userid", "backend", "verdict", "reason"].map(|key| word(one, key));
            format!("could not tell for {user} at {backend}: {verdict} ({reason})")
        })
        .collect();
    lines.push(format!(
        "{} photos: {} adopted, {} without a picture there, {} unknown in {} s",
        told["photos"],
        told["adopted"],
        told["without"],
        unknown.len(),
        told["seconds"]
    ));
    lines.join("\n")
}
