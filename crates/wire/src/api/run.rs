//! Runs, their steps and their events.

use chrono::{DateTime, Utc};
use freehold_model::priority::Priority;
use freehold_model::run::State;
use freehold_model::{CardId, ProjectId, Reason, RunId, RunnerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::InForce;
use crate::order::Egress;
use crate::schema;

/// Starts a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// The agent, by id or name; the only one there is where silent.
    #[serde(default)]
    pub agent: Option<String>,
    /// How much sooner than others it is wanted; `normal` where silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Priority>)]
    pub priority: Option<Priority>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    #[schema(value_type = schema::RunId)]
    pub id: RunId,
    /// Where it is.
    #[schema(value_type = schema::State)]
    pub state: State,
    /// Why, as a code.
    #[schema(value_type = Option<schema::Reason>)]
    pub reason: Option<Reason>,
    /// Why, in words.
    pub detail: Option<String>,
    /// What it waits for: `review`, or `remote`, which is away.
    pub waiting_for: Option<String>,
    /// When the remote that it waits for is asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<DateTime<Utc>>,
    /// The project's id.
    #[schema(value_type = schema::ProjectId)]
    pub project: ProjectId,
    /// The card's id.
    #[schema(value_type = schema::CardId)]
    pub card: CardId,
    /// The card's title.
    pub card_title: String,
    /// Who asked for it.
    pub by: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// The agent's name.
    pub agent: String,
    /// What the agent says of its own version.
    pub agent_version: Option<String>,
    /// What it has used of its models, where that is known.
    pub usage: Option<Usage>,
    /// The isolation in force; before a runner has reported, the one that is asked for. `none` and
    /// `worktree` are unsandboxed.
    pub isolation: String,
    /// What really stood around each of its steps, and what they used; empty in lists.
    #[serde(default)]
    pub in_force: Vec<InForce>,
    /// What could be reached from inside.
    pub egress: Egress,
    /// The runner that has or last had it.
    #[schema(value_type = Option<schema::RunnerId>)]
    pub runner: Option<RunnerId>,
    /// The version of the runner's program that did its last step; left out in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_version: Option<String>,
    /// How much sooner than others it is wanted.
    #[serde(default)]
    #[schema(value_type = schema::Priority)]
    pub priority: Priority,
    /// The fence.
    pub epoch: u32,
    /// Which try, from 1.
    pub attempt: u32,
    /// The run that this one answers.
    #[schema(value_type = Option<schema::RunId>)]
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
    /// When a runner first took it up.
    pub started_at: Option<DateTime<Utc>>,
    /// How many events it has: they are numbered from 1 to this.
    pub last_seq: u64,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a run has used of its models: counted by the runner's gateway, or said by the agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Requests to the model; 0 where only the agent counted.
    pub requests: u64,
    /// Tokens that went in.
    pub input_tokens: u64,
    /// Tokens that came out.
    pub output_tokens: u64,
}

/// A check's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// `passed`, `failed`, `timed_out` or `skipped`.
    pub state: String,
    /// Its exit code, where it has one.
    pub exit_code: Option<i32>,
}

/// A step of a run, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// The fence that it was done under: a run that lost its runner has the steps of each epoch.
    pub epoch: u32,
    /// Its number in the epoch, from 1, which has one name; left out where the runner gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Its name: `stage`, `setup`, `agent`, `collect`, `check`, `park`, `land`.
    pub name: String,
    /// The version of the program that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// Its exit code, where it has one.
    pub exit_code: Option<i32>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One fact about a run. Gap-free: `seq` counts from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its place in the run.
    pub seq: u64,
    /// When it happened, by the clock of whoever said it.
    pub ts: DateTime<Utc>,
    /// What kind: `run.*` (state, with `reason`, `epoch`, `attempt`, `next_try_at`), `step.started`,
    /// `step.finished` (`step`, `number`, `version`, `state`, `exit_code`, `ms`), `output` (`step`, `stream`: `stdout`, `stderr` or
    /// `protocol`, `text` or `base64`), `agent.message`, `agent.thought`, `agent.tool`, `agent.plan`,
    /// `agent.permission`, `agent.usage`, `check.finished`, `note`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Depends on the type.
    pub payload: serde_json::Value,
}
