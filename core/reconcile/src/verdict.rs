//! What an attempt came to, in the words that plugins, the ledger and people share.

use std::time::Duration;

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

/// A verdict with what a person wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the attempt came to.
    pub verdict: Verdict,
    /// Why, in the plugin's or the host's words; empty where the verdict says all.
    pub reason: String,
    /// What the plugin wants remembered of a delivery that is done: where the picture is now.
    pub receipt: Option<String>,
}

impl Outcome {
    /// An outcome that is not a success.
    pub fn failed(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into(), receipt: None }
    }
}
