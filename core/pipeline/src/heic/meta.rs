//! What the `meta` box of a HEIF file says (ISO/IEC 14496-12, 8.11): which items there are, where they lie, what they have
//! to do with each other, and what properties they have (ISO/IEC 23008-12, 9.3). Judges none of it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::boxes::{Boxed, few};
use crate::cursor::Cursor;
use crate::refusal::Refusal;

/// The number of an item.
pub(super) type Id = u32;

/// Photos of 200 megapixels have some 900 items, one for each tile.
const ITEMS_MAX: usize = 1 << 13;
/// Of all items together, however many boxes tell of them; and of all that refer to others.
const EXTENTS_MAX: usize = 1 << 16;
/// Of one item.
const PROPERTIES_MAX: usize = 1 << 8;

/// What is said of items.
#[derive(Default)]
pub(super) struct Meta<'a> {
    pub(super) primary: Option<Id>,
    /// What each item is, for example `hvc1`.
    pub(super) kinds: BTreeMap<Id, [u8; 4]>,
    places: BTreeMap<Id, Place>,
    /// How many pieces all of these have.
    extents: usize,
    pub(super) references: Vec<Reference>,
    /// How many items all of these refer to.
    targets: usize,
    properties: Vec<Boxed<'a>>,
    /// The properties of each item by their numbers, from 1 on; 0 is none.
    has: BTreeMap<Id, Vec<Has>>,
    /// Where items lie that are so small that they are kept in `meta`.
    inside: Range<usize>,
}

/// An item tells of others.
pub(super) struct Reference {
    pub(super) name: [u8; 4],
    pub(super) from: Id,
    pub(super) to: Vec<Id>,
}

/// Where the pieces of an item are.
struct Place {
    whence: Whence,
    extents: Vec<Range<usize>>,
}

/// What the pieces of an item are counted from.
#[derive(Clone, Copy)]
enum Whence {
    File,
    /// The box inside of `meta`.
    Meta,
    /// Another file, or another item.
    Elsewhere,
}

#[derive(Clone, Copy)]
struct Has {
    property: u16,
    /// Whether an item cannot be shown without it.
    essential: bool,
}

/// A property of an item.
pub(super) struct Property<'a> {
    pub(super) boxed: Boxed<'a>,
    pub(super) essential: bool,
}

impl<'a> Meta<'a> {
    pub(super) fn read(meta: &Boxed<'a>) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for child in meta.children(4)? {
            match &child.name {
                b"hdlr" => is_picture(&child)?,
                b"pitm" => read.primary = Some(primary(&child)?),
                b"iinf" => read.items(&child)?,
                b"iloc" => read.places(&child)?,
                b"iref" => read.references(&child)?,
                b"iprp" => read.properties(&child)?,
                b"idat" => read.inside = child.place(),
                _ => {}
            }
        }
        Ok(read)
    }

    /// Where the pieces of an item are in the file.
    pub(super) fn extents(&self, item: Id) -> Result<Vec<Range<usize>>, Refusal> {
        let place = self.places.get(&item).ok_or_else(|| Refusal::damaged("an item that is nowhere"))?;
        let room = match place.whence {
            Whence::File => 0..usize::MAX,
            Whence::Meta => self.inside.clone(),
            Whence::Elsewhere => return Err(Refusal::damaged("an item that is not in the file")),
        };
        let inside = |extent: &Range<usize>| {
            let [start, end] = [extent.start, extent.end].map(|at| room.start.saturating_add(at));
            (start < end && end <= room.end).then_some(start..end)
        };
        // A length of nothing would be all of the file, which no picture is.
        let extents: Option<Vec<_>> = place.extents.iter().map(inside).collect();
        let extents = extents.filter(|extents| !extents.is_empty());
        extents.ok_or_else(|| Refusal::damaged("an item beyond its box"))
    }

    /// What an item refers to, for example the tiles of a grid.
    pub(super) fn targets(&self, from: Id, name: [u8; 4]) -> &[Id] {
        let mut references = self.references.iter();
        let found = references.find(|reference| reference.from == from && reference.name == name);
        found.map_or(&[], |reference| &reference.to)
    }

    /// The properties of an item, in order.
    pub(super) fn properties_of(&self, item: Id) -> Result<Vec<Property<'a>>, Refusal> {
        let has = self.has.get(&item).map_or(&[][..], Vec::as_slice);
        let property = |has: &Has| {
            let boxed = self.properties.get(usize::from(has.property) - 1);
            let boxed = *boxed.ok_or_else(|| Refusal::damaged("a property that is not there"))?;
            Ok(Property { boxed, essential: has.essential })
        };
        has.iter().filter(|has| has.property > 0).map(property).collect()
    }

    /// 8.11.6; entries before version 2 are for files that hold no pictures.
    fn items(&mut self, iinf: &Boxed<'a>) -> Result<(), Refusal> {
        let (version, _, _) = iinf.full()?;
        for entry in iinf.children(if version == 0 { 6 } else { 8 })? {
            let (version, _, mut cursor) = entry.full()?;
            if &entry.name != b"infe" || version < 2 {
                continue;
            }
            let item = id(&mut cursor, version > 2)?;
            let protection = cursor.u16()?;
            let kind = if protection == 0 { cursor.array()? } else { *b"crpt" };
            self.kinds.entry(item).or_insert(kind);
            few(self.kinds.len(), ITEMS_MAX)?;
        }
        Ok(())
    }

    /// 8.11.3.
    fn places(&mut self, iloc: &Boxed<'a>) -> Result<(), Refusal> {
        let (version, _, mut cursor) = iloc.full()?;
        if version > 2 {
            return Err(Refusal::damaged("places of an unknown version"));
        }
        let [sizes, more] = cursor.array::<2>()?;
        let sizes = Sizes { offset: sizes >> 4, length: sizes & 15, base: more >> 4, index: more & 15, version };
        for _ in 0..id(&mut cursor, version == 2)? {
            let item = id(&mut cursor, version == 2)?;
            let place = sizes.place(&mut cursor)?;
            self.extents += place.extents.len();
            self.places.entry(item).or_insert(place);
            few(self.places.len(), ITEMS_MAX)?;
            few(self.extents, EXTENTS_MAX)?;
        }
        Ok(())
    }

    /// 8.11.12.
    fn references(&mut self, iref: &Boxed<'a>) -> Result<(), Refusal> {
        let (version, _, _) = iref.full()?;
        for reference in iref.children(4)? {
            let mut cursor = reference.cursor();
            let from = id(&mut cursor, version > 0)?;
            let count = cursor.u16()?;
            let to = (0..count).map(|_| id(&mut cursor, version > 0)).collect::<Result<_, _>>()?;
            self.targets += usize::from(count);
            few(self.references.len(), ITEMS_MAX)?;
            few(self.targets, EXTENTS_MAX)?;
            self.references.push(Reference { name: reference.name, from, to });
        }
        Ok(())
    }

    /// ISO/IEC 23008-12, 9.3.1.
    fn properties(&mut self, iprp: &Boxed<'a>) -> Result<(), Refusal> {
        for child in iprp.children(0)? {
            match &child.name {
                b"ipco" => self.properties = child.children(0)?,
                b"ipma" => self.associations(&child)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// 9.3.2: the highest bit says whether a property is essential.
    fn associations(&mut self, ipma: &Boxed<'a>) -> Result<(), Refusal> {
        let (version, flags, mut cursor) = ipma.full()?;
        let is_wide = flags & 1 == 1;
        for _ in 0..cursor.u32()? {
            let item = id(&mut cursor, version > 0)?;
            for _ in 0..cursor.byte()? {
                let bits = if is_wide { cursor.u16()? } else { u16::from(cursor.byte()?) };
                let top = if is_wide { 1 << 15 } else { 1 << 7 };
                let has = Has { property: bits & !top, essential: bits & top != 0 };
                let all = self.has.entry(item).or_default();
                all.push(has);
                few(all.len(), PROPERTIES_MAX)?;
            }
            few(self.has.len(), ITEMS_MAX)?;
        }
        Ok(())
    }
}

/// 8.11.1: other kinds of file are made of boxes too.
fn is_picture(hdlr: &Boxed<'_>) -> Result<(), Refusal> {
    let (_, _, mut cursor) = hdlr.full()?;
    cursor.take(4)?;
    match &cursor.array()? {
        b"pict" => Ok(()),
        _ => Err(Refusal::damaged("no picture in it")),
    }
}

/// 8.11.4.
fn primary(pitm: &Boxed<'_>) -> Result<Id, Refusal> {
    let (version, _, mut cursor) = pitm.full()?;
    id(&mut cursor, version > 0)
}

fn id(cursor: &mut Cursor<'_>, is_wide: bool) -> Result<Id, Refusal> {
    if is_wide { cursor.u32() } else { cursor.u16().map(Id::from) }
}

/// How many bytes the numbers of a place have.
struct Sizes {
    offset: u8,
    length: u8,
    base: u8,
    index: u8,
    version: u8,
}

impl Sizes {
    fn place(&self, cursor: &mut Cursor<'_>) -> Result<Place, Refusal> {
        let method = if self.version == 0 { 0 } else { cursor.u16()? & 15 };
        let elsewhere = cursor.u16()? != 0;
        let base = number(cursor, self.base)?;
        let count = cursor.u16()?;
        let mut extents = Vec::new();
        for _ in 0..count {
            if self.version > 0 {
                number(cursor, self.index)?;
            }
            let (start, length) = (base.checked_add(number(cursor, self.offset)?), number(cursor, self.length)?);
            extents.push(range(start, length).ok_or_else(|| Refusal::damaged("an item beyond the file"))?);
        }
        let whence = match method {
            0 if !elsewhere => Whence::File,
            1 => Whence::Meta,
            _ => Whence::Elsewhere,
        };
        Ok(Place { whence, extents })
    }
}

fn range(start: Option<u64>, length: u64) -> Option<Range<usize>> {
    let start = start?;
    let end = start.checked_add(length)?;
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

fn number(cursor: &mut Cursor<'_>, bytes: u8) -> Result<u64, Refusal> {
    match bytes {
        0 => Ok(0),
        4 => cursor.u32().map(u64::from),
        8 => cursor.u64(),
        _ => Err(Refusal::damaged("a number of impossible length")),
    }
}
