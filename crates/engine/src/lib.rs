//! Use cases and reconcilers of the core: runs, board, tenants, runners, audit.
//!
//! A use case takes a [`Caller`] (who acts, in which tenant), opens one transaction, decides with
//! `model`, writes with `store`, and commits before it answers. A reconciler takes no input: a
//! timer or a hint wakes it and it looks at the database afresh. Content is opened in one place,
//! [`open`], which leaves an audit entry.

pub mod account;
pub mod agent;
pub mod audit;
pub mod audit_chain;
pub mod audit_keep;
mod away;
pub mod card;
pub mod card_place;
pub mod change;
pub mod confirm;
mod departed;
pub mod device;
pub mod dispatch;
pub mod environment;
mod environment_keep;
pub mod event;
pub mod evidence;
mod group;
pub mod group_role;
pub mod heartbeat;
pub mod identity;
pub mod inbox;
pub mod intake;
pub mod invitation;
mod isolation;
pub mod keys;
pub mod linked;
pub mod mail;
pub mod member;
pub mod oidc;
pub mod once;
pub mod open;
pub mod order;
mod password;
pub mod project;
pub mod provider;
pub mod put_back;
pub mod question;
pub mod retention;
pub mod review;
pub mod run;
pub mod runner;
pub mod share;
pub mod sign_in;
pub mod tag;
pub mod tenant;
mod throttle;
pub mod token;
pub mod webhook;
mod webhook_secret;
pub mod webhook_send;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use chrono::SubsecRound as _;
use freehold_model::permission::{Missing, decide};
use freehold_model::schedule::Labels;
use freehold_model::{
    Action, Clock, Entropy, Isolation, Rights, Role, RunnerId, Scope, TenantId, TokenId, UserId,
};
use freehold_store::{Blobs, Store};
use freehold_wire::link::{Down, Probe, Probed};
use freehold_wire::problem::{Code, Problem};

pub use freehold_store::{
    AuditPart, ContentError, Due, EventPart, Hint, Listener, Noun, StoreError, TokenKind, Whose,
};
pub use keys::Keys;

/// Who acts, in which tenant: the first argument of every use case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant, from the token; never from the request.
    pub tenant: TenantId,
    /// The member, or the service token that acts for itself.
    pub user: UserId,
    /// The member's name, or the service token's.
    pub name: String,
    /// What they may do, through this token.
    pub rights: Rights,
    /// The token that was shown; none where the installation acts for them by itself.
    pub token: Option<TokenId>,
    /// Where the request came from, as the connection says; no header is believed.
    pub address: Option<IpAddr>,
    /// The request's word in the server's log.
    pub correlation: Option<Arc<str>>,
    /// Whether what they do is to be confirmed, and what they brought for it.
    pub confirms: confirm::Confirms,
}

impl Caller {
    /// Somebody for whom the installation itself acts: with all that an owner may do.
    #[must_use]
    pub const fn installation(tenant: TenantId, user: UserId, name: String) -> Self {
        Self {
            tenant,
            user,
            name,
            rights: Rights::of(Role::Owner),
            token: None,
            address: None,
            correlation: None,
            confirms: confirm::Confirms::No,
        }
    }

    /// Goes on only when the caller may do this. Whoever comes over HTTP was asked already, by the
    /// route's own action; a use case asks for what depends on more than the route.
    ///
    /// # Errors
    /// [`Code::Forbidden`], which names what is missing and nothing of what is there.
    pub fn require(&self, action: Action) -> Result<()> {
        decide(self.rights, action).map_err(|missing| forbidden(self.rights, missing).into())
    }

    /// The actor's name in audit entries.
    #[must_use]
    pub fn actor(&self) -> String {
        self.user.to_string()
    }
}

/// The refusal for what is missing, and how to come by it.
fn forbidden(rights: Rights, missing: Missing) -> Problem {
    let (detail, next) = match missing {
        Missing::Role(_) | Missing::Review => (
            format!("{missing}; yours here is `{}`", rights.role),
            "ask an owner or an admin of the organization".to_owned(),
        ),
        Missing::Scope(Scope::Account) => (
            "it takes a session of a person: no token that was made for a program has the scope `account`"
                .to_owned(),
            "sign in as the person; on the machine where `freehold up` runs, unset FREEHOLD_TOKEN"
                .to_owned(),
        ),
        Missing::Scope(Scope::Destroy) => (
            format!("{missing}: what cannot be taken back is done by people, or by a token that was given it"),
            "sign in as the person; or make a token with it: `freehold token create NAME --scope destroy`, with the scopes of the act"
                .to_owned(),
        ),
        Missing::Scope(scope) => (
            format!("{missing}"),
            format!("make one: `freehold token create NAME --scope {scope}`"),
        ),
    };
    Problem::new(Code::Forbidden, detail).next(next)
}

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller can do something about it; nothing was changed.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The database or the blob store failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
    /// Something is wrong with us.
    #[error("{0}")]
    Internal(String),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

/// What a use case gives.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal with its code.
pub(crate) fn refuse<T>(code: Code, detail: impl Into<String>) -> Result<T> {
    Err(Problem::new(code, detail).into())
}

/// A runner that is connected now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The runner.
    pub runner: RunnerId,
    /// What it offers.
    pub labels: Labels,
    /// What was tried on its machine and holds; nothing where it has not said.
    pub isolation: Option<BTreeSet<Isolation>>,
    /// How many jobs it takes at once.
    pub capacity: u32,
    /// Takes no more jobs.
    pub draining: bool,
    /// Knows of environments: makes them ready, and clears them.
    pub environments: bool,
}

/// A future behind a port.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The runners' connections, as the engine needs them. `server` implements it over WebSockets.
pub trait Hub: Send + Sync + 'static {
    /// The runners of a tenant that are connected to this server.
    fn connected(&self, tenant: TenantId) -> Vec<Connected>;
    /// Sends a frame if the runner is connected. What matters is repeated by reconciliation.
    fn send(&self, runner: RunnerId, frame: Down);
    /// Ends the connection of a runner, if it is connected here.
    fn dismiss(&self, runner: RunnerId);
    /// Asks any runner of the tenant to try something. `None` when none is connected or it did
    /// not answer in time.
    fn ask(&self, tenant: TenantId, probe: Probe) -> Answer<'_, Option<Probed>>;
}

/// What the engine is built from.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Bulk content.
    pub blobs: Blobs,
    /// The server's own keys.
    pub keys: Keys,
    /// The runners' connections.
    pub hub: Arc<dyn Hub>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How many runs of each tenant may be under way at a time, on all its runners; none is as many
    /// as they take.
    pub runs_per_tenant: Option<u32>,
    /// How people come in.
    pub identity: identity::Identity,
    /// The way out for what webhooks are told; none where nothing is sent.
    pub carrier: Option<Arc<dyn webhook::Carrier>>,
}

/// All use cases. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
    door: Arc<identity::Door>,
    audited: Arc<audit::Recent>,
    last_use: Arc<token::LastUse>,
    guesses: Arc<device::Guesses>,
    /// Since when this process hears runners without a break; none before the first look.
    hears_since: Arc<std::sync::Mutex<Option<chrono::DateTime<chrono::Utc>>>>,
    beats: group::Group<heartbeat::Beats>,
}

impl Engine {
    /// The engine over these parts.
    #[must_use]
    pub fn new(mut parts: Parts) -> Self {
        let identity = std::mem::take(&mut parts.identity);
        Self {
            door: Arc::new(identity::Door::new(identity)),
            beats: group::Group::new(heartbeat::Beats(parts.store.clone())),
            parts: Arc::new(parts),
            audited: Arc::new(audit::Recent::default()),
            last_use: Arc::default(),
            guesses: Arc::default(),
            hears_since: Arc::default(),
        }
    }

    /// The database, for health and hints.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// The time, to the microsecond: what the database keeps, so that what was answered and what
    /// is read back are the same.
    #[must_use]
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.parts.clock.now().trunc_subsecs(6)
    }

    pub(crate) fn runs_per_tenant(&self) -> Option<u32> {
        self.parts.runs_per_tenant
    }

    pub(crate) fn guesses(&self) -> &device::Guesses {
        &self.guesses
    }

    /// Says where the server listens: links in mails begin with it where the operator named no other
    /// place. The first word counts.
    pub fn is_at(&self, url: &str) {
        // Said twice, the first stands.
        let _ = self.door.listens_at.set(url.to_owned());
    }

    pub(crate) fn door(&self) -> &identity::Door {
        &self.door
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.parts.keys
    }

    pub(crate) fn last_use(&self) -> &token::LastUse {
        &self.last_use
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.parts.entropy
    }

    pub(crate) fn hub(&self) -> &dyn Hub {
        &*self.parts.hub
    }

    pub(crate) fn new_id<K>(&self) -> freehold_model::Id<K> {
        freehold_model::Id::new(&*self.parts.clock, self.entropy())
    }
}
