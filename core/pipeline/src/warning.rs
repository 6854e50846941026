//! What a person should know of a photo though pictures can be made of it.

use std::fmt;
use std::str::FromStr;

use crate::recipe::UnknownWord;

/// What is odd about a photo. A recipe may refuse photos for it.
///
/// What is said of a face is known only where faces are looked for: where a rendition is cropped to one, or where a recipe
/// refuses photos for what is said of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// No face was found.
    NoFace,
    /// There is a second face with at least half of the largest one's side.
    SeveralFaces,
    /// The face's box has fewer pixels on a side than a small avatar.
    FaceSmall,
    /// The face is dark.
    Dark,
    /// The face shows no detail.
    Blurred,
    /// A rendition has more pixels than the part of the photo that it shows.
    Enlarged,
}

impl Warning {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::NoFace, Self::SeveralFaces, Self::FaceSmall, Self::Dark, Self::Blurred, Self::Enlarged];

    /// What it means, as a sentence without its end.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoFace => "no face was found in the picture",
            Self::SeveralFaces => "there are several faces in the picture, and the largest one counts",
            Self::FaceSmall => "the face is very small",
            Self::Dark => "the face is very dark",
            Self::Blurred => "the face is blurred",
            Self::Enlarged => "the part of the picture that is shown had to be enlarged",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoFace => "no-face",
            Self::SeveralFaces => "several-faces",
            Self::FaceSmall => "face-small",
            Self::Dark => "dark",
            Self::Blurred => "blurred",
            Self::Enlarged => "enlarged",
        })
    }
}

impl FromStr for Warning {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|warning| warning.to_string() == word).ok_or_else(|| UnknownWord {
            word: word.to_owned(),
            known: "no-face, several-faces, face-small, dark, blurred or enlarged",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for warning in Warning::ALL {
            assert_eq!(warning.to_string().parse(), Ok(warning));
        }
        assert!("ugly".parse::<Warning>().is_err());
    }
}
