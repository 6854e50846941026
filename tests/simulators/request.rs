//! Reads one HTTP/1.1 request from a connection, by the letter of RFC 9110 and 9112, and refuses what a careful client
//! never sends. Everything that is received is bounded in size and in the time between two bytes. It answers nothing.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    time::{Duration, Instant},
};

/// The most bytes of a request line with its headers.
const HEAD_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// The most bytes of a body.
const BODY_MAX: usize = 32 * 1024 * 1024;
/// How long a connection may stay silent between two requests.
const IDLE: Duration = Duration::from_secs(120);
/// How long a client may stay silent in the middle of a request.
const SILENCE: Duration = Duration::from_secs(10);

/// A request that kept the rules of HTTP.
#[derive(Debug)]
pub(crate) struct Request {
    /// When its first byte was there.
    pub(crate) at: Instant,
    /// The number of its connection, counted from 1.
    pub(crate) connection: usize,
    pub(crate) method: String,
    /// The target as it was sent, with a query if there was one.
    pub(crate) target: String,
    /// Names in lower case; none stands there twice.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether the client wants the connection closed after the reply.
    pub(crate) fn ends_connection(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A rule of HTTP that a request broke, and the status that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Violation {
    pub(crate) status: u16,
    pub(crate) rule: &'static str,
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The client went away or fell silent.
    Gone,
    Refused(Violation),
}

fn refuse<T>(status: u16, rule: &'static str) -> Result<T, Unread> {
    Err(Unread::Refused(Violation { status, rule }))
}

/// The receiving side of one connection.
pub(crate) struct Reader<'a> {
    stream: &'a TcpStream,
    connection: usize,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(stream: &'a TcpStream, connection: usize) -> Self {
        Self { stream, connection, buffer: Vec::new() }
    }

    /// Waits for the next request and reads it up to its body.
    pub(crate) fn head(&mut self) -> Result<Request, Unread> {
        if self.buffer.is_empty() {
            self.fill(IDLE)?;
        }
        let at = Instant::now();
        let length = self.head_length()?;
        let head: Vec<u8> = self.buffer.drain(..length).collect();
        let request = parse_head(&head, at, self.connection)?;
        check_head(&request)?;
        Ok(request)
    }

    /// Reads the body that the head announces into the request.
    pub(crate) fn body(&mut self, request: &mut Request) -> Result<(), Unread> {
        request.body = match (request.header("transfer-encoding"), request.header("content-length")) {
            (Some(_), Some(_)) => return refuse(400, "Content-Length beside Transfer-Encoding [RFC 9112 6.2]"),
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => self.chunks()?,
            (Some(_), None) => return refuse(501, "a transfer coding other than chunked [RFC 9112 6.1]"),
            (None, Some(length)) => self.take(content_length(length)?)?,
            (None, None) => Vec::new(),
        };
        if request.method == "GET" && !request.body.is_empty() {
            return refuse(400, "a GET with a body [RFC 9110 9.3.1]");
        }
        Ok(())
    }

    /// Reads half of the body that the head announces, by its length.
    pub(crate) fn half_of_body(&mut self, request: &mut Request) -> Result<(), Unread> {
        let length = request.header("content-length").map_or(Ok(0), content_length)?;
        request.body = self.take(length / 2)?;
        Ok(())
    }

    fn head_length(&mut self) -> Result<usize, Unread> {
        loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            let head = &self.buffer[..end.unwrap_or(self.buffer.len())];
            if head.len() > HEAD_MAX {
                return refuse(431, "a head of more than 16 KiB");
            }
            if head.iter().enumerate().any(|(at, &byte)| byte == b'\n' && (at == 0 || head[at - 1] != b'\r')) {
                return refuse(400, "a line that ends without CR [RFC 9112 2.2]");
            }
            match end {
                Some(end) => return Ok(end + 4),
                None => self.fill(SILENCE)?,
            }
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Unread> {
        let mut body = Vec::new();
        loop {
            let size = self.chunk_size()?;
            if body.len() + size > BODY_MAX {
                return refuse(413, "a body of more than 32 MiB");
            }
            body.extend(self.take(size)?);
            if self.take(2)? != b"\r\n" {
                return refuse(400, "a chunk that does not end in CRLF, or a trailer [RFC 9112 7.1]");
            }
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn chunk_size(&mut self) -> Result<usize, Unread> {
        let mut digits = Vec::new();
        loop {
            match self.take(1)?[0] {
                digit if digit.is_ascii_hexdigit() && digits.len() < 8 => digits.push(digit),
                b'\r' if !digits.is_empty() && self.take(1)? == b"\n" => break,
                _ => return refuse(400, "a chunk size that is no plain hexadecimal number [RFC 9112 7.1]"),
            }
        }
        let digits = str::from_utf8(&digits).expect("hexadecimal digits are ASCII");
        Ok(usize::from_str_radix(digits, 16).expect("eight hexadecimal digits fit"))
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, Unread> {
        while self.buffer.len() < length {
            self.fill(SILENCE)?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// Receives at least one byte more.
    fn fill(&mut self, patience: Duration) -> Result<(), Unread> {
        self.stream.set_read_timeout(Some(patience)).map_err(|_| Unread::Gone)?;
        let mut piece = [0; 32 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return Err(Unread::Gone),
                Ok(length) => {
                    self.buffer.extend_from_slice(&piece[..length]);
                    return Ok(());
                }
            }
        }
    }
}

fn parse_head(head: &[u8], at: Instant, connection: usize) -> Result<Request, Unread> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    if !matches!(parsed.parse(head), Ok(httparse::Status::Complete(_))) {
        return refuse(400, "a head that does not follow the grammar [RFC 9112 3 and 5]");
    }
    if parsed.version != Some(1) {
        return refuse(505, "a version other than HTTP/1.1");
    }
    let mut kept = Vec::new();
    for header in parsed.headers.iter() {
        kept.push((header.name.to_ascii_lowercase(), header_value(header.value)?));
    }
    let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let (method, target) = (method.to_owned(), target.to_owned());
    Ok(Request { at, connection, method, target, headers: kept, body: Vec::new() })
}

fn header_value(bytes: &[u8]) -> Result<String, Unread> {
    let plain = bytes.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    match str::from_utf8(bytes) {
        Ok(value) if plain => Ok(value.to_owned()),
        _ => refuse(400, "a header value with bytes other than visible ASCII [RFC 9110 5.5]"),
    }
}

fn check_head(request: &Request) -> Result<(), Unread> {
    if !request.target.starts_with('/') {
        return refuse(400, "a target that is no path, which only a proxy is sent [RFC 9112 3.2.1]");
    }
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
    if names.iter().enumerate().any(|(at, name)| names[..at].contains(name)) {
        return refuse(400, "a header that stands there twice [RFC 9110 5.3]");
    }
    if request.header("host").is_none_or(str::is_empty) {
        return refuse(400, "no Host [RFC 9112 3.2]");
    }
    Ok(())
}

fn content_length(text: &str) -> Result<usize, Unread> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse(400, "a Content-Length that is no number [RFC 9110 8.6]");
    }
    match text.parse() {
        Ok(length) if length <= BODY_MAX => Ok(length),
        _ => refuse(413, "a body of more than 32 MiB"),
    }
}
