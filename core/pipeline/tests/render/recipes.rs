//! Renditions have the sides, the bytes and the shape that a recipe asks for.

use std::sync::Arc;

use portraitd_pipeline::{Crop, Refusal, RenditionSpec};
use sha2::{Digest, Sha256};

use crate::photos::*;

#[test]
fn renditions_come_in_the_order_of_the_recipe() {
    let specs = [exact(48, 48), at_most(300, 300), exact(200, 100), exact(48, 48)];
    let made = rendered(&jpeg(480, 640), Crop::Center, &specs).unwrap();
    let sides: Vec<_> = made.iter().map(|it| (it.width, it.height)).collect();
    assert_eq!(sides, [(48, 48), (225, 300), (200, 100), (48, 48)]);
    assert!(Arc::ptr_eq(&made[0].bytes, &made[3].bytes), "equal ones are made once");
    for rendition in &made {
        let source = looked_at_small(&rendition.bytes);
        assert_eq!((source.0, source.1), (rendition.width, rendition.height));
        assert_eq!(rendition.sha256, <[u8; 32]>::from(Sha256::digest(&rendition.bytes)));
        assert_eq!(rendition.warnings, [""; 0]);
    }
}

/// A finished JPEG's sides, read from its frame header.
fn looked_at_small(jpeg: &[u8]) -> (u32, u32) {
    let limits = portraitd_pipeline::Limits { min_side: 1, ..LIMITS };
    let source = portraitd_pipeline::examine(jpeg, &limits).unwrap();
    (source.width, source.height)
}

#[test]
fn the_same_bytes_give_the_same_renditions() {
    let photo = real("camera-orientation-6.jpg");
    let specs = [at_most(400, 400), exact(200, 200), exact(48, 48)];
    assert_eq!(rendered(&photo, Crop::Upper, &specs), rendered(&photo, Crop::Upper, &specs));
}

/// Small renditions are made from larger ones, and alone from a smaller decode; nobody may see that. The smaller decode makes
/// a grainy photo a little softer.
#[test]
fn a_rendition_does_not_depend_on_its_neighbours() {
    for name in ["camera-orientation-6.jpg", "portrait.jpg"] {
        let photo = real(name);
        for crop in [Crop::Upper, Crop::None] {
            let specs = [at_most(600, 600), exact(200, 200), exact(48, 48)];
            let together = rendered(&photo, crop, &specs).unwrap();
            for (spec, among) in specs.iter().zip(&together) {
                let alone = &rendered(&photo, crop, std::slice::from_ref(spec)).unwrap()[0];
                let distance = distance(&pixels(&alone.bytes), &pixels(&among.bytes));
                assert!(distance < 6.0, "{name} {crop} {spec:?} differs by {distance:.2} levels");
            }
        }
    }
}

#[test]
fn an_enlargement_is_told() {
    let photo = jpeg(150, 200);
    let made = rendered(&photo, Crop::Center, &[exact(300, 300), at_most(300, 300)]).unwrap();
    assert_eq!(made[0].warnings, ["enlarged from 150x150"]);
    assert_eq!((made[0].width, made[0].height), (300, 300));
    assert_eq!((made[1].width, made[1].height), (150, 200));
    assert_eq!(made[1].warnings, [""; 0]);
}

#[test]
fn without_a_crop_the_rest_is_white() {
    let made = rendered(&jpeg(150, 300), Crop::None, &[exact(200, 100)]).unwrap();
    let pixels = pixels(&made[0].bytes);
    let at = |x: usize, y: usize| &pixels[(y * 200 + x) * 3..][..3];
    assert!(at(20, 50).iter().all(|value| *value > 250));
    assert!(at(180, 50).iter().all(|value| *value > 250));
    assert!(at(100, 50).iter().any(|value| *value < 250));
}

/// Each byte limit is met by the best quality that meets it, as trying all of them shows.
#[test]
fn a_limit_of_bytes_is_met_as_well_as_possible() {
    let photo = jpeg(300, 300);
    let limited = |max_bytes| RenditionSpec { max_bytes, ..exact(96, 96) };
    let free = rendered(&photo, Crop::Center, &[limited(None)]).unwrap()[0].bytes.len() as u64;
    let mut last = u64::MAX;
    for hundredth in [100, 80, 60, 50] {
        let max = free * hundredth / 100;
        let made = rendered(&photo, Crop::Center, &[limited(Some(max))]).unwrap();
        let bytes = made[0].bytes.len() as u64;
        assert!(bytes <= max && bytes <= last, "{bytes} of {max}");
        assert!(bytes > max * 85 / 100, "{bytes} leaves room in {max}");
        last = bytes;
    }
}

#[test]
fn a_limit_that_no_quality_meets_is_refused() {
    let spec = RenditionSpec { max_bytes: Some(300), ..exact(200, 200) };
    let refused = rendered(&jpeg(300, 300), Crop::Center, &[spec]).unwrap_err();
    assert!(matches!(refused, Refusal::DoesNotFit { width: 200, height: 200, max: 300, .. }));
    assert!(refused.to_string().ends_with("at the lowest quality, more than the 300 bytes allowed"));
}

#[test]
fn a_low_quality_is_told() {
    let photo = jpeg(300, 300);
    let limited = |max| RenditionSpec { max_bytes: Some(max), ..exact(96, 96) };
    let Err(Refusal::DoesNotFit { bytes, .. }) = rendered(&photo, Crop::Center, &[limited(1)]) else {
        panic!("nothing has one byte");
    };
    let made = rendered(&photo, Crop::Center, &[limited(bytes)]).unwrap();
    assert_eq!(made[0].warnings, [format!("JPEG quality 20 to stay within {bytes} bytes")]);
}

#[test]
fn a_recipe_without_renditions_still_decodes_the_photo() {
    assert_eq!(rendered(&jpeg(120, 120), Crop::Center, &[]), Ok(Vec::new()));
}
