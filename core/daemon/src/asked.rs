//! What people ask of a daemon, or of the ledger when none is running, and the answers as JSON.
//!
//! One line of JSON each way; the same answers whether they come through the control socket or not.

use std::collections::BTreeSet;

use portraitd_reconcile::{Attempt, BackendId, Reconciler, Time, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::backends::Backends;
use crate::show;

/// A question or an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Asked {
    /// Everything at a glance.
    Status {},
    /// One user.
    Explain {
        /// The user.
        userid: String,
    },
    /// Make failed deliveries due.
    Retry {
        /// At these backends; at all when empty.
        backends: Vec<String>,
        /// Of these users; of all when empty.
        userids: Vec<String>,
    },
    /// Send nothing new to these backends until they are resumed.
    Pause {
        /// Their names.
        backends: Vec<String>,
    },
    /// Let these backends go on.
    Resume {
        /// Their names.
        backends: Vec<String>,
    },
    /// Agree to the removals that wait.
    ConfirmRemovals {},
}

/// An answer, or the part of it that is known without the history.
pub(crate) enum Reply {
    /// All of it.
    Whole(Value),
    /// The history of a user is still to be added.
    WithHistory {
        /// The user.
        user: UserId,
        /// The rest of the answer.
        reply: Explained,
    },
}

/// An explanation that waits for its history.
pub(crate) struct Explained(Value);

impl Explained {
    /// The whole answer.
    pub(crate) fn with(mut self, attempts: Vec<(BackendId, Attempt)>) -> Value {
        for (backend, attempt) in attempts {
            let list = &mut self.0["explain"]["backends"][backend.as_str()]["attempts"];
            if let Some(list) = list.as_array_mut() {
                list.push(show::attempt(&attempt));
            }
        }
        self.0
    }
}

/// Answers a question, or carries an order out.
pub(crate) fn answer(reconciler: &mut Reconciler, backends: &Backends, asked: Asked, now: Time) -> Reply {
    match asked {
        Asked::Status {} => Reply::Whole(json!({ "status": show::status(&reconciler.status(now), backends) })),
        Asked::Explain { userid } => explain(reconciler, backends, &userid, now),
        Asked::Retry { backends: names, userids } => Reply::Whole(retry(reconciler, names, userids, now)),
        Asked::Pause { backends: names } => Reply::Whole(set_paused(reconciler, &names, Reconciler::pause)),
        Asked::Resume { backends: names } => Reply::Whole(set_paused(reconciler, &names, Reconciler::resume)),
        Asked::ConfirmRemovals {} => Reply::Whole(json!({ "confirmed": reconciler.confirm_removals(now) })),
    }
}

fn explain(reconciler: &Reconciler, backends: &Backends, userid: &str, now: Time) -> Reply {
    let user = UserId::parse(userid).ok();
    match user.and_then(|user| Some((reconciler.explain(&user, now)?, user))) {
        Some((report, user)) => {
            let explained = show::explain(&user, &report, backends);
            Reply::WithHistory { user, reply: Explained(json!({ "explain": explained })) }
        }
        None => Reply::Whole(json!({ "explain": null })),
    }
}

/// All of them, or none when one is unknown: the daemon may know another configuration than the command.
fn set_paused(
    reconciler: &mut Reconciler,
    names: &[String],
    set: fn(&mut Reconciler, &BackendId) -> Option<bool>,
) -> Value {
    let known = |name: &String| BackendId::parse(name).ok().filter(|id| reconciler.backend_state(id).is_some());
    if let Some(name) = names.iter().find(|name| known(name).is_none()) {
        return json!({ "error": format!("there is no enabled backend `{}`", crate::text::escape(name)) });
    }
    let backends: Vec<_> = names.iter().filter_map(known).collect();
    let changed = backends.iter().filter(|backend| set(reconciler, backend) == Some(true)).count();
    json!({ "changed": changed })
}

fn retry(reconciler: &mut Reconciler, names: Vec<String>, userids: Vec<String>, now: Time) -> Value {
    let unknown = |name: &String| BackendId::parse(name).is_err();
    if let Some(name) = names.iter().find(|name| unknown(name)) {
        return json!({ "error": format!("`{}` is not the name of a backend", crate::text::escape(name)) });
    }
    let backends: BTreeSet<_> = names.iter().filter_map(|name| BackendId::parse(name).ok()).collect();
    let users: BTreeSet<_> = userids.iter().filter_map(|user| UserId::parse(user).ok()).collect();
    let released =
        reconciler.retry((!userids.is_empty()).then_some(&users), (!names.is_empty()).then_some(&backends), now);
    json!({ "released": released })
}
