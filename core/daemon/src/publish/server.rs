//! Serves published pictures over HTTP to whoever knows their names, and nothing else: no listing, no other file, no word
//! about users. Decides nothing about what is published.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, TryStream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use portraitd_reconcile::PictureName;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tracing::{debug, error, info};

use super::Outage;
use super::answer::Answer;
use super::shelf::{Shelf, picture_name};
use crate::metrics::Metrics;
use crate::port::{self, House};

/// What serves the pictures of a shelf.
#[derive(Debug)]
pub(crate) struct Server {
    listen: SocketAddr,
    /// None when the port could not be had.
    listener: Option<StdTcpListener>,
    outage: Outage,
    pictures: Pictures,
}

/// What is answered from. Cheap to clone.
#[derive(Clone, Debug)]
struct Pictures {
    shelf: Shelf,
    /// The path of the URL. A web server in between may take it off, or not.
    prefix: Arc<str>,
    metrics: Metrics,
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

impl Server {
    /// Takes the port. Where that cannot be had, the outage says so: systems must not be told of what does not answer.
    pub(crate) fn open(road: (SocketAddr, &Url), shelf: Shelf, outage: Outage, metrics: Metrics) -> Self {
        let listen = road.0;
        let opened = bind(listen);
        match &opened {
            Ok(_) => info!(%listen, "published pictures are served"),
            Err(error) => {
                error!(
                    %listen, %error,
                    "the port of published pictures cannot be opened: backends that tell systems of pictures wait; another \
                     program may use it: set publish.listen to a free port; it is tried again every 10 s"
                );
                outage.begin(format!("publish.listen {listen} cannot be opened: {error}"));
            }
        }
        Self { listen, listener: opened.ok(), outage, pictures: Pictures::new(road.1, shelf, metrics) }
    }

    /// Takes the port.
    ///
    /// # Errors
    /// When it cannot be had.
    pub(super) fn take(road: (SocketAddr, &Url), shelf: Shelf, metrics: Metrics) -> io::Result<Self> {
        let listener = Some(bind(road.0)?);
        let pictures = Pictures::new(road.1, shelf, metrics);
        Ok(Self { listen: road.0, listener, outage: Outage::default(), pictures })
    }

    /// Serves until it is dropped. Where the port could not be had, it is tried again, and `tell` is called when it is had
    /// at last.
    pub(crate) async fn serve(mut self, tell: impl FnOnce()) -> Infallible {
        let listener = match self.listener.take().and_then(|listener| TcpListener::from_std(listener).ok()) {
            Some(listener) => listener,
            None => {
                let listener = self.listen().await;
                info!(listen = %self.listen, "published pictures are served");
                self.outage.end();
                tell();
                listener
            }
        };
        let pictures = self.pictures;
        let answer = move |request| {
            let pictures = pictures.clone();
            async move { pictures.answer::<Incoming>(&request).await }
        };
        port::serve(listener, HOUSE, answer).await
    }

    async fn listen(&self) -> TcpListener {
        loop {
            match TcpListener::bind(self.listen).await {
                Ok(listener) => return listener,
                Err(error) => debug!(%error, "the port of published pictures still cannot be opened"),
            }
            sleep(AGAIN_AFTER).await;
        }
    }
}

fn bind(listen: SocketAddr) -> io::Result<StdTcpListener> {
    let listener = StdTcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Pictures {
    fn new(url: &Url, shelf: Shelf, metrics: Metrics) -> Self {
        Self { shelf, prefix: url.path().trim_end_matches('/').into(), metrics }
    }

    async fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let response = self.response(request).await;
        self.metrics.fetched(response.status().as_u16());
        response
    }

    async fn response<B>(&self, request: &Request<B>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = bare(StatusCode::METHOD_NOT_ALLOWED);
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let Some(name) = self.named(request.uri().path()) else { return bare(StatusCode::NOT_FOUND) };
        let (file, length) = match self.open(name).await {
            Ok(Some(found)) => found,
            Ok(None) => return bare(StatusCode::NOT_FOUND),
            Err(error) => {
                error!(%error, "a published picture cannot be read");
                return bare(StatusCode::INTERNAL_SERVER_ERROR);
            }
        };
        let etag = format!("\"{name}\"");
        let answer = Answer::to(request.method(), request.headers(), &etag, length);
        let (first, count) = answer.span(length);
        let body = if *request.method() == Method::HEAD { nothing() } else { pieces(file, first, first + count) };
        answer.response(&etag, length, body)
    }

    fn named(&self, path: &str) -> Option<PictureName> {
        let path = path.strip_prefix(&*self.prefix).unwrap_or(path);
        picture_name(path.strip_prefix('/')?)
    }

    async fn open(&self, name: PictureName) -> io::Result<Option<(File, u64)>> {
        let shelf = self.shelf.clone();
        blocking(move || shelf.read(&name)).await
    }
}

/// An answer that says no more than its status.
fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(nothing());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// The bytes of a file from `at` to `end`, a piece in memory at a time.
fn pieces(file: File, at: u64, end: u64) -> Body {
    if at == end { nothing() } else { StreamBody::new(frames(Arc::new(file), at, end)).boxed_unsync() }
}

fn frames(
    file: Arc<File>,
    at: u64,
    end: u64,
) -> impl TryStream<Ok = Frame<Bytes>, Error = io::Error, Item = io::Result<Frame<Bytes>>> {
    stream::try_unfold(at, move |at| {
        let file = Arc::clone(&file);
        async move {
            let length = (end - at).min(PIECE);
            if length == 0 {
                return Ok(None);
            }
            let piece = blocking(move || {
                let mut piece = vec![0; usize::try_from(length).expect("a piece is small")];
                file.read_exact_at(&mut piece, at).map(|()| piece)
            });
            Ok(Some((Frame::data(piece.await?.into()), at + length)))
        }
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(io::Error::other("portraitd is stopping")))
}

/// Most pictures are one or two pieces.
const PIECE: u64 = 128 << 10;
/// 25 MB within this are 1.7 Mbit/s.
const HOUSE: House = House { name: "publish", places: 64, within: Duration::from_secs(120) };
const AGAIN_AFTER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
