//! HEIC files of made pictures, with whatever properties a test wants.

use super::heif::Heif;
use super::hevc::{self, BLOCK, Form};

/// All of the chroma, so that nothing is lost but by rounding.
pub(crate) const FINE: Form = Form { chroma_format: 3, depth: 8, coded: 8, smoothed: false };
/// As phones write it.
pub(crate) const HALVED: Form = Form { chroma_format: 1, ..FINE };
pub(crate) const GRAY: Form = Form { chroma_format: 0, ..FINE };

/// A property: its box's name and body.
pub(crate) type Said<'a> = (&'a [u8; 4], &'a [u8]);

/// Nothing but how the samples are to be read: as in a JPEG.
pub(crate) const AS_IN_JPEGS: Said<'_> = (b"colr", b"nclx\0\x02\0\x02\0\x06\x80");

/// Red, green and blue of a picture.
#[derive(Clone, Copy)]
pub(crate) struct Photo<'a> {
    pub(crate) rgb: &'a [u8],
    pub(crate) sides: (u32, u32),
}

impl Photo<'_> {
    /// Coded as one picture.
    pub(crate) fn heic(self, form: Form, said: &[Said<'_>]) -> Vec<u8> {
        let mut heif = Heif::default();
        self.add(&mut heif, form, said);
        heif.bytes()
    }

    /// Coded as tiles of these sides: what is said of them, and of the whole picture.
    pub(crate) fn grid(self, form: Form, tile: (u32, u32), tiles: &[Said<'_>], said: &[Said<'_>]) -> Vec<u8> {
        let mut heif = Heif::default();
        let (columns, rows) = (self.sides.0 / tile.0, self.sides.1 / tile.1);
        let mut properties = vec![heif.sides(self.sides)];
        properties.extend(said.iter().map(|(name, body)| heif.property(name, body)));
        let numbers: Vec<u16> = (2..).take((columns * rows) as usize).collect();
        heif.grid(&properties, (columns, rows), self.sides, &numbers);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let rgb = self.part((column * tile.0, row * tile.1), tile);
            Photo { rgb: &rgb, sides: tile }.add(&mut heif, form, tiles);
        }
        heif.bytes()
    }

    /// As one picture with `opacity` for each pixel beside it.
    pub(crate) fn clear(self, form: Form, opacity: impl Fn(u32, u32) -> u32, said: &[Said<'_>]) -> Vec<u8> {
        let mut heif = Heif::default();
        let picture = self.add(&mut heif, form, said);
        let coded = hevc::coded(self.sides, GRAY, |_, x, y| opacity(x, y));
        let properties = [
            heif.sides(self.sides),
            heif.property(b"hvcC", &coded.configuration),
            heif.property(b"auxC", b"\0\0\0\0urn:mpeg:hevc:2015:auxid:1\0"),
        ];
        let alpha = heif.item(b"hvc1", &properties, &coded.data);
        heif.refer(b"auxl", alpha, &[picture]);
        heif.bytes()
    }

    fn add(self, heif: &mut Heif, form: Form, said: &[Said<'_>]) -> u16 {
        assert!(self.sides.0.is_multiple_of(BLOCK) && self.sides.1.is_multiple_of(BLOCK));
        let pixels = if form.chroma_format == 1 { 2 } else { 1 };
        let coded = hevc::coded(self.sides, form, |component, x, y| match component {
            0 => u32::from(ycc(self.pixel(x, y))[0]),
            _ => u32::from(ycc(self.pixel(x * pixels, y * pixels))[component]),
        });
        let mut properties = vec![heif.sides(self.sides), heif.property(b"hvcC", &coded.configuration)];
        properties.extend(said.iter().map(|(name, body)| heif.property(name, body)));
        heif.item(b"hvc1", &properties, &coded.data)
    }

    fn pixel(self, x: u32, y: u32) -> [u8; 3] {
        self.rgb.as_chunks().0[(y * self.sides.0 + x) as usize]
    }

    fn part(self, corner: (u32, u32), (width, height): (u32, u32)) -> Vec<u8> {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        places.flat_map(|(x, y)| self.pixel(corner.0 + x, corner.1 + y)).collect()
    }
}

/// ITU-T T.871, clause 7.
fn ycc(rgb: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = rgb.map(f64::from);
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    [luma, (blue - luma) / 1.772 + 128.0, (red - luma) / 1.402 + 128.0].map(|value| value.round() as u8)
}
