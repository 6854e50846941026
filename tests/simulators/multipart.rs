//! Reads multipart/form-data by RFC 7578 and RFC 2046, strictly: nothing before the first boundary, every line ended by
//! CRLF, a name for each part, a closing boundary and nothing behind it. It knows no form.

use std::{io::BufRead as _, ops::Range};

/// More parts than any form here has.
const PARTS_MAX: usize = 16;
const PART_HEAD_MAX: usize = 4 * 1024;

/// One field of a form.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: &'a [u8],
}

/// The parts of a body, or the rule that it breaks.
pub(crate) fn parse<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, &'static str> {
    let boundary = boundary(content_type)?;
    let first = format!("--{boundary}\r\n");
    if !body.starts_with(first.as_bytes()) {
        return Err("the body does not begin with its boundary [RFC 2046 5.1.1]");
    }
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    let mut at = first.len();
    loop {
        let end = find(body, at, delimiter.as_bytes()).ok_or("no closing boundary [RFC 2046 5.1.1]")?;
        parts.push(part(&body[at..end])?);
        at = end + delimiter.len();
        match &body[at..] {
            b"--" | b"--\r\n" => return Ok(parts),
            rest if rest.starts_with(b"--") => return Err("bytes behind the closing boundary"),
            rest if rest.starts_with(b"\r\n") => at += 2,
            _ => return Err("a boundary line that does not end in CRLF [RFC 2046 5.1.1]"),
        }
        if parts.len() == PARTS_MAX {
            return Err("more than 16 parts");
        }
    }
}

fn boundary(content_type: &str) -> Result<String, &'static str> {
    let (_, parameters) = content_type.split_once(';').ok_or("no boundary [RFC 2046 5.1.1]")?;
    let parameters = self::parameters(parameters)?;
    let [(name, boundary)] = parameters.as_slice() else { return Err("a parameter other than the boundary") };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    let fits = (1..=70).contains(&boundary.len()) && boundary.chars().all(allowed) && !boundary.ends_with(' ');
    if name != "boundary" || !fits {
        return Err("no boundary of the allowed characters and length [RFC 2046 5.1.1]");
    }
    Ok(boundary.clone())
}

fn part(bytes: &[u8]) -> Result<Part<'_>, &'static str> {
    let end = find(bytes, 0, b"\r\n\r\n").filter(|&end| end <= PART_HEAD_MAX).ok_or("a part without a head")?;
    let head = str::from_utf8(&bytes[..end]).map_err(|_| "a part's head that is not UTF-8 [RFC 7578 5.1]")?;
    let (mut disposition, mut content_type) = (None, None);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ").ok_or("a part's header without a colon and a space")?;
        let place = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut content_type,
            _ => return Err("a part's header other than disposition and type [RFC 7578 4.8]"),
        };
        if value.contains(['\r', '\n']) || place.replace(value.to_owned()).is_some() {
            return Err("a part's header that stands there twice, or has a bare CR or LF");
        }
    }
    let disposition = disposition.ok_or("a part without Content-Disposition [RFC 7578 4.2]")?;
    let (name, filename) = names(&disposition)?;
    Ok(Part { name, filename, content_type, bytes: &bytes[end + 4..] })
}

fn names(disposition: &str) -> Result<(String, Option<String>), &'static str> {
    let parameters = disposition.strip_prefix("form-data;").ok_or("a disposition that is not form-data with a name")?;
    let (mut name, mut filename) = (None, None);
    for (key, value) in self::parameters(parameters)? {
        let place = match key.as_str() {
            "name" => &mut name,
            "filename" => &mut filename,
            _ => return Err("a parameter other than name and filename [RFC 7578 4.2]"),
        };
        if place.replace(value).is_some() {
            return Err("a name or filename twice");
        }
    }
    Ok((name.ok_or("a part without a name [RFC 7578 4.2]")?, filename))
}

/// `key=token; key="quoted"`, with what stands behind the first semicolon.
fn parameters(mut text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut found = Vec::new();
    loop {
        let (key, rest) = text.split_once('=').ok_or("a parameter without a value")?;
        let (value, rest) = if rest.starts_with('"') { quoted(rest)? } else { token(rest) };
        if value.is_empty() {
            return Err("an empty parameter");
        }
        found.push((key.trim_start_matches(' ').to_ascii_lowercase(), value));
        match rest.strip_prefix(';') {
            Some(more) => text = more,
            None if rest.is_empty() => return Ok(found),
            None => return Err("something behind a parameter"),
        }
    }
}

fn token(text: &str) -> (String, &str) {
    let special = |c: char| c.is_ascii_control() || " ()<>@,;:\\\"/[]?=".contains(c);
    let end = text.find(special).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Ok((value, &text[at + 1..])),
            '\\' if !escaped => escaped = true,
            c => {
                value.push(c);
                escaped = false;
            }
        }
    }
    Err("a quoted string without an end")
}

/// Where `wanted`, which begins with CR, first stands in `bytes` from `start` on. A picture is large and an unoptimised
/// search over windows slow, so the search leaps from CR to CR.
fn find(bytes: &[u8], start: usize, wanted: &[u8]) -> Option<usize> {
    let mut at = start;
    loop {
        let mut rest = &bytes[at..];
        at += rest.skip_until(b'\r').expect("memory can be read");
        let candidate: Range<usize> = at.checked_sub(1)?..at - 1 + wanted.len();
        match bytes.get(candidate.clone()) {
            Some(found) if found == wanted => return Some(candidate.start),
            Some(_) => {}
            None => return None,
        }
    }
}
