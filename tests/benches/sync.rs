//! One pass over 500, 1,000 and 2,000 photos of two megapixels into the default three renditions: photos per second,
//! CPU seconds per photo, peak memory, which must not depend on the number of photos.

use crate::{
    measure::{costs_of, megabytes},
    place::{DEFAULT_BACKEND, Place, TWO_MEGAPIXELS, link_photos, make_photos},
};

const COUNTS: [usize; 3] = [500, 1_000, 2_000];

pub(crate) fn bench() {
    let source = tempfile::tempdir().expect("the temporary folder is writable");
    make_photos(source.path(), COUNTS[2], TWO_MEGAPIXELS);
    let [width, height] = TWO_MEGAPIXELS;
    println!("sync of photos of {width} x {height} pixels into original, thumb and icon");
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
            megabytes(costs.peak_kib)
        );
    }
}
