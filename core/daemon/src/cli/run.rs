//! `portraitd run`: the daemon, until it is told to stop.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing::info;

use crate::admin::Admin;
use crate::asked::Asked;
use crate::backends::reload;
use crate::config::{Config, WatchMode};
use crate::control;
use crate::controller::{Controller, Event, Follow};
use crate::engine::{self, Engine};
use crate::report::{Exit, Trouble};
use crate::service::Service;
use crate::text::escape;

/// How long an answer may take before whoever asked is told so.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Runs the daemon.
pub(crate) fn run(config: &Config, path: &Path) -> Result<Exit, Trouble> {
    let follow = Follow { rescan: config.folder.rescan, events: config.folder.watch != WatchMode::Poll };
    let Engine { controller, backends, pictures, lock } = Engine::open(config, Default::default(), None, Some(follow))?;
    engine::warn_of_surprises(config, &backends);
    info!(
        config = escape(path),
        folder = escape(&config.folder.path),
        version = env!("CARGO_PKG_VERSION"),
        "portraitd starts"
    );
    engine::block_on(async {
        let mut controller = controller;
        forward_signals(&controller.sender())?;
        serve(config, &mut controller)?;
        engine::serve_pictures(pictures, &mut controller, Arc::clone(&backends));
        let sender = controller.sender();
        // A loop that is gone needs no library.
        controller.run_beside(reload::follow(backends, move |spec| drop(sender.send(Event::Respecified(spec)))));
        serve_admin(config, &mut controller);
        turn(&mut controller).await?;
        info!(
            grace = humantime::format_duration(config.run.grace).to_string(),
            "portraitd stops: what is in flight may end"
        );
        controller.finish(config.run.grace).await
    })?;
    // Nobody answers any more. A socket that stays, as after a kill, is as good as none.
    drop(std::fs::remove_file(engine::socket(config)));
    drop(lock);
    info!("portraitd has stopped");
    Ok(Exit::Ok)
}

async fn turn(controller: &mut Controller) -> Result<(), Trouble> {
    let mut service = Service::of_environment();
    while controller.turn(service.as_ref().map(Service::wake_at)).await? {
        if let Some(service) = &mut service {
            service.turned(controller);
        }
    }
    if let Some(service) = &service {
        service.stopping();
    }
    Ok(())
}

/// The first SIGTERM or SIGINT asks for an orderly stop, the second for one at once.
fn forward_signals(sender: &mpsc::UnboundedSender<Event>) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::new(Exit::Config, "failed to listen for signals").caused_by(&error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let sender = sender.clone();
    tokio::spawn(async move {
        for event in [Event::Stop, Event::StopNow] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // A loop that is gone needs no signal.
            drop(sender.send(event));
        }
    });
    Ok(())
}

fn serve(config: &Config, controller: &mut Controller) -> Result<(), Trouble> {
    let path = engine::socket(config);
    let listener = control::bind(&path).map_err(|error| {
        Trouble::new(Exit::Config, format!("failed to open the control socket `{}`", escape(&path))).caused_by(&error)
    })?;
    let sender = controller.sender();
    let handler = move |line| {
        let sender = sender.clone();
        async move { answer(line, &sender).await }
    };
    controller.run_beside(async move { match control::serve(listener, handler).await {} });
    Ok(())
}

fn serve_admin(config: &Config, controller: &mut Controller) {
    if let Some(admin) = Admin::new(&config.admin.listen, controller.metrics().clone(), controller.sender()) {
        controller.run_beside(async move { match admin.serve().await {} });
    }
}

async fn answer(line: Value, sender: &mpsc::UnboundedSender<Event>) -> Value {
    let asked: Asked = match serde_json::from_value(line) {
        Ok(asked) => asked,
        Err(error) => return json!({ "error": format!("not understood: {error}") }),
    };
    let (reply, answer) = oneshot::channel();
    if sender.send(Event::Asked(asked, reply)).is_err() {
        return json!({ "error": "portraitd is stopping" });
    }
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(value)) => value,
        Ok(Err(_)) => json!({ "error": "portraitd is stopping" }),
        Err(_) => json!({ "error": "portraitd is too busy to answer; try again" }),
    }
}
