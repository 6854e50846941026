//! Setting an avatar and asking which one is there: which requests go out, and for whom.

use portraitd_sdk::message::{EffectKind, Example, User};
use portraitd_sdk::{
    Backend, Context, Failure, HttpRequest, Method, OpenContext, Part, Photo, Receipt, RenditionSpec, Text, Verify,
};
use serde_json::json;

use crate::config::{Mode, Settings};
use crate::wire;

/// The most digits of a user's id. A server that keeps numbers as JavaScript does holds 15 digits exactly, and would take
/// a longer one for its neighbour.
const MAX_DIGITS: usize = 15;

/// How much of what is no id is repeated in a reason, in characters.
const QUOTED: usize = 40;

/// An instance of CreatorsHub, and the token that may set other people's avatars there.
#[derive(Debug)]
pub struct CreatorsHub {
    settings: Settings,
}

impl Backend for CreatorsHub {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] = &[EffectKind::Http, EffectKind::Publish];
    const MODES: &'static [&'static str] = &["file", "url", "bytes"];

    fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
        Ok(Self { settings })
    }

    /// A square JPEG: two of the three calls ask for JPEG, and a profile picture is shown as a square.
    fn renditions(&self) -> Vec<RenditionSpec> {
        vec![RenditionSpec::exact("avatar", 512, 512)]
    }

    fn origins(&self) -> Vec<String> {
        vec![self.settings.base_url.origin().into()]
    }

    fn publishes(&self) -> bool {
        self.settings.mode == Mode::Url
    }

    fn examples() -> Vec<Example> {
        const KEPT: &str = "https://creatorshub.s3.eu-central-1.amazonaws.com/1677074922600/userAvatars/6/avatar.jpg";
        let example = |call: &str| Example {
            method: Method::Put,
            path: format!("/{call}"),
            status: 200,
            headers: Vec::new(),
            body: json!({ "avatarUrl": KEPT }).to_string(),
        };
        ["updateAvatarFile", "avatar", "avatarBytes", "updateAvatarBytes"].map(example).into()
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let request = self.set_avatar(cx, photo).await?;
        let kept = wire::avatar_was_set(&cx.http(request).await?, self.settings.mode)?;
        Ok(Receipt::changed().detail(json!({ "avatarUrl": kept })))
    }
}

impl Verify for CreatorsHub {
    /// Each write has an address of its own, so the address tells whose write is there.
    async fn verify(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let url = self.url(id(&photo.user)?, self.settings.paths.to_ask());
        let reply = cx.http(self.with_token(HttpRequest::get(url))).await?;
        Ok(match (wire::avatar_there(&reply)?, cx.receipt()) {
            (None, _) => Receipt::removed(),
            (Some(there), Some(receipt)) if receipt["avatarUrl"] == there => Receipt::unchanged(),
            (Some(_), Some(_)) => Receipt::changed(),
            (Some(there), None) => Receipt::changed().detail(json!({ "avatarUrl": there })),
        })
    }
}

impl CreatorsHub {
    async fn set_avatar(&self, cx: &Context, photo: &Photo) -> Result<HttpRequest, Failure> {
        let Settings { mode, paths, .. } = self.settings;
        let request = HttpRequest::put(self.url(id(&photo.user)?, paths.to_set(mode)));
        let picture = photo.rendition("avatar")?;
        Ok(self.with_token(match mode {
            Mode::File => request.multipart([Part::file("avatar", "avatar.jpg", picture)]),
            Mode::Url => request.json(json!({ "avatarUrl": cx.publish(picture).await? })),
            Mode::Bytes => request.rendition(picture),
        }))
    }

    fn url(&self, id: &str, call: &[&str]) -> String {
        let path = ["api", "public", "user", id].into_iter().chain(call.iter().copied());
        self.settings.base_url.join(path)
    }

    fn with_token(&self, request: HttpRequest) -> HttpRequest {
        request.header("Authorization", Text::from("Bearer ").then(&self.settings.token))
    }
}

/// What the system calls the user: a decimal number in its only form, so that no two names lead to one user. In its place
/// `me` would lead to the owner of the token, and what a server makes of a sign, a space or a 0 is not known.
fn id(user: &User) -> Result<&str, Failure> {
    let id = user.remote.as_str();
    let is_number = id.bytes().all(|byte| byte.is_ascii_digit()) && !id.starts_with('0');
    if is_number && (1..=MAX_DIGITS).contains(&id.len()) {
        return Ok(id);
    }
    let shown: String = id.escape_debug().take(QUOTED).collect();
    let failure = Failure::user_absent(format!("`{shown}` is no user id of CreatorsHub: that is a number, such as 6"));
    Err(failure.hint("name the photo by the user's id there, or let `users` of this backend lead to it"))
}
