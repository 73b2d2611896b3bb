//! What was seen, from every side, as plain values: what the checker decides on, and what is written down for whoever
//! looks at a broken promise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Milliseconds since the kit began.
pub(crate) type Ms = u64;

/// Everything that the checker looks at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) seed: u64,
    /// How many faults were asked for.
    #[serde(default)]
    pub(crate) wanted: usize,
    /// Whether it was a short storm.
    #[serde(default)]
    pub(crate) is_short: bool,
    /// What people asked, with each answer.
    pub(crate) calls: Vec<Call>,
    pub(crate) faults: Vec<Fault>,
    /// Whether parts were well, again and again.
    pub(crate) probes: Vec<Probe>,
    /// As the database has them.
    pub(crate) cards: Vec<String>,
    pub(crate) runs: Vec<Run>,
    /// Idempotency keys, each with the card or the run that it made.
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) events: BTreeMap<String, Vec<Event>>,
    pub(crate) environments: Vec<Environment>,
    /// Runs in line, and runs under a lease, as the queue's own tables have them.
    pub(crate) ready: Vec<String>,
    pub(crate) leased: Vec<String>,
    /// As readers were told them, at the end and through each server.
    pub(crate) readings: Vec<Reading>,
    /// As the client's remote has it.
    pub(crate) updates: Vec<Update>,
    pub(crate) moves: Vec<Move>,
    pub(crate) refs: BTreeMap<String, String>,
    /// As the model was asked.
    pub(crate) model: Vec<ModelCall>,
    /// Invitations as the database has them: their ids, and whom they are for.
    #[serde(default)]
    pub(crate) invitations: BTreeMap<String, String>,
    /// As the mail server took them: to whom, and how often.
    #[serde(default)]
    pub(crate) mails: BTreeMap<String, usize>,
    /// What a script that checks exported audit logs has against this one; nothing where it holds.
    #[serde(default)]
    pub(crate) audit: Option<String>,
    /// How often the log says of each run that it was asked for.
    #[serde(default)]
    pub(crate) audited: BTreeMap<String, u32>,
    /// What stayed behind, a minute after everything was well.
    pub(crate) left: Vec<String>,
    /// How long it took from the end of the last fault until nothing was under way.
    pub(crate) settled_in: Option<Ms>,
}

/// One request and what came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) at: Ms,
    pub(crate) until: Ms,
    pub(crate) server: usize,
    pub(crate) op: String,
    /// The card's title or the run that it is about.
    pub(crate) about: String,
    pub(crate) key: Option<String>,
    /// 0 where there was no answer.
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    /// A refusal says its code, what to do next, and a correlation.
    pub(crate) is_explained: bool,
    /// The id of what it made.
    pub(crate) made: Option<String>,
    /// Why there was no answer.
    pub(crate) trouble: Option<String>,
}

impl Call {
    pub(crate) const fn is_acknowledged(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// One thing that was done to a part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) at: Ms,
    pub(crate) until: Ms,
    pub(crate) kind: String,
    /// Whose use it may disturb: [`super::PARTS`].
    pub(crate) parts: Vec<String>,
}

/// Whether a part was well.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) at: Ms,
    pub(crate) part: String,
    pub(crate) is_well: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) card: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) epoch: i64,
    pub(crate) attempt: i64,
    pub(crate) attempts_max: i64,
    pub(crate) turn: i64,
    pub(crate) last_seq: i64,
    pub(crate) landed: Option<String>,
    pub(crate) has_lease: bool,
}

impl Run {
    pub(crate) fn is_ended(&self) -> bool {
        super::ENDED.contains(&self.state.as_str())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) seq: i64,
    pub(crate) kind: String,
    /// Of the runner that said it; 0 where a server did.
    pub(crate) epoch: i64,
    /// The runner's count.
    pub(crate) n: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) jobs: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) run: String,
    pub(crate) reader: String,
    /// Number and type of each event.
    pub(crate) events: Vec<(i64, String)>,
}

/// A ref that the remote has moved, as its own hook wrote it down.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) name: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// A move of the target, as the remote's reflog has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) new: String,
    /// It went on from where it was.
    pub(crate) is_forward: bool,
    /// The runs whose trailers the new commits carry.
    pub(crate) runs: Vec<String>,
}

/// A request that reached the model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ModelCall {
    /// The card's title.
    pub(crate) card: String,
    /// How often the model had spoken before, in this conversation.
    pub(crate) turn: usize,
}
