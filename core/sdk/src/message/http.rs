//! The `http` effect: a request as the plugin words it, and the reply as the host tells it.
//!
//! A request holds no secret and no picture: it names both, and the host fills them in when it sends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::Secret;

/// The most headers that a request may have.
pub const MAX_HEADERS: usize = 64;

/// The most bytes of a reply's body. The host reads no further and answers with `too-large`.
pub const MAX_REPLY_BODY: usize = 1 << 20;

/// One request. The host follows no redirect, keeps no cookie, and sends it to the backend's own origins only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The absolute URL, without user, password and fragment. A query in it is sent as it stands.
    pub url: String,
    /// What is added to the query, percent-encoded by the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Field>,
    /// The headers, at most [`MAX_HEADERS`]. `host`, `content-length`, `transfer-encoding`, `connection`, `user-agent`
    /// and all that belongs to the connection are the host's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Field>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The methods that a request may have (RFC 9110, section 9; PATCH: RFC 5789).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Asks, and changes nothing.
    Get,
    /// As `GET`, without the body.
    Head,
    /// Does what the system says that it does.
    Post,
    /// Puts this in that place.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The method as it stands in the request.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it changes nothing at the system, so that an answer that never came leaves no doubt.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// A name and its value: of a header, a form or a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Field {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Text,
}

/// A text in pieces, some of which only the host knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Piece>);

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// As it stands.
    Plain(String),
    /// A secret, in the encoding that its place wants.
    Secret(Secret),
    /// Something in base64 (RFC 4648, section 4, with padding).
    Base64(Base64),
}

/// What is written in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base64 {
    /// The bytes of the rendition of this name.
    Rendition(String),
    /// A text, as in `Authorization: Basic`.
    Text(Text),
}

impl Text {
    /// A text in base64, as `Authorization: Basic` wants it.
    pub fn base64(text: impl Into<Self>) -> Self {
        Self(vec![Piece::Base64(Base64::Text(text.into()))])
    }

    /// The bytes of a rendition in base64, for systems that take pictures within JSON or a form.
    pub fn base64_rendition(name: impl Into<String>) -> Self {
        Self(vec![Piece::Base64(Base64::Rendition(name.into()))])
    }

    /// This text and another behind it.
    #[must_use]
    pub fn then(mut self, more: impl Into<Self>) -> Self {
        self.0.extend(more.into().0);
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(vec![Piece::Plain(text.into())])
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(vec![Piece::Plain(text)])
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Secret> for Text {
    fn from(secret: &Secret) -> Self {
        Self(vec![Piece::Secret(secret.clone())])
    }
}

/// The body of a request. The host writes its `Content-Type`, where no header of the request does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A text: `text/plain; charset=utf-8`.
    Text(Text),
    /// A JSON value: `application/json`.
    Json(Json),
    /// A form: `application/x-www-form-urlencoded`.
    Form(Vec<Field>),
    /// The bytes of a rendition, or of a part of it, with the rendition's media type.
    Rendition(Bytes),
    /// `multipart/form-data` (RFC 7578), in this order. Its `Content-Type` is always the host's, for it names the
    /// boundary.
    Multipart(Vec<Part>),
}

/// A JSON value, and what the host puts into it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Json {
    /// The value.
    pub value: Value,
    /// Texts that the host puts where a JSON pointer (RFC 6901) leads; an object's last key is made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fill: BTreeMap<String, Text>,
}

/// The bytes of a rendition, all of them or a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bytes {
    /// The rendition's name.
    pub rendition: String,
    /// Which of its bytes: from the first to before the last, counted from 0. All, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
}

/// One part of a `multipart/form-data` body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    /// The form field.
    pub name: String,
    /// The file name, where the part is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The media type. None for plain fields; a rendition has its own without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// What is in it.
    pub content: Content,
}

/// What is in a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A text.
    Text(Text),
    /// The bytes of a rendition.
    Rendition(Bytes),
}

/// The reply to a request, whatever its status is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// The headers, in the order of arrival. Values that are no UTF-8 are left out.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Which of the blobs passed to `resume` holds the body, counted from 0. It is lent for that call only.
    pub blob: usize,
    /// For how long the system asks to be left alone, in milliseconds: `Retry-After` (RFC 9110, section 10.2.3), its
    /// dates compared with the reply's own `Date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A header of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Header {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}
