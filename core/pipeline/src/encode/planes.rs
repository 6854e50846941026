//! A picture as a JPEG holds it: luma and chroma apart, full-range BT.601 as JFIF says, chroma at half the sides.

use super::dct::Block;

/// One picture. Without chroma it is gray.
pub(crate) struct Planes {
    pub(crate) luma: Plane,
    /// Blue, then red difference, 128 for none; sides are half of luma's, rounded up.
    pub(crate) chroma: Option<[Plane; 2]>,
}

/// Samples of one kind.
pub(crate) struct Plane {
    /// Neither side is zero.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Row after row without gaps: `width * height` of them.
    pub(crate) samples: Vec<u8>,
}

impl Planes {
    /// Converts red, green and blue, three bytes a pixel; gray when all three are equal everywhere.
    pub(crate) fn of_rgb(rgb: &[u8], width: usize, height: usize) -> Self {
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let mut luma = Plane::blank(width, height);
        let mut chroma = [(); 2].map(|()| Plane::blank(half_width, half_height));
        let mut sums = vec![0; half_width];
        for y in 0..half_height {
            sums.fill(0);
            for row in [2 * y, (2 * y + 1).min(height - 1)] {
                mix_row(&rgb[row * width * 3..][..width * 3], &mut luma.samples[row * width..][..width], &mut sums);
            }
            for (plane, shift) in chroma.iter_mut().zip([BLUE_SHIFT + 2, RED_SHIFT + 2]) {
                let row = &mut plane.samples[y * half_width..][..half_width];
                row.iter_mut().zip(&sums).for_each(|(sample, sum)| *sample = (sum >> shift) as u8);
            }
        }
        let gray = chroma.iter().flat_map(|plane| &plane.samples).all(|sample| *sample == 128);
        Self { luma, chroma: (!gray).then_some(chroma) }
    }
}

/// Writes a row of luma and adds each two pixels to what is above them; the last of an odd number counts twice.
fn mix_row(rgb: &[u8], luma: &mut [u8], sums: &mut [u64]) {
    let (pairs, last) = rgb.as_chunks();
    let (luma_pairs, last_luma) = luma.as_chunks_mut();
    for ((&[a, b, c, d, e, f], luma), sum) in pairs.iter().zip(luma_pairs).zip(&mut *sums) {
        let mixed = [mix([a, b, c]), mix([d, e, f])];
        *luma = mixed.map(|mixed| (mixed >> LUMA_SHIFT) as u8);
        *sum += mixed[0] + mixed[1];
    }
    if let (Some(pixel), [luma], Some(sum)) = (last.first_chunk(), last_luma, sums.last_mut()) {
        *luma = (mix(*pixel) >> LUMA_SHIFT) as u8;
        *sum += 2 * mix(*pixel);
    }
}

/// All three samples of a pixel in one number, each with [`FRACTION`] bits behind the point and room for the sum of
/// four: so one look-up for each channel and two additions make them all.
fn mix([red, green, blue]: [u8; 3]) -> u64 {
    let [reds, greens, blues] = &SHARES;
    reds[usize::from(red)].wrapping_add(greens[usize::from(green)]).wrapping_add(blues[usize::from(blue)])
}

const FRACTION: u32 = 11;
const RED_SHIFT: u32 = FRACTION;
const BLUE_SHIFT: u32 = 21 + FRACTION;
const LUMA_SHIFT: u32 = 42 + FRACTION;

/// What each value of red, green and blue adds to luma, blue and red difference, by weights in millionths, and what
/// each pixel adds besides: 128 to chroma, and to all a hair less than the half that rounds, so that 255.5 is 255.
static SHARES: [[u64; 256]; 3] = {
    const HALF: i64 = (1 << (FRACTION - 1)) - 1;
    const MIDDLE: i64 = (128 << FRACTION) + HALF;
    [
        shares([299_000, -168_736, 500_000], [HALF, MIDDLE, MIDDLE]),
        shares([587_000, -331_264, -418_688], [0; 3]),
        shares([114_000, 500_000, -81_312], [0; 3]),
    ]
};

const fn shares(weights: [i64; 3], more: [i64; 3]) -> [u64; 256] {
    let mut shares = [0; 256];
    let mut value = 0;
    while value < 256 {
        let (mut kind, mut all) = (0, 0);
        while kind < 3 {
            let weighed = (weights[kind] * value as i64) << FRACTION;
            all = (all << 21) + (weighed + 500_000).div_euclid(1_000_000) + more[kind];
            kind += 1;
        }
        shares[value] = all as u64;
        value += 1;
    }
    shares
}

impl Plane {
    fn blank(width: usize, height: usize) -> Self {
        Self { width, height, samples: vec![0; width * height] }
    }

    /// Whether the place, across and down, is in the picture.
    pub(crate) fn holds(&self, (x, y): (usize, usize)) -> bool {
        x < self.width && y < self.height
    }

    /// The block whose first sample is at a place in the picture; the last row and column are repeated beyond the edge.
    pub(crate) fn block(&self, (x, y): (usize, usize)) -> Block<f32> {
        let mut block = [[0.0; 8]; 8];
        for (down, eight) in block.iter_mut().enumerate() {
            let row = &self.samples[(y + down).min(self.height - 1) * self.width..][x..self.width];
            match row.first_chunk::<8>() {
                Some(samples) => eight.iter_mut().zip(samples).for_each(|(value, sample)| *value = f32::from(*sample)),
                None => {
                    for (right, value) in eight.iter_mut().enumerate() {
                        *value = f32::from(row[right.min(row.len() - 1)]);
                    }
                }
            }
        }
        block
    }
}
