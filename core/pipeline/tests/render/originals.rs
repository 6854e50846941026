//! When a photo is handed on as it was coded, and when it is coded anew.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use moxcms::ColorProfile;
use portraitd_pipeline::{Crop, Fit, RenditionSpec};

use crate::photos::*;

/// Everything from the first scan on: the coded picture.
fn coded(jpeg: &[u8]) -> &[u8] {
    let scan = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("a JPEG has a scan");
    &jpeg[scan..]
}

/// Whether the photo's own coded data comes out where its own size is wanted.
fn is_handed_on(photo: &[u8], spec: RenditionSpec) -> bool {
    let made = &rendered(photo, Crop::Center, &[spec]).unwrap()[0];
    let source = looked_at(photo).unwrap();
    assert_eq!((made.width, made.height), (source.width, source.height));
    coded(&made.bytes) == coded(photo)
}

fn profiled(photo: &[u8], profile: &ColorProfile) -> Vec<u8> {
    let icc = profile.encode().unwrap();
    with_segment(photo, 0xE2, &[b"ICC_PROFILE\0\x01\x01", icc.as_slice()].concat())
}

#[test]
fn a_plain_photo_is_handed_on_at_its_own_size() {
    let photo = jpeg(160, 208);
    for spec in [at_most(0, 0), at_most(2048, 2048), exact(0, 0), exact(160, 208)] {
        assert!(is_handed_on(&photo, spec.clone()), "{spec:?}");
    }
    assert!(
        is_handed_on(&profiled(&photo, &ColorProfile::new_srgb()), at_most(0, 0)),
        "sRGB's profile says nothing new"
    );
    assert!(is_handed_on(&real("portrait-gray.jpg"), at_most(0, 0)));
    assert!(is_handed_on(&real("portrait-progressive.jpg"), at_most(0, 0)));
}

#[test]
fn what_is_shown_otherwise_without_its_metadata_is_coded_anew() {
    let photo = jpeg(160, 208);
    let turned = with_segment(&photo, 0xE1, &[b"Exif\0\0".as_slice(), &orientation_tag(3)].concat());
    let of_four =
        jpeg_of(&portrait(160, 208, 7), (160, 208), |encoder| encoder.set_sampling_factor(SamplingFactor::F_4_1));
    let mut in_rgb = Vec::new();
    Encoder::new(&mut in_rgb, 90).encode(&portrait(160, 208, 7), 160, 208, ColorType::Rgb).unwrap();
    let in_rgb = with_segment(
        &in_rgb[..2].iter().chain(&in_rgb[20..]).copied().collect::<Vec<_>>(),
        0xEE,
        b"Adobe\0\x64\0\0\0\0\0",
    );
    let others = [
        ("turned", turned),
        ("Display P3", profiled(&photo, &ColorProfile::new_display_p3())),
        ("4:1:1", of_four),
        ("red, green and blue", in_rgb),
        ("inks", real("portrait-cmyk.jpg")),
    ];
    for (name, other) in others {
        assert!(!is_handed_on(&other, at_most(0, 0)), "{name}");
    }
}

#[test]
fn an_original_keeps_within_its_bytes() {
    let photo = jpeg(160, 208);
    let whole = rendered(&photo, Crop::Center, &[at_most(0, 0)]).unwrap()[0].bytes.len() as u64;
    let limited = |max| RenditionSpec { width: 0, height: 0, fit: Fit::AtMost, max_bytes: Some(max) };
    assert!(is_handed_on(&photo, limited(whole)));
    assert!(!is_handed_on(&photo, limited(whole - 1)));
}
