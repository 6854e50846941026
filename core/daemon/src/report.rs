//! What people are told when a command cannot do its work, and with which exit code it ends. Prints no progress, no
//! results and no log lines.

use std::error::Error;
use std::fmt;
use std::process::{ExitCode, Termination};

/// How a command of `portraitd` ends. The numbers are a contract with scripts and service managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for is done.
    Ok = 0,
    /// The command worked, and not everything is in place.
    NotAllDone = 1,
    /// The configuration or the command line is wrong, or no configuration was found.
    Config = 2,
    /// Another process uses the state directory.
    StateInUse = 3,
}

impl Exit {
    /// The number that the process returns.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

/// A failure as a person is told it: what failed, why, and what to do. Its [`Display`](fmt::Display) is
///
/// ```text
/// error: failed to read the config file /etc/portraitd/portraitd.toml
/// because: line 4: folder.setle: unknown key
/// hint: did you mean folder.settle?
/// ```
///
/// with one `because:` for each link of the chain, and without an end of line after the last one. File names in it are
/// escaped by whoever puts them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    what: String,
    because: Vec<String>,
    hint: Option<String>,
    exit: Exit,
}

impl Trouble {
    /// `what` failed, with the name that the person knows; a fragment such as "failed to open the drop folder `drop`".
    pub(crate) fn new(exit: Exit, what: impl fmt::Display) -> Self {
        Self { what: what.to_string(), because: Vec::new(), hint: None, exit }
    }

    /// Adds one reason below those that are there.
    pub(crate) fn because(mut self, reason: impl fmt::Display) -> Self {
        self.because.push(reason.to_string());
        self
    }

    /// Adds `error` and all its sources as reasons. A source whose text its parent already ends with is left out.
    pub(crate) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut link = Some(error);
        while let Some(error) = link {
            let reason = error.to_string();
            if !self.because.last().is_some_and(|before| before.ends_with(&reason)) {
                self.because.push(reason);
            }
            link = error.source();
        }
        self
    }

    /// Says what to do about it. A second hint replaces the first.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The reasons on one line, for a log that says itself what failed.
    pub(crate) fn reasons(&self) -> String {
        self.because.join(": ")
    }

    /// The exit code that this failure ends the command with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for reason in &self.because {
            write!(f, "\nbecause: {reason}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Error for Trouble {}

/// An error and its sources on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the library is not whole")]
    struct Inner;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to load `x`")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("failed to load `x`: {0}")]
    struct Repeating(#[source] Inner);

    #[test]
    fn a_trouble_says_what_failed_and_why_and_what_to_do() {
        let trouble = Trouble::new(Exit::Config, "failed to start the backend `intranet`")
            .caused_by(&Outer(Inner))
            .hint("copy it again");
        assert_eq!(
            trouble.to_string(),
            "error: failed to start the backend `intranet`\nbecause: failed to load `x`\n\
             because: the library is not whole\nhint: copy it again"
        );
        assert_eq!(trouble.exit(), Exit::Config);
    }

    #[test]
    fn a_trouble_without_reasons_is_one_line() {
        assert_eq!(Trouble::new(Exit::NotAllDone, "failed to x").to_string(), "error: failed to x");
    }

    #[test]
    fn a_cause_that_its_parent_repeats_is_told_once() {
        let trouble = Trouble::new(Exit::Config, "a").because("b").caused_by(&Repeating(Inner));
        assert_eq!(trouble.to_string(), "error: a\nbecause: b\nbecause: failed to load `x`: the library is not whole");
    }

    #[test]
    fn the_exit_codes_are_those_of_the_contract() {
        let codes = [Exit::Ok, Exit::NotAllDone, Exit::Config, Exit::StateInUse].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3]);
    }
}
