//! Renditions against goldens: what other programs made of the same photos, as `tests/goldens/README.md` tells.
//!
//! A rendition is a JPEG and its golden is none, so two distances are judged: to the golden, and to the golden after it went
//! through the same encoder. The first depends on nothing of ours, and nearly all of it is what a JPEG of quality 85 costs;
//! the second is what is left when that is taken away.

use std::fs;

use image::metadata::Orientation;
use image::{DynamicImage, Rgb, RgbImage};
use portraitd_pipeline::{Crop, Limits, Recipe, RenditionSpec, Style, examine, render};

use crate::photos::*;

/// A golden, and how far off a rendition may be, in levels.
struct Golden {
    /// Its name is that of the golden too.
    photo: &'static str,
    /// Photos of which the same is to be seen have nearly the same golden.
    shows: &'static str,
    within: Distance,
}

#[derive(Clone, Copy, Debug)]
struct Distance {
    /// In the mean, from the golden.
    mean: f64,
    /// In the mean, from the golden so encoded.
    coded: f64,
    /// Of the sample that is furthest off, from the golden so encoded.
    most: u8,
}

const fn golden(photo: &'static str, shows: &'static str, mean: f64, coded: f64, most: u8) -> Golden {
    Golden { photo, shows, within: Distance { mean, coded, most } }
}

/// What is allowed is what is measured and a quarter more: another processor rounds otherwise.
const GOLDENS: [Golden; 29] = [
    // Every pixel is there, and half as many are drawn. A wrong conversion is 4 off at least; the encoder may take the other
    // step where the conversion is half a level off.
    golden("p3.png", "P3", 2.8, 1.1, 18),
    golden("p3-cicp.png", "P3", 2.8, 1.1, 18),
    golden("adobe-16.png", "Adobe RGB", 2.8, 0.9, 13),
    golden("adobe-chrm.png", "Adobe RGB", 2.8, 1.0, 15),
    golden("adobe.webp", "Adobe RGB", 2.9, 1.0, 12),
    golden("p3-clear.png", "clear P3", 2.5, 1.2, 18),
    golden("p3-clear.webp", "clear P3", 2.5, 1.3, 18),
    golden("p3.heic", "P3", 2.8, 1.2, 18),
    golden("light-16.png", "light", 2.4, 0.7, 8),
    // Of 255 colours, with an edge to what is clear, which costs a JPEG more.
    golden("clear.gif", "clear", 5.0, 1.4, 24),
    // No chroma, so nearly no loss.
    golden("gray-16.png", "gray", 0.9, 0.6, 5),
    golden("gray.jpg", "gray", 0.9, 0.7, 6),
    // Averages of light where averages of what is stored are 30 off.
    golden("stripes.png", "stripes", 2.8, 0.3, 9),
    // Each decoder rounds in its own way, and makes as many samples of halved chroma as there are pixels.
    golden("srgb.jpg", "sRGB", 2.4, 1.5, 15),
    golden("p3.jpg", "P3", 3.0, 1.6, 20),
    golden("adobe-progressive.jpg", "Adobe RGB", 2.9, 1.2, 15),
    golden("press.jpg", "press", 2.2, 1.3, 12),
    golden("press-ycck.jpg", "press", 2.2, 1.3, 18),
    golden("ycck.jpg", "filters", 2.4, 1.0, 10),
    // Real photos are full of edges. Of a JPEG only means of some pixels are decoded, and those are drawn smaller.
    golden("camera-orientation-6.jpg", "street", 8.0, 3.9, 29),
    golden("portrait-progressive.jpg", "portrait", 8.7, 4.1, 24),
    golden("portrait-gray.jpg", "gray portrait", 5.3, 4.4, 22),
    golden("portrait-cmyk.jpg", "portrait", 9.1, 4.6, 27),
    golden("portrait.heic", "portrait", 8.6, 3.4, 24),
    golden("portrait-grid.heic", "part", 8.3, 3.5, 33),
    golden("portrait-gray.heic", "gray portrait", 5.0, 1.7, 14),
    golden("portrait-clear.heic", "clear portrait", 9.0, 3.6, 32),
    golden("portrait.webp", "portrait", 8.8, 2.3, 19),
    golden("portrait.gif", "portrait", 8.8, 1.5, 12),
];

impl Golden {
    /// Those that this build reads.
    fn all() -> impl Iterator<Item = &'static Self> {
        GOLDENS.iter().filter(|golden| cfg!(feature = "heic") || !golden.photo.ends_with(".heic"))
    }

    fn is_chart(&self) -> bool {
        fs::exists(format!("{FOLDER}/photos/{}", self.photo)).unwrap()
    }

    fn photo(&self) -> Vec<u8> {
        if self.is_chart() { fs::read(format!("{FOLDER}/photos/{}", self.photo)).unwrap() } else { real(self.photo) }
    }

    fn picture(&self) -> RgbImage {
        image::open(format!("{FOLDER}/{}.png", self.photo)).unwrap().into_rgb8()
    }

    /// What is made of the photo, or of the same photo turned.
    fn rendition(&self, photo: &[u8]) -> RgbImage {
        let style =
            Style { background: BACKGROUND, linear_light: self.shows == "stripes", ..Style::from(Crop::Center) };
        let spec = if self.is_chart() { at_most(HALF, HALF) } else { exact(48, 48) };
        drawn(photo, style, spec)
    }
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens");
/// Of the charts, in pixels.
const SIDES: (u32, u32) = (96, 120);
/// Of the longer side.
const HALF: u32 = 60;
const BACKGROUND: [u8; 3] = [20, 90, 180];

fn drawn(photo: &[u8], style: Style, spec: RenditionSpec) -> RgbImage {
    let source = examine(photo, &Limits { min_side: 1, ..LIMITS }).unwrap();
    let made = render(photo, &source, &Recipe::new(style, vec![spec])).unwrap();
    let rendition = &made.renditions[0];
    RgbImage::from_raw(rendition.width, rendition.height, pixels(&rendition.bytes)).unwrap()
}

fn encoded(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    drawn(&png_of(picture, width, height), Crop::Center.into(), exact(width, height))
}

impl Distance {
    /// `None` between pictures of other sides.
    fn between(made: &RgbImage, golden: &RgbImage) -> Option<Self> {
        let of_same_sides = || {
            let encoded = encoded(golden);
            let most = made.iter().zip(encoded.iter()).map(|(a, b)| a.abs_diff(*b)).max();
            Self { mean: distance(made, golden), coded: distance(made, &encoded), most: most.unwrap() }
        };
        (made.dimensions() == golden.dimensions()).then(of_same_sides)
    }

    fn is_within(self, allowed: Self) -> bool {
        self.mean <= allowed.mean && self.coded <= allowed.coded && self.most <= allowed.most
    }
}

fn upright(picture: &RgbImage, tag: u8) -> RgbImage {
    let mut picture = DynamicImage::from(picture.clone());
    picture.apply_orientation(Orientation::from_exif(tag).unwrap());
    picture.into_rgb8()
}

fn check(golden: &Golden, made: &RgbImage, expected: &RgbImage, name: &str) {
    let off = Distance::between(made, expected);
    let is_near = off.is_some_and(|off| off.is_within(golden.within));
    assert!(is_near, "{name} is {off:.2?} off, more than {:.2?}", golden.within);
}

#[test]
fn every_photo_looks_as_other_programs_show_it() {
    for golden in Golden::all() {
        check(golden, &golden.rendition(&golden.photo()), &golden.picture(), golden.photo);
    }
}

/// In each format that has EXIF data; what turns a HEIC is tested with its boxes.
#[test]
fn every_orientation_looks_as_other_programs_show_it() {
    let can_turn =
        |golden: &&Golden| golden.is_chart() && !golden.photo.ends_with(".heic") && !golden.photo.ends_with(".gif");
    for golden in Golden::all().filter(can_turn) {
        for tag in 1..=8 {
            let photo = turned(&golden.photo(), tag, SIDES);
            let name = format!("{} turned by {tag}", golden.photo);
            check(golden, &golden.rendition(&photo), &upright(&golden.picture(), tag), &name);
        }
    }
}

/// What is allowed hides no other colour space, turn or order of channels.
#[test]
fn no_photo_looks_as_another_one() {
    for golden in Golden::all() {
        let made = golden.rendition(&golden.photo());
        let refuse = |wrong: &RgbImage, what: &str| {
            let off = Distance::between(&made, wrong);
            let is_near = off.is_some_and(|off| off.is_within(golden.within));
            assert!(!is_near, "{} is only {off:.2?} off {what}", golden.photo);
        };
        let picture = golden.picture();
        (2..=8).for_each(|tag| refuse(&upright(&picture, tag), &format!("itself turned by {tag}")));
        if !golden.shows.starts_with("gray") {
            refuse(&swapped(&picture), "itself with red and blue swapped");
        }
        for other in GOLDENS.iter().filter(|other| other.shows != golden.shows) {
            refuse(&other.picture(), other.photo);
        }
    }
}

fn swapped(picture: &RgbImage) -> RgbImage {
    let mut swapped = picture.clone();
    swapped.pixels_mut().for_each(|pixel| *pixel = Rgb([pixel[2], pixel[1], pixel[0]]));
    swapped
}
