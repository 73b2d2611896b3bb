//! What an agent is, which model it talks to, and what it is told.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::AgentError;
use crate::preset::Preset;

/// How the process is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Any program: its output is passed on, exit 0 is done.
    Command,
    /// Agent Client Protocol, version 1, over the process's standard input and output.
    Acp,
    /// Freehold's own loop over a model endpoint, with file and shell tools.
    Builtin,
}

impl FromStr for Driver {
    type Err = AgentError;

    fn from_str(word: &str) -> Result<Self, AgentError> {
        match word {
            "command" => Ok(Self::Command),
            "acp" => Ok(Self::Acp),
            "builtin" => Ok(Self::Builtin),
            _ => Err(AgentError::config(
                format!("there is no driver `{word}`"),
                "use `command`, `acp` or `builtin`",
            )),
        }
    }
}

/// The protocol family of a model endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// `/v1/chat/completions` and `/v1/responses`, bearer token.
    Openai,
    /// `/v1/messages`, `x-api-key`.
    Anthropic,
    /// `/api/chat`, and the compatible `/v1` paths.
    Ollama,
}

impl ProviderKind {
    /// The word used on the command line and in configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An agent as it was added: enough to plan how it is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentConfig {
    /// How it is spoken with.
    pub driver: Driver,
    /// Which agent of the field it is, if it is one that we know.
    #[serde(default)]
    pub preset: Option<Preset>,
    /// Program and arguments. Empty with a preset: the preset's own program, looked up in `PATH`.
    /// With a preset it names the program, and the preset adds the arguments of the driver.
    #[serde(default)]
    pub command: Vec<String>,
    /// The model's name as the provider knows it.
    #[serde(default)]
    pub model: Option<String>,
    /// What the endpoint speaks; needed where there is an endpoint.
    #[serde(default)]
    pub provider_kind: Option<ProviderKind>,
    /// It brings no file and shell tools: ours are offered to it, see [`crate::mcp`].
    #[serde(default)]
    pub tools: bool,
}

/// A token that opens the gateway for one run. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for the one place that hands it to the process.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The way to the model, as the process inside sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://127.0.0.1:PORT` without a path: the `/v1` or `/api` belongs to the protocol.
    pub base_url: String,
    /// The run's own token.
    pub token: Token,
}

/// A conversation that an agent can go on with, as long as its home is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The agent's own name for it.
    pub id: String,
    /// The version of the agent that wrote it, where it says one.
    #[serde(default)]
    pub agent_version: Option<String>,
}

/// What the agent is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// The task.
    pub prompt: String,
    /// A person's answer. In a conversation that goes on, this alone is said.
    pub reply: Option<String>,
    /// The project's own words for agents, as whoever vouches for them has them.
    pub instructions: Option<String>,
    /// What was said before, told again only where the conversation cannot go on.
    pub history: Option<String>,
}

impl Turn {
    /// The words for an agent that remembers the task.
    pub(crate) fn resumed(&self) -> String {
        match &self.reply {
            Some(reply) => reply.clone(),
            None => format!(
                "Go on with the task, which may have been interrupted:\n\n{}",
                self.prompt
            ),
        }
    }

    /// The words for an agent that knows nothing yet.
    pub(crate) fn fresh(&self) -> String {
        let mut text = self.prompt.clone();
        if let Some(instructions) = &self.instructions {
            text.push_str("\n\nThe project's own instructions for agents:\n\n");
            text.push_str(instructions);
        }
        if let Some(history) = &self.history {
            text.push_str("\n\nThis is a continuation. What happened before:\n\n");
            text.push_str(history);
        }
        if let Some(reply) = &self.reply {
            text.push_str("\n\nYou worked on this before; the workspace holds what you did. A person now answers:\n\n");
            text.push_str(reply);
        }
        text
    }
}
