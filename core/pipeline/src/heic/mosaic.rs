//! Which coded pictures make up the picture that an item is: one, or tiles of a grid (ISO/IEC 23008-12, 6.6.2.3).

use std::collections::BTreeMap;
use std::ops::Range;

use super::configuration::Configuration;
use super::meta::{Id, Meta};
use super::traits::{Traits, unsupported};
use crate::cursor::Cursor;
use crate::refusal::Refusal;

/// Tiles in rows, each as large as the others; the last ones may reach over the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mosaic {
    pub(super) columns: u32,
    pub(super) sides: (u32, u32),
    /// The sides of a tile.
    pub(super) tile: (u32, u32),
    /// Which of `pictures` each tile is.
    pub(super) tiles: Vec<usize>,
    pub(super) pictures: Vec<Coded>,
    /// 0 is gray; 1, 2 and 3 have a quarter, a half and all of their chroma.
    pub(super) chroma_format: u8,
}

/// A coded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coded {
    /// Where its configuration record is in the file.
    pub(super) configuration: Range<usize>,
    /// Where its data is, in pieces.
    pub(super) extents: Vec<Range<usize>>,
}

/// What a grid says.
struct Grid {
    rows: u32,
    columns: u32,
    sides: (u32, u32),
}

impl Mosaic {
    pub(super) fn of(bytes: &[u8], meta: &Meta<'_>, item: Id, traits: &Traits<'_>) -> Result<Self, Refusal> {
        match meta.kinds.get(&item) {
            Some(b"hvc1") => {
                let (coded, chroma_format) = Coded::of(meta, item, traits)?;
                let (sides, tiles, pictures) = (traits.sides, vec![0], vec![coded]);
                Ok(Self { columns: 1, sides, tile: sides, tiles, pictures, chroma_format })
            }
            Some(b"grid") => Self::of_grid(&Grid::read(bytes, meta, item)?, meta, meta.targets(item, *b"dimg")),
            Some(b"av01") => Err(unsupported("coded as AV1")),
            Some(b"iovl") => Err(unsupported("put together from layers")),
            Some(_) => Err(unsupported("coded in another way than HEVC")),
            None => Err(Refusal::damaged("no picture in it")),
        }
    }

    fn of_grid(grid: &Grid, meta: &Meta<'_>, items: &[Id]) -> Result<Self, Refusal> {
        let first = *items.first().ok_or_else(|| Refusal::damaged("a grid without tiles"))?;
        let like = Traits::of(meta, first)?;
        let (_, chroma_format) = Coded::of(meta, first, &like)?;
        let tiles = Vec::with_capacity(items.len());
        let (columns, sides, tile) = (grid.columns, grid.sides, like.sides);
        let mut mosaic = Self { columns, sides, tile, tiles, pictures: Vec::new(), chroma_format };
        mosaic.check(grid.rows, items.len())?;
        let mut known = BTreeMap::new();
        for item in items {
            let index = match known.get(item) {
                Some(index) => *index,
                None => mosaic.add(meta, *item)?,
            };
            known.insert(*item, index);
            mosaic.tiles.push(index);
        }
        Ok(mosaic)
    }

    /// A tile that is not shown would be work for nothing, and a file could hold many. Chroma must not be split between two.
    fn check(&self, rows: u32, tiles: usize) -> Result<(), Refusal> {
        let covers = |count: u32, tile: u32, side: u32| {
            let before_last = u64::from(count - 1) * u64::from(tile);
            before_last < side.into() && before_last + u64::from(tile) >= side.into()
        };
        let fits = covers(self.columns, self.tile.0, self.sides.0) && covers(rows, self.tile.1, self.sides.1);
        let (across, down) = subsampling(self.chroma_format);
        let splits = |count: u32, tile: u32, pixels: u32| count > 1 && !tile.is_multiple_of(pixels);
        let splits = splits(self.columns, self.tile.0, across) || splits(rows, self.tile.1, down);
        if tiles as u64 != u64::from(self.columns) * u64::from(rows) || !fits || splits {
            return Err(Refusal::damaged("tiles that do not make the picture"));
        }
        Ok(())
    }

    fn add(&mut self, meta: &Meta<'_>, item: Id) -> Result<usize, Refusal> {
        let traits = Traits::of(meta, item)?;
        let is_plain = traits.clip.is_none() && traits.orientation == Default::default();
        if meta.kinds.get(&item) != Some(b"hvc1") || !is_plain {
            return Err(unsupported("made of tiles that are not plain pictures"));
        }
        let (coded, chroma_format) = Coded::of(meta, item, &traits)?;
        if (traits.sides, chroma_format) != (self.tile, self.chroma_format) {
            return Err(Refusal::damaged("tiles that do not fit together"));
        }
        self.pictures.push(coded);
        Ok(self.pictures.len() - 1)
    }

    pub(super) fn is_gray(&self) -> bool {
        self.chroma_format == 0
    }

    /// What is read for all tiles; configurations only where they are not those of the tile before.
    pub(super) fn coded_bytes(&self) -> u64 {
        let pictures = || self.tiles.iter().map(|tile| &self.pictures[*tile]);
        let changed = pictures().zip(pictures().skip(1)).filter(|(last, now)| last.configuration != now.configuration);
        let configurations: u64 = changed.map(|(_, now)| now.configuration.len() as u64).sum();
        pictures().map(Coded::bytes).sum::<u64>() + configurations
    }

    /// Where coded data is in the file.
    pub(super) fn extents(&self) -> impl Iterator<Item = &Range<usize>> {
        self.pictures.iter().flat_map(|picture| &picture.extents)
    }
}

/// How many pixels a sample of chroma stands for, across and down.
pub(super) fn subsampling(chroma_format: u8) -> (u32, u32) {
    match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    }
}

impl Coded {
    /// Also says how much chroma there is.
    fn of(meta: &Meta<'_>, item: Id, traits: &Traits<'_>) -> Result<(Self, u8), Refusal> {
        let configuration =
            traits.configuration.ok_or_else(|| Refusal::damaged("a picture without its configuration"))?;
        let chroma_format = Configuration::read(configuration.body)?.chroma_format;
        Ok((Self { configuration: configuration.place(), extents: meta.extents(item)? }, chroma_format))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.extents.iter().map(|extent| extent.len() as u64).sum()
    }
}

impl Grid {
    fn read(bytes: &[u8], meta: &Meta<'_>, item: Id) -> Result<Self, Refusal> {
        let extents = meta.extents(item)?;
        let [place] = extents.as_slice() else { return Err(Refusal::damaged("a grid in pieces")) };
        let mut cursor = Cursor::new(bytes.get(place.clone()).ok_or(Refusal::Cut)?);
        let [version, flags, rows, columns] = cursor.array()?;
        let mut side = || if flags & 1 == 1 { cursor.u32() } else { cursor.u16().map(u32::from) };
        let sides = (side()?, side()?);
        if version != 0 || sides.0 == 0 || sides.1 == 0 {
            return Err(Refusal::damaged("an impossible header"));
        }
        Ok(Self { rows: u32::from(rows) + 1, columns: u32::from(columns) + 1, sides })
    }
}
