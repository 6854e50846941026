//! How a backend says that something did not work: a verdict, a reason for people, and at times a hint.
//!
//! What follows from a verdict (back-off, holding the backend, ...) is the host's business and not decided here.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why an operation failed, and what the host should make of it.
///
/// ```
/// use portraitd_sdk::{Failure, Verdict};
/// let failure = Failure::config("the server says that the token is of another app").hint("make a token for this app");
/// assert_eq!(failure.verdict, Verdict::Config);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Failure {
    /// What the host should make of it.
    pub verdict: Verdict,
    /// What happened: a lower-case fragment that fits after "because", without secrets.
    pub reason: String,
    /// What a person could do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The shortest sensible wait in milliseconds, where the system told one. For `rate-limited` and `retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
}

/// The words for what the host should make of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Try this delivery again later.
    Retry,
    /// Later, and this holds for everything at this backend.
    RateLimited,
    /// The system knows no such user, or not yet.
    UserAbsent,
    /// Several users of the system match.
    UserAmbiguous,
    /// This system will not take this picture; another one perhaps.
    ImageRejected,
    /// The credentials are wrong: nothing will work at this backend.
    Auth,
    /// The settings are wrong: nothing will work at this backend.
    Config,
    /// The plugin cannot do this.
    Unsupported,
    /// The plugin is wrong.
    Bug,
}

impl Verdict {
    /// The word for it on the wire, in logs and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::RateLimited => "rate-limited",
            Self::UserAbsent => "user-absent",
            Self::UserAmbiguous => "user-ambiguous",
            Self::ImageRejected => "image-rejected",
            Self::Auth => "auth",
            Self::Config => "config",
            Self::Unsupported => "unsupported",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Failure {
    /// A failure with a verdict and a reason.
    pub fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into(), hint: None, after_ms: None }
    }

    /// Try this delivery again later.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Retry, reason)
    }

    /// Everything at this backend has to wait; `after` where the system told for how long.
    pub fn rate_limited(after: Option<Duration>, reason: impl Into<String>) -> Self {
        let after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        Self { after_ms, ..Self::new(Verdict::RateLimited, reason) }
    }

    /// The system knows no such user.
    pub fn user_absent(reason: impl Into<String>) -> Self {
        Self::new(Verdict::UserAbsent, reason)
    }

    /// Several users of the system match.
    pub fn user_ambiguous(reason: impl Into<String>) -> Self {
        Self::new(Verdict::UserAmbiguous, reason)
    }

    /// The system will not take this picture.
    pub fn image_rejected(reason: impl Into<String>) -> Self {
        Self::new(Verdict::ImageRejected, reason)
    }

    /// The credentials are wrong.
    pub fn auth(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Auth, reason)
    }

    /// The settings are wrong.
    pub fn config(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Config, reason)
    }

    /// The plugin cannot do this.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Unsupported, reason)
    }

    /// The plugin is wrong.
    pub fn bug(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Bug, reason)
    }

    /// Adds the shortest sensible wait, for `retry` and `rate-limited`.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Adds what a person could do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict, self.reason)
    }
}

impl std::error::Error for Failure {}
