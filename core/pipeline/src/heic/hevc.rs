//! Decodes one picture of HEVC (ITU-T H.265) by the parts of a decoder that is not ours, in an order of ours: sizes are
//! known before anything is allocated, and each block of a picture is decoded once.
//!
//! The decoder's own way through a file trusts what it says about sides, lets slices begin anywhere and any number of times,
//! and takes parameter sets that are replaced while others lean on them.

use heifer_hevc_dec::nal::{NalHeader, NalUnit, NalUnitType};
use heifer_hevc_dec::params::{ParameterSets, Pps, Sps};
use heifer_hevc_dec::recon::{Frame, Reconstructor};
use heifer_hevc_dec::slice::SliceHeader;
use heifer_hevc_dec::syntax::{Picture, decode_slice_segment};
use thiserror::Error;

use super::configuration::Configuration;

/// What is wrong with a coded picture.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Damage {
    #[error("a part of it is missing")]
    Short,
    #[error("it has other sides than its container says")]
    Sides,
    #[error("its parts are not in order")]
    Order,
    #[error("it is divided in more ways than any level of HEVC allows")]
    Divided,
    #[error(transparent)]
    Coded(#[from] heifer_hevc_dec::Error),
}

/// A decoded picture, and which part of its planes is shown.
pub(super) struct Shown {
    pub(super) frame: Frame,
    /// Left and top of what is shown, in pixels.
    pub(super) corner: (u32, u32),
}

/// What becomes of the edges between blocks (ITU-T H.265, 8.7).
///
/// Nothing of a picture is predicted from smoothed samples, so that it can be left out: it moves few samples by more than a
/// few levels, which cannot be seen where several become one, and is a quarter of all work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Smoothing {
    Done,
    LeftOut,
}

/// The most tiles of HEVC in a row and in a column (ITU-T H.265, table A.8, at its highest levels).
const TILES_MAX: (u32, u32) = (40, 44);

/// Coded sides are multiples of the smallest block, so up to 63 more than is shown.
pub(super) const PADDING_MAX: u32 = 63;

/// What the slices of pictures lean on, and how their units are kept.
pub(super) struct Parameters<'a> {
    configuration: Configuration<'a>,
    sets: ParameterSets,
}

impl<'a> Parameters<'a> {
    /// Those of pictures of the given sides.
    ///
    /// A picture needs one set for its sequence and some for pictures, which are read in the light of the former.
    pub(super) fn read(configuration: Configuration<'a>, sides: (u32, u32)) -> Result<Self, Damage> {
        let mut sets = ParameterSets::default();
        for kind in [NalUnitType::Sps, NalUnitType::Pps] {
            for unit in configuration.parameters().filter(|unit| is(unit, kind)) {
                sets.add(&NalUnit::parse(unit)?)?;
            }
            let mut known = sets.sps.iter().flatten();
            if !known.all(|sps| fits(sps, sides)) {
                return Err(Damage::Sides);
            }
        }
        Ok(Self { configuration, sets })
    }

    /// Decodes a picture.
    ///
    /// `coded` holds its units, each behind its length (ISO/IEC 14496-15, 8.3.3).
    pub(super) fn decode(&self, coded: &[u8], smoothing: Smoothing) -> Result<Shown, Damage> {
        let mut work = None;
        for unit in self.configuration.units(coded) {
            let unit = unit.ok_or(Damage::Short)?;
            let header = NalHeader::parse(unit)?;
            if !header.unit_type.is_slice() || header.layer_id != 0 {
                continue;
            }
            let unit = NalUnit::parse(unit)?;
            let work = match &mut work {
                Some(work) => work,
                none => none.insert(Work::new(&self.sets, &unit)?),
            };
            work.slice(&unit)?;
        }
        work.ok_or(Damage::Short)?.finish(smoothing)
    }
}

fn is(unit: &[u8], kind: NalUnitType) -> bool {
    NalHeader::parse(unit).is_ok_and(|header| header.unit_type == kind && header.layer_id == 0)
}

fn fits(sps: &Sps, sides: (u32, u32)) -> bool {
    let coded = (sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples);
    let near = |coded: u32, shown: u32| coded >= shown && coded - shown <= PADDING_MAX;
    let shown = sps.output_size();
    near(coded.0, sides.0) && near(coded.1, sides.1) && shown.0 >= sides.0 && shown.1 >= sides.1
}

/// A picture while it is decoded.
struct Work<'a> {
    sets: &'a ParameterSets,
    parsed: Picture<'a>,
    rebuilt: Reconstructor<'a>,
    /// The header on which those of dependent slices lean.
    last: Option<SliceHeader>,
}

impl<'a> Work<'a> {
    /// Begins the picture to which a slice belongs.
    fn new(sets: &'a ParameterSets, slice: &NalUnit<'_>) -> Result<Self, Damage> {
        let header = SliceHeader::parse(&slice.rbsp, &slice.header, sets, None)?;
        let (pps, sps) = sets.get(header.slice_pic_parameter_set_id.into())?;
        if !is_divided_within_reason(pps) {
            return Err(Damage::Divided);
        }
        Ok(Self { sets, parsed: Picture::new(sps, pps), rebuilt: Reconstructor::new(sps, pps), last: None })
    }

    /// Slices follow each other without a gap and none comes twice, so that all of them take the time of one picture.
    fn slice(&mut self, unit: &NalUnit<'_>) -> Result<(), Damage> {
        let header = SliceHeader::parse(&unit.rbsp, &unit.header, self.sets, self.last.as_ref())?;
        let (pps, _) = self.sets.get(header.slice_pic_parameter_set_id.into())?;
        let address = self.parsed.layout.rs_to_ts.get(header.slice_segment_address as usize);
        if address != Some(&self.parsed.decoded_ctbs) || *pps != *self.parsed.pps {
            return Err(Damage::Order);
        }
        let coded = unit.rbsp.get(header.header_size..).ok_or(Damage::Short)?;
        self.rebuilt.start_slice(&header);
        let quantiser = header.slice_qp_y(self.sets)?;
        decode_slice_segment(&mut self.parsed, &header, quantiser, coded, &mut self.rebuilt)?;
        if !header.dependent_slice_segment_flag {
            self.last = Some(header);
        }
        self.rebuilt.error.take().map_or(Ok(()), |error| Err(error.into()))
    }

    fn finish(self, smoothing: Smoothing) -> Result<Shown, Damage> {
        if !self.parsed.is_complete() {
            return Err(Damage::Short);
        }
        let sps = self.parsed.sps;
        let chroma = sps.chroma_subsampling();
        let [left, _, top, _] = sps.conf_win_offsets;
        let corner = (left * chroma.0, top * chroma.1);
        Ok(Shown { frame: self.rebuilt.finish(smoothing == Smoothing::LeftOut), corner })
    }
}

fn is_divided_within_reason(pps: &Pps) -> bool {
    pps.tiles.as_ref().is_none_or(|tiles| tiles.num_columns <= TILES_MAX.0 && tiles.num_rows <= TILES_MAX.1)
}
