//! What the app's replies mean, and the URLs and names that it is told. Pure: asks nothing, and remembers nothing.
//!
//! The facts are those of the developer documentation: "Update the avatar using the User API" (the requests), the avatar
//! type and the user model (what a user shows), the filters of the User API (the lookup), at `developers.staffbase.com`.
//! It says little about refusals, so their meaning is read from the status, and never from a text.

use std::collections::{BTreeMap, BTreeSet};

use portraitd_sdk::message::User;
use portraitd_sdk::{BaseUrl, Failure, Rendition, RenditionSpec, Response, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most bytes of a URL that is told or remembered. Six of them have to fit into a receipt.
const URL_MAX: usize = 2_000;

/// The most bytes of an external id: it is part of the name of a memory.
const EXTERNAL_ID_MAX: usize = 190;

/// The most bytes of a picture: support article 4409211216530.
const PICTURE_MAX: u64 = 25_000_000;

/// How many users a lookup asks for: what the app answers with unless it is told otherwise.
pub(crate) const LOOKUP_LIMIT: usize = 100;

/// One of the pictures of an avatar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Size {
    /// What a click on the avatar opens.
    Original,
    Thumb,
    Icon,
}

impl Size {
    pub(crate) const ALL: [Self; 3] = [Self::Original, Self::Thumb, Self::Icon];

    /// Its name as a rendition, and in the app's JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumb => "thumb",
            Self::Icon => "icon",
        }
    }

    /// The document wants the original wider than 2000 pixels, thumb and icon of these very sizes.
    pub(crate) fn spec(self) -> RenditionSpec {
        match self {
            Self::Original => RenditionSpec::at_most(self.name(), 2_048, 0).max_bytes(PICTURE_MAX),
            Self::Thumb => RenditionSpec::exact(self.name(), 200, 200),
            Self::Icon => RenditionSpec::exact(self.name(), 48, 48),
        }
    }
}

/// The URLs of the pictures of an avatar.
pub(crate) type Urls = BTreeMap<Size, String>;

/// The body that sets an avatar: width and height for the original only, as the document has it.
pub(crate) fn update(told: &Urls, original: &Rendition) -> Value {
    let picture = |(size, url): (&Size, &String)| match size {
        Size::Original => (size.name(), json!({ "url": url, "width": original.width(), "height": original.height() })),
        Size::Thumb | Size::Icon => (size.name(), json!({ "url": url })),
    };
    json!({ "avatar": told.iter().map(picture).collect::<BTreeMap<_, _>>() })
}

/// What a delivery left in the app. Its receipt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Delivered {
    /// The URLs that the app was told.
    told: Urls,
    /// Those that it answered with in their place, where it did.
    #[serde(default, skip_serializing_if = "Urls::is_empty")]
    shown: Urls,
}

impl Delivered {
    /// What is there is taken for delivered.
    pub(crate) fn found(shown: Urls) -> Self {
        Self { told: shown, shown: Urls::new() }
    }

    /// After an update that was answered with the URLs `shown`. One that was told by the delivery before is the old
    /// picture still, and no other name for the new one.
    pub(crate) fn new(told: Urls, mut shown: Urls, before: Option<&Self>) -> Self {
        shown.retain(|size, url| {
            let is_old = before.is_some_and(|before| before.told.get(size) == Some(url));
            !is_old && told.get(size).is_some_and(|told| told != url)
        });
        Self { told, shown }
    }

    /// The receipt of the last delivery; none where it is not of this form.
    pub(crate) fn of(receipt: Option<&Value>) -> Option<Self> {
        Self::deserialize(receipt?).ok()
    }

    /// Whether a user who shows these URLs shows what was delivered.
    pub(crate) fn is_shown(&self, shown: &Urls) -> bool {
        let is_ours = |size, url| self.told.get(size) == Some(url) || self.shown.get(size) == Some(url);
        self.told.keys().all(|size| shown.get(size).is_some_and(|url| is_ours(size, url)))
    }

    /// Whether the app names the pictures otherwise than it was told.
    pub(crate) fn is_renamed(&self) -> bool {
        !self.shown.is_empty()
    }

    pub(crate) fn into_json(self) -> Value {
        json!(self)
    }
}

// --- Names ---

/// The id that a name is, in lower case, as the app writes it. Nothing else may stand in a path: `me` there is whoever
/// the token belongs to.
///
/// # Errors
/// `user-absent` for what is no id.
pub(crate) fn id(name: &str) -> Result<String, Failure> {
    id_of(name).ok_or_else(|| {
        let failure = Failure::user_absent("the name of this user for the backend is no id of 24 hexadecimal digits");
        failure.hint("map the user to an id, or set `user = \"external-id\"`")
    })
}

fn id_of(text: &str) -> Option<String> {
    let is_id = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_ascii_lowercase())
}

/// An external id that can be asked for.
///
/// # Errors
/// `user-absent` for what no user has.
pub(crate) fn external_id(name: &str) -> Result<&str, Failure> {
    match name {
        "" => Err(Failure::user_absent("the external id of this user is empty")),
        _ if name.chars().any(char::is_control) => {
            Err(Failure::user_absent("the external id of this user holds a control character"))
        }
        _ if name.len() > EXTERNAL_ID_MAX => {
            let reason = format!("the external id of this user has more than {EXTERNAL_ID_MAX} bytes");
            Err(Failure::user_absent(reason))
        }
        _ => Ok(name),
    }
}

/// The filter for one external id (RFC 7644, section 3.4.2.2: the value is a JSON string). The attribute is spelled
/// otherwise in each generation of the User API.
pub(crate) fn filter(attribute: &str, external_id: &str) -> String {
    format!("{attribute} eq {}", Value::from(external_id))
}

// --- URLs ---

/// The absolute form of a URL that the app tells: as it is, or resolved against `/api/media`, where it was asked (RFC
/// 3986, section 5.2). It may be of any host: nobody calls it here, it is only told to the app again. None for what is
/// no URL of a picture.
fn absolute(told: &str, base: &BaseUrl) -> Option<String> {
    let url = match scheme(told) {
        Some(scheme) if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => return None,
        Some(_) => told.to_owned(),
        None if told.starts_with("//") => format!("{}:{told}", scheme(base.origin())?),
        None if told.starts_with('/') => format!("{}{told}", base.origin()),
        None if told.is_empty() || told.starts_with(['?', '#']) => return None,
        None => format!("{base}/api/{told}"),
    };
    let (_, rest) = url.split_once("://")?;
    let odd = |c: char| c.is_control() || c.is_whitespace() || "\"<>\\".contains(c);
    let is_url = !rest.is_empty() && !rest.starts_with('/') && !rest.contains(odd) && url.len() <= URL_MAX;
    is_url.then_some(url)
}

/// What stands before the first colon, where it stands before any path.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    (!scheme.contains(['/', '?', '#'])).then_some(scheme)
}

/// Where an existing media server has the pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(String);

impl Template {
    /// Reads a template, and checks that every user and each of these pictures has a URL of its own.
    ///
    /// # Errors
    /// What is wrong with it, without its name.
    pub(crate) fn parse(text: &str, sizes: &[Size]) -> Result<Self, String> {
        let authority = text.find("://").map_or(0, |at| at + "://".len());
        let (origin, path) = text.split_at(text[authority..].find('/').map_or(text.len(), |at| authority + at));
        BaseUrl::parse(origin)?;
        let shown = text.escape_debug();
        if let Some(odd) = path.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`#".contains(*c)) {
            return Err(format!("`{shown}` holds the character {odd:?}, which a URL has no use for"));
        }
        if !path.contains("{userid}") && !path.contains("{remote}") {
            return Err(format!("`{shown}` lacks {{userid}} or {{remote}}, so all users would show one picture"));
        }
        if sizes.len() > 1 && !path.contains("{rendition}") {
            return Err(format!("`{shown}` lacks {{rendition}}, which is original, thumb or icon"));
        }
        let template = Self(text.to_owned());
        let sample = template.filled("a", "a", Size::Original);
        if sample.contains(['{', '}']) {
            return Err(format!("`{shown}` has a brace that is none of {{userid}}, {{remote}} and {{rendition}}"));
        }
        check_url(&sample).map_err(|why| format!("`{shown}` {why}"))?;
        Ok(template)
    }

    /// The URL of a user's picture.
    ///
    /// # Errors
    /// `unsupported` for names that would lead elsewhere.
    pub(crate) fn url(&self, user: &User, size: Size) -> Result<String, Failure> {
        let url = self.filled(&user.id, &user.remote, size);
        check_url(&url).map_err(|why| Failure::unsupported(format!("the URL of this user's pictures {why}")))?;
        Ok(url)
    }

    /// No name can bring a placeholder in: its braces are encoded.
    fn filled(&self, userid: &str, remote: &str, size: Size) -> String {
        let named = self.0.replace("{userid}", &encode(userid)).replace("{remote}", &encode(remote));
        named.replace("{rendition}", size.name())
    }
}

fn check_url(url: &str) -> Result<(), String> {
    if url.len() > URL_MAX {
        return Err(format!("has {} bytes, more than the {URL_MAX} allowed", url.len()));
    }
    // Whoever fetches it would resolve such a part.
    if url.split(['/', '?']).any(|part| part == "." || part == "..") {
        return Err("has a part `.` or `..`".into());
    }
    Ok(())
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

// --- Replies ---

/// The answer to an upload: where the picture lies now.
///
/// # Errors
/// `retry` for a 2xx that does not tell it: the upload may have been made or not.
pub(crate) fn uploaded(reply: &Response, base: &BaseUrl) -> Result<String, Failure> {
    let media = accepted(reply, &UPLOAD)?.as_json().unwrap_or_default();
    let url = media["resourceInfo"]["url"].as_str().and_then(|url| absolute(url, base));
    url.ok_or_else(|| foreign(reply))
}

/// The answer to an update of this user: the URLs that it shows, where it shows any. A 204 shows nothing and is fine.
///
/// # Errors
/// `retry` for any other 2xx without this user: the avatar may have been set or not.
pub(crate) fn avatar_was_set(reply: &Response, id: &str, base: &BaseUrl) -> Result<Urls, Failure> {
    match accepted(reply, &UPDATE)?.status() {
        204 => Ok(Urls::new()),
        _ => shown_by(reply, id, base),
    }
}

/// The answer to a question for this user: the URLs of the avatar. None of the original means that there is no avatar.
///
/// # Errors
/// `user-absent` when there is no such user.
pub(crate) fn avatar(reply: &Response, id: &str, base: &BaseUrl) -> Result<Urls, Failure> {
    shown_by(accepted(reply, &USER)?, id, base)
}

fn shown_by(reply: &Response, id: &str, base: &BaseUrl) -> Result<Urls, Failure> {
    let user = reply.as_json().unwrap_or_default();
    if !user["id"].as_str().is_some_and(|told| told.eq_ignore_ascii_case(id)) {
        return Err(foreign(reply));
    }
    let url = |size: Size| Some((size, absolute(user["avatar"][size.name()]["url"].as_str()?, base)?));
    Ok(Size::ALL.into_iter().filter_map(url).collect())
}

/// Whether there is a search at all. Older servers have none, or take the word for a user's id.
pub(crate) fn is_search(reply: &Response) -> bool {
    !matches!(reply.status(), 400 | 404 | 405 | 406 | 410)
}

/// The answer to a lookup: the id of the one user whose external id is wanted. The app may ignore case, or the filter
/// altogether; so every user is looked at, and nothing is concluded from a part of them.
///
/// # Errors
/// `user-absent` and `user-ambiguous`; `unsupported` when the app refuses the question.
pub(crate) fn only_user(reply: &Response, is_wanted: impl Fn(&str) -> bool) -> Result<String, Failure> {
    let found = accepted(reply, &LOOKUP)?.as_json().unwrap_or_default();
    let Some(entries) = found["entries"].as_array().or_else(|| found["data"].as_array()) else {
        return Err(foreign(reply));
    };
    if found["total"].as_u64().map_or(entries.len() >= LOOKUP_LIMIT, |total| total > entries.len() as u64) {
        let failure = Failure::user_ambiguous("the app answers with more users for one external id than it shows");
        return Err(failure.hint("map the users to ids, and set `user = \"id\"`"));
    }
    let users = entries.iter().map(Found::of).collect::<Option<Vec<_>>>().ok_or_else(|| foreign(reply))?;
    let wanted = users.iter().filter(|user| user.external_id.is_some_and(&is_wanted));
    let ids: BTreeSet<&str> = wanted.map(|user| user.id).collect();
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (None, _) => Err(Failure::user_absent("the app knows no user with this external id")),
        (Some(_), Some(_)) => Err(Failure::user_ambiguous("the app knows several users with this external id")),
        (Some(id), None) => id_of(id).ok_or_else(|| foreign(reply)),
    }
}

/// A user that was found.
struct Found<'a> {
    id: &'a str,
    external_id: Option<&'a str>,
}

impl<'a> Found<'a> {
    /// The search wraps each user. Each generation of the User API spells the external id in its own way.
    fn of(entry: &'a Value) -> Option<Self> {
        let user = entry.get("data").unwrap_or(entry);
        let external_id = user["externalId"].as_str().or_else(|| user["externalID"].as_str());
        Some(Self { id: user["id"].as_str()?, external_id })
    }
}

/// The answer to a probe. What refuses the question and says nothing about token or address proves nothing against them.
///
/// # Errors
/// `auth` when the app does not accept the token, `config` when it is no app of Staffbase.
pub(crate) fn token_works(reply: &Response) -> Result<(), Failure> {
    match accepted(reply, &PROBE) {
        Ok(reply) if matches!(reply.as_json(), Some(Value::Object(_) | Value::Array(_))) => Ok(()),
        Ok(reply) => Err(foreign(reply)),
        Err(failure) if failure.verdict == PROBE.otherwise => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// A 2xx that is not the app's: a page of a front, or an answer that was cut.
fn foreign(reply: &Response) -> Failure {
    let failure = Failure::retry(format!("{} is not what Staffbase answers", reply.told()));
    failure.hint("if it stays so, check `base-url` and what stands before the app")
}

/// What was asked, as far as a refusal means something else for it.
struct Asked {
    /// The verdict of a 404 or 410.
    missing: Verdict,
    /// The verdict of a refusal that says nothing about token, address and time.
    otherwise: Verdict,
}

const UPLOAD: Asked = Asked { missing: Verdict::Config, otherwise: Verdict::ImageRejected };
const UPDATE: Asked = Asked { missing: Verdict::UserAbsent, otherwise: Verdict::ImageRejected };
const USER: Asked = Asked { missing: Verdict::UserAbsent, otherwise: Verdict::Unsupported };
const LOOKUP: Asked = Asked { missing: Verdict::Config, otherwise: Verdict::Unsupported };
const PROBE: Asked = Asked { missing: Verdict::Config, otherwise: Verdict::Unsupported };

/// The reply when it is a 2xx, and otherwise what it means.
fn accepted<'a>(reply: &'a Response, asked: &Asked) -> Result<&'a Response, Failure> {
    let verdict = match reply.status() {
        200..300 => return Ok(reply),
        400 if reply.is_html() => Verdict::Retry,
        404 | 410 => asked.missing,
        405 => Verdict::Config,
        _ => reply.clone().ok_or(asked.otherwise).map_or_else(|failure| failure.verdict, |_| Verdict::Retry),
    };
    let failure = reply.failure(verdict);
    Err(match verdict {
        Verdict::Auth => failure.hint(
            "`token` must be that of an API token with administrative access: as the Studio shows it, without the word \
             Basic and not encoded again",
        ),
        Verdict::Config => failure.hint("check `base-url`: it is the address of the app, without `/api`"),
        _ => failure,
    })
}
