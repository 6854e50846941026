//! Setting an avatar, and asking first whether that is safe: which requests go out, and in what order.

use std::time::Duration;

use portraitd_sdk::message::{EffectKind, Example, User};
use portraitd_sdk::{
    Backend, Context, Failure, HttpRequest, Memory, Method, OpenContext, Part, Photo, Probe, Receipt, RenditionSpec,
};
use serde_json::json;

use crate::config::Settings;
use crate::wire;

/// For how long a server's version is believed. A server is hardly ever replaced by one that is years older.
const VERSION_TTL: Duration = Duration::from_secs(6 * 60 * 60);

/// A Rocket.Chat server, and the account that may set other people's avatars there.
#[derive(Debug)]
pub struct RocketChat {
    settings: Settings,
}

impl Backend for RocketChat {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] = &[EffectKind::Http, EffectKind::Recall, EffectKind::Remember];

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
        ]
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let request = self.set_avatar(photo)?;
        self.preflight(cx).await?;
        let reply = cx.http(request).await?;
        wire::avatar_was_set(&reply, cx.now_ms())?;
        Ok(Receipt::changed().detail(json!({ "sha256": photo.rendition("avatar")?.sha256() })))
    }
}

impl Probe for RocketChat {
    async fn probe(&self, cx: &Context) -> Result<(), Failure> {
        self.ask_version(cx).await?;
        let reply = cx.http(self.with_credentials(HttpRequest::get(self.url(&["api", "v1", "me"])))).await?;
        wire::account_is(&reply, &self.settings.user_id, cx.now_ms())
    }
}

impl RocketChat {
    /// The one request that counts. Older servers act when the file ends on the fields that they have seen by then, so
    /// the field that says whose picture it is comes before the file.
    fn set_avatar(&self, photo: &Photo) -> Result<HttpRequest, Failure> {
        let whose = Part::field(self.settings.user.field(), remote(&photo.user)?);
        let image = Part::file("image", "avatar.jpg", photo.rendition("avatar")?);
        let request = HttpRequest::post(self.url(&["api", "v1", "users.setAvatar"])).multipart([whose, image]);
        Ok(self.with_credentials(request))
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
        let reply = cx.http(HttpRequest::get(self.url(&["api", "info"]))).await?;
        let found = wire::safe_version(&reply, cx.now_ms())?;
        cx.remember(&version(), found, Some(VERSION_TTL)).await?;
        Ok(())
    }

    fn url(&self, path: &[&str]) -> String {
        self.settings.base_url.join(path.iter().copied())
    }

    fn with_credentials(&self, request: HttpRequest) -> HttpRequest {
        let Settings { user_id, auth_token, .. } = &self.settings;
        request.header("X-User-Id", user_id).header("X-Auth-Token", auth_token)
    }
}

/// Where the version of a server that was found safe is remembered.
fn version() -> Memory {
    Memory::Backend { key: "version".into() }
}

/// What the server calls the user. Never empty: a request that names nobody sets the caller's own avatar.
fn remote(user: &User) -> Result<&str, Failure> {
    match user.remote.trim() {
        "" => Err(Failure::user_absent("the name of this user at the server is empty")),
        remote => Ok(remote),
    }
}
