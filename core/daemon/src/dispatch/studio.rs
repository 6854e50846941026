//! Renditions on demand: a photo is decoded once for all backends that want it at the time, and what was made is kept
//! for a while. Holds a bounded number of bytes; writes no file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use portraitd_pipeline::{self as pipeline, Recipe, Rendition, RenditionSpec, Source, Warning};
use portraitd_reconcile::{Digest, Examined, FileName};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::intake::folder::Folder;
use crate::intake::{Fetched, Intake};
use crate::workers::{Workers, cores};

/// How many bytes of renditions are kept.
const KEPT_BYTES: usize = 64 << 20;

/// How much memory decoders may take at one time, in MiB. A photo that needs more is decoded alone.
const DECODE_MIB: u32 = 96;

/// Makes renditions.
#[derive(Debug)]
pub(crate) struct Studio {
    intake: Intake,
    /// What all pictures have in common: a recipe without one.
    common: Recipe,
    kept: Mutex<Kept>,
    /// One lock a photo: whoever comes second finds what the first has made.
    under_way: Mutex<BTreeMap<Digest, Arc<AsyncMutex<()>>>>,
    workers: Workers,
    /// So many photos are in memory at one time, from the read to the last rendition.
    photos: Semaphore,
    memory: Semaphore,
}

/// What is made of which photo.
pub(crate) struct Order {
    /// The folder that the photo is in.
    pub(crate) folder: Arc<Folder>,
    /// Its file.
    pub(crate) file: FileName,
    /// What it is expected to be.
    pub(crate) digest: Digest,
    /// What is wanted now, in this order.
    pub(crate) wanted: Vec<RenditionSpec>,
    /// What other backends will want of the same photo soon. It is made at once, and kept for them.
    pub(crate) soon: Vec<RenditionSpec>,
}

/// What was made for an order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pictures {
    /// As many as were wanted, and in that order.
    pub(crate) renditions: Vec<Arc<Rendition>>,
    /// What has to be said of the photo where these are shown.
    pub(crate) warnings: BTreeSet<Warning>,
}

impl FromIterator<Picture> for Pictures {
    fn from_iter<T: IntoIterator<Item = Picture>>(pictures: T) -> Self {
        let mut together = Self::default();
        for Picture { rendition, warnings } in pictures {
            together.renditions.push(rendition);
            together.warnings.extend(warnings);
        }
        together
    }
}

impl Studio {
    /// A studio that renders all photos in one way.
    pub(crate) fn new(intake: Intake, common: Recipe, workers: Workers) -> Self {
        Self {
            intake,
            common,
            kept: Mutex::default(),
            under_way: Mutex::default(),
            workers,
            photos: Semaphore::new(cores()),
            memory: Semaphore::new(DECODE_MIB as usize),
        }
    }

    /// The pictures of a photo.
    ///
    /// # Errors
    /// What the photo turned out to be: it has changed, is gone, or cannot be rendered.
    pub(crate) async fn pictures(self: &Arc<Self>, order: Order) -> Result<Pictures, Examined> {
        let digest = order.digest;
        let turn = Arc::clone(self.lock_turns().entry(digest).or_default());
        let made = {
            let _turn = turn.lock().await;
            match self.kept(&digest, &order.wanted) {
                Some(kept) => Ok(kept),
                None => self.make(order).await,
            }
        };
        drop(turn);
        self.lock_turns().retain(|_, turn| Arc::strong_count(turn) > 1);
        made
    }

    fn lock_turns(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Arc<AsyncMutex<()>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, digest: &Digest, wanted: &[RenditionSpec]) -> Option<Pictures> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().map(|spec| kept.get(digest, spec)).collect()
    }

    async fn make(self: &Arc<Self>, order: Order) -> Result<Pictures, Examined> {
        let _photo = self.photos.acquire().await.expect("the studio never closes its semaphores");
        let (intake, digest) = (self.intake.clone(), order.digest);
        let (folder, file) = (Arc::clone(&order.folder), order.file.clone());
        let (bytes, source) = match self.work(move || intake.refetch(&folder, &file, &digest)).await? {
            Fetched::Photo(bytes, source) => (bytes, source),
            Fetched::Otherwise(examined) => return Err(examined),
        };
        let specs: BTreeSet<_> = order.wanted.iter().chain(&order.soon).cloned().collect();
        let recipe = Recipe { renditions: specs.into_iter().collect(), ..self.common.clone() };
        let share = share(source.render_bytes(&recipe));
        let _memory = self.memory.acquire_many(share).await.expect("the studio never closes its semaphores");
        let made = self.work(move || render(&bytes, &source, &recipe)).await??;
        self.keep(digest, &order.soon, &made);
        Ok(order.wanted.iter().map(|spec| made[spec].clone()).collect())
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Examined> {
        self.workers
            .run(job)
            .await
            .ok_or_else(|| Examined::Rejected { reason: "the decoder failed on this file".into() })
    }

    fn keep(&self, digest: Digest, soon: &[RenditionSpec], made: &Made) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for spec in soon {
            kept.put(digest, spec.clone(), made[spec].clone());
        }
        kept.shrink();
    }
}

fn render(bytes: &[u8], source: &Source, recipe: &Recipe) -> Result<Made, Examined> {
    let made = pipeline::render(bytes, source, recipe)
        .map_err(|refusal| Examined::Rejected { reason: refusal.to_string() })?;
    let picture = |rendition| Picture::new(rendition, &made.warnings);
    Ok(recipe.renditions.iter().cloned().zip(made.renditions.into_iter().map(picture)).collect())
}

/// The part of the decoders' memory that a photo takes, in MiB.
fn share(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX).clamp(1, DECODE_MIB)
}

/// What one decode came to.
type Made = BTreeMap<RenditionSpec, Picture>;

/// One picture of a photo, and what has to be said of the photo where it is shown.
#[derive(Clone, Debug)]
struct Picture {
    rendition: Arc<Rendition>,
    warnings: BTreeSet<Warning>,
}

impl Picture {
    /// Of all that has to be said of a photo, only [`Warning::Enlarged`] is not true of every picture of it.
    fn new(rendition: Rendition, of_photo: &[Warning]) -> Self {
        let is_true = |warning: &Warning| *warning != Warning::Enlarged || rendition.is_enlarged;
        let warnings = of_photo.iter().copied().filter(is_true).collect();
        Self { rendition: Arc::new(rendition), warnings }
    }
}

/// The renditions that were made last.
#[derive(Debug, Default)]
struct Kept {
    made: BTreeMap<(Digest, RenditionSpec), Picture>,
    order: VecDeque<(Digest, RenditionSpec)>,
    bytes: usize,
}

impl Kept {
    fn get(&self, digest: &Digest, spec: &RenditionSpec) -> Option<Picture> {
        self.made.get(&(*digest, spec.clone())).cloned()
    }

    fn put(&mut self, digest: Digest, spec: RenditionSpec, picture: Picture) {
        let key = (digest, spec);
        self.bytes += picture.rendition.bytes.len();
        if let Some(before) = self.made.insert(key.clone(), picture) {
            self.bytes -= before.rendition.bytes.len();
        } else {
            self.order.push_back(key);
        }
    }

    /// Forgets the oldest renditions until the rest fits.
    fn shrink(&mut self) {
        while self.bytes > KEPT_BYTES {
            let oldest = self.order.pop_front().and_then(|key| self.made.remove(&key));
            self.bytes -= oldest.map_or(0, |picture| picture.rendition.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::path::{Path, PathBuf};

    use portraitd_pipeline::{Area, Crop, Fit};

    use crate::config::Config;

    const PHOTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portraits/portrait.jpg");

    fn studio(folder: &Path) -> Arc<Studio> {
        let mut config = Config::default();
        config.folder.path = folder.to_path_buf();
        Arc::new(Studio::new(Intake::new(&config), Recipe::new(Crop::Center, Vec::new()), Workers::start()))
    }

    fn square(side: u32) -> RenditionSpec {
        RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None }
    }

    fn order(folder: &Path, wanted: &[RenditionSpec], soon: &[RenditionSpec]) -> Order {
        Order {
            folder: Arc::new(Folder::open(folder).unwrap()),
            file: FileName::new("anna.jpg"),
            digest: Digest::of(&std::fs::read(PHOTO).unwrap()),
            wanted: wanted.to_vec(),
            soon: soon.to_vec(),
        }
    }

    fn dropped() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("anna.jpg");
        std::fs::copy(PHOTO, &file).unwrap();
        (folder, file)
    }

    #[tokio::test]
    async fn one_decode_serves_a_wave_of_backends() {
        let (folder, file) = dropped();
        let studio = studio(folder.path());
        let first = studio.pictures(order(folder.path(), &[square(48)], &[square(96)])).await.unwrap();
        let first = first.renditions;
        assert_eq!((first[0].width, first.len()), (48, 1));
        // The second backend's picture is there already: the file is not read again.
        std::fs::remove_file(file).unwrap();
        let second = studio.pictures(order(folder.path(), &[square(96)], &[])).await.unwrap();
        assert_eq!(second.renditions[0].width, 96);
        let unforeseen = studio.pictures(order(folder.path(), &[square(64)], &[])).await;
        assert_eq!(unforeseen.unwrap_err(), Examined::Absent);
    }

    #[tokio::test]
    async fn what_nobody_else_wants_is_not_kept() {
        let (folder, _) = dropped();
        let studio = studio(folder.path());
        studio.pictures(order(folder.path(), &[square(48)], &[])).await.unwrap();
        assert_eq!(studio.kept.lock().unwrap().bytes, 0);
        assert!(studio.under_way.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_photo_that_changed_since_it_was_accepted_is_not_rendered() {
        let (folder, file) = dropped();
        std::fs::copy(PHOTO.replace("portrait.jpg", "portrait.png"), file).unwrap();
        let changed = studio(folder.path()).pictures(order(folder.path(), &[square(48)], &[])).await;
        assert_eq!(changed.unwrap_err(), Examined::Changed);
    }

    #[test]
    fn what_is_said_of_a_photo_is_said_of_its_pictures_that_it_is_true_of() {
        let area = Area { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
        let picture = |is_enlarged| {
            let (bytes, sha256, warnings) = (Arc::from([]), [0; 32], Vec::new());
            let rendition = Rendition { bytes, width: 1, height: 1, sha256, area, is_enlarged, warnings };
            Picture::new(rendition, &[Warning::Dark, Warning::Enlarged])
        };
        let said = |pictures: &[bool]| pictures.iter().copied().map(picture).collect::<Pictures>().warnings;
        assert_eq!(said(&[]), BTreeSet::new());
        assert_eq!(said(&[false, false]), BTreeSet::from([Warning::Dark]));
        assert_eq!(said(&[false, true]), BTreeSet::from([Warning::Dark, Warning::Enlarged]));
    }

    #[test]
    fn the_oldest_renditions_go_when_there_are_too_many() {
        let mut kept = Kept::default();
        let digest = |n: usize| Digest::of(&n.to_le_bytes());
        for n in 0..10 {
            let bytes: Arc<[u8]> = vec![0; KEPT_BYTES / 4].into();
            let area = Area { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
            let (sha256, is_enlarged, warnings) = ([0; 32], false, Vec::new());
            let rendition = Rendition { bytes, width: 1, height: 1, sha256, area, is_enlarged, warnings };
            kept.put(digest(n), square(48), Picture::new(rendition, &[]));
            kept.shrink();
        }
        let there: Vec<_> = (0..10).filter(|n| kept.get(&digest(*n), &square(48)).is_some()).collect();
        assert_eq!(there, [6, 7, 8, 9]);
        assert_eq!(kept.bytes, KEPT_BYTES);
    }
}
