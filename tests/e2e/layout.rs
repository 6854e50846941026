//! The rules of the tree that no compiler knows: which crate may use which, where unsafe may stand, what no core file
//! may name, what each plugin folder holds. It reads `cargo metadata` and the files that git lists, and runs nothing
//! but `portraitd check`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::{
    binaries::workspace_root,
    photos::portrait,
    world::{SOON, World},
};

/// Which members of the workspace a member may depend on. What is not listed may use none.
const DIRECTIONS: [(&str, &[&str]); 3] = [
    ("portraitd-host", &["portraitd-sdk"]),
    ("portraitd-ledger", &["portraitd-reconcile"]),
    (
        "portraitd",
        &["portraitd-host", "portraitd-ledger", "portraitd-pipeline", "portraitd-reconcile", "portraitd-sdk"],
    ),
];

/// Crates of others that one room alone may use, with that room.
const RESERVED: [(&str, &str); 24] = [
    ("tokio", "portraitd"),
    ("reqwest", "portraitd"),
    ("rustls", "portraitd"),
    ("hyper", "portraitd"),
    ("hyper-util", "portraitd"),
    ("notify", "portraitd"),
    ("libloading", "portraitd-host"),
    ("rusqlite", "portraitd-ledger"),
    ("libsqlite3-sys", "portraitd-ledger"),
    ("image", "portraitd-pipeline"),
    ("embedded-graphics", "portraitd-pipeline"),
    ("gif", "portraitd-pipeline"),
    ("heifer-hevc-dec", "portraitd-pipeline"),
    ("fast_image_resize", "portraitd-pipeline"),
    ("jpeg-encoder", "portraitd-pipeline"),
    ("jpeg-decoder", "portraitd-pipeline"),
    ("kamadak-exif", "portraitd-pipeline"),
    ("mozjpeg", "portraitd-pipeline"),
    ("png", "portraitd-pipeline"),
    ("image-webp", "portraitd-pipeline"),
    ("zune-core", "portraitd-pipeline"),
    ("zune-image", "portraitd-pipeline"),
    ("zune-jpeg", "portraitd-pipeline"),
    ("zune-png", "portraitd-pipeline"),
];

/// The only files with unsafe code written by hand.
const UNSAFE: [&str; 2] = ["core/host/src/library.rs", "core/sdk/src/abi.rs"];

/// What a plugin's folder holds, no more and no less.
const PLUGIN_FOLDER: [&str; 7] =
    ["Cargo.toml", "README.md", "src/config.rs", "src/deliver.rs", "src/lib.rs", "src/tests.rs", "src/wire.rs"];

/// Plugins made for tests lie here; they may do what no other code may.
const FIXTURES: &str = "tests/fixtures/";

fn members() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo can describe the workspace");
    metadata.packages
}

/// `core`, `plugins` or `tests`.
fn room(member: &Package) -> &str {
    let inside = member.manifest_path.strip_prefix(workspace_root()).expect("a member");
    inside.components().next().expect("a member lies in a folder").as_str()
}

/// The members that a member may depend on.
fn allowed(member: &Package) -> &'static [&'static str] {
    if room(member) == "plugins" {
        return &["portraitd-sdk"];
    }
    let found = DIRECTIONS.iter().find(|(name, _)| *name == member.name.as_str());
    found.map_or(&[], |(_, allowed)| *allowed)
}

/// Every file that git would commit, by its path from the root.
fn tracked() -> Vec<String> {
    let listing = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace_root())
        .output()
        .expect("git is there");
    assert!(listing.status.success(), "git cannot list the files of the tree");
    let names = String::from_utf8(listing.stdout).expect("the tree's names are UTF-8");
    let mut files: Vec<_> = names.split_terminator('\0').map(str::to_owned).collect();
    files.retain(|file| workspace_root().join(file).is_file());
    files
}

/// The Rust files of the tree with their text, fixtures excepted.
fn rust_files() -> Vec<(String, String)> {
    let sources = tracked().into_iter().filter(|file| file.ends_with(".rs") && !file.starts_with(FIXTURES));
    sources
        .map(|file| {
            let text = fs::read_to_string(workspace_root().join(&file)).expect("git lists files of UTF-8 text");
            (file, text)
        })
        .collect()
}

#[test]
fn crates_depend_only_in_the_allowed_directions() {
    let members = members();
    let names: BTreeSet<_> = members.iter().map(|member| member.name.as_str()).collect();
    for member in &members {
        for dependency in member.dependencies.iter().filter(|d| names.contains(d.name.as_str())) {
            assert!(
                allowed(member).contains(&dependency.name.as_str()),
                "{} may not depend on {}",
                member.name,
                dependency.name
            );
        }
    }
}

#[test]
fn crates_of_one_room_are_used_in_no_other() {
    for member in members().iter().filter(|member| room(member) != "tests") {
        // What only a crate's own tests and benches use is in no product.
        for dependency in member.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            let reserved = RESERVED.iter().find(|(name, _)| *name == dependency.name);
            assert!(
                reserved.is_none_or(|(_, owner)| *owner == member.name.as_str()),
                "{} may not use {}",
                member.name,
                dependency.name
            );
        }
    }
}

#[test]
fn members_share_version_licence_lints_and_rust_version() {
    for member in members() {
        let manifest: toml::Table = fs::read_to_string(&member.manifest_path).unwrap().parse().unwrap();
        for key in ["version", "edition", "rust-version", "license"] {
            let shared = manifest["package"][key].get("workspace");
            assert_eq!(shared, Some(&true.into()), "{}: package.{key}", member.name);
        }
        assert_eq!(manifest["lints"]["workspace"], true.into(), "{}: lints", member.name);
    }
}

#[test]
fn plugins_are_named_after_their_folder() {
    for member in members().iter().filter(|member| room(member) == "plugins") {
        let folder = member.manifest_path.parent().and_then(|dir| dir.file_name()).unwrap();
        assert_eq!(member.name.as_str(), format!("portraitd-plugin-{folder}"));
        let library = format!("portraitd_plugin_{}", folder.replace('-', "_"));
        assert!(
            member.targets.iter().any(|target| target.is_cdylib() && target.name == library),
            "{} makes no library {library}",
            member.name
        );
    }
}

#[test]
fn plugin_folders_are_uniform() {
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in tracked() {
        if let Some((plugin, inside)) = file.strip_prefix("plugins/").and_then(|rest| rest.split_once('/')) {
            folders.entry(plugin.to_owned()).or_default().push(inside.to_owned());
        }
    }
    assert!(folders.contains_key("files"), "the embedded plugin is there");
    for (plugin, mut inside) in folders {
        inside.sort();
        assert_eq!(inside, PLUGIN_FOLDER, "plugins/{plugin}");
    }
}

#[test]
fn unsafe_stands_only_in_the_named_files() {
    let mut found = BTreeSet::new();
    for (file, text) in rust_files() {
        if words(&code_of(&text)).any(|word| word == "unsafe") {
            found.insert(file);
        }
    }
    let allowed = BTreeSet::from(UNSAFE.map(str::to_owned));
    assert_eq!(found.difference(&allowed).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn core_names_no_backend() {
    let plugins = tracked().into_iter().filter_map(|file| {
        let (plugin, _) = file.strip_prefix("plugins/")?.split_once('/')?;
        Some(plugin.to_owned())
    });
    let plugins: BTreeSet<_> = plugins.filter(|plugin| plugin != "files").collect();
    // A test or a bench of a core crate may need some plugin to work with, and says which.
    let in_core = |file: &str| file.starts_with("core/") && file.contains("/src/");
    for (file, text) in rust_files().iter().filter(|(file, _)| in_core(file)) {
        let lower = text.to_lowercase();
        for plugin in &plugins {
            assert!(!lower.contains(plugin.as_str()), "{file} names the backend {plugin}");
        }
        // The embedded plugin has the name of an ordinary word: only as a literal would it be the plugin. As a key
        // of a JSON object it is the word again.
        let literal = text.match_indices("\"files\"").any(|(at, found)| {
            let (before, behind) = (text[..at].trim_end(), text[at + found.len()..].trim_start());
            let index = before
                .strip_suffix('[')
                .is_some_and(|value| value.ends_with(|c: char| c.is_alphanumeric() || c == ']'));
            !behind.starts_with(':') && !index
        });
        assert!(!literal, "{file} holds \"files\" as a literal");
        assert!(!lower.contains("portraitd_plugin_files"), "{file} names the library of a plugin");
    }
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    for (file, text) in rust_files() {
        let says = text.starts_with("//!") || text.starts_with("#![doc = include_str!");
        assert!(says, "{file} does not start with //!");
    }
}

#[test]
fn nothing_is_left_to_do_or_switched_off() {
    for (file, text) in rust_files() {
        let code = code_of(&text);
        let mut tokens = words(&code);
        let left = ["todo", "unimplemented"];
        assert!(!tokens.any(|word| left.contains(&word)), "{file} has an unfinished part");
        for attribute in ["#[ignore", "#[allow(", "#![allow("] {
            assert!(!code.contains(attribute), "{file} has {attribute}");
        }
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")] {
            assert!(!words(&text).any(|word| word == mark), "{file} has a {mark}");
        }
    }
}

#[test]
fn the_top_level_holds_the_rooms_and_nothing_else() {
    let mut top: BTreeSet<String> = BTreeSet::new();
    for file in tracked() {
        top.insert(file.split('/').next().unwrap_or_default().to_owned());
    }
    top.retain(|name| !name.starts_with('.') && !name.starts_with("LICENSE"));
    let rooms = ["Cargo.lock", "Cargo.toml", "README.md", "config", "core", "plugins", "tests"];
    assert_eq!(top, BTreeSet::from(rooms.map(str::to_owned)));
}

#[test]
fn the_config_file_in_the_tree_runs_as_it_stands() {
    let world = World::new();
    world.write_config(&tree_config());
    world.portraitd(&["check", "--config", "portraitd.toml"]).expect(0);
}

#[test]
fn commented_keys_stand_at_their_defaults() {
    let world = World::new();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.write_config(&tree_config());
    assert_eq!(world.sync(&[]).0, 0);
    let before = world.backend_files("portraits");
    let text = uncommented(&tree_config());
    assert_ne!(text, tree_config());
    world.write_config(&text);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["unchanged"]), (0, &1.into()), "a key has another default: {summary}");
    before.assert_untouched(&world.path("portraits"));
}

#[test]
fn every_backend_block_in_the_tree_works() {
    let folder = workspace_root().join("config/backends");
    let mut seen = BTreeSet::new();
    for block in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&block).unwrap();
        for text in [uncommented(&text), text] {
            let world = World::new();
            world.write_config(&text);
            let mut check = world.command(&["check", "--config", "portraitd.toml"]);
            check.envs(variables(&text).map(|name| (name, "set-by-the-administrator")));
            world.finish(check, SOON).expect(0);
        }
        seen.insert(block.file_stem().unwrap().to_string_lossy().into_owned());
    }
    let plugins = fs::read_dir(workspace_root().join("plugins")).unwrap();
    let plugins: BTreeSet<_> = plugins.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(seen, plugins, "each plugin has a block in config/backends");
}

/// The environment variables that a config names.
fn variables(config: &str) -> impl Iterator<Item = &str> {
    config.split("{ env = \"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0))
}

fn tree_config() -> String {
    fs::read_to_string(workspace_root().join("config/portraitd.toml")).unwrap()
}

/// The text with every commented key made a real one: a `#` with no space behind it switches a key off, and the lines
/// of a list that it opens with it.
fn uncommented(text: &str) -> String {
    let mut in_list = false;
    let line = |line: &str| {
        let Some(rest) = line.strip_prefix('#').filter(|rest| in_list || !rest.starts_with([' ', '#'])) else {
            return line.to_owned();
        };
        in_list = rest.ends_with('[') && rest.contains('=') || in_list && !rest.starts_with(']');
        rest.to_owned()
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Rust source without comments and without what stands in literals.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| raw_string(rest)).or_else(|| string(rest)).or_else(|| character(rest));
        if let Some(length) = skipped {
            code.push(' ');
            rest = &rest[length..];
        } else {
            // A whole word at once, so that the r of `for` never looks like the start of a raw string.
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = word.max(first.len_utf8());
            code.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    code
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    for (at, pair) in text.as_bytes().windows(2).enumerate() {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 2);
        }
    }
    Some(text.len())
}

fn raw_string(text: &str) -> Option<usize> {
    let inner = ["br", "cr", "r"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = inner.len() - inner.trim_start_matches('#').len();
    let body = inner[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(text.len() - body.len() + length)
}

fn string(text: &str) -> Option<usize> {
    let body = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '"' if !escaped => return Some(at + 2),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Some(text.len())
}

/// A character literal; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    if first == '\\' {
        return body[2..].find('\'').map(|at| at + 4);
    }
    body[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8() + 2)
}

#[test]
fn comments_and_literals_are_no_code() {
    let check = |text: &str, expected: &str| {
        let code = code_of(text);
        assert_eq!(words(&code).collect::<Vec<_>>().join(" "), expected, "{text}");
    };
    check("a // unsafe\nb /* unsafe /* x */ unsafe */ c", "a b c");
    check(r#"a "unsafe \" unsafe" b '"' c '\'' d"#, "a b c d");
    check("a r#\"unsafe \" unsafe\"# for 'life b br\"x\" c", "a for life b c");
    check("unsafe_code unsafe {}", "unsafe_code unsafe");
}

#[test]
fn only_switched_off_keys_are_uncommented() {
    let text = "# A sentence.\n#settle = \"2s\"\n#[admin]\n[log] # x\n#all = [\n#    1,\n#]\n#  No.\nlevel = 1";
    let expected = "# A sentence.\nsettle = \"2s\"\n[admin]\n[log] # x\nall = [\n    1,\n]\n#  No.\nlevel = 1";
    assert_eq!(uncommented(text), expected);
}
