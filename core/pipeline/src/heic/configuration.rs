//! How a coded picture is to be read: the decoder configuration record of HEVC (ISO/IEC 14496-15, 8.3.3.1).

use super::boxes::few;
use crate::cursor::Cursor;
use crate::refusal::Refusal;

/// The record, of which the lengths were checked.
pub(super) struct Configuration<'a> {
    /// 0 is gray; 1, 2 and 3 have a quarter, a half and all of their chroma.
    pub(super) chroma_format: u8,
    /// Bytes in front of each unit that hold its length.
    length_bytes: usize,
    parameters: Vec<&'a [u8]>,
}

/// Photos have three sets of parameters in some hundred bytes, which are read again for each tile that has others than the last.
const BYTES_MAX: usize = 1 << 14;

impl<'a> Configuration<'a> {
    pub(super) fn read(record: &'a [u8]) -> Result<Self, Refusal> {
        few(record.len(), BYTES_MAX)?;
        let mut cursor = Cursor::new(record);
        let [version, _general @ .., chroma_format, _luma_depth, _chroma_depth, _, _, lengths] =
            cursor.array::<22>()?;
        if version != 1 {
            return Err(Refusal::damaged("a configuration of an unknown version"));
        }
        let parameters = parameters(&mut cursor)?;
        Ok(Self { chroma_format: chroma_format & 3, length_bytes: usize::from(lengths & 3) + 1, parameters })
    }

    /// Units that hold what a picture's slices lean on.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'a [u8]> {
        self.parameters.iter().copied()
    }

    /// The units of a coded picture; `None` for one that is cut.
    pub(super) fn units<'b>(&self, coded: &'b [u8]) -> impl Iterator<Item = Option<&'b [u8]>> + use<'b> {
        let length_bytes = self.length_bytes;
        let mut rest = Some(coded);
        std::iter::from_fn(move || {
            let now = rest.take().filter(|now| !now.is_empty())?;
            let unit = split_unit(now, length_bytes);
            rest = unit.map(|(_, behind)| behind);
            Some(unit.map(|(unit, _)| unit))
        })
    }
}

/// A unit behind its length, and what follows it.
fn split_unit(coded: &[u8], length_bytes: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = coded.split_at_checked(length_bytes)?;
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

fn parameters<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<&'a [u8]>, Refusal> {
    let mut sets = Vec::new();
    for _ in 0..cursor.byte()? {
        let _kind = cursor.byte()?;
        for _ in 0..cursor.u16()? {
            let length = cursor.u16()?;
            sets.push(cursor.take(length.into())?);
        }
    }
    Ok(sets)
}
