//! The backend of the README, taken out of it as somebody would copy it, built and run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    binaries::{profile_dir, workspace_root},
    world::World,
};

/// The section of the README.
fn section() -> String {
    let readme = fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Write a backend\n").expect("the README has the section");
    section.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The code blocks of a language, in their order.
fn blocks(language: &str) -> Vec<String> {
    let section = section();
    let opening = format!("\n```{language}\n");
    let behind = section.split(&opening).skip(1);
    behind.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// The crate, built once; the library of its plugin.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = crate_folder();
        fs::create_dir_all(folder.join("src")).unwrap();
        let sdk = workspace_root().join("core/sdk");
        let manifest = blocks("toml")[0].replace("../portraitd/core/sdk", sdk.to_str().unwrap());
        // Of no workspace: it lies below this one's target directory.
        fs::write(folder.join("Cargo.toml"), format!("{manifest}\n[workspace]\n")).unwrap();
        fs::write(folder.join("src/lib.rs"), &blocks("rust")[0]).unwrap();
        // The same versions of the dependencies, so that nothing has to be asked for over the network.
        fs::copy(workspace_root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        cargo("build");
        folder.join("target/debug/libportraitd_plugin_board.so")
    })
}

fn crate_folder() -> PathBuf {
    let target = profile_dir().parent().expect("a profile lies in a target directory").to_owned();
    target.join("write-a-backend")
}

fn cargo(what: &str) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([what, "--quiet", "--offline", "--target-dir", "target"]).current_dir(crate_folder());
    // A warning in what people copy is a mistake in it.
    cargo.env("RUSTFLAGS", "-Dwarnings");
    let output = cargo.output().expect("cargo can be started");
    assert!(output.status.success(), "cargo {what}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_backend_of_the_readme_builds_and_shows_what_it_wants() {
    let world = World::new();
    let shown = world.portraitd(&["plugins", "show", library().to_str().unwrap(), "--json"]).expect(0).json();
    let text = shown.to_string();
    for word in ["board", "base-url", "token", "x-secret", "A token that may set pictures."] {
        assert!(text.contains(word), "plugins show does not tell {word}: {shown:#}");
    }
}

#[test]
fn the_test_of_the_readme_passes() {
    library();
    cargo("test");
}

#[test]
fn the_readme_names_what_is_built() {
    let section = section();
    let name = library().file_name().unwrap().to_str().unwrap();
    assert!(section.contains(&format!("plugins show target/release/{name}")), "{section}");
    let config: toml::Table = blocks("toml")[1].parse().unwrap();
    assert_eq!(config["backend"]["board"]["plugin"].as_str(), Some("board"));
}
