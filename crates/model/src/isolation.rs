//! How strongly a run is kept apart from the machine that it runs on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The tiers of isolation, weakest first: a later one keeps apart at least as strongly.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// A plain process with everything that the runner's user may do. Shown as unsandboxed.
    None,
    /// As [`Isolation::None`], in a working tree of its own. Shown as unsandboxed.
    Worktree,
    /// Namespaces, an empty root, no network but the ways that are opened.
    #[default]
    Sandbox,
    /// An OCI container, from an image where one is named.
    Container,
    /// A virtual machine with a kernel of its own.
    Vm,
}

impl Isolation {
    /// Every tier, weakest first.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Worktree,
        Self::Sandbox,
        Self::Container,
        Self::Vm,
    ];

    /// The name on the wire, in files and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Worktree => "worktree",
            Self::Sandbox => "sandbox",
            Self::Container => "container",
            Self::Vm => "vm",
        }
    }

    /// Whether something stands between the process and the machine.
    #[must_use]
    pub fn is_sandboxed(self) -> bool {
        self >= Self::Sandbox
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no isolation `{0}`; say none, worktree, sandbox, container or vm")]
pub struct NoSuchIsolation(String);

impl FromStr for Isolation {
    type Err = NoSuchIsolation;

    fn from_str(text: &str) -> Result<Self, NoSuchIsolation> {
        Self::ALL
            .into_iter()
            .find(|isolation| isolation.name() == text)
            .ok_or_else(|| NoSuchIsolation(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_stronger_is_more() {
        for pair in Isolation::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for isolation in Isolation::ALL {
            assert_eq!(isolation.name().parse(), Ok(isolation));
        }
        assert!("moat".parse::<Isolation>().is_err());
        assert!(!Isolation::Worktree.is_sandboxed() && Isolation::default().is_sandboxed());
    }
}
