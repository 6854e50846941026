//! HEIC as phones write it: in tiles, turned and clipped by boxes, with EXIF data that says so once more.

mod bounds;
mod clips;
mod heif;
mod hevc;
pub(crate) mod made;

use image::imageops;
use portraitd_pipeline::{Crop, Format, Limits, Orientation, Recipe, Refusal, examine, render};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::photos::*;
use hevc::Form;
use made::{AS_IN_JPEGS, FINE, Photo};

const GRID: &str = "portrait-grid.heic";
/// Small enough that many cases run in a second.
const SMALL: Limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20, min_side: 1 };

fn reason(bytes: &[u8]) -> String {
    looked_at(bytes).unwrap_err().to_string()
}

/// Where a box's body begins: the first of that name, or the one after so many.
fn body(heic: &[u8], name: &[u8; 4], after: usize) -> usize {
    let mut places = (0..heic.len() - 4).filter(|at| &heic[*at..*at + 4] == name);
    places.nth(after).unwrap() + 4
}

fn with_bytes(heic: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    [&heic[..at], bytes, &heic[at + bytes.len()..]].concat()
}

/// All of a photo, as pixels.
fn whole(photo: &[u8]) -> (Vec<u8>, u32, u32) {
    let made = rendered(photo, Crop::None, &[at_most(0, 0)]).unwrap();
    (pixels(&made[0].bytes), made[0].width, made[0].height)
}

#[test]
fn every_form_has_the_colours_of_the_photo_that_it_was_made_of() {
    let photo = rendered(&real("portrait.jpg"), Crop::Center, &[exact(64, 64)]).unwrap();
    let check = |name: &str, levels: f64| {
        let source = looked_at(&real(name)).unwrap();
        assert_eq!((source.format, source.warnings.len()), (Format::Heic, 0));
        let made = rendered(&real(name), Crop::Center, &[exact(64, 64)]).unwrap();
        let distance = distance(&pixels(&made[0].bytes), &pixels(&photo[0].bytes));
        assert!(distance < levels, "{name} differs by {distance:.2} levels");
    };
    check("portrait.heic", 3.5);
    let gray = whole(&real("portrait-gray.heic")).0;
    assert!(gray.chunks(3).all(|rgb| rgb[0].abs_diff(rgb[2]) < 4), "gray has colours");
    let (clear, width, _) = whole(&real("portrait-clear.heic"));
    let at = |x: u32, y: u32| &clear[((y * width + x) * 3) as usize..][..3];
    assert!(at(3, 3).iter().all(|value| *value > 250), "a clear corner is {:?}", at(3, 3));
    assert!(at(60, 80).iter().any(|value| *value < 220), "the middle is {:?}", at(60, 80));
}

/// Faces are looked for in a picture that is not smoothed. What is shown in detail then is, as if it had been decoded for that
/// alone.
#[test]
fn a_picture_is_smoothed_before_it_is_shown_in_detail() {
    const SIDE: u32 = 640;
    let steps = |at: u32| 100 + (at % SIDE / 16 * 7 + at / SIDE / 16 * 5) % 4 * 12;
    let rgb: Vec<u8> = (0..SIDE * SIDE).flat_map(|at| [steps(at) as u8; 3]).collect();
    let photo = Photo { rgb: &rgb, sides: (SIDE, SIDE) };
    let [rough, smooth] = [false, true].map(|smoothed| photo.heic(Form { smoothed, ..FINE }, &[AS_IN_JPEGS]));
    let cropped = |heic: &[u8], crop: Crop| rendered(heic, crop, &[exact(600, 600)]).unwrap();
    assert_ne!(cropped(&smooth, Crop::Upper), cropped(&rough, Crop::Upper));
    assert_eq!(cropped(&smooth, Crop::default()), cropped(&smooth, Crop::Upper));
}

/// What the tiles hold beyond the edge of the picture is not shown, and EXIF data turns nothing a second time.
#[test]
fn tiles_are_put_together_and_turned_once() {
    let source = looked_at(&real(GRID)).unwrap();
    assert_eq!((source.width, source.height, source.orientation), (300, 400, Orientation::QuarterRight));
    let (made, ..) = whole(&real(GRID));
    let photo = image::RgbImage::from_raw(512, 512, pixels(&real("portrait.jpg"))).unwrap();
    let part = imageops::crop_imm(&photo, 64, 0, 384, 512).to_image();
    let expected = imageops::resize(&part, 300, 400, imageops::FilterType::Lanczos3);
    let distance = distance(&made, &expected);
    assert!(distance < 5.0, "it differs by {distance:.2} levels");
}

#[test]
fn what_only_some_tiles_show_is_as_in_the_whole() {
    let (rgb, width, height) = whole(&real(GRID));
    let png = png_of(&rgb, width, height);
    for (crop, sides) in [(Crop::Upper, (96, 96)), (Crop::Center, (300, 60)), (Crop::Center, (40, 400))] {
        let [tiles, all] = [&real(GRID), &png].map(|photo| rendered(photo, crop, &[exact(sides.0, sides.1)]).unwrap());
        let distance = distance(&pixels(&tiles[0].bytes), &pixels(&all[0].bytes));
        // The other one was a JPEG twice, which is 3 levels; a pixel out of place is 10.
        assert!(distance < 5.0, "{crop:?} {sides:?} differs by {distance:.2} levels");
    }
}

#[test]
fn every_turn_and_mirror_of_the_container_is_heeded() {
    let grid = real(GRID);
    let turn = body(&grid, b"irot", 0);
    let (flat, width, height) = whole(&with_bytes(&grid, turn, &[0]));
    assert_eq!((width, height), (400, 300));
    let flat = image::RgbImage::from_raw(width, height, flat).unwrap();
    let check = |changed: &[u8], expected: image::RgbImage| {
        let (made, width, height) = whole(changed);
        assert_eq!((width, height), expected.dimensions());
        let distance = distance(&made, &expected);
        assert!(distance < 3.0, "it differs by {distance:.2} levels");
    };
    check(&with_bytes(&grid, turn, &[1]), imageops::rotate270(&flat));
    check(&with_bytes(&grid, turn, &[2]), imageops::rotate180(&flat));
    check(&with_bytes(&grid, turn, &[3]), imageops::rotate90(&flat));
    check(&with_bytes(&grid, turn - 4, b"imir\0"), imageops::flip_vertical(&flat));
    check(&with_bytes(&grid, turn - 4, b"imir\x01"), imageops::flip_horizontal(&flat));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for name in ["portrait.heic", GRID, "portrait-clear.heic"] {
        let photo = real(name);
        let taken: Vec<usize> = (0..photo.len()).filter(|end| looked_at(&photo[..*end]).is_ok()).collect();
        assert!(taken.is_empty(), "{name} cut at {taken:?}");
    }
}

/// What is not coded may be zeros: then the picture is as it was.
#[test]
fn a_file_of_which_the_rest_is_zeros_is_refused_or_shows_the_same() {
    for name in ["portrait.heic", GRID, "portrait-clear.heic"] {
        let photo = real(name);
        let made = rendered(&photo, Crop::Center, &[exact(48, 48)]);
        for place in (0..photo.len()).step_by(97).chain(photo.len() - 60..photo.len() - 1) {
            let mut reserved = photo.clone();
            reserved[place..].fill(0);
            let taken = rendered(&reserved, Crop::Center, &[exact(48, 48)]);
            assert!(taken.is_err() || taken == made, "{name} with zeros from {place}");
        }
    }
}

#[test]
fn what_is_not_read_is_named() {
    let photo = real("portrait.heic");
    let kind = body(&photo, b"hvc1", 0) - 4;
    let check = |changed: &[u8], form: &'static str| {
        assert_eq!(looked_at(changed), Err(Refusal::Unsupported { format: Format::Heic, form }));
    };
    check(&with_bytes(&photo, kind, b"av01"), "coded as AV1");
    check(&with_bytes(&photo, kind, b"iovl"), "put together from layers");
    check(&with_bytes(&photo, kind, b"jpeg"), "coded in another way than HEVC");
    check(&with_bytes(&photo, body(&photo, b"meta", 0) - 4, b"moov"), "a film without a picture");
    let grid = real(GRID);
    check(&with_bytes(&grid, body(&grid, b"irot", 0) - 4, b"what"), "made with a feature that is not known here");
    let first_tile = body(&grid, b"hvc1", 0) - 4;
    check(&with_bytes(&grid, first_tile + 21, b"grid"), "made of tiles that are not plain pictures");
    let sentence = "this HEIC is coded as AV1: save it as an ordinary JPEG";
    assert_eq!(reason(&with_bytes(&photo, kind, b"av01")), sentence);
}

#[test]
fn containers_that_contradict_themselves_are_damaged() {
    let (photo, grid) = (real("portrait.heic"), real(GRID));
    let check = |changed: &[u8], what: &str| {
        assert_eq!(reason(changed), format!("the file is damaged ({what}): copy it again"));
    };
    check(&with_bytes(&photo, body(&photo, b"pitm", 0) + 4, &[9, 9]), "a picture without sides");
    check(&with_bytes(&photo, body(&photo, b"ispe", 0) + 4, &[0; 8]), "an impossible header");
    check(&with_bytes(&photo, body(&photo, b"hvcC", 0), &[7]), "a configuration of an unknown version");
    check(&with_bytes(&photo, body(&photo, b"pict", 0) - 4, b"soun"), "no picture in it");
    let rows = body(&grid, b"idat", 0) + 2;
    check(&with_bytes(&grid, rows, &[255, 255]), "tiles that do not make the picture");
    check(&with_bytes(&grid, rows + 2, &[0x10, 0, 0x10, 0]), "tiles that do not make the picture");
    check(&with_bytes(&grid, rows + 2, &[0, 0, 0, 0]), "an impossible header");
    check(&with_bytes(&grid, rows + 2, &[1, 143]), "two different sizes");
    check(&with_bytes(&photo, body(&photo, b"meta", 0) - 8, &[0, 0, 0, 3]), "a box of impossible length");
}

/// A container that claims a large picture is believed until its data is looked at, and then nothing is allocated for it.
#[test]
fn a_picture_of_other_sides_than_claimed_is_refused_by_its_decoder() {
    let photo = real("portrait.heic");
    let sides = body(&photo, b"ispe", 0) + 4;
    let claim = |side: u32| with_bytes(&photo, sides, &[side.to_be_bytes(), side.to_be_bytes()].concat());
    assert!(matches!(looked_at(&claim(60_000)), Err(Refusal::TooManyPixels { .. })));
    let refused = rendered(&claim(8_000), Crop::Center, &[exact(48, 48)]).unwrap_err();
    let words = "the picture data is damaged (it has other sides than its container says)";
    assert!(refused.to_string().starts_with(words), "{refused}");
}

#[test]
fn colours_that_are_not_known_are_refused() {
    let grid = real(GRID);
    let matrix = body(&grid, b"nclx", 0) + 4;
    let refused = rendered(&with_bytes(&grid, matrix, &[0, 8]), Crop::Center, &[exact(48, 48)]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this HEIC is coded in colours that are not known here: save it as an ordinary JPEG"
    );
}

/// Repair programs close a half file: its boxes are whole and its picture is not.
#[test]
fn a_file_closed_before_its_end_is_refused() {
    let photo = real("portrait.heic");
    let data = body(&photo, b"mdat", 0);
    let length = (photo.len() - 2000 - data + 8) as u32;
    let closed = with_bytes(&photo[..photo.len() - 2000], data - 8, &length.to_be_bytes());
    assert_eq!(looked_at(&closed), Err(Refusal::Cut));
}

#[test]
fn what_follows_the_last_box_is_dropped_and_told() {
    let photo = real("portrait.heic");
    let longer = [photo.as_slice(), &[1; 20_000]].concat();
    assert_eq!(looked_at(&longer).unwrap().warnings, ["20 KiB after the end of the picture are not used"]);
    assert_eq!(rendered(&longer, Crop::Center, &[exact(48, 48)]), rendered(&photo, Crop::Center, &[exact(48, 48)]));
}

fn assert_answered(bytes: &[u8]) {
    let Ok(source) = examine(bytes, &SMALL) else { return };
    let made = render(bytes, &source, &Recipe::new(Crop::Upper, vec![exact(48, 48), at_most(64, 64)]));
    match made {
        Ok(made) => assert_eq!((made.renditions[0].width, made.renditions[0].height), (48, 48)),
        Err(refused) => assert_ne!(refused, Refusal::DecoderFailed),
    }
}

fn some_heic() -> impl Strategy<Value = Vec<u8>> {
    let names = ["portrait-gray.heic", "portrait-clear.heic", GRID];
    proptest::sample::select(names.map(real).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_files_are_answered(mut photo in some_heic(), changes in vec((any::<Index>(), any::<u8>()), 1..20)) {
        for (place, value) in changes {
            let at = place.index(photo.len());
            photo[at] = value;
        }
        assert_answered(&photo);
    }

    /// Boxes decide what is read from where, so most changes go there.
    #[test]
    fn changed_boxes_are_answered(mut photo in some_heic(), changes in vec((0..1200_usize, any::<u8>()), 1..6)) {
        for (place, value) in changes {
            let at = place % photo.len();
            photo[at] = value;
        }
        assert_answered(&photo);
    }

    #[test]
    fn files_with_holes_are_answered(mut photo in some_heic(), from in any::<Index>(), length in 1..3000_usize) {
        let from = from.index(photo.len());
        photo.drain(from..photo.len().min(from + length));
        assert_answered(&photo);
    }
}
