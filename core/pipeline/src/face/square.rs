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
    fn overlap(self, other: Self) -> f64 {
        let shared = |start: f64, other_start: f64| {
            ((start + self.side).min(other_start + other.side) - start.max(other_start)).max(0.0)
        };
        let both = shared(self.left, other.left) * shared(self.top, other.top);
        both / (self.side * self.side + other.side * other.side - both)
    }
}

/// Of squares that overlap by more than `limit`, leaves the one with the highest score, and adds the others' scores to it.
/// The result goes from the highest score of one square to the lowest.
pub(crate) fn merge(mut candidates: Vec<Candidate>, limit: f64) -> Vec<Candidate> {
    candidates.sort_by(|left, right| right.score.total_cmp(&left.score));
    let mut merged: Vec<(Candidate, f64)> = Vec::new();
    for candidate in candidates {
        match merged.iter_mut().find(|(kept, _)| kept.square.overlap(candidate.square) > limit) {
            Some((_, sum)) => *sum += candidate.score,
            None => merged.push((candidate, candidate.score)),
        }
    }
    merged.into_iter().map(|(candidate, score)| Candidate { score, ..candidate }).collect()
}
