//! Colour profiles (ICC.1): whether one says what everybody assumes without it.

use std::panic::catch_unwind;

use moxcms::{ColorProfile, DataColorSpace, ToneReprCurve, Xyzd};

/// Whether a profile is sRGB's, by what it does and not by its name: then a picture looks the same without it.
pub(crate) fn is_srgb(icc: &[u8]) -> bool {
    // A profile comes out of the drop folder, and no answer of its reader is worth a photo.
    let profile = catch_unwind(|| ColorProfile::new_from_slice(icc).ok()).ok().flatten();
    profile.is_some_and(|profile| same_colours(&profile) && same_curves(&profile))
}

fn same_colours(profile: &ColorProfile) -> bool {
    /// Makers round differently; other colour spaces are 0.04 off and more.
    const ROUNDING: f64 = 0.003;
    let near = |a: Xyzd, b: Xyzd| [a.x - b.x, a.y - b.y, a.z - b.z].iter().all(|off| off.abs() < ROUNDING);
    let srgb = ColorProfile::new_srgb();
    let has_tables = profile.lut_a_to_b_perceptual.is_some() || profile.lut_a_to_b_colorimetric.is_some();
    profile.color_space == DataColorSpace::Rgb
        && !has_tables
        && near(profile.red_colorant, srgb.red_colorant)
        && near(profile.green_colorant, srgb.green_colorant)
        && near(profile.blue_colorant, srgb.blue_colorant)
}

fn same_curves(profile: &ColorProfile) -> bool {
    [&profile.red_trc, &profile.green_trc, &profile.blue_trc]
        .into_iter()
        .all(|curve| curve.as_ref().is_some_and(is_srgbs))
}

/// Within half a level of 256 at each of them, where a level is smallest: in the light that it stands for.
fn is_srgbs(curve: &ToneReprCurve) -> bool {
    let Ok(evaluator) = curve.make_linear_evaluator() else { return false };
    (0..=255).all(|level| {
        let (lower, upper) = (srgb(f64::from(level) - 0.5), srgb(f64::from(level) + 0.5));
        let light = f64::from(evaluator.evaluate_value(level as f32 / 255.0));
        (lower..=upper).contains(&light)
    })
}

/// IEC 61966-2-1: from a level of 256 to light.
fn srgb(level: f64) -> f64 {
    let value = level / 255.0;
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_curve(curve: ToneReprCurve) -> Vec<u8> {
        let mut profile = ColorProfile::new_srgb();
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
        profile.encode().unwrap()
    }

    #[test]
    fn srgb_is_known_by_formula_and_by_table() {
        assert!(is_srgb(&ColorProfile::new_srgb().encode().unwrap()));
        let table = (0..1024).map(|at| (srgb(f64::from(at) / 1023.0 * 255.0) * 65535.0).round() as u16).collect();
        assert!(is_srgb(&with_curve(ToneReprCurve::Lut(table))));
    }

    #[test]
    fn other_spaces_and_curves_are_not() {
        let others = [ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb(), ColorProfile::new_bt2020()];
        for other in others {
            assert!(!is_srgb(&other.encode().unwrap()));
        }
        assert!(!is_srgb(&with_curve(ToneReprCurve::Parametric(vec![2.2]))), "a plain gamma is darker in the shadows");
        assert!(!is_srgb(&ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()));
    }

    #[test]
    fn what_is_no_profile_is_not() {
        let whole = ColorProfile::new_srgb().encode().unwrap();
        for end in 0..whole.len() / 2 {
            assert!(!is_srgb(&whole[..end]), "{end}");
        }
        assert!(!is_srgb(&[0xFF; 4096]));
    }
}
