//! Ports of TCP on which HTTP is answered: how many may ask at a time, and how long each has. Knows no path and no answer.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::control::continue_panic;

/// What visitors of a port are given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct House {
    /// How the log calls the port.
    pub(crate) name: &'static str,
    /// How many connections are open at a time; further ones wait in the kernel's queue.
    pub(crate) places: usize,
    /// How long a connection may last, so that nobody keeps a place by taking the answer slowly. It is for one request.
    pub(crate) within: Duration,
}

/// Answers until it is dropped. A panic of an answer goes on in the caller.
pub(crate) async fn serve<A, F, B>(listener: TcpListener, house: House, answer: A) -> Infallible
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        // Both branches may be dropped halfway: neither has taken a connection or a result then.
        tokio::select! {
            Some(ended) = open.join_next() => continue_panic(ended),
            accepted = listener.accept(), if open.len() < house.places => match accepted {
                Ok((stream, _)) => drop(open.spawn(attend(stream, house, answer.clone()))),
                Err(error) => wait_after(&error, house.name).await,
            },
        }
    }
}

/// One request. What goes wrong with a connection is the other end's trouble, and worth no line.
async fn attend<A, F, B>(stream: TcpStream, house: House, answer: A)
where
    A: Fn(Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<B>> + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let service = service_fn(move |request| {
        let answered = answer(request);
        async { Ok::<_, Infallible>(answered.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .max_buf_size(HEADER_BYTES)
        // A visitor that stays would keep others out; one that has said all may close its side.
        .keep_alive(false)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(house.within, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(port = house.name, %error, "failed to answer"),
        Err(_) => debug!(port = house.name, "a connection was closed: it took too long"),
    }
}

/// Out of descriptors, most likely: the connection still waits, so to go on at once would be a busy loop.
async fn wait_after(error: &io::Error, name: &str) {
    warn!(port = name, %error, "failed to take a connection");
    sleep(Duration::from_millis(100)).await;
}

/// The least that hyper takes.
const HEADER_BYTES: usize = 8 << 10;
const HEADER_WITHIN: Duration = Duration::from_secs(10);
