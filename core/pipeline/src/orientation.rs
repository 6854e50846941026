//! The eight ways in which a picture can lie in its file, and how to bring it upright.
//!
//! Turning is meant for small results: crop boxes are turned first, the full picture never is.

use crate::pixels::Pixels;

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
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
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

    /// Brings a coded picture upright.
    pub(crate) fn apply(self, coded: Pixels) -> Pixels {
        if self == Self::Upright {
            return coded;
        }
        let (width, height) = self.turn_sides((coded.width, coded.height));
        let mut upright = Pixels::white(width, height);
        for top in (0..height).step_by(TILE) {
            for left in (0..width).step_by(TILE) {
                self.apply_tile(&coded, &mut upright, left, top);
            }
        }
        upright
    }

    /// Tiles keep the rows and the columns that a quarter turn exchanges in the cache together.
    fn apply_tile(self, coded: &Pixels, upright: &mut Pixels, left: u32, top: u32) {
        let right = upright.width.min(left + TILE as u32);
        let bottom = upright.height.min(top + TILE as u32);
        for y in top..bottom {
            for x in left..right {
                let (coded_x, coded_y) = self.coded_place(x, y, coded);
                upright.set(x, y, coded.at(coded_x, coded_y));
            }
        }
    }

    fn coded_place(self, x: u32, y: u32, coded: &Pixels) -> (u32, u32) {
        let (x, y) = if self.swaps() { (y, x) } else { (x, y) };
        let x = if self.runs_leftwards() { coded.width - 1 - x } else { x };
        let y = if self.runs_upwards() { coded.height - 1 - y } else { y };
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

const TILE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns and three rows of different colours, named as letters: ab, cd, ef.
    fn letters() -> Pixels {
        let mut pixels = Pixels::white(2, 3);
        for (index, letter) in (b'a'..=b'f').enumerate() {
            let (x, y) = (index as u32 % 2, index as u32 / 2);
            pixels.set(x, y, [letter; 3]);
        }
        pixels
    }

    fn read(pixels: &Pixels) -> String {
        let rows: Vec<String> =
            (0..pixels.height).map(|y| (0..pixels.width).map(|x| char::from(pixels.at(x, y)[0])).collect()).collect();
        rows.join(" ")
    }

    /// The values follow TIFF 6.0: the tag names where the coded first row and first column lie.
    #[test]
    fn each_orientation_brings_its_picture_upright() {
        let expected = ["ab cd ef", "ba dc fe", "fe dc ba", "ef cd ab", "ace bdf", "eca fdb", "fdb eca", "bdf ace"];
        for (tag, expected) in (1..).zip(expected) {
            let orientation = Orientation::from_tag(tag).unwrap();
            assert_eq!(read(&orientation.apply(letters())), expected, "tag {tag}");
        }
    }

    #[test]
    fn a_turned_box_holds_the_same_pixels() {
        for tag in 1..=8 {
            let orientation = Orientation::from_tag(tag).unwrap();
            let upright = orientation.apply(letters());
            let corner = Area { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
            let coded = orientation.coded_area(corner, (2, 3));
            assert_eq!(upright.at(0, 0), letters().at(coded.left as u32, coded.top as u32), "tag {tag}");
            assert_eq!((coded.width, coded.height), (1.0, 1.0), "tag {tag}");
        }
    }
}
