//! A Rocket.Chat workspace, as far as its avatar API is documented: `users.setAvatar`, `users.resetAvatar`, `users.info`,
//! `me` and `info`, in the manners of four generations of servers. What the document does not allow is refused, what is
//! only known from elsewhere is marked where it is done, by the marks of the table in `e2e/rocketchat_simulator.rs`.
//!
//! Here are what a test may ask and change, and the routes; `workspace` has users, rights and pictures, `set_avatar`,
//! `reset_avatar` and `user_info` are the calls, `key` is how they name a user, `limiter` the rate limiter and `envelope`
//! the words of refusals.

mod envelope;
mod key;
mod limiter;
mod reset_avatar;
mod set_avatar;
mod user_info;
mod workspace;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use self::{envelope::Failure, key::Key, limiter::Limiter, set_avatar::Asked, workspace::Workspace};
use super::{
    faults::Fault,
    reply::Reply,
    request::Request,
    simulator::{About, Simulator, System},
};

/// The caller's name; its picture must never change.
pub(crate) const CALLER: &str = "portraitd.bot";
/// The caller's id, for `X-User-Id`.
pub(crate) const USER_ID: &str = "aobEdbYhXfu5hkeqG";
/// The right token until `set_token`.
pub(crate) const TOKEN: &str = "9HqLlyZOugoStsXCUfD_0YdwnNnunAJF8V47U3QHXSq";

const SET_AVATAR: &str = "/api/v1/users.setAvatar";
const RESET_AVATAR: &str = "/api/v1/users.resetAvatar";
const USER_INFO: &str = "/api/v1/users.info";
const ME: &str = "/api/v1/me";
const INFO: &str = "/api/info";

/// A generation of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Profile {
    /// Ignores for whom a file is, says success and changes the caller's own picture.
    V0_68,
    /// Acts on the fields that stand before the file; without one there, on the caller's own picture.
    V3,
    V7,
    V8,
}

/// A running server.
pub(crate) type RocketChat = Simulator<ChatServer>;

/// What a server is and holds.
pub(crate) struct ChatServer {
    profile: Profile,
    workspace: Workspace,
    token: String,
    limiter: Option<Limiter>,
}

impl RocketChat {
    /// Starts a server with the caller as its only user, who may edit the pictures of others.
    pub(crate) fn start(profile: Profile) -> Self {
        let workspace = Workspace::new(CALLER, USER_ID);
        Self::of(ChatServer { profile, workspace, token: TOKEN.to_owned(), limiter: None })
    }

    /// Adds a user and answers the `_id`.
    pub(crate) fn add_user(&self, username: &str) -> String {
        self.with(|server| server.workspace.add_user(username))
    }

    /// Changes the right token.
    pub(crate) fn set_token(&self, token: &str) {
        self.with(|server| token.clone_into(&mut server.token));
    }

    /// Gives or takes the permission `edit-other-user-avatar`.
    pub(crate) fn set_may_edit_others(&self, may: bool) {
        self.with(|server| server.workspace.may_edit_others = may);
    }

    /// The setting `Accounts_AllowUserAvatarChange`.
    pub(crate) fn set_change_allowed(&self, allowed: bool) {
        self.with(|server| server.workspace.change_allowed = allowed);
    }

    /// The setting `FileUpload_MaxFileSize`, in bytes.
    pub(crate) fn set_file_max(&self, bytes: usize) {
        self.with(|server| server.workspace.file_max = bytes);
    }

    /// Names this machine in the setting `SSRF_Allowlist`; the server fetches nothing from it before.
    pub(crate) fn allow_private_urls(&self) {
        self.with(|server| server.workspace.private_urls_allowed = true);
    }

    /// Allows so many calls for each route and window from now on. There is no limit before.
    pub(crate) fn limit(&self, calls: u32, window: Duration) {
        self.with(|server| server.limiter = Some(Limiter::new(calls, window)));
    }

    /// Changes a picture by hand.
    pub(crate) fn change_picture(&self, username: &str, picture: &[u8]) {
        self.with(|server| {
            let user = server.workspace.by_username(username).expect("there is such a user");
            server.workspace.set_picture(user, picture.to_vec());
        });
    }

    /// The picture of a user.
    pub(crate) fn picture(&self, username: &str) -> Option<Vec<u8>> {
        self.with(|server| server.workspace.picture(username))
    }

    /// All pictures, by username.
    pub(crate) fn pictures(&self) -> BTreeMap<String, Vec<u8>> {
        self.with(|server| server.workspace.pictures())
    }

    /// The `avatarETag` of a user, which follows a change half a second later.
    pub(crate) fn avatar_etag(&self, username: &str) -> Option<String> {
        self.with(|server| server.workspace.avatar_etag(username))
    }

    /// How often the caller's own picture was changed or removed. Nobody ever asks for that.
    pub(crate) fn own_picture_writes(&self) -> usize {
        self.with(|server| server.workspace.own_picture_writes)
    }
}

/// What a request is, by its method and path.
enum Call<'a> {
    Info,
    Me,
    SetAvatar(Result<Asked<'a>, Failure>),
    ResetAvatar(Result<Key, Failure>),
    UserInfo(Result<String, Failure>),
    None(Failure),
}

impl<'a> Call<'a> {
    fn of(request: &'a Request, profile: Profile) -> Self {
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", INFO) => Self::Info,
            ("GET", ME) => Self::Me,
            ("POST", SET_AVATAR) => Self::SetAvatar(set_avatar::read(request, profile)),
            ("POST", RESET_AVATAR) => Self::ResetAvatar(reset_avatar::read(request, profile)),
            // In which words a wrong method and a wrong path are refused is [unverified].
            (_, INFO | ME | SET_AVATAR | RESET_AVATAR) => {
                Self::None(Failure::plain(405, "this method is not allowed here"))
            }
            ("GET", target) if route(target) == USER_INFO => {
                let query = target[USER_INFO.len()..].trim_start_matches('?');
                Self::UserInfo(user_info::read(query, profile))
            }
            _ => Self::None(Failure::plain(404, "there is no such endpoint")),
        }
    }

    fn user(&self) -> Option<String> {
        match self {
            Self::SetAvatar(Ok(asked)) => asked.user.clone(),
            Self::ResetAvatar(Ok(key)) => Some(key.text().to_owned()),
            Self::UserInfo(Ok(asked)) => Some(asked.clone()),
            _ => None,
        }
    }

    fn picture(&self) -> Option<u64> {
        match self {
            Self::SetAvatar(Ok(asked)) => asked.picture_hash(),
            _ => None,
        }
    }
}

/// The path of a target, without its query.
fn route(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

impl System for ChatServer {
    fn is_usual(&self, request: &Request) -> bool {
        [SET_AVATAR, RESET_AVATAR].contains(&request.target.as_str())
    }

    fn about(&self, request: &Request) -> About {
        let call = Call::of(request, self.profile);
        About { user: call.user(), picture: call.picture() }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        match Call::of(request, self.profile) {
            Call::Info => Reply::json(200, &self.info(request)),
            Call::None(failure) => failure.reply(self.profile),
            call => match self.authenticate(request) {
                Ok(()) => self.within_limit(request, call),
                Err(failure) => failure.reply(self.profile),
            },
        }
    }

    fn worded(&self, fault: Fault, request: &Request) -> Option<Reply> {
        match fault {
            Fault::Status(status) => Failure::of_status(status).map(|failure| failure.reply(self.profile)),
            Fault::Echo { status, behind } => Some(echo(status, behind, request).reply(self.profile)),
            Fault::TooManyByHeader => Some(limiter::refusal_by_header()),
            Fault::TooManyByText => Some(limiter::refusal_by_text(Profile::V8)),
            Fault::TooManyAs400 => Some(limiter::refusal_by_text(Profile::V0_68)),
            _ => None,
        }
    }
}

impl ChatServer {
    /// The version in full for an administrator, major and minor for everybody else [source: RocketChat/Rocket.Chat,
    /// getServerInfo.ts]. That servers before 3 already showed it to strangers in this shape, and which right an
    /// administrator needs for it, is [unverified].
    fn info(&self, request: &Request) -> Value {
        let version = match self.profile {
            Profile::V0_68 => "0.68.5",
            Profile::V3 => "3.18.7",
            Profile::V7 => "7.10.2",
            Profile::V8 => "8.1.0",
        };
        if self.authenticate(request).is_ok() && self.workspace.may_edit_others {
            return json!({ "info": { "version": version }, "success": true });
        }
        let short = version.rsplit_once('.').map_or(version, |(short, _)| short);
        json!({ "version": short, "success": true })
    }

    fn authenticate(&self, request: &Request) -> Result<(), Failure> {
        let right =
            request.header("x-user-id") == Some(USER_ID) && request.header("x-auth-token") == Some(self.token.as_str());
        if right { Ok(()) } else { Err(Failure::NotLoggedIn) }
    }

    /// Counts the call, carries it out, and puts the limiter's headers on the reply.
    fn within_limit(&mut self, request: &Request, call: Call<'_>) -> Reply {
        let ruling = self.limiter.as_mut().map(|limiter| limiter.count(route(&request.target)));
        let reply = match &ruling {
            Some(ruling) if !ruling.allowed => ruling.refusal(self.profile),
            _ => self.carry_out(call),
        };
        ruling.iter().fold(reply, |reply, ruling| ruling.put_on(reply))
    }

    fn carry_out(&mut self, call: Call<'_>) -> Reply {
        let workspace = &mut self.workspace;
        let done = |()| json!({ "success": true });
        let told = match call {
            Call::SetAvatar(asked) => asked.and_then(|asked| set_avatar::carry_out(&asked, workspace)).map(done),
            Call::ResetAvatar(key) => key.and_then(|key| reset_avatar::carry_out(&key, workspace)).map(done),
            Call::UserInfo(asked) => asked.and_then(|asked| user_info::answer(&asked, workspace)),
            Call::Me | Call::Info => Ok(workspace.caller_as_json()),
            Call::None(failure) => Err(failure),
        };
        told.map_or_else(|failure| failure.reply(self.profile), |told| Reply::json(200, &told))
    }
}

fn echo(status: u16, behind: usize, request: &Request) -> Failure {
    let credential = |name| format!("{name}: {}; ", request.header(name).unwrap_or_default());
    let (padding, told) = ("-".repeat(behind), ["x-auth-token", "x-user-id"].map(credential).concat());
    Failure::plain(status, &format!("{padding}{told}"))
}
