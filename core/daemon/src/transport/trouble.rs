//! What went wrong on the wire, in the words that plugins and people know.

use std::error::Error;
use std::io;

use portraitd_sdk::Method;
use portraitd_sdk::message::EffectErrorKind;

use super::connections::NoAddress;
use super::{CONNECT_WITHIN, Unanswered, error};

/// Why an exchange has no whole reply.
#[derive(Debug)]
pub(super) struct Found {
    kind: EffectErrorKind,
    why: String,
    /// Not a byte of a reply came.
    before_reply: bool,
}

impl Found {
    /// A reply that began and is not whole.
    pub(super) fn within_reply(kind: EffectErrorKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into(), before_reply: false }
    }

    /// What the plugin and the daemon are told.
    pub(super) fn told(self, origin: &str, method: Method, is_fresh: bool) -> Unanswered {
        let text = format!("no whole answer from {origin}: {}", self.why);
        let was_sent = !matches!(self.kind, EffectErrorKind::Connect | EffectErrorKind::Dns | EffectErrorKind::Tls);
        Unanswered {
            error: error(self.kind, text),
            uncertain: was_sent && !method.is_safe(),
            unreachable: self.kind != EffectErrorKind::TooLarge,
            stale: !is_fresh && self.before_reply && self.kind == EffectErrorKind::Closed,
        }
    }
}

/// The total time is over.
pub(super) fn silence() -> Found {
    Found { kind: EffectErrorKind::Timeout, why: "it took too long".into(), before_reply: false }
}

/// An error of the client before there was a head of a reply.
pub(super) fn of(error: reqwest::Error) -> Found {
    let before_reply = true;
    let chain: Vec<&(dyn Error + 'static)> = chain(&error).collect();
    let found = |kind, why: String| Found { kind, why, before_reply };
    if let Some(name) = chain.iter().find_map(|link| link.downcast_ref::<NoAddress>()) {
        return found(EffectErrorKind::Dns, name.to_string());
    }
    if let Some(tls) = chain.iter().find_map(|link| tls_of(*link)) {
        return found(EffectErrorKind::Tls, format!("TLS failed: {tls}"));
    }
    if error.is_connect() {
        let why = match error.is_timeout() {
            true => format!("no connection within {} s", CONNECT_WITHIN.as_secs()),
            false => last(&chain),
        };
        return found(EffectErrorKind::Connect, why);
    }
    if error.is_timeout() {
        return found(EffectErrorKind::Timeout, "it did not answer in time".into());
    }
    if chain.iter().any(|link| link.downcast_ref().is_some_and(hyper::Error::is_parse)) {
        return found(EffectErrorKind::Protocol, format!("what it sent is no HTTP: {}", last(&chain)));
    }
    found(EffectErrorKind::Closed, last(&chain))
}

/// An error of the client within the body.
pub(super) fn within_body(error: &reqwest::Error) -> Found {
    match error.is_timeout() {
        true => Found::within_reply(EffectErrorKind::Timeout, "it did not send all of its answer in time"),
        false => Found::within_reply(EffectErrorKind::Closed, last(&chain(error).collect::<Vec<_>>())),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// TLS errors come wrapped into errors of I/O, and those at times into each other.
fn tls_of<'a>(link: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = || link.downcast_ref::<io::Error>()?.get_ref().and_then(|inner| tls_of(inner));
    link.downcast_ref().or_else(wrapped)
}

/// The innermost cause: what the system said.
fn last(chain: &[&(dyn Error + 'static)]) -> String {
    chain.last().map(ToString::to_string).unwrap_or_default()
}
