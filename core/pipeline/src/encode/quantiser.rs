//! Quantises coefficients with the usual tables (ITU-T T.81, K.1) at a quality on libjpeg's scale.

use std::array::from_fn;

use super::dct::{Block, scale};

/// The divisors of one kind of component at one quality.
pub(crate) struct Quantiser {
    /// In zigzag order, as a DQT segment has them.
    pub(crate) steps: [u8; 64],
    /// What a coefficient out of the transform is multiplied with.
    factors: Block<f32>,
}

impl Quantiser {
    pub(crate) fn luma(quality: u8) -> Self {
        Self::new(&LUMA, quality)
    }

    pub(crate) fn chroma(quality: u8) -> Self {
        Self::new(&CHROMA, quality)
    }

    /// `quality` is 1 to 100.
    fn new(usual: &Block<u8>, quality: u8) -> Self {
        let percent = percent(quality);
        let step = |u: usize, v: usize| ((u32::from(usual[v][u]) * percent + 50) / 100).clamp(1, 255) as u8;
        let steps: Block<u8> = from_fn(|u| from_fn(|v| step(u, v)));
        let factors = from_fn(|u| from_fn(|v| (1.0 / (scale(u, v) * f64::from(steps[u][v]))) as f32));
        Self { steps: zigzag(&steps), factors }
    }

    /// Quantised coefficients in zigzag order, of what [`forward`](super::dct::forward) made.
    pub(crate) fn apply(&self, block: &Block<f32>) -> [i16; 64] {
        /// Beside this number an `f32` has no room for a fraction, and its lowest bits are the rounded whole.
        const ROUNDER: f32 = 12_582_912.0;
        let mut whole = [[0_i16; 8]; 8];
        let pairs = block.as_flattened().iter().zip(self.factors.as_flattened());
        for (whole, (value, factor)) in whole.as_flattened_mut().iter_mut().zip(pairs) {
            *whole = (value * factor + ROUNDER).to_bits() as i16;
        }
        zigzag(&whole)
    }
}

/// How coarse a quality is, 100 being the usual tables.
pub(crate) fn percent(quality: u8) -> u32 {
    let quality = u32::from(quality);
    if quality < 50 { 5000 / quality } else { 200 - 2 * quality }
}

/// The finest quality that is at least so coarse.
pub(crate) fn quality_of(percent: f64) -> u8 {
    let quality = if percent > 100.0 { 5000.0 / percent } else { 100.0 - percent / 2.0 };
    quality as u8
}

/// Reads a turned block from the lowest frequency to the highest (figure A.6).
///
/// Written out, since a loop over a table of places takes several times as long.
#[rustfmt::skip]
fn zigzag<T: Copy>(b: &Block<T>) -> [T; 64] {
    [
        b[0][0], b[1][0], b[0][1], b[0][2], b[1][1], b[2][0], b[3][0], b[2][1],
        b[1][2], b[0][3], b[0][4], b[1][3], b[2][2], b[3][1], b[4][0], b[5][0],
        b[4][1], b[3][2], b[2][3], b[1][4], b[0][5], b[0][6], b[1][5], b[2][4],
        b[3][3], b[4][2], b[5][1], b[6][0], b[7][0], b[6][1], b[5][2], b[4][3],
        b[3][4], b[2][5], b[1][6], b[0][7], b[1][7], b[2][6], b[3][5], b[4][4],
        b[5][3], b[6][2], b[7][1], b[7][2], b[6][3], b[5][4], b[4][5], b[3][6],
        b[2][7], b[3][7], b[4][6], b[5][5], b[6][4], b[7][3], b[7][4], b[6][5],
        b[5][6], b[4][7], b[5][7], b[6][6], b[7][5], b[7][6], b[6][7], b[7][7],
    ]
}

#[rustfmt::skip]
const LUMA: Block<u8> = [
    [16, 11, 10, 16,  24,  40,  51,  61],
    [12, 12, 14, 19,  26,  58,  60,  55],
    [14, 13, 16, 24,  40,  57,  69,  56],
    [14, 17, 22, 29,  51,  87,  80,  62],
    [18, 22, 37, 56,  68, 109, 103,  77],
    [24, 35, 55, 64,  81, 104, 113,  92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103,  99],
];

#[rustfmt::skip]
const CHROMA: Block<u8> = [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
];
