//! A photo in whole pixels, as decoders other than that of JPEGs give it: in few bytes, and fit to be resampled.

use image::DynamicImage;

use crate::conversion::WideConversion;
use crate::draw::Layer;
use crate::light::Light;
use crate::pixels::Pixel;
use crate::refusal::Refusal;

/// Pixels row after row without gaps.
pub(crate) struct Raster {
    pub(crate) sides: (u32, u32),
    pub(crate) pixel: Pixel,
    pub(crate) samples: Vec<u8>,
    /// How many of them stand for one pixel of the photo, across and down.
    pub(crate) scale: (f64, f64),
    /// Where they begin, counted in themselves.
    pub(crate) origin: (f64, f64),
}

impl Raster {
    /// Takes a whole photo in eight bits; where there is light, as that.
    pub(crate) fn new(image: DynamicImage, light: Option<&Light>) -> Self {
        Self::of(Straight::narrow(image), light)
    }

    /// The same of sixteen bits, which are converted at once.
    pub(crate) fn converted(
        image: DynamicImage,
        conversion: &WideConversion,
        light: Option<&Light>,
    ) -> Result<Self, Refusal> {
        Straight::converted(image, conversion).map(|pixels| Self::of(pixels, light))
    }

    fn of(pixels: Straight, light: Option<&Light>) -> Self {
        let sides = pixels.sides;
        let (pixel, samples) = match light {
            None => pixels.multiplied(),
            Some(light) => pixels.as_light(light),
        };
        Self { sides, pixel, samples, scale: (1.0, 1.0), origin: (0.0, 0.0) }
    }

    pub(crate) fn layer(&self) -> Layer<'_> {
        Layer { sides: self.sides, samples: &self.samples, scale: self.scale, origin: self.origin }
    }
}

/// Pixels of which no colour has been multiplied by its alpha.
struct Straight {
    sides: (u32, u32),
    /// Red, green and blue, and alpha where a pixel is not opaque.
    samples: Vec<u8>,
    is_clear: bool,
}

impl Straight {
    fn narrow(image: DynamicImage) -> Self {
        let sides = (image.width(), image.height());
        if image.color().has_alpha() {
            Self { sides, samples: image.into_rgba8().into_raw(), is_clear: true }.without_needless_alpha()
        } else {
            Self { sides, samples: image.into_rgb8().into_raw(), is_clear: false }
        }
    }

    fn converted(image: DynamicImage, conversion: &WideConversion) -> Result<Self, Refusal> {
        let sides = (image.width(), image.height());
        let is_clear = image.color().has_alpha();
        let samples = match is_clear {
            true => clear_rows(image.into_rgba16().as_raw(), sides, conversion)?,
            false => rows(image.into_rgb16().as_raw(), sides, conversion)?,
        };
        Ok(Self { sides, samples, is_clear }.without_needless_alpha())
    }

    /// Most programs that store alpha have none to store.
    fn without_needless_alpha(mut self) -> Self {
        if self.is_clear && self.samples.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == u8::MAX) {
            fold(&mut self.samples);
            self.is_clear = false;
        }
        self
    }

    fn multiplied(mut self) -> (Pixel, Vec<u8>) {
        if !self.is_clear {
            return (Pixel::Rgb, self.samples);
        }
        for [r, g, b, alpha] in self.samples.as_chunks_mut().0 {
            for colour in [r, g, b] {
                *colour = weighed(*colour, *alpha);
            }
        }
        (Pixel::Rgba, self.samples)
    }

    fn as_light(&self, light: &Light) -> (Pixel, Vec<u8>) {
        let mut samples = Vec::with_capacity(self.samples.len() * 2);
        if !self.is_clear {
            add_light(&self.samples, light, &mut samples);
            return (Pixel::Light, samples);
        }
        for [r, g, b, alpha] in self.samples.as_chunks().0 {
            let alpha = u16::from(*alpha) * 257;
            let colours = light.of_levels([*r, *g, *b]).map(|it| weighed_light(it, alpha));
            samples.extend(colours.into_iter().chain([alpha]).flat_map(u16::to_ne_bytes));
        }
        (Pixel::ClearLight, samples)
    }
}

/// Adds the light of red, green and blue.
pub(crate) fn add_light(rgb: &[u8], light: &Light, to: &mut Vec<u8>) {
    for pixel in rgb.as_chunks().0 {
        to.extend(light.of_levels(*pixel).into_iter().flat_map(u16::to_ne_bytes));
    }
}

fn rows(rgb: &[u16], (width, _): (u32, u32), conversion: &WideConversion) -> Result<Vec<u8>, Refusal> {
    let mut converted = Vec::with_capacity(rgb.len());
    for row in rgb.chunks(width as usize * 3) {
        conversion.to_rgb(row, &mut converted)?;
    }
    Ok(converted)
}

fn clear_rows(rgba: &[u16], (width, _): (u32, u32), conversion: &WideConversion) -> Result<Vec<u8>, Refusal> {
    let mut converted = Vec::with_capacity(rgba.len());
    let mut row = Vec::new();
    for pixels in rgba.as_chunks::<4>().0.chunks(width as usize) {
        let colours: Vec<u16> = pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        row.clear();
        conversion.to_rgb(&colours, &mut row)?;
        let pixels = row.as_chunks().0.iter().zip(pixels);
        converted.extend(pixels.flat_map(|([r, g, b], [.., alpha])| [*r, *g, *b, (alpha >> 8) as u8]));
    }
    Ok(converted)
}

/// Makes three bytes of every four, in the same memory.
fn fold(four: &mut Vec<u8>) {
    let pixels = four.len() / 4;
    for index in 0..pixels {
        four.copy_within(index * 4..index * 4 + 3, index * 3);
    }
    four.truncate(pixels * 3);
}

/// `value` times `weight`, where 255 counts as one; rounded, and never more than `weight`.
fn weighed(value: u8, weight: u8) -> u8 {
    ((u16::from(value) * u16::from(weight) + 127) / 255) as u8
}

fn weighed_light(value: u16, weight: u16) -> u16 {
    ((u32::from(value) * u32::from(weight) + 32_767) / 65_535) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_exact_at_both_ends() {
        for value in 0..=255 {
            assert_eq!(weighed(value, 255), value);
            assert_eq!(weighed(value, 0), 0);
            assert_eq!(weighed(255, value), value);
            let wide = u16::from(value) * 257;
            assert_eq!(weighed_light(wide, 65_535), wide);
            assert_eq!(weighed_light(65_535, wide), wide);
        }
    }
}
