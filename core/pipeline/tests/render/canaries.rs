//! Nothing but the picture leaves: no place, no name, no preview of what was cropped away.

use moxcms::ColorProfile;
use portraitd_pipeline::Crop;

use crate::photos::*;

const CANARY: &[u8] = b"CANARY-of-a-secret-place";

fn holds_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY)
}

/// A profile that has to be heeded; what is behind its end is nobody's.
fn p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

/// Renditions in every size, one of them the photo's own, hold no canary and only the segments of a plain JPEG.
fn assert_clean(photo: &[u8], name: &str) {
    assert!(holds_canary(photo), "{name} has a canary");
    let specs = [at_most(0, 0), exact(100, 100), exact(48, 48)];
    let made = rendered(photo, Crop::Center, &specs).unwrap_or_else(|refused| panic!("{name}: {refused}"));
    for rendition in made {
        assert!(!holds_canary(&rendition.bytes), "{name} leaks");
        let plain = [0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDA];
        assert!(markers(&rendition.bytes).iter().all(|marker| plain.contains(marker)), "{name}");
    }
}

/// The markers of a JPEG's segments up to its first scan.
fn markers(jpeg: &[u8]) -> Vec<u8> {
    let (mut at, mut markers) = (2, Vec::new());
    while markers.last() != Some(&0xDA) {
        assert_eq!(jpeg[at], 0xFF);
        markers.push(jpeg[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    markers
}

#[test]
fn no_segment_of_a_jpeg_leaves() {
    let photo = jpeg(200, 200);
    let thumbnail = [b"Exif\0\0".as_slice(), &orientation_tag(1), &jpeg(96, 96), CANARY].concat();
    let profile = [b"ICC_PROFILE\0\x01\x01".as_slice(), &p3()].concat();
    let bodies: [(u8, &[u8]); 9] = [
        (0xE0, b"JFXX\0\x10"),
        (0xE1, &thumbnail),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
        (0xE2, &profile),
        (0xE2, b"MPF\0MM\0\x2a"),
        (0xED, b"Photoshop 3.0\x008BIM"),
        (0xEE, b"Adobe\0\x64\0\0\0\0\x01"),
        (0xFE, b""),
        (0xFE, b"Made by a scanner "),
    ];
    for (marker, body) in bodies {
        let marked = with_segment(&photo, marker, &[body, CANARY].concat());
        assert_clean(&marked, &format!("segment {marker:#x} {}", body.escape_ascii()));
    }
    for marker in 0xE0..=0xEF {
        assert_clean(&with_segment(&photo, marker, CANARY), &format!("segment {marker:#x}"));
    }
    assert_clean(&[photo.as_slice(), CANARY].concat(), "behind the picture");
}

#[test]
fn a_comment_between_scans_does_not_leave() {
    let rgb = portrait(200, 200, 7);
    let photo = jpeg_of(&rgb, (200, 200), |encoder| encoder.set_progressive(true));
    let last = photo.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let comment = with_segment(b"\xFF\xD8", 0xFE, CANARY);
    assert_clean(&[&photo[..last], &comment[2..], &photo[last..]].concat(), "between scans");
}

#[test]
fn no_chunk_of_a_png_leaves() {
    let photo = real("portrait.png");
    let bodies: [(&[u8; 4], &[u8]); 6] = [
        (b"tEXt", b"Comment\0"),
        (b"zTXt", b"Comment\0\0"),
        (b"iTXt", b"Comment\0\0\0\0\0"),
        (b"eXIf", b"MM\0\x2a\0\0\0\x08\0\0"),
        (b"tIME", b""),
        (b"prIv", b""),
    ];
    for (name, body) in bodies {
        let marked = with_chunk(&photo, name, &[body, CANARY].concat());
        assert_clean(&marked, &name.escape_ascii().to_string());
    }
    let stored = miniz_oxide::deflate::compress_to_vec_zlib(&[&p3(), CANARY].concat(), 0);
    assert_clean(&with_chunk(&photo, b"iCCP", &[b"profile\0\0".as_slice(), &stored].concat()), "a profile");
    assert_clean(&[photo.as_slice(), CANARY].concat(), "behind the picture");
}

#[test]
fn no_chunk_of_a_webp_leaves() {
    let photo = webp_of(&portrait(120, 100, 7), 120, 100);
    let profile = [&p3(), CANARY].concat();
    for (name, body) in [(b"EXIF", CANARY), (b"XMP ", CANARY), (b"ICCP", &profile), (b"prIv", CANARY)] {
        let marked = extended(&photo, (120, 100), &[(name, body)]);
        assert_clean(&marked, &name.escape_ascii().to_string());
    }
    assert_clean(&[photo.as_slice(), CANARY].concat(), "behind the picture");
}

/// The phone's own file has its position in EXIF.
#[test]
fn a_real_position_does_not_leave() {
    let photo = real("phone-with-gps.jpg");
    let made = rendered(&photo, Crop::Center, &[at_most(0, 0)]).unwrap();
    let words = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(words(&photo, b"NOKIA") || words(&photo, b"Nokia"));
    assert!(!words(&made[0].bytes, b"Exif") && !words(&made[0].bytes, b"okia"));
}
