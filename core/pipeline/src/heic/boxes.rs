//! Boxes, of which a HEIF file is made (ISO/IEC 14496-12, 4.2). Knows none by its name.

use std::ops::Range;

use crate::cursor::Cursor;
use crate::refusal::Refusal;

/// As many properties can be numbered (ISO/IEC 23008-12, 9.3.2); nothing else has more.
const CHILDREN_MAX: usize = 1 << 15;

/// No photo has so many of anything; each of them takes memory.
pub(super) fn few(count: usize, max: usize) -> Result<(), Refusal> {
    if count <= max { Ok(()) } else { Err(Refusal::damaged("parts without end")) }
}

/// A box that is all there.
#[derive(Clone, Copy)]
pub(super) struct Boxed<'a> {
    pub(super) name: [u8; 4],
    pub(super) body: &'a [u8],
    /// Where the body begins in the file.
    pub(super) at: usize,
}

impl<'a> Boxed<'a> {
    /// Takes the box that begins at the cursor, which began at `base` of the file.
    pub(super) fn read(cursor: &mut Cursor<'a>, base: usize) -> Result<Self, Refusal> {
        let from = cursor.at();
        let (length, name) = (cursor.u32()?, cursor.array()?);
        let length = match length {
            // The last box may go on to the end, whatever its length.
            0 if name != [0; 4] => return Ok(Self::rest(name, cursor, base)),
            0 => return Err(Refusal::Cut),
            1 => cursor.u64()?,
            length => length.into(),
        };
        let header = cursor.at() - from;
        let body = usize::try_from(length).ok().and_then(|length| length.checked_sub(header));
        let at = base + cursor.at();
        let body = cursor.take(body.ok_or_else(|| Refusal::damaged("a box of impossible length"))?)?;
        Ok(Self { name, body, at })
    }

    fn rest(name: [u8; 4], cursor: &mut Cursor<'a>, base: usize) -> Self {
        let at = base + cursor.at();
        let body = cursor.take(cursor.rest().len()).expect("the rest is there");
        Self { name, body, at }
    }

    /// Reads the body, of which the place in the file is `self.at` and what the cursor says.
    pub(super) fn cursor(&self) -> Cursor<'a> {
        Cursor::new(self.body)
    }

    /// The boxes in the body behind its first bytes.
    pub(super) fn children(&self, behind: usize) -> Result<Vec<Self>, Refusal> {
        let mut cursor = self.cursor();
        cursor.take(behind)?;
        let mut children = Vec::new();
        while !cursor.rest().is_empty() {
            children.push(Boxed::read(&mut cursor, self.at)?);
            few(children.len(), CHILDREN_MAX)?;
        }
        Ok(children)
    }

    /// Version and flags of a full box (4.2.2), and the cursor behind them.
    pub(super) fn full(&self) -> Result<(u8, u32, Cursor<'a>), Refusal> {
        let mut cursor = self.cursor();
        let [version, high, middle, low] = cursor.array()?;
        Ok((version, u32::from_be_bytes([0, high, middle, low]), cursor))
    }

    /// Where the body lies in the file.
    pub(super) fn place(&self) -> Range<usize> {
        self.at..self.at + self.body.len()
    }
}
