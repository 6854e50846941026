//! What making a JPEG costs, beside the encoders that exist: `cargo bench -p portraitd-pipeline --bench encode`.
//!
//! All write the same pixels with quality 85 and 4:2:0, from this process's one thread. Bytes and distance from the
//! input (PSNR) stand beside, for a fast encoder may be a poor one. With tables of its own, jpeg-encoder makes one scan
//! for each colour, which not every reader takes, so that it has no such row. The last table shows what a ceiling of bytes
//! adds to the whole way from a small photo to its rendition.

#![forbid(unsafe_code)]

use std::hint::black_box;

use portraitd_pipeline::{Crop, Fit, Limits, Recipe, RenditionSpec, examine, render};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use clock::{Row, medians};
use planes::Planes;

mod clock;
#[path = "../src/encode/dct.rs"]
mod dct;
#[path = "../src/encode/file.rs"]
mod file;
#[path = "../src/encode/huffman.rs"]
mod huffman;
#[path = "../examples/make_photos/picture.rs"]
mod picture;
#[path = "../src/encode/planes.rs"]
mod planes;
#[expect(dead_code, reason = "what the search needs")]
#[path = "../src/encode/quantiser.rs"]
mod quantiser;
#[path = "../src/encode/symbols.rs"]
mod symbols;

const QUALITY: u8 = 85;

fn main() {
    for (width, height) in [(48, 48), (200, 200), (512, 512), (1000, 1000), (2048, 2731)] {
        compare(&Picture::new(width, height));
    }
    for (side, max_bytes) in [(96, 2_000), (512, 30_000)] {
        limit(side, max_bytes);
    }
}

struct Picture {
    width: u16,
    height: u16,
    rgb: Vec<u8>,
    planes: Planes,
}

impl Picture {
    fn new(width: u16, height: u16) -> Self {
        let rgb = picture::portrait(width.into(), height.into(), 1);
        let planes = Planes::of_rgb(&rgb, width.into(), height.into());
        Self { width, height, rgb, planes }
    }

    fn converted(&self) -> Planes {
        Planes::of_rgb(&self.rgb, self.width.into(), self.height.into())
    }

    fn psnr(&self, jpeg: &[u8]) -> f64 {
        let rgb = JpegDecoder::new(ZCursor::new(jpeg)).decode().expect("an encoder's file");
        let square = |(one, other): (&u8, &u8)| f64::from(one.abs_diff(*other)).powi(2);
        let squares: f64 = rgb.iter().zip(&self.rgb).map(square).sum();
        20.0 * (255.0 / (squares / rgb.len() as f64).sqrt()).log10()
    }
}

type Encoder = fn(&Picture) -> Vec<u8>;

const ENCODERS: [(&str, Encoder); 6] = [
    ("ours, from planes", |picture| ours(&picture.planes)),
    ("ours, from RGB", |picture| ours(&picture.converted())),
    ("rusty_jpeg, from planes", rusty_jpeg_of_planes),
    ("rusty_jpeg, usual tables", |picture| rusty_jpeg(picture, false)),
    ("rusty_jpeg, own tables", |picture| rusty_jpeg(picture, true)),
    ("jpeg-encoder, usual tables", |picture| jpeg_encoder(picture)),
];

fn compare(picture: &Picture) {
    let work = |encoder: Encoder| Box::new(move || drop(black_box(encoder(picture)))) as Box<dyn Fn()>;
    let rows: Vec<Row<'_>> = ENCODERS.iter().map(|(name, encoder)| ((*name).to_owned(), work(*encoder))).collect();
    println!("\n{}x{}, quality {QUALITY}", picture.width, picture.height);
    println!("  {:<28} {:>8} {:>6} {:>8} {:>6}", "", "CPU ms", "ratio", "bytes", "PSNR");
    let times = medians(&rows);
    for ((name, encoder), time) in ENCODERS.iter().zip(&times) {
        let jpeg = encoder(picture);
        let (ratio, bytes, psnr) = (time / times[1], jpeg.len(), picture.psnr(&jpeg));
        println!("  {name:<28} {time:>8.3} {ratio:>6.2} {bytes:>8} {psnr:>6.2}");
    }
}

fn ours(planes: &Planes) -> Vec<u8> {
    file::write(planes, QUALITY, u64::MAX).expect("nothing is larger")
}

fn rusty_jpeg(picture: &Picture, own_tables: bool) -> Vec<u8> {
    use rusty_jpeg::encode::{ColorType, Encoder, SamplingFactor};
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(own_tables);
    encoder.encode(&picture.rgb, picture.width, picture.height, ColorType::Rgb).expect("writing to memory works");
    jpeg
}

fn rusty_jpeg_of_planes(picture: &Picture) -> Vec<u8> {
    use rusty_jpeg::encode::{Encoder, PlanarYcbcrImage};
    let Planes { luma, chroma } = &picture.planes;
    let [blue, red] = chroma.as_ref().expect("the picture has colours");
    let [y, cb, cr] = [luma, blue, red].map(|plane| plane.samples.as_slice());
    let strides = [luma.width, blue.width, red.width];
    let image = PlanarYcbcrImage::new(y, cb, cr, strides, picture.width, picture.height, (2, 2)).expect("4:2:0");
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(image.sampling_factor());
    encoder.encode_image(image).expect("writing to memory works");
    jpeg
}

fn jpeg_encoder(picture: &Picture) -> Vec<u8> {
    use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.encode(&picture.rgb, picture.width, picture.height, ColorType::Rgb).expect("writing to memory works");
    jpeg
}

fn limit(side: u16, max: u64) {
    let photo = ours(&Picture::new(side, side).planes);
    let limits = Limits { max_bytes: u64::MAX, max_pixels: u64::MAX, min_side: 1 };
    let source = examine(&photo, &limits).expect("a made photo is whole");
    let sides = u32::from(side);
    let made = |max_bytes| {
        let spec = RenditionSpec { width: sides, height: sides, fit: Fit::Exact, max_bytes };
        let recipe = Recipe::new(Crop::Center, vec![spec]);
        render(&photo, &source, &recipe).expect("a made photo renders").renditions.remove(0)
    };
    let row = |name: String, max| (name, Box::new(move || drop(black_box(made(max)))) as Box<dyn Fn()>);
    let rows: [Row<'_>; 2] = [row("without a ceiling".to_owned(), None), row(format!("within {max} bytes"), Some(max))];
    println!("\n{side}x{side}, whole way");
    for (((name, _), time), max) in rows.iter().zip(medians(&rows)).zip([None, Some(max)]) {
        println!("  {name:<28} {time:>8.3} ms {:>8} bytes", made(max).bytes.len());
    }
}
