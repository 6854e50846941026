//! Huffman tables made for the symbols of one picture (ITU-T T.81, K.2), and coding with them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::symbols::Symbol;

/// How often each symbol occurs, for each table.
pub(crate) type Counts = [[u32; 256]; 4];

pub(crate) fn count(symbols: &[Symbol]) -> Counts {
    let mut counts = [[0; 256]; 4];
    for symbol in symbols {
        counts[usize::from(symbol.table)][usize::from(symbol.value)] += 1;
    }
    counts
}

/// Which code each symbol has.
pub(crate) struct Table {
    /// How many codes there are of each length from 1 to 16.
    lengths: [u8; 16],
    /// The symbols, shortest code first.
    symbols: Vec<u8>,
    /// Code and length of each symbol.
    codes: [(u16, u8); 256],
}

impl Table {
    pub(crate) fn best_for(counts: &[u32; 256]) -> Self {
        let count = |symbol: &u8| counts[usize::from(*symbol)];
        let mut symbols: Vec<u8> = (0..=255).filter(|symbol| count(symbol) > 0).collect();
        symbols.sort_by_key(|symbol| Reverse(count(symbol)));
        let lengths = limited(depths(symbols.iter().map(count)));
        let mut table = Self { lengths, symbols, codes: [(0, 0); 256] };
        table.assign_codes();
        table
    }

    fn assign_codes(&mut self) {
        let mut symbols = self.symbols.iter();
        let mut code = 0_u16;
        for (length, count) in (1..).zip(self.lengths) {
            for symbol in symbols.by_ref().take(usize::from(count)) {
                self.codes[usize::from(*symbol)] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
    }

    /// Appends what a DHT segment says of a table (B.2.4.2).
    pub(crate) fn push_definition(&self, id: u8, body: &mut Vec<u8>) {
        body.push(id);
        body.extend(self.lengths);
        body.extend(&self.symbols);
    }

    /// What all symbols take together, with the plain bits behind them.
    pub(crate) fn bits(&self, counts: &[u32; 256]) -> u64 {
        let one = |symbol: &u8| u64::from(self.codes[usize::from(*symbol)].1 + (symbol & 15));
        self.symbols.iter().map(|symbol| one(symbol) * u64::from(counts[usize::from(*symbol)])).sum()
    }
}

/// How many leaves of the best tree lie at each depth, with one more leaf for the code of ones that is not allowed.
fn depths(counts: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut open: BinaryHeap<_> = counts.chain([0]).enumerate().map(|(leaf, count)| Reverse((count, leaf))).collect();
    let leaves = open.len();
    let mut parents = vec![0; 2 * leaves - 1];
    for joint in leaves..2 * leaves - 1 {
        let (Some(Reverse(one)), Some(Reverse(other))) = (open.pop(), open.pop()) else { break };
        (parents[one.1], parents[other.1]) = (joint, joint);
        open.push(Reverse((one.0 + other.0, joint)));
    }
    let mut depth = vec![0; parents.len()];
    for node in (0..parents.len() - 1).rev() {
        depth[node] = depth[parents[node]] + 1;
    }
    let mut lengths = vec![0; leaves.max(17) + 1];
    depth[..leaves].iter().for_each(|depth| lengths[*depth] += 1);
    lengths
}

/// Brings codes that are too long to 16 bits (figure K.3), then takes the code of ones away.
fn limited(mut lengths: Vec<u32>) -> [u8; 16] {
    for length in (17..lengths.len()).rev() {
        while lengths[length] > 0 {
            let shorter = (1..length - 1).rev().find(|shorter| lengths[*shorter] > 0);
            let shorter = shorter.expect("a full tree has a leaf above its two deepest ones");
            lengths[length] -= 2;
            lengths[length - 1] += 1;
            lengths[shorter + 1] += 2;
            lengths[shorter] -= 1;
        }
    }
    let longest = (1..=16).rev().find(|length| lengths[*length] > 0);
    lengths[longest.unwrap_or(16)] = lengths[longest.unwrap_or(16)].saturating_sub(1);
    std::array::from_fn(|index| u8::try_from(lengths[index + 1]).expect("a table has 256 symbols at most"))
}

/// Appends symbols to a file as bits, highest first.
pub(crate) struct Writer {
    /// For each table and value, the code with room for the plain bits below it, and the length of both.
    codes: Vec<(u32, u32)>,
    /// Bits that fill no byte yet are the lowest.
    held: u64,
    count: u32,
    jpeg: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(tables: &[Table; 4], jpeg: Vec<u8>) -> Self {
        let codes = tables.iter().flat_map(|table| (0..).zip(&table.codes));
        let codes = codes.map(|(value, (code, length))| {
            let plain_bits: u32 = value & 15;
            (u32::from(*code) << plain_bits, u32::from(*length) + plain_bits)
        });
        Self { codes: codes.collect(), held: 0, count: 0, jpeg }
    }

    pub(crate) fn write(&mut self, symbols: &[Symbol]) {
        symbols.chunks(AT_ONCE).for_each(|symbols| self.write_some(symbols));
    }

    fn write_some(&mut self, symbols: &[Symbol]) {
        let mut bytes = [0; AT_ONCE * SYMBOL_BYTES_MAX + 8];
        let mut at = 0;
        for symbol in symbols {
            let (code, bits) = self.codes[usize::from(symbol.table) << 8 | usize::from(symbol.value)];
            self.held = self.held << bits | u64::from(code | u32::from(symbol.plain));
            self.count += bits;
            // All that is held, whole bytes or not: to ask first would take longer.
            bytes[at..at + 8].copy_from_slice(&(self.held << (64 - self.count)).to_be_bytes());
            at += (self.count / 8) as usize;
            self.count %= 8;
        }
        push_stuffed(&bytes[..at], &mut self.jpeg);
    }

    /// Fills the last byte with ones.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            let last = (self.held << (8 - self.count)) as u8 | 0xFF >> self.count;
            push_stuffed(&[last], &mut self.jpeg);
        }
        self.jpeg
    }
}

/// Symbols that are written before bytes are stuffed.
const AT_ONCE: usize = 1024;
/// A code has 16 bits, and what follows has 11.
const SYMBOL_BYTES_MAX: usize = 4;

/// Appends bytes, with a zero behind each byte of ones (F.1.2.3).
fn push_stuffed(mut bytes: &[u8], jpeg: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(0xFF, bytes) {
        jpeg.extend_from_slice(&bytes[..=at]);
        jpeg.push(0);
        bytes = &bytes[at + 1..];
    }
    jpeg.extend_from_slice(bytes);
}
