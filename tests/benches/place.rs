//! A temporary folder with a config in which the measured program runs. It measures nothing.

use std::{
    fs::{self, File},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
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

    /// A daemon that runs here, once it answers.
    pub(crate) fn daemon(&self) -> Child {
        let mut daemon = self.portraitd(&["run"]).spawn().expect("the release build can be started");
        while UnixStream::connect(self.path("state/control.sock")).is_err() {
            assert!(daemon.try_wait().unwrap().is_none(), "{}", fs::read_to_string(self.path("log")).unwrap());
            thread::sleep(Duration::from_millis(10));
        }
        daemon
    }
}

/// The backend of the default config.
pub(crate) const DEFAULT_BACKEND: &str =
    "[backend.portraits]\nplugin = \"files\"\n[backend.portraits.settings]\npath = \"portraits\"";

/// Width and height of a photo of two megapixels.
pub(crate) const TWO_MEGAPIXELS: [usize; 2] = [1_632, 1_224];

/// Makes `count` camera-like JPEGs of this size in a folder: `user00001.jpg` and so on, no two the same.
pub(crate) fn make_photos(folder: &Path, count: usize, [width, height]: [usize; 2]) {
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

/// Hard links to the first `count` photos, for copies would only heat the disk.
pub(crate) fn link_photos(source: &Path, drop: &Path, count: usize) {
    for photo in photos_in(source).iter().take(count) {
        fs::hard_link(photo, drop.join(photo.file_name().unwrap())).unwrap();
    }
}

/// The files of a folder, sorted.
pub(crate) fn photos_in(folder: &Path) -> Vec<PathBuf> {
    let mut photos: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    photos.sort();
    photos
}
