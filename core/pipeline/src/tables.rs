//! Gives a baseline JPEG Huffman tables of its own (ITU-T T.81, K.2) without touching a coefficient.
//!
//! The encoder here can do that only with one scan for each colour, which not every reader takes. Thumbnails become a
//! tenth smaller. Knows one layout, that of the encoder here: three components, 4:2:0, one scan, no restarts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Writes the same picture with the tables that suit it best; `None` for any other layout.
pub(crate) fn tighten(jpeg: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    let parts = Parts::split(jpeg)?;
    let units = (width.div_ceil(16) * height.div_ceil(16)) as usize;
    let symbols = parts.symbols(units)?;
    let tables = frequencies(&symbols).map(|counts| Table::best_for(&counts));
    let mut tight = parts.header;
    tables.iter().zip(TABLE_IDS).for_each(|(table, id)| table.write(id, &mut tight));
    tight.extend(parts.scan_header);
    write_coded(&symbols, &tables, &mut tight);
    tight.extend([0xFF, 0xD9]);
    Some(tight)
}

/// The identifiers of DHT segments (B.2.4.2): for luminance and chrominance, DC first, then AC.
const TABLE_IDS: [u8; 4] = [0x00, 0x01, 0x10, 0x11];
const AC: usize = 2;
/// Four blocks of luminance, then one of each chrominance.
const UNIT: [usize; 6] = [0, 0, 0, 0, 1, 1];

/// A Huffman-coded symbol, with the plain bits behind it.
#[derive(Clone, Copy)]
struct Symbol {
    table: u8,
    value: u8,
    /// As many as the lower half of `value` says.
    plain: u16,
}

impl Symbol {
    fn plain_bits(self) -> u32 {
        u32::from(self.value & 15)
    }
}

/// A JPEG without its tables.
struct Parts<'a> {
    header: Vec<u8>,
    readers: [Reader; 4],
    scan_header: &'a [u8],
    coded: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(jpeg: &'a [u8]) -> Option<Self> {
        let (mut header, mut at) = (jpeg.get(..2)?.to_vec(), 2);
        let mut readers = [(); 4].map(|()| None);
        loop {
            let length = usize::from(u16::from_be_bytes([*jpeg.get(at + 2)?, *jpeg.get(at + 3)?]));
            let segment = jpeg.get(at..at + 2 + length)?;
            at += segment.len();
            match segment[1] {
                0xC4 => {
                    let (id, table) = segment.get(4..)?.split_first()?;
                    let index = TABLE_IDS.iter().position(|known| known == id)?;
                    readers[index] = Some(Reader::new(table)?);
                }
                0xDA => {
                    let [Some(a), Some(b), Some(c), Some(d)] = readers else { return None };
                    return Some(Self { header, readers: [a, b, c, d], scan_header: segment, coded: &jpeg[at..] });
                }
                _ => header.extend(segment),
            }
        }
    }

    fn symbols(&self, units: usize) -> Option<Vec<Symbol>> {
        let mut bits = Bits { bytes: self.coded, held: 0, count: 0 };
        let mut symbols = Vec::with_capacity(self.coded.len() * 2);
        for _ in 0..units {
            for colour in UNIT {
                self.block(colour, &mut bits, &mut symbols)?;
            }
        }
        Some(symbols)
    }

    /// One DC symbol, then AC symbols until the block is full or said to end (F.1.2).
    fn block(&self, colour: usize, bits: &mut Bits<'_>, symbols: &mut Vec<Symbol>) -> Option<()> {
        const END_OF_BLOCK: u8 = 0x00;
        symbols.push(self.readers[colour].read(colour, bits)?);
        let mut coefficient = 1;
        while coefficient < 64 {
            let symbol = self.readers[AC + colour].read(AC + colour, bits)?;
            symbols.push(symbol);
            if symbol.value == END_OF_BLOCK {
                break;
            }
            coefficient += 1 + (symbol.value >> 4);
        }
        Some(())
    }
}

fn frequencies(symbols: &[Symbol]) -> [[u32; 256]; 4] {
    let mut counts = [[0; 256]; 4];
    for symbol in symbols {
        counts[usize::from(symbol.table)][usize::from(symbol.value)] += 1;
    }
    counts
}

/// Bits from stuffed bytes, highest first; zeros after the end.
struct Bits<'a> {
    bytes: &'a [u8],
    held: u64,
    count: u32,
}

impl Bits<'_> {
    fn peek_16(&mut self) -> u16 {
        while self.count <= 48 {
            let stuffed = self.bytes.starts_with(&[0xFF, 0x00]);
            let next = self.bytes.split_off_first().copied().unwrap_or(0);
            if stuffed {
                self.bytes = &self.bytes[1..];
            }
            self.held = self.held << 8 | u64::from(next);
            self.count += 8;
        }
        (self.held >> (self.count - 16)) as u16
    }

    fn drop(&mut self, count: u32) {
        self.count -= count;
    }

    fn take(&mut self, count: u32) -> u16 {
        let ahead = u32::from(self.peek_16());
        self.drop(count);
        (ahead >> (16 - count)) as u16
    }
}

/// A table for reading, as a DHT segment has it.
struct Reader {
    /// Length and symbol for each beginning of `SHORT` bits; length 0 where the code is longer.
    short: Vec<(u8, u8)>,
    /// For each length, the code after its last one, and what leads from a code to its symbol.
    ends: [(u32, u32); 17],
    symbols: Vec<u8>,
}

const SHORT: usize = 9;

impl Reader {
    fn new(table: &[u8]) -> Option<Self> {
        let (counts, symbols) = table.split_at_checked(16)?;
        let mut reader = Self { short: vec![(0, 0); 1 << SHORT], ends: [(0, 0); 17], symbols: symbols.to_vec() };
        let (mut code, mut index) = (0_u32, 0_u32);
        for (length, count) in (1..).zip(counts) {
            for _ in 0..*count {
                reader.note_short(length, code, *symbols.get(index as usize)?);
                (code, index) = (code + 1, index + 1);
            }
            reader.ends[length] = (code, index.wrapping_sub(code));
            code <<= 1;
        }
        Some(reader)
    }

    fn note_short(&mut self, length: usize, code: u32, symbol: u8) {
        if length <= SHORT {
            let span = 1 << (SHORT - length);
            self.short[code as usize * span..][..span].fill((length as u8, symbol));
        }
    }

    fn read(&self, table: usize, bits: &mut Bits<'_>) -> Option<Symbol> {
        let ahead = bits.peek_16();
        let (length, value) = match self.short[usize::from(ahead >> (16 - SHORT))] {
            (0, _) => self.long(u32::from(ahead))?,
            short => short,
        };
        bits.drop(u32::from(length));
        let plain = bits.take(u32::from(value & 15));
        Some(Symbol { table: table as u8, value, plain })
    }

    fn long(&self, ahead: u32) -> Option<(u8, u8)> {
        let length = (SHORT + 1..=16).find(|length| ahead >> (16 - length) < self.ends[*length].0)?;
        let index = (ahead >> (16 - length)).wrapping_add(self.ends[length].1);
        Some((length as u8, *self.symbols.get(index as usize)?))
    }
}

/// A table for writing.
struct Table {
    /// How many codes there are of each length from 1 to 16.
    counts: [u8; 16],
    /// The symbols, shortest code first.
    symbols: Vec<u8>,
    /// Code and length of each symbol.
    codes: Vec<(u16, u8)>,
}

impl Table {
    fn best_for(frequencies: &[u32; 256]) -> Self {
        let mut symbols: Vec<u8> = (0..=255).filter(|symbol| frequencies[usize::from(*symbol)] > 0).collect();
        symbols.sort_by_key(|symbol| Reverse(frequencies[usize::from(*symbol)]));
        let counts = limited(depths(symbols.iter().map(|symbol| frequencies[usize::from(*symbol)])));
        let mut table = Self { counts, symbols, codes: vec![(0, 0); 256] };
        table.assign_codes();
        table
    }

    fn assign_codes(&mut self) {
        let mut symbols = self.symbols.iter();
        let mut code = 0_u16;
        for (length, count) in (1..).zip(self.counts) {
            for symbol in symbols.by_ref().take(usize::from(count)) {
                self.codes[usize::from(*symbol)] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
    }

    fn write(&self, id: u8, out: &mut Vec<u8>) {
        let length = u16::try_from(19 + self.symbols.len()).expect("a table has 256 symbols at most");
        out.extend([0xFF, 0xC4]);
        out.extend(length.to_be_bytes());
        out.push(id);
        out.extend(self.counts);
        out.extend(&self.symbols);
    }
}

/// How many leaves of the best tree lie at each depth, with one more leaf for the code of ones that is not allowed.
fn depths(frequencies: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut parents: Vec<usize> = Vec::new();
    let mut open: BinaryHeap<_> =
        frequencies.chain([0]).enumerate().map(|(leaf, count)| Reverse((count, leaf))).collect();
    let leaves = open.len();
    parents.resize(2 * leaves - 1, 0);
    for joint in leaves..2 * leaves - 1 {
        let (Some(Reverse(one)), Some(Reverse(other))) = (open.pop(), open.pop()) else { break };
        (parents[one.1], parents[other.1]) = (joint, joint);
        open.push(Reverse((one.0 + other.0, joint)));
    }
    let mut depth = vec![0; parents.len()];
    for node in (0..parents.len() - 1).rev() {
        depth[node] = depth[parents[node]] + 1;
    }
    let mut counts = vec![0; leaves.max(17) + 1];
    depth[..leaves].iter().for_each(|depth| counts[*depth] += 1);
    counts
}

/// Brings codes that are too long to 16 bits (K.2, figure K.3), then takes the code of ones away.
fn limited(mut counts: Vec<u32>) -> [u8; 16] {
    for length in (17..counts.len()).rev() {
        while counts[length] > 0 {
            let shorter = (1..length - 1).rev().find(|shorter| counts[*shorter] > 0);
            let shorter = shorter.expect("a full tree has a leaf above its two deepest ones");
            counts[length] -= 2;
            counts[length - 1] += 1;
            counts[shorter + 1] += 2;
            counts[shorter] -= 1;
        }
    }
    let longest = (1..=16).rev().find(|length| counts[*length] > 0);
    counts[longest.unwrap_or(16)] = counts[longest.unwrap_or(16)].saturating_sub(1);
    std::array::from_fn(|index| u8::try_from(counts[index + 1]).expect("a table has 256 symbols at most"))
}

/// Codes and plain bits, with a zero byte behind each byte of ones, and ones in what is left of the last byte.
fn write_coded(symbols: &[Symbol], tables: &[Table; 4], out: &mut Vec<u8>) {
    let (mut held, mut count) = (0_u64, 0);
    let mut put = |bits: u64, length: u32| {
        (held, count) = (held << length | bits, count + length);
        while count >= 8 {
            count -= 8;
            let byte = (held >> count) as u8;
            out.push(byte);
            if byte == 0xFF {
                out.push(0);
            }
        }
    };
    for symbol in symbols {
        let (code, length) = tables[usize::from(symbol.table)].codes[usize::from(symbol.value)];
        put(u64::from(code), u32::from(length));
        put(u64::from(symbol.plain), symbol.plain_bits());
    }
    put(0x7F, 7);
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;

    use super::*;

    fn encoded(rgb: &[u8], width: u16, height: u16, quality: u8) -> Vec<u8> {
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.encode(rgb, width, height, ColorType::Rgb).unwrap();
        jpeg
    }

    fn pixels(jpeg: &[u8]) -> Vec<u8> {
        JpegDecoder::new(ZCursor::new(jpeg)).decode().unwrap()
    }

    /// Noise that is flatter the further down it lies.
    fn picture(width: usize, height: usize, levels: u32) -> Vec<u8> {
        let mut state = 1_u32;
        (0..width * height * 3)
            .map(|index| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let flat = (index / width / 3 * 8 / height) as u32;
                (((state >> 24) * levels / 256) >> flat) as u8
            })
            .collect()
    }

    #[test]
    fn the_picture_is_the_same_and_the_file_smaller() {
        for (width, height) in [(16, 16), (48, 48), (200, 150), (33, 97), (1, 1)] {
            for (levels, quality) in [(1, 85), (20, 85), (256, 85), (256, 100), (256, 20)] {
                let jpeg = encoded(&picture(width, height, levels), width as u16, height as u16, quality);
                let tight = tighten(&jpeg, width as u32, height as u32).unwrap();
                assert!(tight.len() < jpeg.len(), "{width}x{height} {levels} {quality}");
                assert_eq!(pixels(&tight), pixels(&jpeg), "{width}x{height} {levels} {quality}");
            }
        }
    }

    #[test]
    fn no_code_is_longer_than_sixteen_bits_or_all_ones() {
        let mut frequencies = [0; 256];
        let (mut one, mut two) = (1_u32, 1_u32);
        for frequency in frequencies.iter_mut().take(40) {
            *frequency = one;
            (one, two) = (two, one + two);
        }
        let table = Table::best_for(&frequencies);
        assert_eq!(table.counts.iter().map(|count| usize::from(*count)).sum::<usize>(), 40);
        for symbol in &table.symbols {
            let (code, length) = table.codes[usize::from(*symbol)];
            assert!((1..=16).contains(&length));
            assert!(u32::from(code) < (1 << length) - 1, "{code:b} of {length} bits");
        }
    }

    #[test]
    fn another_layout_is_left_alone() {
        assert_eq!(tighten(b"\xFF\xD8\xFF\xD9", 16, 16), None);
        assert_eq!(tighten(b"", 16, 16), None);
    }
}
