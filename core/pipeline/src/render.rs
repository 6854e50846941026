//! Makes all renditions of a photo from one decode. Keeps nothing between photos.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::decode::Photo;
use crate::encode::encode;
use crate::frame::Frame;
use crate::orientation::Area;
use crate::pixels::Pixels;
use crate::plan::{self, Plan};
use crate::recipe::{Crop, Fit, Recipe, RenditionSpec};
use crate::refusal::Refusal;
use crate::resize::resize;
use crate::source::Source;

/// A finished picture: a JPEG without metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// The whole file.
    pub bytes: Arc<[u8]>,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The SHA-256 of `bytes`.
    pub sha256: [u8; 32],
    /// What a person should know: that it was enlarged, or that its quality is low.
    pub warnings: Vec<String>,
}

/// Decodes an examined photo once and makes every rendition of the recipe, in the recipe's order.
///
/// `bytes` are those from which [`examine`](crate::examine) made `source`.
///
/// # Errors
///
/// The picture data is damaged, a rendition cannot have its bytes or sides, or a decoder panicked. Either all
/// renditions are made or none.
pub fn render(bytes: &[u8], source: &Source, recipe: &Recipe) -> Result<Vec<Rendition>, Refusal> {
    let made = catch_unwind(AssertUnwindSafe(|| render_all(bytes, source, recipe)));
    made.unwrap_or(Err(Refusal::DecoderFailed))
}

fn render_all(bytes: &[u8], source: &Source, recipe: &Recipe) -> Result<Vec<Rendition>, Refusal> {
    let frames = frames(source, recipe)?;
    let plan = Plan::new(&frames, source.orientation, source.coded_sides());
    let mut easel = Easel { source, photo: Photo::decode(bytes, source, plan)?, drafts: Vec::new() };
    let mut made: Vec<Option<Rendition>> = vec![None; recipe.renditions.len()];
    for index in largest_first(&frames) {
        let spec = &recipe.renditions[index];
        let twin = recipe.renditions.iter().zip(&made).find(|(other, made)| *other == spec && made.is_some());
        made[index] = match twin {
            Some((_, twin)) => twin.clone(),
            None => Some(easel.paint(&frames[index], spec)?),
        };
    }
    Ok(made.into_iter().map(|made| made.expect("every index was visited")).collect())
}

impl Source {
    /// An upper bound of the bytes that [`render`] takes beside the file for this recipe.
    #[must_use]
    pub fn render_bytes(&self, recipe: &Recipe) -> u64 {
        // What cannot be framed is refused before anything is decoded.
        let frames = frames(self, recipe).unwrap_or_default();
        plan::bytes(self, Plan::new(&frames, self.orientation, self.coded_sides()), &frames)
    }

    /// The same for the most expensive of all recipes with sides that are no larger than the photo's.
    pub(crate) fn bytes_at_most(&self) -> u64 {
        let spec = RenditionSpec { width: 0, height: 0, fit: Fit::AtMost, max_bytes: None };
        self.render_bytes(&Recipe { crop: Crop::Center, renditions: vec![spec] })
    }
}

/// Impossible renditions are found before anything is decoded.
fn frames(source: &Source, recipe: &Recipe) -> Result<Vec<Frame>, Refusal> {
    let sides = (source.width, source.height);
    recipe.renditions.iter().map(|spec| Frame::new(spec, recipe.crop, sides)).collect()
}

fn largest_first(frames: &[Frame]) -> Vec<usize> {
    let pixels = |index: &usize| u64::from(frames[*index].picture.0) * u64::from(frames[*index].picture.1);
    let mut order: Vec<usize> = (0..frames.len()).collect();
    order.sort_by_key(|index| Reverse(pixels(index)));
    order
}

/// The decoded photo and what has been made of it so far.
struct Easel<'a> {
    source: &'a Source,
    /// As coded, not upright.
    photo: Photo,
    drafts: Vec<Draft>,
}

/// An upright, resized part of the photo, before its JPEG was made.
struct Draft {
    frame: Frame,
    pixels: Pixels,
}

impl Easel<'_> {
    fn paint(&mut self, frame: &Frame, spec: &RenditionSpec) -> Result<Rendition, Refusal> {
        let picture = match self.base(frame) {
            Some(draft) => resize(&draft.pixels, draft.inside(frame.area), frame.picture)?,
            None => self.resized_photo(frame)?,
        };
        let sheet = on_sheet(&picture, frame);
        let encoded = encode(sheet.as_ref().unwrap_or(&picture), spec.max_bytes)?;
        let enlarged = frame.enlarged_from().map(|(width, height)| format!("enlarged from {width}x{height}"));
        let warnings = enlarged.into_iter().chain(encoded.warning()).collect();
        self.drafts.push(Draft { frame: *frame, pixels: picture });
        Ok(Rendition {
            sha256: Sha256::digest(&encoded.jpeg).into(),
            bytes: encoded.jpeg.into(),
            width: frame.sheet.0,
            height: frame.sheet.1,
            warnings,
        })
    }

    /// The smallest draft that shows all of the area with at least twice the wanted pixels on each side.
    ///
    /// Twice is where Lanczos3 from a draft can hardly be told from Lanczos3 from the photo.
    fn base(&self, frame: &Frame) -> Option<&Draft> {
        let (across, down) = frame.scale();
        let serves = |draft: &&Draft| {
            let has = draft.frame.scale();
            draft.frame.area.contains(&frame.area) && has.0 >= 2.0 * across && has.1 >= 2.0 * down
        };
        self.drafts.iter().filter(serves).min_by_key(|draft| draft.pixels.rgb.len())
    }

    /// Turns the box instead of the photo, and then only the small result.
    fn resized_photo(&self, frame: &Frame) -> Result<Pixels, Refusal> {
        let orientation = self.source.orientation;
        let area = orientation.coded_area(frame.area, self.source.coded_sides());
        let coded = self.photo.draw(area, orientation.turn_sides(frame.picture))?;
        Ok(orientation.apply(coded))
    }
}

impl Draft {
    /// Where an area of the photo lies in this draft.
    fn inside(&self, area: Area) -> Area {
        let (across, down) = self.frame.scale();
        Area {
            left: (area.left - self.frame.area.left) * across,
            top: (area.top - self.frame.area.top) * down,
            width: area.width * across,
            height: area.height * down,
        }
    }
}

/// White around a picture that does not fill its sheet.
fn on_sheet(picture: &Pixels, frame: &Frame) -> Option<Pixels> {
    let (width, height) = frame.sheet;
    if (picture.width, picture.height) == (width, height) {
        return None;
    }
    let mut sheet = Pixels::white(width, height);
    sheet.lay(picture, (width - picture.width) / 2, (height - picture.height) / 2);
    Some(sheet)
}
