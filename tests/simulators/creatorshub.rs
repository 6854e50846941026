//! An instance of CreatorsHub, as far as its avatar API is documented: the picture's address is told, and set by form, by
//! URL and as bytes, at the paths of both revisions of the page. What the document does not allow is refused; how, is only
//! guessed, by the marks of the table in `e2e/creatorshub_simulator.rs`.
//!
//! Here are what a test may ask and change, and the routes; `instance` has users and pictures, `upload` reads the three
//! forms of a picture.

mod instance;
mod upload;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::instance::Instance;
use super::{
    faults::Fault,
    picture,
    reply::Reply,
    request::Request,
    simulator::{About, Simulator, System},
};

/// The id of the token's owner; the picture must never change.
pub(crate) const OWNER: u64 = 1;
/// The right token until `set_token`.
pub(crate) const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.Qm90aEFyZUZpbmU";

/// When some picture was set, in milliseconds since 1970 [seed: samples].
const SOME_TIME: u128 = 1_677_074_922_600;

/// A revision of the document, by its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    /// `/api/public/user/6/avatarBytes` [seed]
    User,
    /// `/api/public/user/6/profile/updateAvatarBytes` [BACKENDS 2a: current docs path]
    Profile,
}

/// How the question for a picture that is not there is answered: nobody knows [BACKENDS 2b].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAvatar {
    Null,
    Absent,
    Empty,
    NotFound,
}

/// A running instance.
pub(crate) type CreatorsHub = Simulator<Hub>;

/// What an instance is and holds.
pub(crate) struct Hub {
    paths: Paths,
    no_avatar: NoAvatar,
    token: String,
    may_edit_others: bool,
    instance: Instance,
}

impl CreatorsHub {
    /// Starts an instance with the token's owner as its only user, who may change others.
    pub(crate) fn start(paths: Paths) -> Self {
        Self::of(Hub {
            paths,
            no_avatar: NoAvatar::Null,
            token: TOKEN.to_owned(),
            may_edit_others: true,
            instance: Instance::new(OWNER),
        })
    }

    pub(crate) fn add_user(&self, id: u64) {
        self.with(|hub| hub.instance.add_user(id));
    }

    /// Changes the right token.
    pub(crate) fn set_token(&self, token: &str) {
        self.with(|hub| token.clone_into(&mut hub.token));
    }

    /// Whether the token is good for others than its owner.
    pub(crate) fn set_may_edit_others(&self, may: bool) {
        self.with(|hub| hub.may_edit_others = may);
    }

    pub(crate) fn set_no_avatar(&self, form: NoAvatar) {
        self.with(|hub| hub.no_avatar = form);
    }

    /// Changes a picture by hand.
    pub(crate) fn change_picture(&self, id: u64, picture: &[u8]) {
        self.with(|hub| hub.instance.set_picture(id, picture.to_vec()));
    }

    /// The picture of a user, as it came.
    pub(crate) fn picture(&self, id: u64) -> Option<Vec<u8>> {
        self.with(|hub| hub.instance.picture(id))
    }

    /// All pictures, by the users' ids.
    pub(crate) fn pictures(&self) -> BTreeMap<u64, Vec<u8>> {
        self.with(|hub| hub.instance.pictures())
    }

    /// The address under which the picture of a user is kept.
    pub(crate) fn avatar_url(&self, id: u64) -> Option<String> {
        self.with(|hub| hub.instance.avatar_url(id))
    }

    /// How often the picture of the token's owner was changed.
    pub(crate) fn own_picture_writes(&self) -> usize {
        self.with(|hub| hub.instance.writes(OWNER))
    }
}

/// Why a call was refused.
#[derive(Debug)]
struct Refusal {
    status: u16,
    text: String,
}

impl Refusal {
    fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// Words as those of the order API: what could not be given is null, beside the error [BACKENDS 2b].
    fn reply(&self) -> Reply {
        Reply::json(self.status, &json!({ "avatarUrl": null, "error": self.text })).noting(&self.text)
    }
}

/// What is to be done with a user's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Tell,
    SetByForm,
    SetByUrl,
    SetByBytes,
}

/// What a request asks for, by its method and path.
struct Asked<'a> {
    user: &'a str,
    call: Call,
}

impl<'a> Asked<'a> {
    fn of(request: &'a Request, paths: Paths) -> Result<Self, Refusal> {
        let unknown = || Refusal::new(404, "there is no such endpoint");
        let rest = request.target.strip_prefix("/api/public/user/").ok_or_else(unknown)?;
        let (user, call) = rest.split_once('/').ok_or_else(unknown)?;
        let call = match paths {
            Paths::User => call,
            Paths::Profile => call.strip_prefix("profile/").ok_or_else(unknown)?,
        };
        let call = match (request.method.as_str(), call, paths) {
            // The document lists no question for the owner's picture by `me` [seed].
            ("GET", "avatar", _) if user != "me" => Call::Tell,
            ("PUT", "avatar", _) => Call::SetByUrl,
            ("PUT", "updateAvatarFile", _) => Call::SetByForm,
            ("PUT", "avatarBytes", Paths::User) | ("PUT", "updateAvatarBytes", Paths::Profile) => Call::SetByBytes,
            _ => return Err(unknown()),
        };
        Ok(Self { user, call })
    }
}

impl System for Hub {
    fn is_usual(&self, request: &Request) -> bool {
        request.method == "PUT"
    }

    fn about(&self, request: &Request) -> About {
        let Ok(Asked { user, call }) = Asked::of(request, self.paths) else { return About::default() };
        let sent = match call {
            Call::SetByForm => upload::by_form(request).ok(),
            Call::SetByBytes => upload::by_bytes(request).ok(),
            Call::SetByUrl | Call::Tell => None,
        };
        About { user: Some(user.to_owned()), picture: sent.map(|bytes| picture::hash(&bytes)) }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        self.try_answer(request).unwrap_or_else(|refusal| refusal.reply())
    }

    fn worded(&self, fault: Fault, request: &Request) -> Option<Reply> {
        let token = || request.header("authorization").unwrap_or_default();
        let refusal = match fault {
            Fault::Unkept => {
                return Some(Reply::json(200, &json!({ "avatarUrl": instance::address(SOME_TIME, OWNER) })));
            }
            Fault::Status(status @ (400 | 401 | 403 | 404 | 500)) => Refusal::new(status, "something went wrong"),
            Fault::ErrorIn200 => Refusal::new(200, "something went wrong"),
            Fault::Echo { status, behind } => Refusal::new(status, format!("{}{}", "-".repeat(behind), token())),
            _ => return None,
        };
        Some(refusal.reply())
    }
}

impl Hub {
    fn try_answer(&mut self, request: &Request) -> Result<Reply, Refusal> {
        let asked = Asked::of(request, self.paths)?;
        self.authenticate(request)?;
        let id = self.user(asked.user)?;
        if asked.call == Call::Tell {
            return self.tell(id);
        }
        if id != OWNER && !self.may_edit_others {
            return Err(Refusal::new(403, "the privilege userManage is missing"));
        }
        let picture = match asked.call {
            Call::SetByForm => upload::by_form(request)?,
            Call::SetByUrl => upload::by_url(request)?,
            Call::SetByBytes | Call::Tell => upload::by_bytes(request)?,
        };
        if picture::media_type(&picture).is_none() {
            return Err(Refusal::new(400, "that is no picture"));
        }
        let url = self.instance.set_picture(id, picture);
        Ok(Reply::json(200, &json!({ "avatarUrl": url })))
    }

    /// `Authorization: Bearer {JWT}` [BACKENDS 2a].
    fn authenticate(&self, request: &Request) -> Result<(), Refusal> {
        match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) if token == self.token => Ok(()),
            _ => Err(Refusal::new(401, "unauthorized")),
        }
    }

    /// A decimal id, or `me` for the token's owner [seed].
    fn user(&self, asked: &str) -> Result<u64, Refusal> {
        if asked == "me" {
            return Ok(OWNER);
        }
        let is_decimal = asked.bytes().all(|byte| byte.is_ascii_digit()) && !asked.starts_with('0');
        let id = asked.parse().ok().filter(|_| is_decimal);
        let id = id.ok_or_else(|| Refusal::new(400, "the user's id is no number"))?;
        if self.instance.has(id) { Ok(id) } else { Err(Refusal::new(404, "there is no such user")) }
    }

    fn tell(&self, id: u64) -> Result<Reply, Refusal> {
        let told = |value: Value| Ok(Reply::json(200, &value));
        match (self.instance.avatar_url(id), self.no_avatar) {
            (Some(url), _) => told(json!({ "avatarUrl": url })),
            (None, NoAvatar::Null) => told(json!({ "avatarUrl": null })),
            (None, NoAvatar::Absent) => told(json!({})),
            (None, NoAvatar::Empty) => told(json!({ "avatarUrl": "" })),
            (None, NoAvatar::NotFound) => Err(Refusal::new(404, "this user has no avatar")),
        }
    }
}
