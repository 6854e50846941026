//! An Igloo digital workplace, as far as the photos of its members are documented: a session by either of two calls, an
//! entry for a picture, its bytes, and whose photo it becomes; and the search for members. What the document does not allow
//! is refused, what is only known from elsewhere is marked where it is done, by the marks of the table in
//! `e2e/igloo_simulator.rs`.
//!
//! Here are what a test may ask and change, and the routes; `sessions` has the logins, `attachments` the entries,
//! `members` the people and `words` the refusals.

mod attachments;
mod members;
mod sessions;
mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) use self::attachments::{Counts, Entries, Location};
use self::{attachments::Attachments, members::Members, sessions::Sessions, words::Refusal};
use super::{
    faults::Fault,
    picture,
    reply::Reply,
    request::Request,
    simulator::{About, Simulator, System},
};

pub(crate) const COMMUNITY: u64 = 10_068_556;
pub(crate) const APP_ID: &str = "4d563f6e-b9c4-4372-9114-4130a6075dce";
pub(crate) const APP_PASSWORD: &str = "app-9HqLlyZOugoStsXCUfD";
pub(crate) const USERNAME: &str = "portraitd@example.com";
/// The right password until `set_password`.
pub(crate) const PASSWORD: &str = "Pass-0YdwnNnunAJF8V47U3QH";
/// The object id of the account whose session it is; its photo must never change.
pub(crate) const CALLER: &str = "ac94442a-be8c-4a8d-80a0-9fbc870b9943";

/// A call of the workplace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Login,
    Create,
    Upload,
    Associate,
    Search,
    View,
    Download,
}

/// A running workplace.
pub(crate) type Igloo = Simulator<Workplace>;

/// What a workplace is and holds.
pub(crate) struct Workplace {
    sessions: Sessions,
    attachments: Attachments,
    members: Members,
    is_admin: bool,
    errors_in_200: bool,
    /// The call that faults strike by default.
    usual: Call,
}

impl Igloo {
    /// Starts a workplace with the caller as its only member, who is its administrator.
    pub(crate) fn start() -> Self {
        let mut members = Members::default();
        members.add(CALLER, USERNAME);
        Self::of(Workplace {
            sessions: Sessions::new(),
            attachments: Attachments::new(),
            members,
            is_admin: true,
            errors_in_200: true,
            usual: Call::Upload,
        })
    }

    /// Adds a member under an object id in lower case.
    pub(crate) fn add_member(&self, guid: &str, email: &str) {
        self.with(|workplace| workplace.members.add(guid, email));
    }

    pub(crate) fn remove_member(&self, guid: &str) {
        self.with(|workplace| workplace.members.remove(guid));
    }

    /// Which of the two logins there are.
    pub(crate) fn set_logins(&self, v1: bool, v2: bool) {
        self.with(|workplace| (workplace.sessions.v1, workplace.sessions.v2) = (v1, v2));
    }

    pub(crate) fn set_password(&self, password: &str) {
        self.with(|workplace| password.clone_into(&mut workplace.sessions.password));
    }

    /// Ends all sessions.
    pub(crate) fn expire_sessions(&self) {
        self.with(|workplace| workplace.sessions.expire());
    }

    /// Whether the caller may set the photos of others.
    pub(crate) fn set_admin(&self, is_admin: bool) {
        self.with(|workplace| workplace.is_admin = is_admin);
    }

    /// Whether errors of the first interface come under status 200.
    pub(crate) fn set_errors_in_200(&self, they_do: bool) {
        self.with(|workplace| workplace.errors_in_200 = they_do);
    }

    pub(crate) fn set_location(&self, location: Location) {
        self.with(|workplace| workplace.attachments.location = location);
    }

    pub(crate) fn set_counts(&self, counts: Counts) {
        self.with(|workplace| workplace.attachments.counts = counts);
    }

    /// Takes the registered type of a JPEG as well.
    pub(crate) fn take_registered_type(&self) {
        self.with(|workplace| workplace.attachments.take_registered_type());
    }

    /// Lets the first associations of each entry come too early.
    pub(crate) fn set_early(&self, associations: usize, status: u16) {
        self.with(|workplace| workplace.attachments.early = (associations, status));
    }

    /// Lets every entry be gone, as if it had never been there.
    pub(crate) fn lose_entries(&self) {
        self.with(|workplace| workplace.attachments.lose_all());
    }

    /// Takes a member's photo away, as people do it there.
    pub(crate) fn remove_photo(&self, guid: &str) {
        self.with(|workplace| workplace.members.set_photo(guid, None));
    }

    /// Lets faults strike this call where no other is named; the upload before.
    pub(crate) fn strike_at(&self, call: Call) {
        self.with(|workplace| workplace.usual = call);
    }

    pub(crate) fn picture(&self, guid: &str) -> Option<Vec<u8>> {
        self.with(|workplace| workplace.members.photo(guid))
    }

    /// All photos, by object ids.
    pub(crate) fn pictures(&self) -> BTreeMap<String, Vec<u8>> {
        self.with(|workplace| workplace.members.photos())
    }

    pub(crate) fn entries(&self) -> Entries {
        self.with(|workplace| workplace.attachments.counted())
    }

    /// How often somebody tried to log in.
    pub(crate) fn login_attempts(&self) -> usize {
        self.with(|workplace| workplace.sessions.attempts)
    }

    /// How many sessions were made.
    pub(crate) fn logins(&self) -> usize {
        self.with(|workplace| workplace.sessions.logins)
    }
}

/// What a request asks for, by its method and path.
enum Asked<'a> {
    LoginV1,
    LoginV2,
    Create,
    Upload(&'a str),
    Associate(&'a str, &'a str),
    Search,
    View,
    Download(&'a str),
}

impl<'a> Asked<'a> {
    /// With the query. Paths are case-sensitive here; whether the system's are is [unverified].
    fn of(request: &'a Request) -> Result<(Self, &'a str), Refusal> {
        let nothing = || Refusal::new(404, "there is no such call");
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let community = COMMUNITY.to_string();
        let asked = match (request.method.as_str(), parts.as_slice()) {
            ("POST", [".api", "api.svc", "session", "create"]) => Self::LoginV1,
            ("POST", [".api2", "api", "Session", "Create"]) => Self::LoginV2,
            ("GET", [".api", "api.svc", "search", "members"]) => Self::Search,
            ("GET", [".api", "api.svc", "community", "view"]) => Self::View,
            ("GET", ["download-profile", guid, "profile", "crxlarge"]) => Self::Download(guid),
            (method, [".api2", "api", "v1", "communities", key, "attachments", rest @ ..]) if *key == community => {
                match (method, rest) {
                    ("POST", []) => Self::Create,
                    ("PATCH", ["uploads", key]) => Self::Upload(key),
                    ("POST", [key, "association", user]) => Self::Associate(key, user),
                    _ => return Err(nothing()),
                }
            }
            _ => return Err(nothing()),
        };
        let takes_query = matches!(asked, Self::LoginV1 | Self::Search | Self::Associate(..));
        if takes_query || query.is_empty() { Ok((asked, query)) } else { Err(nothing()) }
    }

    fn call(&self) -> Call {
        match self {
            Self::LoginV1 | Self::LoginV2 => Call::Login,
            Self::Create => Call::Create,
            Self::Upload(_) => Call::Upload,
            Self::Associate(..) => Call::Associate,
            Self::Search => Call::Search,
            Self::View => Call::View,
            Self::Download(_) => Call::Download,
        }
    }
}

impl System for Workplace {
    fn is_usual(&self, request: &Request) -> bool {
        Asked::of(request).is_ok_and(|(asked, _)| asked.call() == self.usual)
    }

    fn about(&self, request: &Request) -> About {
        match Asked::of(request) {
            Ok((Asked::Associate(_, user), _)) => About { user: Some(user.to_lowercase()), picture: None },
            Ok((Asked::Upload(_), _)) => About { user: None, picture: Some(picture::hash(&request.body)) },
            _ => About::default(),
        }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        self.try_answer(request).unwrap_or_else(|refusal| refusal.reply(request, self.errors_in_200))
    }

    fn cut_off(&mut self, request: &Request) {
        if let Ok((Asked::Upload(key), _)) = Asked::of(request)
            && self.sessions.check(request).is_ok()
        {
            self.attachments.keep(key, request);
        }
    }

    fn worded(&self, fault: Fault, request: &Request) -> Option<Reply> {
        let refusal = match fault {
            Fault::Status(status @ (400 | 401 | 403 | 404 | 409 | 500)) => Refusal::new(status, "something went wrong"),
            Fault::Echo { status, behind } => {
                Refusal::new(status, format!("{}{}", "-".repeat(behind), credentials(request)))
            }
            // As an association is answered; of an upload, a success shows what it is.
            Fault::Unkept if matches!(Asked::of(request), Ok((Asked::Associate(..), _))) => {
                return Some(Reply::text(200, ""));
            }
            // The one error whose words are known, wherever it comes [BACKENDS 3b].
            Fault::ErrorIn200 => {
                let exception =
                    json!({ "statusCode": 500, "type": "Unexpected_Error", "message": "something went wrong" });
                return Some(Reply::json(200, &json!({ "exception": exception, "response": null })));
            }
            _ => return None,
        };
        Some(refusal.reply(request, false))
    }
}

impl Workplace {
    fn try_answer(&mut self, request: &Request) -> Result<Reply, Refusal> {
        let (asked, query) = Asked::of(request)?;
        if asked.call() != Call::Login {
            self.sessions.check(request)?;
        }
        match asked {
            Asked::LoginV1 => self.sessions.create_v1(query, request),
            Asked::LoginV2 => self.sessions.create_v2(request),
            Asked::Create => self.attachments.create(request),
            Asked::Upload(key) => self.attachments.upload(key, request),
            Asked::Associate(key, user) => self.associate(key, user, query, request),
            Asked::Search => self.members.search(query, request),
            Asked::View => Ok(words::response(json!({ "key": COMMUNITY, "name": "Intranet" }), request)),
            Asked::Download(guid) => self.members.download(&guid.to_lowercase()),
        }
    }

    /// `POST attachments/{key}/association/{guid}?type=ProfilePhoto` without a body [seed]. Status and body of the answer are
    /// [unverified].
    fn associate(&mut self, key: &str, user: &str, query: &str, request: &Request) -> Result<Reply, Refusal> {
        if query != "type=ProfilePhoto" {
            return Err(Refusal::new(400, "the type is not ProfilePhoto"));
        }
        // Servers of its make answer so [BACKENDS 3a: Content-Length: 0].
        if request.header("content-length").is_none() {
            return Err(Refusal::new(411, "no Content-Length"));
        }
        if !request.body.is_empty() {
            return Err(Refusal::new(400, "an association with a body"));
        }
        let user = guid(user).ok_or_else(|| Refusal::new(400, "the object id is no GUID"))?;
        if !self.members.has(&user) {
            return Err(Refusal::new(404, "there is no such user"));
        }
        if user != CALLER && !self.is_admin {
            return Err(Refusal::new(403, "only an administrator may do this"));
        }
        let photo = self.attachments.ready(key)?;
        self.members.set_photo(&user, Some(photo));
        Ok(Reply::text(200, ""))
    }
}

/// A GUID in lower case.
fn guid(text: &str) -> Option<String> {
    let groups = text.split('-').map(str::len);
    let digits = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    (groups.eq([8, 4, 4, 4, 12]) && digits).then(|| text.to_lowercase())
}

/// The fields of a JSON object that is the body of a request.
fn json_object(request: &Request) -> Result<Map<String, Value>, Refusal> {
    if request.header("content-type") != Some("application/json") {
        return Err(Refusal::new(415, "the body is not of the type application/json"));
    }
    serde_json::from_slice(&request.body).map_err(|_| Refusal::new(400, "the body is no JSON object"))
}

/// What a request shows to be let in.
fn credentials(request: &Request) -> String {
    let body = String::from_utf8_lossy(&request.body);
    let login = if Asked::of(request).is_ok_and(|(asked, _)| asked.call() == Call::Login) { body } else { "".into() };
    format!("{}{login}", request.header("cookie").unwrap_or_default())
}
