//! What a PNG's chunks say of its colours (W3C PNG, third edition, 11.3.2), and which of them counts.

use crate::cursor::Cursor;
use crate::profile::{Gamma, Profile, damaged, unknown};
use crate::refusal::Refusal;

/// The first chunk of each kind.
#[derive(Default)]
pub(super) struct Colours<'a> {
    cicp: Option<&'a [u8]>,
    icc: Option<&'a [u8]>,
    is_srgb: bool,
    gamma: Option<&'a [u8]>,
    chromaticities: Option<&'a [u8]>,
}

impl<'a> Colours<'a> {
    /// Notes a chunk, if it is one of these.
    pub(super) fn note(&mut self, name: &[u8; 4], data: &'a [u8]) {
        let kind = match name {
            b"cICP" => &mut self.cicp,
            b"iCCP" => &mut self.icc,
            b"gAMA" => &mut self.gamma,
            b"cHRM" => &mut self.chromaticities,
            b"sRGB" => return self.is_srgb = true,
            _ => return,
        };
        kind.get_or_insert(data);
    }

    /// What the highest of them says (table 8 in 5.6 orders them).
    pub(super) fn profile(&self) -> Result<Option<Profile>, Refusal> {
        match self {
            Self { cicp: Some(numbers), .. } => cicp(numbers).map(Some),
            Self { icc: Some(named), .. } => icc(named).map(Some),
            Self { is_srgb: true, .. } | Self { gamma: None, chromaticities: None, .. } => Ok(None),
            Self { gamma, chromaticities, .. } => {
                let power = gamma.map(numbers::<1>).transpose()?.map(|[power]| power);
                let chromaticities = chromaticities.map(numbers).transpose()?;
                Ok(Some(Profile::Gamma(Gamma { power, chromaticities })))
            }
        }
    }
}

/// Primaries, transfer, and what only video has otherwise: no matrix, and the full range.
fn cicp(numbers: &[u8]) -> Result<Profile, Refusal> {
    match *numbers {
        [primaries, transfer, 0, 1] => Ok(Profile::Cicp { primaries, transfer }),
        [_, _, _, _] => Err(unknown()),
        _ => Err(damaged()),
    }
}

/// A name that ends with a zero, how the profile is packed, of which there is one way, and the profile.
fn icc(named: &[u8]) -> Result<Profile, Refusal> {
    let end = named.iter().position(|byte| *byte == 0).ok_or_else(damaged)?;
    match &named[end + 1..] {
        [0, packed @ ..] => Profile::inflated(packed),
        _ => Err(damaged()),
    }
}

fn numbers<const COUNT: usize>(data: &[u8]) -> Result<[u32; COUNT], Refusal> {
    let mut cursor = Cursor::new(data);
    let mut numbers = [0; COUNT];
    for number in &mut numbers {
        *number = cursor.u32().map_err(|_| damaged())?;
    }
    Ok(numbers)
}
