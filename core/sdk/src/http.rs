//! Requests as an author words them, and what a reply's status means for a delivery.
//!
//! Nothing here sends anything: a request is data, and [`Context::http`](crate::Context::http) hands it to the host.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::{Failure, Verdict};
use crate::message::http::{Body, Bytes, Content, Field, Header, HttpReply, HttpRequest, Json, Method, Part, Text};
use crate::message::{EffectError, EffectErrorKind};
use crate::photo::Rendition;

/// How much of a reply's body is repeated in a reason, in characters.
const QUOTED: usize = 200;

impl HttpRequest {
    /// A request without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), query: Vec::new(), headers: Vec::new(), body: None }
    }

    /// `GET url`
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// `POST url`
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// `PUT url`
    pub fn put(url: impl Into<String>) -> Self {
        Self::new(Method::Put, url)
    }

    /// `PATCH url`
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new(Method::Patch, url)
    }

    /// `DELETE url`
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new(Method::Delete, url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Text>) -> Self {
        self.headers.push(Field { name: name.into(), value: value.into() });
        self
    }

    /// Adds a field to the query.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<Text>) -> Self {
        self.query.push(Field { name: name.into(), value: value.into() });
        self
    }

    /// The body is a text.
    #[must_use]
    pub fn text(self, text: impl Into<Text>) -> Self {
        self.body(Body::Text(text.into()))
    }

    /// The body is a JSON value.
    #[must_use]
    pub fn json(self, value: impl Into<Value>) -> Self {
        self.body(Body::Json(Json { value: value.into(), fill: Default::default() }))
    }

    /// Puts a text that only the host knows, such as a secret, into the JSON body, where a JSON pointer (RFC 6901)
    /// leads.
    ///
    /// ```
    /// # use portraitd_sdk::{HttpRequest, Secret};
    /// # let password = Secret::handle("/password");
    /// let login = HttpRequest::post("https://chat.example.com/login")
    ///     .json(serde_json::json!({ "user": "portraitd" }))
    ///     .fill("/password", &password);
    /// ```
    ///
    /// # Panics
    /// When the body is no JSON.
    #[must_use]
    pub fn fill(mut self, pointer: impl Into<String>, text: impl Into<Text>) -> Self {
        match &mut self.body {
            Some(Body::Json(json)) => json.fill.insert(pointer.into(), text.into()),
            _ => panic!("only a JSON body can be filled in"),
        };
        self
    }

    /// The body is a form of these fields.
    #[must_use]
    pub fn form<N: Into<String>, V: Into<Text>>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let field = |(name, value): (N, V)| Field { name: name.into(), value: value.into() };
        self.body(Body::Form(fields.into_iter().map(field).collect()))
    }

    /// The body is a picture.
    #[must_use]
    pub fn rendition(self, rendition: &Rendition) -> Self {
        self.body(Body::Rendition(whole(rendition)))
    }

    /// The body is a part of a picture: its bytes from `first` to before `end`.
    #[must_use]
    pub fn rendition_range(self, rendition: &Rendition, first: u64, end: u64) -> Self {
        self.body(Body::Rendition(Bytes { range: Some((first, end)), ..whole(rendition) }))
    }

    /// The body is `multipart/form-data` with these parts, in this order.
    #[must_use]
    pub fn multipart(self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.body(Body::Multipart(parts.into_iter().collect()))
    }

    fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }
}

impl Part {
    /// A plain field.
    pub fn field(name: impl Into<String>, value: impl Into<Text>) -> Self {
        Self { name: name.into(), file_name: None, mime: None, content: Content::Text(value.into()) }
    }

    /// A picture as a file of this name, with the picture's media type.
    pub fn file(name: impl Into<String>, file_name: impl Into<String>, rendition: &Rendition) -> Self {
        let content = Content::Rendition(whole(rendition));
        Self { name: name.into(), file_name: Some(file_name.into()), mime: None, content }
    }
}

fn whole(rendition: &Rendition) -> Bytes {
    Bytes { rendition: rendition.name().into(), range: None }
}

/// A whole reply, whatever its status is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    head: HttpReply,
    body: Vec<u8>,
}

impl Response {
    pub(crate) fn new(head: HttpReply, body: Vec<u8>) -> Self {
        Self { head, body }
    }

    pub(crate) fn into_parts(self) -> (HttpReply, Vec<u8>) {
        (self.head, self.body)
    }

    /// A reply with a text, for scripts.
    pub fn with(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(HttpReply { status, headers: Vec::new(), blob: 0, retry_after_ms: None }, body.into())
    }

    /// A reply with JSON, for scripts.
    pub fn with_json(status: u16, body: &Value) -> Self {
        Self::with(status, body.to_string()).and_header("content-type", "application/json")
    }

    /// Adds a header, for scripts.
    #[must_use]
    pub fn and_header(mut self, name: &str, value: &str) -> Self {
        self.head.headers.push(Header { name: name.to_ascii_lowercase(), value: value.into() });
        self
    }

    /// Adds what the host makes of `Retry-After`, for scripts.
    #[must_use]
    pub fn and_retry_after(mut self, wait: Duration) -> Self {
        self.head.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.head.status)
    }

    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.as_str())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a text; what is no UTF-8 in it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// For how long the system asks to be left alone, by `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        self.head.retry_after_ms.map(Duration::from_millis)
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// `retry`, when it is cut off or not what was expected: the system may have done what it was asked to, or not.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let reason = format!("{} is not what it should be ({error})", self.told());
            Failure::retry(reason)
        })
    }

    /// The body read as JSON, if it is JSON.
    pub fn as_json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the body is an HTML page: the answer of something that stands before the system, mostly.
    pub fn is_html(&self) -> bool {
        let says = self.header("content-type").is_some_and(|mime| mime.trim_start().starts_with("text/html"));
        let begin = self.body.trim_ascii_start();
        says || [&b"<!doctype"[..], b"<html"]
            .iter()
            .any(|mark| begin.get(..mark.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(mark)))
    }

    /// This reply, when its status says that all is well, and otherwise the failure that the status means:
    ///
    /// | status | verdict |
    /// |---|---|
    /// | 2xx | none |
    /// | 401, 403 | `auth`; a 403 with an HTML page is of a front and `retry` |
    /// | 404, 410 | `user-absent` |
    /// | 407, 3xx | `config`: redirects are not followed |
    /// | 408, 425, 5xx, 1xx | `retry`, after `Retry-After` |
    /// | 429 | `rate-limited`, for `Retry-After` |
    /// | other 4xx | `other`: what such a status says of this system is its author's word |
    ///
    /// # Errors
    /// That failure. Whoever knows more of the reply's body looks at it before.
    pub fn ok_or(self, other: Verdict) -> Result<Self, Failure> {
        let verdict = match self.status() {
            200..300 => return Ok(self),
            403 if self.is_html() => Verdict::Retry,
            401 | 403 => Verdict::Auth,
            404 | 410 => Verdict::UserAbsent,
            300..400 | 407 => Verdict::Config,
            429 => Verdict::RateLimited,
            408 | 425 | 500.. | ..200 => Verdict::Retry,
            400..500 => other,
        };
        Err(self.failure(verdict))
    }

    /// A failure with this verdict that repeats what the reply says.
    pub fn failure(&self, verdict: Verdict) -> Failure {
        let waits = matches!(verdict, Verdict::Retry | Verdict::RateLimited);
        let after_ms = self.head.retry_after_ms.filter(|_| waits);
        Failure { after_ms, ..Failure::new(verdict, self.told()) }
    }

    /// Status and beginning of the body, as a fragment for a reason.
    pub fn told(&self) -> String {
        let status = self.status();
        if self.is_html() {
            return format!("the answer {status} with an HTML page");
        }
        let text = self.text();
        let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        let quoted: String = printable.take(QUOTED).collect();
        match quoted.trim() {
            "" => format!("the answer {status} without a text"),
            quoted => format!("the answer {status} ({quoted})"),
        }
    }
}

impl From<EffectError> for Failure {
    /// What an effect's error means where the author says nothing else: `config` for what only a person can mend, and
    /// `retry` for all that may pass.
    fn from(error: EffectError) -> Self {
        let verdict = match error.kind {
            EffectErrorKind::Denied
            | EffectErrorKind::NotFound
            | EffectErrorKind::InvalidName
            | EffectErrorKind::ReadOnly
            | EffectErrorKind::Tls => Verdict::Config,
            _ => Verdict::Retry,
        };
        Self::new(verdict, error.text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(reply: Response) -> Option<Verdict> {
        reply.ok_or(Verdict::ImageRejected).err().map(|failure| failure.verdict)
    }

    #[test]
    fn every_status_has_its_verdict() {
        let expected = |status: u16| match status {
            200..300 => None,
            401 | 403 => Some(Verdict::Auth),
            404 | 410 => Some(Verdict::UserAbsent),
            407 => Some(Verdict::Config),
            408 | 425 => Some(Verdict::Retry),
            429 => Some(Verdict::RateLimited),
            300..400 => Some(Verdict::Config),
            400..500 => Some(Verdict::ImageRejected),
            _ => Some(Verdict::Retry),
        };
        for status in 100..600 {
            assert_eq!(verdict(Response::with(status, "")), expected(status), "{status}");
        }
    }

    #[test]
    fn a_403_page_of_a_front_says_nothing_about_the_credentials() {
        let page = "<!DOCTYPE html><title>Blocked</title>";
        assert_eq!(verdict(Response::with(403, page)), Some(Verdict::Retry));
        assert_eq!(verdict(Response::with(403, "no").and_header("Content-Type", "text/html")), Some(Verdict::Retry));
        assert_eq!(verdict(Response::with_json(403, &json!({ "error": "no" }))), Some(Verdict::Auth));
    }

    #[test]
    fn a_wait_that_the_system_told_is_in_the_failure() {
        let after = |status| {
            let reply = Response::with(status, "").and_retry_after(Duration::from_secs(7));
            reply.ok_or(Verdict::ImageRejected).unwrap_err().after_ms
        };
        assert_eq!([429, 503, 400].map(after), [Some(7_000), Some(7_000), None]);
    }

    #[test]
    fn a_reason_repeats_the_answer_and_no_page() {
        let reason = |reply: Response| reply.ok_or(Verdict::Config).unwrap_err().reason;
        assert_eq!(reason(Response::with(413, "too\nlarge")), "the answer 413 (too large)");
        assert_eq!(reason(Response::with(500, " \n")), "the answer 500 without a text");
        assert_eq!(reason(Response::with(502, "<html>...")), "the answer 502 with an HTML page");
        assert_eq!(reason(Response::with(400, "x".repeat(5_000))).len(), "the answer 400 ()".len() + QUOTED);
    }

    #[test]
    fn json_that_is_none_is_tried_again() {
        let failure = Response::with(200, "{\"success\":tr").json::<Value>().unwrap_err();
        assert_eq!(failure.verdict, Verdict::Retry);
        assert!(failure.reason.starts_with("the answer 200 ({\"success\":tr) is not what it should be"), "{failure}");
    }
}
