//! What the encoder writes, seen by a decoder of others.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::dct::{Block, forward, scale};
use super::huffman::Table;
use super::planes::{Plane, Planes};
use super::quantiser::Quantiser;
use super::*;

/// The same numbers in every run.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 24) as u8
    }
}

/// What pictures are made of, from the easiest to code to the hardest.
#[derive(Clone, Copy, Debug)]
enum Texture {
    Flat,
    Smooth,
    Noise,
    Extremes,
}

const TEXTURES: [Texture; 4] = [Texture::Flat, Texture::Smooth, Texture::Noise, Texture::Extremes];

impl Texture {
    /// One channel of a picture.
    fn painted(self, width: usize, height: usize, seed: u32) -> Vec<u8> {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9));
        let flat = random.next();
        let place = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let sample = |(x, y): (usize, usize)| match self {
            Self::Flat => flat,
            Self::Smooth => (x * 127 / width + y * 127 / height) as u8 ^ flat,
            Self::Noise => random.next(),
            Self::Extremes => random.next() / 128 * 255,
        };
        place.map(sample).collect()
    }

    fn rgb(self, width: usize, height: usize) -> Vec<u8> {
        let channels = [1, 2, 3].map(|seed| self.painted(width, height, seed));
        (0..width * height).flat_map(|at| channels.each_ref().map(|channel| channel[at])).collect()
    }

    fn planes(self, width: usize, height: usize) -> Planes {
        Planes::of_rgb(&self.rgb(width, height), width, height)
    }
}

/// Between the ends, as photos are.
fn photo(width: usize, height: usize) -> Vec<u8> {
    let (smooth, noise) = (Texture::Smooth.rgb(width, height), Texture::Noise.rgb(width, height));
    let light = |at: usize| if at / 3 % width > width / 2 { 24 } else { 6 };
    smooth.iter().zip(&noise).enumerate().map(|(at, (smooth, noise))| smooth / 2 + 40 + noise % light(at)).collect()
}

fn decoded(jpeg: &[u8], colours: ColorSpace) -> Vec<u8> {
    let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(colours);
    JpegDecoder::new_with_options(ZCursor::new(jpeg), options).decode().unwrap()
}

fn written(planes: &Planes, quality: u8) -> Vec<u8> {
    file::write(planes, quality, u64::MAX).unwrap()
}

/// Quantisation moves a coefficient by half a step at most, and by Parseval's theorem the squares of all errors in a
/// block add up to the same before and after the transform. The decoder rounds twice more.
fn assert_luma_is_near(planes: &Planes, quality: u8, context: &str) {
    let luma = &planes.luma;
    let decoded = decoded(&written(planes, quality), ColorSpace::Luma);
    assert_eq!(decoded.len(), luma.samples.len(), "{context}");
    let error = |(made, meant): (&u8, &u8)| f64::from(made.abs_diff(*meant)).powi(2);
    let squares: f64 = decoded.iter().zip(&luma.samples).map(error).sum();
    let in_block: f64 = Quantiser::luma(quality).steps.iter().map(|step| f64::from(*step).powi(2) / 4.0).sum();
    let blocks = luma.width.div_ceil(8) * luma.height.div_ceil(8);
    let most = (in_block * blocks as f64).sqrt() + (luma.samples.len() as f64).sqrt();
    assert!(squares.sqrt() <= most, "{context}: {} for at most {most}", squares.sqrt());
}

#[test]
fn luma_is_as_near_as_its_quantisation_at_all_sides() {
    for width in 1..=33 {
        for height in 1..=33 {
            for texture in TEXTURES {
                assert_luma_is_near(&texture.planes(width, height), 85, &format!("{width}x{height} {texture:?}"));
            }
        }
    }
}

#[test]
fn luma_is_as_near_as_its_quantisation_at_all_qualities() {
    for quality in QUALITY_MIN..=QUALITY {
        for texture in TEXTURES {
            assert_luma_is_near(&texture.planes(50, 41), quality, &format!("quality {quality} {texture:?}"));
        }
    }
}

/// Above 512x512 pixels tables are made from a sample, and must have a code for whatever comes.
#[test]
fn a_large_picture_is_as_near_as_a_small_one() {
    let mut planes = Texture::Smooth.planes(700, 600);
    assert_luma_is_near(&planes, 85, "smooth");
    let hard = Texture::Extremes.planes(700, 600);
    let below = planes.luma.samples.len() / 2;
    planes.luma.samples[below..].copy_from_slice(&hard.luma.samples[below..]);
    planes.chroma = hard.chroma;
    for quality in [QUALITY_MIN, QUALITY] {
        assert_luma_is_near(&planes, quality, "half smooth");
    }
}

/// A picture of patches shows what chroma becomes without what its smaller size takes away.
#[test]
fn colours_come_back() {
    let colours = [0, 255].map(|red| [0, 255].map(|green| [0, 255].map(|blue| [red, green, blue])));
    for colour in colours.as_flattened().as_flattened() {
        for (width, height) in [(1, 1), (16, 16), (17, 40), (35, 18)] {
            let jpeg = written(&Planes::of_rgb(&colour.repeat(width * height), width, height), QUALITY);
            for pixel in decoded(&jpeg, ColorSpace::RGB).as_chunks::<3>().0 {
                let near = pixel.iter().zip(colour).all(|(made, meant)| made.abs_diff(*meant) <= 6);
                assert!(near, "{pixel:?} for {colour:?} in {width}x{height}");
            }
        }
    }
}

/// The mean difference between both encoders' pictures is a fraction of what quantisation does to either.
#[test]
fn the_picture_is_that_of_another_encoder() {
    use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
    for (width, height) in [(64, 48), (200, 200), (133, 71)] {
        let rgb = photo(width, height);
        for quality in [20, 50, 85] {
            let mut other = Vec::new();
            let mut encoder = Encoder::new(&mut other, quality);
            encoder.set_sampling_factor(SamplingFactor::F_2_2);
            encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
            encoder.encode(&rgb, width as u16, height as u16, ColorType::Rgb).unwrap();
            let ours = written(&Planes::of_rgb(&rgb, width, height), quality);
            assert!(ours.len() < other.len(), "{} for {} bytes", ours.len(), other.len());
            let [ours, other] = [ours, other].map(|jpeg| mean_difference(&decoded(&jpeg, ColorSpace::RGB), &rgb));
            assert!(
                (ours - other).abs() < 0.05 * other,
                "{width}x{height} {quality}: {ours} and {other} from the input"
            );
        }
    }
}

fn mean_difference(one: &[u8], other: &[u8]) -> f64 {
    let sum: f64 = one.iter().zip(other).map(|(one, other)| f64::from(one.abs_diff(*other))).sum();
    sum / one.len() as f64
}

#[test]
fn a_picture_without_colour_has_one_component() {
    for (width, height) in [(1, 1), (8, 8), (9, 25), (120, 90)] {
        for texture in TEXTURES {
            let gray = texture.painted(width, height, 7);
            let rgb: Vec<u8> = gray.iter().flat_map(|value| [*value; 3]).collect();
            let planes = Planes::of_rgb(&rgb, width, height);
            assert_eq!(planes.luma.samples, gray);
            assert!(planes.chroma.is_none());
            assert_luma_is_near(&planes, QUALITY, &format!("{width}x{height} {texture:?}"));
        }
    }
}

/// The weights of BT.601 with full range (JFIF 1.02).
#[test]
fn planes_are_exact() {
    let difference = |of: f64, luma: f64, most: f64| 128.0 + (of - luma) / most;
    for (width, height) in [(1, 1), (2, 2), (3, 3), (1, 4), (6, 1), (31, 18)] {
        for texture in TEXTURES {
            let rgb = texture.rgb(width, height);
            let Planes { luma, chroma } = Planes::of_rgb(&rgb, width, height);
            let pixel = |x: usize, y: usize| {
                let at = y.min(height - 1) * width + x.min(width - 1);
                let [r, g, b] = rgb.as_chunks().0[at].map(f64::from);
                (0.299 * r + 0.587 * g + 0.114 * b, r, b)
            };
            let mean = |x: usize, y: usize, sample: &dyn Fn((f64, f64, f64)) -> f64| -> f64 {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(across, down)| pixel(2 * x + across, 2 * y + down));
                four.map(sample).iter().sum::<f64>() / 4.0
            };
            assert_plane(&luma, width, height, |x, y| pixel(x, y).0);
            // A single pixel may happen to be gray.
            let Some([blue, red]) = chroma else { continue };
            let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
            let of_blue = |x, y| mean(x, y, &|(luma, _, blue)| difference(blue, luma, 1.772));
            let of_red = |x, y| mean(x, y, &|(luma, red, _)| difference(red, luma, 1.402));
            assert_plane(&blue, half_width, half_height, of_blue);
            assert_plane(&red, half_width, half_height, of_red);
        }
    }
}

fn assert_plane(plane: &Plane, width: usize, height: usize, exact: impl Fn(usize, usize) -> f64) {
    assert_eq!((plane.width, plane.height, plane.samples.len()), (width, height, width * height));
    for (at, sample) in plane.samples.iter().enumerate() {
        let exact = exact(at % width, at / width);
        assert!((f64::from(*sample) - exact).abs() < 0.502, "{sample} for {exact} at {at} of {width}x{height}");
    }
}

/// Each coefficient is the sum that T.81 writes in A.3.3.
#[test]
fn the_transform_is_exact() {
    use std::f64::consts::{FRAC_1_SQRT_2, PI};
    let wave = |k: usize, at: usize| ((2 * at + 1) as f64 * k as f64 * PI / 16.0).cos();
    let weight = |k: usize| if k == 0 { FRAC_1_SQRT_2 } else { 1.0 };
    for texture in TEXTURES {
        let samples = texture.painted(8, 8, 5);
        let block: Block<f32> = std::array::from_fn(|y| std::array::from_fn(|x| f32::from(samples[y * 8 + x])));
        let made = forward(block);
        for (u, v) in (0..64).map(|at| (at / 8, at % 8)) {
            let part = |at: usize| (f64::from(samples[at]) - 128.0) * wave(u, at % 8) * wave(v, at / 8);
            let exact = (0..64).map(part).sum::<f64>() * weight(u) * weight(v) / 4.0;
            let made = f64::from(made[u][v]) / scale(u, v);
            assert!((made - exact).abs() < 0.001, "{texture:?}: {made} for {exact} at {u}, {v}");
        }
    }
}

#[test]
fn quantisation_is_that_of_the_standard() {
    let steps = Quantiser::luma(50).steps;
    assert_eq!(steps[..10], [16, 11, 12, 14, 12, 10, 16, 14, 13, 14]);
    assert_eq!(steps[60..], [92, 101, 103, 99]);
    for quality in QUALITY_MIN..=QUALITY {
        assert_eq!(quality_of(percent(quality).into()), quality);
    }
}

#[test]
fn no_code_is_longer_than_sixteen_bits_or_all_ones() {
    let mut counts = [0; 256];
    let (mut one, mut two) = (1_u32, 1_u32);
    for count in counts.iter_mut().take(40) {
        *count = one;
        (one, two) = (two, one + two);
    }
    for counts in [counts, [1; 256], [0; 256]] {
        let mut definition = Vec::new();
        Table::best_for(&counts).push_definition(0x10, &mut definition);
        let (lengths, symbols) = definition[1..].split_at(16);
        let used = counts.iter().filter(|count| **count > 0).count();
        assert_eq!(symbols.len(), used);
        assert_eq!(lengths.iter().map(|count| usize::from(*count)).sum::<usize>(), used);
        // The code after the last one of 16 bits; were it 2^16, the last one would be all ones.
        let next = lengths.iter().fold(0, |code, count| (code + u32::from(*count)) << 1) >> 1;
        assert!(next < 1 << 16, "{next:b}");
    }
}

/// Nothing but what a picture needs: JFIF's segment, the tables, one frame, one scan.
#[test]
fn the_file_holds_the_picture_and_nothing_else() {
    for (width, height) in [(1, 1), (40, 30), (1200, 1000)] {
        let jpeg = written(&Texture::Noise.planes(width, height), QUALITY);
        let (mut at, mut markers) = (2, vec![jpeg[1]]);
        while markers.last() != Some(&0xDA) {
            assert_eq!(jpeg[at], 0xFF);
            markers.push(jpeg[at + 1]);
            at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        }
        assert_eq!(markers, [0xD8, 0xE0, 0xDB, 0xC0, 0xC4, 0xDA]);
        let (coded, end) = jpeg[at..].split_at(jpeg.len() - at - 2);
        assert_eq!(end, [0xFF, 0xD9]);
        assert!(coded.windows(2).all(|pair| pair[0] != 0xFF || pair[1] == 0), "a marker in coded data");
        assert_ne!(coded.last(), Some(&0xFF));
    }
}

/// Limits of all kinds, against the sizes at all qualities.
#[test]
fn the_quality_fits_and_the_next_does_not() {
    let (mut tries, mut searches, mut most) = (0, 0, 0);
    for (side, rgb) in [24, 48, 96, 200].into_iter().flat_map(|side| [(side, photo(side, side)), (side, real(side))]) {
        let planes = Planes::of_rgb(&rgb, side, side);
        let sizes: Vec<u64> = (QUALITY_MIN..=QUALITY).map(|quality| written(&planes, quality).len() as u64).collect();
        let size = |quality: u8| sizes[usize::from(quality - QUALITY_MIN)];
        for max in (size(QUALITY_MIN) - 2..size(QUALITY)).step_by(side / 8) {
            let mut count = 0;
            let found = best_within(max, |quality| {
                count += 1;
                if size(quality) <= max { Ok(vec![0; size(quality) as usize]) } else { Err(size(quality)) }
            });
            match found {
                Some(found) => assert!(size(found.quality) <= max && size(found.quality + 1) > max, "{side} {max}"),
                None => assert!(size(QUALITY_MIN) > max, "{side} {max}"),
            }
            (tries, searches, most) = (tries + count, searches + 1, most.max(count));
        }
    }
    assert!(most <= 12, "{most} tries");
    assert!(tries * 10 <= searches * 42, "{tries} tries in {searches} searches");
}

/// A few pixels of a photo.
fn real(side: usize) -> Vec<u8> {
    let jpeg = include_bytes!("../../../../tests/portraits/portrait.jpg");
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg.as_slice()));
    let rgb = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let step = width.min(height) / side;
    let place = (0..side).flat_map(|y| (0..side).map(move |x| y * step * width + x * step));
    place.flat_map(|at| rgb.as_chunks::<3>().0[at]).collect()
}

#[test]
fn what_is_too_large_says_how_large() {
    let planes = Texture::Noise.planes(96, 96);
    let whole = written(&planes, 60).len() as u64;
    assert_eq!(file::write(&planes, 60, whole).unwrap().len() as u64, whole);
    let least = file::write(&planes, 60, whole - 1).unwrap_err();
    assert!(least <= whole && least > whole * 98 / 100, "{least} of {whole}");
    let refused = encode_planes(&planes, Some(500)).err().unwrap();
    let lowest = written(&planes, QUALITY_MIN).len() as u64;
    assert_eq!(refused, Refusal::DoesNotFit { width: 96, height: 96, bytes: lowest, max: 500 });
}
