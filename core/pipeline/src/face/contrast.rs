//! How much the samples of a window differ: where they hardly do, nothing is looked for.

use super::picture::Picture;
use super::{STEP, WINDOW};

/// Standard deviation that a window must exceed, in samples.
const DEVIATION: u64 = 10;

/// Sums of a level's samples and of their squares: at each corner of blocks as large as a step, of all above and left of it.
/// They wrap around; what is between four corners of a window does not.
pub(crate) struct Contrast {
    width: usize,
    corners: Vec<(u32, u32)>,
}

impl Contrast {
    pub(crate) fn new(picture: &Picture) -> Self {
        let (across, down) = (picture.width() / STEP, picture.height() / STEP);
        let width = across + 1;
        let mut corners = vec![(0, 0); width * (down + 1)];
        for y in 0..down {
            let mut row = (0, 0);
            for x in 0..across {
                row = add(row, block(picture, x * STEP, y * STEP));
                corners[(y + 1) * width + x + 1] = add(corners[y * width + x + 1], row);
            }
        }
        Self { width, corners }
    }

    /// Whether the window at this place, in steps, has enough of it.
    pub(crate) fn is_enough(&self, x: usize, y: usize) -> bool {
        const COUNT: u64 = (WINDOW * WINDOW) as u64;
        let at = |x: usize, y: usize| self.corners[y * self.width + x];
        let side = WINDOW / STEP;
        let (above, below) = ((at(x, y), at(x + side, y)), (at(x, y + side), at(x + side, y + side)));
        let between = |corner: fn((u32, u32)) -> u32| {
            let strip = |row: ((u32, u32), (u32, u32))| corner(row.1).wrapping_sub(corner(row.0));
            u64::from(strip(below).wrapping_sub(strip(above)))
        };
        let (sum, squares) = (between(|corner| corner.0), between(|corner| corner.1));
        COUNT * squares > sum * sum + DEVIATION * DEVIATION * COUNT * COUNT
    }
}

fn block(picture: &Picture, x: usize, y: usize) -> (u32, u32) {
    let rows = (y..y + STEP).flat_map(|y| &picture.row(y)[x..x + STEP]);
    rows.map(|sample| u32::from(*sample)).fold((0, 0), |sums, sample| add(sums, (sample, sample * sample)))
}

fn add(left: (u32, u32), right: (u32, u32)) -> (u32, u32) {
    (left.0.wrapping_add(right.0), left.1.wrapping_add(right.1))
}
