//! Stock rustface: a picture's long side is made 320 pixels (enlarged twice at most), its contrast is stretched where it is
//! low, and what shows no face is searched once more at 640 (enlarged three times at most). Score 2.0, pyramid 0.8, step 4.

use std::cell::RefCell;
use std::io::Cursor;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rustface::{Detector, FaceInfo, ImageData, create_detector_with_model, read_model};

use crate::Gray;

static MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/seeta.bin"));

/// Long side in pixels, and how much a picture is enlarged at most.
const PASSES: [(f64, f64); 2] = [(320.0, 2.0), (640.0, 3.0)];
/// From the darkest hundredth to the lightest, in levels: what has less is stretched.
const LOW_CONTRAST: usize = 190;

/// The detector, made once: it writes into itself.
pub(crate) struct Stock(RefCell<Box<dyn Detector>>);

impl Stock {
    pub(crate) fn new() -> Self {
        let mut detector = create_detector_with_model(read_model(Cursor::new(MODEL)).expect("the model is whole"));
        detector.set_min_face_size(20);
        detector.set_score_thresh(2.0);
        detector.set_pyramid_scale_factor(0.8);
        detector.set_slide_window_step(4, 4);
        Self(RefCell::new(detector))
    }

    /// The faces of a picture, in pixels of what was searched.
    pub(crate) fn find(&self, picture: &Gray) -> Vec<FaceInfo> {
        let mut passes = PASSES.into_iter().map(|(side, most)| self.pass(picture, side, most));
        passes.find(|faces| !faces.is_empty()).unwrap_or_default()
    }

    fn pass(&self, picture: &Gray, side: f64, most: f64) -> Vec<FaceInfo> {
        let scale = (side / f64::from(picture.width.max(picture.height))).min(most);
        let scaled = |length: u32| (f64::from(length) * scale).round().max(1.0) as u32;
        let (width, height) = (scaled(picture.width), scaled(picture.height));
        let whole =
            ImageRef::new(picture.width, picture.height, &picture.samples, PixelType::U8).expect("as many samples");
        let mut sized = Image::new(width, height, PixelType::U8);
        let bilinear = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&whole, &mut sized, &bilinear).expect("one kind of pixels");
        let mut samples = sized.into_vec();
        stretch(&mut samples);
        self.0.borrow_mut().detect(&ImageData::new(&samples, width, height))
    }
}

fn stretch(samples: &mut [u8]) {
    let mut counts = [0; 256];
    samples.iter().for_each(|sample| counts[usize::from(*sample)] += 1);
    let level = |share: f64| {
        let below = |sum: &mut usize, count: &usize| {
            *sum += count;
            Some(*sum)
        };
        counts.iter().scan(0, below).position(|sum| sum as f64 >= share * samples.len() as f64).unwrap_or(255)
    };
    let (dark, light) = (level(0.01), level(0.99));
    if (1..LOW_CONTRAST).contains(&(light - dark)) {
        let table: Vec<u8> =
            (0..256).map(|value: usize| (value.saturating_sub(dark) * 255 / (light - dark)).min(255) as u8).collect();
        samples.iter_mut().for_each(|sample| *sample = table[usize::from(*sample)]);
    }
}
