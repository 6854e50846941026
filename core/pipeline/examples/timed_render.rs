//! What one photo costs in a process of its own: our part of the comparison in `benches/peers`.
//!
//! `timed_render STAGE PHOTO RUNS OUT [WxH ...]` works once unmeasured and then RUNS times, and prints one line of JSON:
//! CPU milliseconds of each run, the peak of memory in KiB above what the process took before it read the photo, and
//! the bytes of each rendition. `OUT-0.jpg` and so on are the renditions; with `-` none are written. A side of 0 is
//! free, so `0x0` is the original. Without sizes `render` is the decode alone.

#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::{env, fs};

use portraitd_pipeline::{Crop, Fit, Limits, Recipe, Rendition, RenditionSpec, Source, examine, render};
use sha2::{Digest, Sha256};

#[path = "../benches/clock/cpu.rs"]
mod cpu;

const USAGE: &str = "usage: timed_render walk|digest|render PHOTO RUNS OUT|- [WxH ...]";
const LIMITS: Limits = Limits { max_bytes: 64 << 20, max_pixels: 120_000_000, min_side: 96 };

fn main() -> Result<(), Box<dyn Error>> {
    let order = Order::parse(env::args().skip(1))?;
    let idle = memory("VmRSS:");
    let photo = fs::read(&order.photo)?;
    let source = examine(&photo, &LIMITS)?;
    let made = order.work(&photo, &source)?;
    let times = (0..order.runs).map(|_| order.time(&photo, &source)).collect::<Result<Vec<_>, _>>()?;
    let sizes: Vec<usize> = made.iter().map(|rendition| rendition.bytes.len()).collect();
    let peak = memory("VmHWM:").saturating_sub(idle);
    println!("{{\"cpu_ms\": {times:?}, \"peak_kib\": {peak}, \"bytes\": {sizes:?}}}");
    order.write(&made)
}

/// What the command line asks for.
struct Order {
    stage: Stage,
    photo: String,
    runs: usize,
    out: Option<String>,
    recipe: Recipe,
}

#[derive(Clone, Copy)]
enum Stage {
    Walk,
    Digest,
    Render,
}

impl Order {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let words: Vec<String> = words.collect();
        let [stage, photo, runs, out, sizes @ ..] = words.as_slice() else {
            return Err(USAGE.into());
        };
        let renditions = sizes.iter().map(|size| spec(size)).collect::<Result<_, _>>()?;
        Ok(Self {
            stage: Stage::parse(stage)?,
            photo: photo.clone(),
            runs: runs.parse()?,
            out: Some(out.clone()).filter(|out| out != "-"),
            recipe: Recipe::new(Crop::Center, renditions),
        })
    }

    fn work(&self, photo: &[u8], source: &Source) -> Result<Vec<Rendition>, Box<dyn Error>> {
        match self.stage {
            Stage::Walk => drop(black_box(examine(photo, &LIMITS)?)),
            Stage::Digest => drop(black_box(Sha256::digest(photo))),
            Stage::Render => return Ok(render(photo, source, &self.recipe)?.renditions),
        }
        Ok(Vec::new())
    }

    fn time(&self, photo: &[u8], source: &Source) -> Result<f64, Box<dyn Error>> {
        let before = cpu::milliseconds();
        drop(black_box(self.work(photo, source)?));
        Ok(cpu::milliseconds() - before)
    }

    fn write(&self, made: &[Rendition]) -> Result<(), Box<dyn Error>> {
        if let Some(out) = &self.out {
            for (index, rendition) in made.iter().enumerate() {
                fs::write(format!("{out}-{index}.jpg"), &rendition.bytes)?;
            }
        }
        Ok(())
    }
}

impl Stage {
    fn parse(word: &str) -> Result<Self, Box<dyn Error>> {
        match word {
            "walk" => Ok(Self::Walk),
            "digest" => Ok(Self::Digest),
            "render" => Ok(Self::Render),
            _ => Err(USAGE.into()),
        }
    }
}

/// A square or any other size with both sides is cropped to fill them; a free side keeps the photo's shape.
fn spec(size: &str) -> Result<RenditionSpec, Box<dyn Error>> {
    let (width, height) = size.split_once('x').ok_or(USAGE)?;
    let (width, height) = (width.parse()?, height.parse()?);
    let fit = if width == 0 || height == 0 { Fit::AtMost } else { Fit::Exact };
    Ok(RenditionSpec { width, height, fit, max_bytes: None })
}

/// A figure of this process in KiB.
fn memory(figure: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells about processes");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("the figure is told");
    let kibibytes = line.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    kibibytes.expect("the figure is a number")
}
