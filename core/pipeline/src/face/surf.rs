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

/// Sums of the gradients of a window, channel by channel: in row `y`, down each column, of all above it.
///
/// A column of 40 changes of at most 510 fits into 16 bits, and the compiler adds several columns at once.
pub(crate) struct Gradients {
    columns: Box<[[Row; WINDOW + 1]; CHANNELS]>,
}

type Row = [i16; WINDOW];

impl Gradients {
    pub(crate) fn new(window: &Window) -> Self {
        let mut columns = Box::new([[[0; WINDOW]; WINDOW + 1]; CHANNELS]);
        for y in 0..WINDOW {
            let changes = channels(&across(&window[y]), &down(window, y));
            for (column, change) in columns.iter_mut().zip(changes) {
                column[y + 1] = std::array::from_fn(|x| column[y][x] + change[x]);
            }
        }
        Self { columns }
    }

    /// The sums in the quarters of a patch, by rows, as a vector of length one (or zero where nothing changes).
    pub(crate) fn descriptor(&self, patch: Patch) -> [f32; DESCRIPTOR] {
        let (width, height) = (patch.width / 2, patch.height / 2);
        let mut values = [0.0; DESCRIPTOR];
        for (quarter, values) in values.chunks_exact_mut(CHANNELS).enumerate() {
            let (left, top) = (patch.left + quarter % 2 * width, patch.top + quarter / 2 * height);
            for (value, columns) in values.iter_mut().zip(self.columns.iter()) {
                let sum = |row: &Row| row[left..left + width].iter().map(|sum| i32::from(*sum)).sum::<i32>();
                *value = (sum(&columns[top + height]) - sum(&columns[top])) as f32;
            }
        }
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 { values.map(|value| value / length) } else { values }
    }
}

/// The changes along a row, over two samples; at its ends twice that over one.
fn across(row: &[u8; WINDOW]) -> Row {
    const LAST: usize = WINDOW - 1;
    let mut changes = [0; WINDOW];
    for ((change, left), right) in changes[1..LAST].iter_mut().zip(row).zip(&row[2..]) {
        *change = i16::from(*right) - i16::from(*left);
    }
    changes[0] = 2 * (i16::from(row[1]) - i16::from(row[0]));
    changes[LAST] = 2 * (i16::from(row[LAST]) - i16::from(row[LAST - 1]));
    changes
}

/// The same from row to row, at all places of one.
fn down(window: &Window, y: usize) -> Row {
    let (top, bottom) = (y.saturating_sub(1), (y + 1).min(WINDOW - 1));
    let factor = if bottom - top == 2 { 1 } else { 2 };
    std::array::from_fn(|x| (i16::from(window[bottom][x]) - i16::from(window[top][x])) * factor)
}

/// Each change and its amount, in one of two channels by the sign of the other change.
fn channels(across: &Row, down: &Row) -> [Row; CHANNELS] {
    let mut channels = [[0; WINDOW]; CHANNELS];
    let (by_down, by_across) = channels.split_at_mut(CHANNELS / 2);
    split(across, down, by_down);
    split(down, across, by_across);
    channels
}

fn split(changes: &Row, other: &Row, channels: &mut [Row]) {
    let [rising, rising_amount, falling, falling_amount] = channels else { return };
    for x in 0..WINDOW {
        let (up, down) = if other[x] < 0 { (0, changes[x]) } else { (changes[x], 0) };
        (rising[x], rising_amount[x]) = (up, up.abs());
        (falling[x], falling_amount[x]) = (down, down.abs());
    }
}
