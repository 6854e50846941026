//! From the ways in which video makes brightness and differences of colour to the one of a JPEG (ITU-T H.273, table 4).

use super::traits::unsupported;
use crate::jpeg::{Colours, Plane};
use crate::refusal::Refusal;

/// How much red and blue add to brightness, where that is not as in a JPEG.
#[derive(Clone, Copy)]
struct Weights {
    red: f64,
    blue: f64,
}

/// Those of a JPEG (Rec. ITU-R BT.601).
const BT601: Weights = Weights { red: 0.299, blue: 0.114 };

/// Makes what a JPEG would hold of planes of these colours, in place, and says what they are then.
pub(super) fn as_in_jpegs(planes: &mut [Plane], matrix: u8) -> Result<Colours, Refusal> {
    let [luma, blue, red] = planes else { return Ok(Colours::Gray) };
    let weights = match matrix {
        // Green comes first, then blue.
        0 => {
            planes.rotate_right(1);
            return Ok(Colours::Rgb);
        }
        1 => Weights { red: 0.2126, blue: 0.0722 },
        9 => Weights { red: 0.2627, blue: 0.0593 },
        // Unknown is what most phones write, and mean this.
        2 | 4 | 5 | 6 => return Ok(Colours::Ycc),
        7 => Weights { red: 0.212, blue: 0.087 },
        _ => return Err(unsupported("coded in colours that are not known here")),
    };
    let change = Change::new(weights);
    lighten(luma, blue, red, &change);
    for (blue, red) in blue.samples.iter_mut().zip(&mut red.samples) {
        (*blue, *red) = change.differences(*blue, *red);
    }
    Ok(Colours::Ycc)
}

/// Samples of chroma belong to several of luma.
fn lighten(luma: &mut Plane, blue: &Plane, red: &Plane, change: &Change) {
    let across = Nearest::new(luma.origin.0, blue.origin.0, blue.scale.0, blue.width);
    let down = Nearest::new(luma.origin.1, blue.origin.1, blue.scale.1, blue.height);
    for (y, row) in luma.samples.chunks_exact_mut(luma.width as usize).enumerate() {
        let first = down.of(y) * blue.width as usize;
        for (x, sample) in row.iter_mut().enumerate() {
            let at = first + across.of(x);
            *sample = change.brightness(*sample, blue.samples[at], red.samples[at]);
        }
    }
}

/// Which sample of chroma is that of a sample of luma, along one side.
pub(super) struct Nearest {
    origin: u32,
    chroma_origin: u32,
    pixels: u32,
    last: usize,
}

impl Nearest {
    pub(super) fn new(origin: u32, chroma_origin: u32, scale: f64, count: u32) -> Self {
        Self { origin, chroma_origin, pixels: (1.0 / scale) as u32, last: count.saturating_sub(1) as usize }
    }

    pub(super) fn of(&self, at: usize) -> usize {
        let chroma = (self.origin as usize + at) / self.pixels as usize;
        chroma.saturating_sub(self.chroma_origin as usize).min(self.last)
    }
}

/// What differences of colour in one way add to brightness and differences in that of a JPEG.
struct Change {
    brightness: [f32; 2],
    blue: [f32; 2],
    red: [f32; 2],
}

impl Change {
    /// Red less brightness is `2 (1 - weight of red)` times the difference, and blue alike; green is what is left.
    fn new(from: Weights) -> Self {
        let red = 2.0 * (1.0 - from.red);
        let blue = 2.0 * (1.0 - from.blue);
        let green = 1.0 - from.red - from.blue;
        let green = [-blue * from.blue / green, -red * from.red / green];
        let brightness = [0, 1].map(|of| {
            let (blue, red) = ([blue, 0.0][of], [0.0, red][of]);
            BT601.red * red + BT601.blue * blue + (1.0 - BT601.red - BT601.blue) * green[of]
        });
        let difference = |colour: [f64; 2], weight: f64| {
            [0, 1].map(|of| ((colour[of] - brightness[of]) / (2.0 * (1.0 - weight))) as f32)
        };
        Self {
            brightness: brightness.map(|value| value as f32),
            blue: difference([blue, 0.0], BT601.blue),
            red: difference([0.0, red], BT601.red),
        }
    }

    fn brightness(&self, luma: u8, blue: u8, red: u8) -> u8 {
        (f32::from(luma) + dot(self.brightness, blue, red)).round() as u8
    }

    fn differences(&self, blue: u8, red: u8) -> (u8, u8) {
        let level = |weights| (128.0 + dot(weights, blue, red)).round() as u8;
        (level(self.blue), level(self.red))
    }
}

fn dot(weights: [f32; 2], blue: u8, red: u8) -> f32 {
    weights[0] * (f32::from(blue) - 128.0) + weights[1] * (f32::from(red) - 128.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(rgb: [f64; 3], weights: Weights) -> [u8; 3] {
        let luma = weights.red * rgb[0] + weights.blue * rgb[2] + (1.0 - weights.red - weights.blue) * rgb[1];
        let difference = |colour: f64, weight: f64| (colour - luma) / (2.0 * (1.0 - weight)) + 128.0;
        [luma, difference(rgb[2], weights.blue), difference(rgb[0], weights.red)].map(|value| value.round() as u8)
    }

    fn plane(sample: u8) -> Plane {
        Plane { width: 1, height: 1, samples: vec![sample], scale: (1.0, 1.0), origin: (0, 0) }
    }

    #[test]
    fn colours_of_video_become_those_of_a_jpeg() {
        for (matrix, weights) in
            [(1, Weights { red: 0.2126, blue: 0.0722 }), (9, Weights { red: 0.2627, blue: 0.0593 })]
        {
            for rgb in [[200.0, 120.0, 40.0], [0.0, 0.0, 0.0], [255.0, 255.0, 255.0], [30.0, 90.0, 220.0]] {
                let mut planes = coded(rgb, weights).map(plane);
                assert_eq!(as_in_jpegs(&mut planes, matrix), Ok(Colours::Ycc));
                for (plane, expected) in planes.iter().zip(coded(rgb, BT601)) {
                    assert!(plane.samples[0].abs_diff(expected) <= 2, "{matrix} {rgb:?}: {planes:?}");
                }
            }
        }
    }

    #[test]
    fn green_blue_and_red_are_put_in_order() {
        let mut planes = [plane(2), plane(3), plane(1)];
        assert_eq!(as_in_jpegs(&mut planes, 0), Ok(Colours::Rgb));
        assert_eq!(planes.map(|plane| plane.samples[0]), [1, 2, 3]);
    }
}
