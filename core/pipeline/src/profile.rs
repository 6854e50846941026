//! What a file says that the numbers of its pixels stand for. Knows how much of it is believed, and converts nothing.

use std::ops::RangeInclusive;

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, MatrixCoefficients, ToneReprCurve,
    TransferCharacteristics,
};

use crate::icc;
use crate::refusal::{self, Refusal};
use crate::space::{Model, Space};

/// The largest profiles of printers have about 3 MiB.
const BYTES_MAX: usize = 4 << 20;

/// In one of the ways in which files say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// A whole profile (ICC.1).
    Icc(Vec<u8>),
    /// Two numbers out of tables (ITU-T H.273, 8.1 and 8.2).
    Cicp { primaries: u8, transfer: u8 },
    /// As a PNG says it.
    Gamma(Gamma),
}

/// What PNG's gAMA and cHRM chunks hold (W3C PNG, third edition, 11.3.2), each number in hundred-thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gamma {
    /// The power by which light was stored.
    pub(crate) power: Option<u32>,
    /// x and y of white, red, green and blue.
    pub(crate) chromaticities: Option<[u32; 8]>,
}

impl Profile {
    /// Joins the parts of a profile.
    pub(crate) fn icc(parts: &[&[u8]]) -> Result<Self, Refusal> {
        let bytes = parts.iter().map(|part| part.len()).sum();
        if bytes > BYTES_MAX { Err(too_large(bytes)) } else { Ok(Self::Icc(parts.concat())) }
    }

    /// Unpacks a profile that is packed as zlib does it (RFC 1950).
    pub(crate) fn inflated(packed: &[u8]) -> Result<Self, Refusal> {
        match decompress_to_vec_zlib_with_limit(packed, BYTES_MAX) {
            Ok(icc) => Ok(Self::Icc(icc)),
            Err(error) if error.status == TINFLStatus::HasMoreOutput => Err(too_large(BYTES_MAX + 1)),
            Err(_) => Err(damaged()),
        }
    }

    /// What of it must be heeded: nothing when the picture looks the same without it.
    ///
    /// # Errors
    ///
    /// It is not read here, or not for such a picture.
    pub(crate) fn heeded(self, model: Model) -> Result<Option<Self>, Refusal> {
        let space = self.space()?;
        if !model.is_described_by(space.model()) {
            let (of, picture) = (space.model(), model);
            return Err(Refusal::profile(format!("is for a {of} picture, and this one is {picture}")));
        }
        if space.is_srgb() {
            return Ok(None);
        }
        // So that it fails here, before the photo is taken, and not when it is drawn.
        space.conversion().map(|_| Some(self))
    }

    /// What it says.
    pub(crate) fn space(&self) -> Result<Space, Refusal> {
        match self {
            Self::Icc(icc) => Space::of_icc(&icc::essence(icc).ok_or_else(damaged)?),
            Self::Cicp { primaries, transfer } => cicp(*primaries, *transfer).and_then(Space::of),
            Self::Gamma(gamma) => gamma.colours().and_then(Space::of),
        }
    }

    /// An upper bound of the bytes that a conversion from it takes.
    pub(crate) fn bytes(&self) -> u64 {
        /// Curves and tables for all colours, while they are made.
        const TABLES: u64 = 8 << 20;
        match self {
            // A copy, its tags as they were read, and the entries of its table as four bytes each, twice.
            Self::Icc(icc) => 10 * icc.len() as u64 + TABLES,
            Self::Cicp { .. } | Self::Gamma(_) => TABLES,
        }
    }
}

fn too_large(bytes: usize) -> Refusal {
    let [bytes, max] = [bytes, BYTES_MAX].map(|bytes| refusal::size(bytes as u64));
    Refusal::profile(format!("has {bytes}, more than the {max} allowed"))
}

pub(crate) fn damaged() -> Refusal {
    Refusal::profile("is damaged")
}

pub(crate) fn unknown() -> Refusal {
    Refusal::profile("is of a kind that is not read here")
}

/// Where a number says that nothing is known, everybody assumes sRGB's.
fn cicp(primaries: u8, transfer: u8) -> Result<ColorProfile, Refusal> {
    const UNSPECIFIED: u8 = 2;
    const SRGB: (u8, u8) = (1, 13);
    let known = |number, srgb| if number == UNSPECIFIED { srgb } else { number };
    let (primaries, transfer) = (known(primaries, SRGB.0), known(transfer, SRGB.1));
    // What they call white is a hundred times brighter than a page, and what to do about that is a matter of taste.
    const PQ: u8 = 16;
    const HLG: u8 = 18;
    if matches!(transfer, PQ | HLG) {
        return Err(Refusal::profile("is one of high dynamic range"));
    }
    let color_primaries = CicpColorPrimaries::try_from(primaries).map_err(|_| unknown())?;
    let transfer_characteristics = TransferCharacteristics::try_from(transfer).map_err(|_| unknown())?;
    let matrix_coefficients = MatrixCoefficients::Identity;
    let cicp = CicpProfile { color_primaries, transfer_characteristics, matrix_coefficients, full_range: true };
    let mut colours = ColorProfile::new_srgb();
    (colours.red_trc, colours.cicp) = (None, None);
    // It answers nothing of use: where it knows a number not, it leaves a curve or the numbers out.
    colours.update_rgb_colorimetry_from_cicp(cicp);
    if colours.cicp.is_none() || colours.red_trc.is_none() { Err(unknown()) } else { Ok(colours) }
}

impl Gamma {
    fn colours(&self) -> Result<ColorProfile, Refusal> {
        let mut colours = ColorProfile::new_srgb();
        let chromaticities = self.chromaticities.filter(|it| !is_near(it, &SRGB_CHROMATICITIES));
        let is_srgbs = |power: &u32| chromaticities.is_none() && is_near(&[*power], &[SRGB_POWER]);
        if let Some(chromaticities) = chromaticities {
            let [white, red, green, blue] = lights(chromaticities).ok_or_else(damaged)?;
            colours.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
        }
        if let Some(power) = self.power.filter(|power| !is_srgbs(power)) {
            if !POWERS.contains(&power) {
                return Err(damaged());
            }
            let curve = ToneReprCurve::Parametric(vec![UNIT / power as f32]);
            colours.cicp = None;
            (colours.red_trc, colours.green_trc, colours.blue_trc) =
                (Some(curve.clone()), Some(curve.clone()), Some(curve));
        }
        Ok(colours)
    }
}

const UNIT: f32 = 100_000.0;
/// From a gamma of 10 to one of a tenth; what is beyond is no picture.
const POWERS: RangeInclusive<u32> = 10_000..=1_000_000;
/// What programs that mean sRGB write beside it or instead of it, as PNG's specification tells them to (11.3.2.5), though sRGB
/// has no such curve. With other chromaticities it is meant.
const SRGB_POWER: u32 = 45_455;
const SRGB_CHROMATICITIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];

/// Makers round differently.
fn is_near(one: &[u32], other: &[u32]) -> bool {
    const ROUNDING: u32 = 100;
    one.iter().zip(other).all(|(one, other)| one.abs_diff(*other) <= ROUNDING)
}

/// `None` where one is none of any light.
fn lights(chromaticities: [u32; 8]) -> Option<[Chromaticity; 4]> {
    let light = |x: u32, y: u32| Chromaticity::new(x as f32 / UNIT, y as f32 / UNIT);
    let are_lights = chromaticities.iter().skip(1).step_by(2).all(|y| *y > 0)
        && chromaticities.iter().all(|number| *number <= UNIT as u32);
    let [wx, wy, rx, ry, gx, gy, bx, by] = chromaticities;
    are_lights.then(|| [light(wx, wy), light(rx, ry), light(gx, gy), light(bx, by)])
}

#[cfg(test)]
mod tests {
    use moxcms::{ToneReprCurve, curve_from_gamma};

    use super::*;
    use crate::light::light_of_srgb;

    fn icc(profile: &ColorProfile) -> Profile {
        Profile::Icc(profile.encode().unwrap())
    }

    fn with_curve(curve: ToneReprCurve) -> Profile {
        let mut profile = ColorProfile::new_srgb();
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
        icc(&profile)
    }

    fn gamma(power: Option<u32>, chromaticities: Option<[u32; 8]>) -> Profile {
        Profile::Gamma(Gamma { power, chromaticities })
    }

    const ADOBE_CHROMATICITIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000];

    #[test]
    fn what_does_what_srgb_does_is_not_heeded() {
        let table = (0..1024).map(|at| (light_of_srgb(f64::from(at) / 1023.0) * 65535.0).round() as u16).collect();
        let same = [
            icc(&ColorProfile::new_srgb()),
            with_curve(ToneReprCurve::Lut(table)),
            Profile::Cicp { primaries: 1, transfer: 13 },
            Profile::Cicp { primaries: 2, transfer: 2 },
            gamma(Some(45_455), None),
            gamma(Some(45_455), Some(SRGB_CHROMATICITIES)),
            gamma(None, Some(SRGB_CHROMATICITIES)),
        ];
        for profile in same {
            assert_eq!(profile.clone().heeded(Model::Rgb), Ok(None), "{profile:?}");
            assert_eq!(profile.clone().heeded(Model::Gray), Ok(None), "{profile:?}");
        }
    }

    #[test]
    fn other_spaces_and_curves_are_heeded() {
        let others = [
            icc(&ColorProfile::new_display_p3()),
            icc(&ColorProfile::new_adobe_rgb()),
            icc(&ColorProfile::new_bt2020()),
            // A plain gamma is darker in the shadows.
            with_curve(curve_from_gamma(2.2)),
            Profile::Cicp { primaries: 12, transfer: 13 },
            Profile::Cicp { primaries: 1, transfer: 8 },
            gamma(Some(100_000), None),
            gamma(Some(45_455), Some(ADOBE_CHROMATICITIES)),
            gamma(None, Some(ADOBE_CHROMATICITIES)),
        ];
        for profile in others {
            assert_eq!(profile.clone().heeded(Model::Rgb), Ok(Some(profile.clone())), "{profile:?}");
        }
    }

    #[test]
    fn a_profile_for_other_pixels_is_refused() {
        let gray = icc(&ColorProfile::new_gray_with_gamma(1.8));
        assert_eq!(gray.clone().heeded(Model::Gray), Ok(Some(gray.clone())));
        let sentence = |profile: Profile, model| profile.heeded(model).unwrap_err().to_string();
        assert_eq!(
            sentence(gray, Model::Rgb),
            "the picture's colour profile is for a gray picture, and this one is RGB: save it again as an ordinary JPEG in sRGB"
        );
        let p3 = icc(&ColorProfile::new_display_p3());
        assert!(sentence(p3, Model::Cmyk).contains("is for a RGB picture, and this one is CMYK"));
    }

    #[test]
    fn numbers_that_no_picture_has_are_refused() {
        for transfer in [16, 18] {
            let refused = Profile::Cicp { primaries: 9, transfer }.heeded(Model::Rgb);
            assert_eq!(refused, Err(Refusal::profile("is one of high dynamic range")));
        }
        for (primaries, transfer) in [(0, 13), (1, 0), (1, 255), (200, 13)] {
            assert_eq!(Profile::Cicp { primaries, transfer }.heeded(Model::Rgb), Err(unknown()));
        }
        let on_a_line = [31_270, 32_900, 20_000, 20_000, 30_000, 30_000, 40_000, 40_000];
        let mut dark = SRGB_CHROMATICITIES;
        dark[3] = 0;
        for profile in [
            gamma(Some(0), None),
            gamma(Some(u32::MAX), None),
            gamma(None, Some([0; 8])),
            gamma(None, Some([u32::MAX; 8])),
            gamma(None, Some(on_a_line)),
            gamma(None, Some(dark)),
        ] {
            assert_eq!(profile.clone().heeded(Model::Rgb), Err(damaged()), "{profile:?}");
        }
    }

    #[test]
    fn a_cut_profile_is_damaged() {
        let whole = ColorProfile::new_display_p3().encode().unwrap();
        for end in 0..whole.len() {
            assert_eq!(Profile::Icc(whole[..end].to_vec()).heeded(Model::Rgb), Err(damaged()), "{end}");
        }
        assert_eq!(Profile::Icc(vec![0xFF; 4096]).heeded(Model::Rgb), Err(damaged()));
    }

    #[test]
    fn a_profile_has_its_bytes_at_most() {
        let large = vec![0; BYTES_MAX + 1];
        let sentence = "has 4.1 MiB, more than the 4 MiB allowed";
        assert_eq!(Profile::icc(&[&large]), Err(Refusal::profile(sentence)));
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&large, 1);
        assert_eq!(Profile::inflated(&packed), Err(Refusal::profile(sentence)));
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&large[1..], 1);
        assert_eq!(Profile::inflated(&packed), Ok(Profile::Icc(large[1..].to_vec())));
        assert_eq!(Profile::inflated(&packed[..packed.len() - 1]), Err(damaged()));
    }
}
