//! Real people and what is taken for one: the pictures of `tests/portraits/faces`.

use std::collections::BTreeSet;

use portraitd_pipeline::{Area, Crop, Recipe, Rendered, Warning, render};
use serde::Deserialize;

use crate::photos::*;

/// What `faces.toml` tells.
#[derive(Deserialize)]
struct Pictures {
    picture: Vec<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    file: String,
    width: u32,
    height: u32,
    warnings: BTreeSet<String>,
    faces: Vec<Face>,
}

#[derive(Deserialize)]
struct Face {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    eyes: [(f64, f64); 2],
}

impl Face {
    /// Whether the shared area is 0.4 of what both cover: detectors differ in what they box.
    fn is_at(&self, found: &Area) -> bool {
        let shared = |from: f64, side: f64, other: f64, other_side: f64| {
            ((from + side).min(other + other_side) - from.max(other)).max(0.0)
        };
        let both = shared(self.left, self.width, found.left, found.width)
            * shared(self.top, self.height, found.top, found.height);
        both >= 0.4 * (self.width * self.height + found.width * found.height - both)
    }

    fn eye_line(&self) -> f64 {
        (self.eyes[0].1 + self.eyes[1].1) / 2.0
    }
}

fn pictures() -> Vec<Picture> {
    let pictures: Pictures = toml::from_str(str::from_utf8(&real("faces/faces.toml")).unwrap()).unwrap();
    pictures.picture
}

/// A square rendition around the face.
fn cropped(bytes: &[u8]) -> Rendered {
    let source = looked_at(bytes).unwrap();
    render(bytes, &source, &Recipe::new(Crop::default(), vec![exact(200, 200)])).unwrap()
}

#[test]
fn people_are_found_where_they_are_and_nowhere_else() {
    for picture in pictures() {
        let found = cropped(&real(&format!("faces/{}", picture.file))).faces;
        assert_eq!(found.len(), picture.faces.len(), "{}: {found:?}", picture.file);
        for face in &picture.faces {
            assert!(found.iter().any(|found| face.is_at(found)), "{}: {found:?}", picture.file);
        }
    }
}

#[test]
fn the_crop_holds_a_whole_face_in_its_middle_with_the_eyes_in_their_place() {
    for picture in pictures().iter().filter(|picture| picture.faces.len() == 1) {
        let (file, face) = (&picture.file, &picture.faces[0]);
        let area = cropped(&real(&format!("faces/{file}"))).renditions[0].area;
        let across = (face.left + face.width / 2.0 - area.left) / area.width;
        assert!((1.0 / 3.0..=2.0 / 3.0).contains(&across), "{file}: the face is at {across:.2}");
        let eyes = (face.eye_line() - area.top) / area.height;
        assert!((0.31..=0.50).contains(&eyes), "{file}: the eyes are at {eyes:.2}");
        let (right, bottom) = (area.left + area.width, area.top + area.height);
        assert!(area.left <= face.left && face.left + face.width <= right, "{file}: {area:?}");
        assert!(area.top <= face.top && face.top + face.height <= bottom, "{file}: {area:?}");
        let (width, height) = (f64::from(picture.width), f64::from(picture.height));
        assert!(area.left >= 0.0 && area.top >= 0.0 && right <= width && bottom <= height, "{file}: {area:?}");
    }
}

#[test]
fn what_is_odd_about_a_person_is_said_and_nothing_else() {
    for picture in pictures() {
        let warnings = cropped(&real(&format!("faces/{}", picture.file))).warnings;
        let said = warnings.into_iter().filter(|warning| *warning != Warning::Enlarged);
        assert_eq!(
            said.map(|warning| warning.to_string()).collect::<BTreeSet<_>>(),
            picture.warnings,
            "{}",
            picture.file
        );
    }
}

/// The astronaut's face, in sides of the photo.
const ASTRONAUT: Area = Area { left: 0.35, top: 0.12, width: 0.18, height: 0.22 };

#[test]
fn a_face_is_found_in_every_format_and_colour() {
    for (name, width, _) in REAL.iter().filter(|(name, ..)| name.starts_with("portrait")) {
        let faces = cropped(&real(name)).faces;
        assert_eq!(faces.len(), 1, "{name}: {faces:?}");
        let side = f64::from(*width);
        let Area { left, top, width, height } = faces[0];
        let found = Area { left: left / side, top: top / side, width: width / side, height: height / side };
        let expected = Face {
            left: ASTRONAUT.left,
            top: ASTRONAUT.top,
            width: ASTRONAUT.width,
            height: ASTRONAUT.height,
            eyes: [(0.0, 0.0); 2],
        };
        assert!(expected.is_at(&found), "{name}: {found:?}");
    }
}
