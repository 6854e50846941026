//! What a contact sheet is drawn on: pixels, on which texts, frames and pictures are laid. Decides no places.

use std::convert::Infallible;

use embedded_graphics::mono_font::iso_8859_1::FONT_7X13_BOLD;
use embedded_graphics::mono_font::{MonoTextStyle, MonoTextStyleBuilder};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{PrimitiveStyle, PrimitiveStyleBuilder, Rectangle, StrokeAlignment};
use embedded_graphics::text::{Baseline, Text};

use super::place::Line;
use crate::orientation::Area;
use crate::pixels::{CHANNELS, Pixels};

const BLACK: Rgb888 = Rgb888::new(0, 0, 0);
const EDGE: Rgb888 = Rgb888::new(0xb0, 0xb0, 0xb0);

/// How wide a frame on the photo is, in pixels.
const STROKE: u32 = 3;

/// Room for a crop's number; numbers of crops that share a corner stand side by side.
const TAG: (u32, u32) = (22, 17);

pub(super) struct Board {
    pixels: Pixels,
}

impl Board {
    /// An empty one.
    pub(super) fn new(width: u32, height: u32) -> Self {
        let rgb = vec![PAPER; width as usize * height as usize * CHANNELS];
        Self { pixels: Pixels { width, height, rgb } }
    }

    pub(super) fn into_pixels(self) -> Pixels {
        self.pixels
    }

    /// Lays a picture onto it.
    pub(super) fn lay(&mut self, picture: &Pixels, (left, top): (u32, u32)) {
        self.pixels.lay(picture, left, top);
    }

    /// A thin line around a picture, for those that are as white as the sheet.
    pub(super) fn edge(&mut self, corner: (u32, u32), sides: (u32, u32)) {
        outline(rectangle(corner, sides), EDGE, 1, StrokeAlignment::Outside, self);
    }

    /// Writes.
    pub(super) fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            let at = point((line.left, line.top));
            if let Some(colour) = line.key {
                let key = Rectangle::new(at - Point::new(18, 0), Size::new(12, 12));
                let Ok(()) = key.into_styled(PrimitiveStyle::with_fill(colour)).draw(self);
            }
            let style = MonoTextStyle::new(line.font, line.colour);
            let Ok(_) = Text::with_baseline(&line.text, at, style, Baseline::Top).draw(self);
        }
    }

    /// The part of the sheet that the photo lies on, `scale` sheet pixels for one of the photo.
    pub(super) fn part(&mut self, corner: (u32, u32), sides: (u32, u32), scale: (f64, f64)) -> OnPhoto<'_> {
        OnPhoto { board: self, photo: rectangle(corner, sides), scale }
    }
}

/// The photo on the sheet. Nothing is drawn beside it.
pub(super) struct OnPhoto<'a> {
    board: &'a mut Board,
    photo: Rectangle,
    scale: (f64, f64),
}

impl OnPhoto<'_> {
    /// Frames an area of the photo: in this colour inside its edge, and black within that, so that it shows on any photo.
    pub(super) fn frame(&mut self, area: Area, colour: Rgb888) {
        let (frame, mut photo) = (self.place(area), self.board.clipped(&self.photo));
        outline(frame.offset(-(STROKE as i32)), BLACK, 1, StrokeAlignment::Inside, &mut photo);
        outline(frame, colour, STROKE, StrokeAlignment::Inside, &mut photo);
    }

    /// Writes the number of a crop into its corner.
    pub(super) fn tag(&mut self, area: Area, number: usize, colour: Rgb888) {
        let frame = self.place(area).intersection(&self.photo);
        let room = frame.size.width.saturating_sub(TAG.0 + 2 * STROKE).max(1);
        let along = (number as u32 - 1) * (TAG.0 + 2) % room;
        let at = frame.top_left + Point::new((along + 2 * STROKE) as i32, 2 * STROKE as i32);
        let mut photo = self.board.clipped(&self.photo);
        let back = Rectangle::new(at, Size::new(TAG.0, TAG.1));
        let Ok(()) = back.into_styled(PrimitiveStyle::with_fill(colour)).draw(&mut photo);
        let style = MonoTextStyleBuilder::new().font(&FONT_7X13_BOLD).text_color(BLACK).build();
        let text = format!("{number:^3}");
        let Ok(_) = Text::with_baseline(&text, at + Point::new(0, 2), style, Baseline::Top).draw(&mut photo);
    }

    fn place(&self, area: Area) -> Rectangle {
        let across = |length: f64| (length * self.scale.0).round() as i32;
        let down = |length: f64| (length * self.scale.1).round() as i32;
        let top_left = Point::new(across(area.left), down(area.top));
        let end = Point::new(across(area.left + area.width), down(area.top + area.height));
        let size = Size::new((end.x - top_left.x).max(1) as u32, (end.y - top_left.y).max(1) as u32);
        Rectangle::new(self.photo.top_left + top_left, size)
    }
}

fn outline<D>(frame: Rectangle, colour: Rgb888, width: u32, alignment: StrokeAlignment, target: &mut D)
where
    D: DrawTarget<Color = Rgb888, Error = Infallible>,
{
    let style =
        PrimitiveStyleBuilder::new().stroke_color(colour).stroke_width(width).stroke_alignment(alignment).build();
    let Ok(()) = frame.into_styled(style).draw(target);
}

fn rectangle(corner: (u32, u32), (width, height): (u32, u32)) -> Rectangle {
    Rectangle::new(point(corner), Size::new(width, height))
}

fn point((left, top): (u32, u32)) -> Point {
    Point::new(left as i32, top as i32)
}

impl OriginDimensions for Board {
    fn size(&self) -> Size {
        Size::new(self.pixels.width, self.pixels.height)
    }
}

impl DrawTarget for Board {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let whole = self.bounding_box();
        for Pixel(at, colour) in pixels.into_iter().filter(|Pixel(at, _)| whole.contains(*at)) {
            let index = (at.y as usize * self.pixels.width as usize + at.x as usize) * CHANNELS;
            self.pixels.rgb[index..index + CHANNELS].copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
        }
        Ok(())
    }
}

/// The sheet is a light gray, so that pictures with a white background are seen to end.
const PAPER: u8 = 0xf4;
