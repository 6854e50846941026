//! Colour spaces: what a photo in one is told to be, and what its colours are in sRGB by the standards.

use moxcms::ColorProfile;

use super::made::{Format, Quadrants};

type Vector = [f64; 3];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// With nothing said.
    Assumed,
    Srgb,
    DisplayP3,
    AdobeRgb,
    /// Gray of which light is the power of 1.8.
    Gray,
    /// Inks with nothing said: filters.
    Inks,
    /// Inks of a press that was made for this test.
    Press,
}

impl Space {
    pub(crate) const ALL: [Self; 7] =
        [Self::Assumed, Self::Srgb, Self::DisplayP3, Self::AdobeRgb, Self::Gray, Self::Inks, Self::Press];

    pub(crate) fn formats(self) -> &'static [Format] {
        match self {
            Self::Assumed | Self::Srgb | Self::DisplayP3 | Self::AdobeRgb => {
                &[Format::Jpeg, Format::Progressive, Format::Png, Format::Png16, Format::Webp]
            }
            Self::Gray => &[Format::Jpeg, Format::Progressive, Format::Png, Format::Png16],
            Self::Inks | Self::Press => &[Format::Jpeg, Format::Ycck],
        }
    }

    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Inks | Self::Press => 4,
            _ => 3,
        }
    }

    /// Four colours that no other order and no other space has.
    pub(crate) fn quadrants(self) -> Quadrants {
        Quadrants(match self {
            Self::Gray => [[40, 0, 0, 0], [200, 0, 0, 0], [90, 0, 0, 0], [150, 0, 0, 0]],
            // Where the press has a step in its table.
            Self::Inks | Self::Press => [[255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]],
            _ => [[200, 60, 40, 0], [60, 170, 70, 0], [50, 70, 190, 0], [225, 215, 90, 0]],
        })
    }

    pub(crate) fn profile(self) -> Option<Vec<u8>> {
        let encoded = |profile: ColorProfile| Some(profile.encode().expect("a usual profile can be written"));
        match self {
            Self::Assumed | Self::Inks => None,
            Self::Srgb => encoded(ColorProfile::new_srgb()),
            Self::DisplayP3 => encoded(ColorProfile::new_display_p3()),
            Self::AdobeRgb => encoded(ColorProfile::new_adobe_rgb()),
            Self::Gray => encoded(ColorProfile::new_gray_with_gamma(1.8)),
            Self::Press => Some(press()),
        }
    }

    /// What a stored colour is.
    pub(crate) fn in_srgb(self, stored: [u8; 4]) -> [u8; 3] {
        let [r, g, b, k] = stored.map(|part| f64::from(part) / 255.0);
        let level = |light: f64| (srgb_value(light.clamp(0.0, 1.0)) * 255.0).round() as u8;
        match self {
            Self::Assumed | Self::Srgb => [stored[0], stored[1], stored[2]],
            Self::DisplayP3 => product(P3_TO_SRGB, [r, g, b].map(srgb_light)).map(level),
            Self::AdobeRgb => product(ADOBE_TO_SRGB, [r, g, b].map(|part| part.powf(563.0 / 256.0))).map(level),
            Self::Gray => [level(r.powf(1.8)); 3],
            Self::Inks => [r, g, b].map(|ink| ((1.0 - ink) * (1.0 - k) * 255.0).round() as u8),
            Self::Press => product(D50_TO_SRGB, of_lab(printed([r, g, b, k]))).map(level),
        }
    }
}

/// From light of SMPTE EG 432-1's primaries to that of IEC 61966-2-1's, both with white at D65.
const P3_TO_SRGB: [Vector; 3] =
    [[1.224_940, -0.224_940, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]];
/// The same from Adobe RGB (1998).
const ADOBE_TO_SRGB: [Vector; 3] = [[1.398_356, -0.398_356, 0.0], [0.0, 1.0, 0.0], [0.0, -0.042_929, 1.042_929]];
/// From CIE XYZ with white at D50 to light of sRGB, adapted by the Bradford transform.
const D50_TO_SRGB: [Vector; 3] =
    [[3.133_856, -1.616_867, -0.490_615], [-0.978_768, 1.916_141, 0.033_454], [0.071_945, -0.228_991, 1.405_243]];

fn product(matrix: [Vector; 3], vector: Vector) -> Vector {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

fn srgb_light(value: f64) -> f64 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn srgb_value(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// L*, a* and b* of what inks print, each 0 or 1: all ink of a colour alone, else paper or black.
fn printed(inks: [f64; 4]) -> Vector {
    match inks {
        [1.0, 0.0, 0.0, 0.0] => [56.0, -28.0, -36.0],
        [0.0, 1.0, 0.0, 0.0] => [50.0, 64.0, 4.0],
        [0.0, 0.0, 1.0, 0.0] => [84.0, 2.0, 70.0],
        [0.0, 0.0, 0.0, 0.0] => [100.0, 0.0, 0.0],
        _ => [16.0, 0.0, 0.0],
    }
}

/// ISO/CIE 11664-4, to CIE XYZ with white at D50.
fn of_lab([lightness, a, b]: Vector) -> Vector {
    let y = (lightness + 16.0) / 116.0;
    let part = |root: f64| if root > 6.0 / 29.0 { root.powi(3) } else { 3.0 * 36.0 / 841.0 * (root - 4.0 / 29.0) };
    [0.9642 * part(y + a / 500.0), part(y), 0.8249 * part(y - b / 200.0)]
}

/// A profile of version 2.4 with a table of two steps for each ink (ICC.1:2001-04, 6.5.8: lut8Type).
fn press() -> Vec<u8> {
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for part in [1_i32, 0, 0, 0, 1, 0, 0, 0, 1] {
        table.extend((part << 16).to_be_bytes());
    }
    let straight: Vec<u8> = (0..=255).collect();
    table.extend(straight.repeat(4));
    for step in 0..16_u8 {
        let [lightness, a, b] = printed([3, 2, 1, 0].map(|bit| f64::from(step >> bit & 1)));
        table.extend([lightness * 2.55, a + 128.0, b + 128.0].map(|value| value.round() as u8));
    }
    table.extend(straight.repeat(3));

    let size = (HEADER_BYTES + 16 + table.len()) as u32;
    let mut profile = vec![0; HEADER_BYTES];
    profile[..4].copy_from_slice(&size.to_be_bytes());
    profile[8..10].copy_from_slice(&[2, 0x40]);
    profile[12..24].copy_from_slice(b"prtrCMYKLab ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    profile.extend(1_u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend((HEADER_BYTES as u32 + 16).to_be_bytes());
    profile.extend((table.len() as u32).to_be_bytes());
    profile.extend(table);
    profile
}

const HEADER_BYTES: usize = 128;
