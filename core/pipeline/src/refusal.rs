//! Why a photo makes no rendition, in the words of somebody who copies photos into a folder.
//!
//! Says nothing about files, users or backends: the caller knows those and puts them around the reason.

use thiserror::Error;

use crate::source::Format;
use crate::warning::Warning;

/// The reason why a photo is not taken, or why a rendition cannot be made of it.
///
/// Each message stands behind "rejected: "; variants are told apart by what the person can do about them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is not one byte.
    #[error("the file is empty: copy it again")]
    Empty,

    /// Only zeros where the picture should begin: space was reserved for a copy that never happened.
    #[error("the file holds only zeros: copy it again")]
    Zeros,

    /// A whole beginning without its end.
    #[error("the file ends in the middle: copy it again")]
    Cut,

    /// The structure contradicts itself, or a checksum does not fit.
    #[error("the file is damaged ({what}): copy it again")]
    Damaged {
        /// What does not fit.
        what: String,
    },

    /// A known kind of file, but none that is read here.
    #[error("this is a {kind}, not a {}", formats("or"))]
    OtherKind {
        /// The usual name of that kind, for example `PDF`.
        kind: &'static str,
    },

    /// The first bytes belong to no kind of file that is known here.
    #[error("this is not a picture (neither {})", formats("nor"))]
    NoPicture,

    /// A kind of file whose decoder was left out of the program.
    #[error("{format} is not read by this build: save it as a JPEG, or build with the feature heic")]
    LeftOut {
        /// The kind of file.
        format: Format,
    },

    /// A whole picture in a form that is not read here.
    #[error("this {format} is {form}: save it as an ordinary JPEG")]
    Unsupported {
        /// The container that was found.
        format: Format,
        /// The form, as it stands after "is": `coded arithmetically`.
        form: &'static str,
    },

    /// The file is larger than the folder allows.
    #[error("the file has {}, more than the {} allowed", size(*bytes), size(*max))]
    TooManyBytes {
        /// Bytes in the file.
        bytes: u64,
        /// Bytes allowed.
        max: u64,
    },

    /// The picture is larger than the folder allows.
    #[error("the picture is {}, more than the {} allowed", megapixels(*pixels), megapixels(*max))]
    TooManyPixels {
        /// Pixels in the picture.
        pixels: u64,
        /// Pixels allowed.
        max: u64,
    },

    /// A side is too long to be written as a JPEG.
    #[error("the picture is {width}x{height}: a side may have at most {max} pixels")]
    SideTooLong {
        /// Pixels in a row as coded.
        width: u32,
        /// Rows as coded.
        height: u32,
        /// Pixels allowed on a side.
        max: u32,
    },

    /// The picture is smaller than the folder allows.
    #[error("the picture is {width}x{height}: each side must have at least {min} pixels")]
    TooSmall {
        /// Pixels in a row, upright.
        width: u32,
        /// Rows, upright.
        height: u32,
        /// Pixels wanted on each side.
        min: u32,
    },

    /// The picture is coded in so many passes that decoding it would take unreasonably long.
    #[error("the picture is coded in {scans} scans, more than is reasonable for its size: save it again")]
    TooManyScans {
        /// Scans found so far.
        scans: u32,
    },

    /// Decoding would need more memory than any photo within the usual limits does.
    #[error("the picture would take {} of memory, more than the {} allowed: save it smaller", size(*bytes), size(*max))]
    TooMuchMemory {
        /// Upper bound of the bytes needed.
        bytes: u64,
        /// Bytes allowed.
        max: u64,
    },

    /// What the file says about its colours is not understood, and without it they would be wrong.
    #[error("the picture's colour profile {what}: save it again as an ordinary JPEG in sRGB")]
    Profile {
        /// What is wrong with it, as it stands behind "the colour profile": `is damaged`.
        what: String,
    },

    /// The structure is whole and the coded picture in it is not.
    #[error("the picture data is damaged ({reason}): copy it again, or save it again as a JPEG")]
    Undecodable {
        /// What the decoder says.
        reason: String,
    },

    /// The recipe refuses photos of which this has to be said.
    #[error("{} (`{warning}`), and photos like that are not wanted here", warning.sentence())]
    Unwanted {
        /// What has to be said.
        warning: Warning,
    },

    /// The decoder, the resampler or the encoder panicked.
    #[error("the decoder failed on this file: save it again as a JPEG")]
    DecoderFailed,

    /// A rendition is larger than a JPEG, or reason, allows.
    #[error("a rendition of {width}x{height} is too large")]
    RenditionTooLarge {
        /// Pixels in a row.
        width: u64,
        /// Rows.
        height: u64,
    },

    /// Even the lowest quality needs more bytes than the rendition may have.
    #[error("the {width}x{height} rendition has {} at the lowest quality, more than the {} allowed", size(*bytes), size(*max))]
    DoesNotFit {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes at the lowest quality.
        bytes: u64,
        /// Bytes allowed.
        max: u64,
    },
}

impl Refusal {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    pub(crate) fn profile(what: impl Into<String>) -> Self {
        Self::Profile { what: what.into() }
    }

    pub(crate) fn undecodable(reason: impl ToString) -> Self {
        Self::Undecodable { reason: reason.to_string() }
    }
}

/// The kinds of file that are read, with a word before the last one.
fn formats(word: &str) -> String {
    let [others @ .., last] = Format::ALL.map(|format| format.to_string());
    format!("{} {word} {last}", others.join(", "))
}

/// Bytes as a person says them; small numbers stay exact.
pub(crate) fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..MIB => format!("{} KiB", bytes.div_ceil(KIB)),
        _ => format!("{} MiB", tenths(bytes, MIB)),
    }
}

fn megapixels(pixels: u64) -> String {
    format!("{} MP", tenths(pixels, 1_000_000))
}

/// `value / unit` with one decimal, rounded up, so that a value above a limit never looks equal to it.
fn tenths(value: u64, unit: u64) -> String {
    let tenths = (u128::from(value) * 10).div_ceil(u128::from(unit));
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_plain_sentences() {
        let pixels = Refusal::TooManyPixels { pixels: 150_000_000, max: 120_000_000 };
        assert_eq!(pixels.to_string(), "the picture is 150 MP, more than the 120 MP allowed");
        assert_eq!(Refusal::Cut.to_string(), "the file ends in the middle: copy it again");
        let other = Refusal::OtherKind { kind: "PDF" };
        assert_eq!(other.to_string(), "this is a PDF, not a JPEG, PNG, WebP, GIF or HEIC");
    }

    #[test]
    fn a_value_just_above_its_limit_does_not_look_equal() {
        assert_eq!(megapixels(120_000_001), "120.1 MP");
        assert_eq!(megapixels(120_000_000), "120 MP");
        assert_eq!(size((32 << 20) + 1), "32.1 MiB");
        assert_eq!(size(2048), "2048 bytes");
    }
}
