//! What libjpeg makes of a file, and how far that is from ours.

use mozjpeg::{ColorSpaceExt, CompInfoExt, DctMethod, Decompress};

use super::super::{Frame, Plane, Scale};

/// A picture as libjpeg decodes it, without conversion of colours: all components at the size of the largest.
pub(super) struct Picture {
    pub(super) width: usize,
    height: usize,
    pub(super) channels: usize,
    pub(super) samples: Vec<u8>,
}

/// At more than an eighth, libjpeg decodes a component of few samples at a larger size instead of spreading it, so that each
/// of ours has several of its there.
pub(super) fn picture(bytes: &[u8], scale: Scale) -> Picture {
    let mut decompress = started(bytes);
    decompress.scale(scale.side() as u8);
    let space = decompress.color_space();
    let mut started = decompress.to_colorspace(space).unwrap();
    let samples = started.read_scanlines().unwrap();
    Picture { width: started.width(), height: started.height(), channels: space.num_components(), samples }
}

/// The planes at full size, with their lengths of a row: for components that libjpeg does not join.
pub(super) fn planes(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut started = started(bytes).raw().unwrap();
    let mut planes = vec![Vec::new(); started.components().len()];
    started.read_raw_data(&mut planes.iter_mut().collect::<Vec<_>>());
    started.components().iter().map(CompInfoExt::row_stride).zip(planes).collect()
}

fn started(bytes: &[u8]) -> Decompress<&[u8]> {
    let mut decompress = Decompress::new_mem(bytes).unwrap();
    decompress.dct_method(DctMethod::IntegerSlow);
    decompress.do_fancy_upsampling(false);
    decompress.do_block_smoothing(false);
    decompress
}

/// How far samples are from libjpeg's mean of what they stand for, in levels.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Distance {
    pub(super) most: f64,
    /// The same where libjpeg has brought some of several samples into the range, and then their mean is another.
    pub(super) most_clamped: f64,
    pub(super) sum: f64,
    pub(super) samples: u64,
}

impl Distance {
    pub(super) fn between(frame: &Frame, planes: &[Plane], picture: &Picture) -> Self {
        let unit = frame.unit();
        let mut distance = Self::default();
        for (channel, (plane, component)) in planes.iter().zip(&frame.components).enumerate() {
            let share =
                (unit.0 as usize / usize::from(component.across), unit.1 as usize / usize::from(component.down));
            for (at, sample) in plane.samples.iter().enumerate() {
                let place = (at % plane.width as usize, at / plane.width as usize);
                if let Some((mean, clamped)) = picture.mean(channel, place, share) {
                    distance.add((f64::from(*sample) - mean).abs(), clamped);
                }
            }
        }
        distance
    }

    fn add(&mut self, off: f64, clamped: bool) {
        let most = if clamped { &mut self.most_clamped } else { &mut self.most };
        *most = most.max(off);
        self.sum += off;
        self.samples += 1;
    }

    pub(super) fn join(self, other: Self) -> Self {
        Self {
            most: self.most.max(other.most),
            most_clamped: self.most_clamped.max(other.most_clamped),
            sum: self.sum + other.sum,
            samples: self.samples + other.samples,
        }
    }
}

impl Picture {
    /// The mean of a share of the picture, and whether it is one of several samples of which one is at an end of the range;
    /// `None` where the picture ends within.
    fn mean(&self, channel: usize, (x, y): (usize, usize), (across, down): (usize, usize)) -> Option<(f64, bool)> {
        if (x + 1) * across > self.width || (y + 1) * down > self.height {
            return None;
        }
        let places = (0..across * down).map(|at| (x * across + at % across, y * down + at / across));
        let samples = places.map(|(x, y)| self.samples[(y * self.width + x) * self.channels + channel]);
        let clamped = across * down > 1 && samples.clone().any(|sample| sample == 0 || sample == 255);
        Some((samples.map(f64::from).sum::<f64>() / (across * down) as f64, clamped))
    }
}
