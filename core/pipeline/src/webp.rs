//! Walks through the chunks of a WebP (RFC 9649) and reads the sides of its picture. Decodes nothing.

use std::ops::Range;

use crate::cursor::Cursor;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::source::{Coding, Format, Found, Whole};
use crate::space::Model;

/// Bits of the extended header (RFC 9649, section 2.7).
const ANIMATION: u8 = 0b0000_0010;
const ALPHA: u8 = 0b0001_0000;

/// A still picture has at most six kinds of chunk; unknown ones may be added.
const CHUNKS_MAX: usize = 1 << 10;

/// A copy that reserved its space and then stopped leaves zeros, which no sum gives away. Compressed data ends in so many
/// only where some hundred thousand pixels are alike.
const UNWRITTEN: [u8; 128] = [0; 128];

/// Whether the file begins as a WebP does.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
}

/// Walks to the end that the container names. Animations are refused: nobody is meant to blink on a badge.
pub(crate) fn walk(bytes: &[u8]) -> Result<Found, Refusal> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(4)?;
    let length = cursor.u32_le()? as usize;
    cursor.take(length)?;
    Walk::over(&bytes[..cursor.at()])
}

/// Makes a container whole again from which chunks were left out: its length, and its list of what it holds.
pub(crate) fn mend(kept: &mut [u8]) {
    let length = u32::try_from(kept.len().saturating_sub(8)).expect("a part is no longer than the whole");
    kept[4..8].copy_from_slice(&length.to_le_bytes());
    if kept.get(12..16) == Some(b"VP8X") {
        kept[20] &= ALPHA;
    }
}

#[derive(Default)]
struct Walk {
    canvas: Option<(u32, u32)>,
    picture: Option<(u32, u32)>,
    exif: Option<Range<usize>>,
    profile: Option<Profile>,
    keep: Vec<Range<usize>>,
}

impl Walk {
    fn over(whole: &[u8]) -> Result<Found, Refusal> {
        let mut cursor = Cursor::new(whole);
        cursor.take(HEADER_BYTES)?;
        let mut walk = Self::default();
        walk.keep.push(0..HEADER_BYTES);
        for _ in 0..CHUNKS_MAX {
            if cursor.rest().is_empty() {
                return walk.finish(whole.len());
            }
            walk.chunk(&mut cursor)?;
        }
        Err(Refusal::damaged(format!("more than {CHUNKS_MAX} chunks")))
    }

    fn chunk(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        let from = cursor.at();
        let name = cursor.array::<4>()?;
        let length = cursor.u32_le()? as usize;
        let data = cursor.take(length)?;
        // A profile stands before the picture, and may well end in zeros.
        if name == [0; 4] || (name != *b"ICCP" && data.ends_with(&UNWRITTEN)) {
            return Err(Refusal::Cut);
        }
        let end = cursor.at();
        // Chunks have even lengths; the last one's fill byte is forgotten by some programs.
        let fill = (length % 2).min(cursor.rest().len());
        cursor.take(fill)?;
        let keeps = self.read(name, data, from + 8..end)?;
        if keeps {
            self.keep.push(from..cursor.at());
        }
        Ok(())
    }

    /// Whether the decoder needs the chunk.
    fn read(&mut self, name: [u8; 4], data: &[u8], place: Range<usize>) -> Result<bool, Refusal> {
        match &name {
            b"VP8X" => self.canvas = Some(canvas(data)?),
            b"VP8 " if self.picture.is_none() => self.picture = Some(lossy(data)?),
            b"VP8L" if self.picture.is_none() => self.picture = Some(lossless(data)?),
            b"VP8 " | b"VP8L" => return Err(Refusal::damaged("two pictures in one")),
            b"ANIM" | b"ANMF" => return Err(animated()),
            b"ALPH" => {}
            b"EXIF" if self.exif.is_none() => {
                self.exif = Some(without_prefix(data, place));
                return Ok(false);
            }
            b"ICCP" if self.profile.is_none() => {
                self.profile = Some(Profile::icc(&[data])?);
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self, end: usize) -> Result<Found, Refusal> {
        let sides = self.picture.ok_or_else(|| Refusal::damaged("no picture in it"))?;
        if self.canvas.is_some_and(|canvas| canvas != sides) {
            return Err(Refusal::damaged("two different sizes"));
        }
        // Lossless takes 4 bytes a pixel beside a result of up to 4 (7 were measured in all), lossy 1.5; then 4 on white.
        let whole = Whole { bytes: u64::from(sides.0) * u64::from(sides.1) * 12 };
        let Self { keep, profile, exif, .. } = self;
        Ok(Found { coding: Coding::WebP(whole), sides, keep, model: Model::Rgb, profile, exif, end })
    }
}

const HEADER_BYTES: usize = 12;

/// Some programs put the prefix of a JPEG's segment before the EXIF data.
fn without_prefix(data: &[u8], place: Range<usize>) -> Range<usize> {
    const PREFIX: &[u8] = b"Exif\0\0";
    let skipped = if data.starts_with(PREFIX) { PREFIX.len() } else { 0 };
    place.start + skipped..place.end
}

fn animated() -> Refusal {
    Refusal::Unsupported { format: Format::WebP, form: "animated" }
}

/// The extended header: flags, and the sides less one in three bytes each.
fn canvas(data: &[u8]) -> Result<(u32, u32), Refusal> {
    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = Cursor::new(data).array()?;
    match flags & ANIMATION {
        0 => Ok((1 + u32::from_le_bytes([w0, w1, w2, 0]), 1 + u32::from_le_bytes([h0, h1, h2, 0]))),
        _ => Err(animated()),
    }
}

/// A key frame of VP8 (RFC 6386, section 9.1) of which the first partition is there.
fn lossy(data: &[u8]) -> Result<(u32, u32), Refusal> {
    let mut frame = Cursor::new(data);
    let [tag @ .., s0, s1, s2, w0, w1, h0, h1] = frame.array::<10>()?;
    let tag = u32::from_le_bytes([tag[0], tag[1], tag[2], 0]);
    let sides = [[w0, w1], [h0, h1]].map(|side| u32::from(u16::from_le_bytes(side) & 0x3FFF));
    frame.take((tag >> 5) as usize)?;
    match (tag & 1, [s0, s1, s2], sides) {
        (0, [0x9D, 0x01, 0x2A], [width, height]) if width > 0 && height > 0 => Ok((width, height)),
        _ => Err(Refusal::damaged("an impossible header")),
    }
}

/// The header of lossless data (RFC 9649, section 3.4): a signature, then the sides less one in 14 bits each.
fn lossless(data: &[u8]) -> Result<(u32, u32), Refusal> {
    let mut header = Cursor::new(data);
    let signature = header.byte()?;
    let bits = header.u32_le()?;
    match (signature, bits >> 29) {
        (0x2F, 0) => Ok((1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))),
        _ => Err(Refusal::damaged("an impossible header")),
    }
}
