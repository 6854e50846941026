//! One pass over 500, 1,000 and 2,000 photos of two megapixels into the default three renditions: photos per second,
//! CPU seconds per photo, peak memory, which must not depend on the number of photos.

use std::{fs, path::Path};

use crate::{
    measure::costs_of,
    place::{DEFAULT_BACKEND, Place, make_photos},
};

const COUNTS: [usize; 3] = [500, 1_000, 2_000];
const WIDTH: usize = 1_632;
const HEIGHT: usize = 1_224;

pub(crate) fn bench() {
    let source = tempfile::tempdir().expect("the temporary folder is writable");
    make_photos(source.path(), COUNTS[2], WIDTH, HEIGHT);
    println!("sync of photos of {WIDTH} x {HEIGHT} pixels into original, thumb and icon");
    println!("{:>8} {:>10} {:>14} {:>16} {:>10}", "photos", "seconds", "photos/second", "CPU s per photo", "peak MB");
    for count in COUNTS {
        let place = Place::new(DEFAULT_BACKEND);
        link_photos(source.path(), &place.path("drop"), count);
        let costs = costs_of(&mut place.portraitd(&["sync"]).spawn().unwrap());
        let photos = count as f64;
        println!(
            "{count:>8} {:>10.1} {:>14.1} {:>16.4} {:>10.1}",
            costs.wall.as_secs_f64(),
            photos / costs.wall.as_secs_f64(),
            costs.cpu.as_secs_f64() / photos,
            costs.peak_kib as f64 / 1_000.0 * 1.024
        );
    }
}

/// Hard links to the first `count` photos, for copies would only heat the disk.
fn link_photos(source: &Path, drop: &Path, count: usize) {
    let mut photos: Vec<_> = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    photos.sort();
    for photo in photos.iter().take(count) {
        fs::hard_link(photo, drop.join(photo.file_name().unwrap())).unwrap();
    }
}
