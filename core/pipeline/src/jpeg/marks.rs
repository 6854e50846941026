//! Places in the coded data of a picture from which a later decode can go on, so that a part of the picture costs what the
//! part is worth.
//!
//! Huffman codes have lengths of their own, so nobody can tell where a block begins without having passed all before it; a
//! first decode has, and leaves marks. They are left in sequential pictures with all components in one scan, as nearly all
//! photos are.

use super::bits::Bits;
use super::header::{Frame, Scan};

/// A mark is left at every so many units of a row: passing half as many is all that a part costs beside itself, and all marks
/// of 12 megapixels take some hundred kilobytes.
pub(super) const STEP: u32 = 16;

/// What a decode does about marks.
pub(crate) enum Marking<'m, 'a> {
    /// Nothing.
    None,
    /// Leaves them.
    Leave(&'m mut Marks<'a>),
    /// Goes on from the nearest ones, and no further than its window reaches. Where none were left, it reads everything.
    Follow(&'m Marks<'a>),
}

impl<'a> Marking<'_, 'a> {
    /// The same for one scan.
    pub(super) fn of(&mut self, frame: &Frame, scan: &Scan) -> Marking<'_, 'a> {
        match self {
            Self::Leave(marks) if !frame.progressive && scan.parts.len() == frame.components.len() => {
                Marking::Leave(marks)
            }
            Self::Follow(marks) if !marks.places.is_empty() => Marking::Follow(marks),
            _ => Marking::None,
        }
    }
}

/// The marks of a picture, row after row.
#[derive(Default)]
pub(crate) struct Marks<'a> {
    places: Vec<Mark<'a>>,
}

/// A place before a unit.
#[derive(Clone, Copy)]
pub(super) struct Mark<'a> {
    /// What is ahead.
    pub(super) bits: Bits<'a>,
    /// The DC coefficients that were last, of each component of the scan.
    pub(super) dc: [i32; 4],
}

impl<'a> Marks<'a> {
    /// Leaves the next mark.
    pub(super) fn leave(&mut self, mark: Mark<'a>) {
        self.places.push(mark);
    }

    /// The last mark before a unit, in a picture that has so many of them across, and how far across that one is.
    pub(super) fn before(&self, x: u32, y: u32, across: u32) -> Option<(Mark<'a>, u32)> {
        let place = y as usize * across.div_ceil(STEP) as usize + (x / STEP) as usize;
        Some((*self.places.get(place)?, x / STEP * STEP))
    }
}

/// How many bytes the marks of a picture take.
pub(crate) fn bytes(frame: &Frame) -> u64 {
    let (across, down) = frame.units();
    // A list that grows may be twice as long as it is full.
    2 * u64::from(across.div_ceil(STEP)) * u64::from(down) * size_of::<Mark<'_>>() as u64
}
