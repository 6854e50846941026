//! What is served to whom, and what is not, over requests as they come from a connection.

use super::*;

use std::time::Duration;

use hyper::HeaderMap;
use tokio::sync::oneshot;
use tokio::time::timeout;

const NAME: PictureName = PictureName::from_bytes([0xab; 32]);

/// Pictures under a URL, one of them with this content.
fn pictures(url: &str, content: &[u8]) -> (tempfile::TempDir, Pictures) {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::open_or_make(dir.path()).unwrap();
    shelf.put(&NAME, content).unwrap();
    let pictures = Pictures::new(&url.parse().unwrap(), shelf, Metrics::default());
    (dir, pictures)
}

async fn ask(pictures: &Pictures, method: &str, target: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = pictures.answer(&request.body(()).unwrap()).await;
    let (head, body) = response.into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes().into())
}

fn target() -> String {
    format!("/{NAME}.jpg")
}

#[tokio::test]
async fn a_picture_is_served_whole_and_in_parts() {
    let content: Vec<u8> = (0..3 * PIECE + 7).map(|n| (n % 251) as u8).collect();
    let (_dir, pictures) = pictures("https://photos.example.com", &content);
    let (status, headers, body) = ask(&pictures, "GET", &target(), &[]).await;
    assert_eq!((status, &headers["content-length"]), (200, &HeaderValue::from(content.len())));
    assert!(body == content);
    let (status, headers, body) = ask(&pictures, "GET", &target(), &[("range", "bytes=100-299999")]).await;
    assert_eq!((status, headers["content-length"].to_str().unwrap()), (206, "299900"));
    assert!(body == content[100..300_000]);
    let (status, headers, body) = ask(&pictures, "HEAD", &target(), &[]).await;
    assert_eq!((status, &headers["content-length"], body.len()), (200, &HeaderValue::from(content.len()), 0));
    let tag = format!("\"{NAME}\"");
    let (status, headers, body) = ask(&pictures, "GET", &target(), &[("if-none-match", &tag)]).await;
    assert_eq!((status, headers["etag"].to_str().unwrap(), body.len()), (304, tag.as_str(), 0));
    let (status, _, body) = ask(&pictures, "GET", &target(), &[("range", "bytes=9999999-")]).await;
    assert_eq!((status, body.len()), (416, 0));
}

#[tokio::test]
async fn nothing_else_is_served() {
    let (dir, pictures) = pictures("https://photos.example.com", b"photo");
    std::fs::write(dir.path().join("published/key"), "secret").unwrap();
    std::fs::write(dir.path().join("published/a.jpg"), "photo").unwrap();
    let (name, upper) = (NAME.to_string(), NAME.to_string().to_uppercase());
    for target in [
        "/".to_owned(),
        "/key".into(),
        "/a.jpg".into(),
        "/.".into(),
        "/..".into(),
        "/../ledger.sqlite".into(),
        "/%2e%2e/lock".into(),
        format!("/{name}"),
        format!("/{name}.jpeg"),
        format!("/{upper}.jpg"),
        format!("//{name}.jpg"),
        format!("/{name}.jpg/"),
        format!("/./{name}.jpg"),
        format!("/published/{name}.jpg"),
        format!("/{}.jpg", name.replace("ab", "cd")),
        "*".into(),
    ] {
        let (status, headers, body) = ask(&pictures, "GET", &target, &[]).await;
        assert_eq!((status, headers["cache-control"].to_str().unwrap(), body.len()), (404, "no-store", 0), "{target}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
        for target in [target(), "/x".into()] {
            let (status, headers, body) = ask(&pictures, method, &target, &[]).await;
            assert_eq!((status, headers["allow"].to_str().unwrap(), body.len()), (405, "GET, HEAD", 0), "{method}");
        }
    }
}

#[tokio::test]
async fn a_web_server_in_between_may_take_the_urls_path_off_or_not() {
    let (_dir, pictures) = pictures("https://example.com/photos/", b"photo");
    for target in
        [target(), format!("/photos{}", target()), format!("{}?v=1", target()), format!("http://h{}", target())]
    {
        assert_eq!(ask(&pictures, "GET", &target, &[]).await.0, 200, "{target}");
    }
    for target in
        [format!("/photo{}", target()), format!("/photos/photos{}", target()), format!("/x/photos{}", target())]
    {
        assert_eq!(ask(&pictures, "GET", &target, &[]).await.0, 404, "{target}");
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_read_is_an_error_and_not_missing() {
    let (dir, pictures) = pictures("https://example.com", b"photo");
    let file = dir.path().join("published").join(format!("{NAME}.jpg"));
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("key", &file).unwrap();
    assert_eq!(ask(&pictures, "GET", &target(), &[]).await.0, 500);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_cannot_be_had_is_an_outage_until_it_is_free() {
    let taken = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let (listen, url) = (taken.local_addr().unwrap(), "http://127.0.0.1/".parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (shelf, outage) = (Shelf::open_or_make(dir.path()).unwrap(), Outage::default());
    let server = Server::open((listen, &url), shelf, outage.clone(), Metrics::default());
    let why = outage.why().unwrap();
    assert!(why.starts_with(&format!("publish.listen {listen} cannot be opened: ")), "{why}");
    let (told, mut hears) = oneshot::channel();
    let serving = tokio::spawn(server.serve(move || told.send(()).unwrap()));
    assert!(timeout(Duration::from_secs(60), &mut hears).await.is_err());
    assert!(outage.why().is_some());
    drop(taken);
    hears.await.unwrap();
    assert_eq!(outage.why(), None);
    serving.abort();
}
