//! `portraitd check`: everything but the start. What the daemon would refuse at its start, this refuses too.

use std::path::Path;

use crate::backends::Backends;
use crate::config::Config;
use crate::engine;
use crate::intake::Intake;
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;

/// Checks config, plugins, folder and rights.
pub(crate) fn check(config: &Config, path: &Path) -> Result<Exit, Trouble> {
    show::print(&format!("config {}: ok", escape(path)));
    let backends = Backends::open(config, &engine::copies(config))?;
    let mut exit = Exit::Ok;
    for backend in backends.iter() {
        let (id, plugin) = (&backend.id, &backend.plugin);
        match &backend.open {
            Ok(open) => {
                let names: Vec<_> = open.renditions().iter().map(|spec| spec.name.as_str()).collect();
                show::print(&format!("backend {id} ({plugin}): ok, renditions: {}", names.join(", ")));
            }
            Err(reason) => {
                exit = Exit::Config;
                show::print(&format!("backend {id} ({plugin}): {reason}"));
            }
        }
    }
    check_folder(config)?;
    Ok(exit)
}

fn check_folder(config: &Config) -> Result<(), Trouble> {
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
    Ok(())
}
