//! From the samples of HEVC, of 8 to 16 bits and with room below black and above white or none, to those of a JPEG.

/// What each value of a sample becomes.
pub(super) struct Levels(Vec<u8>);

impl Levels {
    /// For brightness (ITU-T H.273, 8.3, equations 20 to 29).
    pub(super) fn of_luma(bits: u8, full_range: bool) -> Self {
        let unit = f64::from(1_u32 << (bits - 8));
        let (black, span) = if full_range { (0.0, highest(bits)) } else { (16.0 * unit, 219.0 * unit) };
        Self::new(bits, |value| (value - black) / span * 255.0)
    }

    /// For differences of colour, of which the middle is none.
    pub(super) fn of_chroma(bits: u8, full_range: bool) -> Self {
        let unit = f64::from(1_u32 << (bits - 8));
        let span = if full_range { highest(bits) } else { 224.0 * unit };
        Self::new(bits, |value| (value - 128.0 * unit) / span * 255.0 + 128.0)
    }

    fn new(bits: u8, level: impl Fn(f64) -> f64) -> Self {
        Self((0..1_u32 << bits).map(|value| level(f64::from(value)).round() as u8).collect())
    }

    /// A sample that has more bits than were said is as bright as can be.
    pub(super) fn of(&self, sample: u16) -> u8 {
        self.0.get(usize::from(sample)).copied().unwrap_or(u8::MAX)
    }
}

fn highest(bits: u8) -> f64 {
    f64::from((1_u32 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_in_full_range_stay_as_they_are() {
        for levels in [Levels::of_luma(8, true), Levels::of_chroma(8, true)] {
            assert!((0..=255).all(|value| levels.of(value.into()) == value));
        }
    }

    #[test]
    fn black_white_and_no_colour_are_where_they_belong() {
        for (bits, unit) in [(8, 1), (10, 4), (12, 16)] {
            let (luma, chroma) = (Levels::of_luma(bits, false), Levels::of_chroma(bits, false));
            assert_eq!([0, 16, 235, 255].map(|value| luma.of(value * unit)), [0, 0, 255, 255]);
            assert_eq!([16, 128, 240].map(|value| chroma.of(value * unit)), [1, 128, 255]);
            assert_eq!(Levels::of_luma(bits, true).of(256 * unit - 1), 255);
            assert_eq!(Levels::of_chroma(bits, true).of(128 * unit), 128);
        }
    }
}
