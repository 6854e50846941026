//! Every form of JPEG, PNG, WebP and GIF that is taken gives the colours that it should.

use std::io::Cursor;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use portraitd_pipeline::{Crop, Format};

use crate::photos::*;

const SIDES: (u32, u32) = (163, 211);

fn small(photo: &[u8]) -> Vec<u8> {
    pixels(&rendered(photo, Crop::Center, &[exact(64, 64)]).unwrap()[0].bytes)
}

fn assert_like(photo: &[u8], expected: &[u8], levels: f64, name: &str) {
    let distance = distance(&small(photo), expected);
    assert!(distance < levels, "{name} differs by {distance:.2} levels");
}

/// A portrait, and one colour all over: where rows of blocks take a few bits, decoders read far ahead.
fn pictures((width, height): (u32, u32)) -> [Vec<u8>; 2] {
    let flat = COLOUR.repeat((width * height) as usize);
    [portrait(width, height, 2), flat]
}

#[test]
fn every_sampling_of_every_kind_of_jpeg_has_its_colours() {
    use SamplingFactor::*;
    for rgb in pictures(SIDES) {
        let expected = small(&png_of(&rgb, SIDES.0, SIDES.1));
        for sampling in [F_1_1, F_2_1, F_1_2, F_2_2] {
            for (progressive, restarts) in [(false, 0), (false, 3), (false, 1), (true, 0), (true, 5)] {
                let photo = jpeg_of(&rgb, (163, 211), |encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_restart_interval(restarts);
                });
                let name = format!("{sampling:?} progressive {progressive} restarts {restarts}");
                assert_like(&photo, &expected, 3.0, &name);
            }
        }
    }
}

#[test]
fn sampling_by_four_has_its_colours_too() {
    use SamplingFactor::*;
    for rgb in pictures(SIDES) {
        let expected = small(&png_of(&rgb, SIDES.0, SIDES.1));
        for sampling in [F_4_1, F_4_2, F_1_4, F_2_4] {
            let photo = jpeg_of(&rgb, (163, 211), |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_progressive(true);
            });
            assert_like(&photo, &expected, 3.0, &format!("{sampling:?}"));
        }
    }
}

/// The encoder writes one scan for each colour when it makes tables of its own.
#[test]
fn one_colour_after_another_is_the_same_picture() {
    let rgb = portrait(163, 211, 2);
    for sampling in [SamplingFactor::F_2_2, SamplingFactor::F_2_1, SamplingFactor::F_1_1] {
        let [together, apart] = [false, true].map(|own_tables| {
            jpeg_of(&rgb, (163, 211), |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_optimized_huffman_tables(own_tables);
            })
        });
        assert_ne!(together, apart);
        for spec in [exact(20, 20), exact(48, 48), exact(160, 160)] {
            let specs = [spec];
            assert_eq!(
                rendered(&apart, Crop::Center, &specs),
                rendered(&together, Crop::Center, &specs),
                "{sampling:?}"
            );
        }
    }
}

#[test]
fn a_gray_jpeg_stays_gray() {
    let gray: Vec<u8> = portrait(SIDES.0, SIDES.1, 2).chunks(3).map(|rgb| rgb[1]).collect();
    let mut photo = Vec::new();
    Encoder::new(&mut photo, 90).encode(&gray, 163, 211, ColorType::Luma).unwrap();
    let rgb: Vec<u8> = gray.iter().flat_map(|value| [*value; 3]).collect();
    assert_like(&photo, &small(&png_of(&rgb, SIDES.0, SIDES.1)), 2.0, "gray");
    let made = small(&real("portrait-gray.jpg"));
    let most = made.chunks(3).map(|rgb| rgb[0].abs_diff(rgb[2])).max();
    assert!(most < Some(4), "{most:?} levels between red and blue");
}

/// The same portrait went through a separation without a profile, which moves colours a little.
#[test]
fn inks_become_the_colours_that_they_print() {
    assert_like(&real("portrait-cmyk.jpg"), &small(&real("portrait.jpg")), 6.0, "Adobe's CMYK");
}

/// Without Adobe's segment inks are plain: 255 is full ink.
#[test]
fn inks_of_every_kind_become_colours() {
    let rgb = portrait(SIDES.0, SIDES.1, 4);
    let expected = small(&png_of(&rgb, SIDES.0, SIDES.1));
    let inks: Vec<u8> = rgb.chunks(3).flat_map(|c| [255 - c[0], 255 - c[1], 255 - c[2], 0]).collect();
    let inverted: Vec<u8> = inks.iter().map(|ink| 255 - ink).collect();
    let written = |data: &[u8], kind| {
        let mut photo = Vec::new();
        Encoder::new(&mut photo, 90).encode(data, 163, 211, kind).unwrap();
        photo
    };
    assert_like(&written(&inks, ColorType::Cmyk), &expected, 2.0, "CMYK");
    assert_like(&written(&inks, ColorType::CmykAsYcck), &expected, 2.0, "YCCK");
    // The encoder inverts what it is given, so this file holds plain inks once its Adobe segment is gone.
    let plain = without_segment(&written(&inverted, ColorType::Cmyk), 0xEE);
    assert_like(&plain, &expected, 2.0, "plain CMYK");
}

/// A JPEG without its first segment of that kind.
fn without_segment(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let at = jpeg.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    [&jpeg[..at], &jpeg[at + 2 + length..]].concat()
}

#[test]
fn progressive_and_baseline_show_the_same() {
    assert_like(&real("portrait-progressive.jpg"), &small(&real("portrait.jpg")), 2.0, "progressive");
    assert_like(&real("portrait.webp"), &small(&real("portrait.jpg")), 4.0, "WebP");
    assert_like(&real("portrait.png"), &small(&real("portrait.jpg")), 4.0, "PNG");
}

pub(crate) fn written(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A colour that is easy to tell from a wrong one in every channel.
const COLOUR: [u8; 3] = [200, 120, 40];

fn assert_colour(photo: &[u8], expected: [u8; 3], name: &str) {
    for rgb in small(photo).chunks(3) {
        let off = rgb.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(off < 5, "{name}: {rgb:?} instead of {expected:?}");
    }
}

#[test]
fn every_depth_and_alpha_of_a_png_has_its_colours() {
    let [r, g, b] = COLOUR;
    let wide = |value: u8| u16::from(value) * 257;
    let check = |image: DynamicImage, expected, name: &str| {
        assert_colour(&written(image, ImageFormat::Png), expected, name);
    };
    let (w, h) = (120, 100);
    check(ImageBuffer::from_pixel(w, h, Luma([g])).into(), [g; 3], "gray");
    check(ImageBuffer::from_pixel(w, h, Luma([wide(g)])).into(), [g; 3], "gray 16");
    check(ImageBuffer::from_pixel(w, h, Rgb(COLOUR)).into(), COLOUR, "colour");
    check(ImageBuffer::from_pixel(w, h, Rgb(COLOUR.map(wide))).into(), COLOUR, "colour 16");
    check(ImageBuffer::from_pixel(w, h, LumaA([g, 0])).into(), [255; 3], "gray, clear");
    check(ImageBuffer::from_pixel(w, h, Rgba([r, g, b, 0])).into(), [255; 3], "clear");
    check(ImageBuffer::from_pixel(w, h, Rgba([r, g, b, 255])).into(), COLOUR, "opaque");
    let half = COLOUR.map(|value| ((u16::from(value) + 255) / 2) as u8);
    check(ImageBuffer::from_pixel(w, h, Rgba([r, g, b, 128])).into(), half, "half clear");
    check(ImageBuffer::from_pixel(w, h, Rgba([wide(r), wide(g), wide(b), 0x8080])).into(), half, "half clear 16");
}

#[test]
fn a_clear_webp_lies_on_white() {
    let [r, g, b] = COLOUR;
    let image: DynamicImage = ImageBuffer::from_pixel(120, 100, Rgba([r, g, b, 0])).into();
    assert_colour(&written(image, ImageFormat::WebP), [255; 3], "clear WebP");
    let image: DynamicImage = ImageBuffer::from_pixel(120, 100, Rgb(COLOUR)).into();
    let photo = written(image, ImageFormat::WebP);
    assert_eq!(looked_at(&photo).unwrap().format, Format::WebP);
    assert_colour(&photo, COLOUR, "opaque WebP");
}

#[test]
fn a_gif_has_its_colours_in_either_order_of_rows() {
    let rgb = portrait(SIDES.0, SIDES.1, 2);
    let (width, height) = (163, 211);
    let mut frame = gif::Frame::from_rgb(width, height, &rgb);
    let photo = gif_with((width, height), std::slice::from_ref(&frame));
    assert_eq!(looked_at(&photo).unwrap().format, Format::Gif);
    assert_like(&photo, &small(&png_of(&rgb, SIDES.0, SIDES.1)), 3.0, "GIF");
    let rows: Vec<&[u8]> = frame.buffer.chunks(width.into()).collect();
    let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
    let order = passes.into_iter().flat_map(|(first, step)| (first..rows.len()).step_by(step));
    let buffer = order.flat_map(|row| rows[row].to_vec()).collect::<Vec<u8>>();
    frame.buffer = buffer.into();
    frame.interlaced = true;
    assert_eq!(small(&gif_with((width, height), &[frame])), small(&photo));
}

/// A picture of two colours, of which the second is clear.
fn of_two_colours(pixels: Vec<u8>, (width, height): (u16, u16)) -> gif::Frame<'static> {
    let palette = [COLOUR, [0; 3]].concat();
    gif::Frame { palette: Some(palette), ..gif::Frame::from_indexed_pixels(width, height, pixels, Some(1)) }
}

#[test]
fn an_animated_gif_shows_its_first_picture() {
    let [first, second] = [0, 1].map(|colour| of_two_colours(vec![colour; 120 * 100], (120, 100)));
    assert_colour(&gif_with((120, 100), &[first, second]), COLOUR, "animated GIF");
}

#[test]
fn a_gif_lies_on_white_where_it_is_clear_and_beside_its_picture() {
    let clear = of_two_colours(vec![1; 120 * 100], (120, 100));
    assert_colour(&gif_with((120, 100), &[clear]), [255; 3], "clear GIF");
    let mut right = of_two_colours(vec![0; 60 * 120], (60, 120));
    right.left = 60;
    let photo = gif_with((120, 120), &[right]);
    let pixels = pixels(&rendered(&photo, Crop::Center, &[exact(120, 120)]).unwrap()[0].bytes);
    for (x, expected) in [(10, [255; 3]), (50, [255; 3]), (70, COLOUR), (110, COLOUR)] {
        let at = (60 * 120 + x) * 3;
        let off = pixels[at..at + 3].iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off < Some(6), "{:?} at {x}", &pixels[at..at + 3]);
    }
}

/// Two frames of which the first is the still picture.
#[test]
fn an_animated_png_shows_its_still_picture() {
    let still: DynamicImage = ImageBuffer::from_pixel(120, 100, Rgb(COLOUR)).into();
    let control = [0, 0, 0, 2, 0, 0, 0, 0];
    let photo = with_chunk(&written(still, ImageFormat::Png), b"acTL", &control);
    assert_colour(&photo, COLOUR, "animated PNG");
}
