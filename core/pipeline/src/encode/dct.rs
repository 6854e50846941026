//! The forward cosine transform of 8x8 samples (ITU-T T.81, A.3.3), by the method of Arai, Agui and Nakajima (1988).
//!
//! Computes in `f32`, which the compiler turns into operations on four columns at once; the instructions that every
//! x86-64 has cannot multiply four 32-bit integers. The result is neither scaled nor upright, since quantisation does
//! both at no cost: see [`scale`].

use std::f32::consts::FRAC_1_SQRT_2;

/// Eight rows of eight values.
pub(crate) type Block<T> = [[T; 8]; 8];

/// Transforms samples; coefficient (u, v) of T.81 is `result[u][v] / scale(u, v)`.
pub(crate) fn forward(mut block: Block<f32>) -> Block<f32> {
    columns(&mut block);
    let mut turned = transposed(&block);
    columns(&mut turned);
    // Samples are meant around zero, which concerns their mean alone.
    turned[0][0] -= 128.0 * 64.0;
    turned
}

/// How many times too large a coefficient comes out of [`forward`].
pub(crate) fn scale(u: usize, v: usize) -> f64 {
    let one = |k: usize| match k {
        0 => 1.0,
        _ => (k as f64 * std::f64::consts::PI / 16.0).cos() * std::f64::consts::SQRT_2,
    };
    8.0 * one(u) * one(v)
}

/// The transform in one dimension, down each column.
#[expect(clippy::needless_range_loop, reason = "the columns are what is done four at a time")]
fn columns(block: &mut Block<f32>) {
    /// Sine and cosine of pi/8, for the only rotation that is more than a sum and a difference.
    const SIN: f32 = 0.382_683_43;
    const COS: f32 = 0.923_879_5;
    for x in 0..8 {
        let (a, b, c, d) = (block[0][x], block[1][x], block[2][x], block[3][x]);
        let (e, f, g, h) = (block[4][x], block[5][x], block[6][x], block[7][x]);
        let (sum_0, sum_1, sum_2, sum_3) = (a + h, b + g, c + f, d + e);
        let (low, high, middle) = (sum_0 + sum_3, sum_1 + sum_2, sum_0 - sum_3);
        let bent = (middle + sum_1 - sum_2) * FRAC_1_SQRT_2;
        block[0][x] = low + high;
        block[4][x] = low - high;
        block[2][x] = middle + bent;
        block[6][x] = middle - bent;

        let (dif_0, dif_1, dif_2, dif_3) = (a - h, b - g, c - f, d - e);
        let (first, second, third) = (dif_3 + dif_2, dif_2 + dif_1, dif_1 + dif_0);
        let shared = (first - third) * SIN;
        let one = first * (COS - SIN) + shared;
        let other = third * (COS + SIN) + shared;
        let (plus, minus) = (dif_0 + second * FRAC_1_SQRT_2, dif_0 - second * FRAC_1_SQRT_2);
        block[5][x] = minus + one;
        block[3][x] = minus - one;
        block[1][x] = plus + other;
        block[7][x] = plus - other;
    }
}

fn transposed(block: &Block<f32>) -> Block<f32> {
    std::array::from_fn(|x| std::array::from_fn(|y| block[y][x]))
}
