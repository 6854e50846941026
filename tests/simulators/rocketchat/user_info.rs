//! `users.info`: what is told of a user, who is asked for in the query.

use serde_json::{Value, json};

use super::{super::form, Profile, envelope::Failure, key::invalid_parameters, workspace::Workspace};

/// The value of the only parameter, which says by its name what the value is [BACKENDS 4d]. Nobody was imported here, so
/// `importId` is not taken.
pub(super) fn read(query: &str, profile: Profile) -> Result<String, Failure> {
    let (name, value) = query.split_once('=').unwrap_or((query, ""));
    if value.contains('&') || !["userId", "username"].contains(&name) {
        return Err(invalid_parameters(profile, "userId or username, and not both"));
    }
    match form::decoded(value) {
        Some(value) if !value.is_empty() => Ok(value),
        Some(_) => Err(Failure::plain(400, "Invalid search query.")),
        None => Err(invalid_parameters(profile, "a query that is not percent-encoded UTF-8 [RFC 3986 2.1]")),
    }
}

/// Whatever it was asked by, the server looks for an id and for a username, and for both exactly
/// [source: RocketChat/Rocket.Chat, getFullUserData.ts and Users.findOneByIdOrUsername]. More fields than these exist.
pub(super) fn answer(asked: &str, workspace: &Workspace) -> Result<Value, Failure> {
    let user = workspace.told_of(asked).ok_or_else(|| Failure::plain(400, "User not found."))?;
    Ok(json!({ "user": user, "success": true }))
}
