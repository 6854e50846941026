//! `users.resetAvatar`: takes a user's avatar away.

use serde_json::{Map, Value};

use super::{
    super::request::Request,
    Profile,
    envelope::Failure,
    key::{Key, invalid_parameters},
    workspace::{THE_CALLER, Workspace},
};

/// JSON with a userId or a username [BACKENDS 4e].
pub(super) fn read(request: &Request, profile: Profile) -> Result<Key, Failure> {
    if request.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
        return Err(Failure::plain(400, "Unsupported content type"));
    }
    let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(&request.body) else {
        return Err(Failure::plain(400, "the body is no JSON object"));
    };
    let mut fields = fields.iter();
    match (fields.next(), fields.next()) {
        (None, _) => Err(not_provided()),
        (Some((name, Value::String(value))), None) if !value.trim().is_empty() => Key::parse(name, value, profile),
        (Some((_, Value::String(_))), None) => Err(not_provided()),
        (Some(_), None) => Err(invalid_parameters(profile, "must be string")),
        (Some(_), Some(_)) => Err(invalid_parameters(profile, "userId or username, and not both")),
    }
}

/// What the server says of nobody [source: RocketChat/Rocket.Chat, getUserFromParams.ts].
fn not_provided() -> Failure {
    Failure::coded("error-user-param-not-provided", "The required \"userId\" or \"username\" param was not provided")
}

/// The own avatar where changes are allowed, and every one with the permission `edit-other-user-avatar`
/// [source: RocketChat/Rocket.Chat, users.ts].
pub(super) fn carry_out(key: &Key, workspace: &mut Workspace) -> Result<(), Failure> {
    let user = key.find(workspace)?;
    let may = workspace.may_edit_others || user == THE_CALLER && workspace.change_allowed;
    if !may {
        return Err(Failure::coded("error-not-allowed", "Reset avatar is not allowed"));
    }
    workspace.reset_picture(user);
    Ok(())
}
