//! Words about projects and cards.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use freehold_model::{CardId, Isolation, Lane};
use freehold_wire::order::Egress;

use super::ListWords;

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
        /// The folder of the repository that it is about: agents, setup and checks start there
        #[arg(long, value_name = "PATH")]
        directory: Option<String>,
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
    /// Change a project; runs that were started keep what they were started with
    Edit(ProjectEdit),
}

/// `project edit`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  freehold project edit demo --target release\n  freehold project edit demo --egress none\n  freehold project edit demo --isolation-at-least container\n  freehold project edit demo --directory services/api\n  freehold project edit demo --share 3\n\nThe remote stays: another repository is another project."
)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["name", "target", "egress", "isolation_at_least", "directory", "share"]))]
pub(crate) struct ProjectEdit {
    /// The project, by id or name
    pub(crate) project: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The branch to start from and to land on; a runner looks whether it is there
    #[arg(long, value_name = "BRANCH")]
    pub(crate) target: Option<String>,
    /// What may be reached from inside: none, registries (setup and checks only) or open
    #[arg(long, value_name = "POLICY")]
    pub(crate) egress: Option<Egress>,
    /// The weakest isolation that its runs may have, whatever agents say; `none` demands nothing
    #[arg(long, value_name = "TIER")]
    pub(crate) isolation_at_least: Option<Isolation>,
    /// The folder of the repository that it is about; `.` is the whole repository
    #[arg(long, value_name = "PATH")]
    pub(crate) directory: Option<String>,
    /// How many jobs it may have for one of a project whose share is 1, when runners are short
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) share: Option<u32>,
}

/// `card …`
#[derive(Debug, Subcommand)]
pub(crate) enum CardWords {
    /// Put a card on the board
    Add(CardAdd),
    /// List a project's cards
    #[command(
        after_help = "Example:\n  freehold card list --project demo\n  freehold card list --project demo --archived"
    )]
    List {
        /// The project, by id or name
        #[arg(long, value_name = "P")]
        project: String,
        /// Those that were put away instead
        #[arg(long)]
        archived: bool,
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
    /// Change what a card says; runs that were started keep what they were told
    Edit(CardEdit),
    /// Move a card to another lane, or within one
    #[command(
        after_help = "Example:\n  freehold card move card_01k3v8r2tqf5w0h9m6zc4x7yne Done\n  freehold card move card_01k3v8r2tqf5w0h9m6zc4x7yne Backlog --before card_01k3v8r2tqf5w0h9m6zc4x7yng"
    )]
    Move {
        /// The card
        card: String,
        /// Backlog, Planning, Build, Test, Review or Done
        lane: Lane,
        /// The card of that lane that it is put in front of; the lane's end where silent
        #[arg(long, value_name = "CARD")]
        before: Option<CardId>,
    },
    /// Put a card away; it leaves the board and can be restored
    #[command(after_help = "Example:\n  freehold card archive card_01k3v8r2tqf5w0h9m6zc4x7yne")]
    Archive {
        /// The card
        card: String,
    },
    /// Bring a card back that was put away
    #[command(after_help = "Example:\n  freehold card restore card_01k3v8r2tqf5w0h9m6zc4x7yne")]
    Restore {
        /// The card
        card: String,
    },
    /// Print what happened to a card, oldest first
    #[command(after_help = "Example:\n  freehold card history card_01k3v8r2tqf5w0h9m6zc4x7yne")]
    History {
        /// The card
        card: String,
        /// Where the list goes on
        #[command(flatten)]
        list: ListWords,
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
    /// Adding twice with one key adds one card; random where silent
    #[arg(long, value_name = "K")]
    pub(crate) idempotency_key: Option<String>,
}

/// `card edit`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold card edit card_01k3v8r2tqf5w0h9m6zc4x7yne --title 'Mend the parser, and test it'
  freehold card edit card_01k3v8r2tqf5w0h9m6zc4x7yne --body-file wish.md --if-version 3

What is not named stays. With --if-version nothing is changed when somebody else edited the card
since you saw that version (exit code 1, `stale`); `freehold card show` tells the version.")]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["title", "body", "body_file", "depends", "no_depends"]))]
pub(crate) struct CardEdit {
    /// The card
    pub(crate) card: String,
    /// What is wanted, in a line
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub(crate) title: Option<String>,
    /// The details; `-` reads them from standard input (2 MB at most)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) body: Option<String>,
    /// The file that holds the details
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    pub(crate) body_file: Option<PathBuf>,
    /// A card that must have landed first; may be repeated. These take the place of all it had
    #[arg(long, value_name = "CARD")]
    pub(crate) depends: Vec<CardId>,
    /// It waits for no other card
    #[arg(long, conflicts_with = "depends")]
    pub(crate) no_depends: bool,
    /// Only while it is at this version
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<u64>,
}
