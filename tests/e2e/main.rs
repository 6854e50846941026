//! Black-box stories about portraitd: the real binary, the real plugin library, real folders.
//! Each file holds one promise. Nothing here knows a type of the product; what the stories rely on is the contract
//! that an administrator sees: commands, exit codes, JSON, the config file, folders and files.

mod binaries;
mod fixtures;
mod photos;
mod raw;
#[path = "../simulators/mod.rs"]
mod simulators;
mod snapshot;
mod strace;
mod world;

mod admin;
mod backends;
mod cli;
mod config;
mod conflict;
mod crash;
mod first_photo;
mod folder_gone;
mod hostile_names;
mod hostile_plugins;
mod json;
mod layout;
mod many;
mod pause;
mod plugin_abi;
mod plugin_files;
mod plugin_reload;
mod plugins_try;
mod refused;
mod removal;
mod replace;
mod rocketchat;
mod rocketchat_simulator;
mod second_daemon;
mod service;
mod shutdown;
mod slow_writer;
mod sync;
mod syscalls;
mod watch;
mod write_a_backend;

/// A file that no `mod` line names compiles nowhere and tests nothing.
#[test]
fn no_story_file_was_forgotten() {
    let root = binaries::workspace_root().join("tests/e2e");
    let listed = std::fs::read_to_string(root.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(root).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".rs").expect("only Rust files lie beside main.rs");
        assert!(stem == "main" || listed.contains(&format!("\nmod {stem};")), "main.rs does not name {name}");
    }
}
