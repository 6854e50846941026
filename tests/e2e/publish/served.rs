//! What comes over the wire for a picture, and that nothing else does. Requests are written by hand.

use super::*;
use crate::raw::{Draft, Told, Wire};

impl Stage {
    /// The reply to a request with these lines below the first.
    fn ask(&self, line: &str, headers: &[&str]) -> Told {
        let first = format!("{line} HTTP/1.1");
        let lines = [&[first.as_str(), "Host: 127.0.0.1"], headers].concat();
        Wire::connect(self.address()).unwrap().exchange(&Draft::new(&lines, b"").bytes()).unwrap()
    }
}

#[test]
fn a_picture_has_the_headers_that_caches_and_browsers_want() {
    let stage = Stage::with_pictures(1);
    let (name, target) = (stage.name(), format!("{PATH}/{}", stage.name()));
    let whole = stage.ask(&format!("GET {target}"), &[]);
    let length = whole.body.len().to_string();
    let tag = format!("\"{}\"", name.strip_suffix(".jpg").unwrap());
    for told in [&whole, &stage.ask(&format!("HEAD {target}"), &[])] {
        assert_eq!(told.status, 200);
        for (header, value) in [
            ("content-type", "image/jpeg"),
            ("content-length", length.as_str()),
            ("etag", tag.as_str()),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(told.header(header), Some(value), "{header}");
        }
    }
    assert!(stage.ask(&format!("HEAD {target}"), &[]).body.is_empty());
    assert_eq!(stage.ask(&format!("GET {target}"), &[&format!("If-None-Match: {tag}")]).status, 304);
    for (range, status, told_range, part) in [
        ("bytes=0-9", 206, format!("bytes 0-9/{length}"), &whole.body[..10]),
        (
            "bytes=-5",
            206,
            format!("bytes {}-{}/{length}", whole.body.len() - 5, whole.body.len() - 1),
            &whole.body[whole.body.len() - 5..],
        ),
        ("bytes=9999999-", 416, format!("bytes */{length}"), &[]),
    ] {
        let told = stage.ask(&format!("GET {target}"), &[&format!("Range: {range}"), &format!("If-Range: {tag}")]);
        assert_eq!((told.status, told.header("content-range")), (status, Some(told_range.as_str())), "{range}");
        assert!(told.body == part, "{range}");
    }
}

#[test]
fn nothing_else_is_served() {
    let stage = Stage::with_pictures(1);
    let name = stage.name();
    let other = name.replace(['0', '1', '2', '3'], "f");
    for target in [
        "/",
        PATH,
        &format!("{PATH}/"),
        &format!("{PATH}/key"),
        "/key",
        "/../ledger.sqlite",
        &format!("{PATH}/../../ledger.sqlite"),
        &format!("{PATH}/%2e%2e/ledger.sqlite"),
        &format!("{PATH}/..%2fledger.sqlite"),
        "//etc/passwd",
        "/user1.jpg",
        "/status",
        &format!("{PATH}/{other}"),
        &format!("{PATH}/{}", name.to_uppercase()),
        &format!("{PATH}/{}", name.strip_suffix(".jpg").unwrap()),
        &format!("{PATH}//{name}"),
        "*",
    ] {
        let told = stage.ask(&format!("GET {target}"), &[]);
        assert!(matches!(told.status, 404 | 400) && told.body.is_empty(), "{target}: {told:?}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        for target in [format!("{PATH}/{name}"), "/".into()] {
            let told = stage.ask(&format!("{method} {target}"), &[]);
            assert_eq!((told.status, told.header("allow")), (405, Some("GET, HEAD")), "{method} {target}");
        }
    }
    assert_eq!(stage.number(&name), Some(Number { user: 1, version: 1 }), "nothing was changed by that");
}

#[test]
fn slow_and_many_visitors_hold_up_no_delivery_and_no_name_is_logged() {
    let mut stage = Stage::new(2);
    let admin = Port::free();
    stage.world.set("admin.listen", format!("127.0.0.1:{}", admin.0));
    stage.drop_photo(Number { user: 1, version: 1 });
    stage.world.start();
    stage.wait_done(1);
    let name = stage.name();
    let slow: Vec<_> = (0..40)
        .map(|_| {
            let mut wire = Wire::connect(stage.address()).unwrap();
            wire.send(format!("GET {PATH}/{name} HTTP/1.1\r\nHo").as_bytes()).unwrap();
            wire
        })
        .collect();
    stage.drop_photo(Number { user: 2, version: 1 });
    stage.wait_done(2);
    assert_eq!(stage.status(&name), 200);
    drop(slow);
    let page = admin.get("/metrics").body;
    assert!(page.contains("\nportraitd_published_pictures 2\n"), "{page}");
    assert!(page.contains("\nportraitd_publish_requests_total{status=\"200\"} 3\n"), "{page}");
    let log = stage.world.log();
    for secret in stage.names().iter().map(|name| name.strip_suffix(".jpg").unwrap()).chain(["user1", "user2"]) {
        assert!(!log.contains(secret) && !page.contains(secret), "{log}");
    }
}
