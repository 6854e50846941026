//! Setting an avatar, taking it away, and asking which one is there: which requests go out, and in what order.

use std::time::Duration;

use portraitd_sdk::message::{EffectKind, Example, User};
use portraitd_sdk::{
    Backend, Context, Failure, HttpRequest, Memory, Method, OpenContext, Part, Photo, Probe, Receipt, Remove,
    RenditionSpec, Verdict, Verify,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::{Mode, NamedBy, Settings};
use crate::wire;

/// For how long a server's version is believed. A server is hardly ever replaced by one that is years older.
const VERSION_TTL: Duration = Duration::from_secs(6 * 60 * 60);

/// The longest name or id of a user, in bytes. Ids have 17; names are typed.
const MAX_NAME: usize = 255;

/// The pauses before each look for a new etag, in seconds. It comes half a second after the answer (`setUserAvatar.ts`),
/// later where the server is busy; and each look counts against the server's limit.
const PAUSES: [u64; 3] = [1, 2, 4];

/// A Rocket.Chat server, and the account that may set other people's avatars there.
#[derive(Debug)]
pub struct RocketChat {
    settings: Settings,
}

/// What a receipt holds. One without any etag is of a delivery that nobody was going to look for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    /// SHA-256 of the picture that was sent; none of one that was there before portraitd came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The etag of the delivered avatar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// The etag of the avatar that was there before, empty where there was none: as long as that of the delivered one is
    /// not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag_before: Option<String>,
}

impl Backend for RocketChat {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] =
        &[EffectKind::Http, EffectKind::Recall, EffectKind::Remember, EffectKind::Sleep, EffectKind::Publish];
    const MODES: &'static [&'static str] = &["file", "url"];

    fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
        let id = &settings.user_id;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            let failure = Failure::config("`user-id`: it must be the id of an account, such as `aobEdbYhXfu5hkeqG`");
            return Err(failure.hint("the server shows it beside a new personal access token"));
        }
        Ok(Self { settings })
    }

    /// A square, because every client shows one and the server would otherwise cut it out of the middle, whatever
    /// `photo.crop` says. Smaller photos are enlarged: that adds bytes only, for the server scales to 200 pixels unless
    /// it was told otherwise, while a picture that keeps its shape would be cut by the server again.
    fn renditions(&self) -> Vec<RenditionSpec> {
        vec![RenditionSpec::exact("avatar", 512, 512)]
    }

    fn origins(&self) -> Vec<String> {
        vec![self.settings.base_url.origin().into()]
    }

    fn folds_case(&self) -> bool {
        self.settings.user == NamedBy::Username
    }

    fn publishes(&self) -> bool {
        self.settings.mode == Mode::Url
    }

    fn examples() -> Vec<Example> {
        let example = |method, path: &str, body: &str| Example {
            method,
            path: path.into(),
            status: 200,
            headers: Vec::new(),
            body: body.into(),
        };
        vec![
            example(Method::Get, "/api/info", r#"{"version":"7.0","success":true}"#),
            example(Method::Post, "/api/v1/users.setAvatar", r#"{"success":true}"#),
            example(Method::Post, "/api/v1/users.resetAvatar", r#"{"success":true}"#),
        ]
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let whose = remote(&photo.user)?;
        self.preflight(cx).await?;
        let etag_before = self.etag_before(cx, whose).await?;
        let request = self.set_avatar(cx, whose, photo).await?;
        wire::avatar_was_set(&cx.http(request).await?, cx.now_ms())?;
        let sha256 = Some(photo.rendition("avatar")?.sha256().to_owned());
        Ok(Receipt::changed().detail(Kept { sha256, etag: None, etag_before }.as_detail()))
    }
}

impl Remove for RocketChat {
    /// A user whom the server does not know, or who could not have a name there, shows no avatar.
    async fn remove(&self, cx: &Context, user: &User) -> Result<Receipt, Failure> {
        let Ok(whose) = remote(user) else { return Ok(Receipt::removed()) };
        self.preflight(cx).await?;
        let request = HttpRequest::post(self.call("users.resetAvatar")).json(json!({ (self.field()): whose }));
        let reply = cx.http(self.with_credentials(request)).await?;
        match wire::avatar_was_reset(&reply, cx.now_ms()) {
            Err(failure) if failure.verdict != Verdict::UserAbsent => Err(failure),
            _ => Ok(Receipt::removed()),
        }
    }
}

impl Verify for RocketChat {
    async fn verify(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let whose = remote(&photo.user)?;
        let Some(receipt) = cx.receipt() else {
            let there = self.etag(cx, whose).await?;
            let found = |etag| Receipt::changed().detail(Kept { etag: Some(etag), ..Kept::default() }.as_detail());
            return Ok(there.map_or_else(Receipt::removed, found));
        };
        // A receipt that this version cannot read says no less than one without an etag.
        let kept = Kept::deserialize(receipt).unwrap_or_default();
        let looked = match &kept.etag_before {
            Some(before) => self.etag_after(cx, whose, before).await,
            None => self.etag(cx, whose).await,
        };
        Ok(match looked.map_err(|failure| self.not_told(failure))? {
            None => Receipt::removed(),
            Some(there) if kept.is_of(&there) => Receipt::unchanged().detail(kept.known(there).as_detail()),
            Some(_) if kept.etag_before.is_some() => {
                Receipt::changed().note("the server took the picture and still shows the one that was there before")
            }
            Some(_) => Receipt::changed(),
        })
    }
}

impl Probe for RocketChat {
    async fn probe(&self, cx: &Context) -> Result<(), Failure> {
        self.ask_version(cx).await?;
        let reply = cx.http(self.with_credentials(HttpRequest::get(self.call("me")))).await?;
        wire::account_is(&reply, &self.settings.user_id, cx.now_ms())
    }
}

impl RocketChat {
    /// The one request that counts. Older servers act when the file ends on the fields that they have seen by then, so
    /// the field that says whose picture it is comes before the file.
    async fn set_avatar(&self, cx: &Context, whose: &str, photo: &Photo) -> Result<HttpRequest, Failure> {
        let request = HttpRequest::post(self.call("users.setAvatar"));
        let picture = photo.rendition("avatar")?;
        Ok(self.with_credentials(match self.settings.mode {
            Mode::File => {
                let image = Part::file("image", "avatar.jpg", picture);
                request.multipart([Part::field(self.field(), whose), image])
            }
            Mode::Url => request.json(json!({ "avatarUrl": cx.publish(picture).await?, (self.field()): whose })),
        }))
    }

    /// Makes sure that the server is none of those that set the caller's own avatar, asking it once for all deliveries.
    async fn preflight(&self, cx: &Context) -> Result<(), Failure> {
        match cx.recall(&version()).await? {
            Some(_) => Ok(()),
            None => self.ask_version(cx).await,
        }
    }

    /// Asks without credentials: a server tells its version to everybody, and what else may answer there needs none.
    async fn ask_version(&self, cx: &Context) -> Result<(), Failure> {
        let reply = cx.http(HttpRequest::get(self.settings.base_url.join(["api", "info"]))).await?;
        let found = wire::safe_version(&reply, cx.now_ms())?;
        cx.remember(&version(), found, Some(VERSION_TTL)).await?;
        Ok(())
    }

    /// The etag of a user's avatar, where there is one.
    async fn etag(&self, cx: &Context, whose: &str) -> Result<Option<String>, Failure> {
        let request = HttpRequest::get(self.call("users.info")).query(self.field(), whose);
        let reply = cx.http(self.with_credentials(request)).await?;
        wire::etag_of(&reply, self.settings.user, whose, cx.now_ms())
    }

    /// The etag that a delivery is about to replace, empty where there is none; nothing where nobody will look for it.
    async fn etag_before(&self, cx: &Context, whose: &str) -> Result<Option<String>, Failure> {
        if !cx.is_verified() {
            return Ok(None);
        }
        match self.etag(cx, whose).await {
            Ok(etag) => Ok(Some(etag.unwrap_or_default())),
            // The call that sets an avatar ignores the case of a name, this one does not: whether there is such a user is
            // for the other to say.
            Err(failure) if failure.verdict == Verdict::UserAbsent => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Looks a few times for another etag than the one before, and answers what is there in the end.
    async fn etag_after(&self, cx: &Context, whose: &str, before: &str) -> Result<Option<String>, Failure> {
        let mut there = None;
        for pause in PAUSES {
            cx.sleep(Duration::from_secs(pause)).await?;
            there = self.etag(cx, whose).await?;
            if there.as_deref().is_some_and(|etag| etag != before) {
                break;
            }
        }
        Ok(there)
    }

    /// Somebody got an avatar under a name that the server does not find now: by another case of it, mostly, which counts
    /// for this question only. That is no reason to set the avatar again.
    fn not_told(&self, failure: Failure) -> Failure {
        if self.settings.user == NamedBy::Id || failure.verdict != Verdict::UserAbsent {
            return failure;
        }
        let unsupported = Failure::unsupported(failure.reason);
        unsupported.hint("the server finds users for a look only by their names as they are written there")
    }

    fn call(&self, name: &str) -> String {
        self.settings.base_url.join(["api", "v1", name])
    }

    fn field(&self) -> &'static str {
        self.settings.user.field()
    }

    fn with_credentials(&self, request: HttpRequest) -> HttpRequest {
        let Settings { user_id, auth_token, .. } = &self.settings;
        request.header("X-User-Id", user_id).header("X-Auth-Token", auth_token)
    }
}

impl Kept {
    fn as_detail(&self) -> serde_json::Value {
        json!(self)
    }

    /// Whether the delivered avatar is the one with this etag, as far as is known.
    fn is_of(&self, etag: &str) -> bool {
        match (&self.etag, &self.etag_before) {
            (Some(delivered), _) => delivered == etag,
            (None, Some(before)) => before != etag,
            (None, None) => true,
        }
    }

    /// The same, now that the etag is known.
    fn known(self, etag: String) -> Self {
        Self { etag: Some(etag), etag_before: None, ..self }
    }
}

/// Where the version of a server that was found safe is remembered.
fn version() -> Memory {
    Memory::Backend { key: "version".into() }
}

/// What the server calls the user. Never empty, for a request that names nobody sets the caller's own avatar; and as it is,
/// so that no two names lead to one user.
fn remote(user: &User) -> Result<&str, Failure> {
    let name = user.remote.as_str();
    if name.trim().is_empty() {
        return Err(Failure::user_absent("the name of this user at the server is empty"));
    }
    if name.trim() != name || name.contains(char::is_control) || name.len() > MAX_NAME {
        return Err(Failure::user_absent(
            "no user of the server has such a name: it is too long, or has characters that none has",
        ));
    }
    Ok(name)
}
