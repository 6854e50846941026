//! What a HEIC says about its colours: a whole profile, numbers out of tables, or both (ISO/IEC 14496-12, 12.1.5), of the
//! picture or of its tiles.

use image::ExtendedColorType::Rgb8;
use jpeg_encoder::ColorType;
use moxcms::ColorProfile;

use super::made::*;
use super::reference::*;
use super::{assert_colour, psnr, small};
use crate::heic::made::*;
use crate::photos::*;
use crate::upright::as_coded;

const SIDES: (u32, u32) = (160, 208);
const TILE: (u32, u32) = (80, 208);

/// At least as alike as this, in dB. Both pictures went through JPEG at quality 85 after 64x64, which is what is left.
const ALIKE: f64 = 40.0;

/// Display P3 as two numbers, with samples as in a JPEG (ITU-T H.273, tables 2 to 4).
const P3_NUMBERS: Said<'_> = (b"colr", b"nclx\0\x0C\0\x0D\0\x06\x80");
const SRGB_NUMBERS: Said<'_> = (b"colr", b"nclx\0\x01\0\x0D\0\x06\x80");

/// The body of a box that holds a whole profile.
fn whole(icc: &[u8]) -> Vec<u8> {
    [b"prof", icc].concat()
}

/// The boxes that turn a picture as this tag of EXIF does (ISO/IEC 23008-12, 6.5.10 and 6.5.12).
fn turns(tag: u8) -> &'static [Said<'static>] {
    const LEFT: Said<'_> = (b"irot", &[1]);
    const HALF: Said<'_> = (b"irot", &[2]);
    const RIGHT: Said<'_> = (b"irot", &[3]);
    const FLIP: Said<'_> = (b"imir", &[0]);
    const MIRROR: Said<'_> = (b"imir", &[1]);
    match tag {
        2 => &[MIRROR],
        3 => &[HALF],
        4 => &[FLIP],
        5 => &[LEFT, FLIP],
        6 => &[RIGHT],
        7 => &[LEFT, MIRROR],
        8 => &[LEFT],
        _ => &[],
    }
}

#[test]
fn a_whole_profile_is_heeded_however_the_picture_lies() {
    let pixels = portrait(SIDES.0, SIDES.1, 3);
    for (name, profile, space) in spaces() {
        let expected = small(&png_in(Rgb8, &space.pixels_to_srgb(&pixels), SIDES, None));
        let profile = whole(&icc(&profile));
        for tag in 1..=8 {
            let (coded, width, height) = as_coded(&pixels, tag);
            let said = [&[AS_IN_JPEGS, (b"colr", profile.as_slice())], turns(tag)].concat();
            let photo = Photo { rgb: &coded, sides: (width, height) }.heic(FINE, &said);
            let alike = psnr(&small(&photo), &expected);
            assert!(alike >= ALIKE, "{name} {tag}: {alike:.1} dB");
        }
    }
}

#[test]
fn a_profile_does_what_it_does_in_a_jpeg_and_what_its_numbers_do() {
    let pixels = portrait(SIDES.0, SIDES.1, 3);
    let photo = Photo { rgb: &pixels, sides: SIDES };
    let p3 = icc(&ColorProfile::new_display_p3());
    let profiled = small(&photo.heic(FINE, &[AS_IN_JPEGS, (b"colr", &whole(&p3))]));
    let plain = small(&photo.heic(FINE, &[AS_IN_JPEGS]));
    for (name, other) in [
        ("a JPEG", small(&fine_jpeg(ColorType::Rgb, &pixels, SIDES, Some(&p3)))),
        ("numbers", small(&photo.heic(FINE, &[P3_NUMBERS]))),
    ] {
        let alike = psnr(&profiled, &other);
        assert!(alike >= ALIKE, "as {name}: {alike:.1} dB");
        let ignored = psnr(&plain, &other);
        assert!(ignored < ALIKE - 3.0, "a profile that is not heeded would be as {name}: {ignored:.1} dB");
    }
}

/// ISO/IEC 23008-12, 6.5.5.1: both may be there, and the profile says more. What a grid does not say, its tiles do.
#[test]
fn of_all_that_is_said_the_nearest_and_fullest_counts() {
    const COLOUR: [u8; 3] = [200, 120, 40];
    let rgb = COLOUR.repeat((SIDES.0 * SIDES.1) as usize);
    let photo = Photo { rgb: &rgb, sides: SIDES };
    let [p3, adobe] = [ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb()].map(|space| whole(&icc(&space)));
    let (p3, adobe): (Said<'_>, Said<'_>) = ((b"colr", &p3), (b"colr", &adobe));
    let restricted = [b"rICC", &p3.1[4..]].concat();
    let [in_p3, in_adobe] = [DISPLAY_P3, ADOBE].map(|space| bytes(space.to_srgb(parts(COLOUR))));
    let one = |said: &[Said<'_>], expected: [u8; 3], name: &str| {
        assert_colour(&small(&photo.heic(FINE, said)), expected, 2, name);
    };
    one(&[AS_IN_JPEGS], COLOUR, "nothing");
    one(&[P3_NUMBERS], in_p3, "numbers");
    one(&[AS_IN_JPEGS, (b"colr", &restricted)], in_p3, "a restricted profile");
    one(&[SRGB_NUMBERS, p3], in_p3, "a profile behind numbers");
    one(&[adobe, P3_NUMBERS], in_adobe, "a profile before numbers");
    one(&[P3_NUMBERS, (b"colr", b"prof")], in_p3, "an empty profile");
    one(&[AS_IN_JPEGS, (b"colr", b"what is this")], COLOUR, "something unknown");
    let tiles = |tiles: &[Said<'_>], said: &[Said<'_>], expected: [u8; 3], name: &str| {
        assert_colour(&small(&photo.grid(FINE, TILE, tiles, said)), expected, 2, name);
    };
    tiles(&[AS_IN_JPEGS], &[AS_IN_JPEGS, p3], in_p3, "a profile of the grid");
    tiles(&[AS_IN_JPEGS, p3], &[], in_p3, "a profile of the tiles");
    tiles(&[P3_NUMBERS], &[], in_p3, "numbers of the tiles");
    tiles(&[AS_IN_JPEGS, p3], &[adobe], in_adobe, "two profiles");
}

#[test]
fn a_gray_picture_has_a_profile_too() {
    let rgb = [90; 3].repeat((SIDES.0 * SIDES.1) as usize);
    let profile = whole(&icc(&ColorProfile::new_gray_with_gamma(1.0)));
    let photo = Photo { rgb: &rgb, sides: SIDES }.heic(GRAY, &[AS_IN_JPEGS, (b"colr", &profile)]);
    let lit = (srgb_value(90.0 / 255.0) * 255.0).round() as u8;
    assert_colour(&small(&photo), [lit; 3], 2, "light as it is");
}

#[test]
fn a_profile_that_cannot_be_heeded_is_refused_as_in_a_jpeg() {
    let rgb = [200, 120, 40].repeat((SIDES.0 * SIDES.1) as usize);
    let photo = Photo { rgb: &rgb, sides: SIDES };
    let p3 = icc(&ColorProfile::new_display_p3());
    let cut = &p3[..p3.len() - 1];
    let refused = |icc: &[u8], what: &str| {
        let profile: Said<'_> = (b"colr", &whole(icc));
        let sentence = format!("the picture's colour profile {what}: save it again as an ordinary JPEG in sRGB");
        for heic in [
            photo.heic(FINE, &[SRGB_NUMBERS, profile]),
            photo.grid(FINE, TILE, &[SRGB_NUMBERS], &[profile]),
            photo.grid(FINE, TILE, &[SRGB_NUMBERS, profile], &[]),
        ] {
            assert_eq!(looked_at(&heic).unwrap_err().to_string(), sentence);
        }
    };
    refused(b"no profile", "is damaged");
    refused(cut, "is damaged");
    refused(&press(), "is for a CMYK picture, and this one is RGB");
    refused(&icc(&ColorProfile::new_gray_with_gamma(1.8)), "is for a gray picture, and this one is RGB");
    refused(&vec![0; (4 << 20) + 1], "has 4.1 MiB, more than the 4 MiB allowed");
    let jpeg = fine_jpeg(ColorType::Rgb, &rgb, SIDES, Some(cut));
    assert_eq!(looked_at(&jpeg), looked_at(&photo.heic(FINE, &[(b"colr", &whole(cut))])));
    let bright = photo.heic(FINE, &[(b"colr", b"nclx\0\x09\0\x10\0\x09\x80")]);
    assert_eq!(
        looked_at(&bright).unwrap_err().to_string(),
        "the picture's colour profile is one of high dynamic range: save it again as an ordinary JPEG in sRGB"
    );
}
