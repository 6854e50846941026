//! A contact sheet: a photo with its faces and crops, and what is made of it, on one picture for people to look at.
//!
//! Shows the pictures as they are coded. Knows no backend: names are given.

mod board;
mod crops;
mod place;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::decode::Photo;
use crate::frame::Frame;
use crate::jpeg::Marking;
use crate::orientation::Area;
use crate::pixels::Pixels;
use crate::plan::Plan;
use crate::recipe::{Fit, RenditionSpec, Style};
use crate::refusal::Refusal;
use crate::render::Rendition;
use crate::source::{Limits, Source, examine};
use crate::warning::Warning;

use self::board::Board;
use self::crops::{Crops, FACE};
use self::place::{Cell, Cells, MARGIN, Panel, WIDTH};

/// What is on a contact sheet. Texts are drawn as they are, where the font has their letters (ISO 8859-1).
#[derive(Clone, Debug)]
pub struct ContactSheet<'a> {
    /// The name of the photo's file.
    pub name: &'a str,
    /// The photo.
    pub source: &'a Source,
    /// The whole of it, made as [`ContactSheet::PHOTO`] says.
    pub photo: &'a Rendition,
    /// The faces that were found, in pixels of the upright photo; the first one counts.
    pub faces: &'a [Area],
    /// What has to be said of the photo.
    pub warnings: &'a [Warning],
    /// What is made of it, in the order in which it is shown.
    pub pictures: &'a [Shown<'a>],
}

/// A picture on a contact sheet.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The picture.
    pub rendition: &'a Rendition,
}

impl ContactSheet<'_> {
    /// The photo as it is to be made for its sheet.
    pub const PHOTO: RenditionSpec =
        RenditionSpec { width: PHOTO_SIDE, height: PHOTO_SIDE, fit: Fit::AtMost, max_bytes: None };

    /// Draws the sheet, as a PNG. It takes some 40 MB at most, and what the decode of one picture at a time takes.
    ///
    /// # Errors
    /// A picture cannot be decoded.
    pub fn draw(&self) -> Result<Vec<u8>, Refusal> {
        let crops = Crops::of(self.pictures, (self.source.width, self.source.height));
        let panel = self.panel(&crops);
        let cells = Cells::place(self.pictures, &crops, panel.bottom());
        let mut board = Board::new(WIDTH, cells.bottom());
        board.lines(&panel.heading);
        self.draw_photo(&mut board, &panel, &crops)?;
        board.lines(&panel.lines);
        for (cell, shown) in cells.all.iter().zip(self.pictures) {
            draw_cell(&mut board, cell, shown.rendition)?;
        }
        board.lines(&cells.rest);
        Ok(png(&board.into_pixels()))
    }

    fn panel(&self, crops: &Crops) -> Panel {
        let mut panel = Panel::beside((self.photo.width, self.photo.height), self.name);
        let Source { width, height, format, .. } = self.source;
        panel.say(&format!("{width} x {height} pixels, {format}"));
        if (self.photo.width, self.photo.height) != (*width, *height) {
            panel.say(&format!("shown at {} x {}", self.photo.width, self.photo.height));
        }
        for (index, face) in self.faces.iter().enumerate() {
            let which = if index == 0 { "face" } else { "another face" };
            panel.key(FACE, &format!("{which}, {} pixels wide", face.width.round()));
        }
        for crop in &crops.all {
            let Area { left, top, width, height } = crop.area;
            panel.key(
                crop.colour,
                &format!(
                    "crop {}: {width:.0} x {height:.0} pixels, {left:.0} from the left and {top:.0} from the top",
                    crop.number
                ),
            );
        }
        panel.gap();
        let said = self.warnings.iter().map(|warning| format!("{warning}: {}", warning.sentence()));
        let said: Vec<_> = said.chain(self.source.warnings.iter().cloned()).collect();
        said.iter().for_each(|warning| panel.warn(warning));
        if said.is_empty() {
            panel.say("no warnings");
        }
        panel
    }

    fn draw_photo(&self, board: &mut Board, panel: &Panel, crops: &Crops) -> Result<(), Refusal> {
        let sides = (self.photo.width, self.photo.height);
        let corner = (MARGIN, panel.photo_top);
        board.lay(&picture(&self.photo.bytes, sides)?, corner);
        let scale =
            (f64::from(sides.0) / f64::from(self.source.width), f64::from(sides.1) / f64::from(self.source.height));
        let mut on_photo = board.part(corner, sides, scale);
        crops.largest_first().for_each(|crop| on_photo.frame(crop.area, crop.colour));
        self.faces.iter().for_each(|face| on_photo.frame(*face, FACE));
        crops.all.iter().for_each(|crop| on_photo.tag(crop.area, crop.number, crop.colour));
        Ok(())
    }
}

fn draw_cell(board: &mut Board, cell: &Cell, rendition: &Rendition) -> Result<(), Refusal> {
    board.lay(&picture(&rendition.bytes, cell.sides)?, cell.corner);
    board.edge(cell.corner, cell.sides);
    board.lines(&cell.lines);
    Ok(())
}

/// A picture as it is coded, at these sides.
fn picture(jpeg: &[u8], sides: (u32, u32)) -> Result<Pixels, Refusal> {
    let source = examine(jpeg, &ANY)?;
    let frame = Frame { picture: sides, sheet: sides, ..Frame::whole((source.width, source.height)) };
    let plan = Plan::new(&source, &[frame]);
    Photo::decode(jpeg, &source, plan, &Style::default(), Marking::None)?.canvas(&source).pixels(frame.area, sides)
}

fn png(Pixels { width, height, rgb }: &Pixels) -> Vec<u8> {
    let mut png = Vec::new();
    let written = PngEncoder::new(&mut png).write_image(rgb, *width, *height, ExtendedColorType::Rgb8);
    written.expect("a buffer that fits its sides is written into memory");
    png
}

/// The photo leaves room for the list of its crops.
const PHOTO_SIDE: u32 = 900;

/// What we made ourselves may be of any size.
const ANY: Limits = Limits { max_bytes: u64::MAX, max_pixels: u64::MAX, min_side: 1 };

#[cfg(test)]
mod tests;
