//! A decoded picture in memory. Knows nothing of formats, colour spaces or profiles.

/// Red, green and blue, eight bits each, row after row without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `width * height * 3` bytes.
    pub(crate) rgb: Vec<u8>,
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

    pub(crate) fn set(&mut self, x: u32, y: u32, colour: [u8; CHANNELS]) {
        let at = self.index(x, y);
        self.rgb[at..at + CHANNELS].copy_from_slice(&colour);
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

    pub(crate) fn at(&self, x: u32, y: u32) -> [u8; CHANNELS] {
        let at = self.index(x, y);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    fn index(&self, x: u32, y: u32) -> usize {
        (y as usize * self.width as usize + x as usize) * CHANNELS
    }
}

/// Bytes of one pixel.
pub(crate) const CHANNELS: usize = 3;
