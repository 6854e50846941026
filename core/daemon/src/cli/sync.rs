//! `portraitd sync`: one pass over the folder, and then the end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use portraitd_reconcile::{BackendId, Focus, InvalidId, Reconciler, Summary, Time, UserId};
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use crate::cli::SyncArgs;
use crate::config::Config;
use crate::controller::{Controller, Event};
use crate::dispatch::dry::DryRun;
use crate::engine::{self, Engine};
use crate::progress::{Counts, Progress};
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;

/// How long a pass waits for files that are still being written.
const GROWING_AT_MOST: Duration = Duration::from_secs(60);

/// How often a person sees how far a pass is.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Makes one pass.
pub(crate) fn sync(config: &Config, args: &SyncArgs) -> Result<Exit, Trouble> {
    let shown = DryRun::new(&config.publish);
    let dry = args.dry_run.then(|| shown.clone());
    let focus = focus(args)?;
    let named = focus.users.clone().unwrap_or_default();
    let engine = Engine::open(config, focus, dry, None)?;
    let publishes = !args.dry_run && engine.backends.any_publishes();
    let started = Instant::now();
    let summarise = |reconciler: &Reconciler, now| (reconciler.summary(now), unknown(reconciler, &named, now));
    let (summary, unknown) = engine::block_on(pass(engine, config, args.wait, summarise))?;
    tell_unknown(&unknown);
    if publishes {
        warn!(
            "published pictures are not served any more: what systems fetch later, or show by its URL, is missing until the \
             next `portraitd sync` or `portraitd run`"
        );
    }
    if args.dry_run {
        return Ok(show_dry_run(&shown, &summary, started.elapsed(), args.json));
    }
    let json = show::summary(&summary, started.elapsed().as_secs_f64());
    show::print(&if args.json { json.to_string() } else { show::summary_text(&json) });
    Ok(if summary.all_in_place() && unknown.is_empty() { Exit::Ok } else { Exit::NotAllDone })
}

fn focus(args: &SyncArgs) -> Result<Focus, Trouble> {
    Ok(Focus {
        users: users(&args.users)?,
        backends: backends(&args.backends)?,
        limit: args.limit.map(|limit| limit as usize),
        adopts: false,
        is_pass: true,
    })
}

/// The users that are asked for by name; none for all.
pub(super) fn users(names: &[String]) -> Result<Option<BTreeSet<UserId>>, Trouble> {
    asked(names, "a user", UserId::parse)
}

/// The backends that are asked for by name; none for all.
pub(super) fn backends(names: &[String]) -> Result<Option<BTreeSet<BackendId>>, Trouble> {
    asked(names, "a backend", BackendId::parse)
}

fn asked<T: Ord>(
    names: &[String],
    what: &str,
    parse: fn(&str) -> Result<T, InvalidId>,
) -> Result<Option<BTreeSet<T>>, Trouble> {
    let parse = |name: &String| {
        parse(name)
            .map_err(|error| Trouble::new(Exit::Config, format!("`{}` cannot be {what}", escape(name))).because(error))
    };
    let named: BTreeSet<T> = names.iter().map(parse).collect::<Result<_, _>>()?;
    Ok((!named.is_empty()).then_some(named))
}

/// Which of the users that were asked for have no photo.
pub(super) fn unknown(reconciler: &Reconciler, named: &BTreeSet<UserId>, now: Time) -> Vec<UserId> {
    named.iter().filter(|user| reconciler.explain(user, now).is_none()).cloned().collect()
}

/// Says so.
pub(super) fn tell_unknown(unknown: &[UserId]) {
    for user in unknown {
        eprintln!("no photo of {} is in the folder", escape(user.as_str()));
    }
}

/// Makes one pass, gives the state back, and takes what is wanted of what was known at its end.
pub(super) async fn pass<T>(
    engine: Engine,
    config: &Config,
    wait: Duration,
    take: impl FnOnce(&Reconciler, Time) -> T,
) -> Result<T, Trouble> {
    let Engine { mut controller, backends, pictures, lock } = engine;
    stop_on_signals(&controller)?;
    engine::serve_pictures(pictures, &mut controller, backends);
    let mut progress = Progress::new();
    let mut patience = Patience::new(controller.now(), wait);
    let mut show_at = Instant::now();
    while let Some(until) = patience.go_on_until(&controller) {
        let look_again = controller.now().after(SHOW_EVERY).min(until);
        if !controller.turn(Some(look_again)).await? {
            break;
        }
        let started = Instant::now();
        if started >= show_at {
            progress.update(&counts(&controller));
            // To count a hundred thousand photos takes a while; the work comes first.
            show_at = Instant::now() + SHOW_EVERY.max(started.elapsed() * 20);
        }
    }
    progress.update(&counts(&controller));
    progress.finish();
    let taken = take(controller.reconciler(), controller.now());
    controller.finish(config.run.grace).await?;
    drop(lock);
    Ok(taken)
}

fn counts(controller: &Controller) -> Counts {
    let far = controller.reconciler().progress(controller.now());
    let count = |number: usize| number as u64;
    Counts {
        photos: count(far.photos),
        done: count(far.done),
        waiting: count(far.waiting),
        rejected: count(far.rejected),
        in_flight: count(far.in_flight),
    }
}

/// How long a pass goes on: as long as there is work, then a while for files that grow and for retries.
struct Patience {
    wait: Duration,
    growing_until: Time,
    idle_since: Option<Time>,
}

impl Patience {
    fn new(now: Time, wait: Duration) -> Self {
        Self { wait, growing_until: now.after(GROWING_AT_MOST), idle_since: None }
    }

    /// The moment until which it is worth to go on; none when the pass is over.
    fn go_on_until(&mut self, controller: &Controller) -> Option<Time> {
        let (reconciler, now) = (controller.reconciler(), controller.now());
        let is_busy = !controller.has_scanned() || controller.is_examining() || reconciler.in_flight() > 0;
        let next = reconciler.next_work();
        if is_busy || next.is_some_and(|next| next <= now) {
            self.idle_since = None;
            return Some(now.after(SHOW_EVERY));
        }
        if reconciler.growing() > 0 && now < self.growing_until {
            return Some(self.growing_until);
        }
        let waits_until = self.idle_since.get_or_insert(now).after(self.wait);
        next.filter(|next| *next <= waits_until)
    }
}

fn stop_on_signals(controller: &Controller) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::new(Exit::Config, "failed to listen for signals").caused_by(&error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let sender = controller.sender();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // A pass that is over needs no signal.
        drop(sender.send(Event::Stop));
    });
    Ok(())
}

fn show_dry_run(shown: &DryRun, summary: &Summary, took: Duration, json: bool) -> Exit {
    let mut lines = shown.lines();
    lines.sort();
    let mut summary = show::summary(summary, took.as_secs_f64());
    if json {
        summary["effects"] = lines.into();
        return show::print(&summary.to_string());
    }
    lines.push(format!("dry run: {}", show::summary_text(&summary)));
    show::print(&lines.join("\n"))
}
