//! What is counted while the daemon runs, and the page that Prometheus reads. Labels are backends and kinds, never users.
//!
//! The names are a contract, listed in the README. Counters begin at zero with each start, as Prometheus expects of
//! them. Decides nothing and keeps nothing.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portraitd_pipeline::Warning;
use portraitd_reconcile::BackendState;

use crate::glance::Glance;
use crate::show::{BACKEND_STATES, DELIVERY_STATES, backend_state};

/// The media type of [`Metrics::page`]: Prometheus' text format, version 0.0.4.
/// Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4";

/// The counters. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    scans: u64,
    last_scan: Option<Duration>,
    attempts: BTreeMap<String, Tally>,
    verifications: BTreeMap<String, Tally>,
    requests: BTreeMap<String, Tally>,
    /// By status.
    fetches: BTreeMap<u16, u64>,
}

/// How often something ended in which way, and how long all of that took.
#[derive(Debug, Default)]
struct Tally {
    ended: BTreeMap<String, u64>,
    took: Duration,
}

impl Tally {
    /// The words are ours, and few; should one of them come from outside one day, it must not fill the memory.
    fn add(&mut self, how: &str, took: Duration) {
        let is_full = self.ended.len() >= WORDS_MAX && !self.ended.contains_key(how);
        let how = if is_full { "other" } else { how };
        *self.ended.entry(how.to_owned()).or_default() += 1;
        self.took += took;
    }

    fn count(&self) -> u64 {
        self.ended.values().sum()
    }
}

impl Metrics {
    /// The folder was scanned.
    pub(crate) fn scanned(&self, took: Duration) {
        let mut counted = self.counted();
        counted.scans += 1;
        counted.last_scan = Some(took);
    }

    /// An attempt at a backend has ended with a verdict, of which there is a dozen.
    pub(crate) fn attempt(&self, backend: &str, verdict: &str, took: Duration) {
        self.counted().attempts.entry(backend.to_owned()).or_default().add(verdict, took);
    }

    /// A backend's system was asked whether it shows what was delivered, with this verdict.
    pub(crate) fn verification(&self, backend: &str, verdict: &str, took: Duration) {
        self.counted().verifications.entry(backend.to_owned()).or_default().add(verdict, took);
    }

    /// A request to a backend's system has ended: with a status, or with the word for what went wrong on the way, such as
    /// `connect` or `timeout`.
    pub(crate) fn http(&self, backend: &str, status: &str, took: Duration) {
        self.counted().requests.entry(backend.to_owned()).or_default().add(status, took);
    }

    /// Somebody has asked for a published picture, and was answered with this status.
    pub(crate) fn fetched(&self, status: u16) {
        *self.counted().fetches.entry(status).or_default() += 1;
    }

    /// Counts stay right when a thread has panicked between two of them.
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is counted, and everything that is known at this moment.
    pub(crate) fn page(&self, glance: &Glance) -> String {
        let mut page = Page::default();
        page.process();
        page.folder(glance);
        page.scans(&self.counted());
        page.backends(glance);
        page.tallies(&ATTEMPTS, &self.counted().attempts);
        page.tallies(&VERIFICATIONS, &self.counted().verifications);
        page.tallies(&REQUESTS, &self.counted().requests);
        page.published(glance.published, &self.counted().fetches);
        page.0
    }
}

/// The names of a tally's two families.
struct Names {
    total: &'static str,
    /// The label that says how it ended.
    how: &'static str,
    seconds: &'static str,
    what: &'static str,
}

const ATTEMPTS: Names = Names {
    total: "portraitd_attempts_total",
    how: "verdict",
    seconds: "portraitd_attempt_seconds",
    what: "Attempts at a backend",
};

const VERIFICATIONS: Names = Names {
    total: "portraitd_verifications_total",
    how: "verdict",
    seconds: "portraitd_verification_seconds",
    what: "Looks whether a system shows what was delivered",
};

/// How many ways to end are told apart for each backend.
const WORDS_MAX: usize = 64;

const REQUESTS: Names = Names {
    total: "portraitd_http_requests_total",
    how: "status",
    seconds: "portraitd_http_request_seconds",
    what: "HTTP requests to a backend",
};

const GAUGE: &str = "gauge";
const COUNTER: &str = "counter";
/// Without quantiles: a sum and a count.
const SUMMARY: &str = "summary";

/// A page in the making. All samples of a family stand together below its `HELP` and `TYPE`, as the format wants it.
#[derive(Default)]
struct Page(String);

impl Page {
    fn process(&mut self) {
        self.family("portraitd_build_info", GAUGE, "Always 1; the label says which version runs.");
        self.sample("portraitd_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        if let Some(bytes) = resident_bytes() {
            self.single("process_resident_memory_bytes", GAUGE, "Memory in use.", bytes);
        }
    }

    fn folder(&mut self, glance: &Glance) {
        let status = &glance.status;
        self.single("portraitd_photos", GAUGE, "Photos that are accepted.", status.photos);
        self.family("portraitd_photo_warnings", GAUGE, "Photos that something has to be said of.");
        for warning in Warning::ALL.map(|warning| warning.to_string()) {
            let count = status.warnings.get(&warning).copied().unwrap_or_default();
            self.sample("portraitd_photo_warnings", &[("warning", &warning)], count);
        }
        self.family("portraitd_files", GAUGE, "Other files in the folder.");
        self.sample("portraitd_files", &[("state", "rejected")], status.rejected.len());
        self.sample("portraitd_files", &[("state", "ignored")], status.ignored.len());
        let conflicts = status.conflicts.len() + status.shared.len();
        self.single("portraitd_conflicts", GAUGE, "Users with several photos, or who are one user.", conflicts);
        self.single("portraitd_removals_braked", GAUGE, "Removals that wait for a person.", status.braked);
        let up = u8::from(glance.folder_is_up());
        self.single("portraitd_folder_up", GAUGE, "Whether the folder is read completely.", up);
        if let Some(at) = status.scanned {
            let seconds = at.as_millis() as f64 / 1e3;
            self.single("portraitd_last_scan_timestamp_seconds", GAUGE, "The last complete scan, Unix time.", seconds);
        }
    }

    fn scans(&mut self, counted: &Counted) {
        self.single("portraitd_scans_total", COUNTER, "Scans of the folder.", counted.scans);
        if let Some(took) = counted.last_scan {
            self.single("portraitd_scan_seconds", GAUGE, "How long the last scan took.", took.as_secs_f64());
        }
    }

    fn backends(&mut self, glance: &Glance) {
        let backends = &glance.status.backends;
        self.family("portraitd_deliveries", GAUGE, "Deliveries by where they stand.");
        for (id, backend) in backends {
            for state in DELIVERY_STATES {
                let count = backend.deliveries.get(state).copied().unwrap_or_default();
                self.sample("portraitd_deliveries", &[("backend", id.as_str()), ("state", state)], count);
            }
        }
        self.family("portraitd_backend_up", GAUGE, "Whether the backend takes deliveries.");
        for (id, backend) in backends {
            let up = u8::from(backend.state == BackendState::Up);
            self.sample("portraitd_backend_up", &[("backend", id.as_str())], up);
        }
        self.family("portraitd_backend_state", GAUGE, "1 for the state that the backend is in.");
        for (id, backend) in backends {
            let (in_state, _) = backend_state(&backend.state);
            for state in BACKEND_STATES {
                let is = u8::from(state == in_state);
                self.sample("portraitd_backend_state", &[("backend", id.as_str()), ("state", state)], is);
            }
        }
    }

    fn tallies(&mut self, names: &Names, tallies: &BTreeMap<String, Tally>) {
        self.family(names.total, COUNTER, &format!("{} by how they ended.", names.what));
        for (backend, tally) in tallies {
            for (how, count) in &tally.ended {
                self.sample(names.total, &[("backend", backend), (names.how, how)], count);
            }
        }
        self.family(names.seconds, SUMMARY, &format!("{}, how long they took.", names.what));
        for (backend, tally) in tallies {
            let labels = [("backend", backend.as_str())];
            self.sample(&format!("{}_sum", names.seconds), &labels, tally.took.as_secs_f64());
            self.sample(&format!("{}_count", names.seconds), &labels, tally.count());
        }
    }

    fn published(&mut self, pictures: usize, fetches: &BTreeMap<u16, u64>) {
        self.single("portraitd_published_pictures", GAUGE, "Pictures that systems can fetch.", pictures);
        self.family("portraitd_publish_requests_total", COUNTER, "Requests for published pictures by status.");
        for (status, count) in fetches {
            self.sample("portraitd_publish_requests_total", &[("status", &status.to_string())], count);
        }
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.line(format_args!("{name}{labels} {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing into a string cannot fail");
    }
}

/// A label's value: the format escapes these three characters and no other.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

/// By the line `VmRSS` of `/proc/self/status` (proc(5)), which is in units of 1,024 bytes.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    use portraitd_reconcile::Time;

    const README: &str = include_str!("../../../README.md");

    fn lines(page: &str) -> Vec<&str> {
        page.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn the_page_holds_every_name_of_the_contract_once() {
        let metrics = Metrics::default();
        metrics.scanned(Duration::from_millis(250));
        metrics.attempt("intranet", "changed", Duration::from_millis(1_500));
        metrics.attempt("intranet", "retry", Duration::from_secs(1));
        metrics.attempt("intranet", "changed", Duration::from_secs(2));
        metrics.http("intranet", "200", Duration::from_millis(40));
        metrics.http("intranet", "timeout", Duration::from_secs(30));
        metrics.fetched(404);
        metrics.fetched(200);
        metrics.fetched(200);
        let mut glance = crate::glance::tests::glance();
        glance.status.scanned = Some(Time::from_millis(1_700_000_000_123));
        let page = metrics.page(&glance);
        let mut found = lines(&page);
        found.retain(|line| !line.starts_with("process_") && !line.starts_with("portraitd_build_info"));
        let expected = r#"portraitd_photos 3
portraitd_photo_warnings{warning="no-face"} 0
portraitd_photo_warnings{warning="several-faces"} 0
portraitd_photo_warnings{warning="face-small"} 0
portraitd_photo_warnings{warning="dark"} 1
portraitd_photo_warnings{warning="blurred"} 0
portraitd_photo_warnings{warning="enlarged"} 2
portraitd_files{state="rejected"} 1
portraitd_files{state="ignored"} 2
portraitd_conflicts 1
portraitd_removals_braked 4
portraitd_folder_up 1
portraitd_last_scan_timestamp_seconds 1700000000.123
portraitd_scans_total 1
portraitd_scan_seconds 0.25
portraitd_deliveries{backend="intranet",state="done"} 2
portraitd_deliveries{backend="intranet",state="due"} 0
portraitd_deliveries{backend="intranet",state="in-flight"} 0
portraitd_deliveries{backend="intranet",state="retrying"} 1
portraitd_deliveries{backend="intranet",state="absent"} 0
portraitd_deliveries{backend="intranet",state="stopped"} 0
portraitd_backend_up{backend="intranet"} 0
portraitd_backend_state{backend="intranet",state="up"} 0
portraitd_backend_state{backend="intranet",state="paused"} 0
portraitd_backend_state{backend="intranet",state="held"} 1
portraitd_backend_state{backend="intranet",state="down"} 0
portraitd_attempts_total{backend="intranet",verdict="changed"} 2
portraitd_attempts_total{backend="intranet",verdict="retry"} 1
portraitd_attempt_seconds_sum{backend="intranet"} 4.5
portraitd_attempt_seconds_count{backend="intranet"} 3
portraitd_http_requests_total{backend="intranet",status="200"} 1
portraitd_http_requests_total{backend="intranet",status="timeout"} 1
portraitd_http_request_seconds_sum{backend="intranet"} 30.04
portraitd_http_request_seconds_count{backend="intranet"} 2
portraitd_published_pictures 5
portraitd_publish_requests_total{status="200"} 2
portraitd_publish_requests_total{status="404"} 1"#;
        assert_eq!(found.join("\n"), expected);
        assert!(!page.contains("canary"), "{page}");
    }

    #[test]
    fn every_sample_stands_below_its_family_which_the_readme_lists() {
        let metrics = Metrics::default();
        metrics.attempt("intranet", "changed", Duration::from_secs(1));
        let page = metrics.page(&crate::glance::tests::glance());
        let mut family = "";
        for line in page.lines() {
            match line.strip_prefix("# HELP ") {
                Some(help) => {
                    family = help.split(' ').next().unwrap();
                    assert!(README.contains(&format!("`{family}")), "the README does not list {family}");
                }
                None if line.starts_with('#') => assert!(line.starts_with(&format!("# TYPE {family} ")), "{line}"),
                None => assert!(line.starts_with(family), "{line} stands below {family}"),
            }
        }
        assert!(page.ends_with('\n'));
    }

    #[test]
    fn words_without_end_are_counted_as_one() {
        let metrics = Metrics::default();
        for word in 0..1_000 {
            metrics.attempt("intranet", &word.to_string(), Duration::ZERO);
        }
        metrics.attempt("intranet", "0", Duration::ZERO);
        let page = metrics.page(&crate::glance::tests::glance());
        let total = |word: &str| format!("portraitd_attempts_total{{backend=\"intranet\",verdict=\"{word}\"}}");
        assert_eq!(page.matches("portraitd_attempts_total{").count(), WORDS_MAX + 1);
        assert!(page.contains(&format!("{} {}\n", total("other"), 1_000 - WORDS_MAX)), "{page}");
        assert!(page.contains(&format!("{} 2\n", total("0"))), "{page}");
    }

    #[test]
    fn the_memory_in_use_is_known() {
        assert!(resident_bytes().unwrap() > 1 << 20);
    }

    #[test]
    fn a_label_cannot_end_its_own_quotes() {
        let mut page = Page::default();
        page.sample("x", &[("a", "\"},\\\n"), ("b", "ä")], 1);
        assert_eq!(page.0, "x{a=\"\\\"},\\\\\\n\",b=\"ä\"} 1\n");
    }
}
