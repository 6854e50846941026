//! What a system sees of a picture without decoding it: whether it is one, of which type, and whether it is the same as
//! another. It knows no request.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

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

/// Tells pictures apart.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
