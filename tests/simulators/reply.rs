//! A reply and the manner in which it goes over the wire: whole, byte by byte, half, or not at all. It decides nothing
//! about what is replied.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;

use super::server::Hall;

/// The most that is sent of headers that never end; no client should take so much.
const ENDLESS_HEADERS: usize = 16 * 1024 * 1024;
/// How long and how much is still read from a client after the last reply, so that no reset overtakes that reply.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_READS: usize = 64;

/// What goes back for one request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    manner: Manner,
    /// The wait that this reply tells the client.
    pub(crate) wait: Option<Wait>,
    /// In a few words what the reply says, for the log.
    pub(crate) note: String,
}

/// How a reply goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Whole,
    /// One byte a second.
    Drip,
    /// Half of the promised body, then the end of the connection.
    Short,
    /// Nothing, until the client goes away.
    Hang,
    /// A reset instead of any byte.
    Reset,
    /// Headers without end.
    EndlessHeaders,
}

/// When a client that was told to wait may come again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    /// So long after the reply.
    For(Duration),
    Until(Instant),
}

/// What becomes of the connection after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    Stay,
    Close,
    Reset,
}

impl Reply {
    pub(crate) fn new(status: u16, kind: &str, body: Vec<u8>) -> Self {
        let headers = vec![("Content-Type", kind.to_owned())];
        Self { status, headers, body, manner: Manner::Whole, wait: None, note: String::new() }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", value.to_string().into_bytes())
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain", text.as_bytes().to_vec()).noting(text)
    }

    /// A page as a proxy or a firewall in front of the system makes it.
    pub(crate) fn page(status: u16, title: &str) -> Self {
        let body =
            format!("<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
        Self::new(status, "text/html", body.into_bytes()).noting(title)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn noting(mut self, note: &str) -> Self {
        note.clone_into(&mut self.note);
        self
    }

    pub(crate) fn telling(mut self, wait: Wait) -> Self {
        self.wait = Some(wait);
        self
    }

    pub(crate) fn played(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// The same reply with half of its body and a Content-Length that fits that half.
    pub(crate) fn truncated(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // RFC 9110, section 8.6.
        if self.status != 204 {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head + "\r\n"
    }

    fn bytes(&self, body: usize) -> Vec<u8> {
        [self.head().as_bytes(), &self.body[..body]].concat()
    }

    /// Sends the reply; an error means that the client is gone.
    pub(crate) fn play(&self, mut stream: &TcpStream, hall: &Hall) -> io::Result<Afterwards> {
        match self.manner {
            Manner::Whole => stream.write_all(&self.bytes(self.body.len())).map(|()| Afterwards::Stay),
            Manner::Drip => drip(stream, &self.bytes(self.body.len()), hall),
            Manner::Short => stream.write_all(&self.bytes(self.body.len() / 2)).map(|()| Afterwards::Close),
            Manner::Hang => wait_for_end(stream).map(|()| Afterwards::Close),
            Manner::Reset => Ok(Afterwards::Reset),
            Manner::EndlessHeaders => endless_headers(stream).map(|()| Afterwards::Close),
        }
    }
}

fn drip(mut stream: &TcpStream, bytes: &[u8], hall: &Hall) -> io::Result<Afterwards> {
    for byte in bytes {
        stream.write_all(&[*byte])?;
        if hall.wait(Duration::from_secs(1)) {
            return Ok(Afterwards::Close);
        }
    }
    Ok(Afterwards::Stay)
}

fn wait_for_end(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(None)?;
    let mut piece = [0; 1024];
    while stream.read(&mut piece)? > 0 {}
    Ok(())
}

fn endless_headers(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
    let line = format!("X-Endless: {}\r\n", "x".repeat(1_000));
    for _ in 0..ENDLESS_HEADERS / line.len() {
        stream.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Ends a connection so that the client gets everything that was written: what it still sends is read first, for a
/// socket that is closed with unread bytes is reset.
pub(crate) fn close(mut stream: &TcpStream) {
    let ended = stream.shutdown(Shutdown::Write).and_then(|()| stream.set_read_timeout(Some(LINGER)));
    let mut piece = [0; 32 * 1024];
    let mut reads = 0;
    while ended.is_ok() && reads < LINGER_READS && stream.read(&mut piece).is_ok_and(|length| length > 0) {
        reads += 1;
    }
}

/// Makes the close that follows a reset.
pub(crate) fn reset(stream: &TcpStream) {
    set_socket_linger(stream, Some(Duration::ZERO)).expect("every TCP socket takes SO_LINGER");
}

/// A point in time as HTTP writes it, in whole seconds.
pub(crate) fn http_date(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month];
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month counted from 0 and day of the month of a day since 1970.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Content",
        425 => "Too Early",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}
