//! What the properties of one item say about its picture (ISO/IEC 23008-12, 6.5).

use super::boxes::Boxed;
use super::meta::{Id, Meta, Property};
use crate::cursor::Cursor;
use crate::jpeg::Window;
use crate::orientation::Orientation;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::source::Format;

/// A picture's properties.
pub(super) struct Traits<'a> {
    /// Width and height before it is clipped and turned.
    pub(super) sides: (u32, u32),
    pub(super) configuration: Option<Boxed<'a>>,
    pub(super) clip: Option<Clip>,
    /// How it lies; EXIF data says the same once more and is not heeded (6.5.10 and A.2.1).
    pub(super) orientation: Orientation,
    pub(super) nclx: Option<Nclx>,
    cicp: Option<Profile>,
    icc: Option<&'a [u8]>,
    pub(super) is_alpha: bool,
}

/// The part of a picture that is shown, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clip {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Clip {
    /// All of it, counted from its own corner.
    pub(super) fn window(self) -> Window {
        Window { left: 0, top: 0, right: self.width, bottom: self.height }
    }
}

/// How brightness and differences of colour become red, green and blue (ITU-T H.273, 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nclx {
    pub(crate) matrix: u8,
    /// Whether black is 0 and white the highest value.
    pub(crate) full_range: bool,
}

const ALPHA: [&[u8]; 2] = [b"urn:mpeg:hevc:2015:auxid:1\0", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"];

impl<'a> Traits<'a> {
    pub(super) fn of(meta: &Meta<'a>, item: Id) -> Result<Self, Refusal> {
        let properties = meta.properties_of(item)?;
        let sides = properties.iter().find(|property| &property.boxed.name == b"ispe");
        let sides = sides.ok_or_else(|| Refusal::damaged("a picture without sides"))?;
        let mut traits = Self {
            sides: read_sides(&sides.boxed)?,
            configuration: None,
            clip: None,
            orientation: Orientation::Upright,
            nclx: None,
            cicp: None,
            icc: None,
            is_alpha: false,
        };
        properties.iter().try_for_each(|property| traits.heed(property))?;
        Ok(traits)
    }

    fn heed(&mut self, property: &Property<'a>) -> Result<(), Refusal> {
        let boxed = &property.boxed;
        match &boxed.name {
            b"hvcC" => self.configuration = Some(*boxed),
            b"colr" => self.heed_colours(boxed)?,
            b"auxC" => self.is_alpha = is_alpha(boxed),
            b"clap" if self.orientation == Orientation::Upright => self.clip = Some(clip(boxed, self.sides)?),
            b"irot" => self.orientation = self.orientation.then(rotation(boxed)?),
            b"imir" => self.orientation = self.orientation.then(mirror(boxed)?),
            b"ispe" | b"pixi" | b"pasp" | b"clli" | b"mdcv" | b"amve" | b"cclv" => {}
            b"clap" => return Err(unsupported("clipped after it was turned")),
            _ if property.essential => return Err(unsupported("made with a feature that is not known here")),
            _ => {}
        }
        Ok(())
    }

    /// What its colours are. Of a whole profile and numbers, the profile says more (6.5.5.1).
    pub(super) fn profile(self) -> Result<Option<Profile>, Refusal> {
        self.icc.map_or(Ok(self.cicp), |icc| Profile::icc(&[icc]).map(Some))
    }

    /// A profile may be large, and is only copied where it is wanted: many items may have it.
    fn heed_colours(&mut self, colr: &Boxed<'a>) -> Result<(), Refusal> {
        let mut cursor = colr.cursor();
        match &cursor.array()? {
            b"nclx" => {
                let (nclx, cicp) = nclx(&mut cursor)?;
                self.nclx = self.nclx.or(Some(nclx));
                self.cicp = self.cicp.take().or(Some(cicp));
            }
            // Programs that have no profile write an empty one.
            b"prof" | b"rICC" => self.icc = Some(cursor.rest()).filter(|icc| !icc.is_empty()).or(self.icc),
            _ => {}
        }
        Ok(())
    }

    /// The sides of what is shown, not turned.
    pub(super) fn clip_or_all(&self) -> Clip {
        self.clip.unwrap_or(Clip { left: 0, top: 0, width: self.sides.0, height: self.sides.1 })
    }
}

pub(super) fn unsupported(form: &'static str) -> Refusal {
    Refusal::Unsupported { format: Format::Heic, form }
}

/// 6.5.3.
fn read_sides(ispe: &Boxed<'_>) -> Result<(u32, u32), Refusal> {
    let (_, _, mut cursor) = ispe.full()?;
    match (cursor.u32()?, cursor.u32()?) {
        (0, _) | (_, 0) => Err(Refusal::damaged("an impossible header")),
        sides => Ok(sides),
    }
}

/// 6.5.8: what an auxiliary picture is for, behind version and flags.
fn is_alpha(aux: &Boxed<'_>) -> bool {
    let kind = aux.body.get(4..);
    kind.is_some_and(|kind| ALPHA.iter().any(|alpha| kind.starts_with(alpha)))
}

/// 6.5.10: quarters of a turn, counter-clockwise.
fn rotation(irot: &Boxed<'_>) -> Result<Orientation, Refusal> {
    Ok(match irot.cursor().byte()? & 3 {
        0 => Orientation::Upright,
        1 => Orientation::QuarterLeft,
        2 => Orientation::HalfTurn,
        _ => Orientation::QuarterRight,
    })
}

/// 6.5.12: what is exchanged is top and bottom, or left and right.
fn mirror(imir: &Boxed<'_>) -> Result<Orientation, Refusal> {
    Ok(if imir.cursor().byte()? & 1 == 0 { Orientation::Flipped } else { Orientation::Mirrored })
}

/// ISO/IEC 14496-12, 12.1.5.
fn nclx(cursor: &mut Cursor<'_>) -> Result<(Nclx, Profile), Refusal> {
    let numbers = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
    let known = |number| u8::try_from(number).map_err(|_| Refusal::damaged("colours of an unknown kind"));
    let [primaries, transfer, matrix] = numbers.map(known);
    let full_range = cursor.byte()? & 0x80 != 0;
    Ok((Nclx { matrix: matrix?, full_range }, Profile::Cicp { primaries: primaries?, transfer: transfer? }))
}

/// ISO/IEC 14496-12, 12.1.4.3: sides, and how far the middle is off the middle, each as a fraction.
fn clip(clap: &Boxed<'_>, (width, height): (u32, u32)) -> Result<Clip, Refusal> {
    let mut cursor = clap.cursor();
    let across = (fraction(&mut cursor)?, fraction(&mut cursor)?);
    let off = (fraction(&mut cursor)?, fraction(&mut cursor)?);
    let span = |side: u32, shown: Option<f64>, off: Option<f64>| {
        let (side, shown) = (f64::from(side), shown?.round());
        let start = (off? + (side - shown) / 2.0).round();
        (start >= 0.0 && shown >= 1.0 && start + shown <= side).then_some((start as u32, shown as u32))
    };
    let [shown, shown_down] = [across.0, across.1];
    match (span(width, shown, off.0), span(height, shown_down, off.1)) {
        (Some((left, width)), Some((top, height))) => Ok(Clip { left, top, width, height }),
        _ => Err(Refusal::damaged("a part that is not in the picture")),
    }
}

/// A whole number over another, the former with a sign; `None` where it is divided by nothing.
fn fraction(cursor: &mut Cursor<'_>) -> Result<Option<f64>, Refusal> {
    let above = i32::from_be_bytes(cursor.array()?);
    let below = cursor.u32()?;
    Ok((below > 0).then(|| f64::from(above) / f64::from(below)))
}
