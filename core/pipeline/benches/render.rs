//! What a photo costs, stage by stage: `cargo bench -p portraitd-pipeline --bench render`.
//!
//! Each figure is the median of CPU milliseconds of this thread over several rounds, in which all rows take turns, so
//! that a busy machine spoils all of them alike. Rows of other decoders are the bare decode to red, green and blue; ours
//! include everything up to the finished JPEGs. libjpeg is built without an assembler here, as a build of ours would be;
//! `benches/peers` compares with libraries that have one. Encoders have a bench of their own.

#![forbid(unsafe_code)]

use std::hint::black_box;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use moxcms::ColorProfile;
use mozjpeg::Decompress;
use portraitd_pipeline::{Crop, Fit, Limits, Recipe, RenditionSpec, Source, examine, render};
use sha2::{Digest, Sha256};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use clock::{Row, medians};

mod clock;
#[path = "../examples/make_photos/picture.rs"]
mod picture;

const LIMITS: Limits = Limits { max_bytes: 32 << 20, max_pixels: 120_000_000, min_side: 96 };

fn main() {
    for (name, width, height) in [("2 MP", 1200, 1600), ("12 MP", 3024, 4032)] {
        measure(name, width, height, false);
    }
    measure("12 MP progressive", 3024, 4032, true);
    measure_profiles("12 MP", 3024, 4032);
}

/// What it costs that a photo has a profile, which is converted when 200 + 48 have been drawn.
fn measure_profiles(name: &str, width: u16, height: u16) {
    let photo = camera_jpeg(width, height, false);
    let profiles = [
        ("no profile", None),
        ("sRGB", Some(ColorProfile::new_srgb())),
        ("Display P3", Some(ColorProfile::new_display_p3())),
        ("Adobe RGB", Some(ColorProfile::new_adobe_rgb())),
    ];
    println!("\n{name}, {width}x{height}, with profiles, walk and 200 + 48, CPU ms");
    let photos = profiles.map(|(name, profile)| (name, with_profile(&photo, profile)));
    let rows: Vec<Row<'_>> = photos.iter().map(|(name, photo)| ((*name).to_owned(), small_ones(photo))).collect();
    let times = medians(&rows);
    for ((row, _), time) in rows.iter().zip(&times) {
        println!("  {row:<34} {time:>8.2} {:>+8.2} {:>8.3}x", time - times[0], time / times[0]);
    }
}

fn small_ones(photo: &[u8]) -> Box<dyn Fn() + '_> {
    let square = |side| RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None };
    let recipe = Recipe::new(Crop::Center, vec![square(200), square(48)]);
    Box::new(move || {
        let source = examine(photo, &LIMITS).expect("a made photo is whole");
        drop(black_box(render(photo, &source, &recipe).expect("a made photo renders")));
    })
}

/// The photo with a profile behind its first marker (ICC.1, B.4).
fn with_profile(photo: &[u8], profile: Option<ColorProfile>) -> Vec<u8> {
    let Some(profile) = profile else { return photo.to_vec() };
    let icc = profile.encode().expect("a usual profile can be written");
    let body = [b"ICC_PROFILE\0\x01\x01".as_slice(), &icc].concat();
    let length = u16::try_from(body.len() + 2).expect("a usual profile is short").to_be_bytes();
    [&photo[..2], &[0xFF, 0xE2], &length, &body, &photo[2..]].concat()
}

fn measure(name: &str, width: u16, height: u16, progressive: bool) {
    let photo = camera_jpeg(width, height, progressive);
    println!("\n{name}, {width}x{height}, {} kB, CPU ms", photo.len() / 1000);
    let source = examine(&photo, &LIMITS).expect("a made photo is whole");
    let mut rows: Vec<Row<'_>> = vec![
        (
            "SHA-256".to_owned(),
            Box::new(|| {
                black_box(Sha256::digest(&photo));
            }),
        ),
        ("walk".to_owned(), Box::new(|| drop(black_box(examine(&photo, &LIMITS))))),
    ];
    rows.extend(our_rows(&photo, &source));
    rows.extend(other_rows(&photo));
    for ((row, _), time) in rows.iter().zip(medians(&rows)) {
        println!("  {row:<34} {time:>8.2}");
    }
}

fn our_rows<'a>(photo: &'a [u8], source: &'a Source) -> Vec<Row<'a>> {
    let row = |(name, renditions): (&str, Vec<RenditionSpec>)| -> Row<'a> {
        let recipe = Recipe::new(Crop::Center, renditions);
        let work = move || drop(black_box(render(photo, source, &recipe).expect("a made photo renders")));
        (name.to_owned(), Box::new(work))
    };
    recipes().into_iter().map(row).collect()
}

/// Of 12 megapixels, an eighth, a quarter, a half and all are decoded for these; a recipe without renditions is the decode
/// at an eighth alone.
fn recipes() -> [(&'static str, Vec<RenditionSpec>); 7] {
    let square = |side| RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None };
    let at_most = |width| RenditionSpec { width, height: 0, fit: Fit::AtMost, max_bytes: None };
    [
        ("nothing", vec![]),
        ("200 + 48", vec![square(200), square(48)]),
        ("400", vec![square(400)]),
        ("800", vec![square(800)]),
        ("2048 wide", vec![at_most(2048)]),
        ("2048 wide + 200 + 48", vec![at_most(2048), square(200), square(48)]),
        ("original + 200 + 48", vec![at_most(0), square(200), square(48)]),
    ]
}

fn other_rows(photo: &[u8]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = [1, 2, 4, 8]
        .into_iter()
        .map(|eighths| -> Row<'_> {
            (format!("libjpeg, {eighths}/8"), Box::new(move || drop(black_box(libjpeg(photo, eighths)))))
        })
        .collect();
    let zune = move || drop(black_box(JpegDecoder::new(ZCursor::new(photo)).decode().expect("a made photo decodes")));
    rows.push(("zune-jpeg, 8/8".to_owned(), Box::new(zune)));
    rows
}

fn libjpeg(photo: &[u8], eighths: u8) -> Vec<u8> {
    let mut decompress = Decompress::new_mem(photo).expect("a made photo has a header");
    decompress.scale(eighths);
    let mut started = decompress.rgb().expect("a made photo has colours");
    started.read_scanlines().expect("a made photo decodes")
}

fn camera_jpeg(width: u16, height: u16, progressive: bool) -> Vec<u8> {
    let rgb = picture::portrait(width.into(), height.into(), 1);
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 92);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    encoder.encode(&rgb, width, height, ColorType::Rgb).expect("writing to memory works");
    jpeg
}
