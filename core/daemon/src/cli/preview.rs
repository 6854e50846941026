//! `portraitd preview`: what would be made of a photo, as files. Nothing is sent, and nothing is written down.

use std::fs;
use std::path::Path;

use portraitd_pipeline::{
    self as pipeline, ContactSheet, Limits, Recipe, Refusal, Rendered, RenditionSpec, Shown, Source,
};

use crate::backends::{Backends, rendition};
use crate::config::Config;
use crate::engine;
use crate::intake::Intake;
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;

/// What the contact sheet is called. Renditions end in `.jpg`.
const SHEET: &str = "contact-sheet.png";

/// Writes every rendition that any backend wants of a photo into a directory, and a contact sheet of them.
pub(crate) fn preview(config: &Config, file: &Path, out: &Path) -> Result<Exit, Trouble> {
    let backends = Backends::open(config, &engine::copies(config))?;
    let intake = Intake::new(config);
    let bytes = read(file, intake.limits())?;
    let source = pipeline::examine(&bytes, intake.limits()).map_err(|refusal| rejected(file, &refusal))?;
    let (names, mut renditions) = wanted(&backends);
    renditions.insert(0, ContactSheet::PHOTO);
    let recipe = Recipe { renditions, ..backends.common().clone() };
    let made = pipeline::render(&bytes, &source, &recipe).map_err(|refusal| rejected(file, &refusal))?;
    warn(&source, &made);
    fs::create_dir_all(out).map_err(|error| failed_to("make", out, &error))?;
    let (photo, pictures) = made.renditions.split_first().expect("the photo for the sheet is the first of them");
    let pictures: Vec<_> = names.iter().zip(pictures).map(|(name, rendition)| Shown { name, rendition }).collect();
    pictures.iter().try_for_each(|shown| write(shown, out))?;
    let name = escape(file.file_name().unwrap_or_default());
    let Rendered { faces, warnings, .. } = &made;
    let sheet = ContactSheet { name: &name, source: &source, photo, faces, warnings, pictures: &pictures };
    draw(&sheet, out)
}

/// What all backends want, and what the files of it are called.
fn wanted(backends: &Backends) -> (Vec<String>, Vec<RenditionSpec>) {
    let open = backends.iter().filter_map(|backend| Some((&backend.id, backend.open().ok()?)));
    let wanted = open.flat_map(|(id, open)| {
        let named = |spec: &portraitd_sdk::RenditionSpec| (format!("{id}-{}.jpg", spec.name), rendition(spec));
        open.renditions().iter().map(named).collect::<Vec<_>>()
    });
    wanted.unzip()
}

fn warn(source: &Source, made: &Rendered) {
    let said = made.warnings.iter().map(|warning| show::warning_text(&warning.to_string()));
    for warning in source.warnings.iter().cloned().chain(said) {
        eprintln!("warning: {warning}");
    }
}

fn write(shown: &Shown<'_>, out: &Path) -> Result<(), Trouble> {
    let (path, made) = (out.join(shown.name), shown.rendition);
    fs::write(&path, &made.bytes).map_err(|error| failed_to("write", &path, &error))?;
    let (width, height, size) = (made.width, made.height, made.bytes.len());
    let warnings: String = made.warnings.iter().map(|warning| format!(" ({warning})")).collect();
    show::print(&format!("{}: {width} x {height}, {size} bytes{warnings}", escape(&path)));
    Ok(())
}

fn draw(sheet: &ContactSheet<'_>, out: &Path) -> Result<Exit, Trouble> {
    let path = out.join(SHEET);
    let drawn = sheet.draw().map_err(|refusal| {
        Trouble::new(Exit::NotAllDone, format!("failed to draw `{}`", escape(&path))).caused_by(&refusal)
    })?;
    fs::write(&path, &drawn).map_err(|error| failed_to("write", &path, &error))?;
    Ok(show::print(&format!("{}: all of them on one picture", escape(&path))))
}

/// Reads a photo.
///
/// # Errors
/// When it cannot be read, or is too large.
pub(super) fn read(file: &Path, limits: &Limits) -> Result<Vec<u8>, Trouble> {
    let size = fs::metadata(file).map_err(|error| failed_to("read", file, &error))?.len();
    if size > limits.max_bytes {
        let reason = format!("it has {size} bytes, more than the {} of photo.max-bytes", limits.max_bytes);
        return Err(rejection(file).because(reason));
    }
    fs::read(file).map_err(|error| failed_to("read", file, &error))
}

/// A photo that cannot be used.
pub(super) fn rejected(file: &Path, refusal: &Refusal) -> Trouble {
    rejection(file).because(refusal)
}

fn rejection(file: &Path) -> Trouble {
    Trouble::new(Exit::NotAllDone, format!("the photo `{}` is rejected", escape(file)))
}

fn failed_to(act: &str, path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(Exit::NotAllDone, format!("failed to {act} `{}`", escape(path))).caused_by(error)
}
