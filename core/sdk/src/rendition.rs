//! Which pictures a backend wants: name, size, fit and byte ceiling.
//!
//! Says what is wanted and checks that it can be; makes no picture.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::failure::Failure;

/// The longest side that a backend may want, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// The most renditions that a backend may want.
pub const MAX_RENDITIONS: usize = 16;

/// One rendition that a backend wants of every photo. A plugin may use it in its settings as it stands.
///
/// ```
/// use portraitd_sdk::RenditionSpec;
/// let icon = RenditionSpec::exact("icon", 48, 48).max_bytes(20 * 1024);
/// assert_eq!((icon.width, icon.max_bytes.map(|max| max.get())), (48, Some(20_480)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RenditionSpec {
    /// Name of the rendition: 1 to 32 of a-z, 0-9 and `-`.
    pub name: String,
    /// Width in pixels; 0: no limit (with `fit = "at-most"`).
    pub width: u32,
    /// Height in pixels; 0: no limit (with `fit = "at-most"`).
    pub height: u32,
    /// How the photo is brought to this size.
    #[serde(default)]
    pub fit: Fit,
    /// The most bytes that the file may have: a number or a text such as "100KiB".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<ByteCount>,
    /// The file format.
    #[serde(default)]
    pub format: Format,
}

/// How a photo is brought to the size of a rendition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Exactly this size: cropped to fill it (or padded, as `photo.crop` says), enlarged where the photo is smaller.
    #[default]
    Exact,
    /// Shrunk to fit within this size, never enlarged.
    AtMost,
}

/// The file format of a rendition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A baseline JPEG, `image/jpeg`.
    #[default]
    Jpeg,
}

impl Format {
    /// The media type of the format.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
        }
    }
}

impl RenditionSpec {
    /// A rendition of exactly this size.
    pub fn exact(name: impl Into<String>, width: u32, height: u32) -> Self {
        Self { name: name.into(), width, height, fit: Fit::Exact, max_bytes: None, format: Format::Jpeg }
    }

    /// A rendition that fits within this size; 0: no limit on that side.
    pub fn at_most(name: impl Into<String>, width: u32, height: u32) -> Self {
        Self { fit: Fit::AtMost, ..Self::exact(name, width, height) }
    }

    /// Sets the most bytes that the rendition may have.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(ByteCount(bytes));
        self
    }

    /// Checks a backend's whole list: names that can be used and differ, sizes that can be made.
    ///
    /// # Errors
    /// A `config` failure that names the entry and what is allowed.
    pub fn check_all(specs: &[Self]) -> Result<(), Failure> {
        if specs.len() > MAX_RENDITIONS {
            let reason = format!("{} renditions are wanted, more than the {MAX_RENDITIONS} allowed", specs.len());
            return Err(Failure::config(reason));
        }
        for (index, spec) in specs.iter().enumerate() {
            let twice = specs[..index].iter().any(|other| other.name == spec.name);
            let checked = if twice { Err(("name", "is there twice".into())) } else { spec.check() };
            checked.map_err(|(key, why)| {
                let name = spec.name.escape_debug();
                Failure::config(format!("`renditions[{index}].{key}`: `{name}` {why}"))
            })?;
        }
        Ok(())
    }

    /// What is wrong with it: the key, and what follows the rendition's name.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(letters) {
            return Err(("name", "is not 1 to 32 of a-z, 0-9 and -".into()));
        }
        for (key, side) in [("width", self.width), ("height", self.height)] {
            if side > MAX_SIDE {
                return Err((key, format!("has a side of {side} pixels, more than {MAX_SIDE}")));
            }
            if side == 0 && self.fit == Fit::Exact {
                return Err((key, "has a side of 0 (no limit), which needs fit = \"at-most\"".into()));
            }
        }
        if self.max_bytes.is_some_and(|max| max.0 < MIN_BYTES) {
            return Err(("max-bytes", format!("has to fit in less than {MIN_BYTES} bytes, which no picture does")));
        }
        Ok(())
    }
}

/// A rendition as a message holds it. A setting with a key too many is a mistake of the person who wrote it; a message
/// with a field too many is one of somebody newer.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wanted {
    name: String,
    width: u32,
    height: u32,
    #[serde(default)]
    fit: Fit,
    #[serde(default)]
    max_bytes: Option<ByteCount>,
    #[serde(default)]
    format: Format,
}

/// Reads the renditions of a message.
pub(crate) fn wanted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RenditionSpec>, D::Error> {
    let wanted = Vec::<Wanted>::deserialize(deserializer)?;
    let spec = |Wanted { name, width, height, fit, max_bytes, format }| RenditionSpec {
        name,
        width,
        height,
        fit,
        max_bytes,
        format,
    };
    Ok(wanted.into_iter().map(spec).collect())
}

/// No JPEG with its tables is smaller than this.
const MIN_BYTES: u64 = 512;

/// A number of bytes; in settings a number or a text such as "100KiB" (KiB, MiB: powers of 1024; KB, MB: of 1000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ByteCount(u64);

impl ByteCount {
    /// That many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim() {
            "" | "B" => 1,
            "KB" | "kB" => 1_000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

impl<'de> Deserialize<'de> for ByteCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByteCountVisitor)
    }
}

struct ByteCountVisitor;

impl Visitor<'_> for ByteCountVisitor {
    type Value = ByteCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes or a text such as \"100KiB\" (units B, KB, KiB, MB, MiB)")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteCount, E> {
        Ok(ByteCount(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteCount, E> {
        let refused = || E::invalid_value(de::Unexpected::Signed(bytes), &self);
        u64::try_from(bytes).map(ByteCount).map_err(|_| refused())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteCount, E> {
        ByteCount::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl JsonSchema for ByteCount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteCount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+ ?(B|KB|kB|KiB|MB|MiB)?$" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(spec: RenditionSpec) -> String {
        RenditionSpec::check_all(&[spec]).unwrap_err().reason
    }

    #[test]
    fn sizes_are_read_as_numbers_and_as_texts() {
        let read = |value| serde_json::from_value::<ByteCount>(value).map(ByteCount::get).ok();
        assert_eq!(read(json!(20_480)), Some(20_480));
        assert_eq!(read(json!("100KiB")), Some(102_400));
        assert_eq!(read(json!("2 MB")), Some(2_000_000));
        for wrong in [json!(-1), json!("many"), json!("1GiB"), json!(""), json!("99999999999999999999MiB"), json!(1.5)]
        {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_made_is_refused_by_its_key() {
        assert!(refused(RenditionSpec::exact("Big One", 9, 9)).starts_with("`renditions[0].name`: `Big One` is not"));
        assert!(refused(RenditionSpec::exact("x", 0, 9)).starts_with("`renditions[0].width`: `x` has a side of 0"));
        assert!(refused(RenditionSpec::exact("x", 9, 99_999)).starts_with("`renditions[0].height`: "));
        assert!(refused(RenditionSpec::exact("x", 9, 9).max_bytes(10)).starts_with("`renditions[0].max-bytes`: "));
        let many: Vec<_> = (0..17).map(|index| RenditionSpec::exact(format!("r{index}"), 9, 9)).collect();
        assert!(RenditionSpec::check_all(&many).unwrap_err().reason.contains("more than the 16 allowed"));
        RenditionSpec::check_all(&[RenditionSpec::at_most("x", 0, 0), RenditionSpec::exact("y", 9, 9)]).unwrap();
    }

    #[test]
    fn a_spec_on_the_wire_has_every_key_resolved() {
        let spec: RenditionSpec =
            serde_json::from_value(json!({ "name": "icon", "width": 48, "height": 48, "max-bytes": "1KiB" })).unwrap();
        let wire = serde_json::to_value(&spec).unwrap();
        let expected =
            json!({ "name": "icon", "width": 48, "height": 48, "fit": "exact", "max-bytes": 1024, "format": "jpeg" });
        assert_eq!(wire, expected);
    }
}
