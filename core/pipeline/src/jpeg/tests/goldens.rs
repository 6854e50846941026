//! What the decoder gives for real photos does not change unnoticed.
//!
//! Its arithmetic is that of IEEE 754 without fused operations, so that it gives the same samples on every machine. Where a
//! change is meant, the failing test prints the new lines.

use super::super::Scale;
use super::{decoded, real};

/// CRC-32 over the samples of all planes, at an eighth, a quarter, a half and full size.
const GOLDENS: [(&str, [u32; 4]); 7] = [
    ("camera-orientation-6.jpg", [0x36BA_A8D4, 0xABC9_FB6D, 0x291F_965B, 0x4802_532D]),
    ("iphone-exif-orientation-6-small.jpg", [0x3D42_2568, 0xC5EE_D0CB, 0xF0D7_D919, 0x6425_5BFC]),
    ("phone-with-gps.jpg", [0x1FA1_AA9B, 0xC5E0_27DA, 0x82E3_1C81, 0x4FEA_2F1C]),
    ("portrait.jpg", [0x1448_F55C, 0xD1EC_2163, 0xBCAD_98F1, 0x76CB_4444]),
    ("portrait-progressive.jpg", [0xA1DF_99DE, 0xA5F2_904B, 0xB032_30DE, 0xA261_94FF]),
    ("portrait-gray.jpg", [0xE247_31A5, 0x6C13_2C9F, 0x5C97_E80F, 0x29F7_BA65]),
    ("portrait-cmyk.jpg", [0xF372_F036, 0x3322_0F5B, 0xDCEF_903D, 0x2273_1A54]),
];

#[test]
fn real_photos_give_the_samples_that_they_gave() {
    let now = GOLDENS.map(|(name, _)| (name, Scale::ALL.map(|scale| sum(name, scale))));
    now.iter().for_each(|(name, sums)| println!("    ({name:?}, [{}]),", sums.map(hex).join(", ")));
    assert_eq!(now, GOLDENS);
}

fn sum(name: &str, scale: Scale) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    decoded(&real(name), scale).iter().for_each(|plane| sum.update(&plane.samples));
    sum.finalize()
}

fn hex(sum: u32) -> String {
    format!("0x{:04X}_{:04X}", sum >> 16, sum & 0xFFFF)
}
