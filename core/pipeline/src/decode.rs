//! Turns the bytes of an examined photo into a picture that renditions are drawn from: neither turned nor resized. Judges no
//! limits.
//!
//! Decoders see nothing but the picture: no metadata, nothing after the end, and only what the walks found whole.

use std::io;

use image::{DynamicImage, ImageFormat, ImageReader};

use crate::draw::{Canvas, Kind};
#[cfg(feature = "heic")]
use crate::heic;
use crate::jpeg::{self, Colours, Marking, Plane};
use crate::pixels::{CHANNELS, Pixels};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::source::{Coding, SIDE_MAX, Source, Whole};

/// A decoded photo.
pub(crate) enum Photo {
    /// At full size.
    Pixels(Pixels),
    /// A part of it, perhaps smaller, in the components of its file.
    Planes { planes: Vec<Plane>, colours: Colours },
}

impl Photo {
    /// Decodes what the plan says.
    pub(crate) fn decode<'a>(
        bytes: &'a [u8],
        source: &Source,
        plan: Plan,
        marking: Marking<'_, 'a>,
    ) -> Result<Self, Refusal> {
        match &source.coding {
            Coding::Jpeg(jpeg) => {
                let planes = jpeg::decode(bytes, source.kept(), &jpeg.frame, plan.scale, plan.window, marking)?;
                Ok(Self::Planes { planes, colours: jpeg.colours })
            }
            #[cfg(feature = "heic")]
            Coding::Heic(heic) => match heic::decode(bytes, heic, plan.window)? {
                heic::Decoded::Opaque { planes, colours } => Ok(Self::Planes { planes, colours }),
                heic::Decoded::Clear(image) => of_image(image, source),
            },
            Coding::Png(whole) => other(bytes, ImageFormat::Png, source, *whole),
            Coding::WebP(whole) => other(bytes, ImageFormat::WebP, source, *whole),
            Coding::Gif(whole) => other(bytes, ImageFormat::Gif, source, *whole),
        }
    }

    /// To draw from, as the file's orientation says.
    pub(crate) fn canvas(&self, source: &Source) -> Canvas<'_> {
        match self {
            Self::Pixels(pixels) => pixels.canvas(source.orientation),
            Self::Planes { planes, colours } => Canvas {
                layers: planes.iter().map(Plane::layer).collect(),
                kind: Kind::Apart(*colours),
                orientation: source.orientation,
                sides: source.coded_sides(),
            },
        }
    }
}

fn other(bytes: &[u8], format: ImageFormat, source: &Source, whole: Whole) -> Result<Photo, Refusal> {
    let other_bytes = || Refusal::undecodable("these are not the bytes that were examined");
    let picture = source.picture_bytes(bytes).ok_or_else(other_bytes)?;
    let mut reader = ImageReader::with_format(io::Cursor::new(picture), format);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(whole.bytes + REST);
    reader.limits(limits);
    of_image(reader.decode().map_err(Refusal::undecodable)?, source)
}

fn of_image(image: DynamicImage, source: &Source) -> Result<Photo, Refusal> {
    let rgb = on_white(image);
    let (width, height) = source.coded_sides();
    let pixels = Pixels::new(width, height, rgb);
    pixels.map(Photo::Pixels).ok_or_else(|| Refusal::undecodable("it has another size than its header says"))
}

/// Rows in work, and tables.
const REST: u64 = 1 << 20;

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
}
