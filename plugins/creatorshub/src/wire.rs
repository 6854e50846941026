//! What the system's replies mean. Pure: asks nothing, and remembers nothing.
//!
//! The facts are those of the pages "Avatar / profile picture API" and "Order API" of the documentation, in
//! `github.com/LicenseRocks/ch-docs`. Of errors it says only that the order API puts `"error": "<text>"` beside what it
//! could not give; so the verdicts of statuses are those that are usual.

use portraitd_sdk::{Failure, Response, Verdict};
use serde_json::{Map, Value};

use crate::config::Mode;

/// The longest address of a picture that is believed, in bytes; the documented ones have 88.
const MAX_URL: usize = 4_096;

/// The answer to a write: the address of the picture as the system keeps it.
///
/// # Errors
/// `retry` for a 2xx without that address, or with an error: the avatar may be set or not.
pub(crate) fn avatar_was_set(reply: &Response, mode: Mode) -> Result<String, Failure> {
    if !reply.is_success() {
        return Err(refusal(reply, mode));
    }
    address(&object(reply)?).ok_or_else(|| foreign(reply))
}

/// The answer to the question for a user's picture: its address, or none. How the system says that there is none is not
/// documented; nothing in the place of the address, no content and "not found" all say it well enough.
///
/// # Errors
/// `unsupported` when the system will not answer the question.
pub(crate) fn avatar_there(reply: &Response) -> Result<Option<String>, Failure> {
    match reply.status() {
        204 => Ok(None),
        404 | 410 if !reply.is_html() => Ok(None),
        200..300 => {
            let body = object(reply)?;
            match body.get("avatarUrl") {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) if text.is_empty() => Ok(None),
                Some(_) => address(&body).map(Some).ok_or_else(|| foreign(reply)),
            }
        }
        _ => Err(hinted(reply, verdict(reply, Verdict::Unsupported))),
    }
}

/// The object that a 2xx is to be, without an error in it.
fn object(reply: &Response) -> Result<Map<String, Value>, Failure> {
    let Some(Value::Object(body)) = reply.as_json() else { return Err(foreign(reply)) };
    match body.get("error") {
        None | Some(Value::Null) => Ok(body),
        Some(_) => Err(Failure::retry(format!("{} tells an error", reply.told()))),
    }
}

fn address(body: &Map<String, Value>) -> Option<String> {
    let url = body.get("avatarUrl")?.as_str()?;
    (1..=MAX_URL).contains(&url.len()).then(|| url.to_owned())
}

/// A 2xx that is not the system's: a page of a front, or an answer that was cut.
fn foreign(reply: &Response) -> Failure {
    let failure = Failure::retry(format!("{} is not what CreatorsHub answers", reply.told()));
    failure.hint("if it stays so, check `base-url` and what stands before the instance")
}

/// What an answer to a write means that is no 2xx.
fn refusal(reply: &Response, mode: Mode) -> Failure {
    match verdict(reply, Verdict::ImageRejected) {
        _ if reply.status() == 405 => {
            reply.failure(Verdict::Config).hint("the instance may have the other paths: see `paths`")
        }
        // Which status says that an address could not be fetched is not documented.
        Verdict::ImageRejected if mode == Mode::Url => reply
            .failure(Verdict::ImageRejected)
            .hint("if it says so of every photo, the instance may not reach `publish.url`: try the mode \"file\""),
        verdict => hinted(reply, verdict),
    }
}

fn verdict(reply: &Response, other: Verdict) -> Verdict {
    match reply.status() {
        400 if reply.is_html() => Verdict::Retry,
        _ => reply.clone().ok_or(other).map_or_else(|failure| failure.verdict, |_| Verdict::Retry),
    }
}

fn hinted(reply: &Response, verdict: Verdict) -> Failure {
    let failure = reply.failure(verdict);
    match (verdict, reply.status()) {
        (Verdict::Auth, 401) => failure.hint("make a new token: Settings, API Access, Marketplace API"),
        (Verdict::Auth, _) => failure.hint("a master token is needed, or the token of a user who may manage users"),
        (Verdict::UserAbsent, _) => {
            failure.hint("if it says so of every user, the instance has the other paths: see `paths`")
        }
        (Verdict::Config, _) => failure.hint("check `base-url`: is it the address of the instance itself?"),
        _ => failure,
    }
}
