//! One component while it is decoded, and the plane of samples that it becomes.

use super::Scale;
use super::blocks::Units;
use super::header::{Component, Frame, Scan};
use super::transform::Fold;
use crate::draw;

/// The part of a picture that is wanted, in its pixels as coded; whatever is drawn from it lies within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) right: u32,
    pub(crate) bottom: u32,
}

/// The samples of one component: what its window shows, in whole blocks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plane {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Row after row without gaps.
    pub(crate) samples: Vec<u8>,
    /// How many samples stand for one pixel of the picture, across and down.
    pub(crate) scale: (f64, f64),
    /// Where the plane begins, in samples of the whole picture's plane.
    pub(crate) origin: (u32, u32),
}

impl Plane {
    pub(crate) fn layer(&self) -> draw::Layer<'_> {
        draw::Layer {
            sides: (self.width, self.height),
            samples: &self.samples,
            scale: self.scale,
            origin: (self.origin.0.into(), self.origin.1.into()),
        }
    }
}

/// How many bytes decoding takes, and how many of them remain as planes.
pub(crate) fn decoded_bytes(frame: &Frame, scale: Scale, window: Window) -> (u64, u64) {
    let of = |component| {
        let kept = BlockWindow::new(frame, component, window);
        let samples = kept.count() * (scale.side() * scale.side()) as u64;
        (samples + Extent::new(frame, component, scale, kept).bytes(), samples)
    };
    frame.components.iter().map(of).fold((0, 0), |sum, (all, samples)| (sum.0 + all, sum.1 + samples))
}

/// The units with all blocks of a scan that its layers keep.
pub(super) fn units(frame: &Frame, scan: &Scan, layers: &[Layer]) -> Units {
    let mut units = Units { left: u32::MAX, top: u32::MAX, right: 0, bottom: 0 };
    for part in &scan.parts {
        let (component, blocks) = (&frame.components[part.component], &layers[part.component].blocks);
        let (across, down) = (u32::from(component.across), u32::from(component.down));
        units.left = units.left.min(blocks.left / across);
        units.top = units.top.min(blocks.top / down);
        units.right = units.right.max(blocks.right.div_ceil(across));
        units.bottom = units.bottom.max(blocks.bottom.div_ceil(down));
    }
    units
}

/// A component while it is decoded.
pub(super) struct Layer {
    /// The blocks that are kept.
    blocks: BlockWindow,
    pub(super) fold: Option<Fold>,
    /// What has become of the kept blocks, row after row.
    pub(super) samples: Vec<u8>,
    /// Samples in a row.
    pub(super) stride: usize,
    /// Of a progressive picture; see [`Coefficients`].
    pub(super) coefficients: Coefficients,
    /// The sides of the plane that the whole picture has, in samples.
    sides: (u32, u32),
    scale: (f64, f64),
}

/// Blocks from left to right and from top to bottom, the ends not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BlockWindow {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

impl BlockWindow {
    fn new(frame: &Frame, component: &Component, window: Window) -> Self {
        let (across, down) = frame.unit();
        let all = frame.blocks(component);
        let first = |pixel: u32, factor: u8, unit: u32| pixel * u32::from(factor) / (8 * unit);
        let end =
            |pixel: u32, factor: u8, unit: u32, all: u32| (pixel * u32::from(factor)).div_ceil(8 * unit).clamp(1, all);
        let (right, bottom) =
            (end(window.right, component.across, across, all.0), end(window.bottom, component.down, down, all.1));
        let (left, top) = (first(window.left, component.across, across), first(window.top, component.down, down));
        Self { left: left.min(right - 1), top: top.min(bottom - 1), right, bottom }
    }

    fn across(&self) -> usize {
        (self.right - self.left) as usize
    }

    fn down(&self) -> usize {
        (self.bottom - self.top) as usize
    }

    fn count(&self) -> u64 {
        self.across() as u64 * self.down() as u64
    }

    /// In which of its columns and rows a block is, if it is one of them.
    #[inline(always)]
    fn place(&self, x: u32, y: u32) -> Option<(usize, usize)> {
        let has = (self.left..self.right).contains(&x) && (self.top..self.bottom).contains(&y);
        has.then(|| ((x - self.left) as usize, (y - self.top) as usize))
    }
}

/// What the scans of a progressive picture have told so far.
///
/// How long a block's data is in a later scan depends on which of its coefficients are not zero, so that much is kept of all
/// blocks; values are kept where they are shown.
pub(super) struct Coefficients {
    /// Blocks of which values are kept.
    blocks: BlockWindow,
    /// Values of a block: only the first at an eighth, else all, in zigzag order.
    each: usize,
    values: Vec<i16>,
    /// How many blocks are in a row of all, and for each of all a bit for each coefficient that is not zero. None at an
    /// eighth.
    across: usize,
    known: Vec<u64>,
}

/// One block.
pub(super) struct Block<'a> {
    pub(super) known: &'a mut u64,
    /// In zigzag order, where they are kept.
    pub(super) values: Option<&'a mut [i16]>,
}

impl Coefficients {
    fn new(frame: &Frame, component: &Component, scale: Scale, window: BlockWindow) -> Self {
        let (across, _) = frame.blocks(component);
        let Extent { kept, each, known } = Extent::new(frame, component, scale, window);
        let values = vec![0; (kept * each) as usize];
        Self { blocks: window, each: each as usize, values, across: across as usize, known: vec![0; known as usize] }
    }

    /// The first coefficient of a block, if it is kept.
    #[inline(always)]
    pub(super) fn first(&mut self, x: u32, y: u32) -> Option<&mut i16> {
        let place = self.place(x, y)?;
        self.values.get_mut(place)
    }

    /// Which coefficients of a block are not zero.
    #[inline(always)]
    pub(super) fn known(&self, x: u32, y: u32) -> u64 {
        self.known.get(y as usize * self.across + x as usize).copied().unwrap_or(0)
    }

    /// A block of a picture that is not decoded at an eighth.
    #[inline(always)]
    pub(super) fn block(&mut self, x: u32, y: u32) -> Option<Block<'_>> {
        let place = self.place(x, y);
        let known = self.known.get_mut(y as usize * self.across + x as usize)?;
        Some(Block { known, values: place.and_then(|place| self.values.get_mut(place..place + self.each)) })
    }

    #[inline(always)]
    fn place(&self, x: u32, y: u32) -> Option<usize> {
        let (column, row) = self.blocks.place(x, y)?;
        Some((row * self.blocks.across() + column) * self.each)
    }
}

/// How much is kept of a progressive picture.
struct Extent {
    /// Blocks with values, and values of each.
    kept: u64,
    each: u64,
    /// Blocks of which it is known what is not zero.
    known: u64,
}

impl Extent {
    fn new(frame: &Frame, component: &Component, scale: Scale, window: BlockWindow) -> Self {
        let (across, down) = frame.blocks(component);
        let (each, known) = match (frame.progressive, scale) {
            (false, _) => (0, 0),
            (true, Scale::Eighth) => (1, 0),
            (true, _) => (64, u64::from(across) * u64::from(down)),
        };
        Self { kept: window.count(), each, known }
    }

    fn bytes(&self) -> u64 {
        2 * self.kept * self.each + 8 * self.known
    }
}

impl Layer {
    pub(super) fn new(frame: &Frame, component: &Component, scale: Scale, window: Window) -> Self {
        let blocks = BlockWindow::new(frame, component, window);
        let (across, down) = frame.unit();
        let side = scale.side();
        let samples = |pixels: u16, factor: u8, unit: u32| {
            (u32::from(pixels) * u32::from(factor) * side as u32).div_ceil(8 * unit)
        };
        let scale_of = |factor: u8, unit: u32| f64::from(factor) * side as f64 / (8.0 * f64::from(unit));
        let stride = blocks.across() * side;
        Self {
            blocks,
            fold: None,
            samples: vec![0; stride * blocks.down() * side],
            stride,
            coefficients: Coefficients::new(frame, component, scale, blocks),
            sides: (samples(frame.width, component.across, across), samples(frame.height, component.down, down)),
            scale: (scale_of(component.across, across), scale_of(component.down, down)),
        }
    }

    /// A scan of it begins. The quantisation that is set at its first one counts (B.2.4.1).
    pub(super) fn begin(&mut self, quantisation: &[u16; 64], scale: Scale) {
        self.fold.get_or_insert_with(|| Fold::new(quantisation, scale));
    }

    /// Where the samples of a block begin, if it is kept.
    #[inline(always)]
    pub(super) fn place(&self, x: u32, y: u32, side: usize) -> Option<usize> {
        let (column, row) = self.blocks.place(x, y)?;
        Some((row * self.stride + column) * side)
    }

    /// The plane, cut at the picture's own edges; `None` where no scan has told anything of it.
    pub(super) fn finish(mut self, scale: Scale) -> Option<Plane> {
        let fold = self.fold.take()?;
        self.paint(&fold, scale);
        let side = scale.side() as u32;
        let origin = (self.blocks.left * side, self.blocks.top * side);
        let width = (self.sides.0 - origin.0).min(self.stride as u32);
        let height = (self.sides.1 - origin.1).min(self.blocks.down() as u32 * side);
        let samples = cut(self.samples, self.stride, width as usize, height as usize);
        Some(Plane { width, height, samples, scale: self.scale, origin })
    }

    /// Turns the coefficients of a progressive picture into samples.
    fn paint(&mut self, fold: &Fold, scale: Scale) {
        if self.coefficients.each == 0 {
            return;
        }
        let side = scale.side();
        for y in self.blocks.top..self.blocks.bottom {
            for x in self.blocks.left..self.blocks.right {
                if let (Some(to), Some(from)) = (self.place(x, y, side), self.coefficients.place(x, y)) {
                    let block = &self.coefficients.values[from..from + self.coefficients.each];
                    fold.paint(block, &mut self.samples[to..], self.stride);
                }
            }
        }
    }
}

/// Leaves out what lies right of `width` and below `height`.
fn cut(mut samples: Vec<u8>, stride: usize, width: usize, height: usize) -> Vec<u8> {
    if width < stride {
        for row in 1..height {
            samples.copy_within(row * stride..row * stride + width, row * width);
        }
    }
    samples.truncate(width * height);
    samples
}
