//! A request as it leaves: secrets and renditions are filled in here and nowhere else.
//!
//! The bytes of renditions are lent to the client and not copied, but for base64.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use portraitd_host::Blob;
use portraitd_sdk::Text;
use portraitd_sdk::message::http::{self, Base64, Body, Content, Field, HttpRequest, Json, Part, Piece};
use portraitd_sdk::message::{EffectError, EffectErrorKind};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::{self, Form};
use reqwest::{Client, Method, Request, RequestBuilder, Url};
use serde_json::Value;

use super::error;
use crate::secrets::Secrets;

/// What the names in a request stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling<'a> {
    /// The backend's secrets.
    pub(crate) secrets: &'a Secrets,
    /// The renditions of the conversation, by the plugin's names.
    pub(crate) renditions: &'a BTreeMap<String, Blob>,
}

/// The media type of every rendition of this version.
const RENDITION: &str = "image/jpeg";

/// Builds the request. It is built anew for every time that it is sent.
pub(super) fn build(client: &Client, request: &HttpRequest, filling: &Filling<'_>) -> Result<Request, EffectError> {
    let method = Method::from_bytes(request.method.word().as_bytes()).expect("the words are methods");
    let builder = client.request(method, url_of(request, filling)?);
    let builder = match &request.body {
        Some(body) => with_body(builder, body, names_mime(request), filling)?,
        None if expects_body(request.method) => builder.header(CONTENT_LENGTH, 0),
        None => builder,
    };
    let built = builder.build();
    let mut built = built.map_err(|why| error(EffectErrorKind::InvalidName, why.to_string()))?;
    set_headers(built.headers_mut(), &request.headers, filling)?;
    Ok(built)
}

/// Whether a request of this method says its length even when it has no body (RFC 9110, section 8.6). Without it, some
/// servers answer 411.
const fn expects_body(method: http::Method) -> bool {
    matches!(method, http::Method::Post | http::Method::Put | http::Method::Patch)
}

fn url_of(request: &HttpRequest, filling: &Filling<'_>) -> Result<Url, EffectError> {
    let url = Url::parse(&request.url);
    let mut url = url.map_err(|why| error(EffectErrorKind::InvalidName, why.to_string()))?;
    for field in &request.query {
        append(&mut url, field, filling)?;
    }
    Ok(url)
}

/// Adds a field to a URL's query, percent-encoded. A space becomes `%20`: every reader of a query understands that, and not
/// every one the `+` of forms.
fn append(url: &mut Url, field: &Field, filling: &Filling<'_>) -> Result<(), EffectError> {
    let filled = fill_text(&field.value, filling)?;
    let value = percent_encoded(&filled.text);
    let before = url.query().filter(|query| !query.is_empty()).map(|query| format!("{query}&")).unwrap_or_default();
    url.set_query(Some(&format!("{before}{}={value}", percent_encoded(&field.name))));
    filled.said(filling, Some(&value));
    Ok(())
}

/// Everything but the unreserved characters (RFC 3986, section 2.3) as `%XX`.
fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn names_mime(request: &HttpRequest) -> bool {
    request.headers.iter().any(|header| header.name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()))
}

fn set_headers(headers: &mut HeaderMap, fields: &[Field], filling: &Filling<'_>) -> Result<(), EffectError> {
    for Field { name, value } in fields {
        let shown = name.escape_debug();
        let wrong = |what| error(EffectErrorKind::InvalidName, format!("the header `{shown}` cannot be sent: {what}"));
        let filled = fill_text(value, filling)?;
        let what = if filled.is_secret { "the secret in it" } else { "its value" };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("that is no name of one".into()))?;
        let mut value = HeaderValue::from_str(&filled.text)
            .map_err(|_| wrong(format!("{what} holds a character that no header may hold")))?;
        value.set_sensitive(filled.is_secret);
        headers.append(name, value);
    }
    Ok(())
}

/// The builder with the body, and the body's media type where the request `has_mime` not.
fn with_body(
    builder: RequestBuilder,
    body: &Body,
    has_mime: bool,
    filling: &Filling<'_>,
) -> Result<RequestBuilder, EffectError> {
    let (content, mime): (reqwest::Body, _) = match body {
        Body::Text(text) => (fill_text(text, filling)?.text.into(), "text/plain; charset=utf-8"),
        Body::Json(json) => (json_text(json, filling)?.into(), "application/json"),
        Body::Form(fields) => (form_text(fields, filling)?.into(), "application/x-www-form-urlencoded"),
        Body::Rendition(bytes) => (lend(bytes, filling)?.into(), RENDITION),
        Body::Multipart(parts) => {
            let form = parts
                .iter()
                .try_fold(Form::new(), |form, part| Ok(form.part(part.name.clone(), made_part(part, filling)?)))?;
            return Ok(builder.multipart(form));
        }
    };
    let builder = builder.body(content);
    Ok(if has_mime { builder } else { builder.header(CONTENT_TYPE, mime) })
}

fn made_part(part: &Part, filling: &Filling<'_>) -> Result<multipart::Part, EffectError> {
    let made = match &part.content {
        Content::Text(text) => multipart::Part::text(fill_text(text, filling)?.text),
        Content::Rendition(bytes) => {
            let bytes = lend(bytes, filling)?;
            let length = bytes.len() as u64;
            multipart::Part::stream_with_length(bytes, length)
        }
    };
    let made = match &part.file_name {
        Some(name) => made.file_name(name.clone()),
        None => made,
    };
    let of_picture = matches!(part.content, Content::Rendition(_)).then_some(RENDITION);
    match part.mime.as_deref().or(of_picture) {
        Some(mime) => made
            .mime_str(mime)
            .map_err(|_| error(EffectErrorKind::InvalidName, format!("`{}` is no media type", mime.escape_debug()))),
        None => Ok(made),
    }
}

fn json_text(json: &Json, filling: &Filling<'_>) -> Result<String, EffectError> {
    let mut value = json.value.clone();
    for (pointer, text) in &json.fill {
        let filled = fill_text(text, filling)?;
        let written = Value::from(filled.text.as_str()).to_string();
        filled.said(filling, Some(written.trim_matches('"')));
        put(&mut value, pointer, Value::from(filled.text));
    }
    Ok(value.to_string())
}

/// Puts a value where a JSON pointer leads. That there is such a place was checked when the plugin asked.
fn put(value: &mut Value, pointer: &str, filled: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = filled;
    } else if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(Value::Object(object)) = value.pointer_mut(parent)
    {
        object.insert(key.replace("~1", "/").replace("~0", "~"), filled);
    }
}

/// `application/x-www-form-urlencoded` (WHATWG URL, section 5), written by the URL's own query.
fn form_text(fields: &[Field], filling: &Filling<'_>) -> Result<String, EffectError> {
    let mut form = Url::parse("http://localhost/").expect("a constant is a URL");
    for Field { name, value } in fields {
        let filled = fill_text(value, filling)?;
        form.query_pairs_mut().append_pair(name, &filled.text);
        filled.said(filling, form.query().and_then(|query| query.rsplit(['=', '&']).next()));
    }
    Ok(form.query().unwrap_or_default().to_owned())
}

/// The bytes of a rendition, lent.
fn lend(bytes: &http::Bytes, filling: &Filling<'_>) -> Result<Bytes, EffectError> {
    let blob = rendition(&bytes.rendition, filling)?;
    let all = Bytes::from_owner(blob);
    match bytes.range {
        None => Ok(all),
        Some((first, end)) => {
            let range = usize::try_from(first).ok().zip(usize::try_from(end).ok());
            let range = range.filter(|(first, end)| first <= end && *end <= all.len());
            let (first, end) = range.ok_or_else(|| error(EffectErrorKind::InvalidName, "the range is outside"))?;
            Ok(all.slice(first..end))
        }
    }
}

fn rendition(name: &str, filling: &Filling<'_>) -> Result<Blob, EffectError> {
    let found = filling.renditions.get(name).cloned();
    found.ok_or_else(|| error(EffectErrorKind::NotFound, format!("there is no rendition `{}`", name.escape_debug())))
}

/// A text that was filled in.
struct Filled {
    text: String,
    is_secret: bool,
}

impl Filled {
    /// Takes note of what stands on the wire in the place of a secret.
    fn said(&self, filling: &Filling<'_>, written: Option<&str>) {
        if let Some(written) = written.filter(|_| self.is_secret) {
            filling.secrets.said(written);
        }
    }
}

/// Puts the pieces of a text together.
fn fill_text(text: &Text, filling: &Filling<'_>) -> Result<Filled, EffectError> {
    let mut filled = Filled { text: String::new(), is_secret: false };
    for piece in &text.0 {
        match piece {
            Piece::Plain(plain) => filled.text.push_str(plain),
            Piece::Secret(secret) => {
                let secret = filling.secrets.reveal(secret).map_err(|why| error(EffectErrorKind::NotFound, why))?;
                filled.text.push_str(&secret);
                filled.is_secret = true;
            }
            Piece::Base64(Base64::Rendition(name)) => filled.text.push_str(&STANDARD.encode(rendition(name, filling)?)),
            Piece::Base64(Base64::Text(inner)) => {
                let inner = fill_text(inner, filling)?;
                let encoded = STANDARD.encode(&inner.text);
                inner.said(filling, Some(&encoded));
                filled.text.push_str(&encoded);
                filled.is_secret |= inner.is_secret;
            }
        }
    }
    Ok(filled)
}
