//! Reads entropy-coded data bit by bit: takes the stuffed zeros out (ITU-T T.81, B.1.1.5) and stops at markers.

use super::Damage;

/// A place in entropy-coded data.
///
/// It is small and `Copy`, so that a decoder's inner loop can keep one of its own in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    coded: &'a [u8],
    /// The next byte that is not held yet.
    at: usize,
    /// The bits ahead, highest first.
    held: u64,
    /// How many of them count.
    count: u32,
    /// How many of those that count were invented, because a marker came before them.
    lacking: u32,
}

/// Cameras and webcams are known to leave a few bytes behind the last block, of which every viewer takes no notice. More
/// than this was meant as picture.
const BYTES_LEFT_MAX: usize = 256;

impl<'a> Bits<'a> {
    /// Begins with data that ends before a marker, or with the slice.
    pub(super) fn new(coded: &'a [u8]) -> Self {
        Self { coded, at: 0, held: 0, count: 0, lacking: 0 }
    }

    /// Sees to it that at least 56 bits are held; zeros where there is no more data.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(ahead) = self.coded.get(self.at..).and_then(|ahead| ahead.first_chunk()) {
            let ahead = u64::from_be_bytes(*ahead);
            if !has_ff(ahead) {
                self.held |= ahead >> self.count;
                self.at += (63 - self.count as usize) >> 3;
                self.count |= 56;
                return;
            }
        }
        *self = self.refilled_by_bytes();
    }

    #[cold]
    #[inline(never)]
    fn refilled_by_bytes(mut self) -> Self {
        while self.count < 56 {
            let byte = match self.coded.get(self.at..).unwrap_or_default() {
                [0xFF, 0x00, ..] => Some((0xFF, 2)),
                [0xFF, ..] | [] => None,
                [byte, ..] => Some((*byte, 1)),
            };
            match byte {
                Some((byte, length)) => {
                    self.held |= u64::from(byte) << (56 - self.count);
                    self.at += length;
                }
                None => self.lacking = self.lacking.saturating_add(8),
            }
            self.count += 8;
        }
        self
    }

    /// The next 1 to 32 of the bits that are held.
    #[inline(always)]
    pub(super) fn peek(&self, length: u32) -> u32 {
        (self.held >> (64 - length)) as u32
    }

    /// Passes bits that are held.
    #[inline(always)]
    pub(super) fn pass(&mut self, length: u32) {
        self.held <<= length & 63;
        self.count = self.count.wrapping_sub(length);
    }

    #[inline(always)]
    pub(super) fn take(&mut self, length: u32) -> u32 {
        let taken = self.peek(length);
        self.pass(length);
        taken
    }

    /// A number of `size` bits, 1 to 15, of which the first tells the sign (F.2.2.1, EXTEND).
    #[inline(always)]
    pub(super) fn take_signed(&mut self, size: u32) -> i32 {
        extend(self.take(size), size)
    }

    /// Says whether more was taken than there was.
    pub(super) fn check(&self) -> Result<(), Damage> {
        if self.count < self.lacking { Err(Damage::Short) } else { Ok(()) }
    }

    /// Goes on behind the restart marker that has this number; all before it must have been used up.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Damage> {
        self.check()?;
        let rest = self.coded.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        if self.count - self.lacking >= 8 || fill == 0 || rest.get(fill) != Some(&(0xD0 + number)) {
            return Err(Damage::Restart);
        }
        *self = Self { at: self.at + fill + 1, ..Self::new(self.coded) };
        Ok(())
    }

    /// The scan is over: nothing is lacking, and next to nothing is left.
    pub(super) fn finish(&self) -> Result<(), Damage> {
        self.check()?;
        let held = (self.count - self.lacking) as usize / 8;
        let ahead = self.coded.len() - self.at.min(self.coded.len());
        if held + ahead > BYTES_LEFT_MAX { Err(Damage::Long) } else { Ok(()) }
    }
}

/// Whether one of eight bytes is 0xFF.
#[inline(always)]
fn has_ff(bytes: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    bytes & (!bytes).wrapping_sub(ONES) & (ONES << 7) != 0
}

#[inline(always)]
pub(super) fn extend(value: u32, size: u32) -> i32 {
    let value = value as i32;
    if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_bits(bytes: &[u8], count: usize) -> (Vec<u32>, Bits<'_>) {
        let mut bits = Bits::new(bytes);
        let taken = (0..count).map(|_| {
            bits.refill();
            bits.take(1)
        });
        (taken.collect(), bits)
    }

    #[test]
    fn stuffed_zeros_are_no_data() {
        for before in 0..12 {
            let mut coded = vec![0b1010_0101; before];
            coded.extend([0xFF, 0x00, 0x80, 0xFF, 0xD9]);
            let (taken, bits) = all_bits(&coded, 8 * before + 16);
            let end = &taken[8 * before..];
            assert_eq!(end, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], "{before}");
            assert_eq!(bits.check(), Ok(()));
        }
    }

    #[test]
    fn what_is_taken_beyond_a_marker_is_lacking() {
        for coded in [[0x12, 0x34, 0xFF, 0xD9].as_slice(), &[0x12, 0x34], &[0x12, 0x34, 0xFF]] {
            assert_eq!(all_bits(coded, 16).1.check(), Ok(()));
            assert_eq!(all_bits(coded, 17).1.check(), Err(Damage::Short));
        }
    }

    #[test]
    fn a_restart_is_where_and_what_it_must_be() {
        let coded = [0x12, 0x3F, 0xFF, 0xFF, 0xD3, 0x80, 0xFF, 0xD9];
        let (_, mut bits) = all_bits(&coded, 12);
        assert_eq!(bits.restart(3), Ok(()));
        bits.refill();
        assert_eq!((bits.take(1), bits.take(1)), (1, 0));
        assert_eq!(all_bits(&coded, 12).1.restart(2), Err(Damage::Restart), "another number");
        assert_eq!(all_bits(&coded, 8).1.restart(3), Err(Damage::Restart), "a byte is left");
        assert_eq!(all_bits(&coded, 17).1.restart(3), Err(Damage::Short));
    }

    #[test]
    fn numbers_are_extended_by_their_sign() {
        let values = [(0b0, 1, -1), (0b1, 1, 1), (0b000, 3, -7), (0b011, 3, -4), (0b100, 3, 4), (0b111, 3, 7)];
        for (bits, size, value) in values {
            assert_eq!(extend(bits, size), value);
        }
    }
}
