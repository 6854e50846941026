//! Builds the plugins of `tests/fixtures`, each once per test process, and puts them into worlds. Those in Rust are built
//! below the workspace's target directory, so that a second test run finds them built; those in C are compiled anew.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

use crate::{
    binaries::{binaries, cargo, workspace_root},
    world::World,
};

/// The library of `tests/fixtures/<folder>`, a crate of its own that is named `portraitd-plugin-<folder>`.
pub(crate) fn built_crate(folder: &str) -> PathBuf {
    cargo_build(folder, "fixtures", &[])
}

/// The same, built so that a panic in it would end the process.
pub(crate) fn built_to_abort(folder: &str) -> PathBuf {
    cargo_build(folder, "fixtures-abort", &["--config", "profile.dev.panic=\"abort\""])
}

fn cargo_build(folder: &str, target: &str, more: &[&str]) -> PathBuf {
    // One at a time: the target directory is theirs together, and cargo would wait for its lock in any case.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let target = binaries().portraitd.ancestors().nth(2).expect("a profile lies in a target directory").join(target);
    let mut cargo = cargo();
    // In its folder, so that nothing of the workspace's own profiles is taken.
    cargo.args(["build", "--quiet"]).args(more).arg("--target-dir").arg(&target).current_dir(fixture(folder));
    assert!(cargo.status().expect("cargo can be started").success(), "the fixture {folder} does not build");
    target.join("debug").join(library(folder))
}

/// Compiles a C file of `tests/fixtures/<folder>` into a world as the plugin of this name.
pub(crate) fn compile(world: &World, folder: &str, plugin: &str, defines: &[&str]) -> PathBuf {
    let source = fixture(folder).join(format!("{}.c", folder.replace('-', "_")));
    // Beside its place first: the daemon of the world may look at any time.
    let (half, whole) = (world.path(format!("{plugin}.half")), plugins(world).join(library(plugin)));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-shared", "-fPIC"]);
    cc.arg("-I").arg(workspace_root().join("core/sdk/include"));
    cc.args(defines.iter().map(|define| format!("-D{define}"))).arg(source).arg("-o").arg(&half);
    assert!(cc.status().expect("there is a C compiler: SQLite needs one too").success(), "{cc:?}");
    fs::set_permissions(&half, fs::Permissions::from_mode(0o644)).unwrap();
    fs::rename(half, &whole).unwrap();
    whole
}

/// Puts bytes into a world as the library of a plugin.
pub(crate) fn put(world: &World, plugin: &str, bytes: &[u8]) -> PathBuf {
    let file = plugins(world).join(library(plugin));
    fs::write(&file, bytes).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    file
}

/// A world with the backend `portraits`, which is in order, and a folder for more plugins.
pub(crate) fn world_with_plugins() -> World {
    let mut world = World::new();
    fs::create_dir(plugins(&world)).unwrap();
    fs::set_permissions(plugins(&world), fs::Permissions::from_mode(0o755)).unwrap();
    let shipped = binaries().portraitd.parent().expect("it lies in a folder").to_string_lossy().into_owned();
    world.set("plugins.path", vec!["plugins".to_owned(), shipped]);
    world
}

/// The folder of a world for more plugins.
pub(crate) fn plugins(world: &World) -> PathBuf {
    world.path("plugins")
}

/// The file name of a plugin's library.
pub(crate) fn library(plugin: &str) -> String {
    format!("libportraitd_plugin_{}.so", plugin.replace('-', "_"))
}

fn fixture(folder: &str) -> PathBuf {
    workspace_root().join("tests/fixtures").join(folder)
}

/// Prints a table of two columns, for people who want to see what the daemon says.
pub(crate) fn print_table(heads: [&str; 2], rows: &[(String, String)]) {
    let width = rows.iter().map(|row| row.0.len()).max().unwrap_or_default().max(heads[0].len());
    println!("{:width$} | {}", heads[0], heads[1]);
    println!("{:-<width$}-|-{:-<60}", "", "");
    for (what, said) in rows {
        println!("{what:width$} | {said}");
    }
}
