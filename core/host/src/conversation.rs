//! One operation of a plugin, step by step, with everything checked that a plugin may get wrong.
//!
//! Performs no effect and knows no deadline: whoever holds the conversation does, and drops it when it takes too long.

use std::time::{Duration, Instant};

use portraitd_sdk::Failure;
use portraitd_sdk::message::{Answer, EffectId, EffectResult, LogLine, Reply, Resume, Start, Step};

use crate::Blob;
use crate::library::Task;
use crate::plugin::{Backend, Plugin, wedged};
use crate::pool::{OnPool, Wedged};
use crate::rules::Rules;
use crate::words;

/// How long a step may take before it is worth a line in the log.
pub const SLOW_STEP: Duration = Duration::from_millis(50);

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

/// What became of an effect.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Which effect.
    pub id: EffectId,
    /// What became of it. The number of an HTTP reply's blob is written by the conversation.
    pub reply: Reply,
    /// The body of an HTTP reply; empty for all others.
    pub body: Vec<u8>,
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
        let rules = Rules::of(&start, backend.origins());
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
    pub async fn resume(&mut self, mut answered: Vec<Answered>, now_ms: u64) -> Turn {
        let Some(mut task) = self.task.take() else {
            return self.failed(Failure::bug("the conversation is over"));
        };
        answered.retain(|answered| self.rules.answered(answered.id));
        let (results, bodies) = with_blobs(answered);
        let message = Resume { results, now_ms };
        let stepped = self.plugin.pool().call(move || -> Stepped {
            let begun = Instant::now();
            let answer = task.get_mut().resume(&message, &bodies);
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
        let (answer, log) = match answer {
            Ok(Answer { answer, log }) => (answer, words::log(log)),
            Err(failure) => return Turn { took, ..self.failed(failure) },
        };
        let step = match (self.rules.check(&answer, task.is_some()), answer) {
            (Err(why), _) => return Turn { log, took, ..self.failed(Failure::bug(why)) },
            (Ok(()), Step::Failed(failure)) => Step::Failed(self.plugin.named(failure)),
            (Ok(()), Step::Done(done)) => Step::Done(words::done(done)),
            (Ok(()), step) => step,
        };
        self.task = task.filter(|_| matches!(step, Step::Need(_)));
        Turn { step, log, took }
    }

    fn failed(&self, failure: Failure) -> Turn {
        Turn { step: Step::Failed(self.plugin.named(failure)), log: Vec::new(), took: Duration::ZERO }
    }
}

/// The results as the message holds them, and the blobs that they name.
fn with_blobs(answered: Vec<Answered>) -> (Vec<EffectResult>, Vec<Vec<u8>>) {
    let mut bodies = Vec::new();
    let result = |Answered { id, mut reply, body }| {
        if let Reply::Http(head) = &mut reply {
            head.blob = bodies.len();
            bodies.push(body);
        }
        EffectResult { id, reply }
    };
    (answered.into_iter().map(result).collect(), bodies)
}
