//! Pictures in memory. Knows nothing of formats, colour spaces or profiles.

use crate::draw::{Canvas, Kind, Layer};
use crate::encode::{Plane, Planes};
use crate::jpeg::Colours;
use crate::orientation::Orientation;

/// Red, green and blue, eight bits each, row after row without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `width * height * 3` bytes.
    pub(crate) rgb: Vec<u8>,
}

/// Bytes of one pixel.
pub(crate) const CHANNELS: usize = 3;

/// An upright picture that becomes a JPEG.
pub(crate) enum Picture {
    Pixels(Pixels),
    /// Luma and chroma apart, as a JPEG has them.
    Planes(Planes),
}

impl Pixels {
    /// Takes a buffer of which the size is known to fit; `None` when it does not.
    pub(crate) fn new(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let fits = rgb.len() == width as usize * height as usize * CHANNELS;
        fits.then_some(Self { width, height, rgb })
    }

    /// An empty sheet.
    pub(crate) fn white(width: u32, height: u32) -> Self {
        Self { width, height, rgb: vec![u8::MAX; width as usize * height as usize * CHANNELS] }
    }

    /// Lays another picture onto this one, its corner at `left`, `top`; it must fit in.
    pub(crate) fn lay(&mut self, other: &Self, left: u32, top: u32) {
        let length = other.width as usize * CHANNELS;
        for y in 0..other.height {
            let from = other.index(0, y);
            let to = self.index(left, top + y);
            self.rgb[to..to + length].copy_from_slice(&other.rgb[from..from + length]);
        }
    }

    fn index(&self, x: u32, y: u32) -> usize {
        (y as usize * self.width as usize + x as usize) * CHANNELS
    }

    /// As it lies in a file with this orientation.
    pub(crate) fn canvas(&self, orientation: Orientation) -> Canvas<'_> {
        let sides = (self.width, self.height);
        let layer = Layer { sides, samples: &self.rgb, scale: (1.0, 1.0), origin: (0.0, 0.0) };
        Canvas { layers: vec![layer], kind: Kind::Together, orientation, sides }
    }
}

impl Picture {
    pub(crate) fn canvas(&self) -> Canvas<'_> {
        match self {
            Self::Pixels(pixels) => pixels.canvas(Orientation::Upright),
            Self::Planes(planes) => canvas_of(planes),
        }
    }
}

fn canvas_of(Planes { luma, chroma }: &Planes) -> Canvas<'_> {
    let sides = |plane: &Plane| (plane.width as u32, plane.height as u32);
    let layer = |plane, scale| Layer { sides: sides(plane), samples: &plane.samples, scale, origin: (0.0, 0.0) };
    let mut layers = vec![layer(luma, (1.0, 1.0))];
    layers.extend(chroma.iter().flatten().map(|plane| layer(plane, (0.5, 0.5))));
    let colours = if chroma.is_some() { Colours::Ycc } else { Colours::Gray };
    Canvas { layers, kind: Kind::Apart(colours), orientation: Orientation::Upright, sides: sides(luma) }
}
