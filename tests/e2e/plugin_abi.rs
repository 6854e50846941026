//! The ABI as others see it: a plugin in C written from the header alone, and one of ABI 1.0 with its own copies of all
//! that it was written with. Both are loaded by the real program and deliver.

use std::fs;

use crate::{
    fixtures::{built_crate, compile, put, world_with_plugins},
    photos::portrait,
};

#[test]
fn a_plugin_in_c_delivers() {
    let mut world = world_with_plugins();
    let file = compile(&world, "c-plugin", "in-c", &[]);
    world.set("backend.portraits.plugin", "in-c");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let shown = world.portraitd(&["plugins", "show", file.to_str().unwrap()]).expect(0).out;
    assert!(shown.starts_with("in-c 1.0.0: ") && shown.contains("operations: deliver"), "{shown}");
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{}", world.explain("anna"));
    assert_eq!(world.picture("portraits/icon.jpg").unwrap().size(), (48, 48));

    // What the effect came to is heard in C too.
    fs::remove_file(world.path("portraits/icon.jpg")).unwrap();
    fs::create_dir(world.path("portraits/icon.jpg")).unwrap();
    world.move_in("berta.jpg", &portrait("portrait.jpg"));
    assert_eq!(world.sync(&["--wait", "0s", "berta"]).0, 1);
    let attempt = world.explain("berta")["backends"]["portraits"]["attempts"][0].take();
    assert_eq!(
        (&attempt["verdict"], &attempt["reason"]),
        (&"retry".into(), &"the picture could not be written".into())
    );
}

#[test]
fn a_plugin_of_abi_1_0_works_as_it_did() {
    let mut world = world_with_plugins();
    put(&world, "abi-1-0", &fs::read(built_crate("abi-1-0")).unwrap());
    world.set("backend.portraits.plugin", "abi-1-0");
    world.copy_in("anna.jpg", &portrait("portrait.jpg"));
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{}", world.explain("anna"));
    assert_eq!(world.picture("portraits/anna.jpg").unwrap().size(), (48, 48));
    let attempt = world.explain("anna")["backends"]["portraits"]["attempts"][0].take();
    assert_eq!((&attempt["verdict"], &attempt["reason"]), (&"done".into(), &"changed: by a plugin of ABI 1.0".into()));
}
