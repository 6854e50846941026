//! Colours and what is up survive every format: each way of lying in a file, in each format, in each colour space, dropped
//! into one folder and published in one pass.

mod made;
mod profiles;

use std::collections::BTreeMap;

use crate::{photos::Picture, world::World};
use made::{Format, QUADRANTS};
use profiles::Space;

/// What two JPEGs, and the rounding of a colour space, change in the mean of a quarter.
const LEVELS: u8 = 4;

#[test]
fn every_orientation_of_every_format_in_every_space_is_published_in_its_colours() {
    let world = World::new();
    let mut expected = BTreeMap::new();
    for (space, format) in
        Space::ALL.into_iter().flat_map(|space| space.formats().iter().map(move |format| (space, *format)))
    {
        let upright = space.quadrants();
        for tag in 1..=8 {
            let user = format!("{space:?}-{format:?}-{tag}").to_lowercase();
            world.copy_in(
                &format!("{user}.{}", format.extension()),
                &made::photo(format, space, upright.as_stored(tag), tag),
            );
            expected.insert(user, upright.0.map(|stored| space.in_srgb(stored)));
        }
    }
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, summary["delivered"].as_u64()), (0, Some(expected.len() as u64)), "{summary}");
    let wrong: Vec<_> = expected.iter().filter_map(|(user, colours)| wrong(&world, user, colours)).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), expected.len(), wrong.join("\n"));
}

/// What is wrong with a published photo, if something is.
fn wrong(world: &World, user: &str, expected: &[[u8; 3]; QUADRANTS]) -> Option<String> {
    let Some(picture) = world.picture(&format!("portraits/{user}/thumb.jpg")) else {
        return Some(format!("{user} is not published"));
    };
    let shown = shown(&picture);
    let is_near = |one: &[u8; 3], other: &[u8; 3]| one.iter().zip(other).all(|(a, b)| a.abs_diff(*b) <= LEVELS);
    let is_right = shown.iter().zip(expected).all(|(shown, expected)| is_near(shown, expected));
    (!is_right).then(|| format!("{user} shows {shown:?} instead of {expected:?}"))
}

/// The colours of the four quarters, away from where they meet.
fn shown(picture: &Picture) -> [[u8; 3]; QUADRANTS] {
    let part = |half: usize, side: usize| (half * side / 2 + side / 8)..((half + 1) * side / 2 - side / 8);
    std::array::from_fn(|at| picture.mean(part(at % 2, picture.width), part(at / 2, picture.height)))
}

#[test]
fn a_profile_that_cannot_be_read_is_told() {
    let world = World::new();
    let quadrants = Space::DisplayP3.quadrants();
    let photo = made::photo(Format::Jpeg, Space::DisplayP3, quadrants, 1);
    let name = b"ICC_PROFILE\0";
    let at = photo.windows(name.len()).position(|window| window == name).expect("the photo has a profile");
    let mut damaged = photo;
    damaged[at + name.len() + 2 + 36] = b'?';
    world.copy_in("anna.jpg", &damaged);
    let (code, summary) = world.sync(&[]);
    assert_eq!((code, summary["rejected"].as_u64()), (1, Some(1)), "{summary}");
    let told = world.portraitd(&["explain", "anna"]).out;
    assert!(
        told.contains("the picture's colour profile is damaged: save it again as an ordinary JPEG in sRGB"),
        "{told}"
    );
    assert!(world.published("portraits/anna/thumb.jpg").is_none());
}
