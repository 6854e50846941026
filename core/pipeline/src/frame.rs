//! Which part of a photo goes into a rendition, and how large it becomes. Arithmetic on sides; touches no pixel.

use crate::orientation::Area;
use crate::recipe::{Crop, FaceCrop, Fit, RenditionSpec};
use crate::refusal::Refusal;
use crate::source::SIDE_MAX;

/// No backend shows more; a mistyped side must not take all memory.
const ENLARGED_PIXELS_MAX: u64 = 1 << 26;

/// One rendition's place in an upright photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The part of the photo that is shown.
    pub(crate) area: Area,
    /// The sides to which that part is resized.
    pub(crate) picture: (u32, u32),
    /// The sides of the rendition; what the picture leaves free is the background.
    pub(crate) sheet: (u32, u32),
}

impl Frame {
    /// Works out the place for a photo of these upright sides in which the face is there, if there is one.
    pub(crate) fn new(
        spec: &RenditionSpec,
        crop: Crop,
        photo: (u32, u32),
        face: Option<Area>,
    ) -> Result<Self, Refusal> {
        let shape = Shape::of(photo);
        let frame = match (spec.fit, crop, face) {
            (Fit::AtMost, _, _) => shape.within(spec),
            (Fit::Exact, Crop::Face(how), Some(face)) if spec.is_cropped() => {
                shape.around(face, how, shape.wanted(spec)?)
            }
            (Fit::Exact, _, _) => shape.exactly(shape.wanted(spec)?, crop),
        };
        Ok(frame)
    }

    /// A photo of these sides as it is.
    pub(crate) fn whole(photo: (u32, u32)) -> Self {
        Self { area: Shape::of(photo).whole(), picture: photo, sheet: photo }
    }

    /// A part of the photo at the sides that are wanted of a face, for what is measured there.
    pub(crate) fn sample(area: Area, side: u32) -> Self {
        Self { area, picture: (side, side), sheet: (side, side) }
    }

    /// The same picture of a part in the middle of which so many pixels stand for one of the picture.
    pub(crate) fn part(&self, shrunk: f64, photo: (u32, u32)) -> Self {
        let side = |picture: u32, photo: u32| (f64::from(picture) * shrunk).min(f64::from(photo));
        let (width, height) = (side(self.picture.0, photo.0), side(self.picture.1, photo.1));
        let (left, top) = ((f64::from(photo.0) - width) / 2.0, (f64::from(photo.1) - height) / 2.0);
        Self { area: Area { left, top, width, height }, ..*self }
    }

    /// Whether it is a photo of these sides as it is.
    pub(crate) fn shows_all_of(&self, photo: (u32, u32)) -> bool {
        self.picture == photo && self.sheet == photo && self.area.contains(&Shape::of(photo).whole())
    }

    /// How many pixels the part has when it is resized.
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.picture.0) * u64::from(self.picture.1)
    }

    /// The sides of the part that had to be enlarged, if it was.
    pub(crate) fn enlarged_from(&self) -> Option<(u32, u32)> {
        let (width, height) = (self.area.width.round() as u32, self.area.height.round() as u32);
        (self.picture.0 > width || self.picture.1 > height).then_some((width, height))
    }

    /// How many pixels of the rendition stand for one of the photo, across and down.
    pub(crate) fn scale(&self) -> (f64, f64) {
        (f64::from(self.picture.0) / self.area.width, f64::from(self.picture.1) / self.area.height)
    }
}

/// A photo's upright sides.
struct Shape {
    sides: (u32, u32),
    width: f64,
    height: f64,
}

impl Shape {
    fn of(sides: (u32, u32)) -> Self {
        Self { sides, width: f64::from(sides.0), height: f64::from(sides.1) }
    }

    fn whole(&self) -> Area {
        Area::whole(self.sides.0, self.sides.1)
    }

    fn within(&self, spec: &RenditionSpec) -> Frame {
        let room = |limit: u32, side: f64| if limit == 0 { 1.0 } else { f64::from(limit) / side };
        let scale = room(spec.width, self.width).min(room(spec.height, self.height)).min(1.0);
        let picture = (side(self.width * scale), side(self.height * scale));
        Frame { area: self.whole(), picture, sheet: picture }
    }

    /// Fills in the sides that the spec leaves free.
    fn wanted(&self, spec: &RenditionSpec) -> Result<(u32, u32), Refusal> {
        let (width, height) = match (spec.width, spec.height) {
            (0, 0) => self.sides,
            (width, 0) => (width, side(self.height * f64::from(width) / self.width)),
            (0, height) => (side(self.width * f64::from(height) / self.height), height),
            both => both,
        };
        let (wide, high) = (u64::from(width), u64::from(height));
        let own = u64::from(self.sides.0) * u64::from(self.sides.1);
        if width.max(height) > SIDE_MAX || wide * high > own.max(ENLARGED_PIXELS_MAX) {
            return Err(Refusal::RenditionTooLarge { width: wide, height: high });
        }
        Ok((width, height))
    }

    fn exactly(&self, sheet: (u32, u32), crop: Crop) -> Frame {
        let scales = (f64::from(sheet.0) / self.width, f64::from(sheet.1) / self.height);
        match crop {
            Crop::None => {
                let scale = scales.0.min(scales.1);
                let picture = (side(self.width * scale).min(sheet.0), side(self.height * scale).min(sheet.1));
                Frame { area: self.whole(), picture, sheet }
            }
            Crop::Center => self.cut(sheet, scales.0.max(scales.1), 1.0 / 2.0),
            Crop::Upper | Crop::Face(_) => self.cut(sheet, scales.0.max(scales.1), 1.0 / 3.0),
        }
    }

    /// Keeps the face and what is around it. Near an edge less is kept, down to [`SHRUNK`] of what is wanted, before the
    /// face is moved out of its place; the photo's edges are never passed, and as long as the photo has room for the face's
    /// box in the wanted shape, the box is never cut.
    fn around(&self, face: Area, how: FaceCrop, sheet: (u32, u32)) -> Frame {
        // What is kept, in its shorter sides.
        let shorter = f64::from(sheet.0.min(sheet.1));
        let (across, down) = (f64::from(sheet.0) / shorter, f64::from(sheet.1) / shorter);
        let (middle, eyes) = (face.left + face.width / 2.0, face.top + EYES * face.height);
        let beside = 2.0 * middle.min(self.width - middle) / across;
        let above = eyes / how.eye_line / down;
        let below = (self.height - eyes) / (1.0 - how.eye_line) / down;
        let least = face.width * (SHRUNK * how.zoom).max(1.0);
        let kept = (face.width * how.zoom).min(beside).min(above).min(below).max(least);
        let kept = kept.min(self.width / across).min(self.height / down);

        let (width, height) = (kept * across, kept * down);
        let left = middle - width / 2.0;
        let mut top = eyes - how.eye_line * height;
        if height >= face.height {
            top = top.min(face.top).max(face.top + face.height - height);
        }
        let left = left.min(self.width - width).max(0.0);
        let top = top.min(self.height - height).max(0.0);
        Frame { area: Area { left, top, width, height }, picture: sheet, sheet }
    }

    /// Keeps as much as fills the sheet; `above` is the share of the lost rows that is lost at the top.
    fn cut(&self, sheet: (u32, u32), scale: f64, above: f64) -> Frame {
        let width = (f64::from(sheet.0) / scale).min(self.width);
        let height = (f64::from(sheet.1) / scale).min(self.height);
        let (left, top) = ((self.width - width) / 2.0, (self.height - height) * above);
        Frame { area: Area { left, top, width, height }, picture: sheet, sheet }
    }
}

/// Where the eyes are in a face's box, from its top: half of the portraits of `benches/faces` have them above 0.37, and nine in
/// ten between 0.29 and 0.43.
const EYES: f64 = 0.36;

/// How much of what is wanted is kept around a face at an edge, at least. `benches/faces` tells how many faces are in the
/// middle of their crop and have their eyes in their place with it; less would come near to hair and chin.
const SHRUNK: f64 = 0.75;

/// Whole pixels, and at least one of them.
fn side(length: f64) -> u32 {
    length.round().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, fit: Fit, crop: Crop, photo: (u32, u32)) -> Frame {
        Frame::new(&RenditionSpec { width, height, fit, max_bytes: None }, crop, photo, None).unwrap()
    }

    #[test]
    fn at_most_keeps_the_shape_and_never_enlarges() {
        let check = |limits: (u32, u32), photo, expected| {
            let made = frame(limits.0, limits.1, Fit::AtMost, Crop::Center, photo);
            assert_eq!((made.picture, made.sheet, made.enlarged_from()), (expected, expected, None));
        };
        check((2048, 2048), (3000, 4000), (1536, 2048));
        check((2048, 0), (3000, 4000), (2048, 2731));
        check((0, 100), (3000, 4000), (75, 100));
        check((0, 0), (3000, 4000), (3000, 4000));
        check((2048, 2048), (150, 100), (150, 100));
        check((100, 100), (5000, 2), (100, 1));
    }

    #[test]
    fn exact_crops_the_middle_or_above_it() {
        let middle = frame(200, 200, Fit::Exact, Crop::Center, (3000, 4000));
        assert_eq!(middle.area, Area { left: 0.0, top: 500.0, width: 3000.0, height: 3000.0 });
        let upper = frame(200, 200, Fit::Exact, Crop::Upper, (3000, 3900));
        assert_eq!(upper.area, Area { left: 0.0, top: 300.0, width: 3000.0, height: 3000.0 });
        let wide = frame(200, 200, Fit::Exact, Crop::Upper, (4000, 3000));
        assert_eq!(wide.area, Area { left: 500.0, top: 0.0, width: 3000.0, height: 3000.0 });
    }

    #[test]
    fn exact_without_crop_leaves_room_for_white() {
        let made = frame(200, 200, Fit::Exact, Crop::None, (3000, 4000));
        assert_eq!((made.picture, made.sheet), ((150, 200), (200, 200)));
    }

    #[test]
    fn exact_follows_the_photo_where_a_side_is_free() {
        assert_eq!(frame(300, 0, Fit::Exact, Crop::Center, (3000, 4000)).sheet, (300, 400));
        assert_eq!(frame(0, 400, Fit::Exact, Crop::Center, (3000, 4000)).sheet, (300, 400));
        assert_eq!(frame(0, 0, Fit::Exact, Crop::Center, (3000, 4000)).sheet, (3000, 4000));
    }

    #[test]
    fn an_enlargement_names_what_it_was_made_from() {
        assert_eq!(frame(200, 200, Fit::Exact, Crop::Center, (150, 180)).enlarged_from(), Some((150, 150)));
        assert_eq!(frame(150, 150, Fit::Exact, Crop::Center, (150, 180)).enlarged_from(), None);
    }

    /// A square box as the detector gives it.
    fn face(left: f64, top: f64, side: f64) -> Area {
        Area { left, top, width: side, height: side }
    }

    fn around(sheet: (u32, u32), photo: (u32, u32), face: Area) -> Area {
        let spec = RenditionSpec { width: sheet.0, height: sheet.1, fit: Fit::Exact, max_bytes: None };
        Frame::new(&spec, Crop::default(), photo, Some(face)).unwrap().area
    }

    fn assert_near(area: Area, left: f64, top: f64, width: f64, height: f64) {
        let off = [area.left - left, area.top - top, area.width - width, area.height - height];
        assert!(off.iter().all(|off| off.abs() < 1e-6), "{area:?} is not {left} {top} {width}x{height}");
    }

    #[test]
    fn a_face_has_twice_its_side_and_its_eyes_in_their_line() {
        // The eyes are at 1000 + 0.36 * 500 = 1180.
        let area = around((200, 200), (3000, 4000), face(1250.0, 1000.0, 500.0));
        assert_near(area, 1000.0, 1180.0 - 420.0, 1000.0, 1000.0);
        let wide = around((300, 200), (3000, 4000), face(1250.0, 1000.0, 500.0));
        assert_near(wide, 750.0, 760.0, 1500.0, 1000.0);
        let high = around((200, 300), (3000, 4000), face(1250.0, 1000.0, 500.0));
        assert_near(high, 1000.0, 1180.0 - 630.0, 1000.0, 1500.0);
    }

    #[test]
    fn zoom_and_eye_line_are_as_they_are_wanted() {
        let spec = RenditionSpec { width: 200, height: 200, fit: Fit::Exact, max_bytes: None };
        let crop = Crop::Face(FaceCrop { zoom: 3.0, eye_line: 0.5 });
        let frame = Frame::new(&spec, crop, (3000, 4000), Some(face(1250.0, 1000.0, 500.0))).unwrap();
        assert_near(frame.area, 750.0, 1180.0 - 750.0, 1500.0, 1500.0);
    }

    #[test]
    fn near_an_edge_less_is_kept_and_then_the_face_is_moved() {
        // 450 pixels are left of the middle, which is enough for 900.
        let shrunk = around((200, 200), (3000, 4000), face(200.0, 1000.0, 500.0));
        assert_near(shrunk, 0.0, 1180.0 - 378.0, 900.0, 900.0);
        // 250 are enough for 500, and less than 750 is not kept.
        let moved = around((200, 200), (3000, 4000), face(0.0, 1000.0, 500.0));
        assert_near(moved, 0.0, 1180.0 - 315.0, 750.0, 750.0);
        let below = around((200, 200), (3000, 4000), face(1250.0, 3500.0, 500.0));
        assert_near(below, 1125.0, 3250.0, 750.0, 750.0);
        let above = around((200, 200), (3000, 4000), face(1250.0, -100.0, 500.0));
        assert_near(above, 1125.0, 0.0, 750.0, 750.0);
    }

    #[test]
    fn a_face_that_fills_the_photo_leaves_the_photo() {
        assert_near(around((200, 200), (300, 400), face(0.0, 50.0, 300.0)), 0.0, 50.0, 300.0, 300.0);
        assert_near(around((200, 200), (300, 400), face(-50.0, -50.0, 600.0)), 0.0, 40.0, 300.0, 300.0);
    }

    /// Whatever the box, the shape, the zoom and the eye line.
    #[test]
    fn a_box_is_never_cut_and_an_edge_never_passed() {
        let mut seed = 1_u32;
        let mut roll = |below: f64| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed >> 8) / f64::from(1 << 24) * below
        };
        for _ in 0..20_000 {
            let photo = (1 + roll(3000.0) as u32, 1 + roll(3000.0) as u32);
            let (width, height) = (f64::from(photo.0), f64::from(photo.1));
            let side = roll(width.min(height));
            let face = face(roll(width - side), roll(height - side), side);
            let sheet = (1 + roll(300.0) as u32, 1 + roll(300.0) as u32);
            let spec = RenditionSpec { width: sheet.0, height: sheet.1, fit: Fit::Exact, max_bytes: None };
            let crop = Crop::Face(FaceCrop { zoom: 1.2 + roll(5.0), eye_line: 0.2 + roll(0.6) });
            let area = Frame::new(&spec, crop, photo, Some(face)).unwrap().area;
            assert!(Area::whole(photo.0, photo.1).contains(&area), "{area:?} of {photo:?}");
            let shape = area.width * f64::from(sheet.1) / (area.height * f64::from(sheet.0));
            assert!((shape - 1.0).abs() < 1e-6, "{area:?} for {sheet:?}");
            if area.width.min(area.height) >= side {
                assert!(area.contains(&face), "{area:?} cuts {face:?} of {photo:?}");
            }
        }
    }

    #[test]
    fn without_a_face_the_upper_part_is_kept() {
        let crop = |crop| frame(200, 200, Fit::Exact, crop, (3000, 3900)).area;
        assert_eq!(crop(Crop::default()), crop(Crop::Upper));
    }

    /// Neither is cropped, so that a face changes nothing.
    #[test]
    fn a_face_is_nothing_to_what_shows_the_whole_photo() {
        for (width, height, fit) in [(200, 200, Fit::AtMost), (300, 0, Fit::Exact), (0, 0, Fit::Exact)] {
            let spec = RenditionSpec { width, height, fit, max_bytes: None };
            let with = Frame::new(&spec, Crop::default(), (3000, 4000), Some(face(1250.0, 1000.0, 500.0)));
            assert_eq!(with, Frame::new(&spec, Crop::default(), (3000, 4000), None));
        }
    }

    #[test]
    fn a_mistyped_side_is_refused() {
        let spec = RenditionSpec { width: 20_000, height: 20_000, fit: Fit::Exact, max_bytes: None };
        let refused = Frame::new(&spec, Crop::Center, (3000, 4000), None);
        assert_eq!(refused, Err(Refusal::RenditionTooLarge { width: 20_000, height: 20_000 }));
    }
}
