//! Who is meant: nobody gets a picture that is not certainly theirs.

use serde_json::json;

use super::{Arena, Played, arena::BACKEND};

pub(super) fn unknown(arena: &mut Arena) -> Played {
    arena.remote()?;
    arena.delivered_user();
    let shown = arena.shown();
    let stranger = arena.stand.name(2);
    let number = arena.drop_photo(2);
    let summary = arena.sync_all_done();
    assert_eq!((&summary["absent"], &summary["delivered"]), (&1.into(), &0.into()), "{summary}");
    let (verdict, reason) = arena.last_attempt(&stranger);
    assert_eq!((verdict.as_str(), &arena.explain(&stranger)["state"]), ("user-absent", &"absent".into()), "{reason}");
    assert!(arena.shown() == shown, "somebody else's picture has changed");
    arena.assert_own_unchanged();
    arena.add_user();
    arena.world.portraitd(&["retry", &stranger]).expect(0);
    arena.sync_delivers(1);
    arena.assert_shows_exactly(number);
    Ok(format!("absent, delivered when the user is there: {reason}"))
}

pub(super) fn ambiguous(arena: &mut Arena) -> Played {
    let user = arena.add_user();
    arena.stand.add_twin(user)?;
    arena.drop_photo(user);
    let (code, summary) = arena.sync(&[]);
    assert_eq!((code, &summary["stopped"]), (1, &1.into()), "{summary}");
    let (verdict, reason) = arena.last_attempt(&arena.stand.name(user));
    assert_eq!(verdict, "user-ambiguous", "{reason}");
    arena.assert_shows_nothing();
    assert_eq!(arena.remote()?.taken(), 0, "nothing is sent for nobody");
    Ok(format!("stopped: {reason}"))
}

pub(super) fn two_rows_for_one(arena: &mut Arena) -> Played {
    let (user, other) = (arena.add_user(), arena.add_user());
    let [name, other_name] = [user, other].map(|user| arena.stand.name(user));
    arena.world.map_users(BACKEND, [("ada", name.as_str()), ("bob", &name), ("cyd", &other_name)]);
    for (drop_name, user) in [("ada", user), ("bob", user), ("cyd", other)] {
        arena.drop_photo_as(drop_name, user);
    }
    assert_told_and_not_sent(arena, ["ada", "bob"]);
    Ok("neither is sent, both are told, the third arrives".to_owned())
}

/// Both are a conflict and stay unsent; a third photo is delivered.
fn assert_told_and_not_sent(arena: &Arena, names: [&str; 2]) {
    let (code, summary) = arena.sync(&[]);
    assert_eq!((code, &summary["stopped"], &summary["delivered"]), (1, &2.into(), &1.into()), "{summary}");
    let conflicts = arena.world.status()["conflicts"].take();
    let files = json!(names.map(|name| format!("{name}.jpg")));
    let is_told = conflicts.as_array().into_iter().flatten().any(|conflict| conflict["files"] == files);
    assert!(is_told, "{files} are not told: {conflicts:#}");
    for name in names {
        let told = arena.explain(name);
        assert_eq!(told["state"], "stopped", "{told}");
        assert!(told["attempts"].as_array().is_some_and(Vec::is_empty), "{told}");
    }
    arena.assert_own_unchanged();
    if let Ok(remote) = arena.remote() {
        assert_eq!(remote.taken(), remote.taken_by_delivery(), "a picture was sent for one of them");
    }
}

pub(super) fn names_that_differ_in_case(arena: &mut Arena) -> Played {
    let (user, other) = (arena.add_user(), arena.add_user());
    let (name, in_other_case) = (arena.stand.name(user), arena.stand.in_other_case(user)?);
    arena.drop_photo_as(&in_other_case.name, user);
    let (number, third) = (arena.drop_photo(user), arena.drop_photo(other));
    if in_other_case.is_same {
        let mut names = [name.as_str(), in_other_case.name.as_str()];
        names.sort_unstable();
        assert_told_and_not_sent(arena, names);
        assert!(arena.shown_of(user).is_empty(), "a picture was sent for one of them");
        return Ok("one user there: neither is sent, both are told".to_owned());
    }
    arena.sync_all_done();
    arena.assert_shows_exactly(number);
    arena.assert_shows_exactly(third);
    arena.assert_own_unchanged();
    Ok("two users there: each photo is for its own".to_owned())
}
