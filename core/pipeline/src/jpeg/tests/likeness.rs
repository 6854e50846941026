//! A rendition from a scaled decode can hardly be told from one of the whole photo: measured as SSIM of brightness against
//! Lanczos3 in floating point from all pixels, before an encoder takes something away from both.
//!
//! SSIM is that of Wang et al. (2004) with a Gaussian window of 11 x 11.

use std::f64::consts::PI;

use super::super::{Plane, Scale};
use super::libjpeg::picture;
use super::{decoded, decoded_in, looked_at, real, whole};
use crate::draw::{Canvas, Kind};
use crate::finish::FINISHED;
use crate::frame::Frame;
use crate::orientation::{Area, Orientation};
use crate::plan::Plan;
use crate::recipe::{Crop, Fit, RenditionSpec};
use crate::source::{Limits, examine};

/// What every rendition reaches, by the scale that it is made from: these are made from nearly the fewest pixels that serve, and
/// of grainy photos, where softness is seen most.
const LEAST: [f64; 4] = [0.993, 0.994, 0.990, 0.998];

/// The sides of a square from the middle, for which an eighth, a quarter, a half and all of a photo's sides are decoded.
const CASES: [(&str, [u32; 4]); 4] = [
    ("camera-orientation-6.jpg", [41, 82, 165, 400]),
    ("phone-with-gps.jpg", [60, 120, 240, 570]),
    ("portrait.jpg", [42, 85, 170, 400]),
    ("portrait-progressive.jpg", [42, 85, 170, 400]),
];

#[test]
fn a_scaled_decode_is_not_seen_in_a_rendition() {
    let mut seen = Vec::new();
    for (name, sides) in CASES {
        for (side, (scale, least)) in sides.into_iter().zip(Scale::ALL.into_iter().zip(LEAST)) {
            let (drawn, expected) = (drawn(name, side, scale), expected(name, side));
            let reached = ssim(&drawn, &expected);
            println!("{name} at {side}, {scale:?}: {reached:.4}");
            if reached < least {
                seen.push((name, side));
            }
        }
    }
    assert_eq!(seen, []);
}

/// What is asked of the exact box tells it from one of whole pixels, which stretches the picture where eighths of its sides are
/// none.
#[test]
fn a_box_of_whole_pixels_would_be_seen() {
    let (name, side) = ("camera-orientation-6.jpg", 41);
    let bytes = real(name);
    let plane = &decoded(&bytes, Scale::Eighth)[0];
    let stretched = Gray::new(plane.width, &plane.samples);
    let length = f64::from(plane.width.min(plane.height));
    let middle = |all: u32| (f64::from(all) - length) / 2.0;
    let area = Area { left: middle(plane.width), top: middle(plane.height), width: length, height: length };
    let reached = ssim(&stretched.resized(area, side), &expected(name, side));
    println!("{name} at {side} by whole pixels: {reached:.4}");
    assert!(reached < LEAST[0]);
}

/// What is decoded around a rendition is as much as resampling looks at.
#[test]
fn the_rest_of_the_photo_would_change_nothing() {
    for (name, sides) in CASES {
        for side in sides {
            let (frame, plan) = plan(name, side);
            let [part, all] = [plan.window, whole(&looked_at(&real(name)))].map(|window| {
                let planes = decoded_in(&real(name), plan.scale, window);
                luma(name, &planes, frame)
            });
            let furthest = part.iter().zip(&all).map(|(part, all)| part.abs_diff(*all)).max();
            assert!(furthest <= Some(1), "{name} at {side}: {furthest:?} levels");
        }
    }
}

/// A square from the middle of a photo as it is coded, and how it is decoded for that.
fn plan(name: &str, side: u32) -> (Frame, Plan) {
    let mut source = examine(&real(name), &Limits { max_bytes: 1 << 20, max_pixels: 1 << 24, min_side: 1 }).unwrap();
    let sides = source.coded_sides();
    (source.width, source.height, source.orientation) = (sides.0, sides.1, Orientation::Upright);
    let spec = RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None };
    let frame = Frame::new(&spec, Crop::Center, sides, None).unwrap();
    (frame, Plan::new(&source, &[frame]))
}

fn drawn(name: &str, side: u32, scale: Scale) -> Gray {
    let (frame, plan) = plan(name, side);
    assert_eq!(plan.scale, scale, "{name} at {side}");
    let planes = decoded_in(&real(name), plan.scale, plan.window);
    Gray::new(side, &luma(name, &planes, frame))
}

fn luma(name: &str, planes: &[Plane], frame: Frame) -> Vec<u8> {
    let jpeg = looked_at(&real(name));
    let canvas = Canvas {
        finish: &FINISHED,
        layers: planes.iter().map(Plane::layer).collect(),
        kind: Kind::Apart(jpeg.colours),
        orientation: Orientation::Upright,
        sides: (jpeg.frame.width.into(), jpeg.frame.height.into()),
    };
    canvas.planes(frame.area, frame.picture).unwrap().unwrap().luma.samples
}

fn expected(name: &str, side: u32) -> Gray {
    let picture = picture(&real(name), Scale::Full);
    let brightness: Vec<u8> = picture.samples.iter().step_by(picture.channels).copied().collect();
    Gray::new(picture.width as u32, &brightness).resized(plan(name, side).0.area, side)
}

/// Brightness in levels.
struct Gray {
    width: usize,
    height: usize,
    values: Vec<f64>,
}

impl Gray {
    fn new(width: u32, samples: &[u8]) -> Self {
        let values = samples.iter().map(|sample| f64::from(*sample)).collect();
        Self { width: width as usize, height: samples.len() / width as usize, values }
    }

    fn resized(&self, area: Area, side: u32) -> Self {
        let across = self.resized_across(area.left, area.width, side as usize);
        across.turned().resized_across(area.top, area.height, side as usize).turned()
    }

    fn turned(&self) -> Self {
        let values = (0..self.values.len()).map(|at| self.values[at % self.height * self.width + at / self.height]);
        Self { width: self.height, height: self.width, values: values.collect() }
    }

    /// Each row resized: a weight for each pixel that lies within three of the smaller picture's.
    fn resized_across(&self, left: f64, length: f64, width: usize) -> Self {
        let scale = length / width as f64;
        let weights: Vec<Vec<(usize, f64)>> = (0..width)
            .map(|x| {
                let centre = left + (x as f64 + 0.5) * scale;
                let reach = 3.0 * scale;
                let first = (centre - reach).max(0.0) as usize;
                let end = ((centre + reach).ceil() as usize).min(self.width);
                let weight = |at: usize| lanczos3((at as f64 + 0.5 - centre) / scale);
                let sum: f64 = (first..end).map(weight).sum();
                (first..end).map(|at| (at, weight(at) / sum)).collect()
            })
            .collect();
        let rows = self.values.chunks(self.width);
        let values = rows.flat_map(|row| {
            weights.iter().map(|weights| weights.iter().map(|(at, weight)| row[*at] * weight).sum::<f64>())
        });
        Self { width, height: self.height, values: values.collect() }
    }

    /// Each value replaced by the Gaussian mean around it, where that is within the picture.
    fn blurred(&self) -> Self {
        self.blurred_across().turned().blurred_across().turned()
    }

    fn blurred_across(&self) -> Self {
        const RADIUS: i32 = 5;
        const SIGMA: f64 = 1.5;
        let window: Vec<f64> =
            (-RADIUS..=RADIUS).map(|at| (-f64::from(at * at) / (2.0 * SIGMA * SIGMA)).exp()).collect();
        let sum: f64 = window.iter().sum();
        let mean = |values: &[f64]| values.iter().zip(&window).map(|(value, weight)| value * weight / sum).sum();
        let rows = self.values.chunks(self.width);
        let values: Vec<f64> = rows.flat_map(|row| row.windows(window.len()).map(mean)).collect();
        Self { width: self.width + 1 - window.len(), height: self.height, values }
    }

    fn times(&self, other: &Self) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a * b).collect();
        Self { width: self.width, height: self.height, values }
    }
}

fn lanczos3(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn ssim(one: &Gray, other: &Gray) -> f64 {
    const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
    const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
    let (mean_a, mean_b) = (one.blurred(), other.blurred());
    let (aa, bb, ab) = (one.times(one).blurred(), other.times(other).blurred(), one.times(other).blurred());
    let at = |index: usize| {
        let (a, b) = (mean_a.values[index], mean_b.values[index]);
        let (var_a, var_b, shared) = (aa.values[index] - a * a, bb.values[index] - b * b, ab.values[index] - a * b);
        ((2.0 * a * b + C1) * (2.0 * shared + C2)) / ((a * a + b * b + C1) * (var_a + var_b + C2))
    };
    (0..mean_a.values.len()).map(at).sum::<f64>() / mean_a.values.len() as f64
}
