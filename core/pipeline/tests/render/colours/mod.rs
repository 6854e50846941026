//! Colours are those that the photo's maker saw, whatever space the file's numbers are of.

mod chunks;
#[cfg(feature = "heic")]
mod heic;
mod hostile;
mod icc_file;
mod made;
mod reference;
mod spaces;
mod styles;

use portraitd_pipeline::{Crop, Recipe, Style, render};

use crate::photos::*;

/// Red, green and blue of a photo's 64x64.
fn small(photo: &[u8]) -> Vec<u8> {
    styled(photo, &Style::from(Crop::Center))
}

fn styled(photo: &[u8], style: &Style) -> Vec<u8> {
    let source = looked_at(photo).unwrap();
    let recipe = Recipe::new(*style, vec![exact(64, 64)]);
    pixels(&render(photo, &source, &recipe).unwrap().renditions[0].bytes)
}

/// How alike two pictures are, in dB.
fn psnr(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let squares: f64 = one.iter().zip(other).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * one.len() as f64 / squares.max(f64::MIN_POSITIVE)).log10()
}

/// All pixels are of this colour, but for `levels`.
fn assert_colour(pixels: &[u8], expected: [u8; 3], levels: u8, name: &str) {
    for pixel in pixels.as_chunks::<3>().0 {
        let off = pixel.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off <= Some(levels), "{name}: {pixel:?} instead of {expected:?}");
    }
}
