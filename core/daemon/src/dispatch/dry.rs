//! A dry run: what would be sent or written, as lines for a person, with the replies that the plugin's examples show.
//!
//! Sends and writes nothing, and reads no secret.

use std::sync::{Arc, Mutex, PoisonError};

use portraitd_sdk::Text;
use portraitd_sdk::message::http::{Base64, Body, Bytes, Content, Field, HttpReply, HttpRequest, Json, Part, Piece};
use portraitd_sdk::message::{Example, Reply};
use reqwest::Url;

use crate::backends::Channel;
use crate::dispatch::performer::Performed;
use crate::text::escape;
use crate::transport::Filling;

/// The lines of a dry run. Clones write into the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct DryRun(Arc<Mutex<Vec<String>>>);

impl DryRun {
    /// What was shown until now, in that order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a line about a backend.
    pub(crate) fn show(&self, channel: &Channel, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {line}", channel.backend));
    }

    /// Shows a request, and gives the reply that is assumed.
    pub(crate) fn exchange(&self, channel: &Channel, request: &HttpRequest, filling: &Filling<'_>) -> Performed {
        let (reply, body) = assumed(&channel.examples, request);
        let mut text = format!("would send {} {}", request.method.word(), url(request));
        for Field { name, value } in &request.headers {
            text.push_str(&format!("\n    {}: {}", escape(name), shown(value)));
        }
        if let Some(body) = &request.body {
            text.push_str(&format!("\n    {}", body_text(body, filling)));
        }
        text.push_str(&format!("\n  assumed: {} {}", reply.status, escape(&body)));
        self.show(channel, text);
        (Reply::Http(reply), body.into_bytes())
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

fn url(request: &HttpRequest) -> String {
    let mark = if request.url.contains('?') { "&" } else { "?" };
    let query = if request.query.is_empty() { String::new() } else { format!("{mark}{}", fields(&request.query)) };
    format!("{}{query}", escape(&request.url))
}

fn fields(fields: &[Field]) -> String {
    let field = |Field { name, value }: &Field| format!("{}={}", escape(name), shown(value));
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

/// A text with what the host fills in named, and not filled in.
fn shown(text: &Text) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(plain) => escape(plain),
        Piece::Secret(secret) => format!("<secret {}>", escape(secret.name())),
        Piece::Base64(Base64::Rendition(name)) => format!("<base64 of {}>", escape(name)),
        Piece::Base64(Base64::Text(text)) => format!("<base64 of {}>", shown(text)),
    };
    text.0.iter().map(piece).collect()
}

fn body_text(body: &Body, filling: &Filling<'_>) -> String {
    match body {
        Body::Text(text) => format!("text: {}", shown(text)),
        Body::Json(json) => format!("json: {}", json_text(json)),
        Body::Form(form) => format!("form: {}", fields(form)),
        Body::Rendition(bytes) => format!("picture: {}", bytes_text(bytes, filling)),
        Body::Multipart(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| part_text(part, filling)).collect();
            format!("multipart: {}", parts.join("; "))
        }
    }
}

fn json_text(Json { value, fill }: &Json) -> String {
    let filled: Vec<_> = fill.iter().map(|(pointer, text)| format!("{} = {}", escape(pointer), shown(text))).collect();
    let with = if filled.is_empty() { String::new() } else { format!(" with {}", filled.join(", ")) };
    format!("{}{with}", escape(value.to_string()))
}

fn part_text(part: &Part, filling: &Filling<'_>) -> String {
    let name = escape(&part.name);
    let file = part.file_name.as_ref().map(|file| format!("{}, ", escape(file))).unwrap_or_default();
    match &part.content {
        Content::Text(text) => format!("{name}={file}{}", shown(text)),
        Content::Rendition(bytes) => format!("{name}={file}{}", bytes_text(bytes, filling)),
    }
}

fn bytes_text(bytes: &Bytes, filling: &Filling<'_>) -> String {
    let name = escape(&bytes.rendition);
    let all = filling.renditions.get(&bytes.rendition).map_or(0, |blob| blob.len());
    match bytes.range {
        None => format!("{name} ({all} bytes)"),
        Some((first, end)) => format!("{name} (bytes {first} to {end} of {all})"),
    }
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
