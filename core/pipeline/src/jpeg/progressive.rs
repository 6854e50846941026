//! Progressive scans (ITU-T T.81, annex G): coefficients in bands, and bit by bit.

use super::bits::Bits;
use super::blocks::{self, Visitor};
use super::header::{Frame, Scan};
use super::huffman::{Code, Differences};
use super::layer::{Block, Layer};
use super::tables::Tables;
use super::{DC_MAX, Damage, Scale};

/// Decodes a scan into its layers' coefficients. At an eighth there is no use for AC coefficients, so that their scans are
/// not read at all.
pub(super) fn decode(
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    layers: &mut [Layer],
    scale: Scale,
    coded: &[u8],
) -> Result<(), Damage> {
    let interval = tables.restart;
    let low = scan.low.into();
    match (scan.is_dc(), scan.high) {
        (true, 0) => {
            let tables = scan.parts.iter().map(|part| Ok(Differences::new(tables.dc(part.dc)?)));
            let tables = tables.collect::<Result<_, Damage>>()?;
            blocks::visit(frame, scan, interval, coded, &mut DcFirst { scan, layers, tables, low, dc: [0; 4] })
        }
        (true, _) => blocks::visit(frame, scan, interval, coded, &mut DcNext { scan, layers, low }),
        (false, _) if scale == Scale::Eighth => Ok(()),
        (false, high) => {
            let part = scan.parts[0];
            let (layer, code) = (&mut layers[part.component], tables.ac(part.ac)?);
            let (first, last) = scan.band;
            let mask = u64::MAX << first & u64::MAX >> (63 - last);
            let band = Band { layer, code, first: first.into(), last: last.into(), mask, low, ended: 0 };
            match high {
                0 => blocks::visit(frame, scan, interval, coded, &mut AcFirst(band)),
                _ => blocks::visit(frame, scan, interval, coded, &mut AcNext(band)),
            }
        }
    }
}

/// The upper bits of DC coefficients (G.1.2.1).
struct DcFirst<'a> {
    scan: &'a Scan,
    layers: &'a mut [Layer],
    tables: Vec<Differences>,
    low: u32,
    dc: [i32; 4],
}

impl<'b> Visitor<'b> for DcFirst<'_> {
    fn restart(&mut self) {
        self.dc = [0; 4];
    }

    #[inline(always)]
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'b>) -> Result<(), Damage> {
        bits.refill();
        let dc = &mut self.dc[part];
        *dc += self.tables[part].take(bits)?;
        let value = *dc << self.low;
        if value.abs() > DC_MAX {
            return Err(Damage::Range);
        }
        if let Some(first) = self.layers[self.scan.parts[part].component].coefficients.first(x, y) {
            *first = value as i16;
        }
        Ok(())
    }
}

/// One more bit of DC coefficients.
struct DcNext<'a> {
    scan: &'a Scan,
    layers: &'a mut [Layer],
    low: u32,
}

impl<'b> Visitor<'b> for DcNext<'_> {
    fn restart(&mut self) {}

    #[inline(always)]
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'b>) -> Result<(), Damage> {
        bits.refill();
        let bit = bits.take(1) as i16;
        if let Some(first) = self.layers[self.scan.parts[part].component].coefficients.first(x, y) {
            *first |= bit << self.low;
        }
        Ok(())
    }
}

/// The AC coefficients from `first` to `last` of one component.
struct Band<'a> {
    layer: &'a mut Layer,
    code: &'a Code,
    first: u32,
    last: u32,
    /// A bit for each of them.
    mask: u64,
    low: u32,
    /// In so many blocks to come, nothing new is in the band.
    ended: u32,
}

/// What a symbol says (G.1.2.2).
enum Step {
    /// So many zeros, and behind them a value of so many bits, or another zero where it has none.
    Run(u32, u32),
    /// From here on in this block, and in the band of so many blocks altogether, nothing new comes.
    End(u32),
}

#[inline(always)]
fn step(code: &Code, bits: &mut Bits<'_>) -> Result<Step, Damage> {
    bits.refill();
    let symbol = code.take(bits)?;
    let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
    Ok(match (zeros, size) {
        (0, 0) => Step::End(1),
        (1..15, 0) => Step::End((1 << zeros) + bits.take(zeros)),
        _ => Step::Run(zeros, size),
    })
}

/// The upper bits of AC coefficients (G.1.2.2).
struct AcFirst<'a>(Band<'a>);

impl<'b> Visitor<'b> for AcFirst<'_> {
    fn restart(&mut self) {
        self.0.ended = 0;
    }

    #[inline(always)]
    fn block(&mut self, _: usize, x: u32, y: u32, bits: &mut Bits<'b>) -> Result<(), Damage> {
        let band = &mut self.0;
        if band.ended > 0 {
            band.ended -= 1;
            return Ok(());
        }
        let mut block = band.layer.coefficients.block(x, y).ok_or(Damage::Range)?;
        let mut index = band.first;
        while index <= band.last {
            match step(band.code, bits)? {
                Step::End(blocks) => {
                    band.ended = blocks - 1;
                    return Ok(());
                }
                Step::Run(zeros, 0) => index += zeros + 1,
                Step::Run(zeros, size) => {
                    index += zeros;
                    if index > band.last {
                        return Err(Damage::Code);
                    }
                    block.set(index, bits.take_signed(size) << band.low);
                    index += 1;
                }
            }
        }
        if index > band.last + 1 { Err(Damage::Code) } else { Ok(()) }
    }
}

/// One more bit of AC coefficients (G.1.2.3).
struct AcNext<'a>(Band<'a>);

impl<'b> Visitor<'b> for AcNext<'_> {
    fn restart(&mut self) {
        self.0.ended = 0;
    }

    #[inline(always)]
    fn block(&mut self, _: usize, x: u32, y: u32, bits: &mut Bits<'b>) -> Result<(), Damage> {
        let band = &mut self.0;
        // In most blocks nothing is known and nothing comes.
        if band.ended > 0 && band.layer.coefficients.known(x, y) & band.mask == 0 {
            band.ended -= 1;
            return Ok(());
        }
        let mut block = band.layer.coefficients.block(x, y).ok_or(Damage::Range)?;
        let mut index = band.first;
        while index <= band.last && band.ended == 0 {
            let (zeros, new) = match step(band.code, bits)? {
                Step::End(blocks) => {
                    band.ended = blocks;
                    break;
                }
                Step::Run(zeros, 0) => (zeros, None),
                Step::Run(zeros, 1) => (zeros, Some(if bits.take(1) == 1 { 1 } else { -1 })),
                Step::Run(..) => return Err(Damage::Code),
            };
            index = block.pass_zeros(index, band.last, zeros, band.low, bits);
            if let Some(sign) = new {
                if index > band.last {
                    return Err(Damage::Code);
                }
                block.set(index, sign << band.low);
            }
            index += 1;
        }
        if band.ended > 0 {
            band.ended -= 1;
            block.refine(u64::MAX.checked_shl(index).unwrap_or(0) & band.mask, band.low, bits);
        }
        Ok(())
    }
}

impl Block<'_> {
    #[inline(always)]
    fn set(&mut self, index: u32, value: i32) {
        *self.known |= 1 << index;
        if let Some(to) = self.values.as_mut().and_then(|values| values.get_mut(index as usize)) {
            *to = value as i16;
        }
    }

    /// Takes the next bit of each known coefficient from `index` to the place behind so many zeros, or behind `last`. Returns
    /// that place.
    fn pass_zeros(&mut self, index: u32, last: u32, mut zeros: u32, low: u32, bits: &mut Bits<'_>) -> u32 {
        if *self.known >> index == 0 {
            return (index + zeros).min(last + 1);
        }
        for at in index..=last {
            if *self.known >> at & 1 == 1 {
                self.refine_one(at, low, bits);
            } else if zeros == 0 {
                return at;
            } else {
                zeros -= 1;
            }
        }
        last + 1
    }

    /// Takes the next bit of each known coefficient that is in the mask.
    #[inline(always)]
    fn refine(&mut self, mask: u64, low: u32, bits: &mut Bits<'_>) {
        let mut rest = *self.known & mask;
        while rest != 0 {
            self.refine_one(rest.trailing_zeros(), low, bits);
            rest &= rest - 1;
        }
    }

    fn refine_one(&mut self, index: u32, low: u32, bits: &mut Bits<'_>) {
        bits.refill();
        let bit = bits.take(1) as i16;
        if let Some(value) = self.values.as_mut().and_then(|values| values.get_mut(index as usize)) {
            *value = value.wrapping_add((value.signum() * bit) << low);
        }
    }
}
