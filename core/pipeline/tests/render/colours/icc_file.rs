//! Writes ICC profiles of any tags (ICC.1:2001-04, 6.1 and 6.2).

/// A profile of version 2.4 for printers.
pub(crate) fn profile(space: &[u8; 4], measured: &[u8; 4], tags: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut header = vec![0; 128];
    header[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    header[12..16].copy_from_slice(b"prtr");
    header[16..20].copy_from_slice(space);
    header[20..24].copy_from_slice(measured);
    header[36..40].copy_from_slice(b"acsp");
    header[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    let mut listed = (tags.len() as u32).to_be_bytes().to_vec();
    let mut data = Vec::new();
    for (name, body) in tags {
        let place = 128 + 4 + 12 * tags.len() + data.len();
        listed.extend([name.as_slice(), &(place as u32).to_be_bytes(), &(body.len() as u32).to_be_bytes()].concat());
        data.extend_from_slice(body);
    }
    let size = header.len() + listed.len() + data.len();
    header[..4].copy_from_slice(&(size as u32).to_be_bytes());
    [header, listed, data].concat()
}
