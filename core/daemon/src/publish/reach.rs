//! Whether `publish.url` leads here: a file with a random name is published, fetched by its URL and taken away again. So it
//! goes the way of every picture, and needs no door of its own. Judges nothing else of the configuration.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use portraitd_reconcile::PictureName;
use portraitd_sdk::HttpRequest;
use reqwest::Url;
use rustix::rand::{GetRandomFlags, getrandom};

use super::shelf::{Shelf, file_name};
use super::{Server, url_of};
use crate::metrics::Metrics;
use crate::secrets::Secrets;
use crate::transport::{Filling, Lane, Transport};

/// What was found.
#[derive(Debug)]
pub(crate) struct Reached {
    /// Why the URL does not lead here; none when it does.
    pub(crate) trouble: Option<String>,
    /// Nobody serves pictures: it was done here for the moment.
    pub(crate) alone: bool,
}

/// Tries the URL, with the port as another process serves it or, where it is free, served from here.
pub(crate) async fn reach(road: (SocketAddr, &Url), shelf: &Shelf, transport: &Transport) -> Reached {
    let sample = match Sample::put(shelf) {
        Ok(sample) => sample,
        Err(why) => return Reached { trouble: Some(why), alone: false },
    };
    let fetched = sample.fetch(road.1, transport);
    match Server::take(road, shelf.clone(), Metrics::default()) {
        Ok(server) => {
            let trouble = tokio::select! {
                fetched = fetched => fetched.err(),
                never = server.serve(|| ()) => match never {},
            };
            Reached { trouble, alone: true }
        }
        // Most likely the daemon.
        Err(error) if error.kind() == ErrorKind::AddrInUse => Reached { trouble: fetched.await.err(), alone: false },
        Err(error) => {
            let trouble = format!("publish.listen {} cannot be opened: {error}", road.0);
            Reached { trouble: Some(trouble), alone: true }
        }
    }
}

/// A file that is published for a moment. A daemon that starts meanwhile takes it for a leftover.
struct Sample<'a> {
    shelf: &'a Shelf,
    name: PictureName,
    content: String,
}

impl<'a> Sample<'a> {
    fn put(shelf: &'a Shelf) -> Result<Self, String> {
        let (name, content) = (random()?, random()?.to_string());
        shelf.put(&name, content.as_bytes()).map_err(|trouble| trouble.text)?;
        Ok(Self { shelf, name, content })
    }

    async fn fetch(&self, url: &Url, transport: &Transport) -> Result<(), String> {
        let request = HttpRequest::get(url_of(url, &file_name(&self.name)));
        let filling = Filling { secrets: &Secrets::default(), renditions: &Default::default() };
        let answered = transport.send(&Lane::new(PATIENCE, Duration::ZERO), &request, &filling).await;
        match answered {
            Ok((reply, body)) if reply.status == 200 && body == self.content.as_bytes() => Ok(()),
            Ok((reply, _)) if reply.status == 200 => Err("something else answers there".into()),
            Ok((reply, _)) => Err(format!("what answers there says {}", reply.status)),
            Err(unanswered) => Err(unanswered.error.text),
        }
    }
}

impl Drop for Sample<'_> {
    fn drop(&mut self) {
        self.shelf.take_down(&self.name);
    }
}

fn random() -> Result<PictureName, String> {
    let mut bytes = [0; 32];
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|errno| errno.to_string())?;
    Ok(PictureName::from_bytes(bytes))
}

const PATIENCE: Duration = Duration::from_secs(10);
