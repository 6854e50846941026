//! The log: one line for each event, on stderr, as text or JSON. Results go to stdout and are not logged.
//!
//! User ids are personal data and are logged at `debug` only; whoever logs one must choose that level.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{LogConfig, LogFormat, LogLevel};
use crate::progress;

/// Starts the log, for the rest of the process. A panic is a line of it: those of decoders are caught, and would
/// otherwise write over the progress of a `sync`.
pub(crate) fn start(config: &LogConfig) {
    let level = match config.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(BoxMakeWriter::new(progress::log_writer));
    match config.format {
        LogFormat::Text => builder.with_target(false).with_ansi(false).init(),
        LogFormat::Json => builder.with_target(false).json().flatten_event(true).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let what = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words");
        tracing::error!(place, what, "a part of portraitd failed; this is a bug of it");
    }));
}
