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

    /// Changes each sample.
    pub(crate) fn each(&mut self, change: impl Fn(u8) -> u8) {
        for sample in &mut self.samples {
            *sample = change(*sample);
        }
    }

    /// The window at this place, which is inside.
    pub(crate) fn window_at(&self, x: usize, y: usize) -> Window {
        std::array::from_fn(|row| std::array::from_fn(|column| self.samples[(y + row) * self.width + x + column]))
    }

    /// A square part, drawn at the side of a window; black where it is outside of the picture.
    pub(crate) fn window(&self, square: Square) -> Window {
        let columns = taps(square.left, square.side, self.width);
        let rows = taps(square.top, square.side, self.height());
        let first = rows.iter().map(|row| row.places[0]).min().unwrap_or(0);
        let last = rows.iter().map(|row| row.places[1]).max().unwrap_or(0);
        let lines: Vec<[u16; WINDOW]> = (first..=last).map(|y| line(self.row(y), &columns)).collect();
        rows.map(|row| {
            let [above, below] = row.places.map(|y| &lines[y - first]);
            let [top, bottom] = row.weights.map(u32::from);
            let blend = |x: usize| (top * u32::from(above[x]) + bottom * u32::from(below[x])) >> (2 * BITS);
            std::array::from_fn(|x| blend(x) as u8)
        })
    }
}

/// Two neighbours, and their weights, which sum up to [`ONE`] unless one is outside.
#[derive(Clone, Copy)]
struct Taps {
    places: [usize; 2],
    weights: [u16; 2],
}

const BITS: u32 = 8;
const ONE: u16 = 1 << BITS;

/// What each sample of a window is made of, along one direction of a picture with so many samples there.
fn taps(start: f64, length: f64, samples: usize) -> [Taps; WINDOW] {
    let step = length / WINDOW as f64;
    std::array::from_fn(|at| {
        let place = start + (at as f64 + 0.5) * step - 0.5;
        let first = place.floor();
        let share = ((place - first) * f64::from(ONE)) as u16;
        let is_inside = |place: f64| place >= 0.0 && place < samples as f64;
        let weight = |place: f64, weight: u16| if is_inside(place) { weight } else { 0 };
        Taps {
            places: [first, first + 1.0].map(|place| (place.max(0.0) as usize).min(samples - 1)),
            weights: [weight(first, ONE - share), weight(first + 1.0, share)],
        }
    })
}

/// One row at the places of the columns, [`ONE`] times too bright.
fn line(row: &[u8], columns: &[Taps; WINDOW]) -> [u16; WINDOW] {
    let mut line = [0; WINDOW];
    for (sample, column) in line.iter_mut().zip(columns) {
        let part = |at: usize| u16::from(row[column.places[at]]) * column.weights[at];
        *sample = part(0) + part(1);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the grid nothing lies between two samples, so that drawing a window is copying it.
    #[test]
    fn a_window_at_a_place_is_the_square_there() {
        let picture = Picture { width: 97, samples: (0..97 * 83).map(|at: u32| (at * 31 % 251) as u8).collect() };
        for (x, y) in [(0, 0), (4, 40), (57, 43), (33, 8)] {
            let square = Square { left: x as f64, top: y as f64, side: WINDOW as f64 };
            assert_eq!(picture.window_at(x, y), picture.window(square), "{x} {y}");
        }
    }
}
