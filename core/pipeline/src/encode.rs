//! Writes pixels as a JPEG: baseline, 4:2:0, no metadata. Finds the quality that keeps within a number of bytes.

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use crate::pixels::Pixels;
use crate::refusal::Refusal;
use crate::tables::tighten;

/// What every rendition gets that has room for it.
const QUALITY: u8 = 85;
/// Below this a face is blocks.
const QUALITY_MIN: u8 = 20;

/// Tables of their own make thumbnails a tenth smaller; what a large picture gains is not worth its time.
const OWN_TABLES_PIXELS_MAX: u32 = 1 << 20;

/// A JPEG and how it was made.
pub(crate) struct Encoded {
    pub(crate) jpeg: Vec<u8>,
    pub(crate) quality: u8,
}

/// Encodes with the usual quality, or with the best one that needs no more than `max_bytes`.
pub(crate) fn encode(pixels: &Pixels, max_bytes: Option<u64>) -> Result<Encoded, Refusal> {
    let max = max_bytes.unwrap_or(u64::MAX);
    let usual = at_quality(pixels, QUALITY)?;
    if usual.jpeg.len() as u64 <= max {
        return Ok(usual);
    }
    best_below(pixels, max)
}

/// Most photos fit at once, so the search begins only then.
fn best_below(pixels: &Pixels, max: u64) -> Result<Encoded, Refusal> {
    let mut best = at_quality(pixels, QUALITY_MIN)?;
    let bytes = best.jpeg.len() as u64;
    if bytes > max {
        return Err(Refusal::DoesNotFit { width: pixels.width, height: pixels.height, bytes, max });
    }
    let mut too_high = QUALITY;
    while too_high - best.quality > 1 {
        let middle = at_quality(pixels, best.quality + (too_high - best.quality) / 2)?;
        match middle.jpeg.len() as u64 <= max {
            true => best = middle,
            false => too_high = middle.quality,
        }
    }
    Ok(best)
}

impl Encoded {
    /// What a person should know about the quality.
    pub(crate) fn warning(&self) -> Option<String> {
        const VISIBLE: u8 = 50;
        let Self { jpeg, quality } = self;
        (*quality < VISIBLE).then(|| format!("JPEG quality {quality} to stay within {} bytes", jpeg.len()))
    }
}

fn at_quality(pixels: &Pixels, quality: u8) -> Result<Encoded, Refusal> {
    let too_large = |_| Refusal::RenditionTooLarge { width: pixels.width.into(), height: pixels.height.into() };
    let width = u16::try_from(pixels.width).map_err(too_large)?;
    let height = u16::try_from(pixels.height).map_err(too_large)?;
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.encode(&pixels.rgb, width, height, ColorType::Rgb).map_err(Refusal::undecodable)?;
    if pixels.width * pixels.height <= OWN_TABLES_PIXELS_MAX {
        jpeg = tighten(&jpeg, pixels.width, pixels.height).unwrap_or(jpeg);
    }
    Ok(Encoded { jpeg, quality })
}
