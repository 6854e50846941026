//! The order in which the blocks of a scan come (ITU-T T.81, A.2), with restart markers between them.

use super::Damage;
use super::bits::Bits;
use super::header::{Frame, Scan};
use super::marks::{self, Mark, Marks};

/// Whoever decodes blocks.
pub(super) trait Visitor<'a> {
    /// Coding starts afresh: nothing of the blocks before counts.
    fn restart(&mut self);

    /// Decodes the block at `x`, `y` of the scan's component number `part`.
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'a>) -> Result<(), Damage>;

    /// Here a decode could go on later.
    fn mark(&mut self, _bits: &Bits<'a>) {}

    /// Goes on with what was known at a mark that it has left.
    fn resume(&mut self, _mark: &Mark<'a>) {}
}

/// Visits all blocks of a scan, and finds out whether its data is exactly that of these.
#[inline(always)]
pub(super) fn visit<'a>(
    frame: &Frame,
    scan: &Scan,
    interval: u32,
    coded: &'a [u8],
    visitor: &mut impl Visitor<'a>,
) -> Result<(), Damage> {
    let sizes = Sizes::new(frame, scan);
    let mut bits = Bits::new(coded);
    let mut restarts = Restarts::before(0, interval);
    for y in 0..sizes.down {
        for x in 0..sizes.across {
            if x % marks::STEP == 0 {
                visitor.mark(&bits);
            }
            restarts.next(&mut bits, visitor)?;
            sizes.unit(x, y, &mut bits, visitor)?;
        }
        // Once a row is enough to go no further with data that has run out.
        bits.check()?;
    }
    bits.finish()
}

/// A part of a scan, in units; the ends not included.
#[derive(Clone, Copy)]
pub(super) struct Units {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
}

/// Visits again the blocks of a part of a scan that was visited before, and perhaps some beside them.
#[inline(always)]
pub(super) fn revisit<'a>(
    frame: &Frame,
    scan: &Scan,
    interval: u32,
    marks: &Marks<'a>,
    part: Units,
    visitor: &mut impl Visitor<'a>,
) -> Result<(), Damage> {
    let sizes = Sizes::new(frame, scan);
    for y in part.top..part.bottom.min(sizes.down) {
        let (mark, from) = marks.before(part.left, y, sizes.across).ok_or(Damage::Short)?;
        let mut bits = mark.bits;
        let mut restarts = Restarts::before(y * sizes.across + from, interval);
        visitor.resume(&mark);
        for x in from..part.right.min(sizes.across) {
            restarts.next(&mut bits, visitor)?;
            sizes.unit(x, y, &mut bits, visitor)?;
        }
        bits.check()?;
    }
    Ok(())
}

/// Where restart markers are: one after every `interval` units, none where that is 0.
struct Restarts {
    interval: u32,
    /// Units since the last one.
    units: u32,
    /// The number of the next one, 0 to 7.
    number: u8,
}

impl Restarts {
    /// As it is before a unit that has so many before itself, and before a restart that is due there.
    fn before(unit: u32, interval: u32) -> Self {
        let passed = unit.saturating_sub(1).checked_div(interval).unwrap_or(0);
        Self { interval, units: unit - passed * interval, number: (passed % 8) as u8 }
    }

    #[inline(always)]
    fn next<'a>(&mut self, bits: &mut Bits<'a>, visitor: &mut impl Visitor<'a>) -> Result<(), Damage> {
        if self.interval > 0 && self.units == self.interval {
            bits.restart(self.number)?;
            visitor.restart();
            (self.units, self.number) = (0, (self.number + 1) % 8);
        }
        self.units += 1;
        Ok(())
    }
}

/// How many units a scan has, and how many blocks of each of its components make one.
struct Sizes {
    across: u32,
    down: u32,
    parts: [(u32, u32); 4],
    count: usize,
}

impl Sizes {
    fn new(frame: &Frame, scan: &Scan) -> Self {
        let mut parts = [(1, 1); 4];
        let count = scan.parts.len().min(parts.len());
        if let [alone] = scan.parts.as_slice() {
            let (across, down) = frame.blocks(&frame.components[alone.component]);
            return Self { across, down, parts, count };
        }
        for (size, part) in parts.iter_mut().zip(&scan.parts) {
            let component = &frame.components[part.component];
            *size = (component.across.into(), component.down.into());
        }
        let (across, down) = frame.units();
        Self { across, down, parts, count }
    }

    #[inline(always)]
    fn unit<'a>(&self, x: u32, y: u32, bits: &mut Bits<'a>, visitor: &mut impl Visitor<'a>) -> Result<(), Damage> {
        for (part, (across, down)) in self.parts[..self.count].iter().enumerate() {
            for row in 0..*down {
                for column in 0..*across {
                    visitor.block(part, x * across + column, y * down + row, bits)?;
                }
            }
        }
        Ok(())
    }
}
