use super::*;

#[test]
fn a_picture_that_no_window_fits_into_has_no_face() {
    for (width, height) in [(0, 0), (0, 9), (1, 1), (1, 2000), (2000, 1), (12, 900), (40, 13), (13, 40)] {
        let samples = vec![128; (width * height) as usize];
        assert_eq!(find(&Luma { width, height, samples: &samples }), []);
    }
}

#[test]
fn patterns_are_no_faces() {
    const SIDE: u32 = 160;
    let patterns: [fn(u32, u32) -> u32; 5] = [
        |_, _| 200,
        |x, y| x + y,
        |x, y| (x / 8 + y / 8) % 2 * 255,
        |x, y| (x / 2 + y / 2) % 2 * 255,
        |x, y| ((x * 7919) ^ (y * 104_729)).wrapping_mul(2_654_435_761) >> 24,
    ];
    for pattern in patterns {
        let samples: Vec<u8> = (0..SIDE * SIDE).map(|at| pattern(at % SIDE, at / SIDE) as u8).collect();
        assert_eq!(find(&Luma { width: SIDE, height: SIDE, samples: &samples }), []);
    }
}
