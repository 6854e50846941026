//! Decodes the tiles of a picture that are shown, and makes planes of them as a JPEG has them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use image::{DynamicImage, RgbaImage};

use super::Heic;
use super::colours::{Nearest, as_in_jpegs};
use super::configuration::Configuration;
use super::hevc::{PADDING_MAX, Parameters, Shown, Smoothing};
use super::levels::Levels;
use super::mosaic::{Coded, Mosaic, subsampling};
use super::sheet::Sheet;
use super::traits::{Clip, Nclx};
use crate::jpeg::{Colours, Plane, Scale, Window};
use crate::refusal::Refusal;

/// A decoded photo, not turned.
pub(crate) enum Decoded {
    /// What the window shows of it.
    Opaque { planes: Vec<Plane>, colours: Colours },
    /// All of it.
    Clear(DynamicImage),
}

/// Decodes what a window of the picture shows; all of it, where it is not opaque. The picture has its own size at every scale,
/// but only at its full one is it smoothed.
pub(crate) fn decode(bytes: &[u8], heic: &Heic, scale: Scale, window: Window) -> Result<Decoded, Refusal> {
    let smoothing = if scale == Scale::Full { Smoothing::Done } else { Smoothing::LeftOut };
    let Some(alpha) = &heic.alpha else {
        let (planes, colours) = colours(bytes, heic, window, smoothing)?;
        return Ok(Decoded::Opaque { planes, colours });
    };
    let window = heic.clip.window();
    let (planes, colours) = colours(bytes, heic, window, smoothing)?;
    let (opacity, _) = planes_of(bytes, alpha, 1, heic.clip, window, smoothing, None)?;
    clear(&planes, colours, &opacity).map(Decoded::Clear)
}

/// An upper bound of the bytes that decoding takes, and how many of them remain.
pub(crate) fn decoded_bytes(heic: &Heic, window: Window) -> (u64, u64) {
    let area = |window: Window| {
        let side = |from: u32, to: u32| u64::from(to.saturating_sub(from)) + 2;
        side(window.left, window.right) * side(window.top, window.bottom)
    };
    let samples = samples_of_two_pixels(heic.picture.chroma_format);
    let tile = heic.mosaics().map(Mosaic::tile_bytes).max().unwrap_or(0);
    match heic.alpha {
        None => (area(window) * samples / 2 + tile, area(window) * samples / 2),
        // Planes, the same as large as the picture, their colours, and those with alpha.
        Some(_) => {
            let all = area(heic.clip.window());
            (all * (samples / 2 + 1 + 3 + 3 + 4) + tile, all * 4)
        }
    }
}

/// Samples for two pixels, rounded up.
fn samples_of_two_pixels(chroma_format: u8) -> u64 {
    match chroma_format {
        0 => 2,
        1 => 3,
        2 => 4,
        _ => 6,
    }
}

impl Mosaic {
    /// What the decoder takes for one of the tiles.
    ///
    /// Sixteen bits for a sample, again for the filter that reads what it writes, and some three bytes for what is known of
    /// each block of sixteen pixels; then its data, joined and without what only keeps it apart.
    fn tile_bytes(&self) -> u64 {
        let side = |side: u32| u64::from(side) + u64::from(PADDING_MAX);
        let pixels = side(self.tile.0) * side(self.tile.1);
        let coded = self.pictures.iter().map(Coded::bytes).max().unwrap_or(0);
        pixels * (2 * samples_of_two_pixels(self.chroma_format) + 3) + 2 * coded
    }
}

fn colours(bytes: &[u8], heic: &Heic, window: Window, smoothing: Smoothing) -> Result<(Vec<Plane>, Colours), Refusal> {
    let components = if heic.picture.chroma_format == 0 { 1 } else { 3 };
    let (mut planes, nclx) = planes_of(bytes, &heic.picture, components, heic.clip, window, smoothing, heic.nclx)?;
    let colours = as_in_jpegs(&mut planes, nclx.matrix)?;
    Ok((planes, colours))
}

/// The first components of what a window shows. What the container does not say of colours is what the first tile says.
fn planes_of(
    bytes: &[u8],
    mosaic: &Mosaic,
    components: usize,
    clip: Clip,
    window: Window,
    smoothing: Smoothing,
    mut nclx: Option<Nclx>,
) -> Result<(Vec<Plane>, Nclx), Refusal> {
    let chroma = subsampling(mosaic.chroma_format);
    let sheet = |component| Sheet::new(if component == 0 { (1, 1) } else { chroma }, clip, window);
    let mut sheets: Vec<Sheet> = (0..components).map(sheet).collect();
    let mut parameters = None;
    let mut levels = BTreeMap::new();
    for (index, picture) in mosaic.tiles.iter().enumerate() {
        let corner = mosaic.corner(index);
        if !sheets.iter().any(|sheet| sheet.meets(corner, mosaic.tile)) {
            continue;
        }
        let tile = mosaic.pictures[*picture].decode(bytes, mosaic, smoothing, &mut parameters)?;
        let nclx = nclx.get_or_insert(Nclx { matrix: tile.frame.matrix_coeffs, full_range: tile.frame.full_range });
        for (component, sheet) in sheets.iter_mut().enumerate() {
            let bits = tile.frame.bit_depth[component.min(1)];
            // Green, blue and red are all like brightness.
            let is_luma = component == 0 || nclx.matrix == 0;
            let of = if is_luma { Levels::of_luma } else { Levels::of_chroma };
            // For each depth once: there may be more values than samples in a tile.
            let levels = levels.entry((is_luma, bits)).or_insert_with(|| of(bits, nclx.full_range));
            sheet.lay(&tile, component, corner, mosaic.tile, levels);
        }
    }
    let nclx = nclx.unwrap_or(Nclx { matrix: 2, full_range: false });
    Ok((sheets.into_iter().map(Sheet::into_plane).collect(), nclx))
}

impl Mosaic {
    /// Where a tile lies in the picture.
    fn corner(&self, index: usize) -> (u32, u32) {
        let index = index as u32;
        (index % self.columns * self.tile.0, index / self.columns * self.tile.1)
    }
}

/// Of the tile that was decoded last, and where they are in the file.
type Last<'a> = Option<(Range<usize>, Parameters<'a>)>;

impl Coded {
    fn decode<'a>(
        &self,
        bytes: &'a [u8],
        mosaic: &Mosaic,
        smoothing: Smoothing,
        last: &mut Last<'a>,
    ) -> Result<Shown, Refusal> {
        let parameters = match last.take().filter(|(place, _)| *place == self.configuration) {
            Some(same) => same,
            None => (self.configuration.clone(), self.parameters(bytes, mosaic.tile)?),
        };
        let (_, parameters) = last.insert(parameters);
        let coded = joined(bytes, &self.extents).ok_or(Refusal::Cut)?;
        let shown = parameters.decode(&coded, smoothing).map_err(Refusal::undecodable)?;
        if shown.frame.chroma_format != mosaic.chroma_format {
            return Err(Refusal::undecodable("it has other colours than its container says"));
        }
        Ok(shown)
    }

    fn parameters<'a>(&self, bytes: &'a [u8], tile: (u32, u32)) -> Result<Parameters<'a>, Refusal> {
        let configuration = bytes.get(self.configuration.clone()).ok_or(Refusal::Cut)?;
        Parameters::read(Configuration::read(configuration)?, tile).map_err(Refusal::undecodable)
    }
}

fn joined<'a>(bytes: &'a [u8], extents: &[Range<usize>]) -> Option<Cow<'a, [u8]>> {
    let pieces = extents.iter().map(|extent| bytes.get(extent.clone()));
    let pieces: Vec<&[u8]> = pieces.collect::<Option<_>>()?;
    Some(match pieces.as_slice() {
        [piece] => Cow::Borrowed(*piece),
        pieces => Cow::Owned(pieces.concat()),
    })
}

/// Puts colours and alpha together, each chroma sample for all of its pixels.
fn clear(planes: &[Plane], colours: Colours, opacity: &[Plane]) -> Result<DynamicImage, Refusal> {
    let ([luma, ..], [opacity]) = (planes, opacity) else { return Err(Refusal::DecoderFailed) };
    let full: Vec<Vec<u8>> = planes.iter().map(|plane| enlarged(plane, luma)).collect();
    let rgb = colours.join(&full);
    let pixels = rgb.as_chunks::<3>().0.iter().zip(&opacity.samples);
    let rgba = pixels.flat_map(|([red, green, blue], alpha)| [*red, *green, *blue, *alpha]).collect();
    let image = RgbaImage::from_raw(luma.width, luma.height, rgba).ok_or(Refusal::DecoderFailed)?;
    Ok(image.into())
}

fn enlarged(plane: &Plane, like: &Plane) -> Vec<u8> {
    let across = Nearest::new(like.origin.0, plane.origin.0, plane.scale.0, plane.width);
    let down = Nearest::new(like.origin.1, plane.origin.1, plane.scale.1, plane.height);
    let sample = |x: usize, y: usize| plane.samples[down.of(y) * plane.width as usize + across.of(x)];
    let rows = 0..like.height as usize;
    rows.flat_map(|y| (0..like.width as usize).map(move |x| (x, y))).map(|(x, y)| sample(x, y)).collect()
}
