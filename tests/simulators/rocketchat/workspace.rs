//! What a workspace holds: its users, their pictures, its settings and the rights of the caller. It reads no request.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// `avatarETag` follows a change so much later [BACKENDS 4e].
const ETAG_LAG: Duration = Duration::from_millis(500);
/// `FileUpload_MaxFileSize` of a fresh workspace [BACKENDS 4e].
const FILE_MAX: usize = 104_857_600;

pub(super) struct Workspace {
    /// The first is the caller.
    users: Vec<User>,
    pub(super) may_edit_others: bool,
    pub(super) change_allowed: bool,
    pub(super) file_max: usize,
    pub(super) private_urls_allowed: bool,
    pub(super) own_picture_writes: usize,
    /// How many pictures were set, which makes etags.
    writes: u64,
}

pub(super) struct User {
    pub(super) id: String,
    pub(super) username: String,
    picture: Option<Vec<u8>>,
    /// Every `avatarETag` since there was none, and from when on it is shown.
    etags: Vec<(Instant, String)>,
}

/// A user by the place in the workspace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct UserIndex(usize);

pub(super) const THE_CALLER: UserIndex = UserIndex(0);

impl Workspace {
    pub(super) fn new(caller: &str, id: &str) -> Self {
        Self {
            users: vec![User::new(caller, id.to_owned())],
            may_edit_others: true,
            change_allowed: true,
            file_max: FILE_MAX,
            private_urls_allowed: false,
            own_picture_writes: 0,
            writes: 0,
        }
    }

    /// Adds a user with an id of 17 characters [seed: sample of userId].
    pub(super) fn add_user(&mut self, username: &str) -> String {
        assert!(self.by_username(username).is_none(), "{username} is there already");
        let id = format!("Uq{:015}", self.users.len());
        self.users.push(User::new(username, id.clone()));
        id
    }

    /// Exactly by `_id` [BACKENDS 4a].
    pub(super) fn by_id(&self, id: &str) -> Option<UserIndex> {
        self.users.iter().position(|user| user.id == id).map(UserIndex)
    }

    /// By username, whatever the case [BACKENDS 4a].
    pub(super) fn by_username(&self, username: &str) -> Option<UserIndex> {
        let same = |user: &User| user.username.to_lowercase() == username.to_lowercase();
        self.users.iter().position(same).map(UserIndex)
    }

    pub(super) fn set_picture(&mut self, user: UserIndex, picture: Vec<u8>) {
        self.writes += 1;
        let etag = (Instant::now() + ETAG_LAG, format!("{:017}", self.writes));
        let user = self.changed(user);
        user.picture = Some(picture);
        user.etags.push(etag);
    }

    /// Takes a picture away and leaves its etag, as a change does that fails half-way.
    pub(super) fn lose_picture(&mut self, user: UserIndex) {
        self.changed(user).picture = None;
    }

    /// Takes a picture away with all that is known of it.
    pub(super) fn reset_picture(&mut self, user: UserIndex) {
        let user = self.changed(user);
        user.picture = None;
        user.etags.clear();
    }

    fn changed(&mut self, UserIndex(index): UserIndex) -> &mut User {
        self.own_picture_writes += usize::from(UserIndex(index) == THE_CALLER);
        &mut self.users[index]
    }

    pub(super) fn picture(&self, username: &str) -> Option<Vec<u8>> {
        self.user(username)?.picture.clone()
    }

    pub(super) fn pictures(&self) -> BTreeMap<String, Vec<u8>> {
        let pictures = self.users.iter().filter_map(|user| Some((user.username.clone(), user.picture.clone()?)));
        pictures.collect()
    }

    pub(super) fn avatar_etag(&self, username: &str) -> Option<String> {
        self.user(username)?.etag()
    }

    /// What `me` says of the caller: flat [BACKENDS 4a]. More fields than these exist.
    pub(super) fn caller_as_json(&self) -> Value {
        let mut caller = self.users[0].as_json();
        caller["avatarUrl"] = format!("/avatar/{}", self.users[0].username).into();
        caller["success"] = true.into();
        caller
    }

    /// What is told of the user of exactly this id or username.
    pub(super) fn told_of(&self, id_or_username: &str) -> Option<Value> {
        let is_meant = |user: &&User| user.id == id_or_username || user.username == id_or_username;
        self.users.iter().find(is_meant).map(User::as_json)
    }

    fn user(&self, username: &str) -> Option<&User> {
        self.by_username(username).map(|UserIndex(index)| &self.users[index])
    }
}

impl User {
    fn new(username: &str, id: String) -> Self {
        Self { id, username: username.to_owned(), picture: None, etags: Vec::new() }
    }

    fn etag(&self) -> Option<String> {
        let shown = self.etags.iter().rev().find(|(from, _)| *from <= Instant::now());
        shown.map(|(_, etag)| etag.clone())
    }

    fn as_json(&self) -> Value {
        let mut user = json!({ "_id": self.id, "username": self.username, "active": true });
        if let Some(etag) = self.etag() {
            user["avatarETag"] = etag.into();
        }
        user
    }
}
