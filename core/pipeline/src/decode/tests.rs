//! Photos drawn small and then converted, against converted and then drawn small.

use std::fs;

use moxcms::ColorProfile;

use super::*;
use crate::pixels::{Picture, Pixels};
use crate::profile::Profile;
use crate::recipe::Crop;
use crate::source::{Limits, examine};

const LIMITS: Limits = Limits { max_bytes: 32 << 20, max_pixels: 120_000_000, min_side: 96 };

/// A photo with a profile that it has not been taken in.
fn photo(name: &str, profile: &ColorProfile) -> (Vec<u8>, Source) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits/");
    let bytes = fs::read(format!("{folder}{name}")).unwrap();
    let mut source = examine(&bytes, &LIMITS).unwrap();
    source.profile = Some(Profile::Icc(profile.encode().unwrap()));
    (bytes, source)
}

fn pixels(canvas: &Canvas<'_>, source: &Source, sides: (u32, u32)) -> Vec<u8> {
    canvas.pixels(Area::whole(source.width, source.height), sides).unwrap().rgb
}

/// Drawn by the plan for these sides, then converted.
fn converted_late(bytes: &[u8], source: &Source, scale: jpeg::Scale, sides: (u32, u32)) -> Vec<u8> {
    let (width, height) = source.coded_sides();
    let plan = Plan { scale, window: Window { left: 0, top: 0, right: width, bottom: height } };
    let photo = Photo::decode(bytes, source, plan, &Style::from(Crop::None), Marking::None).unwrap();
    pixels(&photo.canvas(source), source, sides)
}

/// All pixels converted, then drawn.
fn converted_first(bytes: &[u8], source: &Source, sides: (u32, u32)) -> Vec<u8> {
    let all = converted_late(bytes, source, jpeg::Scale::Full, (source.width, source.height));
    let whole = Pixels::new(source.width, source.height, all).unwrap();
    pixels(&Picture::Pixels(whole).canvas(), source, sides)
}

/// The ratio of the largest value to what differs, in dB.
fn psnr(one: &[u8], other: &[u8]) -> f64 {
    let squares: f64 = one.iter().zip(other).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / squares).log10()
}

/// The goal: 45 dB, from pixels as many as they are, so that nothing but the order differs.
#[test]
fn what_is_converted_late_is_like_what_is_converted_first() {
    for name in ["camera-orientation-6.jpg", "phone-with-gps.jpg", "portrait.jpg"] {
        for (space, profile) in
            [("Display P3", ColorProfile::new_display_p3()), ("Adobe RGB", ColorProfile::new_adobe_rgb())]
        {
            let (bytes, source) = photo(name, &profile);
            let sides = (source.width / 4, source.height / 4);
            let first = converted_first(&bytes, &source, sides);
            let late = psnr(&converted_late(&bytes, &source, jpeg::Scale::Full, sides), &first);
            let mut unheeded = source.clone();
            unheeded.profile = None;
            let dropped = psnr(&converted_late(&bytes, &unheeded, jpeg::Scale::Full, sides), &first);
            println!("{name} in {space}: {late:.1} dB, {dropped:.1} dB without the profile");
            assert!(late >= 45.0 && dropped < 40.0, "{name} in {space}: {late:.1} and {dropped:.1} dB");
        }
    }
}

/// At half its size and less a HEIC is not smoothed. Where three pixels on a side become one, the least that such a plan is made
/// for, that is less than a JPEG's own loss, which is some 40 dB.
#[cfg(feature = "heic")]
#[test]
fn a_heic_that_is_drawn_small_does_without_smoothing() {
    for name in ["portrait.heic", "portrait-grid.heic", "portrait-gray.heic"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits/");
        let bytes = fs::read(format!("{folder}{name}")).unwrap();
        let source = examine(&bytes, &LIMITS).unwrap();
        let apart = |share: u32| {
            let sides = (source.width / share, source.height / share);
            let drawn = |scale| converted_late(&bytes, &source, scale, sides);
            psnr(&drawn(jpeg::Scale::Half), &drawn(jpeg::Scale::Full))
        };
        let (all, third) = (apart(1), apart(3));
        println!("{name}: {all:.1} dB at its size, {third:.1} dB at a third");
        assert!(all.is_finite() && third > 45.0, "{name}");
    }
}
