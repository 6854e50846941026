//! Bringing pictures to the app, and telling it whose avatar they are: which requests go out, and in what order.

use std::time::Duration;

use futures_util::future::join_all;
use portraitd_sdk::message::{EffectKind, Example, User};
use portraitd_sdk::{
    Backend, Context, Failure, HttpRequest, Known, Memory, Method, OpenContext, Part, Photo, Probe, Receipt, Rendition,
    RenditionSpec, Text, Verdict, Verify,
};

use crate::config::{Mode, NamedBy, Settings, Sizes};
use crate::wire::{self, Delivered, Size, Template, Urls};

/// For how long the id of an external id is believed.
const ID_TTL: Duration = Duration::from_secs(6 * 60 * 60);

/// The form of the search that is documented.
const SEARCH_TYPE: &str = "application/vnd.staffbase.accessors.users-search.v1+json";

/// A Staffbase app, and a token that may change its users.
#[derive(Debug)]
pub struct Staffbase {
    settings: Settings,
    source: Source,
}

/// Where the app, or whoever looks at a user, finds the pictures.
#[derive(Debug)]
enum Source {
    /// In the app's media, after an upload.
    Media,
    /// At the host of this plugin.
    Publisher,
    /// At a media server that has them already.
    Server(Template),
}

/// A user as the app has it.
struct Account {
    id: String,
    /// The memory of a lookup, where there was one.
    looked_up: Option<(Memory, Known)>,
}

/// A picture at a URL.
struct Placed {
    size: Size,
    url: String,
    /// What was remembered of an upload in an earlier attempt.
    recalled: Option<Known>,
}

impl Backend for Staffbase {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] =
        &[EffectKind::Http, EffectKind::Recall, EffectKind::Remember, EffectKind::Forget, EffectKind::Publish];
    const MODES: &'static [&'static str] = &["upload", "urls"];

    fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
        let source = match (settings.mode, settings.urls.as_str()) {
            (Mode::Upload, "") => Source::Media,
            (Mode::Upload, _) => return Err(Failure::config("`urls`: it is for `mode = \"urls\"` only")),
            (Mode::Urls, "") => Source::Publisher,
            (Mode::Urls, text) => {
                let template = Template::parse(text, sizes(settings.sizes));
                Source::Server(template.map_err(|why| Failure::config(format!("`urls`: {why}")))?)
            }
        };
        Ok(Self { settings, source })
    }

    /// Where the pictures lie at a media server, the original is made all the same: the app is told how large it is.
    fn renditions(&self) -> Vec<RenditionSpec> {
        match self.source {
            Source::Media | Source::Publisher => sizes(self.settings.sizes).iter().map(|size| size.spec()).collect(),
            Source::Server(_) => vec![Size::Original.spec()],
        }
    }

    fn origins(&self) -> Vec<String> {
        vec![self.settings.base_url.origin().into()]
    }

    /// Ids are hexadecimal numbers. External ids are compared exactly, whatever the app does.
    fn folds_case(&self) -> bool {
        self.settings.user == NamedBy::Id
    }

    fn publishes(&self) -> bool {
        matches!(self.source, Source::Publisher)
    }

    fn examples() -> Vec<Example> {
        let example = |method, path: &str, status, body: &str| Example {
            method,
            path: path.into(),
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        let found = r#"{"total":1,"entries":[{"data":{"id":"5db0221d0a09a219c4ce9218","externalId":"4711"}}]}"#;
        let media = r#"{"resourceInfo":{"url":"https://exampleapp.staffbase.com/api/media/secure/picture.jpg"}}"#;
        vec![
            example(Method::Get, "/api/users/search", 200, found),
            example(Method::Post, "/api/media", 201, media),
            example(Method::Post, "/api/users/*", 204, ""),
        ]
    }

    /// Finds the user first, so that nothing is uploaded for a name that is nobody's.
    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let account = self.account(cx, &photo.user).await?;
        let placed = self.place(cx, photo).await?;
        let updated = match self.update(cx, photo, &account, &placed).await {
            Err(failure) if self.is_media_gone(cx, &account, &placed, &failure).await? => {
                self.forget_uploads(cx, &placed).await?;
                let placed = self.place(cx, photo).await?;
                self.update(cx, photo, &account, &placed).await
            }
            updated => updated,
        };
        account.still_there(cx, updated).await
    }
}

impl Verify for Staffbase {
    async fn verify(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        let account = self.account(cx, &photo.user).await?;
        let asked = self.avatar(cx, &account).await;
        let shown = account.still_there(cx, asked).await?;
        Ok(match Delivered::of(cx.receipt()) {
            _ if !shown.contains_key(&Size::Original) => Receipt::removed(),
            Some(delivered) if delivered.is_shown(&shown) => Receipt::unchanged(),
            Some(_) => Receipt::changed(),
            None => Receipt::changed().detail(Delivered::found(shown).into_json()),
        })
    }
}

impl Probe for Staffbase {
    /// Asks for one user of the list that every administrator may see.
    async fn probe(&self, cx: &Context) -> Result<(), Failure> {
        let list = HttpRequest::get(self.url(&["users"])).query("limit", "1");
        wire::token_works(&cx.http(self.with_token(list)).await?)
    }
}

/// Setting an avatar.
impl Staffbase {
    /// Makes sure that all pictures are where they can be fetched. Each goes its way to its end, also when another one
    /// fails: an upload that is given up halfway may have been made, and would be made again.
    async fn place(&self, cx: &Context, photo: &Photo) -> Result<Vec<Placed>, Failure> {
        let placing = sizes(self.settings.sizes).iter().map(|size| self.place_one(cx, photo, *size));
        join_all(placing).await.into_iter().collect()
    }

    async fn place_one(&self, cx: &Context, photo: &Photo, size: Size) -> Result<Placed, Failure> {
        let url = match &self.source {
            Source::Media => return self.upload_once(cx, photo.rendition(size.name())?, size).await,
            Source::Publisher => cx.publish(photo.rendition(size.name())?).await?,
            Source::Server(template) => template.url(&photo.user, size)?,
        };
        Ok(Placed { size, url, recalled: None })
    }

    async fn upload_once(&self, cx: &Context, rendition: &Rendition, size: Size) -> Result<Placed, Failure> {
        let memory = self.upload(size);
        let recalled = cx.recall(&memory).await?;
        if let Some(url) = recalled.as_ref().and_then(|known| known.value().as_str()).map(str::to_owned) {
            return Ok(Placed { size, url, recalled });
        }
        let file = Part::file("file", format!("{}.jpg", size.name()), rendition);
        let request = HttpRequest::post(self.url(&["media"])).multipart([file]);
        let url = wire::uploaded(&cx.http(self.with_token(request)).await?, &self.settings.base_url)?;
        cx.remember(&memory, url.clone(), None).await?;
        Ok(Placed { size, url, recalled: None })
    }

    /// The request that counts.
    async fn update(
        &self,
        cx: &Context,
        photo: &Photo,
        account: &Account,
        placed: &[Placed],
    ) -> Result<Receipt, Failure> {
        let told: Urls = placed.iter().map(|picture| (picture.size, picture.url.clone())).collect();
        let body = wire::update(&told, photo.rendition(Size::Original.name())?);
        let request = HttpRequest::post(self.url(&["users", &account.id])).json(body);
        let reply = cx.http(self.with_token(request)).await?;
        let answered = wire::avatar_was_set(&reply, &account.id, &self.settings.base_url);
        let answered = answered.map_err(|failure| self.hinted(failure))?;
        let delivered = Delivered::new(told, answered, Delivered::of(cx.receipt()).as_ref());
        let receipt = match delivered.is_renamed() {
            true => Receipt::changed().note("the app shows the pictures under other URLs than it was told"),
            false => Receipt::changed(),
        };
        Ok(receipt.detail(delivered.into_json()))
    }

    fn hinted(&self, failure: Failure) -> Failure {
        match (&self.source, failure.verdict) {
            (Source::Publisher | Source::Server(_), Verdict::ImageRejected) => {
                failure.hint("check that the domain of the pictures' URLs is allow-listed for the app")
            }
            _ => failure,
        }
    }

    /// Whether an update may have been refused because the app has thrown away what an earlier attempt uploaded: it does
    /// not say for how long it keeps media that nothing shows. Of a 404 the user itself tells whether it is the cause.
    async fn is_media_gone(
        &self,
        cx: &Context,
        account: &Account,
        placed: &[Placed],
        failure: &Failure,
    ) -> Result<bool, Failure> {
        if placed.iter().all(|picture| picture.recalled.is_none()) {
            return Ok(false);
        }
        match failure.verdict {
            Verdict::ImageRejected => Ok(true),
            Verdict::UserAbsent => match self.avatar(cx, account).await {
                Ok(_) => Ok(true),
                Err(failure) if failure.verdict == Verdict::UserAbsent => Ok(false),
                Err(failure) => Err(failure),
            },
            _ => Ok(false),
        }
    }

    async fn forget_uploads(&self, cx: &Context, placed: &[Placed]) -> Result<(), Failure> {
        for Placed { size, recalled, .. } in placed {
            if let Some(known) = recalled {
                cx.forget(&self.upload(*size), known).await?;
            }
        }
        Ok(())
    }

    /// Where the URL of an upload is remembered.
    fn upload(&self, size: Size) -> Memory {
        let origin = self.settings.base_url.origin().into();
        Memory::Delivery { key: "media".into(), rendition: size.name().into(), origin }
    }
}

/// Finding a user.
impl Staffbase {
    async fn account(&self, cx: &Context, user: &User) -> Result<Account, Failure> {
        match self.settings.user {
            NamedBy::Id => Ok(Account { id: wire::id(&user.remote)?, looked_up: None }),
            NamedBy::ExternalId => self.look_up_once(cx, wire::external_id(&user.remote)?).await,
        }
    }

    async fn look_up_once(&self, cx: &Context, external_id: &str) -> Result<Account, Failure> {
        let memory = Memory::Backend { key: format!("id of {external_id}") };
        let recalled = cx.recall(&memory).await?;
        if let Some((id, known)) = recalled.and_then(|known| Some((known.value().as_str()?.to_owned(), known))) {
            return Ok(Account { id, looked_up: Some((memory, known)) });
        }
        let id = self.look_up(cx, external_id).await?;
        let known = cx.remember(&memory, id.clone(), Some(ID_TTL)).await?;
        Ok(Account { id, looked_up: Some((memory, known)) })
    }

    /// Asks the search, or, where a server has none, the list. In a dry run the user of the example stands for the wanted
    /// one.
    async fn look_up(&self, cx: &Context, external_id: &str) -> Result<String, Failure> {
        let search = self.filtered(&["users", "search"], &wire::filter("externalId", external_id));
        let mut reply = cx.http(search.header("Accept", SEARCH_TYPE)).await?;
        if !wire::is_search(&reply) {
            reply = cx.http(self.filtered(&["users"], &wire::filter("externalID", external_id))).await?;
        }
        wire::only_user(&reply, |found| found == external_id || cx.is_dry_run())
    }

    fn filtered(&self, path: &[&str], filter: &str) -> HttpRequest {
        let limit = wire::LOOKUP_LIMIT.to_string();
        self.with_token(HttpRequest::get(self.url(path)).query("filter", filter).query("limit", limit))
    }

    async fn avatar(&self, cx: &Context, account: &Account) -> Result<Urls, Failure> {
        let request = HttpRequest::get(self.url(&["users", &account.id]));
        wire::avatar(&cx.http(self.with_token(request)).await?, &account.id, &self.settings.base_url)
    }

    /// The URL of a path of the API. An id in it is one that was checked.
    fn url(&self, path: &[&str]) -> String {
        self.settings.base_url.join(["api"].into_iter().chain(path.iter().copied()))
    }

    /// The token is base64 already: it is sent as it is.
    fn with_token(&self, request: HttpRequest) -> HttpRequest {
        request.header("Authorization", Text::from("Basic ").then(&self.settings.token))
    }
}

impl Account {
    /// Forgets a looked-up id when the app does not know it any more.
    async fn still_there<T>(&self, cx: &Context, asked: Result<T, Failure>) -> Result<T, Failure> {
        let is_absent = matches!(&asked, Err(failure) if failure.verdict == Verdict::UserAbsent);
        if let Some((memory, known)) = self.looked_up.as_ref().filter(|_| is_absent) {
            cx.forget(memory, known).await?;
        }
        asked
    }
}

/// The pictures that an avatar gets.
const fn sizes(sizes: Sizes) -> &'static [Size] {
    match sizes {
        Sizes::Three => &Size::ALL,
        Sizes::OriginalOnly => &[Size::Original],
    }
}
