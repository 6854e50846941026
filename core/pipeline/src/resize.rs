//! Resamples a part of a picture with Lanczos3 on the stored, gamma-encoded values, as libvips and Pillow do.
//!
//! The part is given in fractions of pixels and taken as such: a decode at an eighth seldom ends at a whole pixel, and a box
//! of whole pixels would stretch and shift the picture.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::jpeg::Plane;
use crate::orientation::Area;
use crate::pixels::Pixels;
use crate::refusal::Refusal;

/// Resamples `area`, of which the edges may lie between pixels, to the given sides.
pub(crate) fn resize(from: &Pixels, area: Area, sides: (u32, u32)) -> Result<Pixels, Refusal> {
    let view = ImageRef::new(from.width, from.height, &from.rgb, PixelType::U8x3)
        .expect("pixels have as many bytes as their sides ask for");
    let rgb = resample(&view, area, sides)?;
    Ok(Pixels { width: sides.0, height: sides.1, rgb })
}

/// Resamples `area`, in pixels of the whole picture, of one component.
pub(crate) fn resize_plane(from: &Plane, area: Area, sides: (u32, u32)) -> Result<Vec<u8>, Refusal> {
    let view = ImageRef::new(from.width, from.height, &from.samples, PixelType::U8)
        .expect("a plane has as many bytes as its sides ask for");
    resample(&view, from.inside(area), sides)
}

fn resample(view: &ImageRef<'_>, area: Area, (width, height): (u32, u32)) -> Result<Vec<u8>, Refusal> {
    let mut sheet = Image::new(width, height, view.pixel_type());
    let area = trim(area, f64::from(view.width()), f64::from(view.height()));
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
        area.left,
        area.top,
        area.width,
        area.height,
    );
    Resizer::new().resize(view, &mut sheet, &options).map_err(Refusal::undecodable)?;
    Ok(sheet.into_vec())
}

/// Rounding may have put an edge a hair outside.
fn trim(area: Area, width: f64, height: f64) -> Area {
    let left = area.left.clamp(0.0, width);
    let top = area.top.clamp(0.0, height);
    Area { left, top, width: area.width.min(width - left), height: area.height.min(height - top) }
}
