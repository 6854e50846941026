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
            let is_known = all.iter().any(|crop| look_alike(crop.area, area));
            if !is_known && !look_alike(area, Area::whole(width, height)) {
                let index = all.len();
                all.push(Crop { area, number: index + 1, colour: COLOURS[index % COLOURS.len()] });
            }
        }
        Self { all }
    }

    /// The one that shows this part; none where that is the whole photo.
    pub(super) fn find(&self, area: Area) -> Option<&Crop> {
        self.all.iter().find(|crop| look_alike(crop.area, area))
    }

    /// So drawn, a crop in another one stays visible.
    pub(super) fn largest_first(&self) -> impl Iterator<Item = &Crop> {
        let mut sorted: Vec<_> = self.all.iter().collect();
        sorted.sort_by_key(|crop| Reverse((crop.area.width * crop.area.height) as u64));
        sorted.into_iter()
    }
}

/// Whether no edge of one lies a pixel or more from that of the other.
fn look_alike(one: Area, other: Area) -> bool {
    let edges = |Area { left, top, width, height }: Area| [left, top, left + width, top + height];
    edges(one).iter().zip(edges(other)).all(|(edge, of_other)| (edge - of_other).abs() < 1.0)
}
