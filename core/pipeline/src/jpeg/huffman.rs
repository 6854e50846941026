//! Huffman codes (ITU-T T.81, annex C and F.2.2.3), and tables that decode several of them by one look.
//!
//! All tables are filled from [`Code::find`], which is the definition; they are only faster.

use super::Damage;
use super::bits::{Bits, extend};

/// A code as a DHT segment gives it.
#[derive(Clone)]
pub(super) struct Code {
    symbols: Vec<u8>,
    /// For each length of 1 to 16: where its codes end among all values of 16 bits, and how many are shorter.
    ends: [u32; 17],
    shorter: [u32; 17],
    /// Length and symbol by the first eight bits; a length of 0 where the code is longer.
    short: [(u8, u8); 256],
}

impl Code {
    /// `counts` says how many codes there are of each length, `symbols` what they mean.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Damage> {
        let (mut ends, mut shorter) = ([0; 17], [0; 17]);
        let (mut end, mut seen) = (0_u32, 0);
        for (length, count) in (1..).zip(counts) {
            shorter[length] = seen;
            seen += u32::from(*count);
            end += u32::from(*count) << (16 - length);
            ends[length] = end;
            // The code of ones only is left free (C.2), so that fill bits are no code.
            if *count > 0 && end > 0xFFFF {
                return Err(Damage::Table);
            }
        }
        if seen as usize != symbols.len() {
            return Err(Damage::Table);
        }
        let mut code = Self { symbols: symbols.to_vec(), ends, shorter, short: [(0, 0); 256] };
        for look in 0..256 {
            if let Some((length @ 1..=8, symbol)) = code.search(look << 8) {
                code.short[look as usize] = (length as u8, symbol);
            }
        }
        Ok(code)
    }

    /// The length and the symbol of the code with which these 16 bits begin.
    #[inline(always)]
    fn find(&self, ahead: u32) -> Option<(u32, u8)> {
        match self.short[(ahead >> 8) as usize & 0xFF] {
            (0, _) => self.search(ahead),
            (length, symbol) => Some((length.into(), symbol)),
        }
    }

    fn search(&self, ahead: u32) -> Option<(u32, u8)> {
        let length = (1..=16).find(|length| ahead < self.ends[*length])?;
        let place = self.shorter[length] + ((ahead - self.ends[length - 1]) >> (16 - length));
        Some((length as u32, *self.symbols.get(place as usize)?))
    }

    /// Takes one symbol; at least 16 bits are held.
    #[inline(always)]
    pub(super) fn take(&self, bits: &mut Bits<'_>) -> Result<u8, Damage> {
        let (length, symbol) = self.find(bits.peek(16)).ok_or(Damage::Code)?;
        bits.pass(length);
        Ok(symbol)
    }
}

/// How many bits one look decides, for each kind of table. More would decide more, from tables that take longer to make and
/// that the nearest cache does not hold.
const DIFFERENCE_LOOK: u32 = 10;
const VALUE_LOOK: u32 = 12;
const PASSING_LOOK: u32 = 13;

/// The lowest `length` bits of a look, followed by zeros, as [`Code::find`] wants them.
fn padded(look: usize, length: u32) -> u32 {
    ((look as u32) << (16 - length)) & 0xFFFF
}

/// Differences of DC coefficients: code and value by one look.
pub(super) struct Differences {
    code: Code,
    /// The value in the upper half, the length of both in the lower; 0 where they are longer than a look.
    looks: Box<[i32; 1 << DIFFERENCE_LOOK]>,
}

/// A difference of eight-bit pictures has at most so many bits (F.1.2.1.1).
const DIFFERENCE_BITS_MAX: u32 = 11;

impl Differences {
    pub(super) fn new(code: &Code) -> Self {
        let mut looks = Box::new([0; 1 << DIFFERENCE_LOOK]);
        for (look, entry) in looks.iter_mut().enumerate() {
            let Some((length, size)) = code.find(padded(look, DIFFERENCE_LOOK)) else { continue };
            let (size, whole) = (u32::from(size), length + u32::from(size));
            if whole <= DIFFERENCE_LOOK && size <= DIFFERENCE_BITS_MAX {
                *entry = value_at(look, DIFFERENCE_LOOK - whole, size) << 16 | whole as i32;
            }
        }
        Self { code: code.clone(), looks }
    }

    /// Takes a difference; at least 27 bits are held.
    #[inline(always)]
    pub(super) fn take(&self, bits: &mut Bits<'_>) -> Result<i32, Damage> {
        let entry = self.looks[bits.peek(DIFFERENCE_LOOK) as usize];
        if entry != 0 {
            bits.pass(entry as u32 & 0xFF);
            return Ok(entry >> 16);
        }
        let value;
        (*bits, value) = self.take_long(*bits)?;
        Ok(value)
    }

    #[cold]
    #[inline(never)]
    fn take_long<'a>(&self, mut bits: Bits<'a>) -> Result<(Bits<'a>, i32), Damage> {
        match u32::from(self.code.take(&mut bits)?) {
            0 => Ok((bits, 0)),
            size @ 1..=DIFFERENCE_BITS_MAX => {
                let value = bits.take_signed(size);
                Ok((bits, value))
            }
            _ => Err(Damage::Code),
        }
    }
}

/// The value of `size` bits of which `behind` bits follow in a look.
fn value_at(look: usize, behind: u32, size: u32) -> i32 {
    if size == 0 { 0 } else { extend((look as u32) >> behind & ((1 << size) - 1), size) }
}

/// What follows the DC coefficient, to be passed over: as many symbols as a look holds at once.
pub(super) struct Passing {
    code: Code,
    /// How many bits in the lowest six, and above them how many coefficients; see [`OVER`] and [`LONG`].
    looks: Box<[u16; 1 << PASSING_LOOK]>,
}

/// The block is over by these bits.
const OVER: u32 = 128;
/// One symbol with its value is longer than a look.
const LONG: u32 = 256;
/// How many coefficients follow the first.
const REST: u32 = 63;

impl Passing {
    pub(super) fn new(code: &Code) -> Self {
        let mut looks = Box::new([0; 1 << PASSING_LOOK]);
        for (look, entry) in looks.iter_mut().enumerate() {
            *entry = Self::passed_at(code, look);
        }
        Self { code: code.clone(), looks }
    }

    fn passed_at(code: &Code, look: usize) -> u16 {
        let (mut used, mut passed) = (0, 0);
        while used < PASSING_LOOK {
            let Some((length, symbol)) = code.find(padded(look, PASSING_LOOK - used)) else { break };
            let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if used + length + size > PASSING_LOOK {
                break;
            }
            match (zeros, size) {
                (0, 0) => {
                    (used, passed) = (used + length, passed | OVER);
                    break;
                }
                // Only the run of 16 zeros has no value.
                (1..15, 0) => break,
                _ if passed + zeros + 1 > REST => break,
                _ => (used, passed) = (used + length + size, passed + zeros + 1),
            }
        }
        if used == 0 { (LONG << 6) as u16 } else { (passed << 6 | used) as u16 }
    }

    /// Passes what is left of a block.
    #[inline(always)]
    pub(super) fn pass(&self, bits: &mut Bits<'_>) -> Result<(), Damage> {
        let mut passed = 0;
        loop {
            bits.refill();
            // Four looks are 52 of the 56 bits that are held.
            for _ in 0..4 {
                let entry = u32::from(self.looks[bits.peek(PASSING_LOOK) as usize]);
                let sum = passed + (entry >> 6);
                if sum < REST {
                    bits.pass(entry & 63);
                    passed = sum;
                    continue;
                }
                // Over in good order: with the last coefficient, or by the end symbol before it.
                if sum == REST || (OVER..OVER + REST).contains(&sum) {
                    bits.pass(entry & 63);
                    return Ok(());
                }
                // One symbol is too long, or the symbols of one look may reach into the next block.
                (*bits, passed) = self.pass_one(*bits, passed)?;
                if passed >= REST {
                    return Ok(());
                }
                break;
            }
        }
    }

    /// Passes one symbol. Says how many coefficients are passed with it, which are all where it ends the block.
    #[cold]
    #[inline(never)]
    fn pass_one<'a>(&self, mut bits: Bits<'a>, passed: u32) -> Result<(Bits<'a>, u32), Damage> {
        bits.refill();
        let symbol = self.code.take(&mut bits)?;
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        bits.pass(size);
        match (zeros, size, passed + zeros + 1) {
            (0, 0, _) => Ok((bits, REST)),
            (1..15, 0, _) => Err(Damage::Code),
            (_, _, passed @ ..=REST) => Ok((bits, passed)),
            _ => Err(Damage::Code),
        }
    }
}

/// AC coefficients: a run of zeros and a value by one look.
pub(super) struct Values {
    code: Code,
    /// In the lowest eight bits a length, in the next eight the zeros before the value, and in the upper half the value, of
    /// which the length is that of all. Where only the symbol fits into a look, [`VALUE_FOLLOWS`] is set, the length is that
    /// of the symbol, and the upper half has the size of the value. 0 where the symbol does not fit either.
    looks: Box<[i32; 1 << VALUE_LOOK]>,
}

const VALUE_FOLLOWS: u32 = 0x80;

/// What the next symbol of a sequential block says.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// As many coefficients are zero before the value; [`END`] or more where the block is over.
    pub(super) zeros: u32,
    /// Zero only where 15 zeros and one more are passed, or the block is over.
    pub(super) value: i32,
}

/// More zeros than a block has.
pub(super) const END: u32 = 64;

impl Values {
    pub(super) fn new(code: &Code) -> Self {
        let mut looks = Box::new([0; 1 << VALUE_LOOK]);
        for (look, entry) in looks.iter_mut().enumerate() {
            let Some((length, symbol)) = code.find(padded(look, VALUE_LOOK)) else { continue };
            let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            let whole = length + size;
            let zeros = if symbol == 0 { END } else { zeros };
            if length > VALUE_LOOK || (size == 0 && (1..15).contains(&zeros)) {
                continue;
            }
            let (upper, lowest) = match whole <= VALUE_LOOK {
                true => (value_at(look, VALUE_LOOK - whole, size), whole),
                false => (size as i32, length | VALUE_FOLLOWS),
            };
            *entry = upper << 16 | (zeros << 8 | lowest) as i32;
        }
        Self { code: code.clone(), looks }
    }

    /// Takes the next step; as many bits as a look has are held, and after it as many as before but a look's.
    #[inline(always)]
    pub(super) fn take(&self, bits: &mut Bits<'_>) -> Result<Step, Damage> {
        let entry = self.looks[bits.peek(VALUE_LOOK) as usize];
        let (zeros, lowest) = (entry as u32 >> 8 & 0xFF, entry as u32 & 0xFF);
        if (1..VALUE_FOLLOWS).contains(&lowest) {
            bits.pass(lowest);
            return Ok(Step { zeros, value: entry >> 16 });
        }
        if lowest != 0 {
            bits.pass(lowest - VALUE_FOLLOWS);
            bits.refill();
            let value = bits.take_signed(entry as u32 >> 16);
            bits.refill();
            return Ok(Step { zeros, value });
        }
        let step;
        (*bits, step) = self.take_long(*bits)?;
        Ok(step)
    }

    #[cold]
    #[inline(never)]
    fn take_long<'a>(&self, mut bits: Bits<'a>) -> Result<(Bits<'a>, Step), Damage> {
        bits.refill();
        let symbol = self.code.take(&mut bits)?;
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        let step = match (zeros, size) {
            (0, 0) => Step { zeros: END, value: 0 },
            (15, 0) => Step { zeros: 15, value: 0 },
            (_, 0) => return Err(Damage::Code),
            _ => Step { zeros, value: bits.take_signed(size) },
        };
        bits.refill();
        Ok((bits, step))
    }
}
