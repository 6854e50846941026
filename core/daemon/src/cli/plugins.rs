//! `portraitd plugins list` and `portraitd plugins show`: what a library is, before it is trusted.
//!
//! The list runs no code of any library. `show` asks the library itself, and does that in a child process: a library
//! that crashes, hangs or ends its process takes nothing else with it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portraitd_sdk::Identity;
use serde_json::{Value, json};

use crate::backends::{self, Backends};
use crate::config::Config;
use crate::engine;
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;

/// How long a library may take to describe itself.
const DESCRIBE_WITHIN: Duration = Duration::from_secs(15);

/// `portraitd plugins list`
pub(crate) fn list(config: &Config, json: bool) -> Result<Exit, Trouble> {
    let files = portraitd_host::list(&config.plugins.directories());
    let found: Vec<_> = files.iter().map(|file| listed(file)).collect();
    if json {
        return Ok(show::print(&Value::from(found).to_string()));
    }
    for plugin in &found {
        let text = |key: &str| plugin[key].as_str().unwrap_or_default().to_owned();
        let line = match plugin["refused"].as_str() {
            Some(reason) => format!("{}: refused: {reason}", text("file")),
            None => format!("{} {} (ABI {}): {}", text("name"), text("version"), text("abi"), text("file")),
        };
        show::print(&line);
    }
    Ok(Exit::Ok)
}

fn listed(file: &Path) -> Value {
    match portraitd_host::inspect(file) {
        Ok(identity) => identity_json(file, &identity),
        Err(error) => json!({ "file": escape(file), "refused": crate::report::chain(&error) }),
    }
}

fn identity_json(file: &Path, identity: &Identity) -> Value {
    json!({
        "file": escape(file),
        "name": identity.name,
        "version": identity.version,
        "abi": identity.abi.to_string(),
        "sdk": identity.sdk,
        "target": identity.target,
        "needs": identity.needs,
    })
}

/// `portraitd plugins show`
pub(crate) fn show(config: &Config, file: &Path, json: bool) -> Result<Exit, Trouble> {
    let failed = || Trouble::new(Exit::Config, format!("failed to show the plugin `{}`", escape(file)));
    let identity = portraitd_host::inspect(file).map_err(|error| failed().caused_by(&error))?;
    let mut shown = identity_json(file, &identity);
    let description = ask_child(file).map_err(|reason| failed().because(reason))?;
    for key in ["operations", "modes", "schema"] {
        shown[key] = description[key].clone();
    }
    shown["backends"] = configured(config, &identity.name);
    Ok(show::print(&if json { shown.to_string() } else { text(&shown) }))
}

/// The renditions of each configured backend that uses the plugin.
fn configured(config: &Config, plugin: &str) -> Value {
    let Ok(backends) = Backends::open(config, &engine::copies(config)) else { return json!({}) };
    let using = backends.iter().filter(|backend| backend.plugin == plugin);
    let named = using.map(|backend| {
        let open = backend.open().ok();
        let renditions: Vec<_> = open.iter().flat_map(|open| open.renditions()).map(show::rendition).collect();
        (backend.id.to_string(), json!({ "renditions": renditions }))
    });
    Value::Object(named.collect())
}

fn text(shown: &Value) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let words = |value: &Value| value.as_array().into_iter().flatten().map(&word).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!("{} {}: {}", word(&shown["name"]), word(&shown["version"]), word(&shown["file"])),
        format!("ABI {}, sdk {}, {}", word(&shown["abi"]), word(&shown["sdk"]), word(&shown["target"])),
        format!("operations: {}", words(&shown["operations"])),
    ];
    if shown["modes"].as_array().is_some_and(|modes| !modes.is_empty()) {
        lines.push(format!("modes: {}", words(&shown["modes"])));
    }
    for (name, setting) in shown["schema"]["properties"].as_object().into_iter().flatten() {
        lines.push(setting_text(name, setting));
    }
    for (name, backend) in shown["backends"].as_object().into_iter().flatten() {
        let names = backend["renditions"].as_array().into_iter().flatten().map(|spec| word(&spec["name"]));
        lines.push(format!("backend {name}: renditions {}", names.collect::<Vec<_>>().join(", ")));
    }
    lines.join("\n")
}

fn setting_text(name: &str, setting: &Value) -> String {
    let marks = [("x-secret", "secret"), ("x-identifying", "identifying")];
    let marks: String =
        marks.iter().filter(|(key, _)| setting[key] == true).map(|(_, mark)| format!(", {mark}")).collect();
    let default = setting.get("default").map_or_else(|| "required".into(), |default| format!("default {default}"));
    let sentence = setting["description"].as_str().unwrap_or_default().replace('\n', " ");
    format!("setting {name} ({default}{marks}): {sentence}")
}

/// Lets a child process load the library and describe it.
fn ask_child(file: &Path) -> Result<Value, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .arg("describe-plugin")
        .arg(file)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut stdout = child.stdout.take().expect("the child's output is a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let end = Instant::now() + DESCRIBE_WITHIN;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() > end => {
                child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
                return Err(format!("it did not describe itself within {} s", DESCRIBE_WITHIN.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = reader.join().map_err(|_| "its description could not be read")?.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("the process that asked it ended with {status}"));
    }
    serde_json::from_str(&text).map_err(|error| format!("its description is not JSON: {error}"))
}

/// The child's side: `portraitd describe-plugin FILE`.
pub(crate) fn describe(file: &Path) -> Result<Exit, Trouble> {
    let failed = || Trouble::new(Exit::Config, format!("failed to describe the plugin `{}`", escape(file)));
    let scratch = Scratch::new();
    let plugin = backends::host(scratch.path())?.load(file).map_err(|error| failed().caused_by(&error))?;
    let description = plugin.describe().map_err(|failure| failed().because(failure.reason))?;
    let json = serde_json::to_string(&description).map_err(|error| failed().caused_by(&error))?;
    Ok(show::print(&json))
}

/// A directory for private copies of libraries that goes with this value. What is loaded stays mapped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A directory of this process's own; made by whoever uses it, closed to others.
    pub(super) fn new() -> Self {
        Self(std::env::temp_dir().join(format!("portraitd-{}", std::process::id())))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is a copy of a library, in a directory that is cleaned up by the system.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
