//! Writes many different camera-like JPEGs quickly, for tests and benches that need a full drop folder.
//!
//! `cargo run --release -p portraitd-pipeline --example make_photos -- OUT_DIR COUNT WIDTH HEIGHT [--orientation N]`
//! writes `user00001.jpg` and so on. Only a few pictures are ever encoded: they carry a restart marker after every
//! row of blocks, where a JPEG's coding starts afresh, so each file is a new arrangement of eight bands taken from
//! those pictures, at the price of a copy. The bands are broad enough to tell two files apart at 48x48.

mod picture;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const USAGE: &str = "usage: make_photos OUT_DIR COUNT WIDTH HEIGHT [--orientation 1-8]";
const QUALITY: u8 = 92;
/// Rows of blocks are this high with 4:2:0.
const BLOCK_ROW: usize = 16;
const BANDS: usize = 8;
const PICTURES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let order = Order::parse(env::args().skip(1))?;
    fs::create_dir_all(&order.folder)?;
    let pictures = (0..PICTURES.min(order.count))
        .map(|seed| order.encode(seed as u64).map(|jpeg| Coded::split(&jpeg)))
        .collect::<Result<Vec<_>, _>>()?;
    let bytes = write_all(&order, &pictures)?;
    println!("{} photos, {} kB each, in {}", order.count, bytes / order.count / 1000, order.folder.display());
    Ok(())
}

/// What the command line asks for.
struct Order {
    folder: PathBuf,
    count: usize,
    width: u16,
    height: u16,
    orientation: u8,
}

impl Order {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let words: Vec<String> = words.collect();
        let (folder, count, width, height, orientation) = match words.as_slice() {
            [folder, count, width, height] => (folder, count, width, height, 1),
            [folder, count, width, height, option, value] if option == "--orientation" => {
                (folder, count, width, height, value.parse()?)
            }
            _ => return Err(USAGE.into()),
        };
        let order = Self {
            folder: PathBuf::from(folder),
            count: count.parse()?,
            width: width.parse()?,
            height: height.parse()?,
            orientation,
        };
        order.checked()
    }

    fn checked(self) -> Result<Self, Box<dyn Error>> {
        let rows = usize::from(self.height).div_ceil(BLOCK_ROW).min(BANDS);
        let different = PICTURES.pow(u32::try_from(rows)?);
        if self.count == 0 || self.width == 0 || !(1..=8).contains(&self.orientation) {
            return Err(USAGE.into());
        }
        if self.count > different {
            return Err(format!("a picture of that height gives at most {different} different files").into());
        }
        Ok(self)
    }

    /// One picture with a restart marker after each row of blocks.
    fn encode(&self, seed: u64) -> Result<Vec<u8>, Box<dyn Error>> {
        let rgb = picture::portrait(u32::from(self.width), u32::from(self.height), seed);
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, QUALITY);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.set_restart_interval(self.width.div_ceil(16));
        if self.orientation != 1 {
            encoder.add_exif_metadata(&orientation_tag(self.orientation))?;
        }
        encoder.encode(&rgb, self.width, self.height, ColorType::Rgb)?;
        Ok(jpeg)
    }
}

/// A TIFF structure with one entry, as it stands in a camera's EXIF segment.
fn orientation_tag(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// A JPEG in pieces that may be exchanged with those of another of the same size and tables.
struct Coded {
    /// Everything up to the first coded byte.
    header: Vec<u8>,
    /// One row of blocks each, with its restart marker (the last one with the end of the image).
    rows: Vec<Vec<u8>>,
}

impl Coded {
    fn split(jpeg: &[u8]) -> Self {
        let scan = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("an encoded JPEG has a scan");
        let start = scan + 2 + usize::from(u16::from_be_bytes([jpeg[scan + 2], jpeg[scan + 3]]));
        let mut rows = vec![Vec::new()];
        for (at, byte) in jpeg.iter().enumerate().skip(start) {
            let row = rows.last_mut().expect("there is always a row");
            row.push(*byte);
            if jpeg[at - 1] == 0xFF && (0xD0..=0xD7).contains(byte) {
                rows.push(Vec::new());
            }
        }
        Self { header: jpeg[..start].to_vec(), rows }
    }
}

/// Writes every file and returns how many bytes they hold together.
fn write_all(order: &Order, pictures: &[Coded]) -> Result<usize, Box<dyn Error>> {
    let mut total = 0;
    for index in 0..order.count {
        let jpeg = arrange(index, pictures);
        total += jpeg.len();
        write_one(&order.folder, index, &jpeg)?;
    }
    Ok(total)
}

/// The bands of file `index` are the digits of its number in base eight, so no two files are equal.
fn arrange(index: usize, pictures: &[Coded]) -> Vec<u8> {
    let rows = pictures[0].rows.len();
    let mut jpeg = pictures[0].header.clone();
    for row in 0..rows {
        let band = u32::try_from(row * BANDS.min(rows) / rows).expect("there are eight bands at most");
        let digit = index / PICTURES.pow(band) % PICTURES;
        jpeg.extend(&pictures[digit].rows[row]);
    }
    jpeg
}

fn write_one(folder: &Path, index: usize, jpeg: &[u8]) -> Result<(), std::io::Error> {
    fs::write(folder.join(format!("user{:05}.jpg", index + 1)), jpeg)
}
