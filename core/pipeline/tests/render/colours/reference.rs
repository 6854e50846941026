//! What pixels of other colour spaces are in sRGB, worked out in floating point from the standards: nothing here knows a
//! colour management library.

use std::array::from_fn;

pub(crate) type Vector = [f64; 3];
type Matrix = [Vector; 3];

/// A space of red, green and blue with D65 as white, as all of these have.
#[derive(Clone, Copy)]
pub(crate) struct Rgb {
    /// x and y of red, green and blue.
    primaries: [(f64, f64); 3],
    light: fn(f64) -> f64,
}

/// IEC 61966-2-1, with the primaries of Rec. ITU-R BT.709.
pub(crate) const SRGB: Rgb = Rgb { primaries: [(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)], light: srgb_light };
/// The primaries of SMPTE EG 432-1 with sRGB's curve.
pub(crate) const DISPLAY_P3: Rgb =
    Rgb { primaries: [(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)], light: srgb_light };
/// Adobe RGB (1998), 4.3.1 and 4.3.4.
pub(crate) const ADOBE: Rgb =
    Rgb { primaries: [(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], light: |value| value.powf(563.0 / 256.0) };
/// Light as it is, in sRGB's primaries.
pub(crate) const LINEAR: Rgb = Rgb { light: |value| value, ..SRGB };

const D65: (f64, f64) = (0.3127, 0.3290);

impl Rgb {
    /// Red, green and blue of sRGB, from 0 to 1; what it cannot show is its nearest edge.
    pub(crate) fn to_srgb(self, colour: Vector) -> Vector {
        let light = colour.map(self.light);
        let seen = product(&self.matrix(), light);
        product(&inverse(&SRGB.matrix()), seen).map(|light| srgb_value(light.clamp(0.0, 1.0)))
    }

    pub(crate) fn pixels_to_srgb(self, pixels: &[u8]) -> Vec<u8> {
        let (pixels, _) = pixels.as_chunks();
        pixels.iter().flat_map(|pixel| bytes(self.to_srgb(parts(*pixel)))).collect()
    }

    /// From light to CIE XYZ (SMPTE RP 177): such amounts of the primaries as give white together.
    fn matrix(self) -> Matrix {
        let colour = |(x, y): (f64, f64)| [x / y, 1.0, (1.0 - x - y) / y];
        let columns = self.primaries.map(colour);
        let unscaled: Matrix = from_fn(|row| from_fn(|column| columns[column][row]));
        let amounts = product(&inverse(&unscaled), colour(D65));
        unscaled.map(|row| from_fn(|column| row[column] * amounts[column]))
    }
}

pub(crate) fn parts(pixel: [u8; 3]) -> Vector {
    pixel.map(|sample| f64::from(sample) / 255.0)
}

pub(crate) fn bytes(colour: Vector) -> [u8; 3] {
    colour.map(|part| (part * 255.0).round() as u8)
}

pub(crate) fn srgb_light(value: f64) -> f64 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

pub(crate) fn srgb_value(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// From sRGB to CIE L*a*b* as ICC profiles measure it: its primaries adapted to D50 by the Bradford transform.
pub(crate) fn lab_of_srgb(colour: Vector) -> Vector {
    const TO_D50: Matrix = [
        [0.436_074_7, 0.385_064_9, 0.143_080_4],
        [0.222_504_5, 0.716_878_6, 0.060_616_9],
        [0.013_932_2, 0.097_104_5, 0.714_173_3],
    ];
    const D50: Vector = [0.9642, 1.0, 0.8249];
    let seen = product(&TO_D50, colour.map(srgb_light));
    let root = |part: f64| if part > 216.0 / 24_389.0 { part.cbrt() } else { (part * 24_389.0 / 27.0 + 16.0) / 116.0 };
    let [x, y, z] = from_fn(|axis| root(seen[axis] / D50[axis]));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// What the inks of the made press print: each takes some light of all colours away, black all of it alike.
pub(crate) fn printed([c, m, y, k]: [f64; 4]) -> Vector {
    let left = |cyan: f64, magenta: f64, yellow: f64| {
        (1.0 - cyan * c) * (1.0 - magenta * m) * (1.0 - yellow * y) * (1.0 - 0.9 * k)
    };
    [left(0.95, 0.10, 0.02), left(0.25, 0.90, 0.10), left(0.10, 0.40, 0.85)]
}

fn product(matrix: &Matrix, vector: Vector) -> Vector {
    from_fn(|row| (0..3).map(|column| matrix[row][column] * vector[column]).sum())
}

/// By cofactors.
fn inverse(m: &Matrix) -> Matrix {
    let minor = |row: usize, column: usize| {
        let ([a, b], [c, d]) = ([(row + 1) % 3, (row + 2) % 3], [(column + 1) % 3, (column + 2) % 3]);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    from_fn(|row| from_fn(|column| minor(column, row) / determinant))
}

#[test]
fn the_reference_knows_the_published_numbers() {
    let near = |one: Vector, other: Vector| one.iter().zip(other).all(|(a, b)| (a - b).abs() < 5e-4);
    // Y of the primaries in IEC 61966-2-1 and in Adobe RGB (1998), 4.3.5.3.
    assert!(near(SRGB.matrix()[1], [0.2126, 0.7152, 0.0722]));
    assert!(near(ADOBE.matrix()[1], [0.29734, 0.62736, 0.07529]));
    assert_eq!(bytes(DISPLAY_P3.to_srgb([0.5, 0.5, 0.5])), [128, 128, 128]);
    assert!(lab_of_srgb([1.0, 1.0, 1.0]).iter().zip([100.0, 0.0, 0.0]).all(|(a, b)| (a - b).abs() < 0.05));
}
