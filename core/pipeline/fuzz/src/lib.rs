//! What holds for any bytes. The fuzz targets look for bytes for which it does not; `tests/render/corpora.rs` runs what they
//! have kept.

use portraitd_pipeline::{Crop, Fit, Format, Limits, Recipe, Refusal, RenditionSpec, Source, examine, render};

/// Small pictures, so that many are tried in a second.
const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20, min_side: 1 };

/// Bytes are refused, or are a whole picture of which no beginning is one.
pub fn walk(bytes: &[u8]) {
    let Ok(source) = examine(bytes, &LIMITS) else { return };
    let (mut cut, mut whole) = (0, bytes.len());
    while cut + 1 < whole {
        let middle = cut + (whole - cut) / 2;
        match examine(&bytes[..middle], &LIMITS) {
            Ok(_) => whole = middle,
            Err(_) => cut = middle,
        }
    }
    let picture = examine(&bytes[..whole], &LIMITS).expect("it was taken in the search");
    assert_eq!((picture.format, picture.width, picture.height), (source.format, source.width, source.height));
    assert!(source.format != Format::Jpeg || bytes[..whole].ends_with(&[0xFF, 0xD9]), "it ends at {whole}");
    if source.format == Format::Heic {
        // What is cut between two boxes may still hold all of the picture.
        return;
    }
    // The search has seen some places below the end only; the file itself chooses another.
    let sum = bytes.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let place = sum % whole;
    assert!(examine(&bytes[..place], &LIMITS).is_err(), "of {whole} bytes, {place} were taken");
}

/// A photo behind two bytes that choose what is made of it is refused, or becomes pictures of the sides that are asked for.
pub fn decode(input: &[u8]) {
    let Some(([how, shape], bytes)) = input.split_first_chunk() else { return };
    let Ok(source) = examine(bytes, &LIMITS) else { return };
    let recipe = recipe(*how, *shape, &source);
    let RenditionSpec { width, height, fit, .. } = recipe.renditions[0];
    match render(bytes, &source, &recipe).map(|made| made.renditions) {
        Ok(made) if fit == Fit::Exact => assert_eq!((made[0].width, made[0].height), (width, height)),
        Ok(made) => assert!(made[0].width <= width.max(1) && made[0].height <= source.height),
        Err(refused) => assert_ne!(refused, Refusal::DecoderFailed),
    }
}

/// One rendition, made from an eighth, a quarter, a half or all of the photo.
fn recipe(how: u8, shape: u8, source: &Source) -> Recipe {
    let crop = [Crop::Center, Crop::Upper, Crop::None, Crop::Center][usize::from(how >> 2 & 3)];
    let fit = if how >> 4 & 1 == 0 { Fit::Exact } else { Fit::AtMost };
    // Four fifths of the decoded pixels are as many as a decode may serve.
    let side = |side: u32, of_256: u32| (side * (1 << (how & 3)) / 10 * of_256 / 256).max(1);
    let (width, height) = (side(source.width, 256), side(source.height, 256 - u32::from(shape)));
    let spec = RenditionSpec { width, height, fit, max_bytes: None };
    Recipe::new(crop, vec![spec])
}
