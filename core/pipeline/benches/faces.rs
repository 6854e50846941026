//! What finding faces costs, beside stock rustface: `cargo bench -p portraitd-pipeline --bench faces`.
//!
//! Both look at the same gray pictures, in turns, and both make the sizes that they need themselves. rustface is used at the
//! settings under which it finds as much as it can at that cost: see `stock.rs`. The pictures are those of
//! `tests/portraits/faces`, or with `PORTRAITD_FACES=target/faces/set` the hundreds that `benches/faces` builds. Figures are
//! CPU milliseconds of this thread for a picture, the median over several rounds. The last table is a whole photo of a camera,
//! with the face crop and without.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use portraitd_pipeline::{Crop, Fit, Limits, Recipe, RenditionSpec, examine, render};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use clock::{Row, medians};
use pipeline::face::{Luma, find};
use stock::Stock;

mod clock;
#[expect(dead_code, unused_imports, reason = "the detector alone, without its tests")]
#[path = "../src"]
mod pipeline {
    pub(crate) mod face;
}
#[path = "faces/stock.rs"]
mod stock;

const LIMITS: Limits = Limits { max_bytes: 64 << 20, max_pixels: 120_000_000, min_side: 32 };
const PORTRAITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits");
/// Long side of what is searched: about what is left of a photo that is decoded for small renditions.
const LONG_SIDE: u32 = 640;

fn main() {
    let root = env::var_os("PORTRAITD_FACES").map_or_else(|| Path::new(PORTRAITS).join("faces"), PathBuf::from);
    println!("\n{}, CPU ms for a picture", root.display());
    println!(
        "  {:<12} {:>8} {:>12} {:>8} {:>8} {:>8} {:>6}",
        "", "pictures", "ours found", "rustface", "ours", "rustface", "ratio"
    );
    let stock = Stock::new();
    for kind in ["portrait", "faceless"] {
        compare(kind, &pictures(&root.join(kind)), &stock);
    }
    camera();
}

/// Times both on all pictures of a kind.
fn compare(kind: &str, pictures: &[Gray], stock: &Stock) {
    let rows: [Row<'_>; 2] = [
        ("ours".to_owned(), Box::new(|| pictures.iter().for_each(|picture| drop(black_box(find(&picture.luma())))))),
        ("rustface".to_owned(), Box::new(|| pictures.iter().for_each(|picture| drop(black_box(stock.find(picture)))))),
    ];
    let times = medians(&rows);
    let [ours, theirs] = [times[0], times[1]].map(|time| time / pictures.len() as f64);
    let found = |finds: &dyn Fn(&Gray) -> bool| pictures.iter().filter(|picture| finds(picture)).count();
    let we = found(&|picture| !find(&picture.luma()).is_empty());
    let they = found(&|picture| !stock.find(picture).is_empty());
    let (number, ratio) = (pictures.len(), ours / theirs);
    println!("  {kind:<12} {number:>8} {we:>12} {they:>8} {ours:>8.2} {theirs:>8.2} {ratio:>6.2}");
}

/// A gray picture, held upright.
pub(crate) struct Gray {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) samples: Vec<u8>,
}

impl Gray {
    fn luma(&self) -> Luma<'_> {
        Luma { width: self.width, height: self.height, samples: &self.samples }
    }
}

fn pictures(folder: &Path) -> Vec<Gray> {
    let entries = fs::read_dir(folder).expect("the folder of pictures can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder lists its files").path()).collect();
    paths.sort();
    paths.iter().map(|path| gray(&fs::read(path).expect("a picture can be read"))).collect()
}

/// The picture as the pipeline sees it, no larger than [`LONG_SIDE`].
fn gray(bytes: &[u8]) -> Gray {
    let source = examine(bytes, &LIMITS).expect("the pictures are whole");
    let spec = RenditionSpec { width: LONG_SIDE, height: LONG_SIDE, fit: Fit::AtMost, max_bytes: None };
    let made = render(bytes, &source, &Recipe::new(Crop::None, vec![spec])).expect("the pictures render");
    let rendition = &made.renditions[0];
    let samples = rgb(&rendition.bytes).as_chunks().0.iter().map(luma).collect();
    Gray { width: rendition.width, height: rendition.height, samples }
}

/// The luma of ITU-R BT.601, as JPEG has it.
fn luma([red, green, blue]: &[u8; 3]) -> u8 {
    ((u32::from(*red) * 299 + u32::from(*green) * 587 + u32::from(*blue) * 114 + 500) / 1000) as u8
}

fn rgb(jpeg: &[u8]) -> Vec<u8> {
    JpegDecoder::new(ZCursor::new(jpeg)).decode().expect("a whole JPEG")
}

/// What the face crop adds to the whole way from a photo of 12 megapixels to 200 and 48 pixels.
fn camera() {
    let photo = camera_jpeg();
    let source = examine(&photo, &LIMITS).expect("a made photo is whole");
    let square = |side| RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None };
    let row = |(name, crop): (&str, Crop)| -> Row<'_> {
        let recipe = Recipe::new(crop, vec![square(200), square(48)]);
        let (photo, source) = (&photo, &source);
        let work = move || drop(black_box(render(photo, source, &recipe).expect("a made photo renders")));
        (name.to_owned(), Box::new(work))
    };
    let rows = [("from the centre", Crop::Center), ("upper", Crop::Upper), ("face", Crop::default())].map(row);
    println!("\n12 MP -> 200 + 48, {} kB, CPU ms", photo.len() / 1000);
    let times = medians(&rows);
    for ((name, _), time) in rows.iter().zip(&times) {
        println!("  {name:<24} {time:>8.2} {:>6.2}", time / times[0]);
    }
}

/// The astronaut of the tests, enlarged to 3024x4032 and with a sensor's grain.
fn camera_jpeg() -> Vec<u8> {
    const SIDES: (u16, u16) = (3024, 4032);
    let small = rgb(&fs::read(Path::new(PORTRAITS).join("portrait.jpg")).expect("the portrait can be read"));
    let small = ImageRef::new(512, 512, &small, PixelType::U8x3).expect("the portrait has these sides");
    let mut large = Image::new(SIDES.0.into(), SIDES.1.into(), PixelType::U8x3);
    let tall = ResizeOptions::new().crop(64.0, 0.0, 384.0, 512.0);
    Resizer::new().resize(&small, &mut large, &tall).expect("the crop lies in the portrait");
    let mut pixels = large.into_vec();
    pixels.as_chunks_mut().0.iter_mut().for_each(grain());
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 92);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&pixels, SIDES.0, SIDES.1, ColorType::Rgb).expect("writing to memory works");
    jpeg
}

/// Makes each pixel a little lighter or darker, by what looks random and is always the same.
fn grain() -> impl FnMut(&mut [u8; 3]) {
    let mut dice = 1_u32;
    move |pixel| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let light = (dice >> 28) as i16 - 8;
        *pixel = pixel.map(|value| (i16::from(value) + light).clamp(0, 255) as u8);
    }
}
