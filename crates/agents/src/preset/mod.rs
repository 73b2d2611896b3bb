//! What we know of the agents of the field, one file each.
//!
//! To add one: a file here with a [`Recipe`], a variant of [`Preset`], a line in [`Preset::recipe`].

mod claude;
mod codex;
mod gemini;
mod opencode;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::{Driver, Endpoint, ProviderKind, Session};
use crate::error::AgentError;
use crate::plan::HomeFile;

/// The variable that carries the run's token to agents that take their key from a variable of ours.
pub(crate) const TOKEN_VARIABLE: &str = "FREEHOLD_MODEL_TOKEN";

/// An agent of the field that Freehold knows how to start, point at an endpoint and isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Claude Code: headless with `command`, through `claude-agent-acp` with `acp`.
    Claude,
    /// Codex: `codex exec` with `command`, through `codex-acp` with `acp`.
    Codex,
    /// Gemini CLI: `-o stream-json` with `command`, `--acp` with `acp`.
    Gemini,
    /// opencode: `opencode run` with `command`, `opencode acp` with `acp`.
    Opencode,
}

/// What the rest of this crate asks of an agent's file.
pub(crate) struct Recipe {
    /// The provider kinds whose wire the agent can speak, best first.
    pub(crate) kinds: &'static [ProviderKind],
    /// The driver to use when nobody says which.
    pub(crate) driver: Driver,
    /// The program for [`Driver::Acp`], as its package installs it.
    pub(crate) acp_program: &'static str,
    /// What makes that program speak ACP.
    pub(crate) acp_args: &'static [&'static str],
    /// The program for [`Driver::Command`]; also the one whose version counts.
    pub(crate) program: &'static str,
    /// The program itself in its package for `{arch}`, below `node_modules`.
    pub(crate) native: Option<&'static str>,
    /// Paths below `HOME` that hold its conversations.
    pub(crate) transcripts: &'static [&'static str],
    /// Arguments of the headless mode, which reads the prompt from standard input.
    pub(crate) headless: fn(model: Option<&str>, resume: Option<&Session>) -> Vec<String>,
    /// Environment and files that isolate it and point it at an endpoint.
    pub(crate) configure: fn(&Place<'_>) -> Result<Setup, AgentError>,
}

/// What a recipe is given.
pub(crate) struct Place<'a> {
    /// `HOME` inside.
    pub(crate) home: &'a Path,
    /// The root of the workspace inside.
    pub(crate) workspace: &'a Path,
    /// Where the agent starts.
    pub(crate) start: &'a Path,
    /// Where the model is, with the kind that was checked against the recipe.
    pub(crate) model: Option<(&'a Endpoint, ProviderKind, &'a str)>,
}

/// What a recipe answers.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) files: Vec<HomeFile>,
}

impl Setup {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.insert(name.to_owned(), value.into());
    }
}

impl Preset {
    /// All presets, in the order in which they are proposed.
    pub const ALL: [Self; 4] = [Self::Claude, Self::Codex, Self::Opencode, Self::Gemini];

    pub(crate) fn recipe(self) -> &'static Recipe {
        match self {
            Self::Claude => &claude::RECIPE,
            Self::Codex => &codex::RECIPE,
            Self::Gemini => &gemini::RECIPE,
            Self::Opencode => &opencode::RECIPE,
        }
    }

    /// The word used on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
        }
    }

    /// The driver to use when nobody says which.
    #[must_use]
    pub fn driver(self) -> Driver {
        self.recipe().driver
    }

    /// The kinds of provider that this agent can be pointed at, best first. Empty: none of them.
    #[must_use]
    pub fn provider_kinds(self) -> &'static [ProviderKind] {
        self.recipe().kinds
    }

    /// The program that `driver` starts, as the agent's package installs it. `None` for `builtin`.
    #[must_use]
    pub fn program(self, driver: Driver) -> Option<&'static str> {
        match driver {
            Driver::Command => Some(self.recipe().program),
            Driver::Acp => Some(self.recipe().acp_program),
            Driver::Builtin => None,
        }
    }

    /// The command that prints the agent's version and ends.
    #[must_use]
    pub fn version_command(self) -> [&'static str; 2] {
        [self.recipe().program, "--version"]
    }

    /// Paths below `HOME` that hold the agent's conversations: keep them, and a run can go on elsewhere.
    #[must_use]
    pub fn transcripts(self) -> &'static [&'static str] {
        self.recipe().transcripts
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Preset {
    type Err = AgentError;

    fn from_str(word: &str) -> Result<Self, AgentError> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.word() == word)
            .ok_or_else(|| {
                let known: Vec<&str> = Self::ALL.iter().map(|preset| preset.word()).collect();
                AgentError::config(
                    format!("there is no preset `{word}`"),
                    format!("use one of {}", known.join(", ")),
                )
            })
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_its_preset() {
        for preset in Preset::ALL {
            assert_eq!(preset.word().parse::<Preset>().unwrap(), preset);
            assert_eq!(serde_json::to_value(preset).unwrap(), preset.word());
        }
        let error = "aider".parse::<Preset>().unwrap_err().to_string();
        assert!(error.contains("claude, codex, opencode, gemini"), "{error}");
    }
}
