//! What finding faces costs, beside stock rustface: `cargo bench -p portraitd-pipeline --bench faces`.
//!
//! Both look at the same gray pictures, in turns, and both make the sizes that they need themselves. rustface is used at the
//! settings under which it finds as much as it can at that cost: see `stock.rs`. The pictures are those of
//! `tests/portraits/faces`, or with `PORTRAITD_FACES=target/faces/set` the hundreds that `benches/faces` builds. Figures are
//! CPU milliseconds of this thread for a picture, the median over several rounds. The last table is the whole way of photos of
//! a camera, with the face crop and without: those of the set, or portraits that are enlarged and given a sensor's grain.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
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
    cameras(&root);
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
    files(folder).iter().map(|path| gray(&fs::read(path).expect("a picture can be read"))).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of pictures can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder lists its files").path()).collect();
    paths.sort();
    paths
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

/// What the face crop adds to the whole way from photos of 12 megapixels to 200 and 48 pixels.
fn cameras(root: &Path) {
    let taken = root.join("camera");
    let paths = if taken.exists() { files(&taken) } else { files(&root.join("portrait")) };
    println!("\n12 MP -> 200 + 48, CPU ms");
    println!("  {:<48} {:>6} {:>8} {:>8} {:>6}", "", "kB", "centre", "face", "ratio");
    let (mut all, mut bytes_of_all) = (Vec::new(), 0);
    for path in paths.into_iter().chain([Path::new(PORTRAITS).join("portrait.jpg")]) {
        let bytes = fs::read(&path).expect("a picture can be read");
        let photo = if path.starts_with(&taken) { bytes } else { camera_jpeg(&bytes) };
        let times = crops(&photo);
        let name = path.file_name().unwrap_or_default().display().to_string();
        print_times(&name, photo.len(), times);
        all.push(times);
        bytes_of_all += photo.len();
    }
    let mut ratios: Vec<f64> = all.iter().map(|[centre, face]| face / centre).collect();
    ratios.sort_by(f64::total_cmp);
    let sum = all.iter().fold([0.0, 0.0], |sum, times| [sum[0] + times[0], sum[1] + times[1]]);
    print_times("all", bytes_of_all, sum);
    let (least, middle, most) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    println!("  of {} photos: least {least:.2}, median {middle:.2}, most {most:.2}", ratios.len());
}

fn print_times(name: &str, bytes: usize, [centre, face]: [f64; 2]) {
    println!("  {name:<48} {:>6} {centre:>8.2} {face:>8.2} {:>6.2}", bytes / 1000, face / centre);
}

/// From the centre, and around the face.
fn crops(photo: &[u8]) -> [f64; 2] {
    let source = examine(photo, &LIMITS).expect("the photo is whole");
    let square = |side| RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None };
    let row = |(name, crop): (&str, Crop)| -> Row<'_> {
        let recipe = Recipe::new(crop, vec![square(200), square(48)]);
        let source = &source;
        let work = move || drop(black_box(render(photo, source, &recipe).expect("the photo renders")));
        (name.to_owned(), Box::new(work))
    };
    let times = medians(&[("centre", Crop::Center), ("face", Crop::default())].map(row));
    [times[0], times[1]]
}

/// A photo, enlarged to about 12 megapixels and with a sensor's grain.
fn camera_jpeg(photo: &[u8]) -> Vec<u8> {
    const PIXELS: f64 = 12.2e6;
    let source = examine(photo, &LIMITS).expect("the pictures are whole");
    let spec = RenditionSpec { width: 0, height: 0, fit: Fit::AtMost, max_bytes: None };
    let made = render(photo, &source, &Recipe::new(Crop::None, vec![spec])).expect("the pictures render");
    let upright = &made.renditions[0];
    let factor = (PIXELS / (f64::from(upright.width) * f64::from(upright.height))).sqrt();
    let side = |side: u32| (f64::from(side) * factor) as u16;
    let (width, height) = (side(upright.width), side(upright.height));
    let small = rgb(&upright.bytes);
    let small = ImageRef::new(upright.width, upright.height, &small, PixelType::U8x3).expect("it has these sides");
    let mut large = Image::new(width.into(), height.into(), PixelType::U8x3);
    Resizer::new().resize(&small, &mut large, None).expect("both have pixels");
    let mut pixels = large.into_vec();
    pixels.as_chunks_mut().0.iter_mut().for_each(grain());
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 92);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&pixels, width, height, ColorType::Rgb).expect("writing to memory works");
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
