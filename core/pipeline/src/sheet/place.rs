//! Where things lie on a contact sheet. Arithmetic on sides and letters; touches no pixel.

use embedded_graphics::mono_font::MonoFont;
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_7X13_BOLD, FONT_10X20};
use embedded_graphics::pixelcolor::Rgb888;

use super::Shown;
use super::crops::Crops;
use crate::refusal;
use crate::render::Rendition;

/// Pixels across the whole sheet.
pub(super) const WIDTH: u32 = 1280;
/// What stays free at the edges and between pictures.
pub(super) const MARGIN: u32 = 24;
/// From one line of small letters to the next.
pub(super) const LINE: u32 = 16;

/// No more pictures than this are drawn: the sheet must not take all memory. The others are counted.
const PICTURES_MAX: usize = 120;
/// Up to so many pictures may be large ones.
const FEW: usize = 24;
/// The longest side of a picture on the sheet, where there are few and where there are many.
const SIDES: (u32, u32) = (400, 200);
/// Below a narrow picture its text takes this much.
const TEXT_WIDTH: u32 = 200;
/// Before a line that has a key.
const KEY: u32 = 18;

const INK: Rgb888 = Rgb888::new(0x20, 0x20, 0x20);
const ALARM: Rgb888 = Rgb888::new(0xb0, 0x20, 0x00);

/// Letters in a row, and perhaps a spot of colour before them.
pub(super) struct Line {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) text: String,
    pub(super) font: &'static MonoFont<'static>,
    pub(super) colour: Rgb888,
    pub(super) key: Option<Rgb888>,
}

/// The heading, the photo's place below it, and what is written beside the photo.
pub(super) struct Panel {
    pub(super) heading: Vec<Line>,
    pub(super) photo_top: u32,
    pub(super) lines: Vec<Line>,
    column: Column,
    photo_bottom: u32,
}

impl Panel {
    /// A panel beside a photo of these sides.
    pub(super) fn beside((width, height): (u32, u32), name: &str) -> Self {
        let mut head = Column { left: MARGIN, top: MARGIN, width: WIDTH - 2 * MARGIN };
        let heading = head.write(name, &FONT_10X20, INK, None);
        let photo_top = head.top + MARGIN / 2;
        let left = MARGIN + width + MARGIN;
        let column = Column { left, top: photo_top, width: WIDTH - left - MARGIN };
        Self { heading, photo_top, lines: Vec::new(), column, photo_bottom: photo_top + height }
    }

    /// Adds a line.
    pub(super) fn say(&mut self, text: &str) {
        self.lines.extend(self.column.write(text, &FONT_7X13, INK, None));
    }

    /// Adds a line that explains a colour.
    pub(super) fn key(&mut self, colour: Rgb888, text: &str) {
        self.lines.extend(self.column.write(text, &FONT_7X13, INK, Some(colour)));
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, text: &str) {
        self.lines.extend(self.column.write(text, &FONT_7X13, ALARM, None));
    }

    pub(super) fn gap(&mut self) {
        self.column.top += LINE / 2;
    }

    /// Below the photo and what is beside it.
    pub(super) fn bottom(&self) -> u32 {
        self.photo_bottom.max(self.column.top)
    }
}

/// One picture and what is written below it.
pub(super) struct Cell {
    pub(super) corner: (u32, u32),
    pub(super) sides: (u32, u32),
    pub(super) lines: Vec<Line>,
}

/// All pictures, in rows.
pub(super) struct Cells {
    pub(super) all: Vec<Cell>,
    /// What is said of those that are not drawn.
    pub(super) rest: Vec<Line>,
    bottom: u32,
}

impl Cells {
    /// Places pictures from this line downwards.
    pub(super) fn place(pictures: &[Shown<'_>], crops: &Crops, from: u32) -> Self {
        let longest = if pictures.len() > FEW { SIDES.1 } else { SIDES.0 };
        let (mut left, mut top, mut bottom) = (MARGIN, from + MARGIN, from);
        let mut all = Vec::new();
        for shown in pictures.iter().take(PICTURES_MAX) {
            let sides = within(shown.rendition, longest);
            let width = sides.0.max(TEXT_WIDTH);
            if left > MARGIN && left + width > WIDTH - MARGIN {
                (left, top) = (MARGIN, bottom + MARGIN);
            }
            let mut column = Column { left, top: top + sides.1 + 6, width };
            let lines = describe(&mut column, shown, crops, sides);
            bottom = bottom.max(column.top);
            all.push(Cell { corner: (left, top), sides, lines });
            left += width + MARGIN;
        }
        let mut column = Column { left: MARGIN, top: bottom + MARGIN, width: WIDTH - 2 * MARGIN };
        let rest = match pictures.len().saturating_sub(PICTURES_MAX) {
            0 => Vec::new(),
            more => column.write(&format!("and {more} more that are not drawn"), &FONT_7X13_BOLD, INK, None),
        };
        Self { all, rest, bottom: column.top }
    }

    /// Where the sheet ends.
    pub(super) fn bottom(&self) -> u32 {
        self.bottom + MARGIN
    }
}

fn describe(column: &mut Column, shown: &Shown<'_>, crops: &Crops, sides: (u32, u32)) -> Vec<Line> {
    let Rendition { width, height, bytes, area, warnings, .. } = shown.rendition;
    let crop = crops.find(*area);
    let mut lines = column.write(shown.name, &FONT_7X13_BOLD, INK, crop.map(|crop| crop.colour));
    let part = crop.map_or_else(|| "the whole photo".to_owned(), |crop| format!("crop {}", crop.number));
    let size = refusal::size(bytes.len() as u64);
    for text in [format!("{width} x {height} pixels"), size, part] {
        lines.extend(column.write(&text, &FONT_7X13, INK, None));
    }
    if sides != (*width, *height) {
        lines.extend(column.write(&format!("shown at {} x {}", sides.0, sides.1), &FONT_7X13, INK, None));
    }
    for warning in warnings {
        lines.extend(column.write(warning, &FONT_7X13, ALARM, None));
    }
    lines
}

/// The sides of a picture whose longest side may be this.
fn within(rendition: &Rendition, longest: u32) -> (u32, u32) {
    let scale = f64::from(longest) / f64::from(rendition.width.max(rendition.height));
    let side = |side: u32| if scale < 1.0 { (f64::from(side) * scale).round().max(1.0) as u32 } else { side };
    (side(rendition.width), side(rendition.height))
}

/// Where the next line goes, and how long it may be.
struct Column {
    left: u32,
    top: u32,
    width: u32,
}

impl Column {
    /// Breaks a text into lines, and goes below them. A colour stands before the first line.
    fn write(
        &mut self,
        text: &str,
        font: &'static MonoFont<'static>,
        colour: Rgb888,
        key: Option<Rgb888>,
    ) -> Vec<Line> {
        let indent = if key.is_some() { KEY } else { 0 };
        let letters = ((self.width - indent) / font.character_size.width) as usize;
        let spots = key.into_iter().map(Some).chain(std::iter::repeat(None));
        let mut lines = Vec::new();
        for (text, key) in broken(text, letters).into_iter().zip(spots) {
            lines.push(Line { left: self.left + indent, top: self.top, text, font, colour, key });
            self.top += font.character_size.height + LINE - FONT_7X13.character_size.height;
        }
        lines
    }
}

/// Breaks a text between words, and words that are longer than a line anywhere.
fn broken(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word: Vec<char> = word.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        let line = lines.last_mut().expect("there is a first line");
        let used = line.chars().count();
        if used > 0 && used + 1 + word.len() <= letters {
            line.push(' ');
            line.extend(&word);
        } else {
            lines.extend(word.chunks(letters).map(String::from_iter));
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_broken_between_words_and_long_words_anywhere() {
        assert_eq!(broken("a photo of anna", 8), ["a photo", "of anna"]);
        assert_eq!(broken("portraits-original.jpg", 9), ["portraits", "-original", ".jpg"]);
        assert_eq!(broken("two\nlines", 20), ["two?lines"]);
        assert_eq!(broken("", 8), [""; 0]);
    }
}
