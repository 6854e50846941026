//! Makes all renditions of a photo from one decode. Keeps nothing between photos.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::decode::Photo;
use crate::draw::Canvas;
use crate::encode::encode;
use crate::frame::Frame;
use crate::jpeg;
use crate::orientation::Area;
use crate::pixels::{Picture, Pixels};
use crate::plan::{self, Plan};
use crate::recipe::{Recipe, RenditionSpec};
use crate::refusal::Refusal;
use crate::source::Source;
use crate::warning::Warning;

/// A finished picture: a JPEG without metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendition {
    /// The whole file.
    pub bytes: Arc<[u8]>,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The SHA-256 of `bytes`.
    pub sha256: [u8; 32],
    /// The part of the upright photo that it shows, in the photo's pixels.
    pub area: Area,
    /// What a person should know: that it was enlarged, or that its quality is low.
    pub warnings: Vec<String>,
}

/// What has become of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// In the recipe's order.
    pub renditions: Vec<Rendition>,
    /// What has to be said of the photo, in their own order and each once.
    pub warnings: Vec<Warning>,
    /// The faces that were found, the largest first: squares in pixels of the upright photo, which may reach beyond it.
    pub faces: Vec<Area>,
}

/// Decodes an examined photo and makes every rendition of the recipe.
///
/// `bytes` are those from which [`examine`](crate::examine) made `source`.
///
/// # Errors
///
/// The picture data is damaged, a rendition cannot have its bytes or sides, the recipe does not want such a photo, or a
/// decoder panicked. Either all renditions are made or none.
pub fn render(bytes: &[u8], source: &Source, recipe: &Recipe) -> Result<Rendered, Refusal> {
    let made = catch_unwind(AssertUnwindSafe(|| render_all(bytes, source, recipe)));
    made.unwrap_or(Err(Refusal::DecoderFailed))
}

fn render_all(bytes: &[u8], source: &Source, recipe: &Recipe) -> Result<Rendered, Refusal> {
    let wanted = wanted(source, recipe)?;
    let plan = plan(source, &wanted);
    let mut easel = Easel { source, photo: Photo::decode(bytes, source, plan)?, drafts: Vec::new() };
    let mut made: Vec<Option<Rendition>> = vec![None; wanted.len()];
    for index in largest_first(&wanted) {
        let spec = &recipe.renditions[index];
        let twin = recipe.renditions.iter().zip(&made).find(|(other, made)| *other == spec && made.is_some());
        made[index] = match (twin, &wanted[index]) {
            (Some((_, twin)), _) => twin.clone(),
            (None, Wanted::Original) => Some(original(bytes, source)?),
            (None, Wanted::Drawn(frame)) => Some(easel.paint(frame, spec.max_bytes)?),
        };
    }
    let renditions = made.into_iter().map(|made| made.expect("every index was visited")).collect();
    Ok(Rendered { renditions, warnings: Vec::new(), faces: Vec::new() })
}

/// What one rendition is made of.
enum Wanted {
    /// The file's coded data, as it is.
    Original,
    /// Pixels.
    Drawn(Frame),
}

/// Impossible renditions are found before anything is decoded.
fn wanted(source: &Source, recipe: &Recipe) -> Result<Vec<Wanted>, Refusal> {
    let sides = (source.width, source.height);
    let wanted = |spec: &RenditionSpec| {
        let frame = Frame::new(spec, recipe.style.crop, sides)?;
        let fits = spec.max_bytes.is_none_or(|max| jpeg::stripped_bytes(source.kept()) <= max);
        let is_original = source.is_plain && frame.shows_all_of(sides) && fits;
        Ok(if is_original { Wanted::Original } else { Wanted::Drawn(frame) })
    };
    recipe.renditions.iter().map(wanted).collect()
}

fn plan(source: &Source, wanted: &[Wanted]) -> Plan {
    let mut plan = Plan::new(&frames(wanted), source.orientation, source.coded_sides());
    if has_original(wanted) {
        // What is handed on as it was coded is read whole before, and an eighth leaves out scans of a progressive picture.
        plan.scale = plan.scale.max(source.coding.least_scale_of_all());
    }
    plan
}

fn has_original(wanted: &[Wanted]) -> bool {
    wanted.iter().any(|wanted| matches!(wanted, Wanted::Original))
}

fn frames(wanted: &[Wanted]) -> Vec<Frame> {
    let frame = |wanted: &Wanted| match wanted {
        Wanted::Original => None,
        Wanted::Drawn(frame) => Some(*frame),
    };
    wanted.iter().filter_map(frame).collect()
}

fn original(bytes: &[u8], source: &Source) -> Result<Rendition, Refusal> {
    let picture = jpeg::stripped(bytes, source.kept()).ok_or(Refusal::DecoderFailed)?;
    let sides = (source.width, source.height);
    Ok(Rendition::new(picture, sides, Area::whole(sides.0, sides.1), Vec::new()))
}

impl Source {
    /// An upper bound of the bytes that [`render`] takes beside the file for this recipe.
    #[must_use]
    pub fn render_bytes(&self, recipe: &Recipe) -> u64 {
        // What cannot be framed is refused before anything is decoded.
        let wanted = wanted(self, recipe).unwrap_or_default();
        // It is copied twice: together, and to where renditions are shared from.
        let original = if has_original(&wanted) { 2 * jpeg::stripped_bytes(self.kept()) } else { 0 };
        original + plan::bytes(self, plan(self, &wanted), &frames(&wanted))
    }

    /// The same for the whole photo at its own size, which costs most of all that is usual.
    pub(crate) fn bytes_at_most(&self) -> u64 {
        let frame = Frame::whole((self.width, self.height));
        plan::bytes(self, plan(self, &[Wanted::Drawn(frame)]), &[frame])
    }
}

fn largest_first(wanted: &[Wanted]) -> Vec<usize> {
    let pixels = |index: &usize| match &wanted[*index] {
        Wanted::Original => u64::MAX,
        Wanted::Drawn(frame) => frame.pixels(),
    };
    let mut order: Vec<usize> = (0..wanted.len()).collect();
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
    picture: Picture,
}

impl Easel<'_> {
    fn paint(&mut self, frame: &Frame, max_bytes: Option<u64>) -> Result<Rendition, Refusal> {
        let picture = match self.base(frame) {
            Some(draft) => draw(&draft.picture.canvas(), draft.inside(frame.area), frame)?,
            None => draw(&self.photo.canvas(self.source), frame.area, frame)?,
        };
        let encoded = match on_sheet(&picture, frame) {
            Some(sheet) => encode(&Picture::Pixels(sheet), max_bytes)?,
            None => encode(&picture, max_bytes)?,
        };
        let enlarged = frame.enlarged_from().map(|(width, height)| format!("enlarged from {width}x{height}"));
        let warnings = enlarged.into_iter().chain(encoded.warning()).collect();
        self.drafts.push(Draft { frame: *frame, picture });
        Ok(Rendition::new(encoded.jpeg, frame.sheet, frame.area, warnings))
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
        self.drafts.iter().filter(serves).min_by_key(|draft| draft.frame.pixels())
    }
}

/// Luma and chroma stay apart where they are and nothing is laid around them.
fn draw(from: &Canvas<'_>, area: Area, frame: &Frame) -> Result<Picture, Refusal> {
    if frame.picture == frame.sheet
        && let Some(planes) = from.planes(area, frame.picture)?
    {
        return Ok(Picture::Planes(planes));
    }
    from.pixels(area, frame.picture).map(Picture::Pixels)
}

impl Rendition {
    fn new(jpeg: Vec<u8>, (width, height): (u32, u32), area: Area, warnings: Vec<String>) -> Self {
        Self { sha256: Sha256::digest(&jpeg).into(), bytes: jpeg.into(), width, height, area, warnings }
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
fn on_sheet(picture: &Picture, frame: &Frame) -> Option<Pixels> {
    let Picture::Pixels(picture) = picture else { return None };
    let (width, height) = frame.sheet;
    if (picture.width, picture.height) == (width, height) {
        return None;
    }
    let mut sheet = Pixels::white(width, height);
    sheet.lay(picture, (width - picture.width) / 2, (height - picture.height) / 2);
    Some(sheet)
}
