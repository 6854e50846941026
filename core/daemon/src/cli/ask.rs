//! The commands that ask a running daemon, or the ledger where none runs: `status`, `explain`, `retry`,
//! `pause`, `resume`, `confirm-removals`.

use portraitd_reconcile::Focus;
use serde_json::Value;

use crate::asked::{self, Asked, Reply};
use crate::backends::Backends;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, AskError};
use crate::engine::{self, State};
use crate::intake::Intake;
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;

/// `portraitd status`
pub(crate) fn status(config: &Config, json: bool) -> Result<Exit, Trouble> {
    let answer = ask(config, &Asked::Status {})?;
    let status = &answer["status"];
    Ok(show::print(&if json { status.to_string() } else { show::status_text(status) }))
}

/// `portraitd explain`
pub(crate) fn explain(config: &Config, userid: &str, json: bool) -> Result<Exit, Trouble> {
    let answer = ask(config, &Asked::Explain { userid: userid.to_owned() })?;
    let explained = &answer["explain"];
    if explained.is_null() {
        let what = format!("nothing is known of a user `{}`", escape(userid));
        return Err(Trouble::new(Exit::NotAllDone, what).hint("`portraitd status` lists files that were refused"));
    }
    Ok(show::print(&if json { explained.to_string() } else { show::explain_text(explained) }))
}

/// `portraitd retry`
pub(crate) fn retry(config: &Config, backends: &[String], users: &[String]) -> Result<Exit, Trouble> {
    check_names(config, backends)?;
    let answer = ask(config, &Asked::Retry { backends: backends.to_vec(), userids: users.to_vec() })?;
    Ok(show::print(&format!("{} deliveries and backends are due again", answer["released"])))
}

/// `portraitd pause`
pub(crate) fn pause(config: &Config, backends: Vec<String>) -> Result<Exit, Trouble> {
    check_names(config, &backends)?;
    let names = backends.join(", ");
    let answer = ask(config, &Asked::Pause { backends })?;
    Ok(show::print(&format!("{names}: paused{}", already(&answer))))
}

/// `portraitd resume`
pub(crate) fn resume(config: &Config, backends: Vec<String>) -> Result<Exit, Trouble> {
    check_names(config, &backends)?;
    let names = backends.join(", ");
    let answer = ask(config, &Asked::Resume { backends })?;
    Ok(show::print(&format!("{names}: goes on{}", already(&answer))))
}

/// What is said behind an order that changed nothing.
fn already(answer: &Value) -> &'static str {
    if answer["changed"] == 0 { " as before" } else { "" }
}

fn check_names(config: &Config, backends: &[String]) -> Result<(), Trouble> {
    let is_known = |name: &str| config.backend.iter().any(|(id, backend)| id.as_str() == name && backend.enabled);
    backends.iter().find(|name| !is_known(name)).map_or(Ok(()), |name| {
        Err(Trouble::new(Exit::Config, format!("there is no enabled backend `{}`", escape(name))))
    })
}

/// `portraitd confirm-removals`
pub(crate) fn confirm_removals(config: &Config) -> Result<Exit, Trouble> {
    let answer = ask(config, &Asked::ConfirmRemovals {})?;
    Ok(show::print(&format!("the absence of {} photos is confirmed", answer["confirmed"])))
}

/// Asks the daemon; where none runs, takes its place for a moment.
fn ask(config: &Config, asked: &Asked) -> Result<Value, Trouble> {
    let question = serde_json::to_value(asked).expect("a question is plain data");
    let answer = match control::ask(&engine::socket(config), &question) {
        Ok(answer) => answer,
        Err(AskError::NobodyThere) => alone(config, asked.clone())?,
        Err(error) => {
            return Err(Trouble::new(Exit::StateInUse, "failed to ask the running portraitd").caused_by(&error));
        }
    };
    match answer["error"].as_str() {
        Some(error) => Err(Trouble::new(Exit::Config, "portraitd refused").because(error)),
        None => Ok(answer),
    }
}

fn alone(config: &Config, asked: Asked) -> Result<Value, Trouble> {
    let state = State::take(config)?;
    let backends = Backends::open(config, &engine::copies(config))?;
    let clock = Clock::start();
    let (mut reconciler, ledger, lock) = state.restore(config, backends.specs(), Focus::default(), clock)?;
    reconciler.recall(Intake::new(config).open().err(), clock.now());
    let reply = asked::answer(&mut reconciler, &backends, asked, clock.now());
    let failed = |error: &dyn std::error::Error| {
        Trouble::new(Exit::NotAllDone, "failed to use the ledger").because(crate::report::chain(error))
    };
    let ledger = ledger.expect("a state that was taken has a ledger");
    let (written, was_written) = std::sync::mpsc::channel();
    ledger.write(reconciler.take_changes(), move |result| drop(written.send(result)));
    if let Ok(Err(error)) = was_written.recv() {
        return Err(failed(&error));
    }
    let answer = match reply {
        Reply::Whole(value) => value,
        Reply::WithHistory { user, reply } => {
            let (told, history) = std::sync::mpsc::channel();
            ledger.attempts(&user, move |attempts| drop(told.send(attempts)));
            match history.recv() {
                Ok(Ok(attempts)) => reply.with(attempts),
                Ok(Err(error)) => return Err(failed(&error)),
                Err(error) => return Err(failed(&error)),
            }
        }
    };
    ledger.close().map_err(|error| failed(&error))?;
    drop(lock);
    Ok(answer)
}
