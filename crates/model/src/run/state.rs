//! Where a run is, in a word.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a run is. The first five are public and frozen; the others extend them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Wants a runner.
    Queued,
    /// Offered to a runner that has not yet accepted.
    Dispatching,
    /// A runner works on it.
    Running,
    /// Done, and nothing can change it any more.
    Succeeded,
    /// Ended by an error.
    Failed,
    /// Waits for a person; holds no process and no slot.
    Waiting,
    /// Approved; being brought onto the target.
    Landing,
    /// Ended by a person before it was done.
    Cancelled,
    /// Refused by a check or by a person.
    Rejected,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Dispatching,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Waiting,
        Self::Landing,
        Self::Cancelled,
        Self::Rejected,
    ];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Dispatching => "dispatching",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Landing => "landing",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }

    /// Whether the run has reached its one terminal state.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Rejected
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("`{text}` is not a state of a run"))
    }
}
