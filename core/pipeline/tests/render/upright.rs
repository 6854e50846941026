//! Every way in which a photo can lie in its file comes out upright.

use portraitd_pipeline::{Crop, Orientation};

use crate::photos::*;

const SIDES: (u32, u32) = (160, 208);

/// What the camera stores when the upright picture is to be reached by the tag's turn: the inverse of that turn.
pub(crate) fn as_coded(upright: &[u8], tag: u8) -> (Vec<u8>, u32, u32) {
    let (width, height) = SIDES;
    let (coded_width, coded_height) = if tag < 5 { (width, height) } else { (height, width) };
    let mut coded = vec![0; upright.len()];
    for y in 0..height {
        for x in 0..width {
            let (cx, cy) = match tag {
                1 => (x, y),
                2 => (width - 1 - x, y),
                3 => (width - 1 - x, height - 1 - y),
                4 => (x, height - 1 - y),
                5 => (y, x),
                6 => (y, width - 1 - x),
                7 => (height - 1 - y, width - 1 - x),
                _ => (height - 1 - y, x),
            };
            let (from, to) = ((y * width + x) as usize * 3, (cy * coded_width + cx) as usize * 3);
            coded[to..to + 3].copy_from_slice(&upright[from..from + 3]);
        }
    }
    (coded, coded_width, coded_height)
}

/// All renditions of a photo, as pixels: shrunk, cropped above the middle, and padded.
fn made(photo: &[u8]) -> Vec<Vec<u8>> {
    let specs = [at_most(100, 100), exact(64, 64), exact(90, 40)];
    let upper = rendered(photo, Crop::Upper, &specs).unwrap();
    let padded = rendered(photo, Crop::None, &specs).unwrap();
    upper.iter().chain(&padded).map(|rendition| pixels(&rendition.bytes)).collect()
}

fn assert_alike(photo: &[u8], expected: &[Vec<u8>], name: &str) {
    let source = looked_at(photo).unwrap();
    assert_eq!((source.width, source.height), SIDES, "{name}");
    for (index, (one, other)) in made(photo).iter().zip(expected).enumerate() {
        let distance = distance(one, other);
        assert!(distance < 2.0, "{name}: rendition {index} differs by {distance:.2} levels");
    }
}

#[test]
fn each_orientation_of_each_format_looks_the_same() {
    let upright = portrait(SIDES.0, SIDES.1, 11);
    let expected = made(&png_of(&upright, SIDES.0, SIDES.1));
    for tag in 1..=8 {
        let (coded, width, height) = as_coded(&upright, tag);
        let tiff = orientation_tag(tag);
        let exif = [b"Exif\0\0".as_slice(), &tiff].concat();
        let jpeg = jpeg_of(&coded, (width as u16, height as u16), |_| {});
        assert_alike(&with_segment(&jpeg, 0xE1, &exif), &expected, &format!("JPEG {tag}"));
        let png = with_chunk(&png_of(&coded, width, height), b"eXIf", &tiff);
        assert_alike(&png, &expected, &format!("PNG {tag}"));
        let webp = webp_of(&coded, width, height);
        for exif in [&tiff, &exif] {
            let webp = extended(&webp, (width, height), &[(b"EXIF", exif)]);
            assert_alike(&webp, &expected, &format!("WebP {tag}"));
        }
    }
}

#[test]
fn real_photos_have_their_upright_sides() {
    for (name, width, height) in REAL {
        let source = looked_at(&real(name)).unwrap();
        assert_eq!((source.width, source.height), (width, height), "{name}");
        let made = rendered(&real(name), Crop::Center, &[at_most(0, 0), exact(48, 48)]).unwrap();
        assert_eq!((made[0].width, made[0].height), (width, height), "{name}");
    }
}

/// The street is darker than the sky, so a picture that lies wrong shows it.
#[test]
fn a_camera_photo_has_its_sky_above() {
    let photo = real("camera-orientation-6.jpg");
    assert_eq!(looked_at(&photo).unwrap().orientation, Orientation::QuarterRight);
    let made = rendered(&photo, Crop::Center, &[exact(48, 48)]).unwrap();
    let pixels = pixels(&made[0].bytes);
    let light = |part: &[u8]| part.iter().map(|value| u64::from(*value)).sum::<u64>() / part.len() as u64;
    let (above, below) = pixels.split_at(pixels.len() / 2);
    assert!(light(above) > light(below) + 10, "{} above, {} below", light(above), light(below));
}

#[test]
fn a_malformed_tag_is_told_and_the_photo_taken() {
    let photo = with_segment(&jpeg(160, 208), 0xE1, b"Exif\0\0II\x2a\0\xff\xff\xff\x7f");
    let source = looked_at(&photo).unwrap();
    assert_eq!(source.orientation, Orientation::Upright);
    assert_eq!(source.warnings, ["the EXIF data is malformed, so the picture is taken as upright"]);
}

#[test]
fn only_the_first_exif_segment_counts() {
    let exif = |tag| [b"Exif\0\0".as_slice(), &orientation_tag(tag)].concat();
    let later = with_segment(&jpeg(160, 208), 0xE1, &exif(3));
    let photo = with_segment(&later, 0xE1, &exif(6));
    assert_eq!(looked_at(&photo).unwrap().orientation, Orientation::QuarterRight);
}
