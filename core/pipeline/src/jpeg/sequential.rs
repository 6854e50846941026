//! Sequential scans (ITU-T T.81, annex F): each block once, whole.

use super::bits::Bits;
use super::blocks::{self, Visitor};
use super::header::{Frame, Part, Scan};
use super::huffman::{Differences, END, Passing, Values};
use super::layer::Layer;
use super::tables::Tables;
use super::transform::{Fold, Sums};
use super::{DC_MAX, Damage, Scale};

/// Decodes a scan into its layers.
pub(super) fn decode(
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    layers: &mut [Layer],
    scale: Scale,
    coded: &[u8],
) -> Result<(), Damage> {
    let coders = scan.parts.iter().map(|part| Coder::new(part, tables, &layers[part.component], scale));
    let coders = coders.collect::<Result<Vec<_>, _>>()?;
    let interval = tables.restart;
    match scale {
        Scale::Eighth => blocks::visit(frame, scan, interval, coded, &mut Means { coders, layers }),
        Scale::Quarter => blocks::visit(frame, scan, interval, coded, &mut Squares::<2, 4> { coders, layers }),
        Scale::Half => blocks::visit(frame, scan, interval, coded, &mut Squares::<4, 16> { coders, layers }),
        Scale::Full => blocks::visit(frame, scan, interval, coded, &mut Squares::<8, 64> { coders, layers }),
    }
}

/// What a component of the scan is decoded with.
struct Coder {
    component: usize,
    differences: Differences,
    passing: Passing,
    /// Not at an eighth.
    values: Option<Values>,
    fold: Fold,
    dc: i32,
}

impl Coder {
    fn new(part: &Part, tables: &Tables, layer: &Layer, scale: Scale) -> Result<Self, Damage> {
        let (dc, ac) = (tables.dc(part.dc)?, tables.ac(part.ac)?);
        Ok(Self {
            component: part.component,
            differences: Differences::new(dc),
            passing: Passing::new(ac),
            values: (scale != Scale::Eighth).then(|| Values::new(ac)),
            fold: layer.fold.clone().ok_or(Damage::Table)?,
            dc: 0,
        })
    }

    #[inline(always)]
    fn next_dc(&mut self, bits: &mut Bits<'_>) -> Result<i32, Damage> {
        bits.refill();
        self.dc += self.differences.take(bits)?;
        if self.dc.abs() > DC_MAX { Err(Damage::Range) } else { Ok(self.dc) }
    }
}

/// Decodes each block to its mean.
struct Means<'a> {
    coders: Vec<Coder>,
    layers: &'a mut [Layer],
}

impl Visitor for Means<'_> {
    fn restart(&mut self) {
        self.coders.iter_mut().for_each(|coder| coder.dc = 0);
    }

    #[inline(always)]
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'_>) -> Result<(), Damage> {
        let coder = &mut self.coders[part];
        let dc = coder.next_dc(bits)?;
        coder.passing.pass(bits)?;
        let layer = &mut self.layers[coder.component];
        if let Some(place) = layer.place(x, y, 1) {
            layer.samples[place] = coder.fold.mean(dc);
        }
        Ok(())
    }
}

/// Decodes each block to `SIDE` times `SIDE` samples; those that are not kept are passed.
struct Squares<'a, const SIDE: usize, const AREA: usize> {
    coders: Vec<Coder>,
    layers: &'a mut [Layer],
}

impl<const SIDE: usize, const AREA: usize> Visitor for Squares<'_, SIDE, AREA> {
    fn restart(&mut self) {
        self.coders.iter_mut().for_each(|coder| coder.dc = 0);
    }

    #[inline(always)]
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'_>) -> Result<(), Damage> {
        let coder = &mut self.coders[part];
        let dc = coder.next_dc(bits)?;
        let layer = &mut self.layers[coder.component];
        match (layer.place(x, y, SIDE), &coder.values) {
            (Some(place), Some(values)) => {
                let to = layer.samples.get_mut(place..).unwrap_or_default();
                square::<AREA>(values, &coder.fold, dc, bits)?.paint(to, layer.stride);
                Ok(())
            }
            _ => coder.passing.pass(bits),
        }
    }
}

/// Takes the rest of a block (F.2.2.2).
#[inline(always)]
fn square<const AREA: usize>(values: &Values, fold: &Fold, dc: i32, bits: &mut Bits<'_>) -> Result<Sums<AREA>, Damage> {
    const LAST: u32 = 63;
    let mut sums = Sums::new();
    fold.add(&mut sums, 0, dc);
    let mut index = 0;
    while index < LAST {
        bits.refill();
        // Four looks are 48 of the 56 bits that are held.
        for _ in 0..4 {
            let step = values.take(bits)?;
            index += step.zeros + 1;
            if index > LAST {
                return if step.zeros == END { Ok(sums) } else { Err(Damage::Code) };
            }
            fold.add(&mut sums, index, step.value);
            if index == LAST {
                break;
            }
        }
    }
    Ok(sums)
}
