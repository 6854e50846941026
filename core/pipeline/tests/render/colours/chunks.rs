//! Which of the things that a file says about its colours counts.

use image::ExtendedColorType::{L8, Rgb8, Rgb16};
use jpeg_encoder::ColorType;
use moxcms::ColorProfile;

use super::made::*;
use super::reference::*;
use super::{assert_colour, psnr, small};
use crate::photos::*;

const COLOUR: [u8; 3] = [200, 120, 40];
const SIDES: (u32, u32) = (128, 128);

/// A PNG of one colour with such chunks.
fn png_with(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let png = png_in(Rgb8, &COLOUR.repeat(128 * 128), SIDES, None);
    chunks.iter().rev().fold(png, |png, (name, data)| with_chunk(&png, name, data))
}

fn chrm(numbers: [u32; 8]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

const ADOBE_CHROMATICITIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000];
const P3_CICP: &[u8] = &[12, 13, 0, 1];
const SRGB_CICP: &[u8] = &[1, 13, 0, 1];

/// W3C PNG, third edition: cICP before iCCP before sRGB before gAMA and cHRM, wherever they stand.
#[test]
fn the_highest_of_a_pngs_chunks_counts() {
    let adobe = iccp(&icc(&ColorProfile::new_adobe_rgb()));
    let linear = 100_000_u32.to_be_bytes();
    let [p3, adobe_rgb, light] = [DISPLAY_P3, ADOBE, LINEAR].map(|space| bytes(space.to_srgb(parts(COLOUR))));
    let check = |chunks: &[(&[u8; 4], &[u8])], expected: [u8; 3]| {
        let names: Vec<_> = chunks.iter().map(|(name, _)| name.escape_ascii().to_string()).collect();
        assert_colour(&small(&png_with(chunks)), expected, 2, &names.join(" "));
    };
    check(&[(b"cICP", P3_CICP)], p3);
    check(&[(b"iCCP", &adobe), (b"cICP", P3_CICP)], p3);
    check(&[(b"sRGB", &[0]), (b"cICP", P3_CICP), (b"iCCP", &adobe)], p3);
    check(&[(b"iCCP", &adobe), (b"cICP", SRGB_CICP)], COLOUR);
    check(&[(b"gAMA", &linear), (b"sRGB", &[0]), (b"iCCP", &adobe)], adobe_rgb);
    check(&[(b"gAMA", &linear), (b"cHRM", &chrm(ADOBE_CHROMATICITIES)), (b"sRGB", &[0])], COLOUR);
    check(&[(b"gAMA", &linear)], light);
    check(&[(b"gAMA", &45_455_u32.to_be_bytes())], COLOUR);
    check(&[(b"gAMA", &45_470_u32.to_be_bytes()), (b"cHRM", &chrm(ADOBE_CHROMATICITIES))], adobe_rgb);
}

#[test]
fn a_gray_png_has_its_gamma() {
    let png = png_in(L8, &[90; 128 * 128], SIDES, None);
    let made = small(&with_chunk(&png, b"gAMA", &100_000_u32.to_be_bytes()));
    let lit = (srgb_value(90.0 / 255.0) * 255.0).round() as u8;
    assert_colour(&made, [lit; 3], 2, "light as it is");
}

/// Of light as it is, eight bits are too few for shadows: levels are as far apart as this.
#[test]
fn shadows_of_sixteen_bits_are_kept() {
    let dark: Vec<u16> = (0..128 * 128).map(|at| (at % 128 * 8) as u16).collect();
    let stored: Vec<u8> = dark.iter().flat_map(|sample| [*sample; 3]).flat_map(u16::to_ne_bytes).collect();
    let photo = with_chunk(&png_in(Rgb16, &stored, SIDES, None), b"gAMA", &100_000_u32.to_be_bytes());
    let lit = |sample: &u16| [(srgb_value(f64::from(*sample) / 65_535.0) * 255.0).round() as u8; 3];
    let expected = small(&png_in(Rgb8, &dark.iter().flat_map(lit).collect::<Vec<_>>(), SIDES, None));
    let alike = psnr(&small(&photo), &expected);
    assert!(alike > 45.0, "{alike:.1} dB");
}

#[test]
fn a_profile_in_parts_is_joined_by_their_numbers() {
    let whole = press();
    let pixels = inks(&portrait(128, 128, 3));
    let photo = fine_jpeg(ColorType::Cmyk, &pixels, SIDES, Some(&whole));
    let parts: Vec<&[u8]> = whole.chunks(60_000).collect();
    let plain = fine_jpeg(ColorType::Cmyk, &pixels, SIDES, None);
    let with_parts = |numbers: &[usize]| {
        numbers.iter().rev().fold(plain.clone(), |photo, number| {
            let head = [*number as u8 + 1, parts.len() as u8];
            with_segment(&photo, 0xE2, &[b"ICC_PROFILE\0", head.as_slice(), parts[*number]].concat())
        })
    };
    let in_order: Vec<usize> = (0..parts.len()).collect();
    let in_disorder: Vec<usize> = in_order.iter().rev().copied().collect();
    assert_eq!(small(&with_parts(&in_order)), small(&photo));
    assert_eq!(small(&with_parts(&in_disorder)), small(&photo));
    let damaged = "the picture's colour profile is damaged: save it again as an ordinary JPEG in sRGB";
    assert_eq!(looked_at(&with_parts(&in_order[1..])).unwrap_err().to_string(), damaged);
    assert_eq!(looked_at(&with_parts(&in_order[..in_order.len() - 1])).unwrap_err().to_string(), damaged);
}
