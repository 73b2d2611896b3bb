//! Environments: a project's place on a runner, while it is active.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use freehold_model::environment::State;
use freehold_model::{EnvironmentId, ProjectId, RunId, RunnerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// A project's place on a runner: its clean store, its setup's results, the workspaces of its runs
/// that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// Its id.
    #[schema(value_type = schema::EnvironmentId)]
    pub id: EnvironmentId,
    /// The project.
    #[schema(value_type = schema::ProjectId)]
    pub project: ProjectId,
    /// The project's name.
    pub project_name: String,
    /// Whose machine it is on, once it has a place.
    #[schema(value_type = Option<schema::RunnerId>)]
    pub runner: Option<RunnerId>,
    /// That machine's name.
    pub runner_name: Option<String>,
    /// Where it is.
    #[schema(value_type = schema::EnvironmentState)]
    pub state: State,
    /// Why it waits, ends or ended, as a code. More may come: show an unknown one as it is.
    pub reason: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
    /// Jobs that are in it now.
    pub jobs: u32,
    /// `tenant_id`, `project_id`, `plan` and `env_type`.
    pub labels: BTreeMap<String, String>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it was ready, or its first job began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub stopped_at: Option<DateTime<Utc>>,
    /// When something was last done in it.
    pub last_active_at: DateTime<Utc>,
    /// When it is stopped unless something is done in it; none while jobs are in it.
    pub idle_until: Option<DateTime<Utc>>,
    /// Whole seconds that it was active, as its runner's heartbeats tell.
    pub active_s: u64,
    /// Runs whose workspaces were kept when it ended: what is in them is not on the remote.
    #[schema(value_type = Vec<schema::RunId>)]
    pub kept: Vec<RunId>,
}

/// How many environments there may be, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentLimits {
    /// The tenant's plan.
    pub plan: String,
    /// How many may have a place at a time.
    pub most: u32,
    /// How many the plan allows.
    pub plan_most: u32,
    /// How many have a place now.
    pub placed: u32,
    /// Minutes without jobs and terminals after which one is stopped.
    pub idle_minutes: u32,
}

/// Changes the limits. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditEnvironmentLimits {
    /// How many may have a place at a time: 1 to what the plan allows.
    #[serde(default)]
    pub most: Option<u32>,
    /// Minutes without jobs and terminals after which one is stopped: 1 to 10080, a week.
    #[serde(default)]
    pub idle_minutes: Option<u32>,
}

/// How long environments were active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentUsage {
    /// The first day, in UTC.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Whole seconds in all.
    pub seconds: u64,
    /// By day and project, in that order; what is absent is nothing.
    pub days: Vec<EnvironmentDay>,
}

/// How long a project's environments were active on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentDay {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// The project.
    #[schema(value_type = schema::ProjectId)]
    pub project: ProjectId,
    /// The project's name.
    pub project_name: String,
    /// Whole seconds.
    pub seconds: u64,
}
