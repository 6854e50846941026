//! A dry run: what would be sent or written, as lines for a person, with the replies that the plugin's examples show.
//!
//! Sends and writes nothing, and reads no secret.

use std::sync::{Arc, Mutex, PoisonError};

use portraitd_sdk::message::Example;
use portraitd_sdk::message::http::{HttpReply, HttpRequest};
use reqwest::Url;

use crate::backends::Channel;
use crate::config::PublishConfig;
use crate::dispatch::wording;
use crate::publish::url_of;
use crate::text::escape;
use crate::transport::Filling;

/// The lines of a dry run. Clones write into the same.
#[derive(Clone, Debug)]
pub(crate) struct DryRun {
    lines: Arc<Mutex<Vec<String>>>,
    /// Where pictures would be published.
    published_at: Url,
}

impl DryRun {
    /// One that has shown nothing.
    pub(crate) fn new(config: &PublishConfig) -> Self {
        let nowhere = || Url::parse("https://photos.invalid").expect("this is a URL");
        let published_at = config.road().map_or_else(nowhere, |(_, url)| url.clone());
        Self { lines: Arc::default(), published_at }
    }

    /// What was shown until now, in that order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a line about a backend.
    pub(crate) fn show(&self, channel: &Channel, line: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {line}", channel.backend));
    }

    /// The URL that is assumed for a rendition. What would be its name is a secret.
    pub(crate) fn assumed_url(&self, rendition: &str) -> String {
        url_of(&self.published_at, &format!("assumed/{rendition}.jpg"))
    }

    /// Shows a request, and gives the reply that is assumed.
    pub(crate) fn exchange(
        &self,
        channel: &Channel,
        request: &HttpRequest,
        filling: &Filling<'_>,
    ) -> (HttpReply, Vec<u8>) {
        let (reply, body) = assumed(&channel.examples, request);
        let len = |name: &str| filling.renditions.get(name).map_or(0, |blob| blob.len() as u64);
        let asked = wording::request(request, &len);
        self.show(channel, format!("would send {asked}\n  assumed: {} {}", reply.status, escape(&body)));
        (reply, body.into_bytes())
    }
}

/// The first example that fits the request, or a 200 that says nothing.
fn assumed(examples: &[Example], request: &HttpRequest) -> (HttpReply, String) {
    let path = Url::parse(&request.url).map(|url| url.path().to_owned()).unwrap_or_default();
    let fits = |example: &&Example| example.method == request.method && ends_like(&path, &example.path);
    let reply = |status, headers| HttpReply { status, headers, blob: 0, retry_after_ms: None };
    match examples.iter().find(fits) {
        Some(Example { status, headers, body, .. }) => (reply(*status, headers.clone()), body.clone()),
        None => (reply(200, Vec::new()), String::new()),
    }
}

/// Whether the last parts of a path are those of a pattern, in which `*` stands for any one part.
fn ends_like(path: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let wanted: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let Some(skipped) = parts.len().checked_sub(wanted.len()) else { return false };
    wanted.iter().zip(&parts[skipped..]).all(|(wanted, part)| *wanted == "*" || wanted == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_like_its_pattern() {
        for (path, pattern, fits) in [
            ("/api/v1/me", "/api/v1/me", true),
            ("/chat/api/v1/me", "/api/v1/me", true),
            ("/api/users/7/avatar", "/users/*/avatar", true),
            ("/api/users/avatar", "/users/*/avatar", false),
            ("/me", "/api/v1/me", false),
            ("/", "*", false),
        ] {
            assert_eq!(ends_like(path, pattern), fits, "{path} {pattern}");
        }
    }
}
