//! Walks through the segments of a JPEG (ITU-T T.81, annex B) from its start to its end-of-image marker.
//!
//! The walk decides whether a JPEG is whole: a decoder may answer with a grey lower half for half a file, a walk that
//! misses the end-of-image cannot. It decodes nothing, and allocates a few ranges at most. It also notes which bytes a
//! decoder needs: metadata never reaches one.

use std::ops::Range;

use memchr::memchr;

use super::header::{Frame, Scan, unsupported};
use super::script::Script;
use super::{Colours, Jpeg};
use crate::cursor::Cursor;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::source::{Coding, Found};

/// A usual progressive file has ten scans; more than this only makes decoding slow.
const SCANS_MAX: u32 = 100;
/// A scan visits each block of its components, and the sum of that is what decoding costs: 120 megapixels are visited so often
/// by 14 scans of all colours in full.
const VISITS_MAX: u64 = 32_000_000;
/// Photos have some tens of segments, and some hundreds where large metadata is split.
const SEGMENTS_MAX: usize = 4096;

const EXIF_HEADER: &[u8] = b"Exif\0\0";
const JFIF_HEADER: &[u8] = b"JFIF\0";
const ADOBE_HEADER: &[u8] = b"Adobe";
const PROFILE_HEADER: &[u8] = b"ICC_PROFILE\0";

/// Walks to the end of the first image in the file.
pub(crate) fn walk(bytes: &[u8], max_pixels: u64) -> Result<Found, Refusal> {
    let mut walk = Walk::new(bytes, max_pixels);
    loop {
        match walk.next_marker()? {
            EOI => return walk.finish(),
            marker => walk.segment(marker)?,
        }
    }
}

pub(super) const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
pub(super) const APP14: u8 = 0xEE;
const APP15: u8 = 0xEF;
const COM: u8 = 0xFE;
pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
pub(super) const SOS: u8 = 0xDA;
pub(super) const DQT: u8 = 0xDB;
pub(super) const DHT: u8 = 0xC4;
pub(super) const DRI: u8 = 0xDD;
const DNL: u8 = 0xDC;
const TEM: u8 = 0x01;

struct Walk<'a> {
    cursor: Cursor<'a>,
    max_pixels: u64,
    frame: Option<(Frame, Script)>,
    scans: u32,
    visits: u64,
    segments: usize,
    coded_bytes: u64,
    exif: Option<Range<usize>>,
    jfif: bool,
    adobe: Option<u8>,
    profile: Vec<(u8, &'a [u8])>,
    keep: Vec<Range<usize>>,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], max_pixels: u64) -> Self {
        let mut cursor = Cursor::new(bytes);
        // Whoever calls has seen the first marker, by which the kind of file is told.
        let _start = cursor.take(2);
        Self {
            cursor,
            max_pixels,
            frame: None,
            scans: 0,
            visits: 0,
            segments: 0,
            coded_bytes: 0,
            exif: None,
            jfif: false,
            adobe: None,
            profile: Vec::new(),
            keep: Vec::new(),
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

    fn segment(&mut self, marker: u8) -> Result<(), Refusal> {
        let from = self.cursor.at() - 2;
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
            DHT | DQT | DRI => self.body().map(|_| self.keep_from(from)),
            APP0 => self.jfif(),
            APP1 => self.exif(),
            APP2 => self.profile(),
            APP14 => self.adobe(from),
            APP0..=APP15 | COM => self.body().map(drop),
            _ => Err(Refusal::damaged(format!("unknown marker {marker:#04x}"))),
        }
    }

    /// The rest of a segment, of which the length counts its own two bytes.
    fn body(&mut self) -> Result<Cursor<'a>, Refusal> {
        let length = usize::from(self.cursor.u16()?);
        let length = length.checked_sub(2).ok_or_else(|| Refusal::damaged("a segment without length"))?;
        self.cursor.take(length).map(Cursor::new)
    }

    /// A decoder needs this segment, and the coded data behind it.
    fn keep_from(&mut self, from: usize) {
        self.keep.push(from..self.cursor.at());
    }

    fn jfif(&mut self) -> Result<(), Refusal> {
        self.jfif |= self.body()?.rest().starts_with(JFIF_HEADER);
        Ok(())
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

    /// A profile comes in parts: each has its number and how many there are (ICC.1, B.4).
    fn profile(&mut self) -> Result<(), Refusal> {
        let body = self.body()?.rest();
        if let Some([number, _, part @ ..]) = body.strip_prefix(PROFILE_HEADER) {
            self.profile.push((*number, part));
        }
        Ok(())
    }

    /// Adobe's segment says how three or four components become colours: its last byte of twelve (Adobe Technical Note
    /// 5116).
    fn adobe(&mut self, from: usize) -> Result<(), Refusal> {
        let body = self.body()?.rest();
        if let (true, Some(transform)) = (body.starts_with(ADOBE_HEADER), body.get(11)) {
            self.adobe = Some(*transform);
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
        let script = Script::new(&frame);
        self.frame = Some((frame, script));
        self.keep_from(from);
        Ok(())
    }

    fn scan(&mut self, from: usize) -> Result<(), Refusal> {
        let body = self.body()?;
        let frame = self.frame.as_mut().ok_or_else(|| Refusal::damaged("picture data before its frame header"))?;
        let (frame, script) = frame;
        let scan = Scan::read(body, frame)?;
        script.add(&scan)?;
        self.visits += scan.parts.iter().map(|part| frame.count_blocks(&frame.components[part.component])).sum::<u64>();
        self.scans += 1;
        if self.scans > SCANS_MAX || self.visits > VISITS_MAX {
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

    /// A part that is missing shows in the length that a profile says it has.
    fn joined_profile(&mut self) -> Result<Option<Profile>, Refusal> {
        self.profile.sort_by_key(|(number, _)| *number);
        let parts: Vec<&[u8]> = self.profile.iter().map(|(_, part)| *part).collect();
        if parts.is_empty() { Ok(None) } else { Profile::icc(&parts).map(Some) }
    }

    fn finish(mut self) -> Result<Found, Refusal> {
        let profile = self.joined_profile()?;
        let (frame, script) = self.frame.ok_or_else(|| Refusal::damaged("no picture in it"))?;
        // No Huffman code is shorter than a bit, and each block has at least one.
        if !script.is_complete() || self.coded_bytes * 8 < frame.all_blocks() {
            return Err(Refusal::damaged("a part of the picture data is missing"));
        }
        let colours = Colours::of(&frame, self.jfif, self.adobe);
        Ok(Found {
            sides: (u32::from(frame.width), u32::from(frame.height)),
            coding: Coding::Jpeg(Box::new(Jpeg { frame, colours })),
            model: colours.model(),
            profile,
            keep: self.keep,
            exif: self.exif,
            end: self.cursor.at(),
        })
    }
}
