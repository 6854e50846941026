//! Spreads the samples of a dull or dark picture over the whole range, so that there is something to see in its windows.

/// What each sample becomes.
pub(crate) struct Stretch([u8; 256]);

/// Between the darkest and the brightest samples; with as much, a picture is left as it is.
const RANGE: usize = 190;

/// So much of all samples, at both ends, do not count.
const ENDS: usize = 1000;

/// Not every sample is counted; a prime, so that few pictures have a period of it.
const STRIDE: usize = 7;

impl Stretch {
    /// What a picture with these samples needs; `None` if nothing, or it is all of one brightness.
    pub(crate) fn of(samples: &[u8]) -> Option<Self> {
        let mut counts = [0; 256];
        for sample in samples.iter().step_by(STRIDE) {
            counts[usize::from(*sample)] += 1;
        }
        let end = counts.iter().sum::<usize>() / ENDS;
        let past = |sum: &mut usize, count: &usize| {
            *sum += count;
            Some(*sum > end)
        };
        let darkest = counts.iter().scan(0, past).position(|is_past| is_past)?;
        let brightest = 255 - counts.iter().rev().scan(0, past).position(|is_past| is_past)?;
        let range = brightest.checked_sub(darkest).filter(|range| (1..RANGE).contains(range))?;
        Some(Self(std::array::from_fn(|sample| (sample.saturating_sub(darkest) * 255 / range).min(255) as u8)))
    }

    pub(crate) fn apply(&self, sample: u8) -> u8 {
        self.0[usize::from(sample)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dark_picture_is_spread_over_the_whole_range() {
        let dark: Vec<u8> = (0..10_000).map(|at| 10 + (at % 40) as u8).collect();
        let stretch = Stretch::of(&dark).unwrap();
        assert_eq!([0, 10, 30, 49, 255].map(|sample| stretch.apply(sample)), [0, 0, 130, 255, 255]);
    }

    #[test]
    fn a_picture_with_contrast_or_with_none_is_left_alone() {
        let wide: Vec<u8> = (0..10_000).map(|at| (at % 251) as u8).collect();
        for samples in [&[], wide.as_slice(), &[7; 500]] {
            assert!(Stretch::of(samples).is_none());
        }
    }
}
