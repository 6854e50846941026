//! `[photo]`: which photos are taken, and what pictures of them look like.

use std::collections::BTreeSet;

use portraitd_pipeline::{FaceCrop, Warning};
use serde::Deserialize;

use super::values::{self, Bytes, Colour, Pixels};

/// `[photo]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PhotoConfig {
    /// Largest file; 1 KiB to 1 GiB.
    pub(crate) max_bytes: Bytes,
    /// Largest picture; at least `min-side` squared.
    pub(crate) max_pixels: Pixels,
    /// Shortest side of the smallest picture, in pixels; at least 1.
    pub(crate) min_side: u32,
    /// Which part of the picture a rendition of another shape shows.
    pub(crate) crop: Crop,
    /// With `crop = "face"`, the side of the square in sides of the face's box: 1.3 to 10.
    pub(crate) zoom: f64,
    /// With `crop = "face"`, where the eyes are, in sides of the square from its top: 0.2 to 0.8.
    pub(crate) eye_line: f64,
    /// What lies behind a transparent picture and around a padded one.
    pub(crate) background: Colour,
    /// Whether pixels are averaged as light.
    pub(crate) linear_light: bool,
    /// What photos are refused for.
    #[serde(deserialize_with = "values::warnings")]
    pub(crate) reject: BTreeSet<Warning>,
}

impl Default for PhotoConfig {
    fn default() -> Self {
        let FaceCrop { zoom, eye_line } = FaceCrop::default();
        Self {
            max_bytes: Bytes(32 << 20),
            max_pixels: Pixels(120_000_000),
            min_side: 96,
            crop: Crop::Face,
            zoom,
            eye_line,
            background: Colour([u8::MAX; 3]),
            linear_light: false,
            reject: BTreeSet::new(),
        }
    }
}

/// `photo.crop`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Crop {
    /// What is around the largest face; without one, as [`Crop::Upper`].
    Face,
    /// The middle.
    Center,
    /// The middle from side to side, and the upper part.
    Upper,
    /// All of it, on the background.
    None,
}

impl PhotoConfig {
    /// What no single key can know. The first problem, with the key that a person would change.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        let squared = u64::from(self.min_side).pow(2);
        let rules = [
            ("min-side", self.min_side > 0, "must be at least 1".to_owned()),
            (
                "max-pixels",
                self.max_pixels.0 >= squared,
                format!("must be at least {squared} (photo.min-side squared)"),
            ),
            // Chin to hairline is 1.2 boxes high: less than the zoom at one end would cut every face, and beyond the other a
            // face is a dot.
            ("zoom", (1.3..=10.0).contains(&self.zoom), "must be 1.3 to 10".into()),
            ("eye-line", (0.2..=0.8).contains(&self.eye_line), "must be 0.2 to 0.8".into()),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((key, _, problem)) => Err((format!("photo.{key}"), problem)),
            None => Ok(()),
        }
    }

    /// Keys that were set and change nothing, for they are about faces and photos are not cropped to those.
    pub(crate) fn idle_keys(&self) -> Vec<&'static str> {
        let usual = FaceCrop::default();
        let set = [("photo.zoom", self.zoom != usual.zoom), ("photo.eye-line", self.eye_line != usual.eye_line)];
        let idle = set.into_iter().filter(|(_, is_set)| *is_set && self.crop != Crop::Face);
        idle.map(|(key, _)| key).collect()
    }
}
