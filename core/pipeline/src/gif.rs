//! Walks through the blocks of a GIF (CompuServe, "Graphics Interchange Format", version 89a) to its trailer. Unpacks nothing.

use std::ops::Range;

use crate::cursor::Cursor;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::source::{Coding, Found, Whole};
use crate::space::Model;

/// The two versions differ in their extensions only.
pub(crate) const SIGNATURES: [&[u8]; 2] = [b"GIF87a", b"GIF89a"];

/// What the first byte of a block says (appendix A).
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;
/// The extension that says which colour of the next picture is clear.
const GRAPHIC_CONTROL: u8 = 0xF9;
/// One that a program has made up, and the name of that with a profile in it (ICC.1, B.5).
const APPLICATION: u8 = 0xFF;
const PROFILE: &[u8] = b"ICCRGBG1012";

/// Whether the file begins as a GIF does.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    SIGNATURES.iter().any(|signature| bytes.starts_with(signature))
}

/// Walks to the trailer, so that what comes after the first picture is known to be whole too. Of an animation the first
/// picture is taken: it is what a page shows while it loads, and what a printer prints.
///
/// Each block takes at least a byte of the file, so there need be no limit to their number.
pub(crate) fn walk(bytes: &[u8]) -> Result<Found, Refusal> {
    let mut cursor = Cursor::new(bytes);
    let mut walk = Walk::begin(&mut cursor)?;
    loop {
        let from = cursor.at();
        match cursor.byte()? {
            EXTENSION => walk.extension(from, &mut cursor)?,
            IMAGE => walk.image(from, &mut cursor)?,
            TRAILER => return walk.finish(from..cursor.at()),
            // Where space was reserved for a copy that stopped, there are zeros.
            0 => return Err(Refusal::Cut),
            _ => return Err(Refusal::damaged("a block of no known kind")),
        }
    }
}

struct Walk {
    /// The canvas.
    sides: (u32, u32),
    has_colours: bool,
    /// What the next picture is told about.
    control: Option<Range<usize>>,
    /// Pixels of the first picture, which may cover a part of the canvas.
    pixels: Option<u64>,
    profile: Option<Profile>,
    keep: Vec<Range<usize>>,
}

impl Walk {
    /// Signature, canvas, and the colours that pictures without their own are in (17 to 19).
    fn begin(cursor: &mut Cursor<'_>) -> Result<Self, Refusal> {
        cursor.take(SIGNATURES[0].len())?;
        let (width, height) = (cursor.u16_le()?, cursor.u16_le()?);
        let [flags, _background, _aspect] = cursor.array()?;
        if width == 0 || height == 0 {
            return Err(Refusal::damaged("an impossible header"));
        }
        let has_colours = skip_colours(flags, cursor)?;
        let keep = std::iter::once(0..cursor.at()).collect();
        let sides = (width.into(), height.into());
        Ok(Self { sides, has_colours, control: None, pixels: None, profile: None, keep })
    }

    /// Comments, metadata and all else that is not for the picture never reaches the decoder (23 to 26).
    fn extension(&mut self, from: usize, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        match cursor.byte()? {
            APPLICATION if self.profile.is_none() => match data(cursor)?.as_slice() {
                [name, parts @ ..] if *name == PROFILE => self.profile = Some(Profile::icc(parts)?),
                _ => {}
            },
            GRAPHIC_CONTROL => {
                data(cursor)?;
                self.control = Some(from..cursor.at());
            }
            _ => drop(data(cursor)?),
        }
        Ok(())
    }

    /// Where a picture lies on the canvas, its own colours, and its data (20 to 22).
    fn image(&mut self, from: usize, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        let [left, top, width, height] = [cursor.u16_le()?, cursor.u16_le()?, cursor.u16_le()?, cursor.u16_le()?];
        let flags = cursor.byte()?;
        let has_colours = skip_colours(flags, cursor)? || self.has_colours;
        let _code_bits = cursor.byte()?;
        data(cursor)?;
        if self.pixels.is_some() {
            return Ok(());
        }
        let inside = |start: u16, length: u16, side: u32| length > 0 && u32::from(start) + u32::from(length) <= side;
        if !inside(left, width, self.sides.0) || !inside(top, height, self.sides.1) {
            return Err(Refusal::damaged("a picture that is not on its canvas"));
        }
        if !has_colours {
            return Err(Refusal::damaged("a picture without colours"));
        }
        self.pixels = Some(u64::from(width) * u64::from(height));
        self.keep.extend(self.control.take());
        self.keep.push(from..cursor.at());
        Ok(())
    }

    fn finish(mut self, trailer: Range<usize>) -> Result<Found, Refusal> {
        let frame = self.pixels.ok_or_else(|| Refusal::damaged("no picture in it"))?;
        let canvas = u64::from(self.sides.0) * u64::from(self.sides.1);
        let end = trailer.end;
        self.keep.push(trailer);
        // Four bytes for each pixel of the canvas; of the picture also the number of its colour.
        let whole = Whole { bytes: 4 * canvas + 5 * frame };
        Ok(Found {
            coding: Coding::Gif(whole),
            sides: self.sides,
            keep: self.keep,
            model: Model::Rgb,
            profile: self.profile,
            exif: None,
            end,
        })
    }
}

/// Passes over a table of colours, if there is one (19 and 21).
fn skip_colours(flags: u8, cursor: &mut Cursor<'_>) -> Result<bool, Refusal> {
    const HAS_COLOURS: u8 = 0x80;
    const SIZE: u8 = 0x07;
    if flags & HAS_COLOURS == 0 {
        return Ok(false);
    }
    cursor.take(3 << ((flags & SIZE) + 1))?;
    Ok(true)
}

/// The pieces of data, each behind its length, up to the empty one (15 and 16).
fn data<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<&'a [u8]>, Refusal> {
    let mut parts = Vec::new();
    loop {
        match cursor.byte()? {
            0 => return Ok(parts),
            length => parts.push(cursor.take(length.into())?),
        }
    }
}
