//! What an attempt came to, in the words that plugins, the ledger and people share.

use std::time::Duration;

use crate::{PictureName, TOLD_AT_MOST};

/// What an attempt came to. Each word has one meaning for the daemon; see the variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The system shows the picture now.
    Changed,
    /// The system showed it already.
    Unchanged,
    /// The system shows no picture of this user any more.
    Removed,
    /// Try again later.
    Retry,
    /// Try again later, and leave the whole backend alone until then.
    RateLimited {
        /// How long the system asks to be left alone.
        after: Duration,
    },
    /// The system has no such user, yet.
    UserAbsent,
    /// Several users of the system match.
    UserAmbiguous,
    /// The system will never take this picture.
    ImageRejected,
    /// The backend's credentials are refused.
    Auth,
    /// The backend's settings are wrong.
    Config,
    /// The plugin has no such operation.
    Unsupported,
    /// The plugin misbehaved.
    Bug,
}

impl Verdict {
    /// The word on the wire, in the ledger and in JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
            Self::Retry => "retry",
            Self::RateLimited { .. } => "rate-limited",
            Self::UserAbsent => "user-absent",
            Self::UserAmbiguous => "user-ambiguous",
            Self::ImageRejected => "image-rejected",
            Self::Auth => "auth",
            Self::Config => "config",
            Self::Unsupported => "unsupported",
            Self::Bug => "bug",
        }
    }

    /// The verdict of a word; the wait of `rate-limited` is not part of the word and comes back as zero.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Changed,
            Self::Unchanged,
            Self::Removed,
            Self::Retry,
            Self::RateLimited { after: Duration::ZERO },
            Self::UserAbsent,
            Self::UserAmbiguous,
            Self::ImageRejected,
            Self::Auth,
            Self::Config,
            Self::Unsupported,
            Self::Bug,
        ]
        .into_iter()
        .find(|verdict| verdict.word() == word)
    }

    /// The delivery is over, for good.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Changed | Self::Unchanged | Self::Removed)
    }

    /// The delivery waits for another photo, another recipe or a person.
    #[must_use]
    pub const fn stops(&self) -> bool {
        matches!(self, Self::UserAmbiguous | Self::ImageRejected | Self::Unsupported | Self::Bug)
    }

    /// The whole backend is wrong, not this delivery.
    #[must_use]
    pub const fn holds_backend(&self) -> bool {
        matches!(self, Self::Auth | Self::Config)
    }

    /// The system has answered for this user, so the backend's address, credentials and settings are right.
    #[must_use]
    pub const fn proves_backend(&self) -> bool {
        self.is_done() || matches!(self, Self::UserAbsent | Self::UserAmbiguous | Self::ImageRejected)
    }
}

/// A verdict with what a person wants to know of it, and what was seen of the system on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the attempt came to.
    pub verdict: Verdict,
    /// Why, in the plugin's or the host's words; empty where the verdict says all.
    pub reason: String,
    /// What the plugin wants remembered of a delivery that is done: where the picture is now.
    pub receipt: Option<String>,
    /// How long the system asked to be left alone, whatever the verdict is.
    pub quiet: Option<Duration>,
    /// How long this delivery should wait at least before it is tried again; others need not.
    pub after: Option<Duration>,
    /// The system could not be reached: no connection, no name, no handshake, no answer in time, or a reset.
    pub unreachable: bool,
    /// A request that may have changed something got no answer: it may still take effect, later.
    pub uncertain: bool,
    /// The pictures that were published for this attempt.
    pub published: Vec<PictureName>,
}

impl Outcome {
    /// An outcome of which there is no more to say.
    #[must_use]
    pub const fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            reason: String::new(),
            receipt: None,
            quiet: None,
            after: None,
            unreachable: false,
            uncertain: false,
            published: Vec::new(),
        }
    }

    /// An outcome that is not a success.
    pub fn failed(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::of(verdict) }
    }

    /// How long the system asked to be left alone, in whichever way it did; at most [`TOLD_AT_MOST`].
    #[must_use]
    pub fn told_wait(&self) -> Option<Duration> {
        let limited = match self.verdict {
            Verdict::RateLimited { after } => Some(after),
            _ => None,
        };
        limited.max(self.quiet).map(|told| told.min(TOLD_AT_MOST))
    }

    /// The reason as the history tells it: what may still take effect is said first.
    #[must_use]
    pub fn told_reason(&self) -> String {
        if self.uncertain { format!("uncertain: {}", self.reason) } else { self.reason.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_two_told_waits_counts_and_none_beyond_a_day() {
        let told = |after: Option<u64>, quiet: Option<u64>| {
            let after = after.map(Duration::from_secs);
            let verdict = after.map_or(Verdict::Retry, |after| Verdict::RateLimited { after });
            let outcome = Outcome { quiet: quiet.map(Duration::from_secs), ..Outcome::of(verdict) };
            outcome.told_wait().map(|wait| wait.as_secs())
        };
        assert_eq!(told(None, None), None);
        assert_eq!(told(None, Some(7)), Some(7));
        assert_eq!(told(Some(9), Some(7)), Some(9));
        assert_eq!(told(Some(5), Some(700_000)), Some(86_400));
    }
}
