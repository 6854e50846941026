//! Walks through the segments of a JPEG (ITU-T T.81, annex B) from its start to its end-of-image marker.
//!
//! The walk decides whether a JPEG is whole: a decoder may answer with a grey lower half for half a file, a walk that
//! misses the end-of-image cannot. It decodes nothing, and allocates a few ranges at most. It also notes which bytes a
//! decoder needs: metadata never reaches one.

use std::ops::Range;

use memchr::memchr;

use crate::cursor::Cursor;
use crate::refusal::Refusal;
use crate::source::{Coding, Ending, Format, Found, Inks};

/// A usual progressive file has ten scans; more than this only makes decoding slow.
const SCANS_MAX: u32 = 100;
/// Each scan visits each pixel, so their product is what decoding costs.
const PIXEL_SCANS_MAX: u64 = 2_000_000_000;
/// Photos have some tens of segments, and some hundreds where large metadata is split.
const SEGMENTS_MAX: usize = 4096;

const EXIF_HEADER: &[u8] = b"Exif\0\0";
const ADOBE_HEADER: &[u8] = b"Adobe";

/// Walks to the end of the first image in the file.
pub(crate) fn walk(bytes: &[u8], max_pixels: u64) -> Result<Found, Refusal> {
    let mut walk = Walk::new(bytes, max_pixels);
    loop {
        let from = walk.cursor.at();
        match walk.next_marker()? {
            EOI => return walk.finish(from),
            marker => walk.segment(from, marker)?,
        }
    }
}

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DNL: u8 = 0xDC;
const TEM: u8 = 0x01;

struct Walk<'a> {
    cursor: Cursor<'a>,
    max_pixels: u64,
    frame: Option<Frame>,
    scans: u32,
    segments: usize,
    coded_bytes: u64,
    exif: Option<Range<usize>>,
    adobe: bool,
    keep: Vec<Range<usize>>,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], max_pixels: u64) -> Self {
        let mut cursor = Cursor::new(bytes);
        let start = cursor.array::<2>().map(|_| 0..2);
        Self {
            cursor,
            max_pixels,
            frame: None,
            scans: 0,
            segments: 0,
            coded_bytes: 0,
            exif: None,
            adobe: false,
            keep: start.into_iter().collect(),
        }
    }

    /// Markers may be preceded by any number of fill bytes (B.1.1.2).
    fn next_marker(&mut self) -> Result<u8, Refusal> {
        if self.cursor.byte()? != 0xFF {
            return Err(self.no_marker());
        }
        loop {
            match self.cursor.byte()? {
                0xFF => {}
                marker => return Ok(marker),
            }
        }
    }

    /// Space that was reserved and never written reads as zeros.
    fn no_marker(&self) -> Refusal {
        match self.cursor.rest().iter().all(|byte| *byte == 0) {
            true => Refusal::Cut,
            false => Refusal::damaged("a segment does not begin where the one before it ends"),
        }
    }

    fn segment(&mut self, from: usize, marker: u8) -> Result<(), Refusal> {
        self.segments += 1;
        if self.segments > SEGMENTS_MAX {
            return Err(Refusal::damaged(format!("more than {SEGMENTS_MAX} segments")));
        }
        match marker {
            SOI => Err(Refusal::damaged("a second picture begins before the first one ends")),
            TEM | 0xD0..=0xD7 => Err(Refusal::damaged("a marker stands where none may")),
            DNL => Err(unsupported("coded without its height")),
            0xC3 | 0xC7 => Err(unsupported("coded without loss")),
            0xC5 | 0xC6 | 0xDE | 0xDF => Err(unsupported("coded hierarchically")),
            0xC9..=0xCF => Err(unsupported("coded arithmetically")),
            0xC0..=0xC2 => self.frame(from, marker),
            SOS => self.scan(from),
            0xC4 | 0xDB | 0xDD => self.body().map(|_| self.keep_from(from)),
            0xE1 => self.exif(),
            0xEE => self.adobe(from),
            0xE0..=0xEF | 0xFE => self.body().map(drop),
            _ => Err(Refusal::damaged(format!("unknown marker {marker:#04x}"))),
        }
    }

    /// The rest of a segment, of which the length counts its own two bytes.
    fn body(&mut self) -> Result<Cursor<'a>, Refusal> {
        let length = usize::from(self.cursor.u16()?);
        let length = length.checked_sub(2).ok_or_else(|| Refusal::damaged("a segment without length"))?;
        self.cursor.take(length).map(Cursor::new)
    }

    /// Neighbours are joined, so that there are as few ranges as there are gaps.
    fn keep_from(&mut self, from: usize) {
        let end = self.cursor.at();
        match self.keep.last_mut() {
            Some(last) if last.end == from => last.end = end,
            _ => self.keep.push(from..end),
        }
    }

    /// Only the first one counts: later ones belong to thumbnails or to programs that only append.
    fn exif(&mut self) -> Result<(), Refusal> {
        let body = self.body()?.rest();
        if body.starts_with(EXIF_HEADER) && self.exif.is_none() {
            let end = self.cursor.at();
            self.exif = Some(end - body.len() + EXIF_HEADER.len()..end);
        }
        Ok(())
    }

    /// Adobe's segment says how three or four components become colours, so the decoder needs it.
    fn adobe(&mut self, from: usize) -> Result<(), Refusal> {
        if self.body()?.rest().starts_with(ADOBE_HEADER) {
            self.adobe = true;
            self.keep_from(from);
        }
        Ok(())
    }

    fn frame(&mut self, from: usize, marker: u8) -> Result<(), Refusal> {
        if self.frame.is_some() {
            return Err(Refusal::damaged("two frame headers"));
        }
        let frame = Frame::read(self.body()?, marker == 0xC2)?;
        // A false claim is told as what it is, and not as whatever does not fit to it further on.
        if frame.pixels() > self.max_pixels {
            return Err(Refusal::TooManyPixels { pixels: frame.pixels(), max: self.max_pixels });
        }
        self.frame = Some(frame);
        self.keep_from(from);
        Ok(())
    }

    fn scan(&mut self, from: usize) -> Result<(), Refusal> {
        let body = self.body()?;
        let frame = self.frame.as_mut().ok_or_else(|| Refusal::damaged("picture data before its frame header"))?;
        frame.begin_scan(body)?;
        self.scans += 1;
        if self.scans > SCANS_MAX || u64::from(self.scans) * frame.pixels() > PIXEL_SCANS_MAX {
            return Err(Refusal::TooManyScans { scans: self.scans });
        }
        self.skip_coded_data()?;
        self.keep_from(from);
        Ok(())
    }

    /// Coded data lasts until a marker that is neither a stuffed byte nor a restart; restarts count modulo eight.
    fn skip_coded_data(&mut self) -> Result<(), Refusal> {
        let mut restarts = 0;
        loop {
            let ahead = self.cursor.rest();
            let found = memchr(0xFF, ahead).ok_or(Refusal::Cut)?;
            match *ahead.get(found + 1).ok_or(Refusal::Cut)? {
                0x00 => self.pass(found + 2)?,
                0xFF => self.pass(found + 1)?,
                restart @ 0xD0..=0xD7 if restart - 0xD0 == restarts => {
                    restarts = (restarts + 1) % 8;
                    self.pass(found + 2)?;
                }
                0xD0..=0xD7 => return Err(Refusal::damaged("a part of the picture data is missing")),
                _ => return self.pass(found),
            }
        }
    }

    fn pass(&mut self, coded: usize) -> Result<(), Refusal> {
        self.coded_bytes += coded as u64;
        self.cursor.take(coded).map(drop)
    }

    fn finish(mut self, from: usize) -> Result<Found, Refusal> {
        let ending = self.frame.as_ref().map_or(Ending::Marked, Frame::ending);
        if ending == Ending::Marked {
            self.keep_from(from);
        }
        let frame = self.frame.ok_or_else(|| Refusal::damaged("no picture in it"))?;
        if !frame.is_complete() || self.coded_bytes * 8 < frame.blocks() {
            return Err(Refusal::damaged("a part of the picture data is missing"));
        }
        Ok(Found {
            coding: Coding::Jpeg { inks: frame.inks(self.adobe), ending },
            sides: (u32::from(frame.width), u32::from(frame.height)),
            decoder_bytes: frame.decoder_bytes(),
            keep: self.keep,
            exif: self.exif,
            end: self.cursor.at(),
        })
    }
}

fn unsupported(form: &'static str) -> Refusal {
    Refusal::Unsupported { format: Format::Jpeg, form }
}

/// What the frame header says (B.2.2), and which components have been coded since.
struct Frame {
    width: u16,
    height: u16,
    progressive: bool,
    components: Vec<Component>,
}

struct Component {
    id: u8,
    horizontal: u8,
    vertical: u8,
    begun: bool,
}

impl Frame {
    fn read(mut body: Cursor<'_>, progressive: bool) -> Result<Self, Refusal> {
        if body.byte()? != 8 {
            return Err(unsupported("coded with more than 8 bits per colour"));
        }
        let (height, width, count) = (body.u16()?, body.u16()?, body.byte()?);
        match (height, width, count) {
            (0, _, _) => return Err(unsupported("coded without its height")),
            (_, 0, _) => return Err(Refusal::damaged("a width of zero")),
            (_, _, 1 | 3 | 4) => {}
            _ => return Err(unsupported("neither gray, colour nor CMYK")),
        }
        let components = (0..count).map(|_| Component::read(&mut body)).collect::<Result<_, _>>()?;
        Self { width, height, progressive, components }.checked(body.rest())
    }

    fn checked(self, rest: &[u8]) -> Result<Self, Refusal> {
        let (horizontal, vertical) = self.sampling_max();
        let first = &self.components[0];
        let regular = (first.horizontal, first.vertical) == (horizontal, vertical)
            && self.components.iter().all(|it| horizontal % it.horizontal == 0 && vertical % it.vertical == 0);
        match (rest, regular) {
            ([], true) => Ok(self),
            ([], false) => Err(unsupported("coded with unusual colour sampling")),
            _ => Err(Refusal::damaged("a frame header of the wrong length")),
        }
    }

    /// Checks a scan header (B.2.3) and notes what it begins.
    fn begin_scan(&mut self, mut body: Cursor<'_>) -> Result<(), Refusal> {
        let count = usize::from(body.byte()?);
        let ids: Vec<u8> = (0..count).map(|_| body.array::<2>().map(|[id, _tables]| id)).collect::<Result<_, _>>()?;
        let [first_coefficient, _last, approximation] = body.array()?;
        if !(1..=4).contains(&count) || !body.rest().is_empty() {
            return Err(Refusal::damaged("a scan header of the wrong length"));
        }
        // Hardly any program writes one scan for each colour, and zune-jpeg 0.5 gives wrong colours for some of them.
        if !self.progressive && count != self.components.len() {
            return Err(unsupported("coded one colour after another"));
        }
        let begins = first_coefficient == 0 && approximation >> 4 == 0;
        ids.into_iter().try_for_each(|id| self.begin_component(id, begins))
    }

    /// Only a progressive frame comes back to a component.
    fn begin_component(&mut self, id: u8, begins: bool) -> Result<(), Refusal> {
        let progressive = self.progressive;
        let component = self.components.iter_mut().find(|component| component.id == id);
        match component {
            None => Err(Refusal::damaged("picture data for a colour that does not exist")),
            Some(component) if begins && component.begun => Err(Refusal::damaged("picture data that comes twice")),
            Some(component) if begins || !progressive => {
                component.begun = true;
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    fn is_complete(&self) -> bool {
        self.components.iter().all(|component| component.begun)
    }

    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    fn sampling_max(&self) -> (u8, u8) {
        let horizontal = self.components.iter().map(|it| it.horizontal).max();
        let vertical = self.components.iter().map(|it| it.vertical).max();
        (horizontal.unwrap_or(1), vertical.unwrap_or(1))
    }

    /// The number of 8x8 blocks that carry picture; no Huffman code is shorter than a bit, and each has at least one.
    fn blocks(&self) -> u64 {
        let (horizontal, vertical) = self.sampling_max();
        let blocks =
            |side: u16, factor: u8, max: u8| (u64::from(side) * u64::from(factor)).div_ceil(8 * u64::from(max));
        let of =
            |it: &Component| blocks(self.width, it.horizontal, horizontal) * blocks(self.height, it.vertical, vertical);
        self.components.iter().map(of).sum()
    }

    /// Adobe's programs write inks inverted and say so; without their segment inks are plain.
    fn inks(&self, adobe: bool) -> Inks {
        match (self.components.len(), adobe) {
            (4, false) => Inks::Plain,
            _ => Inks::Usual,
        }
    }

    fn ending(&self) -> Ending {
        if self.progressive { Ending::Marked } else { Ending::Open }
    }

    /// For a progressive picture the decoder keeps each coefficient, in two bytes, up to whole blocks.
    fn decoder_bytes(&self) -> u64 {
        let (horizontal, vertical) = self.sampling_max();
        let across = u64::from(self.width).div_ceil(8 * u64::from(horizontal));
        let down = u64::from(self.height).div_ceil(8 * u64::from(vertical));
        let per_unit: u64 = self.components.iter().map(|it| u64::from(it.horizontal) * u64::from(it.vertical)).sum();
        let coefficients = across * down * per_unit * 64 * 2;
        let pixels = self.pixels() * self.components.len().max(3) as u64;
        pixels + if self.progressive { coefficients } else { 0 }
    }
}

impl Component {
    fn read(body: &mut Cursor<'_>) -> Result<Self, Refusal> {
        let [id, factors, _table] = body.array()?;
        let (horizontal, vertical) = (factors >> 4, factors & 15);
        if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) {
            return Err(Refusal::damaged("an impossible colour sampling"));
        }
        Ok(Self { id, horizontal, vertical, begun: false })
    }
}
