//! A Rocket.Chat server.

use std::{fs, sync::Arc};

use super::{Never, OtherCase, Remote, Settings, Shown, Stand, Trouble, Wire, has, one, publish, setting};
use crate::{
    simulators::{
        faults::Fault,
        rocketchat::{CALLER, Profile, RocketChat, TOKEN, USER_ID},
        simulator::{Answer, Seen},
    },
    world::World,
};

struct Server {
    chat: RocketChat,
    settings: Settings,
}

pub(super) fn stand(settings: Settings) -> Arc<dyn Stand> {
    let chat = RocketChat::start(Profile::V8);
    chat.allow_private_urls();
    Arc::new(Server { chat, settings })
}

fn username(user: u32) -> String {
    format!("user{user}")
}

fn sets(seen: &Seen) -> bool {
    seen.path == "/api/v1/users.setAvatar"
}

impl Server {
    fn by_id(&self) -> bool {
        has(self.settings, "user", "id")
    }
}

impl Stand for Server {
    fn configure(&self, world: &mut World, backend: &str) {
        world.set(&setting(backend, "base-url"), self.chat.url());
        world.set(&setting(backend, "user-id"), USER_ID);
        let token = world.path(format!("{backend}-token"));
        fs::write(&token, TOKEN).unwrap();
        world.set(&setting(backend, "auth-token.file"), token.to_str().unwrap());
        if has(self.settings, "mode", "url") {
            publish(world);
        }
    }

    fn remote(&self) -> Result<&dyn Remote, Never> {
        Ok(self)
    }

    fn name(&self, user: u32) -> String {
        if self.by_id() { format!("Uq{user:015}") } else { username(user) }
    }

    fn add(&self, user: u32) {
        let id = self.chat.add_user(&username(user));
        assert!(!self.by_id() || id == self.name(user), "the server gave another id: {id}");
    }

    fn add_twin(&self, _: u32) -> Result<(), Never> {
        Err("no lookup, so never ambiguous")
    }

    fn in_other_case(&self, user: u32) -> Result<OtherCase, Never> {
        Ok(OtherCase { name: self.name(user).to_uppercase(), is_same: !self.by_id() })
    }

    fn shown(&self, user: u32) -> Shown {
        one("avatar", self.chat.picture(&username(user)))
    }
}

impl Remote for Server {
    fn wire(&self) -> &dyn Wire {
        &self.chat
    }

    fn taken(&self) -> usize {
        self.chat.seen().iter().filter(|seen| sets(seen) && seen.was_carried_out()).count()
    }

    fn brings(&self, seen: &Seen) -> bool {
        sets(seen)
    }

    fn set_credentials_known(&self, known: bool) {
        self.chat.set_token(if known { TOKEN } else { "another" });
    }

    fn own_changes(&self) -> usize {
        self.chat.own_picture_writes()
    }

    fn hostile_names(&self) -> Vec<String> {
        let other_kind =
            if self.by_id() { [CALLER.to_owned(), username(1)] } else { [USER_ID.to_owned(), format!("Uq{:015}", 1)] };
        let more = ["@user1", "user1&userId=x", "user1\"; name=\"userId", "user1\r\nX-User-Id: x", "undefined", "null"];
        other_kind.into_iter().chain(more.map(str::to_owned)).collect()
    }

    /// The name goes out as the value of a field, and the server says that there is nobody of that name.
    fn may_ask(&self, seen: &Seen) -> bool {
        let is_probe = ["/api/info", "/api/v1/me"].contains(&seen.path.as_str());
        is_probe || sets(seen) && seen.user.is_some() && seen.answer == Answer::Status(400)
    }

    fn troubles(&self) -> Vec<Trouble<'_>> {
        vec![Trouble::new("a picture that is taken and not kept", Fault::Unkept, sets).silent()]
    }
}
