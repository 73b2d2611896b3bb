//! Requests that were sent under a key: claimed before they are worked on, marked by the change that they
//! make, answered after it.
//!
//! A claim goes with the task that works on the request ([`claimed`]). Whatever transaction of it writes
//! something marks the claim before it commits: so the row says for certain whether anything happened,
//! wherever the server died, and who lost the claim to another attempt cannot commit any more.

use chrono::TimeDelta;
use freehold_model::TenantId;
use sqlx::PgConnection;

use crate::{Result, StoreError, Tx};

tokio::task_local! {
    static CLAIM: Claim;
}

/// A request that this task works on, and nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub hash: Vec<u8>,
    /// The attempt at it.
    pub attempt: uuid::Uuid,
}

/// What became of a request that was claimed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// What was asked then.
    pub asked: Vec<u8>,
    /// Whether something was written.
    pub done: bool,
    /// The answer, sealed.
    pub answer: Option<Vec<u8>>,
    /// Whether somebody may still be at it.
    pub is_live: bool,
}

/// Works under a claim: each transaction that it begins and commits marks it.
pub async fn claimed<F: Future>(claim: Claim, work: F) -> F::Output {
    CLAIM.scope(claim, work).await
}

/// Marks this task's claim, if it has one and the transaction wrote anything.
pub(crate) async fn mark(connection: &mut PgConnection, bound: Option<TenantId>) -> Result<()> {
    let Ok(claim) = CLAIM.try_with(Clone::clone) else {
        return Ok(());
    };
    if bound != Some(claim.tenant) {
        // A transaction that was about somebody elsewhere.
        bind(connection, claim.tenant).await?;
    }
    let (wrote, marked): (bool, bool) = sqlx::query_as(
        "WITH wrote AS MATERIALIZED (SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS yes),
              marked AS (
                  UPDATE requests SET done = true
                  WHERE tenant_id = $1 AND hash = $2 AND attempt = $3 AND (SELECT yes FROM wrote)
                  RETURNING 1)
         SELECT (SELECT yes FROM wrote), EXISTS (SELECT 1 FROM marked)",
    )
    .bind(claim.tenant.uuid())
    .bind(&claim.hash)
    .bind(claim.attempt)
    .fetch_one(&mut *connection)
    .await?;
    if let Some(bound) = bound.filter(|bound| *bound != claim.tenant) {
        // What is written behind this is its own tenant's, like what webhooks are told.
        bind(connection, bound).await?;
    }
    match wrote && !marked {
        // Too late: another attempt has the claim. Nothing of this one happens.
        true => Err(StoreError::gone()),
        false => Ok(()),
    }
}

async fn bind(connection: &mut PgConnection, tenant: TenantId) -> Result<()> {
    sqlx::query("SELECT set_config('app.tenant', $1, true)")
        .bind(tenant.uuid().to_string())
        .execute(connection)
        .await?;
    Ok(())
}

impl Tx {
    /// Claims a request for this attempt, for so long. Gives what became of it where it was claimed before:
    /// then it is not ours. A claim that ran out before anything was done is taken over by the same
    /// request; one that is older than `kept` counts for nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_claim(
        &mut self,
        claim: &Claim,
        asked: &[u8],
        lease: TimeDelta,
        kept: TimeDelta,
    ) -> Result<Option<Claimed>> {
        let ours = sqlx::query(
            "INSERT INTO requests AS r (tenant_id, hash, asked, attempt, until, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant_id, hash) DO UPDATE
             SET asked = excluded.asked, attempt = excluded.attempt, until = excluded.until,
                 created_at = excluded.created_at, done = false, answer = NULL
             WHERE r.created_at <= $7
                OR (r.answer IS NULL AND NOT r.done AND r.until <= $6 AND r.asked = excluded.asked)",
        )
        .bind(claim.tenant.uuid())
        .bind(&claim.hash)
        .bind(asked)
        .bind(claim.attempt)
        .bind(self.time + lease)
        .bind(self.time)
        .bind(self.time - kept)
        .execute(&mut *self.inner)
        .await?;
        if ours.rows_affected() == 1 {
            return Ok(None);
        }
        let (asked, done, answer, is_live): (Vec<u8>, bool, Option<Vec<u8>>, bool) =
            sqlx::query_as(
                "SELECT asked, done, answer, until > $3 FROM requests
                 WHERE tenant_id = $1 AND hash = $2",
            )
            .bind(claim.tenant.uuid())
            .bind(&claim.hash)
            .bind(self.time)
            .fetch_one(&mut *self.inner)
            .await?;
        Ok(Some(Claimed {
            asked,
            done,
            answer,
            is_live,
        }))
    }

    /// Keeps the answer to a request that was claimed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_answer(&mut self, claim: &Claim, answer: &[u8]) -> Result<()> {
        sqlx::query(
            "UPDATE requests SET answer = $4 WHERE tenant_id = $1 AND hash = $2 AND attempt = $3",
        )
        .bind(claim.tenant.uuid())
        .bind(&claim.hash)
        .bind(claim.attempt)
        .bind(answer)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Gives up a claim without an answer. Where nothing was written the key is free at once; else that
    /// something was is all that can be said from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_release(&mut self, claim: &Claim) -> Result<()> {
        // Waits for a transaction of the attempt that is just committing, and sees what it did.
        sqlx::query(
            "DELETE FROM requests
             WHERE tenant_id = $1 AND hash = $2 AND attempt = $3 AND NOT done",
        )
        .bind(claim.tenant.uuid())
        .bind(&claim.hash)
        .bind(claim.attempt)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query(
            "UPDATE requests SET until = $4 WHERE tenant_id = $1 AND hash = $2 AND attempt = $3",
        )
        .bind(claim.tenant.uuid())
        .bind(&claim.hash)
        .bind(claim.attempt)
        .bind(self.time)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Forgets requests that were sent before then, `most` at most. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests_forget(
        &mut self,
        before: chrono::DateTime<chrono::Utc>,
        most: i64,
    ) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM requests WHERE tenant_id = $1 AND hash IN (
                 SELECT hash FROM requests WHERE tenant_id = $1 AND created_at < $2
                 ORDER BY created_at LIMIT $3)",
        )
        .bind(self.tenant.uuid())
        .bind(before)
        .bind(most)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
