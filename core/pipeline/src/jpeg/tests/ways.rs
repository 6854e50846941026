//! The same picture by other ways: through a window, by other scans, and at another scale.

use jpeg_encoder::ColorType;

use super::super::{Marking, Marks, Plane, Scale, Window};
use super::made::*;
use super::{Dice, REAL, decoded, decoded_in, looked_at, marked, real, whole};

/// A part of a picture, of at least one pixel.
fn some_window((width, height): (u16, u16), dice: &mut Dice) -> Window {
    let (left, top) = (dice.roll(width.into()), dice.roll(height.into()));
    let (right, bottom) = (left + 1 + dice.roll(u32::from(width) - left), top + 1 + dice.roll(u32::from(height) - top));
    Window { left, top, right, bottom }
}

/// Asserts that planes are the same parts of those of the whole picture, and hold all of the window.
fn assert_within(parts: &[Plane], all: &[Plane], window: Window, name: &str) {
    for (part, all) in parts.iter().zip(all) {
        let (left, top) = part.origin;
        for (y, row) in part.samples.chunks(part.width as usize).enumerate() {
            let from = (top as usize + y) * all.width as usize + left as usize;
            assert_eq!(row, &all.samples[from..from + part.width as usize], "{name} {window:?}, row {y}");
        }
        let begins = f64::from(left) <= f64::from(window.left) * all.scale.0
            && f64::from(top) <= f64::from(window.top) * all.scale.1;
        let ends = f64::from((left + part.width + 1).min(all.width + 1)) > f64::from(window.right) * all.scale.0
            && f64::from((top + part.height + 1).min(all.height + 1)) > f64::from(window.bottom) * all.scale.1;
        assert!(begins && ends, "{name} {window:?}: {:?} {}x{}", part.origin, part.width, part.height);
    }
}

#[test]
fn a_window_shows_exactly_its_part_of_the_picture() {
    let mut dice = Dice(1);
    let mut check = |bytes: &[u8], name: &str, windows: usize| {
        let frame = looked_at(bytes).frame;
        for scale in Scale::ALL {
            let all = decoded(bytes, scale);
            for _ in 0..windows {
                let window = some_window((frame.width, frame.height), &mut dice);
                assert_within(&decoded_in(bytes, scale, window), &all, window, name);
            }
        }
    };
    for name in REAL {
        check(&real(name), name, 3);
    }
    for (kind, script) in KINDS.iter().chain(&UNEVEN).flat_map(|kind| Script::ALL.map(|script| (*kind, script))) {
        let made = Made { sides: (75, 59), content: Content::Noise, quality: 80 };
        check(&by_mozjpeg(made, kind, script), &format!("{:?} {script:?}", kind.1), 20);
    }
}

/// From marks that were left at another scale, and in a part of the picture that these marks lie before or within.
#[test]
fn a_decode_that_follows_marks_shows_the_same() {
    let mut dice = Dice(2);
    let mut check = |bytes: &[u8], name: &str| {
        let jpeg = looked_at(bytes);
        for (first, second) in Scale::ALL.into_iter().zip([Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth]) {
            let mut marks = Marks::default();
            marked(bytes, first, whole(&jpeg), Marking::Leave(&mut marks));
            for _ in 0..8 {
                let window = some_window((jpeg.frame.width, jpeg.frame.height), &mut dice);
                let again = marked(bytes, second, window, Marking::Follow(&marks));
                assert_eq!(again, decoded_in(bytes, second, window), "{name} {first:?} {second:?} {window:?}");
            }
        }
    };
    for name in REAL {
        check(&real(name), name);
    }
    for (kind, script) in KINDS.iter().chain(&UNEVEN).flat_map(|kind| Script::ALL.map(|script| (*kind, script))) {
        let made = Made { sides: (411, 59), content: Content::Noise, quality: 80 };
        check(&by_mozjpeg(made, kind, script), &format!("{:?} {script:?}", kind.1));
    }
    for interval in [1, 2, 15, 16, 17, 500] {
        let made = Made { sides: (411, 59), content: Content::Noise, quality: 80 };
        let bytes = by_jpeg_encoder(made, ColorType::Rgb, |encoder| {
            encoder.set_sampling_factor(SAMPLINGS[interval % 8]);
            encoder.set_optimized_huffman_tables(false);
            encoder.set_restart_interval(interval as u16);
        });
        check(&bytes, &format!("a restart after every {interval}"));
    }
}

#[test]
fn the_arrangement_of_scans_does_not_change_a_sample() {
    for (index, kind) in KINDS.iter().chain(&UNEVEN).enumerate() {
        for content in [Content::Waves, Content::Noise, Content::Edges, Content::Extreme] {
            let made = Made { sides: (75, 59), content, quality: 10 + 5 * index as u8 };
            let [baseline, others @ ..] = Script::ALL.map(|script| by_mozjpeg(made, *kind, script));
            for scale in Scale::ALL {
                for other in &others {
                    assert_eq!(decoded(&baseline, scale), decoded(other, scale), "{made:?} {:?} {scale:?}", kind.1);
                }
            }
        }
    }
}

/// Rounding at full size, and once more at the smaller one.
const ROUNDING: f64 = 1.0;

/// libjpeg does not decode uneven components at a smaller size, but the mean of those at full size is all that is wanted.
#[test]
fn smaller_sizes_are_the_means_of_the_full_one() {
    for (index, kind) in KINDS.iter().chain(&UNEVEN).enumerate() {
        let made = Made { sides: (96, 64), content: Content::Waves, quality: 20 + 4 * index as u8 };
        let bytes = by_mozjpeg(made, *kind, Script::ALL[index % 3]);
        let full = decoded(&bytes, Scale::Full);
        for scale in Scale::ALL {
            for (small, full) in decoded(&bytes, scale).iter().zip(&full) {
                assert_are_means(small, full, 8 / scale.side(), &format!("{:?} {scale:?}", kind.1));
            }
        }
    }
}

fn assert_are_means(small: &Plane, full: &Plane, share: usize, name: &str) {
    for (at, sample) in small.samples.iter().enumerate() {
        let (x, y) = (at % small.width as usize * share, at / small.width as usize * share);
        let row = |y: usize| full.samples.chunks(full.width as usize).nth(y).and_then(|row| row.get(x..x + share));
        let Some(rows) = (y..y + share).map(row).collect::<Option<Vec<_>>>() else { continue };
        let sum: u32 = rows.concat().into_iter().map(u32::from).sum();
        let off = f64::from(*sample) - f64::from(sum) / (share * share) as f64;
        assert!(off.abs() <= ROUNDING, "{name} at {x} {y}: {off} off");
    }
}
