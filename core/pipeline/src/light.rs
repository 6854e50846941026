//! From the values that are stored to the light that they stand for, and back: where pixels are averaged as light, as an
//! eye at a distance does it.

/// From a stored value to light, both from 0 to 1.
pub(crate) type Curve = Box<dyn Fn(f64) -> f64 + Send + Sync>;

/// How 256 levels of each channel and light in 65,536 steps become each other.
pub(crate) struct Light {
    channels: [Channel; 3],
}

struct Channel {
    light: [u16; 256],
    /// For each light the nearest level.
    levels: Vec<u8>,
}

impl Light {
    /// `None` where more of a value is not always more light.
    pub(crate) fn of(curves: [&Curve; 3]) -> Option<Self> {
        let [red, green, blue] = curves.map(Channel::of);
        Some(Self { channels: [red?, green?, blue?] })
    }

    pub(crate) fn of_srgb() -> Self {
        let curve: Curve = Box::new(light_of_srgb);
        Self::of([&curve; 3]).expect("sRGB's curve rises")
    }

    /// The light of red, green and blue.
    pub(crate) fn of_levels(&self, levels: [u8; 3]) -> [u16; 3] {
        let [red, green, blue] = &self.channels;
        let [r, g, b] = levels.map(usize::from);
        [red.light[r], green.light[g], blue.light[b]]
    }

    /// The nearest levels.
    pub(crate) fn to_levels(&self, light: [u16; 3]) -> [u8; 3] {
        let [red, green, blue] = &self.channels;
        let [r, g, b] = light.map(usize::from);
        [red.levels[r], green.levels[g], blue.levels[b]]
    }
}

impl Channel {
    fn of(curve: &Curve) -> Option<Self> {
        let step = |level: f64| (curve(level / 255.0) * 65535.0).round() as u16;
        let light = std::array::from_fn(|level| step(level as f64));
        // Levels are parted halfway between them, in the way in which they are stored.
        let borders: Vec<u16> = (0..255).map(|level| step(f64::from(level) + 0.5)).collect();
        if !light.is_sorted() || !borders.is_sorted() {
            return None;
        }
        let level = |light: u16| borders.partition_point(|border| *border <= light) as u8;
        Some(Self { light, levels: (0..=u16::MAX).map(level).collect() })
    }
}

/// IEC 61966-2-1.
pub(crate) fn light_of_srgb(value: f64) -> f64 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The inverse.
pub(crate) fn srgb_of_light(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// From CIE 1976 L*, from 0 to 1 here, to Y (ISO/CIE 11664-4).
pub(crate) fn light_of_lightness(lightness: f64) -> f64 {
    const BEND: f64 = 6.0 / 29.0;
    let root = (100.0 * lightness + 16.0) / 116.0;
    if root > BEND { root.powi(3) } else { 3.0 * BEND * BEND * (root - 4.0 / 29.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_and_back_is_the_same_level() {
        let light = Light::of_srgb();
        for level in 0..=255 {
            assert_eq!(light.to_levels(light.of_levels([level; 3])), [level; 3]);
        }
    }

    #[test]
    fn a_curve_that_falls_is_none() {
        let falling: Curve = Box::new(|value| 1.0 - value);
        assert!(Light::of([&falling; 3]).is_none());
    }

    #[test]
    fn half_the_light_is_188_and_half_the_lightness_a_fifth_of_it() {
        assert_eq!((srgb_of_light(0.5) * 255.0).round(), 188.0);
        assert!((light_of_lightness(0.5) - 0.184).abs() < 0.001);
        assert!((light_of_srgb(srgb_of_light(0.001)) - 0.001).abs() < 1e-9);
    }
}
