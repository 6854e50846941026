//! The first look at every window of a level: codes that say how each place compares with its surroundings, and boosted
//! classifiers that add up what the codes at some places speak for.
//!
//! The codes are locally assembled binary features (Yan, Shan, Chen, Gao: "Locally assembled binary (LAB) feature with
//! feature-centric cascade for fast and accurate face detection", 2008): nine squares of 3x3 samples, each of the outer eight
//! gives one bit, set where the square in the middle is at least as bright.

use super::WINDOW;
use super::picture::Picture;

/// Side of one square, and of the nine together.
const CELL: usize = 3;
const NINE: usize = 3 * CELL;

/// The codes of a level, a row for each row of squares that fits into it.
pub(crate) struct Codes {
    width: usize,
    codes: Vec<u8>,
}

impl Codes {
    /// The code of each place of a picture that a window fits into; a place is the top left corner of its nine squares.
    pub(crate) fn new(picture: &Picture) -> Self {
        let sums = sums(picture);
        let width = picture.width() + 1 - NINE;
        let height = picture.height() + 1 - NINE;
        let mut codes = vec![0; width * height];
        let rows = picture.width() + 1 - CELL;
        for (y, row) in codes.chunks_exact_mut(width).enumerate() {
            let sums = |down: usize| &sums[(y + down * CELL) * rows..][..rows];
            code(row, [sums(0), sums(1), sums(2)]);
        }
        Self { width, codes }
    }
}

/// Sums of the squares: each at the place of its top left corner. At most 2295, so that signed comparisons do.
fn sums(picture: &Picture) -> Vec<i16> {
    let width = picture.width() + 1 - CELL;
    let mut sums = vec![0; width * (picture.height() + 1 - CELL)];
    let mut column = vec![0_i16; picture.width()];
    for (y, row) in sums.chunks_exact_mut(width).enumerate() {
        let (top, middle, bottom) = (picture.row(y), picture.row(y + 1), picture.row(y + 2));
        for (((sum, top), middle), bottom) in column.iter_mut().zip(top).zip(middle).zip(bottom) {
            *sum = i16::from(*top) + i16::from(*middle) + i16::from(*bottom);
        }
        for (((sum, left), middle), right) in row.iter_mut().zip(&column).zip(&column[1..]).zip(&column[2..]) {
            *sum = left + middle + right;
        }
    }
    sums
}

/// One row of codes, from three rows of sums. The bits go by rows, from the highest.
fn code(codes: &mut [u8], [above, level, below]: [&[i16]; 3]) {
    let count = codes.len();
    let squares = |row| [0, 1, 2].map(|place| &<[i16]>::split_at(row, place * CELL).1[..count]);
    let ([a, b, c], [d, middle, e], [f, g, h]) = (squares(above), squares(level), squares(below));
    let outer = [a, b, c, d, e, f, g, h];
    for x in 0..count {
        let mut code = 0;
        for (bit, sums) in outer.iter().enumerate() {
            code |= u8::from(middle[x] >= sums[x]) << (7 - bit);
        }
        codes[x] = code;
    }
}

/// A classifier of all windows, for one view of a head.
pub(crate) struct Boosted {
    groups: Vec<Group>,
}

/// After so many features a window that is none is left alone.
const GROUP: usize = 10;

struct Group {
    /// Places in a window.
    places: [(usize, usize); GROUP],
    /// What each code at a place speaks for.
    weights: [[f32; 256]; GROUP],
    /// What all groups so far must come to.
    threshold: f32,
}

impl Boosted {
    /// From as many places as thresholds, and 256 weights for each; `None` if that is not so, or a place is outside of a
    /// window. Only the last threshold of a group counts.
    pub(crate) fn new(places: &[(usize, usize)], thresholds: &[f32], weights: &[f32]) -> Option<Self> {
        let (places, beyond) = places.as_chunks();
        let (weights, _) = weights.as_chunks();
        let (weights, _) = weights.as_chunks();
        let (thresholds, _) = thresholds.as_chunks::<GROUP>();
        let is_inside = |place: &(usize, usize)| place.0.max(place.1) + NINE <= WINDOW;
        let fits = beyond.is_empty() && places.len() == weights.len() && places.len() == thresholds.len();
        if !fits || !places.iter().flatten().all(is_inside) {
            return None;
        }
        let group = |((places, weights), thresholds): ((&_, &_), &[f32; GROUP])| Group {
            places: *places,
            weights: *weights,
            threshold: thresholds[GROUP - 1],
        };
        Some(Self { groups: places.iter().zip(weights).zip(thresholds).map(group).collect() })
    }

    /// The same for one level, where a place is a distance in its codes.
    pub(crate) fn on<'a>(&'a self, codes: &'a Codes) -> Search<'a> {
        let distances = |group: &Group| group.places.map(|(x, y)| y * codes.width + x);
        Search { codes, groups: self.groups.iter().map(|group| (distances(group), group)).collect() }
    }
}

/// A classifier and the codes that it looks at.
pub(crate) struct Search<'a> {
    codes: &'a Codes,
    groups: Vec<([usize; GROUP], &'a Group)>,
}

impl Search<'_> {
    /// How much speaks for a face in the window at this place; `None` if too little does.
    pub(crate) fn score(&self, x: usize, y: usize) -> Option<f32> {
        let codes = &self.codes.codes[y * self.codes.width + x..];
        let mut score = 0.0;
        for (distances, group) in &self.groups {
            for (distance, weights) in distances.iter().zip(&group.weights) {
                score += weights[usize::from(codes[*distance])];
            }
            if score < group.threshold {
                return None;
            }
        }
        Some(score)
    }
}
