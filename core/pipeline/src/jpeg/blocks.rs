//! The order in which the blocks of a scan come (ITU-T T.81, A.2), with restart markers between them.

use super::Damage;
use super::bits::Bits;
use super::header::{Frame, Scan};

/// Whoever decodes blocks.
pub(super) trait Visitor {
    /// Coding starts afresh: nothing of the blocks before counts.
    fn restart(&mut self);

    /// Decodes the block at `x`, `y` of the scan's component number `part`.
    fn block(&mut self, part: usize, x: u32, y: u32, bits: &mut Bits<'_>) -> Result<(), Damage>;
}

/// Visits all blocks of a scan, and finds out whether its data is exactly that of these.
#[inline(always)]
pub(super) fn visit(
    frame: &Frame,
    scan: &Scan,
    interval: u32,
    coded: &[u8],
    visitor: &mut impl Visitor,
) -> Result<(), Damage> {
    let sizes = Sizes::new(frame, scan);
    let mut bits = Bits::new(coded);
    let (mut units, mut restarts) = (0, 0);
    for y in 0..sizes.down {
        for x in 0..sizes.across {
            if interval > 0 && units == interval {
                bits.restart(restarts)?;
                visitor.restart();
                (units, restarts) = (0, (restarts + 1) % 8);
            }
            units += 1;
            for (part, (across, down)) in sizes.parts[..scan.parts.len()].iter().enumerate() {
                for row in 0..*down {
                    for column in 0..*across {
                        visitor.block(part, x * across + column, y * down + row, &mut bits)?;
                    }
                }
            }
        }
        // Once a row is enough to go no further with data that has run out.
        bits.check()?;
    }
    bits.finish()
}

/// How many units a scan has, and how many blocks of each of its components make one.
struct Sizes {
    across: u32,
    down: u32,
    parts: [(u32, u32); 4],
}

impl Sizes {
    fn new(frame: &Frame, scan: &Scan) -> Self {
        let mut parts = [(1, 1); 4];
        if let [alone] = scan.parts.as_slice() {
            let (across, down) = frame.blocks(&frame.components[alone.component]);
            return Self { across, down, parts };
        }
        for (size, part) in parts.iter_mut().zip(&scan.parts) {
            let component = &frame.components[part.component];
            *size = (component.across.into(), component.down.into());
        }
        let (across, down) = frame.units();
        Self { across, down, parts }
    }
}
