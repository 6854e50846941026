//! Neither the passwords nor a session's key are anywhere but in their files and in the requests.

use std::path::Path;

use super::*;
use crate::{binaries::binaries, fixtures::library};

/// How each begins: a text may be cut within it. That of the key is every key's.
const BEGINNINGS: [&str; 3] = ["app-9HqL", "Pass-0Yd", "cc2ba556"];

fn assert_silent(what: &str, text: &str) {
    for beginning in BEGINNINGS {
        assert!(!text.contains(beginning), "{what} tells {beginning}");
    }
}

fn search(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => search(&path),
            false => assert_silent(
                &path.display().to_string(),
                &String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()),
            ),
        }
    }
}

#[test]
fn no_text_tells_a_password_or_a_session() {
    let mut stage = Stage::with_photos(6);
    stage.world.set("log.level", "trace");
    let library = binaries().portraitd.with_file_name(library("igloo"));
    let photo = format!("drop/{}.jpg", guid(1));
    let args =
        ["plugins", "try", library.to_str().unwrap(), "--backend", WORKPLACE, "--user", &guid(1), "--photo", &photo];
    let tried = stage.world.portraitd(&[&args[..], &["--record", "recording"]].concat()).text();
    assert_silent("try", &tried);
    let recording = fs::read_to_string(stage.world.path("recording")).unwrap();
    assert!(recording.contains("TokenId"), "the login is not in the recording: {recording}");
    assert_silent("the recording", &recording);

    // A login that is cut within its key, one that a careless front repeats, and what such a front repeats of cookies.
    stage.igloo.strike_at(Call::Login);
    stage.igloo.fault(Fault::TruncatedJson, When::Next(1));
    stage.igloo.fault(Fault::Echo { status: 500, behind: 0 }, When::Next(1));
    stage.world.start();
    wait_until("the login fails", LONG, || (stage.igloo.struck().len() == 2).then_some(()));
    stage.igloo.strike_at(Call::Associate);
    for behind in [0, 40, 100, 160, 190] {
        stage.igloo.fault(Fault::Echo { status: 500, behind }, When::Next(1));
    }
    stage.wait_all_done();
    stage.assert_all_arrived();
    let reasons = (1..=6).flat_map(|member| stage.attempts(member));
    let repeated = reasons.filter(|(_, reason)| reason.contains("***")).count();
    assert!(repeated >= 4, "only {repeated} reasons had something to hide");
    for member in 1..=6 {
        assert_silent("explain", &stage.world.portraitd(&["explain", &guid(member)]).text());
    }
    stage.igloo.fault_everywhere(Fault::Echo { status: 401, behind: 3 }, When::UntilCleared);
    stage.drop_photo(Number { user: 1, version: 2 });
    let held = stage.wait_status("held", |status| status["state"] == "held");
    assert!(held["reason"].as_str().unwrap().contains("***"), "{held}");
    assert_silent("status", &stage.world.portraitd(&["status", "--json"]).text());
    assert_eq!(stage.world.stop(), 0);
    assert_silent("the log", &stage.world.log());
    search(&stage.world.path("state"));
}
