//! Gray pictures of the sizes that the search needs, and windows cut out of them.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::WINDOW;
use super::square::Square;

/// The samples that a network looks at, row by row.
pub(crate) type Window = [[u8; WINDOW]; WINDOW];

/// A gray picture that no side of is 0.
pub(crate) struct Picture {
    width: usize,
    samples: Vec<u8>,
}

impl Picture {
    /// `samples` at other sides. `None` if there are fewer samples than pixels, or none.
    pub(crate) fn drawn(samples: &[u8], sides: (u32, u32), drawn: (u32, u32)) -> Option<Self> {
        let view = ImageRef::new(sides.0, sides.1, samples, PixelType::U8).ok()?;
        let mut sheet = Image::new(drawn.0, drawn.1, PixelType::U8);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&view, &mut sheet, &options).ok()?;
        Some(Self { width: drawn.0 as usize, samples: sheet.into_vec() })
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.samples.len() / self.width
    }

    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.width..][..self.width]
    }

    /// A square part, drawn at the side of a window; black where it is outside of the picture.
    pub(crate) fn window(&self, square: Square) -> Window {
        let columns = taps(square.left, square.side, self.width);
        let rows = taps(square.top, square.side, self.height());
        rows.map(|(tops, down)| {
            let rows = tops.map(|y| self.row(y));
            columns.map(|(lefts, across)| {
                let line = |row: &[u8]| (0..2).map(|at| across[at] * u32::from(row[lefts[at]])).sum::<u32>();
                ((down[0] * line(rows[0]) + down[1] * line(rows[1])) >> (2 * BITS)) as u8
            })
        })
    }
}

/// Two samples and their weights, which sum up to [`ONE`] unless one is outside.
type Taps = ([usize; 2], [u32; 2]);

const BITS: u32 = 8;
const ONE: u32 = 1 << BITS;

/// What each sample of a window is made of, along one direction of a picture with so many samples there.
fn taps(start: f64, length: f64, samples: usize) -> [Taps; WINDOW] {
    let step = length / WINDOW as f64;
    std::array::from_fn(|at| {
        let place = start + (at as f64 + 0.5) * step - 0.5;
        let first = place.floor();
        let weight = ((place - first) * f64::from(ONE)) as u32;
        let tap = |place: f64, weight: u32| {
            let is_inside = place >= 0.0 && place < samples as f64;
            if is_inside { (place as usize, weight) } else { (0, 0) }
        };
        let (first, second) = (tap(first, ONE - weight), tap(first + 1.0, weight));
        ([first.0, second.0], [first.1, second.1])
    })
}
