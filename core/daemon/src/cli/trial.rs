//! `portraitd plugins try`: one delivery with a library that may lie anywhere, before the eyes of its author.
//!
//! Uses the settings of a configured backend. Reads no ledger and writes none: for the daemon, nothing has happened.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use portraitd_pipeline::{Recipe, Rendition};
use portraitd_reconcile::{BackendId, Digest, Outcome, Remote, UserId};
use portraitd_sdk::message::{Answer, Operation, Start, Step};
use portraitd_sdk::script::{Head, Heard, HeardBody, RECORDING_FORMAT, Recording};

use crate::backends::{self, Backend, OpenBackend, rendition};
use crate::cli::plugins::Scratch;
use crate::cli::{TryArgs, preview};
use crate::clock::Clock;
use crate::config::{BackendConfig, Config};
use crate::dispatch::conversations::{self, Conversations, Planned};
use crate::dispatch::dry::DryRun;
use crate::dispatch::performer::{Real, Stage};
use crate::dispatch::witness::Witness;
use crate::dispatch::wording;
use crate::engine;
use crate::intake::Intake;
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;
use crate::transport;

/// Tries one delivery.
pub(crate) fn try_plugin(config: &Config, args: &TryArgs) -> Result<Exit, Trouble> {
    let (id, settings) = configured(config, &args.backend)?;
    let user = UserId::parse(&args.user).map_err(|error| {
        Trouble::new(Exit::Config, format!("`{}` cannot be a user", escape(&args.user))).because(error)
    })?;
    let scratch = Scratch::new();
    let backend = backends::open_with(&args.file, &id, settings, scratch.path())?;
    let open = &*backend.open().expect("a backend that cannot be opened is an error above");
    let remote = remote(&backend, open, &user)?;
    let (digest, made) = pictures(config, open, &args.photo)?;
    let talk = Conversations { stage: stage(config, open, args.dry_run)?, clock: Clock::start() };
    let start = Start {
        user: Some(conversations::user(&user, &remote)),
        photo: Some(conversations::photo(open, &digest, &made)),
        ..talk.blank(open, Operation::Deliver, &format!("try {id} {user} {digest}"))
    };
    let head = head(&backend, open, start.clone());
    let witness = Witness::default();
    let planned = Planned { start, made, about: None };
    let outcome = engine::block_on(talk.lead(&backend, open, planned, Some(witness.clone())));
    let recording = witness.recording(head, &open.channel.secrets);
    if let Some(recording) = &recording {
        show::print(&transcript(recording, args.dry_run));
        if let Some(file) = &args.record {
            record(file, recording)?;
        }
    }
    show::print(&outcome_text(&outcome));
    Ok(if outcome.verdict.is_done() { Exit::Ok } else { Exit::NotAllDone })
}

fn configured<'a>(config: &'a Config, name: &str) -> Result<(BackendId, &'a BackendConfig), Trouble> {
    let found = config.backend.iter().find(|(id, _)| id.as_str() == name);
    found.map(|(id, backend)| (id.clone(), backend)).ok_or_else(|| {
        let known: Vec<_> = config.backend.keys().map(ToString::to_string).collect();
        Trouble::new(Exit::Config, format!("there is no backend `{}` in the configuration", escape(name)))
            .hint(format!("the configured backends are: {}", known.join(", ")))
    })
}

/// What the backend calls the user.
fn remote(backend: &Backend, open: &OpenBackend, user: &UserId) -> Result<String, Trouble> {
    let trouble =
        || Trouble::new(Exit::Config, format!("failed to find out what {user} is called at `{}`", backend.id));
    let users = backend.naming.users(open.handle.folds_case()).map_err(|reason| trouble().because(reason))?;
    match users.of(user) {
        Remote::Named(name) => Ok(name.into_owned()),
        Remote::Missing(_) => Err(trouble().because("no row is for this user")),
        Remote::Shared(name) => Err(trouble().because(format!("several users are `{}` there", escape(&*name)))),
        Remote::Twice => Err(trouble().because("two rows are for this user, and they say two names")),
    }
}

fn pictures(config: &Config, open: &OpenBackend, photo: &Path) -> Result<(Digest, Vec<Arc<Rendition>>), Trouble> {
    let intake = Intake::new(config);
    let bytes = preview::read(photo, intake.limits())?;
    let renditions = open.renditions().iter().map(rendition).collect();
    let recipe = Recipe { renditions, ..backends::recipe(&config.photo) };
    let rendered = portraitd_pipeline::examine(&bytes, intake.limits())
        .and_then(|source| portraitd_pipeline::render(&bytes, &source, &recipe));
    let made = rendered.map_err(|refusal| preview::rejected(photo, &refusal))?;
    Ok((Digest::of(&bytes), made.renditions.into_iter().map(Arc::new).collect()))
}

fn stage(config: &Config, open: &OpenBackend, dry_run: bool) -> Result<Stage, Trouble> {
    if dry_run {
        return Ok(Stage::Dry(DryRun::new(&config.publish)));
    }
    let transport = transport::Lazy::new(&config.http);
    if open.is_remote() {
        transport.get()?;
    }
    Ok(Stage::Real(Arc::new(Real::without_state(config, transport))))
}

fn head(backend: &Backend, open: &OpenBackend, start: Start) -> Head {
    let identity = open.identity();
    Head {
        format: RECORDING_FORMAT,
        plugin: identity.name.clone(),
        version: identity.version.clone(),
        open: backends::opening(&backend.id, &open.settings),
        start,
    }
}

/// What was asked for and what came of it, in that order.
fn transcript(recording: &Recording, assumed: bool) -> String {
    let photo = recording.head.start.photo.iter().flat_map(|photo| &photo.renditions);
    let lengths: Vec<(&str, u64)> = photo.map(|head| (head.name.as_str(), head.len)).collect();
    let len = |name: &str| lengths.iter().find(|(known, _)| *known == name).map_or(0, |(_, len)| *len);
    let mut lines = asked(&recording.first, &len);
    for (heard, answer) in &recording.turns {
        lines.extend(told(heard, assumed));
        lines.extend(asked(answer, &len));
    }
    lines.join("\n")
}

fn asked(answer: &Answer<Step>, len: wording::Len<'_>) -> Vec<String> {
    let log = answer.log.iter().map(|line| format!("   says: {}", escape(&line.text)));
    let need = match &answer.answer {
        Step::Need(need) => need.effects.as_slice(),
        _ => &[],
    };
    log.chain(need.iter().map(|request| format!("-> {}: {}", request.id, wording::effect(&request.effect, len))))
        .collect()
}

fn told(heard: &Heard, assumed: bool) -> Vec<String> {
    let mark = if assumed { " (assumed)" } else { "" };
    let line = |result: &portraitd_sdk::script::HeardResult| {
        let body = match &result.body {
            Some(HeardBody::Text(text)) => text.clone(),
            Some(HeardBody::Bytes(bytes)) => format!("{} bytes that are no text", bytes.len()),
            None => String::new(),
        };
        format!("<- {}: {}{mark}", result.id, wording::reply(&result.reply, &body))
    };
    heard.results.iter().map(line).collect()
}

fn outcome_text(outcome: &Outcome) -> String {
    let word = outcome.verdict.word();
    let because = if outcome.reason.is_empty() { String::new() } else { format!(": {}", escape(&outcome.reason)) };
    let receipt = outcome.receipt.as_ref().map(|receipt| format!("\nreceipt: {}", escape(receipt))).unwrap_or_default();
    format!("{word}{because}{receipt}")
}

/// Writes a recording, for its owner only: it holds what the system told of a person.
fn record(file: &Path, recording: &Recording) -> Result<(), Trouble> {
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    opened.and_then(|mut opened| write!(opened, "{recording}")).map_err(|error| {
        Trouble::new(Exit::NotAllDone, format!("failed to write the recording `{}`", escape(file))).caused_by(&error)
    })
}
