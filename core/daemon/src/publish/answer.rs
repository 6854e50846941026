//! What a request for a picture is answered, by RFC 9110: whole, a part, or not at all. Reads no file.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};

/// The answer to a request for a picture that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All of it.
    Whole,
    /// The bytes from `first` to `last`, both included.
    Part {
        /// Counted from 0.
        first: u64,
        /// Less than the picture's length.
        last: u64,
    },
    /// Whoever asks has it already.
    NotModified,
    /// Whoever asks wants another one than this.
    PreconditionFailed,
    /// The part that is asked for is not there.
    Unsatisfiable,
}

impl Answer {
    /// Judges a GET or HEAD for a picture with this entity tag and length. The order is that of section 13.2.2.
    pub(super) fn to(method: &Method, headers: &HeaderMap, etag: &str, length: u64) -> Self {
        if lists(headers, header::IF_MATCH).is_some_and(|tags| !tags.matches(etag, Comparison::Strong)) {
            return Self::PreconditionFailed;
        }
        if lists(headers, header::IF_NONE_MATCH).is_some_and(|tags| tags.matches(etag, Comparison::Weak)) {
            return Self::NotModified;
        }
        // A picture has no date, so an `If-Range` with a date is about another one.
        let is_about_this = headers.get(header::IF_RANGE).is_none_or(|tag| tag == etag);
        match one(headers, header::RANGE) {
            Some(range) if method == Method::GET && is_about_this => part(range, length),
            _ => Self::Whole,
        }
    }

    /// The status and the headers, around this body.
    pub(super) fn response<B>(self, etag: &str, length: u64, body: B) -> Response<B> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        let text = |text: &str| HeaderValue::from_str(text).expect("hexadecimal digits and numbers are plain text");
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Self::Unsatisfiable = self {
            headers.insert(header::CONTENT_RANGE, text(&format!("bytes */{length}")));
        }
        if !matches!(self, Self::Whole | Self::Part { .. } | Self::NotModified) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return response;
        }
        headers.insert(header::ETAG, text(etag));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
        if let Self::NotModified = self {
            return response;
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let (first, count) = self.span(length);
        headers.insert(header::CONTENT_LENGTH, count.into());
        if let Self::Part { last, .. } = self {
            headers.insert(header::CONTENT_RANGE, text(&format!("bytes {first}-{last}/{length}")));
        }
        response
    }

    /// Where what is sent of the picture begins, and how many bytes it has.
    pub(super) const fn span(self, length: u64) -> (u64, u64) {
        match self {
            Self::Whole => (0, length),
            Self::Part { first, last } => (first, last - first + 1),
            Self::NotModified | Self::PreconditionFailed | Self::Unsatisfiable => (0, 0),
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Whole => StatusCode::OK,
            Self::Part { .. } => StatusCode::PARTIAL_CONTENT,
            Self::NotModified => StatusCode::NOT_MODIFIED,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::Unsatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }
}

/// How entity tags are compared (section 8.8.3.2). Ours are strong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// The entity tags of all lines of a header.
struct Tags<'a>(Vec<&'a str>);

impl Tags<'_> {
    /// Our tags hold no comma, so a tag that is cut at one is none of ours, and neither is any of its pieces.
    fn matches(&self, etag: &str, comparison: Comparison) -> bool {
        self.0.iter().flat_map(|line| line.split(',')).map(str::trim).any(|tag| {
            let opaque = if comparison == Comparison::Weak { tag.strip_prefix("W/").unwrap_or(tag) } else { tag };
            tag == "*" || opaque == etag
        })
    }
}

fn lists(headers: &HeaderMap, name: HeaderName) -> Option<Tags<'_>> {
    let lines = headers.contains_key(&name).then(|| headers.get_all(name));
    lines.map(|lines| Tags(lines.iter().filter_map(|line| line.to_str().ok()).collect()))
}

/// The value of a header that is there once.
fn one(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut lines = headers.get_all(name).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    line.to_str().ok()
}

/// A single range of bytes (section 14.1.2). What is none, and several at a time, may be left aside for the whole (section
/// 14.2).
fn part(range: &str, length: u64) -> Answer {
    let spec = range.split_once('=').filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = spec.and_then(|(_, spec)| spec.trim().split_once('-')) else { return Answer::Whole };
    let end = length.saturating_sub(1);
    let (first, last) = match (first, last) {
        ("", suffix) => match position(suffix) {
            Some(0) => (length, end),
            Some(suffix) => (length.saturating_sub(suffix), end),
            None => return Answer::Whole,
        },
        (first, "") => match position(first) {
            Some(first) => (first, end),
            None => return Answer::Whole,
        },
        (first, last) => match (position(first), position(last)) {
            (Some(first), Some(last)) if first <= last => (first, last.min(end)),
            _ => return Answer::Whole,
        },
    };
    if first < length { Answer::Part { first, last } } else { Answer::Unsatisfiable }
}

/// Digits and nothing else. What is too large for any picture is just that.
fn position(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// A name stands for one content, so it never has to be asked for again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"ab12\"";

    fn asked(method: Method, lines: &[(&'static str, &str)]) -> Answer {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        Answer::to(&method, &headers, ETAG, 100)
    }

    fn get(lines: &[(&'static str, &str)]) -> Answer {
        asked(Method::GET, lines)
    }

    const fn bytes(first: u64, last: u64) -> Answer {
        Answer::Part { first, last }
    }

    #[test]
    fn a_single_range_is_answered_with_a_part() {
        for (range, expected) in [
            ("bytes=0-0", bytes(0, 0)),
            ("bytes=10-19", bytes(10, 19)),
            ("bytes=90-", bytes(90, 99)),
            ("bytes=90-1000", bytes(90, 99)),
            ("bytes=0-99999999999999999999999", bytes(0, 99)),
            ("bytes=-1", bytes(99, 99)),
            ("bytes=-1000", bytes(0, 99)),
            ("Bytes= 5-6 ", bytes(5, 6)),
        ] {
            assert_eq!(get(&[("range", range)]), expected, "{range}");
        }
    }

    #[test]
    fn a_range_that_is_not_there_cannot_be_satisfied() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(get(&[("range", range)]), Answer::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn what_is_no_single_range_of_bytes_is_left_aside() {
        for range in [
            "bytes=2-1",
            "bytes=0-1,5-6",
            "bytes=a-b",
            "bytes=-",
            "bytes=+1-2",
            "bytes=1",
            "lines=0-1",
            "bytes",
            "",
            "bytes=1-x",
        ] {
            assert_eq!(get(&[("range", range)]), Answer::Whole, "{range}");
        }
        assert_eq!(get(&[("range", "bytes=0-1"), ("range", "bytes=0-1")]), Answer::Whole);
        assert_eq!(asked(Method::HEAD, &[("range", "bytes=0-1")]), Answer::Whole);
    }

    #[test]
    fn a_range_is_only_of_the_picture_that_it_is_asked_of() {
        let with = |tag: &str| get(&[("range", "bytes=0-1"), ("if-range", tag)]);
        assert_eq!(with(ETAG), bytes(0, 1));
        for other in ["\"other\"", "W/\"ab12\"", "ab12", "Thu, 01 Jan 2026 00:00:00 GMT"] {
            assert_eq!(with(other), Answer::Whole, "{other}");
        }
    }

    #[test]
    fn who_has_the_picture_is_told_so() {
        for tags in [ETAG, "W/\"ab12\"", "\"x\", \"ab12\"", "\"x\" ,W/\"ab12\",", "*"] {
            assert_eq!(get(&[("if-none-match", tags), ("range", "bytes=0-1")]), Answer::NotModified, "{tags}");
            assert_eq!(asked(Method::HEAD, &[("if-none-match", tags)]), Answer::NotModified, "{tags}");
        }
        assert_eq!(get(&[("if-none-match", "\"x\""), ("if-none-match", ETAG)]), Answer::NotModified);
        for tags in ["\"other\"", "ab12", "", "\"a,b12\""] {
            assert_eq!(get(&[("if-none-match", tags)]), Answer::Whole, "{tags}");
        }
    }

    #[test]
    fn who_wants_another_picture_gets_none() {
        assert_eq!(get(&[("if-match", "\"x\", \"ab12\"")]), Answer::Whole);
        assert_eq!(get(&[("if-match", "*"), ("if-none-match", ETAG)]), Answer::NotModified);
        for other in ["\"x\"", "W/\"ab12\"", ""] {
            assert_eq!(get(&[("if-match", other), ("if-none-match", ETAG)]), Answer::PreconditionFailed, "{other}");
        }
    }

    #[test]
    fn each_answer_has_its_headers_and_no_others() {
        let told = |answer: Answer| {
            let response = answer.response(ETAG, 100, ());
            let headers = response.headers().iter();
            let mut lines: Vec<_> =
                headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            lines.sort();
            (response.status().as_u16(), lines.join("\n"))
        };
        let forever = "cache-control: public, max-age=31536000, immutable";
        let whole = format!(
            "accept-ranges: bytes\n{forever}\ncontent-length: 100\ncontent-type: image/jpeg\netag: {ETAG}\n\
             x-content-type-options: nosniff"
        );
        assert_eq!(told(Answer::Whole), (200, whole.clone()));
        let part = whole.replace("content-length: 100", "content-length: 10\ncontent-range: bytes 5-14/100");
        assert_eq!(told(bytes(5, 14)), (206, part));
        assert_eq!(
            told(Answer::NotModified),
            (304, format!("{forever}\netag: {ETAG}\nx-content-type-options: nosniff"))
        );
        let none = "cache-control: no-store\nx-content-type-options: nosniff";
        assert_eq!(told(Answer::PreconditionFailed), (412, none.into()));
        assert_eq!(
            told(Answer::Unsatisfiable),
            (416, none.replace("no-store\n", "no-store\ncontent-range: bytes */100\n"))
        );
    }
}
