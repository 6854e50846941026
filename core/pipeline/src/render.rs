//! Makes all renditions of a photo: decodes it, looks for faces where they matter, and draws. Keeps nothing between photos.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::decode::Photo;
use crate::draw::Canvas;
use crate::encode::encode;
use crate::frame::Frame;
use crate::jpeg::{self, Marking, Marks, Scale};
use crate::look;
use crate::orientation::Area;
use crate::pixels::{Picture, Pixels};
use crate::plan::{self, Plan};
use crate::recipe::{Crop, Recipe, RenditionSpec, Style};
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
    /// Whether it has more pixels than that part.
    pub is_enlarged: bool,
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
    let mut marks = Marks::default();
    let mut easel = Easel::new(bytes, source, &recipe.style);
    let blind = wanted(source, recipe, None)?;
    let (wanted, looks) = if recipe.needs_faces() {
        easel.hang(plan_to_look(source, recipe, &blind), Marking::Leave(&mut marks))?;
        look(&mut easel, recipe, &marks)?
    } else {
        easel.hang(plan(source, &blind), Marking::None)?;
        (blind, Looks::default())
    };
    let warnings = warnings(&looks, &wanted);
    if let Some(warning) = warnings.iter().find(|warning| recipe.reject.contains(warning)) {
        return Err(Refusal::Unwanted { warning: *warning });
    }
    let renditions = paint(&mut easel, recipe, &wanted)?;
    Ok(Rendered { renditions, warnings, faces: looks.faces })
}

/// What was found out about faces; nothing where none were looked for.
#[derive(Default)]
struct Looks {
    faces: Vec<Area>,
    warnings: Vec<Warning>,
}

/// Looks for faces in the photo that hangs there, and hangs up what is needed of the largest one in more detail.
fn look<'a>(easel: &mut Easel<'a>, recipe: &Recipe, marks: &Marks<'a>) -> Result<(Vec<Wanted>, Looks), Refusal> {
    let source = easel.source;
    let sides = (source.width, source.height);
    let faces = look::faces(&easel.latest()?, sides)?;
    let wanted = wanted(source, recipe, faces.first().copied())?;
    let sample = faces.first().map(|face| look::sample(*face, sides));
    let mut frames = frames(&wanted);
    frames.extend(sample);
    frames.retain(|frame| !easel.has(frame));
    if !frames.is_empty() {
        easel.hang(Plan::new(source, &frames), Marking::Follow(marks))?;
    }
    let luma = match sample {
        Some(sample) => look::measured(&easel.photo(&sample)?, &sample)?,
        None => Vec::new(),
    };
    let warnings = look::warnings(&faces, &luma);
    Ok((wanted, Looks { faces, warnings }))
}

fn warnings(looks: &Looks, wanted: &[Wanted]) -> Vec<Warning> {
    let is_enlarged = frames(wanted).iter().any(|frame| frame.enlarged_from().is_some());
    looks.warnings.iter().copied().chain(is_enlarged.then_some(Warning::Enlarged)).collect()
}

fn paint(easel: &mut Easel<'_>, recipe: &Recipe, wanted: &[Wanted]) -> Result<Vec<Rendition>, Refusal> {
    let mut made: Vec<Option<Rendition>> = vec![None; wanted.len()];
    for index in largest_first(wanted) {
        let spec = &recipe.renditions[index];
        let twin = recipe.renditions.iter().zip(&made).find(|(other, made)| *other == spec && made.is_some());
        made[index] = match (twin, &wanted[index]) {
            (Some((_, twin)), _) => twin.clone(),
            (None, Wanted::Original) => Some(original(easel.bytes, easel.source)?),
            (None, Wanted::Drawn(frame)) => Some(easel.paint(frame, spec.max_bytes)?),
        };
    }
    Ok(made.into_iter().map(|made| made.expect("every index was visited")).collect())
}

/// What one rendition is made of.
enum Wanted {
    /// The file's coded data, as it is.
    Original,
    /// Pixels.
    Drawn(Frame),
}

/// Impossible renditions are found before anything is decoded, and so before it is known whether there is a face.
fn wanted(source: &Source, recipe: &Recipe, face: Option<Area>) -> Result<Vec<Wanted>, Refusal> {
    let sides = (source.width, source.height);
    let wanted = |spec: &RenditionSpec| {
        let frame = Frame::new(spec, recipe.style.crop, sides, face)?;
        let fits = spec.max_bytes.is_none_or(|max| jpeg::stripped_bytes(source.kept()) <= max);
        let is_original = source.is_plain && frame.shows_all_of(sides) && fits;
        Ok(if is_original { Wanted::Original } else { Wanted::Drawn(frame) })
    };
    recipe.renditions.iter().map(wanted).collect()
}

fn plan(source: &Source, wanted: &[Wanted]) -> Plan {
    Plan::new(source, &frames(wanted)).at_least(least_scale(source, wanted))
}

/// Besides the faces, it shows what is wanted whether there is one or not.
fn plan_to_look(source: &Source, recipe: &Recipe, blind: &[Wanted]) -> Plan {
    let (steady, _) = by_face(recipe, blind);
    Plan::to_look(source, &steady).at_least(least_scale(source, blind))
}

/// What is handed on as it was coded is read whole before, and an eighth leaves out scans of a progressive picture.
fn least_scale(source: &Source, wanted: &[Wanted]) -> Scale {
    if has_original(wanted) { source.coding.least_scale_of_all() } else { Scale::Eighth }
}

/// The frames that are the same whether there is a face or not, and those that are not.
fn by_face(recipe: &Recipe, wanted: &[Wanted]) -> (Vec<Frame>, Vec<Frame>) {
    let is_face = matches!(recipe.style.crop, Crop::Face(_));
    let (mut steady, mut cropped) = (Vec::new(), Vec::new());
    for (spec, wanted) in recipe.renditions.iter().zip(wanted) {
        match wanted {
            Wanted::Drawn(frame) if is_face && spec.is_cropped() => cropped.push(*frame),
            Wanted::Drawn(frame) => steady.push(*frame),
            Wanted::Original => {}
        }
    }
    (steady, cropped)
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
    Ok(Rendition::new(picture, &Frame::whole(sides), Vec::new()))
}

impl Source {
    /// An upper bound of the bytes that [`render`] takes beside the file for this recipe.
    #[must_use]
    pub fn render_bytes(&self, recipe: &Recipe) -> u64 {
        // What cannot be framed is refused before anything is decoded.
        let wanted = wanted(self, recipe, None).unwrap_or_default();
        // It is copied twice: together, and to where renditions are shared from.
        let original = if has_original(&wanted) { 2 * jpeg::stripped_bytes(self.kept()) } else { 0 };
        let frames = frames(&wanted);
        let drawn = if recipe.needs_faces() {
            let (_, mut cropped) = by_face(recipe, &wanted);
            cropped.push(look::sample(Area::whole(self.width, self.height), (self.width, self.height)));
            plan::bytes_with_faces(self, plan_to_look(self, recipe, &wanted), &frames, &cropped, &recipe.style)
        } else {
            plan::bytes(self, plan(self, &wanted), &frames, &recipe.style)
        };
        original + drawn
    }

    /// The same for the whole photo at its own size, which costs most of all that is usual.
    pub(crate) fn bytes_at_most(&self) -> u64 {
        let frame = Frame::whole((self.width, self.height));
        plan::bytes(self, plan(self, &[Wanted::Drawn(frame)]), &[frame], &Style::default())
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

/// What was decoded of the photo, and what has been made of it so far.
struct Easel<'a> {
    bytes: &'a [u8],
    source: &'a Source,
    style: &'a Style,
    /// As coded, not upright; with what they are.
    photos: Vec<(Plan, Photo)>,
    drafts: Vec<Draft>,
}

/// An upright, resized part of the photo, before its JPEG was made.
struct Draft {
    frame: Frame,
    picture: Picture,
}

impl<'a> Easel<'a> {
    fn new(bytes: &'a [u8], source: &'a Source, style: &'a Style) -> Self {
        Self { bytes, source, style, photos: Vec::new(), drafts: Vec::new() }
    }

    /// Decodes what the plan says.
    fn hang(&mut self, plan: Plan, marking: Marking<'_, 'a>) -> Result<(), Refusal> {
        self.photos.push((plan, Photo::decode(self.bytes, self.source, plan, self.style, marking)?));
        Ok(())
    }

    /// What was decoded last.
    fn latest(&self) -> Result<Canvas<'_>, Refusal> {
        self.photos.last().map(|(_, photo)| photo.canvas(self.source)).ok_or(Refusal::DecoderFailed)
    }

    /// Whether a frame can be drawn from what was decoded.
    fn has(&self, frame: &Frame) -> bool {
        self.showing(frame).is_some()
    }

    /// What was decoded and shows a frame.
    fn photo(&self, frame: &Frame) -> Result<Canvas<'_>, Refusal> {
        self.showing(frame).map(|photo| photo.canvas(self.source)).ok_or(Refusal::DecoderFailed)
    }

    fn showing(&self, frame: &Frame) -> Option<&Photo> {
        let needed = Plan::new(self.source, &[*frame]);
        self.photos.iter().find(|(plan, _)| plan.includes(&needed)).map(|(_, photo)| photo)
    }

    fn paint(&mut self, frame: &Frame, max_bytes: Option<u64>) -> Result<Rendition, Refusal> {
        let picture = match self.base(frame) {
            Some(draft) => draw(&draft.picture.canvas(), draft.inside(frame.area), frame)?,
            None => draw(&self.photo(frame)?, frame.area, frame)?,
        };
        let encoded = match on_sheet(&picture, frame, self.style.background) {
            Some(sheet) => encode(&Picture::Pixels(sheet), max_bytes)?,
            None => encode(&picture, max_bytes)?,
        };
        let enlarged = frame.enlarged_from().map(|(width, height)| format!("enlarged from {width}x{height}"));
        let warnings = enlarged.into_iter().chain(encoded.warning()).collect();
        self.drafts.push(Draft { frame: *frame, picture });
        Ok(Rendition::new(encoded.jpeg, frame, warnings))
    }

    /// The smallest draft that shows all of the area with at least twice the wanted pixels on each side.
    ///
    /// Twice is where Lanczos3 from a draft can hardly be told from Lanczos3 from the photo. Drafts are no light, so nothing is
    /// drawn from them where pixels are averaged as that.
    fn base(&self, frame: &Frame) -> Option<&Draft> {
        if self.style.linear_light {
            return None;
        }
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
    fn new(jpeg: Vec<u8>, frame: &Frame, warnings: Vec<String>) -> Self {
        let ((width, height), is_enlarged) = (frame.sheet, frame.enlarged_from().is_some());
        let sha256 = Sha256::digest(&jpeg).into();
        Self { bytes: jpeg.into(), width, height, sha256, area: frame.area, is_enlarged, warnings }
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

/// The background around a picture that does not fill its sheet.
fn on_sheet(picture: &Picture, frame: &Frame, background: [u8; 3]) -> Option<Pixels> {
    let Picture::Pixels(picture) = picture else { return None };
    let (width, height) = frame.sheet;
    if (picture.width, picture.height) == (width, height) {
        return None;
    }
    let mut sheet = Pixels::blank(width, height, background);
    sheet.lay(picture, (width - picture.width) / 2, (height - picture.height) / 2);
    Some(sheet)
}
