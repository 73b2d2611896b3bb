//! Cards and lanes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The columns of the board, in their order. Static for now; a lane is its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Wanted some day.
    Backlog,
    /// Being thought about.
    Planning,
    /// Being worked on.
    Build,
    /// Being tried.
    Test,
    /// Waits for a person's decision.
    Review,
    /// Landed, or closed.
    Done,
}

impl Lane {
    /// All lanes from left to right.
    pub const ALL: [Self; 6] = [
        Self::Backlog,
        Self::Planning,
        Self::Build,
        Self::Test,
        Self::Review,
        Self::Done,
    ];

    /// The name, as people and the API write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backlog => "Backlog",
            Self::Planning => "Planning",
            Self::Build => "Build",
            Self::Test => "Test",
            Self::Review => "Review",
            Self::Done => "Done",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A lane that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no lane `{0}`; lanes are Backlog, Planning, Build, Test, Review, Done")]
pub struct NoSuchLane(String);

impl FromStr for Lane {
    type Err = NoSuchLane;

    fn from_str(text: &str) -> Result<Self, NoSuchLane> {
        Self::ALL
            .into_iter()
            .find(|lane| lane.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| NoSuchLane(text.chars().take(64).collect()))
    }
}
