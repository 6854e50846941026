//! Effects and their replies as people read them: secrets and pictures are named, and control characters escaped.
//!
//! Pure text. Secrets that a system repeats in a reply are for the caller to blank out.

use portraitd_sdk::Text;
use portraitd_sdk::message::http::{Base64, Body, Bytes, Content, Field, HttpRequest, Json, Part, Piece};
use portraitd_sdk::message::memory::{Memory, Recalled, Remember, Remembered};
use portraitd_sdk::message::{Effect, Reply};

use crate::text::escape;

/// The length of a rendition in bytes, by the plugin's name for it.
pub(crate) type Len<'a> = &'a dyn Fn(&str) -> u64;

/// An effect, over one or more lines.
pub(crate) fn effect(effect: &Effect, len: Len<'_>) -> String {
    match effect {
        Effect::FilePut { directory, path, rendition } => {
            format!(
                "write {} ({} bytes) to {} in `{}`",
                escape(rendition),
                len(rendition),
                escape(path),
                escape(directory)
            )
        }
        Effect::FileRemove { directory, path } => format!("remove {} in `{}`", escape(path), escape(directory)),
        Effect::Sleep { ms } => format!("wait {ms} ms"),
        Effect::Http(asked) => request(asked, len),
        Effect::Recall { memory } => format!("recall {}", memory_text(memory)),
        Effect::Remember { memory, value, .. } => {
            let value = match value {
                Remember::Value(value) => escape(value.to_string()),
                Remember::Secret(_) => "a secret".into(),
            };
            format!("remember {}: {value}", memory_text(memory))
        }
        Effect::Forget { memory, .. } => format!("forget {}", memory_text(memory)),
        Effect::Publish { rendition } => format!("publish {} ({} bytes)", escape(rendition), len(rendition)),
    }
}

/// What became of an effect, with the body of a reply that has one.
pub(crate) fn reply(reply: &Reply, body: &str) -> String {
    match reply {
        Reply::FilePut { changed: true } => "written".into(),
        Reply::FilePut { changed: false } => "was there already".into(),
        Reply::FileRemove { existed: true } => "removed".into(),
        Reply::FileRemove { existed: false } => "was not there".into(),
        Reply::Sleep {} => "waited".into(),
        Reply::Http(head) => format!("{} {}", head.status, escape(body)),
        Reply::Recall(Recalled::Missing {}) => "nothing".into(),
        Reply::Recall(Recalled::Found { value, .. }) | Reply::Remember { value, .. } => match value {
            Remembered::Value(value) => escape(value.to_string()),
            Remembered::Secret(secret) => format!("<secret {}>", escape(secret.name())),
        },
        Reply::Forget { forgotten: true } => "forgotten".into(),
        Reply::Forget { forgotten: false } => "it is another one by now".into(),
        Reply::Publish { url } => format!("published as {}", escape(url)),
        Reply::Error(error) => format!("failed: {}", escape(&error.text)),
    }
}

fn memory_text(memory: &Memory) -> String {
    match memory {
        Memory::Backend { key } => escape(key),
        Memory::Delivery { key, rendition, origin } => {
            format!("{} of {} at {}", escape(key), escape(rendition), escape(origin))
        }
    }
}

/// A request over several lines: method and URL, its headers, its body.
pub(crate) fn request(request: &HttpRequest, len: Len<'_>) -> String {
    let mut text = format!("{} {}", request.method.word(), url(request));
    for Field { name, value } in &request.headers {
        text.push_str(&format!("\n    {}: {}", escape(name), shown(value)));
    }
    if let Some(body) = &request.body {
        text.push_str(&format!("\n    {}", body_text(body, len)));
    }
    text
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

fn body_text(body: &Body, len: Len<'_>) -> String {
    match body {
        Body::Text(text) => format!("text: {}", shown(text)),
        Body::Json(json) => format!("json: {}", json_text(json)),
        Body::Form(form) => format!("form: {}", fields(form)),
        Body::Rendition(bytes) => format!("picture: {}", bytes_text(bytes, len)),
        Body::Multipart(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| part_text(part, len)).collect();
            format!("multipart: {}", parts.join("; "))
        }
    }
}

fn json_text(Json { value, fill }: &Json) -> String {
    let filled: Vec<_> = fill.iter().map(|(pointer, text)| format!("{} = {}", escape(pointer), shown(text))).collect();
    let with = if filled.is_empty() { String::new() } else { format!(" with {}", filled.join(", ")) };
    format!("{}{with}", escape(value.to_string()))
}

fn part_text(part: &Part, len: Len<'_>) -> String {
    let name = escape(&part.name);
    let file = part.file_name.as_ref().map(|file| format!("{}, ", escape(file))).unwrap_or_default();
    match &part.content {
        Content::Text(text) => format!("{name}={file}{}", shown(text)),
        Content::Rendition(bytes) => format!("{name}={file}{}", bytes_text(bytes, len)),
    }
}

fn bytes_text(bytes: &Bytes, len: Len<'_>) -> String {
    let name = escape(&bytes.rendition);
    let all = len(&bytes.rendition);
    match bytes.range {
        None => format!("{name} ({all} bytes)"),
        Some((first, end)) => format!("{name} (bytes {first} to {end} of {all})"),
    }
}
