//! Words about environments.

use clap::{Args, Subcommand};

use super::ListWords;

/// `environment …`
#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentWords {
    /// List environments: the ones that are active, newest first
    #[command(after_help = "\
Example:
  freehold environment list
  freehold environment list --project demo --all")]
    List(EnvironmentList),
    /// Show an environment, or a project's present one
    #[command(after_help = "\
Example:
  freehold environment show demo
  freehold environment show env_…")]
    Show {
        /// The environment's id, or the project's name
        environment: String,
    },
    /// Make a project ready before a run needs it: a runner fetches it and runs its setup
    #[command(after_help = "\
Example:
  freehold environment start demo
  freehold environment start demo --no-wait

A run makes its project's environment by itself; this only takes the first wait away. Asked again
while there is one, it gives that one.")]
    Start {
        /// The project, by id or name
        project: String,
        /// Do not wait until it is ready
        #[arg(long)]
        no_wait: bool,
    },
    /// Stop an environment: its runner forgets the project and gives the disk space back
    #[command(after_help = "\
Example:
  freehold environment stop demo
  freehold environment stop env_… --yes

Jobs that are in it end first (`freehold run cancel` ends one sooner). Work is on the git remote, and
a reply to a run goes on from there; a workspace with something that is not there is kept, and named.
It stops by itself when nothing was done in it for a while: see `freehold environment limits`.")]
    Stop {
        /// The environment's id, or the project's name
        environment: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Do not wait until it is cleared
        #[arg(long)]
        no_wait: bool,
    },
    /// Show or change how many environments there may be, and how long one may be idle
    #[command(after_help = "\
Example:
  freehold environment limits
  freehold environment limits --most 4 --idle 60")]
    Limits(LimitsWords),
    /// Show how long environments were active, by day and project
    #[command(after_help = "\
Example:
  freehold environment usage
  freehold environment usage --project demo --from 2026-01-01 --to 2026-01-31")]
    Usage(UsageWords),
}

/// `environment list`
#[derive(Debug, Args)]
pub(crate) struct EnvironmentList {
    /// Of this project, by id or name
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// Those that have ended, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Where the list goes on.
    #[command(flatten)]
    pub(crate) list: ListWords,
}

/// `environment limits`
#[derive(Debug, Args)]
pub(crate) struct LimitsWords {
    /// How many may have a place on a runner at a time
    #[arg(long, value_name = "N")]
    pub(crate) most: Option<u32>,
    /// Minutes without jobs and terminals after which one is stopped
    #[arg(long, value_name = "MINUTES")]
    pub(crate) idle: Option<u32>,
}

/// `environment usage`
#[derive(Debug, Args)]
pub(crate) struct UsageWords {
    /// Of this project, by id or name
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// The first day (UTC); 30 days before the last where silent
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) from: Option<String>,
    /// The last day; today where silent
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) to: Option<String>,
}
