//! One operation of a plugin, step by step, with everything checked that a plugin may get wrong.
//!
//! Performs no effect and knows no deadline: whoever holds the conversation does, and drops it when it takes too long.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::time::{Duration, Instant};

use portraitd_sdk::Failure;
use portraitd_sdk::message::{Answer, Effect, EffectId, EffectResult, LogLine, MAX_RECEIPT, Need, Resume, Start, Step};

use crate::Blob;
use crate::library::Task;
use crate::plugin::{Backend, Plugin, wedged};
use crate::pool::{OnPool, Wedged};

/// How long a step may take before it is worth a line in the log.
pub const SLOW_STEP: Duration = Duration::from_millis(50);

/// The most effects that one conversation may ask for.
pub const MAX_EFFECTS: usize = 1_000;

/// What one step came to.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What the plugin wants or says. Everything that a plugin can do wrong is a `Failed` with verdict `bug` here.
    pub step: Step,
    /// What it has to say for the log.
    pub log: Vec<LogLine>,
    /// How long the plugin's code ran. More than [`SLOW_STEP`] is worth a line in the log.
    pub took: Duration,
}

/// One operation of a plugin. Serial by itself; any number of them may run side by side.
///
/// Dropping it ends it: the plugin cleans up on its own threads, and the bytes that were lent to it live until then.
#[derive(Debug)]
pub struct Conversation {
    plugin: Plugin,
    task: Option<OnPool<Task>>,
    rules: Rules,
}

/// What comes back from the library's threads.
type Stepped = (Option<OnPool<Task>>, Result<Answer<Step>, Failure>, Duration);

impl Conversation {
    pub(crate) async fn begin(backend: &Backend, start: Start, blobs: Vec<Blob>) -> (Self, Turn) {
        let plugin = backend.plugin().clone();
        let rules = Rules::of(&start);
        let (instance, pool) = (backend.instance(), plugin.pool().clone());
        let stepped = plugin.pool().call(move || -> Stepped {
            let begun = Instant::now();
            let (task, answer) = instance.start(&start, blobs);
            (task.map(|task| OnPool::new(task, pool)), answer, begun.elapsed())
        });
        let stepped = stepped.await;
        let mut conversation = Self { plugin, task: None, rules };
        let turn = conversation.take(stepped);
        (conversation, turn)
    }

    /// Tells the plugin what became of effects, and hears what it wants next. `now_ms`: milliseconds since 1970 (UTC).
    ///
    /// Any part of the open effects may be answered, in any order. A result for an effect that is not open (the plugin
    /// cancelled it meanwhile) is dropped. After `Done` or `Failed` there is nothing to resume: `Failed` again. So it is
    /// after the future of an earlier `resume` was dropped halfway.
    pub async fn resume(&mut self, mut results: Vec<EffectResult>, now_ms: u64) -> Turn {
        let Some(mut task) = self.task.take() else {
            return self.failed(Failure::bug("the conversation is over"));
        };
        results.retain(|result| self.rules.open.remove(&result.id));
        let message = Resume { results, now_ms };
        let stepped = self.plugin.pool().call(move || -> Stepped {
            let begun = Instant::now();
            let answer = task.get_mut().resume(&message);
            (Some(task), answer, begun.elapsed())
        });
        let stepped = stepped.await;
        self.take(stepped)
    }

    /// Judges what came back, and keeps the task only where there is something left to do.
    fn take(&mut self, stepped: Result<Stepped, Wedged>) -> Turn {
        let (task, answer, took) = match stepped {
            Ok(stepped) => stepped,
            Err(Wedged) => return self.failed(wedged()),
        };
        let Answer { answer, log } = match answer {
            Ok(answer) => answer,
            Err(failure) => return Turn { took, ..self.failed(failure) },
        };
        let step = match (self.rules.check(&answer, task.is_some()), answer) {
            (Err(why), _) => return Turn { log, took, ..self.failed(Failure::bug(why)) },
            (Ok(()), Step::Failed(failure)) => Step::Failed(self.plugin.named(failure)),
            (Ok(()), step) => step,
        };
        self.task = task.filter(|_| matches!(step, Step::Need(_)));
        Turn { step, log, took }
    }

    fn failed(&self, failure: Failure) -> Turn {
        Turn { step: Step::Failed(self.plugin.named(failure)), log: Vec::new(), took: Duration::ZERO }
    }
}

/// What was asked for so far, and what may be.
#[derive(Debug)]
struct Rules {
    renditions: Vec<String>,
    open: BTreeSet<EffectId>,
    seen: BTreeSet<EffectId>,
}

impl Rules {
    fn of(start: &Start) -> Self {
        let heads = start.photo.iter().flat_map(|photo| &photo.renditions);
        Self { renditions: heads.map(|head| head.name.clone()).collect(), open: BTreeSet::new(), seen: BTreeSet::new() }
    }

    fn check(&mut self, step: &Step, has_task: bool) -> Result<(), String> {
        match step {
            Step::Need(_) if !has_task => Err("it waits for effects and gave no task to resume".into()),
            Step::Need(need) => self.check_need(need),
            Step::Done(done) => match done.receipt.to_string().len() {
                len if len > MAX_RECEIPT => {
                    Err(format!("its receipt has {len} bytes, more than the {MAX_RECEIPT} allowed"))
                }
                _ => Ok(()),
            },
            Step::Failed(_) => Ok(()),
        }
    }

    fn check_need(&mut self, need: &Need) -> Result<(), String> {
        for request in &need.effects {
            if !self.seen.insert(request.id) {
                return Err(format!("it used the effect number {} twice", request.id));
            }
            self.check_effect(&request.effect)?;
            self.open.insert(request.id);
        }
        if self.seen.len() > MAX_EFFECTS {
            return Err(format!("it asked for more than {MAX_EFFECTS} effects in one conversation"));
        }
        for id in &need.cancel {
            if !self.seen.contains(id) {
                return Err(format!("it cancelled effect {id}, which it never asked for"));
            }
            self.open.remove(id);
        }
        if self.open.is_empty() {
            return Err("it waits, and asks for nothing".into());
        }
        Ok(())
    }

    fn check_effect(&self, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::FilePut { path, rendition, .. } => {
                if !self.renditions.contains(rendition) {
                    return Err(format!(
                        "it publishes `{}`, a rendition that it was not given",
                        rendition.escape_debug()
                    ));
                }
                check_path(path)
            }
            Effect::FileRemove { path, .. } => check_path(path),
            Effect::Sleep { .. } => Ok(()),
        }
    }
}

/// Whether a path stays below its directory. What the file system has against it is found out by who performs it.
fn check_path(path: &str) -> Result<(), String> {
    let parts = Path::new(path).components();
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if path.is_empty() || path.contains('\0') || !parts.into_iter().all(plain) {
        return Err(format!("it names the path `{}`, which is not relative and plain", path.escape_debug()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use portraitd_sdk::message::Request;

    use super::*;

    fn rules() -> Rules {
        Rules { renditions: vec!["thumb".into()], open: BTreeSet::new(), seen: BTreeSet::new() }
    }

    fn sleep(id: EffectId) -> Request {
        Request { id, effect: Effect::Sleep { ms: 1 } }
    }

    fn need(effects: Vec<Request>, cancel: Vec<EffectId>) -> Step {
        Step::Need(Need { effects, cancel })
    }

    fn put(path: &str, rendition: &str) -> Step {
        let (directory, path, rendition) = ("path".into(), path.into(), rendition.into());
        need(vec![Request { id: 1, effect: Effect::FilePut { directory, path, rendition } }], vec![])
    }

    #[test]
    fn a_number_is_used_once() {
        let mut rules = rules();
        rules.check(&need(vec![sleep(1), sleep(2)], vec![]), true).unwrap();
        let again = rules.check(&need(vec![sleep(2)], vec![]), true).unwrap_err();
        assert_eq!(again, "it used the effect number 2 twice");
    }

    #[test]
    fn the_thousand_and_first_effect_is_too_many() {
        let mut rules = rules();
        rules.check(&need((1..=1_000).map(sleep).collect(), vec![]), true).unwrap();
        assert!(rules.check(&need(vec![sleep(1_001)], vec![]), true).unwrap_err().contains("more than 1000"));
    }

    #[test]
    fn waiting_for_nothing_is_refused() {
        assert!(rules().check(&need(vec![], vec![]), true).is_err());
        assert!(rules().check(&need(vec![sleep(1)], vec![1]), true).is_err());
    }

    #[test]
    fn only_effects_that_were_asked_for_are_cancelled() {
        let why = rules().check(&need(vec![sleep(1)], vec![9]), true).unwrap_err();
        assert_eq!(why, "it cancelled effect 9, which it never asked for");
    }

    #[test]
    fn a_need_without_a_task_is_refused() {
        assert!(rules().check(&need(vec![sleep(1)], vec![]), false).is_err());
    }

    #[test]
    fn a_path_that_leaves_its_directory_is_refused() {
        rules().check(&put("ada/thumb.jpg", "thumb"), true).unwrap();
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a\0b", "./x"] {
            assert!(rules().check(&put(path, "thumb"), true).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_rendition_that_was_not_given_is_refused() {
        assert!(rules().check(&put("x.jpg", "poster"), true).unwrap_err().contains("`poster`"));
    }

    #[test]
    fn an_overlong_receipt_is_refused() {
        let done = portraitd_sdk::message::Done {
            outcome: portraitd_sdk::message::Outcome::Changed,
            receipt: "x".repeat(MAX_RECEIPT).into(),
            notes: vec![],
        };
        assert!(rules().check(&Step::Done(done), true).is_err());
    }
}
