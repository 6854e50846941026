//! What is known, as the JSON of the contract and as text for people.
//!
//! The text is made from the JSON, so the two never say different things.

use std::fmt::Write as _;

use portraitd_pipeline::Warning;
use portraitd_reconcile::{
    Attempt, BackendId, BackendReport, BackendState, FileName, FileReport, FolderState, PhotoReport, Status, Summary,
    UserId, UserReport,
};
use serde_json::{Map, Value, json};

use crate::backends::Backends;
use crate::clock::rfc3339;
use crate::report::Exit;
use crate::text::escape;

/// `status --json`
pub(crate) fn status(status: &Status, backends: &Backends) -> Value {
    let named = status.backends.iter().map(|(id, report)| (id.to_string(), backend(id, report, backends)));
    json!({
        "folder": folder(status),
        "photos": status.photos,
        "warnings": status.warnings,
        "rejected": files(&status.rejected),
        "ignored": files(&status.ignored),
        "conflicts": conflicts(status),
        "removals": { "braked": status.braked },
        "backends": named.collect::<Map<_, _>>(),
    })
}

/// `/status` of the admin port: what [`status`] says, with numbers for lists, and without the reasons that can name
/// a file or a user. Whoever may see those asks by the control socket.
pub(crate) fn counts(status: &Status, backends: &Backends) -> Value {
    let mut folder = folder(status);
    if matches!(status.folder, FolderState::Incomplete { .. }) {
        folder["reason"] = INCOMPLETE.into();
    }
    let named = status.backends.iter().map(|(id, report)| (id.to_string(), nameless(id, report, backends)));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "folder": folder,
        "photos": status.photos,
        "warnings": status.warnings,
        "rejected": status.rejected.len(),
        "ignored": status.ignored.len(),
        "conflicts": status.conflicts.len() + status.shared.len(),
        "removals": { "braked": status.braked },
        "backends": named.collect::<Map<_, _>>(),
    })
}

/// What a plugin said over somebody's photo may name them. Why a plugin cannot be used was said before there was anybody.
fn nameless(id: &BackendId, report: &BackendReport, backends: &Backends) -> Value {
    let mut shown = backend(id, report, backends);
    let is_usable = backends.get(id).is_none_or(|backend| backend.open().is_ok());
    if is_usable && shown["reason"].is_string() {
        shown["reason"] = OVER_A_PHOTO.into();
    }
    shown
}

/// Why a scan is not complete, without the name of the file that it stumbled over.
pub(crate) const INCOMPLETE: &str = "a part of the folder cannot be read: see `portraitd status`";

const OVER_A_PHOTO: &str = "see `portraitd status`";

fn folder(status: &Status) -> Value {
    let (state, reason) = match &status.folder {
        FolderState::Ok => ("ok", None),
        FolderState::Unknown { reason } => ("unknown", Some(reason.clone())),
        FolderState::Incomplete { reason } => ("incomplete", Some(reason.clone())),
    };
    let moved = "another folder than before: what is missing in it counts as taken away only after `portraitd confirm-removals`";
    let reason = reason.or_else(|| status.moved.map(|_| moved.to_owned()));
    json!({ "state": state, "reason": reason, "scanned": status.scanned.map(rfc3339) })
}

fn files(reports: &[FileReport]) -> Vec<Value> {
    reports.iter().map(file).collect()
}

fn file(report: &FileReport) -> Value {
    json!({ "file": shown(&report.file), "reason": report.reason })
}

fn conflicts(status: &Status) -> Vec<Value> {
    let conflict = |files: &[FileName], reason: String| json!({ "files": files.iter().map(shown).collect::<Vec<_>>(), "reason": reason });
    let everywhere = status
        .conflicts
        .iter()
        .map(|(user, files)| conflict(files, format!("they are photos of one user, {user}: leave one in the folder")));
    let at_one = status.shared.iter().map(|(id, files, reason)| conflict(files, format!("backend {id}: {reason}")));
    everywhere.chain(at_one).collect()
}

fn shown(name: &FileName) -> String {
    escape(name.as_os_str())
}

fn backend(id: &BackendId, report: &BackendReport, backends: &Backends) -> Value {
    let (state, reason) = backend_state(&report.state);
    let mut shown = json!({
        "plugin": backends.get(id).map(|backend| backend.plugin.clone()),
        "state": state,
        "reason": reason,
    });
    for state in DELIVERY_STATES {
        shown[state] = report.deliveries.get(state).copied().unwrap_or_default().into();
    }
    shown
}

/// The states of deliveries that are counted. Where nothing is wanted there is nothing to count.
pub(crate) const DELIVERY_STATES: [&str; 6] = ["done", "due", "in-flight", "retrying", "absent", "stopped"];

/// The states that a backend can be in.
pub(crate) const BACKEND_STATES: [&str; 4] = ["up", "paused", "held", "down"];

/// The word for a backend's state, one of [`BACKEND_STATES`], and why it is in it.
pub(crate) const fn backend_state(state: &BackendState) -> (&'static str, Option<&String>) {
    match state {
        BackendState::Up => ("up", None),
        BackendState::Down { reason } => ("down", Some(reason)),
        BackendState::Held { reason } => ("held", Some(reason)),
        BackendState::Paused => ("paused", None),
    }
}

/// `explain --json`, without the history of attempts.
pub(crate) fn explain(user: &UserId, report: &UserReport, backends: &Backends) -> Value {
    let delivery = |(id, delivery): (&BackendId, &portraitd_reconcile::DeliveryReport)| {
        let open = backends.get(id).and_then(|backend| backend.open().ok());
        let renditions: Vec<_> = open.iter().flat_map(|open| open.renditions()).map(rendition).collect();
        let value = json!({
            "state": delivery.state.word(),
            "fingerprint": delivery.fingerprint.map(|fingerprint| fingerprint.to_string()),
            "renditions": renditions,
            "remote": delivery.remote,
            "reason": delivery.unnamed,
            "attempts": [],
            "verified": delivery.seen.map(rfc3339),
            "next": delivery.next.map(rfc3339),
            "receipt": delivery.receipt.as_ref().map(|receipt| serde_json::from_str(receipt).unwrap_or(Value::Null)),
        });
        (id.to_string(), value)
    };
    let backends: Map<_, _> = report.backends.iter().map(delivery).collect();
    json!({ "userid": user.as_str(), "photo": photo(&report.photo), "backends": backends })
}

/// A rendition that a backend wants.
pub(crate) fn rendition(spec: &portraitd_sdk::RenditionSpec) -> Value {
    serde_json::to_value(spec).expect("a rendition is plain data")
}

fn photo(report: &PhotoReport) -> Value {
    let photo = report.photo.as_ref();
    json!({
        "state": report.state.word(),
        "reason": (!report.reason.is_empty()).then_some(&report.reason),
        "file": report.file.as_ref().map(shown),
        "digest": photo.map(|photo| photo.digest.to_string()),
        "width": photo.map(|photo| photo.width),
        "height": photo.map(|photo| photo.height),
        "warnings": photo.iter().flat_map(|photo| &photo.warnings).chain(&report.warnings).collect::<Vec<_>>(),
        "refused": report.refused.as_ref().map(file),
    })
}

/// One entry of `attempts`. What a success came to (changed, unchanged, removed) is its reason.
pub(crate) fn attempt(attempt: &Attempt) -> Value {
    let word = attempt.verdict.word();
    let (verdict, reason) = match (attempt.verdict.is_done(), attempt.reason.as_str()) {
        (true, "") => ("done", Some(word.to_owned())),
        (true, notes) => ("done", Some(format!("{word}: {notes}"))),
        (false, "") => (word, None),
        (false, reason) => (word, Some(reason.to_owned())),
    };
    json!({ "at": rfc3339(attempt.at), "verdict": verdict, "reason": reason, "ms": attempt.ms })
}

/// `sync --json`
pub(crate) fn summary(summary: &Summary, seconds: f64) -> Value {
    json!({
        "photos": summary.photos,
        "delivered": summary.delivered,
        "unchanged": summary.unchanged,
        "absent": summary.absent,
        "waiting": summary.waiting,
        "stopped": summary.stopped,
        "rejected": summary.rejected,
        "seconds": (seconds * 1000.0).round() / 1000.0,
    })
}

/// The summary of a pass on one line.
pub(crate) fn summary_text(summary: &Value) -> String {
    let count = |name: &str| format!("{} {name}", summary[name]);
    let counts = ["delivered", "unchanged", "absent", "waiting", "stopped", "rejected"].map(count).join(", ");
    format!("{} photos: {counts} in {} s", summary["photos"], summary["seconds"])
}

/// The text of `status`.
pub(crate) fn status_text(status: &Value) -> String {
    let mut text = String::new();
    let folder = &status["folder"];
    let scanned = folder["scanned"].as_str().map_or_else(|| "never".into(), |at| format!("at {at}"));
    line(
        &mut text,
        format_args!("folder: {}, scanned {scanned}{}", word(&folder["state"]), because(&folder["reason"])),
    );
    line(&mut text, format_args!("photos: {}", status["photos"]));
    let warnings: Vec<_> = entries(&status["warnings"]).map(|(warning, count)| format!("{count} {warning}")).collect();
    if !warnings.is_empty() {
        line(&mut text, format_args!("warnings: {}", warnings.join(", ")));
    }
    for (name, backend) in entries(&status["backends"]) {
        let states = ["done", "due", "in-flight", "retrying", "absent", "stopped"];
        let counts: Vec<_> = states.iter().map(|state| format!("{} {state}", backend[state])).collect();
        let (plugin, state) = (word(&backend["plugin"]), word(&backend["state"]));
        line(
            &mut text,
            format_args!("backend {name} ({plugin}): {state}{}: {}", because(&backend["reason"]), counts.join(", ")),
        );
    }
    let braked = status["removals"]["braked"].as_u64().unwrap_or_default();
    if braked > 0 {
        line(&mut text, format_args!("removals: {braked} wait for `portraitd confirm-removals`"));
    }
    for conflict in list(&status["conflicts"]) {
        let files: Vec<_> = list(&conflict["files"]).iter().map(word).collect();
        line(&mut text, format_args!("conflict: {}: {}", files.join(", "), word(&conflict["reason"])));
    }
    for kind in ["rejected", "ignored"] {
        for file in list(&status[kind]) {
            line(&mut text, format_args!("{kind}: {}: {}", word(&file["file"]), word(&file["reason"])));
        }
    }
    text
}

/// The text of `explain`.
pub(crate) fn explain_text(explained: &Value) -> String {
    let mut text = String::new();
    let photo = &explained["photo"];
    line(&mut text, format_args!("user: {}", word(&explained["userid"])));
    line(&mut text, format_args!("photo: {}{}", word(&photo["state"]), because(&photo["reason"])));
    if photo["file"].is_string() {
        line(&mut text, format_args!("  file: {}", word(&photo["file"])));
    }
    if photo["digest"].is_string() {
        line(
            &mut text,
            format_args!("  {} x {} pixels, sha256 {}", photo["width"], photo["height"], word(&photo["digest"])),
        );
    }
    for warning in list(&photo["warnings"]) {
        line(&mut text, format_args!("  warning: {}", warning_text(&word(warning))));
    }
    if photo["refused"].is_object() {
        let refused = &photo["refused"];
        line(
            &mut text,
            format_args!("  refused replacement: {}: {}", word(&refused["file"]), word(&refused["reason"])),
        );
    }
    for (name, backend) in entries(&explained["backends"]) {
        explain_backend(&mut text, name, backend, &explained["userid"]);
    }
    text
}

fn explain_backend(text: &mut String, name: &str, backend: &Value, userid: &Value) {
    let next = backend["next"].as_str().map(|next| format!(", next attempt at {next}")).unwrap_or_default();
    line(text, format_args!("backend {name}: {}{}{next}", word(&backend["state"]), because(&backend["reason"])));
    if backend["remote"].is_string() && backend["remote"] != *userid {
        line(text, format_args!("  there: {}", word(&backend["remote"])));
    }
    if backend["verified"].is_string() {
        line(text, format_args!("  seen there at {}", word(&backend["verified"])));
    }
    for spec in list(&backend["renditions"]) {
        let size =
            [&spec["width"], &spec["height"]].map(|side| if *side == 0 { "any".into() } else { side.to_string() });
        line(
            text,
            format_args!("  rendition {}: {} x {}, {}", word(&spec["name"]), size[0], size[1], word(&spec["fit"])),
        );
    }
    for attempt in list(&backend["attempts"]) {
        let (at, verdict) = (word(&attempt["at"]), word(&attempt["verdict"]));
        line(
            text,
            format_args!("  attempt at {at}: {verdict} after {} ms{}", attempt["ms"], because(&attempt["reason"])),
        );
    }
    if !backend["receipt"].is_null() {
        line(text, format_args!("  receipt: {}", escape_json(&backend["receipt"])));
    }
}

/// A warning with what it means, where it is one of the words that pictures are given.
pub(crate) fn warning_text(warning: &str) -> String {
    let known = warning.parse::<Warning>();
    known.map_or_else(|_| warning.to_owned(), |known| format!("{known}: {}", known.sentence()))
}

/// JSON for a terminal: what a plugin said may hold anything.
fn escape_json(value: &Value) -> String {
    escape(value.to_string()).replace("\\\\", "\\")
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing into a string cannot fail");
}

fn because(reason: &Value) -> String {
    reason.as_str().map(|reason| format!(" ({})", escape_text(reason))).unwrap_or_default()
}

fn word(value: &Value) -> String {
    value.as_str().map(escape_text).unwrap_or_default()
}

/// Text for a terminal. File names in it are escaped already; a control character that a plugin put there is not.
fn escape_text(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Prints a result on stdout. A reader that has gone away, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> Exit {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let newline = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    match write!(out, "{text}{newline}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Exit::NotAllDone,
        _ => Exit::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use portraitd_reconcile::{Time, Verdict};

    #[test]
    fn a_success_says_what_it_came_to_and_a_failure_why() {
        let shown = |verdict, reason: &str| {
            let shown = attempt(&Attempt { at: Time::from_millis(0), verdict, reason: reason.into(), ms: 7 });
            assert_eq!((&shown["at"], &shown["ms"]), (&json!("1970-01-01T00:00:00.000Z"), &json!(7)));
            format!("{} {}", shown["verdict"], shown["reason"])
        };
        assert_eq!(shown(Verdict::Unchanged, ""), r#""done" "unchanged""#);
        assert_eq!(shown(Verdict::Changed, "enlarged"), r#""done" "changed: enlarged""#);
        assert_eq!(shown(Verdict::Retry, "the disk is full"), r#""retry" "the disk is full""#);
        assert_eq!(shown(Verdict::Auth, ""), r#""auth" null"#);
    }

    #[test]
    fn what_a_plugin_says_cannot_move_the_cursor() {
        let explained = json!({
            "userid": "anna",
            "photo": { "state": "accepted", "warnings": [] },
            "backends": { "portraits": {
                "state": "retrying", "renditions": [], "next": "2026-01-01T00:00:00.000Z", "receipt": { "url": "\u{1b}[2J" },
                "attempts": [{ "at": "2025-12-31T23:59:58.000Z", "verdict": "retry", "reason": "\u{1b}[31mred", "ms": 3 }],
            } },
        });
        let text = explain_text(&explained);
        assert!(text.lines().all(|line| !line.contains(char::is_control)), "{text:?}");
        assert_eq!(
            text,
            "user: anna\nphoto: accepted\nbackend portraits: retrying, next attempt at 2026-01-01T00:00:00.000Z\n  \
             attempt at 2025-12-31T23:59:58.000Z: retry after 3 ms (\\u{1b}[31mred)\n  receipt: {\"url\":\"\\u001b[2J\"}\n"
        );
    }

    #[test]
    fn a_summary_fits_on_a_line() {
        let counted = Summary { photos: 3, delivered: 2, waiting: 1, ..Summary::default() };
        assert_eq!(
            summary_text(&summary(&counted, 1.23456)),
            "3 photos: 2 delivered, 0 unchanged, 0 absent, 1 waiting, 0 stopped, 0 rejected in 1.235 s"
        );
    }
}
