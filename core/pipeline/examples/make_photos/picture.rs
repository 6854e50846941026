//! Pictures that behave like camera photos in a decoder and in a resampler: smooth light, one head, grain.
//!
//! Used by the example beside it, by the benches and by the tests. They hold no real fine detail, so they say
//! something about speed and size and nothing about quality.

/// Paints one portrait: red, green and blue, eight bits each, row after row without gaps (`width * height * 3` bytes).
///
/// Another `seed` gives other colours, another pose and other grain.
pub(crate) fn portrait(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let scene = Scene::new(seed);
    let mut grain = Grain::new(seed, width as usize);
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        let noise = grain.next_row();
        for x in 0..width {
            let u = f32_of(x) / f32_of(width);
            let v = f32_of(y) / f32_of(height);
            let light = f32::from(noise[x as usize]);
            rgb.extend(scene.colour(u, v).map(|value| (value + light) as u8));
        }
    }
    rgb
}

/// Sides of pictures are far below 2^24, where `f32` is still exact.
fn f32_of(side: u32) -> f32 {
    side as f32
}

/// What stands before the camera; places are fractions of the picture's sides.
struct Scene {
    wall: [f32; 3],
    skin: [f32; 3],
    coat: [f32; 3],
    head: (f32, f32),
    tilt: f32,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut colour = |low: f32, span: f32| [(); 3].map(|()| low + span * random.fraction());
        let (wall, skin, coat) = (colour(90.0, 120.0), colour(120.0, 90.0), colour(20.0, 160.0));
        let head = (0.4 + 0.2 * random.fraction(), 0.35 + 0.1 * random.fraction());
        let tilt = random.fraction() - 0.5;
        Self { wall, skin, coat, head, tilt }
    }

    /// The light at one place, each channel within 0 to 255 even before the conversion saturates.
    fn colour(&self, u: f32, v: f32) -> [f32; 3] {
        let head = inside(u - self.head.0, v - self.head.1, 0.18, 0.24);
        let coat = inside(u - self.head.0, v - 1.05, 0.42, 0.40);
        let shade = 0.75 + 0.35 * (u * self.tilt + 0.5 - v * 0.4);
        let weave = 6.0 * wave(u * 37.0 + v * 11.0) + 4.0 * wave(v * 61.0);
        [0, 1, 2].map(|channel| {
            let wall = self.wall[channel] * (1.0 - coat) + self.coat[channel] * coat;
            (wall * (1.0 - head) + self.skin[channel] * head) * shade + weave
        })
    }
}

/// 1 inside an ellipse around the origin, 0 outside, with a soft edge.
fn inside(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let distance = (x / half_width).powi(2) + (y / half_height).powi(2);
    ((1.15 - distance) / 0.3).clamp(0.0, 1.0)
}

/// A wave between -1 and 1 of period 1, as two parabolas: much cheaper than a sine.
fn wave(turns: f32) -> f32 {
    let phase = 2.0 * (turns - turns.floor()) - 1.0;
    4.0 * phase * (1.0 - phase.abs())
}

/// Noise whose neighbours are related, as a sensor's is after demosaicing.
struct Grain {
    random: Random,
    above: Vec<i16>,
    row: Vec<i16>,
}

impl Grain {
    fn new(seed: u64, width: usize) -> Self {
        Self { random: Random::new(!seed), above: vec![0; width], row: vec![0; width] }
    }

    /// The next row of grain, in eight-bit levels around zero.
    fn next_row(&mut self) -> &[i16] {
        let mut left = 0;
        for (cell, above) in self.row.iter_mut().zip(&self.above) {
            let fresh = (self.random.next() % 47) as i16 - 23;
            *cell = (fresh + left + above) / 3;
            left = *cell;
        }
        self.above.copy_from_slice(&self.row);
        &self.row
    }
}

/// A xorshift generator: the same picture for the same seed on every machine.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        // The multiplication spreads neighbouring seeds; the generator must not start at zero.
        Self((seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Between 0 and 1.
    fn fraction(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}
