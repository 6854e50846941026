//! A plugin for the host's own tests: it delivers as it should, or misbehaves in the way that its setting names.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{join, join_all, select};
use futures_util::{StreamExt as _, stream};
use portraitd_sdk::message::{EffectKind, Level, User};
use portraitd_sdk::{
    Backend, Context, Failure, HttpRequest, OpenContext, Part, Photo, Probe, Receipt, Remove, RenditionSpec, Verify,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of a sample.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// What it does.
    #[schemars(extend("x-identifying" = true))]
    conduct: Conduct,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Conduct {
    Good,
    FortyAtOnce,
    EightAtATime,
    GivesUpWaiting,
    TwoRequests,
    PanicsInOpen,
    PanicsAtOnce,
    PanicsLater,
    PanicsWithPayload,
    PanicsInDrop,
    PanicsWhenGivenUp,
    PanicsInClose,
    WaitsForSomethingElse,
    AsksForever,
    TalksTooMuch,
    Dawdles,
    Hangs,
}

struct Sample(Conduct);

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

impl Backend for Sample {
    type Settings = Settings;
    const NEEDS: &'static [EffectKind] = &[EffectKind::FilePut, EffectKind::Http, EffectKind::Sleep];

    fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
        assert!(settings.conduct != Conduct::PanicsInOpen, "while opening");
        Ok(Self(settings.conduct))
    }

    fn renditions(&self) -> Vec<RenditionSpec> {
        vec![RenditionSpec::at_most("large", 600, 600), RenditionSpec::exact("small", 60, 60)]
    }

    fn origins(&self) -> Vec<String> {
        vec!["https://chat.example.com".into()]
    }

    async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
        match self.0 {
            Conduct::FortyAtOnce => {
                // One `join!` over the first and all others.
                let (first, others) = join(page(cx, 0), join_all((1..40).map(|number| page(cx, number)))).await;
                return told(std::iter::once(first).chain(others));
            }
            Conduct::EightAtATime => {
                let all = stream::iter(0..40).map(|number| page(cx, number)).buffer_unordered(8);
                return told(all.collect::<Vec<_>>().await);
            }
            Conduct::GivesUpWaiting => {
                drop(select(pin!(page(cx, 1)), pin!(cx.sleep(Duration::from_secs(1)))).await);
                return told([page(cx, 2).await]);
            }
            Conduct::TwoRequests => return send_picture(cx, photo).await,
            _ => {}
        }
        let _kept = (self.0 == Conduct::PanicsWhenGivenUp).then(|| Bomb("while given up"));
        self.misbehave(cx).await;
        let (large, small) = (photo.rendition("large")?, photo.rendition("small")?);
        assert_eq!(large.bytes(), b"jpg");
        let puts = [put(cx, "large.jpg", large), put(cx, "small.jpg", small)];
        let done = join_all(puts).await;
        assert!(self.0 != Conduct::PanicsLater, "after the reply");
        cx.info("all is there");
        done.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Receipt::changed().detail(photo.user.remote.clone()))
    }
}

/// Asks for a page, and gives what is on it.
async fn page(cx: &Context, number: u32) -> String {
    let reply = cx.http(HttpRequest::get(format!("https://chat.example.com/{number}"))).await;
    reply.map_or_else(|error| error.text, |reply| reply.text())
}

/// What a small backend does: looks something up, and sends the picture.
async fn send_picture(cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
    let found = page(cx, 1).await;
    let image = Part::file("image", "photo.jpg", photo.rendition("large")?);
    let request = HttpRequest::post("https://chat.example.com/avatar").multipart([Part::field("id", "4711"), image]);
    let reply = cx.http(request).await?;
    Ok(Receipt::changed().detail(found.len() + reply.body().len()))
}

fn told(pages: impl IntoIterator<Item = String>) -> Result<Receipt, Failure> {
    Ok(Receipt::changed().detail(pages.into_iter().collect::<Vec<_>>()))
}

async fn put(cx: &Context, path: &str, rendition: &portraitd_sdk::Rendition) -> Result<(), Failure> {
    let put = cx.put_file("path", path, rendition).await;
    put.map(drop).map_err(|error| Failure::retry(error.text))
}

impl Sample {
    async fn misbehave(&self, cx: &Context) {
        match self.0 {
            Conduct::PanicsAtOnce => panic!("at the first {}", "poll"),
            Conduct::PanicsWithPayload => std::panic::panic_any(Bomb("in the payload")),
            Conduct::PanicsInDrop => drop(Bomb("in a drop")),
            Conduct::WaitsForSomethingElse => std::future::pending().await,
            Conduct::AsksForever => loop {
                drop(cx.sleep(Duration::ZERO).await);
            },
            Conduct::TalksTooMuch => {
                for _ in 0..100_000 {
                    cx.debug(format!("{:?} is not so important", Level::Debug));
                }
            }
            Conduct::Dawdles => std::thread::sleep(Duration::from_millis(80)),
            Conduct::Hangs => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            _ => {}
        }
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        assert!(self.0 != Conduct::PanicsInClose, "while closing");
    }
}

impl Remove for Sample {
    async fn remove(&self, _: &Context, _: &User) -> Result<Receipt, Failure> {
        Ok(Receipt::removed())
    }
}

impl Verify for Sample {
    async fn verify(&self, _: &Context, _: &Photo) -> Result<Receipt, Failure> {
        Ok(Receipt::unchanged())
    }
}

impl Probe for Sample {
    async fn probe(&self, _: &Context) -> Result<(), Failure> {
        Ok(())
    }
}

portraitd_sdk::export!(Sample);
