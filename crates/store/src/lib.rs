//! The only SQL of the control plane, and the blob store.
//!
//! Queries are methods of [`Tx`], named noun first (`run_get`, `card_insert`), in one file per
//! noun. A [`Tx`] is bound to one tenant when it begins; row-level security then shows and takes
//! that tenant's rows only, whatever a query forgets. "Not there" is `Ok(None)`. To add a query:
//! a method in the noun's file; to add a table: a migration that binds it to the tenant as
//! `0001_core.sql` does (a test enumerates the tables and fails otherwise).

mod access;
mod agent;
mod audit;
mod audit_kept;
mod backup;
mod blob;
mod bound;
mod bucket;
mod card;
mod card_history;
mod card_place;
mod confirmation;
mod content;
mod device;
mod environment;
mod event;
mod hint;
mod hold;
mod invitation;
mod later;
mod lineage;
mod mail;
mod member;
mod migrate;
mod oidc;
mod order;
mod presence;
mod project;
mod question;
mod queue;
mod registration;
mod request;
mod retention;
mod run;
mod run_ground;
mod run_life;
mod run_list;
mod run_report;
mod runner;
mod session;
mod sign_in;
mod tenant;
mod user;
mod webhook;
mod webhook_queue;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use freehold_model::{Clock, Role, TenantId, TokenId, UserId};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions, PgRow, PgSeverity};
use sqlx::{PgPool, Row as _};

use bound::{Bound, Breaks, Gate, To};

pub use access::{LimitedTokenRow, NewLimitedToken, TokenKind, TokenRow, Whose};
pub use agent::{AgentRow, ProviderRow};
pub use audit::{AuditPart, AuditRow, Link, NewAudit, Outcome, Rest};
pub use audit_kept::{Oldest, Placed};
pub use backup::{Counts, Snapshot, SnapshotBlob};
pub use blob::{BLOB_MAX, Blobs, Sharing};
pub use bucket::{Access, Bucket, Patience};
pub use card::{CardEventRow, CardRow, Happened, LatestRun};
pub use content::{ContentError, Trouble};
pub use device::{DevicePolled, DeviceRow, NewDevice};
pub use environment::EnvironmentRow;
pub use event::{EventPart, EventRow, NewEvent, StepRow};
pub use hint::{Hint, Listener, Noun};
pub use invitation::InvitationRow;
pub use lineage::{Lineage, PuttingBack};
pub use mail::{Became, NewMail, TakenMail};
pub use member::MemberRow;
pub use migrate::{migrate, schema_version};
pub use oidc::{BegunRow, GroupRoleRow, IdentityRow, Room, SetOut};
pub use order::{Idempotent, NewOrder, OrderRow};
pub use project::ProjectRow;
pub use question::QuestionRow;
pub use queue::{Around, Due, Heard, Tell};
pub use registration::RegistrationRow;
pub use request::{Claim, Claimed, claimed};
pub use run::{NewRun, RunRow, Runs};
pub use run_ground::Ground;
pub use run_list::RunNow;
pub use run_report::{Report, UsageRow};
pub use runner::RunnerRow;
pub use sign_in::{NewSession, SessionFacts, SessionRow};
pub use tenant::{KeyRow, OrderKeyRow};
pub use user::{Belongs, Hold, PersonTx, UserRow};
pub use webhook::{AttemptRow, DeliveryRow, WebhookRow};
pub use webhook_queue::{NewHappening, TakenDelivery, Tried, WAITING_MAX};

/// How long a request waits for a connection before it answers "unavailable".
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A statement that takes longer is a mistake or an overload; it must not hold its connection.
const STATEMENT_TIMEOUT: &str = "15s";
/// Prepared statements that a connection keeps: more than are in this crate, so that none is planned anew for another.
const STATEMENTS_KEPT: usize = 512;

/// SQLSTATE classes of what may pass: 08 the connection broke, 25006 a standby or read-only, 40 deadlock or rollback, 53 out of
/// disk, memory or connections, 57 a statement or the server was ended, or it comes up, 58 the system under it failed.
const MAY_PASS: [&str; 6] = ["08", "25006", "40", "53", "57", "58"];
/// SQLSTATE of a statement that took longer than it may.
const QUERY_CANCELED: &str = "57014";
/// SQLSTATE classes of a value that can never be stored: 22 data exception, 23 integrity violation, 54 program limit.
const OF_THE_DATA: [&str; 3] = ["22", "23", "54"];

/// What can go wrong between us and PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name or the key is taken.
    #[error("already there ({constraint})")]
    Taken {
        /// The unique index that said so.
        constraint: String,
    },
    /// A row does not fit the types: the database was changed by other hands.
    #[error("inconsistent row in {table}: {what}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// What does not fit.
        what: String,
    },
    /// A setting of the database lets it lose what it has said that it keeps.
    #[error("the database may lose what it has committed: `{setting}` is off")]
    NotDurable {
        /// The setting.
        setting: String,
    },
    /// The database cannot be reached, or no connection was free in time.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration failed")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A newer program has brought the schema further than this one knows it.
    #[error(
        "the database's schema is at version {found}, and this program knows versions up to {known}"
    )]
    Newer {
        /// The schema's version.
        found: i64,
        /// The newest one that this program has.
        known: i64,
    },
    /// A step of the schema is to be brought with which servers of the version before cannot live, and such servers run.
    #[error("servers of an earlier version run, which step {step} of the schema would break")]
    Served {
        /// Which.
        step: i64,
    },
    /// A step of the schema waited for a lock again and again.
    #[error("the schema could not be changed: others held its tables all the time")]
    Locked,
    /// The content is not as it should be.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Larger than a blob may be.
    #[error("a blob of {size} bytes is larger than {BLOB_MAX}")]
    BlobTooLarge {
        /// Its size.
        size: usize,
    },
    /// The transaction that it shared with others failed.
    #[error("{0}")]
    Shared(Arc<Self>),
    /// Anything else.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(db) = &error
            && db.is_unique_violation()
        {
            return Self::Taken {
                constraint: db.constraint().unwrap_or("unknown").to_owned(),
            };
        }
        let gone = matches!(
            &error,
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
        ) || matches!(&error, sqlx::Error::Database(db)
            if db.code().is_some_and(|code| MAY_PASS.iter().any(|class| code.starts_with(class)))
                || ends_the_session(&**db));
        if gone {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Whether it was the session that ended, not the statement: one that could not begin on a full disk says so under the
/// code of an internal error.
fn ends_the_session(error: &dyn sqlx::error::DatabaseError) -> bool {
    let severity = error
        .try_downcast_ref::<PgDatabaseError>()
        .map(PgDatabaseError::severity);
    matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        ContentError::from(error).into()
    }
}

impl StoreError {
    /// Nobody can say what became of it: the database did not answer.
    #[must_use]
    pub const fn gone() -> Self {
        Self::Unavailable(sqlx::Error::PoolTimedOut)
    }

    /// As of a value that cannot be stored, for tests of those who tell it from the rest.
    #[must_use]
    pub fn of_the_data() -> Self {
        Self::Database(sqlx::Error::Encode("no such value".into()))
    }

    /// Whether it is the database that is away or in trouble, so that trying later is worth it.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_unavailable(),
            Self::Unavailable(_) => true,
            _ => false,
        }
    }

    /// Whether it is the database as a whole that is away, and not one statement that ran into another
    /// or took too long.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_away(),
            Self::Unavailable(sqlx::Error::Database(db)) => db
                .code()
                .is_none_or(|code| !code.starts_with("40") && code != QUERY_CANCELED),
            Self::Unavailable(_) => true,
            _ => false,
        }
    }

    /// Whether it is what was to be stored that is at fault, so that trying again is in vain.
    #[must_use]
    pub fn is_of_the_data(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_of_the_data(),
            Self::Taken { .. } => true,
            Self::Database(sqlx::Error::Encode(_)) => true,
            Self::Database(sqlx::Error::Database(db)) => db
                .code()
                .is_some_and(|code| OF_THE_DATA.iter().any(|class| code.starts_with(class))),
            _ => false,
        }
    }
}

/// What a query gives.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The way to PostgreSQL. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    /// One connection apart, so that a look at the database waits for nobody's request.
    pulse: PgPool,
    breaks: Breaks,
    clock: Option<SharedClock>,
}

/// Whoever turns the time, in tests.
#[derive(Clone)]
struct SharedClock(Arc<dyn Clock>);

impl std::fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedClock")
    }
}

impl Store {
    /// Connects lazily, as the role that owns nothing.
    ///
    /// # Errors
    /// When the address cannot be read, or the role could bypass row-level security.
    pub async fn connect(url: &str, connections: u32) -> Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let options = options
            .application_name(presence::SERVER)
            .statement_cache_capacity(STATEMENTS_KEPT)
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT),
                // A plan that is made while a table is young is kept until its statistics are: every statement has an
                // index that serves it, and reading whole tables would get slower with each row until then.
                ("enable_seqscan", "off"),
                // What has to be read whole all the same looks so dear then that it would be compiled first, which takes
                // longer than any statement of ours.
                ("jit", "off"),
            ]);
        let pulse = PgPoolOptions::new()
            .max_connections(1)
            .after_connect(|connection, _| Box::pin(presence::hold(connection)))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.clone());
        let breaks = Breaks::default();
        let seen = breaks.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let breaks = seen.clone();
                Box::pin(async move { bound::lives(connection, about, &breaks).await })
            })
            .connect_with(options)
            .await?;
        let store = Self {
            pool,
            pulse,
            breaks,
            clock: None,
        };
        store.refuse_strong_role().await?;
        Ok(store)
    }

    /// For tests that turn the time: [`Tx::time`] is this clock's then, not the database's.
    #[must_use]
    pub fn timed_by(self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(SharedClock(clock)),
            ..self
        }
    }

    /// The time as a test turned it.
    fn turned(&self) -> Option<DateTime<Utc>> {
        self.clock.as_ref().map(|clock| clock.0.now())
    }

    /// Row-level security is void for a superuser: refuse to serve as one.
    async fn refuse_strong_role(&self) -> Result<()> {
        let strong: bool = sqlx::query_scalar(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user",
        )
        .fetch_one(&self.pool)
        .await?;
        if strong {
            return Err(StoreError::Inconsistent {
                table: "pg_roles",
                what:
                    "the server's role could bypass row-level security; connect as one that cannot"
                        .into(),
            });
        }
        Ok(())
    }

    /// Whether what is acknowledged outlives a crash. The settings are those of the server's own
    /// sessions: a role or a database may have others than the rest.
    ///
    /// # Errors
    /// [`StoreError::NotDurable`].
    pub async fn require_durable(&self) -> Result<()> {
        let off: Option<String> = sqlx::query_scalar(
            "SELECT name FROM pg_settings
             WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
             ORDER BY name LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        off.map_or(Ok(()), |setting| Err(StoreError::NotDurable { setting }))
    }

    /// A transaction that sees `tenant` only. Rolls back when dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin(&self, tenant: TenantId) -> Result<Tx> {
        Ok(self.begin_at(tenant, None).await?.0)
    }

    /// The same, for whoever shows this token: their membership and the token are held until it ends, so that
    /// whoever ends either waits. Gives what they are in the tenant, if they are a member; nothing when the
    /// token is revoked.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_held(
        &self,
        tenant: TenantId,
        user: UserId,
        token: TokenId,
    ) -> Result<(Tx, Option<Option<Role>>)> {
        let gate = Gate::Caller(tenant, user, token);
        let (tx, said) = self.begin_at(tenant, Some(gate)).await?;
        let Some(row) = said else {
            return Ok((tx, None));
        };
        let role: Option<String> = row.try_get(0)?;
        let role = role.map(|role| stored("members", &role)).transpose()?;
        Ok((tx, Some(role)))
    }

    /// The same, behind those who changed which environments there are, and ahead of those who will
    /// ([`Tx::environment_gate`]).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_at_gate(&self, tenant: TenantId) -> Result<Tx> {
        let gate = Gate::Environments(tenant);
        Ok(self.begin_at(tenant, Some(gate)).await?.0)
    }

    async fn begin_at(&self, tenant: TenantId, gate: Option<Gate>) -> Result<(Tx, Option<PgRow>)> {
        let (inner, time, said) = Bound::begin(&self.pool, To::Tenant(tenant), gate).await?;
        let tx = Tx {
            inner,
            time: self.turned().unwrap_or(time).trunc_subsecs(6),
            tenant,
            later: later::Later::default(),
        };
        Ok((tx, said))
    }

    /// Whether the database answers, asked over a connection that no request has. A database that stands
    /// still keeps this waiting: the caller says how long. May be dropped at any time.
    pub async fn alive(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pulse).await.is_ok()
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pulse.close().await;
        self.pool.close().await;
    }
}

/// A transaction bound to one tenant.
#[derive(Debug)]
pub struct Tx {
    inner: Bound,
    time: DateTime<Utc>,
    tenant: TenantId,
    later: later::Later,
}

impl Tx {
    /// Whose transaction it is.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// When it began, by the database's clock: the one clock that all servers share. Leases, and whatever
    /// else one server promises and another takes back, are counted in it; a server's own may jump.
    #[must_use]
    pub const fn time(&self) -> DateTime<Utc> {
        self.time
    }

    /// Ends it where it has read, and at most gathered what is still to be written: an audit entry is
    /// committed, and where there is none nobody waits for the end.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn end(self) -> Result<()> {
        match self.later.is_empty() {
            true => Ok(()),
            false => self.commit().await,
        }
    }

    /// Commits. What was written is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; the outcome is then unknown to the caller and must be read back.
    pub async fn commit(mut self) -> Result<()> {
        let hints = std::mem::take(&mut self.later.hints);
        let said: Vec<String> = hints
            .into_iter()
            .map(|hint| hint.said(self.tenant))
            .collect();
        let happenings = std::mem::take(&mut self.later.happenings);
        let is_told = !happenings.is_empty();
        self.write_gathered_and_say(if is_told { &[] } else { &said })
            .await?;
        request::mark(&mut self.inner, Some(self.tenant)).await?;
        if is_told {
            self.write_happenings(happenings, said).await?;
        }
        self.inner.commit().await?;
        self.later.after.run();
        Ok(())
    }
}

/// Reads a stored word as the type it stands for.
fn stored<T: std::str::FromStr>(table: &'static str, word: &str) -> Result<T> {
    word.parse().map_err(|_| StoreError::Inconsistent {
        table,
        what: format!("`{}`", word.chars().take(64).collect::<String>()),
    })
}

/// Reads a stored JSON document as the type it stands for.
fn document<T: serde::de::DeserializeOwned>(
    table: &'static str,
    value: serde_json::Value,
) -> Result<T> {
    serde_json::from_value(value).map_err(|error| StoreError::Inconsistent {
        table,
        what: error.to_string(),
    })
}

/// Writes a document for a `jsonb` column.
fn to_json<T: serde::Serialize>(table: &'static str, value: &T) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|error| StoreError::Inconsistent {
        table,
        what: error.to_string(),
    })
}
