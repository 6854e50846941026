//! Finds faces, seen from the front and upright or nearly so, in a gray picture.
//!
//! A funnel of ever slower and better classifiers, as in Wu, Kan, He, Shan, Chen: "Funnel-structured cascade for multi-view
//! face detection with alignment awareness" (2017), with the weights of SeetaFace Detection.

mod contrast;
mod lab;
mod level;
mod mlp;
mod model;
mod picture;
mod square;
mod stretch;
mod surf;

use std::cell::OnceCell;

use level::{Level, NEAR};
use mlp::Network;
use model::Model;
use picture::Picture;
use square::{Candidate, Square, merge};
use stretch::Stretch;

/// Side of what classifiers look at, in samples.
const WINDOW: usize = 40;

/// From one window to the next, in samples.
const STEP: usize = 4;

/// A gray picture, held upright.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Luma<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// One for each pixel, row by row.
    pub(crate) samples: &'a [u8],
}

/// A square around a face, from the brows to the chin, in pixels of the picture; it may reach outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) side: f64,
    /// At least [`SCORE_MIN`].
    pub(crate) score: f64,
}

/// As many windows around a face, nearly, must the last network agree upon. Of 139 portraits five have less (`benches/faces`);
/// the highest of faceless pictures is 4.1, of a retina.
const SCORE_MIN: f64 = 4.5;

/// Squares that the last network took for faces are one face if they overlap by more.
const SAME: f64 = 0.3;

/// From one level to the next.
const SHRINK: f64 = 0.8;

/// Long side of the largest level.
const LONG_MAX: f64 = 640.0;

/// How much larger than the picture a level may be.
const ENLARGED_MAX: f64 = 3.0;

/// Faces of a smaller share of the largest face's side are of no interest.
const SECOND_MIN: f64 = 0.5;

/// Faces in an upright gray picture, the largest first.
pub(crate) fn find(luma: &Luma<'_>) -> Vec<Found> {
    let model = Model::get();
    let stretch = Stretch::of(luma.samples);
    let mut search = Search::default();
    let mut faces: Vec<Found> = Vec::new();
    for factor in factors(luma) {
        let Some(level) = level(luma, factor, stretch.as_ref()) else { break };
        let largest = faces.first().map_or(0.0, |face| face.side);
        if level.side() < largest * SECOND_MIN {
            break;
        }
        search.look(level, model);
        faces = search.faces(model);
    }
    faces
}

/// An upper bound of the bytes that [`find`] takes for a picture with these sides, beside the picture and the weights.
pub(crate) fn bytes(width: u32, height: u32) -> u64 {
    let factor = factor_min(width, height);
    let side = |side: u32| (f64::from(side) / factor).ceil() as u64;
    let largest = side(width) * side(height);
    // All levels together are less than three times the largest. There, sums, codes, contrast and windows take less than five
    // bytes for a pixel, and the resampling one for each pixel of its width at the picture's height.
    8 * largest + side(width) * u64::from(height) + CANDIDATES
}

/// Those of all levels, and tables.
const CANDIDATES: u64 = 2 << 20;

/// How many pixels stand for one, level by level: a window of the first covers the short side.
fn factors(luma: &Luma<'_>) -> impl Iterator<Item = f64> {
    let short = f64::from(luma.width.min(luma.height));
    let least = factor_min(luma.width, luma.height);
    std::iter::successors(Some(short / WINDOW as f64), |factor| Some(factor * SHRINK))
        .take_while(move |factor| *factor >= least)
}

/// The same of the largest level that there may be.
fn factor_min(width: u32, height: u32) -> f64 {
    (f64::from(width.max(height)) / LONG_MAX).max(1.0 / ENLARGED_MAX)
}

fn level(luma: &Luma<'_>, factor: f64, stretch: Option<&Stretch>) -> Option<Level> {
    // A short side of a whole number of windows may come out a hair below it.
    const HAIR: f64 = 1e-6;
    let side = |side: u32| (f64::from(side) / factor + HAIR) as u32;
    let mut picture = Picture::drawn(luma.samples, (luma.width, luma.height), (side(luma.width), side(luma.height)))?;
    if let Some(stretch) = stretch {
        picture.each(|sample| stretch.apply(sample));
    }
    Some(Level { picture, factor })
}

/// What has been looked at, from large faces to small ones.
#[derive(Default)]
struct Search {
    levels: Vec<Level>,
    candidates: Vec<Candidate>,
    /// For each candidate, what the later networks say of it, once they have been asked.
    answers: Vec<OnceCell<Option<Candidate>>>,
}

impl Search {
    fn look(&mut self, level: Level, model: &Model) {
        self.candidates.extend(level.candidates(model));
        self.answers.resize(self.candidates.len(), OnceCell::new());
        self.levels.push(level);
    }

    /// The faces that are found by now, the largest first.
    fn faces(&self, model: &Model) -> Vec<Found> {
        let answer = |at: usize| *self.answers[at].get_or_init(|| self.answer(self.candidates[at], model));
        let likely: Vec<Candidate> =
            merge(&self.candidates, NEAR).into_iter().filter_map(|(at, _)| answer(at)).collect();
        let found = |(at, score): (usize, f64)| {
            let Square { left, top, side } = square::mean(&likely, at, SAME);
            Found { left, top, side, score }
        };
        let mut faces: Vec<Found> =
            merge(&likely, SAME).into_iter().map(found).filter(|face| face.score >= SCORE_MIN).collect();
        faces.sort_by(|left, right| right.side.total_cmp(&left.side));
        faces
    }

    fn answer(&self, candidate: Candidate, model: &Model) -> Option<Candidate> {
        let better = self.refine(&model.second, candidate)?;
        self.refine(&model.last, better)
    }

    /// Asks a network about a square, on the smallest level that shows it at the side of a window.
    fn refine(&self, network: &Network, candidate: Candidate) -> Option<Candidate> {
        // A level that is a little too small still shows all that a window can.
        const SLACK: f64 = 1.05;
        let shows = |level: &&Level| level.side() <= candidate.square.side * SLACK;
        let level = self.levels.iter().find(shows).or_else(|| self.levels.last())?;
        level.refine(network, candidate.square)
    }
}

#[cfg(test)]
mod tests;
