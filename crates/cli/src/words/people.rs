//! Words about people: members, invitations, and what whoever operates the server does about them.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use freehold_engine::identity::Registration;
use freehold_model::{Role, TenantId};

use super::ListWords;

/// `member …`
#[derive(Debug, Subcommand)]
pub(crate) enum MemberWords {
    /// List the members
    #[command(
        after_help = "Examples:\n  freehold member list\n  freehold member list --search ada"
    )]
    List {
        /// Only those in whose name or address this stands
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
        #[command(flatten)]
        list: ListWords,
    },
    /// Change what a member is, or whether they decide on finished work
    Edit(MemberEdit),
    /// Remove a member: their runs end, their tokens are void
    #[command(
        after_help = "Example:\n  freehold member remove ada@example.org\n\nWhat they did stays. They come back by another invitation: `freehold invite create`."
    )]
    Remove {
        /// The member, by address or id
        member: String,
        /// Do not ask: this says yes, as a script must
        #[arg(long)]
        yes: bool,
    },
}

/// `member edit`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).multiple(true),
    after_help = "Examples:\n  freehold member edit ada@example.org --role developer\n  freehold member edit ada@example.org --review true\n\nWhat an owner is, owners decide, and one of them stays."
)]
pub(crate) struct MemberEdit {
    /// The member, by address or id
    pub(crate) member: String,
    /// viewer, developer, admin or owner
    #[arg(long, value_name = "ROLE", group = "what")]
    pub(crate) role: Option<Role>,
    /// Whether they decide on finished work, whatever the role
    #[arg(long, value_name = "BOOL", group = "what")]
    pub(crate) review: Option<bool>,
}

/// `invite …`
#[derive(Debug, Subcommand)]
pub(crate) enum InviteWords {
    /// Invite somebody by mail, for a week
    #[command(
        after_help = "Examples:\n  freehold invite create ada@example.org\n  freehold invite create ada@example.org --role viewer --review\n\nNobody else can accept it. An invitation that is open for the address is replaced."
    )]
    Create {
        /// The address
        email: String,
        /// What they are to be: viewer, developer, admin or owner
        #[arg(long, value_name = "ROLE", default_value = "developer")]
        role: Role,
        /// They decide on finished work, whatever the role
        #[arg(long)]
        review: bool,
    },
    /// List invitations, the newest first
    #[command(after_help = "Example:\n  freehold invite list")]
    List(ListWords),
    /// Send an invitation anew, for another week; the link before is void
    #[command(after_help = "Example:\n  freehold invite resend ada@example.org")]
    Resend {
        /// The invitation, by address or id
        invitation: String,
    },
    /// Take an invitation back
    #[command(after_help = "Example:\n  freehold invite revoke ada@example.org")]
    Revoke {
        /// The invitation, by address or id
        invitation: String,
    },
}

/// `admin …`
#[derive(Debug, Subcommand)]
pub(crate) enum AdminWords {
    /// Make somebody an owner of an organization whose owners cannot sign in any more
    #[command(
        after_help = "Example:\n  freehold admin owner --email ada@example.org\n\nPrints a token that sets their password once, within an hour. It takes the address of the database's owner\nin database.json, and leaves an entry in the organization's audit log."
    )]
    Owner {
        /// The organization, by id; the only one, where silent
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
        /// Who
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
    /// Say how many members an organization may have
    #[command(
        after_help = "Examples:\n  freehold admin seats 10\n  freehold admin seats none\n\nWhoever is a member stays."
    )]
    Seats {
        /// How many, or `none` for as many as like
        #[arg(value_name = "N", value_parser = seats)]
        seats: Seats,
        /// The organization, by id; the only one, where silent
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
    },
}

/// How many members there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seats(pub(crate) Option<i32>);

fn seats(text: &str) -> Result<Seats, String> {
    match text {
        "none" => Ok(Seats(None)),
        _ => match text.parse() {
            Ok(seats) if seats > 0 => Ok(Seats(Some(seats))),
            _ => Err("say a number from 1 on, or none".to_owned()),
        },
    }
}

/// How people come in, as typed.
#[derive(Debug, Clone, Args)]
pub(crate) struct IdentityWords {
    /// Who gets an account: open (whoever asks), invited (whoever was invited) or closed (nobody)
    #[arg(long, value_name = "WHO", default_value = "invited")]
    pub(crate) registration: Registration,
    /// People may make organizations of their own [default: where registration is open]
    #[arg(long, value_name = "BOOL")]
    pub(crate) organizations: Option<bool>,
    /// Where people find this server; links in mails begin with it [default: where it listens]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// A file of mode 0600 with the mail server's address: smtps://USER:PASSWORD@HOST
    #[arg(long, value_name = "FILE", group = "post")]
    pub(crate) smtp_file: Option<PathBuf>,
    /// The environment variable that holds the mail server's address
    #[arg(long, value_name = "NAME", group = "post")]
    pub(crate) smtp_env: Option<String>,
    /// Put mails into this directory, in place of sending them
    #[arg(long, value_name = "DIR", group = "post")]
    pub(crate) mail_dir: Option<PathBuf>,
    /// The sender of mails [default: freehold@ and the host of --public-url]
    #[arg(long, value_name = "ADDRESS", requires = "post")]
    pub(crate) mail_from: Option<String>,
    /// A file that names providers of identities (OpenID Connect) that people sign in with
    #[arg(long, value_name = "FILE")]
    pub(crate) oidc: Option<PathBuf>,
}
