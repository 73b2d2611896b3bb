//! Words about tokens for programs.

use clap::{Args, Subcommand};
use freehold_model::{Role, Scope};

use super::ListWords;

/// `token …`
#[derive(Debug, Subcommand)]
pub(crate) enum TokenWords {
    /// Make a token for a program, good for what you say and nothing else; it is shown this once
    Create(TokenCreate),
    /// List your tokens for programs that are good for something still
    #[command(
        after_help = "Examples:\n  freehold token list\n  freehold token list --service --json"
    )]
    List {
        /// Those of the organization, in place of yours
        #[arg(long)]
        service: bool,
        #[command(flatten)]
        list: ListWords,
    },
    /// Revoke a token: what uses it is cut off within seconds
    #[command(
        after_help = "Examples:\n  freehold token revoke ci\n  freehold token revoke --service deploy\n\nWhat it did stays. It does not come back: `freehold token create` makes another."
    )]
    Revoke {
        /// The token, by id or name
        token: String,
        /// One of the organization's, in place of yours
        #[arg(long)]
        service: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// `token create`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  freehold token create ci --scope read:jobs --scope write:jobs > token
  freehold token create dashboard --scope read:board --scope read:jobs --role viewer --days 30
  freehold token create deploy --service --role developer --scope write:jobs

It is printed alone on its line, once, and kept nowhere: put it where the program finds it as FREEHOLD_TOKEN.
A token of yours acts as you, with its scopes alone, and ends with your membership. A --service token is the
organization's: it acts with a role of its own, outlives you, and never decides on finished work. No token
makes tokens. What cannot be taken back takes the scope destroy as well: nobody is asked before it is done.
What each scope allows: docs/permissions.md.")]
pub(crate) struct TokenCreate {
    /// What you call it
    pub(crate) name: String,
    /// What it is for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
    pub(crate) scopes: Vec<Scope>,
    /// The most that it acts as: viewer, developer, admin or owner [default: what you are]
    #[arg(long, value_name = "ROLE", required_if_eq("service", "true"))]
    pub(crate) role: Option<Role>,
    /// How many days it is good for
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: u32,
    /// Make it the organization's, in place of yours
    #[arg(long)]
    pub(crate) service: bool,
}

/// A scope, or the words that there are.
fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|_| {
        let granted = Scope::ALL.iter().filter(|scope| **scope != Scope::Account);
        let names: Vec<&str> = granted.map(|scope| scope.name()).collect();
        format!("a scope is one of {}", names.join(", "))
    })
}
