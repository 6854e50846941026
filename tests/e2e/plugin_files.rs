//! Files in the plugin folder that must not be loaded: each is refused by its name with what to do about it, before any
//! code of it runs, and the daemon starts with the rest.

use std::{
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;

use crate::{
    binaries::binaries,
    fixtures::{built_to_abort, compile, library, plugins, print_table, put, world_with_plugins},
    photos::portrait,
    world::World,
};

/// A file that must be refused: the plugin whose file it pretends to be, what it is, and words of the refusal.
struct Bad {
    plugin: &'static str,
    what: &'static str,
    words: &'static str,
}

const fn bad(plugin: &'static str, what: &'static str, words: &'static str) -> Bad {
    Bad { plugin, what, words }
}

/// A plugin's library that is in order.
fn good_bytes() -> Vec<u8> {
    fs::read(&binaries().files_plugin).unwrap()
}

/// A library with one text in it replaced by another of the same length.
fn patched(from: &str, to: &str, mut bytes: Vec<u8>) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("{from} is not in the library"));
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

fn of_another_machine() -> Vec<u8> {
    let mut bytes = good_bytes();
    // e_machine of the ELF header (System V ABI, chapter 4), 183: EM_AARCH64, 62: EM_X86_64.
    bytes[18] = if bytes[18] == 183 { 62 } else { 183 };
    bytes
}

/// A shared library of the system, as the dynamic linker of this very test found it.
fn system_library() -> Vec<u8> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.split_whitespace().find(|word| word.starts_with('/') && word.contains("libc"));
    fs::read(libc.expect("a test of the standard library is linked to libc")).unwrap()
}

/// What is wrong with the content of a file.
fn bad_contents() -> Vec<(Bad, Vec<u8>)> {
    let whole = good_bytes();
    let part = |tenths: usize| whole[..whole.len() * tenths / 10].to_vec();
    vec![
        (
            bad("text", "a text file", "not a shared library: it does not begin as one"),
            b"#!/bin/sh\necho hi\n".to_vec(),
        ),
        (bad("empty", "an empty file", "not a shared library: it is empty"), vec![]),
        (bad("cut0", "100 bytes of a library", "it is not whole"), whole[..100].to_vec()),
        (bad("cut1", "a tenth of a library", "it is not whole"), part(1)),
        (bad("cut5", "half of a library", "it is not whole"), part(5)),
        (bad("cut9", "nine tenths of a library", "it is not whole"), part(9)),
        (
            bad("tail", "a library without its last 3,000 bytes", "it is not whole"),
            whole[..whole.len() - 3_000].to_vec(),
        ),
        (bad("arch", "for another machine", ": build it for this machine"), of_another_machine()),
        (bad("libc", "a library of the system", "but not a portraitd plugin"), system_library()),
        (
            bad("major", "of ABI 2", "speaks plugin ABI 2.1, this daemon speaks 1.1: update the daemon"),
            patched(r#"{"major":1,"#, r#"{"major":2,"#, whole.clone()),
        ),
        (
            bad("older", "of ABI 0", "speaks plugin ABI 0.1, this daemon speaks 1.1: rebuild it"),
            patched(r#"{"major":1,"#, r#"{"major":0,"#, whole.clone()),
        ),
        (
            bad("needs", "of a newer minor with an unknown need", "needs `teleport`, which this daemon cannot do"),
            patched(r#""minor":1},"#, r#""minor":4},"#, patched(r#""file-put""#, r#""teleport""#, whole.clone())),
        ),
        (bad("wrong", "of another name than its file", "says that it is the plugin `files`"), whole),
    ]
}

/// What is wrong with a file that is in order itself.
fn bad_files(world: &World) -> Vec<Bad> {
    let mode = |file: &Path, mode| fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    let mut rows = vec![
        bad("abort", "built with panic = \"abort\"", "so a panic in it would end the daemon"),
        bad("open", "a file that everybody may write", "everybody may write to it: chmod o-w it"),
        bad("folder", "a directory", "not a regular file"),
    ];
    // Its file's name is looked at last, so an abort by any name is told as one.
    put(world, "abort", &fs::read(built_to_abort("hostile")).unwrap());
    mode(&put(world, "open", &good_bytes()), 0o666);
    fs::create_dir(plugins(world).join(library("folder"))).unwrap();
    if chown(put(world, "foreign", &good_bytes()), Some(12_345), None).is_ok() {
        rows.push(bad("foreign", "a file of another user", "belongs to user 12345"));
    } else {
        println!("left out: a file of another user, for only root can give one away");
        fs::remove_file(plugins(world).join(library("foreign"))).unwrap();
    }
    let elsewhere = world.path("for-all");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join(library("shared")), good_bytes()).unwrap();
    mode(&elsewhere.join(library("shared")), 0o644);
    mode(&elsewhere, 0o777);
    // Large enough to be written to while it is read, wherever the writer's thread is just now.
    let growing = fs::File::options().write(true).open(put(world, "growing", &good_bytes())).unwrap();
    growing.set_len(200 << 20).unwrap();
    rows.push(bad("growing", "a file that is still written", "load it again when the copy is complete"));
    rows.push(bad("shared", "in a directory that everybody may write", "everybody may write to it: chmod o-w it"));
    rows
}

/// Somebody who copies a library for as long as it takes: it changes while it is read, whenever that is.
struct Growing {
    enough: Arc<AtomicBool>,
    writer: JoinHandle<()>,
}

impl Growing {
    fn begin(file: PathBuf) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let seen = enough.clone();
        let writer = thread::spawn(move || {
            let mut file = fs::File::options().append(true).open(file).unwrap();
            while !seen.load(Ordering::Relaxed) {
                file.write_all(b"more").unwrap();
                thread::sleep(Duration::from_micros(50));
            }
        });
        Self { enough, writer }
    }

    fn end(self) {
        self.enough.store(true, Ordering::Relaxed);
        self.writer.join().unwrap();
    }
}

/// A world with one backend for each file that must be refused, beside one that is in order.
fn world_with_bad_files() -> (World, Vec<Bad>) {
    let mut world = world_with_plugins();
    let mut rows = Vec::new();
    for (row, bytes) in bad_contents() {
        put(&world, row.plugin, &bytes);
        rows.push(row);
    }
    rows.extend(bad_files(&world));
    let shipped = binaries().portraitd.parent().unwrap().to_string_lossy().into_owned();
    world.set("plugins.path", vec!["plugins".to_owned(), "for-all".to_owned(), shipped]);
    for row in &rows {
        world.set(&format!("backend.{}.plugin", row.plugin), row.plugin);
    }
    (world, rows)
}

#[test]
fn each_bad_file_is_refused_by_name_while_the_daemon_starts_with_the_rest() {
    let (mut world, rows) = world_with_bad_files();
    let growing = Growing::begin(plugins(&world).join(library("growing")));
    let listed = world.portraitd(&["plugins", "list", "--json"]).expect(0).json();
    let checked = world.portraitd(&["check"]).expect(2).text();
    world.start();
    growing.end();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/anna/icon.jpg");

    let status = world.status();
    let mut table = Vec::new();
    for row in &rows {
        let backend = &status["backends"][row.plugin];
        let reason = backend["reason"].as_str().unwrap_or_else(|| panic!("{}: {backend}", row.what));
        let shown = reason.replace(&*plugins(&world).to_string_lossy(), "plugins");
        table.push((row.what.to_owned(), shown.replace(&*world.path("for-all").to_string_lossy(), "for-all")));
        assert!(backend["state"] == "down" && reason.contains(row.words), "{}: {reason}", row.what);
        assert!(reason.contains(&named(row)), "{} is not named: {reason}", row.what);
        assert!(refusal(&listed, row.plugin).contains(row.words), "`plugins list` says of {}: {listed:#}", row.what);
        assert!(checked.contains(reason), "`check` does not say of {}: {reason}\n{checked}", row.what);
        assert!(world.log().contains(row.words), "the log does not say of {}: {}", row.what, row.words);
    }
    print_table(["what the file is", "what the daemon said"], &table);
    assert_eq!(fs::read_dir(world.path("state/plugins")).unwrap().count(), 1, "only what may be loaded is copied");
    assert_eq!(world.stop(), 0, "{}", world.log());
}

/// What the refusal must name: the directory where that is what is wrong, or else the file.
fn named(row: &Bad) -> String {
    if row.plugin == "shared" { "for-all".into() } else { library(row.plugin) }
}

/// What `plugins list` says of the file of a plugin.
fn refusal<'a>(listed: &'a Value, plugin: &str) -> &'a str {
    let of = |entry: &&Value| entry["file"].as_str().is_some_and(|file| file.ends_with(&library(plugin)));
    let entry = listed.as_array().unwrap().iter().find(of);
    entry.and_then(|entry| entry["refused"].as_str()).unwrap_or_default()
}

#[test]
fn a_newer_minor_that_needs_nothing_new_is_taken() {
    let mut world = world_with_plugins();
    let bytes = fs::read(compile(&world, "c-plugin", "in-c", &[])).unwrap();
    let mut newer = patched(r#""minor":1},"#, r#""minor":7},"#, bytes);
    let table = newer.windows(8).rposition(|window| window == b"PORTRAIT").expect("the table begins with its magic");
    newer[table + 8] = 7;
    put(&world, "in-c", &newer);
    world.set("backend.portraits.plugin", "in-c");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    assert_eq!(world.sync(&[]).0, 0);
    assert_eq!(world.picture("portraits/icon.jpg").unwrap().size(), (48, 48));
    let listed = world.portraitd(&["plugins", "list"]).expect(0).out;
    assert!(listed.contains("in-c 1.0.0 (ABI 1.7): "), "{listed}");
}
