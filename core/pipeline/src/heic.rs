//! HEIC: pictures of HEVC (ITU-T H.265) in a HEIF container (ISO/IEC 23008-12).
//!
//! The container is read here and nothing of it is left to the decoder, which gets one coded picture at a time: a photo of a
//! phone is a grid of some fifty. They stay in luma and chroma, as a JPEG's components do, and tiles that no rendition shows
//! are not decoded. Turning and clipping are the container's word; what EXIF data says of them is the same once more.

mod boxes;
mod colours;
mod configuration;
mod hevc;
mod levels;
mod meta;
mod mosaic;
mod planes;
mod sheet;
mod traits;

pub(crate) use planes::{Decoded, decode, decoded_bytes};

use crate::cursor::Cursor;
use crate::orientation::Orientation;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::source::{Coding, Found};
use crate::space::Model;
use boxes::Boxed;
use meta::{Id, Meta};
use mosaic::Mosaic;
use traits::{Clip, Nclx, Traits, unsupported};

/// What the walk finds out about a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heic {
    picture: Mosaic,
    /// How opaque the picture is, as a picture of the same sides.
    alpha: Option<Mosaic>,
    clip: Clip,
    pub(crate) orientation: Orientation,
    /// What the container says of colours; where it says nothing, the coded picture may.
    nclx: Option<Nclx>,
    profile: Option<Profile>,
}

/// Walks over the boxes of the file to the last one. What follows and is none, as it has no name, is not the picture's.
pub(crate) fn walk(bytes: &[u8]) -> Result<Found, Refusal> {
    let mut cursor = Cursor::new(bytes);
    let mut found: Option<(Heic, usize)> = None;
    while !cursor.rest().is_empty() {
        let is_whole = found.as_ref().is_some_and(|(_, end)| *end <= cursor.at());
        if is_whole && !is_named(cursor.rest()) {
            break;
        }
        let boxed = Boxed::read(&mut cursor, 0)?;
        if &boxed.name == b"meta" && found.is_none() {
            let heic = Heic::read(bytes, &Meta::read(&boxed)?)?;
            let end = heic.end();
            found = Some((heic, end));
        }
    }
    let (mut heic, _) = found.ok_or_else(|| unsupported("a film without a picture"))?;
    heic.check(bytes)?;
    let sides = (heic.clip.width, heic.clip.height);
    let profile = heic.profile.take();
    let model = if heic.picture.is_gray() { Model::Gray } else { Model::Rgb };
    Ok(Found {
        coding: Coding::Heic(Box::new(heic)),
        sides,
        keep: Vec::new(),
        model,
        profile,
        exif: None,
        end: cursor.at(),
    })
}

/// Names of boxes are four letters of ASCII, or spaces.
fn is_named(rest: &[u8]) -> bool {
    let name = rest.get(4..8);
    name.is_some_and(|name| name.iter().all(|letter| letter.is_ascii_graphic() || *letter == b' '))
}

impl Heic {
    fn read(bytes: &[u8], meta: &Meta<'_>) -> Result<Self, Refusal> {
        let primary = meta.primary.ok_or_else(|| Refusal::damaged("no picture in it"))?;
        let traits = Traits::of(meta, primary)?;
        let picture = Mosaic::of(bytes, meta, primary, &traits)?;
        if picture.sides != traits.sides {
            return Err(Refusal::damaged("two different sizes"));
        }
        let alpha = alpha(bytes, meta, primary)?;
        if alpha.as_ref().is_some_and(|alpha| alpha.sides != picture.sides) {
            return Err(Refusal::damaged("two different sizes"));
        }
        let tile = meta.targets(primary, *b"dimg").first();
        let tile = tile.map(|tile| Traits::of(meta, *tile)).transpose()?;
        let nclx = traits.nclx.or_else(|| tile.as_ref()?.nclx);
        let (clip, orientation) = (traits.clip_or_all(), traits.orientation);
        let profile = match (traits.profile()?, tile) {
            (None, Some(tile)) => tile.profile()?,
            (profile, _) => profile,
        };
        Ok(Self { picture, alpha, clip, orientation, nclx, profile })
    }

    /// Where the last byte of what is shown lies.
    fn end(&self) -> usize {
        self.mosaics().flat_map(Mosaic::extents).map(|extent| extent.end).max().unwrap_or(0)
    }

    /// Space that was reserved for a copy that stopped holds zeros, and no coded picture ends in three (ITU-T H.265, 7.4.2).
    /// Tiles that share data could have a small file read for ever.
    fn check(&self, bytes: &[u8]) -> Result<(), Refusal> {
        for extent in self.mosaics().flat_map(Mosaic::extents) {
            let data = bytes.get(extent.clone()).ok_or(Refusal::Cut)?;
            if data.ends_with(&[0; 3]) {
                return Err(Refusal::Cut);
            }
        }
        match self.mosaics().any(|mosaic| mosaic.coded_bytes() > bytes.len() as u64) {
            true => Err(Refusal::damaged("tiles that are one over the other")),
            false => Ok(()),
        }
    }

    fn mosaics(&self) -> impl Iterator<Item = &Mosaic> {
        std::iter::once(&self.picture).chain(&self.alpha)
    }
}

/// Other pictures may belong to it as well: depths, gain maps.
fn alpha(bytes: &[u8], meta: &Meta<'_>, primary: Id) -> Result<Option<Mosaic>, Refusal> {
    for reference in &meta.references {
        if &reference.name != b"auxl" || !reference.to.contains(&primary) {
            continue;
        }
        let Ok(traits) = Traits::of(meta, reference.from) else { continue };
        if traits.is_alpha {
            return Mosaic::of(bytes, meta, reference.from, &traits).map(Some);
        }
    }
    Ok(None)
}
