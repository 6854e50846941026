//! JPEGs of two encoders, in every form that these can write.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use mozjpeg::{ColorSpace, CompInfoExt, Compress};

use super::Dice;

/// What is to be seen in a made picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    Waves,
    Noise,
    Flat,
    Edges,
    /// Black and white at random: no transform keeps that within the range.
    Extreme,
}

impl Content {
    /// Those that leave some room to both ends of the range.
    pub(super) const MODERATE: [Self; 4] = [Self::Waves, Self::Noise, Self::Flat, Self::Edges];

    fn sample(self, channel: usize, x: usize, y: usize, dice: &mut Dice) -> u8 {
        let (x, y) = (x as f32 + 3.0 * channel as f32, y as f32);
        match self {
            Self::Waves => (128.0 + 30.0 * (x / 3.0).sin() + 30.0 * (y / 5.0).cos()) as u8,
            Self::Noise => 96 + dice.roll(64) as u8,
            Self::Flat => 90 + 40 * channel as u8,
            Self::Edges => 80 + 96 * ((x / 5.0 + y / 11.0) as u8 % 2),
            Self::Extreme => 255 * dice.roll(2) as u8,
        }
    }

    fn plane(self, channel: usize, (width, height): (usize, usize)) -> Vec<u8> {
        let mut dice = Dice(channel as u32 + 1);
        (0..width * height).map(|at| self.sample(channel, at % width, at / width, &mut dice)).collect()
    }
}

/// A file to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) sides: (u16, u16),
    pub(super) content: Content,
    pub(super) quality: u8,
}

/// How an encoder of libjpeg's family arranges its scans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Script {
    Baseline,
    /// libjpeg's own ten scans.
    Progressive,
    /// As many as make the file smallest.
    Optimised,
}

impl Script {
    pub(super) const ALL: [Self; 3] = [Self::Baseline, Self::Progressive, Self::Optimised];
}

/// What the components are, and their sampling factors across and down.
pub(super) type Kind = (ColorSpace, &'static [(u8, u8)]);

/// Of these each component's factors divide the largest, which libjpeg asks for where it joins components.
pub(super) const KINDS: [Kind; 17] = [
    (ColorSpace::JCS_YCbCr, &[(1, 1), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(2, 1), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(1, 2), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(2, 2), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(4, 1), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(3, 1), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(4, 2), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(4, 1), (2, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(2, 2), (2, 1), (1, 2)]),
    (ColorSpace::JCS_YCbCr, &[(2, 2), (1, 2), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(1, 1), (2, 2), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(1, 2), (2, 1), (2, 2)]),
    (ColorSpace::JCS_RGB, &[(1, 1), (1, 1), (1, 1)]),
    (ColorSpace::JCS_RGB, &[(1, 1), (2, 1), (1, 1)]),
    (ColorSpace::JCS_GRAYSCALE, &[(1, 1)]),
    (ColorSpace::JCS_CMYK, &[(1, 1), (1, 1), (1, 1), (1, 1)]),
    (ColorSpace::JCS_YCCK, &[(2, 2), (1, 1), (1, 1), (2, 2)]),
];

/// Of these one component has two samples for three of another.
pub(super) const UNEVEN: [Kind; 3] = [
    (ColorSpace::JCS_YCbCr, &[(3, 1), (2, 1), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(2, 1), (3, 2), (1, 1)]),
    (ColorSpace::JCS_YCbCr, &[(3, 2), (1, 1), (2, 1)]),
];

/// By mozjpeg, with the coefficients that libjpeg would write.
pub(super) fn by_mozjpeg(made: Made, (space, factors): Kind, script: Script) -> Vec<u8> {
    let mut compress = Compress::new(space);
    compress.set_fastest_defaults();
    compress.set_color_space(space);
    compress.set_size(made.sides.0.into(), made.sides.1.into());
    compress.set_quality(made.quality.into());
    for (component, (across, down)) in compress.components_mut().iter_mut().zip(factors) {
        (component.h_samp_factor, component.v_samp_factor) = ((*across).into(), (*down).into());
    }
    compress.set_optimize_scans(script == Script::Optimised);
    if script != Script::Baseline {
        compress.set_progressive_mode();
    }
    compress.set_raw_data_in(true);
    let mut started = compress.start_compress(Vec::new()).unwrap();
    let extents = started.components().iter().map(|component| (component.row_stride(), component.col_stride()));
    let planes: Vec<_> = extents.enumerate().map(|(channel, extent)| made.content.plane(channel, extent)).collect();
    assert!(started.write_raw_data(&planes.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    started.finish().unwrap()
}

/// By jpeg-encoder, with whatever `more` changes.
pub(super) fn by_jpeg_encoder(made: Made, kind: ColorType, more: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let channels = match kind {
        ColorType::Luma => 1,
        ColorType::Cmyk | ColorType::Ycck => 4,
        _ => 3,
    };
    let extent = (made.sides.0.into(), made.sides.1.into());
    let planes: Vec<_> = (0..channels).map(|channel| made.content.plane(channel, extent)).collect();
    let pixels: Vec<u8> = (0..extent.0 * extent.1 * channels).map(|at| planes[at % channels][at / channels]).collect();
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, made.quality);
    more(&mut encoder);
    encoder.encode(&pixels, made.sides.0, made.sides.1, kind).unwrap();
    jpeg
}

pub(super) const SAMPLINGS: [SamplingFactor; 8] = [
    SamplingFactor::F_1_1,
    SamplingFactor::F_2_1,
    SamplingFactor::F_1_2,
    SamplingFactor::F_2_2,
    SamplingFactor::F_4_1,
    SamplingFactor::F_4_2,
    SamplingFactor::F_1_4,
    SamplingFactor::F_2_4,
];
