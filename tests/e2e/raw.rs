//! A raw HTTP client: requests written by hand, byte for byte, and replies read by the letter, so that a simulator can be
//! told what no decent client would say. It follows no redirect, repeats nothing and knows no system.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// The bound for everything that should come at once.
const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const BOUNDARY: &str = "x-7c1f-portrait";

/// A request to be broken and sent.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    /// A request with these lines, each without its end, and no Content-Length yet.
    pub(crate) fn new(lines: &[&str], body: &[u8]) -> Self {
        let head: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        Self { head: head.into_bytes(), body: body.to_vec() }
    }

    pub(crate) fn in_head(mut self, from: &str, to: impl AsRef<[u8]>) -> Self {
        self.head = replaced(&self.head, from.as_bytes(), to.as_ref());
        self
    }

    pub(crate) fn in_body(mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Self {
        self.body = replaced(&self.body, from.as_ref(), to.as_ref());
        self
    }

    pub(crate) fn with_line(mut self, line: &str) -> Self {
        self.head.extend(format!("{line}\r\n").bytes());
        self
    }

    /// The same without a header.
    pub(crate) fn without(mut self, header: &str) -> Self {
        let begin = format!("{header}:").into_bytes();
        let lines = self.head.split_inclusive(|&byte| byte == b'\n').filter(|line| !line.starts_with(&begin));
        self.head = lines.collect::<Vec<_>>().concat();
        self
    }

    /// What goes over the wire, with the right Content-Length.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = format!("Content-Length: {}\r\n\r\n", self.body.len());
        [&self.head, length.as_bytes(), &self.body].concat()
    }

    /// The same body in chunks.
    pub(crate) fn chunked(&self) -> Vec<u8> {
        let mut bytes = [&self.head[..], b"Transfer-Encoding: chunked\r\n\r\n"].concat();
        for chunk in self.body.chunks(100) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
        [&bytes[..], b"0\r\n\r\n"].concat()
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|found| found == from);
    let at = at.unwrap_or_else(|| panic!("{:?} is not there", String::from_utf8_lossy(from)));
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// A form of these parts, each a head and what it holds.
pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, bytes) in parts {
        body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
        body.extend([bytes, &b"\r\n"[..]].concat());
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

/// A reply as it came.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    head: String,
    /// As much as came of it.
    pub(crate) body: Vec<u8>,
}

impl Told {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A 204 has no body and does not say so (RFC 9110, section 8.6).
    pub(crate) fn content_length(&self) -> usize {
        let length = self.header("content-length").or_else(|| (self.status == 204).then_some("0"));
        length.expect("a reply says its length").parse().expect("a length is a number")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// One connection.
pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    pub(crate) fn set_patience(&self, patience: Duration) {
        self.0.set_read_timeout(Some(patience)).unwrap();
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// The next bytes, none at the end of the connection.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; 64 * 1024];
        let length = self.0.read(&mut piece)?;
        piece.truncate(length);
        Ok(piece)
    }

    /// Reads one reply, whose body may end early with the connection.
    pub(crate) fn reply(&mut self) -> io::Result<Told> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            match self.receive()? {
                piece if piece.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                piece => bytes.extend(piece),
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let mut told = Told { status, head, body: bytes.split_off(end + 4) };
        // This one has no body, whatever its length says (RFC 9110, 15.4.5).
        while told.status != 304 && told.body.len() < told.content_length() {
            match self.receive()? {
                piece if piece.is_empty() => break,
                piece => told.body.extend(piece),
            }
        }
        Ok(told)
    }

    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> io::Result<Told> {
        self.send(bytes)?;
        self.reply()
    }
}
