//! How a photo is decoded for what is wanted of it: how much smaller, which part, and what memory all of it takes.
//! Arithmetic on sides; touches no pixel.

use crate::frame::Frame;
use crate::jpeg::{self, Scale, Window};
use crate::orientation::{Area, Orientation};
use crate::source::{Coding, Source};

/// What a decoder is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) scale: Scale,
    pub(crate) window: Window,
}

/// So many decoded pixels on a side for one of a rendition: with the exact crop box, Lanczos3 from there can hardly be told
/// from Lanczos3 from the full picture, and from fewer it can.
const GAP: f64 = 1.5;

/// As many of a rendition's pixels are looked at on both sides of one by Lanczos3.
const REACH: f64 = 3.0;

impl Plan {
    /// The smallest decode from which all frames can be made.
    pub(crate) fn new(frames: &[Frame], orientation: Orientation, coded: (u32, u32)) -> Self {
        Self { scale: scale(frames), window: window(frames, orientation, coded) }
    }
}

fn scale(frames: &[Frame]) -> Scale {
    let serves = |scale: &Scale| {
        let decoded = scale.side() as f64 / 8.0;
        let is_enough = |frame: &Frame| {
            let (across, down) = frame.scale();
            decoded >= GAP * across.max(down)
        };
        frames.iter().all(is_enough)
    };
    Scale::ALL.into_iter().find(serves).unwrap_or(Scale::Full)
}

/// What all frames show together, with what their resampling looks at around it.
fn window(frames: &[Frame], orientation: Orientation, (width, height): (u32, u32)) -> Window {
    let mut window = Window { left: width, top: height, right: 0, bottom: 0 };
    for frame in frames {
        let Area { left, top, width: across, height: down } = orientation.coded_area(frame.area, (width, height));
        let picture = orientation.turn_sides(frame.picture);
        let margin = (1.0 + REACH * across / f64::from(picture.0), 1.0 + REACH * down / f64::from(picture.1));
        let inside = |place: f64, side: u32| (place.max(0.0) as u32).min(side);
        window.left = window.left.min(inside(left - margin.0, width));
        window.top = window.top.min(inside(top - margin.1, height));
        window.right = window.right.max(inside(left + across + margin.0 + 1.0, width));
        window.bottom = window.bottom.max(inside(top + down + margin.1 + 1.0, height));
    }
    window
}

/// An upper bound of the bytes that decoding and rendering take beside the file.
pub(crate) fn bytes(source: &Source, plan: Plan, frames: &[Frame]) -> u64 {
    let (decoding, decoded) = match &source.coding {
        Coding::Jpeg(jpeg) => jpeg::decoded_bytes(&jpeg.frame, plan.scale, plan.window),
        // The decoder is given a copy of the file, and what is wanted of it has three bytes for a pixel.
        Coding::Png(whole) | Coding::WebP(whole) => {
            (source.kept_bytes() as u64 + whole.bytes, 3 * pixels((source.width, source.height)))
        }
    };
    decoding.max(decoded + rendered_bytes(frames)) + REST
}

/// Tables, rows in work, and what the allocator keeps beside what was asked of it.
const REST: u64 = 1 << 20;

/// Each rendition stays until all are made, in three bytes for a pixel; the one in work takes as much for its planes, and the
/// encoder takes no more after them.
fn rendered_bytes(frames: &[Frame]) -> u64 {
    let kept: u64 = frames.iter().map(|frame| 3 * pixels(frame.picture)).sum();
    kept + frames.iter().map(|frame| 6 * pixels(frame.sheet)).max().unwrap_or(0)
}

fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}
