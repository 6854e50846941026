//! What plugins remember: for a backend in this process, with claims, and for a delivery in the ledger.
//!
//! Stores values; knows neither what they mean nor what is sent with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portraitd_ledger::Ledger;
use portraitd_reconcile::{BackendId, Change, Memory, PictureName, Published, Time, UserId};
use portraitd_sdk::message::memory::{Recalled, Remembered};
use serde_json::Value;
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::time::Instant;

use crate::clock::Clock;

/// How many things are remembered for a backend. What was asked for longest ago is forgotten for a new one: it can be found
/// out again. So a session that everybody uses outlives the ids of many users.
const MOST: usize = 10_000;

/// Whoever had the claim is over, and nothing is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclaimed;

/// What is remembered for one backend, by all of its conversations, until the process ends.
#[derive(Debug, Default)]
pub(crate) struct BackendMemory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<String, Known>,
    claims: BTreeMap<String, Claim>,
    versions: u64,
    claimants: u64,
    uses: u64,
}

#[derive(Debug)]
struct Known {
    value: Remembered,
    version: u64,
    expires: Option<Instant>,
    /// Its place in the order of use.
    used: u64,
}

#[derive(Debug)]
struct Claim {
    by: u64,
    waiting: Vec<oneshot::Sender<Recalled>>,
}

/// What a look into the memory came to.
enum Looked {
    Told(Recalled),
    Wait(oneshot::Receiver<Recalled>),
}

impl BackendMemory {
    /// The next version, for whoever must name something by it before it is remembered.
    pub(crate) fn next_version(&self) -> u64 {
        let mut state = self.state();
        state.versions += 1;
        state.versions
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that panics runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn look(&mut self, key: &str, claimant: u64) -> Looked {
        let (now, used) = (Instant::now(), self.next_use());
        if let Some(known) = self.known.get_mut(key).filter(|known| known.expires.is_none_or(|expires| expires > now)) {
            known.used = used;
            return Looked::Told(Recalled::Found { value: known.value.clone(), version: known.version });
        }
        let claim = self.claims.entry(key.to_owned()).or_insert(Claim { by: claimant, waiting: Vec::new() });
        if claim.by == claimant {
            return Looked::Told(Recalled::Missing {});
        }
        let (sender, receiver) = oneshot::channel();
        claim.waiting.push(sender);
        Looked::Wait(receiver)
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn make_room(&mut self) {
        if self.known.len() >= MOST {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.used).map(|(key, _)| key.clone());
            oldest.map(|key| self.known.remove(&key));
        }
    }
}

/// The part of one conversation in its backend's memory. Its claims end when it is dropped: those who wait are told so.
#[derive(Debug)]
pub(crate) struct Claims {
    memory: Arc<BackendMemory>,
    claimant: u64,
}

impl Claims {
    /// A conversation without claims.
    pub(crate) fn new(memory: Arc<BackendMemory>) -> Self {
        let claimant = {
            let mut state = memory.state();
            state.claimants += 1;
            state.claimants
        };
        Self { memory, claimant }
    }

    /// What is remembered; or the claim, once nobody else has it.
    pub(crate) async fn recall(&self, key: &str) -> Result<Recalled, Unclaimed> {
        let looked = self.memory.state().look(key, self.claimant);
        match looked {
            Looked::Told(told) => Ok(told),
            Looked::Wait(told) => told.await.map_err(|_| Unclaimed),
        }
    }

    /// Remembers a value under a version that was [taken](BackendMemory::next_version), and tells those who wait.
    pub(crate) fn remember(&self, key: &str, value: Remembered, version: u64, ttl: Option<Duration>) {
        let mut state = self.memory.state();
        state.make_room();
        // A time that is too far to be told is for ever.
        let expires = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        let used = state.next_use();
        state.known.insert(key.to_owned(), Known { value: value.clone(), version, expires, used });
        let waiting = state.claims.remove(key).into_iter().flat_map(|claim| claim.waiting);
        for waiter in waiting {
            // One that has given up needs no answer.
            drop(waiter.send(Recalled::Found { value: value.clone(), version }));
        }
    }

    /// Forgets what is remembered, if it still is this version. Says whether it was.
    pub(crate) fn forget(&self, key: &str, version: u64) -> bool {
        let mut state = self.memory.state();
        let is_it = state.known.get(key).is_some_and(|known| known.version == version);
        is_it && state.known.remove(key).is_some()
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        // Those who wait hear of it by the drop of their senders.
        self.memory.state().claims.retain(|_, claim| claim.by != self.claimant);
    }
}

/// What is remembered of one user's delivery to one backend. Durable when a call returns; in a dry run, and for a
/// conversation that is about no user, it lasts as long as this value.
#[derive(Debug)]
pub(crate) struct DeliveryMemory {
    ledger: Option<Ledger>,
    about: Option<(UserId, BackendId)>,
    clock: Clock,
    /// None until it is asked for first.
    known: AsyncMutex<Option<Vec<Memory>>>,
}

/// What a memory of a delivery is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The plugin's name for it.
    pub(crate) key: String,
    /// The rendition's digest.
    pub(crate) sha256: String,
    /// The system's origin.
    pub(crate) origin: String,
}

impl Slot {
    fn fits(&self, memory: &Memory) -> bool {
        memory.key == self.key && memory.sha256 == self.sha256 && memory.origin == self.origin
    }
}

impl DeliveryMemory {
    /// The memory of a delivery, in the ledger where there is one.
    pub(crate) fn new(ledger: Option<Ledger>, about: Option<(UserId, BackendId)>, clock: Clock) -> Self {
        Self { ledger, about, clock, known: AsyncMutex::new(None) }
    }

    /// Whose delivery it is about, if that is written down.
    pub(crate) const fn about(&self) -> Option<&(UserId, BackendId)> {
        self.about.as_ref()
    }

    /// Writes down that a picture is published for it.
    ///
    /// # Errors
    /// When the ledger cannot do so.
    pub(crate) async fn publish(&self, name: PictureName) -> Result<(), String> {
        self.write(|user, backend| Change::Publish(user, backend, Published { name, recorded: false })).await
    }

    /// What is remembered there.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) async fn recall(&self, slot: &Slot) -> Result<Recalled, String> {
        let mut known = self.known.lock().await;
        let now = self.clock.now();
        let found = self.loaded(&mut known).await?.iter().find(|memory| slot.fits(memory));
        let found = found.filter(|memory| memory.expires.is_none_or(|expires| expires > now));
        Ok(match found.and_then(|memory| serde_json::from_str(&memory.value).ok()) {
            Some(value) => Recalled::Found { value: Remembered::Value(value), version: VERSION },
            None => Recalled::Missing {},
        })
    }

    /// Remembers a value.
    ///
    /// # Errors
    /// When the ledger cannot write it down.
    pub(crate) async fn remember(&self, slot: &Slot, value: &Value, ttl: Option<Duration>) -> Result<u64, String> {
        let mut known = self.known.lock().await;
        let Slot { key, sha256, origin } = slot.clone();
        let expires = ttl.map(|ttl| self.clock.now().after(ttl));
        let memory = Memory { key, sha256, origin, value: value.to_string(), expires };
        self.write(|user, backend| Change::Remember { user, backend, memory: memory.clone() }).await?;
        let known = self.loaded(&mut known).await?;
        known.retain(|memory| !slot.fits(memory));
        known.push(memory);
        Ok(VERSION)
    }

    /// Forgets what is remembered there. Says whether there was anything.
    ///
    /// # Errors
    /// When the ledger cannot write that down.
    pub(crate) async fn forget(&self, slot: &Slot) -> Result<bool, String> {
        let mut known = self.known.lock().await;
        let known = self.loaded(&mut known).await?;
        if !known.iter().any(|memory| slot.fits(memory)) {
            return Ok(false);
        }
        let Slot { key, sha256, origin } = slot.clone();
        self.write(|user, backend| Change::Forget { user, backend, key, sha256, origin }).await?;
        known.retain(|memory| !slot.fits(memory));
        Ok(true)
    }

    async fn loaded<'a>(&self, known: &'a mut Option<Vec<Memory>>) -> Result<&'a mut Vec<Memory>, String> {
        if known.is_none() {
            *known = Some(self.load().await?);
        }
        Ok(known.get_or_insert_default())
    }

    async fn load(&self) -> Result<Vec<Memory>, String> {
        let (Some(ledger), Some((user, backend))) = (&self.ledger, &self.about) else { return Ok(Vec::new()) };
        let (told, hears) = oneshot::channel();
        let now: Time = self.clock.now();
        // Whoever has given up meanwhile needs no answer.
        ledger.memories(user, backend, now, move |read| drop(told.send(read)));
        match hears.await {
            Ok(Ok(memories)) => Ok(memories),
            Ok(Err(error)) => Err(crate::report::chain(&error)),
            Err(_) => Err(STOPPED.into()),
        }
    }

    async fn write(&self, change: impl FnOnce(UserId, BackendId) -> Change) -> Result<(), String> {
        let (Some(ledger), Some((user, backend))) = (&self.ledger, self.about.clone()) else { return Ok(()) };
        let (told, hears) = oneshot::channel();
        ledger.write(vec![change(user, backend)], move |written| drop(told.send(written)));
        match hears.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(crate::report::chain(&error)),
            Err(_) => Err(STOPPED.into()),
        }
    }
}

/// One conversation at a time is about a delivery, so there is nobody whose newer memory could be forgotten by mistake.
const VERSION: u64 = 1;

const STOPPED: &str = "the ledger has stopped";

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn value(text: &str) -> Remembered {
        Remembered::Value(json!(text))
    }

    fn found(text: &str, version: u64) -> Result<Recalled, Unclaimed> {
        Ok(Recalled::Found { value: value(text), version })
    }

    const MISSING: Result<Recalled, Unclaimed> = Ok(Recalled::Missing {});

    fn two() -> (Arc<BackendMemory>, Claims, Claims) {
        let memory = Arc::<BackendMemory>::default();
        (Arc::clone(&memory), Claims::new(Arc::clone(&memory)), Claims::new(memory))
    }

    #[tokio::test]
    async fn one_finds_out_and_the_others_wait_for_it() {
        let (memory, one, other) = two();
        assert_eq!(one.recall("session").await, MISSING);
        assert_eq!(one.recall("session").await, MISSING, "whoever has the claim does not wait for itself");
        let waiting = tokio::spawn(async move { other.recall("session").await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let version = memory.next_version();
        one.remember("session", value("abc"), version, None);
        assert_eq!(waiting.await.unwrap(), found("abc", version));
        assert_eq!(one.recall("another").await, MISSING);
    }

    #[tokio::test]
    async fn those_who_wait_are_told_when_whoever_had_the_claim_is_over() {
        let (_memory, one, other) = two();
        assert_eq!(one.recall("session").await, MISSING);
        let waiting = tokio::spawn(async move { (other.recall("session").await, other.recall("session").await) });
        tokio::task::yield_now().await;
        drop(one);
        assert_eq!(waiting.await.unwrap(), (Err(Unclaimed), MISSING), "the next who asks has the claim");
    }

    #[tokio::test]
    async fn only_what_was_seen_is_forgotten() {
        let (memory, one, other) = two();
        let (first, second) = (memory.next_version(), memory.next_version());
        one.remember("session", value("old"), first, None);
        assert!(one.forget("session", first));
        other.remember("session", value("new"), second, None);
        assert!(!one.forget("session", first), "it is another one by now");
        assert_eq!(one.recall("session").await, found("new", second));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_old_is_found_out_again() {
        let (memory, one, other) = two();
        one.remember("session", value("abc"), memory.next_version(), Some(Duration::from_secs(60)));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(other.recall("session").await, found("abc", 1));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(other.recall("session").await, MISSING);
        one.remember("id", value("7"), memory.next_version(), Some(Duration::MAX));
        assert_eq!(other.recall("id").await, found("7", 2));
    }

    #[tokio::test]
    async fn what_was_asked_for_longest_ago_goes_when_there_are_too_many() {
        let (memory, one, _) = two();
        for n in 0..MOST {
            one.remember(&format!("{n}"), value("x"), memory.next_version(), None);
        }
        assert_eq!(one.recall("0").await, found("x", 1));
        one.remember("new", value("x"), memory.next_version(), None);
        assert_eq!(one.recall("1").await, MISSING);
        assert_eq!(one.recall("0").await, found("x", 1), "it was asked for meanwhile");
        assert_eq!(memory.state().known.len(), MOST);
    }

    #[tokio::test]
    async fn a_delivery_remembers_what_was_done_of_it_by_picture_and_place() {
        let slot = |sha256: &str, origin: &str| Slot { key: "up".into(), sha256: sha256.into(), origin: origin.into() };
        let memory = DeliveryMemory::new(None, None, Clock::start());
        memory.remember(&slot("1", "https://a"), &json!({ "id": 7 }), None).await.unwrap();
        let seven = Recalled::Found { value: Remembered::Value(json!({ "id": 7 })), version: VERSION };
        assert_eq!(memory.recall(&slot("1", "https://a")).await.unwrap(), seven);
        for other in [slot("2", "https://a"), slot("1", "https://b")] {
            assert_eq!(memory.recall(&other).await.unwrap(), Recalled::Missing {});
            assert!(!memory.forget(&other).await.unwrap());
        }
        assert!(memory.forget(&slot("1", "https://a")).await.unwrap());
        assert_eq!(memory.recall(&slot("1", "https://a")).await.unwrap(), Recalled::Missing {});
    }
}
