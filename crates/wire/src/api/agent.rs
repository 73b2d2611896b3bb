//! Agents.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::{AgentId, Isolation, Limits};
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
    /// How strongly its runs are kept apart from the machine; `sandbox` where silent. A project may
    /// demand more.
    #[serde(default)]
    #[schema(value_type = Option<schema::Isolation>)]
    pub isolation: Isolation,
    /// What a container starts from: an absolute path on the runner's machine, or an image's name.
    #[serde(default)]
    pub image: Option<String>,
    /// What its runs may use up, where that is less than the runner allows: `memory`, `disk`,
    /// `file_size` and `output` in bytes, `tasks` and `files` in number, `cpu` in thousandths of a
    /// processor, `output_rate` in bytes per second.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub limits: Limits,
    /// It brings no file and shell tools: ours are offered to it over the Model Context Protocol.
    #[serde(default)]
    pub tools: bool,
    /// It may take the repository's own settings for agents (`.claude`, `.codex`, `opencode.json`
    /// and the like), which can start programs; else its workspace does not hold them.
    #[serde(default)]
    pub repository_settings: bool,
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
    /// How strongly its runs are kept apart from the machine. `none` and `worktree` are unsandboxed.
    #[serde(default)]
    #[schema(value_type = schema::Isolation)]
    pub isolation: Isolation,
    /// What a container starts from, if it names something.
    #[serde(default)]
    pub image: Option<String>,
    /// What its runs may use up, where that is less than the runner allows; see [`NewAgent`].
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub limits: Limits,
    /// Whether our file and shell tools are offered to it.
    #[serde(default)]
    pub tools: bool,
    /// Whether it may take the repository's own settings for agents.
    #[serde(default)]
    pub repository_settings: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}
