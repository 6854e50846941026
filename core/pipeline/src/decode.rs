//! Turns the bytes of an examined photo into pixels, as coded: neither turned nor resized. Judges no limits.
//!
//! Decoders see nothing but the picture: no metadata, nothing after the end, and only what the walks found whole.

use std::io;

use image::{DynamicImage, ImageFormat, ImageReader};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::pixels::{CHANNELS, Pixels};
use crate::refusal::Refusal;
use crate::source::{Coding, Inks, SIDE_MAX, Source};

/// Decodes the whole picture at its full size.
pub(crate) fn decode(bytes: &[u8], source: &Source) -> Result<Pixels, Refusal> {
    let other_bytes = || Refusal::undecodable("these are not the bytes that were examined");
    let picture = source.picture_bytes(bytes).ok_or_else(other_bytes)?;
    let rgb = match source.coding {
        Coding::Jpeg { inks, .. } => jpeg(&picture, inks, source)?,
        Coding::Png => other(picture, ImageFormat::Png, source)?,
        Coding::WebP => other(picture, ImageFormat::WebP, source)?,
    };
    let (width, height) = source.coded_sides();
    Pixels::new(width, height, rgb).ok_or_else(|| Refusal::undecodable("it has another size than its header says"))
}

/// The decoder reports coded data that runs out, instead of filling in gray, in strict mode and only where no end marker
/// follows: see [`Ending::Open`](crate::source::Ending::Open).
fn jpeg(picture: &[u8], inks: Inks, source: &Source) -> Result<Vec<u8>, Refusal> {
    let colours = match inks {
        Inks::Usual => ColorSpace::RGB,
        Inks::Plain => ColorSpace::CMYK,
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(SIDE_MAX as usize)
        .set_max_height(SIDE_MAX as usize)
        .jpeg_set_max_scans(SCANS_MAX)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(picture), options);
    decoder.decode_headers().map_err(Refusal::undecodable)?;
    let (width, height) = source.coded_sides();
    if decoder.dimensions() != Some((width as usize, height as usize)) {
        return Err(Refusal::undecodable("it has another size than its header says"));
    }
    let decoded = decoder.decode().map_err(Refusal::undecodable)?;
    Ok(match inks {
        Inks::Usual => decoded,
        Inks::Plain => fold(decoded, |[c, m, y, k]| [c, m, y].map(|ink| under_ink(ink, k))),
    })
}

/// The walk counts scans too; one more than it allows is never reached.
const SCANS_MAX: usize = 101;

/// What is left of white light under one coloured ink and black.
fn under_ink(ink: u8, black: u8) -> u8 {
    weigh(u8::MAX - ink, u8::MAX - black)
}

fn other(picture: Vec<u8>, format: ImageFormat, source: &Source) -> Result<Vec<u8>, Refusal> {
    let mut reader = ImageReader::with_format(io::Cursor::new(picture), format);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(source.decode_bytes);
    reader.limits(limits);
    reader.decode().map(on_white).map_err(Refusal::undecodable)
}

fn on_white(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    fold(image.into_rgba8().into_raw(), |[red, green, blue, alpha]| {
        [red, green, blue].map(|value| weigh(value, alpha) + (u8::MAX - alpha))
    })
}

/// `value` times `weight`, where 255 counts as one; rounded, and never more than `weight`.
fn weigh(value: u8, weight: u8) -> u8 {
    let product = u16::from(value) * u16::from(weight) + 127;
    u8::try_from(product / 255).expect("a product of fractions is a fraction")
}

/// Makes three bytes of every four, in the same memory.
fn fold(mut four: Vec<u8>, colour: impl Fn([u8; 4]) -> [u8; CHANNELS]) -> Vec<u8> {
    let pixels = four.len() / 4;
    for index in 0..pixels {
        let [a, b, c, d] = *four[index * 4..].first_chunk().expect("each pixel has four bytes");
        four[index * CHANNELS..][..CHANNELS].copy_from_slice(&colour([a, b, c, d]));
    }
    four.truncate(pixels * CHANNELS);
    four
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_exact_at_both_ends() {
        for value in 0..=255 {
            assert_eq!(weigh(value, 255), value);
            assert_eq!(weigh(value, 0), 0);
            assert!(weigh(255, value) == value);
        }
    }

    #[test]
    fn inks_without_black_are_their_complement() {
        assert_eq!(
            fold(vec![0, 255, 10, 0, 5, 6, 7, 255], |[c, m, y, k]| [c, m, y].map(|i| under_ink(i, k))),
            [255, 0, 245, 0, 0, 0]
        );
    }
}
