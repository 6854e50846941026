//! Frame and scan headers (ITU-T T.81, B.2.2 and B.2.3): which components a picture has, and what a scan codes of them.

use super::Damage;
use crate::cursor::Cursor;
use crate::refusal::Refusal;
use crate::source::Format;

/// What the frame header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) progressive: bool,
    /// One, three or four.
    pub(crate) components: Vec<Component>,
}

/// One colour of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Sampling factors, 1 to 4: how many blocks a unit has of it across and down.
    pub(crate) across: u8,
    pub(crate) down: u8,
    /// The number of its quantisation table, 0 to 3.
    pub(crate) table: u8,
}

impl Frame {
    pub(super) fn read(mut body: Cursor<'_>, progressive: bool) -> Result<Self, Refusal> {
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
        let components: Vec<_> = (0..count).map(|_| Component::read(&mut body)).collect::<Result<_, _>>()?;
        if !body.rest().is_empty() {
            return Err(Refusal::damaged("a frame header of the wrong length"));
        }
        let mut frame = Self { width, height, progressive, components };
        if let [alone] = frame.components.as_mut_slice() {
            // One component is never interleaved, so its factors say nothing (A.2.2).
            (alone.across, alone.down) = (1, 1);
        }
        Ok(frame)
    }

    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The largest sampling factors, across and down.
    pub(crate) fn unit(&self) -> (u32, u32) {
        let across = self.components.iter().map(|it| it.across).max();
        let down = self.components.iter().map(|it| it.down).max();
        (across.unwrap_or(1).into(), down.unwrap_or(1).into())
    }

    /// How many units (A.2: all components' blocks of one place) the picture has, across and down.
    pub(super) fn units(&self) -> (u32, u32) {
        let (across, down) = self.unit();
        (u32::from(self.width).div_ceil(8 * across), u32::from(self.height).div_ceil(8 * down))
    }

    /// How many blocks of a component carry picture, across and down; a scan of it alone has exactly those.
    pub(super) fn blocks(&self, component: &Component) -> (u32, u32) {
        let (across, down) = self.unit();
        let blocks = |side: u16, factor: u8, max: u32| (u32::from(side) * u32::from(factor)).div_ceil(8 * max);
        (blocks(self.width, component.across, across), blocks(self.height, component.down, down))
    }

    /// How many that is.
    pub(super) fn count_blocks(&self, component: &Component) -> u64 {
        let (across, down) = self.blocks(component);
        u64::from(across) * u64::from(down)
    }

    /// How many blocks of all components carry picture.
    pub(super) fn all_blocks(&self) -> u64 {
        self.components.iter().map(|component| self.count_blocks(component)).sum()
    }
}

impl Component {
    fn read(body: &mut Cursor<'_>) -> Result<Self, Refusal> {
        let [id, factors, table] = body.array()?;
        let (across, down) = (factors >> 4, factors & 15);
        if !(1..=4).contains(&across) || !(1..=4).contains(&down) || table > 3 {
            return Err(Refusal::damaged("an impossible colour sampling"));
        }
        Ok(Self { id, across, down, table })
    }
}

/// What a scan header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// One to four, in the order in which their blocks come.
    pub(super) parts: Vec<Part>,
    /// The first and the last coefficient in zigzag order, 0 to 63.
    pub(super) band: (u8, u8),
    /// How many low bits are left to later scans (G.1.1.1.2).
    pub(super) low: u8,
    /// As `low` of the scan before it, of which this one adds the next bit; 0 where this one is the first.
    pub(super) high: u8,
}

/// A component of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its place among the frame's components.
    pub(super) component: usize,
    /// The numbers of its Huffman tables, 0 to 3.
    pub(super) dc: usize,
    pub(super) ac: usize,
}

impl Scan {
    pub(super) fn read(mut body: Cursor<'_>, frame: &Frame) -> Result<Self, Refusal> {
        let count = body.byte()?;
        let parts = (0..count).map(|_| Part::read(&mut body, frame)).collect::<Result<Vec<_>, _>>()?;
        let [first, last, approximation] = body.array()?;
        if !(1..=4).contains(&count) || !body.rest().is_empty() {
            return Err(Refusal::damaged("a scan header of the wrong length"));
        }
        if parts.iter().enumerate().any(|(place, part)| parts[..place].iter().any(|it| it.component == part.component))
        {
            return Err(Refusal::damaged("picture data that comes twice"));
        }
        let scan = Self { parts, band: (first, last), high: approximation >> 4, low: approximation & 15 };
        if frame.progressive { scan.checked_progressive() } else { Ok(scan.sequential()) }
    }

    /// A sequential scan has all coefficients, whatever stands in these fields: some programs leave zeros there.
    fn sequential(self) -> Self {
        Self { band: (0, 63), high: 0, low: 0, ..self }
    }

    /// G.1.1.1: DC and AC never share a scan, AC belongs to one component, and each refinement adds one bit.
    fn checked_progressive(self) -> Result<Self, Refusal> {
        let (first, last) = self.band;
        let band_is_right = if first == 0 { last == 0 } else { first <= last && last < 64 && self.parts.len() == 1 };
        let bits_are_right = self.low <= 13 && (self.high == 0 || self.high == self.low + 1);
        if band_is_right && bits_are_right { Ok(self) } else { Err(Refusal::damaged("an impossible scan")) }
    }

    /// Whether a progressive scan is one of DC coefficients.
    pub(super) fn is_dc(&self) -> bool {
        self.band.0 == 0
    }
}

impl Part {
    fn read(body: &mut Cursor<'_>, frame: &Frame) -> Result<Self, Refusal> {
        let [id, tables] = body.array()?;
        let component = frame.components.iter().position(|component| component.id == id);
        let component = component.ok_or_else(|| Refusal::damaged("picture data for a colour that does not exist"))?;
        let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
        if dc > 3 || ac > 3 { Err(Damage::Table.into()) } else { Ok(Self { component, dc, ac }) }
    }
}

pub(super) fn unsupported(form: &'static str) -> Refusal {
    Refusal::Unsupported { format: Format::Jpeg, form }
}
