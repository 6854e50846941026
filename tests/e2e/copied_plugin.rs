//! A backend is its plugin's folder and nothing else: each folder, copied under another name, is one more plugin that
//! builds and delivers beside the one that it was made of, with no edit anywhere else in the tree.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    binaries::{cargo, profile_dir, workspace_root},
    photos::{Number, Picture},
    stands::{Stand, VARIANTS, Variant},
    world::World,
};

/// What is appended to a plugin's name.
const COPY: &str = "-copy";
/// What lies in the tree and belongs to nobody who writes a backend.
const NO_SOURCE: [&str; 2] = ["target", ".git"];

/// The tree with the copies in it, below the target directory, so that a second run finds them built.
fn place() -> PathBuf {
    profile_dir().parent().expect("a profile lies in a target directory").join("copied-plugin")
}

/// Names of plugins, each once.
fn plugins() -> Vec<&'static str> {
    let mut names: Vec<_> = VARIANTS.iter().map(|variant| variant.plugin).collect();
    names.dedup();
    names
}

/// Copies a folder without what was built in it. What is the same already keeps its time, for cargo goes by that.
fn copy(from: &Path, to: &Path, edit: &dyn Fn(&Path, Vec<u8>) -> Vec<u8>) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        let name = path.file_name().expect("an entry has a name");
        if NO_SOURCE.iter().any(|built| name == *built) {
            continue;
        }
        if kind.is_dir() {
            copy(&path, &to.join(name), edit);
        } else if kind.is_file() {
            let bytes = edit(&path, fs::read(&path).unwrap());
            if fs::read(to.join(name)).ok().as_ref() != Some(&bytes) {
                fs::write(to.join(name), bytes).unwrap();
            }
        }
    }
}

/// The manifest of a plugin, with the name of the copy. It is the one line that says the name.
fn renamed(plugin: &str, path: &Path, bytes: Vec<u8>) -> Vec<u8> {
    if path.file_name() != Some(OsStr::new("Cargo.toml")) {
        return bytes;
    }
    let (text, name) = (String::from_utf8(bytes).unwrap(), format!("\"portraitd-plugin-{plugin}"));
    assert_eq!(text.matches(&name).count(), 1, "{}", path.display());
    text.replace(&name, &format!("{name}{COPY}")).into_bytes()
}

/// Copies the tree, and each plugin once more, and builds the copies.
fn build() {
    let (root, place) = (workspace_root(), place());
    copy(root, &place, &|_, bytes| bytes);
    let mut cargo = cargo();
    cargo.args(["build", "--quiet", "--offline", "--target-dir", "target"]).current_dir(&place);
    for plugin in plugins() {
        let folder = place.join("plugins").join(format!("{plugin}{COPY}"));
        copy(&root.join("plugins").join(plugin), &folder, &|path, bytes| renamed(plugin, path, bytes));
        cargo.args(["-p", &format!("portraitd-plugin-{plugin}{COPY}")]);
    }
    assert!(cargo.status().expect("cargo can be started").success(), "the copies do not build");
}

/// A backend of this plugin at the system of another one, whose only user is dropped as `user1`.
fn add_backend(world: &mut World, plugin: &str, variant: &Variant) -> Arc<dyn Stand> {
    let stand = variant.open(world, plugin);
    world.set(&format!("backend.{plugin}.plugin"), plugin);
    world.map_users(plugin, [("user1", stand.name(1).as_str())]);
    stand.add(1);
    stand
}

#[test]
fn a_copied_folder_is_one_more_plugin() {
    build();
    let mut world = World::new();
    world.set("backend.portraits.enabled", false);
    let folders = [profile_dir(), place().join("target/debug")];
    world.set("plugins.path", folders.map(|folder| folder.to_string_lossy().into_owned()).to_vec());
    let mut stands = Vec::new();
    for variant in VARIANTS.iter().filter(|variant| variant.settings.is_empty()) {
        for plugin in [variant.plugin.to_owned(), format!("{}{COPY}", variant.plugin)] {
            let stand = add_backend(&mut world, &plugin, variant);
            stands.push((plugin, stand));
        }
    }
    world.portraitd(&["check"]).expect(0);
    let number = Number { user: 1, version: 1 };
    world.move_in("user1.jpg", &number.photo());
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &stands.len().into()), "{summary}");
    for (plugin, stand) in stands {
        let shown = stand.shown(1);
        assert!(!shown.is_empty(), "{plugin} delivered nothing");
        for (name, picture) in shown {
            assert_eq!(Number::read(&Picture::decode(&name, &picture)), Some(number), "{plugin}: {name}");
        }
    }
}
