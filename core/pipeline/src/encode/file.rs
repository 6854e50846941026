//! Writes planes as a JPEG file: baseline, one scan, 4:2:0 or gray, Huffman tables of its own, no metadata.

use super::dct::forward;
use super::huffman::{Table, Writer, count};
use super::planes::{Plane, Planes};
use super::quantiser::Quantiser;
use super::symbols::{Symbol, every_symbol, push_block, push_filler};

/// Makes the file with at most `max` bytes.
///
/// # Errors
///
/// How many bytes there are, or would at least be, when that is more.
pub(crate) fn write(planes: &Planes, quality: u8, max: u64) -> Result<Vec<u8>, u64> {
    let frame = Frame::new(planes, quality);
    let mut jpeg = match planes.luma.samples.len() <= KEPT_PIXELS_MAX {
        true => frame.write_kept(max)?,
        false => frame.write_in_rows(),
    };
    jpeg.extend(END);
    let bytes = jpeg.len() as u64;
    if bytes > max { Err(bytes) } else { Ok(jpeg) }
}

/// Up to here all symbols are kept from counting to writing; they take some 6 bytes a pixel at most.
const KEPT_PIXELS_MAX: usize = 1 << 18;
/// Larger pictures have tables that suit one in so many of their rows of units.
const SAMPLED: usize = 8;

/// A picture and what its header says.
struct Frame<'a> {
    planes: &'a Planes,
    layout: &'static Layout,
    /// For luma and chroma.
    quantisers: [Quantiser; 2],
}

/// What differs between colour and gray.
struct Layout {
    /// Samples of luma on each side of a unit, the smallest part with whole blocks of everything.
    unit: usize,
    /// How many kinds of component there are, each with tables of its own.
    kinds: usize,
    /// The components as the frame header lists them (B.2.2): number, sampling factors, quantisation table.
    components: &'static [u8],
    /// The components as the scan header lists them (B.2.3): number, Huffman tables.
    selectors: &'static [u8],
}

static COLOUR: Layout = Layout {
    unit: 16,
    kinds: 2,
    components: &[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1],
    selectors: &[3, 1, 0x00, 2, 0x11, 3, 0x11],
};
static GRAY: Layout = Layout { unit: 8, kinds: 1, components: &[1, 1, 0x11, 0], selectors: &[1, 1, 0x00] };

/// The last mean of each component, from which the next one is told.
type Means = [i16; 3];

impl<'a> Frame<'a> {
    fn new(planes: &'a Planes, quality: u8) -> Self {
        let layout = if planes.chroma.is_some() { &COLOUR } else { &GRAY };
        Self { planes, layout, quantisers: [Quantiser::luma(quality), Quantiser::chroma(quality)] }
    }

    /// Counts first, and writes only what may be within `max` bytes.
    fn write_kept(&self, max: u64) -> Result<Vec<u8>, u64> {
        let symbols = self.symbols(1);
        let counts = count(&symbols);
        let tables = counts.each_ref().map(Table::best_for);
        let header = self.header(&tables);
        let bits: u64 = tables.iter().zip(&counts).map(|(table, counts)| table.bits(counts)).sum();
        let least = header.len() as u64 + bits / 8;
        if least > max {
            return Err(least);
        }
        let mut writer = Writer::new(&tables, header);
        writer.write(&symbols);
        Ok(writer.finish())
    }

    /// Makes the symbols of the sample twice, so that those of the whole picture are never in memory.
    fn write_in_rows(&self) -> Vec<u8> {
        let mut symbols = self.symbols(SAMPLED);
        symbols.extend(every_symbol());
        let tables = count(&symbols).each_ref().map(Table::best_for);
        let mut writer = Writer::new(&tables, self.header(&tables));
        let mut means = Means::default();
        for row in 0..self.rows() {
            symbols.clear();
            self.push_row(row, &mut means, &mut symbols);
            writer.write(&symbols);
        }
        writer.finish()
    }

    /// Rows of units.
    fn rows(&self) -> usize {
        self.planes.luma.height.div_ceil(self.layout.unit)
    }

    /// The symbols of every row, or only of one in `step`.
    fn symbols(&self, step: usize) -> Vec<Symbol> {
        let (mut symbols, mut means) = (Vec::new(), Means::default());
        (0..self.rows()).step_by(step).for_each(|row| self.push_row(row, &mut means, &mut symbols));
        symbols
    }

    /// For each unit the blocks of luma, row after row, then one of each chroma (A.2.3).
    fn push_row(&self, row: usize, means: &mut Means, symbols: &mut Vec<Symbol>) {
        let Planes { luma, chroma } = self.planes;
        let unit = self.layout.unit;
        for left in (0..luma.width).step_by(unit) {
            for y in (row * unit..).step_by(8).take(unit / 8) {
                for x in (left..).step_by(8).take(unit / 8) {
                    self.push_block(luma, 0, (x, y), &mut means[0], symbols);
                }
            }
            for (plane, mean) in chroma.iter().flatten().zip(&mut means[1..]) {
                self.push_block(plane, 1, (left / 2, row * 8), mean, symbols);
            }
        }
    }

    fn push_block(&self, plane: &Plane, kind: u8, place: (usize, usize), mean: &mut i16, symbols: &mut Vec<Symbol>) {
        if !plane.holds(place) {
            return push_filler(kind, symbols);
        }
        let coefficients = forward(plane.block(place));
        push_block(&self.quantisers[usize::from(kind)].apply(&coefficients), kind, mean, symbols);
    }

    /// All before the coded data: JFIF with square pixels, the tables, the sides (B.2).
    fn header(&self, tables: &[Table; 4]) -> Vec<u8> {
        let Layout { kinds, components, selectors, .. } = self.layout;
        let luma = &self.planes.luma;
        let sides = [luma.height, luma.width].map(|side| (side as u16).to_be_bytes());
        let mut jpeg = START.to_vec();
        push_segment(&mut jpeg, 0xE0, |body| body.extend(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"));
        push_segment(&mut jpeg, 0xDB, |body| {
            (0..).zip(&self.quantisers[..*kinds]).for_each(|(id, quantiser)| {
                body.push(id);
                body.extend(quantiser.steps);
            });
        });
        push_segment(&mut jpeg, 0xC0, |body| {
            body.push(8);
            body.extend(sides.as_flattened());
            body.extend(*components);
        });
        push_segment(&mut jpeg, 0xC4, |body| {
            let tables = tables.iter().zip([0x00, 0x01, 0x10, 0x11]);
            let used = tables.filter(|(_, id)| usize::from(id & 1) < *kinds);
            used.for_each(|(table, id)| table.push_definition(id, body));
        });
        push_segment(&mut jpeg, 0xDA, |body| {
            body.extend(*selectors);
            body.extend([0, 63, 0]);
        });
        jpeg
    }
}

const START: [u8; 2] = [0xFF, 0xD8];
const END: [u8; 2] = [0xFF, 0xD9];

/// A marker, the length of what follows, and that.
fn push_segment(jpeg: &mut Vec<u8>, marker: u8, body: impl FnOnce(&mut Vec<u8>)) {
    jpeg.extend([0xFF, marker, 0, 0]);
    let start = jpeg.len();
    body(jpeg);
    let length = u16::try_from(2 + jpeg.len() - start).expect("all segments together are shorter than 64 kB");
    jpeg[start - 2..start].copy_from_slice(&length.to_be_bytes());
}
