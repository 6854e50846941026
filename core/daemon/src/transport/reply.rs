//! Reading a reply: head, body up to its limit, and for how long the system asks to be left alone.

use std::time::{Duration, SystemTime};

use portraitd_sdk::message::EffectErrorKind;
use portraitd_sdk::message::http::{Header, HttpReply, MAX_REPLY_BODY};
use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use super::trouble::{Found, within_body};

/// Reads the whole reply.
pub(super) async fn read(mut response: Response) -> Result<(HttpReply, Vec<u8>), Found> {
    let status = response.status().as_u16();
    let retry_after_ms = retry_after(response.headers(), SystemTime::now()).map(millis);
    let headers = headers(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| within_body(&error))? {
        if body.len() + chunk.len() > MAX_REPLY_BODY {
            let why = format!("its answer is larger than {MAX_REPLY_BODY} bytes");
            return Err(Found::within_reply(EffectErrorKind::TooLarge, why));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((HttpReply { status, headers, blob: 0, retry_after_ms }, body))
}

fn headers(map: &HeaderMap) -> Vec<Header> {
    let header = |(name, value): (&HeaderName, &reqwest::header::HeaderValue)| {
        let value = value.to_str().ok()?.to_owned();
        Some(Header { name: name.as_str().to_owned(), value })
    };
    map.iter().filter_map(header).collect()
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3). A date is compared with the reply's own `Date`: the
/// two clocks need not agree. What is neither, or lies in the past, asks for nothing.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let told = text(RETRY_AFTER)?;
    if let Ok(seconds) = told.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(told).ok()?;
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    until.duration_since(now).ok()
}

/// Rounded up: a wait that was told is never undercut, not even by a fraction of a millisecond.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_millisecond_is_waited_for() {
        let waits = [0, 1, 999_999, 1_000_000, 1_000_001].map(Duration::from_nanos);
        assert_eq!(waits.map(millis), [0, 1, 1, 1, 2]);
    }

    fn told(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        // 2026-01-01 00:00:00 UTC
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        super::retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        assert_eq!(told("120", None), Some(120));
        assert_eq!(told(" 7 ", None), Some(7));
        assert_eq!(told("Thu, 01 Jan 2026 00:01:00 GMT", None), Some(60));
        let served_late = Some("Thu, 01 Jan 2026 00:00:50 GMT");
        assert_eq!(told("Thu, 01 Jan 2026 00:01:00 GMT", served_late), Some(10), "by the system's own clock");
    }

    #[test]
    fn what_is_no_wait_asks_for_nothing() {
        for nothing in ["", "soon", "-5", "1.5", "99999999999999999999999", "Thu, 01 Jan 2015 00:00:00 GMT"] {
            assert_eq!(told(nothing, None), None, "{nothing}");
        }
    }
}
