//! The API's documents, version 1. All under `/api/v1`, JSON, plain text for those whom the
//! server may open content for. Wherever a path or a field takes an id, a name does as well.
//!
//! | method and path | takes | gives |
//! |---|---|---|
//! | `GET /health` | | [`Health`] (no token) |
//! | `POST /projects` | [`NewProject`] | [`Project`] |
//! | `GET /projects`, `GET /projects/{p}` | | [`Page`] of [`Project`], [`Project`] |
//! | `POST /providers`, `GET /providers` | [`NewProvider`] | [`Provider`] |
//! | `POST /agents`, `GET /agents` | [`NewAgent`] | [`Agent`] |
//! | `POST /cards`, `GET /cards?project=`, `GET /cards/{c}` | [`NewCard`] | [`Card`] |
//! | `POST /cards/{c}/move` | [`MoveCard`] | [`Card`] |
//! | `POST /cards/{c}/runs` (`Idempotency-Key`) | [`StartRun`] | [`Run`] |
//! | `GET /runs?project=&card=`, `GET /runs/{r}` | | [`Page`] of [`Run`], [`Run`] |
//! | `GET /runs/{r}/events?after=&limit=` | | [`Page`] of [`Event`] |
//! | `GET /runs/{r}/events/stream?after=` | | server-sent events, one [`Event`] each, `id:` its seq; ends when the run has ended |
//! | `GET /runs/{r}/logs?follow=true` | | the agent's own output, raw bytes |
//! | `GET /runs/{r}/diff` | | unified diff, raw bytes |
//! | `POST /runs/{r}/cancel` | | [`Run`] |
//! | `POST /runs/{r}/approve` | [`Approve`] | [`Run`] (landing; watch it until it is not) |
//! | `POST /runs/{r}/reject` | [`Reject`] | [`Run`] |
//! | `POST /runs/{r}/reply` | [`Reply`] | [`Run`] (the child run where the run had ended) |
//! | `GET /runners` | | [`Page`] of [`Runner`] |
//! | `POST /runners/tokens` | | [`EnrolToken`] |
//!
//! Lists take `?after=<cursor>&limit=` and give at most 200 items. Errors are
//! [`crate::problem::Problem`] documents.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::run::State;
use freehold_model::{
    AgentId, CardId, Lane, ProjectId, ProviderId, Reason, RunId, RunnerId, TenantId,
};
use serde::{Deserialize, Serialize};

use crate::order::{Egress, KeyRef};

/// Largest request body, in bytes: a card's body is text for people and agents, not an upload.
pub const BODY_MAX: usize = 2 * 1024 * 1024;
/// Most items on one page.
pub const PAGE_MAX: u32 = 200;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor for `after`, when there is more.
    pub next: Option<String>,
}

/// The server is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The program's version.
    pub version: String,
    /// Whether the database answers.
    pub database: bool,
    /// Connected runners.
    pub runners: u32,
}

/// Asks for a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// Unique in the tenant: letters, digits, `-`, `_`, `.`; 1 to 64.
    pub name: String,
    /// A git remote that a runner can reach.
    pub remote: String,
    /// The branch to start from and to land on; the remote's default where silent.
    #[serde(default)]
    pub target: Option<String>,
    /// What may be reached from inside.
    #[serde(default)]
    pub egress: Egress,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its first repository's remote.
    pub remote: String,
    /// The branch that work starts from and lands on.
    pub target: String,
    /// What may be reached from inside.
    pub egress: Egress,
    /// Where its record lives.
    pub record: Record,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Where a record lives in a repository that the client owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The git remote.
    pub remote: String,
    /// The ref.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The folder in it.
    pub path: String,
}

/// Asks for a model provider. The key is named, never sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProvider {
    /// Unique in the tenant.
    pub name: String,
    /// `openai`, `anthropic` or `ollama`.
    pub kind: String,
    /// The endpoint.
    pub base_url: String,
    /// Where the runner finds the key.
    pub key: KeyRef,
    /// The model to ask for unless an agent says otherwise.
    #[serde(default)]
    pub model: Option<String>,
}

/// A model provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: String,
    /// `openai`, `anthropic` or `ollama`.
    pub kind: String,
    /// The endpoint.
    pub base_url: String,
    /// Where the runner finds the key: a name, never the key.
    pub key: KeyRef,
    /// The model to ask for.
    pub model: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// Asks for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Unique in the tenant.
    pub name: String,
    /// `command`, `acp` or `builtin`.
    pub driver: String,
    /// `codex`, `opencode`, `claude`, `gemini`.
    #[serde(default)]
    pub preset: Option<String>,
    /// A provider, by id or name.
    #[serde(default)]
    pub provider: Option<String>,
    /// Directories shown read-only in the sandbox.
    #[serde(default)]
    pub paths: Vec<String>,
    /// What a runner must offer.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Hard limit in seconds; 3600 where silent.
    #[serde(default)]
    pub timeout_s: Option<u64>,
    /// Limit on silence in seconds; 600 where silent.
    #[serde(default)]
    pub stall_s: Option<u64>,
    /// Program and arguments.
    #[serde(default)]
    pub command: Vec<String>,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// `command`, `acp` or `builtin`.
    pub driver: String,
    /// The preset, if any.
    pub preset: Option<String>,
    /// The provider's name, if any.
    pub provider: Option<String>,
    /// Directories shown read-only in the sandbox.
    pub paths: Vec<String>,
    /// What a runner must offer.
    pub labels: BTreeMap<String, String>,
    /// Hard limit in seconds.
    pub timeout_s: u64,
    /// Limit on silence in seconds.
    pub stall_s: u64,
    /// Program and arguments.
    pub command: Vec<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// Asks for a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCard {
    /// The project, by id or name.
    pub project: String,
    /// What is wanted, in a line; 1 to 500 characters.
    pub title: String,
    /// The details.
    #[serde(default)]
    pub body: String,
    /// Cards that must have landed first.
    #[serde(default)]
    pub depends: Vec<CardId>,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its id.
    pub id: CardId,
    /// The project's id.
    pub project: ProjectId,
    /// What is wanted.
    pub title: String,
    /// The details.
    pub body: String,
    /// The column it stands in.
    pub lane: Lane,
    /// Cards that must have landed first.
    pub depends: Vec<CardId>,
    /// The latest run.
    pub run: Option<RunId>,
    /// The latest run's state.
    pub run_state: Option<State>,
    /// Whether a run of it has landed.
    pub landed: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Moves a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveCard {
    /// The lane's name.
    pub lane: String,
}

/// Starts a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// The agent, by id or name; the only one there is where silent.
    #[serde(default)]
    pub agent: Option<String>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Where it is.
    pub state: State,
    /// Why, as a code.
    pub reason: Option<Reason>,
    /// Why, in words.
    pub detail: Option<String>,
    /// What it waits for: `review`.
    pub waiting_for: Option<String>,
    /// The project's id.
    pub project: ProjectId,
    /// The card's id.
    pub card: CardId,
    /// The agent's name.
    pub agent: String,
    /// The isolation in force: `none`, `worktree` or `sandbox`.
    pub isolation: String,
    /// What could be reached from inside.
    pub egress: Egress,
    /// The runner that has or last had it.
    pub runner: Option<RunnerId>,
    /// The fence.
    pub epoch: u32,
    /// Which try, from 1.
    pub attempt: u32,
    /// The run that this one answers.
    pub parent: Option<RunId>,
    /// The commit it started from.
    pub base: Option<String>,
    /// The last commit of the work; null when nothing changed.
    pub commit: Option<String>,
    /// The commit on the target that brought it in.
    pub landed: Option<String>,
    /// The target branch.
    pub target: String,
    /// The checks of the last attempt, in their order.
    pub checks: Vec<Check>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A check's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// `passed`, `failed`, `timed_out` or `skipped`.
    pub state: String,
    /// Its exit code, where it has one.
    pub exit_code: Option<i32>,
}

/// One fact about a run. Gap-free: `seq` counts from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the run.
    pub seq: u64,
    /// When it happened, by the clock of whoever said it.
    pub ts: DateTime<Utc>,
    /// What kind: `run.*` (state, with `reason`, `epoch`, `attempt`), `step.started`,
    /// `step.finished` (`step`, `state`, `exit_code`, `ms`), `output` (`step`, `stream`: `stdout`, `stderr` or
    /// `protocol`, `text` or `base64`), `agent.message`, `agent.thought`, `agent.tool`, `agent.plan`,
    /// `agent.permission`, `agent.usage`, `check.finished`, `note`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Depends on the type.
    pub payload: serde_json::Value,
}

/// Approves a run's work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The commit that was seen; the run's present one where silent.
    #[serde(default)]
    pub commit: Option<String>,
}

/// Rejects a run's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Why, in words.
    pub reason: String,
}

/// Answers a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The answer.
    pub text: String,
}

/// A runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// Its id.
    pub id: RunnerId,
    /// Its host's name.
    pub name: String,
    /// `online`, `draining` or `offline`.
    pub state: String,
    /// What it offers.
    pub labels: BTreeMap<String, String>,
    /// How many jobs it takes at once.
    pub capacity: u32,
    /// Jobs it holds now.
    pub busy: u32,
    /// Its program's version.
    pub version: String,
    /// When it was last heard of.
    pub last_seen: Option<DateTime<Utc>>,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
}

/// A token that enrols one runner, shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolToken {
    /// The token; `.` and the fingerprint of the key that orders are signed with are part of it.
    pub token: String,
    /// It is refused from then on.
    pub expires_at: DateTime<Utc>,
}

/// What a runner sends to be enrolled. The answer is [`Enrolled`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The one-time token, without the fingerprint.
    pub token: String,
    /// The host's name.
    pub name: String,
    /// The runner's id, made by it.
    pub runner: RunnerId,
    /// Ed25519 public key: the runner's identity.
    #[serde(with = "crate::base64url")]
    pub signing_key: Vec<u8>,
    /// HPKE public key, to which content keys are sealed.
    pub seal_key: crate::seal::SealTo,
    /// The signing key's signature over the sealing key.
    #[serde(with = "crate::base64url")]
    pub seal_key_signature: Vec<u8>,
}

/// A runner is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Whose runner it is.
    pub tenant: TenantId,
    /// Ed25519 public key that signs the tenant's orders; the runner compares it with the
    /// fingerprint in its token and pins it.
    #[serde(with = "crate::base64url")]
    pub order_key: Vec<u8>,
}

/// What `freehold up --json` prints when it is ready, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    /// Where the API is.
    pub url: String,
    /// The owner's token.
    pub token: String,
    /// A link that signs one browser in, once.
    pub sign_in: String,
    /// The supervisor's process.
    pub pid: u32,
    /// The processes that it keeps alive.
    pub pids: UpPids,
}

/// The processes of `freehold up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpPids {
    /// The server.
    pub server: u32,
    /// The runner.
    pub runner: u32,
    /// PostgreSQL's first process.
    pub postgres: u32,
}
