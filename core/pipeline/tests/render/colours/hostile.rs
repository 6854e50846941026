//! Profiles that were made to do harm, or were harmed: refused or converted, never ignored, and nothing panics.

use std::time::{Duration, Instant};

use image::ExtendedColorType::Rgb8;
use moxcms::ColorProfile;
use portraitd_pipeline::{Crop, Recipe, Refusal, render};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::icc_file::profile;
use super::made::*;
#[cfg(feature = "heic")]
use crate::heic::made::{AS_IN_JPEGS, FINE, Photo};
use crate::photos::*;

/// A little more than what a profile of a large table takes in a build without optimisation, on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// Refused for its profile, or rendered.
fn check(photo: &[u8], name: &str) {
    let started = Instant::now();
    match looked_at(photo) {
        Err(Refusal::Profile { .. }) => {}
        Err(other) => panic!("{name}: {other}"),
        Ok(source) => {
            let made = render(photo, &source, &Recipe::new(Crop::Center, vec![exact(48, 48)]));
            assert!(made.is_ok(), "{name}: {made:?}");
        }
    }
    assert!(started.elapsed() < LONG, "{name} took {:?}", started.elapsed());
}

fn photo() -> Vec<u8> {
    png_in(Rgb8, &[200, 120, 40].repeat(96 * 96), (96, 96), None)
}

fn ink_photo(icc: &[u8]) -> Vec<u8> {
    fine_jpeg(jpeg_encoder::ColorType::Cmyk, &[20, 90, 160, 30].repeat(96 * 96), (96, 96), Some(icc))
}

/// Everything but the bytes themselves is right, so that what is behind the first check is reached.
fn with_profile(photo: &[u8], icc: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(icc, 0);
    with_chunk(photo, b"iCCP", &[b"p\0\0".as_slice(), &packed].concat())
}

#[test]
fn changed_bytes_of_a_profile_do_no_harm() {
    let photo = photo();
    let p3 = icc(&ColorProfile::new_display_p3());
    for at in 0..p3.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF, p3[at] ^ 1] {
            let mut changed = p3.clone();
            changed[at] = value;
            check(&with_profile(&photo, &changed), &format!("byte {at} is {value}"));
        }
    }
}

#[test]
fn changed_bytes_of_a_table_do_no_harm() {
    let press = press();
    // The header, the list of tags, the table's own header and its first numbers.
    for at in 0..220 {
        for value in [0, 1, 0x7F, 0xFF] {
            let mut changed = press.clone();
            changed[at] = value;
            check(&ink_photo(&changed), &format!("byte {at} is {value}"));
        }
    }
    for end in [128, 131, 132, 143, 144, 200, 1000, press.len() / 2, press.len() - 1] {
        let mut cut = press[..end].to_vec();
        cut[..4].copy_from_slice(&(end as u32).to_be_bytes());
        check(&ink_photo(&cut), &format!("{end} bytes that say so"));
    }
}

/// As many tags as a profile has room for, all at the place of one large table.
#[test]
fn tags_that_lie_at_one_place_are_read_once() {
    let mut table = b"mft1\0\0\0\0\x03\x03\x64\0".to_vec();
    table.extend([0; 36]);
    table.resize(3 << 20, 0x55);
    let mut many = profile(b"RGB ", b"Lab ", &[(b"A2B0", &table)]);
    let tags = 60_000;
    let listed: Vec<u8> = (0..tags).flat_map(|_| many[132..144].to_vec()).collect();
    let place = (132 + listed.len()) as u32;
    let table = many.split_off(144);
    many.truncate(128);
    many.extend((tags as u32).to_be_bytes());
    many.extend(listed.chunks(12).flat_map(|entry| [&entry[..4], &place.to_be_bytes(), &entry[8..]].concat()));
    many.extend(table);
    let size = many.len() as u32;
    many[..4].copy_from_slice(&size.to_be_bytes());
    check(&with_profile(&photo(), &many), "60,000 tags");
}

#[test]
fn large_and_false_profiles_are_refused() {
    let photo = photo();
    let refused = |photo: &[u8], what: &str| {
        let sentence = format!("the picture's colour profile {what}: save it again as an ordinary JPEG in sRGB");
        assert_eq!(looked_at(photo).unwrap_err().to_string(), sentence);
    };
    let large = "has 4.1 MiB, more than the 4 MiB allowed";
    refused(&with_profile(&photo, &vec![0; (4 << 20) + 1]), large);
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 200 << 20], 1);
    refused(&with_chunk(&photo, b"iCCP", &[b"p\0\0".as_slice(), &bomb].concat()), large);
    let webp = webp_of(&portrait(96, 96, 3), 96, 96);
    refused(&extended(&webp, (96, 96), &[(b"ICCP", &vec![0; (4 << 20) + 2])]), large);
    refused(&extended(&webp, (96, 96), &[(b"ICCP", b"")]), "is damaged");
    refused(&with_segment(&jpeg(96, 96), 0xE2, b"ICC_PROFILE\0\x01\x01no profile"), "is damaged");
    refused(&with_chunk(&photo, b"iCCP", b"without an end"), "is damaged");
    refused(&with_chunk(&photo, b"gAMA", b""), "is damaged");
    refused(&with_chunk(&photo, b"cHRM", &[0; 31]), "is damaged");
    refused(&with_chunk(&photo, b"cICP", &[9, 16, 0, 1]), "is one of high dynamic range");
    refused(&with_chunk(&photo, b"cICP", &[1, 13, 0, 0]), "is of a kind that is not read here");
    refused(&with_profile(&photo, &press()), "is for a CMYK picture, and this one is RGB");
    let linked = profile(b"Lab ", b"XYZ ", &[]);
    refused(&with_profile(&photo, &linked), "is of a kind that is not read here");
    refused(&with_profile(&photo, &profile(b"RGB ", b"XYZ ", &[])), "is of a kind that is not read here");
    let p3 = icc(&ColorProfile::new_display_p3());
    refused(&ink_photo(&p3), "is for a RGB picture, and this one is CMYK");
}

/// A photo in each way in which a file holds a profile as it is.
fn photos_with(icc: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let webp = webp_of(&portrait(96, 96, 3), 96, 96);
    vec![
        ("JPEG", with_segment(&jpeg(96, 96), 0xE2, &[b"ICC_PROFILE\0\x01\x01", icc].concat())),
        ("PNG", with_profile(&photo(), icc)),
        ("WebP", extended(&webp, (96, 96), &[(b"ICCP", icc)])),
        #[cfg(feature = "heic")]
        ("HEIC", heic_with(icc)),
    ]
}

#[cfg(feature = "heic")]
fn heic_with(icc: &[u8]) -> Vec<u8> {
    let rgb = portrait(96, 96, 3);
    Photo { rgb: &rgb, sides: (96, 96) }.heic(FINE, &[AS_IN_JPEGS, (b"colr", &[b"prof", icc].concat())])
}

/// Of primaries and a curve, and of a table.
fn profiles() -> Vec<Vec<u8>> {
    let mut table = b"mft1\0\0\0\0\x03\x03\x05\0".to_vec();
    table.extend([1_u32, 0, 0, 0, 1, 0, 0, 0, 1].map(|part| (part << 16).to_be_bytes()).as_flattened());
    table.extend((0..256 * 6 + 3 * 125).map(|at| at as u8));
    let tabled = profile(b"RGB ", b"Lab ", &[(b"A2B0", &table)]);
    vec![icc(&ColorProfile::new_display_p3()), icc(&ColorProfile::new_adobe_rgb()), tabled]
}

#[test]
fn the_profiles_that_are_changed_below_are_good_ones() {
    for (name, photo) in profiles().iter().flat_map(|icc| photos_with(icc)) {
        assert!(looked_at(&photo).is_ok(), "{name}: {:?}", looked_at(&photo));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_changed_anywhere_do_no_harm(
        mut icc in select(profiles()),
        changes in vec((any::<Index>(), any::<u8>()), 1..24),
    ) {
        for (place, value) in changes {
            let at = place.index(icc.len());
            icc[at] = value;
        }
        photos_with(&icc).iter().for_each(|(name, photo)| check(photo, name));
    }

    /// The header and the list of tags decide what is read as what.
    #[test]
    fn bytes_changed_at_the_start_do_no_harm(
        mut icc in select(profiles()),
        changes in vec((0..260_usize, any::<u8>()), 1..8),
    ) {
        for (place, value) in changes {
            let at = place % icc.len();
            icc[at] = value;
        }
        photos_with(&icc).iter().for_each(|(name, photo)| check(photo, name));
    }

    /// Also where the profile still says that it is all there.
    #[test]
    fn cut_and_filled_profiles_do_no_harm(mut icc in select(profiles()), end in any::<Index>(), fill in vec(any::<u8>(), 0..600)) {
        icc.truncate(4 + end.index(icc.len() - 3));
        icc.extend(fill);
        let size = icc.len() as u32;
        icc[..4].copy_from_slice(&size.to_be_bytes());
        photos_with(&icc).iter().for_each(|(name, photo)| check(photo, name));
    }
}
