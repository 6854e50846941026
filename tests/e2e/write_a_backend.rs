//! The backend of the README, taken out of it as somebody would copy it, built and run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
    time::Instant,
};

use serde_json::json;

use crate::{
    binaries::{profile_dir, workspace_root},
    photos::portrait,
    simulators::{
        reply::Reply,
        request::{Request, Violation},
        server::{Server, Site},
    },
    world::{LONG, Told, World},
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

/// The staff board: it takes every picture, and keeps what it was asked with it.
#[derive(Default)]
struct Board(Mutex<Vec<(String, Vec<u8>)>>);

impl Site for Board {
    fn answer(&self, request: &Request) -> Reply {
        let header = |name| request.header(name).unwrap_or("none");
        let Request { method, target, .. } = request;
        let asked = format!("{method} {target}, {}, {}", header("authorization"), header("content-type"));
        self.0.lock().unwrap().push((asked, request.body.clone()));
        Reply::json(200, &json!({ "id": 7 }))
    }

    fn refused(&self, _: usize, violation: Violation) {
        panic!("a request broke HTTP: {}", violation.rule);
    }

    fn written(&self, _: &Request, _: &Reply, _: (Instant, Instant)) {}
}

/// The config of the README with the board's address, and the folders of a world in front of it.
fn configured(world: &World, board: &Server) {
    let mut config: toml::Table = blocks("toml")[1].parse().unwrap();
    config["backend"]["board"]["settings"]["base-url"] = format!("http://{}", board.address()).into();
    config["plugins"]["path"][0] = library().parent().unwrap().to_str().unwrap().into();
    let folders = "[folder]\npath = \"drop\"\nsettle = \"200ms\"\n[state]\npath = \"state\"\n";
    world.write_config(&format!("{folders}{config}"));
}

fn portraitd(world: &World, args: &[&str]) -> Told {
    let mut command = world.command(args);
    command.env("BOARD_TOKEN", "made-up-token");
    world.finish(command, LONG)
}

#[test]
fn the_backend_of_the_readme_delivers() {
    let site = Arc::new(Board::default());
    let board = Server::start(site.clone());
    let world = World::new();
    configured(&world, &board);
    portraitd(&world, &["check"]).expect(0);
    assert!(site.0.lock().unwrap().is_empty(), "a check sends nothing");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    portraitd(&world, &["sync"]).expect(0);
    let requests = site.0.lock().unwrap();
    let [(asked, body)] = &requests[..] else { panic!("{} requests", requests.len()) };
    assert_eq!(asked, "PUT /users/anna/picture, Bearer made-up-token, image/jpeg");
    assert!(body.starts_with(&[0xff, 0xd8]), "it is no JPEG");
}

#[test]
fn the_readme_names_what_is_built() {
    let section = section();
    let name = library().file_name().unwrap().to_str().unwrap();
    assert!(section.contains(&format!("plugins show target/release/{name}")), "{section}");
    let config: toml::Table = blocks("toml")[1].parse().unwrap();
    assert_eq!(config["backend"]["board"]["plugin"].as_str(), Some("board"));
}
