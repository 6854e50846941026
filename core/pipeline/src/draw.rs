//! Draws a part of a picture at other sides: with Lanczos3 on the stored, gamma-encoded values, as libvips and Pillow do,
//! or on the light that they stand for.
//!
//! The part is given in fractions of pixels and taken as such: a decode at an eighth seldom ends at a whole pixel, and a box
//! of whole pixels would stretch and shift the picture. The components of a JPEG stay apart for as long as that is possible,
//! so that chroma is resampled once, from its own size to that of the JPEG to come.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::conversion::Conversion;
use crate::encode::{Plane, Planes};
use crate::finish::Finish;
use crate::jpeg::Colours;
use crate::orientation::{Area, Orientation};
use crate::pixels::{CHANNELS, Pixel, Pixels};
use crate::refusal::Refusal;

/// A picture to draw from.
pub(crate) struct Canvas<'a> {
    pub(crate) layers: Vec<Layer<'a>>,
    pub(crate) kind: Kind,
    /// What is still to be done to what is drawn.
    pub(crate) finish: &'a Finish,
    /// How the layers lie, and the sides of the whole picture as it lies there.
    pub(crate) orientation: Orientation,
    pub(crate) sides: (u32, u32),
}

/// What the layers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One, of whole pixels.
    Together(Pixel),
    /// One for each component.
    Apart(Colours),
}

/// Samples of a part of the picture, perhaps fewer than it has pixels.
pub(crate) struct Layer<'a> {
    pub(crate) sides: (u32, u32),
    pub(crate) samples: &'a [u8],
    /// How many samples stand for one pixel of the whole picture, across and down.
    pub(crate) scale: (f64, f64),
    /// Where the samples begin, counted in samples of the whole picture.
    pub(crate) origin: (f64, f64),
}

impl Canvas<'_> {
    /// Draws `area`, in pixels of the whole picture held upright, with the given sides.
    pub(crate) fn pixels(&self, area: Area, sides: (u32, u32)) -> Result<Pixels, Refusal> {
        let rgb = match (self.kind, self.layers.as_slice()) {
            (Kind::Together(pixel), [layer]) => self.finish.rgb(&self.whole(layer, pixel, area, sides)?, pixel)?,
            (Kind::Together(_), _) => Vec::new(),
            (Kind::Apart(colours), layers) => {
                let drawn = layers.iter().map(|layer| self.draw::<1>(layer, PixelType::U8, area, sides));
                let joined = colours.join(&drawn.collect::<Result<Vec<_>, _>>()?);
                self.finish.conversion.to_rgb(joined, colours.model())?
            }
        };
        Pixels::new(sides.0, sides.1, rgb).ok_or(Refusal::DecoderFailed)
    }

    /// The same for a picture that is luma and chroma of sRGB, or luma alone; `None` for any other.
    pub(crate) fn planes(&self, area: Area, sides: (u32, u32)) -> Result<Option<Planes>, Refusal> {
        let plane = |layer, area, sides: (u32, u32)| -> Result<Plane, Refusal> {
            let samples = self.draw::<1>(layer, PixelType::U8, area, sides)?;
            Ok(Plane { width: sides.0 as usize, height: sides.1 as usize, samples })
        };
        let (half, whole) = halves(area, sides);
        Ok(match (self.kind, &self.finish.conversion, self.layers.as_slice()) {
            (Kind::Apart(Colours::Gray), Conversion::Assumed, [gray]) => {
                Some(Planes { luma: plane(gray, area, sides)?, chroma: None })
            }
            (Kind::Apart(Colours::Gray), Conversion::Levels(levels), [gray]) => {
                let mut luma = plane(gray, area, sides)?;
                luma.samples.iter_mut().for_each(|sample| *sample = levels[usize::from(*sample)]);
                Some(Planes { luma, chroma: None })
            }
            (Kind::Apart(Colours::Ycc), Conversion::Assumed, [luma, blue, red]) => Some(Planes {
                luma: plane(luma, area, sides)?,
                chroma: Some([plane(blue, whole, half)?, plane(red, whole, half)?]),
            }),
            _ => None,
        })
    }

    /// How many samples stand for one pixel on a side of the whole picture, at most.
    pub(crate) fn scale(&self) -> f64 {
        self.layers.iter().map(|layer| layer.scale.0.max(layer.scale.1)).fold(0.0, f64::max)
    }

    /// The same in gray, as television weighs the colours (ITU-R BT.601).
    pub(crate) fn luma(&self, area: Area, sides: (u32, u32)) -> Result<Vec<u8>, Refusal> {
        match (self.kind, self.layers.as_slice()) {
            (Kind::Apart(Colours::Gray | Colours::Ycc), [luma, ..]) => self.draw::<1>(luma, PixelType::U8, area, sides),
            _ => {
                let pixels = self.pixels(area, sides)?;
                let (pixels, _) = pixels.rgb.as_chunks::<CHANNELS>();
                Ok(pixels.iter().map(|rgb| gray(rgb.map(u32::from))).collect())
            }
        }
    }

    fn whole(&self, layer: &Layer<'_>, pixel: Pixel, area: Area, sides: (u32, u32)) -> Result<Vec<u8>, Refusal> {
        match pixel {
            Pixel::Rgb => self.draw::<3>(layer, PixelType::U8x3, area, sides),
            Pixel::Rgba => self.draw::<4>(layer, PixelType::U8x4, area, sides),
            Pixel::Light => self.draw::<6>(layer, PixelType::U16x3, area, sides),
            Pixel::ClearLight => self.draw::<8>(layer, PixelType::U16x4, area, sides),
        }
    }

    fn draw<const SIZE: usize>(
        &self,
        layer: &Layer<'_>,
        kind: PixelType,
        area: Area,
        sides: (u32, u32),
    ) -> Result<Vec<u8>, Refusal> {
        let area = layer.inside(self.orientation.coded_area(area, self.sides));
        let coded = self.orientation.turn_sides(sides);
        let drawn = resample(layer, kind, area, coded)?;
        Ok(self.orientation.apply::<SIZE>(drawn, coded))
    }
}

fn gray([red, green, blue]: [u32; CHANNELS]) -> u8 {
    ((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8
}

/// The sides of chroma, and the area that it shows: with an odd side, its last sample reaches a pixel further.
fn halves(area: Area, (width, height): (u32, u32)) -> ((u32, u32), Area) {
    let half = (width.div_ceil(2), height.div_ceil(2));
    let reach = |side: u32, half: u32| f64::from(2 * half) / f64::from(side);
    let whole = Area { width: area.width * reach(width, half.0), height: area.height * reach(height, half.1), ..area };
    (half, whole)
}

impl Layer<'_> {
    /// Where an area of the whole picture lies, in samples.
    fn inside(&self, area: Area) -> Area {
        Area {
            left: area.left * self.scale.0 - self.origin.0,
            top: area.top * self.scale.1 - self.origin.1,
            width: area.width * self.scale.0,
            height: area.height * self.scale.1,
        }
    }
}

fn resample(layer: &Layer<'_>, kind: PixelType, area: Area, (width, height): (u32, u32)) -> Result<Vec<u8>, Refusal> {
    let view = ImageRef::new(layer.sides.0, layer.sides.1, layer.samples, kind).map_err(Refusal::undecodable)?;
    let mut sheet = Image::new(width, height, kind);
    let area = trim(area, f64::from(layer.sides.0), f64::from(layer.sides.1));
    // Colours are multiplied by their alpha already, which saves a copy of the photo.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(area.left, area.top, area.width, area.height)
        .use_alpha(false);
    Resizer::new().resize(&view, &mut sheet, &options).map_err(Refusal::undecodable)?;
    Ok(sheet.into_vec())
}

/// Rounding may have put an edge a hair outside, and chroma of an odd side reaches there.
fn trim(area: Area, width: f64, height: f64) -> Area {
    let left = area.left.clamp(0.0, width);
    let top = area.top.clamp(0.0, height);
    Area { left, top, width: area.width.min(width - left), height: area.height.min(height - top) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::FINISHED;

    /// Each sample of chroma stands for two pixels, also where an odd side leaves it only one.
    #[test]
    fn chroma_of_an_odd_side_is_not_stretched() {
        const SIDE: u32 = 48;
        const STEP: u32 = 4;
        let rising: Vec<u8> = (0..SIDE * SIDE).map(|at| (at % SIDE * STEP) as u8).collect();
        let layer = || Layer { sides: (SIDE, SIDE), samples: &rising, scale: (1.0, 1.0), origin: (0.0, 0.0) };
        let canvas = Canvas {
            layers: vec![layer(), layer(), layer()],
            kind: Kind::Apart(Colours::Ycc),
            finish: &FINISHED,
            orientation: Orientation::Upright,
            sides: (SIDE, SIDE),
        };
        let area = Area { left: 8.0, top: 8.0, width: 9.0, height: 9.0 };
        let planes = canvas.planes(area, (9, 9)).unwrap().unwrap();
        let [blue, _] = planes.chroma.unwrap();
        assert_eq!((blue.width, blue.height), (5, 5));
        for (sample, first) in blue.samples[..5].iter().zip([8, 10, 12, 14, 16]) {
            let between_both = first * STEP + STEP / 2;
            assert!(u32::from(*sample).abs_diff(between_both) <= 1, "{sample} is not {between_both}");
        }
    }
}
