//! Words about agents and the providers of their models.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use freehold_model::{Isolation, Limit};

use super::{ListWords, label, limit};
use crate::duration;

/// `provider …`
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderWords {
    /// Add a model endpoint; it is tried from a runner first
    Add(ProviderAdd),
    /// List the providers
    #[command(after_help = "Example:\n  freehold provider list")]
    List(ListWords),
    /// Change a provider; it is tried from a runner first
    Edit(ProviderEdit),
    /// Give a provider's key; it is read from standard input, sealed to the runners, never shown
    #[command(after_help = "\
Example:
  freehold provider key work                      (asks for it, and does not show what you paste)
  pass show openai | freehold provider key work

It is never a word of a command line: those are kept by shells and seen by every process.")]
    Key {
        /// The provider, by id or name
        provider: String,
    },
    /// Remove a provider that no agent uses
    #[command(after_help = "Example:\n  freehold provider remove work")]
    Remove {
        /// The provider, by id or name
        provider: String,
        /// Do not ask: this says yes, as a script must
        #[arg(long)]
        yes: bool,
    },
}

/// `provider add`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold provider add work --kind openai --base-url https://api.openai.com/v1 --key-env OPENAI_API_KEY
  freehold provider add work --kind openai --base-url https://api.openai.com/v1 --key-stdin
  freehold provider add local --kind ollama --base-url http://127.0.0.1:11434 --model qwen3

With --key-env and --key-file the key itself never leaves the runner's machine: only the name of the
variable or the file is kept. With --key-stdin it is sealed to the runners that there are now.")]
pub(crate) struct ProviderAdd {
    /// Its name
    pub(crate) name: String,
    /// Which protocol it speaks
    #[arg(long, value_parser = ["openai", "anthropic", "ollama"])]
    pub(crate) kind: String,
    /// The endpoint, as the runner reaches it
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: String,
    /// Where the key is.
    #[command(flatten)]
    pub(crate) key: KeyWords,
    /// The model to ask for
    #[arg(long, value_name = "M")]
    pub(crate) model: Option<String>,
}

/// Where a provider's key is.
#[derive(Debug, Args)]
#[group(id = "key", multiple = false)]
pub(crate) struct KeyWords {
    /// The environment variable of the runner that holds the key
    #[arg(long, value_name = "VAR")]
    pub(crate) key_env: Option<String>,
    /// The file on the runner's machine that holds the key
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Read the key from standard input, and seal it to the runners
    #[arg(long)]
    pub(crate) key_stdin: bool,
}

/// `provider edit`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold provider edit work --model gpt-5
  freehold provider edit work --base-url https://models.example.org/v1

What is not named stays; so does the key, unless it is named.")]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["name", "base_url", "key_env", "key_file", "key_stdin", "no_key", "model", "no_model"]))]
pub(crate) struct ProviderEdit {
    /// The provider, by id or name
    pub(crate) provider: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The endpoint, as the runner reaches it
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Where the key is.
    #[command(flatten)]
    pub(crate) key: KeyWords,
    /// It needs no key
    #[arg(long, conflicts_with = "key")]
    pub(crate) no_key: bool,
    /// The model to ask for
    #[arg(long, value_name = "M")]
    pub(crate) model: Option<String>,
    /// Agents say which model, or the endpoint's default counts
    #[arg(long, conflicts_with = "model")]
    pub(crate) no_model: bool,
}

/// `agent …`
#[derive(Debug, Subcommand)]
pub(crate) enum AgentWords {
    /// Add an agent
    Add(AgentAdd),
    /// List the agents
    #[command(after_help = "Example:\n  freehold agent list")]
    List(ListWords),
    /// Change an agent; runs that were started keep the agent they were started with
    Edit(AgentEdit),
    /// Remove an agent; its runs stay
    #[command(after_help = "Example:\n  freehold agent remove fixer")]
    Remove {
        /// The agent, by id or name
        agent: String,
        /// Do not ask: this says yes, as a script must
        #[arg(long)]
        yes: bool,
    },
}

/// `agent add`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold agent add fixer --driver command -- ./fix.sh --quick
  freehold agent add codex --driver acp --preset codex --provider work
  freehold agent add loop --driver builtin --provider local --timeout 30m
  freehold agent add boxed --driver command --isolation container --image /srv/debian -- ./fix.sh

Its runs are kept apart from the machine: by a sandbox where nothing else is said. `worktree` and
`none` are unsandboxed: the agent may do what the runner's user may do, with the machine's network.
In `worktree` each run has a working tree of its own; in `none` the runs of a project take turns in
one, where what git ignores stays. They go only to machines whose owner says so, in policy.toml.")]
pub(crate) struct AgentAdd {
    /// Its name
    pub(crate) name: String,
    /// How it is spoken to: any program, the Agent Client Protocol, or our own loop
    #[arg(long, value_parser = ["command", "acp", "builtin"])]
    pub(crate) driver: String,
    /// What is known about this agent: codex, opencode, claude, gemini
    #[arg(long)]
    pub(crate) preset: Option<String>,
    /// The model provider, by id or name
    #[arg(long, value_name = "P")]
    pub(crate) provider: Option<String>,
    /// A directory that its program needs, shown read-only in the sandbox; may be repeated
    #[arg(long = "path", value_name = "DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// What a runner must offer; may be repeated
    #[arg(long = "label", value_name = "K=V", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Hard limit on its time, like 90s, 10m, 1h [default: 60m]
    #[arg(long, value_name = "D", value_parser = duration::seconds)]
    pub(crate) timeout: Option<u64>,
    /// Limit on its silence, like 90s, 10m, 1h [default: 10m]
    #[arg(long, value_name = "D", value_parser = duration::seconds)]
    pub(crate) stall: Option<u64>,
    /// How its runs are kept apart: none, worktree, sandbox, container or vm [default: sandbox]
    #[arg(long, value_name = "TIER")]
    pub(crate) isolation: Option<Isolation>,
    /// What a container starts from: a directory on the runner's machine, or an image's name
    #[arg(long, value_name = "NAME_OR_DIR")]
    pub(crate) image: Option<String>,
    /// What its runs may use up, like memory=4GiB, tasks=500, cpu=1.5, disk=10GiB; may be repeated
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit)]
    pub(crate) limits: Vec<(Limit, u64)>,
    /// Offer it our file and shell tools (Model Context Protocol), when it brings none
    #[arg(long)]
    pub(crate) tools: bool,
    /// Let it find the repository's own settings for agents, which can start programs
    #[arg(long)]
    pub(crate) repository_settings: bool,
    /// The program and its arguments, after `--`
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

/// `agent edit`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold agent edit fixer --timeout 2h
  freehold agent edit fixer --limit memory=8GiB --limit disk=40GiB
  freehold agent edit fixer -- ./fix.sh --thorough

What is not named stays; directories, labels and limits that are named take the place of all it had. Another
driver or preset is another agent: add that.")]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["name", "provider", "no_provider", "paths", "no_paths", "labels", "no_labels", "timeout", "stall", "isolation", "image", "no_image", "limits", "no_limits", "tools", "no_tools", "repository_settings", "no_repository_settings", "command", "no_command"]))]
pub(crate) struct AgentEdit {
    /// The agent, by id or name
    pub(crate) agent: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The model provider, by id or name
    #[arg(long, value_name = "P")]
    pub(crate) provider: Option<String>,
    /// It needs no model, or brings its own
    #[arg(long, conflicts_with = "provider")]
    pub(crate) no_provider: bool,
    /// A directory that its program needs, shown read-only in the sandbox; may be repeated
    #[arg(long = "path", value_name = "DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// What a runner must offer; may be repeated
    #[arg(long = "label", value_name = "K=V", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Hard limit on its time, like 90s, 10m, 1h
    #[arg(long, value_name = "D", value_parser = duration::seconds)]
    pub(crate) timeout: Option<u64>,
    /// Limit on its silence, like 90s, 10m, 1h
    #[arg(long, value_name = "D", value_parser = duration::seconds)]
    pub(crate) stall: Option<u64>,
    /// How its runs are kept apart: none, worktree, sandbox, container or vm
    #[arg(long, value_name = "TIER")]
    pub(crate) isolation: Option<Isolation>,
    /// What a container starts from: a directory on the runner's machine, or an image's name
    #[arg(long, value_name = "NAME_OR_DIR")]
    pub(crate) image: Option<String>,
    /// A container shows what the runner's machine has
    #[arg(long, conflicts_with = "image")]
    pub(crate) no_image: bool,
    /// What its runs may use up, like memory=4GiB, tasks=500, cpu=1.5, disk=10GiB; may be repeated
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit)]
    pub(crate) limits: Vec<(Limit, u64)>,
    /// What the runner allows is enough
    #[arg(long, conflicts_with = "limits")]
    pub(crate) no_limits: bool,
    /// Offer it our file and shell tools (Model Context Protocol), when it brings none
    #[arg(long)]
    pub(crate) tools: bool,
    /// It brings its own tools
    #[arg(long, conflicts_with = "tools")]
    pub(crate) no_tools: bool,
    /// Let it find the repository's own settings for agents, which can start programs
    #[arg(long)]
    pub(crate) repository_settings: bool,
    /// Keep the repository's own settings for agents from it
    #[arg(long, conflicts_with = "repository_settings")]
    pub(crate) no_repository_settings: bool,
    /// It needs no directory
    #[arg(long, conflicts_with = "paths")]
    pub(crate) no_paths: bool,
    /// Any runner will do
    #[arg(long, conflicts_with = "labels")]
    pub(crate) no_labels: bool,
    /// The program that its preset knows
    #[arg(long, conflicts_with = "command")]
    pub(crate) no_command: bool,
    /// The program and its arguments, after `--`
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}
