//! Black-box stories about portraitd: the real binary, the real plugin library, real folders.
//! Each file holds one promise. Nothing here knows a type of the product; what the stories rely on is the contract
//! that an administrator sees: commands, exit codes, JSON, the config file, folders and files.

mod binaries;
mod fixtures;
mod photos;
mod random;
mod raw;
mod rules;
#[path = "../simulators/mod.rs"]
mod simulators;
mod snapshot;
mod stands;
mod strace;
mod threads;
mod world;

mod admin;
mod adopt;
mod backends;
mod cli;
mod colours;
mod config;
mod conflict;
mod conformance;
mod copied_plugin;
mod crash;
mod creatorshub;
mod creatorshub_simulator;
mod fetch;
mod first_photo;
mod folder_gone;
mod four_systems;
mod hostile_names;
mod hostile_plugins;
mod igloo;
mod igloo_simulator;
mod json;
mod layout;
mod many;
mod passing;
mod pause;
mod plugin_abi;
mod plugin_files;
mod plugin_reload;
mod plugins_try;
mod preview;
mod publish;
mod refused;
mod removal;
mod replace;
mod rocketchat;
mod rocketchat_simulator;
mod second_daemon;
mod service;
mod shutdown;
mod slow_writer;
mod staffbase;
mod staffbase_simulator;
mod sync;
mod syscalls;
mod two_step;
mod users;
mod warnings;
mod watch;
mod write_a_backend;

/// A file that no `mod` line names compiles nowhere and tests nothing.
#[test]
fn no_story_file_was_forgotten() {
    let root = binaries::workspace_root().join("tests/e2e");
    let entries = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.partition::<Vec<_>, _>(|entry| entry.is_dir())
    };
    let check = |folder: &std::path::Path, listing: &std::path::Path| {
        let listed = format!("\n{}", std::fs::read_to_string(listing).unwrap());
        for file in entries(folder).1.iter().filter(|file| *file != listing) {
            let stem = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".rs")).expect("only Rust files");
            assert!(listed.contains(&format!("\nmod {stem};")), "{} does not name {stem}", listing.display());
        }
    };
    check(&root, &root.join("main.rs"));
    for folder in entries(&root).0 {
        check(&folder, &folder.with_extension("rs"));
    }
}
