//! The frame around every simulated system: the handle that a test holds, the faults that were ordered, the log of what
//! came in, and the watch over waits. A system itself is a `System`, and knows nothing of all this.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{
    faults::{Fault, Faults, Target, When},
    reply::Reply,
    request::{Request, Violation},
    server::{Reading, Server, Site},
    undercut::{Undercut, Watch},
};

/// What a system makes of requests.
pub(crate) trait System: Send + 'static {
    /// Whether the request goes to the call that faults strike by default. Only its head may be there yet.
    fn is_usual(&self, request: &Request) -> bool;

    /// What the request is about, as far as it says so itself.
    fn about(&self, request: &Request) -> About;

    /// Carries the request out, or refuses it.
    fn answer(&mut self, request: &Request) -> Reply;

    /// The connection broke within the body of this request, which is as much of it as came.
    fn cut_off(&mut self, _: &Request) {}

    /// A fault in the system's own words, where the system itself would say it.
    fn worded(&self, _: Fault, _: &Request) -> Option<Reply> {
        None
    }
}

/// What a request is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// The user by the name or id that it asks with.
    pub(crate) user: Option<String>,
    /// A hash of the picture in it, to tell pictures apart.
    pub(crate) picture: Option<u64>,
}

/// A request that came in, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// When its first byte was there.
    pub(crate) at: Instant,
    /// The number of its connection, counted from 1.
    pub(crate) connection: usize,
    /// Empty when the request was refused before its method was known.
    pub(crate) method: String,
    /// The target with its query. Empty when the request was refused before it was known.
    pub(crate) path: String,
    /// The user by the name or id that it asks with.
    pub(crate) user: Option<String>,
    /// A hash of the picture in it, to tell pictures apart.
    pub(crate) picture: Option<u64>,
    pub(crate) answer: Answer,
    /// What the answer says, when it is no success.
    pub(crate) note: String,
}

impl Seen {
    /// Whether it was carried out, as far as the answer tells that.
    pub(crate) fn was_carried_out(&self) -> bool {
        match self.answer {
            Answer::Status(status) => (200..300).contains(&status),
            Answer::Fault(fault) => fault.carries_out(),
        }
    }

    /// Whether the answer was the system's own, and went out whole.
    pub(crate) fn was_answered(&self) -> bool {
        matches!(self.answer, Answer::Status(_))
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    Fault(Fault),
}

/// A running system on a port of 127.0.0.1. It ends when it is dropped.
pub(crate) struct Simulator<S> {
    server: Server,
    shared: Arc<Mutex<Shared<S>>>,
}

struct Shared<S> {
    system: S,
    port: u16,
    faults: Faults,
    log: Vec<Seen>,
    watch: Watch,
}

impl<S: System> Simulator<S> {
    /// Starts the system on a free port.
    pub(crate) fn of(system: S) -> Self {
        let (faults, log, watch) = (Faults::default(), Vec::new(), Watch::default());
        let shared = Arc::new(Mutex::new(Shared { system, port: 0, faults, log, watch }));
        let server = Server::start(Arc::new(Guarded(Arc::clone(&shared))));
        shared.lock().unwrap().port = server.address().port();
        Self { server, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Looks at the system itself, or changes it, between two requests.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(&mut self.shared.lock().unwrap().system)
    }

    /// Delays every reply from now on.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.server.set_latency(latency);
    }

    /// Lets a fault strike the call that faults strike by default.
    pub(crate) fn fault(&self, fault: Fault, when: When) {
        self.order(fault, when, false);
    }

    /// Lets a fault strike every call.
    pub(crate) fn fault_everywhere(&self, fault: Fault, when: When) {
        self.order(fault, when, true);
    }

    fn order(&self, fault: Fault, when: When, everywhere: bool) {
        if fault == Fault::Outage {
            assert_eq!(when, When::UntilCleared, "an outage strikes no single request");
            self.server.close();
        } else {
            self.shared.lock().unwrap().faults.order(fault, when, everywhere);
        }
    }

    /// Ends all faults.
    pub(crate) fn clear_faults(&self) {
        self.shared.lock().unwrap().faults.clear();
        self.server.open();
    }

    /// How often each fault has struck.
    pub(crate) fn struck(&self) -> BTreeMap<Fault, usize> {
        self.shared.lock().unwrap().faults.struck()
    }

    /// Every request so far, in the order of the answers.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.lock().unwrap().log.clone()
    }

    /// The requests that came before a wait was over that had been told for their path.
    pub(crate) fn undercuts(&self) -> Vec<Undercut> {
        self.shared.lock().unwrap().watch.undercuts()
    }

    /// How many connections came in so far.
    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }

    /// The most requests that were being answered at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.server.most_at_once()
    }
}

/// The system as the server's threads see it.
struct Guarded<S>(Arc<Mutex<Shared<S>>>);

impl<S: System> Site for Guarded<S> {
    fn reads(&self, head: &Request) -> Reading {
        let mut shared = self.0.lock().unwrap();
        let usual = shared.system.is_usual(head);
        let struck = shared.faults.strike(&Target { usual, unread: true, user: None });
        let Some(fault) = struck else { return Reading::Whole };
        shared.note(head, About::default(), Answer::Fault(fault), "");
        if fault == Fault::ResetWithin { Reading::HalfOfBody } else { Reading::Head }
    }

    fn cut_off(&self, request: &Request) {
        self.0.lock().unwrap().system.cut_off(request);
    }

    fn answer(&self, request: &Request) -> Reply {
        self.0.lock().unwrap().answer(request)
    }

    fn refused(&self, connection: usize, violation: Violation) {
        self.0.lock().unwrap().log.push(Seen {
            at: Instant::now(),
            connection,
            method: String::new(),
            path: String::new(),
            user: None,
            picture: None,
            answer: Answer::Status(violation.status),
            note: violation.rule.to_owned(),
        });
    }

    fn written(&self, request: &Request, reply: &Reply, between: (Instant, Instant)) {
        if let Some(wait) = reply.wait {
            self.0.lock().unwrap().watch.told(&request.target, wait, between);
        }
    }
}

impl<S: System> Shared<S> {
    fn answer(&mut self, request: &Request) -> Reply {
        let about = self.system.about(request);
        let target = Target { usual: self.system.is_usual(request), unread: false, user: about.user.as_deref() };
        let struck = self.faults.strike(&target);
        let reply = match struck {
            Some(fault) => self.spoiled(fault, request),
            None => self.system.answer(request),
        };
        let answer = struck.map_or(Answer::Status(reply.status), Answer::Fault);
        self.note(request, about, answer, &reply.note);
        reply
    }

    /// What a fault makes of the answer.
    fn spoiled(&mut self, fault: Fault, request: &Request) -> Reply {
        let worded = self.system.worded(fault, request);
        worded.unwrap_or_else(|| fault.reply(self.port, || self.system.answer(request)))
    }

    fn note(&mut self, request: &Request, About { user, picture }: About, answer: Answer, note: &str) {
        self.watch.arrived(&request.target, request.at);
        self.log.push(Seen {
            at: request.at,
            connection: request.connection,
            method: request.method.clone(),
            path: request.target.clone(),
            user,
            picture,
            answer,
            note: note.to_owned(),
        });
    }
}
