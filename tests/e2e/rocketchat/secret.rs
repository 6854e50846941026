//! The token is nowhere but in its file and in the requests, whatever the server repeats of it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
};

use super::*;
use crate::{
    admin::{PATHS, Port},
    binaries::binaries,
    fixtures::library,
};

const PHOTOS: u32 = 24;
const CANARY: &str = "canary/Xw4+tR9vLm2Qz7Kp5Yd8Hs3Jf6Nb1Gc0Ve=";
/// How the canary begins as it is, percent-encoded and in base64. The beginnings, for a text may be cut within it.
const BEGINNINGS: [&str; 3] = ["canary/X", "canary%2FX", "Y2FuYXJ5L1h3"];

/// Something that somebody can read, by what it is.
type Text = (String, String);

/// Every file below a folder. Those of the ledger are no text; the canary would stand in them all the same.
fn files_below(folder: &Path, texts: &mut Vec<Text>) {
    for entry in fs::read_dir(folder).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        if kind.is_dir() {
            files_below(&path, texts);
        } else if kind.is_file() {
            // The daemon may replace a file of its own at any time.
            let bytes = fs::read(&path).unwrap_or_default();
            texts.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

fn asked(stage: &Stage, question: &str) -> Text {
    let mut stream = UnixStream::connect(stage.world.path("state/control.sock")).unwrap();
    writeln!(stream, "{question}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert!(answer.starts_with('{'), "{question}: {answer}");
    (question.to_owned(), answer)
}

fn told(stage: &Stage, args: &[&str]) -> Text {
    (args.join(" "), stage.world.portraitd(args).text())
}

/// All that a running daemon shows. What else it will show one day belongs into this list.
fn texts_of_daemon(stage: &Stage, port: Port) -> Vec<Text> {
    let mut texts = vec![told(stage, &["status"]), told(stage, &["status", "--json"])];
    texts.extend(PATHS.map(|path| (path.to_owned(), port.get(path).body)));
    texts.push(asked(stage, r#"{"status":{}}"#));
    for user in 1..=PHOTOS {
        let name = format!("user{user}");
        texts.push(told(stage, &["explain", &name]));
        texts.push(told(stage, &["explain", &name, "--json"]));
        texts.push(asked(stage, &format!(r#"{{"explain":{{"userid":"{name}"}}}}"#)));
    }
    texts
}

fn texts_of_disk(stage: &Stage) -> Vec<Text> {
    let mut texts = vec![("the log".to_owned(), stage.world.log())];
    for folder in ["state", "drop", "portraits"] {
        files_below(&stage.world.path(folder), &mut texts);
    }
    texts
}

fn assert_silent(texts: &[Text]) {
    for (what, text) in texts {
        for beginning in BEGINNINGS {
            if let Some((before, token)) = text.split_once(beginning) {
                let before: Vec<_> = before.chars().rev().take(80).collect();
                let before: String = before.into_iter().rev().collect();
                panic!("{what} tells the token: {before}{beginning}{}", token.chars().take(60).collect::<String>());
            }
        }
    }
}

/// What an author sees of a delivery, and the recording of it.
fn texts_of_try(stage: &Stage) -> Vec<Text> {
    let library = binaries().portraitd.with_file_name(library("rocketchat"));
    let args = ["--backend", CHAT, "--user", "user1", "--photo", "drop/user1.jpg", "--record", "recording"];
    let tried = told(stage, &[&["plugins", "try", library.to_str().unwrap()][..], &args].concat());
    let recording = fs::read_to_string(stage.world.path("recording")).unwrap();
    assert!(recording.contains("x-auth-token"), "the answer with the token is not in the recording: {recording}");
    vec![tried, ("the recording".to_owned(), recording)]
}

/// Lets failures repeat the token at each place of a reason, the end of what is quoted included.
fn echo_everywhere(stage: &Stage) {
    for behind in (0..200).step_by(11) {
        stage.chat.fault(Fault::Echo { status: 500, behind }, When::Next(1));
    }
}

#[test]
fn the_token_is_told_nobody_whatever_the_server_repeats() {
    let mut stage = Stage::with_photos(PHOTOS).with_portraits();
    let port = Port::free();
    for (key, value) in
        [("log.level", "trace"), ("log.format", "json"), ("admin.listen", &format!("127.0.0.1:{}", port.0))]
    {
        stage.world.set(key, value);
    }
    stage.write_token(CANARY);
    stage.chat.set_token(CANARY);
    let mut texts = vec![told(&stage, &["sync", "--dry-run"]), told(&stage, &["check", "--probe"])];
    stage.chat.fault(Fault::Echo { status: 500, behind: 160 }, When::Next(1));
    texts.extend(texts_of_try(&stage));
    echo_everywhere(&stage);
    texts.push(told(&stage, &["sync", "--wait", "0s"]));
    stage.world.start();
    stage.wait_all_done();
    texts.extend(texts_of_daemon(&stage, port));
    let repeated = texts.iter().filter(|(what, text)| what.starts_with("explain") && text.contains("***")).count();
    assert!(repeated >= 20, "only {repeated} answers had a token to hide");

    stage.chat.fault(Fault::Echo { status: 401, behind: 3 }, When::UntilCleared);
    stage.drop_photo(Number { user: 1, version: 2 });
    let held = stage.wait_status("held", |status| status["state"] == "held");
    assert!(held["reason"].as_str().unwrap().contains("***"), "{held}");
    texts.extend(texts_of_daemon(&stage, port));
    texts.extend(texts_of_disk(&stage));
    assert_eq!(stage.world.stop(), 0);
    texts.extend(texts_of_disk(&stage));
    texts.push(told(&stage, &["status", "--json"]));
    println!("{} texts searched, {} bytes", texts.len(), texts.iter().map(|(_, text)| text.len()).sum::<usize>());
    assert_silent(&texts);
}
