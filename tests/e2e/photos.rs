//! Photos to drop and pictures to look at: the real portraits of `tests/portraits`, made photos that carry a number
//! which survives resizing, and damage of every kind. It knows nothing about portraitd.

use std::{fmt, fs, ops::Range};

use jpeg_encoder::{ColorType, Encoder};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use crate::binaries::workspace_root;

/// The bytes of one of the photographs in `tests/portraits`.
pub(crate) fn portrait(name: &str) -> Vec<u8> {
    let path = workspace_root().join("tests/portraits").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a numbered photo says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    pub(crate) user: u32,
    pub(crate) version: u32,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {} version {}", self.user, self.version)
    }
}

/// Cells per side of the pattern that carries the number: 36 bits.
const CELLS: usize = 6;
const USER_BITS: u32 = 16;
const VERSION_BITS: u32 = 14;
const CHECK_BITS: u32 = 6;

impl Number {
    /// A small JPEG with the number as black and white cells.
    pub(crate) fn photo(self) -> Vec<u8> {
        self.photo_of_side(120)
    }

    /// The same with `side` pixels on each side, a multiple of the cells.
    pub(crate) fn photo_of_side(self, side: u16) -> Vec<u8> {
        let cell = usize::from(side) / CELLS;
        let bits = self.bits();
        let pixel = |index: usize| {
            let (x, y) = (index % usize::from(side) / cell, index / usize::from(side) / cell);
            if bits >> (y * CELLS + x) & 1 == 1 { [235, 235, 215] } else { [20, 30, 25] }
        };
        let pixels: Vec<u8> = (0..usize::from(side).pow(2)).flat_map(pixel).collect();
        encode(&pixels, side, side)
    }

    /// Reads the number back from any square rendition of such a photo.
    pub(crate) fn read(picture: &Picture) -> Option<Self> {
        let cell = picture.width / CELLS;
        let inner = |at: usize| at * cell + cell / 4..(at + 1) * cell - cell / 4;
        let bits = (0..CELLS * CELLS)
            .filter(|index| picture.mean(inner(index % CELLS), inner(index / CELLS))[1] > 127)
            .fold(0_u64, |bits, index| bits | 1 << index);
        let number = Self {
            user: (bits & ((1 << USER_BITS) - 1)) as u32,
            version: (bits >> USER_BITS & ((1 << VERSION_BITS) - 1)) as u32,
        };
        (number.bits() == bits).then_some(number)
    }

    fn bits(self) -> u64 {
        let payload = u64::from(self.version) << USER_BITS | u64::from(self.user);
        let check = payload.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - CHECK_BITS);
        assert!(self.user >> USER_BITS == 0 && self.version >> VERSION_BITS == 0);
        check << (USER_BITS + VERSION_BITS) | payload
    }
}

/// A JPEG of one colour.
pub(crate) fn plain(width: u16, height: u16, colour: [u8; 3]) -> Vec<u8> {
    let pixels = colour.repeat(usize::from(width) * usize::from(height));
    encode(&pixels, width, height)
}

fn encode(rgb: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 90).encode(rgb, width, height, ColorType::Rgb).expect("the sizes agree");
    bytes
}

/// The same picture with other bytes: a comment segment behind the start of the image.
pub(crate) fn commented(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let length = u16::try_from(comment.len() + 2).expect("a comment is short");
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xfe]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(comment.as_bytes());
    bytes.extend(&jpeg[2..]);
    bytes
}

/// The first `percent` of the bytes.
pub(crate) fn cut(bytes: &[u8], percent: usize) -> Vec<u8> {
    bytes[..bytes.len() * percent / 100].to_vec()
}

/// The whole length, but zeros behind the first `percent`: what a copy that sets the final size first looks like.
pub(crate) fn zero_tail(bytes: &[u8], percent: usize) -> Vec<u8> {
    let mut damaged = cut(bytes, percent);
    damaged.resize(bytes.len(), 0);
    damaged
}

/// The header of a JPEG that claims to be huge, with an empty scan behind it.
pub(crate) fn jpeg_that_claims(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = plain(16, 16, [90, 90, 90]);
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("the encoder writes baseline");
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// A decoded JPEG.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// Decodes a whole JPEG; panics with `name` when it is not one.
    pub(crate) fn decode(name: &str, bytes: &[u8]) -> Self {
        Self::try_decode(bytes).unwrap_or_else(|why| panic!("{name} is no whole JPEG: {why}"))
    }

    /// Decodes a whole JPEG or says why not. What ends before its end-of-image marker is not whole.
    pub(crate) fn try_decode(bytes: &[u8]) -> Result<Self, String> {
        if !bytes.ends_with(&[0xff, 0xd9]) {
            return Err(format!("{} bytes without an end", bytes.len()));
        }
        let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        let rgb = decoder.decode().map_err(|error| error.to_string())?;
        let (width, height) = decoder.dimensions().ok_or("no dimensions")?;
        Ok(Self { width, height, rgb })
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The mean colour of a region in pixels.
    pub(crate) fn mean(&self, xs: Range<usize>, ys: Range<usize>) -> [u8; 3] {
        let mut sums = [0_usize; 3];
        for y in ys.clone() {
            for x in xs.clone() {
                let at = (y * self.width + x) * 3;
                for (sum, value) in sums.iter_mut().zip(&self.rgb[at..at + 3]) {
                    *sum += usize::from(*value);
                }
            }
        }
        let count = (xs.len() * ys.len()).max(1);
        sums.map(|sum| (sum / count) as u8)
    }

    /// Sixteen mean colours, row by row.
    pub(crate) fn grid(&self) -> Vec<[u8; 3]> {
        let part = |index: usize, length: usize| index * length / 4..(index + 1) * length / 4;
        (0..16).map(|index| self.mean(part(index % 4, self.width), part(index / 4, self.height))).collect()
    }

    /// The picture turned a quarter clockwise, as orientation 6 demands it.
    pub(crate) fn turned_clockwise(&self) -> Self {
        let (width, height) = (self.height, self.width);
        let rgb = (0..width * height)
            .flat_map(|index| {
                let (x, y) = (index % width, index / width);
                let at = ((self.height - 1 - x) * self.width + y) * 3;
                [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
            })
            .collect();
        Self { width, height, rgb }
    }

    /// The square in the middle, as large as it can be.
    pub(crate) fn middle_square(&self) -> Self {
        let side = self.width.min(self.height);
        let (left, top) = ((self.width - side) / 2, (self.height - side) / 2);
        let rgb = (top..top + side)
            .flat_map(|y| {
                let at = (y * self.width + left) * 3;
                self.rgb[at..at + side * 3].iter().copied()
            })
            .collect();
        Self { width: side, height: side, rgb }
    }

    /// The greatest difference of one mean colour of the two grids.
    pub(crate) fn distance(&self, other: &Self) -> u8 {
        let pairs = self.grid().into_iter().flatten().zip(other.grid().into_iter().flatten());
        pairs.map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
    }
}

#[test]
fn a_number_survives_being_made_and_read() {
    for (user, version) in [(0, 0), (1, 2), (65_535, 16_383), (4_711, 1)] {
        let number = Number { user, version };
        let picture = Picture::decode("numbered", &number.photo());
        assert_eq!(Number::read(&picture), Some(number));
    }
}

#[test]
fn a_turned_picture_has_its_left_edge_on_top() {
    let stored = Picture::decode("stored", &portrait("camera-orientation-6.jpg"));
    let upright = stored.turned_clockwise();
    assert_eq!(upright.size(), (496, 667));
    let [red, _, blue] = upright.mean(248..372, 0..66);
    assert!(blue > red, "the sky is on top, but its mean is red {red}, blue {blue}");
}
