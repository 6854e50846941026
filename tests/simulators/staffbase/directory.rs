//! The users of an app with their avatars. It reads no request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Refusal,
    avatar::{Avatar, Size},
};

/// The user that the token belongs to.
pub(super) const OWN_ID: &str = "5d0000000000000000000001";

pub(super) struct Directory {
    users: Vec<User>,
    added: usize,
}

pub(super) struct User {
    id: String,
    pub(super) external_id: String,
    pub(super) avatar: Option<Avatar>,
    updates: usize,
}

impl Directory {
    pub(super) fn new() -> Self {
        let own = User { id: OWN_ID.to_owned(), external_id: "portraitd".to_owned(), avatar: None, updates: 0 };
        Self { users: vec![own], added: 0 }
    }

    pub(super) fn add(&mut self, external_id: &str) -> String {
        self.added += 1;
        let id = object_id(0x1000 + self.added);
        self.users.push(User { id: id.clone(), external_id: external_id.to_owned(), avatar: None, updates: 0 });
        id
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.users.retain(|user| user.id != id);
    }

    pub(super) fn users(&self) -> &[User] {
        &self.users
    }

    /// The user of a path: by id, or `me` for the one that the token belongs to [BACKENDS 1d].
    pub(super) fn user(&self, name: &str) -> Result<&User, Refusal> {
        let id = if name == "me" { OWN_ID } else { name };
        self.by_id(id).ok_or_else(|| Refusal::new(404, "there is no such user"))
    }

    /// A user that is there.
    pub(super) fn user_mut(&mut self, id: &str) -> &mut User {
        self.users.iter_mut().find(|user| user.id == id).expect("there is such a user")
    }

    pub(super) fn avatar_urls(&self, id: &str) -> BTreeMap<Size, String> {
        let avatar = self.by_id(id).and_then(|user| user.avatar.as_ref());
        let pictures = avatar.into_iter().flat_map(Avatar::pictures);
        pictures.map(|picture| (picture.size, picture.url.clone())).collect()
    }

    /// The URLs that all avatars show.
    pub(super) fn urls(&self) -> BTreeSet<String> {
        self.users.iter().flat_map(|user| self.avatar_urls(&user.id).into_values()).collect()
    }

    pub(super) fn updates(&self, id: &str) -> usize {
        self.by_id(id).map_or(0, |user| user.updates)
    }

    fn by_id(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }
}

impl User {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// An update changes the avatar as a whole: without thumb and icon the original is used for them [seed].
    pub(super) fn update(&mut self, avatar: Avatar) {
        self.avatar = Some(avatar);
        self.updates += 1;
    }

    /// The user object [BACKENDS 1b and 1d]. More fields than these exist.
    pub(super) fn as_json(&self) -> Value {
        let mut user = json!({ "id": self.id, "externalID": self.external_id, "status": "activated", "profile": {} });
        if let Some(avatar) = &self.avatar {
            user["avatar"] = avatar.as_json();
        }
        user
    }
}

/// An id of 24 hexadecimal digits [BACKENDS 1d].
pub(super) fn object_id(number: usize) -> String {
    format!("5db0221d0a09a219{number:08x}")
}
