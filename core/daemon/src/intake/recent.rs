//! Photos that were examined a moment ago: a delivery that begins at once need not read them again.
//!
//! Holds a bounded number of bytes, the newest, each until it is taken once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use portraitd_pipeline::Source;
use portraitd_reconcile::{Digest, FileName, Stat};

/// The newest photo goes out first, so a few are enough.
const BYTES_MAX: usize = 16 << 20;

/// The photos that were examined last.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Held>>);

/// A photo in memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) name: FileName,
    /// What its file was like when it was read; a file that is like that still is the same.
    pub(super) stat: Stat,
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
    pub(super) source: Source,
}

impl Recent {
    pub(super) fn put(&self, held: Held) {
        let mut photos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        photos.push_back(held);
        while photos.iter().map(|held| held.bytes.len()).sum::<usize>() > BYTES_MAX {
            photos.pop_front();
        }
    }

    pub(super) fn take(&self, name: &FileName, digest: &Digest) -> Option<Held> {
        let mut photos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = photos.iter().rposition(|held| held.name == *name && held.digest == *digest)?;
        photos.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use portraitd_pipeline::{Limits, examine};

    fn held(name: &str, length: usize) -> Held {
        let photo = include_bytes!("../../../../tests/portraits/portrait.jpg");
        let limits = Limits { max_bytes: u64::MAX, max_pixels: u64::MAX, min_side: 1 };
        let stat = Stat { dev: 1, ino: 1, size: 1, mtime_ns: 1, ctime_ns: 1 };
        let source = examine(photo, &limits).unwrap();
        Held { name: FileName::new(name), stat, digest: Digest::of(name.as_bytes()), bytes: vec![0; length], source }
    }

    #[test]
    fn the_newest_are_held_within_the_bound_and_each_is_taken_once() {
        let recent = Recent::default();
        for name in ["a", "b", "c", "d", "e"] {
            recent.put(held(name, BYTES_MAX / 4));
        }
        recent.put(held("too large", BYTES_MAX + 1));
        let take = |name: &str| recent.take(&FileName::new(name), &Digest::of(name.as_bytes())).is_some();
        assert_eq!(["a", "b", "too large"].map(take), [false; 3]);
        for name in ["a", "b", "c", "d", "e"] {
            recent.put(held(name, BYTES_MAX / 4));
        }
        assert!(recent.take(&FileName::new("e"), &Digest::of(b"other")).is_none(), "another photo of that name");
        assert_eq!(["a", "b", "e", "e"].map(take), [false, true, true, false]);
    }
}
