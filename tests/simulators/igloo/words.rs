//! The words of a refusal, of each of the two interfaces. It decides no refusal.

use serde_json::{Value, json};

use super::super::{reply::Reply, request::Request};

/// The paths of the first interface, which answers in an envelope.
pub(super) const V1: &str = "/.api/";

/// Why a call was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    kind: &'static str,
    text: String,
    /// The parameter that it is about.
    parameter: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: u16, text: impl Into<String>) -> Self {
        let kind = match status {
            401 => "Authentication_Required",
            403 => "Authorization_Denied",
            404 => "Resource_NotFound",
            400..500 => "Validation_ReportInvalidInput",
            _ => "Unexpected_Error",
        };
        Self { status, kind, text: text.into(), parameter: None }
    }

    /// A parameter that is there and wrong: the one error of which a sample is known [BACKENDS 3b].
    pub(super) fn parameter(name: &'static str) -> Self {
        let text = format!("Your request failed due to invalid parameters: {name}");
        Self { parameter: Some(name), ..Self::new(422, text) }
    }

    /// The first interface says it as an exception, by some accounts under status 200 [BACKENDS 3b]. How the second says it
    /// is [unverified].
    pub(super) fn reply(&self, request: &Request, errors_in_200: bool) -> Reply {
        if !request.target.starts_with(V1) {
            return Reply::json(self.status, &json!({ "message": self.text })).noting(&self.text);
        }
        let status = if errors_in_200 { 200 } else { self.status };
        enveloped(status, "exception", self.exception(), request).noting(&self.text)
    }

    fn exception(&self) -> Value {
        let inner = |name| {
            json!([{
                "statusCode": 422, "type": "Validation_ParameterInvalid", "errorId": 888_151,
                "message": "A parameter is present but invalid.",
                "dataTokens": [{ "name": "ParameterName", "value": name, "isLiteral": true }],
            }])
        };
        json!({
            "statusCode": self.status, "type": self.kind, "errorId": 49_763, "message": self.text,
            "dataTokens": [], "errorList": self.parameter.map_or_else(|| json!([]), inner),
            "timestamp": "/Date(1757844530774-0400)/",
        })
    }
}

/// A good answer of the first interface.
pub(super) fn response(value: Value, request: &Request) -> Reply {
    enveloped(200, "response", value, request)
}

/// JSON for whoever asks for it, and XML for everybody else [BACKENDS 3a].
fn enveloped(status: u16, key: &str, value: Value, request: &Request) -> Reply {
    if request.header("accept") != Some("application/json") {
        let xml = format!("<Response><{key}>{value}</{key}></Response>");
        return Reply::new(status, "application/xml", xml.into_bytes());
    }
    let mut envelope = json!({
        "minRequestPeriod": 0, "requestSupportCode": 638_964_490_150_021_941_u64, "dictionary": null, "response": null,
    });
    envelope[key] = value;
    Reply::json(status, &envelope)
}
