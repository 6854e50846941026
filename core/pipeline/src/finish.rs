//! The last steps from drawn samples to the picture that everybody sees: out of light, out of the photo's own colours, and
//! onto the background.

use crate::conversion::Conversion;
use crate::light::Light;
use crate::pixels::{CHANNELS, Pixel};
use crate::recipe::Style;
use crate::refusal::Refusal;
use crate::space::{Model, Space};

/// What they need.
pub(crate) struct Finish {
    pub(crate) conversion: Conversion,
    /// For samples that are light.
    pub(crate) light: Option<Light>,
    /// Red, green and blue of what lies behind.
    pub(crate) background: [u8; CHANNELS],
}

/// For pictures that have been through it.
pub(crate) static FINISHED: Finish =
    Finish { conversion: Conversion::Assumed, light: None, background: [u8::MAX; CHANNELS] };

type Rgb = [u8; CHANNELS];

impl Finish {
    /// For a photo of this space, where it is not sRGB's.
    pub(crate) fn new(space: Option<&Space>, style: &Style) -> Result<Self, Refusal> {
        let conversion = space.map_or(Ok(Conversion::Assumed), Space::conversion)?;
        let light = match space {
            _ if !style.linear_light => None,
            None => Some(Light::of_srgb()),
            Some(space) => space.light(),
        };
        Ok(Self { conversion, light, background: style.background })
    }

    /// Makes red, green and blue of pixels that are stored so.
    pub(crate) fn rgb(&self, drawn: &[u8], pixel: Pixel) -> Result<Vec<u8>, Refusal> {
        /// Few enough that nothing beside what is drawn and what becomes of it takes memory.
        const TOGETHER: usize = 4096;
        let mut rgb = Vec::with_capacity(drawn.len() / pixel.bytes() * CHANNELS);
        for part in drawn.chunks(TOGETHER * pixel.bytes()) {
            rgb.extend(self.part(part, pixel)?);
        }
        Ok(rgb)
    }

    fn part(&self, drawn: &[u8], pixel: Pixel) -> Result<Vec<u8>, Refusal> {
        match (pixel, &self.light) {
            (Pixel::Rgb, _) => self.conversion.to_rgb(drawn.to_vec(), Model::Rgb),
            (Pixel::Rgba, _) => self.laid(drawn.as_chunks().0.iter().map(parted)),
            (Pixel::Light, Some(light)) => {
                let levels = words(drawn).as_chunks().0.iter().flat_map(|pixel| light.to_levels(*pixel)).collect();
                self.conversion.to_rgb(levels, Model::Rgb)
            }
            (Pixel::ClearLight, Some(light)) => {
                self.laid(words(drawn).as_chunks().0.iter().map(|pixel| parted_light(*pixel, light)))
            }
            (Pixel::Light | Pixel::ClearLight, None) => Err(Refusal::DecoderFailed),
        }
    }

    /// Converts colours and lays them onto the background, each as densely as its alpha says.
    fn laid(&self, pixels: impl Iterator<Item = (Rgb, u8)>) -> Result<Vec<u8>, Refusal> {
        let (colours, alphas): (Vec<Rgb>, Vec<u8>) = pixels.unzip();
        let colours = self.conversion.to_rgb(colours.into_flattened(), Model::Rgb)?;
        let pixels = colours.as_chunks().0.iter().zip(alphas);
        Ok(pixels.flat_map(|(colour, alpha)| self.mixed(*colour, alpha)).collect())
    }

    fn mixed(&self, colour: Rgb, alpha: u8) -> Rgb {
        let mixed = |over: u8, under: u8| {
            let sum = u16::from(over) * u16::from(alpha) + u16::from(under) * u16::from(u8::MAX - alpha);
            ((sum + 127) / 255) as u8
        };
        let ([r, g, b], [br, bg, bb]) = (colour, self.background);
        [mixed(r, br), mixed(g, bg), mixed(b, bb)]
    }
}

/// The colour that was multiplied by its alpha, and that. Resampling may have made a colour a little brighter than any is.
fn parted([r, g, b, alpha]: &[u8; 4]) -> (Rgb, u8) {
    let (alpha, half) = (u16::from(*alpha), u16::from(alpha / 2));
    let whole = |part: u8| ((u16::from(part) * 255 + half).checked_div(alpha).unwrap_or(0)).min(255) as u8;
    ([whole(*r), whole(*g), whole(*b)], alpha as u8)
}

/// The same of light, with the colour as it is stored.
fn parted_light([r, g, b, alpha]: [u16; 4], light: &Light) -> (Rgb, u8) {
    let whole = |part: u16| (u32::from(part) * 65_535).checked_div(alpha.into()).unwrap_or(0).min(65_535) as u16;
    (light.to_levels([whole(r), whole(g), whole(b)]), (alpha >> 8) as u8)
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks().0.iter().map(|word| u16::from_ne_bytes(*word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(background: Rgb) -> Finish {
        Finish { background, light: Some(Light::of_srgb()), conversion: Conversion::Assumed }
    }

    #[test]
    fn clear_pixels_are_the_background_and_dense_ones_the_colour() {
        let finish = on([10, 200, 30]);
        assert_eq!(finish.rgb(&[0; 4], Pixel::Rgba), Ok(vec![10, 200, 30]));
        assert_eq!(finish.rgb(&[7, 8, 9, 255], Pixel::Rgba), Ok(vec![7, 8, 9]));
        assert_eq!(finish.rgb(&[0; 8], Pixel::ClearLight), Ok(vec![10, 200, 30]));
    }

    #[test]
    fn a_half_clear_pixel_is_half_of_both() {
        let finish = on([255, 255, 255]);
        assert_eq!(finish.rgb(&[100, 60, 20, 128], Pixel::Rgba), Ok(vec![227, 187, 147]));
    }
}
