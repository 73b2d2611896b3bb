//! A transaction that is bound to whoever it is for, begun in one round trip.
//!
//! sqlx waits for the answer to each statement before it sends the next one, and PostgreSQL takes no
//! parameters in a message of several statements. What begins a transaction is one such message: its only
//! values are ids, which are written as the sixteen bytes that they are and not as somebody's words.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use freehold_model::{TenantId, TokenId, UserId};
use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool, Postgres, Row as _};

use crate::Result;

/// A connection that was used this lately lives: it is looked at when it goes back to the pool, and asking
/// again would be a round trip for each transaction. One that died since fails its first statement, unless
/// [`Breaks`] knows of it.
const LIVES_FOR: Duration = Duration::from_secs(1);

/// A database that goes does not end all connections at the same instant.
const BREAK_TOGETHER: Duration = Duration::from_secs(1);

/// When a connection was last seen to break. Whoever listens for hints sees it at once; the others that lay
/// in the pool then are asked whether they live before they are used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaks(Arc<Mutex<Option<Instant>>>);

impl Breaks {
    /// One broke just now.
    pub(crate) fn seen(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether one broke since what is idle for so long was used, or just before.
    fn since(&self, idle: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|at| is_suspect(at.elapsed(), idle))
    }
}

/// Whether what is idle for so long may have ended with one that broke so long ago.
fn is_suspect(broke: Duration, idle: Duration) -> bool {
    broke <= idle + BREAK_TOGETHER
}

/// Whom a transaction is for: row-level security shows and takes their rows only.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    Tenant(TenantId),
    Person(UserId),
}

impl To {
    /// The setting, and the id in it.
    fn parts(self) -> (&'static str, uuid::Uuid) {
        match self {
            Self::Tenant(tenant) => ("app.tenant", tenant.uuid()),
            Self::Person(user) => ("app.user", user.uuid()),
        }
    }
}

/// Where those who change some of a tenant's things go one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gate {
    Environments(TenantId),
    /// Whoever shows this token: the membership, of whom has one, and then the token are held until the
    /// transaction ends. Gives the member's role, or nothing where the token is revoked.
    Caller(TenantId, UserId, TokenId),
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environments(tenant) => write!(
                f,
                "SELECT pg_advisory_xact_lock(hashtextextended('environments of {tenant}', 0))"
            ),
            Self::Caller(tenant, user, token) => {
                let (tenant, user) = (tenant.uuid().hyphenated(), user.uuid().hyphenated());
                // The membership first, as whoever takes it away does.
                write!(
                    f,
                    "WITH m AS MATERIALIZED (SELECT role FROM members
                         WHERE tenant_id = '{tenant}' AND user_id = '{user}' FOR SHARE)
                     SELECT m.role FROM (SELECT 1) one LEFT JOIN m ON true JOIN tokens t
                         ON t.tenant_id = '{tenant}' AND t.id = '{}' AND t.revoked_at IS NULL
                     FOR SHARE OF t",
                    token.uuid().hyphenated()
                )
            }
        }
    }
}

/// Rolls back when dropped.
#[derive(Debug)]
pub(crate) struct Bound {
    /// There until it ends.
    connection: Option<PoolConnection<Postgres>>,
}

/// Whether a connection that waited in the pool may be used.
pub(crate) async fn lives(
    connection: &mut PgConnection,
    about: PoolConnectionMetadata,
    breaks: &Breaks,
) -> std::result::Result<bool, sqlx::Error> {
    if about.idle_for >= LIVES_FOR || breaks.since(about.idle_for) {
        connection.ping().await?;
    }
    Ok(true)
}

impl Bound {
    /// Begins one, and gives the database's time. It waits at `gate` where there is one, and gives what that
    /// says.
    pub(crate) async fn begin(
        pool: &PgPool,
        to: To,
        gate: Option<Gate>,
    ) -> Result<(Self, DateTime<Utc>, Option<PgRow>)> {
        let connection = pool.acquire().await?;
        // From here on: whoever gives up while it begins leaves a connection on which it may have begun.
        let mut bound = Self {
            connection: Some(connection),
        };
        let (setting, id) = to.parts();
        let mut begin = format!(
            "BEGIN; SELECT clock_timestamp() FROM set_config('{setting}', '{}', true)",
            id.hyphenated()
        );
        if let Some(gate) = gate {
            begin += &format!("; {gate}");
        }
        let begin = sqlx::raw_sql(sqlx::AssertSqlSafe(begin));
        let mut said = begin.fetch_all(&mut *bound).await?.into_iter();
        let time = said.next().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
        Ok((bound, time, said.next()))
    }

    /// Commits.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.execute("COMMIT").await?;
        self.connection = None;
        Ok(())
    }
}

impl Deref for Bound {
    type Target = PgConnection;

    #[expect(
        clippy::unreachable,
        reason = "it is taken where `self` ends, and nowhere else"
    )]
    fn deref(&self) -> &PgConnection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("it has ended"),
        }
    }
}

impl DerefMut for Bound {
    #[expect(
        clippy::unreachable,
        reason = "it is taken where `self` ends, and nowhere else"
    )]
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("it has ended"),
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // As the pool does with its own: nobody waits for it, and the connection is nobody's until then.
        tokio::spawn(async move {
            if connection.execute("ROLLBACK").await.is_err() {
                connection.close_on_drop();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_before_one_broke_is_asked() {
        let seconds = Duration::from_secs;
        let breaks = Breaks::default();
        assert!(!breaks.since(seconds(60)), "none broke");
        breaks.clone().seen();
        assert!(breaks.since(seconds(60)));
        assert!(is_suspect(seconds(5), seconds(60)));
        assert!(
            is_suspect(Duration::ZERO, Duration::ZERO),
            "it may break yet"
        );
        assert!(!is_suspect(seconds(5), seconds(1)), "it was used since");
    }
}
