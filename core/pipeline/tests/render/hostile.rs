//! Bytes that nobody's camera wrote: whatever they are, there is an answer, and it is no panic.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use portraitd_pipeline::{Crop, Format, Limits, Recipe, Refusal, Rendition, examine, render};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::photos::*;

/// Small enough that many cases run in a second.
const SMALL: Limits = Limits { max_bytes: 1 << 20, max_pixels: 2_000_000, min_side: 1 };

fn answer(bytes: &[u8]) -> Result<Vec<Rendition>, Refusal> {
    let source = examine(bytes, &SMALL)?;
    let recipe = Recipe::new(Crop::Upper, vec![at_most(64, 64), exact(48, 48)]);
    Ok(render(bytes, &source, &recipe)?.renditions)
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
        gif_of(&rgb, 64, 80),
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
    fn random_bytes_are_answered(start in 0..5_usize, rest in vec(any::<u8>(), 0..2000)) {
        let starts: [&[u8]; 5] =
            [b"", b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8 ", b"GIF89a\x40\0\x40\0\x80\0\0"];
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

/// JPEGs of every form, small ones.
fn some_jpeg() -> impl Strategy<Value = Vec<u8>> {
    use SamplingFactor::*;
    let kinds = vec![(ColorType::Rgb, 3), (ColorType::Luma, 1), (ColorType::Cmyk, 4), (ColorType::CmykAsYcck, 4)];
    let samplings = vec![F_1_1, F_2_1, F_1_2, F_2_2, F_4_1, F_1_4];
    let (kinds, samplings) = (proptest::sample::select(kinds), proptest::sample::select(samplings));
    (kinds, samplings, 0..4_u8, 0..4_u16).prop_map(|((kind, channels), sampling, arrangement, interval)| {
        let pixels = &portrait(64, 80, 9).repeat(2)[..50 * 38 * channels];
        jpeg_in(kind, pixels, (50, 38), |encoder: &mut Encoder<_>| {
            encoder.set_sampling_factor(sampling);
            // The encoder's own tables lack what restarts need.
            match (arrangement, interval) {
                (0, _) => encoder.set_restart_interval(interval),
                (1, _) => encoder.set_optimized_huffman_tables(true),
                (_, 0) => encoder.set_progressive_scans(17),
                _ => {
                    encoder.set_progressive(true);
                    encoder.set_restart_interval(interval);
                }
            }
        })
    })
}

/// What is done to a JPEG.
#[derive(Clone, Debug)]
enum Harm {
    Flip { at: Index, bit: u8 },
    Fill { from: Index, length: usize, value: u8 },
    Swap { one: Index, other: Index },
    Repeat { segment: Index },
    Lie { segment: Index, place: usize, value: u8 },
    Close { at: Index },
}

fn some_harm() -> impl Strategy<Value = Harm> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip { at, bit }),
        (index(), 1..60_usize, any::<u8>()).prop_map(|(from, length, value)| Harm::Fill { from, length, value }),
        (index(), index()).prop_map(|(one, other)| Harm::Swap { one, other }),
        index().prop_map(|segment| Harm::Repeat { segment }),
        (index(), 2..24_usize, any::<u8>()).prop_map(|(segment, place, value)| Harm::Lie { segment, place, value }),
        index().prop_map(|at| Harm::Close { at }),
    ]
}

impl Harm {
    fn done_to(&self, mut jpeg: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Flip { at, bit } => {
                let at = at.index(jpeg.len());
                jpeg[at] ^= 1 << bit;
            }
            Self::Fill { from, length, value } => {
                let from = from.index(jpeg.len());
                let end = jpeg.len().min(from + length);
                jpeg[from..end].fill(*value);
            }
            Self::Close { at } => {
                jpeg.truncate(at.index(jpeg.len()));
                jpeg.extend([0xFF, 0xD9]);
            }
            Self::Swap { .. } | Self::Repeat { .. } | Self::Lie { .. } => {
                return self.done_to_segments(segments(&jpeg));
            }
        }
        jpeg
    }

    fn done_to_segments(&self, mut segments: Vec<Vec<u8>>) -> Vec<u8> {
        let count = segments.len();
        match self {
            Self::Swap { one, other } => segments.swap(one.index(count), other.index(count)),
            Self::Repeat { segment } => segments.insert(segment.index(count), segments[segment.index(count)].clone()),
            Self::Lie { segment, place, value } => {
                if let Some(byte) = segments[segment.index(count)].get_mut(*place) {
                    *byte = *value;
                }
            }
            _ => {}
        }
        segments.concat()
    }
}

/// A JPEG in pieces that begin with a marker, restart markers excepted.
fn segments(jpeg: &[u8]) -> Vec<Vec<u8>> {
    let mut segments: Vec<Vec<u8>> = vec![Vec::new()];
    for (at, byte) in jpeg.iter().enumerate() {
        let begins = *byte == 0xFF && !matches!(jpeg.get(at + 1), None | Some(0x00 | 0xD0..=0xD7 | 0xFF));
        if begins && at > 0 {
            segments.push(Vec::new());
        }
        segments.last_mut().expect("there is a first one").push(*byte);
    }
    segments
}

/// Sides for which an eighth, a quarter, a half and all of a photo is decoded.
fn assert_answered_at_every_scale(jpeg: &[u8]) {
    let Ok(source) = examine(jpeg, &SMALL) else { return };
    for eighths in [1, 2, 4, 8] {
        let side = |side: u32| (side * eighths / 10).max(1);
        let recipe = Recipe::new(Crop::Center, vec![exact(side(source.width), side(source.height))]);
        let made = render(jpeg, &source, &recipe);
        assert!(source.format != Format::Jpeg || made != Err(Refusal::DecoderFailed), "the decoder panicked");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn harmed_jpegs_are_answered_at_every_scale(mut jpeg in some_jpeg(), harms in vec(some_harm(), 0..4)) {
        for harm in harms {
            jpeg = harm.done_to(jpeg);
        }
        assert_answered_at_every_scale(&jpeg);
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
