//! `portraitd preview`: what would be made of a photo, as files. Nothing is sent, and nothing is written down.

use std::fs;
use std::path::Path;

use portraitd_pipeline::{self as pipeline, Limits, Recipe, Refusal};

use crate::backends::{Backend, Backends, OpenBackend, rendition};
use crate::config::Config;
use crate::engine;
use crate::intake::Intake;
use crate::report::{Exit, Trouble};
use crate::show;
use crate::text::escape;

/// Writes every rendition that any backend wants of a photo into a directory.
pub(crate) fn preview(config: &Config, file: &Path, out: &Path) -> Result<Exit, Trouble> {
    let backends = Backends::open(config, &engine::copies(config))?;
    let intake = Intake::new(config);
    let bytes = read(file, intake.limits())?;
    let source = pipeline::examine(&bytes, intake.limits()).map_err(|refusal| rejected(file, &refusal))?;
    for warning in &source.warnings {
        eprintln!("warning: {warning}");
    }
    fs::create_dir_all(out).map_err(|error| failed_to("make", out, &error))?;
    for backend in backends.iter() {
        if let Ok(open) = backend.open() {
            let common = backends.common();
            write(backend, &open, common, &bytes, &source, out).map_err(|error| error.trouble(file))?;
        }
    }
    Ok(Exit::Ok)
}

enum Failed {
    Rejected(Refusal),
    Written(Trouble),
}

impl Failed {
    fn trouble(self, file: &Path) -> Trouble {
        match self {
            Self::Rejected(refusal) => rejected(file, &refusal),
            Self::Written(trouble) => trouble,
        }
    }
}

fn write(
    backend: &Backend,
    open: &OpenBackend,
    common: &Recipe,
    bytes: &[u8],
    source: &pipeline::Source,
    out: &Path,
) -> Result<(), Failed> {
    let recipe = Recipe { renditions: open.renditions().iter().map(rendition).collect(), ..common.clone() };
    let made = pipeline::render(bytes, source, &recipe).map_err(Failed::Rejected)?;
    for (spec, made) in open.renditions().iter().zip(made.renditions) {
        let path = out.join(format!("{}-{}.jpg", backend.id, spec.name));
        fs::write(&path, &made.bytes).map_err(|error| Failed::Written(failed_to("write", &path, &error)))?;
        let (width, height, size) = (made.width, made.height, made.bytes.len());
        let warnings: String = made.warnings.iter().map(|warning| format!(" ({warning})")).collect();
        show::print(&format!("{}: {width} x {height}, {size} bytes{warnings}", escape(&path)));
    }
    Ok(())
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
