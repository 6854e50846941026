//! A user as a request names it: by id or by username, and never by both.

use super::{
    Profile,
    envelope::Failure,
    workspace::{UserIndex, Workspace},
};

#[derive(Clone, Debug)]
pub(super) enum Key {
    Id(String),
    Username(String),
}

impl Key {
    /// Reads one field of a form, of JSON or of a query.
    pub(super) fn parse(name: &str, value: &str, profile: Profile) -> Result<Self, Failure> {
        match name {
            _ if value.is_empty() => Err(invalid_parameters(profile, "must NOT have fewer than 1 characters")),
            "userId" => Ok(Self::Id(value.to_owned())),
            "username" => Ok(Self::Username(value.to_owned())),
            _ => Err(invalid_parameters(profile, "must NOT have additional properties")),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Username(text) => text,
        }
    }

    /// The user: an id exactly, a username in any case [BACKENDS 4a].
    pub(super) fn find(&self, workspace: &Workspace) -> Result<UserIndex, Failure> {
        let user = match self {
            Self::Id(id) => workspace.by_id(id),
            Self::Username(username) => workspace.by_username(username),
        };
        let unknown = "The required \"userId\" or \"username\" param provided does not match any users";
        user.ok_or_else(|| Failure::coded("error-invalid-user", unknown))
    }
}

pub(super) fn invalid_parameters(profile: Profile, text: &str) -> Failure {
    let code = if profile < Profile::V7 { "invalid-params" } else { "error-invalid-params" };
    Failure::coded(code, text)
}
