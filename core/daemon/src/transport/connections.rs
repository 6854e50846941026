//! Making connections: names to addresses without blocking others, and knowing whether a request went over a fresh one.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tower_layer::Layer;
use tower_service::Service;

/// How many lookups of one name may wait for the system's resolver at a time. Each takes a thread, and those of a name
/// that does not resolve must not take them all.
const LOOKUPS: usize = 2;

tokio::task_local! {
    /// Whether a connection was made for the request of this task.
    static IS_FRESH: Cell<bool>;
}

/// Runs an exchange, and says whether a connection was made for it.
///
/// It was not when the exchange got a connection that was idle before; the client does not tell that by itself. When a
/// connection becomes idle while another is being made, the exchange takes the idle one, and the other is finished by a
/// task of its own, which counts for nobody.
pub(super) async fn watched<T>(exchange: impl Future<Output = T>) -> (T, bool) {
    IS_FRESH
        .scope(Cell::new(false), async {
            let outcome = exchange.await;
            (outcome, IS_FRESH.with(Cell::get))
        })
        .await
}

/// The layer around the client's connector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connections;

impl<S> Layer<S> for Connections {
    type Service = Connecting<S>;

    fn layer(&self, inner: S) -> Connecting<S> {
        Connecting(inner)
    }
}

/// A connector that notes what it made.
#[derive(Clone, Debug)]
pub(super) struct Connecting<S>(S);

impl<S, R> Service<R> for Connecting<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connected = connecting.await;
            // Outside of an exchange it is a connection that nobody waits for any more.
            IS_FRESH.try_with(|fresh| fresh.set(true)).ok();
            connected
        })
    }
}

/// The system's resolver.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    names: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// A name without an address.
#[derive(Debug)]
pub(super) struct NoAddress(String);

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoAddress {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let turns = {
            // The names are those of the configured backends, so the map stays small.
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(names.entry(name.clone()).or_insert_with(|| Arc::new(Semaphore::new(LOOKUPS))))
        };
        Box::pin(async move {
            let _turn = turns.acquire().await.expect("the semaphore is never closed");
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| NoAddress(format!("the name {name} has no address: {error}")))?;
            let addresses: Addrs = Box::new(found.collect::<Vec<_>>().into_iter());
            Ok(addresses)
        })
    }
}
