//! Taking over what systems hold on day one, and looking at them later: what the commands say where that goes wrong. The
//! stories of each system tell how it goes well.

use serde_json::json;

use crate::{
    photos::portrait,
    rocketchat::world_at,
    simulators::rocketchat::{Profile, RocketChat},
    world::{SOON, World, wait_until},
};

fn stage(users: &[&str]) -> (World, RocketChat) {
    let chat = RocketChat::start(Profile::V8);
    users.iter().for_each(|user| drop(chat.add_user(user)));
    let mut world = world_at(&chat);
    world.set("backend.portraits.enabled", false);
    (world, chat)
}

#[test]
fn for_whom_the_system_could_not_tell_is_said_by_name() {
    let (world, chat) = stage(&["anna", "bob"]);
    chat.change_picture("anna", &portrait("portrait.jpg"));
    wait_until("the etag", SOON, || chat.avatar_etag("anna"));
    ["anna", "bob", "cyd"].iter().for_each(|user| world.copy_in(&format!("{user}.jpg"), &portrait("portrait.jpg")));

    let told = world.portraitd(&["adopt", "--backend", "chat", "--json"]).expect(1).json();
    assert_eq!([&told["photos"], &told["adopted"], &told["without"]], [&json!(3), &json!(1), &json!(1)], "{told:#}");
    let unknown = told["unknown"].as_array().unwrap();
    let one = (unknown.len(), &unknown[0]["userid"], &unknown[0]["backend"], &unknown[0]["verdict"]);
    assert_eq!(one, (1, &json!("cyd"), &json!("chat"), &json!("user-absent")), "{told:#}");

    let said = world.portraitd(&["adopt", "--backend", "chat", "cyd"]).expect(1).out;
    assert!(said.starts_with("could not tell for cyd at chat: user-absent ("), "{said}");
    world.portraitd(&["adopt", "--backend", "chat", "anna"]).expect(0);
    world.portraitd(&["adopt", "--backend", "chat", "nobody"]).expect(1);
}

#[test]
fn a_paused_backend_can_be_adopted_and_one_with_a_wrong_token_cannot() {
    let (world, chat) = stage(&["anna"]);
    chat.change_picture("anna", &portrait("portrait.jpg"));
    wait_until("the etag", SOON, || chat.avatar_etag("anna"));
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    chat.set_token("another");
    let told = world.portraitd(&["adopt", "--backend", "chat", "--json"]).expect(1).json();
    assert_eq!(told["adopted"], 0, "{told:#}");
    world.portraitd(&["pause", "--backend", "chat"]).expect(0);
    chat.set_token(crate::simulators::rocketchat::TOKEN);
    let told = world.portraitd(&["adopt", "--backend", "chat", "--json"]).expect(0).json();
    assert_eq!(told["adopted"], 1, "{told:#}");
}

#[test]
fn a_system_that_cannot_tell_can_be_neither_adopted_nor_verified() {
    let (mut world, _chat) = stage(&[]);
    world.set("backend.portraits.enabled", true);
    let said = world.portraitd(&["adopt", "--backend", "portraits"]).expect(2).err;
    assert!(said.contains("the plugin `files` cannot tell what its system shows"), "{said}");
    world.set("backend.portraits.verify", "after");
    let said = world.portraitd(&["check"]).expect(2).text();
    assert!(said.contains("`verify`, and the plugin `files` cannot tell"), "{said}");
}

#[test]
fn adopt_needs_the_state_and_a_backend() {
    let (mut world, _chat) = stage(&["anna"]);
    world.portraitd(&["adopt"]).expect(2);
    world.portraitd(&["adopt", "--backend", "intranet"]).expect(2);
    world.start();
    world.portraitd(&["adopt", "--backend", "chat"]).expect(3);
}
