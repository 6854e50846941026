//! What pictures are wanted. Knows no photo and makes none.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which part of a photo is kept where a rendition has another shape than the photo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Crop {
    /// The middle.
    #[default]
    Center,
    /// The middle from left to right; of the rows to lose, a third is lost above and two thirds below.
    ///
    /// In a portrait of 3:4 made square this puts the usual place of the eyes, two fifths from the top, where it was.
    Upper,
    /// Everything, with white beside or above and below it.
    None,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// Which part is kept.
    pub crop: Crop,
    /// The pictures, in the order in which they are returned; equal ones are made once.
    pub renditions: Vec<RenditionSpec>,
}

impl RenditionSpec {
    /// A stable text that is equal for two specs exactly when they ask for the same picture.
    ///
    /// It goes into fingerprints, so it does not change between versions. The crop is part of it where it matters:
    /// an [`Fit::AtMost`] rendition is never cropped, and another crop must not send it again.
    #[must_use]
    pub fn canonical(&self, crop: Crop) -> String {
        let mut text = format!("jpeg {}x{} {}", self.width, self.height, self.fit);
        if self.fit == Fit::Exact {
            text += &format!(" crop={crop}");
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
            Self::Center => "center",
            Self::Upper => "upper",
            Self::None => "none",
        })
    }
}

impl FromStr for Crop {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Center, Self::Upper, Self::None];
        all.into_iter()
            .find(|crop| crop.to_string() == word)
            .ok_or_else(|| UnknownWord { word: word.to_owned(), known: "center, upper or none" })
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

/// A word that names no [`Crop`] or [`Fit`].
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
        for crop in [Crop::Center, Crop::Upper, Crop::None] {
            assert_eq!(crop.to_string().parse(), Ok(crop));
        }
        for fit in [Fit::Exact, Fit::AtMost] {
            assert_eq!(fit.to_string().parse(), Ok(fit));
        }
        let unknown = "middle".parse::<Crop>().unwrap_err();
        assert_eq!(unknown.to_string(), "`middle` is not one of center, upper or none");
    }

    #[test]
    fn the_canonical_text_is_fixed() {
        let mut spec = RenditionSpec { width: 200, height: 200, fit: Fit::Exact, max_bytes: Some(2048) };
        assert_eq!(spec.canonical(Crop::Upper), "jpeg 200x200 exact crop=upper max-bytes=2048");
        spec = RenditionSpec { width: 2048, height: 0, fit: Fit::AtMost, max_bytes: None };
        assert_eq!(spec.canonical(Crop::Upper), "jpeg 2048x0 at-most");
        assert_eq!(spec.canonical(Crop::Center), spec.canonical(Crop::Upper));
    }
}
