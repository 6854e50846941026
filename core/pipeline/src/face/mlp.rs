//! Networks of a few full layers, which look at some patches of a window and say whether it shows a face, and how the window
//! should move to show it better.

use super::surf::{self, DESCRIPTOR, Gradients, Patch};

/// A stage of the funnel.
pub(crate) struct Network {
    patches: Vec<Patch>,
    layers: Vec<Layer>,
}

/// What a network says of a window that shows a face: all within 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opinion {
    pub(crate) score: f32,
    /// Half says to stay; more or less, to move right or left by twice the difference, in sides of the window.
    pub(crate) across: f32,
    /// The same for down and up.
    pub(crate) down: f32,
    /// Half of what the side should be multiplied with, around the middle.
    pub(crate) side: f32,
}

impl Network {
    /// A network over patches, named by their place in [`surf::pool`]; `None` if its parts do not fit together.
    pub(crate) fn new(patches: &[usize], layers: Vec<Layer>) -> Option<Self> {
        let pool = surf::pool();
        let patches: Vec<Patch> = patches.iter().map(|at| pool.get(*at).copied()).collect::<Option<_>>()?;
        let outputs = layers.iter().map(|layer| layer.biases.len());
        let fits = outputs.zip(&layers[1..]).all(|(outputs, next)| outputs == next.inputs);
        let ends = (layers.first()?.inputs, layers.last()?.biases.len());
        (fits && ends == (patches.len() * DESCRIPTOR, 4)).then_some(Self { patches, layers })
    }

    /// What it says of a window, if that is a face.
    pub(crate) fn judge(&self, gradients: &Gradients) -> Option<Opinion> {
        let mut values = Vec::with_capacity(self.patches.len() * DESCRIPTOR);
        self.patches.iter().for_each(|patch| values.extend_from_slice(&gradients.descriptor(patch)));
        let (last, layers) = self.layers.split_last()?;
        for layer in layers {
            values = layer.apply(&values).map(|value| value.max(0.0)).collect();
        }
        let mut outputs = last.apply(&values);
        // The sigmoid of what is above zero is above a half.
        let score = outputs.next().filter(|score| *score > 0.0)?;
        let mut output = || outputs.next().map(sigmoid);
        Some(Opinion { score: sigmoid(score), across: output()?, down: output()?, side: output()? })
    }
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// A full layer.
pub(crate) struct Layer {
    inputs: usize,
    /// Those of one output after the other.
    weights: Vec<f32>,
    biases: Vec<f32>,
}

impl Layer {
    /// `None` unless there is a weight for each input of each output, and a bias for each output.
    pub(crate) fn new(inputs: usize, weights: Vec<f32>, biases: Vec<f32>) -> Option<Self> {
        (inputs > 0 && weights.len() == inputs * biases.len()).then_some(Self { inputs, weights, biases })
    }

    fn apply<'a>(&'a self, inputs: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let outputs = self.weights.chunks_exact(self.inputs).zip(&self.biases);
        outputs.map(|(weights, bias)| dot(weights, inputs) + bias)
    }
}

/// The sum of products, in several sums side by side that the compiler keeps in a few registers.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let ((lefts, left), (rights, right)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in lefts.iter().zip(rights) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest = left.iter().zip(right).map(|(left, right)| left * right);
    sums.into_iter().chain(rest).sum()
}
