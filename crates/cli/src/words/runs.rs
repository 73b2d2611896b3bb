//! Words about runs and their review.

use clap::{Args, Subcommand};
use freehold_model::priority::Priority;
use freehold_model::run::State;

use super::ListWords;

/// Most events that `--tail` holds in memory before it prints: more is a file's worth.
const TAIL_MAX: u64 = 10_000;

/// `run …`
#[derive(Debug, Subcommand)]
pub(crate) enum RunWords {
    /// Start an agent on a card
    Start(StartWords),
    /// List the runs
    #[command(
        after_help = "Example:\n  freehold run list --project demo\n  freehold run list --state waiting,failed"
    )]
    List {
        /// Only this project's, by id or name
        #[arg(long, value_name = "P")]
        project: Option<String>,
        /// Only this card's
        #[arg(long, value_name = "CARD")]
        card: Option<String>,
        /// Only in these states, parted by commas
        #[arg(long = "state", value_name = "S", value_delimiter = ',')]
        states: Vec<State>,
        /// Where the list goes on
        #[command(flatten)]
        list: ListWords,
    },
    /// Show a run: its state, why, its checks, and what to do next
    #[command(after_help = "Example:\n  freehold run show run_01k3v8r2tqf5w0h9m6zc4x7yne")]
    Show {
        /// The run
        run: String,
    },
    /// Print what a decision on a run rests on: what was asked, the agent's last words, the files
    #[command(after_help = "\
Example:
  freehold run review run_01k3v8r2tqf5w0h9m6zc4x7yne

A file is marked with `!` when machines execute or trust it by themselves once it has landed, with
the reason. A runner is asked where the target branch is now; that takes some seconds.")]
    Review {
        /// The run
        run: String,
    },
    /// Print a run's steps with their times
    #[command(after_help = "Example:\n  freehold run steps run_01k3v8r2tqf5w0h9m6zc4x7yne")]
    Steps {
        /// The run
        run: String,
    },
    /// Stop a run
    #[command(after_help = "Example:\n  freehold run cancel run_01k3v8r2tqf5w0h9m6zc4x7yne")]
    Cancel {
        /// The run
        run: String,
    },
    /// Print what happened in a run
    Events(EventsWords),
    /// Print the agent's own output, raw (with --json as well)
    #[command(
        after_help = "Example:\n  freehold run logs run_01k3v8r2tqf5w0h9m6zc4x7yne --follow\n  freehold run logs run_01k3v8r2tqf5w0h9m6zc4x7yne --tail 10000"
    )]
    Logs {
        /// The run
        run: String,
        /// Go on until the run has ended
        #[arg(long)]
        follow: bool,
        /// Only about the last so many bytes; a connection that breaks is then not taken up again
        #[arg(long, value_name = "BYTES")]
        tail: Option<u64>,
    },
    /// Print the work as a unified diff, raw (with --json as well)
    #[command(
        after_help = "Example:\n  freehold run diff run_01k3v8r2tqf5w0h9m6zc4x7yne | git apply --stat"
    )]
    Diff {
        /// The run
        run: String,
    },
    /// Approve a run's work, and land it
    #[command(after_help = "\
Example:
  freehold run approve run_01k3v8r2tqf5w0h9m6zc4x7yne --commit 4f2a91c0

Returns when the work is on the target (exit code 0) or was refused (exit code 1, with the reason).
Without --commit the approval is for the commit that the run has at this moment.")]
    Approve {
        /// The run
        run: String,
        /// The commit that you saw
        #[arg(long, value_name = "C")]
        commit: Option<String>,
    },
    /// Reject a run's work, for good
    #[command(
        after_help = "Example:\n  freehold run reject run_01k3v8r2tqf5w0h9m6zc4x7yne --reason 'Not what I meant'"
    )]
    Reject {
        /// The run
        run: String,
        /// Why
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        reason: String,
    },
    /// Answer a run: it goes on; one that has ended gets a successor that is told the answer
    #[command(
        after_help = "Example:\n  freehold run reply run_01k3v8r2tqf5w0h9m6zc4x7yne --text 'Keep the old name'"
    )]
    Reply {
        /// The run
        run: String,
        /// The answer; `-` reads it from standard input (2 MB at most)
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        text: String,
        /// Replying twice with one key replies once; random where silent
        #[arg(long, value_name = "K")]
        idempotency_key: Option<String>,
    },
}

fn priority(word: &str) -> Result<Priority, String> {
    let names = || Priority::ALL.map(Priority::name).join(", ");
    word.parse().map_err(|()| format!("not one of {}", names()))
}

/// `run start`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold run start card_01k3v8r2tqf5w0h9m6zc4x7yne --agent fixer --wait

With --wait the exit code is 0 when the run succeeded or waits for you, 1 when it ended otherwise.")]
pub(crate) struct StartWords {
    /// The card
    pub(crate) card: String,
    /// The agent, by id or name; the only one there is where silent
    #[arg(long, value_name = "A")]
    pub(crate) agent: Option<String>,
    /// low, normal, high or urgent: one step goes before what others asked for up to an hour earlier
    #[arg(long, value_name = "P", value_parser = priority)]
    pub(crate) priority: Option<Priority>,
    /// Starting twice with one key starts one run; random where silent
    #[arg(long, value_name = "K")]
    pub(crate) idempotency_key: Option<String>,
    /// Return when the run has ended or waits for a person, not at once
    #[arg(long)]
    pub(crate) wait: bool,
}

/// `run events`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold run events run_01k3v8r2tqf5w0h9m6zc4x7yne --follow
  freehold run events run_01k3v8r2tqf5w0h9m6zc4x7yne --tail 20
  freehold run events run_01k3v8r2tqf5w0h9m6zc4x7yne --kind agent.tool,check.finished
  freehold run events run_01k3v8r2tqf5w0h9m6zc4x7yne --json | jq -r .type

With --json each line is one event: {\"seq\",\"ts\",\"type\",\"payload\"}.")]
pub(crate) struct EventsWords {
    /// The run
    pub(crate) run: String,
    /// Go on until the run has ended
    #[arg(long)]
    pub(crate) follow: bool,
    /// Begin after this sequence number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) after: u64,
    /// Begin with the last N
    #[arg(long, value_name = "N", conflicts_with = "after", value_parser = clap::value_parser!(u64).range(1..=TAIL_MAX))]
    pub(crate) tail: Option<u64>,
    /// Only these kinds, parted by commas, like output, agent.message or check.finished
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',')]
    pub(crate) kinds: Vec<String>,
    /// Only of this step, like setup, agent or a check's name
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
}
