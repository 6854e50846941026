//! Ours agrees with libjpeg at every scale, in every form of file.

use jpeg_encoder::ColorType;

use super::super::{Plane, Scale};
use super::libjpeg::{Distance, picture, planes};
use super::made::*;
use super::{REAL, decoded, looked_at, real};

/// Levels from libjpeg's mean of what a sample stands for: both round to whole levels, and libjpeg reckons with whole numbers.
const MOST: f64 = 1.0;
/// The same where some of several samples were out of the range: libjpeg takes the mean of what it has brought into it, and
/// ours brings the mean into it, which is nearer to what was coded.
const MOST_CLAMPED: f64 = 80.0;
/// On average over all files.
const MEAN: f64 = 0.15;

/// All that was compared at one scale.
#[derive(Default)]
struct Comparison {
    files: u32,
    at: [Distance; 4],
}

impl Comparison {
    fn add(&mut self, name: &dyn std::fmt::Debug, bytes: &[u8]) {
        self.files += 1;
        for (sum, scale) in self.at.iter_mut().zip(Scale::ALL) {
            let distance = Distance::between(&looked_at(bytes).frame, &decoded(bytes, scale), &picture(bytes, scale));
            let is_near = distance.most <= MOST && distance.most_clamped <= MOST_CLAMPED;
            assert!(is_near, "{name:?} at {scale:?}: {distance:?}");
            *sum = sum.join(distance);
        }
    }

    fn finish(self, mean_max: f64) {
        for (scale, distance) in Scale::ALL.into_iter().zip(self.at) {
            let mean = distance.sum / distance.samples as f64;
            println!("{} files, {scale:?}: mean {mean:.3}, {distance:.3?}", self.files);
            assert!(mean <= mean_max, "{scale:?}");
        }
    }
}

/// Every remainder of both sides by 16, with everything else in turn.
fn each(contents: &[Content]) -> impl Iterator<Item = (usize, Made)> {
    (0..256_u16).map(|at| {
        let index = usize::from(at);
        let sides = (17 + at % 16 + 16 * (at % 3), 17 + at / 16 + 16 * (at % 2));
        let quality = 1 + (at * 37 % 100) as u8;
        (index, Made { sides, content: contents[index / 16 % contents.len()], quality })
    })
}

#[test]
fn libjpegs_own_files_agree() {
    let mut comparison = Comparison::default();
    for (index, made) in each(&Content::MODERATE) {
        for (turn, script) in Script::ALL.into_iter().enumerate() {
            let kind = KINDS[(index + 5 * turn) % KINDS.len()];
            comparison.add(&(made, kind.1, script), &by_mozjpeg(made, kind, script));
        }
    }
    comparison.finish(MEAN);
}

/// libjpeg gives nothing beyond the picture's edges, and there our last samples stand for more than it has. So the header is
/// made to say that all of the last blocks is picture.
#[test]
fn last_blocks_agree_too() {
    let mut comparison = Comparison::default();
    for (index, made) in each(&Content::MODERATE) {
        let kind = KINDS[index % KINDS.len()];
        let bytes = by_mozjpeg(made, kind, Script::Baseline);
        let wide = widened(&bytes);
        comparison.add(&(made, kind.1), &wide);
        for scale in Scale::ALL {
            for (plane, wide) in decoded(&bytes, scale).iter().zip(decoded(&wide, scale)) {
                assert_eq!(rows(&wide, plane.width, plane.height), plane.samples, "{made:?} {:?}", kind.1);
            }
        }
    }
    comparison.finish(MEAN);
}

/// The same coded data as a picture of whole units.
fn widened(bytes: &[u8]) -> Vec<u8> {
    let frame = looked_at(bytes).frame;
    let side = |side: u16, unit: u32| (u32::from(side).next_multiple_of(8 * unit) as u16).to_be_bytes();
    let (width, height) = (side(frame.width, frame.unit().0), side(frame.height, frame.unit().1));
    let at = bytes.windows(2).position(|pair| *pair == [0xFF, 0xC0] || *pair == [0xFF, 0xC1]).unwrap();
    [&bytes[..at + 5], &height, &width, &bytes[at + 9..]].concat()
}

fn rows(plane: &Plane, width: u32, height: u32) -> Vec<u8> {
    let rows = plane.samples.chunks(plane.width as usize).take(height as usize);
    rows.flat_map(|row| &row[..width as usize]).copied().collect()
}

#[test]
fn another_encoders_files_agree() {
    let mut comparison = Comparison::default();
    for (index, made) in each(&Content::MODERATE) {
        let kind = [ColorType::Ycbcr, ColorType::Ycbcr, ColorType::Luma, ColorType::Cmyk, ColorType::Ycck][index % 5];
        let sampling = SAMPLINGS[index % 8];
        let row = made.sides.0.div_ceil(16);
        let interval = [0, 1, 2, 7, row][index / 8 % 5];
        // The encoder's own tables lack what restarts need.
        let own_tables = interval == 0;
        for (progressive, scans, own_tables) in
            [(false, 4, false), (false, 4, own_tables), (true, 2 + index as u8 % 22, own_tables)]
        {
            let bytes = by_jpeg_encoder(made, kind, |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_restart_interval(interval);
                encoder.set_optimized_huffman_tables(own_tables);
                if progressive {
                    encoder.set_progressive_scans(scans);
                }
            });
            comparison.add(&(made, kind, sampling, interval, progressive, scans, own_tables), &bytes);
        }
    }
    comparison.finish(MEAN);
}

#[test]
fn real_photos_agree() {
    let mut comparison = Comparison::default();
    for name in REAL {
        comparison.add(&name, &real(name));
    }
    comparison.finish(MEAN);
}

#[test]
fn what_is_out_of_range_moves_only_the_means_around_it() {
    let mut comparison = Comparison::default();
    for (index, made) in each(&[Content::Extreme]) {
        let made = Made { quality: made.quality.max(10), ..made };
        let kind = KINDS[index % KINDS.len()];
        comparison.add(&(made, kind.1), &by_mozjpeg(made, kind, Script::ALL[index % 3]));
    }
    comparison.finish(f64::INFINITY);
}

#[test]
fn uneven_components_agree_at_full_size() {
    let mut most = 0.0_f64;
    for (index, made) in each(&Content::MODERATE) {
        let kind = UNEVEN[index % UNEVEN.len()];
        let bytes = by_mozjpeg(made, kind, Script::ALL[index % 3]);
        for (plane, (stride, theirs)) in decoded(&bytes, Scale::Full).iter().zip(planes(&bytes)) {
            for (row, their_row) in plane.samples.chunks(plane.width as usize).zip(theirs.chunks(stride)) {
                let off = row.iter().zip(their_row).map(|(ours, theirs)| ours.abs_diff(*theirs)).max().unwrap();
                assert!(f64::from(off) <= MOST, "{made:?} {:?}: {off}", kind.1);
                most = most.max(off.into());
            }
        }
    }
    println!("uneven components: {most}");
}
