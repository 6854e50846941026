//! Takes out of an ICC profile (ICC.1:2022) what a conversion from it needs. Interprets no tag.
//!
//! A profile may have thousands of tags that all lie at one place, texts of any length, and tables for devices that nobody
//! has here. Its reader sees none of that: at most nine tags, each once.

const HEADER_BYTES: usize = 128;
const COUNT_BYTES: usize = 4;
/// A tag's signature, its place and its length (7.3).
const ENTRY_BYTES: usize = 12;

/// Curves and colorants of three colours, and the curve of gray (9.2).
const TAGS: [&[u8; 4]; 7] = [b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC"];
/// Tables from the device's colours to measured ones, the more wanted first: for a pleasing picture, and for equal colours.
const TABLES: [&[u8; 4]; 2] = [b"A2B0", b"A2B1"];

/// A copy of the profile in which nothing else is listed, and the table that it has as the one for a pleasing picture; `None`
/// when it is shorter than it says.
pub(crate) fn essence(icc: &[u8]) -> Option<Vec<u8>> {
    let size = usize::try_from(u32_at(icc, 0)?).ok()?;
    let icc = icc.get(..size)?;
    let count = usize::try_from(u32_at(icc, HEADER_BYTES)?).ok()?;
    let listed = icc.get(HEADER_BYTES + COUNT_BYTES..)?.get(..count.checked_mul(ENTRY_BYTES)?)?;
    let mut entries: Vec<[u8; ENTRY_BYTES]> = TAGS.iter().filter_map(|tag| find(listed, tag)).collect();
    entries.extend(TABLES.iter().find_map(|tag| find(listed, tag)).map(|entry| renamed(entry, *TABLES[0])));

    let mut essence = icc.to_vec();
    let (counted, rest) = essence[HEADER_BYTES..].split_at_mut(COUNT_BYTES);
    counted.copy_from_slice(&u32::try_from(entries.len()).ok()?.to_be_bytes());
    // There were at least as many.
    rest[..entries.len() * ENTRY_BYTES].copy_from_slice(entries.as_flattened());
    Some(essence)
}

fn find(listed: &[u8], tag: &[u8; 4]) -> Option<[u8; ENTRY_BYTES]> {
    let (entries, _) = listed.as_chunks::<ENTRY_BYTES>();
    entries.iter().find(|entry| entry.starts_with(tag)).copied()
}

fn renamed(mut entry: [u8; ENTRY_BYTES], tag: [u8; 4]) -> [u8; ENTRY_BYTES] {
    entry[..4].copy_from_slice(&tag);
    entry
}

fn u32_at(icc: &[u8], at: usize) -> Option<u32> {
    icc.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
