//! A small HTTP/1.1 client that fetches a URL, for systems that are told where a picture lies. It goes to this machine
//! only, follows no redirect, and takes nothing but a whole reply by the letter of RFC 9110 and 9112. It judges no picture.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// The bound for a whole fetch.
const PATIENCE: Duration = Duration::from_secs(10);
const HEAD_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
const BODY_MAX: usize = 32 * 1024 * 1024;

/// A whole reply, of whatever status.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) status: u16,
    /// Names in lower case, in the order of arrival; none stands there twice.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Fetched {
    /// The value of a header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Fetches `http://127.0.0.1:8788/path?query`, or says why not: in a few words for a log.
pub(crate) fn get(url: &str) -> Result<Fetched, String> {
    let place = Place::parse(url)?;
    let deadline = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&place.address, PATIENCE).map_err(|error| error.to_string())?;
    let Place { authority, target, .. } = place;
    let request = format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: image/*\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    parse(&receive(&mut stream, deadline)?)
}

/// Where a URL leads.
struct Place<'a> {
    address: SocketAddr,
    authority: &'a str,
    target: String,
}

impl<'a> Place<'a> {
    fn parse(url: &'a str) -> Result<Self, String> {
        if url.contains(['#', '@', '\\']) || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{url:?} is no plain URL"));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url} is not of the scheme http"))?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let slash = if target.starts_with('/') { "" } else { "/" };
        let address = local(authority).ok_or_else(|| format!("{authority} is not this machine"))?;
        Ok(Self { address, authority, target: format!("{slash}{target}") })
    }
}

/// The address of a host that is this machine; of another one nothing is asked.
fn local(authority: &str) -> Option<SocketAddr> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, 80),
    };
    match host {
        "localhost" | "127.0.0.1" => Some((Ipv4Addr::LOCALHOST, port).into()),
        "[::1]" => Some((Ipv6Addr::LOCALHOST, port).into()),
        _ => None,
    }
}

/// Everything up to the end of the connection.
fn receive(stream: &mut TcpStream, deadline: Instant) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut piece = [0; 32 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("no whole reply in time".into());
        }
        stream.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
        match stream.read(&mut piece).map_err(|error| error.to_string())? {
            0 => return Ok(bytes),
            length => bytes.extend_from_slice(&piece[..length]),
        }
        if bytes.len() > HEAD_MAX + BODY_MAX {
            return Err("a reply of more than 32 MiB".into());
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Fetched, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(end)) = parsed.parse(bytes) else {
        return Err("a head that is not whole, or does not follow the grammar [RFC 9112 4 and 5]".into());
    };
    if end > HEAD_MAX || parsed.version != Some(1) {
        return Err("a head of more than 16 KiB, or a version other than HTTP/1.1".into());
    }
    let status = parsed.code.unwrap_or_default();
    let body = bytes[end..].to_vec();
    let fetched = Fetched { status, headers: named(parsed.headers)?, body };
    check_length(&fetched)?;
    Ok(fetched)
}

fn named(headers: &[httparse::Header<'_>]) -> Result<Vec<(String, String)>, String> {
    let mut named: Vec<(String, String)> = Vec::new();
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        if named.iter().any(|(before, _)| *before == name) {
            return Err(format!("the header {name} twice [RFC 9110 5.3]"));
        }
        let value = str::from_utf8(header.value).map_err(|_| format!("a header {name} that is no text"))?;
        named.push((name, value.to_owned()));
    }
    Ok(named)
}

/// A picture has a length, and that is told: a reply in chunks, or one that ends wherever the connection does, could have
/// been cut.
fn check_length(fetched: &Fetched) -> Result<(), String> {
    let told = fetched.header("content-length").and_then(|length| length.parse::<usize>().ok());
    match told {
        Some(length) if length == fetched.body.len() => Ok(()),
        Some(length) => Err(format!("{} bytes where {length} were told [RFC 9112 6.3]", fetched.body.len())),
        None => Err("no Content-Length [RFC 9110 8.6]".into()),
    }
}
