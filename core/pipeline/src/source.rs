//! The door of this crate: what kind of file the bytes are, whether they are whole, and what a decode would cost.
//!
//! Nothing is decoded here, and nothing is allocated in proportion to what a header claims.

use std::fmt;
use std::ops::Range;

#[cfg(feature = "heic")]
use crate::heic::{self, Heic};
use crate::jpeg::{self, Jpeg, Scale};
use crate::orientation::Orientation;
use crate::profile::Profile;
use crate::refusal::{self, Refusal};
use crate::space::Model;
use crate::{exif, gif, png, webp};

/// Every photo of 120 megapixels passes, also a progressive one in CMYK, a PNG with 16 bits and alpha, or a WebP.
const MEMORY_MAX: u64 = 2 << 30;
/// A JPEG's sides are 16-bit numbers; encoders want some room above.
pub(crate) const SIDE_MAX: u32 = 65_500;

/// What the folder allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that a file may have.
    pub max_bytes: u64,
    /// The most pixels that a picture may have.
    pub max_pixels: u64,
    /// The fewest pixels that each side must have.
    pub min_side: u32,
}

/// The kinds of file that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// ITU-T T.81, baseline or progressive, Huffman coded, eight bits.
    Jpeg,
    /// W3C PNG; of an animated one the still picture.
    Png,
    /// RFC 9649, lossy or lossless; animated ones are refused.
    WebP,
    /// CompuServe's GIF87a and GIF89a; of an animated one the first picture.
    Gif,
    /// ISO/IEC 23008-12, a still picture of HEVC or a grid of some; read where the feature `heic` is built in.
    Heic,
}

/// A photo whose structure is whole and whose decode is affordable. Nothing has been decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is, whatever its name says.
    pub format: Format,
    /// Pixels in a row, upright.
    pub width: u32,
    /// Rows, upright.
    pub height: u32,
    /// How the coded picture lies.
    pub orientation: Orientation,
    /// What a person should know though the photo is taken.
    pub warnings: Vec<String>,
    pub(crate) coding: Coding,
    /// What its colours are, if they are not sRGB's.
    pub(crate) profile: Option<Profile>,
    /// Whether the coded picture may be shown as it is, without what else is in the file.
    pub(crate) is_plain: bool,
    /// The parts of the file that a decoder needs, in order.
    keep: Vec<Range<usize>>,
}

/// What a walk finds.
pub(crate) struct Found {
    pub(crate) coding: Coding,
    /// Width and height as coded.
    pub(crate) sides: (u32, u32),
    pub(crate) keep: Vec<Range<usize>>,
    /// What a pixel is made of, and what the file says of that.
    pub(crate) model: Model,
    pub(crate) profile: Option<Profile>,
    /// Where EXIF data begins with its TIFF header.
    pub(crate) exif: Option<Range<usize>>,
    /// Where the picture ends in the file.
    pub(crate) end: usize,
}

/// Which decoder, and what it has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Jpeg(Box<Jpeg>),
    Png(Whole),
    WebP(Whole),
    Gif(Whole),
    #[cfg(feature = "heic")]
    Heic(Box<Heic>),
}

/// A picture that is decoded at its full size, whatever is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// What the decoder allocates, its result included.
    pub(crate) bytes: u64,
}

/// Looks at a file's bytes and decides whether they are a whole picture within the limits.
///
/// # Errors
///
/// The first reason that was found, in this order: bytes, kind of file, structure, colours, pixels, memory.
pub fn examine(bytes: &[u8], limits: &Limits) -> Result<Source, Refusal> {
    let length = bytes.len() as u64;
    if length > limits.max_bytes {
        return Err(Refusal::TooManyBytes { bytes: length, max: limits.max_bytes });
    }
    let found = match kind(bytes)? {
        Format::Jpeg => jpeg::walk(bytes, limits.max_pixels)?,
        Format::Png => png::walk(bytes)?,
        Format::WebP => webp::walk(bytes)?,
        Format::Gif => gif::walk(bytes)?,
        #[cfg(feature = "heic")]
        Format::Heic => heic::walk(bytes)?,
        #[cfg(not(feature = "heic"))]
        Format::Heic => return Err(Refusal::LeftOut { format: Format::Heic }),
    };
    Source::new(bytes, found)?.within(limits)
}

/// Tells the kind by content; a name's extension is often wrong.
fn kind(bytes: &[u8]) -> Result<Format, Refusal> {
    match bytes {
        [] => Err(Refusal::Empty),
        [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
        _ if bytes.starts_with(png::SIGNATURE) => Ok(Format::Png),
        _ if webp::begins(bytes) => Ok(Format::WebP),
        _ if gif::begins(bytes) => Ok(Format::Gif),
        _ if begins_heic(bytes) => Ok(Format::Heic),
        _ => Err(other_kind(bytes)),
    }
}

/// Whether the first box names a brand of still pictures of HEVC, or one that leaves their coding open (ISO/IEC 23008-12, 10.2
/// and B.4).
fn begins_heic(bytes: &[u8]) -> bool {
    const BRANDS: [&[u8]; 9] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"];
    bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..12).is_some_and(|brand| BRANDS.contains(&brand))
}

fn other_kind(bytes: &[u8]) -> Refusal {
    let known = SIGNATURES
        .iter()
        .find(|(offset, signature, _)| bytes.get(*offset..).is_some_and(|rest| rest.starts_with(signature)));
    match known {
        Some((_, _, kind)) => Refusal::OtherKind { kind },
        None if bytes.iter().all(|byte| *byte == 0) => Refusal::Zeros,
        None if is_cut_signature(bytes) => Refusal::Cut,
        None => Refusal::NoPicture,
    }
}

/// Whether this is all of a file and less than the bytes by which its kind is told.
fn is_cut_signature(bytes: &[u8]) -> bool {
    let starts = [&[0xFF, 0xD8, 0xFF], png::SIGNATURE, b"RIFF", gif::SIGNATURES[0], gif::SIGNATURES[1]];
    let cut_container = bytes.starts_with(b"RIFF") && bytes.len() < 12;
    cut_container || starts.iter().any(|start| start.starts_with(bytes))
}

/// Offset, bytes there, and the name that people know; more special ones first.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftypcrx", "raw camera file"),
    (4, b"ftyp", "video"),
    (0, b"II\x2a\0", "TIFF or raw camera file"),
    (0, b"MM\0\x2a", "TIFF or raw camera file"),
    (0, b"\xFF\x0A", "JPEG XL"),
    (0, b"\0\0\0\x0CJXL ", "JPEG XL"),
    (0, b"\0\0\0\x0CjP  ", "JPEG 2000"),
    (0, b"8BPS", "Photoshop file"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "ZIP or office file"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML file"),
    (0, b"<!DOCTYPE", "web page"),
    (0, b"<html", "web page"),
    (0, b"BM", "BMP"),
];

impl Source {
    fn new(bytes: &[u8], found: Found) -> Result<Self, Refusal> {
        let (width, height) = found.sides;
        if width.max(height) > SIDE_MAX {
            return Err(Refusal::SideTooLong { width, height, max: SIDE_MAX });
        }
        let mut warnings = Vec::new();
        let orientation = orientation(bytes, &found, &mut warnings);
        let dropped = (bytes.len() - found.end) as u64;
        if dropped > 0 {
            warnings.push(format!("{} after the end of the picture are not used", refusal::size(dropped)));
        }
        let (width, height) = orientation.turn_sides(found.sides);
        let Found { coding, keep, model, profile, .. } = found;
        let profile = profile.map_or(Ok(None), |profile| profile.heeded(model))?;
        let is_plain = orientation == Orientation::Upright && profile.is_none() && coding.is_plain();
        Ok(Self { format: coding.format(), width, height, orientation, warnings, coding, profile, is_plain, keep })
    }

    fn within(self, limits: &Limits) -> Result<Self, Refusal> {
        let Self { width, height, .. } = self;
        let bytes = self.bytes_at_most();
        let pixels = u64::from(width) * u64::from(height);
        if pixels > limits.max_pixels {
            return Err(Refusal::TooManyPixels { pixels, max: limits.max_pixels });
        }
        if width.min(height) < limits.min_side {
            return Err(Refusal::TooSmall { width, height, min: limits.min_side });
        }
        if bytes > MEMORY_MAX {
            return Err(Refusal::TooMuchMemory { bytes, max: MEMORY_MAX });
        }
        Ok(self)
    }

    /// Width and height as coded.
    pub(crate) fn coded_sides(&self) -> (u32, u32) {
        self.orientation.turn_sides((self.width, self.height))
    }

    /// The parts of the file that a decoder needs, in order.
    pub(crate) fn kept(&self) -> &[Range<usize>] {
        &self.keep
    }

    /// A copy of the file with nothing in it but the picture; `None` when these are not the bytes that were examined.
    pub(crate) fn picture_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut picture = Vec::with_capacity(self.kept_bytes());
        for range in &self.keep {
            picture.extend_from_slice(bytes.get(range.clone())?);
        }
        if let Coding::WebP(_) = self.coding {
            webp::mend(&mut picture);
        }
        Some(picture)
    }

    pub(crate) fn kept_bytes(&self) -> usize {
        self.keep.iter().map(ExactSizeIterator::len).sum()
    }
}

/// A broken tag is no reason to refuse a photo that anybody can look at.
fn orientation(bytes: &[u8], found: &Found, warnings: &mut Vec<String>) -> Orientation {
    #[cfg(feature = "heic")]
    if let Coding::Heic(heic) = &found.coding {
        return heic.orientation;
    }
    let Some(place) = found.exif.clone() else {
        return Orientation::Upright;
    };
    exif::orientation(&bytes[place]).unwrap_or_else(|exif::Malformed| {
        warnings.push("the EXIF data is malformed, so the picture is taken as upright".to_owned());
        Orientation::Upright
    })
}

impl Coding {
    /// The smallest scale at which all of the coded data is read.
    pub(crate) fn least_scale_of_all(&self) -> Scale {
        match self {
            Self::Jpeg(jpeg) if jpeg.frame.progressive => Scale::Quarter,
            _ => Scale::Eighth,
        }
    }

    /// The smallest scale at which it can be decoded. A HEIC always has its own size; what it is spared at half is said in
    /// [`heic::decode`].
    pub(crate) fn least_scale(&self) -> Scale {
        match self {
            Self::Jpeg(_) => Scale::Eighth,
            #[cfg(feature = "heic")]
            Self::Heic(_) => Scale::Half,
            Self::Png(_) | Self::WebP(_) | Self::Gif(_) => Scale::Full,
        }
    }

    fn is_plain(&self) -> bool {
        matches!(self, Self::Jpeg(jpeg) if jpeg.is_plain())
    }

    fn format(&self) -> Format {
        match self {
            Self::Jpeg(_) => Format::Jpeg,
            Self::Png(_) => Format::Png,
            Self::WebP(_) => Format::WebP,
            Self::Gif(_) => Format::Gif,
            #[cfg(feature = "heic")]
            Self::Heic(_) => Format::Heic,
        }
    }
}

impl Format {
    /// In the order in which people are told of them.
    pub const ALL: [Self; 5] = [Self::Jpeg, Self::Png, Self::WebP, Self::Gif, Self::Heic];

    /// What the names of its files end in, in lower case and without a dot; the usual one first.
    #[must_use]
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Png => &["png"],
            Self::WebP => &["webp"],
            Self::Gif => &["gif"],
            Self::Heic => &["heic", "heif"],
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Heic => "HEIC",
        })
    }
}
