//! A picture arrives as it was made, takes the place of the one before, and is not sent again.

use super::{Arena, Played};

pub(super) fn first(arena: &mut Arena) -> Played {
    let (one, other) = (arena.add_user(), arena.add_user());
    arena.add_user();
    let numbers = [arena.drop_photo(one), arena.drop_photo(other)];
    arena.sync_delivers(2);
    numbers.iter().for_each(|number| arena.assert_shows_exactly(*number));
    assert_eq!(arena.shown().iter().filter(|shown| shown.is_empty()).count(), 1, "one has no photo, and no picture");
    arena.assert_own_unchanged();
    let name = arena.stand.name(one);
    let told = arena.explain(&name);
    assert_eq!((&told["state"], told["attempts"].as_array().unwrap().len()), (&"done".into(), 1), "{told}");
    assert_eq!(arena.last_attempt(&name).0, "done");
    Ok(cost(arena, 2))
}

/// What the photos cost.
fn cost(arena: &Arena, photos: usize) -> String {
    let pictures = arena.shown_of(1).into_keys().collect::<Vec<_>>().join(", ");
    let Ok(remote) = arena.remote() else { return format!("byte for byte: {pictures}") };
    assert_eq!(remote.taken(), photos * remote.taken_by_delivery(), "pictures that the system took");
    format!("byte for byte: {pictures}; {} requests for {photos} photos", remote.wire().seen().len())
}

pub(super) fn replaced(arena: &mut Arena) -> Played {
    let (one, _) = arena.delivered_user();
    let (_, other) = arena.delivered_user();
    let newer = arena.drop_photo(one);
    arena.sync_delivers(1);
    arena.assert_shows_exactly(newer);
    arena.assert_shows_exactly(other);
    arena.assert_own_unchanged();
    Ok(cost(arena, 3))
}

pub(super) fn repeated(arena: &mut Arena) -> Played {
    let (user, number) = arena.delivered_user();
    let requests = || arena.remote().map_or(0, |remote| remote.wire().seen().len());
    let shown = arena.shown();
    let before = requests();
    arena.sync_delivers(0);
    assert_eq!(requests(), before, "nothing is asked where nothing is due");
    // The same photo once more, as a station does that exports everything each night.
    arena.world.move_in(&format!("{}.jpg", arena.stand.name(user)), &number.photo_of_side(96));
    let summary = arena.sync_all_done();
    assert_eq!((&summary["delivered"], &summary["unchanged"]), (&0.into(), &1.into()), "{summary}");
    assert_eq!(requests(), before, "nothing is asked for the same photo");
    assert!(arena.shown() == shown, "something has changed");
    Ok("nothing is sent for what is there, nor for the same photo dropped again".to_owned())
}
