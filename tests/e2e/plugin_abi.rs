//! The ABI as others see it: a plugin in C written from the header alone, and one of ABI 1.0 with its own copies of all
//! that it was written with. Both are loaded by the real program and deliver.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Instant,
};

use crate::{
    fixtures::{built_crate, compile, put, world_with_plugins},
    photos::portrait,
    simulators::{
        multipart,
        reply::Reply,
        request::{Request, Violation},
        server::{Server, Site},
    },
};

#[test]
fn a_plugin_in_c_delivers() {
    let mut world = world_with_plugins();
    let file = compile(&world, "c-plugin", "in-c", &[]);
    world.set("backend.portraits.plugin", "in-c");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let shown = world.portraitd(&["plugins", "show", file.to_str().unwrap()]).expect(0).out;
    assert!(shown.starts_with("in-c 1.0.0: ") && shown.contains("operations: deliver"), "{shown}");
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{}", world.explain("anna"));
    assert_eq!(world.picture("portraits/icon.jpg").unwrap().size(), (48, 48));

    // What the effect came to is heard in C too.
    fs::remove_file(world.path("portraits/icon.jpg")).unwrap();
    fs::create_dir(world.path("portraits/icon.jpg")).unwrap();
    world.move_in("berta.jpg", &portrait("portrait.jpg"));
    assert_eq!(world.sync(&["--wait", "0s", "berta"]).0, 1);
    let attempt = world.explain("berta")["backends"]["portraits"]["attempts"][0].take();
    assert_eq!(
        (&attempt["verdict"], &attempt["reason"]),
        (&"retry".into(), &"the picture could not be written".into())
    );
}

#[test]
fn a_plugin_of_abi_1_0_works_as_it_did() {
    let mut world = world_with_plugins();
    put(&world, "abi-1-0", &fs::read(built_crate("abi-1-0")).unwrap());
    world.set("backend.portraits.plugin", "abi-1-0");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{}", world.explain("anna"));
    assert_eq!(world.picture("portraits/anna.jpg").unwrap().size(), (48, 48));
    let attempt = world.explain("anna")["backends"]["portraits"]["attempts"][0].take();
    assert_eq!((&attempt["verdict"], &attempt["reason"]), (&"done".into(), &"changed: by a plugin of ABI 1.0".into()));
}

/// A system that takes any picture with the right token, and keeps what it was sent.
#[derive(Default)]
struct Album {
    seen: Mutex<Vec<String>>,
}

impl Site for Album {
    fn answer(&self, request: &Request) -> Reply {
        let token = request.header("x-auth-token").unwrap_or_default();
        let content_type = request.header("content-type").unwrap_or_default();
        let parts = multipart::parse(content_type, &request.body).expect("the form keeps the rules");
        let part = |part: &multipart::Part<'_>| {
            let file = part.filename.as_deref().unwrap_or("-");
            let mime = part.content_type.as_deref().unwrap_or("-");
            let text = if part.filename.is_some() { "a picture".into() } else { String::from_utf8_lossy(part.bytes) };
            format!("{} {file} {mime} {text}", part.name)
        };
        let parts: Vec<_> = parts.iter().map(part).collect();
        // A space in a query is written in either way.
        let target = request.target.replace('+', "%20");
        let line = format!("{} {target} [{token}] {}", request.method, parts.join(", "));
        self.seen.lock().unwrap().push(line);
        Reply::text(200, "thanks").with("x-kept", "yes")
    }

    fn refused(&self, _: usize, violation: Violation) {
        panic!("{violation:?}");
    }

    fn written(&self, _: &Request, _: &Reply, _: (Instant, Instant)) {}
}

#[test]
fn a_plugin_of_abi_1_0_sends_and_remembers_as_it_did() {
    let album = Arc::new(Album::default());
    let server = Server::start(album.clone());
    let mut world = world_with_plugins();
    put(&world, "abi-1-0", &fs::read(built_crate("abi-1-0")).unwrap());
    fs::write(world.path("token"), "open sesame").unwrap();
    world.set("backend.portraits.plugin", "abi-1-0");
    world.set("backend.portraits.settings.url", format!("http://{}/avatar", server.address()));
    world.set("backend.portraits.settings.token.file", world.path("token").to_str().unwrap());
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, summary) = world.sync(&[]);
    let backend = world.explain("anna")["backends"]["portraits"].take();
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{backend:#}");
    let sent = "POST /avatar?size=48%20px [open sesame] userId - - anna, image photo.jpg image/jpeg a picture";
    assert_eq!(*album.seen.lock().unwrap(), [sent]);
    assert_eq!(backend["receipt"]["answered"], "thanks", "{backend:#}");
    assert!(backend["receipt"]["headers"].as_array().unwrap().contains(&"x-kept".into()), "{backend:#}");
}
