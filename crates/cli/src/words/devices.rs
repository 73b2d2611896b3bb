//! Words about signing machines in.

use clap::{Args, Subcommand};

/// `login`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold login --server https://freehold.example.org
  (it shows a code; where you are signed in: freehold device approve BCDF-GHJK)

This machine then acts as you, but for your account itself: it makes no tokens and signs nobody in. The token is
kept in ~/.config/freehold/logins.json, is good for 90 days, and is one of `freehold token list`.")]
pub(crate) struct LoginWords {
    /// The server's address
    #[arg(long, value_name = "URL")]
    pub(crate) server: String,
    /// What you know this machine by [default: what it is called]
    #[arg(long)]
    pub(crate) name: Option<String>,
}

/// `device …`
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceWords {
    /// Sign in, as you, the machine that shows a code
    #[command(
        after_help = "Example:\n  freehold device approve BCDF-GHJK\n\nWhoever has that machine acts as you: approve a code that you see on it, and none that somebody sent you."
    )]
    Approve {
        /// The code, as the machine shows it
        code: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Turn away the machine that shows a code
    #[command(after_help = "Example:\n  freehold device deny BCDF-GHJK")]
    Deny {
        /// The code, as the machine shows it
        code: String,
    },
}
