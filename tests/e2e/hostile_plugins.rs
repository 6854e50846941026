//! Plugins that misbehave in every way that a plugin in this process can and still be contained: each delivery fails
//! by name, the daemon goes on, and a backend beside them delivers as if they were not there.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    fixtures::{built_crate, compile, print_table, put, world_with_plugins},
    photos::portrait,
    world::{World, stays, wait_until},
};

/// What an author can do wrong with the sdk, and words of what is said about it.
const WITH_THE_SDK: [(&str, &str); 25] = [
    ("good", "done"),
    ("panics-in-open", "plugin `hostile`: it panicked at src/lib.rs:"),
    ("panics-in-renditions", ": before any photo"),
    ("panics-at-first-poll", ": at the first poll"),
    ("panics-after-a-reply", ": after a reply"),
    ("panics-in-drop", ": in a drop"),
    ("panics-in-a-payloads-drop", "(no text)"),
    ("panics-in-finish", "names the path `../../outside.jpg`, which is not relative and plain"),
    ("panics-in-a-thread", "done"),
    ("panics-in-close", "done"),
    ("waits-for-no-effect", "the plugin awaits something that is not a portraitd effect"),
    ("waits-for-a-thread", "the plugin awaits something that is not a portraitd effect"),
    ("uses-what-it-did-not-declare", "the plugin uses `file-remove` and does not name it in NEEDS"),
    ("long-receipt", "the receipt has 20002 bytes of JSON, more than the 16384 allowed"),
    ("ten-thousand-requests", "it asked for more than 1000 effects in one conversation"),
    ("polls-for-ever", "it asked for more than 1000 effects in one conversation"),
    ("sleeps-for-ever", "retry: it took longer than 10 s"),
    ("wakes-itself-for-ever", "the plugin woke itself 1000 times without waiting for an effect: a busy loop"),
    ("talks-without-end", "bytes, more than the 1048576 allowed"),
    ("forges-lines", r"image-rejected: a reason\r\nERROR a forged line\u{1b}[2J"),
    ("foreign-origin", "it calls `https://evil.example.com`, which is none of this backend's origins"),
    ("header-injection", "its header `x` holds a control character"),
    ("body-with-get", "it sends a body with GET"),
    ("anothers-secret", "the host says: the plugin names the secret `/token`, which it was not given"),
    ("path-outside", "it names the path `../../outside.jpg`, which is not relative and plain"),
];

/// What only a plugin without the sdk can do wrong.
const WITHOUT_THE_SDK: [(&str, &str); 27] = [
    ("garbage", "its answer cannot be read: expected value at line 1 column 1"),
    ("not-utf8", "its answer cannot be read: "),
    ("another-message", "its answer cannot be read: unknown variant `opened`"),
    ("half-an-answer", "its answer cannot be read: EOF while parsing a list"),
    ("no-answer", "it gave no answer"),
    ("oversized-answer", "its answer has 2097206 bytes, more than the 1048576 allowed"),
    ("unknown-status", "it returned the status 77, which means nothing"),
    ("failure-that-is-none", "its answer cannot be read: missing field `verdict`"),
    ("unknown-effect", "its answer cannot be read: unknown variant `format-disk`"),
    ("unknown-verdict", "its answer cannot be read: unknown variant `perfect`"),
    ("waits-for-nothing", "it waits, and asks for nothing"),
    ("no-task", "it waits for effects and gave no task to resume"),
    ("same-id-twice", "it used the effect number 1 twice"),
    ("same-id-again", "it used the effect number 1 twice"),
    ("cancels-what-it-never-asked", "it cancelled effect 9, which it never asked for"),
    ("waits-for-what-it-cancelled", "it waits, and asks for nothing"),
    ("waits-on-after-the-last-reply", "it waits, and asks for nothing"),
    ("another-rendition", "it names `poster`, a rendition that it was not given"),
    ("path-outside", "it names the path `../../etc/cron.d/x`, which is not relative and plain"),
    ("absolute-path", "it names the path `/etc/cron.d/x`, which is not relative and plain"),
    ("foreign-origin", "it calls `https://evil.example.com`, which is none of this backend's origins"),
    ("foreign-port", "it calls `https://chat.example.com:8443`, which is none of this backend's origins"),
    ("header-injection", "its header `x` holds a control character"),
    ("header-of-the-host", "it sends the header `content-length`, which is the host's own"),
    ("long-receipt", "its receipt has 20002 bytes, more than the 16384 allowed"),
    ("no-instance", "it opened a backend and gave none"),
    ("garbage-at-open", "its answer cannot be read: EOF while parsing a list"),
];

/// Gives a world one backend for each conduct of a plugin, named after both.
fn add_backends<'a>(world: &mut World, plugin: &str, conducts: impl IntoIterator<Item = &'a str>) {
    for conduct in conducts {
        let backend = backend(plugin, conduct);
        world.set(&format!("backend.{backend}.plugin"), plugin);
        world.set(&format!("backend.{backend}.settings.conduct"), conduct);
        world.set(&format!("backend.{backend}.settings.path"), backend.as_str());
        // A conversation has ten times as long as a request.
        world.set(&format!("backend.{backend}.timeout"), "1s");
    }
}

fn backend(plugin: &str, conduct: &str) -> String {
    format!("{plugin}-{conduct}")
}

/// What the daemon says of a backend: why it is down, or how the last attempt at the user ended.
fn said(status: &Value, explained: &Value, backend: &str) -> Option<String> {
    if status["backends"][backend]["state"] == "down" {
        return status["backends"][backend]["reason"].as_str().map(str::to_owned);
    }
    let attempt = explained["backends"][backend]["attempts"].as_array()?.last()?;
    let (verdict, reason) = (attempt["verdict"].as_str()?, attempt["reason"].as_str().unwrap_or_default());
    Some(format!("{verdict}: {reason}").trim_end_matches(": ").to_owned())
}

#[test]
fn a_hostile_plugin_fails_by_name_and_nobody_else_does() {
    let mut world = world_with_plugins();
    put(&world, "hostile", &fs::read(built_crate("hostile")).unwrap());
    compile(&world, "hostile-raw", "hostile-raw", &[]);
    add_backends(&mut world, "hostile", WITH_THE_SDK.map(|row| row.0));
    add_backends(&mut world, "hostile-raw", WITHOUT_THE_SDK.map(|row| row.0));
    world.start();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/anna/icon.jpg");

    let table = [("hostile", &WITH_THE_SDK[..]), ("hostile-raw", &WITHOUT_THE_SDK[..])];
    let mut rows = Vec::new();
    for (plugin, conducts) in table {
        for (conduct, words) in conducts {
            let backend = backend(plugin, conduct);
            let bound = Duration::from_secs(60);
            let said = wait_until(&backend, bound, || said(&world.status(), &world.explain("anna"), &backend));
            rows.push((backend, said, *words));
        }
    }
    let shown: Vec<_> = rows.iter().map(|(backend, said, _)| (backend.clone(), said.clone())).collect();
    print_table(["plugin and its conduct", "what the daemon said"], &shown);
    for (backend, said, words) in rows {
        assert!(said.contains(words), "{backend}: {said}");
        let by_name = said.contains("plugin `hostile") || !said.starts_with("bug") || said.contains("the host says");
        assert!(by_name, "{backend} is not blamed by its plugin's name: {said}");
    }

    // It is as well as before, and ends as it should.
    world.copy_in("berta.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/berta/icon.jpg");
    assert!(!world.path("outside.jpg").exists() && !world.path("../outside.jpg").exists());
    assert_eq!(world.stop(), 0, "{}", world.log());
}

/// A daemon with a plugin that hangs: what is said of it, and how long each delivery beside it took meanwhile.
fn hang(conduct: &str) -> (String, Vec<Duration>) {
    let mut world = world_with_plugins();
    put(&world, "hostile", &fs::read(built_crate("hostile")).unwrap());
    add_backends(&mut world, "hostile", [conduct]);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.start();
    world.wait_published("portraits/anna/icon.jpg");
    let name = backend("hostile", conduct);
    // What hangs in `finish` has told its outcome before, and the next delivery learns of it.
    let mut beside = Vec::new();
    let begun = Instant::now();
    let mut user = 0;
    let said = loop {
        user += 1;
        let dropped = Instant::now();
        world.move_in(&format!("user{user}.jpg"), &portrait("portrait.jpg"));
        world.wait_published(&format!("portraits/user{user}/icon.jpg"));
        beside.push(dropped.elapsed());
        let wedged = (1..=user).find_map(|user| {
            let said = said(&world.status(), &world.explain(&format!("user{user}")), &name)?;
            said.contains("wedged").then_some(said)
        });
        if let Some(said) = wedged {
            break said;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{conduct}: nothing is said\n{}", world.log());
        thread::sleep(Duration::from_millis(500));
    };
    stays("the daemon answers", Duration::from_millis(500), || world.status().is_object());
    world.set("run.grace", "1s");
    assert_eq!(world.stop(), 0, "{}", world.log());
    (said, beside)
}

#[test]
fn a_plugin_that_hangs_is_wedged_and_others_deliver_in_the_same_second() {
    let conducts = ["hangs-in-open", "hangs-in-a-step", "hangs-in-finish"];
    let hanging = conducts.map(|conduct| (conduct, thread::spawn(move || hang(conduct))));
    let mut rows = Vec::new();
    for (conduct, hanging) in hanging {
        let (said, mut beside) = hanging.join().unwrap();
        assert!(said.contains("plugin `hostile`: it is wedged: a call into it did not come back within 10s"), "{said}");
        beside.sort();
        let (usual, slowest) = (beside[beside.len() / 2].as_secs_f64(), beside[beside.len() - 1].as_secs_f64());
        // From the drop of a file to its picture, 0.2 s of which it must lie still. One may be late on a busy machine.
        assert!(usual < 1.0 && slowest < 5.0, "beside {conduct} a delivery took {usual} s, and {slowest} s at most");
        rows.push((conduct.to_owned(), format!("{said} [beside it: {usual:.2} s, {slowest:.2} s at most]")));
    }
    print_table(["conduct", "what the daemon said"], &rows);
}
