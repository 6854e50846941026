//! The transport against raw sockets on the loopback: what arrives, and what is told of each trouble.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Instant;

use portraitd_host::Blob;
use portraitd_sdk::message::http::{Body, Bytes, Part};
use portraitd_sdk::{Method, Secret, Text};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use super::*;
use crate::secrets::Secrets;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A system that answers the n-th request with the n-th of these texts, over as few connections as the client wants, and
/// hangs up behind one that says so by an empty text.
fn system<const N: usize>(answers: [&'static str; N]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, hears) = channel();
    let mut answers = answers.into_iter();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Some(request) = read_request(&mut stream) {
                heard.send(request).ok();
                match answers.next() {
                    Some("") => break,
                    Some(answer) => stream.get_mut().write_all(answer.as_bytes()).unwrap_or_default(),
                    None => return,
                }
            }
        }
    });
    (url, hears)
}

fn read_request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(format!("{head}{}", String::from_utf8_lossy(&body)))
}

fn transport() -> Transport {
    Transport::new(&HttpConfig::default()).unwrap()
}

fn lane(timeout: Duration) -> Lane {
    Lane::new(timeout, Duration::ZERO)
}

static RENDITIONS: LazyLock<BTreeMap<String, Blob>> =
    LazyLock::new(|| BTreeMap::from([("thumb".to_owned(), Blob::from(*b"the picture"))]));

/// Secrets with one at `/token`, which says this.
fn secrets(text: &str) -> (tempfile::TempDir, Secrets) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("token"), text).unwrap();
    let schema = json!({ "properties": { "token": { "x-secret": true } } });
    let mut settings = json!({ "token": { "file": home.path().join("token") } }).as_object().unwrap().clone();
    let secrets = Secrets::take(&schema, &mut settings).unwrap();
    (home, secrets)
}

async fn send(transport: &Transport, request: HttpRequest) -> Result<(HttpReply, Vec<u8>), Unanswered> {
    let secrets = Secrets::default();
    let filling = Filling { secrets: &secrets, renditions: &RENDITIONS };
    transport.send(&lane(Duration::from_secs(2)), &request, &filling).await
}

async fn trouble(request: HttpRequest) -> Unanswered {
    send(&transport(), request).await.unwrap_err()
}

/// Sends a request with a secret filled in, and gives what arrived, and what a log would show of it.
async fn arrived(request: impl FnOnce(String, Secret) -> HttpRequest) -> (String, String) {
    let (url, hears) = system([OK]);
    let (_home, secrets) = secrets("se/cr&t\"key");
    let filling = Filling { secrets: &secrets, renditions: &RENDITIONS };
    let request = request(url, Secret::handle("/token"));
    transport().send(&lane(Duration::from_secs(2)), &request, &filling).await.unwrap();
    let arrived = hears.recv().unwrap();
    let shown = secrets.blank(&arrived);
    (arrived, shown)
}

#[tokio::test]
async fn a_request_arrives_as_it_was_worded() {
    let (arrived, _) = arrived(|url, _| {
        HttpRequest::put(format!("{url}/a?x=1")).header("X-One", "1").query("q", "ä b").json(json!({ "a": [1] }))
    })
    .await;
    let (head, body) = arrived.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("put /a?x=1&q=%c3%a4%20b http/1.1\r\n"), "{head}");
    for line in ["x-one: 1", "content-type: application/json", "user-agent: portraitd/"] {
        assert!(head.contains(line), "{head}");
    }
    for absent in ["accept-encoding", "referer", "cookie"] {
        assert!(!head.contains(absent), "{head}");
    }
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), json!({ "a": [1] }));
}

#[tokio::test]
async fn a_request_that_could_have_a_body_says_its_length_without_one() {
    for (method, expected) in
        [(Method::Post, 1), (Method::Put, 1), (Method::Patch, 1), (Method::Get, 0), (Method::Delete, 0)]
    {
        let (arrived, _) = arrived(|url, _| HttpRequest::new(method, url)).await;
        let lengths = arrived.lines().filter(|line| line.eq_ignore_ascii_case("content-length: 0"));
        assert_eq!(lengths.count(), expected, "{arrived}");
    }
    let (arrived, _) = arrived(|url, _| HttpRequest::post(url).text("four")).await;
    assert!(arrived.to_ascii_lowercase().contains("content-length: 4\r\n"), "{arrived}");
}

#[tokio::test]
async fn a_secret_is_written_as_its_place_wants_it_and_is_known_in_that_form() {
    let (header, shown) = arrived(|url, secret| HttpRequest::get(url).header("X-Token", &secret)).await;
    assert!(header.to_ascii_lowercase().contains("x-token: se/cr&t\"key\r\n"), "{header}");
    assert!(!shown.contains("cr&t"), "{shown}");

    let basic = |secret: &Secret| Text::from("Basic ").then(Text::base64(Text::from("me:").then(secret)));
    let (header, shown) = arrived(|url, secret| HttpRequest::get(url).header("Authorization", basic(&secret))).await;
    assert!(header.contains("Basic bWU6c2UvY3ImdCJrZXk="), "{header}");
    assert!(!shown.contains("bWU6c2Uv"), "{shown}");

    let (query, shown) = arrived(|url, secret| HttpRequest::get(url).query("token", &secret)).await;
    assert!(query.starts_with("GET /?token=se%2Fcr%26t%22key HTTP"), "{query}");
    assert!(!shown.contains("cr%26t"), "{shown}");

    let (form, shown) = arrived(|url, secret| HttpRequest::post(url).form([("token", &secret)])).await;
    assert!(form.ends_with("\r\n\r\ntoken=se%2Fcr%26t%22key"), "{form}");
    assert!(!shown.contains("cr%26t"), "{shown}");

    let (json, shown) =
        arrived(|url, secret| HttpRequest::post(url).json(json!({ "a": 1 })).fill("/token", &secret)).await;
    assert!(json.contains(r#""token":"se/cr&t\"key""#), "{json}");
    assert!(!shown.contains("cr&t"), "{shown}");
}

#[tokio::test]
async fn a_multipart_body_has_its_parts_in_order_and_a_length() {
    let (arrived, _) = arrived(|url, _| {
        let picture = Part {
            name: "image".into(),
            file_name: Some("avatar.jpg".into()),
            mime: None,
            content: portraitd_sdk::message::http::Content::Rendition(Bytes { rendition: "thumb".into(), range: None }),
        };
        HttpRequest::post(url).multipart([Part::field("username", "ada"), picture])
    })
    .await;
    let (head, body) = arrived.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: multipart/form-data; boundary=") && head.contains("content-length: "),
        "{head}"
    );
    let (first, second) = (body.find("name=\"username\"").unwrap(), body.find("name=\"image\"").unwrap());
    assert!(first < second, "{body}");
    let part = "filename=\"avatar.jpg\"\r\nContent-Type: image/jpeg\r\n\r\nthe picture\r\n--";
    assert!(body.contains(part), "{body}");
}

#[tokio::test]
async fn a_rendition_is_sent_whole_in_part_or_as_base64() {
    let part = |range| Body::Rendition(Bytes { rendition: "thumb".into(), range });
    for (range, expected) in [(None, "the picture"), (Some((4, 7)), "pic")] {
        let (arrived, _) = arrived(|url, _| HttpRequest { body: Some(part(range)), ..HttpRequest::put(url) }).await;
        assert!(arrived.to_ascii_lowercase().contains("content-type: image/jpeg"), "{arrived}");
        assert!(arrived.ends_with(&format!("\r\n\r\n{expected}")), "{arrived}");
    }
    let base64 = |url| HttpRequest::post(url).json(json!({})).fill("/photo", Text::base64_rendition("thumb"));
    let (arrived, _) = arrived(|url, _| base64(url)).await;
    assert!(arrived.ends_with(r#"{"photo":"dGhlIHBpY3R1cmU="}"#), "{arrived}");
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let (url, hears) = system(["HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", OK]);
    let (reply, _) = send(&transport(), HttpRequest::get(url)).await.unwrap();
    assert_eq!(reply.status, 302);
    hears.recv().unwrap();
    assert!(hears.try_recv().is_err(), "nothing else was asked for");
}

#[tokio::test]
async fn troubles_have_their_names() {
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = trouble(HttpRequest::post(format!("http://{refused}"))).await;
    assert_eq!((told.error.kind, told.uncertain, told.unreachable), (EffectErrorKind::Connect, false, true));
    assert!(told.error.text.contains("refused"), "{}", told.error.text);

    let told = trouble(HttpRequest::post("http://portraitd.invalid/")).await;
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Dns, false), "{}", told.error.text);

    let (url, _hears) = system([""]);
    let told = trouble(HttpRequest::post(url)).await;
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Closed, true), "{}", told.error.text);

    let (url, _hears) = system(["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ""]);
    let told = trouble(HttpRequest::post(url)).await;
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Timeout, true), "{}", told.error.text);

    let (url, _hears) = system(["220 mail.example.com ESMTP\r\n\r\n"]);
    let told = trouble(HttpRequest::get(url)).await;
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Protocol, false), "{}", told.error.text);

    let huge = "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n".to_owned() + &"x".repeat(2_000_000);
    let (url, _hears) = system([huge.leak()]);
    let told = trouble(HttpRequest::get(url)).await;
    assert_eq!((told.error.kind, told.unreachable), (EffectErrorKind::TooLarge, false), "{}", told.error.text);
}

#[tokio::test]
async fn silence_ends_after_the_lanes_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let begun = Instant::now();
    let told = trouble(HttpRequest::post(url)).await;
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Timeout, true));
    assert!((1..6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_reset_on_a_connection_that_was_used_before_is_tried_once_more() {
    let (url, hears) = system([OK, "", OK, "", ""]);
    let transport = transport();
    for _ in 0..2 {
        let (reply, _) = send(&transport, HttpRequest::post(&url)).await.unwrap();
        assert_eq!(reply.status, 200);
    }
    assert_eq!(hears.try_iter().count(), 3, "the second request was sent twice");
    let told = send(&transport, HttpRequest::post(&url)).await.unwrap_err();
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Closed, true));
    assert_eq!(hears.try_iter().count(), 2, "once more, and not again");
}

#[tokio::test]
async fn a_second_try_that_is_refused_leaves_the_first_uncertain() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let system = thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        read_request(&mut stream).unwrap();
        stream.get_mut().write_all(OK.as_bytes()).unwrap();
        read_request(&mut stream).unwrap();
        drop(listener);
    });
    let transport = transport();
    send(&transport, HttpRequest::post(&url)).await.unwrap();
    let told = send(&transport, HttpRequest::post(&url)).await.unwrap_err();
    system.join().unwrap();
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Connect, true), "{}", told.error.text);
}

#[tokio::test]
async fn the_second_try_takes_a_turn_of_its_own() {
    let (url, _hears) = system([OK, "", OK]);
    let (transport, secrets) = (transport(), Secrets::default());
    let filling = Filling { secrets: &secrets, renditions: &RENDITIONS };
    let interval = Duration::from_millis(300);
    let lane = Lane::new(Duration::from_secs(2), interval);
    let begun = Instant::now();
    for _ in 0..2 {
        lane.turn().await;
        transport.send(&lane, &HttpRequest::post(&url), &filling).await.unwrap();
    }
    assert!(begun.elapsed() >= interval * 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_configured_proxy_is_used() {
    let (proxy, hears) = system([OK]);
    let config = HttpConfig { proxy: Some(proxy.parse().unwrap()), ..HttpConfig::default() };
    let transport = Transport::new(&config).unwrap();
    send(&transport, HttpRequest::get("http://portraitd.invalid/x")).await.unwrap();
    assert!(hears.recv().unwrap().starts_with("GET http://portraitd.invalid/x HTTP/1.1"));
}

/// A system behind TLS with a certificate of its own, and the certificate's file.
fn tls_system() -> (String, tempfile::NamedTempFile) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut both = rustls::Stream::new(&mut tls, &mut stream);
            let mut seen = [0; 4_096];
            if both.read(&mut seen).is_ok() {
                both.write_all(OK.as_bytes()).ok();
            }
        }
    });
    (url, file)
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_one_of_the_ca_file_is_not() {
    let (url, file) = tls_system();
    let told = trouble(HttpRequest::post(&url)).await;
    assert_eq!((told.error.kind, told.uncertain), (EffectErrorKind::Tls, false), "{}", told.error.text);
    let config = HttpConfig { ca_file: Some(file.path().to_owned()), ..HttpConfig::default() };
    let (reply, _) = send(&Transport::new(&config).unwrap(), HttpRequest::post(&url)).await.unwrap();
    assert_eq!(reply.status, 200);
}

#[test]
fn a_ca_file_without_certificates_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = HttpConfig { ca_file: Some(file.path().to_owned()), ..HttpConfig::default() };
    let trouble = Transport::new(&config).unwrap_err().to_string();
    assert!(trouble.contains("there is no certificate in it"), "{trouble}");
}
