//! The address of a system as a setting: checked once, and joined with paths that cannot lead elsewhere.
//!
//! Pure text; asks nobody whether the address exists.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The address of a system, such as `https://chat.example.com` or `https://intranet.example.com/chat`: `http` or `https`,
/// without user, query and fragment. A slash at its end does not matter.
///
/// ```
/// use portraitd_sdk::BaseUrl;
/// let base: BaseUrl = serde_json::from_str(r#""https://example.com:8443/chat/""#).unwrap();
/// assert_eq!(base.origin(), "https://example.com:8443");
/// assert_eq!(base.join(["api", "users", "a/b"]), "https://example.com:8443/chat/api/users/a%2Fb");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    path: String,
}

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, without its name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = text.escape_debug();
        let (scheme, rest) = text.split_once("://").ok_or_else(|| format!("`{shown}` does not begin with https://"))?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(format!("`{shown}` is neither http nor https"));
        }
        if let Some(odd) = rest.chars().find(|c| "?#@\\%".contains(*c) || c.is_whitespace() || c.is_control()) {
            return Err(format!("`{shown}` holds the character {odd:?}, which an address has no use for"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        check_authority(authority).map_err(|why| format!("`{shown}` {why}"))?;
        if path.split('/').any(|part| part == "." || part == "..") {
            return Err(format!("`{shown}` has a part `.` or `..`"));
        }
        Ok(Self { origin: format!("{scheme}://{authority}"), path: path.trim_end_matches('/').into() })
    }

    /// Scheme, host and port: what [`Backend::origins`](crate::Backend::origins) wants.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The URL of a path below the address. Each part is percent-encoded, so that a slash or a question mark in it
    /// stays a part of it.
    pub fn join<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> String {
        let mut url = self.to_string();
        for part in parts {
            url.push('/');
            url.push_str(&encode(part));
        }
        url
    }
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    let bracketed = authority.starts_with('[');
    let host_end = if bracketed { authority.find(']').map(|at| at + 1) } else { authority.find(':') };
    let (host, port) = authority.split_at(host_end.unwrap_or(authority.len()));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || (bracketed && "[]:".contains(c));
    if host.is_empty() || !host.chars().all(plain) {
        return Err("names no host");
    }
    match port.strip_prefix(':').map(str::parse::<u16>) {
        Some(Ok(1..)) => Ok(()),
        None if port.is_empty() => Ok(()),
        _ => Err("has a port that is none"),
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3). A part that is `.` or `..` would be
/// resolved by whoever reads the URL, encoded or not; so its first point becomes what no system takes for one.
fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'.' if part != "." && part != ".." => encoded.push('.'),
            b'.' => encoded.push_str("%252E"),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for BaseUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BaseUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_origin_and_a_path() {
        let check = |text: &str, origin: &str, joined: &str| {
            let base = BaseUrl::parse(text).unwrap();
            assert_eq!((base.origin(), base.join(["x"]).as_str()), (origin, joined));
        };
        check("https://chat.example.com", "https://chat.example.com", "https://chat.example.com/x");
        check("HTTP://127.0.0.1:3000/", "http://127.0.0.1:3000", "http://127.0.0.1:3000/x");
        check("https://[::1]:8443/a/b/", "https://[::1]:8443", "https://[::1]:8443/a/b/x");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "chat.example.com",
            "ftp://x",
            "https://",
            "https:///x",
            "https://user:pass@x",
            "https://x?y",
            "https://x#y",
            "https://x y",
            "https://x/../y",
            "https://x:0",
            "https://x:99999",
            "https://x:",
            "https://x/%2e%2e",
            "https://x\\y",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        let base = BaseUrl::parse("https://x").unwrap();
        for (part, joined) in [
            ("a/b", "a%2Fb"),
            ("a?b#c", "a%3Fb%23c"),
            ("..", "%252E%252E"),
            ("a..b", "a..b"),
            ("ä", "%C3%A4"),
            ("%2F", "%252F"),
            ("a b", "a%20b"),
        ] {
            assert_eq!(base.join([part]), format!("https://x/{joined}"));
        }
    }
}
