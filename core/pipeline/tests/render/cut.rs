//! A file that is still being copied must never become a picture.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use portraitd_pipeline::{Crop, Refusal};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::photos::*;

/// Whole photos in every form, real ones and made ones.
fn whole_photos() -> Vec<(String, Vec<u8>)> {
    let rgb = portrait(160, 208, 3);
    let sides = (160, 208);
    let mut photos: Vec<_> = REAL.iter().map(|(name, ..)| ((*name).to_owned(), real(name))).collect();
    let mut made = |name: &str, bytes| photos.push((name.to_owned(), bytes));
    made("made baseline", jpeg_of(&rgb, sides, |_| {}));
    made("made progressive", jpeg_of(&rgb, sides, |encoder| encoder.set_progressive(true)));
    made("made with restarts", jpeg_of(&rgb, sides, |encoder| encoder.set_restart_interval(3)));
    for (name, form) in FORMS {
        made(name, jpeg_of(&rgb, sides, form));
    }
    made("made png", png_of(&rgb, 160, 208));
    made("made webp", webp_of(&rgb, 160, 208));
    made("made gif", gif_of(&rgb, 160, 208));
    photos
}

/// Forms of JPEG that are met less often.
const FORMS: [(&str, Form); 4] = [
    ("made with a scan for each colour", |encoder| encoder.set_optimized_huffman_tables(true)),
    ("made 4:1:1", |encoder| encoder.set_sampling_factor(SamplingFactor::F_4_1)),
    ("made progressive 4:1:1", |encoder| {
        encoder.set_sampling_factor(SamplingFactor::F_4_1);
        encoder.set_progressive(true);
    }),
    ("made progressive with restarts", |encoder| {
        encoder.set_restart_interval(2);
        encoder.set_progressive(true);
    }),
];

type Form = fn(&mut Encoder<&mut Vec<u8>>);

/// Where the picture ends; the phones' files here go on after it, and not with another picture.
fn end_of_picture(bytes: &[u8]) -> usize {
    match bytes.starts_with(&[0xFF, 0xD8]) {
        true => bytes.windows(2).rposition(|pair| pair == [0xFF, 0xD9]).unwrap() + 2,
        false => bytes.len(),
    }
}

/// Before, within and behind every pair of bytes that looks like a marker, in thumbnails too, and 200 random places.
fn places(bytes: &[u8], end: usize, runner: &mut TestRunner) -> Vec<usize> {
    let markers = (0..end - 1).filter(|at| bytes[*at] == 0xFF && bytes[at + 1] != 0);
    let mut places: Vec<usize> = markers.flat_map(|at| [at, at + 1, at + 2, at + 4]).collect();
    places.extend((0..200).map(|_| (0..end).new_tree(runner).unwrap().current()));
    places.retain(|place| *place < end);
    places
}

#[test]
fn a_photo_cut_anywhere_is_refused() {
    let mut runner = TestRunner::deterministic();
    let (mut cuts, mut accepted) = (0, 0);
    for (name, bytes) in whole_photos() {
        assert!(looked_at(&bytes).is_ok(), "{name} is whole");
        for place in places(&bytes, end_of_picture(&bytes), &mut runner) {
            cuts += 1;
            if looked_at(&bytes[..place]).is_ok() {
                accepted += 1;
                println!("{name} cut at {place} of {} was accepted", bytes.len());
            }
        }
    }
    println!("{cuts} cuts, {accepted} accepted");
    assert_eq!(accepted, 0);
}

#[test]
fn a_photo_of_which_the_rest_is_zeros_is_refused() {
    let mut runner = TestRunner::deterministic();
    for (name, bytes) in whole_photos() {
        // In a WebP, which has neither sums nor an end marker, shorter gaps cannot be told from a picture.
        let end = end_of_picture(&bytes) - if name.contains("webp") { 128 } else { 1 };
        for place in places(&bytes, end, &mut runner) {
            let mut reserved = bytes.clone();
            reserved[place..].fill(0);
            assert!(looked_at(&reserved).is_err(), "{name} with zeros from {place}");
        }
    }
}

#[test]
fn every_single_prefix_of_a_small_photo_is_refused() {
    let rgb = portrait(96, 96, 5);
    let mut photos = vec![
        jpeg_of(&rgb, (96, 96), |_| {}),
        jpeg_of(&rgb, (96, 96), |encoder| encoder.set_progressive(true)),
        png_of(&rgb, 96, 96),
        webp_of(&rgb, 96, 96),
        gif_of(&rgb, 96, 96),
    ];
    photos.extend(FORMS.map(|(_, form)| jpeg_of(&rgb, (96, 96), form)));
    let inks = &rgb.repeat(2)[..96 * 96 * 4];
    for progressive in [false, true] {
        photos.push(jpeg_in(ColorType::Cmyk, inks, (96, 96), |encoder| encoder.set_progressive(progressive)));
    }
    for bytes in photos {
        let accepted = (0..bytes.len()).filter(|end| looked_at(&bytes[..*end]).is_ok());
        assert_eq!(accepted.count(), 0);
    }
}

#[test]
fn a_cut_photo_is_told_in_plain_words() {
    let bytes = real("portrait.jpg");
    let refused = looked_at(&bytes[..bytes.len() / 2]).unwrap_err();
    assert_eq!(refused, Refusal::Cut);
    assert_eq!(refused.to_string(), "the file ends in the middle: copy it again");
}

/// Repair programs close a half file with an end marker: its structure is whole and its picture is not.
#[test]
fn half_a_photo_with_an_end_put_behind_it_is_refused() {
    let mut photos = whole_photos();
    photos.retain(|(name, bytes)| bytes.starts_with(&[0xFF, 0xD8]) && !name.contains("progressive"));
    for (name, bytes) in photos {
        for hundredth in [30, 50, 70, 90, 95] {
            let mut closed = bytes[..end_of_picture(&bytes) * hundredth / 100].to_vec();
            closed.extend([0xFF, 0xD9]);
            let made = rendered(&closed, Crop::Center, &[exact(48, 48)]);
            assert!(made.is_err(), "{name} closed at {hundredth} %");
        }
        assert!(rendered(&bytes, Crop::Center, &[exact(48, 48)]).is_ok(), "{name} is whole");
    }
}

/// Small pictures of a progressive photo are made without its scans of detail; whoever wants the photo itself gets them.
#[test]
fn a_progressive_photo_with_half_a_scan_is_not_handed_on() {
    let photo = jpeg_of(&portrait(400, 400, 3), (400, 400), |encoder| encoder.set_progressive(true));
    let last = photo.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let cut = [&photo[..last + (photo.len() - last) / 2], &[0xFF, 0xD9]].concat();
    for (photo, is_whole) in [(photo, true), (cut, false)] {
        assert!(rendered(&photo, Crop::Center, &[exact(32, 32)]).is_ok());
        let original = rendered(&photo, Crop::Center, &[at_most(0, 0), exact(32, 32)]);
        assert_eq!(original.is_ok(), is_whole);
        assert_eq!(rendered(&photo, Crop::Center, &[exact(200, 200)]).is_ok(), is_whole);
    }
}
