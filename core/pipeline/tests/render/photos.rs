//! Photos for the tests: real ones from the tree, and made ones in every form that an encoder here can write.

use std::fs;

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use portraitd_pipeline::{Crop, Fit, Limits, Recipe, Refusal, Rendition, RenditionSpec, Source, examine, render};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

#[path = "../../examples/make_photos/picture.rs"]
mod picture;

pub(crate) use picture::portrait;

/// The real photographs with their sides as they must come out, upright.
pub(crate) const REAL: [(&str, u32, u32); 10] = [
    ("camera-orientation-6.jpg", 496, 667),
    ("iphone-exif-orientation-6-small.jpg", 102, 205),
    ("phone-with-gps.jpg", 1278, 720),
    ("portrait.jpg", 512, 512),
    ("portrait-progressive.jpg", 512, 512),
    ("portrait-gray.jpg", 320, 320),
    ("portrait-cmyk.jpg", 320, 320),
    ("portrait.png", 200, 200),
    ("portrait.webp", 512, 512),
    ("portrait.gif", 200, 200),
];

pub(crate) const LIMITS: Limits = Limits { max_bytes: 32 << 20, max_pixels: 120_000_000, min_side: 96 };

pub(crate) fn real(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits/");
    fs::read(format!("{folder}{name}")).unwrap()
}

/// A made photo, written with 4:2:0 and quality 90 and whatever `more` changes.
pub(crate) fn jpeg_of(rgb: &[u8], sides: (u16, u16), more: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    jpeg_in(ColorType::Rgb, rgb, sides, more)
}

/// The same of other colours.
pub(crate) fn jpeg_in(
    colours: ColorType,
    pixels: &[u8],
    (width, height): (u16, u16),
    more: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 90);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    more(&mut encoder);
    encoder.encode(pixels, width, height, colours).unwrap();
    jpeg
}

/// A made photo of these sides.
pub(crate) fn jpeg(width: u16, height: u16) -> Vec<u8> {
    jpeg_of(&portrait(width.into(), height.into(), 7), (width, height), |_| {})
}

pub(crate) fn png_of(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.write_image(rgb, width, height, ExtendedColorType::Rgb8).unwrap();
    png
}

pub(crate) fn webp_of(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp).write_image(rgb, width, height, ExtendedColorType::Rgb8).unwrap();
    webp
}

/// In 256 colours that suit the picture.
pub(crate) fn gif_of(rgb: &[u8], width: u16, height: u16) -> Vec<u8> {
    gif_with((width, height), &[gif::Frame::from_rgb(width, height, rgb)])
}

/// Pictures one after another on a canvas of these sides.
pub(crate) fn gif_with((width, height): (u16, u16), frames: &[gif::Frame<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[]).unwrap();
    frames.iter().for_each(|frame| encoder.write_frame(frame).unwrap());
    drop(encoder);
    bytes
}

pub(crate) fn looked_at(bytes: &[u8]) -> Result<Source, Refusal> {
    examine(bytes, &LIMITS)
}

pub(crate) fn rendered(bytes: &[u8], crop: Crop, specs: &[RenditionSpec]) -> Result<Vec<Rendition>, Refusal> {
    let source = looked_at(bytes)?;
    Ok(render(bytes, &source, &Recipe::new(crop, specs.to_vec()))?.renditions)
}

pub(crate) fn exact(width: u32, height: u32) -> RenditionSpec {
    RenditionSpec { width, height, fit: Fit::Exact, max_bytes: None }
}

pub(crate) fn at_most(width: u32, height: u32) -> RenditionSpec {
    RenditionSpec { width, height, fit: Fit::AtMost, max_bytes: None }
}

/// The pixels of a JPEG, red, green and blue.
pub(crate) fn pixels(jpeg: &[u8]) -> Vec<u8> {
    JpegDecoder::new(ZCursor::new(jpeg)).decode().unwrap()
}

/// The mean distance of two pictures' values, in levels.
pub(crate) fn distance(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let sum: u64 = one.iter().zip(other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.len() as f64
}

/// Puts a segment behind a JPEG's first marker.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &length, data, &jpeg[2..]].concat()
}

/// A TIFF structure that holds an orientation and nothing else.
pub(crate) fn orientation_tag(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// Puts a chunk behind a PNG's header.
pub(crate) fn with_chunk(png: &[u8], name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    const HEADER_END: usize = 33;
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let named = [name, data].concat();
    let sum = crc32fast::hash(&named).to_be_bytes();
    [&png[..HEADER_END], &length, &named, &sum, &png[HEADER_END..]].concat()
}

/// Makes an extended WebP of a simple one, with further chunks behind the picture.
pub(crate) fn extended(webp: &[u8], (width, height): (u32, u32), chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    const ICC_EXIF_XMP: u8 = 0b0010_1100;
    let mut header = vec![ICC_EXIF_XMP, 0, 0, 0];
    header.extend(&(width - 1).to_le_bytes()[..3]);
    header.extend(&(height - 1).to_le_bytes()[..3]);
    let mut body = [b"WEBP".as_slice(), &riff_chunk(b"VP8X", &header), &webp[12..]].concat();
    for (name, data) in chunks {
        body.extend(riff_chunk(name, data));
    }
    riff_chunk(b"RIFF", &body)
}

fn riff_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let fill = vec![0; data.len() % 2];
    [name.as_slice(), &length, data, &fill].concat()
}

/// The same photo with an orientation.
pub(crate) fn turned(photo: &[u8], tag: u8, sides: (u32, u32)) -> Vec<u8> {
    let tiff = orientation_tag(tag);
    match photo {
        [0xFF, 0xD8, ..] => with_segment(photo, 0xE1, &[b"Exif\0\0".as_slice(), &tiff].concat()),
        [0x89, ..] => with_chunk(photo, b"eXIf", &tiff),
        _ => with_exif(photo, sides, &tiff),
    }
}

/// Without a profile the encoder writes a simple WebP, and with one an extended one.
fn with_exif(webp: &[u8], sides: (u32, u32), tiff: &[u8]) -> Vec<u8> {
    match &webp[12..16] {
        b"VP8X" => added(webp, b"EXIF", tiff),
        _ => extended(webp, sides, &[(b"EXIF", tiff)]),
    }
}

/// Adds a chunk to an extended WebP, of which the header says that it may have one.
pub(crate) fn added(webp: &[u8], name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    riff_chunk(b"RIFF", &[&webp[8..], &riff_chunk(name, data)].concat())
}
