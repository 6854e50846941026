//! Writes pixels as a JPEG of the usual quality, or of the best one that keeps within a number of bytes.
//!
//! The encoder is ours because tables for each picture make renditions 4 to 27 % smaller, and those that exist in Rust
//! take one and a half to four times as long when they make such tables. Without, the fastest of them is as fast, with code
//! for AVX2: `cargo bench -p portraitd-pipeline --bench encode` shows them all.

mod dct;
mod file;
mod huffman;
mod planes;
mod quantiser;
mod symbols;
#[cfg(test)]
mod tests;

pub(crate) use planes::{Plane, Planes};
use quantiser::{percent, quality_of};

use crate::pixels::{Picture, Pixels};
use crate::refusal::Refusal;

/// What every rendition gets that has room for it.
const QUALITY: u8 = 85;
/// Below this a face is blocks.
const QUALITY_MIN: u8 = 20;

/// A JPEG and how it was made.
pub(crate) struct Encoded {
    pub(crate) jpeg: Vec<u8>,
    pub(crate) quality: u8,
}

/// Encodes with the usual quality; when that needs more than `max_bytes`, with a lower one that does not while the
/// next higher one was seen to.
pub(crate) fn encode(picture: &Picture, max_bytes: Option<u64>) -> Result<Encoded, Refusal> {
    match picture {
        Picture::Planes(planes) => encode_planes(planes, max_bytes),
        Picture::Pixels(Pixels { width, height, rgb }) => {
            encode_planes(&Planes::of_rgb(rgb, *width as usize, *height as usize), max_bytes)
        }
    }
}

fn encode_planes(planes: &Planes, max_bytes: Option<u64>) -> Result<Encoded, Refusal> {
    let (width, height) = (planes.luma.width, planes.luma.height);
    if width.max(height) > u16::MAX.into() {
        return Err(Refusal::RenditionTooLarge { width: width as u64, height: height as u64 });
    }
    let max = max_bytes.unwrap_or(u64::MAX);
    best_within(max, |quality| file::write(planes, quality, max)).ok_or_else(|| does_not_fit(planes, max))
}

fn does_not_fit(planes: &Planes, max: u64) -> Refusal {
    let bytes = file::write(planes, QUALITY_MIN, u64::MAX).map_or_else(|bytes| bytes, |jpeg| jpeg.len() as u64);
    Refusal::DoesNotFit { width: planes.luma.width as u32, height: planes.luma.height as u32, bytes, max }
}

/// Tries qualities until one fits and the next one does not. Most photos fit at once; of the others, most need two or
/// three tries more, since one size tells the others.
fn best_within(max: u64, mut attempt: impl FnMut(u8) -> Result<Vec<u8>, u64>) -> Option<Encoded> {
    let mut too_large = match attempt(QUALITY) {
        Ok(jpeg) => return Some(Encoded { jpeg, quality: QUALITY }),
        Err(bytes) => Size { quality: QUALITY, bytes },
    };
    let mut best: Option<Encoded> = None;
    for guesses in 0.. {
        let lowest = best.as_ref().map_or(QUALITY_MIN, |best| best.quality + 1);
        if lowest == too_large.quality {
            break;
        }
        let guess = match guesses < GUESSES_MAX {
            true => too_large.quality_for(max, best.as_ref().map(Encoded::size)),
            false => lowest.midpoint(too_large.quality),
        };
        let quality = guess.clamp(lowest, too_large.quality - 1);
        match attempt(quality) {
            Ok(jpeg) => best = Some(Encoded { jpeg, quality }),
            Err(bytes) => too_large = Size { quality, bytes },
        }
    }
    best
}

/// After so many, halving what is left is sure to end soon.
const GUESSES_MAX: usize = 5;

/// How many bytes a quality needs.
struct Size {
    quality: u8,
    bytes: u64,
}

impl Size {
    /// The quality that needs `max` bytes, likely a little too low.
    ///
    /// Beside a header, bytes go with a power of the coarseness, for photos of all sizes about -0.6; two sizes tell it.
    fn quality_for(&self, max: u64, smaller: Option<Self>) -> u8 {
        const HEADER: u64 = 200;
        let coded = |bytes: u64| (bytes.saturating_sub(HEADER).max(1) as f64).ln();
        let coarseness = |quality: u8| f64::from(percent(quality)).ln();
        let inverse_power = smaller.map_or(1.0 / 0.6, |smaller| {
            (coarseness(smaller.quality) - coarseness(self.quality)) / (coded(self.bytes) - coded(smaller.bytes))
        });
        let more = inverse_power * (coded(self.bytes) - coded(max));
        quality_of((coarseness(self.quality) + more).exp())
    }
}

impl Encoded {
    fn size(&self) -> Size {
        Size { quality: self.quality, bytes: self.jpeg.len() as u64 }
    }

    /// What a person should know about the quality.
    pub(crate) fn warning(&self) -> Option<String> {
        const VISIBLE: u8 = 50;
        let Self { jpeg, quality } = self;
        (*quality < VISIBLE).then(|| format!("JPEG quality {quality} to stay within {} bytes", jpeg.len()))
    }
}
