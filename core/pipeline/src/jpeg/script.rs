//! Which coefficients the scans of a picture code, and how exactly (ITU-T T.81, G.1.1): each once, and then bit by bit.

use super::header::{Frame, Scan};
use crate::refusal::Refusal;

/// What has been coded so far.
pub(super) struct Script {
    /// For each component and each coefficient in zigzag order: how many low bits are still left.
    left: Vec<[Option<u8>; 64]>,
}

impl Script {
    pub(super) fn new(frame: &Frame) -> Self {
        Self { left: vec![[None; 64]; frame.components.len()] }
    }

    /// Takes note of a scan, which goes on where those before it have stopped.
    pub(super) fn add(&mut self, scan: &Scan) -> Result<(), Refusal> {
        let before = (scan.high > 0).then_some(scan.high);
        let band = usize::from(scan.band.0)..=usize::from(scan.band.1);
        for part in &scan.parts {
            let left = &mut self.left[part.component];
            if !scan.is_dc() && left[0].is_none() {
                return Err(Refusal::damaged("a colour that begins without its first scan"));
            }
            for left in &mut left[band.clone()] {
                if *left != before {
                    return Err(Refusal::damaged("picture data that comes twice, or too late"));
                }
                *left = Some(scan.low);
            }
        }
        Ok(())
    }

    /// Whether every component has been begun. What is missing of one that was is detail.
    pub(super) fn is_complete(&self) -> bool {
        self.left.iter().all(|left| left[0].is_some())
    }
}
