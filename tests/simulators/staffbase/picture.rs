//! What a picture is, by its header: its format and its size. It decodes nothing.

use zune_jpeg::{JpegDecoder, zune_core::bytestream::ZCursor};

/// A picture that was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The media type of its format.
    pub(super) mime: &'static str,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Looks into a whole JPEG or PNG: the app takes more formats [BACKENDS 1e], and nobody here sends them.
pub(super) fn look(bytes: &[u8]) -> Option<Look> {
    jpeg(bytes).or_else(|| png(bytes))
}

fn jpeg(bytes: &[u8]) -> Option<Look> {
    let mut decoder = JpegDecoder::new(ZCursor::new(bytes.strip_suffix(b"\xff\xd9")?));
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    Some(Look { mime: "image/jpeg", width, height })
}

/// The size stands in the first chunk, which always is IHDR (PNG, third edition, 11.2.1).
fn png(bytes: &[u8]) -> Option<Look> {
    let chunk = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?.strip_suffix(b"IEND\xae\x42\x60\x82")?;
    let size = chunk.get(4..)?.strip_prefix(b"IHDR")?;
    let side = |at: usize| Some(u32::from_be_bytes(size.get(at..at + 4)?.try_into().ok()?) as usize);
    Some(Look { mime: "image/png", width: side(0)?, height: side(4)? })
}
