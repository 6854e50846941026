//! Single values of the config file: each is parsed once and cannot be wrong afterwards. What two keys must be to each
//! other is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use portraitd_pipeline::{Format, Warning};
use portraitd_reconcile::BackendId;
use regex::Regex;
use reqwest::Url;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::{Map, Value};

use super::BackendConfig;

/// Number of bytes: `"32MiB"`, `"300 KB"` or a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

/// Number of pixels of a picture: `"120MP"` (millions), `"0.5MP"` or a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pixels(pub(crate) u64);

/// Red, green and blue: `"#ffffff"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) [u8; 3]);

/// A share: `"5%"`, `"0.5%"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Percent {
    share: f64,
}

impl Percent {
    /// The share, 0 to 1.
    pub(crate) const fn share(self) -> f64 {
        self.share
    }
}

impl Default for Percent {
    fn default() -> Self {
        Self { share: 0.05 }
    }
}

/// An extension of a format that this version reads, in lower case and without a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extension(&'static str);

impl Extension {
    /// The extension, such as `jpg`.
    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }

    /// All that this version can read.
    pub(super) fn all() -> Vec<Self> {
        let extensions = Format::ALL.iter().flat_map(|format| format.extensions());
        extensions.copied().map(Self).collect()
    }
}

/// A regular expression for a file's whole name without its extension, with one group `userid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserIdPattern(String);

impl UserIdPattern {
    /// The expression as it stands in the file, without anchors around it. Between anchors it is still valid.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for UserIdPattern {
    fn default() -> Self {
        Self("(?<userid>[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,127})".into())
    }
}

/// How many deliveries a backend gets at one time: 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Concurrency(u8);

impl Concurrency {
    /// The number.
    pub(crate) const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Concurrency {
    fn default() -> Self {
        Self(4)
    }
}

/// How many requests are sent in a time: `"60/min"`, `"10/s"`, `"600/h"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    interval: Duration,
}

impl Rate {
    /// The time from one request to the next.
    pub(crate) const fn interval(self) -> Duration {
        self.interval
    }
}

/// The name of a plugin: lower-case letters, digits and hyphens, at most 64, not starting with a hyphen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PluginName(String);

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the daemon listens: `"127.0.0.1:8787"`, `"[::1]:8787"`, `"localhost:8787"`, or `"off"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Nowhere.
    Off,
    /// On a port of this machine.
    At {
        /// An IP address without brackets, or a name that leads to one.
        host: String,
        /// The port; 0 is one that the system chooses.
        port: u16,
    },
}

impl Default for Listen {
    fn default() -> Self {
        Self::At { host: "127.0.0.1".into(), port: 8787 }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::At { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// A value that is written as one text or one number.
trait Scalar: Sized {
    /// Ends the sentence "invalid type, expected ...".
    const EXPECTED: &'static str;

    fn from_text(text: &str) -> Result<Self, String>;

    fn from_number(number: u64) -> Result<Self, String> {
        Err(format!("{number} is not {}", Self::EXPECTED))
    }
}

impl Scalar for Bytes {
    const EXPECTED: &'static str = "a size such as \"32MiB\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let size: bytesize::ByteSize = text.parse().map_err(|_| unlike::<Self>(text))?;
        Self::from_number(size.as_u64())
    }

    fn from_number(number: u64) -> Result<Self, String> {
        const RANGE: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 30;
        if RANGE.contains(&number) { Ok(Self(number)) } else { Err("must be 1KiB to 1GiB".into()) }
    }
}

impl Scalar for Pixels {
    const EXPECTED: &'static str = "a number of pixels such as \"120MP\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let millions = text.trim().strip_suffix("MP").ok_or_else(|| unlike::<Self>(text))?;
        let millions = positive_number(millions.trim_end()).ok_or_else(|| unlike::<Self>(text))?;
        Self::from_number((millions * 1e6).round() as u64)
    }

    fn from_number(number: u64) -> Result<Self, String> {
        // The largest JPEG has 65,535 pixels a side.
        const MOST: u64 = 65_535 * 65_535;
        if (1..=MOST).contains(&number) { Ok(Self(number)) } else { Err("must be 1 pixel to 4294MP".into()) }
    }
}

impl Scalar for Colour {
    const EXPECTED: &'static str = "a colour such as \"#ffffff\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        // `from_str_radix` alone would also take a sign.
        let plain = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = plain.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] = number.ok_or_else(|| unlike::<Self>(text))?.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

/// One of the words of [`Warning`].
struct Word(Warning);

impl Scalar for Word {
    const EXPECTED: &'static str = "a word such as \"no-face\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: portraitd_pipeline::UnknownWord| error.to_string())
    }
}

impl Scalar for Percent {
    const EXPECTED: &'static str = "a share such as \"5%\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let number = text.trim().strip_suffix('%').ok_or_else(|| unlike::<Self>(text))?;
        match positive_number(number.trim_end()) {
            Some(percent) if percent <= 100.0 => Ok(Self { share: percent / 100.0 }),
            Some(_) => Err("must be 0% to 100%".into()),
            None => Err(unlike::<Self>(text)),
        }
    }
}

impl Scalar for Extension {
    const EXPECTED: &'static str = "an extension such as \"jpg\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let wanted = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
        let found = Self::all().into_iter().find(|extension| extension.0 == wanted);
        found.ok_or_else(|| {
            let all: Vec<_> = Self::all().into_iter().map(Self::as_str).collect();
            format!("{wanted:?} is not a format of this version, which reads {}", all.join(", "))
        })
    }
}

impl Scalar for UserIdPattern {
    const EXPECTED: &'static str = "a regular expression with a group (?<userid>...)";

    fn from_text(text: &str) -> Result<Self, String> {
        // Alone first: `a)|(b` is whole only between anchors.
        let alone = Regex::new(text).map_err(|error| last_line(&error.to_string()))?;
        Regex::new(&format!("^(?:{text})$")).map_err(|_| "must not end in a comment".to_owned())?;
        if alone.capture_names().flatten().any(|name| name == "userid") {
            Ok(Self(text.into()))
        } else {
            Err("has no group (?<userid>...), so nobody's photo would be found".into())
        }
    }
}

impl Scalar for Concurrency {
    const EXPECTED: &'static str = "a number, 1 to 64";

    fn from_text(text: &str) -> Result<Self, String> {
        Err(unlike::<Self>(text))
    }

    fn from_number(number: u64) -> Result<Self, String> {
        let number = u8::try_from(number).ok().filter(|number| (1..=64).contains(number));
        number.map(Self).ok_or_else(|| "must be 1 to 64".into())
    }
}

impl Scalar for Rate {
    const EXPECTED: &'static str = "a number of requests such as \"60/min\", \"10/s\" or \"600/h\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once('/').ok_or_else(|| unlike::<Self>(text))?;
        let time = match unit.trim() {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            _ => return Err(unlike::<Self>(text)),
        };
        match number.trim().parse() {
            Ok(number @ 1..=100_000_u32) => Ok(Self { interval: Duration::from_secs(time) / number }),
            Ok(_) => Err("must be 1 to 100000 requests".into()),
            Err(_) => Err(unlike::<Self>(text)),
        }
    }
}

impl Scalar for PluginName {
    const EXPECTED: &'static str = "the name of a plugin";

    fn from_text(text: &str) -> Result<Self, String> {
        if is_name(text) { Ok(Self(text.into())) } else { Err(format!("{text:?} is no plugin's name: {NAME_RULE}")) }
    }
}

impl Scalar for Listen {
    const EXPECTED: &'static str = "an address with a port such as \"127.0.0.1:8787\", nor \"off\"";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::At { host: address.ip().to_string(), port: address.port() });
        }
        let named = text.rsplit_once(':').filter(|(host, _)| is_host_name(host));
        let at = named.and_then(|(host, port)| Some(Self::At { host: host.into(), port: port.parse().ok()? }));
        at.ok_or_else(|| unlike::<Self>(text))
    }
}

/// The table's key in `[backend.<name>]`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct BackendKey(BackendId);

impl Scalar for BackendKey {
    const EXPECTED: &'static str = "the name of a backend";

    fn from_text(text: &str) -> Result<Self, String> {
        BackendId::parse(text).map(Self).map_err(|_| format!("{text:?} is no backend's name: {NAME_RULE}"))
    }
}

struct Time(Duration);

impl Scalar for Time {
    const EXPECTED: &'static str = "a duration such as \"2s\", \"5m\" or \"1h 30m\"";

    fn from_text(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text).map(Self).map_err(|_| unlike::<Self>(text))
    }
}

struct Location(PathBuf);

impl Scalar for Location {
    const EXPECTED: &'static str = "a path";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("must not be empty".into()),
            _ if text.contains('\0') => Err("must not contain a NUL character".into()),
            _ => Ok(Self(text.into())),
        }
    }
}

/// The proxy for all requests; empty for none.
struct Proxy(Option<Url>);

impl Scalar for Proxy {
    const EXPECTED: &'static str = "the URL of a proxy such as \"http://proxy.example.com:3128\"";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host() && url.path() == "/");
        // The text is not repeated where it may hold a password.
        let url = url.ok_or_else(|| format!("is not {}", Self::EXPECTED))?;
        match url.password() {
            Some(_) => Err("must not hold a password: the config is no place for secrets".into()),
            None => Ok(Self(Some(url))),
        }
    }
}

/// Where pictures are served; empty for nowhere.
struct Address(Option<SocketAddr>);

impl Scalar for Address {
    const EXPECTED: &'static str = "an IP address with a port such as \"0.0.0.0:8788\"";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self(None)),
            _ => text.parse().map(|address| Self(Some(address))).map_err(|_| unlike::<Self>(text)),
        }
    }
}

/// The URL under which others find something of ours; empty for none.
struct PublicUrl(Option<Url>);

impl Scalar for PublicUrl {
    const EXPECTED: &'static str = "a URL such as \"https://photos.example.com\", without a user, `?` and `#`";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let is_plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        // The text is not repeated where it may hold a password.
        let url = Url::parse(text).ok().filter(is_plain).ok_or_else(|| format!("is not {}", Self::EXPECTED))?;
        Ok(Self(Some(url)))
    }
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<T: Scalar> Visitor<'_> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::from_number(number).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let unsigned = u64::try_from(number).map_err(|_| E::custom(format_args!("{number} is not {}", T::EXPECTED)))?;
        self.visit_u64(unsigned)
    }
}

macro_rules! deserialize_scalars {
    ($($name:ty),*) => {
        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ScalarVisitor(PhantomData))
            }
        })*
    };
}

deserialize_scalars!(
    Bytes,
    Pixels,
    Colour,
    Word,
    Percent,
    Extension,
    Proxy,
    Address,
    PublicUrl,
    Rate,
    UserIdPattern,
    Concurrency,
    PluginName,
    Listen,
    BackendKey,
    Time,
    Location
);

/// For a field that is a duration.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Time::deserialize(deserializer).map(|time| time.0)
}

/// For a field that is a path; not empty, without NUL.
pub(super) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Location::deserialize(deserializer).map(|location| location.0)
}

/// For a field that is a path, or an empty text for none.
pub(super) fn optional_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    Location::from_text(&text).map(|location| Some(location.0)).map_err(D::Error::custom)
}

/// For a field that is the URL of a proxy, or an empty text for none.
pub(super) fn optional_proxy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    Proxy::deserialize(deserializer).map(|proxy| proxy.0)
}

/// For a field that is an IP address with a port, or an empty text for none.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    Address::deserialize(deserializer).map(|address| address.0)
}

/// For a field that is a URL for others, or an empty text for none.
pub(super) fn optional_public_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    PublicUrl::deserialize(deserializer).map(|url| url.0)
}

/// For a field that is a list of paths.
pub(super) fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    Vec::<Location>::deserialize(deserializer).map(|all| all.into_iter().map(|location| location.0).collect())
}

/// For a field that is a list of what can be said of a photo.
pub(super) fn warnings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Warning>, D::Error> {
    Vec::<Word>::deserialize(deserializer).map(|words| words.into_iter().map(|word| word.0).collect())
}

/// For the table of backends.
pub(super) fn backends<'de, D>(deserializer: D) -> Result<BTreeMap<BackendId, BackendConfig>, D::Error>
where
    D: Deserializer<'de>,
{
    let backends = BTreeMap::<BackendKey, BackendConfig>::deserialize(deserializer)?;
    Ok(backends.into_iter().map(|(key, backend)| (key.0, backend)).collect())
}

/// For a plugin's settings, which are JSON from here on. Dates become text; JSON has no infinite numbers.
pub(super) fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    json_table(toml::Table::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn json_table(table: toml::Table) -> Result<Map<String, Value>, String> {
    table.into_iter().map(|(key, value)| Ok((key, json(value)?))).collect()
}

fn json(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(number) => return Err(format!("{number} cannot be a setting")),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => Value::Array(values.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Value::Object(json_table(table)?),
    })
}

fn unlike<T: Scalar>(text: &str) -> String {
    format!("{text:?} is not {}", T::EXPECTED)
}

/// Above it, the regex crate draws the expression and a mark below the place.
fn last_line(text: &str) -> String {
    let line = text.lines().next_back().unwrap_or_default();
    format!("not a regular expression: {}", line.trim_start_matches("error: "))
}

/// Digits with at most one point: `f64` alone would also take `1e9`, `inf` and `nan`.
fn positive_number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

/// Letters, digits, hyphens and dots, and not an address that misses a part.
fn is_host_name(text: &str) -> bool {
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(of_a_name) && text.contains(|c: char| c.is_ascii_alphabetic())
}

fn is_name(text: &str) -> bool {
    BackendId::parse(text).is_ok()
}

const NAME_RULE: &str = "1 to 64 lower-case letters, digits and hyphens, the first not a hyphen";
