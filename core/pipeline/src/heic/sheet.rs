//! One component of a picture, laid together from tiles.

use super::hevc::Shown;
use super::levels::Levels;
use super::traits::Clip;
use crate::jpeg::{Plane, Window};

/// A plane in the making.
pub(super) struct Sheet {
    plane: Plane,
    /// Where it begins, in samples of the picture before it is clipped.
    corner: (u32, u32),
    /// How many pixels a sample stands for, across and down.
    pixels: (u32, u32),
}

impl Sheet {
    /// An empty one for what a window shows of a clipped picture.
    ///
    /// Where that begins amid a sample of chroma, chroma is off by half of one, which nobody sees.
    pub(super) fn new(pixels: (u32, u32), clip: Clip, window: Window) -> Self {
        let (left, origin_left, width) = span(clip.left, window.left, window.right, pixels.0);
        let (top, origin_top, height) = span(clip.top, window.top, window.bottom, pixels.1);
        let plane = Plane {
            width,
            height,
            samples: vec![0; width as usize * height as usize],
            scale: (1.0 / f64::from(pixels.0), 1.0 / f64::from(pixels.1)),
            origin: (origin_left, origin_top),
        };
        Self { plane, corner: (left, top), pixels }
    }

    /// Whether a tile of these sides at this corner, in pixels, lies in it.
    pub(super) fn meets(&self, corner: (u32, u32), sides: (u32, u32)) -> bool {
        let (columns, rows) = self.common(corner, sides);
        columns.0 < columns.1 && rows.0 < rows.1
    }

    /// Lays a component of a tile where it belongs.
    pub(super) fn lay(
        &mut self,
        tile: &Shown,
        component: usize,
        corner: (u32, u32),
        sides: (u32, u32),
        levels: &Levels,
    ) {
        let (columns, rows) = self.common(corner, sides);
        let from = (tile.corner.0 / self.pixels.0, tile.corner.1 / self.pixels.1);
        let tile_left = from.0 + columns.0 - corner.0 / self.pixels.0;
        let count = (columns.1.saturating_sub(columns.0)) as usize;
        for row in rows.0..rows.1 {
            let tile_row = from.1 + row - corner.1 / self.pixels.1;
            let samples =
                &tile.frame.planes[component][(tile_row * tile.frame.widths[component] + tile_left) as usize..];
            let to = ((row - self.corner.1) * self.plane.width + columns.0 - self.corner.0) as usize;
            for (to, sample) in self.plane.samples[to..to + count].iter_mut().zip(&samples[..count]) {
                *to = levels.of(*sample);
            }
        }
    }

    pub(super) fn into_plane(self) -> Plane {
        self.plane
    }

    /// The columns and the rows of samples that it has in common with a tile.
    fn common(&self, corner: (u32, u32), sides: (u32, u32)) -> ((u32, u32), (u32, u32)) {
        let common = |tile: u32, side: u32, pixels: u32, start: u32, length: u32| {
            let (first, end) = (tile / pixels, (tile + side).div_ceil(pixels));
            (first.max(start), end.min(start + length))
        };
        (
            common(corner.0, sides.0, self.pixels.0, self.corner.0, self.plane.width),
            common(corner.1, sides.1, self.pixels.1, self.corner.1, self.plane.height),
        )
    }
}

/// Along one side: the first sample in the whole picture, the same in the clipped one, and how many there are.
fn span(clip: u32, from: u32, to: u32, pixels: u32) -> (u32, u32, u32) {
    let first = (clip + from) / pixels;
    let end = (clip + to).div_ceil(pixels);
    (first, first - clip / pixels, end.saturating_sub(first))
}
