//! What a recipe says about colours: the background, and averages of light.

use image::{DynamicImage, ExtendedColorType::Rgb8, ImageBuffer, ImageFormat, Rgb, Rgba};
use moxcms::ColorProfile;
use portraitd_pipeline::{Crop, Recipe, Style, render};

use super::made::*;
use super::reference::*;
use super::{assert_colour, psnr, small, styled};
use crate::forms::written;
use crate::photos::*;

const BACKGROUND: [u8; 3] = [20, 90, 180];

fn on_background(crop: Crop) -> Style {
    Style { background: BACKGROUND, ..Style::from(crop) }
}

fn mixed(over: [u8; 3], alpha: u8) -> [u8; 3] {
    let share = f64::from(alpha) / 255.0;
    std::array::from_fn(|at| (f64::from(over[at]) * share + f64::from(BACKGROUND[at]) * (1.0 - share)).round() as u8)
}

fn with_icc(format: ImageFormat, photo: &[u8], icc: &[u8]) -> Vec<u8> {
    match format {
        ImageFormat::Png => with_chunk(photo, b"iCCP", &iccp(icc)),
        _ => {
            /// A bit of the extended header, which counts, whatever the picture has (RFC 9649, 2.7).
            const ALPHA: u8 = 0b0001_0000;
            let mut extended = extended(photo, (120, 100), &[(b"ICCP", icc)]);
            extended[20] |= ALPHA;
            extended
        }
    }
}

#[test]
fn a_clear_photo_lies_on_the_background_in_its_own_colours() {
    const COLOUR: [u8; 3] = [200, 120, 40];
    let [r, g, b] = COLOUR;
    let style = on_background(Crop::Center);
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        for alpha in [0, 1, 77, 128, 254, 255] {
            let image: DynamicImage = ImageBuffer::from_pixel(120, 100, Rgba([r, g, b, alpha])).into();
            let photo = written(image, format);
            let name = format!("{format:?} {alpha}");
            assert_colour(&styled(&photo, &style), mixed(COLOUR, alpha), 3, &name);
            let p3 = with_icc(format, &photo, &icc(&ColorProfile::new_display_p3()));
            let converted = bytes(DISPLAY_P3.to_srgb(parts(COLOUR)));
            assert_colour(&styled(&p3, &style), mixed(converted, alpha), 3, &format!("{name} P3"));
        }
    }
    let wide: DynamicImage =
        ImageBuffer::from_pixel(120, 100, Rgba([r, g, b, 128].map(|it| u16::from(it) * 257))).into();
    let photo = written(wide, ImageFormat::Png);
    assert_colour(&styled(&photo, &style), mixed(COLOUR, 128), 3, "16 bits");
    let p3 = with_icc(ImageFormat::Png, &photo, &icc(&ColorProfile::new_display_p3()));
    let converted = bytes(DISPLAY_P3.to_srgb(parts(COLOUR)));
    assert_colour(&styled(&p3, &style), mixed(converted, 128), 3, "16 bits P3");
}

/// In an extension that the ICC has registered (ICC.1, B.5).
#[test]
fn a_gif_has_its_profile_too() {
    const COLOUR: [u8; 3] = [200, 120, 40];
    let image: DynamicImage = ImageBuffer::from_pixel(120, 100, Rgb(COLOUR)).into();
    let mut photo = written(image, ImageFormat::Gif);
    let mut extension = b"\x21\xFF\x0BICCRGBG1012".to_vec();
    for part in icc(&ColorProfile::new_display_p3()).chunks(255) {
        extension.push(part.len() as u8);
        extension.extend(part);
    }
    extension.push(0);
    let end = photo.len() - 1;
    photo.splice(end..end, extension);
    let converted = bytes(DISPLAY_P3.to_srgb(parts(COLOUR)));
    assert_colour(&styled(&photo, &on_background(Crop::Center)), converted, 3, "GIF P3");
}

/// A colour that nobody sees does not bleed into its neighbours.
#[test]
fn clear_pixels_have_no_colour() {
    let image: DynamicImage = ImageBuffer::from_fn(128, 128, |x, _| match x % 2 {
        0 => Rgba([255_u8; 4]),
        _ => Rgba([0; 4]),
    })
    .into();
    for linear_light in [false, true] {
        let style = Style { linear_light, ..Style::from(Crop::Center) };
        assert_colour(&styled(&written(image.clone(), ImageFormat::Png), &style), [255; 3], 2, "white on white");
    }
}

#[test]
fn a_padded_photo_lies_on_the_background() {
    let photo = png_in(Rgb8, &[200, 120, 40].repeat(60 * 120), (60, 120), None);
    let source = portraitd_pipeline::examine(&photo, &portraitd_pipeline::Limits { min_side: 1, ..LIMITS }).unwrap();
    let recipe = Recipe::new(on_background(Crop::None), vec![exact(120, 120)]);
    let made = pixels(&render(&photo, &source, &recipe).unwrap().renditions[0].bytes);
    let column = |x: usize| made.iter().skip(x * 3).step_by(120 * 3).map(|red| red.abs_diff(BACKGROUND[0])).max();
    assert!(column(5) < Some(4) && column(110) < Some(4));
    assert!(column(60) > Some(100));
}

/// Black and white of equal share are half the light, which is stored as 188; as stored they are 128.
#[test]
fn light_is_averaged_where_the_recipe_says_so() {
    let chequered: Vec<u8> = (0..256 * 256).flat_map(|at| [((at + at / 256) % 2 * 255) as u8; 3]).collect();
    let rgb_jpeg = |icc: Option<&[u8]>| fine_jpeg(jpeg_encoder::ColorType::Rgb, &chequered, (256, 256), icc);
    let linear = Style { linear_light: true, ..Style::from(Crop::Center) };
    let adobe = icc(&ColorProfile::new_adobe_rgb());
    let photos = [
        ("PNG", png_in(Rgb8, &chequered, (256, 256), None)),
        ("WebP", webp_in(&chequered, (256, 256), None)),
        ("Adobe RGB", png_in(Rgb8, &chequered, (256, 256), Some(&adobe))),
    ];
    for (name, photo) in &photos {
        assert_colour(&middle(&styled(photo, &linear)), [188; 3], 2, name);
    }
    assert_colour(&middle(&small(&photos[0].1)), [128; 3], 2, "as stored");
    // Of a JPEG, blocks of eight have become one mean before there is any light: whole pixels are needed.
    let half = Recipe::new(linear, vec![exact(128, 128)]);
    for (name, photo) in [("JPEG", rgb_jpeg(None)), ("JPEG in Adobe RGB", rgb_jpeg(Some(&adobe)))] {
        let source = looked_at(&photo).unwrap();
        let made = pixels(&render(&photo, &source, &half).unwrap().renditions[0].bytes);
        assert_colour(&middle_of(&made, 128), [188; 3], 3, name);
    }
}

/// Without the edges, beyond which there is nothing to average with.
fn middle(made: &[u8]) -> Vec<u8> {
    middle_of(made, 64)
}

fn middle_of(made: &[u8], side: usize) -> Vec<u8> {
    let rows = made.chunks(side * 3).skip(4).take(side - 8);
    rows.flat_map(|row| &row[12..row.len() - 12]).copied().collect()
}

/// Where there is no fine pattern, both ways see nearly the same; also where chroma is halved and photos lie on their side.
#[test]
fn averages_of_light_are_the_same_picture() {
    let linear = Style { linear_light: true, ..Style::from(Crop::Upper) };
    for name in ["camera-orientation-6.jpg", "portrait.jpg", "portrait-gray.jpg", "portrait-cmyk.jpg", "portrait.webp"]
    {
        let photo = real(name);
        let alike = psnr(&styled(&photo, &linear), &styled(&photo, &Style::from(Crop::Upper)));
        assert!(alike > 25.0, "{name}: {alike:.1} dB");
    }
    let nothing =
        render(&real("portrait.jpg"), &looked_at(&real("portrait.jpg")).unwrap(), &Recipe::new(linear, vec![]));
    assert!(nothing.is_ok_and(|made| made.renditions.is_empty()));
    let press = fine_jpeg(jpeg_encoder::ColorType::Cmyk, &inks(&portrait(128, 128, 3)), (128, 128), Some(&press()));
    assert_eq!(styled(&press, &linear), styled(&press, &Style::from(Crop::Upper)), "a table tells of no light");
}

/// The same photo at 64x64, from strips and planes of other places.
#[test]
fn a_photo_that_lies_is_averaged_in_its_place() {
    let upright = portrait(160, 208, 5);
    let linear = Style { linear_light: true, ..Style::from(Crop::Upper) };
    let expected = styled(&png_in(Rgb8, &upright, (160, 208), None), &linear);
    for tag in 1..=8 {
        let (coded, width, height) = crate::upright::as_coded(&upright, tag);
        let jpeg = jpeg_of(&coded, (width as u16, height as u16), |encoder| {
            encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
        });
        let photo = with_segment(&jpeg, 0xE1, &[b"Exif\0\0".as_slice(), &orientation_tag(tag)].concat());
        let distance = distance(&styled(&photo, &linear), &expected);
        assert!(distance < 3.0, "{tag}: {distance:.2} levels");
    }
}
