//! Describes patches of a window by the gradients in them, as SURF does (Bay, Tuytelaars, Van Gool: "SURF: speeded up robust
//! features", 2006), with the sums kept apart by the sign of the other direction.

use super::WINDOW;
use super::picture::Window;

/// Two sums and two absolute sums for each direction.
const CHANNELS: usize = 8;

/// Numbers that describe a patch: those of its four quarters.
pub(crate) const DESCRIPTOR: usize = 4 * CHANNELS;

/// A part of a window, of even sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// All patches that networks choose from, in the order that their numbers count: by shape, size, row and column.
pub(crate) fn pool() -> Vec<Patch> {
    /// Widths to heights.
    const SHAPES: [(usize, usize); 5] = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)];
    const SIDE_MIN: usize = 16;
    /// From one place to the next.
    const STRIDE: usize = 16;
    let places = |side: usize| (0..=WINDOW - side).step_by(STRIDE);
    let sizes = SHAPES.iter().flat_map(|(across, down)| {
        let heights = (SIDE_MIN..=WINDOW).filter(move |height| height % down == 0);
        heights.map(move |height| (height / down * across, height))
    });
    let fits =
        |(width, height): &(usize, usize)| width % 2 == 0 && height % 2 == 0 && (SIDE_MIN..=WINDOW).contains(width);
    let patches = sizes.filter(fits).flat_map(|(width, height)| {
        let rows = places(height);
        rows.flat_map(move |top| places(width).map(move |left| Patch { left, top, width, height }))
    });
    patches.collect()
}

/// Sums of the gradients of a window: at `[y][x]`, of all above and left of that corner.
pub(crate) struct Gradients {
    sums: Box<[[Sums; CORNERS]; CORNERS]>,
}

type Sums = [i32; CHANNELS];
const CORNERS: usize = WINDOW + 1;

impl Gradients {
    pub(crate) fn new(window: &Window) -> Self {
        let mut sums = Box::new([[[0; CHANNELS]; CORNERS]; CORNERS]);
        for y in 0..WINDOW {
            let across = across(&window[y]);
            let down = down(window, y);
            let mut row = [0; CHANNELS];
            for x in 0..WINDOW {
                row = add(row, channels(across[x], down[x]));
                sums[y + 1][x + 1] = add(sums[y][x + 1], row);
            }
        }
        Self { sums }
    }

    /// The sums in the quarters of a patch, by rows, as a vector of length one (or zero where nothing changes).
    pub(crate) fn descriptor(&self, patch: Patch) -> [f32; DESCRIPTOR] {
        let (width, height) = (patch.width / 2, patch.height / 2);
        let mut values = [0.0; DESCRIPTOR];
        for (quarter, values) in values.chunks_exact_mut(CHANNELS).enumerate() {
            let (left, top) = (patch.left + quarter % 2 * width, patch.top + quarter / 2 * height);
            let (above, below) = (&self.sums[top], &self.sums[top + height]);
            for (channel, value) in values.iter_mut().enumerate() {
                let sum = |row: &[Sums; CORNERS]| row[left + width][channel] - row[left][channel];
                *value = (sum(below) - sum(above)) as f32;
            }
        }
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 { values.map(|value| value / length) } else { values }
    }
}

/// The changes along a row, over two samples; at its ends twice that over one.
fn across(row: &[u8; WINDOW]) -> [i32; WINDOW] {
    std::array::from_fn(|x| {
        let (left, right) = (x.saturating_sub(1), (x + 1).min(WINDOW - 1));
        (i32::from(row[right]) - i32::from(row[left])) * (2 / (right - left) as i32)
    })
}

/// The same from row to row, at all places of one.
fn down(window: &Window, y: usize) -> [i32; WINDOW] {
    let (top, bottom) = (y.saturating_sub(1), (y + 1).min(WINDOW - 1));
    let factor = 2 / (bottom - top) as i32;
    std::array::from_fn(|x| (i32::from(window[bottom][x]) - i32::from(window[top][x])) * factor)
}

/// Each change and its amount, on one of two places by the sign of the other change.
fn channels(across: i32, down: i32) -> Sums {
    let split = |value: i32, is_second: bool| {
        let (first, second) = if is_second { (0, value) } else { (value, 0) };
        [first, first.abs(), second, second.abs()]
    };
    let ([a, b, c, d], [e, f, g, h]) = (split(across, down < 0), split(down, across < 0));
    [a, b, c, d, e, f, g, h]
}

fn add(left: Sums, right: Sums) -> Sums {
    std::array::from_fn(|channel| left[channel] + right[channel])
}
