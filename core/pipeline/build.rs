//! Takes the model of the face detector out of the package `rustface`, which carries it, and puts it where
//! `src/face/model.rs` embeds it from.
//!
//! The package is a build dependency, so that Cargo has its files before this runs. Where they lie is known to Cargo alone,
//! be it a registry's cache or a vendored folder: it is asked about a manifest that depends on nothing else, for that
//! needs no package that this build may not have.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use serde_json::Value;
use sha2::{Digest, Sha256};

const PACKAGE: &str = "rustface";
const VERSION: &str = "0.1.7";
const MODEL: &str = "model/seeta_fd_frontal_v1.0.bin";
const LENGTH: usize = 1_209_904;
const SHA_256: &str = "c4619d066ed35e84d9a8e842860b0dff567aba0cbb139881075538761db3ff5d";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    match place() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error=failed to embed the model of the face detector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn place() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let path = package(&out)?.join(MODEL);
    let model = fs::read(&path).map_err(|error| format!("{} is not readable: {error}", path.display()))?;
    let digest: String = Sha256::digest(&model).iter().map(|byte| format!("{byte:02x}")).collect();
    if model.len() != LENGTH || digest != SHA_256 {
        return Err(format!(
            "{} is not the file of {PACKAGE} {VERSION}, it has {} bytes with SHA-256 {digest}; \
             hint: delete the package's folder, so that Cargo fetches it again",
            path.display(),
            model.len(),
        )
        .into());
    }
    Ok(fs::write(out.join("seeta.bin"), model)?)
}

/// The folder of the package.
fn package(out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let asked = out.join("asked");
    fs::create_dir_all(asked.join("src"))?;
    fs::write(asked.join("src/lib.rs"), "")?;
    fs::write(asked.join("Cargo.toml"), manifest())?;
    // It runs in the folder of this crate, so that the configuration of its workspace applies, with the sources in it.
    let output = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(asked.join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo does not know where {PACKAGE} {VERSION} lies: {}", said.trim()).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages.into_iter().find(|package| package["name"] == PACKAGE).map(|found| &found["manifest_path"]);
    let folder = manifest.and_then(Value::as_str).and_then(|path| Path::new(path).parent());
    Ok(folder.ok_or("cargo names no manifest of it")?.to_owned())
}

/// A package that is no member of the workspace around it.
fn manifest() -> String {
    format!(
        "[package]\nname = \"asked\"\nedition = \"2024\"\n\n\
         [dependencies]\n{PACKAGE} = {{ version = \"={VERSION}\", default-features = false }}\n\n[workspace]\n"
    )
}
