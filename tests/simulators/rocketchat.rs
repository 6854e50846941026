//! A Rocket.Chat workspace, as far as its avatar API is documented: `users.setAvatar`, `me` and `info`, in the manners of
//! four generations of servers. What the document does not allow is refused, what is only known from elsewhere is marked
//! where it is done, by the marks of the table in `e2e/rocketchat_simulator.rs`.
//!
//! Here are the handle that a test holds, the routes and the log; `workspace` has users, rights and pictures,
//! `set_avatar` the call itself, `limiter` the rate limiter and `envelope` the words of refusals.

mod envelope;
mod limiter;
mod set_avatar;
mod workspace;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use self::{envelope::Failure, limiter::Limiter, set_avatar::Asked, workspace::Workspace};
use super::{
    faults::{Fault, Faults, Target, When},
    reply::Reply,
    request::{Request, Violation},
    server::{Server, Site},
    undercut::{Undercut, Watch},
};

/// The caller's name; its picture must never change.
pub(crate) const CALLER: &str = "portraitd.bot";
/// The caller's id, for `X-User-Id`.
pub(crate) const USER_ID: &str = "aobEdbYhXfu5hkeqG";
/// The right token until `set_token`.
pub(crate) const TOKEN: &str = "9HqLlyZOugoStsXCUfD_0YdwnNnunAJF8V47U3QHXSq";

const SET_AVATAR: &str = "/api/v1/users.setAvatar";
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

/// A request that came in, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// When its first byte was there.
    pub(crate) at: Instant,
    /// The number of its connection, counted from 1.
    pub(crate) connection: usize,
    /// Empty when the request was refused before its path was known.
    pub(crate) path: String,
    /// The user by the name or id that it asks with.
    pub(crate) user: Option<String>,
    /// A hash of the file in it, to tell pictures apart.
    pub(crate) picture: Option<u64>,
    pub(crate) answer: Answer,
    /// What the answer says, when it is no success.
    pub(crate) note: String,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    Fault(Fault),
}

/// A running server. It ends when it is dropped.
pub(crate) struct RocketChat {
    server: Server,
    state: Arc<Mutex<State>>,
}

struct State {
    profile: Profile,
    port: u16,
    workspace: Workspace,
    token: String,
    limiter: Option<Limiter>,
    faults: Faults,
    log: Vec<Seen>,
    watch: Watch,
}

impl RocketChat {
    /// Starts a server on a free port of 127.0.0.1, with the caller as its only user, who may edit the pictures of
    /// others.
    pub(crate) fn start(profile: Profile) -> Self {
        let state = Arc::new(Mutex::new(State {
            profile,
            port: 0,
            workspace: Workspace::new(CALLER, USER_ID),
            token: TOKEN.to_owned(),
            limiter: None,
            faults: Faults::default(),
            log: Vec::new(),
            watch: Watch::default(),
        }));
        let server = Server::start(Arc::new(Guarded(Arc::clone(&state))));
        state.lock().unwrap().port = server.address().port();
        Self { server, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Adds a user and answers the `_id`.
    pub(crate) fn add_user(&self, username: &str) -> String {
        self.with(|state| state.workspace.add_user(username))
    }

    /// Delays every reply from now on.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.server.set_latency(latency);
    }

    /// Changes the right token.
    pub(crate) fn set_token(&self, token: &str) {
        self.with(|state| token.clone_into(&mut state.token));
    }

    /// Gives or takes the permission `edit-other-user-avatar`.
    pub(crate) fn set_may_edit_others(&self, may: bool) {
        self.with(|state| state.workspace.may_edit_others = may);
    }

    /// The setting `Accounts_AllowUserAvatarChange`.
    pub(crate) fn set_change_allowed(&self, allowed: bool) {
        self.with(|state| state.workspace.change_allowed = allowed);
    }

    /// The setting `FileUpload_MaxFileSize`, in bytes.
    pub(crate) fn set_file_max(&self, bytes: usize) {
        self.with(|state| state.workspace.file_max = bytes);
    }

    /// Lets the server find a picture under a URL. Every other URL is one that it may not fetch.
    pub(crate) fn serve_url(&self, url: &str, picture: &[u8]) {
        self.with(|state| state.workspace.urls.insert(url.to_owned(), picture.to_vec()));
    }

    /// Allows so many calls for each route and window from now on. There is no limit before.
    pub(crate) fn limit(&self, calls: u32, window: Duration) {
        self.with(|state| state.limiter = Some(Limiter::new(calls, window)));
    }

    /// Lets a fault strike `users.setAvatar`.
    pub(crate) fn fault(&self, fault: Fault, when: When) {
        self.order(fault, when, false);
    }

    /// Lets a fault strike every call.
    pub(crate) fn fault_everywhere(&self, fault: Fault, when: When) {
        self.order(fault, when, true);
    }

    fn order(&self, fault: Fault, when: When, everywhere: bool) {
        if fault == Fault::Outage {
            assert_eq!(when, When::UntilCleared, "an outage strikes no single request");
            self.server.close();
        } else {
            self.with(|state| state.faults.order(fault, when, everywhere));
        }
    }

    /// Ends all faults.
    pub(crate) fn clear_faults(&self) {
        self.with(|state| state.faults.clear());
        self.server.open();
    }

    /// How often each fault has struck.
    pub(crate) fn struck(&self) -> BTreeMap<Fault, usize> {
        self.with(|state| state.faults.struck())
    }

    /// The picture of a user.
    pub(crate) fn picture(&self, username: &str) -> Option<Vec<u8>> {
        self.with(|state| state.workspace.picture(username))
    }

    /// All pictures, by username.
    pub(crate) fn pictures(&self) -> BTreeMap<String, Vec<u8>> {
        self.with(|state| state.workspace.pictures())
    }

    /// The `avatarETag` of a user, which follows a change half a second later.
    pub(crate) fn avatar_etag(&self, username: &str) -> Option<String> {
        self.with(|state| state.workspace.avatar_etag(username))
    }

    /// Every request so far, in the order of the answers.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.with(|state| state.log.clone())
    }

    /// How often the caller's own picture was changed or removed. Nobody ever asks for that.
    pub(crate) fn own_picture_writes(&self) -> usize {
        self.with(|state| state.workspace.own_picture_writes)
    }

    /// The requests that came before a wait was over that had been told for their path.
    pub(crate) fn undercuts(&self) -> Vec<Undercut> {
        self.with(|state| state.watch.undercuts())
    }

    /// How many connections came in so far.
    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }

    /// The most requests that were being answered at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.server.most_at_once()
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

/// The state as the server's threads see it.
struct Guarded(Arc<Mutex<State>>);

impl Site for Guarded {
    fn leaves_unread(&self, head: &Request) -> bool {
        let mut state = self.0.lock().unwrap();
        let struck = state.faults.strike(&Target { usual: head.target == SET_AVATAR, unread: true, user: None });
        if let Some(fault) = struck {
            state.note(head, (None, None), Answer::Fault(fault), "");
        }
        struck.is_some()
    }

    fn answer(&self, request: &Request) -> Reply {
        self.0.lock().unwrap().answer(request)
    }

    fn refused(&self, connection: usize, violation: Violation) {
        self.0.lock().unwrap().log.push(Seen {
            at: Instant::now(),
            connection,
            path: String::new(),
            user: None,
            picture: None,
            answer: Answer::Status(violation.status),
            note: violation.rule.to_owned(),
        });
    }

    fn written(&self, request: &Request, reply: &Reply, between: (Instant, Instant)) {
        if let Some(wait) = reply.wait {
            self.0.lock().unwrap().watch.told(&request.target, wait, between);
        }
    }
}

/// What a request is, by its method and path.
enum Call<'a> {
    Info,
    Me,
    SetAvatar(Result<Asked<'a>, Failure>),
    None(Failure),
}

impl<'a> Call<'a> {
    fn of(request: &'a Request, profile: Profile) -> Self {
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", INFO) => Self::Info,
            ("GET", ME) => Self::Me,
            ("POST", SET_AVATAR) => Self::SetAvatar(set_avatar::read(request, profile)),
            // In which words a wrong method and a wrong path are refused is [unverified].
            (_, INFO | ME | SET_AVATAR) => Self::None(Failure::plain(405, "this method is not allowed here")),
            _ => Self::None(Failure::plain(404, "there is no such endpoint")),
        }
    }

    fn user(&self) -> Option<String> {
        match self {
            Self::SetAvatar(Ok(asked)) => asked.user.clone(),
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

impl State {
    fn answer(&mut self, request: &Request) -> Reply {
        let call = Call::of(request, self.profile);
        let about = (call.user(), call.picture());
        let target = Target { usual: request.target == SET_AVATAR, unread: false, user: about.0.as_deref() };
        let struck = self.faults.strike(&target);
        let reply = match struck {
            Some(fault) => self.spoiled(fault, request, call),
            None => self.truly(request, call),
        };
        let answer = struck.map_or(Answer::Status(reply.status), Answer::Fault);
        self.note(request, about, answer, &reply.note);
        reply
    }

    fn note(&mut self, request: &Request, about: (Option<String>, Option<u64>), answer: Answer, note: &str) {
        self.watch.arrived(&request.target, request.at);
        let (path, note, (user, picture)) = (request.target.clone(), note.to_owned(), about);
        self.log.push(Seen { at: request.at, connection: request.connection, path, user, picture, answer, note });
    }

    /// What a fault makes of the answer; those that the server words itself are worded here.
    fn spoiled(&mut self, fault: Fault, request: &Request, call: Call<'_>) -> Reply {
        let refusal = match fault {
            Fault::Status(status) => Failure::of_status(status).map(|failure| failure.reply(self.profile)),
            Fault::Echo { status, behind } => Some(echo(status, behind, request).reply(self.profile)),
            Fault::TooManyByHeader => Some(limiter::refusal_by_header()),
            Fault::TooManyByText => Some(limiter::refusal_by_text(Profile::V8)),
            Fault::TooManyAs400 => Some(limiter::refusal_by_text(Profile::V0_68)),
            _ => None,
        };
        refusal.unwrap_or_else(|| fault.reply(self.port, || self.truly(request, call)))
    }

    fn truly(&mut self, request: &Request, call: Call<'_>) -> Reply {
        match call {
            Call::Info => Reply::json(200, &self.info(request)),
            Call::None(failure) => failure.reply(self.profile),
            Call::Me | Call::SetAvatar(_) => match self.authenticate(request) {
                Ok(()) => self.within_limit(request, call),
                Err(failure) => failure.reply(self.profile),
            },
        }
    }

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
        let ruling = self.limiter.as_mut().map(|limiter| limiter.count(&request.target));
        let reply = match &ruling {
            Some(ruling) if !ruling.allowed => ruling.refusal(self.profile),
            _ => self.carry_out(call),
        };
        ruling.iter().fold(reply, |reply, ruling| ruling.put_on(reply))
    }

    fn carry_out(&mut self, call: Call<'_>) -> Reply {
        let Call::SetAvatar(asked) = call else { return Reply::json(200, &self.workspace.caller_as_json()) };
        match asked.and_then(|asked| set_avatar::carry_out(&asked, &mut self.workspace)) {
            Ok(()) => Reply::json(200, &json!({ "success": true })),
            Err(failure) => failure.reply(self.profile),
        }
    }
}

fn echo(status: u16, behind: usize, request: &Request) -> Failure {
    let credential = |name| format!("{name}: {}; ", request.header(name).unwrap_or_default());
    let (padding, told) = ("-".repeat(behind), ["x-auth-token", "x-user-id"].map(credential).concat());
    Failure::plain(status, &format!("{padding}{told}"))
}
