//! How a photo is decoded for what is wanted of it: how much smaller, which part, and what memory all of it takes.
//! Arithmetic on sides; touches no pixel.

use crate::frame::Frame;
#[cfg(feature = "heic")]
use crate::heic;
use crate::jpeg::{self, Scale, Window};
use crate::look;
use crate::orientation::Area;
use crate::profile::Profile;
use crate::recipe::Style;
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
    pub(crate) fn new(source: &Source, frames: &[Frame]) -> Self {
        Self { scale: scale(frames).max(source.coding.least_scale()), window: window(source, frames) }
    }

    /// The smallest decode in which faces can be looked for, and from which all frames can be made.
    pub(crate) fn to_look(source: &Source, frames: &[Frame]) -> Self {
        let long = source.width.max(source.height);
        let shows = |scale: &Scale| u64::from(long) * scale.side() as u64 >= 8 * u64::from(look::SIDE_LEAST);
        let scale = Scale::ALL.into_iter().find(shows).unwrap_or(Scale::Full);
        Self { window: whole(source), ..Self::new(source, frames).at_least(scale) }
    }

    /// Not smaller than this.
    pub(crate) fn at_least(self, scale: Scale) -> Self {
        Self { scale: self.scale.max(scale), ..self }
    }

    /// Whether what another plan asks for is here too.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        let (mine, others) = (self.window, other.window);
        self.scale >= other.scale
            && (mine.left <= others.left && mine.right >= others.right)
            && (mine.top <= others.top && mine.bottom >= others.bottom)
    }

    /// How many samples a plane has at most, in whole blocks.
    fn samples(&self) -> u64 {
        let Window { left, top, right, bottom } = self.window;
        let side = |from: u32, to: u32| (u64::from(to.saturating_sub(from)) * self.scale.side() as u64).div_ceil(8) + 1;
        side(left, right) * side(top, bottom)
    }

    /// The decode that costs most of all that may follow when a face is found, for frames that are cropped to it: at each
    /// scale, the largest part for which the next smaller one would not be enough.
    fn of_any_part(source: &Source, frames: &[Frame]) -> Vec<Self> {
        let at = |scale: Scale| {
            let part = |frame: &Frame| {
                let (across, down) = frame.scale();
                let shrunk = (1.0 / across.max(down)).min(16.0 * GAP / scale.side() as f64);
                frame.part(shrunk, (source.width, source.height))
            };
            let frames: Vec<_> = frames.iter().map(part).collect();
            Self { scale, ..Self::new(source, &frames) }
        };
        Scale::ALL.into_iter().map(at).collect()
    }
}

fn whole(source: &Source) -> Window {
    let (right, bottom) = source.coded_sides();
    Window { left: 0, top: 0, right, bottom }
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
fn window(source: &Source, frames: &[Frame]) -> Window {
    let (orientation, (width, height)) = (source.orientation, source.coded_sides());
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
pub(crate) fn bytes(source: &Source, plan: Plan, frames: &[Frame], style: &Style) -> u64 {
    let (decoding, decoded) = decoded_bytes(source, plan, style);
    decoding.max(decoded + rendered_bytes(frames)) + converting_bytes(source) + REST
}

/// The same where faces are looked for in what the plan decodes, for frames of which the last ones, `cropped`, may be made of
/// any part of the photo.
pub(crate) fn bytes_with_faces(source: &Source, plan: Plan, frames: &[Frame], cropped: &[Frame], style: &Style) -> u64 {
    let (decoding, decoded) = decoded_bytes(source, plan, style);
    let again = Plan::of_any_part(source, cropped);
    let again =
        again.into_iter().filter(|again| !plan.includes(again)).map(|again| decoded_bytes(source, again, style));
    let (decoding_again, decoded_again) = again.fold((0, 0), |most, one| (most.0.max(one.0), most.1.max(one.1)));
    // What the coefficients of a progressive picture took may stay with the allocator while others are read.
    let (marks, let_go) = match &source.coding {
        Coding::Jpeg(jpeg) => (jpeg::mark_bytes(&jpeg.frame), decoding.saturating_sub(decoded)),
        _ => (0, 0),
    };
    let looking = look::bytes((source.width, source.height))
        .max(decoding_again + let_go)
        .max(decoded_again + rendered_bytes(frames));
    decoding.max(decoded + looking) + marks + converting_bytes(source) + REST
}

/// While it is decoded, and what remains of it.
fn decoded_bytes(source: &Source, plan: Plan, style: &Style) -> (u64, u64) {
    let photo = pixels((source.width, source.height));
    let (decoding, decoded, most_samples) = match &source.coding {
        Coding::Jpeg(jpeg) => {
            let (decoding, decoded) = jpeg::decoded_bytes(&jpeg.frame, plan.scale, plan.window);
            (decoding, decoded, plan.samples())
        }
        #[cfg(feature = "heic")]
        Coding::Heic(heic) => {
            let (decoding, decoded) = heic::decoded_bytes(heic, plan.window);
            (decoding, decoded, photo)
        }
        // The decoder is given a copy of the file, and what is wanted of it has up to four bytes for a pixel.
        Coding::Png(whole) | Coding::WebP(whole) | Coding::Gif(whole) => {
            (source.kept_bytes() as u64 + whole.bytes, 4 * photo, photo)
        }
    };
    // Up to four samples of two bytes.
    let light = if style.linear_light { 8 * most_samples } else { 0 };
    (decoding, decoded + light)
}

fn converting_bytes(source: &Source) -> u64 {
    source.profile.as_ref().map_or(0, Profile::bytes)
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
