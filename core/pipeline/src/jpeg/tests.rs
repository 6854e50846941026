//! The decoder as a whole: against libjpeg, against itself by other ways, and against what it once gave.

mod agreement;
mod damage;
mod goldens;
mod libjpeg;
mod likeness;
mod made;
mod ways;

use std::fs;

use super::{Jpeg, Marking, Plane, Scale, Window, decode, walk};
use crate::source::Coding;

/// The JPEGs among the portraits of the tests.
const REAL: [&str; 7] = [
    "camera-orientation-6.jpg",
    "iphone-exif-orientation-6-small.jpg",
    "phone-with-gps.jpg",
    "portrait.jpg",
    "portrait-progressive.jpg",
    "portrait-gray.jpg",
    "portrait-cmyk.jpg",
];

fn real(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits/");
    fs::read(format!("{folder}{name}")).unwrap()
}

fn looked_at(bytes: &[u8]) -> Jpeg {
    match walk(bytes, u64::MAX).unwrap().coding {
        Coding::Jpeg(jpeg) => *jpeg,
        _ => unreachable!("a walk through a JPEG finds a JPEG"),
    }
}

/// All of a picture.
fn whole(jpeg: &Jpeg) -> Window {
    Window { left: 0, top: 0, right: jpeg.frame.width.into(), bottom: jpeg.frame.height.into() }
}

fn decoded(bytes: &[u8], scale: Scale) -> Vec<Plane> {
    let jpeg = looked_at(bytes);
    decoded_in(bytes, scale, whole(&jpeg))
}

fn decoded_in(bytes: &[u8], scale: Scale, window: Window) -> Vec<Plane> {
    marked(bytes, scale, window, Marking::None)
}

fn marked<'a>(bytes: &'a [u8], scale: Scale, window: Window, marking: Marking<'_, 'a>) -> Vec<Plane> {
    let found = walk(bytes, u64::MAX).unwrap();
    decode(bytes, &found.keep, &looked_at(bytes).frame, scale, window, marking).unwrap()
}

/// Numbers that look random and are always the same.
struct Dice(u32);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % sides
    }
}
