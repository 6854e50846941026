//! The picture as it was coded, without anything beside it: no generation is lost, and it costs a copy.

use std::ops::Range;

use super::walk::{APP0, APP14, EOI, SOI};
use super::{Colours, Jpeg};

/// JFIF 1.02 without a thumbnail, one pixel as wide as high: that the colours are what everybody assumes.
const JFIF: [u8; 18] = [0xFF, APP0, 0, 16, b'J', b'F', b'I', b'F', 0, 1, 2, 0, 0, 1, 0, 1, 0, 0];

impl Jpeg {
    /// Whether everybody sees the same picture when the file's metadata is gone, but for a profile: in gray or in the usual
    /// colours, and sampled as programs have always written it.
    pub(crate) fn is_plain(&self) -> bool {
        let [luma, chroma @ ..] = self.frame.components.as_slice() else { return false };
        let has_usual_sampling =
            luma.across <= 2 && luma.down <= 2 && chroma.iter().all(|it| (it.across, it.down) == (1, 1));
        matches!(self.colours, Colours::Gray | Colours::Ycc) && has_usual_sampling
    }
}

/// How many bytes the picture has then.
pub(crate) fn stripped_bytes(segments: &[Range<usize>]) -> u64 {
    let kept: usize = segments.iter().map(ExactSizeIterator::len).sum();
    (kept + JFIF.len() + 4) as u64
}

/// The picture without metadata; `None` when these are not the bytes that were examined.
pub(crate) fn stripped(bytes: &[u8], segments: &[Range<usize>]) -> Option<Vec<u8>> {
    let mut picture = Vec::with_capacity(stripped_bytes(segments) as usize);
    picture.extend([0xFF, SOI]);
    picture.extend(JFIF);
    for place in segments {
        let segment = bytes.get(place.clone())?;
        // What Adobe's segment says, JFIF says too.
        if segment.get(1) != Some(&APP14) {
            picture.extend_from_slice(segment);
        }
    }
    picture.extend([0xFF, EOI]);
    Some(picture)
}
