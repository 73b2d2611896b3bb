//! Words of `freehold audit`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use freehold_wire::base64url;

/// `audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditWords {
    /// Print who did what, newest first
    #[command(
        after_help = "Examples:\n  freehold audit list\n  freehold audit list --action run. --since 2026-11-01T00:00:00Z\n  freehold audit list --resource run_01k3v8r2tqf5w0h9m6zc4x7yne --json"
    )]
    List(AuditList),
    /// Print the log as lines of JSON that prove themselves
    #[command(
        after_help = "Examples:\n  freehold audit export > audit.jsonl\n  freehold audit export --after 1200 > since.jsonl\n\nThat it was asked for is its last entry. Check it anywhere: `freehold audit verify audit.jsonl`."
    )]
    Export {
        /// Entries behind the one with this number
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
    },
    /// Print how far the log has come, signed: kept elsewhere it proves what was before
    #[command(after_help = "Example:\n  freehold audit head --json >> witness.jsonl")]
    Head,
    /// Check exported files, with no server
    #[command(
        after_help = "Examples:\n  freehold audit verify audit.jsonl\n  freehold audit verify audit.jsonl since.jsonl --key KEY\n\nSeveral files are parts of one log, in order. Without `--key` a file is held to the key that it names itself: compare it with what `freehold audit head` printed at a time that you trust."
    )]
    Verify {
        /// The files; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The key that must have signed, as `freehold audit head` prints it
        #[arg(long, value_name = "KEY", value_parser = key)]
        key: Option<[u8; 32]>,
    },
}

/// `audit list`
#[derive(Debug, Args)]
pub(crate) struct AuditList {
    /// Of this person, token or runner: an id
    #[arg(long, value_name = "ID")]
    pub(crate) actor: Option<String>,
    /// Of this action; of all whose name begins so where it ends in a dot: `run.`
    #[arg(long, value_name = "NAME")]
    pub(crate) action: Option<String>,
    /// About this thing: an id
    #[arg(long, value_name = "ID")]
    pub(crate) resource: Option<String>,
    /// From then on
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Before then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<DateTime<Utc>>,
    /// Most entries
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
    /// Go on after this cursor: the `next` of the list before
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

fn key(text: &str) -> Result<[u8; 32], String> {
    let bytes = base64url::decode(text).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "it is no key; `freehold audit head` prints one".to_owned())
}
