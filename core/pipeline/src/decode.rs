//! Turns the bytes of an examined photo into a picture that renditions are drawn from: neither turned nor resized, and in the
//! photo's own colours. Judges no limits.
//!
//! Decoders see nothing but the picture: no metadata, nothing after the end, and only what the walks found whole.

#[cfg(test)]
mod tests;

use std::io;

use image::{DynamicImage, ImageFormat, ImageReader};

use crate::draw::{Canvas, Kind, Layer};
use crate::finish::{FINISHED, Finish};
#[cfg(feature = "heic")]
use crate::heic;
use crate::jpeg::{self, Colours, Marking, Plane, Window};
use crate::light::Light;
use crate::orientation::{Area, Orientation};
use crate::pixels::Pixel;
use crate::plan::Plan;
use crate::raster::{Raster, add_light};
use crate::recipe::Style;
use crate::refusal::Refusal;
use crate::source::{Coding, SIDE_MAX, Source, Whole};
use crate::space::Space;

/// A decoded photo.
pub(crate) struct Photo {
    samples: Samples,
    finish: Finish,
}

enum Samples {
    /// Of whole pixels.
    Together(Raster),
    /// Of a part of it, perhaps smaller, in the components of its file.
    Apart { planes: Vec<Plane>, colours: Colours },
}

impl Photo {
    /// Decodes what the plan says.
    pub(crate) fn decode<'a>(
        bytes: &'a [u8],
        source: &Source,
        plan: Plan,
        style: &Style,
        marking: Marking<'_, 'a>,
    ) -> Result<Self, Refusal> {
        let space = source.profile.as_ref().map(|profile| profile.space()).transpose()?;
        let apart = |planes, colours| {
            let finish = Finish::new(space.as_ref(), style)?;
            Self { samples: Samples::Apart { planes, colours }, finish }.averaged(source, plan.window)
        };
        match &source.coding {
            Coding::Jpeg(jpeg) => {
                let planes = jpeg::decode(bytes, source.kept(), &jpeg.frame, plan.scale, plan.window, marking)?;
                apart(planes, jpeg.colours)
            }
            #[cfg(feature = "heic")]
            Coding::Heic(heic) => match heic::decode(bytes, heic, plan.scale, plan.window)? {
                heic::Decoded::Opaque { planes, colours } => apart(planes, colours),
                heic::Decoded::Clear(image) => Self::of_image(image, space, style),
            },
            Coding::Png(whole) => Self::of_image(other(bytes, ImageFormat::Png, source, *whole)?, space, style),
            Coding::WebP(whole) => Self::of_image(other(bytes, ImageFormat::WebP, source, *whole)?, space, style),
            Coding::Gif(whole) => Self::of_image(other(bytes, ImageFormat::Gif, source, *whole)?, space, style),
        }
    }

    /// Takes what a decoder gave that knows nothing of colour spaces.
    fn of_image(image: DynamicImage, space: Option<Space>, style: &Style) -> Result<Self, Refusal> {
        let is_wide = image.color().bytes_per_pixel() / image.color().channel_count() > 1;
        if let (Some(space), true) = (&space, is_wide) {
            let finish = Finish::new(None, style)?;
            let raster = Raster::converted(image, &space.wide_conversion()?, finish.light.as_ref())?;
            return Ok(Self { samples: Samples::Together(raster), finish });
        }
        let finish = Finish::new(space.as_ref(), style)?;
        Ok(Self { samples: Samples::Together(Raster::new(image, finish.light.as_ref())), finish })
    }

    /// Puts planes together where they are to be averaged as light.
    fn averaged(self, source: &Source, window: Window) -> Result<Self, Refusal> {
        let (Some(light), Samples::Apart { planes, colours }) = (&self.finish.light, &self.samples) else {
            return Ok(self);
        };
        let raster = together(planes, *colours, light, source.coded_sides(), window)?;
        Ok(Self { samples: Samples::Together(raster), ..self })
    }

    /// To draw from, as the file's orientation says.
    pub(crate) fn canvas(&self, source: &Source) -> Canvas<'_> {
        let (layers, kind) = match &self.samples {
            Samples::Together(raster) => (vec![raster.layer()], Kind::Together(raster.pixel)),
            Samples::Apart { planes, colours } => (layers(planes), Kind::Apart(*colours)),
        };
        Canvas { layers, kind, finish: &self.finish, orientation: source.orientation, sides: source.coded_sides() }
    }
}

fn layers(planes: &[Plane]) -> Vec<Layer<'_>> {
    planes.iter().map(Plane::layer).collect()
}

/// The light of whole pixels, as many as there are samples of the first plane.
fn together(
    planes: &[Plane],
    colours: Colours,
    light: &Light,
    coded_sides: (u32, u32),
    window: Window,
) -> Result<Raster, Refusal> {
    /// So many rows at a time take less than what light of 16 bits is said to take too much.
    const ROWS: u32 = 16;
    let scale = planes.first().ok_or(Refusal::DecoderFailed)?.scale;
    let canvas = Canvas {
        layers: layers(planes),
        kind: Kind::Apart(colours),
        finish: &FINISHED,
        orientation: Orientation::Upright,
        sides: coded_sides,
    };
    let (left, right) = samples_of(window.left, window.right, scale.0);
    let (top, bottom) = samples_of(window.top, window.bottom, scale.1);
    // Nothing at all is wanted of some photos.
    let sides = (right.saturating_sub(left), bottom.saturating_sub(top));
    let mut samples = Vec::with_capacity(sides.0 as usize * sides.1 as usize * 6);
    for row in (top..bottom).step_by(ROWS as usize) {
        let rows = ROWS.min(bottom - row);
        let place = |sample: u32, scale: f64| f64::from(sample) / scale;
        let area = Area {
            left: place(left, scale.0),
            top: place(row, scale.1),
            width: place(sides.0, scale.0),
            height: place(rows, scale.1),
        };
        add_light(&canvas.pixels(area, (sides.0, rows))?.rgb, light, &mut samples);
    }
    Ok(Raster { sides, pixel: Pixel::Light, samples, scale, origin: (left.into(), top.into()) })
}

/// From the first to behind the last sample that shows something of these pixels.
fn samples_of(first: u32, end: u32, scale: f64) -> (u32, u32) {
    ((f64::from(first) * scale).floor() as u32, (f64::from(end) * scale).ceil() as u32)
}

fn other(bytes: &[u8], format: ImageFormat, source: &Source, whole: Whole) -> Result<DynamicImage, Refusal> {
    let other_bytes = || Refusal::undecodable("these are not the bytes that were examined");
    let picture = source.picture_bytes(bytes).ok_or_else(other_bytes)?;
    let mut reader = ImageReader::with_format(io::Cursor::new(picture), format);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(whole.bytes + REST);
    reader.limits(limits);
    let image = reader.decode().map_err(Refusal::undecodable)?;
    let has_its_sides = (image.width(), image.height()) == source.coded_sides();
    if has_its_sides { Ok(image) } else { Err(Refusal::undecodable("it has another size than its header says")) }
}

/// Rows in work, and tables.
const REST: u64 = 1 << 20;
