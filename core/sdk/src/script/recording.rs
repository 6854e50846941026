//! Recordings: one real conversation as lines of JSON, and playing it again without host and system.
//!
//! The types are for whoever writes a recording too. Nothing here opens a file.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Script;
use crate::backend::{self, Backend, Operations};
use crate::failure::Failure;
use crate::message::{Answer, Done, EffectId, EffectResult, Open, Reply, Resume, Start, Step};
use crate::photo::Bytes;
use crate::task::Task;

/// The format of recordings that is written and read.
pub const RECORDING_FORMAT: u32 = 1;

/// A conversation, as `portraitd plugins try --record` writes it: lines of JSON, the first of them a [`Head`], then in
/// turn what the plugin answered (an [`Answer`] with a [`Step`]) and what it was told (a [`Heard`]). A recording of a
/// conversation that was not cut off ends with an answer that is `done` or `failed`.
///
/// It holds handles in the place of secrets, and lengths in the place of pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// How the conversation began.
    pub head: Head,
    /// What the plugin answered to that.
    pub first: Answer<Step>,
    /// What it was told then, and what it answered each time.
    pub turns: Vec<(Heard, Answer<Step>)>,
}

/// The first line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Head {
    /// [`RECORDING_FORMAT`]
    #[serde(rename = "portraitd-recording")]
    pub format: u32,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// What it was opened with.
    pub open: Open,
    /// What it was to do.
    pub start: Start,
}

/// What the plugin was told: a [`Resume`] with the bodies that came beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Heard {
    /// What became of effects.
    pub results: Vec<HeardResult>,
    /// The time, in milliseconds since 1970 (UTC).
    pub now_ms: u64,
}

/// What became of one effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HeardResult {
    /// Which effect.
    pub id: EffectId,
    /// What became of it. The number of an HTTP reply's blob means nothing here.
    pub reply: Reply,
    /// The body of an HTTP reply; empty without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<HeardBody>,
}

/// The body of an HTTP reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeardBody {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl From<&[u8]> for HeardBody {
    fn from(body: &[u8]) -> Self {
        std::str::from_utf8(body).map_or_else(|_| Self::Bytes(body.into()), |text| Self::Text(text.into()))
    }
}

impl HeardBody {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl Heard {
    /// What a [`Task`] takes: each HTTP reply names the blob with its body.
    fn into_resume(self) -> (Resume, Vec<Vec<u8>>) {
        let mut bodies = Vec::new();
        let result = |HeardResult { id, mut reply, body }: HeardResult| {
            if let Reply::Http(head) = &mut reply {
                head.blob = bodies.len();
                bodies.push(body.map(HeardBody::into_bytes).unwrap_or_default());
            }
            EffectResult { id, reply }
        };
        let results = self.results.into_iter().map(result).collect();
        (Resume { results, now_ms: self.now_ms }, bodies)
    }
}

impl FromStr for Recording {
    type Err = String;

    /// Reads a recording; what is wrong with it names the line.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut lines = (1..).zip(text.lines());
        let head: Head = read(lines.next(), "how the conversation began")?;
        if head.format != RECORDING_FORMAT {
            return Err(format!("its format is {}, and this version reads {RECORDING_FORMAT}", head.format));
        }
        let first = read(lines.next(), "an answer of the plugin")?;
        let mut turns = Vec::new();
        while let Some(line) = lines.next() {
            let heard = read(Some(line), "what the plugin was told")?;
            turns.push((heard, read(lines.next(), "an answer of the plugin")?));
        }
        Ok(Self { head, first, turns })
    }
}

fn read<T: DeserializeOwned>(line: Option<(usize, &str)>, what: &str) -> Result<T, String> {
    let (number, line) = line.ok_or_else(|| format!("it ends before {what}"))?;
    serde_json::from_str(line).map_err(|error| format!("line {number} is not {what}: {error}"))
}

impl fmt::Display for Recording {
    /// Writes the lines of the recording.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", json!(self.head), json!(self.first))?;
        self.turns.iter().try_for_each(|(heard, answer)| writeln!(f, "{}\n{}", json!(heard), json!(answer)))
    }
}

impl<B: Backend> Script<B> {
    /// Plays a recorded delivery again, with made-up pictures of the recorded lengths, and gives back how it ends: as in
    /// the recording.
    ///
    /// # Panics
    /// When the text is no whole recording of a delivery; and when the backend asks for something else than it did, in
    /// another order or in other steps, or ends otherwise. What it says for the log may differ.
    #[track_caller]
    pub fn replay(recording: &str) -> Result<Done, Failure> {
        let recording: Recording = recording.parse().unwrap_or_else(|why| panic!("this is no recording: {why}"));
        let Recording { head, first, turns } = recording;
        let (backend, _) = backend::open::<B>(head.open)
            .unwrap_or_else(|failure| panic!("the backend refuses the recorded settings: {failure}"));
        let bytes = pictures(&head.start);
        let mut task = Task::begin(Arc::new(backend), &Operations::NONE, head.start, bytes)
            .unwrap_or_else(|failure| panic!("only deliveries can be played again: {failure}"));
        let mut step = same(0, task.step().answer, first.answer);
        for (turn, (heard, recorded)) in (1..).zip(turns) {
            let (resume, bodies) = heard.into_resume();
            let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
            step = same(turn, task.resume(resume, &bodies).answer, recorded.answer);
        }
        match step {
            Step::Done(done) => Ok(done),
            Step::Failed(failure) => Err(failure),
            Step::Need(_) => panic!("the recording was cut off: the backend still waits"),
        }
    }
}

/// Made-up pictures in the places of the recorded ones.
fn pictures(start: &Start) -> Vec<Bytes> {
    let heads = start.photo.iter().flat_map(|photo| &photo.renditions);
    let mut numbered: Vec<_> = heads.map(|head| (head.blob, head.len)).collect();
    numbered.sort_unstable();
    let made_up = |(_, len)| Bytes::Own(vec![0; usize::try_from(len).unwrap_or_default()]);
    numbered.into_iter().map(made_up).collect()
}

/// The step, when it is the recorded one.
#[track_caller]
fn same(turn: usize, step: Step, recorded: Step) -> Step {
    let (now, then) = (json!(step), json!(recorded));
    assert!(now == then, "after turn {turn} of the recording, the backend now says\n  {now}\nand said\n  {then}");
    step
}
