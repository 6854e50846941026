//! What must be true in the end, when all faults and edits are over and every wait has passed.

use std::collections::BTreeMap;
use std::time::Duration;

use portraitd_reconcile::{
    BackendState, DeliveryState, Digest, FolderState, PhotoState, Status, UserId, Verdict, Verify,
};

use crate::folder::warnings;
use crate::oracle::Wanted;
use crate::world::{HOUR, World};

impl World {
    /// Judges what has become of everything; `begun` is how many attempts began on the last day.
    pub(crate) fn judge(&mut self, begun: u64) {
        self.judge_rest(begun);
        let now = self.clock();
        let status = self.reconciler().status(now);
        self.ensure(status.folder == FolderState::Ok, "it converges", || format!("{:?}", status.folder));
        for user in self.plan.users.clone() {
            for backend in 0..self.backends.len() {
                if self.backends[backend].is_usable() {
                    self.judge_delivery(&user, backend, &status);
                }
            }
        }
    }

    /// Nothing is out, nothing grows, and all that was tried on the last day are users whom a system does not know.
    fn judge_rest(&mut self, begun: u64) {
        let now = self.clock();
        let looks = self.backends.iter().any(|backend| backend.verify == Verify::Daily);
        let latest = now.after(Duration::from_millis(if looks { 25 } else { 7 } * HOUR as u64));
        let reconciler = self.reconciler();
        let (out, growing, wake) = (reconciler.in_flight(), reconciler.growing(), reconciler.wake_at());
        let summary = reconciler.summary(now);
        self.ensure(out == 0 && growing == 0, "it comes to rest", || format!("{out} out, {growing} growing"));
        let rests = wake.is_none_or(|wake| wake > now && wake < latest);
        self.ensure(rests, "it comes to rest", || format!("wakes at {wake:?}, now {now:?}"));
        self.ensure(summary.waiting == 0, "it converges", || format!("{summary:?}"));
        let most = 7 * summary.absent as u64;
        self.ensure(begun <= most, "it comes to rest", || format!("{begun} attempts on the last day, not {most}"));
    }

    fn judge_delivery(&mut self, user: &UserId, backend: usize, status: &Status) {
        let now = self.clock();
        let id = self.backends[backend].id.clone();
        // Without an operation to probe, a held backend waits for the next delivery.
        let up = status.backends[&id].state == BackendState::Up || !self.backends[backend].probes;
        self.ensure(up, "it converges", || format!("{:?}", status.backends[&id].state));
        let wanted = self.wanted(user);
        let report = self.reconciler().explain(user, now);
        let state = report.as_ref().map_or(DeliveryState::Skipped, |report| report.backends[&id].state);
        let shown = self.backends[backend].shown.get(user).cloned();
        let told = || format!("{user} at {id}: wanted {wanted:?}, shown {shown:?}, told {report:#?}");
        let conflict = report.as_ref().is_some_and(|report| report.photo.state == PhotoState::Conflict);
        match wanted {
            Wanted::Photo { digest, may_conflict } => {
                let is_shown = state == DeliveryState::Done && self.is_shown(user, backend, Some(digest));
                let named = (may_conflict && conflict) || self.is_truly(state, user, backend);
                self.ensure(named || is_shown, "newest content wins", told);
                if is_shown {
                    let said = report.as_ref().map(|report| &report.photo.warnings);
                    let is_true = conflict || said == Some(&warnings(&digest));
                    self.ensure(is_true, "what is said of a photo is true", told);
                    self.judge_pictures(user, backend, Some(digest));
                }
            }
            Wanted::Conflict => self.ensure(conflict, "a conflict is told", told),
            Wanted::Keep => {}
            Wanted::NoFile => {
                let done = self.judge_removal(user, backend, status, state);
                self.ensure(done, "what was taken away is removed", told);
            }
        }
        let quiet = matches!(
            state,
            DeliveryState::Done | DeliveryState::Absent | DeliveryState::Stopped | DeliveryState::Skipped
        );
        self.ensure(quiet, "it converges", told);
    }

    fn judge_removal(&mut self, user: &UserId, backend: usize, status: &Status, state: DeliveryState) -> bool {
        let known = self.oracle.pairs.contains_key(&(self.backends[backend].id.clone(), user.clone()));
        let waits_for_person = status.braked > 0;
        if !known || !self.backends[backend].remove || waits_for_person {
            return true;
        }
        let is_gone = self.is_shown(user, backend, None);
        if is_gone {
            self.count("removals seen in the end");
            if state == DeliveryState::Done {
                self.judge_pictures(user, backend, None);
            }
        }
        is_gone || self.is_truly(state, user, backend)
    }

    /// The system can fetch what it shows, and nothing else of this user.
    fn judge_pictures(&mut self, user: &UserId, backend: usize, digest: Option<Digest>) {
        let system = &self.backends[backend];
        let wanted = digest.filter(|_| system.publishes()).map(|digest| system.picture(user, &digest, &system.shape()));
        let wanted: BTreeMap<_, _> = wanted.map(|name| (name, true)).into_iter().collect();
        let published = self.ledger.published.get(&(user.clone(), system.id.clone())).cloned().unwrap_or_default();
        let count = published.len();
        self.ensure(published == wanted, "what is shown can be fetched, and nothing else", || {
            format!("{user} at {}: {published:?}, wanted {wanted:?}", self.backends[backend].id)
        });
        if count > 0 {
            self.count("pictures published in the end");
        }
    }

    fn is_shown(&self, user: &UserId, backend: usize, digest: Option<Digest>) -> bool {
        let backend = &self.backends[backend];
        let wanted = digest.map(|digest| (digest, backend.shape()));
        backend.shown.get(user) == wanted.as_ref()
    }

    /// Whether a named end state is the truth about this delivery.
    fn is_truly(&self, state: DeliveryState, user: &UserId, backend: usize) -> bool {
        let system = &self.backends[backend];
        let last = self.oracle.pairs.get(&(system.id.clone(), user.clone())).and_then(|pair| pair.last.as_ref());
        match state {
            DeliveryState::Absent => system.absent.contains(user) && last == Some(&Verdict::UserAbsent),
            DeliveryState::Stopped => last.is_some_and(Verdict::stops),
            _ => false,
        }
    }
}
