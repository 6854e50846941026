//! Bytes that nobody's camera wrote: whatever they are, there is an answer, and it is no panic.

use portraitd_pipeline::{Crop, Limits, Recipe, Refusal, Rendition, examine, render};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::photos::*;

/// Small enough that many cases run in a second.
const SMALL: Limits = Limits { max_bytes: 1 << 20, max_pixels: 2_000_000, min_side: 1 };

fn answer(bytes: &[u8]) -> Result<Vec<Rendition>, Refusal> {
    let source = examine(bytes, &SMALL)?;
    let recipe = Recipe { crop: Crop::Upper, renditions: vec![at_most(64, 64), exact(48, 48)] };
    render(bytes, &source, &recipe)
}

/// A photo is taken whole or refused; what comes out is a picture of the right sides.
fn assert_answered(bytes: &[u8]) {
    match answer(bytes) {
        Ok(made) => assert_eq!((made[1].width, made[1].height), (48, 48)),
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
}

fn some_photo() -> impl Strategy<Value = Vec<u8>> {
    let rgb = portrait(64, 80, 9);
    let made = vec![
        jpeg_of(&rgb, (64, 80), |_| {}),
        jpeg_of(&rgb, (64, 80), |encoder| encoder.set_progressive(true)),
        jpeg_of(&rgb, (64, 80), |encoder| encoder.set_restart_interval(2)),
        png_of(&rgb, 64, 80),
        webp_of(&rgb, 64, 80),
        real("iphone-exif-orientation-6-small.jpg"),
        real("portrait-gray.jpg"),
        real("portrait-cmyk.jpg"),
        real("portrait.webp"),
    ];
    proptest::sample::select(made)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_answered(start in 0..4_usize, rest in vec(any::<u8>(), 0..2000)) {
        let starts: [&[u8]; 4] = [b"", b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8 "];
        assert_answered(&[starts[start], &rest].concat());
    }

    #[test]
    fn changed_photos_are_answered(mut photo in some_photo(), changes in vec((any::<Index>(), any::<u8>()), 1..20)) {
        for (place, value) in changes {
            let at = place.index(photo.len());
            photo[at] = value;
        }
        assert_answered(&photo);
    }

    /// Headers decide about allocation, so most changes go there.
    #[test]
    fn changed_headers_are_answered(mut photo in some_photo(), changes in vec((0..700_usize, any::<u8>()), 1..6)) {
        for (place, value) in changes {
            let at = place % photo.len();
            photo[at] = value;
        }
        assert_answered(&photo);
    }

    #[test]
    fn photos_with_holes_are_answered(mut photo in some_photo(), from in any::<Index>(), length in 1..3000_usize) {
        let from = from.index(photo.len());
        photo.drain(from..photo.len().min(from + length));
        assert_answered(&photo);
    }
}

/// Sums of changed chunks are put right, so that the decoder behind the walk is reached.
#[test]
fn changed_png_data_with_right_sums_is_answered() {
    let photo = png_of(&portrait(64, 80, 9), 64, 80);
    let data = photo.windows(4).position(|name| name == b"IDAT").unwrap();
    let length = u32::from_be_bytes(photo[data - 4..data].try_into().unwrap()) as usize;
    for at in (data + 4..data + 4 + length).step_by(97) {
        let mut changed = photo.clone();
        changed[at] ^= 0x55;
        let sum = crc32fast::hash(&changed[data..data + 4 + length]);
        changed[data + 4 + length..data + 8 + length].copy_from_slice(&sum.to_be_bytes());
        assert_answered(&changed);
    }
}
