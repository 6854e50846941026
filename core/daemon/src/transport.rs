//! The one place that talks to backends over the network: how connections are made and trusted, how long anything may
//! take, how fast requests may follow each other, and what the wire's troubles are called.
//!
//! Follows no redirect, keeps no cookie, uses no proxy of the environment and decompresses nothing. Knows no plugin, no
//! user and no photo, and decides nothing about deliveries.

mod connections;
mod lane;
mod reply;
mod request;
mod trouble;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portraitd_sdk::message::http::{HttpReply, HttpRequest};
use portraitd_sdk::message::{EffectError, EffectErrorKind};
use reqwest::{Client, Proxy};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::config::HttpConfig;
use crate::report::{Exit, Trouble};
use crate::text::escape;
use connections::{Connections, Resolver};
pub(crate) use lane::Lane;
pub(crate) use request::Filling;

/// How long it may take until a connection stands, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long a system may be silent: before its reply, while it takes the request in, and between two pieces of the reply.
const SILENT_AT_MOST: Duration = Duration::from_secs(15);

/// Many balancers close idle connections after 60 s; a connection that both sides take for open is a lost request.
const IDLE_AT_MOST: Duration = Duration::from_secs(30);

/// What the total limit of a request is given on top, should the client's own clock not strike.
const SLACK: Duration = Duration::from_secs(5);

/// Sends requests, over connections that all of them share.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client,
}

impl Transport {
    /// A transport by the configuration's `[http]`.
    ///
    /// # Errors
    /// When the file of certificates cannot be used.
    pub(crate) fn new(config: &HttpConfig) -> Result<Self, Trouble> {
        let builder = Client::builder()
            .user_agent(concat!("portraitd/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENT_AT_MOST)
            .pool_idle_timeout(IDLE_AT_MOST)
            .dns_resolver(Arc::new(Resolver::default()))
            .connector_layer(Connections)
            .tls_backend_preconfigured(tls(config.ca_file.as_deref())?);
        let builder = match &config.proxy {
            Some(url) => builder.proxy(Proxy::all(url.clone()).map_err(|error| unusable().caused_by(&error))?),
            None => builder,
        };
        Ok(Self { client: builder.build().map_err(|error| unusable().caused_by(&error))? })
    }

    /// Sends a request over a backend's lane, and reads the whole reply with its body. The caller has taken a
    /// [turn](Lane::turn) for it.
    ///
    /// A reset before any byte of a reply on a connection that was used before is the trouble of the connection and not
    /// of the request, which is sent once more, once.
    ///
    /// # Errors
    /// Why there is no whole reply, and whether the request may have reached the system.
    pub(crate) async fn send(
        &self,
        lane: &Lane,
        request: &HttpRequest,
        filling: &Filling<'_>,
    ) -> Result<(HttpReply, Vec<u8>), Unanswered> {
        let exchanged = self.exchange(lane, request, filling).await;
        let Err(first @ Unanswered { stale: true, .. }) = exchanged else { return exchanged };
        lane.turn().await;
        let again = self.exchange(lane, request, filling).await;
        // That the second did not reach the system says nothing of the first.
        again.map_err(|second| Unanswered { uncertain: first.uncertain || second.uncertain, ..second })
    }

    async fn exchange(
        &self,
        lane: &Lane,
        request: &HttpRequest,
        filling: &Filling<'_>,
    ) -> Result<(HttpReply, Vec<u8>), Unanswered> {
        let mut built = request::build(&self.client, request, filling).map_err(Unanswered::not_sent)?;
        let (method, origin) = (request.method, built.url().origin().ascii_serialization());
        *built.timeout_mut() = Some(lane.timeout());
        let exchange = connections::watched(async {
            let response = self.client.execute(built).await.map_err(trouble::of)?;
            reply::read(response).await
        });
        let (outcome, is_fresh) = match tokio::time::timeout(lane.timeout() + SLACK, exchange).await {
            Ok(told) => told,
            Err(_) => (Err(trouble::silence()), true),
        };
        match outcome {
            Ok((reply, body)) => {
                lane.heard(&reply);
                Ok((reply, body))
            }
            Err(found) => Err(found.told(&origin, method, is_fresh)),
        }
    }
}

/// A transport that is made when it is needed: the certificates of the system take some megabytes.
#[derive(Debug)]
pub(crate) struct Lazy {
    config: HttpConfig,
    made: OnceLock<Transport>,
}

impl Lazy {
    /// One by the configuration's `[http]`.
    pub(crate) fn new(config: &HttpConfig) -> Self {
        Self { config: config.clone(), made: OnceLock::new() }
    }

    /// The transport.
    ///
    /// # Errors
    /// As [`Transport::new`].
    pub(crate) fn get(&self) -> Result<&Transport, Trouble> {
        match self.made.get() {
            Some(transport) => Ok(transport),
            None => {
                let transport = Transport::new(&self.config)?;
                Ok(self.made.get_or_init(|| transport))
            }
        }
    }
}

/// A request without a whole reply.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// What the plugin is told.
    pub(crate) error: EffectError,
    /// Whether the system may have done what it was asked to all the same.
    pub(crate) uncertain: bool,
    /// Whether the system could not be reached, or not be heard to the end.
    pub(crate) unreachable: bool,
    /// A connection that was used before was reset before any byte of a reply.
    stale: bool,
}

impl Unanswered {
    /// It never left: something that it names is not there.
    pub(crate) fn not_sent(error: EffectError) -> Self {
        Self { error, uncertain: false, unreachable: false, stale: false }
    }
}

/// The system's own roots, and those of the file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, Trouble> {
    let mut roots = RootCertStore::empty();
    // What cannot be read or parsed of the system's own is left out: one odd certificate must not stop the others.
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if let Some(file) = ca_file {
        add_file(&mut roots, file).map_err(|why| {
            Trouble::new(Exit::Config, format!("failed to use http.ca-file `{}`", escape(file)))
                .because(why)
                .hint("it must hold certificates in PEM: -----BEGIN CERTIFICATE----- ...")
        })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| unusable().caused_by(&error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let pem = fs::read(file).map_err(|error: io::Error| error.to_string())?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        count += 1;
    }
    if count == 0 { Err("there is no certificate in it".into()) } else { Ok(()) }
}

fn unusable() -> Trouble {
    Trouble::new(Exit::Config, "failed to prepare HTTP")
}

/// An effect's error.
fn error(kind: EffectErrorKind, text: impl Into<String>) -> EffectError {
    EffectError { kind, text: text.into() }
}

#[cfg(test)]
mod tests;
