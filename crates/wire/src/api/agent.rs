//! Agents.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::AgentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// Asks for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// Its id.
    #[schema(value_type = schema::AgentId)]
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
