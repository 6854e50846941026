//! The weights of the detector, read once from the file that `build.rs` puts beside the code.
//!
//! The file is that of SeetaFace Detection ("frontal v1.0"): little-endian words of 32 bits, no header. It lists three levels
//! of a funnel, each with its classifiers and these with their stages: boosted ones that look at all windows for one view of a
//! head each, then networks that look at what is left.

use std::sync::LazyLock;

use super::lab::Boosted;
use super::mlp::{Layer, Network};

/// All stages of the funnel.
pub(crate) struct Model {
    /// For heads seen from the front and from both sides.
    pub(crate) views: Vec<Boosted>,
    /// Looks at each window that a view let pass.
    pub(crate) first: Network,
    /// Looks at what is left, with more of its features.
    pub(crate) second: Network,
    /// Decides.
    pub(crate) last: Network,
}

impl Model {
    /// The model, read when it is first asked for.
    pub(crate) fn get() -> &'static Self {
        static MODEL: LazyLock<Model> = LazyLock::new(|| {
            Words(include_bytes!(concat!(env!("OUT_DIR"), "/seeta.bin"))).model().expect("the build checked the file")
        });
        &MODEL
    }
}

/// What of the file has not been read.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    /// `None` where the file is another than the code is written for.
    fn model(&mut self) -> Option<Model> {
        self.expect(3)?;
        let views = (0..self.expect(3)?).map(|_| self.view()).collect::<Option<_>>()?;
        self.expect(1)?;
        self.expect(2)?;
        let (first, second) = (self.network()?, self.network()?);
        self.sources(&[0, 1, 2])?;
        self.expect(1)?;
        self.expect(1)?;
        let last = self.network()?;
        self.sources(&[0])?;
        self.0.is_empty().then_some(Model { views, first, second, last })
    }

    fn view(&mut self) -> Option<Boosted> {
        const BOOSTED: u32 = 0;
        const LAST_CODE: u32 = 255;
        /// For a count of classifiers: it looks at every window.
        const EVERY: u32 = u32::MAX;
        self.expect(1)?;
        self.expect(BOOSTED)?;
        let features = self.number()?;
        self.expect(LAST_CODE)?;
        let places = (0..features).map(|_| Some((self.number()?, self.number()?))).collect::<Option<Vec<_>>>()?;
        let thresholds = self.weights(features)?;
        let weights = self.weights(features * (LAST_CODE as usize + 1))?;
        self.expect(EVERY)?;
        Boosted::new(&places, &thresholds, &weights)
    }

    fn network(&mut self) -> Option<Network> {
        const NETWORK: u32 = 1;
        /// Half of the range of its answer.
        const THRESHOLD: f32 = 0.5;
        self.expect(NETWORK)?;
        let (layers, patches) = (self.number()?, self.number()?);
        let patches: Vec<usize> = (0..patches).map(|_| self.number()?.checked_sub(1)).collect::<Option<_>>()?;
        if self.weights(1)? != [THRESHOLD] {
            return None;
        }
        let mut inputs = self.number()?;
        let mut layer = || {
            let outputs = self.number()?;
            let weights = self.weights(inputs * outputs)?;
            let biases = self.weights(outputs)?;
            Layer::new(std::mem::replace(&mut inputs, outputs), weights, biases)
        };
        let layers = (1..layers).map(|_| layer()).collect::<Option<_>>()?;
        Network::new(&patches, layers)
    }

    /// Which classifiers of the level before let pass what this one looks at.
    fn sources(&mut self, expected: &[u32]) -> Option<()> {
        self.expect(expected.len() as u32)?;
        expected.iter().try_for_each(|source| self.expect(*source).map(drop))
    }

    fn expect(&mut self, expected: u32) -> Option<u32> {
        self.word().map(u32::from_le_bytes).filter(|word| *word == expected)
    }

    fn number(&mut self) -> Option<usize> {
        self.word().map(|word| u32::from_le_bytes(word) as usize)
    }

    fn weights(&mut self, count: usize) -> Option<Vec<f32>> {
        (0..count).map(|_| self.word().map(f32::from_le_bytes)).collect()
    }

    fn word(&mut self) -> Option<[u8; 4]> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_the_model() {
        assert_eq!(Model::get().views.len(), 3);
    }

    #[test]
    fn a_file_that_ends_early_or_late_is_no_model() {
        let whole = include_bytes!(concat!(env!("OUT_DIR"), "/seeta.bin"));
        let longer = [whole.as_slice(), &[0; 4]].concat();
        for wrong in [&[], &whole[..4], &whole[..whole.len() / 2], &whole[..whole.len() - 1], &longer] {
            assert!(Words(wrong).model().is_none());
        }
    }
}
