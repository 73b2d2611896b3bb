//! What a runner is given when it is built. The library reads neither the process's environment nor
//! its arguments.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freehold_model::{Clock, Entropy};
use reqwest::Url;

use crate::link::Pace;

/// What running jobs may take to end by themselves when the runner leaves.
pub const DRAIN: Duration = Duration::from_secs(60);

/// The environment that the runner was started in, as far as it may use it: `PATH` and `HOME` of the
/// host, what package clients are configured by, and the variables that hold provider keys.
/// `Debug` shows names only.
#[derive(Clone, Default)]
pub struct RunnerEnv(BTreeMap<OsString, OsString>);

impl fmt::Debug for RunnerEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for RunnerEnv {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(k, v)| (k.into(), v.into()))
                .collect(),
        )
    }
}

impl RunnerEnv {
    /// A variable, if it is set.
    #[must_use]
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.0.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// `PATH`, or where a Debian system keeps its programs.
    #[must_use]
    pub fn path(&self) -> &OsStr {
        self.get("PATH")
            .unwrap_or_else(|| OsStr::new("/usr/local/bin:/usr/bin:/bin"))
    }

    /// `HOME`, where package clients keep their configuration; `/nonexistent` where unset.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.get("HOME")
            .map_or_else(|| "/nonexistent".into(), PathBuf::from)
    }

    /// All of it.
    #[must_use]
    pub const fn all(&self) -> &BTreeMap<OsString, OsString> {
        &self.0
    }
}

/// A program of the host that runs the built-in agent (`freehold_agents::builtin::main`) and its
/// tools for other agents (`freehold_agents::mcp::main`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentHelper {
    /// Its path on the host.
    pub program: PathBuf,
    /// The arguments that lead to the agent, such as a hidden subcommand.
    pub args: Vec<String>,
    /// The arguments that lead to the tools.
    pub mcp_args: Vec<String>,
}

/// How a runner is built.
#[derive(Clone)]
pub struct Options {
    /// Everything that the runner keeps: identity, journal, stores, runs. Only its owner's.
    pub data: PathBuf,
    /// The server's address, `http` or `https`.
    pub server: Url,
    /// The host's name, for people.
    pub name: String,
    /// What agents may ask for.
    pub labels: BTreeMap<String, String>,
    /// How many jobs it takes at once; at least 1.
    pub capacity: u32,
    /// See [`RunnerEnv`].
    pub environment: RunnerEnv,
    /// What git may show to remotes; nothing unless its owner allowed it.
    pub git: freehold_git::Credentials,
    /// The first process inside a sandbox.
    pub init: freehold_sandbox::Init,
    /// The built-in agent.
    pub agent_helper: AgentHelper,
    /// How long running jobs may go on when the runner leaves; [`DRAIN`].
    pub drain: Duration,
    /// Heartbeats and retries; the default is what servers expect.
    pub pace: Pace,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness for keys, ids and nonces.
    pub entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("data", &self.data)
            .field("server", &self.server.as_str())
            .field("name", &self.name)
            .field("labels", &self.labels)
            .field("capacity", &self.capacity)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
