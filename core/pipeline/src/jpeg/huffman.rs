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

/// How many bits one look decides. More would decide more, from tables that the nearest cache does not hold.
const LOOK: u32 = 12;
const LOOKS: usize = 1 << LOOK;

/// The bits of a look, followed by zeros, as [`Code::find`] wants them.
fn padded(look: usize, skipped: u32) -> u32 {
    ((look as u32) << (16 - LOOK) << skipped) & 0xFFFF
}

/// Differences of DC coefficients: code and value by one look.
pub(super) struct Differences {
    code: Code,
    /// The value in the upper half, the length of both in the lower; 0 where they are longer than a look.
    looks: Box<[i32; LOOKS]>,
}

/// A difference of eight-bit pictures has at most so many bits (F.1.2.1.1).
const DIFFERENCE_BITS_MAX: u32 = 11;

impl Differences {
    pub(super) fn new(code: &Code) -> Self {
        let mut looks = Box::new([0; LOOKS]);
        for (look, entry) in looks.iter_mut().enumerate() {
            let Some((length, size)) = code.find(padded(look, 0)) else { continue };
            let (size, whole) = (u32::from(size), length + u32::from(size));
            if whole <= LOOK && size <= DIFFERENCE_BITS_MAX {
                *entry = value_at(look, length, size) << 16 | whole as i32;
            }
        }
        Self { code: code.clone(), looks }
    }

    /// Takes a difference; at least 27 bits are held.
    #[inline(always)]
    pub(super) fn take(&self, bits: &mut Bits<'_>) -> Result<i32, Damage> {
        let entry = self.looks[bits.peek(LOOK) as usize];
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

fn value_at(look: usize, length: u32, size: u32) -> i32 {
    if size == 0 { 0 } else { extend((look as u32) >> (LOOK - length - size) & ((1 << size) - 1), size) }
}

/// What follows the DC coefficient, to be passed over: as many symbols as a look holds at once.
pub(super) struct Passing {
    code: Code,
    /// How many bits in the lowest six, and above them how many coefficients; see [`OVER`] and [`LONG`].
    looks: Box<[u16; LOOKS]>,
}

/// The block is over by these bits.
const OVER: u32 = 128;
/// One symbol with its value is longer than a look.
const LONG: u32 = 256;
/// How many coefficients follow the first.
const REST: u32 = 63;

impl Passing {
    pub(super) fn new(code: &Code) -> Self {
        let mut looks = Box::new([0; LOOKS]);
        for (look, entry) in looks.iter_mut().enumerate() {
            *entry = Self::passed_at(code, look);
        }
        Self { code: code.clone(), looks }
    }

    fn passed_at(code: &Code, look: usize) -> u16 {
        let (mut used, mut passed) = (0, 0);
        while used < LOOK {
            let Some((length, symbol)) = code.find(padded(look, used)) else { break };
            let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if used + length + size > LOOK {
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
            // Four looks are 48 of the 56 bits that are held.
            for _ in 0..4 {
                let entry = u32::from(self.looks[bits.peek(LOOK) as usize]);
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
    /// The value in the upper half, then the zeros before it, and the length of both in the lowest eight bits; 0 where they
    /// are longer than a look.
    looks: Box<[i32; LOOKS]>,
}

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
        let mut looks = Box::new([0; LOOKS]);
        for (look, entry) in looks.iter_mut().enumerate() {
            let Some((length, symbol)) = code.find(padded(look, 0)) else { continue };
            let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            let whole = length + size;
            if whole <= LOOK && (size > 0 || zeros == 0 || zeros == 15) {
                let zeros = if symbol == 0 { END } else { zeros };
                *entry = value_at(look, length, size) << 16 | (zeros << 8 | whole) as i32;
            }
        }
        Self { code: code.clone(), looks }
    }

    /// Takes the next step; at least 12 bits are held.
    #[inline(always)]
    pub(super) fn take(&self, bits: &mut Bits<'_>) -> Result<Step, Damage> {
        let entry = self.looks[bits.peek(LOOK) as usize];
        if entry != 0 {
            bits.pass(entry as u32 & 0xFF);
            return Ok(Step { zeros: entry as u32 >> 8 & 0xFF, value: entry >> 16 });
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
