//! Turns quantised blocks into the symbols that Huffman codes stand for (ITU-T T.81, F.1.2).

/// A Huffman-coded symbol, with the plain bits behind it.
#[derive(Clone, Copy)]
pub(crate) struct Symbol {
    /// 0 to 3.
    pub(crate) table: u8,
    pub(crate) value: u8,
    /// As many as the lower half of `value` says.
    pub(crate) plain: u16,
}

/// Of the four tables, those for AC follow those for DC; of two, chroma's follows luma's.
const AC: u8 = 2;

const END_OF_BLOCK: u8 = 0x00;
const SIXTEEN_ZEROS: u8 = 0xF0;

impl Symbol {
    /// A number with as many bits as it needs; a negative one is its predecessor's lowest bits.
    fn new(table: u8, zeros: u32, number: i32) -> Self {
        let bits = (2 * number.unsigned_abs() + 1).ilog2();
        let plain = (number + (number >> 31)) & ((1 << bits) - 1);
        Self { table, value: (zeros << 4 | bits) as u8, plain: plain as u16 }
    }

    fn bare(table: u8, value: u8) -> Self {
        Self { table, value, plain: 0 }
    }
}

/// Appends a block in zigzag order: the step of its mean from the last block's, then what is not zero.
///
/// `kind` is 0 for luma and 1 for chroma.
pub(crate) fn push_block(block: &[i16; 64], kind: u8, last_dc: &mut i16, symbols: &mut Vec<Symbol>) {
    symbols.push(Symbol::new(kind, 0, i32::from(block[0]) - i32::from(*last_dc)));
    *last_dc = block[0];
    let table = AC + kind;
    let mut left = non_zeros(block) & !1;
    let mut next = 1;
    while left != 0 {
        let at = left.trailing_zeros();
        let mut zeros = at - next;
        while zeros > 15 {
            symbols.push(Symbol::bare(table, SIXTEEN_ZEROS));
            zeros -= 16;
        }
        symbols.push(Symbol::new(table, zeros, i32::from(block[at as usize & 63])));
        left &= left - 1;
        next = at + 1;
    }
    if next < 64 {
        symbols.push(Symbol::bare(table, END_OF_BLOCK));
    }
}

/// Appends a block that nobody sees: all zeros, but for the mean of the last one.
pub(crate) fn push_filler(kind: u8, symbols: &mut Vec<Symbol>) {
    symbols.extend([Symbol::new(kind, 0, 0), Symbol::bare(AC + kind, END_OF_BLOCK)]);
}

/// Each symbol that may occur, once: sizes to 11 bits, and for AC to 10 with up to 15 zeros before (F.1.2).
pub(crate) fn every_symbol() -> impl Iterator<Item = Symbol> {
    let of_kind = |kind| {
        let steps = (0..=11).map(move |size| Symbol::bare(kind, size));
        let runs =
            (0..=0xFF).filter(|value| matches!(value & 15, 1..=10) || [END_OF_BLOCK, SIXTEEN_ZEROS].contains(value));
        steps.chain(runs.map(move |value| Symbol::bare(AC + kind, value)))
    };
    (0..2).flat_map(of_kind)
}

/// One bit for each coefficient, lowest first.
fn non_zeros(block: &[i16; 64]) -> u64 {
    /// Brings the lowest bits of eight bytes together in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|value| u8::from(value != 0));
    let bytes = flags.as_chunks().0.iter().map(|eight| (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) as u8);
    bytes.rev().fold(0, |mask, byte| mask << 8 | u64::from(byte))
}
