//! Decodes JPEGs (ITU-T T.81), baseline and progressive, at an eighth, a quarter, a half or all of their size.
//!
//! A JPEG holds blocks of 8x8 samples as frequencies, so a smaller picture is there for less work: at an eighth, the first
//! coefficient of a block is all that is needed, and the rest is passed over several symbols at a time; of a progressive
//! file, whole scans are. What comes out at each scale is the mean of the samples that it stands for, which is what
//! libjpeg's scaled decoding gives too.
//!
//! The [`walk`] decides whether a file is whole, before anything is decoded. Here, data that runs out, that is no code, or
//! that says what no picture can hold is [`Damage`]: nothing is ever guessed, and no part is left gray.

mod bits;
mod blocks;
mod colours;
mod header;
mod huffman;
mod layer;
mod marks;
mod original;
mod progressive;
mod script;
mod sequential;
mod tables;
#[cfg(test)]
mod tests;
mod transform;
mod walk;

use std::ops::Range;

use thiserror::Error;

pub(crate) use colours::Colours;
pub(crate) use header::Frame;
pub(crate) use layer::{Plane, Window, decoded_bytes};
pub(crate) use marks::{Marking, Marks, bytes as mark_bytes};
pub(crate) use original::{stripped, stripped_bytes};
pub(crate) use walk::walk;

use crate::cursor::Cursor;
use crate::refusal::Refusal;
use header::Scan;
use layer::Layer;
use tables::Tables;

/// What the walk finds out about a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jpeg {
    pub(crate) frame: Frame,
    pub(crate) colours: Colours,
}

/// How much smaller a picture is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scale {
    Eighth = 1,
    Quarter = 2,
    Half = 4,
    Full = 8,
}

impl Scale {
    pub(crate) const ALL: [Self; 4] = [Self::Eighth, Self::Quarter, Self::Half, Self::Full];

    /// How many samples a block of eight has on a side.
    pub(crate) const fn side(self) -> usize {
        self as usize
    }
}

/// What is wrong with the coded data. The structure around it was found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Damage {
    #[error("a part of it is missing")]
    Short,
    #[error("there is more of it than the picture has room for")]
    Long,
    #[error("a restart marker is not where it must be")]
    Restart,
    #[error("a table is missing or impossible")]
    Table,
    #[error("it contains what is no code")]
    Code,
    #[error("it contains a brightness that no picture can have")]
    Range,
}

impl From<Damage> for Refusal {
    fn from(damage: Damage) -> Self {
        Self::undecodable(damage)
    }
}

/// A DC coefficient of eight-bit pictures has at most eleven bits and a sign (F.1.2.1.1).
const DC_MAX: i32 = 2047;

/// Decodes what a window of the picture shows, a plane for each component. All of the data is checked, also where nothing of
/// it is shown; only what the scale has no use for is not. A decode that follows the marks of another one checks its part.
///
/// `segments` are the places of tables and scans in `bytes`, in order, as the walk has found them.
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    segments: &[Range<usize>],
    frame: &Frame,
    scale: Scale,
    window: Window,
    marking: Marking<'_, 'a>,
) -> Result<Vec<Plane>, Refusal> {
    let mut decoder = Decoder::new(frame, scale, window, marking);
    for place in segments {
        decoder.segment(bytes.get(place.clone()).ok_or(Damage::Short)?)?;
    }
    decoder.finish()
}

struct Decoder<'f, 'm, 'a> {
    frame: &'f Frame,
    scale: Scale,
    tables: Tables,
    layers: Vec<Layer>,
    marking: Marking<'m, 'a>,
}

impl<'f, 'm, 'a> Decoder<'f, 'm, 'a> {
    fn new(frame: &'f Frame, scale: Scale, window: Window, marking: Marking<'m, 'a>) -> Self {
        let layers = frame.components.iter().map(|component| Layer::new(frame, component, scale, window)).collect();
        Self { frame, scale, tables: Tables::default(), layers, marking }
    }

    /// Takes a whole segment, with the coded data behind it if it begins a scan.
    fn segment(&mut self, segment: &'a [u8]) -> Result<(), Refusal> {
        let [0xFF, marker, high, low, rest @ ..] = segment else { return Ok(()) };
        let length = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2);
        let (body, coded) = rest.split_at_checked(length).ok_or(Damage::Short)?;
        match *marker {
            walk::DQT => self.tables.quantisation(body)?,
            walk::DHT => self.tables.huffman(body)?,
            walk::DRI => self.tables.restart_interval(body)?,
            walk::SOS => self.scan(body, coded)?,
            _ => {}
        }
        Ok(())
    }

    fn scan(&mut self, body: &[u8], coded: &'a [u8]) -> Result<(), Refusal> {
        let scan = Scan::read(Cursor::new(body), self.frame)?;
        for part in &scan.parts {
            let component = &self.frame.components[part.component];
            self.layers[part.component].begin(self.tables.quantisation_of(component)?, self.scale);
        }
        let Self { frame, scale, tables, layers, marking } = self;
        if frame.progressive {
            progressive::decode(frame, &scan, tables, layers, *scale, coded)?;
        } else {
            sequential::decode(frame, &scan, tables, layers, *scale, coded, marking.of(frame, &scan))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Plane>, Refusal> {
        let planes = self.layers.into_iter().map(|layer| layer.finish(self.scale));
        planes.collect::<Option<_>>().ok_or_else(|| Damage::Short.into())
    }
}
