//! What can go wrong between a client and a system, by name, and when it strikes. What a fault does on the wire is the
//! same for every system; only those that speak the system's own language are worded by its simulator.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use super::reply::{Manner, Reply, Wait, http_date};

/// What a fault that tells a wait tells. A date says whole seconds, so it tells up to one second more.
pub(crate) const WAIT: Duration = Duration::from_secs(1);
/// More than any client should take for a reply of some bytes.
const OVERSIZED: usize = 2 * 1024 * 1024;

/// Something that goes wrong. Unless its text says otherwise the request was read whole and has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// This status: in the system's own JSON where the system itself says it, else as a front's page of HTML.
    Status(u16),
    /// 403 with a page of HTML, as a firewall in front of the system says it.
    ForbiddenPage,
    /// 429 that tells the wait only in the system's own header.
    TooManyByHeader,
    /// 429 that tells the wait only in the text of the body, in seconds.
    TooManyByText,
    /// The limiter's refusal under status 400, with the wait in the text, as an old system says it.
    TooManyAs400,
    /// This status, 429 or 503, with `Retry-After` in seconds.
    RetryAfterSeconds(u16),
    /// This status, 429 or 503, with `Retry-After` as a date.
    RetryAfterDate(u16),
    /// No answer at all; the connection stays until the client gives up.
    Hang,
    /// The true answer, one byte a second. The request was carried out.
    Drip,
    /// The connection is reset when the head of the request was read and its body was not.
    ResetUnread,
    /// The connection is reset when half of the body was read. A system that takes bodies as they come keeps that half.
    ResetWithin,
    /// The connection is reset after the request was read.
    ResetBefore,
    /// The connection is reset after the request was carried out.
    ResetAfter,
    /// Half of the true answer's JSON with the Content-Length of that half. The request was carried out.
    TruncatedJson,
    /// The Content-Length of the true answer, half of its body, and the end of the connection. The request was carried
    /// out.
    ShortBody,
    /// 200 with JSON that is valid and not of the document's shape.
    WrongJson,
    /// 200 with a page of HTML, as a front that is being serviced says it.
    FrontPage,
    /// 200 with an error in it.
    ErrorIn200,
    /// 200 that says what a success says.
    Unkept,
    /// This status, with the credentials of the request in the text of the error, behind so many other characters: what
    /// a careless front says when it is told to explain itself.
    Echo { status: u16, behind: usize },
    /// 302 to another host. That is the same server by another name, so that whoever follows is seen there.
    Redirect,
    /// Connections are refused and those that are open end, as when the system is restarted. Begins at once and ends
    /// with `clear_faults`.
    Outage,
    /// 200 that claims success, with 2 MiB of JSON.
    Oversized,
    /// 200 with headers that never end.
    EndlessHeaders,
}

impl Fault {
    /// Whether it strikes when only the head of the request is there.
    pub(crate) fn is_early(self) -> bool {
        matches!(self, Self::ResetUnread | Self::ResetWithin)
    }

    /// Whether the request that it strikes is carried out, and its answer does not arrive whole.
    pub(crate) fn carries_out(self) -> bool {
        matches!(self, Self::Drip | Self::ResetAfter | Self::TruncatedJson | Self::ShortBody)
    }

    /// What a server on this port replies. `truly` carries the request out and gives the true answer.
    pub(crate) fn reply(self, port: u16, truly: impl FnOnce() -> Reply) -> Reply {
        match self {
            Self::Status(status) | Self::Echo { status, .. } => Reply::page(status, "the front of the system"),
            Self::ForbiddenPage => Reply::page(403, "request blocked"),
            Self::TooManyByHeader | Self::TooManyByText | Self::TooManyAs400 => Reply::page(429, "too many requests"),
            Self::RetryAfterSeconds(status) => retry_after_seconds(status),
            Self::RetryAfterDate(status) => retry_after_date(status),
            Self::Hang => Reply::text(200, "").played(Manner::Hang),
            Self::Drip => truly().played(Manner::Drip),
            Self::ResetUnread | Self::ResetWithin | Self::ResetBefore | Self::Outage => {
                Reply::text(200, "").played(Manner::Reset)
            }
            Self::ResetAfter => truly().played(Manner::Reset),
            Self::TruncatedJson => truly().truncated(),
            Self::ShortBody => truly().played(Manner::Short),
            Self::WrongJson => Reply::json(200, &json!({ "status": "ok", "data": [1, 2, 3] })),
            Self::FrontPage => Reply::page(200, "back soon"),
            Self::ErrorIn200 => Reply::json(200, &json!({ "success": false, "error": "something went wrong" })),
            Self::Unkept => Reply::json(200, &json!({ "success": true })),
            Self::Redirect => Reply::text(302, "moved").with("Location", format!("http://localhost:{port}/moved")),
            Self::Oversized => Reply::json(200, &json!({ "success": true, "padding": "x".repeat(OVERSIZED) })),
            Self::EndlessHeaders => Reply::text(200, "").played(Manner::EndlessHeaders),
        }
    }
}

fn retry_after_seconds(status: u16) -> Reply {
    let seconds = WAIT.as_secs().to_string();
    Reply::page(status, "come back later").with("Retry-After", seconds).telling(Wait::For(WAIT))
}

fn retry_after_date(status: u16) -> Reply {
    let now = SystemTime::now();
    let since = (now + WAIT).duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let date = UNIX_EPOCH + Duration::from_secs(since.as_secs() + u64::from(since.subsec_nanos() > 0));
    let wait = date.duration_since(now).expect("the date lies ahead");
    Reply::page(status, "come back later")
        .with("Retry-After", http_date(date))
        .telling(Wait::Until(Instant::now() + wait))
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// The next so many requests.
    Next(usize),
    /// Every so-manieth request, counted from now: `Every(7)` lets six pass.
    Every(usize),
    /// The so-manieth request alone, counted from now.
    Nth(usize),
    /// Each request for this user, by the name or id that it asks with.
    User(String),
    UntilCleared,
}

/// A request as far as faults look at it.
pub(crate) struct Target<'a> {
    /// Whether it goes to the call that faults strike by default.
    pub(crate) usual: bool,
    /// Only the head of the request is there yet.
    pub(crate) unread: bool,
    pub(crate) user: Option<&'a str>,
}

/// The faults that were ordered, and how often each has struck.
#[derive(Default)]
pub(crate) struct Faults {
    orders: Vec<Order>,
    struck: BTreeMap<Fault, usize>,
}

struct Order {
    fault: Fault,
    when: When,
    everywhere: bool,
    met: usize,
}

impl Faults {
    pub(crate) fn order(&mut self, fault: Fault, when: When, everywhere: bool) {
        let user = matches!(when, When::User(_));
        assert!(!(user && fault.is_early()), "whom a request is for stands in what is left unread");
        self.orders.push(Order { fault, when, everywhere, met: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.orders.clear();
    }

    /// The fault that strikes this request. Orders are asked in their order, and the first that strikes is the last
    /// that counts the request.
    pub(crate) fn strike(&mut self, target: &Target<'_>) -> Option<Fault> {
        let fault = self.orders.iter_mut().find_map(|order| order.strikes(target).then_some(order.fault))?;
        *self.struck.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// How often each fault has struck.
    pub(crate) fn struck(&self) -> BTreeMap<Fault, usize> {
        self.struck.clone()
    }
}

impl Order {
    fn strikes(&mut self, target: &Target<'_>) -> bool {
        let meets = (self.everywhere || target.usual) && target.unread == self.fault.is_early();
        if !meets {
            return false;
        }
        self.met += 1;
        match &self.when {
            When::Next(count) => self.met <= *count,
            When::Every(nth) => self.met.is_multiple_of(*nth),
            When::Nth(nth) => self.met == *nth,
            When::User(user) => target.user.is_some_and(|asked| asked.eq_ignore_ascii_case(user)),
            When::UntilCleared => true,
        }
    }
}
