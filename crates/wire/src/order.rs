//! Orders: what a person wants done, signed. A runner acts on nothing else. An order names no
//! runner and no epoch, so that a lost run is retried without anyone being on line.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::{
    CardId, Directory, EnvironmentId, Isolation, Limits, OrderId, ProjectId, RunId, RunnerId,
    TenantId, UserId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The DSSE payload type of an order.
pub const ORDER: &str = "application/vnd.freehold.order.v1+json";

/// A signed wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id; a runner's journal keeps it.
    pub id: OrderId,
    /// For whom.
    pub tenant: TenantId,
    /// The run it is for.
    pub run: RunId,
    /// Who asked.
    pub by: UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// A runner refuses it from then on.
    pub expires_at: DateTime<Utc>,
    /// The project's name and repository.
    pub project: ProjectRef,
    /// How strongly every step of it is kept apart from the machine: exactly this, or nothing is
    /// started. A word that this version does not know is refused.
    pub isolation: Isolation,
    /// What a container starts from: an absolute path of the runner's machine, or an image's name.
    #[serde(default)]
    pub image: Option<String>,
    /// What it may use up, where that is less than the runner allows. A limit that this version does
    /// not know is refused.
    #[serde(default)]
    pub limits: Limits,
    /// What to do.
    pub task: Task,
    /// What may be reached from inside.
    #[serde(default)]
    pub egress: Egress,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "task")]
pub enum Task {
    /// Run an agent on a card.
    Execute(Box<Execute>),
    /// Bring approved work onto the target.
    Land(Land),
    /// Fetch the project and run its setup, so that the next run begins at once. The order's run is
    /// the one of the environment's number ([`crate::link::as_run`]).
    Prepare(Prepare),
}

/// Make a project ready to be worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepare {
    /// The environment that it is made ready for.
    pub environment: EnvironmentId,
}

/// Run an agent on a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execute {
    /// The card and what it says.
    pub card: Prompt,
    /// The agent.
    pub agent: AgentSpec,
    /// Which turn of the conversation, from 0.
    pub turn: u32,
    /// A person's answer, from turn 1 on, or the reply that started a child run.
    pub reply: Option<String>,
    /// The run whose end this one answers.
    pub parent: Option<RunId>,
}

/// Bring approved work onto the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Land {
    /// The card, for the merge message.
    pub card: Prompt,
    /// The approved head.
    pub commit: String,
    /// The base it was seen against.
    pub base: Option<String>,
    /// The digest of the difference that was approved.
    pub digest: String,
    /// Who approved, in words for the merge commit.
    pub approved_by: String,
}

/// A card as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The card.
    pub id: CardId,
    /// Its title.
    pub title: String,
    /// Its body.
    pub body: String,
}

/// Where the code is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRef {
    /// The project.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The git remote.
    pub remote: String,
    /// The branch that work starts from and lands on.
    pub target: String,
    /// The folder of the repository that every step starts in; none is its root.
    #[serde(default)]
    pub directory: Option<Directory>,
}

/// An agent as it is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSpec {
    /// Its name.
    pub name: String,
    /// `command`, `acp` or `builtin`.
    pub driver: String,
    /// A known agent's preset.
    pub preset: Option<String>,
    /// Program and arguments.
    #[serde(default)]
    pub command: Vec<String>,
    /// Directories shown read-only in the sandbox.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The model provider.
    pub provider: Option<ProviderSpec>,
    /// Hard limit on the agent's time, in seconds.
    pub timeout_s: u64,
    /// Limit on its silence, in seconds.
    pub stall_s: u64,
    /// What a runner must offer.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Our file and shell tools are offered to it.
    #[serde(default)]
    pub tools: bool,
    /// Its workspace holds the repository's own settings for agents.
    #[serde(default)]
    pub repository_settings: bool,
}

/// A model provider. The key is named, or sealed to runners; never carried in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSpec {
    /// Its name.
    pub name: String,
    /// `openai`, `anthropic` or `ollama`.
    pub kind: String,
    /// The endpoint.
    pub base_url: String,
    /// Where the runner finds the key.
    pub key: KeyRef,
    /// The model to ask for.
    pub model: Option<String>,
}

/// Where a secret is found on the runner's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyRef {
    /// None is needed.
    None,
    /// An environment variable of the runner.
    Env(String),
    /// A file that the runner can read.
    File(String),
    /// Carried, sealed to each runner that was there when it was written.
    Sealed(Vec<SealedKey>),
}

/// A secret that one runner can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// The runner.
    pub runner: RunnerId,
    /// HPKE, for [`provider_key_purpose`].
    #[serde(with = "crate::base64url")]
    pub sealed: Vec<u8>,
}

/// What a provider's key is sealed for. The address is part of it: an order that names another
/// address with the same sealed key opens nothing, so a stolen control plane cannot send a key
/// elsewhere.
#[must_use]
pub fn provider_key_purpose(tenant: TenantId, base_url: &str) -> String {
    format!("provider-key/{tenant}/{base_url}")
}

/// What may be reached from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Egress {
    /// Nothing, not even for setup and checks.
    None,
    /// The package registries, for setup and checks; nothing for the agent.
    #[default]
    Registries,
    /// Any public address, for setup, checks and the agent.
    Open,
}

impl Egress {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Registries => "registries",
            Self::Open => "open",
        }
    }
}

impl std::str::FromStr for Egress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::None, Self::Registries, Self::Open]
            .into_iter()
            .find(|egress| egress.name() == text)
            .ok_or_else(|| {
                format!("`{text}` is not an egress policy; say none, registries or open")
            })
    }
}
