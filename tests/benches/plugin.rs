//! What a plugin is to its author: how large it is as it is released, and what it costs to build one from nothing. No
//! plugin is called here; `cargo bench -p portraitd-host` has the cost of a step.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::Value;

use crate::{
    binaries::{binaries, profile_dir, workspace_root},
    measure::cpu_of_children,
};

const BUILT: &str = "rocketchat";

pub(crate) fn bench() {
    let _built = binaries();
    println!("plugins, stripped");
    for library in libraries(&profile_dir()) {
        println!("{:>40} {:>8} kB", library.0, library.1 / 1_000);
    }
    let target = tempfile::tempdir().expect("the temporary folder is writable");
    let (began, before) = (Instant::now(), cpu_of_children());
    let crates = build(target.path());
    println!(
        "a clean build of {BUILT} as it is released: {:.0} CPU s, {:.0} s, {crates} crates",
        (cpu_of_children() - before).as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
}

/// The plugins of the workspace, with their bytes.
fn libraries(folder: &Path) -> BTreeSet<(String, u64)> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let named = files.map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().len()));
    named.filter(|(name, _)| name.starts_with("libportraitd_plugin_") && name.ends_with(".so")).collect()
}

/// Builds the plugin into an empty target directory and answers how many crates that took, its own included.
fn build(target: &Path) -> usize {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--release", "--message-format=json", "--target-dir"]).arg(target);
    cargo.args(["--package", &format!("portraitd-plugin-{BUILT}")]).current_dir(workspace_root());
    let built = cargo.stderr(Stdio::inherit()).output().expect("cargo can be started");
    assert!(built.status.success(), "the plugin does not build: {}", built.status);
    let messages = serde_json::Deserializer::from_slice(&built.stdout).into_iter::<Value>().map(Result::unwrap);
    let artifacts = messages.filter(|message| message["reason"] == "compiler-artifact");
    artifacts.map(|artifact| artifact["package_id"].to_string()).collect::<BTreeSet<_>>().len()
}
