//! What goes wrong at any system and passes.

use crate::simulators::faults::Fault;

pub(crate) const PASSING: [Fault; 28] = [
    Fault::Hang,
    Fault::Drip,
    Fault::Outage,
    Fault::RetryAfterSeconds(429),
    Fault::RetryAfterDate(429),
    Fault::RetryAfterSeconds(503),
    Fault::RetryAfterDate(503),
    Fault::TooManyByHeader,
    Fault::TooManyByText,
    Fault::TooManyAs400,
    Fault::Status(429),
    Fault::Status(408),
    Fault::Status(425),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Status(504),
    Fault::ForbiddenPage,
    Fault::ResetUnread,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::ShortBody,
    Fault::TruncatedJson,
    Fault::WrongJson,
    Fault::FrontPage,
    Fault::ErrorIn200,
    Fault::Oversized,
    Fault::EndlessHeaders,
];
