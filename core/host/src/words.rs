//! What a plugin says for people: each text on one line, without control characters, and not longer than anybody reads.
//!
//! It goes into logs and onto terminals, and may repeat what a system on the network has answered. Judges nothing.

use portraitd_sdk::Failure;
use portraitd_sdk::message::{Done, Level, LogLine};

/// The most characters of one text.
const MAX_TEXT: usize = 2_000;

/// The most lines for the log of one step.
const MAX_LINES: usize = 100;

/// A text as it can be shown.
fn shown(text: &mut String) {
    if text.chars().any(char::is_control) {
        *text = text.chars().flat_map(escaped).collect();
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push_str(" ...");
    }
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let control = c.is_control().then(|| c.escape_debug());
    let plain = control.is_none().then_some(c);
    control.into_iter().flatten().chain(plain)
}

/// A failure as it can be shown.
pub(crate) fn failure(mut failure: Failure) -> Failure {
    shown(&mut failure.reason);
    failure.hint.iter_mut().for_each(shown);
    failure
}

/// An outcome whose notes can be shown.
pub(crate) fn done(mut done: Done) -> Done {
    done.notes.iter_mut().for_each(shown);
    done
}

/// Lines for the log as they can be shown.
pub(crate) fn log(mut lines: Vec<LogLine>) -> Vec<LogLine> {
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    lines.iter_mut().for_each(|line| shown(&mut line.text));
    if more > 0 {
        lines.push(LogLine { level: Level::Warn, text: format!("{more} more lines of this step are left out") });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { level: Level::Info, text: text.into() }
    }

    #[test]
    fn a_text_stays_on_its_line() {
        let told = failure(Failure::retry("a\nb\u{1b}[2J\r\0").hint("c\u{85}d"));
        assert_eq!(told.reason, r"a\nb\u{1b}[2J\r\0");
        assert_eq!(told.hint.as_deref(), Some(r"c\u{85}d"));
        let plain = "`Zoë` said \"no\" \\ 'yes'";
        assert_eq!(log(vec![line(plain)]), [line(plain)]);
    }

    #[test]
    fn a_long_text_and_a_long_log_are_cut() {
        let told = failure(Failure::retry("ä".repeat(5_000)));
        assert_eq!(told.reason.chars().count(), MAX_TEXT + 4);
        let lines = log(vec![line("x"); 250]);
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines[MAX_LINES].text, "150 more lines of this step are left out");
    }
}
