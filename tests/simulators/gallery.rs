//! A web server with pictures, for systems that are told where one lies. It serves what was hung there and nothing else.

use std::collections::BTreeMap;

use super::{
    reply::Reply,
    request::Request,
    simulator::{About, Simulator, System},
};

/// A running web server.
pub(crate) type Gallery = Simulator<Walls>;

/// What is served, by path.
#[derive(Default)]
pub(crate) struct Walls(BTreeMap<String, Hung>);

struct Hung {
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Gallery {
    pub(crate) fn open() -> Self {
        Self::of(Walls::default())
    }

    /// Serves these bytes, and answers where.
    pub(crate) fn hang(&self, path: &str, media_type: &'static str, bytes: &[u8]) -> String {
        let hung = Hung { media_type, bytes: bytes.to_vec() };
        self.with(|walls| walls.0.insert(path.to_owned(), hung));
        format!("{}{path}", self.url())
    }
}

impl System for Walls {
    fn is_usual(&self, _: &Request) -> bool {
        true
    }

    fn about(&self, _: &Request) -> About {
        About::default()
    }

    fn answer(&mut self, request: &Request) -> Reply {
        match (request.method.as_str(), self.0.get(&request.target)) {
            ("GET", Some(hung)) => Reply::new(200, hung.media_type, hung.bytes.clone()),
            _ => Reply::page(404, "nothing hangs here"),
        }
    }
}
