//! What a system sees of a picture without decoding it: whether it is one, of which type and size, and whether it is the
//! same as another. It knows no request.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use zune_jpeg::{JpegDecoder, zune_core::bytestream::ZCursor};

/// The media type of bytes that begin and end as a picture of that type does. A decoder would see more; this costs the
/// tests nothing.
pub(crate) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let frames: [(&str, &[u8], &[u8]); 3] = [
        ("image/jpeg", b"\xff\xd8\xff", b"\xff\xd9"),
        ("image/png", b"\x89PNG\r\n\x1a\n", b"IEND\xae\x42\x60\x82"),
        ("image/gif", b"GIF8", b";"),
    ];
    let framed = frames.iter().find(|(_, start, end)| bytes.starts_with(start) && bytes.ends_with(end));
    let length = bytes.get(4..8).map(|length| u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
    let webp = bytes.starts_with(b"RIFF") && length.is_some_and(|length| length as usize + 8 == bytes.len());
    framed.map(|(kind, ..)| *kind).or_else(|| webp.then_some("image/webp"))
}

/// Width and height of a JPEG or a PNG, as its header tells them.
pub(crate) fn size(bytes: &[u8]) -> Option<(usize, usize)> {
    match media_type(bytes)? {
        "image/jpeg" => {
            let mut decoder = JpegDecoder::new(ZCursor::new(bytes));
            decoder.decode_headers().ok()?;
            decoder.dimensions()
        }
        "image/png" => {
            // The first chunk is always IHDR (PNG, third edition, 5.6 and 11.2.1).
            let side = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
            (bytes.get(12..16)? == b"IHDR").then_some(())?;
            side(16).zip(side(20))
        }
        _ => None,
    }
}

/// Tells pictures apart.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
