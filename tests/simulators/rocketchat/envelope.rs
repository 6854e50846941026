//! The words of a refusal, in the manner of each generation of servers [BACKENDS 4b]. It decides no refusal.

use serde_json::{Value, json};

use super::{super::reply::Reply, Profile};

/// Why a call was refused.
#[derive(Debug)]
pub(super) enum Failure {
    /// A code of the server's own, under status 400.
    Coded {
        code: &'static str,
        text: String,
    },
    /// Only a text.
    Plain {
        status: u16,
        text: String,
    },
    NotLoggedIn,
    /// For another user, without the permission, in the JSON form.
    MayNot,
}

const LOGIN: &str = "You must be logged in to do this.";

impl Failure {
    pub(super) fn coded(code: &'static str, text: &str) -> Self {
        Self::Coded { code, text: text.to_owned() }
    }

    pub(super) fn plain(status: u16, text: &str) -> Self {
        Self::Plain { status, text: text.to_owned() }
    }

    /// The refusal behind a status that the server itself says; others come from whatever stands in front of it.
    pub(super) fn of_status(status: u16) -> Option<Self> {
        match status {
            400 => Some(Self::plain(400, "Input buffer contains unsupported image format")),
            401 => Some(Self::NotLoggedIn),
            403 => Some(Self::MayNot),
            404 => Some(Self::plain(404, "there is no such endpoint")),
            500 => Some(Self::plain(500, "Internal server error")),
            _ => None,
        }
    }

    pub(super) fn reply(&self, profile: Profile) -> Reply {
        let (status, body) = self.worded(profile);
        let note = body["error"].as_str().expect("every refusal has an error").to_owned();
        Reply::json(status, &body).noting(&note)
    }

    fn worded(&self, profile: Profile) -> (u16, Value) {
        match self {
            Self::Coded { code, text } => {
                let error = format!("{text} [{code}]");
                (400, json!({ "success": false, "error": error, "errorType": code, "details": {} }))
            }
            Self::Plain { status, text } => (*status, json!({ "success": false, "error": text })),
            Self::NotLoggedIn if profile < Profile::V8 => {
                (401, json!({ "success": false, "error": LOGIN, "status": "error", "message": LOGIN }))
            }
            Self::NotLoggedIn => (401, json!({ "success": false, "error": LOGIN })),
            Self::MayNot => match profile {
                Profile::V0_68 | Profile::V3 => (401, json!({ "success": false, "error": "unauthorized" })),
                Profile::V7 => (403, json!({ "success": false, "error": "unauthorized" })),
                Profile::V8 => (403, json!({ "success": false, "error": "forbidden" })),
            },
        }
    }
}
