//! Every word of the command line. The comments are the manual: clap prints them.

mod agents;
mod audit;
mod board;
mod devices;
mod environments;
mod keep;
mod people;
mod roles;
mod runs;
mod sandbox;
mod tokens;
mod vm;
mod webhooks;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use freehold_model::Limit;

pub(crate) use agents::{
    AgentAdd, AgentEdit, AgentWords, KeyWords, ProviderAdd, ProviderEdit, ProviderWords,
};
pub(crate) use audit::{AuditList, AuditWords};
pub(crate) use board::{CardAdd, CardEdit, CardWords, ProjectEdit, ProjectWords};
pub(crate) use devices::{DeviceWords, LoginWords};
pub(crate) use environments::{EnvironmentWords, LimitsWords};
pub(crate) use keep::{AuditKeepWords, Keep};
pub(crate) use people::{AdminWords, IdentityWords, InviteWords, MemberWords, Seats};
pub(crate) use roles::{
    BackupVerb, BackupWords, ContentWords, DoctorArgs, DoctorWords, RestoreWords, RunnerWords,
    ScriptedWords, ServeArgs, ServeWords, ServerArgs, ServerWords, UpArgs, UpWords,
};
pub(crate) use runs::{EventsWords, RunWords, StartWords};
pub(crate) use sandbox::SandboxWords;
pub(crate) use tokens::{TokenCreate, TokenWords};
pub(crate) use vm::{VmRun, VmWords};
pub(crate) use webhooks::WebhookWords;

const LONG: &str = "\
Freehold runs coding agents on machines that you own: a card on the board becomes a reviewed \
commit on your own git remote.";

const EXAMPLES: &str = "\
From nothing to a landed commit:
  freehold up                                     (in a terminal of its own)
  freehold project add demo --remote git@example.org:demo.git
  freehold agent add fixer --driver command -- ./fix.sh
  freehold card add --project demo --title 'Mend the parser'
  freehold run start CARD --wait
  freehold run review RUN
  freehold run diff RUN
  freehold run approve RUN

Environment:
  FREEHOLD_URL, FREEHOLD_TOKEN   the server and the token to use; without them the
                                 installation on this machine is found by its client.json,
                                 else the server that `freehold login` signed in to
  FREEHOLD_DATA                  that installation's data directory
  NO_COLOR                       no colour

Exit codes: 0 done; 1 the work failed or was refused; 2 usage; 3 not allowed; 4 not reachable.";

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(
    name = "freehold",
    version,
    about = "A card on the board becomes a reviewed commit",
    long_about = LONG,
    after_help = EXAMPLES,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true
)]
pub(crate) struct Words {
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Print JSON for programs: one document (errors: one line on standard error)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The server's address [env: FREEHOLD_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The data directory of the installation on this machine [env: FREEHOLD_DATA]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine: server, runner and database
    Up(UpWords),
    /// Projects: the git repositories that work is done in
    #[command(subcommand, arg_required_else_help = true)]
    Project(ProjectWords),
    /// Providers: the model endpoints that agents use
    #[command(subcommand, arg_required_else_help = true)]
    Provider(ProviderWords),
    /// Agents: the programs that work on cards
    #[command(subcommand, arg_required_else_help = true)]
    Agent(AgentWords),
    /// Cards: what is wanted
    #[command(subcommand, arg_required_else_help = true)]
    Card(CardWords),
    /// Runs: an agent at work on a card, and the review of what came of it
    #[command(subcommand, arg_required_else_help = true)]
    Run(RunWords),
    /// Print what needs a person: finished work, failed runs, runs that nobody takes
    #[command(after_help = "Example:\n  freehold inbox")]
    Inbox(ListWords),
    /// Runners: the machines that agents work on
    #[command(subcommand, arg_required_else_help = true)]
    Runner(RunnerWords),
    /// Environments: projects that a runner has at hand
    #[command(subcommand, arg_required_else_help = true)]
    Environment(EnvironmentWords),
    /// Tokens: what programs use to act for you, or for the organization
    #[command(subcommand, arg_required_else_help = true)]
    Token(TokenWords),
    /// Webhooks: addresses that are told of what happens
    #[command(subcommand, arg_required_else_help = true)]
    Webhook(WebhookWords),
    /// The audit log: who did what, and the proof of it
    #[command(subcommand, arg_required_else_help = true)]
    Audit(AuditWords),
    /// Sign this machine in to a server that is elsewhere
    Login(LoginWords),
    /// Devices: machines that ask to be signed in as you
    #[command(subcommand, arg_required_else_help = true)]
    Device(DeviceWords),
    /// Members: who is in the organization
    #[command(subcommand, arg_required_else_help = true)]
    Member(MemberWords),
    /// Invitations: who is to come into the organization
    #[command(subcommand, arg_required_else_help = true)]
    Invite(InviteWords),
    /// Print a link that signs one browser in to Studio, once
    #[command(
        name = "sign-in",
        after_help = "Example:\n  freehold sign-in\n\nWhoever opens it acts as you. It is good for 15 minutes."
    )]
    SignIn,
    /// Revoke the token that this command uses
    #[command(
        name = "sign-out",
        after_help = "Example:\n  FREEHOLD_TOKEN=… freehold sign-out\n\nWhere that is the installation's own token, `freehold up` makes a new one when it starts."
    )]
    SignOut {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Print who you are to the server
    #[command(after_help = "Example:\n  freehold whoami")]
    Whoami,
    /// Run a command as a run would: in the sandbox, with this machine's tools and the registries
    Sandbox(SandboxWords),
    /// Run jobs in virtual machines of this machine
    #[command(subcommand)]
    Vm(VmWords),
    /// Say what this machine has and lacks, and how to mend it
    #[command(after_help = "Examples:\n  freehold doctor\n  freehold doctor --fix")]
    Doctor(DoctorWords),
    /// Take a backup of the installation on this machine, while it runs
    Backup(BackupWords),
    /// Put a backup into a new data directory
    Restore(RestoreWords),
    /// What whoever operates the server does about people, on its own machine
    #[command(subcommand, arg_required_else_help = true)]
    Admin(AdminWords),
    /// Print the completions for a shell
    #[command(
        after_help = "Example:\n  freehold completions bash > ~/.local/share/bash-completion/completions/freehold"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The server alone; `up` starts it
    #[command(hide = true)]
    Server(ServerWords),
    /// A model that follows a script and thinks nothing; for the demonstration and for tests
    #[command(hide = true)]
    ScriptedModel(ScriptedWords),
}

/// Where a list goes on.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListWords {
    /// Go on after this cursor: the `next` of the list before
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

/// A `K=V` of `--label`.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err("a label is KEY=VALUE, like gpu=a100".to_owned()),
    }
}

/// A `NAME=VALUE` of `--limit`.
pub(crate) fn limit(text: &str) -> Result<(Limit, u64), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a limit is NAME=VALUE, like memory=4GiB")?;
    let limit: Limit = name.parse()?;
    Ok((limit, limit.parse(value)?))
}

/// The labels as a map.
///
/// # Errors
/// When a key is given twice.
pub(crate) fn labels(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, String> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        if map.insert(key.clone(), value).is_some() {
            return Err(format!("the label `{key}` is given twice"));
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_words_are_consistent() {
        Words::command().debug_assert();
    }

    #[test]
    fn every_visible_command_has_an_example() {
        fn check(command: &clap::Command, path: &str) {
            let children: Vec<_> = command
                .get_subcommands()
                .filter(|c| !c.is_hide_set())
                .collect();
            if children.is_empty() {
                let help = command.get_after_help().map(ToString::to_string);
                let shown = help.is_some_and(|help| help.contains(path));
                assert!(shown, "`{path}` has no example of itself");
            }
            for child in children {
                check(child, &format!("{path} {}", child.get_name()));
            }
        }
        check(&Words::command(), "freehold");
    }

    #[test]
    fn a_label_is_a_pair_and_given_once() {
        assert_eq!(label("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(label("a").is_err() && label("=b").is_err() && label("a=").is_err());
        assert!(labels(vec![("a".into(), "1".into()), ("a".into(), "2".into())]).is_err());
    }
}
