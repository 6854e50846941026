//! Makes pixels of sRGB of others. Knows nothing of files and profiles.

use std::sync::Arc;

use moxcms::{Transform8BitExecutor, Transform16BitExecutor};

use crate::light::{Curve, srgb_of_light};
use crate::refusal::Refusal;
use crate::space::Model;

/// What has to be done to pixels of eight bits.
pub(crate) enum Conversion {
    /// Nothing: gray and colours are sRGB's, and inks are taken as filters of them.
    Assumed,
    /// Each sample becomes another one.
    Levels(Box<[u8; 256]>),
    /// Red, green and blue become others.
    Rgb(Arc<Transform8BitExecutor>),
    /// Four inks become red, green and blue.
    Cmyk(Arc<Transform8BitExecutor>),
}

impl Conversion {
    pub(crate) fn of_gray(curve: &Curve) -> Self {
        Self::Levels(Box::new(std::array::from_fn(|level| srgb_level(curve(level as f64 / 255.0)))))
    }

    /// Red, green and blue of pixels of this model.
    ///
    /// # Errors
    ///
    /// The conversion is for other pixels.
    pub(crate) fn to_rgb(&self, pixels: Vec<u8>, model: Model) -> Result<Vec<u8>, Refusal> {
        match (self, model) {
            (Self::Assumed, Model::Cmyk) => Ok(filtered(&pixels)),
            (Self::Cmyk(transform), Model::Cmyk) => run(&**transform, &pixels, Model::Cmyk),
            (Self::Assumed | Self::Levels(_) | Self::Rgb(_), Model::Gray) => {
                self.to_rgb(pixels.iter().flat_map(|gray| [*gray; 3]).collect(), Model::Rgb)
            }
            (Self::Assumed, Model::Rgb) => Ok(pixels),
            (Self::Levels(levels), Model::Rgb) => {
                Ok(pixels.iter().map(|sample| levels[usize::from(*sample)]).collect())
            }
            (Self::Rgb(transform), Model::Rgb) => run(&**transform, &pixels, Model::Rgb),
            _ => Err(Refusal::DecoderFailed),
        }
    }
}

fn run(transform: &Transform8BitExecutor, pixels: &[u8], model: Model) -> Result<Vec<u8>, Refusal> {
    let mut rgb = vec![0; pixels.len() / model.channels() * 3];
    transform.transform(pixels, &mut rgb).map_err(|_| Refusal::DecoderFailed)?;
    Ok(rgb)
}

/// What is left of white light behind four filters.
fn filtered(inks: &[u8]) -> Vec<u8> {
    let (inks, _) = inks.as_chunks();
    let lit = |ink: u8, black: u8| ((u16::from(255 - ink) * u16::from(255 - black) + 127) / 255) as u8;
    inks.iter().flat_map(|[c, m, y, k]| [lit(*c, *k), lit(*m, *k), lit(*y, *k)]).collect()
}

/// What has to be done to red, green and blue of sixteen bits.
///
/// Eight bits of a profile that stores light as it is are too few for shadows, so such pixels are converted before anything
/// else happens to them.
pub(crate) enum WideConversion {
    /// Each sample becomes another one.
    Levels(Vec<u8>),
    /// Red, green and blue become others.
    Rgb(Arc<Transform16BitExecutor>),
}

impl WideConversion {
    pub(crate) fn of_gray(curve: &Curve) -> Self {
        Self::Levels((0..=u16::MAX).map(|level| srgb_level(curve(f64::from(level) / 65535.0))).collect())
    }

    /// Converts red, green and blue.
    pub(crate) fn to_rgb(&self, pixels: &[u16], to: &mut Vec<u8>) -> Result<(), Refusal> {
        match self {
            Self::Levels(levels) => to.extend(pixels.iter().map(|sample| levels[usize::from(*sample)])),
            Self::Rgb(transform) => {
                let mut rgb = vec![0; pixels.len()];
                transform.transform(pixels, &mut rgb).map_err(|_| Refusal::DecoderFailed)?;
                to.extend(rgb.iter().map(|sample| narrow(*sample)));
            }
        }
        Ok(())
    }
}

/// The nearest of 256 levels.
fn narrow(sample: u16) -> u8 {
    ((u32::from(sample) * 255 + 32_767) / 65_535) as u8
}

fn srgb_level(light: f64) -> u8 {
    (srgb_of_light(light) * 255.0).round() as u8
}
