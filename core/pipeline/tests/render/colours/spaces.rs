//! Each space in each format and each orientation, against the float reference.
//!
//! What is compared is the decoded 64x64 of a photo in another space and that of a PNG of the converted pixels: so drawn
//! small and then converted against converted and then drawn small.

use image::ExtendedColorType::{L8, L16, Rgb8, Rgb16};
use jpeg_encoder::ColorType::{self, Cmyk, CmykAsYcck, Luma};
use moxcms::ColorProfile;

use super::icc_file::profile;
use super::made::*;
use super::reference::*;
use super::{assert_colour, psnr, small};
use crate::photos::*;
use crate::upright::as_coded;

const SIDES: (u32, u32) = (160, 208);

/// At least as alike as this, in dB. Both pictures went through JPEG at quality 85 after 64x64, which is what is left.
const ALIKE: f64 = 40.0;

/// A photo in some format of pixels that lie in some way.
type Format = (&'static str, fn(&[u8], (u32, u32), &[u8]) -> Vec<u8>);

const RGB_FORMATS: [Format; 4] = [
    ("JPEG", |pixels, sides, icc| fine_jpeg(ColorType::Rgb, pixels, sides, Some(icc))),
    ("PNG", |pixels, sides, icc| png_in(Rgb8, pixels, sides, Some(icc))),
    ("PNG of 16 bits", |pixels, sides, icc| png_in(Rgb16, &widened(pixels), sides, Some(icc))),
    ("WebP", |pixels, sides, icc| webp_in(pixels, sides, Some(icc))),
];

const GRAY_FORMATS: [Format; 3] = [
    ("gray JPEG", |pixels, sides, icc| fine_jpeg(Luma, &first_of_three(pixels), sides, Some(icc))),
    ("gray PNG", |pixels, sides, icc| png_in(L8, &first_of_three(pixels), sides, Some(icc))),
    ("gray PNG of 16 bits", |pixels, sides, icc| png_in(L16, &widened(&first_of_three(pixels)), sides, Some(icc))),
];

const CMYK_FORMATS: [Format; 2] = [
    ("CMYK", |pixels, sides, icc| fine_jpeg(Cmyk, &inks(pixels), sides, Some(icc))),
    ("YCCK", |pixels, sides, icc| fine_jpeg(CmykAsYcck, &inks(pixels), sides, Some(icc))),
];

fn first_of_three(pixels: &[u8]) -> Vec<u8> {
    pixels.iter().step_by(3).copied().collect()
}

/// All formats and orientations of pixels with a profile, against what they are in sRGB.
fn check(formats: &[Format], pixels: &[u8], icc: &[u8], in_srgb: &[u8], name: &str) {
    let expected = small(&png_in(Rgb8, in_srgb, SIDES, None));
    for (format, written) in formats {
        for tag in 1..=8 {
            let (coded, width, height) = as_coded(pixels, tag);
            let photo = turned(&written(&coded, (width, height), icc), tag, (width, height));
            let alike = psnr(&small(&photo), &expected);
            assert!(alike >= ALIKE, "{name} {format} {tag}: {alike:.1} dB");
        }
    }
}

#[test]
fn wide_spaces_become_srgb() {
    let pixels = portrait(SIDES.0, SIDES.1, 3);
    for (name, profile, space) in spaces() {
        check(&RGB_FORMATS, &pixels, &icc(&profile), &space.pixels_to_srgb(&pixels), name);
    }
}

#[test]
fn gray_of_another_curve_becomes_srgbs() {
    let gray: Vec<u8> = first_of_three(&portrait(SIDES.0, SIDES.1, 3)).iter().flat_map(|gray| [*gray; 3]).collect();
    for gamma in [1.0_f32, 1.8, 2.2] {
        let lit = |sample: &u8| (srgb_value((f64::from(*sample) / 255.0).powf(gamma.into())) * 255.0).round() as u8;
        let in_srgb: Vec<u8> = gray.iter().map(lit).collect();
        let profile = icc(&ColorProfile::new_gray_with_gamma(gamma));
        check(&GRAY_FORMATS, &gray, &profile, &in_srgb, &format!("gray of {gamma}"));
    }
}

/// As programs leave it that take the colours out of a photo and nothing else.
#[test]
fn gray_with_a_profile_of_colours_is_read_by_it() {
    let gray: Vec<u8> = first_of_three(&portrait(SIDES.0, SIDES.1, 3)).iter().flat_map(|gray| [*gray; 3]).collect();
    let profiles = [(ColorProfile::new_srgb(), SRGB), (ColorProfile::new_adobe_rgb(), ADOBE)];
    for (profile, space) in profiles {
        check(&GRAY_FORMATS, &gray, &icc(&profile), &space.pixels_to_srgb(&gray), "colours");
    }
}

#[test]
fn inks_become_what_the_press_prints() {
    let pixels = portrait(SIDES.0, SIDES.1, 3);
    let print = |ink: &[u8; 4]| bytes(printed(ink.map(|ink| f64::from(ink) / 255.0)));
    let in_srgb: Vec<u8> = inks(&pixels).as_chunks().0.iter().flat_map(print).collect();
    check(&CMYK_FORMATS, &pixels, &press(), &in_srgb, "press");
}

/// Colours at the corners, where the wide space has what sRGB has not, and in between.
#[test]
fn single_colours_are_within_two_levels() {
    for colour in [[200, 120, 40], [255, 0, 0], [0, 255, 0], [0, 0, 255], [12, 14, 9], [250, 251, 252], [127, 127, 127]]
    {
        let pixels = colour.repeat(128 * 128);
        let spaces = [(ColorProfile::new_display_p3(), DISPLAY_P3), (ColorProfile::new_adobe_rgb(), ADOBE)];
        for (profile, space) in spaces {
            let expected = bytes(space.to_srgb(parts(colour)));
            for (format, written) in &RGB_FORMATS[1..] {
                let made = small(&written(&pixels, (128, 128), &icc(&profile)));
                assert_colour(&made, expected, 2, &format!("{format} {colour:?}"));
            }
        }
    }
}

#[test]
fn a_table_for_colours_is_read_too() {
    let pixels = portrait(SIDES.0, SIDES.1, 3);
    let in_srgb: Vec<u8> = pixels.as_chunks().0.iter().flat_map(|[r, g, b]| [*g, *b, *r]).collect();
    check(&RGB_FORMATS, &pixels, &rotated(), &in_srgb, "table");
}

/// A profile by whose table red is green, green is blue and blue is red.
fn rotated() -> Vec<u8> {
    let mut table = b"mft2\0\0\0\0\x03\x03\x21\0".to_vec();
    for part in [1_i32, 0, 0, 0, 1, 0, 0, 0, 1] {
        table.extend((part << 16).to_be_bytes());
    }
    table.extend([0, 2, 0, 2]);
    let straight = [0, 0, 0xFF, 0xFF].repeat(3);
    table.extend(&straight);
    for step in 0..33_u32.pow(3) {
        let part = |power: u32| f64::from(step / 33_u32.pow(power) % 33) / 32.0;
        let [lightness, a, b] = lab_of_srgb([part(1), part(0), part(2)]);
        let values = [lightness * 652.8, (a + 128.0) * 256.0, (b + 128.0) * 256.0];
        table.extend(values.iter().flat_map(|value| (value.round() as u16).to_be_bytes()));
    }
    table.extend(&straight);
    profile(b"RGB ", b"Lab ", &[(b"A2B1", &table)])
}

/// As ISO/IEC 14496-12, 12.1.5, puts them into a box: primaries, then the curve.
#[cfg(feature = "heic")]
#[test]
fn a_heic_is_read_by_the_numbers_in_it() {
    let plain = real("portrait.heic");
    let at = plain.windows(8).position(|it| it == b"colrnclx").unwrap() + 8;
    let with = |primaries: u8, transfer: u8| {
        let mut heic = plain.clone();
        heic[at..at + 4].copy_from_slice(&[0, primaries, 0, transfer]);
        heic
    };
    let made = rendered(&plain, portraitd_pipeline::Crop::None, &[at_most(0, 0)]).unwrap();
    let sides = (made[0].width, made[0].height);
    let p3 = png_in(Rgb8, &pixels(&made[0].bytes), sides, Some(&icc(&ColorProfile::new_display_p3())));
    let expected = small(&p3);
    let [alike, otherwise] = [with(12, 13), plain.clone()].map(|heic| psnr(&small(&heic), &expected));
    // What is compared with went through one JPEG more.
    assert!(alike >= ALIKE - 4.0 && otherwise < alike - 5.0, "{alike:.1} dB, without a conversion {otherwise:.1}");
    assert!(looked_at(&with(9, 16)).unwrap_err().to_string().contains("high dynamic range"));
}
