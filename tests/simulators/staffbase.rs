//! A Staffbase app, as far as the avatar of its User API is documented: uploads into its media, the update of a user, and
//! what is asked about users. What the document does not allow is refused, what is only known from elsewhere is marked
//! where it is done, by the marks of the table in `e2e/staffbase_simulator.rs`.
//!
//! Here are what a test may ask and change, and the routes; `media` keeps what was uploaded, `avatar` reads an update,
//! `directory` has the users, and `lookup` answers who they are.

mod avatar;
mod directory;
mod lookup;
mod media;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::{avatar::Avatar, directory::Directory, media::Media};
pub(crate) use self::{avatar::Size, lookup::Lookup, media::Upload};
use super::{
    faults::Fault,
    reply::Reply,
    request::Request,
    simulator::{About, Simulator, System},
};

/// The right token until `set_token`: in base64 already [BACKENDS 1a].
pub(crate) const TOKEN: &str = "NWRiMDIyMWQwYTA5YTIxOWM0Y2U5MjE4OmVzLWlzdC1laW4tVG9rZW4=";

/// A running app.
pub(crate) type Staffbase = Simulator<App>;

/// What an app is and holds.
pub(crate) struct App {
    pub(crate) manners: Manners,
    token: String,
    media: Media,
    directory: Directory,
    /// Domains of media servers whose pictures the app shows [seed: prerequisites].
    allowed_domains: BTreeSet<String>,
}

/// How an app does what its document leaves open.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    /// The status of an upload: 200 or 201 [BACKENDS 1b].
    pub(crate) media_status: u16,
    /// Whether the URL of an upload is told without its host [BACKENDS 1g].
    pub(crate) relative_urls: bool,
    /// Whether media is readable with the token only [BACKENDS 1e].
    pub(crate) secure_media: bool,
    /// The most bytes of an upload [BACKENDS 1e].
    pub(crate) file_max: usize,
    /// The status of an update: 200 with the user, or 204 [BACKENDS 1b].
    pub(crate) update_status: u16,
    /// The status by which an update is refused whose media is gone [unverified].
    pub(crate) gone_status: u16,
    /// How users are found.
    pub(crate) lookup: Lookup,
    /// Whether the token has administrative access [seed: prerequisites].
    pub(crate) is_administrator: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            media_status: 201,
            relative_urls: false,
            secure_media: true,
            file_max: 25_000_000,
            update_status: 200,
            gone_status: 400,
            lookup: Lookup::Search,
            is_administrator: true,
        }
    }
}

impl Staffbase {
    /// Starts an app whose only user is the one that the token belongs to.
    pub(crate) fn start() -> Self {
        Self::of(App {
            manners: Manners::default(),
            token: TOKEN.to_owned(),
            media: Media::default(),
            directory: Directory::new(),
            allowed_domains: BTreeSet::new(),
        })
    }

    /// Adds an activated user with this external id and answers the id.
    pub(crate) fn add_user(&self, external_id: &str) -> String {
        self.with(|app| app.directory.add(external_id))
    }

    /// Takes a user away.
    pub(crate) fn remove_user(&self, id: &str) {
        self.with(|app| app.directory.remove(id));
    }

    /// Gives a user another avatar, as the user does it in the app; none takes it away.
    pub(crate) fn change_avatar(&self, id: &str, url: Option<&str>) {
        let avatar = url.map(|url| Avatar::of_original(url, (640, 480)));
        self.with(|app| app.directory.user_mut(id).avatar = avatar);
    }

    /// Changes how the app does what its document leaves open.
    pub(crate) fn set_manners(&self, change: impl FnOnce(&mut Manners)) {
        self.with(|app| change(&mut app.manners));
    }

    /// Changes the right token.
    pub(crate) fn set_token(&self, token: &str) {
        self.with(|app| token.clone_into(&mut app.token));
    }

    /// Puts the domain of a media server on the allow-list.
    pub(crate) fn allow_domain(&self, domain: &str) {
        self.with(|app| app.allowed_domains.insert(domain.to_owned()));
    }

    /// Throws away all media that no avatar shows.
    pub(crate) fn lose_unused_media(&self) {
        self.with(|app| app.media.retain(&app.directory.urls()));
    }

    /// Every upload so far, in the order of their coming, with those that are gone.
    pub(crate) fn uploads(&self) -> Vec<Upload> {
        self.with(|app| app.media.uploads())
    }

    /// The URLs that a user's avatar shows; none for a user without an avatar.
    pub(crate) fn avatar_urls(&self, id: &str) -> BTreeMap<Size, String> {
        self.with(|app| app.directory.avatar_urls(id))
    }

    /// The uploaded picture that a user's avatar shows in this size: the original, where there is no other.
    pub(crate) fn picture(&self, id: &str, size: Size) -> Option<Vec<u8>> {
        let urls = self.avatar_urls(id);
        let url = urls.get(&size).or_else(|| urls.get(&Size::Original))?;
        self.with(|app| app.media.bytes(url).map(<[u8]>::to_vec))
    }

    /// How often a user's avatar was set.
    pub(crate) fn updates(&self, id: &str) -> usize {
        self.with(|app| app.directory.updates(id))
    }

    /// How often the avatar of the user was set that the token belongs to. Nobody ever asks for that.
    pub(crate) fn own_updates(&self) -> usize {
        self.updates(directory::OWN_ID)
    }
}

/// Why something was refused. Only a text is known of the body [BACKENDS 1b].
#[derive(Debug)]
struct Refusal {
    status: u16,
    message: String,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn reply(&self) -> Reply {
        Reply::json(self.status, &json!({ "message": self.message })).noting(&self.message)
    }
}

/// What a request is, by its method and path.
enum Call<'a> {
    Upload,
    Media(&'a str),
    Update(&'a str),
    User(&'a str),
    Search(&'a str),
    List(&'a str),
}

impl<'a> Call<'a> {
    fn of(request: &'a Request) -> Result<Self, Refusal> {
        let nothing = || Refusal::new(404, "there is nothing here");
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let parts: Vec<_> = path.strip_prefix("/api/").ok_or_else(nothing)?.split('/').collect();
        Ok(match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["users"]) => Self::List(query),
            ("GET", ["users", "search"]) => Self::Search(query),
            _ if !query.is_empty() => return Err(nothing()),
            ("POST", ["media"]) => Self::Upload,
            ("GET", ["media", _, ..]) => Self::Media(path),
            ("GET", ["users", id]) => Self::User(id),
            // The document has POST, an older page PUT [seed; BACKENDS 1f].
            ("POST" | "PUT", ["users", id]) => Self::Update(id),
            // In which words a wrong method and a wrong path are refused is [unverified].
            (_, ["media"] | ["users"] | ["users", _]) => {
                return Err(Refusal::new(405, "this method is not allowed here"));
            }
            _ => return Err(nothing()),
        })
    }
}

impl System for App {
    fn is_usual(&self, request: &Request) -> bool {
        matches!(Call::of(request), Ok(Call::Update(_)))
    }

    fn about(&self, request: &Request) -> About {
        match Call::of(request) {
            Ok(Call::Upload) => {
                About { user: None, picture: media::read(request, usize::MAX).ok().map(|file| file.picture) }
            }
            Ok(Call::Update(id) | Call::User(id)) => About { user: Some(id.to_owned()), picture: None },
            Ok(Call::Search(query) | Call::List(query)) => About { user: lookup::asked_for(query), picture: None },
            Ok(Call::Media(_)) | Err(_) => About::default(),
        }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        // A front refuses what libraries call themselves by default [BACKENDS 1c].
        if request.header("user-agent").is_some_and(|agent| agent.starts_with("Python-urllib")) {
            return Reply::page(403, "Attention Required!");
        }
        self.carry_out(request).unwrap_or_else(|refusal| refusal.reply())
    }

    fn worded(&self, fault: Fault, request: &Request) -> Option<Reply> {
        let refusal = match fault {
            Fault::Status(status @ (400 | 401 | 403 | 404 | 500)) => Refusal::new(status, "this cannot be done now"),
            Fault::Echo { status, behind } => {
                let credential = request.header("authorization").unwrap_or_default();
                Refusal::new(status, format!("{}authorization: {credential}; ", "-".repeat(behind)))
            }
            _ => return None,
        };
        Some(refusal.reply())
    }
}

impl App {
    fn carry_out(&mut self, request: &Request) -> Result<Reply, Refusal> {
        let call = Call::of(request)?;
        if self.manners.secure_media || !matches!(call, Call::Media(_)) {
            self.authenticate(request)?;
        }
        match call {
            Call::Upload => self.upload(request),
            Call::Media(path) => self.media.serve(path),
            Call::Update(id) => self.update(id, request),
            Call::User(id) => Ok(Reply::json(200, &self.directory.user(id)?.as_json())),
            Call::Search(query) => self.manners.lookup.search(query, request, &self.directory),
            Call::List(query) => self.manners.lookup.list(query, &self.directory),
        }
    }

    /// The token as it is, behind `Basic` [BACKENDS 1a].
    fn authenticate(&self, request: &Request) -> Result<(), Refusal> {
        if request.header("authorization") != Some(&format!("Basic {}", self.token)) {
            return Err(Refusal::new(401, "the token is not known"));
        }
        if !self.manners.is_administrator {
            return Err(Refusal::new(403, "the token has no administrative access"));
        }
        Ok(())
    }

    fn upload(&mut self, request: &Request) -> Result<Reply, Refusal> {
        let file = media::read(request, self.manners.file_max)?;
        let media = self.media.keep(&file, &origin(request));
        let url = if self.manners.relative_urls { media.path() } else { media.url.clone() };
        let told: Value = json!({
            "id": media.id,
            "fileName": file.name,
            "resourceInfo": { "url": url },
            "transformations": { "t_preview": { "resourceInfo": { "url": url, "width": 240, "height": 135 } } },
        });
        Ok(Reply::json(self.manners.media_status, &told))
    }

    fn update(&mut self, id: &str, request: &Request) -> Result<Reply, Refusal> {
        let user = self.directory.user(id)?.id().to_owned();
        let asked = avatar::read(request)?;
        for picture in asked.pictures() {
            self.check_picture(picture, &origin(request))?;
        }
        let user = self.directory.user_mut(&user);
        user.update(asked);
        Ok(match self.manners.update_status {
            204 => Reply::new(204, "text/plain", Vec::new()),
            status => Reply::json(status, &user.as_json()),
        })
    }

    /// A picture lies in the media of the app, in its size, or at a media server that is on the allow-list.
    fn check_picture(&self, picture: &avatar::Picture, origin: &str) -> Result<(), Refusal> {
        if let Some(bytes) = self.media.bytes(&picture.url) {
            return avatar::check_size(picture, bytes);
        }
        if picture.url.starts_with(&format!("{origin}/api/media/")) {
            return Err(Refusal::new(self.manners.gone_status, "there is no such media"));
        }
        let domain = picture.url.split(['/', ':']).nth(3).unwrap_or_default();
        if !self.allowed_domains.contains(domain) {
            // Whether it is refused, or only not shown, is [unverified].
            return Err(Refusal::new(400, format!("the domain {domain} is not allow-listed")));
        }
        Ok(())
    }
}

/// The origin that the client knows the app by.
fn origin(request: &Request) -> String {
    format!("http://{}", request.header("host").unwrap_or_default())
}
