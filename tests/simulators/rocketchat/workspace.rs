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
    /// What the server finds when it fetches.
    pub(super) urls: BTreeMap<String, Vec<u8>>,
    pub(super) own_picture_writes: usize,
}

pub(super) struct User {
    pub(super) id: String,
    pub(super) username: String,
    picture: Option<Vec<u8>>,
    writes: u64,
    /// The last change, and how many there had been when `avatarETag` last followed.
    changed: Option<(Instant, u64)>,
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
            urls: BTreeMap::new(),
            own_picture_writes: 0,
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

    pub(super) fn set_picture(&mut self, UserIndex(index): UserIndex, picture: Option<Vec<u8>>) {
        self.own_picture_writes += usize::from(UserIndex(index) == THE_CALLER);
        self.users[index].set_picture(picture);
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
        let User { id, username, .. } = &self.users[0];
        let mut caller = json!({
            "_id": id, "username": username, "avatarUrl": format!("/avatar/{username}"), "active": true, "success": true,
        });
        if let Some(etag) = self.users[0].etag() {
            caller["avatarETag"] = etag.into();
        }
        caller
    }

    fn user(&self, username: &str) -> Option<&User> {
        self.by_username(username).map(|UserIndex(index)| &self.users[index])
    }
}

impl User {
    fn new(username: &str, id: String) -> Self {
        Self { id, username: username.to_owned(), picture: None, writes: 0, changed: None }
    }

    fn set_picture(&mut self, picture: Option<Vec<u8>>) {
        self.changed = Some((Instant::now(), self.followed()));
        self.writes += 1;
        self.picture = picture;
    }

    /// How many changes `avatarETag` shows.
    fn followed(&self) -> u64 {
        match self.changed {
            Some((at, before)) if at.elapsed() < ETAG_LAG => before,
            _ => self.writes,
        }
    }

    fn etag(&self) -> Option<String> {
        let followed = self.followed();
        (followed > 0).then(|| format!("{followed:017}"))
    }
}
