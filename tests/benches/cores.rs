//! One pass over 500 photos of twelve megapixels into pictures of 200 and 48 pixels, on one core and on all: what a second
//! core gains, and what the daemon adds to the work on a photo itself, which `timed_render` of the pipeline tells apart.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    binaries::workspace_root,
    cores,
    measure::{Costs, costs_of, median},
    place::{Place, link_photos, make_photos, photos_in},
};

const PHOTOS: usize = 500;
const TWELVE_MEGAPIXELS: [usize; 2] = [3_024, 4_032];
const ROUNDS: usize = 3;
const BACKEND: &str = "[backend.portraits]\nplugin = \"files\"\n[backend.portraits.settings]\npath = \"portraits\"\n\
    renditions = [{ name = \"thumb\", width = 200, height = 200 }, { name = \"icon\", width = 48, height = 48 }]";

pub(crate) fn bench() {
    let source = tempfile::tempdir().expect("the temporary folder is writable");
    make_photos(source.path(), PHOTOS, TWELVE_MEGAPIXELS);
    let timed_render = timed_render();
    let photo = &photos_in(source.path())[0];
    println!("sync of {PHOTOS} photos of 12 megapixels into 200x200 and 48x48, {ROUNDS} rounds");
    println!(
        "{:>6} {:>14} {:>17} {:>16} {:>17}",
        "cores", "photos/second", "CPU ms per photo", "photo alone, ms", "daemon / alone"
    );
    let (mut gains, mut shares) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [one, all] = [1, cores()].map(|used| {
            let (costs, alone) = (pass(source.path(), used), alone(&timed_render, photo));
            let cpu = costs.cpu.as_secs_f64() * 1e3 / PHOTOS as f64;
            let speed = PHOTOS as f64 / costs.wall.as_secs_f64();
            println!("{used:>6} {speed:>14.1} {cpu:>17.2} {alone:>16.2} {:>17.2}", cpu / alone);
            if used > 1 {
                shares.push(cpu / alone);
            }
            speed
        });
        gains.push(all / one);
    }
    println!("all cores / one: {:.2}; daemon / photo alone: {:.2}", median(gains), median(shares));
}

fn pass(source: &Path, cores: usize) -> Costs {
    let place = Place::new(BACKEND);
    link_photos(source, &place.path("drop"), PHOTOS);
    let daemon = place.portraitd(&["sync"]);
    let mut pinned = Command::new("taskset");
    pinned.arg("-c").arg(format!("0-{}", cores - 1)).arg(daemon.get_program()).args(daemon.get_args());
    pinned.current_dir(place.path("."));
    let log = std::fs::File::create(place.path("log")).expect("the temporary folder is writable");
    costs_of(&mut pinned.stdout(std::process::Stdio::null()).stderr(log).spawn().expect("taskset can be started"))
}

/// CPU milliseconds of the digest, the walk and the renditions of one photo, in a process of its own.
fn alone(timed_render: &Path, photo: &Path) -> f64 {
    let stages: [&[&str]; 3] = [&["digest"], &["walk"], &["render", "200x200", "48x48"]];
    let times = stages.map(|stage| {
        let mut command = Command::new(timed_render);
        command.arg(stage[0]).arg(photo).args(["15", "-"]).args(&stage[1..]);
        let told = command.output().expect("the example can be started").stdout;
        let told: serde_json::Value = serde_json::from_slice(&told).expect("it tells its figures as JSON");
        median(told["cpu_ms"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64))
    });
    times.iter().sum()
}

fn timed_render() -> PathBuf {
    let build = ["build", "--quiet", "--release", "-p", "portraitd-pipeline", "--example", "timed_render"];
    let status = Command::new("cargo").args(build).current_dir(workspace_root()).status();
    assert!(status.expect("cargo can be started").success(), "the example does not build");
    let target = std::env::current_exe().expect("a running program has a path");
    // The bench lies in the same profile's folder `deps`.
    target.parent().and_then(Path::parent).expect("cargo's folders").join("examples/timed_render")
}
