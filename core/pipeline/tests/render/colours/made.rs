//! Photos in other colour spaces, made of pixels and a profile in every way in which a file can have one.

use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use moxcms::ColorProfile;

use super::icc_file::profile;
use super::reference::{ADOBE, DISPLAY_P3, Rgb, SRGB, lab_of_srgb, printed};

pub(crate) fn icc(profile: &ColorProfile) -> Vec<u8> {
    profile.encode().unwrap()
}

/// A JPEG with as little loss as possible, so that what is measured is the conversion.
pub(crate) fn fine_jpeg(kind: ColorType, pixels: &[u8], (width, height): (u32, u32), icc: Option<&[u8]>) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 100);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    if let Some(icc) = icc {
        encoder.add_icc_profile(icc).unwrap();
    }
    encoder.encode(pixels, width as u16, height as u16, kind).unwrap();
    jpeg
}

pub(crate) fn png_in(
    kind: ExtendedColorType,
    pixels: &[u8],
    (width, height): (u32, u32),
    icc: Option<&[u8]>,
) -> Vec<u8> {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    if let Some(icc) = icc {
        encoder.set_icc_profile(icc.to_vec()).unwrap();
    }
    encoder.write_image(pixels, width, height, kind).unwrap();
    png
}

pub(crate) fn webp_in(pixels: &[u8], (width, height): (u32, u32), icc: Option<&[u8]>) -> Vec<u8> {
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    if let Some(icc) = icc {
        encoder.set_icc_profile(icc.to_vec()).unwrap();
    }
    encoder.write_image(pixels, width, height, ExtendedColorType::Rgb8).unwrap();
    webp
}

/// Sixteen bits of each sample of eight, in the machine's order.
pub(crate) fn widened(pixels: &[u8]) -> Vec<u8> {
    pixels.iter().flat_map(|sample| (u16::from(*sample) * 257).to_ne_bytes()).collect()
}

/// The body of a chunk that holds a profile.
pub(crate) fn iccp(icc: &[u8]) -> Vec<u8> {
    [b"profile\0\0".as_slice(), &miniz_oxide::deflate::compress_to_vec_zlib(icc, 6)].concat()
}

/// The inks that print a portrait well enough to tell its parts.
pub(crate) fn inks(rgb: &[u8]) -> Vec<u8> {
    let (pixels, _) = rgb.as_chunks();
    let separated = |[r, g, b]: [u8; 3]| {
        let black = (255 - r.max(g).max(b)) / 2;
        [255 - r - black, 255 - g - black, 255 - b - black, black]
    };
    pixels.iter().flat_map(|pixel| separated(*pixel)).collect()
}

/// A profile of a press that prints what [`printed`] says, as a table of 17 steps for each ink (ICC.1, 10.10: lut16Type).
pub(crate) fn press() -> Vec<u8> {
    const STEPS: u8 = 17;
    let mut table = b"mft2\0\0\0\0".to_vec();
    table.extend([4, 3, STEPS, 0]);
    for part in [1_i32, 0, 0, 0, 1, 0, 0, 0, 1] {
        table.extend((part << 16).to_be_bytes());
    }
    let straight = [0_u16, 2, 0, 0xFFFF];
    table.extend([0, 2, 0, 2]);
    table.extend(straight[2..].repeat(4).iter().flat_map(|value| value.to_be_bytes()));
    for step in 0..u32::from(STEPS).pow(4) {
        let ink = |power| f64::from(step / u32::from(STEPS).pow(power) % u32::from(STEPS)) / f64::from(STEPS - 1);
        let [lightness, a, b] = lab_of_srgb(printed([ink(3), ink(2), ink(1), ink(0)]));
        // Version 2 counts 100 as 0xFF00, and 0 of the two others as 0x8000.
        let values = [lightness * 652.8, (a + 128.0) * 256.0, (b + 128.0) * 256.0];
        table.extend(values.iter().flat_map(|value| (value.round() as u16).to_be_bytes()));
    }
    table.extend(straight[2..].repeat(3).iter().flat_map(|value| value.to_be_bytes()));
    profile(b"CMYK", b"Lab ", &[(b"A2B0", &table)])
}

/// Those of cameras and phones: a name, the profile, and what the reference knows of it.
pub(crate) fn spaces() -> [(&'static str, ColorProfile, Rgb); 3] {
    [
        ("sRGB", ColorProfile::new_srgb(), SRGB),
        ("Display P3", ColorProfile::new_display_p3(), DISPLAY_P3),
        ("Adobe RGB", ColorProfile::new_adobe_rgb(), ADOBE),
    ]
}
