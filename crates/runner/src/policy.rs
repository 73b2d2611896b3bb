//! What the owner of this machine allows, whatever is signed: `policy.toml` in the data directory.
//!
//! ```toml
//! isolation = "sandbox"                        # the weakest that will do
//! remotes = ["https://example.org/team/app"]   # no others
//! drivers = ["acp", "builtin"]                 # no others
//! commands = ["codex-acp"]                     # programs that agents may name; no others
//! ```
//!
//! What the file does not mention is allowed; without a file, all that the pinned key signs is. A
//! file that cannot be read allows nothing.

use std::io;
use std::path::Path;

use freehold_git::Remote;
use freehold_wire::order::{Order, Task};
use serde::Deserialize;

/// The file's name in the data directory.
pub(crate) const FILE: &str = "policy.toml";

/// The rules of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    isolation: Option<Isolation>,
    remotes: Option<Vec<String>>,
    drivers: Option<Vec<String>>,
    commands: Option<Vec<String>>,
}

/// How strongly a run is kept apart, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Isolation {
    /// A plain process.
    None,
    /// In a working tree of its own.
    Worktree,
    /// Behind the walls of `freehold-sandbox`.
    Sandbox,
}

impl Policy {
    /// Reads the file; no file is no rule.
    ///
    /// # Errors
    /// In words for the order's detail: the file is there and cannot be used.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                format!(
                    "the runner's policy file cannot be read ({}): correct it",
                    error.message()
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("the runner's policy file cannot be read: {error}")),
        }
    }

    /// Whether the rules allow an order.
    ///
    /// # Errors
    /// The rule that it breaks, in words.
    pub(crate) fn allows(&self, order: &Order) -> Result<(), String> {
        // The runner gives every run the strongest isolation it has; a rule can only ask for that.
        if self
            .isolation
            .is_some_and(|least| least > Isolation::Sandbox)
        {
            return Err("the policy asks for an isolation that this runner does not have".into());
        }
        self.allows_remote(&order.project.remote)?;
        let Task::Execute(task) = &order.task else {
            return Ok(());
        };
        let agent = &task.agent;
        if let Some(drivers) = &self.drivers
            && !drivers.contains(&agent.driver)
        {
            return Err(format!(
                "the policy does not allow the driver `{}`",
                agent.driver
            ));
        }
        if let (Some(commands), Some(program)) = (&self.commands, agent.command.first())
            && !commands.contains(program)
        {
            return Err(format!("the policy does not allow the program `{program}`"));
        }
        Ok(())
    }

    /// Whether the rules allow a remote.
    ///
    /// # Errors
    /// The rule that it breaks, in words.
    pub(crate) fn allows_remote(&self, remote: &str) -> Result<(), String> {
        let Some(remotes) = &self.remotes else {
            return Ok(());
        };
        let wanted = Remote::parse(remote).map_err(|error| error.to_string())?;
        let known = remotes
            .iter()
            .filter_map(|remote| Remote::parse(remote).ok());
        if known.into_iter().any(|known| known == wanted) {
            Ok(())
        } else {
            Err(format!("the policy does not allow the remote {wanted}"))
        }
    }
}
