//! Photos of two megapixels for all four systems, each of which answers after 20 ms: photos for each CPU second, requests
//! for each photo and peak memory; and the same by a simple script (`peer/upload.py`: Pillow, requests and a pool of
//! threads) on the same photos in the same run. The script remembers nothing, tries nothing again and judges no photo.
//!
//! The simulated systems run in this process, on the same cores.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    binaries::workspace_root,
    chat::user,
    measure::{Costs, costs_of, megabytes},
    place::{Place, TWO_MEGAPIXELS, link_photos, make_photos, photos_in},
    simulators::{
        creatorshub::{self, CreatorsHub, Paths},
        igloo::{self, Igloo},
        rocketchat::{self, Profile, RocketChat},
        staffbase::{self, Size, Staffbase},
    },
};

/// Peak memory must not depend on the number of photos.
const COUNTS: [usize; 2] = [1_250, 5_000];
const LATENCY: Duration = Duration::from_millis(20);
const SIDE_BY_SIDE: usize = 8;
const SYSTEMS: usize = 4;

/// What the script needs, in versions that fit each other.
const PEER: [&str; 2] = ["pillow==12.0.0", "requests==2.32.5"];

pub(crate) fn bench() {
    let source = tempfile::tempdir().expect("the temporary folder is writable");
    make_photos(source.path(), COUNTS[1], TWO_MEGAPIXELS);
    let [width, height] = TWO_MEGAPIXELS;
    println!(
        "photos of {width} x {height} pixels to four simulated systems that answer after {LATENCY:?}, {SIDE_BY_SIDE} at"
    );
    println!("a time at each; the same by a script with {} threads", SIDE_BY_SIDE * SYSTEMS);
    println!("  photos             wall s   CPU s  photos/CPU s  requests/photo  peak MB");
    let python = python();
    for count in COUNTS {
        let ours = by_portraitd(source.path(), count);
        print_row(count, "portraitd", &ours);
        let Some(python) = &python else { continue };
        let theirs = by_script(python, source.path(), count);
        print_row(count, "script", &theirs);
        let ratio = |of: fn(&Row) -> f64| of(&ours) / of(&theirs);
        print!("{count:>8}  ratio      {:>6.2} {:>7.2}", ratio(|row| row.costs.wall.as_secs_f64()), ratio(cpu));
        println!(" {:>13.2} {:>15.2} {:>8.2}", 1.0 / ratio(cpu), ratio(|row| row.requests), ratio(peak));
    }
}

struct Row {
    costs: Costs,
    /// For each photo.
    requests: f64,
}

fn cpu(row: &Row) -> f64 {
    row.costs.cpu.as_secs_f64()
}

fn peak(row: &Row) -> f64 {
    megabytes(row.costs.peak_kib)
}

fn print_row(count: usize, who: &str, row: &Row) {
    let each = count as f64 / cpu(row);
    print!("{count:>8}  {who:9} {:>7.1} {:>7.1}", row.costs.wall.as_secs_f64(), cpu(row));
    println!(" {each:>13.1} {:>15.2} {:>8.1}", row.requests, peak(row));
}

/// The four systems, all with the same users.
struct Systems {
    app: Staffbase,
    hub: CreatorsHub,
    workplace: Igloo,
    chat: RocketChat,
    users: Vec<User>,
}

/// Somebody, and what each system calls them.
struct User {
    name: String,
    app: String,
    hub: u64,
    workplace: String,
}

impl Systems {
    fn with_users(photos: &[PathBuf]) -> Self {
        let (app, hub, workplace) = (Staffbase::start(), CreatorsHub::start(Paths::User), Igloo::start());
        let chat = RocketChat::start(Profile::V8);
        let meet = |(number, photo): (usize, &PathBuf)| {
            let name = user(photo);
            let guid = format!("ac94442a-be8c-4a8d-80a0-{number:012x}");
            let someone = User { app: app.add_user(&name), hub: 1_000 + number as u64, workplace: guid, name };
            hub.add_user(someone.hub);
            workplace.add_member(&someone.workplace, &format!("{}@example.com", someone.name));
            chat.add_user(&someone.name);
            someone
        };
        let users = photos.iter().enumerate().map(meet).collect();
        app.set_latency(LATENCY);
        hub.set_latency(LATENCY);
        workplace.set_latency(LATENCY);
        chat.set_latency(LATENCY);
        Self { app, hub, workplace, chat, users }
    }

    fn requests(&self) -> usize {
        let [app, hub] = [self.app.seen().len(), self.hub.seen().len()];
        app + hub + self.workplace.seen().len() + self.chat.seen().len()
    }

    /// Every user has a picture everywhere, and those of the last one are of the right sizes.
    fn check(&self) {
        for User { name, app, hub, workplace } in &self.users {
            let there = Size::ALL.map(|size| self.app.picture(app, size).is_some());
            assert_eq!(there, [true; 3], "{name} at Staffbase");
            assert!(self.hub.picture(*hub).is_some(), "{name} at CreatorsHub");
            assert!(self.workplace.picture(workplace).is_some(), "{name} at Igloo");
            assert!(self.chat.picture(name).is_some(), "{name} at Rocket.Chat");
        }
    }

    fn row(&self, costs: Costs) -> Row {
        self.check();
        Row { costs, requests: self.requests() as f64 / self.users.len() as f64 }
    }
}

fn by_portraitd(source: &Path, count: usize) -> Row {
    let systems = Systems::with_users(&photos_in(source)[..count]);
    let place = Place::new(&backends_at(&systems));
    for (file, secret) in [
        ("staffbase", staffbase::TOKEN),
        ("creatorshub", creatorshub::TOKEN),
        ("igloo-app", igloo::APP_PASSWORD),
        ("igloo", igloo::PASSWORD),
        ("rocketchat", rocketchat::TOKEN),
    ] {
        fs::write(place.path(file), secret).unwrap();
    }
    let mut rows = "userid,staffbase,creatorshub,igloo\n".to_owned();
    for User { name, app, hub, workplace } in &systems.users {
        writeln!(rows, "{name},{app},{hub},{workplace}").unwrap();
    }
    fs::write(place.path("people.csv"), rows).unwrap();
    link_photos(source, &place.path("drop"), count);
    systems.row(costs_of(&mut place.portraitd(&["sync"]).spawn().unwrap()))
}

/// The four backends in their default modes; users and secrets lie in files beside the config.
fn backends_at(systems: &Systems) -> String {
    let block = |plugin: &str, url: String, settings: &str| {
        let users = match plugin {
            "rocketchat" => String::new(),
            column => format!("users = {{ file = \"people.csv\", key = \"userid\", value = \"{column}\" }}\n"),
        };
        format!(
            "[backend.{plugin}]\nplugin = \"{plugin}\"\nconcurrency = {SIDE_BY_SIDE}\n{users}\
             [backend.{plugin}.settings]\nbase-url = \"{url}\"\n{settings}\n"
        )
    };
    [
        block("staffbase", systems.app.url(), "token = { file = \"staffbase\" }"),
        block("creatorshub", systems.hub.url(), "token = { file = \"creatorshub\" }"),
        block(
            "igloo",
            systems.workplace.url(),
            &format!(
                "community-key = {}\napp-id = \"{}\"\napp-password = {{ file = \"igloo-app\" }}\n\
                 username = \"{}\"\npassword = {{ file = \"igloo\" }}",
                igloo::COMMUNITY,
                igloo::APP_ID,
                igloo::USERNAME
            ),
        ),
        block(
            "rocketchat",
            systems.chat.url(),
            &format!("user-id = \"{}\"\nauth-token = {{ file = \"rocketchat\" }}", rocketchat::USER_ID),
        ),
    ]
    .concat()
}

fn by_script(python: &Path, source: &Path, count: usize) -> Row {
    let photos = &photos_in(source)[..count];
    let systems = Systems::with_users(photos);
    let rows: Vec<Value> = systems
        .users
        .iter()
        .zip(photos)
        .map(|(User { name, app, hub, workplace }, photo)| {
            let file = photo.file_name().unwrap().to_str().unwrap();
            json!({ "file": file, "staffbase": app, "creatorshub": hub, "igloo": workplace, "rocketchat": name })
        })
        .collect();
    let plan = json!({
        "folder": source,
        "threads": SIDE_BY_SIDE * SYSTEMS,
        "rows": rows,
        "staffbase": { "url": systems.app.url(), "token": staffbase::TOKEN },
        "creatorshub": { "url": systems.hub.url(), "token": creatorshub::TOKEN },
        "igloo": {
            "url": systems.workplace.url(),
            "community-key": igloo::COMMUNITY,
            "app-id": igloo::APP_ID,
            "app-password": igloo::APP_PASSWORD,
            "username": igloo::USERNAME,
            "password": igloo::PASSWORD,
        },
        "rocketchat": {
            "url": systems.chat.url(),
            "user-id": rocketchat::USER_ID,
            "token": rocketchat::TOKEN,
        },
    });
    let place = tempfile::tempdir().expect("the temporary folder is writable");
    let file = place.path().join("plan.json");
    fs::write(&file, plan.to_string()).unwrap();
    let script = workspace_root().join("tests/benches/peer/upload.py");
    systems.row(costs_of(&mut Command::new(python).arg(script).arg(file).spawn().unwrap()))
}

/// A Python that has what the script needs, in an environment below `target`; none where Python or its packages are not
/// to be had.
fn python() -> Option<PathBuf> {
    let place = workspace_root().join("target/peer");
    let python = place.join("bin/python");
    let done = |command: &mut Command| command.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    let is_there = place.join("done").exists()
        || (done(Command::new("python3").args(["-m", "venv"]).arg(&place))
            && done(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PEER))
            && fs::write(place.join("done"), "").is_ok());
    if !is_there {
        println!("the script is left out: it needs python3 with venv, and {}", PEER.join(" and "));
    }
    is_there.then_some(python)
}
