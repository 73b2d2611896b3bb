//! The project file: `.agentworks/project.toml` of the target branch.
//!
//! ```toml
//! sparse = ["services/api", "libs"]
//!
//! [setup]
//! command = "npm ci"
//! timeout = "30m"
//!
//! [[checks]]
//! name = "tests"
//! command = "npm test"
//! timeout = "10m"
//!
//! [egress]
//! allow = ["api.example.com:443"]
//! ```
//!
//! Commands are run by `sh -c` in the root of the work tree, or in the folder that the project is about. Pure: bytes in, values out.

mod allow;
pub mod devcontainer;
mod facts;
mod parse;
mod propose;
mod python;
mod sparse;
mod timeout;

use std::time::Duration;

use crate::endpoint::HostPort;

pub use facts::FileFacts;
pub use parse::{Parsed, ProjectError, parse};
pub use propose::{Proposal, propose};
pub use timeout::{TimeoutError, parse_timeout};

/// Where the file lies in a repository.
pub const PROJECT_FILE: &str = ".agentworks/project.toml";
/// How long setup may take when the file does not say: a cold build of dependencies is slow.
pub const DEFAULT_SETUP_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long a check may take when the file does not say.
pub const DEFAULT_CHECK_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// What a project says about itself. Empty when it says nothing: no setup, no checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFile {
    /// What makes a fresh work tree ready.
    pub setup: Option<Setup>,
    /// What must be green before a person is asked, in this order. Names are unique.
    pub checks: Vec<Check>,
    /// What setup and checks may reach besides package registries, where the project's egress opens
    /// those: each exactly, public only. Sorted, each once. It opens nothing to an agent.
    pub allow: Vec<HostPort>,
    /// Whether setup and checks may reach the repositories that apt of the runner's machine uses,
    /// where the project's egress opens registries.
    pub apt: bool,
    /// The folders that a workspace holds, by their paths from the root; none is all files.
    pub sparse: Vec<String>,
}

/// The command that makes a fresh work tree ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// For `sh -c`.
    pub command: String,
    /// After which it is ended.
    pub timeout: Duration,
}

/// A command whose exit code 0 means green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What people call it; unique in the project.
    pub name: String,
    /// For `sh -c`.
    pub command: String,
    /// After which it is ended and red.
    pub timeout: Duration,
}
