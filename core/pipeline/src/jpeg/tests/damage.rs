//! Coded data that is well-formed and says what no picture can: written bit by bit.

use super::super::{Damage, Marking, Scale, Window, decode};
use super::looked_at;
use crate::refusal::Refusal;

/// Two gray blocks side by side. A DC difference is coded as `0` and eleven bits, the end of a block as `0`.
fn two_blocks(differences: [&str; 2], behind: &[u8]) -> Vec<u8> {
    let bits: String = differences.iter().map(|difference| format!("0{difference}0")).collect();
    let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    jpeg.extend([1; 64]);
    jpeg.extend([0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 16, 1, 1, 0x11, 0]);
    for (kind, symbol) in [(0x00, 11), (0x10, 0)] {
        jpeg.extend([0xFF, 0xC4, 0, 20, kind, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, symbol]);
    }
    jpeg.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]);
    for byte in bits.as_bytes().chunks(8) {
        let byte = (0..8).fold(0, |sum, at| sum << 1 | u8::from(byte.get(at) != Some(&b'0')));
        jpeg.push(byte);
        if byte == 0xFF {
            jpeg.push(0);
        }
    }
    jpeg.extend(behind);
    jpeg.extend([0xFF, 0xD9]);
    jpeg
}

const LARGEST: &str = "11111111111";
const SMALLEST: &str = "00000000000";

fn found(jpeg: &[u8]) -> Result<(), Refusal> {
    let frame = looked_at(jpeg).frame;
    let segments = super::super::walk(jpeg, u64::MAX).unwrap().keep;
    let all = Window { left: 0, top: 0, right: 16, bottom: 8 };
    Scale::ALL.into_iter().try_for_each(|scale| decode(jpeg, &segments, &frame, scale, all, Marking::None).map(drop))
}

#[test]
fn a_brightness_that_no_picture_has_is_damage() {
    assert_eq!(found(&two_blocks([LARGEST, SMALLEST], &[])), Ok(()));
    assert_eq!(found(&two_blocks([LARGEST, LARGEST], &[])), Err(Damage::Range.into()));
}

#[test]
fn a_few_bytes_behind_the_last_block_are_let_pass_and_more_are_damage() {
    let with = |count: usize| found(&two_blocks([LARGEST, SMALLEST], &vec![0x55; count]));
    assert_eq!([with(0), with(200)], [Ok(()), Ok(())]);
    assert_eq!(with(300), Err(Damage::Long.into()));
}
