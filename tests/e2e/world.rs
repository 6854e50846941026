//! One world per story: a temporary folder with a drop folder, a config, a state and a place for pictures, and the
//! real program running in it. It starts, stops and kills the daemon, runs commands and waits with a bound; it never
//! sleeps blindly and judges nothing that a story has not asked for.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::{net::UnixStream, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    binaries::binaries,
    photos::{Number, Picture},
    snapshot::Snapshot,
};

/// The bound for everything that should happen at once; long, because two tests and a build may share two cores.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The bound for a command that works through many photos.
pub(crate) const LONG: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a file must be unchanged in these worlds.
pub(crate) const SETTLE: Duration = Duration::from_millis(200);

/// A temporary folder in which portraitd lives.
pub(crate) struct World {
    dir: TempDir,
    config: toml::Table,
    daemon: Option<Child>,
    commands: AtomicU32,
}

/// What a finished command said.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Told {
    /// The exit code; a command that died of a signal has none and fails the story.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by signal {:?}: {}", self.status.signal(), self.err))
    }

    /// Panics with everything the command said unless it ended with this code.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The one JSON value on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error} in stdout:\n{}\nstderr:\n{}", self.out, self.err))
    }

    /// Both outputs, for words that may stand in either.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl World {
    /// A world with an empty drop folder and one backend `portraits` of the plugin `files`, with short times and no
    /// daemon running. The full scan is an hour away, so what happens soon happened by events.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("portraitd-").tempdir().expect("the temporary folder is writable");
        fs::create_dir(dir.path().join("drop")).unwrap();
        let mut world = Self { dir, config: toml::Table::new(), daemon: None, commands: AtomicU32::new(0) };
        world.set("folder.path", "drop");
        world.set("folder.settle", "200ms");
        world.set("folder.rescan", "1h");
        world.set("state.path", "state");
        world.set("log.level", "debug");
        // Most stories know their pictures by what is in the middle.
        world.set("photo.crop", "center");
        // Worlds live beside each other, and there is one default port.
        world.set("admin.listen", "off");
        world.add_backend("portraits");
        world
    }

    /// A world that scans every second.
    pub(crate) fn scanning() -> Self {
        let mut world = Self::new();
        world.set("folder.rescan", "1s");
        world
    }

    /// Configures one more backend of the plugin `files` that publishes into a folder of its own name.
    pub(crate) fn add_backend(&mut self, name: &str) {
        self.set(&format!("backend.{name}.plugin"), "files");
        self.set(&format!("backend.{name}.settings.path"), name);
    }

    /// Sets a key of the config by its dotted path and writes the file.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        let (parents, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut self.config;
        for part in parents.split('.').filter(|part| !part.is_empty()) {
            let entry = table.entry(part).or_insert_with(|| toml::Table::new().into());
            table = entry.as_table_mut().expect("a parent in the config is a table");
        }
        table.insert(last.to_owned(), value.into());
        self.write_config(&toml::to_string(&self.config).unwrap());
    }

    /// Sets the renditions of a backend to squares of the given names and sides.
    pub(crate) fn set_renditions(&mut self, backend: &str, squares: &[(&str, i64)]) {
        let rendition = |(name, side): &(&str, i64)| {
            let mut table = toml::Table::new();
            table.insert("name".into(), (*name).into());
            table.insert("width".into(), (*side).into());
            table.insert("height".into(), (*side).into());
            toml::Value::from(table)
        };
        let all: Vec<_> = squares.iter().map(rendition).collect();
        self.set(&format!("backend.{backend}.settings.renditions"), all);
    }

    /// Lets the rows of a file say what the system of a backend calls the users of these drop names.
    pub(crate) fn map_users<'a>(&mut self, backend: &str, rows: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let lines = rows.into_iter().map(|(name, remote)| format!("{name},{}\n", quoted(remote)));
        let file = self.path(format!("{backend}.csv"));
        fs::write(&file, format!("userid,name there\n{}", lines.collect::<String>())).unwrap();
        for (key, value) in [("file", file.to_str().unwrap()), ("key", "userid"), ("value", "name there")] {
            self.set(&format!("backend.{backend}.users.{key}"), value);
        }
    }

    /// Replaces the config file by this text; the next `set` goes back to the keys.
    pub(crate) fn write_config(&self, text: &str) {
        fs::write(self.path("portraitd.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub(crate) fn drop_folder(&self) -> PathBuf {
        self.path("drop")
    }
}

/// The drop folder and what was published.
impl World {
    /// Puts a file into the drop folder as `cp` does: created under its name and written.
    pub(crate) fn copy_in(&self, name: &str, bytes: &[u8]) {
        fs::write(self.drop_folder().join(name), bytes).unwrap();
    }

    /// Puts a file into the drop folder by a rename from outside, replacing one of that name.
    pub(crate) fn move_in(&self, name: &str, bytes: &[u8]) {
        let outside = self.path(format!("outgoing-{name}"));
        fs::write(&outside, bytes).unwrap();
        fs::rename(outside, self.drop_folder().join(name)).unwrap();
    }

    /// Takes a file out of the drop folder.
    pub(crate) fn take_out(&self, name: &str) {
        fs::remove_file(self.drop_folder().join(name)).unwrap();
    }

    /// A published file, when it is there.
    pub(crate) fn published(&self, relative: &str) -> Option<Vec<u8>> {
        fs::read(self.path(relative)).ok()
    }

    /// A published picture, decoded. Nothing half may ever be visible, so a file that is no whole JPEG fails the story.
    pub(crate) fn picture(&self, relative: &str) -> Option<Picture> {
        let bytes = self.published(relative)?;
        Some(Picture::decode(relative, &bytes))
    }

    /// The number that a published square rendition carries.
    pub(crate) fn number(&self, relative: &str) -> Option<Number> {
        let picture = self.picture(relative)?;
        Some(Number::read(&picture).unwrap_or_else(|| panic!("{relative} carries no number")))
    }

    /// Everything that a backend of these worlds holds.
    pub(crate) fn backend_files(&self, backend: &str) -> Snapshot {
        Snapshot::of(&self.path(backend))
    }

    /// Waits until a published file is there.
    pub(crate) fn wait_published(&self, relative: &str) -> Picture {
        wait_until(relative, SOON, || self.picture(relative))
    }

    /// Waits until this version of a numbered user's icon is published at a backend.
    pub(crate) fn wait_number(&self, relative: &str, number: Number) {
        wait_until(&format!("{number} in {relative}"), SOON, || (self.number(relative)? == number).then_some(()));
    }
}

/// The program.
impl World {
    /// `portraitd <args>` in this world, not yet started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&binaries().portraitd);
        command.args(args).current_dir(self.dir.path());
        command
    }

    /// Runs a command of portraitd to its end.
    pub(crate) fn portraitd(&self, args: &[&str]) -> Told {
        self.finish(self.command(args), LONG)
    }

    /// Runs any command in this world to its end, and kills it with a panic after `bound`.
    pub(crate) fn finish(&self, mut command: Command, bound: Duration) -> Told {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let (out, err) = (self.path(format!("out-{number}")), self.path(format!("err-{number}")));
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut child = command.spawn().expect("the command can be started");
        let said = |path| String::from_utf8(fs::read(path).unwrap()).expect("only UTF-8 is printed");
        let Some(status) = ended_within(&mut child, bound) else {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end within {bound:?}\n{}\n{}", said(&out), said(&err));
        };
        let told = Told { status, out: said(&out), err: said(&err) };
        fs::remove_file(out).and_then(|()| fs::remove_file(err)).unwrap();
        told
    }

    /// Starts `portraitd run` and waits until it answers.
    pub(crate) fn start(&mut self) {
        let command = self.command(&["run"]);
        self.start_as(command);
        self.wait_answering();
    }

    /// Starts a prepared command as this world's daemon, without waiting for it.
    pub(crate) fn start_as(&mut self, mut command: Command) {
        assert!(self.daemon.is_none(), "one daemon per world");
        let mut log = File::options().append(true).create(true).open(self.log_path()).unwrap();
        writeln!(log, "--- {command:?}").unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.daemon = Some(command.spawn().expect("the daemon can be started"));
    }

    /// Waits until the daemon's control socket takes connections.
    pub(crate) fn wait_answering(&mut self) {
        let socket = self.path("state/control.sock");
        let log = self.log_path();
        let daemon = self.daemon.as_mut().expect("a daemon was started");
        wait_until("the daemon to answer", SOON, || {
            if let Some(status) = daemon.try_wait().unwrap() {
                panic!("the daemon ended with {status}:\n{}", tail(&log));
            }
            UnixStream::connect(&socket).ok().map(drop)
        });
    }

    /// Starts the daemon again after `stop` or `kill`, with the config as it is now.
    pub(crate) fn restart(&mut self) {
        assert_eq!(self.stop(), 0, "the daemon did not end well:\n{}", self.log());
        self.start();
    }

    /// Ends the daemon with SIGTERM and answers its exit code.
    pub(crate) fn stop(&mut self) -> i32 {
        self.signal(Signal::TERM);
        let status = self.wait_end();
        status.code().unwrap_or_else(|| panic!("the daemon died: {status}\n{}", self.log()))
    }

    /// Ends the daemon with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait_end();
    }

    /// Sends the daemon a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the daemon is ours and not yet waited for");
    }

    /// Waits for the end of the daemon, however it comes.
    pub(crate) fn wait_end(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().expect("a daemon was started");
        ended_within(&mut daemon, SOON + SOON).unwrap_or_else(|| {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
            panic!("the daemon did not end:\n{}", self.log())
        })
    }

    /// The process id of the running daemon.
    pub(crate) fn pid(&self) -> Pid {
        let daemon = self.daemon.as_ref().expect("a daemon was started");
        Pid::from_child(daemon)
    }

    /// `portraitd status --json`.
    pub(crate) fn status(&self) -> Value {
        self.portraitd(&["status", "--json"]).expect(0).json()
    }

    /// `portraitd explain <user> --json`; null for a user that portraitd does not know.
    pub(crate) fn explain(&self, user: &str) -> Value {
        let told = self.portraitd(&["explain", user, "--json"]);
        if told.code() == 1 { Value::Null } else { told.expect(0).json() }
    }

    /// `portraitd sync --json <args>`: the exit code and the summary.
    pub(crate) fn sync(&self, args: &[&str]) -> (i32, Value) {
        let told = self.portraitd(&[&["sync", "--json"], args].concat());
        assert!(told.code() <= 1, "sync ended with {}:\n{}", told.code(), told.err);
        (told.code(), told.json())
    }

    /// Waits until `status --json` satisfies the story; a failure shows the last one.
    pub(crate) fn wait_status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.wait_value(what, || self.status(), holds)
    }

    /// Waits until `explain --json` of a user satisfies the story.
    pub(crate) fn wait_explain(&self, user: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.wait_value(what, || self.explain(user), holds)
    }

    fn wait_value(&self, what: &str, look: impl Fn() -> Value, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let end = Instant::now() + SOON;
        while Instant::now() < end {
            last = look();
            if holds(&last) {
                return last;
            }
            thread::sleep(LOOK_EVERY);
        }
        panic!("not within {SOON:?}: {what}; the last answer: {last:#}\n{}", self.log());
    }

    /// What the daemons of this world wrote.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.path("daemon.log")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            // It may have ended already; then there is nothing to kill.
            let _ended = daemon.kill();
            let _status = daemon.wait();
        }
        if thread::panicking() {
            eprintln!("the daemon's log ends with:\n{}", tail(&self.log_path()));
        }
    }
}

/// Looks until there is something or `bound` is over; panics then and says what was waited for.
pub(crate) fn wait_until<T>(what: &str, bound: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + bound;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {bound:?}: {what}");
        thread::sleep(LOOK_EVERY);
    }
}

/// Watches for `span` that something stays true. Only for promises that nothing happens.
pub(crate) fn stays(what: &str, span: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + span;
    while Instant::now() < end {
        assert!(holds(), "no longer true: {what}");
        thread::sleep(LOOK_EVERY);
    }
}

/// The names in the `file` fields of a list of `status --json`.
pub(crate) fn files_in(list: &Value) -> Vec<&str> {
    let entries = list.as_array().expect("a list of files");
    entries.iter().map(|entry| entry["file"].as_str().expect("a file name")).collect()
}

fn ended_within(child: &mut Child, bound: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + bound;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn tail(path: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
