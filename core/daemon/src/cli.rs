//! The command line: what can be asked for, and which module does it.

mod adopt;
mod ask;
mod check;
mod plugins;
mod preview;
mod run;
mod sync;
mod trial;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::logging;
use crate::report::{Exit, Trouble};

/// Watches a folder of portraits and shows each in every system of the company.
#[derive(Debug, Parser)]
#[command(name = "portraitd", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// The config file (default: portraitd.toml, config/portraitd.toml, /etc/portraitd/portraitd.toml)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM or SIGINT
    Run,
    /// Scan once, deliver what is due, and end
    Sync(SyncArgs),
    /// Record what backends hold already as if it had been delivered, and send nothing
    Adopt(AdoptArgs),
    /// Check config, plugins, folder and rights without starting
    Check(CheckArgs),
    /// Show counts for each backend, refused files and held backends
    Status(JsonArgs),
    /// Show what is known of one user: photo, backends, attempts, the next one
    Explain(ExplainArgs),
    /// Make stopped, retrying and absent deliveries due, and release backends that are held or down
    Retry(RetryArgs),
    /// Send nothing new to a backend, across restarts, until `resume`
    Pause(BackendArgs),
    /// Let a backend that was paused go on
    Resume(BackendArgs),
    /// Let the removals go that wait for a person
    ConfirmRemovals,
    /// Write every rendition that would be made of a photo
    Preview(PreviewArgs),
    /// Show plugins
    #[command(subcommand)]
    Plugins(PluginsCommand),
    /// Tell what a plugin says of itself, as JSON; runs the plugin's code
    #[command(hide = true)]
    DescribePlugin { file: PathBuf },
}

/// What `sync` is asked for.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Only this backend; may be given several times
    #[arg(long = "backend", value_name = "B")]
    pub(crate) backends: Vec<String>,
    /// At most so many photos
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// How long to wait for retries
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) wait: std::time::Duration,
    /// Show what would be done; send nothing and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only these users
    #[arg(value_name = "USERID")]
    pub(crate) users: Vec<String>,
}

/// What `adopt` is asked for.
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The backend; may be given several times
    #[arg(long = "backend", value_name = "B", required = true)]
    pub(crate) backends: Vec<String>,
    /// Print what was found as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only these users
    #[arg(value_name = "USERID")]
    pub(crate) users: Vec<String>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Ask each backend whether its credentials work
    #[arg(long)]
    probe: bool,
}

#[derive(Debug, Args)]
struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    /// The user
    #[arg(value_name = "USERID")]
    user: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// Only this backend; may be given several times
    #[arg(long = "backend", value_name = "B")]
    backends: Vec<String>,
    /// Only these users
    #[arg(value_name = "USERID")]
    users: Vec<String>,
}

#[derive(Debug, Args)]
struct BackendArgs {
    /// The backend; may be given several times
    #[arg(long = "backend", value_name = "B", required = true)]
    backends: Vec<String>,
}

#[derive(Debug, Args)]
struct PreviewArgs {
    /// The photo
    file: PathBuf,
    /// Where the renditions are written; made when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum PluginsCommand {
    /// List the plugins that are found
    List(JsonArgs),
    /// Show one plugin: identity, settings, operations, modes, renditions
    Show {
        /// The library
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver one photo with a library, and show the whole conversation; nothing is recorded in the state
    Try(TryArgs),
}

/// What `plugins try` is asked for.
#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    /// The library
    pub(crate) file: PathBuf,
    /// The configured backend whose settings are used
    #[arg(long, value_name = "B")]
    pub(crate) backend: String,
    /// The user
    #[arg(long, value_name = "U")]
    pub(crate) user: String,
    /// The photo
    #[arg(long, value_name = "P")]
    pub(crate) photo: PathBuf,
    /// Send nothing; the replies are the plugin's examples
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write a recording that plays back in the plugin's tests
    #[arg(long, value_name = "R")]
    pub(crate) record: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn execute(self) -> Result<Exit, Trouble> {
        if let Command::DescribePlugin { file } = &self.command {
            return plugins::describe(file);
        }
        let (config, path) = Config::load(self.config.as_deref())?;
        logging::start(&config.log);
        match self.command {
            Command::Run => run::run(&config, &path),
            Command::Sync(args) => sync::sync(&config, &args),
            Command::Adopt(args) => adopt::adopt(&config, &args),
            Command::Check(args) => check::check(&config, &path, args.probe),
            Command::Status(args) => ask::status(&config, args.json),
            Command::Explain(args) => ask::explain(&config, &args.user, args.json),
            Command::Retry(args) => ask::retry(&config, &args.backends, &args.users),
            Command::Pause(args) => ask::pause(&config, args.backends),
            Command::Resume(args) => ask::resume(&config, args.backends),
            Command::ConfirmRemovals => ask::confirm_removals(&config),
            Command::Preview(args) => preview::preview(&config, &args.file, &args.out),
            Command::Plugins(PluginsCommand::List(args)) => plugins::list(&config, args.json),
            Command::Plugins(PluginsCommand::Show { file, json }) => plugins::show(&config, &file, json),
            Command::Plugins(PluginsCommand::Try(args)) => trial::try_plugin(&config, &args),
            Command::DescribePlugin { .. } => unreachable!("it was done above, without a config"),
        }
    }
}
