//! Writes one conversation down: what the plugin said and what it was told, as a recording that plays back.
//!
//! Without pictures, and without secrets in whichever form they were sent.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portraitd_host::{Answered, Turn};
use portraitd_sdk::message::{Answer, Reply, Step};
use portraitd_sdk::script::{Head, Heard, HeardBody, HeardResult, Recording};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::secrets::Secrets;

/// Sees a conversation. Clones see the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    said: Vec<Answer<Step>>,
    heard: Vec<Heard>,
}

impl Witness {
    /// The plugin said something.
    pub(crate) fn said(&self, turn: &Turn) {
        self.notes().said.push(Answer { answer: turn.step.clone(), log: turn.log.clone() });
    }

    /// The plugin is told something.
    pub(crate) fn heard(&self, answered: &[Answered], now_ms: u64) {
        let result = |answered: &Answered| HeardResult {
            id: answered.id,
            reply: answered.reply.clone(),
            body: matches!(answered.reply, Reply::Http(_)).then(|| HeardBody::from(answered.body.as_slice())),
        };
        self.notes().heard.push(Heard { results: answered.iter().map(result).collect(), now_ms });
    }

    /// The whole conversation, which began like this; none of one in which the plugin never said anything.
    pub(crate) fn recording(&self, head: Head, secrets: &Secrets) -> Option<Recording> {
        let Notes { said, heard } = mem::take(&mut *self.notes());
        let mut said = said.into_iter();
        // Of a conversation that was cut off, what the plugin was told last has no answer.
        let recording = Recording { head, first: said.next()?, turns: heard.into_iter().zip(said).collect() };
        Some(without(recording, secrets))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        // Nothing that panics runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A recording in which every text is without secrets.
fn without(recording: Recording, secrets: &Secrets) -> Recording {
    let turn = |(heard, answer)| (blanked(&heard, secrets), blanked(&answer, secrets));
    Recording {
        head: blanked(&recording.head, secrets),
        first: blanked(&recording.first, secrets),
        turns: recording.turns.into_iter().map(turn).collect(),
    }
}

fn blanked<T: Serialize + DeserializeOwned>(message: &T, secrets: &Secrets) -> T {
    let mut value = serde_json::to_value(message).expect("messages are plain data");
    blank(&mut value, secrets);
    serde_json::from_value(value).expect("only texts have changed, and none of those that name a kind")
}

fn blank(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => *text = secrets.blank(text),
        Value::Array(items) => items.iter_mut().for_each(|item| blank(item, secrets)),
        Value::Object(object) => object.values_mut().for_each(|value| blank(value, secrets)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use portraitd_sdk::message::http::HttpReply;
    use portraitd_sdk::message::{Done, Effect, Need, Open, Operation, Outcome, Request, Start};
    use portraitd_sdk::script::RECORDING_FORMAT;
    use portraitd_sdk::{Failure, HttpRequest, Secret};
    use serde_json::json;

    fn head() -> Head {
        let open = Open { backend: "b".into(), settings: json!({}), host_version: "1".into(), caps: vec![] };
        let start = json!({ "op": Operation::Probe, "attempt": 1, "idempotency-key": "k", "deadline-ms": 2, "now-ms": 1, "seed": 3 });
        let start: Start = serde_json::from_value(start).unwrap();
        Head { format: RECORDING_FORMAT, plugin: "p".into(), version: "1".into(), open, start }
    }

    fn turn(step: Step) -> Turn {
        Turn { step, log: Vec::new(), took: Duration::ZERO }
    }

    #[test]
    fn a_recording_holds_the_conversation_without_its_secrets() {
        let secrets = Secrets::default();
        secrets.remember("session", "hunter2".into());
        let witness = Witness::default();
        let request = HttpRequest::get("https://x/").header("x-token", &Secret::handle("/token"));
        let effects = vec![Request { id: 1, effect: Effect::Http(request) }];
        witness.said(&turn(Step::Need(Need { effects, cancel: vec![] })));
        let reply = HttpReply { status: 200, headers: vec![], blob: 0, retry_after_ms: None };
        let body = b"{\"session\":\"hunter2\"}".to_vec();
        witness.heard(&[Answered { id: 1, reply: Reply::Http(reply), body }], 7);
        let done = Done { outcome: Outcome::Unchanged, receipt: json!("hunter2"), notes: vec![] };
        witness.said(&turn(Step::Done(done)));
        let text = witness.recording(head(), &secrets).unwrap().to_string();
        assert!(!text.contains("hunter2") && text.contains("secret:/token"), "{text}");
        let read: Recording = text.parse().unwrap();
        assert_eq!(read.turns.len(), 1);
        assert_eq!(read.turns[0].0.results[0].body, Some(HeardBody::Text("{\"session\":\"***\"}".into())));
    }

    #[test]
    fn a_conversation_that_was_cut_off_ends_with_what_the_plugin_said_last() {
        let witness = Witness::default();
        assert!(witness.recording(head(), &Secrets::default()).is_none());
        witness.said(&turn(Step::Failed(Failure::bug("x"))));
        witness.heard(&[], 7);
        let recording = witness.recording(head(), &Secrets::default()).unwrap();
        assert!(recording.turns.is_empty() && matches!(recording.first.answer, Step::Failed(_)));
    }
}
