//! The admin port: whether the daemon is well, its counts and its metrics, over HTTP for monitors and service managers.
//!
//! Read-only, without a password, and so it tells counts and the names of backends alone: no user, no file and no photo.
//! What changes something goes through the control socket.

mod host;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::config::Listen;
use crate::controller::Event;
use crate::glance::Glance;
use crate::metrics::{self, Metrics};
use crate::port::{self, House};

/// What the admin port answers from. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    host: Arc<str>,
    port: u16,
    metrics: Metrics,
    events: mpsc::UnboundedSender<Event>,
    /// How long the loop may take to answer.
    patience: Duration,
}

impl Admin {
    /// An admin port that asks the loop by `events`; none where it is switched off.
    pub(crate) fn new(listen: &Listen, metrics: Metrics, events: mpsc::UnboundedSender<Event>) -> Option<Self> {
        let Listen::At { host, port } = listen else { return None };
        Some(Self { host: host.as_str().into(), port: *port, metrics, events, patience: LOOP_WITHIN })
    }

    /// Answers until it is dropped. Where the port cannot be had, a warning says so and it is tried again every minute:
    /// photos are delivered without it.
    ///
    /// A panic of an answer goes on in the caller.
    pub(crate) async fn serve(self) -> Infallible {
        let listener = self.listen(BIND_AGAIN_AFTER).await;
        let answer = move |request| {
            let admin = self.clone();
            async move { admin.answer(&request).await }
        };
        port::serve(listener, HOUSE, answer).await
    }

    async fn listen(&self, again_after: Duration) -> TcpListener {
        let mut warned = false;
        loop {
            match self.bind().await {
                Ok((listener, address)) => {
                    say_where(address);
                    return listener;
                }
                Err(error) if warned => debug!(%error, "the admin port still cannot be opened"),
                Err(error) => warn!(
                    host = &*self.host, port = self.port, %error,
                    "the admin port cannot be opened: nobody can ask for health and metrics; another program may use it: \
                     set admin.listen to a free port or to \"off\"; it is tried again every minute"
                ),
            }
            warned = true;
            sleep(again_after).await;
        }
    }

    async fn bind(&self) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((&*self.host, self.port)).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let answer = match self.refusal(request) {
            Some(refused) => refused,
            None => self.page(request.uri().path()).await,
        };
        answer.into_response()
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Answer> {
        if let Err((status, sentence)) = host::check(request.uri(), request.headers(), &self.host) {
            Some(Answer::text(status, sentence))
        } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
            Some(Answer::text(StatusCode::METHOD_NOT_ALLOWED, "here things are only read: GET or HEAD"))
        } else if !request.body().is_end_stream() {
            Some(Answer::text(StatusCode::BAD_REQUEST, "a request here has no body"))
        } else {
            None
        }
    }

    async fn page(&self, path: &str) -> Answer {
        match path {
            "/healthz" => self.ask(Event::Pinged).await.map_or_else(silent, |()| Answer::text(StatusCode::OK, "ok")),
            "/readyz" => self.ask(Event::Glanced).await.map_or_else(silent, |glance| readiness(&glance)),
            "/status" => self.ask(Event::Glanced).await.map_or_else(silent, |glance| status(&glance)),
            "/metrics" => self.ask(Event::Glanced).await.map_or_else(silent, |glance| self.measures(&glance)),
            _ => Answer::text(StatusCode::NOT_FOUND, "there are /healthz, /readyz, /status and /metrics"),
        }
    }

    /// Asks the loop itself: what it owns is behind no lock, and an answer proves that it turns.
    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Event) -> Result<T, &'static str> {
        let (reply, answer) = oneshot::channel();
        self.events.send(question(reply)).map_err(|_| STOPPING)?;
        timeout(self.patience, answer).await.map_err(|_| STUCK)?.map_err(|_| STOPPING)
    }

    fn measures(&self, glance: &Glance) -> Answer {
        Answer { status: StatusCode::OK, media_type: metrics::MEDIA_TYPE, body: self.metrics.page(glance) }
    }
}

fn silent(sentence: &'static str) -> Answer {
    Answer::text(StatusCode::SERVICE_UNAVAILABLE, sentence)
}

fn readiness(glance: &Glance) -> Answer {
    let reasons = glance.unready();
    if reasons.is_empty() {
        Answer::text(StatusCode::OK, "ok")
    } else {
        Answer::text(StatusCode::SERVICE_UNAVAILABLE, &reasons.join("\n"))
    }
}

fn status(glance: &Glance) -> Answer {
    Answer { status: StatusCode::OK, media_type: "application/json", body: format!("{}\n", glance.counts()) }
}

/// What is said in return for one request.
struct Answer {
    status: StatusCode,
    media_type: &'static str,
    body: String,
}

impl Answer {
    fn text(status: StatusCode, text: &str) -> Self {
        Self { status, media_type: "text/plain; charset=utf-8", body: format!("{text}\n") }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

fn say_where(address: SocketAddr) {
    info!(%address, "the admin port answers");
    if !address.ip().is_loopback() {
        warn!(%address, "the admin port is open to the network: whoever reaches it may read counts, without a password");
    }
}

const STOPPING: &str = "portraitd is stopping";
const STUCK: &str = "portraitd runs, and its loop has not answered for 5 s";

const HOUSE: House = House { name: "admin", places: 16, within: Duration::from_secs(30) };
const LOOP_WITHIN: Duration = Duration::from_secs(5);
const BIND_AGAIN_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
