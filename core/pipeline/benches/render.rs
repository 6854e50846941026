//! What a photo costs, stage by stage: `cargo bench -p portraitd-pipeline`.
//!
//! Each figure is the median of CPU milliseconds of this thread over several rounds, in which all rows take turns, so
//! that a busy machine spoils all of them alike. Resizing alone is measured with the crate that does it, called as the
//! pipeline calls it, and encoding in a bench of its own; every other row is the pipeline itself.

#![forbid(unsafe_code)]

use std::hint::black_box;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use portraitd_pipeline::{Crop, Fit, Limits, Recipe, RenditionSpec, examine, render};

use clock::{Row, medians};

mod clock;
#[path = "../examples/make_photos/picture.rs"]
mod picture;

fn main() {
    for (name, width, height) in [("2 MP", 1200, 1600), ("12 MP", 3024, 4032)] {
        measure(name, width, height, false);
    }
    measure("12 MP progressive", 3024, 4032, true);
}

fn measure(name: &str, width: u16, height: u16, progressive: bool) {
    let rgb = picture::portrait(width.into(), height.into(), 1);
    let photo = camera_jpeg(&rgb, width, height, progressive);
    println!("\n{name}, {width}x{height}, {} kB, CPU ms", photo.len() / 1000);
    let mut rows = pipeline_rows(&photo);
    rows.extend(resize_rows(&rgb, width, height));
    for ((row, _), time) in rows.iter().zip(medians(&rows)) {
        println!("  {row:<34} {time:>8.2}");
    }
}

fn pipeline_rows(photo: &[u8]) -> Vec<Row<'_>> {
    let limits = Limits { max_bytes: 32 << 20, max_pixels: 120_000_000, min_side: 96 };
    let source = examine(photo, &limits).expect("a made photo is whole");
    let mut rows: Vec<Row<'_>> = Vec::new();
    rows.push(("walk".to_owned(), Box::new(move || drop(black_box(examine(photo, &limits))))));
    for (name, renditions) in recipes() {
        let (source, recipe) = (source.clone(), Recipe { crop: Crop::Center, renditions });
        let work = move || drop(black_box(render(photo, &source, &recipe).expect("a made photo renders")));
        rows.push((name.to_owned(), Box::new(work)));
    }
    rows
}

/// A recipe without renditions is the decode alone.
fn recipes() -> [(&'static str, Vec<RenditionSpec>); 4] {
    let original = RenditionSpec { width: 2048, height: 2048, fit: Fit::AtMost, max_bytes: None };
    let square = |side| RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None };
    [
        ("decode", vec![]),
        ("decode + 200 + 48", vec![square(200), square(48)]),
        ("decode + 2048", vec![original.clone()]),
        ("decode + 2048 + 200 + 48", vec![original, square(200), square(48)]),
    ]
}

fn resize_rows(rgb: &[u8], width: u16, height: u16) -> Vec<Row<'_>> {
    let scale = (2048.0 / f64::from(width.max(height))).min(1.0);
    let [wide, high] = [width, height].map(|side| (f64::from(side) * scale).round() as u16);
    vec![
        ("resize to 2048".to_owned(), Box::new(move || drop(black_box(resized(rgb, width, height, wide, high))))),
        ("resize to 200".to_owned(), Box::new(move || drop(black_box(resized(rgb, width, height, 200, 200))))),
    ]
}

fn resized(rgb: &[u8], width: u16, height: u16, wide: u16, high: u16) -> Vec<u8> {
    let view = ImageRef::new(width.into(), height.into(), rgb, PixelType::U8x3).expect("as many bytes as pixels");
    let mut sheet = Image::new(wide.into(), high.into(), PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&view, &mut sheet, &options).expect("both are pictures of one kind");
    sheet.into_vec()
}

fn camera_jpeg(rgb: &[u8], width: u16, height: u16, progressive: bool) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 92);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    encoder.encode(rgb, width, height, ColorType::Rgb).expect("writing to memory works");
    jpeg
}
