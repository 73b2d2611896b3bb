//! Words about projects, providers, agents and cards.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use freehold_model::{CardId, Lane};
use freehold_wire::order::Egress;

use super::{ListWords, label};
use crate::duration;

/// `project …`
#[derive(Debug, Subcommand)]
pub(crate) enum ProjectWords {
    /// Add a project; its remote is tried from a runner first
    #[command(
        after_help = "Example:\n  freehold project add demo --remote git@example.org:demo.git --target main"
    )]
    Add {
        /// Its name: letters, digits, `-`, `_`, `.`
        name: String,
        /// The git remote, as a runner reaches it
        #[arg(long, value_name = "URL")]
        remote: String,
        /// The branch to start from and to land on; the remote's default where silent
        #[arg(long, value_name = "BRANCH")]
        target: Option<String>,
        /// What may be reached from inside: none, registries (setup and checks only) or open
        #[arg(long, value_name = "POLICY", default_value = "registries")]
        egress: Egress,
    },
    /// List the projects
    #[command(after_help = "Example:\n  freehold project list")]
    List(ListWords),
    /// Show a project
    #[command(after_help = "Example:\n  freehold project show demo")]
    Show {
        /// The project, by id or name
        #[arg(value_name = "PROJECT")]
        name: String,
    },
}

/// `provider …`
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderWords {
    /// Add a model endpoint; it is tried from a runner first
    Add(ProviderAdd),
    /// List the providers
    #[command(after_help = "Example:\n  freehold provider list")]
    List(ListWords),
}

/// `provider add`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold provider add work --kind openai --base-url https://api.openai.com/v1 --key-env OPENAI_API_KEY
  freehold provider add local --kind ollama --base-url http://127.0.0.1:11434 --model qwen3

The key itself never leaves the runner's machine: only the name of the variable or the file is kept.")]
pub(crate) struct ProviderAdd {
    /// Its name
    pub(crate) name: String,
    /// Which protocol it speaks
    #[arg(long, value_parser = ["openai", "anthropic", "ollama"])]
    pub(crate) kind: String,
    /// The endpoint, as the runner reaches it
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: String,
    /// The environment variable of the runner that holds the key
    #[arg(long, value_name = "VAR", conflicts_with = "key_file")]
    pub(crate) key_env: Option<String>,
    /// The file on the runner's machine that holds the key
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The model to ask for
    #[arg(long, value_name = "M")]
    pub(crate) model: Option<String>,
}

/// `agent …`
#[derive(Debug, Subcommand)]
pub(crate) enum AgentWords {
    /// Add an agent
    Add(AgentAdd),
    /// List the agents
    #[command(after_help = "Example:\n  freehold agent list")]
    List(ListWords),
}

/// `agent add`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold agent add fixer --driver command -- ./fix.sh --quick
  freehold agent add codex --driver acp --preset codex --provider work
  freehold agent add loop --driver builtin --provider local --timeout 30m")]
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
    /// The program and its arguments, after `--`
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

/// `card …`
#[derive(Debug, Subcommand)]
pub(crate) enum CardWords {
    /// Put a card on the board
    Add(CardAdd),
    /// List a project's cards
    #[command(after_help = "Example:\n  freehold card list --project demo")]
    List {
        /// The project, by id or name
        #[arg(long, value_name = "P")]
        project: String,
        /// Where the list goes on
        #[command(flatten)]
        list: ListWords,
    },
    /// Show a card
    #[command(after_help = "Example:\n  freehold card show card_01k3v8r2tqf5w0h9m6zc4x7yne")]
    Show {
        /// The card
        card: String,
    },
    /// Move a card to another lane
    #[command(after_help = "Example:\n  freehold card move card_01k3v8r2tqf5w0h9m6zc4x7yne Done")]
    Move {
        /// The card
        card: String,
        /// Backlog, Planning, Build, Test, Review or Done
        lane: Lane,
    },
}

/// `card add`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold card add --project demo --title 'Mend the parser' --body 'It drops the last line.'
  freehold card add --project demo --title 'Mend the parser' --body - < wish.md")]
pub(crate) struct CardAdd {
    /// The project, by id or name
    #[arg(long, value_name = "P")]
    pub(crate) project: String,
    /// What is wanted, in a line
    #[arg(long, value_name = "T")]
    pub(crate) title: String,
    /// The details; `-` reads them from standard input (2 MB at most)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) body: Option<String>,
    /// A card that must have landed first; may be repeated
    #[arg(long, value_name = "CARD")]
    pub(crate) depends: Vec<CardId>,
}
