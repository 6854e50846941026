//! The eight ways in which a picture can lie in its file, and how to bring it upright.
//!
//! Turning is meant for small results: crop boxes are turned first, the full picture never is.

/// How the coded rows and columns relate to the upright picture; the numbers are those of the EXIF tag (TIFF 6.0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Orientation {
    /// Coded upright.
    #[default]
    Upright = 1,
    /// Left and right exchanged.
    Mirrored = 2,
    /// Upside down.
    HalfTurn = 3,
    /// Top and bottom exchanged.
    Flipped = 4,
    /// Rows are columns.
    Transposed = 5,
    /// To be turned a quarter clockwise; what a phone held upright writes.
    QuarterRight = 6,
    /// Rows are columns, seen from the other corner.
    Transversed = 7,
    /// To be turned a quarter counter-clockwise.
    QuarterLeft = 8,
}

/// A box in pixels, fractions allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Where it begins, from the left.
    pub left: f64,
    /// Where it begins, from the top.
    pub top: f64,
    /// Pixels across.
    pub width: f64,
    /// Pixels down.
    pub height: f64,
}

impl Area {
    /// Everything in a picture of these sides.
    pub(crate) fn whole(width: u32, height: u32) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(width), height: f64::from(height) }
    }

    /// Whether `other` lies within, up to a rounding error.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        const ROUNDING: f64 = 1e-6;
        self.left <= other.left + ROUNDING
            && self.top <= other.top + ROUNDING
            && self.left + self.width + ROUNDING >= other.left + other.width
            && self.top + self.height + ROUNDING >= other.top + other.height
    }
}

impl Orientation {
    /// The orientation of a tag's value.
    pub(crate) fn from_tag(value: u16) -> Option<Self> {
        Some(match value {
            1 => Self::Upright,
            2 => Self::Mirrored,
            3 => Self::HalfTurn,
            4 => Self::Flipped,
            5 => Self::Transposed,
            6 => Self::QuarterRight,
            7 => Self::Transversed,
            8 => Self::QuarterLeft,
            _ => return None,
        })
    }

    /// This one, and the next one after it.
    #[cfg(feature = "heic")]
    pub(crate) fn then(self, next: Self) -> Self {
        let (leftwards, upwards) = match self.swaps() {
            true => (next.runs_upwards(), next.runs_leftwards()),
            false => (next.runs_leftwards(), next.runs_upwards()),
        };
        let swaps = self.swaps() ^ next.swaps();
        match (swaps, self.runs_leftwards() ^ leftwards, self.runs_upwards() ^ upwards) {
            (false, false, false) => Self::Upright,
            (false, true, false) => Self::Mirrored,
            (false, true, true) => Self::HalfTurn,
            (false, false, true) => Self::Flipped,
            (true, false, false) => Self::Transposed,
            (true, false, true) => Self::QuarterRight,
            (true, true, true) => Self::Transversed,
            (true, true, false) => Self::QuarterLeft,
        }
    }

    /// Width and height after turning; its own inverse.
    pub(crate) fn turn_sides(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.swaps() { (height, width) } else { (width, height) }
    }

    /// Where a box of the upright picture lies in the coded picture of these sides.
    pub(crate) fn coded_area(self, upright: Area, (width, height): (u32, u32)) -> Area {
        let mut area = upright;
        if self.swaps() {
            area = Area { left: upright.top, top: upright.left, width: upright.height, height: upright.width };
        }
        if self.runs_leftwards() {
            area.left = f64::from(width) - area.left - area.width;
        }
        if self.runs_upwards() {
            area.top = f64::from(height) - area.top - area.height;
        }
        area
    }

    /// Brings a coded picture of these sides upright, of which each pixel has `SIZE` bytes.
    pub(crate) fn apply<const SIZE: usize>(self, coded: Vec<u8>, sides: (u32, u32)) -> Vec<u8> {
        if self == Self::Upright {
            return coded;
        }
        let (width, height) = self.turn_sides(sides);
        let mut upright = vec![0; coded.len()];
        let (from, _) = coded.as_chunks::<SIZE>();
        let (to, _) = upright.as_chunks_mut::<SIZE>();
        // Tiles keep the rows and the columns that a quarter turn exchanges in the cache together.
        for (top, left) in tiles(width, height) {
            for y in top..height.min(top + TILE) {
                for x in left..width.min(left + TILE) {
                    let (coded_x, coded_y) = self.coded_place(x, y, sides);
                    to[(y * width + x) as usize] = from[(coded_y * sides.0 + coded_x) as usize];
                }
            }
        }
        upright
    }

    fn coded_place(self, x: u32, y: u32, (width, height): (u32, u32)) -> (u32, u32) {
        let (x, y) = if self.swaps() { (y, x) } else { (x, y) };
        let x = if self.runs_leftwards() { width - 1 - x } else { x };
        let y = if self.runs_upwards() { height - 1 - y } else { y };
        (x, y)
    }

    /// Whether upright rows are coded columns.
    fn swaps(self) -> bool {
        matches!(self, Self::Transposed | Self::QuarterRight | Self::Transversed | Self::QuarterLeft)
    }

    /// Whether coded columns count from the upright picture's far end.
    fn runs_leftwards(self) -> bool {
        matches!(self, Self::Mirrored | Self::HalfTurn | Self::Transversed | Self::QuarterLeft)
    }

    /// Whether coded rows count from the upright picture's far end.
    fn runs_upwards(self) -> bool {
        matches!(self, Self::HalfTurn | Self::Flipped | Self::QuarterRight | Self::Transversed)
    }
}

const TILE: u32 = 32;

/// The top left corners of all tiles of a picture.
fn tiles(width: u32, height: u32) -> impl Iterator<Item = (u32, u32)> {
    let step = TILE as usize;
    (0..height).step_by(step).flat_map(move |top| (0..width).step_by(step).map(move |left| (top, left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns and three rows of different colours, named as letters: ab, cd, ef.
    const LETTERS: &[u8; 6] = b"abcdef";

    fn read(letters: &[u8], width: u32) -> String {
        letters.chunks(width as usize).map(|row| String::from_utf8_lossy(row)).collect::<Vec<_>>().join(" ")
    }

    /// The values follow TIFF 6.0: the tag names where the coded first row and first column lie.
    #[test]
    fn each_orientation_brings_its_picture_upright() {
        let expected = ["ab cd ef", "ba dc fe", "fe dc ba", "ef cd ab", "ace bdf", "eca fdb", "fdb eca", "bdf ace"];
        for (tag, expected) in (1..).zip(expected) {
            let orientation = Orientation::from_tag(tag).unwrap();
            let upright = orientation.apply::<1>(LETTERS.to_vec(), (2, 3));
            assert_eq!(read(&upright, orientation.turn_sides((2, 3)).0), expected, "tag {tag}");
            let colours: Vec<u8> = LETTERS.iter().flat_map(|letter| [*letter, 0, *letter]).collect();
            let turned = orientation.apply::<3>(colours, (2, 3));
            assert!(turned.chunks(3).map(|colour| colour[2]).eq(upright), "tag {tag}");
        }
    }

    #[cfg(feature = "heic")]
    #[test]
    fn one_turn_after_another_is_one_turn() {
        let all = || (1..=8).map(|tag| Orientation::from_tag(tag).unwrap());
        for (first, second) in all().flat_map(|first| all().map(move |second| (first, second))) {
            let once = first.apply::<1>(LETTERS.to_vec(), (2, 3));
            let twice = second.apply::<1>(once, first.turn_sides((2, 3)));
            assert_eq!(first.then(second).apply::<1>(LETTERS.to_vec(), (2, 3)), twice, "{first:?}, {second:?}");
        }
    }

    #[test]
    fn a_turned_box_holds_the_same_pixels() {
        for tag in 1..=8 {
            let orientation = Orientation::from_tag(tag).unwrap();
            let upright = orientation.apply::<1>(LETTERS.to_vec(), (2, 3));
            let corner = Area { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
            let coded = orientation.coded_area(corner, (2, 3));
            assert_eq!(upright[0], LETTERS[coded.top as usize * 2 + coded.left as usize], "tag {tag}");
            assert_eq!((coded.width, coded.height), (1.0, 1.0), "tag {tag}");
        }
    }
}
