//! Sequential scans (ITU-T T.81, annex F): each block once, whole.

use std::marker::PhantomData;

use super::bits::Bits;
use super::blocks::{self, Units, Visitor};
use super::header::{Frame, Part, Scan};
use super::huffman::{Differences, END, Passing, Values};
use super::layer::{self, Layer};
use super::marks::{Mark, Marking, Marks};
use super::tables::Tables;
use super::transform::{Fold, Full, Half, Quarter, Square};
use super::{DC_MAX, Damage, Scale};

/// Decodes a scan into its layers: all of it, or from marks on what the layers keep.
pub(super) fn decode<'a>(
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    layers: &mut [Layer],
    scale: Scale,
    coded: &'a [u8],
    marking: Marking<'_, 'a>,
) -> Result<(), Damage> {
    let coders = scan.parts.iter().map(|part| Coder::new(part, tables, &layers[part.component], scale));
    let coders = coders.collect::<Result<Vec<_>, _>>()?;
    let (marks, followed) = match marking {
        Marking::None => (None, None),
        Marking::Leave(marks) => (Some(marks), None),
        Marking::Follow(marks) => (None, Some(marks)),
    };
    let part = followed.map(|marks| (marks, layer::units(frame, scan, layers)));
    let course = Course { coders, layers, marks };
    let way = Way { frame, scan, interval: tables.restart, coded, part };
    match scale {
        Scale::Eighth => way.lead(&mut Means(course)),
        Scale::Quarter => way.lead(&mut Squares::<Quarter>::new(course)),
        Scale::Half => way.lead(&mut Squares::<Half>::new(course)),
        Scale::Full => way.lead(&mut Squares::<Full>::new(course)),
    }
}

/// Which blocks are visited.
struct Way<'w, 'a> {
    frame: &'w Frame,
    scan: &'w Scan,
    interval: u32,
    coded: &'a [u8],
    /// A part of them, and the marks from which it is reached; all of them where there is none.
    part: Option<(&'w Marks<'a>, Units)>,
}

impl<'a> Way<'_, 'a> {
    #[inline(always)]
    fn lead(self, visitor: &mut impl Visitor<'a>) -> Result<(), Damage> {
        let Self { frame, scan, interval, coded, part } = self;
        match part {
            None => blocks::visit(frame, scan, interval, coded, visitor),
            Some((marks, part)) => blocks::revisit(frame, scan, interval, marks, part, visitor),
        }
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

/// What a scan is decoded with, and what it becomes.
struct Course<'l, 'm, 'a> {
    coders: Vec<Coder>,
    layers: &'l mut [Layer],
    /// Where marks are left, if they are.
    marks: Option<&'m mut Marks<'a>>,
}

impl<'a> Course<'_, '_, 'a> {
    fn restart(&mut self) {
        self.coders.iter_mut().for_each(|coder| coder.dc = 0);
    }

    fn mark(&mut self, bits: &Bits<'a>) {
        if let Some(marks) = &mut self.marks {
            let mut dc = [0; 4];
            for (dc, coder) in dc.iter_mut().zip(&self.coders) {
                *dc = coder.dc;
            }
            marks.leave(Mark { bits: *bits, dc });
        }
    }

    fn resume(&mut self, mark: &Mark<'a>) {
        for (coder, dc) in self.coders.iter_mut().zip(mark.dc) {
            coder.dc = dc;
        }
    }
}

/// Decodes each block to its mean.
struct Means<'l, 'm, 'a>(Course<'l, 'm, 'a>);

impl<'a> Visitor<'a> for Means<'_, '_, 'a> {
    fn restart(&mut self) {
        self.0.restart();
    }

    fn mark(&mut self, bits: &Bits<'a>) {
        self.0.mark(bits);
    }

    fn resume(&mut self, mark: &Mark<'a>) {
        self.0.resume(mark);
    }

    #[inline(always)]
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'a>) -> Result<(), Damage> {
        let coder = &mut self.0.coders[part];
        let dc = coder.next_dc(bits)?;
        coder.passing.pass(bits)?;
        let layer = &mut self.0.layers[coder.component];
        if let Some(place) = layer.place(x, y, 1) {
            layer.samples[place] = coder.fold.mean(dc);
        }
        Ok(())
    }
}

/// Decodes each block to a square of samples; those that are not kept are passed.
struct Squares<'l, 'm, 'a, S> {
    course: Course<'l, 'm, 'a>,
    block: PhantomData<S>,
}

impl<'l, 'm, 'a, S> Squares<'l, 'm, 'a, S> {
    fn new(course: Course<'l, 'm, 'a>) -> Self {
        Self { course, block: PhantomData }
    }
}

impl<'a, S: Square> Visitor<'a> for Squares<'_, '_, 'a, S> {
    fn restart(&mut self) {
        self.course.restart();
    }

    fn mark(&mut self, bits: &Bits<'a>) {
        self.course.mark(bits);
    }

    fn resume(&mut self, mark: &Mark<'a>) {
        self.course.resume(mark);
    }

    #[inline(always)]
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'a>) -> Result<(), Damage> {
        let coder = &mut self.course.coders[part];
        let dc = coder.next_dc(bits)?;
        let layer = &mut self.course.layers[coder.component];
        match (layer.place(x, y, S::SIDE), &coder.values) {
            (Some(place), Some(values)) => {
                let to = layer.samples.get_mut(place..).unwrap_or_default();
                square::<S>(values, &coder.fold, dc, bits)?.paint(to, layer.stride);
                Ok(())
            }
            _ => coder.passing.pass(bits),
        }
    }
}

/// Takes the rest of a block (F.2.2.2).
#[inline(always)]
fn square<S: Square>(values: &Values, fold: &Fold, dc: i32, bits: &mut Bits<'_>) -> Result<S, Damage> {
    const LAST: u32 = 63;
    let mut block = S::blank();
    fold.add(&mut block, 0, dc);
    let mut index = 0;
    while index < LAST {
        bits.refill();
        // Four looks are 48 of the 56 bits that are held.
        for _ in 0..4 {
            let step = values.take(bits)?;
            index += step.zeros + 1;
            if index > LAST {
                return if step.zeros == END { Ok(block) } else { Err(Damage::Code) };
            }
            fold.add(&mut block, index, step.value);
            if index == LAST {
                break;
            }
        }
    }
    Ok(block)
}
