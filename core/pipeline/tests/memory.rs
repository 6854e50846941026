//! `render_bytes` is what a daemon reserves before it renders, so nothing may take more.
//!
//! Each photo is rendered in a process of its own, because memory that was freed once stays in use for the system: this
//! program writes the photos, then runs itself for each. The figure is the growth of `VmHWM` in `/proc/self/status`,
//! the peak of memory in use (proc(5)).

#![forbid(unsafe_code)]

use std::io::Cursor;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use icc_file::profile;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageBuffer, ImageEncoder, ImageFormat, RgbImage, Rgba};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use moxcms::ColorProfile;
use portraitd_pipeline::{Crop, Fit, Limits, Recipe, Rendered, RenditionSpec, Source, Style, examine, render};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

#[cfg(feature = "heic")]
#[path = "render/heic/heif.rs"]
mod heif;
#[cfg(feature = "heic")]
#[path = "render/heic/hevc.rs"]
mod hevc;
#[path = "render/colours/icc_file.rs"]
mod icc_file;
#[cfg(feature = "heic")]
#[path = "render/heic/made.rs"]
mod made;

const SIDES: (u32, u32) = (1600, 1200);
/// Code that is loaded when it is first used, and what the allocator keeps beside what was asked of it.
const SLACK: u64 = 3 << 20;
const PHOTO: &str = "MEMORY_OF_PHOTO";
const RECIPE: &str = "MEMORY_OF_RECIPE";

fn main() {
    match env::var(PHOTO) {
        Ok(photo) => assert_within_bound(Path::new(&photo)),
        Err(_) => rendering_takes_no_more_memory_than_was_said(),
    }
}

fn rendering_takes_no_more_memory_than_was_said() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, photo) in photos() {
        let path = folder.join(name);
        fs::write(&path, photo).expect("the target folder is writable");
        for recipe in RECIPES {
            let this = env::current_exe().expect("a running program has a path");
            let status = Command::new(this).env(PHOTO, &path).env(RECIPE, recipe).status();
            assert!(status.expect("a program can run itself").success(), "{name} {recipe}");
        }
    }
}

fn assert_within_bound(path: &Path) {
    let photo = fs::read(path).expect("the photo was just written");
    let limits = Limits { max_bytes: u64::MAX, max_pixels: u64::MAX, min_side: 1 };
    let source = examine(&photo, &limits).expect("the photo is whole");
    let recipe = env::var(RECIPE).expect("both are set together");
    let crop = if recipe.ends_with("faces") { Crop::default() } else { Crop::Center };
    let style = Style { linear_light: recipe == "as light", ..Style::from(crop) };
    let (made, taken, said) = taken(&photo, &source, &Recipe::new(style, renditions(&recipe)));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if recipe == NEAR && name.starts_with(FACE) {
        assert_decoded_twice(&made, &source);
    }
    println!("{name:<22} {recipe:<14} {:>6} of {:>6} kB", taken >> 10, said >> 10);
    assert!(taken <= said + SLACK, "{name} took {taken} of {said}");
}

/// A face was found, and what is shown of it has more pixels than there were when it was looked for.
fn assert_decoded_twice(made: &Rendered, source: &Source) {
    /// The longest side of what is searched.
    const SEARCHED: f64 = 640.0;
    assert_eq!(made.faces.len(), 1, "{:?}", made.faces);
    let shown = &made.renditions[0];
    let scale = f64::from(shown.width) / shown.area.width;
    assert!(!shown.is_enlarged && scale * f64::from(source.width) > 3.0 * SEARCHED, "{:?}", shown.area);
}

const RECIPES: [&str; 6] = ["decode", "small sizes", "around faces", NEAR, "its own size", "as light"];
/// In more detail than is decoded to look for faces.
const NEAR: &str = "near faces";
/// Photos that show one are named so.
const FACE: &str = "face";

fn renditions(recipe: &str) -> Vec<RenditionSpec> {
    match recipe {
        "decode" => vec![],
        "small sizes" | "around faces" => vec![spec(800, Fit::AtMost), spec(200, Fit::Exact)],
        NEAR => vec![spec(800, Fit::Exact)],
        _ => vec![spec(0, Fit::AtMost)],
    }
}

/// What was made, what that took, and what was said before.
fn taken(photo: &[u8], source: &Source, recipe: &Recipe) -> (Rendered, u64, u64) {
    let (before, said) = (memory("VmRSS:"), source.render_bytes(recipe));
    let made = render(photo, source, recipe).expect("the photo renders");
    (made, memory("VmHWM:").saturating_sub(before), said)
}

fn spec(side: u32, fit: Fit) -> RenditionSpec {
    RenditionSpec { width: side, height: side, fit, max_bytes: None }
}

/// The forms that take most, with noise so that files are large too.
fn photos() -> Vec<(&'static str, Vec<u8>)> {
    let image = noise();
    let clear = DynamicImage::from(image.clone());
    let rgb = clear.to_rgb8().into_raw();
    let face = face();
    let mut photos = vec![
        ("baseline.jpg", jpeg(ColorType::Rgb, &rgb, SamplingFactor::F_2_2, false)),
        ("progressive.jpg", jpeg(ColorType::Rgb, &rgb, SamplingFactor::F_2_2, true)),
        ("progressive-444.jpg", jpeg(ColorType::Rgb, &rgb, SamplingFactor::F_1_1, true)),
        ("progressive-cmyk.jpg", jpeg(ColorType::Cmyk, image.as_raw(), SamplingFactor::F_1_1, true)),
        ("gray.png", written(&clear.to_luma8().into(), ImageFormat::Png)),
        ("clear.png", written(&clear, ImageFormat::Png)),
        ("clear-16.png", written(&clear.to_rgba16().into(), ImageFormat::Png)),
        ("lossless.webp", written(&clear, ImageFormat::WebP)),
        ("colours.gif", gif(&clear)),
        ("part.gif", gif(&clear.crop_imm(1, 0, SIDES.0 - 1, SIDES.1))),
        ("table.jpg", profiled(ColorType::Rgb, &rgb, &large_table(b"RGB ", 3, 100))),
        ("table-cmyk.jpg", profiled(ColorType::Cmyk, image.as_raw(), &large_table(b"CMYK", 4, 33))),
        ("clear-16-p3.png", in_p3(&clear.to_rgba16().into())),
        ("face.jpg", encoded(ColorType::Rgb, &face, face.dimensions(), SamplingFactor::F_2_2, false)),
        ("face-progressive.jpg", encoded(ColorType::Rgb, &face, face.dimensions(), SamplingFactor::F_2_2, true)),
    ];
    photos.extend(heics(&rgb));
    photos
}

/// One picture, tiles as phones write them, and a picture of which some is clear.
#[cfg(feature = "heic")]
fn heics(rgb: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    use made::{AS_IN_JPEGS, FINE, HALVED, Photo};
    let photo = Photo { rgb, sides: SIDES };
    [
        ("picture.heic", photo.heic(HALVED, &[AS_IN_JPEGS])),
        ("picture-444.heic", photo.heic(FINE, &[AS_IN_JPEGS])),
        ("tiles.heic", photo.grid(HALVED, (400, 400), &[AS_IN_JPEGS], &[AS_IN_JPEGS])),
        ("clear.heic", photo.clear(HALVED, |x, y| (x ^ y) % 256, &[AS_IN_JPEGS])),
    ]
}

#[cfg(not(feature = "heic"))]
fn heics(_: &[u8]) -> [(&'static str, Vec<u8>); 0] {
    []
}

/// Somebody in twelve megapixels.
fn face() -> RgbImage {
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits/portrait.jpg");
    let photo = fs::read(photo).expect("it is in the tree");
    let pixels = JpegDecoder::new(ZCursor::new(&photo)).decode().expect("it is whole");
    let photo = RgbImage::from_raw(512, 512, pixels).expect("it has these sides");
    imageops::resize(&photo, 3464, 3464, FilterType::Triangle)
}

fn profiled(kind: ColorType, data: &[u8], icc: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    encoder.add_icc_profile(icc).expect("the profile has fewer parts than 256");
    encoder.encode(data, SIDES.0 as u16, SIDES.1 as u16, kind).expect("writing to memory works");
    bytes
}

/// Nearly the largest profile that is taken, with a table of so many steps for each part of a colour (lut8Type).
fn large_table(space: &[u8; 4], parts: u8, steps: u8) -> Vec<u8> {
    let mut table = [b"mft1\0\0\0\0".as_slice(), &[parts, 3, steps, 0], &[0; 36]].concat();
    let entries = 256 * (usize::from(parts) + 3) + 3 * usize::from(steps).pow(parts.into());
    table.extend((0..entries).map(|at| at as u8));
    profile(space, b"Lab ", &[(b"A2B0", &table)])
}

fn in_p3(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    let p3 = ColorProfile::new_display_p3().encode().expect("a usual profile can be written");
    encoder.set_icc_profile(p3).expect("a PNG may have one");
    image.write_with_encoder(encoder).expect("writing to memory works");
    bytes
}

fn jpeg(kind: ColorType, data: &[u8], sampling: SamplingFactor, progressive: bool) -> Vec<u8> {
    encoded(kind, data, SIDES, sampling, progressive)
}

fn encoded(kind: ColorType, data: &[u8], sides: (u32, u32), sampling: SamplingFactor, progressive: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    encoder.set_sampling_factor(sampling);
    encoder.set_progressive(progressive);
    encoder.encode(data, sides.0 as u16, sides.1 as u16, kind).expect("writing to memory works");
    bytes
}

/// On a canvas that it covers, or nearly.
fn gif(image: &DynamicImage) -> Vec<u8> {
    let (width, height) = (image.width() as u16, image.height() as u16);
    let frame = gif::Frame::from_rgb_speed(width, height, &image.to_rgb8(), 30);
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, SIDES.0 as u16, SIDES.1 as u16, &[]).expect("memory takes all");
    encoder.write_frame(&frame).expect("writing to memory works");
    drop(encoder);
    bytes
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("writing to memory works");
    bytes.into_inner()
}

fn noise() -> ImageBuffer<Rgba<u8>, Vec<u8>> {
    let mut state = 1_u32;
    ImageBuffer::from_fn(SIDES.0, SIDES.1, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (state >> 27) as u8;
        Rgba([(x / 16) as u8 ^ grain, (y / 16) as u8 ^ grain, grain, 255 - grain])
    })
}

/// A figure of this process in bytes.
fn memory(figure: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells about processes");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("the figure is told");
    let kilobytes = line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    kilobytes.expect("the figure is a number") << 10
}
