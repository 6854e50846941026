//! This test binary, run once more as a process that can be killed. Checks nothing itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use portraitd_ledger::{Ledger, Lock};

use crate::support::{changes_of, write};

/// What the other process is to do, and where.
const TASK: &str = "PORTRAITD_LEDGER_TEST_TASK";
const STATE: &str = "PORTRAITD_LEDGER_TEST_STATE";

/// How many calls of the writing process are not answered at a time.
const IN_FLIGHT: u64 = 8;

/// Another process; it is killed when this is dropped.
pub(crate) struct Other {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Other {
    /// Starts a process that takes the lock and keeps it.
    pub(crate) fn holding(state: &Path) -> Self {
        Self::start(this_binary(), "hold", state)
    }

    /// Starts a process that writes one user after the other, from the first that is not there yet, and says `ack <n>`.
    pub(crate) fn writing(state: &Path) -> Self {
        Self::start(this_binary(), "write", state)
    }

    /// The same, but no file may grow beyond so many blocks. It goes on until a write fails, and says what happened.
    pub(crate) fn writing_within(state: &Path, blocks: u32) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.arg("-c").arg(script).arg(std::env::current_exe().unwrap()).args(ARGUMENTS);
        Self::start(shell, "write", state)
    }

    fn start(mut command: Command, task: &str, state: &Path) -> Self {
        command.env(TASK, task).env(STATE, state).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that is for us and not the test harness's.
    pub(crate) fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(line) = line.trim_end().strip_prefix("other: ") {
                return Some(line.to_owned());
            }
        }
    }

    /// Kills the process with SIGKILL and gives what it had said until then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.rest()
    }

    /// What it says until it ends.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.line()).collect();
        self.child.wait().unwrap();
        lines
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const ARGUMENTS: [&str; 3] = ["--exact", "child::the_other_process_does_what_it_is_asked", "--nocapture"];

fn this_binary() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(ARGUMENTS);
    command
}

/// In the first process this has nothing to do.
#[test]
fn the_other_process_does_what_it_is_asked() {
    let Some(state) = std::env::var_os(STATE).map(PathBuf::from) else { return };
    match std::env::var(TASK).unwrap().as_str() {
        "hold" => hold(&state),
        "write" => write_on(&state),
        task => panic!("{task} is no task"),
    }
}

fn hold(state: &Path) {
    let _lock = Lock::take(state).unwrap();
    println!("\nother: held");
    drop(std::io::stdin().read(&mut [0]));
}

fn write_on(state: &Path) {
    let opened = Ledger::open(&Lock::take(state).unwrap()).unwrap();
    let first = opened.snapshot.users.len() as u64;
    let (answer, answers) = std::sync::mpsc::channel();
    for n in first.. {
        let answer = answer.clone();
        opened.ledger.write(changes_of(n), move |result| {
            if result.is_ok() {
                println!("\nother: ack {n}");
            }
            drop(answer.send(result));
        });
        if n >= first + IN_FLIGHT
            && let Err(error) = answers.recv().unwrap()
        {
            println!("\nother: failed {error}");
            break;
        }
    }
    println!("\nother: then {}", write(&opened.ledger, changes_of(0)).unwrap_err());
    println!("\nother: closed {}", opened.ledger.close().unwrap_err());
}
