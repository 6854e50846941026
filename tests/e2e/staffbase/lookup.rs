//! By external id: the one user who has exactly this one, whatever the app's generation; otherwise nobody.

use super::*;
use crate::simulators::staffbase::Lookup;

fn drop_named(stage: &Stage, name: &str, user: u32) {
    stage.world.move_in(&format!("{name}.jpg"), &Number { user, version: 1 }.photo());
}

fn state(stage: &Stage, name: &str) -> String {
    let told = stage.explain(name);
    let last = told["attempts"].as_array().and_then(|attempts| attempts.last()).cloned().unwrap_or_default();
    format!("{} {}", told["state"].as_str().unwrap(), last["verdict"].as_str().unwrap_or_default())
}

#[test]
fn each_generation_of_apps_finds_the_user_and_nobody_else() {
    for lookup in [Lookup::Search, Lookup::SearchAsList, Lookup::ListOnly, Lookup::Unfiltered] {
        let stage = Stage::by_external_id(1);
        stage.app.set_manners(|manners| manners.lookup = lookup);
        let others = ["USER1", "user10", "twin", "twin"].map(|other| stage.app.add_user(other));
        for (user, name) in (1..).zip(["user1", "user2", "twin"]) {
            drop_named(&stage, name, user);
        }
        assert_eq!(stage.sync(&[]), (1, 1.into()), "{lookup:?}");
        stage.assert_shown(1, 1);
        assert_eq!(state(&stage, "user2"), "absent user-absent", "{lookup:?}");
        assert_eq!(state(&stage, "twin"), "stopped user-ambiguous", "{lookup:?}");
        let updated: usize = others.iter().map(|other| stage.app.updates(other)).sum();
        assert_eq!((updated, stage.app.uploads().len()), (0, 3), "nothing of a stranger is uploaded");
    }
}

#[test]
fn a_list_that_shows_only_a_part_concludes_nothing() {
    let stage = Stage::by_external_id(120);
    stage.app.set_manners(|manners| manners.lookup = Lookup::Unfiltered);
    drop_named(&stage, "user1", 1);
    assert_eq!(stage.sync(&[]), (1, 0.into()));
    assert_eq!(state(&stage, "user1"), "stopped user-ambiguous");
    assert!(stage.app.uploads().is_empty());
}

#[test]
fn an_external_id_is_looked_up_once_while_the_daemon_runs() {
    let mut stage = Stage::by_external_id(1);
    stage.world.start();
    for version in [1, 2] {
        stage.world.move_in("user1.jpg", &Number { user: 1, version }.photo());
        let shown = |_: &Value| stage.number(1, Size::Icon) == Some(Number { user: 1, version });
        stage.world.wait_status("the picture", shown);
    }
    let lookups = stage.requests().into_iter().filter(|(line, _)| line.contains("/search?")).count();
    assert_eq!((lookups, stage.world.stop()), (1, 0));
}
