//! The admin port: what each path answers, who is not answered, that rude visitors harm nobody, and that no answer
//! names a user. Requests are written by hand, byte by byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    iter,
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    photos::{Number, cut, portrait},
    simulators::rocketchat::{Profile, RocketChat, TOKEN, USER_ID},
    world::{SOON, World, wait_until},
};

pub(crate) const PATHS: [&str; 4] = ["/healthz", "/readyz", "/status", "/metrics"];

/// One answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.split(' ').nth(1));
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        Self {
            status: status.expect("a status line").parse().unwrap(),
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }
}

/// The admin port of one world's daemon.
#[derive(Clone, Copy)]
pub(crate) struct Port(pub(crate) u16);

impl Port {
    /// One that was free a moment ago, and that stays free while nobody listens on it: the system gives connections that
    /// go out ports from 32768 on (ip(7), `ip_local_port_range`), and each is given out here once.
    pub(crate) fn free() -> Self {
        const FIRST: u16 = 12_000;
        const COUNT: u16 = 20_000;
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Two test processes begin at different places.
        let begin = (std::process::id() * 97 % u32::from(COUNT)) as u16;
        let candidates = iter::repeat_with(|| FIRST + begin.wrapping_add(NEXT.fetch_add(1, Relaxed)) % COUNT);
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        Self(candidates.take(usize::from(COUNT)).find(is_free).expect("one of many ports is free"))
    }

    fn connect(self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.0)).expect("the port takes connections");
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
    }

    /// Everything that comes back for these bytes, until the other end closes.
    fn send(self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The other end may have closed already; what it said before that counts.
        let _cut_off = stream.write_all(bytes);
        read_all(&mut stream)
    }

    fn ask(self, line: &str, host: &str) -> Answer {
        Answer::parse(&self.send(format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()))
    }

    pub(crate) fn get(self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "localhost")
    }

    /// The value of a line of `/metrics`, by its name with its labels.
    pub(crate) fn metric(self, name: &str) -> Option<f64> {
        let page = self.get("/metrics").body;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(value.parse().unwrap())
    }
}

fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).expect("answers are UTF-8")
}

impl World {
    /// A world whose daemon has an admin port of its own, not yet started.
    fn with_admin() -> (Self, Port) {
        let (mut world, port) = (Self::new(), Port::free());
        world.set("admin.listen", format!("127.0.0.1:{}", port.0));
        (world, port)
    }

    /// The same, started and ready.
    fn ready() -> (Self, Port) {
        let (mut world, port) = Self::with_admin();
        world.start();
        wait_until("the admin port", SOON, || TcpStream::connect(("127.0.0.1", port.0)).ok().map(drop));
        wait_until("the daemon to be ready", SOON, || (port.get("/readyz").status == 200).then_some(()));
        (world, port)
    }
}

#[test]
fn each_path_answers_and_no_other() {
    let (_world, port) = World::ready();
    for path in PATHS {
        let answer = port.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        let shared = ["set-cookie", "access-control-allow-origin"];
        assert!(!shared.iter().any(|header| answer.headers.contains_key(*header)), "{answer:?}");
        let head = port.ask(&format!("HEAD {path}"), "localhost");
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.headers["content-type"], answer.headers["content-type"]);
        assert!(head.headers["content-length"].parse::<usize>().unwrap() > 0);
    }
    assert_eq!(port.get("/healthz").body, "ok\n");
    assert_eq!(port.get("/metrics").headers["content-type"], "text/plain; version=0.0.4");
    assert_eq!(port.get("/metrics?x=1").status, 200, "a query changes nothing");
    for path in ["/", "/status/", "/metrics/../status", "//status", "/favicon.ico"] {
        assert_eq!(port.get(path).status, 404, "{path}");
    }
}

#[test]
fn things_are_only_read() {
    let (_world, port) = World::ready();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUIT"] {
        let answer = port.ask(&format!("{method} /status"), "localhost");
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "GET, HEAD"), "{method}");
    }
    let with_body = port.send(b"GET /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(Answer::parse(&with_body).status, 400);
}

#[test]
fn a_foreign_host_is_not_answered() {
    let (_world, port) = World::ready();
    for host in ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:8787", "192.0.2.7:80"] {
        assert_eq!(port.ask("GET /status", host).status, 200, "{host}");
    }
    for path in PATHS {
        let answer = port.ask(&format!("GET {path}"), "rebound.example:8787");
        assert_eq!(answer.status, 421, "{path}: {answer:?}");
        assert!(answer.body.contains("admin.listen") && !answer.body.contains("rebound"), "{answer:?}");
    }
    assert_eq!(port.ask("GET http://rebound.example/status", "localhost").status, 421);
    assert_eq!(port.ask("GET http://localhost/status", "localhost").status, 200);
    assert_eq!(Answer::parse(&port.send(b"GET /status HTTP/1.1\r\n\r\n")).status, 400);
    assert_eq!(Answer::parse(&port.send(b"GET /status HTTP/1.0\r\n\r\n")).status, 400);
    let twice = b"GET /status HTTP/1.1\r\nHost: localhost\r\nHost: rebound.example\r\n\r\n";
    assert_eq!(Answer::parse(&port.send(twice)).status, 400);
}

#[test]
fn the_configured_name_is_answered() {
    let (mut world, port) = World::with_admin();
    world.set("admin.listen", format!("localhost:{}", port.0));
    world.start();
    wait_until("the admin port", SOON, || TcpStream::connect(("127.0.0.1", port.0)).ok().map(drop));
    assert_eq!(port.ask("GET /healthz", &format!("localhost:{}", port.0)).status, 200);
}

#[test]
fn garbage_and_giants_are_refused_and_harm_nobody() {
    let (world, port) = World::ready();
    let giant = format!("GET /status HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(20 << 10));
    let many = format!("GET /status HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "a: b\r\n".repeat(1_000));
    let garbage: Vec<u8> = (0..=255).cycle().take(4_000).collect();
    let visits: [&[u8]; 7] = [
        giant.as_bytes(),
        many.as_bytes(),
        &garbage,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\r\n\r\n\0",
        b"GET\r\n\r\n",
        b"",
    ];
    for visit in visits {
        let mut stream = port.connect();
        let _cut_off = stream.write_all(visit);
        // Whoever sends half a request and closes has said all.
        let _gone = stream.shutdown(std::net::Shutdown::Write);
        let told = read_all(&mut stream);
        let refused = told.is_empty() || told.starts_with("HTTP/1.1 4");
        assert!(refused, "{told:?} for {:?}", String::from_utf8_lossy(visit));
    }
    assert_eq!(port.get("/healthz").status, 200);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/anna/icon.jpg");
}

#[test]
fn forty_at_once_are_all_answered() {
    let (_world, port) = World::ready();
    let visitors: Vec<_> = (0..40).map(|index| thread::spawn(move || port.get(PATHS[index % 4]).status)).collect();
    for visitor in visitors {
        assert_eq!(visitor.join().unwrap(), 200);
    }
}

#[test]
fn slow_visitors_are_sent_away_and_hold_up_no_delivery() {
    let (world, port) = World::ready();
    let started = Instant::now();
    let visitor = || {
        let mut stream = port.connect();
        stream.write_all(b"GET /status HTTP/1.1\r\nHo").unwrap();
        stream
    };
    let mut slow: Vec<_> = (0..16).map(|_| visitor()).collect();
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    world.wait_published("portraits/anna/icon.jpg");
    assert_eq!(world.status()["photos"], 1);
    // All places are taken; the next one waits until the first are sent away.
    assert_eq!(port.get("/healthz").status, 200);
    let waited = started.elapsed();
    assert!((Duration::from_secs(8)..SOON).contains(&waited), "{waited:?}");
    for stream in &mut slow {
        assert_eq!(read_all(stream), "");
    }
}

#[test]
fn a_port_in_use_is_a_warning_and_not_the_end() {
    let (_first, port) = World::ready();
    let mut second = World::new();
    second.set("admin.listen", format!("127.0.0.1:{}", port.0));
    second.start();
    second.copy_in("anna.jpg", &portrait("portrait.jpg"));
    second.wait_published("portraits/anna/icon.jpg");
    let log = second.log();
    let warning = log.lines().find(|line| line.contains("WARN") && line.contains("admin port"));
    let warning = warning.unwrap_or_else(|| panic!("no warning:\n{log}"));
    for word in ["admin.listen", "off", "every minute", &port.0.to_string()] {
        assert!(warning.contains(word), "{word} is missing: {warning}");
    }
    assert_eq!(second.stop(), 0);
}

#[test]
fn only_the_daemon_listens_and_only_where_it_shall() {
    let (world, port) = World::ready();
    assert_eq!(listening(&world), BTreeSet::from([port.0]));
    let mut other = World::new();
    other.set("admin.listen", format!("127.0.0.1:{}", port.0));
    let told = other.portraitd(&["sync"]).expect(0);
    assert!(!told.text().contains("admin"), "{}", told.text());
    other.set("admin.listen", "off");
    other.start();
    other.wait_status("the folder to be read", |status| status["folder"]["state"] == "ok");
    assert_eq!(listening(&other), BTreeSet::new());
}

/// The ports of TCP on which a world's daemon listens, by proc(5).
fn listening(world: &World) -> BTreeSet<u16> {
    let proc = format!("/proc/{}", world.pid().as_raw_nonzero());
    let descriptors =
        fs::read_dir(format!("{proc}/fd")).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let open: BTreeSet<_> = descriptors.filter_map(|link| link.to_str().map(str::to_owned)).collect();
    let table = fs::read_to_string(format!("{proc}/net/tcp")).unwrap();
    let sockets = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listening = sockets.filter(|socket| socket[3] == "0A" && open.contains(&format!("socket:[{}]", socket[9])));
    listening.map(|socket| u16::from_str_radix(socket[1].split_once(':').unwrap().1, 16).unwrap()).collect()
}

#[test]
fn no_answer_names_anybody_and_the_counts_are_right() {
    let (world, port) = World::ready();
    world.copy_in("canary-anna.jpg", &Number { user: 1, version: 1 }.photo());
    world.copy_in("canary-ben.jpg", &cut(&portrait("portrait.jpg"), 50));
    world.copy_in("canary.txt", b"a note");
    world.copy_in("canary-two.jpg", &portrait("portrait.jpg"));
    world.copy_in("canary-two.png", &portrait("portrait.png"));
    wait_until("a delivered and a rejected photo", SOON, || {
        let done = port.metric(r#"portraitd_deliveries{backend="portraits",state="done"}"#)?;
        let rejected = port.metric(r#"portraitd_files{state="rejected"}"#)?;
        ((done, rejected, port.metric("portraitd_conflicts")?) == (1.0, 1.0, 1.0)).then_some(())
    });
    for (name, value) in [
        ("portraitd_photos", 1.0),
        (r#"portraitd_files{state="ignored"}"#, 1.0),
        ("portraitd_folder_up", 1.0),
        ("portraitd_removals_braked", 0.0),
        (r#"portraitd_backend_up{backend="portraits"}"#, 1.0),
        (r#"portraitd_backend_state{backend="portraits",state="up"}"#, 1.0),
        (r#"portraitd_attempts_total{backend="portraits",verdict="changed"}"#, 1.0),
        (r#"portraitd_attempt_seconds_count{backend="portraits"}"#, 1.0),
        ("portraitd_scans_total", 1.0),
    ] {
        assert_eq!(port.metric(name), Some(value), "{name}:\n{}", port.get("/metrics").body);
    }
    for name in ["portraitd_scan_seconds", r#"portraitd_attempt_seconds_sum{backend="portraits"}"#] {
        assert!(port.metric(name).is_some_and(|seconds| seconds > 0.0 && seconds < SOON.as_secs_f64()), "{name}");
    }
    assert!(port.metric("portraitd_last_scan_timestamp_seconds").unwrap() > 1.6e9);

    let counts: Value = serde_json::from_str(&port.get("/status").body).unwrap();
    let number = |key: &str| counts[key].as_u64().unwrap_or_else(|| panic!("{key} is no number: {counts}"));
    assert_eq!([number("photos"), number("rejected"), number("ignored"), number("conflicts")], [1, 1, 1, 1]);
    let status = world.status();
    for key in ["folder", "removals", "backends"] {
        assert_eq!(counts[key], status[key], "{key}");
    }
    assert!(counts["version"].is_string());
    for path in PATHS {
        let answer = port.get(path);
        assert!(!format!("{answer:?}").contains("canary"), "{path}: {answer:?}");
    }
}

#[test]
fn requests_to_a_system_are_counted_by_how_they_ended() {
    let chat = RocketChat::start(Profile::V8);
    chat.add_user("canary");
    let (mut world, port) = World::with_admin();
    for (backend, url) in [("chat", chat.url()), ("gone", format!("http://127.0.0.1:{}", Port::free().0))] {
        world.set(&format!("backend.{backend}.plugin"), "rocketchat");
        world.set(&format!("backend.{backend}.settings.base-url"), url);
        world.set(&format!("backend.{backend}.settings.user-id"), USER_ID);
        world.set(&format!("backend.{backend}.settings.auth-token.file"), "token");
    }
    fs::write(world.path("token"), TOKEN).unwrap();
    world.start();
    world.copy_in("canary.jpg", &portrait("portrait.jpg"));
    let count = |backend: &str, status: &str| {
        port.metric(&format!("portraitd_http_requests_total{{backend=\"{backend}\",status=\"{status}\"}}"))
    };
    wait_until("requests that went well and ill", SOON, || {
        let delivered = port.metric(r#"portraitd_deliveries{backend="chat",state="done"}"#)? == 1.0;
        (delivered && count("chat", "200")? > 0.0 && count("gone", "connect")? > 0.0).then_some(())
    });
    assert_eq!((count("chat", "connect"), count("gone", "200")), (None, None));
    assert!(port.metric(r#"portraitd_http_request_seconds_sum{backend="chat"}"#).unwrap() > 0.0);
    assert!(port.metric(r#"portraitd_http_request_seconds_count{backend="gone"}"#).unwrap() > 0.0);
    for path in PATHS {
        let told = port.get(path).body;
        assert!(!told.contains("canary") && !told.contains(TOKEN), "{path}: {told}");
    }
}

#[test]
fn a_folder_that_is_gone_makes_it_unready_and_not_unwell() {
    let (world, port) = World::ready();
    fs::rename(world.drop_folder(), world.path("elsewhere")).unwrap();
    let unready = wait_until("it to be unready", SOON, || {
        let answer = port.get("/readyz");
        (answer.status == 503).then_some(answer.body)
    });
    assert!(unready.starts_with("the folder cannot be read: ") && unready.lines().count() == 1, "{unready}");
    assert_eq!(port.metric("portraitd_folder_up"), Some(0.0));
    assert_eq!(port.get("/healthz").status, 200);
    fs::rename(world.path("elsewhere"), world.drop_folder()).unwrap();
    wait_until("it to be ready again", SOON, || (port.get("/readyz").status == 200).then_some(()));
}
