//! Words of the roles that keep running, and the arguments that they get.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use freehold_server::{Net, Proxies, ProxyHeader};

use super::people::IdentityWords;
use super::{AuditKeepWords, Keep, ListWords, label};

/// `up`, as typed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cd my-repository && freehold up\n  freehold up --data /srv/freehold --listen 127.0.0.1:9000 --json"
)]
pub(crate) struct UpWords {
    /// The address to serve on; port 0 picks a free one. Beyond loopback only with TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// Go on with a database that is older than this server remembers; its live runs are marked
    #[arg(long)]
    pub(crate) accept_older_database: bool,
    /// How long what happened in runs (steps, what agents printed) is kept: days, or `forever`
    #[arg(long, value_name = "TIME", default_value = "400d")]
    pub(crate) keep_events: Keep,
    #[command(flatten)]
    pub(crate) keep_audit: AuditKeepWords,
}

/// What the role `up` gets.
#[derive(Debug, Clone)]
pub(crate) struct UpArgs {
    /// The data directory, absolute.
    pub(crate) data: PathBuf,
    /// The address to serve on.
    pub(crate) listen: String,
    /// A person says that an older database shall be used.
    pub(crate) accept_older_database: bool,
    /// How long what happened in runs is kept.
    pub(crate) keep_events: Keep,
    /// How long the audit log is kept.
    pub(crate) keep_audit: AuditKeepWords,
}

/// `server`, as typed.
#[derive(Debug, Args)]
pub(crate) struct ServerWords {
    /// The address to serve on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// How many runs of each tenant may be under way at a time [default: as many as its runners take]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs_per_tenant: Option<u32>,
    /// How many requests an organization may send in a second; a person or a token half as many
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests_per_second: u32,
    /// A proxy that may say where a request comes from: its network; may be repeated
    #[arg(long, value_name = "CIDR", requires = "trusted_proxy_header")]
    pub(crate) trusted_proxy: Vec<Net>,
    /// The header in which trusted proxies say it: `x-forwarded-for` or `forwarded`; no other is read
    #[arg(long, value_name = "HEADER", requires = "trusted_proxy")]
    pub(crate) trusted_proxy_header: Option<ProxyHeader>,
    /// Go on with a database that is older than this server remembers; its live runs are marked
    #[arg(long)]
    pub(crate) accept_older_database: bool,
    /// How long what happened in runs (steps, what agents printed) is kept: days, or `forever`
    #[arg(long, value_name = "TIME", default_value = "400d")]
    pub(crate) keep_events: Keep,
    /// Webhooks may be on this machine as well, without TLS and on any port: where all are its owner's
    #[arg(long)]
    pub(crate) webhooks_to_loopback: bool,
    #[command(flatten)]
    pub(crate) keep_audit: AuditKeepWords,
    #[command(flatten)]
    pub(crate) identity: IdentityWords,
    #[command(flatten)]
    pub(crate) content: ContentWords,
    /// The process to end with
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) parent: Option<i32>,
}

/// Where content lies, as typed.
#[derive(Debug, Clone, Args)]
pub(crate) struct ContentWords {
    /// Where diffs, transcripts and the like lie: s3://BUCKET/PREFIX, or a directory [default: `blobs` in the data directory]
    #[arg(long, value_name = "PLACE")]
    pub(crate) content: Option<String>,
    /// The bucket's service, where it is not AWS
    #[arg(long, value_name = "URL")]
    pub(crate) content_endpoint: Option<String>,
    /// The bucket's region [default: us-east-1]
    #[arg(long, value_name = "NAME")]
    pub(crate) content_region: Option<String>,
    /// A JSON file of mode 0600 with `access_key_id` and `secret_access_key`; without it AWS's environment or the machine's role
    #[arg(long, value_name = "FILE")]
    pub(crate) content_credentials: Option<PathBuf>,
    /// The bucket's name is in the host's name, not in the path
    #[arg(long)]
    pub(crate) content_virtual_host: bool,
    /// An endpoint without TLS will do, on another machine too
    #[arg(long)]
    pub(crate) content_allow_http: bool,
    /// The directory is one file system that several servers use
    #[arg(long)]
    pub(crate) content_shared: bool,
}

/// What the role `server` gets.
#[derive(Debug, Clone)]
pub(crate) struct ServerArgs {
    /// The data directory, absolute.
    pub(crate) data: PathBuf,
    /// The address to serve on.
    pub(crate) listen: String,
    /// How many runs of each tenant may be under way at a time.
    pub(crate) runs_per_tenant: Option<u32>,
    /// How many requests an organization may send in a second.
    pub(crate) requests_per_second: u32,
    /// Who may say where a request comes from, and in which header.
    pub(crate) proxies: Proxies,
    /// A person says that an older database shall be used.
    pub(crate) accept_older_database: bool,
    /// How long what happened in runs is kept.
    pub(crate) keep_events: Keep,
    /// How long the audit log is kept.
    pub(crate) keep_audit: AuditKeepWords,
    /// Whether webhooks may be on this machine.
    pub(crate) webhooks_to_loopback: bool,
    /// How people come in.
    pub(crate) identity: IdentityWords,
    /// Where content lies.
    pub(crate) content: ContentWords,
    /// The process to end with.
    pub(crate) parent: Option<i32>,
}

/// `runner …`
#[derive(Debug, Subcommand)]
pub(crate) enum RunnerWords {
    /// List the runners
    #[command(after_help = "Example:\n  freehold runner list")]
    List(ListWords),
    /// Make a token that enrols one runner, once
    #[command(
        name = "enroll-token",
        after_help = "Example:\n  freehold runner enroll-token > token\n  (carry it to the other machine, then: freehold runner serve --server URL --token-file token)"
    )]
    EnrollToken,
    /// Shut a runner out for good; work that it holds goes to another
    #[command(
        after_help = "Example:\n  freehold runner revoke rnr_01k3v8r2tqf5w0h9m6zc4x7yne\n\nIts machine can be enrolled anew: `freehold runner enroll-token`."
    )]
    Revoke {
        /// The runner, by id or name
        runner: String,
        /// Do not ask: this says yes, as a script must
        #[arg(long)]
        yes: bool,
    },
    /// Be a runner of a server; enrols with the token the first time
    Serve(ServeWords),
}

/// `runner serve`, as typed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  freehold runner serve --server https://freehold.example.org --token-file token --label gpu=a100\n\nAn enrolled runner needs no token again."
)]
pub(crate) struct ServeWords {
    /// The server's address
    #[arg(long, value_name = "URL")]
    pub(crate) server: String,
    /// The file with the one-time enrolment token; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// What this runner offers; may be repeated
    #[arg(long = "label", value_name = "K=V", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// The process to end with
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) parent: Option<i32>,
    /// The file with its owner's answers about credentials
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) consent: Option<PathBuf>,
}

/// `scripted-model`, as typed.
#[derive(Debug, Args)]
pub(crate) struct ScriptedWords {
    /// The loopback address to serve on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
    /// The script, TOML or JSON
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    pub(crate) script: Option<PathBuf>,
    /// Play the script of the demonstration
    #[arg(long)]
    pub(crate) demo: bool,
}

/// What the role `runner serve` gets.
#[derive(Debug, Clone)]
pub(crate) struct ServeArgs {
    /// The server's address.
    pub(crate) server: String,
    /// The file with the enrolment token; `-` is standard input.
    pub(crate) token_file: Option<PathBuf>,
    /// The runner's own data directory, absolute.
    pub(crate) data: PathBuf,
    /// What it offers.
    pub(crate) labels: std::collections::BTreeMap<String, String>,
    /// The process to end with.
    pub(crate) parent: Option<i32>,
    /// The file with its owner's answers about credentials.
    pub(crate) consent: Option<PathBuf>,
}

/// `backup`, as typed.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  freehold backup --to /mnt/backups
  freehold backup --to freehold.backup --without-keys
  freehold backup --to /mnt/backups --content s3://my-bucket/freehold --content-region eu-central-1
  freehold backup verify freehold.backup

It is taken while everything runs, and is as of one instant. It holds the server's key, without which nothing
in it can be read: keep it like that key. --without-keys leaves the key out; then keep keys/seal.key of the
data directory elsewhere. Runners' own data directories are not in it. Where the server is started with
--content and what belongs to it, say the same here."
)]
pub(crate) struct BackupWords {
    /// What else to do than to take one
    #[command(subcommand)]
    pub(crate) verb: Option<BackupVerb>,
    /// The file to make, or a folder to make one in
    #[arg(long, value_name = "PATH", required = true)]
    pub(crate) to: Option<PathBuf>,
    /// Leave the server's key out
    #[arg(long)]
    pub(crate) without_keys: bool,
    /// Take it though content that rows name is not there
    #[arg(long)]
    pub(crate) allow_missing: bool,
    #[command(flatten)]
    pub(crate) content: ContentWords,
}

/// `backup …`
#[derive(Debug, Subcommand)]
pub(crate) enum BackupVerb {
    /// Look through a backup: whole, unchanged, and everything there that its rows name
    #[command(after_help = "Example:\n  freehold backup verify freehold.backup")]
    Verify {
        /// The backup
        file: PathBuf,
        /// One that lacks content that rows name will do
        #[arg(long)]
        allow_missing: bool,
    },
}

/// `restore`, as typed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  freehold restore --from freehold.backup --data /srv/freehold && freehold up --data /srv/freehold\n\nThe folder of --data must not exist, or be empty. Runs that had not ended are marked `database_went_back`,\nsince they may have gone further than the backup knows."
)]
pub(crate) struct RestoreWords {
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// The server's key, for a backup that was taken without it
    #[arg(long, value_name = "FILE")]
    pub(crate) seal_key: Option<PathBuf>,
}

/// What a person says to `doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorWords {
    /// Boot a virtual machine, too, to see whether it works and how; takes seconds to minutes
    #[arg(long)]
    pub(crate) boot: bool,
    /// Remove what keeps the sandbox from working here; each step is shown, and asked about
    #[arg(long)]
    pub(crate) fix: bool,
    /// Ask nothing
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
}

/// What the role `doctor` gets.
#[derive(Debug, Clone)]
pub(crate) struct DoctorArgs {
    /// The data directory of the installation on this machine, absolute.
    pub(crate) data: PathBuf,
    /// What was said.
    pub(crate) words: DoctorWords,
}
