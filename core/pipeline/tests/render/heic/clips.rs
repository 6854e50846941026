//! Boxes that clip a picture (ISO/IEC 14496-12, 12.1.4), before it is turned and mirrored (ISO/IEC 23000-22, 7.3.6.7).

use image::{RgbImage, imageops};
use portraitd_pipeline::Crop;

use super::made::*;
use super::{reason, whole};
use crate::photos::*;

const SIDES: (u32, u32) = (256, 224);
const TILE: (u32, u32) = (64, 112);

/// Blocks of four pixels as bright as none of their neighbours, so that each pixel of displacement shows, in colours that
/// change slowly.
fn patches((width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let patch = (x / 4).wrapping_mul(0x9E37_79B1) ^ (y / 4).wrapping_mul(0x85EB_CA77);
        let shade = (patch ^ patch >> 15).wrapping_mul(0x2C1B_3C6D) >> 25;
        image::Rgb([shade + x / 3, shade + 40, shade + y / 3].map(|value| value as u8))
    })
}

fn photo(patches: &RgbImage) -> Photo<'_> {
    Photo { rgb: patches.as_raw(), sides: patches.dimensions() }
}

/// Sides, and how far the middle is off the middle: each a number over another.
fn clap(fractions: [(i32, u32); 4]) -> Vec<u8> {
    fractions.iter().flat_map(|(above, below)| [above.to_be_bytes(), below.to_be_bytes()].concat()).collect()
}

/// The box that shows so much from this corner on, of a picture of these sides.
fn part((left, top): (u32, u32), (width, height): (u32, u32), sides: (u32, u32)) -> Vec<u8> {
    let off = |start: u32, shown: u32, side: u32| (2 * start as i32 - (side - shown) as i32, 2);
    clap([(width as i32, 1), (height as i32, 1), off(left, width, sides.0), off(top, height, sides.1)])
}

fn image((rgb, width, height): (Vec<u8>, u32, u32)) -> RgbImage {
    RgbImage::from_raw(width, height, rgb).unwrap()
}

/// The photo shows this picture, and not one that is a pixel off.
fn check(photo: &[u8], expected: &RgbImage, name: &str) {
    let made = image(whole(photo));
    assert_eq!(made.dimensions(), expected.dimensions(), "{name}");
    let near = distance(&made, expected);
    assert!(near < 6.0, "{name} differs by {near:.2} levels");
    let (width, height) = (made.width() - 1, made.height() - 1);
    for (left, top) in [(1, 0), (0, 1)] {
        let [moved, kept] = [(&made, (left, top)), (expected, (0, 0))]
            .map(|(picture, (left, top))| imageops::crop_imm(picture, left, top, width, height).to_image());
        let off = distance(&moved, &kept);
        assert!(off > 2.0 * near, "{name} differs by {near:.2} levels, and a pixel off by {off:.2}");
    }
}

#[test]
fn what_is_clipped_shows_that_part_of_the_picture() {
    let patches = patches(SIDES);
    for (corner, shown) in [((32, 48), (160, 128)), ((0, 0), (160, 96)), ((96, 80), (160, 128)), ((33, 51), (97, 101))]
    {
        let clap = part(corner, shown, SIDES);
        let said = [AS_IN_JPEGS, (b"clap", clap.as_slice())];
        for (form, name) in [(FINE, "fine"), (HALVED, "halved"), (GRAY, "gray")] {
            let name = format!("{name} {shown:?} at {corner:?}");
            let cut = |photo: &[u8]| {
                imageops::crop_imm(&image(whole(photo)), corner.0, corner.1, shown.0, shown.1).to_image()
            };
            let (whole, clipped) = (photo(&patches).heic(form, &said[..1]), photo(&patches).heic(form, &said));
            check(&clipped, &cut(&whole), &name);
            let tiles = photo(&patches).grid(form, TILE, &said[..1], &said);
            check(&tiles, &cut(&whole), &format!("{name} in tiles"));
        }
    }
}

/// MIAF, 7.3.6.7: clipping comes first, then rotation, then mirroring; what is in the middle may come in either order.
#[test]
fn what_is_clipped_is_turned_afterwards() {
    let patches = patches(SIDES);
    let (corner, shown) = ((20, 64), (160, 112));
    let clap = part(corner, shown, SIDES);
    let check = |turns: &[Said<'_>], turn: &dyn Fn(&RgbImage) -> RgbImage| {
        let said = [&[AS_IN_JPEGS, (b"clap", clap.as_slice())], turns].concat();
        let whole = image(whole(&photo(&patches).heic(FINE, &said[..1])));
        let cut = imageops::crop_imm(&whole, corner.0, corner.1, shown.0, shown.1).to_image();
        let names: Vec<_> = turns.iter().map(|(name, body)| format!("{} {body:?}", name.escape_ascii())).collect();
        check(&photo(&patches).heic(FINE, &said), &turn(&cut), &names.join(", "));
        check(
            &photo(&patches).grid(FINE, TILE, &said[..1], &said),
            &turn(&cut),
            &format!("tiles, {}", names.join(", ")),
        );
    };
    let (left, half, mirror, flip): (Said<'_>, Said<'_>, Said<'_>, Said<'_>) =
        ((b"irot", &[1]), (b"irot", &[2]), (b"imir", &[1]), (b"imir", &[0]));
    // The library turns clockwise, the box the other way round.
    check(&[left], &imageops::rotate270);
    check(&[half], &imageops::rotate180);
    check(&[mirror], &imageops::flip_horizontal);
    check(&[left, mirror], &|cut| imageops::flip_horizontal(&imageops::rotate270(cut)));
    check(&[mirror, left], &|cut| imageops::rotate270(&imageops::flip_horizontal(cut)));
    check(&[left, flip], &|cut| imageops::flip_vertical(&imageops::rotate270(cut)));
    check(&[half, mirror], &imageops::flip_vertical);
}

#[test]
fn what_is_clipped_after_it_was_turned_is_refused() {
    let patches = patches(SIDES);
    let clap = part((0, 0), (160, 112), SIDES);
    for turn in [(b"irot", &[1_u8]), (b"imir", &[0])] {
        let turned = photo(&patches).heic(FINE, &[AS_IN_JPEGS, (turn.0, turn.1), (b"clap", &clap)]);
        assert_eq!(reason(&turned), "this HEIC is clipped after it was turned: save it as an ordinary JPEG");
    }
    let unturned = photo(&patches).heic(FINE, &[AS_IN_JPEGS, (b"irot", &[0]), (b"clap", &clap)]);
    assert_eq!(looked_at(&unturned).map(|source| (source.width, source.height)), Ok((160, 112)));
}

/// A crop of what is clipped decodes fewer tiles than all of it, and they lie elsewhere than in the whole picture.
#[test]
fn a_crop_of_what_is_clipped_is_as_in_the_whole() {
    let patches = patches(SIDES);
    let clap = part((50, 40), (180, 150), SIDES);
    let said = [AS_IN_JPEGS, (b"clap", clap.as_slice())];
    let tiles = photo(&patches).grid(FINE, TILE, &said[..1], &said);
    let (rgb, width, height) = whole(&tiles);
    let png = png_of(&rgb, width, height);
    for (crop, sides) in [(Crop::Upper, (96, 96)), (Crop::Center, (180, 40)), (Crop::Center, (30, 150))] {
        let [one, other] =
            [&tiles, &png].map(|photo| rendered(photo, crop, &[exact(sides.0, sides.1)]).unwrap()[0].bytes.clone());
        let distance = distance(&pixels(&one), &pixels(&other));
        assert!(distance < 6.0, "{crop:?} {sides:?} differs by {distance:.2} levels");
    }
}

#[test]
fn what_is_not_opaque_is_clipped_with_its_opacity() {
    let patches = patches(SIDES);
    let clap = part((64, 32), (128, 160), SIDES);
    let said = [AS_IN_JPEGS, (b"clap", clap.as_slice())];
    let opacity = |x: u32, y: u32| if (x / 32 + y / 32).is_multiple_of(2) { 235 } else { 16 };
    let all = image(whole(&photo(&patches).clear(FINE, opacity, &said[..1])));
    check(
        &photo(&patches).clear(FINE, opacity, &said),
        &imageops::crop_imm(&all, 64, 32, 128, 160).to_image(),
        "clear",
    );
    let clear = all.get_pixel(48, 16);
    assert!(clear.0.iter().all(|value| *value > 250), "a clear part is {clear:?}");
}

#[test]
fn fractions_are_rounded_to_pixels() {
    let patches = patches(SIDES);
    let check = |fractions: [(i32, u32); 4], sides: (u32, u32)| {
        let clapped = photo(&patches).heic(FINE, &[AS_IN_JPEGS, (b"clap", &clap(fractions))]);
        assert_eq!(looked_at(&clapped).map(|source| (source.width, source.height)), Ok(sides), "{fractions:?}");
        assert!(rendered(&clapped, Crop::Center, &[exact(48, 48)]).is_ok(), "{fractions:?}");
    };
    let middle = (0, 1);
    check([(256, 1), (224, 1), middle, middle], SIDES);
    check([(480, 3), (100, 1), middle, middle], (160, 100));
    check([(321, 2), (501, 5), middle, middle], (161, 100));
    check([(1 << 30, 1 << 23), (i32::MAX, 1 << 24), middle, middle], (128, 128));
    // The last pixels that are there, on both sides.
    check([(100, 1), (100, 1), (156, 2), (-124, 2)], (100, 100));
    check([(100, 1), (100, 1), (-i32::MAX, u32::MAX), (1, u32::MAX)], (100, 100));
}

#[test]
fn a_part_that_is_not_in_the_picture_is_damage() {
    let patches = patches(SIDES);
    let check = |fractions: [(i32, u32); 4]| {
        let clapped = photo(&patches).heic(FINE, &[AS_IN_JPEGS, (b"clap", &clap(fractions))]);
        let sentence = "the file is damaged (a part that is not in the picture): copy it again";
        assert_eq!(reason(&clapped), sentence, "{fractions:?}");
    };
    let (width, height, middle) = ((160, 1), (112, 1), (0, 1));
    for nothing in [(0, 1), (-160, 1), (1, 3), (i32::MIN, 1), (1, u32::MAX)] {
        check([nothing, height, middle, middle]);
        check([width, nothing, middle, middle]);
    }
    for by_nothing in [(0, 0), (160, 0), (-1, 0)] {
        check([by_nothing, height, middle, middle]);
        check([width, by_nothing, middle, middle]);
        check([width, height, by_nothing, middle]);
        check([width, height, middle, by_nothing]);
    }
    for beyond in [(49, 1), (-49, 1), (i32::MAX, 1), (i32::MIN, 1)] {
        check([width, height, beyond, middle]);
    }
    for beyond in [(57, 1), (-57, 1), (i32::MAX, 1), (i32::MIN, 1)] {
        check([width, height, middle, beyond]);
    }
    check([(257, 1), height, middle, middle]);
    check([width, (i32::MAX, 1), middle, middle]);
    let cut = photo(&patches).heic(FINE, &[AS_IN_JPEGS, (b"clap", &clap([width, height, middle, middle])[..31])]);
    assert_eq!(reason(&cut), "the file ends in the middle: copy it again");
}
