//! Whether a request was meant for this port. A page of the web can make a browser ask a name that leads here (DNS
//! rebinding); the browser then names that foreign host in its request, and gets nothing. Resolves no names.

use std::net::IpAddr;

use hyper::http::uri::Authority;
use hyper::{HeaderMap, StatusCode, Uri, header};

/// Says yes to `localhost`, any IP address and `ours`, with or without a port.
///
/// # Errors
/// The status and the sentence with which the request is refused.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, ours: &str) -> Result<(), (StatusCode, &'static str)> {
    let mut named = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return Err((StatusCode::BAD_REQUEST, ONE_HOST)) };
    // A target that names a host counts instead of the header (RFC 9112, 3.2.2).
    let authority = match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => Authority::try_from(host.as_bytes()).ok(),
    };
    let authority = authority.ok_or((StatusCode::BAD_REQUEST, ONE_HOST))?;
    if is_ours(&authority, ours) { Ok(()) } else { Err((StatusCode::MISDIRECTED_REQUEST, FOREIGN)) }
}

fn is_ours(authority: &Authority, ours: &str) -> bool {
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let known = ["localhost", ours].iter().any(|known| bare.eq_ignore_ascii_case(known));
    // An address cannot be made to lead elsewhere, as a name can.
    known || bare.parse::<IpAddr>().is_ok()
}

const ONE_HOST: &str = "a request names one host, in one header `Host`";
const FOREIGN: &str =
    "this port does not answer for that host: ask by an IP address, by `localhost` or by the host of admin.listen";

#[cfg(test)]
mod tests {
    use super::*;

    fn status(target: &str, hosts: &[&str]) -> u16 {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        let checked = check(&target.parse().unwrap(), &headers, "portraits.example");
        checked.map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn only_hosts_that_lead_nowhere_else_are_answered() {
        for host in
            ["localhost", "LocalHost:1", "127.0.0.1", "10.1.2.3:80", "[::1]:8787", "[::1]", "Portraits.example:9"]
        {
            assert_eq!(status("/", &[host]), 200, "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:8787", "portraits.example.evil", "127.0.0.1.nip.io", "1.2.3"]
        {
            assert_eq!(status("/", &[host]), 421, "{host}");
        }
        assert_eq!(status("/", &["localhost@evil.example"]), 421);
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        for hosts in [&[][..], &["localhost", "localhost"], &[""], &["a b"], &["/"]] {
            assert_eq!(status("/", hosts), 400, "{hosts:?}");
        }
    }

    #[test]
    fn a_target_that_names_a_host_counts_instead_of_the_header() {
        assert_eq!(status("http://evil.example/status", &["localhost"]), 421);
        assert_eq!(status("http://localhost/status", &["evil.example"]), 200);
    }
}
