//! `portraitd check`: everything but the start. What the daemon would refuse at its start, this refuses too.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use portraitd_reconcile::{Class, Missing, Remote, UserId};
use portraitd_sdk::message::Operation;

use crate::backends::users::{self, Table};
use crate::backends::{Backend, Backends, OpenBackend};
use crate::clock::Clock;
use crate::config::{Config, UserFile};
use crate::dispatch::conversations::Conversations;
use crate::dispatch::performer::{Real, Stage};
use crate::engine;
use crate::intake::Intake;
use crate::publish::reach::reach;
use crate::publish::{Outage, Publisher, Shelf};
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;
use crate::transport;

/// How many users without a row are named.
const NAMED_AT_MOST: usize = 20;

/// Checks config, plugins, folder and rights; with `probe`, asks each backend whether its credentials work.
pub(crate) fn check(config: &Config, path: &Path, probe: bool) -> Result<Exit, Trouble> {
    show::print(&format!("config {}: ok", escape(path)));
    for key in config.photo.idle_keys() {
        show::print(&format!("  warning: {key} is without effect: photo.crop is not \"face\""));
    }
    let backends = Backends::open(config, &engine::copies(config))?;
    let checked = backends.iter().map(check_backend).fold(true, |all, one| all & one);
    let dropped = check_folder(config)?;
    backends.iter().for_each(|backend| warn_of_missing_rows(backend, &dropped));
    let transport = engine::transport(config, &backends)?;
    check_publishing(config, &transport)?;
    let probed = !probe || probe_all(config, &backends, transport);
    Ok(if checked && probed { Exit::Ok } else { Exit::Config })
}

fn check_backend(backend: &Backend) -> bool {
    let found = backend.open().and_then(|open| {
        let users = backend.naming.users(open.handle.folds_case())?;
        match open.channel.secrets.missing() {
            None => Ok((open, users)),
            Some((key, why)) => Err(format!("[backend.{}.settings] `{key}`: {why}", backend.id)),
        }
    });
    let told = match &found {
        Ok((open, _)) => {
            let names: Vec<_> = open.renditions().iter().map(|spec| spec.name.as_str()).collect();
            format!("ok, renditions: {}", names.join(", "))
        }
        Err(reason) => reason.clone(),
    };
    show::print(&format!("backend {} ({}): {told}", backend.id, backend.plugin));
    found.is_ok_and(|(open, _)| backend.naming.file().is_none_or(|file| check_users(file, &open)))
}

/// Says which rows lead to nobody, or to somebody twice. Those are a matter of their users and no reason not to start.
fn check_users(file: &UserFile, open: &OpenBackend) -> bool {
    match users::table(file) {
        Ok(Table { rows, remarks }) => {
            show::print(&format!("  users {}: {} rows", escape(&file.path), rows.len()));
            let shared = rows.shared(open.handle.folds_case()).map(|(name, owners)| {
                let owners: Vec<_> = owners.into_iter().map(escape).collect();
                format!("{} all lead to `{}`: none of them is sent", owners.join(", "), escape(name))
            });
            remarks.into_iter().chain(shared).for_each(|remark| {
                show::print(&format!("  warning: {remark}"));
            });
            true
        }
        Err(reason) => {
            show::print(&format!("  {reason}"));
            false
        }
    }
}

/// Says for whose photo there is no row yet, where that is waited for.
fn warn_of_missing_rows(backend: &Backend, dropped: &BTreeSet<UserId>) {
    // Why a file of users cannot be used was said before.
    let Ok(users) = backend.naming.users(false) else { return };
    let is_missing = |user: &&UserId| users.of(user) == Remote::Missing(Missing::Wait);
    let missing: Vec<_> = dropped.iter().filter(is_missing).map(|user| escape(user.as_str())).collect();
    if missing.is_empty() {
        return;
    }
    let more = missing.len().saturating_sub(NAMED_AT_MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = missing.iter().take(NAMED_AT_MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    show::print(&format!("backend {}: warning: no row is for {named}{more}", backend.id));
}

/// Checks what pictures are published with, and warns of what systems that fetch them may stumble over: of that, this side
/// cannot be sure.
fn check_publishing(config: &Config, transport: &transport::Lazy) -> Result<(), Trouble> {
    let Some(road) = config.publish.road() else { return Ok(()) };
    let shelf = Shelf::open_or_make(&config.state.path)?;
    Publisher::open(road.1, shelf.clone(), Outage::default())?;
    let reached = engine::block_on(reach(road, &shelf, transport.get()?));
    let told = match reached.trouble {
        None => "ok, it leads here".into(),
        Some(why) => format!(
            "warning: it does not answer from here: {}; systems that cannot fetch pictures there show none: look at the \
             name, the firewall and the web server in between",
            escape(&why)
        ),
    };
    show::print(&format!("publish {}: {told}", road.1));
    if reached.alone {
        show::print(
            "publish: warning: no portraitd serves pictures now: `portraitd sync` serves them only while it works, and what \
             systems fetch later, or show by its URL, is missing then; let `portraitd run` run",
        );
    }
    Ok(())
}

fn probe_all(config: &Config, backends: &Backends, transport: transport::Lazy) -> bool {
    let stage = Stage::Real(Arc::new(Real::without_state(config, transport)));
    let talk = Conversations { stage, clock: Clock::start() };
    engine::block_on(async {
        let mut all = true;
        for backend in backends.iter() {
            all &= probe_one(&talk, backend).await;
        }
        all
    })
}

async fn probe_one(talk: &Conversations, backend: &Backend) -> bool {
    let Ok(open) = backend.open() else { return false };
    let told = match open.can(Operation::Probe) {
        true => Some(talk.probe(backend, &open).await),
        false => None,
    };
    let text = match &told {
        Some(outcome) if outcome.verdict.is_done() => "its credentials work".into(),
        Some(outcome) => format!("{}: {}", outcome.verdict.word(), escape(&outcome.reason)),
        None => "it cannot be asked".into(),
    };
    show::print(&format!("probe {}: {text}", backend.id));
    told.is_none_or(|outcome| outcome.verdict.is_done())
}

/// Whose photos are in the folder, by the names of its entries.
fn check_folder(config: &Config) -> Result<BTreeSet<UserId>, Trouble> {
    let names = engine::names(config)?;
    let intake = Intake::new(config);
    let shown = intake.shown_path();
    let trouble = |reason: String| {
        Trouble::new(Exit::Config, format!("failed to read the drop folder `{shown}`"))
            .because(reason)
            .hint("make it, or mount it, or set folder.path; portraitd does not make it itself")
    };
    let listing = intake.open().map_err(trouble)?.list();
    if let Some(reason) = listing.trouble {
        return Err(trouble(reason));
    }
    show::print(&format!("folder {shown}: ok, {} entries", listing.entries.len()));
    let user_of = |class: Class| if let Class::Photo(user) = class { Some(user) } else { None };
    Ok(listing.entries.iter().filter_map(|entry| user_of(names.classify(&entry.name))).collect())
}
