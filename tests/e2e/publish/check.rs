//! What `check` says of publishing: what it refuses, and what it only warns of.

use super::*;
use crate::{simulators::gallery::Gallery, world::Told};

impl Stage {
    fn check(&self, code: i32) -> Told {
        self.world.portraitd(&["check"]).expect(code)
    }
}

#[test]
fn a_backend_that_publishes_needs_a_place_to_do_so() {
    let mut stage = Stage::new(1);
    stage.world.set("publish.listen", "");
    stage.world.set("publish.url", "");
    for command in ["check", "run", "sync"] {
        let told = stage.world.portraitd(&[command]).expect(2);
        assert!(told.err.contains("failed to open the backend `chat`"), "{}", told.err);
        assert!(
            told.err.contains("no picture is published") && told.err.contains("hint: set publish.listen"),
            "{}",
            told.err
        );
    }
}

#[test]
fn a_url_that_leads_here_is_well_with_a_daemon_and_without() {
    let mut stage = Stage::with_pictures(1);
    let names = stage.names();
    let well = format!("publish http://127.0.0.1:{}{PATH}: ok", stage.port.0);
    let told = stage.check(0);
    assert!(told.out.contains(&well) && !told.text().contains("warning"), "{}", told.text());
    assert_eq!(stage.names(), names, "nothing is left of it");
    assert_eq!(stage.world.stop(), 0);
    let told = stage.check(0);
    assert!(told.out.contains(&well), "{}", told.text());
    let warning = told.out.lines().find(|line| line.contains("warning")).expect("a warning");
    for word in ["no portraitd serves pictures now", "`portraitd sync`", "`portraitd run`"] {
        assert!(warning.contains(word), "{word} is missing: {warning}");
    }
    assert_eq!(stage.names(), names);
}

#[test]
fn a_url_that_leads_elsewhere_is_a_warning() {
    let mut stage = Stage::new(1);
    let (nobody, other) = (Port::free(), Gallery::open());
    for (url, why) in [
        (format!("http://127.0.0.1:{}", nobody.0), "onnection refused"),
        (other.url(), "404"),
        (format!("http://127.0.0.1:{}/a", stage.port.0), ""),
    ] {
        stage.world.set("publish.url", url.clone());
        let told = stage.check(0);
        let line = told.out.lines().find(|line| line.starts_with(&format!("publish {url}"))).expect("a line about it");
        if why.is_empty() {
            assert!(line.contains(": ok"), "{line}");
        } else {
            assert!(line.contains("warning: it does not answer from here") && line.contains(why), "{line}");
        }
    }
}

#[test]
fn a_trial_publishes_nothing_and_says_why() {
    let stage = Stage::new(1);
    stage.drop_photo(Number { user: 1, version: 1 });
    let library = crate::binaries::profile_dir().join(crate::fixtures::library("rocketchat"));
    let trial = |more: &[&str]| {
        let library = library.to_str().unwrap();
        let args = ["plugins", "try", library, "--backend", "chat", "--user", "user1", "--photo", "drop/user1.jpg"];
        stage.world.portraitd(&[&args, more].concat())
    };
    let told = trial(&[]).expect(1);
    assert!(told.out.contains("no picture is published here"), "{}", told.out);
    let told = trial(&["--dry-run"]).expect(0);
    assert!(told.out.contains("published as http://127.0.0.1:"), "{}", told.out);
    assert_eq!(stage.told().len(), 0);
}
