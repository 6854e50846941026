//! Rocket.Chat, the real daemon and the real plugin: pictures arrive, and what goes wrong on the way is told.

use crate::photos::portrait;
use crate::simulators::rocketchat::{Profile, RocketChat, TOKEN, USER_ID};
use crate::world::World;

/// The name of the backend in these worlds.
const CHAT: &str = "chat";

/// A world with a backend at the simulated server.
pub(crate) fn world_at(chat: &RocketChat) -> World {
    let mut world = World::new();
    world.set("backend.chat.plugin", "rocketchat");
    world.set("backend.chat.settings.base-url", chat.url());
    world.set("backend.chat.settings.user-id", USER_ID);
    std::fs::write(world.path("token"), TOKEN).unwrap();
    world.set("backend.chat.settings.auth-token.file", world.path("token").to_str().unwrap());
    world
}

#[test]
fn a_photo_arrives() {
    let chat = RocketChat::start(Profile::V8);
    chat.add_user("anna");
    let world = world_at(&chat);
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, summary) = world.sync(&["--backend", CHAT]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{summary}\n{}", world.explain("anna"));
    assert!(chat.picture("anna").is_some());
    assert_eq!(chat.own_picture_writes(), 0);
}
