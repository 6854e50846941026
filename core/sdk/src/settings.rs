//! A backend's settings: their schema, reading them with errors that name the key, secrets, and what identifies.
//!
//! The host hands settings over as JSON. Nothing here reads a file, an environment variable or a secret's value.

use std::collections::BTreeMap;
use std::fmt;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::failure::Failure;

/// A secret setting, as a reference: `{ env = "NAME" }` or `{ file = "/run/credentials/name" }`.
///
/// The plugin never sees the secret. It puts this value into an effect, and the host fills the secret in when it sends.
///
/// ```
/// use portraitd_sdk::Secret;
/// let secret: Secret = serde_json::from_str(r#"{ "env": "CHAT_TOKEN" }"#).unwrap();
/// assert_eq!(secret, Secret::Env("CHAT_TOKEN".into()));
/// assert!(serde_json::from_str::<Secret>(r#""the token itself""#).is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Secret {
    /// The environment variable of this name in the host's environment.
    Env(String),
    /// The first line of this file, as the host can read it.
    File(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env = \"NAME\" } or { file = \"PATH\" }")
    }

    // The text must not be repeated: it may well be the secret itself.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Secret, E> {
        Err(E::custom("a secret is not written here itself: use { env = \"NAME\" } or { file = \"PATH\" }"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let Some((key, value)) = map.next_entry::<String, String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        if map.next_key::<String>()?.is_some() {
            return Err(de::Error::invalid_length(2, &self));
        }
        match key.as_str() {
            "env" => Ok(Secret::Env(value)),
            "file" => Ok(Secret::File(value)),
            other => Err(de::Error::unknown_field(other, &["env", "file"])),
        }
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
