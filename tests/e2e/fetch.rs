//! What simulated systems fetch, and what they refuse to: anything but a whole reply of this machine. Nothing here runs
//! portraitd.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
};

use crate::simulators::fetch::{self, Fetched};

/// Fetches from a server that gives this reply; answers what it was asked, too.
fn fetched(reply: &[u8]) -> (Result<Fetched, String>, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/a/b.jpg?c=d", listener.local_addr().unwrap());
    thread::scope(|threads| {
        let server = threads.spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.extend(byte);
            }
            stream.write_all(reply).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (fetch::get(&url), server.join().unwrap())
    })
}

#[test]
fn a_whole_reply_is_fetched_with_its_headers() {
    let (told, asked) =
        fetched(b"HTTP/1.1 404 Not Found\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\n\x00abc");
    let told = told.unwrap();
    assert_eq!((told.status, told.body.as_slice()), (404, &b"\x00abc"[..]));
    assert_eq!(
        told.headers,
        [("content-type", "image/jpeg"), ("content-length", "4")].map(|(n, v)| (n.into(), v.into()))
    );
    assert_eq!((told.header("content-type"), told.header("etag")), (Some("image/jpeg"), None));
    assert!(asked.starts_with("GET /a/b.jpg?c=d HTTP/1.1\r\nHost: 127.0.0.1:"), "{asked}");
}

#[test]
fn half_a_reply_is_none() {
    for (reply, why) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "3 bytes where 5 were told"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "3 bytes where 2 were told"),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "no Content-Length"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "no Content-Length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "content-length twice"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "a head that is not whole"),
        ("<html>", "a head that is not whole"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "a version other than"),
    ] {
        let told = fetched(reply.as_bytes()).0.unwrap_err();
        assert!(told.contains(why), "{reply}: {told}");
    }
}

#[test]
fn no_other_machine_is_asked() {
    for url in [
        "http://example.com/a.jpg",
        "http://127.0.0.1.example.com/a.jpg",
        "http://10.0.0.1/a.jpg",
        "https://127.0.0.1/a.jpg",
        "http://anna@127.0.0.1/a.jpg",
        "http://127.0.0.1/a b.jpg",
        "http://127.0.0.1:99999/a.jpg",
        "127.0.0.1/a.jpg",
        "",
    ] {
        assert!(fetch::get(url).is_err(), "{url}");
    }
}
