//! Finds the orientation in EXIF data, which is a TIFF structure (TIFF 6.0, section 2). Reads nothing else of it.

use crate::orientation::Orientation;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const ENTRY_BYTES: usize = 12;

/// The structure has offsets or counts that lead out of it, or an orientation that does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The orientation that the first directory names; upright where it names none.
///
/// 0 is not a value of the tag, but several programs write it for "unknown".
pub(crate) fn orientation(tiff: &[u8]) -> Result<Orientation, Malformed> {
    let tiff = Tiff::new(tiff)?;
    let directory = tiff.u32(4)? as usize;
    let count = usize::from(tiff.u16(directory)?);
    for index in 0..count {
        let entry = directory.checked_add(2 + index * ENTRY_BYTES).ok_or(Malformed)?;
        if tiff.u16(entry)? == ORIENTATION {
            return tiff.orientation_of(entry);
        }
    }
    Ok(Orientation::Upright)
}

/// EXIF data with its byte order.
struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Tiff<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let big_endian = match bytes.get(..4) {
            Some(b"MM\0\x2a") => true,
            Some(b"II\x2a\0") => false,
            _ => return Err(Malformed),
        };
        Ok(Self { bytes, big_endian })
    }

    fn orientation_of(&self, entry: usize) -> Result<Orientation, Malformed> {
        let value = match self.u16(entry + 2)? {
            SHORT => u32::from(self.u16(entry + 8)?),
            LONG => self.u32(entry + 8)?,
            _ => return Err(Malformed),
        };
        match value {
            0 => Ok(Orientation::Upright),
            _ => u16::try_from(value).ok().and_then(Orientation::from_tag).ok_or(Malformed),
        }
    }

    fn u16(&self, at: usize) -> Result<u16, Malformed> {
        let bytes = self.array(at)?;
        Ok(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Result<u32, Malformed> {
        let bytes = self.array(at)?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Malformed> {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.get(..N)).ok_or(Malformed)?;
        bytes.try_into().map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(value: u8) -> Vec<u8> {
        [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[value, 0, 0]].concat()
    }

    fn little(value: u8) -> Vec<u8> {
        [b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[value, 0, 0, 0]].concat()
    }

    #[test]
    fn both_byte_orders_are_read() {
        for value in 1..=8 {
            let expected = Ok(Orientation::from_tag(u16::from(value)).unwrap());
            assert_eq!(orientation(&big(value)), expected);
            assert_eq!(orientation(&little(value)), expected);
        }
    }

    #[test]
    fn zero_means_unknown_and_nine_is_wrong() {
        assert_eq!(orientation(&big(0)), Ok(Orientation::Upright));
        assert_eq!(orientation(&big(9)), Err(Malformed));
    }

    #[test]
    fn every_cut_is_malformed_and_none_panics() {
        let whole = big(6);
        for end in 0..20 {
            assert_eq!(orientation(&whole[..end]), Err(Malformed), "{end} bytes");
        }
        let outside = b"II\x2a\0\xff\xff\xff\xff".as_slice();
        assert_eq!(orientation(outside), Err(Malformed));
    }
}
