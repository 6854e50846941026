//! Builds the workspace once per test process and says where the binary and the plugin libraries lie.
//! It builds with the profile and into the target directory of the test itself, so nothing is compiled twice.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What the build left behind.
pub(crate) struct Binaries {
    /// The program under test.
    pub(crate) portraitd: PathBuf,
    /// The library of the plugin `files`.
    pub(crate) files_plugin: PathBuf,
}

/// The built workspace; the first caller waits for the build.
pub(crate) fn binaries() -> &'static Binaries {
    static BUILT: OnceLock<Result<Binaries, String>> = OnceLock::new();
    let built = BUILT.get_or_init(build);
    built.as_ref().unwrap_or_else(|why| panic!("{why}"))
}

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies in the workspace")
}

fn build() -> Result<Binaries, String> {
    let profile_dir = profile_dir();
    let target_dir = profile_dir.parent().expect("a profile lies in a target directory");
    let mut cargo = cargo();
    cargo.args(["build", "--quiet", "--workspace", "--target-dir"]).arg(target_dir).current_dir(workspace_root());
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo can be started");
    if !status.success() {
        return Err(format!("the workspace does not build: {status}"));
    }
    found_in(&profile_dir)
}

/// The cargo that runs this test, as if a person had called it: it tells its tests about their package by variables, and
/// build scripts that watch those (ring's does) would be run anew each time, with all that stands on them.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|told| name.to_string_lossy().starts_with(told)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn found_in(profile_dir: &Path) -> Result<Binaries, String> {
    let binaries = Binaries {
        portraitd: profile_dir.join("portraitd"),
        files_plugin: profile_dir.join("libportraitd_plugin_files.so"),
    };
    for file in [&binaries.portraitd, &binaries.files_plugin] {
        if !file.is_file() {
            return Err(format!("the build did not make {}", file.display()));
        }
    }
    Ok(binaries)
}

/// `target/debug` or `target/release`, from `target/<profile>/deps/<this test>`.
pub(crate) fn profile_dir() -> PathBuf {
    let this = env::current_exe().expect("a test knows its own file");
    this.ancestors().nth(2).expect("cargo puts tests into target/<profile>/deps").to_owned()
}
