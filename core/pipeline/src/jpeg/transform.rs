//! From the frequencies of a block to its samples: the inverse cosine transform (ITU-T T.81, A.3.3), at four sizes.
//!
//! The mean of two neighbouring samples of a cosine is again a cosine, of half as many samples; so a block at half, quarter
//! or eighth size needs no samples at full size. Each frequency is *folded* onto the one that looks like it at the smaller
//! size, with a factor that holds everything at once: quantisation, the mean, and what the transform would multiply with.

use std::array;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::Scale;

/// Coefficients come in the order of ITU-T T.81, figure A.6; this is where each lies in a block, row by row.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// How the coefficients of a component become samples at one scale.
#[derive(Clone)]
pub(super) struct Fold {
    scale: Scale,
    /// For each coefficient in zigzag order.
    terms: [Term; 64],
}

/// Where a coefficient is folded to, and what it is multiplied with.
#[derive(Clone, Copy)]
pub(super) struct Term {
    place: u8,
    factor: f32,
}

/// A block while its coefficients are added up.
pub(super) trait Square: Sized {
    /// How many samples it has on a side.
    const SIDE: usize;

    /// Without any frequency yet.
    fn blank() -> Self;

    /// Adds so much of the coefficient that the term is for.
    fn add(&mut self, term: &Term, value: i32);

    /// Paints it, with its rows `stride` apart.
    fn paint(&self, to: &mut [u8], stride: usize);
}

/// The samples of a block at a quarter, around zero.
pub(super) struct Quarter([f32; 4]);

/// The folded coefficients of a block at half or all of its size: 16 or 64 of them, row by row.
pub(super) struct Folded<const AREA: usize>([f32; AREA]);

pub(super) type Half = Folded<16>;
pub(super) type Full = Folded<64>;

impl Fold {
    /// `quantisation` is in zigzag order.
    pub(super) fn new(quantisation: &[u16; 64], scale: Scale) -> Self {
        let folded = array::from_fn(|frequency| fold(frequency, scale));
        Self { scale, terms: array::from_fn(|index| Self::term(index, quantisation[index], scale, &folded)) }
    }

    fn term(index: usize, quantisation: u16, scale: Scale, folded: &[(usize, f64); 8]) -> Term {
        let place = usize::from(ZIGZAG[index]);
        let ((row, down), (column, across)) = (folded[place / 8], folded[place % 8]);
        let factor = f64::from(quantisation) * down * across;
        Term { place: (row * scale.side() + column) as u8, factor: factor as f32 }
    }

    /// Adds the coefficient at `index` in zigzag order.
    #[inline(always)]
    pub(super) fn add(&self, block: &mut impl Square, index: u32, value: i32) {
        block.add(&self.terms[index as usize % 64], value);
    }

    /// The sample that a block is at an eighth of its size, and everywhere where it has no other frequency.
    #[inline(always)]
    pub(super) fn mean(&self, dc: i32) -> u8 {
        sample(self.terms[0].factor * dc as f32)
    }

    /// Paints a block of which all coefficients are known.
    pub(super) fn paint(&self, coefficients: &[i16], to: &mut [u8], stride: usize) {
        match self.scale {
            Scale::Eighth => to[0] = self.mean(coefficients[0].into()),
            Scale::Quarter => self.sum::<Quarter>(coefficients).paint(to, stride),
            Scale::Half => self.sum::<Half>(coefficients).paint(to, stride),
            Scale::Full => self.sum::<Full>(coefficients).paint(to, stride),
        }
    }

    fn sum<S: Square>(&self, coefficients: &[i16]) -> S {
        let mut block = S::blank();
        for (index, value) in (0..).zip(coefficients).filter(|(_, value)| **value != 0) {
            self.add(&mut block, index, (*value).into());
        }
        block
    }
}

/// Which frequency of the smaller block one of eight looks like, and how much of it remains in the mean.
fn fold(frequency: usize, scale: Scale) -> (usize, f64) {
    let angle = frequency as f64 * PI / 16.0;
    let half = if frequency == 0 { FRAC_1_SQRT_2 / 2.0 } else { 0.5 };
    match scale {
        Scale::Eighth if frequency == 0 => (0, half),
        Scale::Eighth => (0, 0.0),
        // The mean of the first four samples; that of the others is the same or its opposite.
        Scale::Quarter => {
            let mean: f64 = (0..4).map(|x| (f64::from(2 * x + 1) * angle).cos()).sum::<f64>() / 4.0;
            (frequency % 2, half * mean)
        }
        Scale::Half => {
            let (place, sign) = if frequency <= 4 { (frequency % 4, 1.0) } else { (8 - frequency, -1.0) };
            // Four samples cannot tell frequency 4 from none: its mean is none.
            let mean = if frequency == 4 { 0.0 } else { sign * angle.cos() };
            (place, half * mean * if place == 2 { FRAC_1_SQRT_2 } else { 1.0 })
        }
        // What Arai, Agui and Nakajima's transform leaves to be multiplied beforehand.
        Scale::Full => (frequency, half * if frequency == 0 { 1.0 } else { angle.cos() }),
    }
}

/// Four samples stay in a register, so each coefficient is added to all of them at once: nothing is left to be transformed.
impl Square for Quarter {
    const SIDE: usize = 2;

    #[inline(always)]
    fn blank() -> Self {
        Self([0.0; 4])
    }

    #[inline(always)]
    fn add(&mut self, term: &Term, value: i32) {
        /// What each of the four frequencies is in each sample.
        const SIGNS: [[f32; 4]; 4] =
            [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]];
        let amount = term.factor * value as f32;
        for (sample, sign) in self.0.iter_mut().zip(SIGNS[usize::from(term.place) % 4]) {
            *sample += amount * sign;
        }
    }

    #[inline(always)]
    fn paint(&self, to: &mut [u8], stride: usize) {
        let [a, b, c, d] = self.0;
        rows([[a, b], [c, d]], to, stride);
    }
}

impl<const AREA: usize> Square for Folded<AREA> {
    const SIDE: usize = AREA.isqrt();

    #[inline(always)]
    fn blank() -> Self {
        Self([0.0; AREA])
    }

    #[inline(always)]
    fn add(&mut self, term: &Term, value: i32) {
        self.0[usize::from(term.place) % AREA] += term.factor * value as f32;
    }

    #[inline(always)]
    fn paint(&self, to: &mut [u8], stride: usize) {
        match AREA {
            16 => rows(four(self.square()), to, stride),
            _ => rows(eight(self.square()), to, stride),
        }
    }
}

impl<const AREA: usize> Folded<AREA> {
    #[inline(always)]
    fn square<const SIDE: usize>(&self) -> [[f32; SIDE]; SIDE] {
        array::from_fn(|row| array::from_fn(|column| self.0[row * SIDE + column]))
    }
}

#[inline(always)]
fn rows<const SIDE: usize>(block: [[f32; SIDE]; SIDE], to: &mut [u8], stride: usize) {
    for (row, samples) in block.map(|row| row.map(sample)).into_iter().enumerate() {
        if let Some(to) = to.get_mut(row * stride..).and_then(|to| to.first_chunk_mut()) {
            *to = samples;
        }
    }
}

/// Rounds, and shifts from around zero to around 128 (A.3.1).
#[inline(always)]
fn sample(value: f32) -> u8 {
    // Above 2^23 the last bit of an f32 counts ones: adding that rounds, for many samples at once.
    const ONES: f32 = 8_388_608.0;
    ((value + 128.0).clamp(0.0, 255.0) + ONES).to_bits() as u8
}

#[inline(always)]
fn four(block: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    transposed(four_down(transposed(four_down(block))))
}

/// Transforms the columns.
#[inline(always)]
fn four_down([a, b, c, d]: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    const FIRST: f32 = 0.923_879_5;
    const THIRD: f32 = 0.382_683_43;
    let (outer, inner) = (add(a, c), sub(a, c));
    let (far, near) = (add(times(b, FIRST), times(d, THIRD)), sub(times(b, THIRD), times(d, FIRST)));
    [add(outer, far), add(inner, near), sub(inner, near), sub(outer, far)]
}

#[inline(always)]
fn eight(block: [[f32; 8]; 8]) -> [[f32; 8]; 8] {
    transposed(eight_down(transposed(eight_down(block))))
}

/// Transforms the columns: Arai, Agui and Nakajima's five multiplications (1988).
#[inline(always)]
fn eight_down([a, b, c, d, e, f, g, h]: [[f32; 8]; 8]) -> [[f32; 8]; 8] {
    const ROOT: f32 = std::f32::consts::SQRT_2;
    let (sum, difference, twice) = (add(a, e), sub(a, e), add(c, g));
    let once = sub(times(sub(c, g), ROOT), twice);
    let even = [add(sum, twice), add(difference, once), sub(difference, once), sub(sum, twice)];
    let (fd, fd_less, bh, bh_less) = (add(f, d), sub(f, d), add(b, h), sub(b, h));
    let first = add(bh, fd);
    let turned = times(add(fd_less, bh_less), 1.847_759_1);
    let second = sub(sub(turned, times(fd_less, 2.613_126)), first);
    let third = sub(times(sub(bh, fd), ROOT), second);
    let fourth = sub(sub(turned, times(bh_less, 1.082_392_2)), third);
    let odd = [first, second, third, fourth];
    array::from_fn(|row| if row < 4 { add(even[row], odd[row]) } else { sub(even[7 - row], odd[7 - row]) })
}

#[inline(always)]
fn add<const N: usize>(a: [f32; N], b: [f32; N]) -> [f32; N] {
    array::from_fn(|i| a[i] + b[i])
}

#[inline(always)]
fn sub<const N: usize>(a: [f32; N], b: [f32; N]) -> [f32; N] {
    array::from_fn(|i| a[i] - b[i])
}

#[inline(always)]
fn times<const N: usize>(a: [f32; N], factor: f32) -> [f32; N] {
    a.map(|value| value * factor)
}

#[inline(always)]
fn transposed<const N: usize>(block: [[f32; N]; N]) -> [[f32; N]; N] {
    array::from_fn(|row| array::from_fn(|column| block[column][row]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition (A.3.3), without rounding.
    fn sample_at(coefficients: &[i16; 64], quantisation: &[u16; 64], x: usize, y: usize) -> f64 {
        let cosine = |place: usize, frequency: usize| {
            let half = if frequency == 0 { FRAC_1_SQRT_2 / 2.0 } else { 0.5 };
            half * ((2 * place + 1) as f64 * frequency as f64 * PI / 16.0).cos()
        };
        let term = |index: usize| {
            let place = usize::from(ZIGZAG[index]);
            let value = f64::from(coefficients[index]) * f64::from(quantisation[index]);
            value * cosine(x, place % 8) * cosine(y, place / 8)
        };
        (0..64).map(term).sum()
    }

    #[test]
    fn at_every_scale_a_sample_is_the_mean_of_those_that_it_stands_for() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16
        };
        for round in 0..500 {
            let quantisation: [u16; 64] = array::from_fn(|_| 1 + random() % 24);
            let mut coefficients: [i16; 64] = array::from_fn(|_| (random() % 9) as i16 - 4);
            (0..64).filter(|index| index * 4 > round).for_each(|index| coefficients[index] = 0);
            for scale in Scale::ALL {
                let (side, share) = (scale.side(), 8 / scale.side());
                let mut painted = vec![0; 64];
                Fold::new(&quantisation, scale).paint(&coefficients, &mut painted, 8);
                for (x, y) in (0..side * side).map(|place| (place % side, place / side)) {
                    let stands_for = (0..share * share).map(|at| (x * share + at % share, y * share + at / share));
                    let sum: f64 = stands_for.map(|(x, y)| sample_at(&coefficients, &quantisation, x, y)).sum();
                    let expected = (sum / (share * share) as f64 + 128.0).clamp(0.0, 255.0);
                    let off = (f64::from(painted[y * 8 + x]) - expected).abs();
                    assert!(off < 0.501, "{scale:?} {x} {y}: {} is not {expected}", painted[y * 8 + x]);
                }
            }
        }
    }

    #[test]
    fn values_beyond_the_range_become_its_ends() {
        assert_eq!(
            [-1e9, -129.0, -128.0, -127.6, 0.0, 0.6, 127.0, 127.4, 300.0, 1e9].map(sample),
            [0, 0, 0, 0, 128, 129, 255, 255, 255, 255]
        );
    }
}
