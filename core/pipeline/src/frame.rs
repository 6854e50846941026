//! Which part of a photo goes into a rendition, and how large it becomes. Arithmetic on sides; touches no pixel.

use crate::orientation::Area;
use crate::recipe::{Crop, Fit, RenditionSpec};
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
    /// The sides of the rendition; what the picture leaves free is white.
    pub(crate) sheet: (u32, u32),
}

impl Frame {
    /// Works out the place for a photo of these upright sides.
    pub(crate) fn new(spec: &RenditionSpec, crop: Crop, photo: (u32, u32)) -> Result<Self, Refusal> {
        let shape = Shape::of(photo);
        let frame = match spec.fit {
            Fit::AtMost => shape.within(spec),
            Fit::Exact => shape.exactly(shape.wanted(spec)?, crop),
        };
        Ok(frame)
    }

    /// A photo of these sides as it is.
    pub(crate) fn whole(photo: (u32, u32)) -> Self {
        Self { area: Shape::of(photo).whole(), picture: photo, sheet: photo }
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

    /// Keeps as much as fills the sheet; `above` is the share of the lost rows that is lost at the top.
    fn cut(&self, sheet: (u32, u32), scale: f64, above: f64) -> Frame {
        let width = (f64::from(sheet.0) / scale).min(self.width);
        let height = (f64::from(sheet.1) / scale).min(self.height);
        let (left, top) = ((self.width - width) / 2.0, (self.height - height) * above);
        Frame { area: Area { left, top, width, height }, picture: sheet, sheet }
    }
}

/// Whole pixels, and at least one of them.
fn side(length: f64) -> u32 {
    length.round().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, fit: Fit, crop: Crop, photo: (u32, u32)) -> Frame {
        Frame::new(&RenditionSpec { width, height, fit, max_bytes: None }, crop, photo).unwrap()
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

    #[test]
    fn a_mistyped_side_is_refused() {
        let spec = RenditionSpec { width: 20_000, height: 20_000, fit: Fit::Exact, max_bytes: None };
        let refused = Frame::new(&spec, Crop::Center, (3000, 4000));
        assert_eq!(refused, Err(Refusal::RenditionTooLarge { width: 20_000, height: 20_000 }));
    }
}
