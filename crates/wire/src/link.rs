//! The runner's link, protocol 1: JSON text frames over a WebSocket that the runner dials.
//!
//! The server opens with `challenge`; the runner answers with `hello`, signed with its one key;
//! the server says `welcome`. From then on frames that must not be lost carry `seq`; the runner
//! keeps them in its outbox until an `ack` covers them, and the server takes each (runner, seq)
//! once. Frames to the runner are derived from the database and repeated by reconciliation, so
//! they carry no `seq`.
//!
//! Evolution: unknown fields are ignored; an unknown `t` is answered with `nack`; fields never
//! change their meaning; a break is a new protocol number, and both are served for two releases.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::run::{JobKind, Outcome, Work};
use freehold_model::{BlobId, EnvironmentId, JobId, LineageId, Reason, RunId, RunnerId, TenantId};
use serde::{Deserialize, Serialize};

use crate::api::{Check, InForce};

/// The protocol's number.
pub const PROTOCOL: u32 = 1;
/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "freehold.v1";
/// Largest frame, in bytes: a slow line must not hold up a heartbeat for long.
pub const FRAME_MAX: usize = 256 * 1024;
/// Most bytes of output in one event, before sealing and base64.
pub const CHUNK_MAX: usize = 64 * 1024;
/// Most steps that a job tells what stood around them; a project has some dozens of checks.
pub const IN_FORCE_MAX: usize = 64;
/// Seconds between heartbeats.
pub const HEARTBEAT_S: u64 = 10;
/// Seconds after which a runner that says nothing is known to be lost: two heartbeats, and most of a
/// third. Thirty are promised.
pub const SILENT_S: u64 = 2 * HEARTBEAT_S + 8;
/// Seconds that a lease lasts without a heartbeat. That the job is elsewhere after 45 is promised: the
/// servers look every second, and the offer has to be made and taken.
pub const LEASE_S: i64 = 42;

/// Seconds that a runner's clock may be off before anybody is told: less is the way of a message, and a busy machine.
pub const CLOCK_OFF_S: i64 = 60;

/// How far `theirs` is before `ours`, where that is worth a word: more than [`CLOCK_OFF_S`].
#[must_use]
pub fn clock_off(theirs: DateTime<Utc>, ours: DateTime<Utc>) -> Option<TimeDelta> {
    let ahead = theirs - ours;
    (ahead.num_seconds().abs() > CLOCK_OFF_S).then_some(ahead)
}

/// A frame: a body and what delivery needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame<B> {
    /// What an answer refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The sender's count of frames that must not be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// All frames up to this one have been taken for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<u64>,
    /// The body.
    #[serde(flatten)]
    pub body: B,
}

impl<B> Frame<B> {
    /// A frame that may be lost.
    pub const fn new(body: B) -> Self {
        Self {
            id: None,
            seq: None,
            ack: None,
            body,
        }
    }
}

/// From the runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "a hello is one frame of a connection, and frames are held one by one"
)]
#[serde(tag = "t", content = "p", rename_all = "snake_case")]
pub enum Up {
    /// Who is there, and what it still holds.
    Hello(Hello),
    /// Alive, and still on these jobs.
    Heartbeat(Heartbeat),
    /// Took a job. Must not be lost.
    Accepted(JobRef),
    /// A fact about a run. Must not be lost.
    Event(RunEvent),
    /// A job has ended. Must not be lost.
    Finished(Box<Finished>),
    /// What became of an environment. Must not be lost.
    Environment(Box<EnvironmentNews>),
    /// The answer to `probe`.
    Probed(Probed),
    /// Refs were deleted, as `sweep` asked.
    Swept(Swept),
    /// Takes no more jobs.
    Draining {},
    /// Could not read a frame.
    Nack(Nack),
}

/// From the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "p", rename_all = "snake_case")]
pub enum Down {
    /// To be signed in `hello`.
    Challenge(Challenge),
    /// The runner is known.
    Welcome(Welcome),
    /// Only an `ack`.
    Ack {},
    /// A job.
    Offer(Box<Offer>),
    /// A person wants this run stopped.
    Cancel(RunRef),
    /// The runner no longer holds this run: stop, and say nothing more of it.
    Drop(RunRef),
    /// Try something and say how it went.
    Probe(Probe),
    /// Delete these refs on a remote.
    Sweep(Sweep),
    /// Make a project ready to be worked on, as a signed order says.
    EnvironmentStart(Box<EnvironmentStart>),
    /// Clear a project's place. What is not on the remote is kept.
    EnvironmentStop(EnvironmentStop),
    /// Could not read a frame, or would not.
    Nack(Nack),
}

/// What `hello` signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Random, used once.
    #[serde(with = "crate::base64url")]
    pub nonce: Vec<u8>,
}

/// Who is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The lowest and highest protocol it speaks.
    pub protocol: (u32, u32),
    /// Its id.
    pub runner: RunnerId,
    /// Its program's version.
    pub version: String,
    /// What it offers.
    pub labels: BTreeMap<String, String>,
    /// How many jobs it takes at once.
    pub capacity: u32,
    /// Jobs that it still works on.
    pub holds: Vec<JobRef>,
    /// Environments that it has a place for; a runner that knows of none says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<EnvironmentId>>,
    /// What its machine is and can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<crate::api::Machine>,
    /// What the server has told it that it has for good. A server that has less has lost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked: Option<Acked>,
    /// What its clock says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<DateTime<Utc>>,
    /// Ed25519 over [`hello_message`].
    #[serde(with = "crate::base64url")]
    pub signature: Vec<u8>,
}

/// How far a server had come by its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    /// The line of history of its database.
    pub lineage: LineageId,
    /// The last `seq` that it acknowledged.
    pub seq: u64,
}

/// The bytes that `hello` signs.
#[must_use]
pub fn hello_message(nonce: &[u8], runner: RunnerId) -> Vec<u8> {
    let mut message = b"freehold/link/1/hello\0".to_vec();
    message.extend(runner.to_string().as_bytes());
    message.push(0);
    message.extend(nonce);
    message
}

/// The runner is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol that both will speak.
    pub protocol: u32,
    /// Whose runner it is.
    pub tenant: TenantId,
    /// The last `seq` that was taken; the outbox resumes behind it.
    pub last_acked: u64,
    /// The line of history of the server's database: another one once a person has put it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<LineageId>,
    /// The time that all servers share, for a runner to see that its own is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<DateTime<Utc>>,
    /// A bearer token for blobs, good for this connection.
    pub session: String,
    /// The tenant's content keys, sealed to this runner for `content-key/<id>`.
    pub keys: Vec<WrappedKey>,
}

/// A content key, sealed to its reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// Its number.
    pub id: u32,
    /// HPKE, for the purpose `content-key/<id>`.
    #[serde(with = "crate::base64url")]
    pub sealed: Vec<u8>,
}

/// Alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The jobs it is on.
    pub jobs: Vec<JobRef>,
    /// Environments that it has a place for, as in [`Hello`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<EnvironmentId>>,
}

/// A job under an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRef {
    /// The job.
    pub job: JobId,
    /// Its run.
    pub run: RunId,
    /// Under which epoch.
    pub epoch: u32,
}

/// A run under an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRef {
    /// The run.
    pub run: RunId,
    /// Under which epoch.
    pub epoch: u32,
}

/// A fact about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// The run.
    pub run: RunId,
    /// Under which epoch.
    pub epoch: u32,
    /// Counts the runner's events of this run and epoch, from 1; binds the content's place
    /// (entity: the run; field: `event/<epoch>`; version: `n`).
    pub n: u64,
    /// When, by the runner's clock.
    pub ts: DateTime<Utc>,
    /// The event's type.
    pub kind: String,
    /// Metadata: names of steps, states, codes, sizes.
    pub meta: serde_json::Value,
    /// The rest, sealed: a JSON object to be merged over `meta`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<u8>>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The job.
    pub job: JobId,
    /// Its run.
    pub run: RunId,
    /// The fence.
    pub epoch: u32,
    /// Which try, from 1.
    pub attempt: u32,
    /// What to do.
    pub kind: JobKind,
    /// The signed order as JSON, sealed (entity: the run; field: `order/<kind>`; version: turn).
    #[serde(with = "crate::base64url")]
    pub order: Vec<u8>,
    /// The order's turn, to open it with.
    pub turn: u32,
    /// The work so far: to go on from, or to land.
    pub work: Option<Work>,
    /// The sealed state of the conversation, to go on with.
    pub transcript: Option<BlobId>,
    /// The environment that the job belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentId>,
    /// The database was put back to an earlier time: epochs behind this one and before the job's own
    /// are of jobs that nobody there remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_epoch: Option<u32>,
}

/// Make a project ready to be worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentStart {
    /// The environment.
    pub environment: EnvironmentId,
    /// The signed order as JSON, sealed (entity: the run of the environment's number, see
    /// [`as_run`]; field: `order/prepare`; version: 0).
    #[serde(with = "crate::base64url")]
    pub order: Vec<u8>,
}

/// Clear a project's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentStop {
    /// The environment.
    pub environment: EnvironmentId,
}

/// What became of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentNews {
    /// The environment.
    pub environment: EnvironmentId,
    /// What.
    #[serde(flatten)]
    pub state: EnvironmentState,
}

/// What a runner says of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum EnvironmentState {
    /// The store is fetched and setup has run.
    Ready {},
    /// Its place is cleared, or there was none.
    Stopped {
        /// Runs whose workspaces were kept: what is in them is not on the remote.
        #[serde(default)]
        kept: Vec<RunId>,
    },
    /// It cannot be made ready; its place is cleared.
    Failed {
        /// Why.
        reason: Reason,
        /// In words, sealed (entity as in [`EnvironmentStart`]; field: `detail`; version: 0).
        #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
        detail: Option<Vec<u8>>,
    },
}

/// The run of an environment's number: what is ordered and sealed for an environment names it, and
/// no run of a card has it.
#[must_use]
pub const fn as_run(environment: EnvironmentId) -> RunId {
    RunId::from_uuid(environment.uuid())
}

/// A job has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Which.
    pub job: JobRef,
    /// How.
    pub outcome: Outcome,
    /// In words, sealed (entity: the run; field: `detail`; version: epoch).
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    pub detail: Option<Vec<u8>>,
    /// The checks, in their order.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// The unified diff, sealed (entity: the run; field: `diff`; version: epoch).
    #[serde(default)]
    pub diff: Option<BlobId>,
    /// The conversation's state, sealed (entity: the run; field: `transcript`; version: epoch).
    #[serde(default)]
    pub transcript: Option<BlobId>,
    /// The weakest isolation that was really in force in any of its steps.
    #[serde(default)]
    pub isolation: Option<String>,
    /// What really stood around each of its steps, at most [`IN_FORCE_MAX`].
    #[serde(default)]
    pub in_force: Vec<InForce>,
    /// The agent's own version, where it told one.
    #[serde(default)]
    pub agent_version: Option<String>,
}

/// Try something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "probe")]
pub enum Probe {
    /// Whether a git remote can be read.
    Remote {
        /// The remote.
        remote: String,
        /// The wanted branch.
        target: Option<String>,
    },
    /// Whether a model provider answers.
    Provider {
        /// The provider.
        provider: crate::order::ProviderSpec,
    },
}

/// How a probe went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "probed")]
pub enum Probed {
    /// The remote can be read.
    Remote {
        /// Its default branch, if it names one.
        head: Option<String>,
        /// Whether the wanted branch is there.
        target: bool,
        /// Whether it has no commit at all.
        empty: bool,
        /// The wanted branch's commit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
    /// The provider answers.
    Provider {
        /// Models that it names, at most 100.
        models: Vec<String>,
    },
    /// It cannot be used.
    Failed {
        /// What happened.
        message: String,
        /// What to do.
        next: String,
    },
}

/// Delete refs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The git remote.
    pub remote: String,
    /// Runs whose refs of all epochs go.
    pub runs: Vec<RunId>,
}

/// Refs are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Runs that have no refs any more.
    pub runs: Vec<RunId>,
}

/// A frame was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nack {
    /// `unknown`, `malformed`, `refused`, `protocol`.
    pub code: String,
    /// For the log.
    pub message: String,
}

/// Serde helper: optional bytes as base64url.
mod optional {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(
        clippy::ref_option,
        reason = "serde calls it with a reference to the field"
    )]
    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes
            .as_deref()
            .map(crate::base64url::encode)
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| {
            crate::base64url::decode(&text).ok_or_else(|| serde::de::Error::custom("not base64url"))
        })
        .transpose()
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
