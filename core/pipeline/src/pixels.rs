//! Pictures in memory. Knows nothing of formats and profiles.

use crate::draw::{Canvas, Kind, Layer};
use crate::encode::{Plane, Planes};
use crate::finish::FINISHED;
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

/// How a pixel is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pixel {
    /// Red, green and blue, eight bits each.
    Rgb,
    /// The same, multiplied by the alpha that follows.
    Rgba,
    /// How much light red, green and blue are, 16 bits each in the machine's order.
    Light,
    /// The same, multiplied by the alpha that follows.
    ClearLight,
}

impl Pixel {
    /// How many bytes it takes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
            Self::Light => 6,
            Self::ClearLight => 8,
        }
    }
}

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
    pub(crate) fn blank(width: u32, height: u32, colour: [u8; CHANNELS]) -> Self {
        Self { width, height, rgb: colour.repeat(width as usize * height as usize) }
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

    fn canvas(&self) -> Canvas<'_> {
        let sides = (self.width, self.height);
        let layer = Layer { sides, samples: &self.rgb, scale: (1.0, 1.0), origin: (0.0, 0.0) };
        finished(vec![layer], Kind::Together(Pixel::Rgb), sides)
    }
}

impl Picture {
    pub(crate) fn canvas(&self) -> Canvas<'_> {
        match self {
            Self::Pixels(pixels) => pixels.canvas(),
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
    finished(layers, Kind::Apart(colours), sides(luma))
}

fn finished(layers: Vec<Layer<'_>>, kind: Kind, sides: (u32, u32)) -> Canvas<'_> {
    Canvas { layers, kind, finish: &FINISHED, orientation: Orientation::Upright, sides }
}
