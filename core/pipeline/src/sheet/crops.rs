//! The parts of a photo that its pictures show, each once, with a number and a colour.

use std::cmp::Reverse;

use embedded_graphics::pixelcolor::Rgb888;

use super::Shown;
use crate::orientation::Area;

/// The colour of faces.
pub(super) const FACE: Rgb888 = Rgb888::new(0x00, 0xe0, 0x40);

/// Colours that people tell apart, also those who see red and green alike; after the last one they begin anew.
const COLOURS: [Rgb888; 6] = [
    Rgb888::new(0xff, 0x30, 0x30),
    Rgb888::new(0x20, 0x80, 0xff),
    Rgb888::new(0xff, 0xb0, 0x00),
    Rgb888::new(0xe0, 0x40, 0xe0),
    Rgb888::new(0x00, 0xc8, 0xd8),
    Rgb888::new(0x90, 0x60, 0x20),
];

/// A part of the photo that is smaller than the photo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crop {
    /// In pixels of the upright photo.
    pub(super) area: Area,
    /// From 1.
    pub(super) number: usize,
    pub(super) colour: Rgb888,
}

/// All of them.
pub(super) struct Crops {
    pub(super) all: Vec<Crop>,
}

impl Crops {
    /// The parts that these pictures show of a photo of these sides, in their order.
    pub(super) fn of(pictures: &[Shown<'_>], (width, height): (u32, u32)) -> Self {
        let mut all: Vec<Crop> = Vec::new();
        for area in pictures.iter().map(|shown| shown.rendition.area) {
            let is_known = all.iter().any(|crop| pixels(crop.area) == pixels(area));
            if !is_known && pixels(area) != pixels(Area::whole(width, height)) {
                let index = all.len();
                all.push(Crop { area, number: index + 1, colour: COLOURS[index % COLOURS.len()] });
            }
        }
        Self { all }
    }

    /// The one that shows this part; none where that is the whole photo.
    pub(super) fn find(&self, area: Area) -> Option<&Crop> {
        self.all.iter().find(|crop| pixels(crop.area) == pixels(area))
    }

    /// So drawn, a crop in another one stays visible.
    pub(super) fn largest_first(&self) -> impl Iterator<Item = &Crop> {
        let mut sorted: Vec<_> = self.all.iter().collect();
        sorted.sort_by_key(|crop| Reverse((crop.area.width * crop.area.height) as u64));
        sorted.into_iter()
    }
}

/// Left, top, width and height in whole pixels: parts that differ by less look the same.
fn pixels(area: Area) -> [i64; 4] {
    [area.left, area.top, area.width, area.height].map(|length| length.round() as i64)
}
