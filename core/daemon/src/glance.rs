//! What the loop tells of itself to those who watch it: the admin port and the service manager. Nothing that is worded
//! here names a user or a file; whoever may see those asks by the control socket.

use std::sync::Arc;
use std::time::Duration;

use portraitd_reconcile::{BackendState, FolderState, Status};
use serde_json::Value;

use crate::backends::Backends;
use crate::show;

/// How long the folder and the ledger may take to answer before they count as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The loop at one moment.
pub(crate) struct Glance {
    /// What is known.
    pub(crate) status: Status,
    /// The backends that it is known of.
    pub(crate) backends: Arc<Backends>,
    /// How long a question to the folder, which any file system answers at once, has been without an answer.
    pub(crate) folder_waits: Duration,
    /// How long something has waited to be written without the ledger writing anything.
    pub(crate) ledger_waits: Duration,
    /// How many pictures are published.
    pub(crate) published: usize,
    /// Whether nothing new is begun any more.
    pub(crate) stopping: bool,
}

impl Glance {
    /// Why photos that are dropped now are not taken, each reason on one line; none when they are.
    ///
    /// A backend that is held or down is no reason: the others go on, what it misses is made up for later, and whoever
    /// restarts what is not ready would only have its credentials refused once more. A folder that is unknown is one:
    /// nothing that is dropped arrives anywhere.
    pub(crate) fn unready(&self) -> Vec<String> {
        let stuck = |waits: Duration| (waits > PATIENCE).then_some(waits.as_secs());
        let folder = match &self.status.folder {
            // The first scan has been complete then: before it, the folder is unknown.
            FolderState::Ok => stuck(self.folder_waits).map(|s| format!("the folder has not answered for {s} s")),
            FolderState::Unknown { reason } => Some(format!("the folder cannot be read: {reason}")),
            FolderState::Incomplete { .. } => Some(show::INCOMPLETE.into()),
        };
        let ledger = stuck(self.ledger_waits).map(|s| format!("the ledger has not been written for {s} s"));
        let stopping = self.stopping.then(|| "portraitd is stopping".into());
        [folder, ledger, stopping].into_iter().flatten().collect()
    }

    /// The counts as JSON.
    pub(crate) fn counts(&self) -> Value {
        show::counts(&self.status, &self.backends)
    }

    /// Whether the folder was read completely the last time, and answers.
    pub(crate) fn folder_is_up(&self) -> bool {
        self.status.folder == FolderState::Ok && self.folder_waits <= PATIENCE
    }

    /// Everything on one line, for people who list services.
    pub(crate) fn headline(&self) -> String {
        let status = &self.status;
        let all = |word| status.backends.values().filter_map(|backend| backend.deliveries.get(word)).sum::<usize>();
        let waiting = all("due") + all("in-flight") + all("retrying");
        let mut line = format!(
            "{} photos, {} rejected; {} deliveries done, {waiting} waiting, {} stopped",
            status.photos,
            status.rejected.len(),
            all("done"),
            all("stopped")
        );
        if !self.folder_is_up() {
            line.push_str("; the folder cannot be read");
        }
        for (id, backend) in &status.backends {
            if backend.state != BackendState::Up {
                line.push_str(&format!("; {id} is {}", show::backend_state(&backend.state).0));
            }
        }
        line
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    use std::collections::BTreeMap;

    use portraitd_reconcile::{BackendId, BackendReport, FileName, FileReport, UserId};

    use crate::config::Config;

    /// A loop with three photos, a file that was refused, a conflict, and one backend that was held over a user.
    pub(crate) fn glance() -> Glance {
        let copies = tempfile::tempdir().unwrap();
        let file = |name: &str| FileReport { file: FileName::new(name), reason: format!("{name} is cut off") };
        let held = BackendState::Held { reason: "canary: the token is refused".into() };
        let intranet = BackendReport { state: held, deliveries: BTreeMap::from([("done", 2), ("retrying", 1)]) };
        Glance {
            status: Status {
                folder: FolderState::Ok,
                scanned: None,
                photos: 3,
                warnings: BTreeMap::from([("dark".into(), 1), ("enlarged".into(), 2)]),
                rejected: vec![file("canary.jpg")],
                ignored: vec![file("canary.txt"), file("canary.pdf")],
                conflicts: vec![(UserId::parse("canary").unwrap(), vec![FileName::new("canary.png")])],
                shared: Vec::new(),
                braked: 4,
                moved: None,
                backends: BTreeMap::from([(BackendId::parse("intranet").unwrap(), intranet)]),
            },
            backends: Arc::new(Backends::open(&Config::default(), &copies.path().join("plugins")).unwrap()),
            folder_waits: Duration::ZERO,
            ledger_waits: Duration::ZERO,
            published: 5,
            stopping: false,
        }
    }

    #[test]
    fn a_held_backend_leaves_the_daemon_ready_and_an_unknown_folder_does_not() {
        let mut glance = glance();
        assert_eq!(glance.unready(), Vec::<String>::new());
        glance.status.folder = FolderState::Unknown { reason: "it is gone".into() };
        assert_eq!(glance.unready(), ["the folder cannot be read: it is gone"]);
        glance.status.folder = FolderState::Incomplete { reason: "failed to look at `canary.jpg`".into() };
        assert_eq!(glance.unready(), [show::INCOMPLETE]);
    }

    #[test]
    fn every_reason_is_told() {
        let late = Duration::from_secs(12);
        let glance = Glance { folder_waits: late, ledger_waits: late, stopping: true, ..glance() };
        let expected = [
            "the folder has not answered for 12 s",
            "the ledger has not been written for 12 s",
            "portraitd is stopping",
        ];
        assert_eq!(glance.unready(), expected);
        let patient = Glance { folder_waits: PATIENCE, ledger_waits: PATIENCE, stopping: false, ..glance };
        assert_eq!(patient.unready(), Vec::<String>::new());
    }

    #[test]
    fn counts_name_nobody() {
        let mut glance = glance();
        for folder in [FolderState::Ok, FolderState::Incomplete { reason: "failed to look at `canary.jpg`".into() }] {
            glance.status.folder = folder;
            let counts = glance.counts();
            let of = |key: &str| counts[key].as_u64().unwrap();
            assert_eq!([of("photos"), of("rejected"), of("ignored"), of("conflicts")], [3, 1, 2, 1]);
            assert_eq!(counts["removals"]["braked"], 4);
            assert_eq!(counts["warnings"], serde_json::json!({ "dark": 1, "enlarged": 2 }));
            let backend = &counts["backends"]["intranet"];
            assert_eq!((&backend["state"], &backend["done"]), (&"held".into(), &2.into()));
            assert!(!counts.to_string().contains("canary"), "{counts}");
        }
    }

    #[test]
    fn the_headline_says_what_is_wrong() {
        let mut glance = glance();
        let counted = "3 photos, 1 rejected; 2 deliveries done, 1 waiting, 0 stopped";
        assert_eq!(glance.headline(), format!("{counted}; intranet is held"));
        glance.folder_waits = PATIENCE * 2;
        assert_eq!(glance.headline(), format!("{counted}; the folder cannot be read; intranet is held"));
    }
}
