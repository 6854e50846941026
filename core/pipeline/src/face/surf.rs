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
    top: usize,
    height: usize,
    /// All bits of the columns of its left half, and of its right half; none of others.
    halves: [Row; 2],
}

impl Patch {
    fn new(left: usize, top: usize, width: usize, height: usize) -> Self {
        let half = |left: usize| std::array::from_fn(|x| if (left..left + width / 2).contains(&x) { !0 } else { 0 });
        Self { top, height, halves: [half(left), half(left + width / 2)] }
    }
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
        rows.flat_map(move |top| places(width).map(move |left| Patch::new(left, top, width, height)))
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
    pub(crate) fn descriptor(&self, patch: &Patch) -> [f32; DESCRIPTOR] {
        let half = patch.height / 2;
        let mut values = [0.0; DESCRIPTOR];
        for (top, values) in [patch.top, patch.top + half].into_iter().zip(values.chunks_exact_mut(2 * CHANNELS)) {
            for (channel, columns) in self.columns.iter().enumerate() {
                let [left, right] = sums(&columns[top], &columns[top + half], &patch.halves);
                (values[channel], values[CHANNELS + channel]) = (left as f32, right as f32);
            }
        }
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 { values.map(|value| value / length) } else { values }
    }
}

/// The sums of a channel between two rows, in the columns of each half of a patch.
///
/// Half a patch has at most 20 rows and columns: a column comes to 10,200 at most, and three of them, as many as meet in a
/// lane, still fit into 16 bits. Alone, a call of this keeps to eight columns at a time; inlined, the compiler gathers the
/// channels one by one instead, which takes four times as long.
#[inline(never)]
fn sums(above: &Row, below: &Row, halves: &[Row; 2]) -> [i32; 2] {
    const LANES: usize = 8;
    let mut lanes = [[0_i16; LANES]; 2];
    for at in (0..WINDOW).step_by(LANES) {
        for lane in 0..LANES {
            let column = below[at + lane] - above[at + lane];
            lanes[0][lane] += column & halves[0][at + lane];
            lanes[1][lane] += column & halves[1][at + lane];
        }
    }
    lanes.map(|lanes| lanes.into_iter().map(i32::from).sum())
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
