//! What is seen in photos: our part of the score in `benches/faces`.
//!
//! `faces FILE...` prints one line of JSON for each file: its upright sides, the faces, the crop of a square avatar, the
//! warnings, and the CPU milliseconds of the whole way from the file's bytes to that avatar; or why it is refused.

#![forbid(unsafe_code)]

use std::error::Error;
use std::{env, fs};

use portraitd_pipeline::{Area, Fit, Limits, Recipe, RenditionSpec, Style, examine, render};
use serde_json::{Value, json};

#[path = "../benches/clock/cpu.rs"]
mod cpu;

const LIMITS: Limits = Limits { max_bytes: 64 << 20, max_pixels: 120_000_000, min_side: 1 };

fn main() -> Result<(), Box<dyn Error>> {
    for file in env::args().skip(1) {
        let seen = seen(&fs::read(&file)?).unwrap_or_else(|refused| json!({ "error": refused.to_string() }));
        println!("{}", with_name(seen, file));
    }
    Ok(())
}

fn seen(bytes: &[u8]) -> Result<Value, Box<dyn Error>> {
    let avatar = RenditionSpec { width: 200, height: 200, fit: Fit::Exact, max_bytes: None };
    let recipe = Recipe::new(Style::default(), vec![avatar]);
    let before = cpu::milliseconds();
    let source = examine(bytes, &LIMITS)?;
    let rendered = render(bytes, &source, &recipe)?;
    let cpu = cpu::milliseconds() - before;
    let crop = rendered.renditions.first().map(|made| area(&made.area));
    let warnings: Vec<_> = rendered.warnings.iter().map(ToString::to_string).collect();
    let faces: Vec<_> = rendered.faces.iter().map(area).collect();
    Ok(json!({
        "width": source.width, "height": source.height, "faces": faces, "crop": crop, "warnings": warnings, "cpu-ms": cpu,
    }))
}

fn area(area: &Area) -> Value {
    json!({ "left": area.left, "top": area.top, "width": area.width, "height": area.height })
}

fn with_name(mut seen: Value, file: String) -> Value {
    seen["file"] = file.into();
    seen
}
