//! What the components of a picture mean, and how they become gray, colours or inks.

use super::header::Frame;
use crate::space::Model;

/// What the components are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    Gray,
    /// Brightness, and how much bluer and redder (JFIF; Rec. ITU-R BT.601, full range).
    Ycc,
    Rgb,
    /// Cyan, magenta, yellow and black; 255 is full ink.
    Cmyk,
    /// The same where 255 is no ink, as Adobe's programs write it.
    InvertedCmyk,
    /// As `InvertedCmyk`, with the three colours as brightness and two differences.
    Ycck,
}

impl Colours {
    /// As libjpeg and with it everybody decides: JFIF says one thing only, Adobe's segment says it in a byte, and otherwise
    /// components that are named after their colours are those.
    pub(super) fn of(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Self {
        match (frame.components.as_slice(), adobe) {
            ([_], _) => Self::Gray,
            ([_, _, _], _) if jfif => Self::Ycc,
            ([_, _, _], Some(0)) => Self::Rgb,
            ([r, g, b], None) if [r.id, g.id, b.id] == *b"RGB" => Self::Rgb,
            ([_, _, _], _) => Self::Ycc,
            (_, None) => Self::Cmyk,
            (_, Some(2)) => Self::Ycck,
            (_, Some(_)) => Self::InvertedCmyk,
        }
    }

    /// What their samples are once they are joined.
    pub(crate) fn model(self) -> Model {
        match self {
            Self::Gray => Model::Gray,
            Self::Ycc | Self::Rgb => Model::Rgb,
            Self::Cmyk | Self::InvertedCmyk | Self::Ycck => Model::Cmyk,
        }
    }

    /// Joins planes of one size into pixels of the model; 255 is all light, or full ink.
    pub(crate) fn join(self, planes: &[Vec<u8>]) -> Vec<u8> {
        match (self, planes) {
            (Self::Gray, [gray]) => gray.clone(),
            (Self::Ycc, [y, cb, cr]) => three(y, cb, cr).flat_map(from_ycc).collect(),
            (Self::Rgb, [r, g, b]) => three(r, g, b).flatten().collect(),
            (Self::Cmyk, [c, m, y, k]) => with_black(three(c, m, y), k.iter().copied()),
            (Self::InvertedCmyk, [c, m, y, k]) => {
                with_black(three(c, m, y).map(inverted), k.iter().map(|light| !light))
            }
            (Self::Ycck, [y, cb, cr, k]) => with_black(three(y, cb, cr).map(from_ycc), k.iter().map(|light| !light)),
            _ => Vec::new(),
        }
    }
}

fn three<'a>(a: &'a [u8], b: &'a [u8], c: &'a [u8]) -> impl Iterator<Item = [u8; 3]> + 'a {
    a.iter().zip(b).zip(c).map(|((a, b), c)| [*a, *b, *c])
}

/// JFIF 1.02, "Conversion to and from RGB", in steps of 1/65536.
#[inline(always)]
fn from_ycc([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = ((i32::from(y) << 16) + (1 << 15), i32::from(cb) - 128, i32::from(cr) - 128);
    let clamped = |value: i32| (value >> 16).clamp(0, 255) as u8;
    [clamped(y + 91_881 * cr), clamped(y - 22_554 * cb - 46_802 * cr), clamped(y + 116_130 * cb)]
}

fn inverted(values: [u8; 3]) -> [u8; 3] {
    values.map(|value| !value)
}

fn with_black(inks: impl Iterator<Item = [u8; 3]>, black: impl Iterator<Item = u8>) -> Vec<u8> {
    inks.zip(black).flat_map(|([c, m, y], k)| [c, m, y, k]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::header::Component;
    use super::*;

    fn frame(ids: &[u8]) -> Frame {
        let component = |id: &u8| Component { id: *id, across: 1, down: 1, table: 0 };
        Frame { width: 8, height: 8, progressive: false, components: ids.iter().map(component).collect() }
    }

    #[test]
    fn what_components_are_is_told_by_jfif_then_by_adobe_then_by_their_names() {
        let cases = [
            (&[1][..], false, Some(0), Colours::Gray),
            (&[1, 2, 3], false, None, Colours::Ycc),
            (b"RGB", false, None, Colours::Rgb),
            (b"RGB", true, None, Colours::Ycc),
            (b"RGB", false, Some(1), Colours::Ycc),
            (&[1, 2, 3], false, Some(0), Colours::Rgb),
            (&[1, 2, 3], true, Some(0), Colours::Ycc),
            (&[1, 2, 3, 4], false, None, Colours::Cmyk),
            (&[1, 2, 3, 4], false, Some(0), Colours::InvertedCmyk),
            (&[1, 2, 3, 4], false, Some(2), Colours::Ycck),
        ];
        for (ids, jfif, adobe, colours) in cases {
            assert_eq!(Colours::of(&frame(ids), jfif, adobe), colours, "{ids:?} {jfif} {adobe:?}");
        }
    }
}
