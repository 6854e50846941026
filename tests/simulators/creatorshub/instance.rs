//! What an instance holds: its users, their pictures and where those are kept. It reads no request.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

pub(super) struct Instance {
    users: BTreeMap<u64, User>,
    /// The time of the last write, in milliseconds since 1970.
    last_ms: u128,
}

#[derive(Default)]
struct User {
    avatar: Option<Avatar>,
    writes: usize,
}

struct Avatar {
    picture: Vec<u8>,
    url: String,
}

impl Instance {
    pub(super) fn new(owner: u64) -> Self {
        Self { users: BTreeMap::from([(owner, User::default())]), last_ms: 0 }
    }

    pub(super) fn add_user(&mut self, id: u64) {
        assert!(self.users.insert(id, User::default()).is_none(), "{id} is there already");
    }

    /// Keeps a picture, and answers its address: each write has another one [seed, by comparison of the samples].
    pub(super) fn set_picture(&mut self, id: u64, picture: Vec<u8>) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        self.last_ms = now.as_millis().max(self.last_ms + 1);
        let url = address(self.last_ms, id);
        let user = self.users.get_mut(&id).expect("whoever has no user was refused");
        user.avatar = Some(Avatar { picture, url: url.clone() });
        user.writes += 1;
        url
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.users.contains_key(&id)
    }

    pub(super) fn picture(&self, id: u64) -> Option<Vec<u8>> {
        Some(self.users.get(&id)?.avatar.as_ref()?.picture.clone())
    }

    pub(super) fn pictures(&self) -> BTreeMap<u64, Vec<u8>> {
        let pictures = self.users.iter().filter_map(|(id, user)| Some((*id, user.avatar.as_ref()?.picture.clone())));
        pictures.collect()
    }

    pub(super) fn avatar_url(&self, id: u64) -> Option<String> {
        Some(self.users.get(&id)?.avatar.as_ref()?.url.clone())
    }

    pub(super) fn writes(&self, id: u64) -> usize {
        self.users.get(&id).map_or(0, |user| user.writes)
    }
}

/// Where the picture of a user is kept that was set at this time [seed: responses].
pub(super) fn address(ms: u128, id: u64) -> String {
    format!("https://creatorshub.s3.eu-central-1.amazonaws.com/{ms:013}/userAvatars/{id}/avatar.jpg")
}
