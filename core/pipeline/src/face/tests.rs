//! What is found in whole pictures, also by the package that the weights come from.

use std::path::Path;

use proptest::prelude::*;
use rustface::{Detector, ImageData};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::*;

#[test]
fn a_picture_that_no_window_fits_into_has_no_face() {
    for (width, height) in [(0, 0), (0, 9), (1, 1), (1, 2000), (2000, 1), (12, 900), (40, 13), (13, 40)] {
        let samples = vec![128; (width * height) as usize];
        assert_eq!(find(&Luma { width, height, samples: &samples }), []);
    }
}

#[test]
fn patterns_are_no_faces() {
    const SIDE: u32 = 160;
    let patterns: [fn(u32, u32) -> u32; 5] = [
        |_, _| 200,
        |x, y| x + y,
        |x, y| (x / 8 + y / 8) % 2 * 255,
        |x, y| (x / 2 + y / 2) % 2 * 255,
        |x, y| ((x * 7919) ^ (y * 104_729)).wrapping_mul(2_654_435_761) >> 24,
    ];
    for pattern in patterns {
        let samples: Vec<u8> = (0..SIDE * SIDE).map(|at| pattern(at % SIDE, at / SIDE) as u8).collect();
        assert_eq!(find(&Luma { width: SIDE, height: SIDE, samples: &samples }), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Noise of any grain, with faces' contrast or without, in any shape.
    #[test]
    fn any_picture_is_looked_at_twice_with_the_same_result(
        width in 1_u32..160,
        height in 1_u32..160,
        grain in 1_u32..32,
        tones in prop::collection::vec(any::<u8>(), 64),
    ) {
        let tone = |at: u32| tones[((at % width / grain * 31 + at / width / grain * 17) % 64) as usize];
        let samples: Vec<u8> = (0..width * height).map(tone).collect();
        let luma = Luma { width, height, samples: &samples };
        prop_assert_eq!(find(&luma), find(&luma));
    }
}

/// The package that the weights come from finds the same face. Its square is another of the many that the last network agrees
/// upon: it enlarges and shrinks without averaging, from another first size, and rounds every square to whole pixels.
#[test]
fn a_portrait_has_the_face_that_the_weights_own_code_finds() {
    const ALIKE: f64 = 0.7;
    for name in ["portrait.jpg", "portrait-gray.jpg", "portrait-progressive.jpg"] {
        let (width, height, samples) = portrait(name);
        let [Found { left, top, side, .. }] = find(&Luma { width, height, samples: &samples })[..] else {
            panic!("{name} shows one face")
        };
        let [theirs] = &oracle().detect(&ImageData::new(&samples, width, height))[..] else {
            panic!("{name} shows one face")
        };
        let bbox = theirs.bbox();
        let (ours, theirs) = (
            Square { left, top, side },
            Square { left: f64::from(bbox.x()), top: f64::from(bbox.y()), side: f64::from(bbox.width()) },
        );
        assert!(ours.overlap(theirs) > ALIKE, "{name}: {ours:?} and {theirs:?}");
    }
}

/// The same picture at other sides, over each other and dark: what a person sees in it is there again.
#[test]
fn a_face_is_found_at_any_size_and_in_the_dark() {
    let (width, height, samples) = portrait("portrait.jpg");
    let whole = Luma { width, height, samples: &samples };
    let face = find(&whole)[0];
    for factor in [0.5, 0.7, 1.6] {
        let sides = ((f64::from(width) * factor) as u32, (f64::from(height) * factor) as u32);
        let drawn = Picture::drawn(&samples, (width, height), sides).unwrap();
        let samples: Vec<u8> = (0..drawn.height()).flat_map(|y| drawn.row(y)).map(|sample| sample / 5).collect();
        let found = find(&Luma { width: sides.0, height: sides.1, samples: &samples });
        let apart = (found[0].side / factor - face.side).abs();
        assert!(found.len() == 1 && apart < 0.12 * face.side, "{factor}: {found:?} for {face:?}");
    }
}

fn oracle() -> Box<dyn Detector> {
    let weights = include_bytes!(concat!(env!("OUT_DIR"), "/seeta.bin"));
    let mut oracle = rustface::create_detector_with_model(rustface::read_model(weights.as_slice()).unwrap());
    oracle.set_score_thresh(SCORE_MIN);
    oracle.set_pyramid_scale_factor(SHRINK as f32);
    oracle.set_slide_window_step(STEP as u32, STEP as u32);
    oracle
}

/// The luma of a portrait of the black-box tests, with a long side of 320.
fn portrait(name: &str) -> (u32, u32, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/portraits").join(name);
    let bytes = std::fs::read(path).unwrap();
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let samples = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let factor = 320.0 / width.max(height) as f64;
    let drawn = ((width as f64 * factor).round() as u32, (height as f64 * factor).round() as u32);
    let picture = Picture::drawn(&samples, (width as u32, height as u32), drawn).unwrap();
    (drawn.0, drawn.1, (0..picture.height()).flat_map(|y| picture.row(y)).copied().collect())
}
