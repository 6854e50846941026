//! Runs portraitd under strace(1) with one system call made to fail or to kill: faults that a test cannot make by
//! other means, without a line in the product that only tests see. Where strace or ptrace(2) is not to be had, the
//! stories that need it print one line and end.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::binaries::binaries;

/// What strace shall do to one kind of system call.
pub(crate) struct Fault<'a> {
    /// The calls, separated by commas: `fsync,fdatasync`.
    pub(crate) calls: &'a str,
    /// What happens: `error=EIO`, `signal=KILL`.
    pub(crate) effect: &'a str,
    /// Which calls: `3` (the third of each thread), `2+` (from the second on).
    pub(crate) when: &'a str,
    /// Only calls on this file or folder, where given.
    pub(crate) path: Option<&'a Path>,
}

impl Fault<'_> {
    /// portraitd in `folder` under this fault. The tracer is the grandchild (`-D`), so that signals and exit codes are
    /// those of portraitd itself.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let Self { calls, effect, when, path } = self;
        let mut strace = Command::new("strace");
        strace
            .args(["-D", "-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={calls}"))
            .arg("-e")
            .arg(format!("inject={calls}:{effect}:when={when}"))
            .args(path.iter().flat_map(|path| [Path::new("-P"), *path]))
            .arg("--")
            .arg(&binaries().portraitd)
            .current_dir(folder);
        strace
    }
}

/// Whether strace can trace a process here; when it cannot, says so once for `story`.
pub(crate) fn works(story: &str) -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    let works = *WORKS.get_or_init(|| {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "--", "true"]);
        strace.stdin(Stdio::null()).stderr(Stdio::null());
        strace.status().is_ok_and(|status| status.success())
    });
    if !works {
        println!("skipped: {story}: strace does not work here");
    }
    works
}
