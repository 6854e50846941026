//! What there is to be said of the people in a photo: where their faces are, and whether they can be seen well.

use crate::draw::Canvas;
use crate::face::{self, Luma};
use crate::frame::Frame;
use crate::orientation::Area;
use crate::refusal::Refusal;
use crate::warning::Warning;

/// Pixels on the longer side of the picture in which faces are looked for: at least, where the photo has them, and at most.
pub(crate) const SIDE_LEAST: u32 = 320;
const SIDE_MOST: f64 = 640.0;

/// The faces in a photo of these upright sides, the largest first, in its pixels.
pub(crate) fn faces(canvas: &Canvas<'_>, photo: (u32, u32)) -> Result<Vec<Area>, Refusal> {
    let whole = Area::whole(photo.0, photo.1);
    let (width, height) = searched(photo, canvas.scale());
    let samples = canvas.luma(whole, (width, height))?;
    let found = face::find(&Luma { width, height, samples: &samples });
    // Rounding makes the two directions differ by less than a pixel of those in which was looked.
    let (across, down) = (whole.width / f64::from(width), whole.height / f64::from(height));
    let area = |face: face::Found| Area {
        left: face.left * across,
        top: face.top * down,
        width: face.side * across,
        height: face.side * across,
    };
    Ok(found.into_iter().map(area).collect())
}

/// The sides of what is searched, of a photo that was decoded at this scale.
fn searched((width, height): (u32, u32), scale: f64) -> (u32, u32) {
    let scale = (SIDE_MOST / f64::from(width.max(height))).min(scale).min(1.0);
    let side = |side: u32| (f64::from(side) * scale).round().max(1.0) as u32;
    (side(width), side(height))
}

/// An upper bound of the bytes that the search takes in a photo of these sides.
pub(crate) fn bytes(photo: (u32, u32)) -> u64 {
    let (width, height) = searched(photo, 1.0);
    // It may be drawn in colours first.
    face::bytes(width, height) + 4 * u64::from(width) * u64::from(height)
}

/// The part of a photo in which is measured how well a face is seen: hairline to chin, temple to temple, as far as the photo
/// shows it.
///
/// The detector's boxes are square; these factors lead from them to the boxes on which the limits below were measured.
pub(crate) fn sample(face: Area, photo: (u32, u32)) -> Frame {
    let (width, height) = (f64::from(photo.0), f64::from(photo.1));
    let left = (face.left + 0.05 * face.width).clamp(0.0, width - 1.0);
    let top = (face.top - 0.08 * face.height).clamp(0.0, height - 1.0);
    let area = Area {
        left,
        top,
        width: (0.88 * face.width).min(width - left),
        height: (1.18 * face.height).min(height - top),
    };
    // Half as many pixels again are decoded for a frame, and these are as many as are measured.
    Frame::sample(area, SAMPLE_SIDE * 2 / 3)
}

/// The luma of that part.
pub(crate) fn measured(canvas: &Canvas<'_>, sample: &Frame) -> Result<Vec<u8>, Refusal> {
    canvas.luma(sample.area, (SAMPLE_SIDE, SAMPLE_SIDE))
}

/// Pixels on a side of the sample.
const SAMPLE_SIDE: u32 = 96;

/// A face of fewer pixels is a blot on an avatar of twice its side. A rule of thumb; it was not measured.
const SMALL: f64 = 48.0;

/// Portraits had a mean brightness of 56 and more (108 of them), those that were made dark 33 and less.
const DARK: f64 = 40.0;

/// The share of a face's variance that is in its finest detail: portraits had 0.034 and more (42), those that were blurred
/// 0.008 and less.
const BLURRED: f64 = 0.015;
/// Below this many pixels of the photo an enlargement looks like a blur.
const BLURRED_FROM: f64 = 64.0;
/// A face of one shade is no reason to divide by nothing.
const VARIANCE_LEAST: f64 = 25.0;

/// What there is to say of faces, given the luma of the largest one's sample.
pub(crate) fn warnings(faces: &[Area], sample: &[u8]) -> Vec<Warning> {
    let Some(face) = faces.first() else { return vec![Warning::NoFace] };
    let mean = mean(sample.iter().map(|luma| f64::from(*luma)));
    let is = [
        (Warning::SeveralFaces, faces.get(1).is_some_and(|second| second.width >= 0.5 * face.width)),
        (Warning::FaceSmall, face.width < SMALL),
        (Warning::Dark, mean < DARK),
        (Warning::Blurred, face.width >= BLURRED_FROM && detail(sample) < BLURRED),
    ];
    is.into_iter().filter_map(|(warning, is)| is.then_some(warning)).collect()
}

/// The variance of the Laplacian in shares of the variance.
fn detail(sample: &[u8]) -> f64 {
    let side = SAMPLE_SIDE as usize;
    let at = |x: usize, y: usize| sample.get(y * side + x).copied().map_or(0.0, f64::from);
    let inner = |at: usize| (1 + at % (side - 2), 1 + at / (side - 2));
    let laplacian = (0..(side - 2) * (side - 2))
        .map(inner)
        .map(|(x, y)| at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y));
    variance(laplacian) / variance(sample.iter().map(|luma| f64::from(*luma))).max(VARIANCE_LEAST)
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count().max(1);
    values.sum::<f64>() / count as f64
}

fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let mean = mean(values.clone());
    self::mean(values.map(|value| (value - mean).powi(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(side: f64) -> Area {
        Area { left: 100.0, top: 100.0, width: side, height: side }
    }

    /// Rings like those of a face's features, so many pixels from dark to dark.
    fn sample(period: f64, dark: f64, light: f64) -> Vec<u8> {
        let side = SAMPLE_SIDE as usize;
        let shade = |at: usize| {
            let (x, y) = ((at % side) as f64, (at / side) as f64);
            let wave = (x.hypot(y) / period * std::f64::consts::TAU).sin();
            (dark + (light - dark) * (0.5 + 0.5 * wave)) as u8
        };
        (0..side * side).map(shade).collect()
    }

    #[test]
    fn an_ordinary_face_is_no_reason_for_a_warning() {
        assert_eq!(warnings(&[face(200.0)], &sample(8.0, 40.0, 200.0)), []);
    }

    #[test]
    fn each_oddity_has_its_warning() {
        let ordinary = sample(8.0, 40.0, 200.0);
        assert_eq!(warnings(&[], &[]), [Warning::NoFace]);
        assert_eq!(warnings(&[face(200.0), face(100.0)], &ordinary), [Warning::SeveralFaces]);
        assert_eq!(warnings(&[face(200.0), face(99.0)], &ordinary), []);
        assert_eq!(warnings(&[face(47.0)], &ordinary), [Warning::FaceSmall]);
        assert_eq!(warnings(&[face(200.0)], &sample(8.0, 10.0, 60.0)), [Warning::Dark]);
        assert_eq!(warnings(&[face(200.0)], &sample(80.0, 40.0, 200.0)), [Warning::Blurred]);
    }

    #[test]
    fn a_small_face_is_not_called_blurred() {
        assert_eq!(warnings(&[face(60.0)], &sample(80.0, 40.0, 200.0)), []);
    }

    #[test]
    fn a_face_of_one_shade_is_no_division_by_nothing() {
        assert_eq!(warnings(&[face(200.0)], &[128; (SAMPLE_SIDE * SAMPLE_SIDE) as usize]), [Warning::Blurred]);
    }

    #[test]
    fn a_sample_lies_within_the_photo() {
        for (left, top, side) in [(-500.0, -500.0, 100.0), (900.0, 900.0, 400.0), (-50.0, 20.0, 4000.0)] {
            let area = super::sample(Area { left, top, width: side, height: side }, (1000, 800)).area;
            assert!(Area::whole(1000, 800).contains(&area) && area.width > 0.0 && area.height > 0.0, "{area:?}");
        }
    }
}
