//! One size of the picture, at which faces of one size fill a window, and the search for them there.

use super::contrast::Contrast;
use super::lab::{Boosted, Codes};
use super::mlp::{Network, Opinion};
use super::model::Model;
use super::picture::Picture;
use super::square::{Candidate, Square, merge};
use super::surf::Gradients;
use super::{STEP, WINDOW};

/// So much of their union must two windows have in common to be one for what comes next.
pub(crate) const NEAR: f64 = 0.8;

/// Of one view. Photos of crowds stay far below it, and a picture that is made to pass takes no time without end.
const PASSED_MAX: usize = 1000;

pub(crate) struct Level {
    pub(crate) picture: Picture,
    /// How many pixels of the whole picture stand for one here, across and down.
    pub(crate) factor: f64,
}

impl Level {
    /// The side of its windows, in pixels of the whole picture.
    pub(crate) fn side(&self) -> f64 {
        WINDOW as f64 * self.factor
    }

    /// What the boosted classifiers and the first network take for faces, in pixels of the whole picture.
    pub(crate) fn candidates(&self, model: &Model) -> Vec<Candidate> {
        let judged = |(x, y): (usize, usize)| {
            let opinion = model.first.judge(&Gradients::new(&self.picture.window_at(x, y)))?;
            Some(moved(self.square(x, y), opinion))
        };
        self.passed(model).into_iter().filter_map(judged).collect()
    }

    /// The top left corners of the windows that the boosted classifiers let pass, view by view.
    fn passed(&self, model: &Model) -> Vec<(usize, usize)> {
        let codes = Codes::new(&self.picture);
        let windows = self.windows();
        let pass = |view: &Boosted| {
            let search = view.on(&codes);
            let scored = windows.iter().filter_map(|(x, y)| Some((*x, *y, search.score(*x, *y)?)));
            let mut passed: Vec<(usize, usize, f32)> = scored.collect();
            passed.sort_by(|left, right| right.2.total_cmp(&left.2));
            passed.truncate(PASSED_MAX);
            let candidate = |(x, y, score): &(usize, usize, f32)| Candidate {
                square: self.square(*x, *y),
                score: f64::from(*score),
            };
            let candidates: Vec<Candidate> = passed.iter().map(candidate).collect();
            let kept = merge(&candidates, NEAR).into_iter();
            kept.map(move |(at, _)| (passed[at].0, passed[at].1))
        };
        model.views.iter().flat_map(pass).collect()
    }

    /// A window, in pixels of the whole picture.
    fn square(&self, x: usize, y: usize) -> Square {
        Square { left: x as f64, top: y as f64, side: WINDOW as f64 }.times(self.factor)
    }

    /// The top left corners of all windows in which there is something to see.
    fn windows(&self) -> Vec<(usize, usize)> {
        let contrast = Contrast::new(&self.picture);
        let steps = |side: usize| 0..=(side - WINDOW) / STEP;
        let across = steps(self.picture.width());
        let windows = steps(self.picture.height()).flat_map(|y| across.clone().map(move |x| (x, y)));
        windows.filter(|(x, y)| contrast.is_enough(*x, *y)).map(|(x, y)| (x * STEP, y * STEP)).collect()
    }

    /// Where a network moves a square to, if it takes it for a face.
    pub(crate) fn refine(&self, network: &Network, square: Square) -> Option<Candidate> {
        let window = self.picture.window(square.times(1.0 / self.factor));
        network.judge(&Gradients::new(&window)).map(|opinion| moved(square, opinion))
    }
}

fn moved(square: Square, opinion: Opinion) -> Candidate {
    let [across, down, side] = [opinion.across, opinion.down, opinion.side].map(|value| 2.0 * f64::from(value));
    let (middle, half) = (square.side / 2.0, square.side * side / 2.0);
    let square = Square {
        left: square.left + (across - 1.0) * square.side + middle - half,
        top: square.top + (down - 1.0) * square.side + middle - half,
        side: square.side * side,
    };
    Candidate { square, score: f64::from(opinion.score) }
}
