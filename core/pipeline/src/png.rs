//! Walks through the chunks of a PNG (W3C PNG, third edition, section 5) and checks each one's sum. Inflates nothing.

mod colours;

use std::ops::Range;

use crate::cursor::Cursor;
use crate::refusal::Refusal;
use crate::source::{Coding, Found, Whole};
use crate::space::Model;
use colours::Colours;

pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Photos have some hundreds of data chunks, rarely a thousand.
const CHUNKS_MAX: usize = 1 << 16;

/// Walks to the end chunk. Of an animated PNG the still picture is taken that every viewer falls back to.
pub(crate) fn walk(bytes: &[u8]) -> Result<Found, Refusal> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(SIGNATURE.len())?;
    let mut walk = Walk::new(Header::read(&Chunk::read(&mut cursor)?)?, cursor.at());
    for _ in 0..CHUNKS_MAX {
        let chunk = Chunk::read(&mut cursor)?;
        if &chunk.name == b"IEND" {
            return walk.finish(&chunk);
        }
        walk.chunk(&chunk)?;
    }
    Err(Refusal::damaged(format!("more than {CHUNKS_MAX} chunks")))
}

/// A chunk whose sum was right.
struct Chunk<'a> {
    name: [u8; 4],
    data: &'a [u8],
    /// Where it lies in the file with its length and sum.
    place: Range<usize>,
}

impl<'a> Chunk<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Refusal> {
        let from = cursor.at();
        let length = cursor.u32()?;
        if length > i32::MAX as u32 {
            return Err(Refusal::damaged("a chunk of impossible length"));
        }
        let summed = cursor.take(4 + length as usize)?;
        if crc32fast::hash(summed) != cursor.u32()? {
            return Err(Refusal::damaged("a checksum does not fit"));
        }
        let (name, data) = summed.split_first_chunk().expect("four bytes of the name were taken");
        Ok(Self { name: *name, data, place: from..cursor.at() })
    }
}

struct Walk<'a> {
    header: Header,
    colours: Colours<'a>,
    transparent: bool,
    has_data: bool,
    exif: Option<Range<usize>>,
    keep: Vec<Range<usize>>,
}

impl<'a> Walk<'a> {
    fn new(header: Header, end: usize) -> Self {
        let keep = std::iter::once(0..end).collect();
        Self { header, colours: Colours::default(), transparent: false, has_data: false, exif: None, keep }
    }

    /// Text, profiles and all else that may inflate to any size never reaches the decoder.
    fn chunk(&mut self, chunk: &Chunk<'a>) -> Result<(), Refusal> {
        match &chunk.name {
            b"IHDR" => return Err(Refusal::damaged("two headers")),
            b"IDAT" => self.has_data = true,
            b"tRNS" => self.transparent = true,
            b"PLTE" => {}
            b"eXIf" if self.exif.is_none() => {
                self.exif = Some(chunk.place.start + 8..chunk.place.end - 4);
                return Ok(());
            }
            name => {
                self.colours.note(name, chunk.data);
                return Ok(());
            }
        }
        self.keep(chunk);
        Ok(())
    }

    fn keep(&mut self, chunk: &Chunk<'_>) {
        match self.keep.last_mut() {
            Some(last) if last.end == chunk.place.start => last.end = chunk.place.end,
            _ => self.keep.push(chunk.place.clone()),
        }
    }

    fn finish(mut self, end: &Chunk<'_>) -> Result<Found, Refusal> {
        if !self.has_data {
            return Err(Refusal::damaged("no picture in it"));
        }
        self.keep(end);
        Ok(Found {
            coding: Coding::Png(Whole { bytes: self.header.decoder_bytes(self.transparent) }),
            sides: (self.header.width, self.header.height),
            model: self.header.model(),
            profile: self.colours.profile()?,
            keep: self.keep,
            exif: self.exif,
            end: end.place.end,
        })
    }
}

/// What the header chunk says (11.2.1).
struct Header {
    width: u32,
    height: u32,
    depth: u8,
    colour: Colour,
}

#[derive(Clone, Copy)]
enum Colour {
    Gray,
    Rgb,
    Palette,
    GrayAlpha,
    RgbAlpha,
}

impl Header {
    fn read(chunk: &Chunk<'_>) -> Result<Self, Refusal> {
        if &chunk.name != b"IHDR" || chunk.data.len() != 13 {
            return Err(Refusal::damaged("no header"));
        }
        let mut data = Cursor::new(chunk.data);
        let (width, height) = (data.u32()?, data.u32()?);
        let [depth, colour, compression, filter, interlace] = data.array()?;
        let colour = Colour::read(colour, depth).filter(|_| compression == 0 && filter == 0 && interlace <= 1);
        let sides = 1..=i32::MAX as u32;
        match colour {
            Some(colour) if sides.contains(&width) && sides.contains(&height) => {
                Ok(Self { width, height, depth, colour })
            }
            _ => Err(Refusal::damaged("an impossible header")),
        }
    }

    fn model(&self) -> Model {
        match self.colour {
            Colour::Gray | Colour::GrayAlpha => Model::Gray,
            Colour::Rgb | Colour::Palette | Colour::RgbAlpha => Model::Rgb,
        }
    }

    /// The picture as stored, expanded to whole bytes, and beside it the same with its alpha, in eight bits or in sixteen.
    fn decoder_bytes(&self, transparent: bool) -> u64 {
        let channels = match (self.colour, transparent) {
            (Colour::Gray, false) => 1,
            (Colour::Gray, true) | (Colour::GrayAlpha, _) => 2,
            (Colour::Rgb | Colour::Palette, false) => 3,
            (Colour::Rgb | Colour::Palette, true) | (Colour::RgbAlpha, _) => 4,
        };
        let sample = if self.depth == 16 { 2 } else { 1 };
        u64::from(self.width).saturating_mul(u64::from(self.height)).saturating_mul(sample * (channels + 4))
    }
}

impl Colour {
    fn read(colour: u8, depth: u8) -> Option<Self> {
        Some(match (colour, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Self::Gray,
            (2, 8 | 16) => Self::Rgb,
            (3, 1 | 2 | 4 | 8) => Self::Palette,
            (4, 8 | 16) => Self::GrayAlpha,
            (6, 8 | 16) => Self::RgbAlpha,
            _ => return None,
        })
    }
}
