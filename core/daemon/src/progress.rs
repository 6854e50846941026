//! Shows on stderr how far a `sync` is: a bar on a terminal, a plain line now and then elsewhere. Also holds the one
//! way by which log lines reach stderr, because they would tear the bar. Prints no results.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressState, ProgressStyle};

/// How far a `sync` is, in photos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All that are in question.
    pub(crate) photos: u64,
    /// Those of them for which nothing is left to do.
    pub(crate) done: u64,
    /// Those that wait for their next attempt.
    pub(crate) waiting: u64,
    /// Files that were refused; they are not among `photos`.
    pub(crate) rejected: u64,
    /// Those that are being delivered.
    pub(crate) in_flight: u64,
}

/// The progress of one `sync`. Dropping it takes the bar away without a last line.
#[derive(Debug)]
pub(crate) struct Progress(Shown);

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
}

impl Progress {
    /// Shows nothing before the first [`Progress::update`].
    pub(crate) fn new() -> Self {
        if is_terminal() { Self(Shown::Bar(bar())) } else { Self(Shown::Lines(Lines::new(Instant::now()))) }
    }

    /// Tells how far it is now. May be called as often as there is news.
    pub(crate) fn update(&mut self, counts: &Counts) {
        match &mut self.0 {
            Shown::Bar(bar) => {
                bar.set_length(counts.photos);
                bar.set_position(counts.done);
                bar.set_message(others(counts));
            }
            Shown::Lines(lines) => print(lines.update(counts, Instant::now())),
        }
    }

    /// Takes the bar away, or prints the last line. The summary that follows is the caller's.
    pub(crate) fn finish(self) {
        match self.0 {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines(lines) => print(lines.finish(Instant::now())),
        }
    }
}

/// A writer for one log line on stderr. It takes the bar away while it writes. For `tracing_subscriber`, whose
/// `MakeWriter` any such function is.
pub(crate) fn log_writer() -> LogWriter {
    LogWriter
}

/// See [`log_writer`].
#[derive(Debug)]
pub(crate) struct LogWriter;

impl Write for LogWriter {
    /// Never fails: when stderr is a pipe that nobody reads any more, the daemon goes on without a log.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write_all(line).ok());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The one place that knows whether a bar is on the terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

fn is_terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn bar() -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(0).with_finish(ProgressFinish::AndClear));
    let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
    bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A bar that cannot be drawn is no reason to stop.
        write!(out, "{:.1}/s", state.per_sec()).ok();
    }));
    // The time left goes on while nothing is done.
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

fn print(line: Option<String>) {
    if let Some(line) = line {
        LogWriter.write_all(format!("{line}\n").as_bytes()).expect("writing a log line never fails");
    }
}

/// The lines of a `sync` without a terminal: the first at once, then at most one every 10 s, and one at the end.
#[derive(Debug)]
struct Lines {
    begun: Instant,
    counts: Option<Counts>,
    printed: Instant,
}

impl Lines {
    const fn new(now: Instant) -> Self {
        Self { begun: now, counts: None, printed: now }
    }

    fn update(&mut self, counts: &Counts, now: Instant) -> Option<String> {
        let first = self.counts.replace(*counts).is_none();
        if !first && now.duration_since(self.printed) < PAUSE {
            return None;
        }
        self.printed = now;
        Some(if first { format!("{} photos", counts.photos) } else { self.line(counts, now) })
    }

    fn finish(&self, now: Instant) -> Option<String> {
        self.counts.map(|counts| format!("{} in {}", summary(&counts), Rounded(now.duration_since(self.begun))))
    }

    fn line(&self, counts: &Counts, now: Instant) -> String {
        let rate = counts.done as f64 / now.duration_since(self.begun).as_secs_f64();
        let mut line = summary(counts);
        if rate > 0.0 {
            let left = Duration::from_secs_f64(counts.photos.saturating_sub(counts.done) as f64 / rate);
            line.push_str(&format!(", {rate:.1}/s, {} left", Rounded(left)));
        }
        line
    }
}

fn summary(counts: &Counts) -> String {
    let others = others(counts);
    let comma = if others.is_empty() { "" } else { ", " };
    format!("{} of {} photos done{comma}{others}", counts.done, counts.photos)
}

/// What is not done, without what there is none of.
fn others(counts: &Counts) -> String {
    let all = [(counts.in_flight, "in flight"), (counts.waiting, "waiting"), (counts.rejected, "rejected")];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// A duration in whole seconds, such as `2m 5s`.
struct Rounded(Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(Duration::from_secs(self.0.as_secs_f64().round() as u64)).fmt(f)
    }
}

const TEMPLATE: &str = "{bar:30} {pos}/{len} photos  {rate}  {eta} left  {msg}";
const PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike};

    const SOME: Counts = Counts { photos: 2000, done: 400, waiting: 3, rejected: 1, in_flight: 8 };

    #[test]
    fn lines_come_at_the_start_every_ten_seconds_and_at_the_end() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut lines = Lines::new(begun);
        assert_eq!(lines.update(&Counts { done: 0, ..SOME }, after(0)).as_deref(), Some("2000 photos"));
        for seconds in 1..10 {
            assert_eq!(lines.update(&SOME, after(seconds)), None);
        }
        let expected = "400 of 2000 photos done, 8 in flight, 3 waiting, 1 rejected, 40.0/s, 40s left";
        assert_eq!(lines.update(&SOME, after(10)).as_deref(), Some(expected));
        assert_eq!(lines.update(&SOME, after(19)), None);
        assert!(lines.update(&SOME, after(20)).is_some());
        lines.update(&Counts { photos: 2000, done: 2000, ..Counts::default() }, after(65));
        assert_eq!(lines.finish(after(65)).as_deref(), Some("2000 of 2000 photos done in 1m 5s"));
    }

    #[test]
    fn no_rate_is_told_before_anything_is_done() {
        let begun = Instant::now();
        let mut lines = Lines::new(begun);
        let none = Counts { photos: 5, waiting: 5, ..Counts::default() };
        lines.update(&none, begun);
        assert_eq!(lines.update(&none, begun + PAUSE).as_deref(), Some("0 of 5 photos done, 5 waiting"));
    }

    #[test]
    fn a_sync_that_never_began_has_no_lines() {
        let now = Instant::now();
        assert_eq!(Lines::new(now).finish(now), None);
    }

    #[test]
    fn the_bar_says_how_far_it_is_and_goes_away() {
        let screen = InMemoryTerm::new(5, 120);
        let bar = bar();
        bar.disable_steady_tick();
        bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let mut progress = Progress(Shown::Bar(bar));
        progress.update(&SOME);
        if let Shown::Bar(bar) = &progress.0 {
            bar.force_draw();
        }
        let shown = screen.contents();
        assert!(shown.contains("400/2000 photos") && shown.ends_with("8 in flight, 3 waiting, 1 rejected"), "{shown}");
        progress.finish();
        screen.flush().unwrap();
        assert_eq!(screen.contents(), "");
    }

    #[test]
    fn a_log_line_takes_the_place_of_the_bar_and_the_bar_comes_back_below() {
        let screen = InMemoryTerm::new(5, 80);
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let bar = bars.add(ProgressBar::new(10).with_style(ProgressStyle::with_template("{pos}/{len}").unwrap()));
        bar.set_position(4);
        bar.force_draw();
        bars.suspend(|| screen.write_line("a log line").unwrap());
        assert_eq!(screen.contents(), "a log line\n4/10");
    }

    #[test]
    fn a_log_line_is_taken_whole() {
        assert_eq!(log_writer().write(b"").unwrap(), 0);
        assert_eq!(log_writer().write(b"\n").unwrap(), 1);
        log_writer().flush().unwrap();
    }
}
