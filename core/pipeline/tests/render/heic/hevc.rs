//! Writes pictures of HEVC (ITU-T H.265) of which every sample is kept as it is, in blocks of PCM.

/// A coded picture for an item `hvc1`.
pub(crate) struct Coded {
    /// The body of its box `hvcC`.
    pub(crate) configuration: Vec<u8>,
    /// The picture behind its length.
    pub(crate) data: Vec<u8>,
}

/// What samples are like.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// 0 is gray; 1 and 3 have a quarter and all of their chroma.
    pub(crate) chroma_format: u8,
    /// Bits of a sample.
    pub(crate) depth: u8,
    /// As many of them are coded, the highest ones.
    pub(crate) coded: u8,
    /// Whether the edges between blocks are filtered.
    pub(crate) smoothed: bool,
}

/// Sides must be multiples of this.
pub(crate) const BLOCK: u32 = 16;

/// A picture whose samples are what `sample` says of a component and its columns and rows.
pub(crate) fn coded((width, height): (u32, u32), form: Form, sample: impl Fn(usize, u32, u32) -> u32) -> Coded {
    let sequence = unit(33, sequence(width, height, form));
    let picture = unit(34, parameters(form));
    let slice = unit(19, slice((width, height), form, sample));
    let data = [&(slice.len() as u32).to_be_bytes(), slice.as_slice()].concat();
    Coded { configuration: configuration(form, &[sequence, picture]), data }
}

/// ISO/IEC 14496-15, 8.3.3.1.
fn configuration(form: Form, sets: &[Vec<u8>]) -> Vec<u8> {
    let depth = 0xF8 | (form.depth - 8);
    let mut record = vec![1];
    record.extend(PROFILE);
    record.extend([0xF0, 0, 0xFC, 0xFC | form.chroma_format, depth, depth, 0, 0, 3, sets.len() as u8]);
    for set in sets {
        record.extend([set[0] >> 1, 0, 1]);
        record.extend((set.len() as u16).to_be_bytes());
        record.extend(set);
    }
    record
}

/// Format range extensions, which have all forms, at level 6.2 (A.3.5).
const PROFILE: [u8; 12] = [4, 8, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 186];

/// 7.3.2.2.
fn sequence(width: u32, height: u32, form: Form) -> Bits {
    let mut bits = Bits::default();
    // No layers; then the profile.
    bits.put(1, 8);
    PROFILE.iter().for_each(|byte| bits.put(u32::from(*byte), 8));
    bits.counts(&[0, form.chroma_format.into()]);
    if form.chroma_format == 3 {
        bits.put(0, 1);
    }
    bits.counts(&[width, height]);
    // All of it is shown.
    bits.put(0, 1);
    let depth = u32::from(form.depth - 8);
    bits.counts(&[depth, depth, 0]);
    bits.put(0, 1);
    bits.counts(&[0, 0, 0]);
    // Blocks of 16 only, with transforms of 4 to 16.
    bits.counts(&[1, 0, 0, 2, 0, 0]);
    // No lists, partitions or offsets, and PCM.
    bits.put(0b0001, 4);
    bits.put(u32::from(form.coded - 1) << 4 | u32::from(form.coded - 1), 8);
    bits.counts(&[1, 0]);
    // A filter over PCM, or none.
    bits.put(u32::from(!form.smoothed), 1);
    bits.counts(&[0]);
    bits.put(0, 5);
    bits.ended()
}

/// 7.3.2.3: none of all that there may be but a filter.
fn parameters(form: Form) -> Bits {
    let mut bits = Bits::default();
    bits.counts(&[0, 0]);
    bits.put(0, 7);
    bits.counts(&[0, 0, 0]);
    bits.put(0, 3);
    bits.counts(&[0, 0]);
    bits.put(0, 7);
    bits.put(0b100 | u32::from(!form.smoothed), 3);
    if form.smoothed {
        bits.counts(&[0, 0]);
    }
    bits.put(0, 2);
    bits.counts(&[0]);
    bits.put(0, 2);
    bits.ended()
}

/// 7.3.6: one slice of all blocks.
fn slice((width, height): (u32, u32), form: Form, sample: impl Fn(usize, u32, u32) -> u32) -> Bits {
    let mut bits = Bits::default();
    bits.put(0b10, 2);
    // Of the first set of parameters, and without prediction from others.
    bits.counts(&[0, 2]);
    // The highest quantiser, with which the fewest states are passed.
    bits.counts(&[2 * (51 - 26) - 1]);
    bits = bits.ended();
    let components = if form.chroma_format == 0 { 1 } else { 3 };
    for (index, (left, top)) in blocks(width, height).enumerate() {
        bits.put(begun(index), 9);
        bits.align();
        for component in 0..components {
            let pixels = if component > 0 && form.chroma_format == 1 { 2 } else { 1 };
            for (row, column) in places(BLOCK / pixels) {
                let sample = sample(component, left / pixels + column, top / pixels + row);
                bits.put(sample >> (form.depth - form.coded), form.coded.into());
            }
        }
    }
    // The slice ends.
    bits.put(508 | 1, 9);
    bits.align();
    bits
}

fn blocks(width: u32, height: u32) -> impl Iterator<Item = (u32, u32)> {
    let step = BLOCK as usize;
    (0..height).step_by(step).flat_map(move |top| (0..width).step_by(step).map(move |left| (left, top)))
}

/// Rows and columns of a block.
fn places(side: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..side).flat_map(move |row| (0..side).map(move |column| (row, column)))
}

/// The arithmetic coder's bits for: the slice goes on, the block is one part, PCM follows (9.3.4.3).
///
/// Its range is 510, of which the end of the slice takes 2 before all blocks but the first, and other partitions as much as is
/// likely: less with each block. The upper 2 of what is left are PCM. The last bit says that all was said.
fn begun(block: usize) -> u32 {
    let range = if block == 0 { 510 } else { 508 };
    (range - PARTED[block.min(PARTED.len() - 1)] - 2) | 1
}

/// Table 9-52 at the highest range, from state 15 on, where `part_mode` begins at the highest quantiser.
const PARTED: [u32; 48] = [
    110, 104, 99, 94, 89, 85, 80, 76, 72, 69, 65, 62, 59, 56, 53, 50, 48, 45, 43, 41, 39, 37, 35, 33, 31, 30, 28, 27,
    25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9,
];

/// 7.3.1: a header, and what keeps data from looking like the start of a unit.
fn unit(kind: u8, payload: Bits) -> Vec<u8> {
    let mut unit = vec![kind << 1, 1];
    let mut zeros = 0;
    for byte in payload.bytes {
        if zeros == 2 && byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        unit.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    unit
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are not used yet.
    free: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            *self.bytes.last_mut().unwrap() |= ((value >> bit & 1) << self.free) as u8;
        }
    }

    /// Numbers of which the length is as many zeros (9.2).
    fn counts(&mut self, values: &[u32]) {
        for value in values {
            let bits = u32::BITS - (value + 1).leading_zeros();
            self.put(value + 1, 2 * bits - 1);
        }
    }

    fn align(&mut self) {
        self.free = 0;
    }

    fn ended(mut self) -> Self {
        self.put(1, 1);
        self.align();
        self
    }
}
