//! Resamples a part of a picture with Lanczos3 on the stored, gamma-encoded values, as libvips and Pillow do.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::orientation::Area;
use crate::pixels::Pixels;
use crate::refusal::Refusal;

/// Resamples `area`, of which the edges may lie between pixels, to the given sides.
pub(crate) fn resize(from: &Pixels, area: Area, (width, height): (u32, u32)) -> Result<Pixels, Refusal> {
    let view = ImageRef::new(from.width, from.height, &from.rgb, PixelType::U8x3)
        .expect("pixels have as many bytes as their sides ask for");
    let mut sheet = Image::new(width, height, PixelType::U8x3);
    let area = trim(area, from);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
        area.left,
        area.top,
        area.width,
        area.height,
    );
    Resizer::new().resize(&view, &mut sheet, &options).map_err(Refusal::undecodable)?;
    Ok(Pixels { width, height, rgb: sheet.into_vec() })
}

/// Rounding may have put an edge a hair outside.
fn trim(area: Area, from: &Pixels) -> Area {
    let left = area.left.max(0.0);
    let top = area.top.max(0.0);
    let width = area.width.min(f64::from(from.width) - left);
    let height = area.height.min(f64::from(from.height) - top);
    Area { left, top, width, height }
}
