//! What the server's replies mean. Pure: asks nothing, and remembers nothing.
//!
//! The facts are those of the documentation of `users.setAvatar` and of the server's own sources, in
//! `github.com/RocketChat/Rocket.Chat`: `ApiClass.ts` (the envelope, the limiter), `users.ts`, `getUserFromParams.ts` and
//! `setUserAvatar.ts` (errors of the avatar), `getFullUserData.ts` (what is told of a user), `getServerInfo.ts` (the
//! version).

use std::time::Duration;

use portraitd_sdk::{Failure, Response, Verdict};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::NamedBy;

/// The first release that sets the avatar of whom an upload names. Before it, an upload that names somebody else changes
/// the caller's own avatar and answers with success (issue #11334, mended by #11431; release notes of 0.71.0).
const FIRST_SAFE: (u32, u32) = (0, 71);

/// The bounds of a wait that is worked out from a time of the server's clock or from a text.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// The longest etag that is believed, in bytes.
const MAX_ETAG: usize = 256;

/// What an answer with JSON looks like. Old servers write `status` and `message` where newer ones write `success` and
/// `error`; `errorType` is there for errors with a code only.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope {
    success: bool,
    error: Option<String>,
    error_type: Option<String>,
    message: Option<String>,
}

impl Envelope {
    /// The envelope of a reply; an empty one where it has none.
    fn of(reply: &Response) -> Self {
        serde_json::from_slice(reply.body()).unwrap_or_default()
    }

    fn text(&self) -> &str {
        self.error.as_deref().or(self.message.as_deref()).unwrap_or_default()
    }

    /// The error's code: `errorType`, or what stands in brackets at the end of the text, or the whole text where the
    /// server has only a word for it (`unauthorized`).
    fn code(&self) -> &str {
        let text = self.text().trim();
        let in_brackets = text.strip_suffix(']').and_then(|text| text.rsplit_once('[')).map(|(_, code)| code);
        self.error_type.as_deref().or(in_brackets).unwrap_or(text)
    }
}

/// The answer to `users.setAvatar`.
///
/// # Errors
/// `retry` for whatever is no plain success in a 2xx: the avatar may be set or not.
pub(crate) fn avatar_was_set(reply: &Response, now_ms: u64) -> Result<(), Failure> {
    was_done(reply, &AVATAR, now_ms)
}

/// The answer to `users.resetAvatar`.
///
/// # Errors
/// As for [`avatar_was_set`]; `user-absent` when there is no such user.
pub(crate) fn avatar_was_reset(reply: &Response, now_ms: u64) -> Result<(), Failure> {
    was_done(reply, &RESET, now_ms)
}

fn was_done(reply: &Response, asked: &Asked, now_ms: u64) -> Result<(), Failure> {
    match reply.is_success() {
        true if Envelope::of(reply).success => Ok(()),
        true => Err(foreign(reply)),
        false => Err(refusal(reply, asked, now_ms)),
    }
}

/// The answer to `users.info`: the etag of the avatar of the user that was asked for, where there is one.
///
/// Whatever it is asked by, the server looks among ids and names alike, so it may answer with somebody else.
///
/// # Errors
/// `user-absent` when there is no such user; `retry` for what is no answer.
pub(crate) fn etag_of(reply: &Response, by: NamedBy, whose: &str, now_ms: u64) -> Result<Option<String>, Failure> {
    let Info { success: true, user: Some(user) } = told(reply, &USER, now_ms)? else { return Err(foreign(reply)) };
    let is_asked_for = match by {
        NamedBy::Id => user.id == whose,
        NamedBy::Username => user.username.to_lowercase() == whose.to_lowercase(),
    };
    if !is_asked_for {
        return Err(Failure::user_absent("the server knows somebody else by that, and no such user"));
    }
    match user.avatar_etag.filter(|etag| !etag.is_empty()) {
        Some(etag) if etag.len() > MAX_ETAG => Err(foreign(reply)),
        etag => Ok(etag),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    success: bool,
    user: Option<Told>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(rename = "_id")]
    id: String,
    username: String,
    #[serde(rename = "avatarETag")]
    avatar_etag: Option<String>,
}

/// The answer to `me`: whether the credentials are those of the account that the settings name.
///
/// # Errors
/// `auth` when the server does not accept them, `config` when they are somebody else's.
pub(crate) fn account_is(reply: &Response, user_id: &str, now_ms: u64) -> Result<(), Failure> {
    match told(reply, &ACCOUNT, now_ms)? {
        Account { success: true, id: Some(id) } if id == user_id => Ok(()),
        Account { success: true, id: Some(_) } => {
            let failure = Failure::config("the server takes the token for one of another account than `user-id` names");
            Err(failure
                .hint("`user-id` and `auth-token` must be of one account: the server shows both with a new token"))
        }
        _ => Err(foreign(reply)),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    success: bool,
    #[serde(rename = "_id")]
    id: Option<String>,
}

/// The answer to `/api/info`: the version, if it is one that sets the avatar of the user that it is told.
///
/// Every release tells everybody at least major and minor: old ones as `info.version`, later ones as `version`. So for a
/// success without a version something before the server hides it; and what that server does is not tried out on the
/// caller's own avatar.
///
/// # Errors
/// `config` for a server that is too old, or that does not say; `retry` for what is no answer of a server.
pub(crate) fn safe_version(reply: &Response, now_ms: u64) -> Result<String, Failure> {
    let Server { version, info, success } = told(reply, &VERSION, now_ms)?;
    let Some(version) = version.or_else(|| info.and_then(|info| info.version)) else {
        if !success {
            return Err(foreign(reply));
        }
        let failure =
            Failure::config("the server does not tell its version, and an old one would set the wrong avatar");
        return Err(failure.hint("let the daemon reach `/api/info` below `base-url`"));
    };
    match parsed(&version) {
        Some(number) if number >= FIRST_SAFE => Ok(version),
        Some(_) => {
            let shown: String = version.escape_debug().take(20).collect();
            let reason = format!("the server is Rocket.Chat {shown}, which would set the avatar of the account itself");
            Err(Failure::config(reason).hint("update the server to 0.71 or later"))
        }
        None => Err(foreign(reply)),
    }
}

#[derive(Deserialize)]
struct Server {
    version: Option<String>,
    info: Option<Version>,
    #[serde(default)]
    success: bool,
}

#[derive(Deserialize)]
struct Version {
    version: Option<String>,
}

/// Major and minor of `0.70.4`, `7.1` or `8.0.0-rc.1`.
fn parsed(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-']).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// What a question to the server is answered with.
fn told<T: DeserializeOwned>(reply: &Response, asked: &Asked, now_ms: u64) -> Result<T, Failure> {
    if !reply.is_success() {
        return Err(refusal(reply, asked, now_ms));
    }
    serde_json::from_slice(reply.body()).map_err(|_| foreign(reply))
}

/// A 2xx that is not the server's: a page of a front, or an answer that was cut.
fn foreign(reply: &Response) -> Failure {
    let failure = Failure::retry(format!("{} is not what Rocket.Chat answers", reply.told()));
    failure.hint("if it stays so, check `base-url` and what stands before the server")
}

/// What was asked, as far as a refusal means something else for it.
struct Asked {
    /// The verdict of a refusal that neither its code nor its status explains.
    otherwise: Verdict,
    /// What to do about a refusal that does not say that nobody is logged in.
    forbidden: &'static str,
}

const AVATAR: Asked = Asked { otherwise: Verdict::ImageRejected, forbidden: NO_PERMISSION };

const RESET: Asked = Asked { otherwise: Verdict::Retry, forbidden: NO_PERMISSION };

const USER: Asked = Asked { otherwise: Verdict::Retry, forbidden: NEW_TOKEN };

const ACCOUNT: Asked = Asked { otherwise: Verdict::Config, forbidden: NEW_TOKEN };

const VERSION: Asked = Asked {
    otherwise: Verdict::Config,
    forbidden: "the server tells its version to everybody: let the daemon pass what stands before it",
};

const NO_PERMISSION: &str =
    "give a role of the account the permission `edit-other-user-avatar`; if it has that, make a new token";

const NEW_TOKEN: &str = "make a new personal access token, and check that `user-id` is of the same account";

/// What an answer means that is no 2xx.
fn refusal(reply: &Response, asked: &Asked, now_ms: u64) -> Failure {
    let envelope = Envelope::of(reply);
    if is_unfetched(envelope.code()) {
        return reply.failure(Verdict::Retry).hint(
            "let the server reach the address in `publish.url`, name a private one in its setting `SSRF_Allowlist`, or \
             use the mode \"file\"",
        );
    }
    match by_code(envelope.code()).unwrap_or_else(|| by_status(reply, asked.otherwise)) {
        Verdict::RateLimited => Failure::rate_limited(wait(reply, &envelope, now_ms), reply.told()),
        Verdict::Auth if envelope.text().contains("logged in") => reply.failure(Verdict::Auth).hint(NEW_TOKEN),
        Verdict::Auth => reply.failure(Verdict::Auth).hint(asked.forbidden),
        Verdict::Config => reply.failure(Verdict::Config).hint("check `base-url`: is it the address of Rocket.Chat?"),
        verdict => reply.failure(verdict),
    }
}

/// Whether the server could not fetch a published picture. It says the same when it reaches nothing there, which is so for
/// everybody, and when it found nothing at this one address. For the first, holding the backend would do; but then the
/// second would let one delivery hold all others back, and again after each time that a probe lets them go.
fn is_unfetched(code: &str) -> bool {
    matches!(code, "error-avatar-invalid-url" | "error-avatar-url-handling" | "error-avatar-url-timeout")
}

/// What an error's code says, of whatever release and with whatever status it comes.
fn by_code(code: &str) -> Option<Verdict> {
    Some(match code {
        "error-too-many-requests" => Verdict::RateLimited,
        "error-invalid-user" | "User not found." => Verdict::UserAbsent,
        "error-not-allowed" | "error-unauthorized" | "error-forbidden" | "unauthorized" | "forbidden" => Verdict::Auth,
        "error-file-too-large" | "error-avatar-image-too-large" | "error-invalid-file-type" => Verdict::ImageRejected,
        // The form of a request is nothing that settings or another photo could mend; and as it may be the user's name
        // that the server objects to, the others are not held for it.
        "invalid-field" | "invalid-params" | "error-invalid-params" | "error-user-param-not-provided" => Verdict::Bug,
        _ => return None,
    })
}

fn by_status(reply: &Response, other: Verdict) -> Verdict {
    match reply.status() {
        // The server says 400 of users that it does not know; a route that is not there is another server's.
        404 | 405 | 410 => Verdict::Config,
        400 if reply.is_html() => Verdict::Retry,
        _ => reply.clone().ok_or(other).map_or_else(|failure| failure.verdict, |_| Verdict::Retry),
    }
}

/// For how long the server wants to be left alone: by `X-RateLimit-Reset`, a time of its clock in milliseconds since
/// 1970; by the text; or by a front's `Retry-After`. The longest of them, for none may be undercut.
fn wait(reply: &Response, envelope: &Envelope, now_ms: u64) -> Option<Duration> {
    let reset = reply.header("x-ratelimit-reset").and_then(|reset| reset.trim().parse::<u64>().ok());
    let until_reset = reset.map(|reset| Duration::from_millis(reset.saturating_sub(now_ms)));
    let worked_out = until_reset.max(seconds_in(envelope.text()));
    let bounded = worked_out.map(|wait| wait.clamp(SHORTEST_WAIT, LONGEST_WAIT));
    bounded.max(reply.retry_after())
}

/// The number before the word in `You must wait 42 seconds before trying this endpoint again`.
fn seconds_in(text: &str) -> Option<Duration> {
    let (before, _) = text.split_once(" second")?;
    let number = before.rsplit(' ').next()?;
    number.parse().ok().map(Duration::from_secs)
}
