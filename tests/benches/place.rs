//! A temporary folder with a config in which the measured program runs. It measures nothing.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::binaries::{binaries, workspace_root};

/// The folder: `drop/`, `portraits/`, `state/` and the config.
pub(crate) struct Place(TempDir);

impl Place {
    /// A place whose config has this text behind the folder's and the state's.
    pub(crate) fn new(backend: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("the temporary folder is writable"));
        fs::create_dir(place.path("drop")).unwrap();
        let config =
            format!("[folder]\npath = \"drop\"\nsettle = \"100ms\"\n\n[admin]\nlisten = \"off\"\n\n{backend}\n");
        fs::write(place.path("portraitd.toml"), config).unwrap();
        place
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(relative)
    }

    /// `portraitd <args>` here, with its log in the file `log`.
    pub(crate) fn portraitd(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&binaries().portraitd);
        let log = File::create(self.path("log")).unwrap();
        command.args(args).current_dir(self.path("."));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }
}

/// The backend of the default config.
pub(crate) const DEFAULT_BACKEND: &str =
    "[backend.portraits]\nplugin = \"files\"\n[backend.portraits.settings]\npath = \"portraits\"";

/// Makes `count` camera-like JPEGs of this size in a folder.
pub(crate) fn make_photos(folder: &Path, count: usize, width: usize, height: usize) {
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--release", "-p", "portraitd-pipeline", "--example", "make_photos", "--"])
        .arg(folder)
        .args([count, width, height].map(|number| number.to_string()))
        .current_dir(workspace_root())
        .stdout(Stdio::null())
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "no photos were made");
}
