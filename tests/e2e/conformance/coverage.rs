//! Whether the suite knows every plugin in every mode that the daemon lists.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{stands::VARIANTS, world::World};

/// A value that a setting may have; that of a mode, or of any other choice.
type Choice = (String, String);

/// What `plugins show` says that may be chosen: each value of a setting that has a list of them, and whether it is the
/// default.
fn choices(shown: &Value) -> Vec<(Choice, bool)> {
    let settings = shown["schema"]["properties"].as_object().expect("a plugin has settings");
    let of = |(name, setting): (&String, &Value)| {
        let values = setting["oneOf"].as_array().into_iter().flatten().filter_map(|value| value["const"].as_str());
        let choices = values.map(|value| ((name.clone(), value.to_owned()), setting["default"] == value));
        choices.collect::<Vec<_>>()
    };
    settings.iter().flat_map(of).collect()
}

fn is_played(plugin: &str, ((name, value), is_default): &(Choice, bool)) -> bool {
    VARIANTS.iter().filter(|variant| variant.plugin == plugin).any(|variant| {
        match variant.settings.iter().find(|(key, _)| key == name) {
            Some((_, set)) => set == value,
            None => *is_default,
        }
    })
}

#[test]
fn every_plugin_and_mode_that_the_daemon_lists_is_played() {
    let world = World::new();
    let listed = world.portraitd(&["plugins", "list", "--json"]).expect(0).json();
    let mut plugins = BTreeSet::new();
    for plugin in listed.as_array().expect("a list of plugins") {
        let (name, file) = (plugin["name"].as_str().unwrap().to_owned(), plugin["file"].as_str().unwrap());
        let shown = world.portraitd(&["plugins", "show", file, "--json"]).expect(0).json();
        assert!(VARIANTS.iter().any(|variant| variant.plugin == name), "there is no stand for the plugin {name}");
        let choices = choices(&shown);
        let missing: Vec<_> =
            choices.iter().filter(|choice| !is_played(&name, choice)).map(|(choice, _)| choice).collect();
        assert!(missing.is_empty(), "{name}: no stand plays {missing:?}");
        for mode in shown["modes"].as_array().expect("a list of modes") {
            let is_mode = |((name, value), _): &(Choice, bool)| name == "mode" && mode == value;
            assert!(choices.iter().any(is_mode), "{name}: the mode {mode} is no value of the setting `mode`");
        }
        plugins.insert(name);
    }
    for variant in &VARIANTS {
        assert!(plugins.contains(variant.plugin), "the daemon lists no plugin {}: {plugins:?}", variant.plugin);
    }
}
