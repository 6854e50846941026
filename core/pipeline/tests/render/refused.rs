//! What is refused, and in which words.

use portraitd_pipeline::{Crop, Format, Limits, Refusal, examine};

use crate::photos::*;

fn reason(bytes: &[u8]) -> String {
    looked_at(bytes).unwrap_err().to_string()
}

#[test]
fn other_kinds_of_files_are_named() {
    let named = [
        (b"\0\0\0\x18ftypavif\0\0\0\0".as_slice(), "AVIF"),
        (b"%PDF-1.7", "PDF"),
        (b"II\x2a\0\x08\0\0\0", "TIFF or raw camera file"),
        (b"PK\x03\x04", "ZIP or office file"),
    ];
    for (bytes, kind) in named {
        assert_eq!(reason(bytes), format!("this is a {kind}, not a JPEG, PNG, WebP, GIF or HEIC"));
    }
    assert_eq!(reason(b"Dear all, please"), "this is not a picture (neither JPEG, PNG, WebP, GIF nor HEIC)");
    assert_eq!(reason(b""), "the file is empty: copy it again");
    assert_eq!(reason(&[0; 5000]), "the file holds only zeros: copy it again");
    for begun in [b"\xFF\xD8".as_slice(), b"\x89PNG", b"RIFF\x10\0\0\0", b"GIF8"] {
        assert_eq!(reason(begun), "the file ends in the middle: copy it again");
    }
}

#[test]
fn limits_are_kept_to_the_byte_and_the_pixel() {
    let photo = jpeg(200, 100);
    let bytes = photo.len() as u64;
    let exact = Limits { max_bytes: bytes, max_pixels: 20_000, min_side: 100 };
    assert!(examine(&photo, &exact).is_ok());
    let refused = |limits| examine(&photo, &limits).unwrap_err();
    let max = bytes - 1;
    assert_eq!(refused(Limits { max_bytes: max, ..exact }), Refusal::TooManyBytes { bytes, max });
    let pixels = Refusal::TooManyPixels { pixels: 20_000, max: 19_999 };
    assert_eq!(refused(Limits { max_pixels: 19_999, ..exact }), pixels);
    let small = Refusal::TooSmall { width: 200, height: 100, min: 101 };
    assert_eq!(refused(Limits { min_side: 101, ..exact }), small);
}

/// The place of a JPEG's frame header's marker.
fn frame_header(jpeg: &[u8]) -> usize {
    jpeg.windows(2).position(|pair| pair[0] == 0xFF && (0xC0..=0xC2).contains(&pair[1])).unwrap()
}

fn scan_header(jpeg: &[u8]) -> usize {
    jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap()
}

fn changed(at: usize, value: u8) -> Vec<u8> {
    let mut photo = jpeg(128, 128);
    photo[at] = value;
    photo
}

#[test]
fn forms_that_are_not_read_are_named() {
    let frame = frame_header(&jpeg(128, 128));
    let check = |at: usize, value: u8, form: &'static str| {
        let refused = looked_at(&changed(frame + at, value)).unwrap_err();
        assert_eq!(refused, Refusal::Unsupported { format: Format::Jpeg, form });
    };
    check(1, 0xC9, "coded arithmetically");
    check(1, 0xCA, "coded arithmetically");
    check(1, 0xC3, "coded without loss");
    check(1, 0xC5, "coded hierarchically");
    check(4, 12, "coded with more than 8 bits per colour");
    let mut photo = jpeg(128, 128);
    photo[frame + 5..frame + 7].fill(0);
    let form = "coded without its height";
    assert_eq!(looked_at(&photo), Err(Refusal::Unsupported { format: Format::Jpeg, form }));
    let sentence = "this JPEG is coded without its height: save it as an ordinary JPEG";
    assert_eq!(reason(&photo), sentence);
}

#[test]
fn a_second_frame_header_is_damage() {
    let photo = jpeg(128, 128);
    let (frame, scan) = (frame_header(&photo), scan_header(&photo));
    let header = &photo[frame..frame + 19];
    let twice = [&photo[..scan], header, &photo[scan..]].concat();
    assert_eq!(reason(&twice), "the file is damaged (two frame headers): copy it again");
}

#[test]
fn an_end_before_the_picture_is_damage() {
    let photo = jpeg(128, 128);
    let without = [&photo[..scan_header(&photo)], &[0xFF, 0xD9]].concat();
    assert!(matches!(looked_at(&without), Err(Refusal::Damaged { .. })));
    assert!(matches!(looked_at(&[0xFF, 0xD8, 0xFF, 0xD9]), Err(Refusal::Damaged { .. })));
}

#[test]
fn a_missing_piece_between_restarts_is_damage() {
    let rgb = portrait(160, 160, 1);
    let photo = jpeg_of(&rgb, (160, 160), |encoder| encoder.set_restart_interval(2));
    let restart = |n: u8| photo.windows(2).position(|pair| pair == [0xFF, 0xD0 + n]).unwrap();
    let missing = [&photo[..restart(2)], &photo[restart(4)..]].concat();
    let words = "the file is damaged (a part of the picture data is missing): copy it again";
    assert_eq!(reason(&missing), words);
}

/// A progressive JPEG with so many scans: each coefficient of the first colour begins with its highest bit and goes on bit by
/// bit, in a scan each. Nothing is in them, which only a decoder would see.
fn with_scans(width: u16, scans: usize) -> Vec<u8> {
    const LOW_BITS: u8 = 13;
    let rgb = portrait(width.into(), width.into(), 1);
    let photo = jpeg_of(&rgb, (width, width), |encoder| encoder.set_progressive(true));
    let starts: Vec<_> = (0..photo.len() - 1).filter(|at| photo[*at..*at + 2] == [0xFF, 0xDA]).collect();
    let begins_at = |start: usize| photo[start + 5 + 2 * usize::from(photo[start + 4])];
    let (dc, first) = (starts.iter().filter(|start| begins_at(**start) == 0).count(), photo[starts[0] + 5]);
    let steps = (1..64_u8).flat_map(|index| (0..=LOW_BITS).rev().map(move |low| (index, low)));
    let scan = |(index, low): (u8, u8)| {
        let high = if low == LOW_BITS { 0 } else { low + 1 };
        [0xFF, 0xDA, 0, 8, 1, first, 0, index, index, high << 4 | low, 0]
    };
    let more: Vec<u8> = steps.take(scans - dc).flat_map(scan).collect();
    [&photo[..starts[dc]], &more, &[0xFF, 0xD9]].concat()
}

#[test]
fn a_scan_that_was_there_before_is_refused() {
    let rgb = portrait(128, 128, 1);
    let photo = jpeg_of(&rgb, (128, 128), |encoder| encoder.set_progressive(true));
    let last = photo.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let twice = [&photo[..photo.len() - 2], &photo[last..]].concat();
    let words = "the file is damaged (picture data that comes twice, or too late): copy it again";
    assert_eq!(reason(&twice), words);
}

#[test]
fn more_scans_than_any_program_writes_are_refused() {
    assert!(looked_at(&with_scans(128, 100)).is_ok());
    assert_eq!(looked_at(&with_scans(128, 101)), Err(Refusal::TooManyScans { scans: 101 }));
}

/// 27 scans of one colour of 100 megapixels visit 42 million blocks; the file has 5 kB.
#[test]
fn scans_are_weighed_by_their_pixels() {
    let mut photo = with_scans(128, 30);
    let frame = frame_header(&photo);
    photo[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    assert_eq!(looked_at(&photo), Err(Refusal::TooManyScans { scans: 22 }));
}

#[test]
fn a_small_file_that_claims_a_huge_picture_is_refused() {
    let mut photo = jpeg(128, 128);
    let frame = frame_header(&photo);
    let claim = |photo: &mut Vec<u8>, side: u16| {
        photo[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
        photo[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
    };
    claim(&mut photo, 10_000);
    assert!(reason(&photo).contains("a part of the picture data is missing"));
    claim(&mut photo, 65_500);
    assert!(matches!(looked_at(&photo), Err(Refusal::TooManyPixels { pixels: 4_290_250_000, .. })));
}

/// The header of a PNG of any size, with an empty picture.
fn empty_png(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth, colour, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &[0x78, 0x9C]), (b"IEND", &[])] {
        let named = [name.as_slice(), data].concat();
        png.extend((data.len() as u32).to_be_bytes());
        png.extend(&named);
        png.extend(crc32fast::hash(&named).to_be_bytes());
    }
    png
}

#[test]
fn pixels_and_memory_are_judged_before_any_decode() {
    let bomb = empty_png(30_000, 30_000, 1, 0);
    assert_eq!(reason(&bomb), "the picture is 900 MP, more than the 120 MP allowed");
    let loose = Limits { max_pixels: u64::MAX, ..LIMITS };
    let refused = examine(&empty_png(30_000, 30_000, 16, 6), &loose);
    assert!(matches!(refused, Err(Refusal::TooMuchMemory { .. })), "{refused:?}");
    let refused = examine(&empty_png(100_000, 100, 8, 0), &loose);
    assert!(matches!(refused, Err(Refusal::SideTooLong { .. })), "{refused:?}");
}

/// Each is 120 MP in the form that takes most memory, and within the usual limits.
#[test]
fn every_photo_within_the_usual_limits_fits_in_memory() {
    let png = looked_at(&empty_png(12_000, 10_000, 16, 6)).unwrap();
    let recipe = portraitd_pipeline::Recipe::new(Crop::Center, vec![exact(200, 200)]);
    assert!(png.render_bytes(&recipe) > 12 * 120_000_000);
}

#[test]
fn a_png_with_a_flipped_bit_is_damage() {
    let mut photo = real("portrait.png");
    let middle = photo.len() / 2;
    photo[middle] ^= 4;
    assert_eq!(reason(&photo), "the file is damaged (a checksum does not fit): copy it again");
}

#[test]
fn a_png_whose_data_ends_early_is_refused_by_its_decoder() {
    let photo = empty_png(200, 200, 8, 2);
    let refused = rendered(&photo, Crop::Center, &[exact(48, 48)]).unwrap_err();
    assert!(matches!(refused, Refusal::Undecodable { .. }), "{refused:?}");
}

#[test]
fn an_animated_webp_is_named() {
    let photo = extended(&real("portrait.webp"), (512, 512), &[(b"ANIM", &[0; 6])]);
    assert_eq!(reason(&photo), "this WebP is animated: save it as an ordinary JPEG");
}

#[cfg(not(feature = "heic"))]
#[test]
fn a_kind_of_file_that_was_left_out_is_named() {
    let words = "HEIC is not read by this build: save it as a JPEG, or build with the feature heic";
    assert_eq!(reason(&real("portrait.heic")), words);
}

/// A GIF, and where its picture begins: behind the extension that is for it.
fn gif_and_picture() -> (Vec<u8>, usize) {
    let gif = gif_of(&portrait(120, 100, 1), 120, 100);
    let picture = gif.windows(3).position(|bytes| bytes == [0x21, 0xF9, 4]).unwrap() + 8;
    assert_eq!(gif[picture], 0x2C);
    (gif, picture)
}

fn with_bytes(gif: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    [&gif[..at], bytes, &gif[at + bytes.len()..]].concat()
}

#[test]
fn gifs_that_contradict_themselves_are_damaged() {
    let (gif, picture) = gif_and_picture();
    let check = |changed: &[u8], what: &str| {
        assert_eq!(reason(changed), format!("the file is damaged ({what}): copy it again"));
    };
    check(&with_bytes(&gif, 6, &[0, 0]), "an impossible header");
    check(&with_bytes(&gif, picture + 1, &[1, 0]), "a picture that is not on its canvas");
    check(&with_bytes(&gif, picture + 7, &[0xFF, 0xFF]), "a picture that is not on its canvas");
    check(&with_bytes(&gif, picture + 5, &[0, 0]), "a picture that is not on its canvas");
    check(&with_bytes(&gif, picture, &[0x2D]), "a block of no known kind");
    check(b"GIF89a\x80\0\x80\0\0\0\0;", "no picture in it");
    let bare = b"GIF89a\x80\0\x80\0\0\0\0\x2C\0\0\0\0\x80\0\x80\0\0\x02\x01\x44\0;";
    check(bare, "a picture without colours");
}

#[test]
fn a_gif_whose_data_ends_early_is_refused_by_its_decoder() {
    let (gif, picture) = gif_and_picture();
    let data = picture + 10 + (3 << ((gif[picture + 9] & 7) + 1)) + 1;
    let short = [&gif[..data + 1 + usize::from(gif[data])], &[0, b';']].concat();
    assert!(looked_at(&short).is_ok());
    let refused = rendered(&short, Crop::Center, &[exact(48, 48)]).unwrap_err();
    assert!(matches!(refused, Refusal::Undecodable { .. }), "{refused:?}");
}

#[test]
fn a_gif_of_the_largest_sides_is_refused_by_its_header() {
    let (gif, picture) = gif_and_picture();
    let of_sides = |side: u16| {
        let sides = [side.to_le_bytes(), side.to_le_bytes()].concat();
        looked_at(&with_bytes(&with_bytes(&gif, 6, &sides), picture + 5, &sides))
    };
    assert!(matches!(of_sides(65_535), Err(Refusal::SideTooLong { .. })));
    assert!(matches!(of_sides(65_500), Err(Refusal::TooManyPixels { .. })));
}

/// Phones put gain maps, motion pictures and previews behind the picture.
#[test]
fn what_follows_the_picture_is_dropped_and_told() {
    let specs = [exact(100, 100)];
    for name in ["portrait.jpg", "portrait.png", "portrait.webp", "portrait-progressive.jpg"] {
        let photo = real(name);
        let longer = [photo.as_slice(), &real("portrait-gray.jpg"), &[1; 100_000]].concat();
        let source = looked_at(&longer).unwrap();
        assert_eq!(source.warnings, ["117 KiB after the end of the picture are not used"], "{name}");
        assert_eq!(rendered(&longer, Crop::Center, &specs), rendered(&photo, Crop::Center, &specs), "{name}");
    }
}

#[test]
fn other_bytes_than_the_examined_ones_are_refused() {
    let source = looked_at(&real("portrait.jpg")).unwrap();
    let recipe = portraitd_pipeline::Recipe::new(Crop::Center, vec![exact(48, 48)]);
    for other in [real("portrait-gray.jpg"), real("portrait.png"), Vec::new()] {
        assert!(portraitd_pipeline::render(&other, &source, &recipe).is_err());
    }
}
