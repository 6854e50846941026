//! Photos of four quarters, in each format that an encoder here can write.

use std::io::Cursor;

use image::{
    ExtendedColorType, ImageEncoder,
    codecs::{png::PngEncoder, webp::WebPEncoder},
};
use jpeg_encoder::{ColorType, Encoder};

use super::profiles::Space;

pub(crate) const QUADRANTS: usize = 4;

/// Pixels in a row, and rows.
const SIDES: (usize, usize) = (160, 160);

/// The colours of the quarters as they are stored, row by row: three or four parts of which the later ones may be unused.
#[derive(Clone, Copy)]
pub(crate) struct Quadrants(pub(crate) [[u8; 4]; QUADRANTS]);

impl Quadrants {
    /// How they lie in a file that is to be turned by this tag (TIFF 6.0).
    pub(crate) fn as_stored(self, tag: u8) -> Self {
        let [a, b, c, d] = self.0;
        Self(match tag {
            1 => [a, b, c, d],
            2 => [b, a, d, c],
            3 => [d, c, b, a],
            4 => [c, d, a, b],
            5 => [a, c, b, d],
            6 => [b, d, a, c],
            7 => [d, b, c, a],
            _ => [c, a, d, b],
        })
    }

    fn samples(self, channels: usize) -> Vec<u8> {
        let (width, height) = SIDES;
        let quarter = |at: usize| 2 * (at / width * 2 / height) + at % width * 2 / width;
        (0..width * height).flat_map(|at| self.0[quarter(at)].into_iter().take(channels)).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Progressive,
    /// With brightness and two differences of four inks.
    Ycck,
    Png,
    Png16,
    Webp,
}

impl Format {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Jpeg | Self::Progressive | Self::Ycck => "jpg",
            Self::Png | Self::Png16 => "png",
            Self::Webp => "webp",
        }
    }
}

/// A photo of these quarters with its space's profile and an orientation.
pub(crate) fn photo(format: Format, space: Space, stored: Quadrants, tag: u8) -> Vec<u8> {
    let samples = stored.samples(space.channels());
    let icc = space.profile();
    match format {
        Format::Jpeg | Format::Progressive | Format::Ycck => jpeg(format, space, &samples, icc, tag),
        Format::Png | Format::Png16 => png(format, space, &samples, icc, tag),
        Format::Webp => webp(&samples, icc, tag),
    }
}

fn jpeg(format: Format, space: Space, samples: &[u8], icc: Option<Vec<u8>>, tag: u8) -> Vec<u8> {
    let kind = match (space.channels(), format) {
        (1, _) => ColorType::Luma,
        (3, _) => ColorType::Rgb,
        (_, Format::Ycck) => ColorType::CmykAsYcck,
        _ => ColorType::Cmyk,
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.set_progressive(format == Format::Progressive);
    encoder.add_app_segment(1, [b"Exif\0\0".as_slice(), &tiff(tag)].concat()).expect("EXIF data is short");
    if let Some(icc) = icc {
        encoder.add_icc_profile(&icc).expect("profiles are short");
    }
    encoder.encode(samples, SIDES.0 as u16, SIDES.1 as u16, kind).expect("the sizes agree");
    bytes
}

fn png(format: Format, space: Space, samples: &[u8], icc: Option<Vec<u8>>, tag: u8) -> Vec<u8> {
    let kind = match (space.channels(), format) {
        (1, Format::Png16) => ExtendedColorType::L16,
        (1, _) => ExtendedColorType::L8,
        (_, Format::Png16) => ExtendedColorType::Rgb16,
        _ => ExtendedColorType::Rgb8,
    };
    let wide: Vec<u8>;
    let samples = match format {
        Format::Png16 => {
            wide = samples.iter().flat_map(|sample| (u16::from(*sample) * 257).to_ne_bytes()).collect();
            &wide
        }
        _ => samples,
    };
    let mut bytes = Vec::new();
    written(PngEncoder::new(&mut bytes), samples, kind, icc, tag);
    bytes
}

fn webp(samples: &[u8], icc: Option<Vec<u8>>, tag: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    written(WebPEncoder::new_lossless(&mut bytes), samples, ExtendedColorType::Rgb8, icc, tag);
    bytes.into_inner()
}

fn written(mut encoder: impl ImageEncoder, samples: &[u8], kind: ExtendedColorType, icc: Option<Vec<u8>>, tag: u8) {
    if let Some(icc) = icc {
        encoder.set_icc_profile(icc).expect("the format has profiles");
    }
    encoder.set_exif_metadata(tiff(tag)).expect("the format has EXIF data");
    encoder.write_image(samples, SIDES.0 as u32, SIDES.1 as u32, kind).expect("the sizes agree");
}

/// EXIF data that holds an orientation and nothing else.
fn tiff(tag: u8) -> Vec<u8> {
    [b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[tag, 0, 0, 0, 0, 0, 0, 0]].concat()
}
