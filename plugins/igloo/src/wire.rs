//! What Igloo's replies mean, and the few texts that it is strict about. Pure: asks nothing, and remembers nothing.
//!
//! The facts are those of the vendor's pages "Profile Photos" (the three calls) and "Who Are You? - Authenticating To
//! Igloo", of the public collection "Igloo API Documentation" (ranges, the reply to an upload, the member search), and of
//! the clients `github.com/xkahn/pyigloo` (the session of version 2) and `redhat-community-ai-tools/igloo-mcp` (an error
//! within a 200).

use portraitd_sdk::{Failure, Response, Verdict};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::config::NamedBy;

/// How much of what Igloo says is repeated in a reason, in characters.
const QUOTED: usize = 200;

/// The longest e-mail address in bytes: what fits the key of a memory.
const LONGEST_EMAIL: usize = 200;

/// Whose photo it is, by that which Igloo is to find them by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// The object id of the account, in lower case.
    Guid(String),
    /// The e-mail address, in lower case as far as it is ASCII.
    Email(String),
}

impl Named {
    /// Reads what the backend calls a user.
    ///
    /// # Errors
    /// `user-absent` for what cannot be anybody's: Igloo is never asked for it.
    pub(crate) fn read(by: NamedBy, remote: &str) -> Result<Self, Failure> {
        match by {
            NamedBy::Guid => guid(remote).map(Self::Guid).ok_or_else(|| {
                let hint = "give each user the object id of their account, or set `user = \"email\"`";
                Failure::user_absent("the name of this user for Igloo is no GUID").hint(hint)
            }),
            NamedBy::Email if is_email(remote) => Ok(Self::Email(remote.to_ascii_lowercase())),
            NamedBy::Email => Err(Failure::user_absent("the name of this user for Igloo is no e-mail address")),
        }
    }

    /// What the member search is asked: it takes addresses and object ids.
    pub(crate) fn text(&self) -> &str {
        let (Self::Guid(text) | Self::Email(text)) = self;
        text
    }

    /// Whether a hit of the search, which is fuzzy, is this very user.
    pub(crate) fn is(&self, member: &Member) -> bool {
        match self {
            Self::Guid(guid) => *guid == member.user,
            Self::Email(email) => member.email.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(email)),
        }
    }
}

/// A GUID in its one form, 8-4-4-4-12 hexadecimal digits in lower case. That of nobody, all zeros, is none: a server may
/// take it for whoever asks.
fn guid(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split('-').collect();
    let right = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let digits = || text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let nobody = || text.bytes().all(|byte| byte == b'-' || byte == b'0');
    (right && digits() && !nobody()).then(|| text.to_ascii_lowercase())
}

fn is_email(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let has_both = text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    plain && has_both && text.len() <= LONGEST_EMAIL
}

/// The domain of an origin, as a login of version 1 wants it: without scheme and port.
pub(crate) fn domain(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    match authority.rsplit_once(':') {
        Some((domain, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => domain,
        _ => authority,
    }
}

/// The answer to a login: the key of the session, by which alone a login is told from its refusal. None, where this form
/// of login is not there.
///
/// # Errors
/// `auth` for a refusal in whatever words, for an account is locked when wrong passwords are tried again and again. Nothing
/// of a 2xx is repeated: there may be a key in it.
pub(crate) fn session_key(reply: &Response) -> Result<Option<String>, Failure> {
    let told = reply.as_json().unwrap_or_default();
    let places = [&told["TokenId"], &told["response"]["sessionKey"]];
    let key = places.into_iter().filter_map(Value::as_str).find(|key| fits_a_cookie(key));
    match (status(reply), key) {
        (200..300, Some(key)) => Ok(Some(key.to_owned())),
        (200..300, None) if ["TokenId", "response"].iter().any(|place| told.get(place).is_some()) => {
            Err(Failure::auth(format!("{}: Igloo answers without a session", LOGIN.what)).hint(CREDENTIALS))
        }
        (status @ 200..300, None) => {
            Err(Failure::retry(format!("{}: the answer {status} is not what Igloo answers", LOGIN.what)).hint(FRONT))
        }
        (404 | 405, _) => Ok(None),
        _ => {
            let failure = refusal(reply, &LOGIN);
            Err(if failure.verdict == Verdict::Auth { failure.hint(CREDENTIALS) } else { failure })
        }
    }
}

/// Whether a text can be a cookie's value (RFC 6265, sections 4.1.1 and 6.1).
fn fits_a_cookie(text: &str) -> bool {
    (1..=4_000).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
}

/// Whether the session of a request is over.
pub(crate) fn session_is_over(reply: &Response) -> bool {
    status(reply) == 401
}

/// Whether the system itself refuses the session or its account.
pub(crate) fn is_unwelcome(reply: &Response) -> bool {
    matches!(status(reply), 401 | 403) && !reply.is_html()
}

/// The answer to the question for the workplace: whether it is there.
pub(crate) fn workplace_is_there(reply: &Response) -> Result<(), Failure> {
    match status(reply) {
        200..300 if reply.as_json().is_some_and(|told| told["response"].is_object()) => Ok(()),
        200..300 => Err(foreign(reply, &WORKPLACE)),
        _ => Err(refusal(reply, &WORKPLACE)),
    }
}

/// A hit of the member search.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Member {
    /// The object id of the account.
    #[serde(rename = "id", deserialize_with = "read_guid")]
    pub(crate) user: String,
    pub(crate) email: Option<String>,
    #[serde(rename = "hasImage")]
    pub(crate) has_image: Option<bool>,
}

fn read_guid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    guid(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("it is no GUID"))
}

/// The answer to the member search: one page of hits.
///
/// # Errors
/// `user-absent` for a refusal that may be about what was looked for: the others are not held for it.
pub(crate) fn members(reply: &Response) -> Result<Vec<Member>, Failure> {
    if !(200..300).contains(&status(reply)) {
        return Err(refusal(reply, &SEARCH));
    }
    let mut results = reply.as_json().unwrap_or_default()["response"]["value"].take();
    match results["hit"].take() {
        Value::Null if results["count"] == 0 => Ok(Vec::new()),
        hits => serde_json::from_value(hits).map_err(|_| foreign(reply, &SEARCH)),
    }
}

/// The answer to a new entry: its key, by the `Location`. That may be an absolute or a rooted path or the key itself; the
/// documentation says only that the key is in it, and that it has ten characters.
pub(crate) fn attachment_key(reply: &Response) -> Result<String, Failure> {
    if !(200..300).contains(&status(reply)) {
        return Err(refusal(reply, &ENTRY));
    }
    let key = reply.header("location").and_then(key_in);
    key.map(str::to_owned).ok_or_else(|| {
        let reason = format!("{}: {} has no key in its `Location`", ENTRY.what, told(reply));
        Failure::retry(reason).hint(FRONT)
    })
}

fn key_in(location: &str) -> Option<&str> {
    let path = location.trim().split(['?', '#']).next()?;
    let last = path.rsplit('/').find(|part| !part.is_empty())?;
    (last.len() == 10 && last.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(last)
}

/// What a request for a part of a picture names as its range: exactly this, in this case and with this one space.
pub(crate) fn content_range(first: u64, end: u64, total: u64) -> String {
    format!("bytes {first}-{}/{total}", end - 1)
}

/// The answer to the bytes up to before `end` of `total`: how many the entry holds now.
///
/// Only the last answer is documented; so what is before it is believed whatever it says, and the last must name a key.
///
/// # Errors
/// `retry` where that is unknown.
pub(crate) fn held_after(reply: &Response, end: u64, total: u64) -> Result<u64, Failure> {
    match status(reply) {
        200..300 if is_silent(reply) || names_a_key(reply) || (end < total && !reply.is_html()) => Ok(end),
        200..300 => Err(foreign(reply, &UPLOAD)),
        308 => counted(reply, total).ok_or_else(|| foreign(reply, &UPLOAD)),
        409 | 416 => Err(refused(reply, Verdict::Retry, &UPLOAD)),
        _ => Err(refusal(reply, &UPLOAD)),
    }
}

/// The answer to the question how many bytes an entry holds, where it is one. That there is such a question is documented,
/// and not its form; so this is the form that is usual elsewhere, and nothing is made of any other.
///
/// # Errors
/// When the system asks to be left alone.
pub(crate) fn told_count(reply: &Response, total: u64) -> Result<Option<u64>, Failure> {
    let refused = refusal(reply, &UPLOAD);
    if refused.verdict == Verdict::RateLimited || refused.after_ms.is_some() {
        Err(refused)
    } else {
        Ok(counted(reply, total))
    }
}

fn counted(reply: &Response, total: u64) -> Option<u64> {
    match (status(reply), reply.header("range")) {
        (200..300 | 308, Some(range)) => {
            let last: u64 = range.trim().strip_prefix("bytes=0-")?.parse().ok()?;
            last.checked_add(1).filter(|count| *count <= total)
        }
        (308, None) => Some(0),
        _ => None,
    }
}

/// Whether a failure leaves open what was stored. One that told a wait does not: what comes then is for later.
pub(crate) fn leaves_open(failure: &Failure) -> bool {
    failure.verdict == Verdict::Retry && failure.after_ms.is_none()
}

/// What came of it that an entry was to become somebody's photo.
#[derive(Debug)]
pub(crate) enum Association {
    /// It is.
    Done,
    /// A success in words that nothing is known of.
    Unclear(Failure),
    /// There is no such entry, no such user, or the entry is not looked through yet.
    NotReady(Failure),
}

/// The answer to an association, of which nothing is documented.
pub(crate) fn associated(reply: &Response) -> Result<Association, Failure> {
    match status(reply) {
        200..300 if is_empty(reply) || names_a_key(reply) => Ok(Association::Done),
        200..300 if reply.is_html() => Err(foreign(reply, &ASSOCIATION)),
        200..300 => Ok(Association::Unclear(foreign(reply, &ASSOCIATION))),
        404 | 409 | 410 | 425 => Ok(Association::NotReady(refused(reply, Verdict::Retry, &ASSOCIATION))),
        _ => Err(refusal(reply, &ASSOCIATION)),
    }
}

fn is_empty(reply: &Response) -> bool {
    reply.body().trim_ascii().is_empty()
}

/// Whether a reply says by its status that it has no body.
fn is_silent(reply: &Response) -> bool {
    reply.status() == 204 && is_empty(reply)
}

/// Whether a reply shows an attachment.
fn names_a_key(reply: &Response) -> bool {
    reply.as_json().is_some_and(|told| told["key"].is_string())
}

/// What was asked, as far as its refusal means something else.
struct Asked {
    /// The step, for reasons.
    what: &'static str,
    /// The verdict where something is not there.
    missing: Verdict,
    /// The verdict of a refusal that neither its status nor its words explain.
    otherwise: Verdict,
}

const LOGIN: Asked = Asked { what: "the login", missing: Verdict::Config, otherwise: Verdict::Auth };

const WORKPLACE: Asked = Asked { what: "the workplace", missing: Verdict::Config, otherwise: Verdict::Config };

const SEARCH: Asked = Asked { what: "the member search", missing: Verdict::Config, otherwise: Verdict::UserAbsent };

const ENTRY: Asked = Asked { what: "the new entry", missing: Verdict::Config, otherwise: Verdict::ImageRejected };

const UPLOAD: Asked = Asked { what: "the upload", missing: Verdict::Retry, otherwise: Verdict::ImageRejected };

const ASSOCIATION: Asked =
    Asked { what: "the association with the user", missing: Verdict::Retry, otherwise: Verdict::ImageRejected };

/// What an answer means that is no success.
fn refusal(reply: &Response, asked: &Asked) -> Failure {
    let verdict = match status(reply) {
        403 if reply.is_html() => Verdict::Retry,
        401 | 403 => Verdict::Auth,
        404 | 410 => asked.missing,
        300..400 | 405 | 407 => Verdict::Config,
        429 => Verdict::RateLimited,
        408 | 425 | 500.. | ..300 => Verdict::Retry,
        400..500 => asked.otherwise,
    };
    let failure = refused(reply, verdict, asked);
    match verdict {
        Verdict::Auth => failure.hint("the account needs administrative permissions in the workplace"),
        Verdict::Config => failure.hint("check `base-url` and `community-key`: are they those of the workplace?"),
        _ => failure,
    }
}

/// A failure with this verdict that repeats what Igloo says, and for how long it wants to be left alone.
fn refused(reply: &Response, verdict: Verdict, asked: &Asked) -> Failure {
    let mut failure = reply.failure(verdict);
    failure.reason = format!("{}: {}", asked.what, told(reply));
    failure
}

/// A 2xx that is not Igloo's: a page of a front, or an answer that was cut.
fn foreign(reply: &Response, asked: &Asked) -> Failure {
    Failure::retry(format!("{}: {} is not what Igloo answers", asked.what, told(reply))).hint(FRONT)
}

const FRONT: &str = "if it stays so, check `base-url` and what stands before the workplace";

const CREDENTIALS: &str = "check `app-id`, `app-password`, `username` and `password`: the password is that of Igloo \
                           authentication; a workplace with SAML wants `session = \"v1\"`";

/// The status of a reply; that of the `exception`, where a success has one in it. One that is about the session is a 401
/// in any case.
fn status(reply: &Response) -> u16 {
    match Exception::of(reply) {
        Some(exception) if exception.names_the_session() => 401,
        Some(exception) if reply.is_success() => exception.status(),
        _ => reply.status(),
    }
}

fn told(reply: &Response) -> String {
    Exception::of(reply).map_or_else(|| reply.told(), |exception| exception.told(reply.status()))
}

/// How Igloo says what went wrong, at times within a 200: `{"exception":{"statusCode","type","message","errorList":
/// [{"dataTokens":[{"name","value"}]}]},"response":null}`.
struct Exception(Value);

impl Exception {
    fn of(reply: &Response) -> Option<Self> {
        let exception = reply.as_json()?.get_mut("exception")?.take();
        (!exception.is_null()).then_some(Self(exception))
    }

    /// Its own status. One without a sensible one says nothing about what was sent.
    fn status(&self) -> u16 {
        let own = self.0["statusCode"].as_u64().and_then(|own| u16::try_from(own).ok());
        own.filter(|own| (400..600).contains(own)).unwrap_or(500)
    }

    fn names_the_session(&self) -> bool {
        self.texts().any(|text| text.to_ascii_lowercase().contains("session"))
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        ["type", "message"].iter().filter_map(|key| self.0[key].as_str())
    }

    /// The names of the parameters that it objects to.
    fn parameters(&self) -> impl Iterator<Item = &str> {
        let errors = self.0["errorList"].as_array().into_iter().flatten();
        let tokens = errors.filter_map(|error| error["dataTokens"].as_array()).flatten();
        tokens.filter(|token| token["name"] == "ParameterName").filter_map(|token| token["value"].as_str())
    }

    fn told(&self, status: u16) -> String {
        let said: Vec<&str> = self.texts().chain(self.parameters()).collect();
        let said = said.join(", ");
        let printable = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTED);
        format!("the answer {status} with the error {} ({})", self.status(), printable.collect::<String>())
    }
}
