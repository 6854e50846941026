//! The scan of 100,000 unchanged photos against a bare readdir and statx of the same folder in the same run. The
//! program's own figure is taken from its log: `scanned the folder entries=... ms=...`.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use jpeg_encoder::{ColorType, Encoder};
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, StatxFlags, openat, statx};

use crate::{measure::median, place::Place};

const FILES: usize = 100_000;
const ROUNDS: usize = 5;

/// Nothing is delivered: the scan alone is the question.
const NO_DELIVERY: &str =
    "[backend.portraits]\nplugin = \"files\"\nenabled = false\n[backend.portraits.settings]\npath = \"portraits\"";

pub(crate) fn bench() {
    let place = Place::new(NO_DELIVERY);
    let drop = place.path("drop");
    make_tiny_photos(&drop);
    let began = Instant::now();
    scanned_ms(&place);
    println!(
        "scan of {FILES} unchanged photos (the first pass, which reads them all, took {:.1} s)",
        began.elapsed().as_secs_f64()
    );
    println!("{:>8} {:>20} {:>14} {:>8} {:>16}", "round", "readdir+statx ms", "portraitd ms", "ratio", "whole pass ms");
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let bare = bare_walk(&drop).as_secs_f64() * 1_000.0;
        let began = Instant::now();
        let ours = scanned_ms(&place);
        let pass = began.elapsed().as_secs_f64() * 1_000.0;
        ratios.push(ours / bare);
        println!("{round:>8} {bare:>20.0} {ours:>14.0} {:>8.2} {pass:>16.0}", ours / bare);
    }
    println!("median ratio {:.2}", median(ratios));
}

/// Valid JPEGs of 96 x 96 pixels that differ by a comment.
fn make_tiny_photos(folder: &Path) {
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 60).encode(&[128; 96 * 96], 96, 96, ColorType::Luma).expect("the sizes agree");
    for number in 0..FILES {
        let comment = format!("{number:08}");
        let mut photo = jpeg[..2].to_vec();
        photo.extend([0xff, 0xfe, 0, comment.len() as u8 + 2]);
        photo.extend(comment.as_bytes());
        photo.extend(&jpeg[2..]);
        fs::write(folder.join(format!("user{number:06}.jpg")), photo).unwrap();
    }
}

fn bare_walk(folder: &Path) -> Duration {
    let began = Instant::now();
    let handle = openat(CWD, folder, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
    let mut bytes = 0;
    for entry in Dir::read_from(&handle).unwrap() {
        let entry = entry.unwrap();
        bytes +=
            statx(&handle, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).unwrap().stx_size;
    }
    assert!(bytes > 0);
    began.elapsed()
}

/// Runs one pass and answers what it says of its scan.
fn scanned_ms(place: &Place) -> f64 {
    let status = place.portraitd(&["sync"]).status().unwrap();
    assert!(status.success(), "sync ended with {status}");
    let log = fs::read_to_string(place.path("log")).unwrap();
    let line = log.lines().find(|line| line.contains("scanned the folder")).expect("the scan is logged");
    let (_, ms) = line.rsplit_once("ms=").expect("the scan's time is logged");
    ms.split_whitespace().next().unwrap_or(ms).parse().expect("milliseconds")
}
