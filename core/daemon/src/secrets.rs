//! The secrets of one backend: where each is, what it says, and texts without them.
//!
//! A plugin has handles only. What a secret says is read when a request is sent, so that a file that was mended counts
//! at once, and is in no log, message, ledger or recording. Sends nothing itself.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portraitd_sdk::Secret;
use serde_json::{Map, Value};

use crate::text::escape;

/// The most bytes that a secret has.
const LONGEST: u64 = 16 << 10;

/// How many secrets of a system are kept that were remembered and replaced: requests may still be under way with them.
const KEPT: usize = 16;

/// How many texts are kept to be blanked out: those of the settings in their forms, and the newest of the system's.
const SAID: usize = 256;

/// Shorter texts are no secrets: to blank them out would make every text unreadable.
const SHORTEST: usize = 4;

/// So many characters of a secret's beginning are enough to know it by: whoever quotes a text may have cut it within.
const BEGINNING: usize = 8;

/// What stands in the place of a secret.
const BLANK: &str = "***";

/// Where a secret of the settings is.
#[derive(Clone, PartialEq, Eq)]
enum Source {
    Env(String),
    File(PathBuf),
}

/// The secrets of a backend.
#[derive(Default)]
pub(crate) struct Secrets {
    settings: BTreeMap<Secret, Source>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the system gave, newest last.
    remembered: VecDeque<(Secret, String)>,
    /// The texts that were filled in, in each form that they were sent in, newest last.
    said: VecDeque<String>,
}

impl State {
    fn keep(&mut self, form: &str) {
        if self.said.iter().any(|said| said == form) {
            return;
        }
        self.said.push_back(form.to_owned());
        if self.said.len() > SAID {
            self.said.pop_front();
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.settings.keys()).finish()
    }
}

impl Secrets {
    /// Takes the secrets out of a backend's settings, by the marks of the plugin's schema, and leaves handles there.
    ///
    /// # Errors
    /// The key of a setting that should be a reference to a secret and is none. Its value is not repeated.
    pub(crate) fn take(schema: &Value, settings: &mut Map<String, Value>) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        let mut root = Value::Object(std::mem::take(settings));
        let taken = take_from(schema, &mut root, "", &mut found);
        if let Value::Object(object) = root {
            *settings = object;
        }
        taken.map(|()| Self { settings: found, state: Mutex::default() })
    }

    /// What a secret says now.
    ///
    /// # Errors
    /// Why it cannot be read, with the name of its variable or file.
    pub(crate) fn reveal(&self, secret: &Secret) -> Result<String, String> {
        let Some(source) = self.settings.get(secret) else {
            let state = self.state();
            let found = state.remembered.iter().find(|(handle, _)| handle == secret);
            return found.map(|(_, text)| text.clone()).ok_or_else(|| {
                format!("the plugin names the secret `{}`, which it was not given", escape(secret.name()))
            });
        };
        let text = source.read()?;
        self.said(&text);
        Ok(text)
    }

    /// Why a secret of the settings cannot be read, for the first of which that is so: its key and the reason.
    pub(crate) fn missing(&self) -> Option<(String, String)> {
        let wrong = |(handle, source): (&Secret, &Source)| {
            let key = handle.name().trim_start_matches('/').replace('/', ".");
            source.read().err().map(|why| (key, why))
        };
        self.settings.iter().find_map(wrong)
    }

    /// Keeps a secret that the system gave, and says by which handle.
    pub(crate) fn remember(&self, name: &str, text: String) -> Secret {
        self.said(&text);
        let handle = Secret::handle(name);
        let mut state = self.state();
        state.remembered.push_back((handle.clone(), text));
        if state.remembered.len() > KEPT {
            state.remembered.pop_front();
        }
        handle
    }

    /// Takes note of a form in which a secret is sent: it must not be told either, nor as JSON would repeat it.
    pub(crate) fn said(&self, text: &str) {
        if text.len() < SHORTEST {
            return;
        }
        let mut state = self.state();
        let quoted = Value::from(text).to_string();
        let escaped = &quoted[1..quoted.len() - 1];
        // Some servers write a slash so.
        for form in [text, escaped, &escaped.replace('/', "\\/")] {
            state.keep(form);
        }
    }

    /// The text without any secret that was ever filled in, also where the text was cut within one.
    pub(crate) fn blank(&self, text: &str) -> String {
        let state = self.state();
        // The longest first: one secret may begin as another does. Those that were cut last, for the same reason.
        let mut said: Vec<&str> = state.said.iter().map(String::as_str).collect();
        said.sort_by_key(|said| std::cmp::Reverse(said.len()));
        let whole = said.iter().fold(text.to_owned(), |text, said| text.replace(said, BLANK));
        said.into_iter().fold(whole, blank_cut)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text without what the secret begins with.
fn blank_cut(text: String, secret: &str) -> String {
    let Some((end, _)) = secret.char_indices().nth(BEGINNING) else { return text };
    let beginning = &secret[..end];
    let (mut rest, mut blanked) = (text.as_str(), String::new());
    while let Some(at) = rest.find(beginning) {
        let same = rest[at..].chars().zip(secret.chars()).take_while(|(told, said)| told == said);
        blanked.push_str(&rest[..at]);
        blanked.push_str(BLANK);
        rest = &rest[at + same.map(|(told, _)| told.len_utf8()).sum::<usize>()..];
    }
    blanked + rest
}

fn take_from(
    schema: &Value,
    value: &mut Value,
    pointer: &str,
    found: &mut BTreeMap<Secret, Source>,
) -> Result<(), String> {
    if schema["x-secret"] == Value::Bool(true) {
        let handle = Secret::handle(pointer);
        let source = Source::of(value).map_err(|why| format!("`{}`: {why}", pointer[1..].replace('/', ".")))?;
        found.insert(handle.clone(), source);
        *value = serde_json::to_value(handle).expect("a handle is a text");
        return Ok(());
    }
    for form in ["anyOf", "oneOf", "allOf"] {
        // An optional setting: the other form is null, which is no secret.
        let forms = schema[form].as_array().into_iter().flatten().filter(|_| !value.is_null());
        for schema in forms.collect::<Vec<_>>() {
            take_from(schema, value, pointer, found)?;
        }
    }
    match value {
        Value::Object(object) => object.iter_mut().try_for_each(|(key, value)| {
            let schema = schema["properties"].get(key).unwrap_or_else(|| &schema["additionalProperties"]);
            take_from(schema, value, &format!("{pointer}/{key}"), found)
        }),
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, value)| take_from(&schema["items"], value, &format!("{pointer}/{index}"), found)),
        _ => Ok(()),
    }
}

impl Source {
    fn of(value: &Value) -> Result<Self, &'static str> {
        let only = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        match only.map(|(key, value)| (key.as_str(), value.as_str())) {
            Some(("env", Some(name))) if !name.is_empty() && !name.contains(['=', '\0']) => Ok(Self::Env(name.into())),
            Some(("file", Some(path))) if !path.is_empty() => Ok(Self::File(path.into())),
            // The value must not be repeated: it may well be the secret itself.
            _ => Err("a secret is not written here itself: use { env = \"NAME\" } or { file = \"PATH\" }"),
        }
    }

    fn read(&self) -> Result<String, String> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
                Ok(_) => Err(format!("the environment variable {} is empty", escape(name))),
                Err(std::env::VarError::NotPresent) => {
                    Err(format!("the environment variable {} is not set", escape(name)))
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    Err(format!("the environment variable {} is no UTF-8", escape(name)))
                }
            },
            Self::File(path) => {
                let shown = escape(path);
                let text = read_file(path).map_err(|error| format!("the file {shown} cannot be read: {error}"))?;
                let line = text.lines().next().unwrap_or_default().trim();
                if line.is_empty() { Err(format!("the first line of {shown} is empty")) } else { Ok(line.to_owned()) }
            }
        }
    }
}

fn read_file(path: &PathBuf) -> std::io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn schema() -> Value {
        let secret = json!({ "type": "object", "x-secret": true });
        json!({ "properties": {
            "base-url": { "type": "string" },
            "token": secret,
            "spare": { "anyOf": [secret, { "type": "null" }] },
            "more": { "items": { "properties": { "key": secret } } },
        } })
    }

    fn taken(settings: Value) -> (Result<Secrets, String>, Value) {
        let mut settings = settings.as_object().unwrap().clone();
        let secrets = Secrets::take(&schema(), &mut settings);
        (secrets, Value::Object(settings))
    }

    #[test]
    fn settings_hold_handles_in_the_place_of_secrets() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("token");
        std::fs::write(&file, "hunter2\nnot this\n").unwrap();
        let source = json!({ "file": file });
        let (secrets, left) = taken(json!({
            "base-url": "https://x", "token": source, "spare": source, "more": [{ "key": source }]
        }));
        assert_eq!(
            left,
            json!({
                "base-url": "https://x", "token": "secret:/token", "spare": "secret:/spare",
                "more": [{ "key": "secret:/more/0/key" }]
            })
        );
        let secrets = secrets.unwrap();
        for name in ["/token", "/spare", "/more/0/key"] {
            assert_eq!(secrets.reveal(&Secret::handle(name)).unwrap(), "hunter2");
        }
        assert_eq!(secrets.blank("the token hunter2 is wrong"), "the token *** is wrong");
        std::fs::write(&file, "mended").unwrap();
        assert_eq!(secrets.reveal(&Secret::handle("/token")).unwrap(), "mended", "a mended file counts at once");
        assert_eq!(secrets.blank("hunter2 mended"), "*** ***");
        assert!(!format!("{secrets:?}").contains("mended"));
    }

    #[test]
    fn neither_a_cut_text_nor_one_in_json_tells_a_secret() {
        let secrets = Secrets::default();
        for secret in ["0123456789-old", "0123456789-older", "0123456789-new", "short"] {
            secrets.said(secret);
        }
        for (text, blank) in [
            ("is 0123456789-older, 0123456789-old and 0123456789-new.", "is ***, *** and ***."),
            ("is 0123456789-ol)", "is ***)"),
            ("is 01234567", "is ***"),
            ("is 0123456, shor", "is 0123456, shor"),
            ("01234567012345678", "******"),
        ] {
            assert_eq!(secrets.blank(text), blank);
        }
        secrets.said("a/\"quoted\"/secret");
        assert_eq!(
            secrets.blank(r#"{"error":"a\/\"quoted\"\/secret, a/\"quoted\"/secret"}"#),
            r#"{"error":"***, ***"}"#
        );
        secrets.said("ääää ääää ää");
        assert_eq!(secrets.blank("ääää ääää"), "***");
    }

    #[test]
    fn a_secret_that_is_written_out_is_refused_and_not_repeated() {
        let wrong = [json!("hunter2"), json!({ "env": "A", "file": "B" }), json!({ "vault": "hunter2" }), json!({})];
        for wrong in wrong {
            let (refused, _) = taken(json!({ "token": wrong }));
            let reason = refused.unwrap_err();
            assert!(reason.starts_with("`token`: a secret is not written here itself"), "{reason}");
            assert!(!reason.contains("hunter2"));
        }
    }

    #[test]
    fn a_secret_that_is_missing_is_named() {
        let (secrets, _) = taken(json!({ "token": { "env": "PORTRAITD_NO_SUCH_VARIABLE" }, "spare": null }));
        let (key, why) = secrets.unwrap().missing().unwrap();
        assert_eq!(
            (key.as_str(), why.as_str()),
            ("token", "the environment variable PORTRAITD_NO_SUCH_VARIABLE is not set")
        );
    }

    #[test]
    fn a_handle_of_nobody_is_refused() {
        let refused = Secrets::default().reveal(&Secret::handle("/other")).unwrap_err();
        assert_eq!(refused, "the plugin names the secret `/other`, which it was not given");
    }

    #[test]
    fn what_a_system_gave_is_kept_for_a_while_and_never_told() {
        let secrets = Secrets::default();
        let first = secrets.remember("session/1", "first-key".into());
        assert_eq!(secrets.reveal(&first).unwrap(), "first-key");
        for n in 2..=17 {
            secrets.remember(&format!("session/{n}"), format!("key-{n}"));
        }
        assert!(secrets.reveal(&first).is_err());
        assert_eq!(secrets.blank("first-key key-17"), "*** ***");
    }
}
