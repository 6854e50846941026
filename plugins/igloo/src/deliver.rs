//! Setting a profile photo: a session, an entry that holds the picture, and whose photo it becomes.

use std::time::Duration;

use portraitd_sdk::message::http::Header;
use portraitd_sdk::message::{EffectKind, Example};
use portraitd_sdk::{
    Backend, Context, Failure, HttpRequest, Known, Memory, Method, OpenContext, Photo, Probe, Receipt, Rendition,
    RenditionSpec, Response, Text, Verdict, Verify,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::{SessionForm, Settings};
use crate::wire::{self, Association, Member, Named};

const JSON: &str = "application/json";

/// The one rendition.
const PHOTO: &str = "photo";

/// Igloo advises pictures under 10 MB.
const LARGEST: u64 = 9_999_999;

/// For how long a session is used. It lasts for about twelve hours.
const SESSION_TTL: Duration = Duration::from_secs(10 * 60 * 60);

/// For how long a refused login is told to whoever comes. A probe asks again before that.
const REFUSAL_TTL: Duration = Duration::from_secs(10 * 60);

/// For how long it is believed whose an e-mail address is.
const LOOKUP_TTL: Duration = Duration::from_secs(6 * 60 * 60);

/// How many hits a page of the member search has, and how many pages are looked at.
const HITS: usize = 100;
const PAGES: u32 = 3;

/// How long to wait, one after the other, for an upload to be looked through.
const SCAN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// After this time an upload has been looked through: whoever does not know it then never will.
const SCANNED: Duration = Duration::from_secs(15 * 60);

/// How long to wait, one after the other, for the member search to know of a photo.
const INDEX: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];

/// A digital workplace, and the account that may set other people's photos there.
#[derive(Debug)]
pub struct Igloo {
    settings: Settings,
}

impl Backend for Igloo {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] =
        &[EffectKind::Http, EffectKind::Sleep, EffectKind::Recall, EffectKind::Remember, EffectKind::Forget];

    fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self { settings })
    }

    /// A square, as Igloo advises.
    fn renditions(&self) -> Vec<RenditionSpec> {
        vec![RenditionSpec::exact(PHOTO, 512, 512).max_bytes(LARGEST)]
    }

    fn origins(&self) -> Vec<String> {
        vec![self.settings.base_url.origin().into()]
    }

    /// Neither GUIDs nor e-mail addresses differ by case.
    fn folds_case(&self) -> bool {
        true
    }

    fn examples() -> Vec<Example> {
        let example = |method, path: &str, status, body: &str| Example {
            method,
            path: path.into(),
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        let attachment = r#"{"key":"5GQFODh5bI","contentType":"image/jpg","name":"photo.jpg","isProfilePhoto":false}"#;
        let member = r#"{"id":"ac94442a-be8c-4a8d-80a0-9fbc870b9943","email":"ada@example.com","hasImage":false}"#;
        let mut entry = example(Method::Post, "/communities/*/attachments", 201, "");
        let location = "/.api2/api/v1/communities/10/attachments/uploads/5GQFODh5bI";
        entry.headers.push(Header { name: "location".into(), value: location.into() });
        vec![
            example(Method::Post, "/.api2/api/Session/Create", 200, r#"{"TokenId":"assumed"}"#),
            example(Method::Post, "/.api/api.svc/session/create", 200, r#"{"response":{"sessionKey":"assumed"}}"#),
            example(
                Method::Get,
                "/search/members",
                200,
                &format!(r#"{{"response":{{"value":{{"hit":[{member}]}}}}}}"#),
            ),
            entry,
            example(Method::Patch, "/attachments/uploads/*", 200, attachment),
            example(Method::Post, "/association/*", 200, ""),
        ]
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let named = Named::read(self.settings.user, &photo.user.remote)?;
        let picture = photo.rendition(PHOTO)?;
        let mut talk = Talk::begin(self, cx).await?;
        let found = talk.find(&named).await?;
        let shown = talk.show(picture, &found.user).await;
        if let (Err(Failure { verdict: Verdict::UserAbsent, .. }), Some(known)) = (&shown, &found.known) {
            cx.forget(&lookup(&named), known).await?;
        }
        Ok(Receipt::changed().detail(json!({ "user": found.user, "attachment": shown? })))
    }
}

impl Verify for Igloo {
    async fn verify(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let named = Named::read(self.settings.user, &photo.user.remote)?;
        let mut talk = Talk::begin(self, cx).await?;
        let mut member = talk.member(&named).await?.ok_or_else(nobody)?;
        // What was delivered just now may not be in the index yet.
        for wait in INDEX {
            if member.has_image != Some(false) || cx.receipt().is_none() {
                break;
            }
            cx.sleep(wait).await?;
            member = talk.member(&named).await?.ok_or_else(nobody)?;
        }
        match (member.has_image, cx.receipt()) {
            (Some(false), _) => Ok(Receipt::removed()),
            (Some(true), None) => Ok(Receipt::changed().detail(json!({ "user": member.user }))),
            _ => Err(Failure::unsupported("Igloo tells whether a user has a photo, and not which")),
        }
    }
}

impl Probe for Igloo {
    async fn probe(&self, cx: &Context) -> Result<(), Failure> {
        let mut known = cx.recall(&session()).await?;
        if let Some(refusal) = known.take_if(|known| is_refusal(known)) {
            // Whether it still holds is what a probe is to find out.
            cx.forget(&session(), &refusal).await?;
            known = cx.recall(&session()).await?;
        }
        let session = self.session_after(cx, known).await?;
        let mut talk = Talk { igloo: self, cx, session, is_renewed: false };
        let reply = talk.call(HttpRequest::get(self.url(&[".api", "api.svc", "community", "view"]))).await?;
        wire::workplace_is_there(&reply)
    }
}

/// The session.
impl Igloo {
    /// The session that is remembered, or a new one. Of many who ask at the same time one logs in, and the others wait.
    async fn session(&self, cx: &Context) -> Result<Known, Failure> {
        let known = cx.recall(&session()).await?;
        self.session_after(cx, known).await
    }

    /// The same for whoever has looked already. A refusal is remembered as well: each of many who come just then would try
    /// the credentials again, and five wrong passwords lock the account.
    async fn session_after(&self, cx: &Context, known: Option<Known>) -> Result<Known, Failure> {
        let known = match known {
            Some(known) => known,
            None => match self.log_in(cx).await {
                Ok(key) => cx.remember_secret(&session(), key, Some(SESSION_TTL)).await?,
                Err(failure) if failure.verdict == Verdict::Auth => {
                    cx.remember(&session(), json!(failure), Some(REFUSAL_TTL)).await?
                }
                Err(failure) => return Err(failure),
            },
        };
        if !is_refusal(&known) {
            return Ok(known);
        }
        let refusal = serde_json::from_value(known.value().clone());
        Err(refusal.unwrap_or_else(|_| Failure::auth("the login was refused")))
    }

    /// Logs in by the form that is set; or by that of version 2, and where there is none by that of version 1.
    async fn log_in(&self, cx: &Context) -> Result<String, Failure> {
        let (v1, v2) = (("v1", self.login_v1()), ("v2", self.login_v2()));
        let (_, key) = match self.settings.session {
            SessionForm::V1 => first_of(cx, [v1]).await?,
            SessionForm::V2 => first_of(cx, [v2]).await?,
            SessionForm::Auto => {
                let known = cx.recall(&session_form()).await?;
                let is_old = known.is_some_and(|known| known.value() == "v1");
                let found = first_of(cx, if is_old { [v1, v2] } else { [v2, v1] }).await?;
                cx.remember(&session_form(), found.0, None).await?;
                found
            }
        };
        Ok(key)
    }

    fn login_v1(&self) -> HttpRequest {
        let Settings { base_url, app_id, app_password, username, password, .. } = &self.settings;
        let fields: [(&str, Text); 6] = [
            ("appId", app_id.into()),
            ("appPass", app_password.into()),
            ("apiversion", "1".into()),
            ("community", wire::domain(base_url.origin()).into()),
            ("username", username.into()),
            ("password", password.into()),
        ];
        HttpRequest::post(self.url(&[".api", "api.svc", "session", "create"])).header("Accept", JSON).form(fields)
    }

    fn login_v2(&self) -> HttpRequest {
        let Settings { app_id, app_password, username, password, .. } = &self.settings;
        let body = json!({ "AppId": app_id, "UserName": username, "instance": 0, "version": 1 });
        HttpRequest::post(self.url(&[".api2", "api", "Session", "Create"]))
            .header("Accept", JSON)
            .json(body)
            .fill("/AppPassword", app_password)
            .fill("/UserPassword", password)
    }

    fn url(&self, path: &[&str]) -> String {
        self.settings.base_url.join(path.iter().copied())
    }

    /// Where the upload of a delivery is remembered.
    fn upload_memory(&self) -> Memory {
        let Settings { base_url, community_key, .. } = &self.settings;
        let key = format!("upload/{community_key}");
        Memory::Delivery { key, rendition: PHOTO.into(), origin: base_url.origin().into() }
    }

    /// The URL of a path below the attachments of the community.
    fn attachments(&self, path: &[&str]) -> String {
        let community = self.settings.community_key.to_string();
        self.url(&[&[".api2", "api", "v1", "communities", &community, "attachments"], path].concat())
    }
}

/// Logs in by the first of these forms that is there, and says by which.
async fn first_of<const N: usize>(
    cx: &Context,
    forms: [(&'static str, HttpRequest); N],
) -> Result<(&'static str, String), Failure> {
    for (form, login) in forms {
        if let Some(key) = wire::session_key(&cx.http(login).await?)? {
            return Ok((form, key));
        }
    }
    Err(Failure::config("there is no login at this address").hint("check `base-url` and `session`"))
}

/// A conversation within a session.
struct Talk<'a> {
    igloo: &'a Igloo,
    cx: &'a Context,
    session: Known,
    /// Whether the session was over once already. Another one is not asked for twice.
    is_renewed: bool,
}

/// A user's object id, and what of it is remembered.
struct Found {
    user: String,
    known: Option<Known>,
}

impl<'a> Talk<'a> {
    async fn begin(igloo: &'a Igloo, cx: &'a Context) -> Result<Self, Failure> {
        let session = igloo.session(cx).await?;
        Ok(Self { igloo, cx, session, is_renewed: false })
    }

    /// Sends a request within the session, and once more within a new one where it was over.
    async fn call(&mut self, request: HttpRequest) -> Result<Response, Failure> {
        let request = request.header("Accept", JSON);
        let mut reply = self.send(&request).await?;
        if wire::session_is_over(&reply) && !self.is_renewed {
            self.cx.forget(&session(), &self.session).await?;
            self.session = self.igloo.session(self.cx).await?;
            self.is_renewed = true;
            reply = self.send(&request).await?;
        }
        if wire::is_unwelcome(&reply) {
            // Whoever comes next finds out with a session of their own whether it was for this one.
            self.cx.forget(&session(), &self.session).await?;
        }
        Ok(reply)
    }

    async fn send(&self, request: &HttpRequest) -> Result<Response, Failure> {
        let cookie = Text::from("iglooauth=").then(self.session.secret()?);
        Ok(self.cx.http(request.clone().header("Cookie", cookie)).await?)
    }

    // --- Users ---

    async fn find(&mut self, named: &Named) -> Result<Found, Failure> {
        let Named::Email(_) = named else { return Ok(Found { user: named.text().into(), known: None }) };
        let known = match self.cx.recall(&lookup(named)).await? {
            Some(known) => known,
            None => {
                let member = self.member(named).await?.ok_or_else(nobody)?;
                self.cx.remember(&lookup(named), member.user, Some(LOOKUP_TTL)).await?
            }
        };
        Ok(Found { user: known.value().as_str().unwrap_or_default().into(), known: Some(known) })
    }

    /// The one user of that name, as the member search shows them.
    async fn member(&mut self, named: &Named) -> Result<Option<Member>, Failure> {
        let mut found: Vec<Member> = Vec::new();
        for page in 1..=PAGES {
            let search = HttpRequest::get(self.igloo.url(&[".api", "api.svc", "search", "members"]))
                .query("q", named.text())
                .query("rows", HITS.to_string())
                .query("page", page.to_string());
            let hits = wire::members(&self.call(search).await?)?;
            let is_last = hits.len() < HITS;
            // In a dry run, the assumed hit stands for whoever is asked for.
            found.extend(hits.into_iter().filter(|hit| named.is(hit) || self.cx.is_dry_run()));
            if is_last {
                break;
            }
        }
        // A server that knows no pages shows the same ones again.
        found.dedup_by(|one, other| one.user == other.user);
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err(Failure::user_ambiguous("several users of Igloo have this e-mail address")),
        }
    }

    // --- The photo ---

    /// Makes the picture the user's photo, and says by which attachment. What an earlier attempt has uploaded is not
    /// uploaded again.
    async fn show(&mut self, picture: &Rendition, user: &str) -> Result<String, Failure> {
        let memory = self.igloo.upload_memory();
        let known = self.cx.recall(&memory).await?;
        let earlier: Option<Uploaded> = known.and_then(|known| serde_json::from_value(known.value().clone()).ok());
        if let Some(earlier) = &earlier
            && self.show_earlier(earlier, user).await?
        {
            return Ok(earlier.key.clone());
        }
        let key = self.upload(picture).await?;
        let uploaded = Uploaded { key, at_ms: self.cx.now_ms(), is_second: earlier.is_some() };
        self.cx.remember(&memory, json!(uploaded), None).await?;
        self.show_fresh(&uploaded.key, user).await?;
        Ok(uploaded.key)
    }

    /// Whether the upload of an earlier attempt is the photo now; not where Igloo does not have it any more.
    async fn show_earlier(&mut self, earlier: &Uploaded, user: &str) -> Result<bool, Failure> {
        match self.associate(&earlier.key, user).await? {
            None => Ok(true),
            Some(failure) if self.cx.now_ms() < earlier.scanned_by_ms() => Err(failure),
            Some(failure) if earlier.is_second => {
                let reason = format!("Igloo has the user and takes no upload for their photo: {}", failure.reason);
                Err(Failure::user_absent(reason))
            }
            Some(_gone) => Ok(false),
        }
    }

    /// Makes the upload of this attempt the photo, as soon as it has been looked through.
    async fn show_fresh(&mut self, key: &str, user: &str) -> Result<(), Failure> {
        let mut waits = SCAN.into_iter();
        while let Some(failure) = self.associate(key, user).await? {
            let wait = waits.next().filter(|_| wire::leaves_open(&failure)).ok_or(failure)?;
            self.cx.sleep(wait).await?;
        }
        Ok(())
    }

    /// Asks once for the upload to become the user's photo. Says why it did not, when the user is there and that can
    /// be about the upload only.
    async fn associate(&mut self, key: &str, user: &str) -> Result<Option<Failure>, Failure> {
        let url = self.igloo.attachments(&[key, "association", user]);
        let reply = self.call(HttpRequest::post(url).query("type", "ProfilePhoto")).await?;
        let answer = wire::associated(&reply)?;
        if matches!(answer, Association::Done) {
            return Ok(None);
        }
        // A user who is not there is refused as an upload is that is not there.
        let member = self.member(&Named::Guid(user.into())).await?;
        match (answer, member) {
            (Association::NotReady(_), None) => Err(nobody()),
            (Association::NotReady(failure), Some(_)) => Ok(Some(failure)),
            (Association::Unclear(_), Some(Member { has_image: Some(true), .. })) | (Association::Done, _) => Ok(None),
            (Association::Unclear(failure), _) => Err(failure),
        }
    }

    // --- The upload ---

    /// Uploads the picture, and gives the key of its entry. Where it cannot be known what an entry holds, another one is
    /// begun, once.
    async fn upload(&mut self, picture: &Rendition) -> Result<String, Failure> {
        match self.upload_once(picture).await? {
            Uploading::Whole(key) => Ok(key),
            Uploading::Lost(_) => match self.upload_once(picture).await? {
                Uploading::Whole(key) => Ok(key),
                Uploading::Lost(failure) => Err(failure),
            },
        }
    }

    /// Uploads the picture into a new entry. After a break it goes on where Igloo says that it stands, as long as each
    /// break finds more there than the one before.
    async fn upload_once(&mut self, picture: &Rendition) -> Result<Uploading, Failure> {
        let key = self.create(picture).await?;
        let total = length(picture);
        let (mut held, mut held_at_break) = (0, None);
        while held < total {
            held = match self.send_part(&key, picture, held).await {
                Ok(count) => count,
                Err(failure) if wire::leaves_open(&failure) => match self.ask_count(&key, total).await? {
                    count @ Some(told) if held_at_break < count => {
                        held_at_break = count;
                        told
                    }
                    _ => return Ok(Uploading::Lost(failure)),
                },
                Err(failure) => return Err(failure),
            };
        }
        Ok(Uploading::Whole(key))
    }

    /// Makes an entry for the picture. The name is the same for all, for anybody may see it.
    async fn create(&mut self, picture: &Rendition) -> Result<String, Failure> {
        let mime = self.igloo.settings.content_type.mime();
        let body = json!({ "ContentLength": length(picture), "ContentType": mime, "Name": "photo.jpg" });
        let reply = self.call(HttpRequest::post(self.igloo.attachments(&[])).json(body)).await?;
        wire::attachment_key(&reply)
    }

    /// Sends the bytes from `first` on, as many as one request may carry, and says how many the entry holds then.
    async fn send_part(&mut self, key: &str, picture: &Rendition, first: u64) -> Result<u64, Failure> {
        let total = length(picture);
        let end = match self.igloo.settings.chunk_bytes.get() {
            0 => total,
            chunk => total.min(first.saturating_add(chunk)),
        };
        let request = self.patch(key, wire::content_range(first, end, total)).rendition_range(picture, first, end);
        wire::held_after(&self.call(request).await?, end, total)
    }

    /// Asks how many bytes the entry holds; none where that cannot be known.
    async fn ask_count(&mut self, key: &str, total: u64) -> Result<Option<u64>, Failure> {
        match self.call(self.patch(key, format!("bytes */{total}"))).await {
            Ok(reply) => wire::told_count(&reply, total),
            Err(failure) if wire::leaves_open(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn patch(&self, key: &str, range: String) -> HttpRequest {
        HttpRequest::patch(self.igloo.attachments(&["uploads", key]))
            .header("Content-Range", range)
            .header("Content-Type", self.igloo.settings.content_type.mime())
    }
}

/// What is remembered of an upload, so that it need not be made again. An entry that is not complete is not remembered: a
/// new one costs Igloo nothing, and to write down each would cost us something every time.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Uploaded {
    /// The attachment key.
    key: String,
    /// When it was complete, in milliseconds since 1970.
    at_ms: u64,
    /// Whether one before it was not taken either.
    is_second: bool,
}

impl Uploaded {
    /// By when Igloo has looked through it.
    fn scanned_by_ms(&self) -> u64 {
        self.at_ms.saturating_add(u64::try_from(SCANNED.as_millis()).unwrap_or(u64::MAX))
    }
}

/// How an upload ended.
enum Uploading {
    /// The entry of this key holds all of it.
    Whole(String),
    /// It cannot be known what the entry holds.
    Lost(Failure),
}

fn length(picture: &Rendition) -> u64 {
    picture.bytes().len() as u64
}

fn nobody() -> Failure {
    Failure::user_absent("Igloo does not find this user")
        .hint("by e-mail, it finds those whose addresses the account may see")
}

/// Whether what is remembered as the session is the refusal of a login: that is no secret.
fn is_refusal(known: &Known) -> bool {
    !known.value().is_null()
}

/// Where the key of the session is remembered.
fn session() -> Memory {
    Memory::Backend { key: "session".into() }
}

/// Where it is remembered which login there is.
fn session_form() -> Memory {
    Memory::Backend { key: "session-form".into() }
}

/// Where it is remembered whose an e-mail address is.
fn lookup(named: &Named) -> Memory {
    Memory::Backend { key: named.text().into() }
}
