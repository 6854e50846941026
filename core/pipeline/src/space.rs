//! Colour spaces: how the pixels of a photo become those of sRGB (IEC 61966-2-1), which everybody assumes of a picture that
//! says nothing.
//!
//! A photo is drawn small in its own colours, and what was drawn is converted: that costs a hundredth of converting it whole,
//! and the two differ by less than JPEG does.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use moxcms::{
    ColorProfile, DataColorSpace, Layout, LutWarehouse, ToneReprCurve, Transform8BitExecutor, TransformOptions, Xyzd,
};

use crate::conversion::{Conversion, WideConversion};
use crate::light::{Curve, Light, light_of_lightness, light_of_srgb};
use crate::profile::{damaged, unknown};
use crate::refusal::Refusal;

/// What a pixel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// One sample.
    Gray,
    /// Red, green and blue.
    Rgb,
    /// Cyan, magenta, yellow and black ink.
    Cmyk,
}

impl Model {
    /// Whether a profile for pixels of the other kind tells what these are. Gray is where red, green and blue are equal, and
    /// programs that make a photo gray leave it the profile that it had.
    pub(crate) fn is_described_by(self, other: Self) -> bool {
        self == other || (self, other) == (Self::Gray, Self::Rgb)
    }

    /// How many samples a pixel has.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gray => "gray",
            Self::Rgb => "RGB",
            Self::Cmyk => "CMYK",
        })
    }
}

/// A colour space of which the conversion is known.
pub(crate) struct Space {
    model: Model,
    colours: ColorProfile,
}

impl Space {
    /// Reads a profile, of which everything is left out that this does not need.
    pub(crate) fn of_icc(icc: &[u8]) -> Result<Self, Refusal> {
        Self::of(guarded(|| ColorProfile::new_from_slice(icc)).ok_or_else(damaged)?)
    }

    pub(crate) fn of(colours: ColorProfile) -> Result<Self, Refusal> {
        let model = match colours.color_space {
            DataColorSpace::Gray => Model::Gray,
            DataColorSpace::Rgb => Model::Rgb,
            DataColorSpace::Cmyk => Model::Cmyk,
            _ => return Err(unknown()),
        };
        let is_measured = matches!(colours.pcs, DataColorSpace::Xyz | DataColorSpace::Lab);
        let colorants = [colours.red_colorant, colours.green_colorant, colours.blue_colorant];
        // Those of all that can be seen, and of the widest space in use, lie within 1.
        let is_possible = |it: Xyzd| [it.x, it.y, it.z].iter().all(|part| part.abs() <= 2.0);
        if !colorants.into_iter().all(is_possible) {
            return Err(damaged());
        }
        if is_measured && has_one_grid(&colours) { Ok(Self { model, colours }) } else { Err(unknown()) }
    }

    pub(crate) fn model(&self) -> Model {
        self.model
    }

    /// Whether it is sRGB, by what it does and not by its name: then a picture looks the same without it.
    pub(crate) fn is_srgb(&self) -> bool {
        match self.model {
            Model::Gray => self.gray_curve().is_ok_and(is_srgbs),
            Model::Rgb => self.has_srgbs_colours() && self.curves().is_some_and(|all| all.into_iter().all(is_srgbs)),
            Model::Cmyk => false,
        }
    }

    /// How its pixels become those of sRGB.
    pub(crate) fn conversion(&self) -> Result<Conversion, Refusal> {
        match self.model {
            Model::Gray => Ok(Conversion::of_gray(&self.gray_curve()?)),
            Model::Rgb => self.transform(Layout::Rgb).map(Conversion::Rgb),
            Model::Cmyk => self.transform(Layout::Rgba).map(Conversion::Cmyk),
        }
    }

    fn transform(&self, from: Layout) -> Result<Arc<Transform8BitExecutor>, Refusal> {
        let srgb = ColorProfile::new_srgb();
        let transform = guarded(|| self.colours.create_transform_8bit(from, &srgb, Layout::Rgb, options()));
        transform.ok_or_else(unknown)
    }

    /// The same for pixels of 16 bits, of which the result has as many.
    pub(crate) fn wide_conversion(&self) -> Result<WideConversion, Refusal> {
        if self.model == Model::Gray {
            return Ok(WideConversion::of_gray(&self.gray_curve()?));
        }
        let srgb = ColorProfile::new_srgb();
        let transform = guarded(|| self.colours.create_transform_16bit(Layout::Rgb, &srgb, Layout::Rgb, options()));
        transform.map(WideConversion::Rgb).ok_or_else(unknown)
    }

    /// How much light the samples stand for, where a curve for each channel says it.
    pub(crate) fn light(&self) -> Option<Light> {
        match self.model {
            Model::Gray => self.gray_curve().ok().and_then(|curve| Light::of([&curve; 3])),
            Model::Rgb => self.curves().and_then(|[red, green, blue]| Light::of([&red, &green, &blue])),
            Model::Cmyk => None,
        }
    }

    /// The curve of gray; to a measured lightness where the profile measures that (ICC.1, F.2).
    fn gray_curve(&self) -> Result<Curve, Refusal> {
        let curve = self.colours.gray_trc.as_ref().and_then(curve).ok_or_else(unknown)?;
        Ok(if self.colours.pcs == DataColorSpace::Lab {
            Box::new(move |it| light_of_lightness(curve(it)))
        } else {
            curve
        })
    }

    /// The curves of red, green and blue, where there is nothing beside them but colorants.
    fn curves(&self) -> Option<[Curve; 3]> {
        let Self { colours, .. } = self;
        if colours.lut_a_to_b_perceptual.is_some() {
            return None;
        }
        let [red, green, blue] =
            [&colours.red_trc, &colours.green_trc, &colours.blue_trc].map(|it| it.as_ref().and_then(curve));
        Some([red?, green?, blue?])
    }

    fn has_srgbs_colours(&self) -> bool {
        /// Makers round differently; other colour spaces are 0.04 off and more.
        const ROUNDING: f64 = 0.003;
        let near = |a: Xyzd, b: Xyzd| [a.x - b.x, a.y - b.y, a.z - b.z].iter().all(|off| off.abs() < ROUNDING);
        let (own, srgb) = (&self.colours, ColorProfile::new_srgb());
        near(own.red_colorant, srgb.red_colorant)
            && near(own.green_colorant, srgb.green_colorant)
            && near(own.blue_colorant, srgb.blue_colorant)
    }
}

/// A profile comes out of the drop folder, and no answer of its reader is worth a photo.
fn guarded<T, E>(read: impl FnOnce() -> Result<T, E>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()?.ok()
}

fn curve(curve: &ToneReprCurve) -> Option<Curve> {
    let evaluator = guarded(|| curve.make_linear_evaluator())?;
    Some(Box::new(move |value| f64::from(evaluator.evaluate_value(value as f32))))
}

/// Within half a level of 256 at each of them, where a level is smallest: in the light that it stands for.
fn is_srgbs(curve: Curve) -> bool {
    (0..=255).all(|level| {
        let [lower, value, upper] = [-0.5, 0.0, 0.5].map(|off| (f64::from(level) + off) / 255.0);
        (light_of_srgb(lower)..=light_of_srgb(upper)).contains(&curve(value))
    })
}

/// Whether a table of four inks has as many steps of each, if it has one: its reader takes any other for such a one.
fn has_one_grid(colours: &ColorProfile) -> bool {
    match &colours.lut_a_to_b_perceptual {
        Some(LutWarehouse::Multidimensional(table)) if table.num_input_channels == 4 => {
            table.grid_points[..4].iter().all(|steps| *steps == table.grid_points[0])
        }
        _ => true,
    }
}

/// For a pleasing picture; in floating point, since so few pixels are converted.
fn options() -> TransformOptions {
    TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() }
}
