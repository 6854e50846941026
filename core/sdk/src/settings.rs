//! A backend's settings: their schema, reading them with errors that name the key, secrets, and what identifies.
//!
//! The host hands settings over as JSON. Nothing here reads a file, an environment variable or a secret's value.

use std::collections::BTreeMap;
use std::fmt;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::failure::Failure;

/// A secret, as a handle: the plugin never sees the secret itself. It puts this value into an effect, and the host
/// fills the secret in when it sends.
///
/// As a setting it stands in the config as `{ env = "NAME" }` or `{ file = "/run/credentials/name" }`; the host hands it
/// over as a text that begins with `secret:`.
///
/// ```
/// use portraitd_sdk::Secret;
/// let secret: Secret = serde_json::from_str(r#""secret:/token""#).unwrap();
/// assert_eq!(secret, Secret::handle("/token"));
/// assert!(serde_json::from_str::<Secret>(r#""the token itself""#).is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

/// How every handle begins.
const HANDLE: &str = "secret:";

impl Secret {
    /// The handle of this name. The host uses the JSON pointer of a setting, and names of its own for the secrets that a
    /// plugin let it remember.
    pub fn handle(name: &str) -> Self {
        Self(format!("{HANDLE}{name}"))
    }

    /// The handle's name.
    pub fn name(&self) -> &str {
        self.0.strip_prefix(HANDLE).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The text must not be repeated: it may well be the secret itself.
        let wrong =
            || de::Error::custom("a secret is not written here itself: use { env = \"NAME\" } or { file = \"PATH\" }");
        text.starts_with(HANDLE).then_some(Self(text)).ok_or_else(wrong)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": { "env": { "type": "string" }, "file": { "type": "string" } },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "x-secret": true,
        })
    }
}

/// The schema of settings, without references, so that a reader needs to follow none.
pub(crate) fn schema<S: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<S>().to_value()
}

/// Reads settings.
pub(crate) fn read<S: DeserializeOwned>(settings: Value) -> Result<S, Failure> {
    serde_path_to_error::deserialize(settings).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        Failure::config(if path == "." { reason } else { format!("`{path}`: {reason}") })
    })
}

/// The identifying settings as one canonical text, defaults included, whatever order and spelling they were given in.
pub(crate) fn fingerprint<S: Serialize + JsonSchema>(settings: &S) -> Result<String, Failure> {
    let value = serde_json::to_value(settings)
        .map_err(|error| Failure::bug(format!("the settings cannot be written as JSON: {error}")))?;
    let mut marked = BTreeMap::new();
    collect_marked(&schema::<S>(), &value, "", &mut marked);
    let parts: Vec<String> = marked.iter().map(|(path, value)| format!("{path}={}", canonical(value))).collect();
    Ok(parts.join("\n"))
}

fn collect_marked<'a>(schema: &Value, value: &'a Value, path: &str, marked: &mut BTreeMap<String, &'a Value>) {
    if schema["x-identifying"] == Value::Bool(true) {
        marked.insert(path.to_owned(), value);
        return;
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, inner) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect_marked(inner, &value[name], &path, marked);
    }
}

/// JSON with the keys of every object sorted. `serde_json` may keep them in any order, by a feature of some dependency.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object.iter().collect();
            let parts = sorted.into_iter().map(|(key, value)| format!("{key:?}:{}", canonical(value)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}
