//! A sheet of a made photo: what is on it, where, and that it stays bounded.

use std::ops::Range;

use image::{ImageFormat, RgbImage};

use super::*;
use crate::recipe::{Crop, Recipe};
use crate::render::{Rendered, render};
use crate::sheet::crops::FACE;

/// A gray photo of 1200 x 1600, what is made of it, and its bytes.
fn rendered(renditions: Vec<RenditionSpec>) -> (Source, Rendered) {
    let photo = RgbImage::from_pixel(1200, 1600, image::Rgb([120; 3]));
    let mut bytes = Vec::new();
    photo.write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    let source = examine(&bytes, &ANY).unwrap();
    let renditions = [vec![ContactSheet::PHOTO], renditions].concat();
    let made = render(&bytes, &source, &Recipe::new(Crop::Center, renditions)).unwrap();
    (source, made)
}

fn square(side: u32) -> RenditionSpec {
    RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None }
}

/// Draws the sheet with these faces, and decodes it.
fn drawn((source, made): &(Source, Rendered), faces: &[Area], warnings: &[Warning]) -> RgbImage {
    let (photo, pictures) = made.renditions.split_first().unwrap();
    let pictures: Vec<_> = pictures.iter().map(|rendition| Shown { name: "intranet-avatar.jpg", rendition }).collect();
    let sheet = ContactSheet { name: "anna.jpg", source, photo, faces, warnings, pictures: &pictures };
    image::load_from_memory_with_format(&sheet.draw().unwrap(), ImageFormat::Png).unwrap().into_rgb8()
}

/// The box around all pixels of this colour within these columns and rows: left, top, right and bottom.
fn extent(sheet: &RgbImage, colour: [u8; 3], columns: Range<u32>, rows: Range<u32>) -> Option<[u32; 4]> {
    let pixels = sheet.enumerate_pixels().filter(|(x, y, _)| columns.contains(x) && rows.contains(y));
    pixels.filter(|(.., pixel)| pixel.0 == colour).fold(None, |extent, (x, y, _)| {
        let [left, top, right, bottom] = extent.unwrap_or([x, y, x, y]);
        Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
    })
}

fn rgb(colour: embedded_graphics::pixelcolor::Rgb888) -> [u8; 3] {
    use embedded_graphics::pixelcolor::RgbColor as _;
    [colour.r(), colour.g(), colour.b()]
}

/// The photo is 675 x 900 there: 9 pixels of the sheet for 16 of the photo.
const COLUMNS: Range<u32> = MARGIN..MARGIN + 675;

fn rows() -> Range<u32> {
    let top = Panel::beside((675, 900), "anna.jpg").photo_top;
    top..top + 900
}

#[test]
fn a_face_and_a_crop_are_framed_where_they_are() {
    let made = rendered(vec![square(200)]);
    let face = Area { left: 400.0, top: 480.0, width: 320.0, height: 320.0 };
    let sheet = drawn(&made, &[face], &[]);
    assert_eq!(sheet.width(), WIDTH);
    let crop = Crops::of(&[Shown { name: "", rendition: &made.1.renditions[1] }], (1200, 1600)).all[0];
    let top = rows().start;
    // The crop of the middle begins at row 200 of the photo, and goes from side to side.
    let framed = extent(&sheet, rgb(crop.colour), COLUMNS, rows()).unwrap();
    let place = [MARGIN, top + 113, MARGIN + 674, top + 787];
    assert!(framed.iter().zip(place).all(|(found, wanted)| found.abs_diff(wanted) <= 1), "{framed:?} {place:?}");
    let framed = extent(&sheet, rgb(FACE), COLUMNS, rows()).unwrap();
    let place = [MARGIN + 225, top + 270, MARGIN + 225 + 179, top + 270 + 179];
    assert!(framed.iter().zip(place).all(|(found, wanted)| found.abs_diff(wanted) <= 1), "{framed:?} {place:?}");
}

#[test]
fn a_face_that_reaches_beyond_the_photo_is_not_drawn_there() {
    let face = Area { left: 1000.0, top: 1400.0, width: 900.0, height: 900.0 };
    let sheet = drawn(&rendered(vec![square(200)]), &[face], &[]);
    let [.., right, bottom] = extent(&sheet, rgb(FACE), 0..WIDTH, rows().start + 200..sheet.height()).unwrap();
    assert!(right < COLUMNS.end && bottom < rows().end, "{right} {bottom}");
}

#[test]
fn equal_crops_are_one_and_the_whole_photo_is_none() {
    let whole = RenditionSpec { width: 300, height: 0, fit: Fit::AtMost, max_bytes: None };
    let (_, mut made) = rendered(vec![square(200), square(48), whole]);
    // Rounding differs from one rendition to the next.
    (made.renditions[1].area.top, made.renditions[2].area.top) = (199.501, 199.499);
    let pictures: Vec<_> = made.renditions.iter().map(|rendition| Shown { name: "", rendition }).collect();
    let crops = Crops::of(&pictures, (1200, 1600));
    assert_eq!(crops.all.iter().map(|crop| crop.number).collect::<Vec<_>>(), [1]);
    assert!(crops.find(made.renditions[3].area).is_none());
}

#[test]
fn a_small_picture_is_drawn_as_it_is_and_nothing_overlaps() {
    let (_, made) = rendered(vec![square(48), square(200), square(1000), square(64), square(128)]);
    let names = ["a", "a-name-that-is-much-longer-than-the-picture-is-wide.jpg"];
    let shown = |(index, rendition)| Shown { name: names[index % 2], rendition };
    let pictures: Vec<_> = made.renditions[1..].iter().enumerate().map(shown).collect();
    let crops = Crops::of(&pictures, (1200, 1600));
    let cells = Cells::place(&pictures, &crops, 500).all;
    assert_eq!(cells.iter().map(|cell| cell.sides.0).collect::<Vec<_>>(), [48, 200, 400, 64, 128]);
    let room = |cell: &Cell| {
        let bottom = cell.lines.last().unwrap().top + 13;
        let right = cell.lines.iter().map(|line| line.left + 7 * line.text.len() as u32).max().unwrap();
        (cell.corner.0, cell.corner.1, right.max(cell.corner.0 + cell.sides.0), bottom)
    };
    for (at, cell) in cells.iter().enumerate() {
        let (left, top, right, bottom) = room(cell);
        assert!(right <= WIDTH - MARGIN && top > 500, "{at}");
        for other in &cells[at + 1..] {
            let beside = room(other).0 >= right || room(other).2 <= left;
            assert!(beside || room(other).1 >= bottom, "{at}");
        }
    }
}

#[test]
fn many_pictures_make_no_endless_sheet() {
    let (_, made) = rendered(vec![square(600)]);
    let shown = Shown { name: "intranet-avatar.jpg", rendition: &made.renditions[1] };
    let pictures = vec![shown; 500];
    let cells = Cells::place(&pictures, &Crops::of(&pictures, (1200, 1600)), 1000);
    assert_eq!((cells.all.len(), cells.rest[0].text.as_str()), (120, "and 380 more that are not drawn"));
    assert!(cells.bottom() < 10_000, "{}", cells.bottom());
}

#[test]
fn everything_that_is_to_be_said_is_said_once() {
    let made = rendered(vec![square(200), square(48)]);
    let plain = drawn(&made, &[], &[]);
    let warned = drawn(&made, &[], &[Warning::NoFace, Warning::Enlarged]);
    assert_eq!(plain.height(), warned.height(), "there is room beside the photo");
    let alarm = |sheet: &RgbImage| extent(sheet, [0xb0, 0x20, 0x00], 0..WIDTH, 0..sheet.height());
    assert_eq!(alarm(&plain), None);
    let [left, .., bottom] = alarm(&warned).unwrap();
    assert!(left > COLUMNS.end && bottom < rows().end, "{left} {bottom}");
}
