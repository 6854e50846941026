//! What pictures are wanted. Knows no photo and makes none.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::warning::Warning;

/// Which part of a photo is kept where a rendition has another shape than the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crop {
    /// The largest face and what is around it; where none is found, what [`Crop::Upper`] keeps.
    Face(FaceCrop),
    /// The middle.
    Center,
    /// The middle from left to right; of the rows to lose, a third is lost above and two thirds below.
    ///
    /// In a portrait of 3:4 made square this puts the usual place of the eyes, two fifths from the top, where it was.
    Upper,
    /// Everything, with the background beside or above and below it.
    None,
}

/// How much is kept around a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceCrop {
    /// The side of the square in sides of the face's box; near an edge of the photo it is less.
    pub zoom: f64,
    /// Where the eyes are, from the top, in sides of the square.
    pub eye_line: f64,
}

impl Default for FaceCrop {
    /// Hairline to chin is 0.63 of the square, eyes are at 58 % of its height: between the measures for identity photos
    /// (ICAO 9303: a head of 70 to 80 %) and those for the square one of the United States (50 to 69 %, eyes at 56 to 69 %).
    fn default() -> Self {
        Self { zoom: 2.0, eye_line: 0.42 }
    }
}

impl Default for Crop {
    fn default() -> Self {
        Self::Face(FaceCrop::default())
    }
}

/// What all renditions of a photo have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Which part is kept.
    pub crop: Crop,
    /// Red, green and blue of what lies behind a transparent photo, and around one that is padded.
    pub background: [u8; 3],
    /// Whether pixels are averaged as light, and not as they are stored.
    pub linear_light: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self::from(Crop::default())
    }
}

impl From<Crop> for Style {
    /// On white, and averaged as stored.
    fn from(crop: Crop) -> Self {
        Self { crop, background: [u8::MAX; 3], linear_light: false }
    }
}

/// How a rendition meets its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// Exactly these sides: cropped to fill them, or with [`Crop::None`] padded; enlarged where the photo is too small.
    Exact,
    /// Within these sides, in the photo's own shape; never cropped and never enlarged.
    AtMost,
}

/// One picture that is wanted; always a JPEG.
///
/// A side of 0 sets no limit: with [`Fit::AtMost`] that side is free; with [`Fit::Exact`] it follows from the other
/// side and the photo's shape, and with both 0 the rendition has the photo's own sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RenditionSpec {
    /// Pixels in a row; 0 for no limit.
    pub width: u32,
    /// Rows; 0 for no limit.
    pub height: u32,
    /// How the sides are met.
    pub fit: Fit,
    /// The most bytes that the JPEG may have.
    pub max_bytes: Option<u64>,
}

/// Everything that is wanted of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// What they have in common.
    pub style: Style,
    /// What a photo is refused for.
    pub reject: BTreeSet<Warning>,
    /// The pictures, in the order in which they are returned; equal ones are made once.
    pub renditions: Vec<RenditionSpec>,
}

impl Recipe {
    /// Whether faces have to be looked for.
    pub(crate) fn needs_faces(&self) -> bool {
        let is_face = matches!(self.style.crop, Crop::Face(_));
        let is_cropped = is_face && self.renditions.iter().any(RenditionSpec::is_cropped);
        is_cropped || self.reject.iter().any(|warning| *warning != Warning::Enlarged)
    }

    /// A recipe that refuses no photo for what a warning says.
    #[must_use]
    pub fn new(style: impl Into<Style>, renditions: Vec<RenditionSpec>) -> Self {
        Self { style: style.into(), reject: BTreeSet::new(), renditions }
    }
}

impl RenditionSpec {
    /// Whether parts of a photo may have to be left out. Where a side is free, all of the photo is shown.
    pub(crate) fn is_cropped(&self) -> bool {
        self.fit == Fit::Exact && self.width > 0 && self.height > 0
    }

    /// A stable text that is equal for two specs exactly when they ask for the same picture.
    ///
    /// It goes into fingerprints, so it does not change between versions. The crop is part of it where it matters:
    /// an [`Fit::AtMost`] rendition is never cropped, and another crop must not send it again. What was added later is part
    /// of it where it is not as it was before.
    #[must_use]
    pub fn canonical(&self, style: &Style) -> String {
        let mut text = format!("jpeg {}x{} {}", self.width, self.height, self.fit);
        if self.fit == Fit::Exact {
            text += &format!(" crop={}", style.crop);
            if let Crop::Face(FaceCrop { zoom, eye_line }) = style.crop {
                text += &format!(" zoom={zoom} eye-line={eye_line}");
            }
        }
        let before = Style::from(style.crop);
        if style.background != before.background {
            let [red, green, blue] = style.background;
            text += &format!(" background={red:02x}{green:02x}{blue:02x}");
        }
        if style.linear_light != before.linear_light {
            text += " linear-light";
        }
        if let Some(max_bytes) = self.max_bytes {
            text += &format!(" max-bytes={max_bytes}");
        }
        text
    }
}

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Face(_) => "face",
            Self::Center => "center",
            Self::Upper => "upper",
            Self::None => "none",
        })
    }
}

impl FromStr for Crop {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::default(), Self::Center, Self::Upper, Self::None];
        all.into_iter()
            .find(|crop| crop.to_string() == word)
            .ok_or_else(|| UnknownWord { word: word.to_owned(), known: "face, center, upper or none" })
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::AtMost => "at-most",
        })
    }
}

impl FromStr for Fit {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Exact, Self::AtMost];
        all.into_iter()
            .find(|fit| fit.to_string() == word)
            .ok_or_else(|| UnknownWord { word: word.to_owned(), known: "exact or at-most" })
    }
}

/// A word that names no [`Crop`], [`Fit`] or [`Warning`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{word}` is not one of {known}")]
pub struct UnknownWord {
    /// What stood there.
    pub word: String,
    /// What may stand there.
    pub known: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for crop in [Crop::default(), Crop::Center, Crop::Upper, Crop::None] {
            assert_eq!(crop.to_string().parse(), Ok(crop));
        }
        for fit in [Fit::Exact, Fit::AtMost] {
            assert_eq!(fit.to_string().parse(), Ok(fit));
        }
        let unknown = "middle".parse::<Crop>().unwrap_err();
        assert_eq!(unknown.to_string(), "`middle` is not one of face, center, upper or none");
    }

    #[test]
    fn faces_are_looked_for_where_something_depends_on_them() {
        let spec = |width, height, fit| RenditionSpec { width, height, fit, max_bytes: None };
        let needs = |crop: Crop, reject: &[Warning], spec: RenditionSpec| {
            let reject = reject.iter().copied().collect();
            Recipe { reject, ..Recipe::new(crop, vec![spec]) }.needs_faces()
        };
        let cropped = spec(200, 200, Fit::Exact);
        assert!(needs(Crop::default(), &[], cropped.clone()));
        assert!(needs(Crop::Center, &[Warning::Dark], cropped.clone()));
        assert!(needs(Crop::default(), &[Warning::NoFace], spec(200, 200, Fit::AtMost)));
        for whole in [spec(200, 200, Fit::AtMost), spec(200, 0, Fit::Exact), spec(0, 200, Fit::Exact)] {
            assert!(!needs(Crop::default(), &[Warning::Enlarged], whole));
        }
        assert!(!needs(Crop::Upper, &[], cropped));
    }

    #[test]
    fn the_canonical_text_is_fixed() {
        let mut spec = RenditionSpec { width: 200, height: 200, fit: Fit::Exact, max_bytes: Some(2048) };
        assert_eq!(spec.canonical(&Crop::Upper.into()), "jpeg 200x200 exact crop=upper max-bytes=2048");
        let face = Style { background: [255, 0, 16], linear_light: true, ..Style::default() };
        let expected =
            "jpeg 200x200 exact crop=face zoom=2 eye-line=0.42 background=ff0010 linear-light max-bytes=2048";
        assert_eq!(spec.canonical(&face), expected);
        spec = RenditionSpec { width: 2048, height: 0, fit: Fit::AtMost, max_bytes: None };
        assert_eq!(spec.canonical(&Crop::Upper.into()), "jpeg 2048x0 at-most");
        assert_eq!(spec.canonical(&Style::default()), spec.canonical(&Crop::Upper.into()));
    }
}
