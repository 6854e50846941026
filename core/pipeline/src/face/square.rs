//! Squares that may show a face, and which of them show the same one.

/// A square part of the picture, in its pixels; it may reach outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Square {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) side: f64,
}

/// A square and how much speaks for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) square: Square,
    pub(crate) score: f64,
}

impl Square {
    /// The same part of a picture that has so many times the sides.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { left: self.left * factor, top: self.top * factor, side: self.side * factor }
    }

    /// What both cover, as a share of what either covers.
    pub(crate) fn overlap(self, other: Self) -> f64 {
        let shared = |start: f64, other_start: f64| {
            ((start + self.side).min(other_start + other.side) - start.max(other_start)).max(0.0)
        };
        let both = shared(self.left, other.left) * shared(self.top, other.top);
        both / (self.side * self.side + other.side * other.side - both)
    }
}

/// Which of some candidates stay where those that overlap by more than `limit` are one: the place of the one with the highest
/// score, and the sum of all their scores. They go from the highest score of one to the lowest.
pub(crate) fn merge(candidates: &[Candidate], limit: f64) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|left, right| candidates[*right].score.total_cmp(&candidates[*left].score));
    let mut merged: Vec<(usize, f64)> = Vec::new();
    for at in order {
        let Candidate { square, score } = candidates[at];
        match merged.iter_mut().find(|(kept, _)| candidates[*kept].square.overlap(square) > limit) {
            Some((_, sum)) => *sum += score,
            None => merged.push((at, score)),
        }
    }
    merged
}

/// The mean place of the candidates that are one with another, each as much as speaks for it.
pub(crate) fn mean(candidates: &[Candidate], at: usize, limit: f64) -> Square {
    let with = candidates[at].square;
    let same = || candidates.iter().filter(move |it| it.square.overlap(with) > limit);
    let all: f64 = same().map(|it| it.score).sum();
    let of = |part: fn(&Square) -> f64| same().map(|it| it.score * part(&it.square)).sum::<f64>() / all;
    Square { left: of(|it| it.left), top: of(|it| it.top), side: of(|it| it.side) }
}
